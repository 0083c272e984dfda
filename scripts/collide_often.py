"""Starts several makers of one partition at random moments, and looks whether its tables are of one lineage.

Each round: two commands with different seeds, a run of the UI, and a toolkit file that changes, which the sensor sees.
docs/log.md has the figures.

    python scripts/collide_often.py FOLDER ROUNDS     a project made by `funcdex init`, on the offline engine
"""

import json
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from funcdex_assets.contracts.stage_tables import TABLES
from funcdex_assets.contracts.trusted_tables import TrustedTables
from funcdex_assets.export.release_outcome import find_latest_release
from funcdex_assets.storage.table_store import TableError

FUNCDEX = str(Path(sys.executable).with_name("funcdex"))
PORT = 3977
PARTITION = "shop"
RUNNING = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")
RUNS = """query($statuses: [RunStatus!]) {
  runsOrError(filter: {statuses: $statuses}) { ... on Runs { results { runId status } } }
}"""
LAUNCH = """mutation($parameters: ExecutionParams!) {
  launchPipelineExecution(executionParams: $parameters) { __typename ... on PythonError { message } }
}"""


def ask(query: str, **variables: Any) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}/graphql", body, {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))["data"]


def list_runs(statuses: Sequence[str]) -> list[dict[str, Any]]:
    return ask(RUNS, statuses=statuses)["runsOrError"]["results"]


def write_toolkit(folder: Path, version: int) -> None:
    """A toolkit of two tools, whose description changes with the version."""
    properties = {"query": {"type": "string", "description": "What to look for."}}
    order_id = {"order_id": {"type": "string"}}
    listed = {
        "type": "object",
        "properties": {
            "orders": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["order_id", "title"],
                    "properties": {**order_id, "title": {"type": "string"}},
                },
            }
        },
        "required": ["orders"],
    }
    tools = [
        {
            "name": "FIND_ORDERS",
            "description": f"Finds orders, version {version}.",
            "returns": listed,
            "parameters": {"type": "object", "properties": properties, "required": ["query"]},
        },
        {
            "name": "CANCEL_ORDER",
            "description": "Cancels an order.",
            "parameters": {"type": "object", "properties": order_id, "required": ["order_id"]},
        },
    ]
    path = folder / "toolkits" / f"{PARTITION}.json"
    path.with_suffix(".new").write_text(json.dumps({"tools": tools}))
    path.with_suffix(".new").replace(path)


def start_command(folder: Path, seed: int) -> subprocess.Popen[str]:
    command = [FUNCDEX, "materialize", PARTITION, "--conversations", str(2 + seed % 3), "--seed", str(seed)]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def start_in_ui() -> None:
    selector = {
        "repositoryLocationName": "funcdex_assets",
        "repositoryName": "__repository__",
        "jobName": "generate_dataset",
    }
    tags = [{"key": "dagster/partition", "value": PARTITION}]
    parameters = {
        "selector": selector,
        "mode": "default",
        "runConfigData": "{}",
        "executionMetadata": {"tags": tags},
    }
    launched = ask(LAUNCH, parameters=parameters)["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched


def check_lineage(folder: Path) -> str:
    """What is wrong with the partition's tables and its latest release; '' if nothing."""
    tables = TrustedTables(folder / ".funcdex", TABLES)
    read = {table.name: tables.load_table(table.name, PARTITION) for table in TABLES}
    try:
        tables.refuse_mixed_lineage(PARTITION, read)
    except TableError as error:
        return str(error)
    release = find_latest_release(folder / ".funcdex" / "datasets" / PARTITION)
    published = {json.loads(line)["id"] for split in ("train", "test") for line in (release / f"{split}.jsonl").open()}
    return "" if published == set(read["dataset"].frame["conversation_id"]) else "the release has other rows"


def main() -> None:
    """Prints a line for each round."""
    folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
    write_toolkit(folder, 0)
    rng = random.Random(7)
    good = waited = 0
    log = (folder / "dev.log").open("w")
    interface = subprocess.Popen([FUNCDEX, "dev", "--port", str(PORT)], cwd=folder, stdout=log, stderr=log)
    try:
        while "ready" not in (folder / "dev.log").read_text():
            time.sleep(1)
        for number in range(1, rounds + 1):
            commands = []
            for maker in rng.sample(["a command", "another command", "the UI", "the sensor"], 4):
                if maker == "the UI":
                    start_in_ui()
                elif maker == "the sensor":
                    write_toolkit(folder, number)
                else:
                    commands.append(start_command(folder, 3 * number + len(commands)))
                time.sleep(rng.uniform(0, 6))
            outputs = [command.communicate()[0] for command in commands]
            while list_runs(RUNNING):
                time.sleep(2)
            failed = [command.returncode for command in commands if command.returncode] + list_runs(["FAILURE"])
            wrong = check_lineage(folder)
            waited += sum("is being made by" in output for output in outputs)
            good += not failed and not wrong
            print(f"round {number}: failed {failed or 'none'}, {wrong or 'one lineage'}", flush=True)
    finally:
        interface.terminate()
        interface.wait()
    print(f"{good} of {rounds} rounds of one whole lineage without a failure; {waited} commands were told to wait")


if __name__ == "__main__":
    main()
