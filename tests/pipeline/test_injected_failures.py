"""An exception in each function of one row or one tool: that row has its reason, and all others are as without it."""

import functools
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from stage_functions import FaultyEngine, StageRun, run_stages

from funcdex_assets.contracts.stage_tables import TABLES
from funcdex_assets.inference.protocol import InferenceError, Request
from funcdex_assets.records.row_failures import NoRowsError
from funcdex_assets.settings.settings import Settings, load_settings
from funcdex_assets.storage.table_store import TableStore

PARTITION = "gmail"
ORDER = [table.name for table in TABLES]
KEYS = {table.name: table.key or next(iter(table.model.to_schema().columns)) for table in TABLES}
# What these columns say of a row depends on the other rows: with which it was compared, whether it was needed.
RELATIVE = {
    "tool_graph": ["weight"],  # of equal edges into an argument the less alike lose up to 3 %
    "deduplicated_scenarios": ["status", "duplicate_of", "similarity", "overlap", "cluster_id"],
    "deduplicated_conversations": ["status", "duplicate_of", "similarity", "overlap", "cluster_id", "turns", "reason"],
}
EDGES = ["source_tool", "source_path", "target_tool", "target_path"]


class Injected(Exception):
    """Nobody expects this."""


@pytest.fixture(scope="module")
def settings() -> Settings:
    loaded = load_settings(Path(__file__).parents[2] / "funcdex.yaml")
    return loaded.model_copy(
        update={
            "generation": loaded.generation.model_copy(update={"conversations": 6}),
            "deduplication": loaded.deduplication.model_copy(update={"embedder": "hashed_ngrams"}),
        }
    )


def run_in(
    home: Path, settings: Settings, engine: FaultyEngine, given: dict[str, pl.DataFrame], last: str = ""
) -> StageRun:
    return run_stages(settings.model_copy(update={"home": home}), PARTITION, home, engine, given, last)


@pytest.fixture(scope="module")
def sound(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> StageRun:
    run = run_in(tmp_path_factory.mktemp("sound"), settings, FaultyEngine(), {})
    assert run.frames["dataset"].height >= 6
    return run


@dataclass(frozen=True)
class Victim:
    """The row at which a fault is injected, under each name that it has."""

    tool: str
    scenario: str
    plan: str
    conversation: str
    text: str
    user_text: str


@pytest.fixture(scope="module")
def victim(sound: StageRun) -> Victim:
    """A conversation of the dataset whose scenario is nobody's original, and a tool that it does not call."""
    published = sound.frames["dataset"].row(1, named=True)
    plan = sound.frames["conversation_plans"].filter(pl.col("scenario_id") == published["scenario_id"])
    scenario = sound.frames["deduplicated_scenarios"].filter(pl.col("scenario_id") == published["scenario_id"])
    messages = msgspec.json.decode(published["messages"])
    return Victim(
        tool=sound.frames["tool_definitions"]["name"][3],
        scenario=published["scenario_id"],
        plan=plan["plan_id"][0],
        conversation=published["conversation_id"],
        text=scenario["text"][0],
        user_text=next(message["content"] for message in messages if message["role"] == "user"),
    )


Hits = Callable[[Victim, tuple[Any, ...]], bool]


def case_plan(case: Any) -> str:
    return case.situation.scenario.scenario_id


@dataclass(frozen=True)
class Fault:
    """A function (or, as `role:name`, a role) that raises when it is called for the victim, and where that is told.

    `told` is "left_out" if the row is missing in the stage's table, else the column of the reason in its own table.
    """

    stage: str
    places: tuple[str, ...]
    hits: Hits
    told: str = "left_out"
    name: Callable[[Victim], str] = lambda victim: victim.scenario


def by_tool(stage: str, *places: str, hits: Hits) -> Fault:
    return Fault(stage, places, hits, name=lambda victim: victim.tool)


def by_conversation(stage: str, told: str, *places: str, hits: Hits) -> Fault:
    return Fault(stage, places, hits, told, name=lambda victim: victim.conversation)


ASSETS = "funcdex_assets.orchestration.assets"
OF_SCENARIO: Hits = lambda victim, given: any(  # noqa: E731
    getattr(value, "scenario_id", None) == victim.scenario for value in given
)
OF_SITUATION: Hits = lambda victim, given: any(  # noqa: E731
    getattr(getattr(value, "scenario", None), "scenario_id", None) == victim.scenario for value in given
)
OF_PLAN: Hits = lambda victim, given: any(  # noqa: E731
    victim.plan == (getattr(value, "plan_id", None) or getattr(getattr(value, "plan", None), "plan_id", None))
    for value in given
)
OF_CONVERSATION: Hits = lambda victim, given: any(  # noqa: E731
    victim.conversation in (value, getattr(value, "conversation_id", None)) for value in given if value is not None
)
OF_TOOL: Hits = lambda victim, given: any(  # noqa: E731
    getattr(value, "name", None) == victim.tool for value in given
)


def of_messages(victim: Victim, given: tuple[Any, ...]) -> bool:
    """Whether one of the arguments is the sequence of the victim's messages."""
    return any(
        isinstance(value, list | tuple)
        and any(getattr(message, "content", None) == victim.user_text for message in value)
        for value in given
    )


FAULTS: dict[str, Fault] = {
    "reading the definition of a tool": by_tool(
        "tool_definitions",
        "funcdex_assets.catalog.load.parse_tool",
        hits=lambda victim, given: given[2]["name"] == victim.tool,
    ),
    "checking a tool": by_tool("tool_definitions", "funcdex_assets.catalog.load._refuse_unusable", hits=OF_TOOL),
    "the ids that a tool needs": by_tool("tool_definitions", f"{ASSETS}.tools.find_needed_ids", hits=OF_TOOL),
    "the result of a tool": by_tool(
        "tool_graph", "funcdex_assets.tool_graph.graph.complete_result_schema", hits=OF_TOOL
    ),
    "the edges into a tool": by_tool("tool_graph", "funcdex_assets.tool_graph.graph._find_edges_into", hits=OF_TOOL),
    "a tool in the chains": by_tool("tool_chains", "funcdex_assets.tool_graph.chains.find_needed_ids", hits=OF_TOOL),
    "writing a scenario": Fault("scenarios", ("role:scenario_writer",), OF_SCENARIO),
    "reading a scenario": Fault("scenarios", ("funcdex_assets.roles.scenario_writer.to_scenario",), OF_SCENARIO),
    "the words of a scenario": Fault(
        "deduplicated_scenarios",
        ("funcdex_assets.dedup.memory_index.compute_signatures", "funcdex_assets.dedup.scenarios.compute_signatures"),
        lambda victim, given: victim.text in given[0],
    ),
    "writing a persona": Fault("personas", ("role:persona_writer",), OF_SCENARIO),
    "reading a persona": Fault("personas", ("funcdex_assets.roles.persona_writer.to_persona",), OF_SCENARIO),
    "drawing the clarity": Fault(
        "conversation_plans",
        (f"{ASSETS}.personas_and_plans.draw_clarity",),
        lambda victim, given: victim.scenario in given,
    ),
    "directing a plan": Fault("conversation_plans", ("role:planner",), OF_SITUATION),
    "the situation of a plan": Fault(
        "conversation_plans", (f"{ASSETS}.personas_and_plans.build_situation",), OF_SCENARIO
    ),
    "building a plan": Fault(
        "conversation_plans",
        ("funcdex_assets.planning.plans.build_plan",),
        lambda victim, given: given[0].situation.scenario.scenario_id == victim.scenario,
    ),
    "the participants of a conversation": by_conversation(
        "conversations", "failure", "funcdex_assets.dialogue.participants.list_offered_tools", hits=OF_PLAN
    ),
    "the user": by_conversation(
        "conversations",
        "failure",
        "role:user_simulator",
        hits=lambda victim, given: given[0].state.plan.plan_id == victim.plan,
    ),
    "the assistant": by_conversation(
        "conversations",
        "failure",
        "role:assistant",
        hits=lambda victim, given: given[0].plan.plan_id == victim.plan,
    ),
    "the structure of a conversation": by_conversation(
        "conversations", "failure", "funcdex_assets.strategies.turn_loop.check_conversation", hits=of_messages
    ),
    "the world": by_conversation(
        "conversations",
        "failure",
        "funcdex_assets.strategies.turn_loop.Executor",
        hits=OF_SITUATION,
    ),
    "the sources of arguments": by_conversation(
        "conversations", "failure", "funcdex_assets.strategies.outcome.trace_arguments", hits=of_messages
    ),
    "the promises of a conversation": by_conversation(
        "conversations", "failure", "funcdex_assets.strategies.strategy.find_broken_promise", hits=OF_CONVERSATION
    ),
    "writing a system prompt": by_conversation("system_prompts", "failure", "role:system_prompt_writer", hits=OF_PLAN),
    "the context of a system prompt": by_conversation(
        "system_prompts", "failure", "funcdex_assets.roles.system_prompt_writer.add_context", hits=OF_SITUATION
    ),
    "the rules": by_conversation(
        "scored_conversations",
        "findings",
        "funcdex_assets.strategies.scoring.find_cached_findings",
        hits=lambda victim, given: given[1].plan_id == victim.plan,
    ),
    "the judge": by_conversation("scored_conversations", "findings", "role:judge", hits=OF_PLAN),
    "the verdicts on the turns": by_conversation(
        "scored_conversations", "findings", "funcdex_assets.strategies.scoring.judge_turns", hits=of_messages
    ),
    "the selection": by_conversation(
        "rejected_conversations", "reasons", f"{ASSETS}.quality.find_reasons_against", hits=OF_CONVERSATION
    ),
    "the text of a conversation": by_conversation(
        "rejected_conversations", "reasons", f"{ASSETS}.quality.render_conversation", hits=of_messages
    ),
    "parsing a conversation": by_conversation(
        "parsed_conversations", "left_out", f"{ASSETS}.quality.to_openai_messages", hits=of_messages
    ),
    "the steps of a conversation": by_conversation(
        "parsed_conversations", "left_out", f"{ASSETS}.quality.trace_steps", hits=of_messages
    ),
    "the certificate of a conversation": by_conversation(
        "parsed_conversations", "left_out", f"{ASSETS}.quality.build_certificate", hits=OF_CONVERSATION
    ),
    "comparing a conversation": by_conversation(
        "deduplicated_conversations",
        "reason",
        "funcdex_assets.dedup.conversations.to_compared_conversation",
        hits=OF_CONVERSATION,
    ),
    "writing a row of the dataset": by_conversation(
        "dataset", "file", "funcdex_assets.export.release._encode_row", hits=OF_CONVERSATION
    ),
    "joining a conversation for the report": by_conversation(
        "quality_report",
        "left_out",
        "funcdex_assets.reports.collected.Example",
        hits=OF_CONVERSATION,
    ),
    "counting a conversation for the report": by_conversation(
        "quality_report", "left_out", "funcdex_assets.reports.tallies.count_grounded", hits=of_messages
    ),
}


def inject(fault: Fault, victim: Victim, monkeypatch: pytest.MonkeyPatch, error: Exception) -> FaultyEngine:
    """Makes the places of the fault raise for the victim; returns the engine for the run."""
    engine = FaultyEngine()
    for place in fault.places:
        if place.startswith("role:"):

            def refuse(request: Request, role: str = place.removeprefix("role:")) -> None:
                if request.role == role and fault.hits(victim, (request.subject,)):
                    raise error

            engine.before_answer = refuse
            continue
        module_name, _, attribute = place.rpartition(".")
        module = importlib.import_module(module_name)
        monkeypatch.setattr(module, attribute, _raising(getattr(module, attribute), fault, victim, error))
    return engine


def _raising(function: Callable[..., Any], fault: Fault, victim: Victim, error: Exception) -> Callable[..., Any]:
    @functools.wraps(function)
    def raise_for_victim(*given: Any, **named: Any) -> Any:
        if fault.hits(victim, (*given, *named.values())):
            raise error
        return function(*given, **named)

    return raise_for_victim


def list_rows(run: StageRun, stage: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    frame = run.frames[stage].drop(RELATIVE.get(stage, []))
    for row in frame.iter_rows(named=True):
        yield tuple(row[name] for name in EDGES) if stage == "tool_graph" else row[KEYS[stage]], row


def told_reason(fault: Fault, victim: Victim, run: StageRun, home: Path) -> str:
    """The reason that the victim has, in the place where the fault is to be told."""
    name = fault.name(victim)
    if fault.told == "file":
        (release,) = (home / "datasets" / PARTITION).glob("release_*")
        left_out = [msgspec.json.decode(line) for line in (release / "left_out.jsonl").read_bytes().splitlines()]
        return next(row["reason"] for row in left_out if row["conversation_id"] == name)
    if fault.told == "left_out":
        assert run.metadata[fault.stage]["left_out"] >= 1
        assert name not in [key for key, _ in list_rows(run, fault.stage)] or fault.stage in RELATIVE
        failures = TableStore(home).read_left_out(fault.stage, PARTITION)
        return next(failure.reason for failure in failures if failure.subject == name)
    row = run.frames[fault.stage].filter(pl.col("conversation_id") == name).row(0, named=True)
    return str(row[fault.told])


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_row_has_its_reason_and_every_other_row_is_as_without(
    fault: Fault,
    settings: Settings,
    sound: StageRun,
    victim: Victim,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
):
    engine = inject(fault, victim, monkeypatch, Injected("a surprise"))
    before = ORDER[: ORDER.index(fault.stage)]
    if fault.stage == "rejected_conversations":
        before.remove("accepted_conversations")
    is_tool = fault.name(victim) == victim.tool  # without one of the tools, other chains are drawn: the end of likeness
    given = {name: sound.frames[name] for name in before}
    run = run_in(tmp_path, settings, engine, given, "tool_chains" if is_tool else "")
    reason = told_reason(fault, victim, run, tmp_path)
    assert "Injected: a surprise (" in reason
    assert ".py:" in reason, "the place of the mistake"
    for stage in run.metadata:
        if stage != "quality_report":
            expected = dict(list_rows(sound, stage))
            names = {victim.tool, victim.scenario, victim.plan, victim.conversation}
            made = [(key, row) for key, row in list_rows(run, stage) if key in expected and key not in names]
            assert [key for key, row in made if row != expected[key]] == [], stage
            if not is_tool or stage in ("tool_definitions", "tool_graph"):
                assert len(made) >= len(expected) / 2, stage


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        pytest.param(OSError(28, "No space left on device"), OSError, id="the disk is full"),
        pytest.param(MemoryError(), MemoryError, id="no memory is left"),
        pytest.param(InferenceError("gone", retryable=False), InferenceError, id="the engine is wrong"),
    ],
)
@pytest.mark.parametrize(
    "name", ["writing a persona", "building a plan", "the rules", "the certificate of a conversation"]
)
def test_a_broken_system_still_ends_the_partition(
    name: str,
    error: Exception,
    raised: type[Exception],
    settings: Settings,
    sound: StageRun,
    victim: Victim,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
):
    fault = FAULTS[name]
    engine = inject(fault, victim, monkeypatch, error)
    given = {stage: sound.frames[stage] for stage in ORDER[: ORDER.index(fault.stage)]}
    with pytest.raises(raised):
        run_in(tmp_path, settings, engine, given)


@pytest.mark.parametrize(
    "name",
    [
        "checking a tool",
        "writing a scenario",
        "reading a persona",
        "building a plan",
        "the certificate of a conversation",
    ],
)
def test_a_stage_of_which_every_row_fails_stops_with_the_reasons(
    name: str,
    settings: Settings,
    sound: StageRun,
    victim: Victim,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
):
    fault = Fault(FAULTS[name].stage, FAULTS[name].places, lambda victim, given: True)
    engine = inject(fault, victim, monkeypatch, Injected("a surprise"))
    given = {stage: sound.frames[stage] for stage in ORDER[: ORDER.index(fault.stage)]}
    with pytest.raises((NoRowsError, ValueError), match="a surprise"):
        run_in(tmp_path, settings, engine, given)
