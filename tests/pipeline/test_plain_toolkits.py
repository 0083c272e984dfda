"""A plain toolkit from its definitions to a release: short commands, all of them traced, nothing invented."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import plain_toolkits
import pytest
from offline import tools_of
from stage_functions import StageRun, run_project

from funcdex_assets.catalog.adding import write_toolkit
from funcdex_assets.checks.provenance import iterate_calls
from funcdex_assets.environment.executor import ACKNOWLEDGEMENT
from funcdex_assets.environment.replay import read_published_row, replay_conversation
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.kinds import SERVICE_KINDS
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.tool import ToolChain
from funcdex_assets.storage.frames import from_frame
from funcdex_assets.tool_graph.chains import ChainError

WANTED = 12
POLICY = "You are the desk of a parcel service."


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "toolkits").mkdir()
    for toolkit in ("parcels", "clinic"):
        tools = list(plain_toolkits.tools_of(toolkit).values())
        write_toolkit(folder / "toolkits" / f"{toolkit}.json", tools, POLICY)
    (folder / "funcdex.yaml").write_text(
        "toolkits: [parcels, clinic, todoist]\nbundles: [parcels_todoist]\n"
        f"generation: {{conversations: {WANTED}, test_share: 0.25}}\ndeduplication: {{embedder: hashed_ngrams}}\n"
    )
    return folder


@pytest.fixture(scope="module")
def parcels(project: Path, tmp_path_factory: pytest.TempPathFactory) -> StageRun:
    return run_project(project, tmp_path_factory.mktemp("home"), "parcels")


def conversations(made: StageRun) -> list[Conversation]:
    return from_frame(made.frames["conversations"], Conversation)


def read_rows(made: StageRun) -> list[Mapping[str, Any]]:
    release = Path(made.metadata["dataset"]["path"].value)
    return [json.loads(line) for split in ("train", "test") for line in (release / f"{split}.jsonl").open()]


def test_all_that_are_wanted_are_accepted(parcels: StageRun) -> None:
    assert parcels.frames["rejected_conversations"].height == 0
    rows = read_rows(parcels)
    assert len(rows) == WANTED
    assert Counter(row["kind"] for row in rows) == {"command": WANTED}
    assert all(row["messages"][0]["content"].startswith(POLICY) for row in rows)


def test_every_call_is_the_planned_one_and_every_argument_has_its_source(parcels: StageRun) -> None:
    plans = {plan.plan_id: plan for plan in from_frame(parcels.frames["conversation_plans"], ConversationPlan)}
    arguments = 0
    for one in conversations(parcels):
        plan = plans[one.plan_id]
        called = [call for _, call in iterate_calls(one.messages)]
        assert [call.name for call in called] == [step.tool for step in plan.steps]
        traced = {(source.call_id, source.argument) for source in one.provenance if source.source == "user"}
        wanted = {(call.id, f"/{name}") for call in called for name in call.arguments}
        assert traced == wanted
        arguments += len(wanted)
    assert arguments > 3 * WANTED


def test_results_are_acknowledgements_and_the_assistant_tells_nothing_that_nobody_said(parcels: StageRun) -> None:
    replies = 0
    for one in conversations(parcels):
        values = {str(value).lower() for _, call in iterate_calls(one.messages) for value in call.arguments.values()}
        heard = ""
        for message in one.messages:
            if message.role == "user":
                heard += f" {(message.content or '').lower()}"
            if message.result:
                assert message.result.content == ACKNOWLEDGEMENT
                assert not message.result.error
            assert not (message.tool_calls and message.content)  # a call says what it does by itself
            if message.role == "assistant" and not message.tool_calls:
                replies += 1
                assert not [word for word in values if len(word) > 4 and word in (message.content or "").lower()]
                unheard = [word for word in (message.content or "").split() if any(map(str.isdigit, word))]
                assert not [word for word in unheard if word.strip(".,?!") not in heard]
    assert replies > 2 * WANTED


def test_the_assistant_asks_for_what_is_required_and_was_left_out(parcels: StageRun) -> None:
    plans = {plan.plan_id: plan for plan in from_frame(parcels.frames["conversation_plans"], ConversationPlan)}
    asked = 0
    for one in conversations(parcels):
        plan = plans[one.plan_id]
        withheld = {step.turn for step in plan.steps for argument in step.arguments if argument.withheld}
        spoken = [message for message in one.messages if message.role == "user"]
        assert len(spoken) == len(plan.turns) + len(withheld)
        asked += len(withheld)
    assert asked > 0


def test_replay_gives_the_same(parcels: StageRun) -> None:
    rows = read_rows(parcels)
    assert [replay_conversation(read_published_row(row)) for row in rows] == [[]] * len(rows)  # type: ignore[arg-type]


def test_the_same_seed_makes_the_same(parcels: StageRun, project: Path, tmp_path: Path) -> None:
    again = run_project(project, tmp_path, "parcels", "conversations")
    assert again.frames["conversations"].equals(parcels.frames["conversations"])


def test_a_tool_for_what_nobody_understands_is_called_for_it(project: Path, tmp_path: Path) -> None:
    made = run_project(project, tmp_path, "clinic", "accepted_conversations")
    assert made.frames["accepted_conversations"].height >= WANTED
    plans = from_frame(made.frames["conversation_plans"], ConversationPlan)
    assert not [turn for plan in plans for turn in plan.turns if turn.kind == "off_topic"]
    assert [step for plan in plans for step in plan.steps if step.tool == "not_understood"]


@pytest.mark.parametrize(
    ("partition", "generation", "kinds"),
    [
        pytest.param("parcels", {}, {"command"}, id="a plain toolkit"),
        pytest.param("todoist", {}, set(SERVICE_KINDS) - {"long_context"}, id="a shipped toolkit"),
        pytest.param("parcels_todoist", {}, {"command", "multi_step", "simple", "parallel"}, id="a bundle of both"),
        pytest.param("parcels_todoist", {"kinds": {"simple": 1}}, {"simple"}, id="a bundle without commands"),
        pytest.param("parcels", {"kinds": {"command": 1, "simple": 1}}, {"command", "simple"}, id="chosen kinds"),
    ],
)
def test_the_kinds_of_a_partition(
    project: Path, tmp_path: Path, partition: str, generation: dict[str, Any], kinds: set[str]
) -> None:
    made = run_project(project, tmp_path, partition, "tool_chains", conversations=60, **generation)
    chains = from_frame(made.frames["tool_chains"], ToolChain)
    assert kinds <= {chain.kind for chain in chains} <= kinds | set(SERVICE_KINDS)
    if partition != "parcels_todoist" or generation:
        assert {chain.kind for chain in chains} <= kinds | {"long_context"}
    plain = set(tools_of("parcels"))
    assert all({step.tool for step in chain.steps} <= plain for chain in chains if chain.kind == "command")


def test_commands_alone_of_tools_with_results_are_refused_with_the_remedy(project: Path, tmp_path: Path) -> None:
    with pytest.raises(ChainError, match=r"none of the kinds .* suits these 16 tools: .*name other kinds"):
        run_project(project, tmp_path, "todoist", "tool_chains", kinds={"command": 1})
