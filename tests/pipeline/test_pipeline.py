"""The whole platform, offline, as its user drives it: a project folder and the command `funcdex`.

Every start of Dagster takes seconds, so the tests share one project, and a few runs in it, one after the
other: the example of the README, the same again, all partitions (of which one is broken), a second night,
tables that somebody changed by hand. Each run is a fixture that asks for the one before it.
"""

import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import jsonschema_rs
import msgspec
import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from funcdex_assets.catalog.announced_tools import find_announced_definitions
from funcdex_assets.cli.main import app
from funcdex_assets.dedup.neighbours import HASHED_NGRAMS_THRESHOLDS
from funcdex_assets.embedding.hashed_ngrams import HashedNgrams
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.storage.frames import from_frame, to_frame
from funcdex_assets.storage.table_store import TableStore

REPOSITORY = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("funcdex")
pytestmark = pytest.mark.concurrent
SECRET = "sk-secret-0f1e2d3c4b5a"
BUNDLE = "gmail_googledrive"
OTHERS = ("gmail", "googledrive", "helpdesk", BUNDLE)
# MiniLM is slow to load and on a busy machine slow to run; the first runs show that it is the default.
QUICK = {"FUNCDEX_DEDUPLICATION__EMBEDDER": "hashed_ngrams"}
STAGES = (
    "tool_definitions",
    "tool_graph",
    "tool_chains",
    "scenarios",
    "deduplicated_scenarios",
    "personas",
    "conversation_plans",
    "conversations",
    "system_prompts",
    "scored_conversations",
    "accepted_conversations",
    "rejected_conversations",
    "parsed_conversations",
    "deduplicated_conversations",
    "dataset",
    "quality_report",
)

FUNCDEX_YAML = """
seed: 42
toolkits: [googledrive, broken, gmail] # and helpdesk, which lies in the folder
bundles:
  - name: gmail_googledrive
    tools: examples/gmail_googledrive.json
"""
# What a user writes: a service that the platform does not know.
HELPDESK = """
toolkit: helpdesk
title: Help desk
tools:
  - name: LIST_TICKETS
    description: Lists tickets of the help desk, optionally by status or by words of the title.
    parameters:
      type: object
      properties:
        status: {type: string, enum: [open, pending, solved], description: Status of the tickets.}
        query: {type: string, description: Words of the title.}
      additionalProperties: false
    returns:
      type: object
      properties:
        tickets: {type: array, items: &ticket {
          type: object,
          properties: {
            id: {type: string, description: Identifier of the ticket.},
            title: {type: string, description: Title of the ticket.},
            status: {type: string, enum: [open, pending, solved]}},
          required: [id, title, status]}}
      required: [tickets]
  - name: GET_TICKET
    description: Gets one ticket with its title and status.
    parameters:
      type: object
      properties: {ticket_id: {type: string, description: Identifier of the ticket.}}
      required: [ticket_id]
      additionalProperties: false
    returns: *ticket
  - name: CREATE_TICKET
    description: Creates a ticket.
    parameters:
      type: object
      properties: {title: {type: string, description: Title of the ticket.}}
      required: [title]
      additionalProperties: false
    returns: *ticket
  - name: UPDATE_TICKET_STATUS
    description: Sets the status of a ticket.
    parameters:
      type: object
      properties:
        ticket_id: {type: string, description: Identifier of the ticket.}
        status: {type: string, enum: [open, pending, solved], description: New status.}
      required: [ticket_id, status]
      additionalProperties: false
    returns: *ticket
"""
BROKEN = """
toolkit: broken
tools:
  - {name: SEND_FAX, description: Sends a fax., parameters: {type: strnig}}
"""


@dataclass(frozen=True)
class Run:
    """What a command said, and the project's tables and releases after it (path → bytes)."""

    code: int
    out: str
    err: str
    files: Mapping[str, bytes]

    @property
    def said(self) -> str:
        return self.out + self.err

    def table(self, stage: str, partition: str) -> pl.DataFrame:
        return pl.read_parquet(self.files[f"tables/{stage}/{partition}.parquet"])

    def kept(self, partition: str) -> pl.DataFrame:
        return self.table("deduplicated_scenarios", partition).filter(pl.col("status") == "kept")

    def release(self, dataset: str) -> str:
        return f"datasets/{dataset}/{self.files[f'datasets/{dataset}/latest'].decode().strip()}"

    def lines(self, dataset: str, split: str) -> list[dict]:
        return [json.loads(line) for line in self.files[f"{self.release(dataset)}/{split}.jsonl"].splitlines()]


@dataclass
class Project:
    """A user's folder. `said` gathers all that any command wrote."""

    root: Path
    said: list[str] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def tables(self) -> TableStore:
        return TableStore(self.home)

    @property
    def environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("FUNCDEX_", "DAGSTER_"))}
        return {
            **own,
            "FUNCDEX_CONFIG": str(self.root / "funcdex.yaml"),
            "FUNCDEX_HOME": str(self.home),
            "OPENAI_API_KEY": SECRET,
            "COLUMNS": "200",
        }

    def run(self, *arguments: str, environment: Mapping[str, str] = MappingProxyType({})) -> Run:
        result = subprocess.run(
            [COMMAND, *arguments],
            cwd=self.root,
            env=self.environment | dict(environment),
            capture_output=True,
            text=True,
        )
        self.said += [result.stdout, result.stderr]
        return Run(result.returncode, result.stdout, result.stderr, self.files())

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.home)): path.read_bytes()
            for folder in ("tables", "datasets")
            for path in sorted((self.home / folder).rglob("*"))
            if path.is_file()
        }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return _new_project(tmp_path_factory.mktemp("project"))


def _new_project(root: Path) -> Project:
    (root / "toolkits").mkdir()
    (root / "funcdex.yaml").write_text(FUNCDEX_YAML)
    (root / "toolkits" / "helpdesk.yaml").write_text(HELPDESK)
    (root / "toolkits" / "broken.yaml").write_text(BROKEN)
    shutil.copytree(REPOSITORY / "examples", root / "examples")
    shutil.copy(REPOSITORY / "dagster.yaml", root)
    return Project(root)


@pytest.fixture(scope="module")
def first(project: Project) -> Run:
    return project.run("materialize", BUNDLE, "--conversations", "3", "--example")


@pytest.fixture(scope="module")
def again(project: Project, first: Run) -> Run:
    return project.run("materialize", BUNDLE, "--conversations", "3")


@pytest.fixture(scope="module")
def everything(project: Project, again: Run) -> Run:
    return project.run("backfill", "--conversations", "40", environment=QUICK)


@pytest.fixture(scope="module")
def second_night(project: Project, everything: Run) -> Run:
    """Only as far as scenarios, which is where nights must differ."""
    stages = [part for stage in STAGES[:5] for part in ("--select", stage)]
    return project.run(
        "materialize", "gmail", "helpdesk", BUNDLE, "--conversations", "40", "--seed", "43", *stages, environment=QUICK
    )


# ── one bundle ────────────────────────────────────────────────────────────────────────────────


def test_one_command_makes_every_table_and_the_dataset(first: Run):
    assert first.code == 0, first.said
    assert [stage for stage in STAGES if f"tables/{stage}/{BUNDLE}.parquet" not in first.files] == []
    for dataset in (BUNDLE, "all"):
        release = first.release(dataset)
        assert {path.removeprefix(f"{release}/") for path in first.files if path.startswith(release)} == {
            "README.md",
            "train.jsonl",
            "train.parquet",
            "test.jsonl",
            "test.parquet",
        }


def test_the_default_embedder_is_the_one_that_compares_meanings(project: Project, first: Run):
    indexes = [path.name for path in (project.home / "scenario_index").glob("*.lance")]
    assert "scenarios-all-MiniLM-L6-v2.lance" in indexes


def test_it_says_what_was_made_and_where(project: Project, first: Run):
    assert all(f"{stage}: 1 partition\n" in first.out for stage in STAGES)
    (figures,) = [line for line in first.out.splitlines() if line.startswith("│ gmail_googledrive")]
    assert [cell.strip() for cell in figures.strip("│").split("│")] == [BUNDLE, "3", "3", "3", "2", "1"]
    for dataset in (BUNDLE, "all"):
        assert f"{project.home / first.release(dataset)}/train.jsonl" in first.out
    assert first.err == ""


def test_the_example_is_a_conversation_with_calls_sources_results_and_scores(first: Run):
    (conversation,) = from_frame(first.table("conversations", BUNDLE).head(1), Conversation)
    calls = [call for message in conversation.messages for call in message.tool_calls]
    assert conversation.conversation_id in first.out
    assert first.out.count("     call  ") == len(calls) >= 1
    assert first.out.count("   result  ") == len(calls)
    assert all(f"     call  {call.name} " in first.out for call in calls)
    assert "← user said “" in first.out
    assert re.search(r"← result of call_\d at /", first.out)
    assert "tool_use_quality 5" in first.out


def test_the_readme_shows_what_the_demo_prints(first: Run):
    """Between its omissions, word for word; a terminal of another width breaks the lines elsewhere."""
    readme = (REPOSITORY / "README.md").read_text()
    excerpt = readme[readme.index("The demo ends with") :].split("```")[1]
    printed = " ".join(first.out.split())
    passages = [" ".join(passage.split()) for passage in excerpt.split("[…]")]
    assert len(passages) >= 3
    assert [passage for passage in passages if passage not in printed] == []


def test_the_dataset_has_three_conversations_with_valid_calls(first: Run):
    rows = [*first.lines(BUNDLE, "train"), *first.lines(BUNDLE, "test")]
    assert len({row["id"] for row in rows}) == 3
    _assert_valid(rows)


@pytest.mark.slow
def test_the_same_command_gives_the_same_bytes(first: Run, again: Run):
    assert again.code == 0, again.said
    assert again.files == first.files


# ── all partitions, one of them broken ────────────────────────────────────────────────────────


@pytest.mark.slow
def test_a_broken_toolkit_fails_alone_and_the_command_says_why(project: Project, everything: Run):
    assert everything.code == 1
    (reason,) = [line for line in everything.out.splitlines() if line.startswith("failed ")]
    assert reason.startswith("failed broken: tool_definitions: CatalogError: ")
    assert str(project.root / "toolkits" / "broken.yaml") in reason
    assert "SEND_FAX.parameters" in reason
    assert "strnig" in reason
    assert [path for path in everything.files if "broken" in path] == []


@pytest.mark.slow
@pytest.mark.parametrize("partition", OTHERS)
def test_the_others_are_complete_and_valid(everything: Run, partition: str):
    assert [stage for stage in STAGES if f"tables/{stage}/{partition}.parquet" not in everything.files] == []
    train, test = everything.lines(partition, "train"), everything.lines(partition, "test")
    assert len(train) + len(test) == everything.table("accepted_conversations", partition).height == 40
    assert {row["partition"] for row in train + test} == {partition}
    _assert_valid(train + test)
    _assert_disjoint(train, test)


@pytest.mark.slow
def test_analyze_prints_the_figures_that_the_assets_have(project: Project, everything: Run):
    analysed = project.run("analyze", "--json")
    assert analysed.code == 0, analysed.said
    reports = json.loads(analysed.out)
    assert sorted(reports) == sorted((*OTHERS, "all"))
    for partition in OTHERS:
        stored = everything.table("quality_report", partition).to_dicts()
        # What was not measured is null for a program, and 0 in the table, whose column has numbers only.
        told = [{name: figure[name] for name in stored[0]} for figure in reports[partition]]  # goals are told beside
        assert told == [row | {"value": None} if row["whole"] == 0 else row for row in stored]
    figures = {(one["figure"], one["item"]): one for one in reports["all"]}
    for name in ("valid calls", "valid results", "grounded arguments"):
        assert figures[name, ""]["value"] == 1, name
    assert figures["stated values that the call contradicts", ""]["part"] == 0
    assert figures["conversations", "dataset"]["value"] == 4 * 40
    assert "cost" not in {one["section"] for one in reports["all"]}, "no model was asked"


@pytest.mark.slow
def test_analyze_prints_tables_and_writes_a_page_with_pictures(project: Project, everything: Run, tmp_path: Path):
    shown = project.run("analyze", "gmail", "helpdesk").out
    assert "By partition" in shown
    assert [line for line in shown.splitlines() if line.startswith("│ helpdesk ")] != []
    project.run("analyze", "--markdown", str(tmp_path / "page.md"))
    page = (tmp_path / "page.md").read_text()
    assert "| valid calls |  | 100.0 % |" in page
    for picture in re.findall(r"\((images/[a-z_]+\.png)\)", page):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")
    assert page.count("](images/") == 2


@pytest.mark.slow
def test_analyze_of_nothing_says_what_to_do(project: Project, everything: Run):
    missing = project.run("analyze", "broken")
    assert (missing.code, missing.out) == (2, "")
    assert "No dataset of broken" in missing.err
    assert "funcdex materialize broken" in missing.err


@pytest.mark.slow
def test_a_users_own_toolkit_is_a_partition_like_others(everything: Run):
    rows = everything.lines("helpdesk", "train")
    called = {call["name"] for row in rows for call in _calls(row)}
    assert (
        {"LIST_TICKETS", "UPDATE_TICKET_STATUS"}
        <= called
        <= set(everything.table("tool_definitions", "helpdesk")["name"])
    )


@pytest.mark.slow
def test_the_release_over_all_has_the_rows_of_all_and_keeps_the_splits_apart(everything: Run):
    train, test = everything.lines("all", "train"), everything.lines("all", "test")
    apart = [
        row["id"] for partition in OTHERS for split in ("train", "test") for row in everything.lines(partition, split)
    ]
    assert sorted(row["id"] for row in train + test) == sorted(apart)
    assert len(test) >= 3 * 6, "three of the partitions reserve some 19 % of 40"
    _assert_disjoint(train, test)


@pytest.mark.slow
def test_older_releases_stay(first: Run, everything: Run):
    for dataset in (BUNDLE, "all"):
        assert everything.release(dataset) != first.release(dataset)
        before = {path: content for path, content in first.files.items() if path.startswith(first.release(dataset))}
        assert {path: everything.files[path] for path in before} == before


@pytest.mark.slow
def test_partitions_that_share_a_toolkit_do_not_share_scenarios(everything: Run):
    bundle = everything.kept(BUNDLE)
    for member in ("gmail", "googledrive"):
        _assert_unlike(bundle, everything.kept(member))


# ── commands that only look ───────────────────────────────────────────────────────────────────


@pytest.fixture
def look(project: Project, everything: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Runs a command that does not need Dagster, in this process."""
    for name, value in project.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Run:
        result = CliRunner().invoke(app, arguments)
        project.said.append(result.output)
        return Run(result.exit_code, result.stdout, result.stderr, {})

    return run


@pytest.mark.slow
def test_an_unknown_partition_is_refused_with_the_known_ones(look):
    refused = look("materialize", "gmial")
    assert (refused.code, refused.out) == (2, "")
    assert "error: 'gmial' is not a partition (did you mean 'gmail'?); " in refused.err
    assert "there are: googledrive, broken, gmail, helpdesk" in refused.err
    assert "add it to funcdex.yaml" in refused.err


@pytest.mark.slow
def test_show_prints_the_conversation_that_an_id_begins(look, everything: Run):
    (conversation,) = from_frame(everything.table("conversations", "helpdesk").tail(1), Conversation)
    for name in (conversation.conversation_id, conversation.conversation_id[:-2]):
        shown = look("show", name)
        assert shown.code == 0
        assert f"{conversation.conversation_id} · helpdesk · offline" in shown.out
        assert " ".join(conversation.messages[0].content.split()[:3]) in shown.out


@pytest.mark.slow
def test_show_of_an_unknown_id_says_where_ids_are(look, project: Project):
    refused = look("show", "conversation_nope")
    assert (refused.code, refused.out) == (2, "")
    assert "No conversation 'conversation_nope'" in refused.err
    assert str(project.home) in refused.err


@pytest.mark.slow
def test_stats_count_what_there_is(look, project: Project):
    shown = look("stats")
    assert shown.code == 0
    rows = {
        cells[0]: cells[1:]
        for line in shown.out.splitlines()
        if line.startswith("│")
        for cells in [[cell.strip() for cell in line.strip("│").split("│")]]
    }
    calls = {partition: int(project.tables.read_frame("dataset", partition)["calls"].sum()) for partition in OTHERS}
    assert rows.keys() == {*OTHERS, "all"}
    assert {partition: rows[partition][-1] for partition in OTHERS} == {
        name: str(count) for name, count in calls.items()
    }
    tools = str(project.tables.read_frame("tool_definitions", "gmail").height)
    made = {
        name: project.tables.read_frame(name, "gmail").height
        for name in ("scenarios", "conversation_plans", "conversations")
    }
    kept = project.tables.read_frame("deduplicated_scenarios", "gmail").filter(status="kept").height
    assert rows["gmail"][:6] == [
        tools,
        *map(str, (made["scenarios"], kept, made["conversation_plans"], made["conversations"], 40)),
    ]
    assert 40 <= made["conversations"] <= made["conversation_plans"] <= kept < made["scenarios"]
    assert sum(int(cell) for cell in rows["gmail"][6:8]) == project.tables.read_frame("dataset", "gmail").height
    assert rows["all"][-1] == str(sum(calls.values()))
    assert "Argument sources: user " in shown.out
    assert "tool_use_quality" in shown.out


@pytest.mark.slow
def test_every_conversation_is_the_same_when_it_is_replayed(look, project: Project, everything: Run):
    accepted = sum(everything.table("accepted_conversations", partition).height for partition in OTHERS)
    stored = look("replay", "--all", *OTHERS)
    assert stored.code == 0, stored.out
    (cells,) = [line.split("│") for line in stored.out.splitlines() if "helpdesk" in line]
    made = everything.table("conversations", "helpdesk").height
    assert [cell.strip() for cell in cells[2:5]] == [str(made), "0", "0"]
    folder = project.home / "datasets" / "all"
    release = folder / (folder / "latest").read_text().strip()
    for name in ("train.jsonl", "train.parquet", "test.jsonl"):
        assert look("replay", "--file", str(release / name)).code == 0
    rows = [json.loads(line) for name in ("train", "test") for line in (release / f"{name}.jsonl").open()]
    left_out = [json.loads(line) for line in (release / "left_out.jsonl").open()] if len(rows) < accepted else []
    assert len(rows) + len(left_out) >= accepted
    assert all(row["certificate"]["seal"]["calls"] for row in rows if row["kind"] != "no_suitable_tool")


@pytest.mark.slow
def test_config_prints_the_resolved_settings_and_only_whether_the_key_is_set(look, project: Project, monkeypatch):
    monkeypatch.setenv("FUNCDEX_GENERATION__CONVERSATIONS", "7")
    shown = look("config").out
    assert f"home: {project.home}" in shown
    assert "conversations: 7" in shown
    assert "# OPENAI_API_KEY is set" in shown
    assert f"# helpdesk: {project.root / 'toolkits' / 'helpdesk.yaml'}" in shown
    monkeypatch.delenv("OPENAI_API_KEY")
    assert "# OPENAI_API_KEY is not set" in look("config").out


@pytest.mark.slow
def test_looking_does_not_wait_for_dagster(project: Project, everything: Run):
    script = (
        "import sys; from funcdex_assets.cli.main import app; app(sys.argv[1:], standalone_mode=False); "
        "print('dagster' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, "stats"], env=project.environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "False"


# ── another night ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_another_seed_gives_scenarios_that_repeat_none_of_the_first_night(everything: Run, second_night: Run):
    assert second_night.code == 0, second_night.said
    for partition in ("gmail", "helpdesk", BUNDLE):
        old, new = everything.kept(partition), second_night.kept(partition)
        assert new.height >= 40
        assert set(old["scenario_id"]).isdisjoint(new["scenario_id"])
        _assert_unlike(new, old)


@pytest.mark.slow
def test_that_is_so_because_the_index_remembers_the_night_before(everything: Run, second_night: Run):
    """Without its memory, these candidates of the second night would have been kept."""
    repeated = [
        scenario
        for partition in ("gmail", "helpdesk", BUNDLE)
        for scenario in second_night.table("deduplicated_scenarios", partition)["duplicate_of"].drop_nulls()
    ]
    known = {scenario for partition in OTHERS for scenario in everything.kept(partition)["scenario_id"]}
    assert known.intersection(repeated)


@pytest.mark.slow
def test_a_night_touches_no_other_partition(everything: Run, second_night: Run):
    untouched = [path for path in everything.files if path.endswith(("/googledrive.parquet", "/googledrive.seal"))]
    untouched += [path for path in everything.files if path.startswith("datasets/googledrive/")]
    assert len(untouched) > len(STAGES)
    assert all(second_night.files[path] == everything.files[path] for path in untouched)


# ── another strategy, and a model of no use ───────────────────────────────────────────────────


@pytest.mark.slow
def test_one_answer_per_conversation_works_offline_too(tmp_path: Path):
    strategy = {"FUNCDEX_GENERATION__STRATEGY": "one_shot", **QUICK}
    run = _new_project(tmp_path).run("materialize", "gmail", "--conversations", "3", environment=strategy)
    assert run.code == 0, run.said
    assert run.table("conversations", "gmail")["strategy"].to_list() == ["one_shot"] * 3
    assert run.table("accepted_conversations", "gmail").height == 3
    _assert_valid([*run.lines("gmail", "train"), *run.lines("gmail", "test")])


class Talker(BaseHTTPRequestHandler):
    """Passes the probe, and then never writes a conversation. `asked` counts what follows the probe."""

    protocol_version = "HTTP/1.1"
    asked = 0

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = "Certainly! Here is the conversation."
        if "one word" in question["messages"][-1]["content"]:
            text = '{"zq":"7431"}' if "json" in question["structured_outputs"] else "zq-7431"
        else:
            type(self).asked += 1
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        content = json.dumps({"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 7}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def useless(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Run]:
    """All roles are played offline but the two that write conversations."""
    project = _new_project(tmp_path_factory.mktemp("useless"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Talker) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        model = {"profile": "vllm", "base_url": f"http://127.0.0.1:{server.server_port}/v1", "model": "tiny"}
        settings = {
            "FUNCDEX_GENERATION__STRATEGY": "one_shot",
            "FUNCDEX_INFERENCE__ROLES": json.dumps({"conversation_writer": model, "corrector": model}),
        }
        run = project.run("materialize", "gmail", "--conversations", "3", environment=settings | QUICK)
        server.shutdown()
    return project, run


@pytest.mark.slow
def test_a_model_that_never_writes_a_conversation_is_a_shortfall_with_its_reason(useless: tuple[Project, Run]):
    project, run = useless
    assert run.code == 3, run.said
    assert "nothing of what was asked for: 0 of 3 conversations (markup " in run.said
    plans = run.table("conversation_plans", "gmail").height
    assert 3 <= plans <= 6, "those wanted, and the reserve"
    assert Talker.asked == plans * (2 + 2), "written, corrected in vain, written anew, corrected in vain"
    assert run.table("accepted_conversations", "gmail").height == 0
    assert not project.tables.has_table("dataset", "gmail"), "an empty dataset is refused"


@pytest.mark.slow
def test_every_plan_is_accepted_or_rejected_and_each_rejection_explained(useless: tuple[Project, Run]):
    _, run = useless
    rejected = run.table("rejected_conversations", "gmail")
    plans = run.table("conversation_plans", "gmail")
    assert rejected.height + run.table("accepted_conversations", "gmail").height == plans.height
    for reasons, dml, score in rejected.select("reasons", "dml", "tool_use_quality").iter_rows():
        (reason,) = reasons
        assert reason.startswith("markup: Line 1, column 1 (offset 0): found 'Certainly! Here")
        assert dml == "Certainly! Here is the conversation."
        assert score is None
    assert run.table("scored_conversations", "gmail")["judge"].to_list() == [None] * plans.height
    assert run.table("system_prompts", "gmail").height == 0


@pytest.mark.slow
def test_show_prints_what_was_written_and_why_it_was_rejected(
    useless: tuple[Project, Run], monkeypatch: pytest.MonkeyPatch
):
    project, run = useless
    for name, value in project.environment.items():
        monkeypatch.setenv(name, value)
    (failed, *_) = run.table("conversations", "gmail")["conversation_id"]
    shown = CliRunner().invoke(app, ["show", failed])
    assert shown.exit_code == 0
    assert "text 1 of 2 · written" in shown.stdout
    assert "text 2 of 2 · regenerated" in shown.stdout
    assert shown.stdout.count("│ Certainly! Here is the conversation. ") == 2
    assert "tool_use_quality" not in shown.stdout
    assert CliRunner().invoke(app, ["stats"]).exit_code == 0


# ── tables that somebody changed by hand ──────────────────────────────────────────────────────


def _with_an_unknown_tool(frame: pl.DataFrame) -> pl.DataFrame:
    """The last conversation's first call, and its result, are those of a tool that nobody offered."""
    *others, last = from_frame(frame, Conversation)

    def fax(part: ToolCall | ToolResult | None) -> ToolCall | ToolResult | None:
        of_first = "call_1" in (getattr(part, "id", None), getattr(part, "call_id", None))
        return msgspec.structs.replace(part, name="SEND_FAX") if of_first else part

    def renamed(message: Message) -> Message:
        return msgspec.structs.replace(
            message, tool_calls=tuple(map(fax, message.tool_calls)), result=fax(message.result)
        )

    return to_frame([*others, msgspec.structs.replace(last, messages=tuple(map(renamed, last.messages)))])


def _with_numbers_for_names(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(plan_id=pl.lit(7))


def _without_a_result(frame: pl.DataFrame) -> pl.DataFrame:
    """The last conversation lacks its first tool result."""
    *others, last = from_frame(frame, Conversation)
    place = next(index for index, message in enumerate(last.messages) if message.role == "tool")
    messages = (*last.messages[:place], *last.messages[place + 1 :])
    return to_frame([*others, msgspec.structs.replace(last, messages=messages)])


TAMPERED: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], str, tuple[str, ...]]] = {
    "gmail": (
        _with_an_unknown_tool,
        "offline_calls_are_valid: 1 row",
        ("conversation_id={last}", "call=call_1", "tool=SEND_FAX", "problem='SEND_FAX' is not among the tools offered"),
    ),
    "googledrive": (
        _with_numbers_for_names,
        "schema: 1 row",
        ("column=plan_id", "value=Int", "rule=dtype('String')"),
    ),
    "helpdesk": (
        _without_a_result,
        "calls_are_answered: 1 row",
        ("conversation_id={last}", "problem="),
    ),
}


@pytest.fixture(scope="module")
def tampered(project: Project, second_night: Run) -> Run:
    for partition, (change, _, _) in TAMPERED.items():
        changed = change(project.tables.read_frame("conversations", partition))
        changed.write_parquet(project.tables.table_path("conversations", partition))
    return project.run("materialize", *TAMPERED, "--select", "scored_conversations")


@pytest.mark.slow
@pytest.mark.parametrize(
    "partition",
    [
        pytest.param("gmail", id="a call to an unknown tool"),
        pytest.param("googledrive", id="a column of a wrong type"),
        pytest.param("helpdesk", id="a result that is missing"),
    ],
)
def test_a_changed_table_stops_the_next_stage_at_the_right_check(
    project: Project, second_night: Run, tampered: Run, partition: str
):
    _, check, shown = TAMPERED[partition]
    assert tampered.code == 1
    (reason,) = [line for line in tampered.out.splitlines() if line.startswith(f"failed {partition}: ")]
    last = second_night.table("conversations", partition)["conversation_id"][-1]
    assert reason.startswith(
        f"failed {partition}: scored_conversations: {project.tables.table_path('conversations', partition)} "
        f"was changed after it was written: conversations of {partition} breaks {check}, first "
    )
    assert all(text.format(last=last) in reason for text in shown), reason
    assert reason.endswith(f"materialise conversations for {partition} again")
    scored = f"tables/scored_conversations/{partition}.parquet"
    assert tampered.files[scored] == second_night.files[scored]


# ── commands that cannot be done ──────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_an_unknown_stage_is_refused(project: Project, tampered: Run):
    refused = project.run("materialize", BUNDLE, "--select", "conversation")
    assert (refused.code, refused.out) == (2, "")
    assert "Unknown stage conversation (did you mean 'conversations'?); there are accepted_conv" in refused.err
    assert refused.files == tampered.files


@pytest.fixture(scope="module")
def refused_key(project: Project, tampered: Run) -> tuple[Run, str, list[str | None]]:
    """A run against a server that refuses every key; the server's address, and what it was sent."""
    sent: list[str | None] = []

    class Refusal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent.append(self.headers["Authorization"])
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.send_response(401)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refusal) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/v1"
        settings = {"PROFILE": "openai", "BASE_URL": address, "MODEL": "tiny"}
        variables = {f"FUNCDEX_INFERENCE__{name}": value for name, value in settings.items()}
        run = project.run("materialize", BUNDLE, "--select", "scenarios", environment=variables)
        server.shutdown()
    return run, address, sent


@pytest.mark.slow
def test_a_server_that_refuses_the_key_is_named_and_nothing_is_made(tampered: Run, refused_key):
    run, address, sent = refused_key
    assert set(sent) == {f"Bearer {SECRET}"}
    assert run.code == 1
    (reason,) = [line for line in run.out.splitlines() if line.startswith("failed ")]
    assert address in reason
    assert "the API key (HTTP 401)" in reason
    assert "inference.api_key_env" in reason
    assert run.files == tampered.files


# ── secrets ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_the_key_is_written_nowhere(project: Project, refused_key):
    """Every run had it in its environment; the last one also sent it to a server."""
    assert len(project.said) > 8
    assert [text for text in project.said if SECRET in text] == []

    files = [path for path in project.root.rglob("*") if path.is_file()]
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    tables = [path for path in files if path.suffix == ".parquet"]
    assert len(tables) > 4 * len(STAGES)
    assert [path for path in tables if SECRET in str(pl.read_parquet(path).to_dicts())] == []
    databases = [path for path in files if path.suffix in (".db", ".sqlite")]
    assert len(databases) > 8, "the runs' event logs are among them"
    assert [path for path in databases if any(SECRET in text for text in _texts(path))] == []


# ── what must hold of every example ───────────────────────────────────────────────────────────


def _calls(row: dict) -> list[dict]:
    return [call["function"] for message in row["messages"] for call in message.get("tool_calls", ())]


def _assert_valid(rows: list[dict]) -> None:
    """Every call is of an offered tool, fits its schema, and has its result."""
    assert rows
    for row in rows:
        assert [message["role"] for message in row["messages"][:2]] == ["system", "user"]
        said = "\n".join(message["content"] for message in row["messages"] if message["role"] == "user")
        offered = [*row["tools"], *find_announced_definitions(said)]
        schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in offered}
        calls = _calls(row)
        assert bool(calls) == (row["kind"] != "no_suitable_tool")
        for call in calls:
            assert jsonschema_rs.is_valid(schemas[call["name"]], call["arguments"]), (row["id"], call)
        asked = [call["id"] for message in row["messages"] for call in message.get("tool_calls", ())]
        answers = [message for message in row["messages"] if message["role"] == "tool"]
        assert [answer["tool_call_id"] for answer in answers] == asked
        assert [answer["name"] for answer in answers] == [call["name"] for call in calls]
        assert all(json.loads(answer["content"]) is not None for answer in answers)


def _assert_disjoint(train: list[dict], test: list[dict]) -> None:
    for column in ("id", "chain_id", "cluster_id"):
        assert {row[column] for row in train}.isdisjoint(row[column] for row in test)


def _assert_unlike(left: pl.DataFrame, right: pl.DataFrame) -> None:
    """No scenario of one is a duplicate of one of the other: every pair is compared, with no index."""
    model = HashedNgrams()
    cosine = model.embed(left["text"].to_list()) @ model.embed(right["text"].to_list()).T
    at = np.unravel_index(cosine.argmax(), cosine.shape)
    assert cosine[at] < HASHED_NGRAMS_THRESHOLDS.semantic, (left["text"][int(at[0])], right["text"][int(at[1])])


def _texts(database: Path) -> Iterator[str]:
    """Every value, also those that Dagster compresses."""
    connection = sqlite3.connect(database)
    try:
        for (table,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall():
            for values in connection.execute(f'select * from "{table}"'):
                for value in values:
                    if isinstance(value, bytes):
                        with contextlib.suppress(zlib.error):
                            value = zlib.decompress(value)
                    yield value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    finally:
        connection.close()
