"""The contract of every table: a small good set passes, and each check stops what it is made to stop."""

from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest
from dialogue_cases import CLEAN, FIND_CONTACT
from example_facts import FACTS
from example_tables import (
    ACCEPTED,
    BLOCKING,
    CHAIN,
    CHANGE,
    CONVERSATION,
    EXAMPLE,
    FAILED,
    FAILURE,
    FOUND,
    MATCH,
    MEAN,
    OTHER_SCENARIO,
    PLAN,
    PROMPT_TOKENS,
    RECORDS,
    REPEATING,
    TEST,
    TRAIN,
    UNSCORED,
    VALID,
    frames,
    update,
)

from funcdex_assets.contracts.stage_tables import RELEASE_CHECKS, TABLES
from funcdex_assets.contracts.table import SCHEMA, Judgement, check_table
from funcdex_assets.contracts.table_checks import find_example_problems
from funcdex_assets.records.figures import QualityFigure
from funcdex_assets.records.message import Message, ToolCall
from funcdex_assets.records.openai_messages import to_openai_tools
from funcdex_assets.records.plan import PlannedArgument
from funcdex_assets.records.tool import ChainStep
from funcdex_assets.records.verdict import SCALES
from funcdex_assets.storage.frames import to_frame

CONTRACTS = {table.name: table for table in TABLES}

# ── a good set: two scenarios, one conversation accepted, one rejected, one failed ────────────


def judged(table: str, **replaced: Any) -> dict[str, Judgement]:
    held = frames(**replaced)
    return {one.check: one for one in check_table(CONTRACTS[table], held[table], held)}


@pytest.mark.parametrize("table", CONTRACTS)
def test_a_good_set_passes(table):
    judgements = judged(table)
    assert tuple(judgements) == CONTRACTS[table].check_names
    assert [name for name, one in judgements.items() if one.blocking and not one.passed] == []


@pytest.mark.parametrize("table", CONTRACTS)
def test_an_empty_table_fits_its_layout(table):
    assert judged(table, **{table: ()})[SCHEMA].passed


# ── layouts ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("table", CONTRACTS)
def test_a_missing_column_a_strange_one_and_a_wrong_type_are_stopped(table):
    good = frames()[table]
    column = good.columns[-1]
    kind = pl.Int64 if good[column].dtype != pl.Int64 else pl.String
    for bad, rule in (
        (good.drop(column), "column_in_dataframe"),
        (good.with_columns(stranger=1), "column_in_schema"),
        (good.with_columns(pl.lit(None, dtype=kind).alias(column)), "dtype("),
    ):
        found = judged(table, **{table: bad})
        assert list(found) == [SCHEMA]  # meaning is not judged where the layout is wrong
        assert column in found[SCHEMA].offending_rows["column"] or "stranger" in found[SCHEMA].offending_rows["column"]
        assert found[SCHEMA].offending_rows["rule"].str.starts_with(rule).all()


@dataclass(frozen=True)
class Misfit:
    """`value` in `column` of a row (the first) breaks `rule`."""

    table: str
    column: str
    value: Any
    rule: str


MISFITS = [
    Misfit("tool_definitions", "name", "SEND EMAIL", "str_matches"),
    Misfit("tool_definitions", "description", "", "str_length"),
    Misfit("tool_graph", "weight", 0.0, "greater_than(0)"),
    Misfit("tool_graph", "weight", 1.1, "less_than_or_equal_to(1)"),
    Misfit("scenarios", "text", "Too short.", "str_length"),
    Misfit("scenarios", "matter", "it", "str_length"),
    Misfit("deduplicated_scenarios", "status", "lost", "isin"),
    Misfit("deduplicated_scenarios", "similarity", 1.2, "less_than_or_equal_to"),
    Misfit("deduplicated_scenarios", "overlap", -0.1, "greater_than_or_equal_to"),
    Misfit("personas", "email", "ada", "str_contains"),
    Misfit("personas", "register", "rude", "isin"),
    Misfit("personas", "today", "2025-10-01 09:30", "str_matches"),
    Misfit("conversation_plans", "clarity", "poor", "isin"),
    Misfit("conversation_plans", "disposition", "", "str_length"),
    Misfit("conversations", "strategy", "improvised", "isin"),
    Misfit("system_prompts", "system_prompt", "", "str_length"),
    *(
        Misfit("scored_conversations", scale, value, rule)
        for scale in SCALES
        for value, rule in ((0, "greater_than_or_equal_to(1)"), (6, "less_than_or_equal_to(5)"))
    ),
    Misfit("accepted_conversations", "tool_use_quality", 6, "less_than_or_equal_to(5)"),
    Misfit("rejected_conversations", "tool_use_quality", 0, "greater_than_or_equal_to(1)"),
    Misfit("parsed_conversations", "calls", -1, "greater_than_or_equal_to(0)"),
    Misfit("parsed_conversations", "user_turns", 0, "greater_than_or_equal_to(1)"),
    Misfit("parsed_conversations", "overall", 5.5, "less_than_or_equal_to(5)"),
    Misfit("parsed_conversations", "pattern", "star", "isin"),
    Misfit("dataset", "split", "validation", "isin"),
    Misfit("dataset", "naturalness", 0, "greater_than_or_equal_to(1)"),
    Misfit("dataset", "strategy", "dreamt", "isin"),
    Misfit("dataset", "attempts", 0, "greater_than_or_equal_to(1)"),
]


@pytest.mark.parametrize("misfit", MISFITS, ids=lambda one: f"{one.table}.{one.column}={one.value!r}")
def test_a_value_out_of_its_range_is_stopped(misfit):
    first, *others = RECORDS[misfit.table]
    bad = (update(first, **{misfit.column: misfit.value}), *others)
    offending = judged(misfit.table, **{misfit.table: bad})[SCHEMA].offending_rows
    (row,) = offending.to_dicts()
    key = CONTRACTS[misfit.table].key or offending.columns[1]
    assert (row["row"], row["column"], row["value"]) == (0, misfit.column, str(misfit.value))
    assert row[key] == str(getattr(bad[0], key))
    assert row["rule"].startswith(misfit.rule)


# Edges have no id, and a figure's is its name, section and item together (or model, metric, group and member).
NO_ID = ("tool_graph", "quality_report", "function_call_match")


@pytest.mark.parametrize("table", [name for name in CONTRACTS if name not in NO_ID])
def test_the_same_id_twice_is_stopped(table):
    first = RECORDS[table][0]
    offending = judged(table, **{table: (first, first)})[SCHEMA].offending_rows
    assert set(offending["row"]) == {0, 1}
    assert set(offending["rule"]) == {"field_uniqueness"}
    assert offending[offending.columns[1]].to_list()[0] == getattr(first, offending.columns[1])


@pytest.mark.parametrize(
    ("table", "column"),
    [("tool_definitions", "name"), ("scenarios", "chain_id"), ("conversations", "plan_id"), ("dataset", "split")],
)
def test_null_where_a_value_must_be_is_stopped(table, column):
    bad = frames()[table].with_columns(pl.lit(None, dtype=pl.String).alias(column))
    assert set(judged(table, **{table: bad})[SCHEMA].offending_rows["rule"]) >= {"not_nullable"}


@pytest.mark.parametrize("column", [name for name in FACTS if name not in ("toolkits", "models")])
@pytest.mark.parametrize("table", ["parsed_conversations", "dataset"])
def test_a_row_that_does_not_tell_what_it_is_is_stopped(table, column):
    frame = frames()[table]
    bad = frame.with_columns(pl.lit(None, dtype=frame.schema[column]).alias(column))
    (row,) = judged(table, **{table: bad})[SCHEMA].offending_rows.to_dicts()
    assert (row["column"], row["rule"]) == (column, "not_nullable")


def test_null_where_the_record_allows_it_passes():
    assert frames()["deduplicated_scenarios"]["similarity"].null_count() == 2
    assert judged("deduplicated_scenarios")[SCHEMA].passed


# ── meaning ───────────────────────────────────────────────────────────────────────────────────


def messages(*edits: tuple[int, Message | None]) -> tuple[Message, ...]:
    """The clean conversation with some messages replaced, or left out (None)."""
    replaced = dict(edits)
    held = (replaced.get(index, message) for index, message in enumerate(CLEAN))
    return tuple(message for message in held if message is not None)


def calling(name: str, **arguments: Any) -> Message:
    return Message(role="assistant", tool_calls=(ToolCall(id="call_2", name=name, arguments=arguments),))


def first(table: str, **changes: Any) -> dict[str, Any]:
    """The good rows of a table, the first changed."""
    head, *rest = RECORDS[table]
    return {table: (update(head, **changes), *rest)}


def steps(*replaced: ChainStep) -> dict[str, Any]:
    return first("tool_chains", steps=(*replaced, *CHAIN.steps[len(replaced) :]))


def said(messages_: tuple[Message, ...], **more: Any) -> dict[str, Any]:
    return first("conversations", messages=messages_, **more)


def sources(at: int, argument: PlannedArgument) -> dict[str, Any]:
    replaced = [*PLAN.steps]
    replaced[at] = update(PLAN.steps[at], arguments=(argument,))
    return first("conversation_plans", steps=tuple(replaced))


def example(at: int, **changes: Any) -> dict[str, Any]:
    """The training example with one OpenAI message changed."""
    edited = [dict(message) for message in EXAMPLE.messages]
    edited[at] |= changes
    return {"messages": edited}


def opened(name: str, **arguments: Any) -> list[dict[str, Any]]:
    return [{"id": "call_2", "type": "function", "function": {"name": name, "arguments": arguments}}]


def used(figure: str, part: int, whole: int) -> QualityFigure:
    return QualityFigure(section="use", figure=figure, value=part / whole, part=part, whole=whole)


CITY = {"type": "object", "properties": {"city": {"type": "string", "description": "The town they live in."}}}
THIN = tuple(
    update(tool, description="Asks the address book of the school.", parameters=CITY, returns=None)
    for tool in RECORDS["tool_definitions"]
)
TO = "bo.varga@fiberlake.com"
BAD = (
    # (table, check, what is damaged, the rows shown)
    (
        "tool_definitions",
        "schemas_compile",
        first("tool_definitions", parameters={"type": "objekt"}),
        [{"name": "FIND_CONTACT", "field": "parameters"}],
        "parameters that are no JSON Schema",
    ),
    (
        "tool_definitions",
        "schemas_compile",
        first("tool_definitions", returns={"minimum": "one"}),
        [{"name": "FIND_CONTACT", "field": "returns"}],
        "returns that are none",
    ),
    (
        "tool_definitions",
        "definitions_say_enough",
        {"tool_definitions": THIN},
        [
            {"gap": "no declared results", "tools_or_arguments": 2, "of": 2, "places": "FIND_CONTACT, SEND_EMAIL"},
            {"gap": "no required parameter", "tools_or_arguments": 2, "of": 2},
        ],
        "no tool that declares results or requires anything, though all say what they are",
    ),
    ("tool_graph", "tools_exist", first("tool_graph", source_tool="GONE"), [{"tool": "GONE"}], "an edge from nowhere"),
    ("tool_graph", "tools_exist", first("tool_graph", target_tool="GONE"), [{"tool": "GONE"}], "an edge to nowhere"),
    (
        "tool_chains",
        "tools_exist",
        steps(ChainStep(tool="GONE", bindings=())),
        [{"chain_id": "chain_1", "tool": "GONE"}],
        "a step with an unknown tool",
    ),
    (
        "tool_chains",
        "bindings_point_back",
        steps(CHAIN.steps[0], ChainStep(tool="SEND_EMAIL", bindings=(update(FOUND, step=1),))),
        [{"chain_id": "chain_1", "step": 1, "argument": "/to", "from_step": 1}],
        "an argument from its own call",
    ),
    (
        "tool_chains",
        "steps_are_linked",
        steps(CHAIN.steps[0], ChainStep(tool="SEND_EMAIL", bindings=())),
        [{"chain_id": "chain_1", "step": 1, "tool": "SEND_EMAIL"}],
        "a step that uses nothing",
    ),
    (
        "tool_chains",
        "steps_are_linked",
        first(
            "tool_chains",
            pattern="several_goals",
            steps=(*CHAIN.steps, ChainStep(tool="LIST_THREADS", bindings=()), ChainStep(tool="X", bindings=(), goal=1)),
        ),
        [{"chain_id": "chain_1", "step": 2, "tool": "LIST_THREADS"}],
        "a step that uses nothing, after one that does, though another goal may begin so",
    ),
    (
        "scenarios",
        "chain_id_exists",
        first("scenarios", chain_id="gone"),
        [{"scenario_id": "scenario_1", "chain_id": "gone"}],
        "an unknown chain",
    ),
    (
        "deduplicated_scenarios",
        "no_scenario_id_lost",
        {"deduplicated_scenarios": RECORDS["deduplicated_scenarios"][:2]},
        [{"scenario_id": "scenario_3"}],
        "a candidate is missing",
    ),
    (
        "deduplicated_scenarios",
        "duplicates_are_explained",
        first("deduplicated_scenarios", status="duplicate"),
        [{"scenario_id": "scenario_1", "status": "duplicate"}],
        "a duplicate of nothing",
    ),
    (
        "deduplicated_scenarios",
        "duplicates_are_explained",
        first("deduplicated_scenarios", status="duplicate", duplicate_of="scenario_2"),
        [{"scenario_id": "scenario_1", "duplicate_of": "scenario_2"}],
        "a duplicate without its similarity",
    ),
    (
        "deduplicated_scenarios",
        "duplicates_are_explained",
        first("deduplicated_scenarios", duplicate_of="scenario_2"),
        [{"scenario_id": "scenario_1", "status": "kept"}],
        "kept, and yet a duplicate",
    ),
    (
        "deduplicated_scenarios",
        "kept_texts_differ",
        first("deduplicated_scenarios", text=OTHER_SCENARIO.text),
        [{"scenario_id": "scenario_1"}, {"scenario_id": "scenario_2"}],
        "two kept ones with one text",
    ),
    (
        "personas",
        "scenario_id_exists",
        first("personas", scenario_id="scenario_3"),
        [{"persona_id": "persona_1", "scenario_id": "scenario_3"}],
        "the persona of a scenario that was not kept",
    ),
    (
        "conversation_plans",
        "scenario_id_exists",
        first("conversation_plans", scenario_id="scenario_3"),
        [{"plan_id": "plan_1", "scenario_id": "scenario_3"}],
        "the plan of a scenario that was not kept",
    ),
    (
        "conversation_plans",
        "persona_id_exists",
        first("conversation_plans", persona_id="gone"),
        [{"plan_id": "plan_1", "persona_id": "gone"}],
        "an unknown persona",
    ),
    (
        "conversation_plans",
        "chain_id_exists",
        first("conversation_plans", chain_id="gone"),
        [{"plan_id": "plan_1", "chain_id": "gone"}],
        "an unknown chain",
    ),
    (
        "conversation_plans",
        "tools_exist",
        first("conversation_plans", distractors=("GONE",)),
        [{"plan_id": "plan_1", "tool": "GONE"}],
        "an unknown distractor",
    ),
    (
        "conversation_plans",
        "sources_are_possible",
        sources(0, PlannedArgument(argument="/query", source="user", value="Varga")),
        [{"plan_id": "plan_1", "step": 0, "argument": "/query", "source": "user"}],
        "a fact without words",
    ),
    (
        "conversation_plans",
        "sources_are_possible",
        sources(1, PlannedArgument(argument="/to", source="result", step=1, result="/x")),
        [{"plan_id": "plan_1", "step": 1, "argument": "/to", "source": "result"}],
        "a result of its own call",
    ),
    (
        "conversation_plans",
        "sources_are_possible",
        sources(1, PlannedArgument(argument="/to", source="result", result="/x")),
        [{"plan_id": "plan_1", "step": 1}],
        "a result of no call",
    ),
    (
        "conversation_plans",
        "distractors_are_unused",
        first("conversation_plans", distractors=("SEND_EMAIL",)),
        [{"plan_id": "plan_1", "distractors": ["SEND_EMAIL"]}],
        "a distractor that is used",
    ),
    (
        "conversations",
        "plan_id_exists",
        first("conversations", plan_id="gone"),
        [{"conversation_id": "conversation_1", "plan_id": "gone"}],
        "an unknown plan",
    ),
    (
        "conversations",
        "calls_are_answered",
        first("conversations", failure=FAILURE),
        [{"conversation_id": "conversation_1", "problem": "it failed, and yet has messages"}],
        "messages of a conversation that failed",
    ),
    (
        "conversations",
        "calls_are_answered",
        {"conversations": (*RECORDS["conversations"][:2], update(FAILED, failure=None))},
        [{"conversation_id": "conversation_3"}],
        "no messages, and no reason",
    ),
    (
        "conversations",
        "calls_are_answered",
        said(messages((6, None))),
        [{"conversation_id": "conversation_1"}],
        "a call without its result",
    ),
    (
        "conversations",
        "offline_calls_are_valid",
        said(messages((5, calling("GONE", to=TO)))),
        [{"conversation_id": "conversation_1", "message": 5, "call": "call_2", "tool": "GONE"}],
        "a call to an unknown tool",
    ),
    (
        "conversations",
        "offline_calls_are_valid",
        said(messages((5, calling("SEND_EMAIL", to=TO, subject=7)))),
        [{"conversation_id": "conversation_1", "message": 5, "problem": '/subject: 7 is not of type "string"'}],
        "an argument of a wrong type",
    ),
    (
        "conversations",
        "offline_calls_are_valid",
        first("conversation_plans", tools=("FIND_CONTACT",)),
        [{"conversation_id": "conversation_1", "tool": "SEND_EMAIL"}],
        "a call to a tool that was not offered",
    ),
    (
        "conversations",
        "offline_arguments_are_grounded",
        first("conversations", provenance=CONVERSATION.provenance[1:]),
        [{"conversation_id": "conversation_1", "message": 1, "call": "call_1", "argument": "/query", "value": "Varga"}],
        "an argument without a source",
    ),
    (
        "system_prompts",
        "conversation_id_exists",
        first("system_prompts", conversation_id="gone"),
        [{"conversation_id": "gone"}],
        "the prompt of no conversation",
    ),
    (
        "system_prompts",
        "no_conversation_id_lost",
        {"system_prompts": RECORDS["system_prompts"][:1]},
        [{"conversation_id": "conversation_2"}],
        "a conversation without a prompt",
    ),
    (
        "system_prompts",
        "missing_prompts_are_explained",
        first("system_prompts", system_prompt=None),
        [{"conversation_id": "conversation_1"}],
        "a prompt that is missing without a reason",
    ),
    (
        "scored_conversations",
        "conversation_id_exists",
        first("scored_conversations", conversation_id="gone"),
        [{"conversation_id": "gone"}],
        "the score of no conversation",
    ),
    (
        "scored_conversations",
        "no_conversation_id_lost",
        {"scored_conversations": RECORDS["scored_conversations"][:1]},
        [{"conversation_id": "conversation_2"}, {"conversation_id": "conversation_3"}],
        "conversations that nobody looked at",
    ),
    (
        "scored_conversations",
        "only_failures_are_unscored",
        first("scored_conversations", naturalness=None),
        [{"conversation_id": "conversation_1", "failed": False, "naturalness": None}],
        "a conversation without one of its scores",
    ),
    (
        "scored_conversations",
        "only_failures_are_unscored",
        {"scored_conversations": (*RECORDS["scored_conversations"][:2], update(UNSCORED, naturalness=5))},
        [{"conversation_id": "conversation_3", "failed": True, "naturalness": 5}],
        "a score of what was never said",
    ),
    (
        "scored_conversations",
        "only_failures_are_unscored",
        {"scored_conversations": (*RECORDS["scored_conversations"][:2], update(UNSCORED, findings=()))},
        [{"conversation_id": "conversation_3", "failed": True}],
        "a failure that nothing objects to",
    ),
    (
        "accepted_conversations",
        "conversation_id_exists",
        first("accepted_conversations", conversation_id="gone"),
        [{"conversation_id": "gone"}],
        "accepted without a score",
    ),
    (
        "accepted_conversations",
        "nothing_objected",
        first("scored_conversations", findings=(update(BLOCKING, blocking=False), BLOCKING)),
        [{"conversation_id": "conversation_1"}],
        "accepted in spite of a blocking finding",
    ),
    (
        "accepted_conversations",
        "markup_is_canonical",
        first("accepted_conversations", dml=ACCEPTED.dml.replace("</assistant>", "</assistent>")),
        [{"conversation_id": "conversation_1"}],
        "text that does not parse",
    ),
    (
        "accepted_conversations",
        "markup_is_canonical",
        first("accepted_conversations", dml=ACCEPTED.dml.replace('": "', '":   "')),
        [{"conversation_id": "conversation_1", "problem": "the text is not in its canonical form"}],
        "text in another form",
    ),
    (
        "rejected_conversations",
        "conversation_id_exists",
        first("rejected_conversations", conversation_id="gone"),
        [{"conversation_id": "gone"}],
        "rejected without a score",
    ),
    (
        "rejected_conversations",
        "reasons_are_given",
        first("rejected_conversations", reasons=()),
        [{"conversation_id": "conversation_2"}],
        "rejected without a reason",
    ),
    (
        "rejected_conversations",
        "not_accepted_too",
        first("rejected_conversations", conversation_id="conversation_1"),
        [{"conversation_id": "conversation_1"}],
        "accepted as well",
    ),
    (
        "rejected_conversations",
        "none_forgotten",
        {"rejected_conversations": ()},
        [{"conversation_id": "conversation_2"}, {"conversation_id": "conversation_3"}],
        "neither accepted nor rejected",
    ),
    (
        "parsed_conversations",
        "conversation_id_exists",
        first("parsed_conversations", conversation_id="conversation_2"),
        [{"conversation_id": "conversation_2"}],
        "an example of a rejected conversation",
    ),
    (
        "parsed_conversations",
        "examples_are_sound",
        first("parsed_conversations", tools=to_openai_tools([FIND_CONTACT])),
        [{"conversation_id": "conversation_1", "problem": "message 6: 'SEND_EMAIL' is not among the tools"}],
        "a call to a tool that the example does not offer",
    ),
    (
        "parsed_conversations",
        "rows_tell_what_they_are",
        first("parsed_conversations", overall=4.7),
        [{"conversation_id": "conversation_1", "problem": "overall is 4.7"}],
        "another mean than that of the scores",
    ),
    (
        "dataset",
        "rows_tell_what_they_are",
        first("dataset", toolkits=(), models=(), repairs=1),
        [
            {"conversation_id": "conversation_1", "problem": problem}
            for problem in ("it names no toolkit", "it names no model", "1 of 1 texts are repairs")
        ],
        "no toolkit, no model, and a first text that is a repair",
    ),
    (
        "deduplicated_conversations",
        "conversation_id_exists",
        first("deduplicated_conversations", conversation_id="gone"),
        [{"conversation_id": "gone"}],
        "a verdict on nothing",
    ),
    (
        "deduplicated_conversations",
        "no_conversation_id_lost",
        {"deduplicated_conversations": ()},
        [{"conversation_id": "conversation_1"}],
        "an example without a verdict",
    ),
    (
        "deduplicated_conversations",
        "duplicates_are_explained",
        first("deduplicated_conversations", **REPEATING),
        [{"conversation_id": "conversation_1", "duplicate_of": "conversation_0"}],
        "repeats what is not there",
    ),
    (
        "dataset",
        "no_near_duplicates",
        first("deduplicated_conversations", **REPEATING),
        [{"conversation_id": "conversation_1"}],
        "a repetition all the same",
    ),
    (
        "dataset",
        "reserved_functions_are_held_out",
        {"dataset": (TRAIN, update(TEST, reserved_functions=("SEND_EMAIL",)))},
        [{"conversation_id": "conversation_1", "reserved": "SEND_EMAIL"}],
        "a function of the test split in the train split",
    ),
    (
        "dataset",
        "requests_are_disjoint",
        {"dataset": (TRAIN, update(TEST, kind="single_turn"))},
        [
            {"conversation_id": "conversation_2", "request": text}
            for text in (
                'Find the contact called "Varga".',
                'Send that person an email with the subject "Snow on the roof".',
            )
        ],
        "a request of the test split in the train split",
    ),
    (
        "dataset",
        "conversation_id_exists",
        first("dataset", conversation_id="gone"),
        [{"conversation_id": "gone"}],
        "a row without its example",
    ),
    (
        "dataset",
        "examples_are_sound",
        first("dataset", **example(6, tool_calls=opened("SEND_EMAIL", to=TO))),
        [
            {
                "conversation_id": "conversation_1",
                "problem": 'message 6: SEND_EMAIL(whole): "subject" is a required property',
            }
        ],
        "a required argument is missing",
    ),
    (
        "dataset",
        "chains_are_disjoint",
        {"dataset": (TRAIN, update(TEST, chain_id="chain_1"))},
        [{"conversation_id": "conversation_2", "chain_id": "chain_1"}],
        "a chain on both sides",
    ),
    (
        "dataset",
        "clusters_are_disjoint",
        {"dataset": (TRAIN, update(TEST, cluster_id="cluster_1"))},
        [{"conversation_id": "conversation_2", "cluster_id": "cluster_1"}],
        "a cluster on both sides",
    ),
    (
        "quality_report",
        "figures_are_named_once",
        {"quality_report": (VALID, MEAN, update(VALID, value=0.5, part=2))},
        [{"figure": "valid calls", "value": 0.75}, {"figure": "valid calls", "value": 0.5}],
        "a figure twice",
    ),
    (
        "quality_report",
        "shares_fit_their_counts",
        {"quality_report": (MEAN, VALID, update(VALID, item="a", value=0.7), update(VALID, item="b", part=5))},
        [{"item": "a", "value": 0.7}, {"item": "b", "part": 5}],
        "a share that is not part by whole, and one above 1",
    ),
    (
        "quality_report",
        "tools_are_used",
        {"quality_report": (VALID, used("tool never called", 5, 8), used("argument never given", 4, 8))},
        [{"gap": "tool never called", "tools_or_arguments": 5, "of": 8}],
        "more than half of the tools are never called, and half of the arguments never given",
    ),
    *(
        (
            *(table, "training_lowers_the_loss", first(table, first_loss=1.0, best_loss=1.0)),
            [{"first_loss": 1.0, "best_loss": 1.0}],
            "a model that learned nothing",
        )
        for table in ("finetuned_models", "general_model")
    ),
    *(
        (table, check, first(table, **damage), [shown], reason)
        for table in ("training_tokens", "release_tokens")
        for check, damage, shown, reason in (
            ("weights_fit_tokens", {"weights": (0.0, 0.0, 1.0)}, {"tokens": 5, "weights": 3}, "a weight is missing"),
            (
                *("weights_fit_tokens", {"weights": (0.0, 0.0, -1.0, 1.0, 1.0)}, {"row_id": "conversation_1"}),
                "a weight below 0",
            ),
            ("weights_fit_tokens", {"prefix_length": 5}, {"prefix_length": 5}, "a row that is nothing but prefix"),
            (
                *("prefixes_do_not_count", {"weights": (0.0, 1.0, 0.0, 1.0, 1.0)}, {"prefix_length": 2}),
                "system prompt that counts",
            ),
            ("every_row_teaches", {"weights": (0.0,) * 5}, {"row_id": "conversation_1"}, "nothing counts"),
        )
    ),
    (
        "function_call_match",
        "figures_are_measured_once",
        {"function_call_match": (MATCH, CHANGE, update(MATCH, value=0.7))},
        [{"metric": "exact_match", "value": 0.6}, {"metric": "exact_match", "value": 0.7}],
        "a figure of a model twice",
    ),
    (
        "function_call_match",
        "figures_are_possible",
        {
            "function_call_match": (
                PROMPT_TOKENS,
                update(MATCH, value=1.2, high=1.3),
                update(MATCH, member="a", low=0.8),
                CHANGE,
            )
        },
        [{"value": 1.2}, {"low": 0.8, "high": 0.7}],
        "a share above 1, and an interval whose ends are the wrong way round",
    ),
    (
        "function_call_match",
        "no_worse_than_published",
        {"function_call_match": (MATCH, CHANGE, update(CHANGE, metric="right_action_difference", high=-0.01))},
        [{"metric": "right_action_difference", "published": "run_1"}],
        "significantly worse than the published model",
    ),
)


@pytest.mark.parametrize(
    ("table", "check", "damage", "shown"),
    [pytest.param(*row[:4], id=f"{row[0]}: {row[4]}") for row in BAD],
)
def test_damage_is_stopped_by_its_check_which_shows_the_rows(table, check, damage, shown):
    judgements = judged(table, **damage)
    assert judgements[SCHEMA].passed
    rows = judgements[check].offending_rows.to_dicts()
    assert [{key: row.get(key) for key in wanted} for row, wanted in zip(rows, shown, strict=True)] == shown
    assert next(iter(rows[0])) in (CONTRACTS[table].key, frames()[table].columns[0], "tool", "plan_id", "gap")  # row


def test_a_plan_may_be_kept_in_reserve():
    judgements = judged("conversations", conversations=RECORDS["conversations"][:2])
    assert [name for name, one in judgements.items() if not one.passed] == []


def test_every_check_of_every_table_is_tested_above():
    checks = {(table.name, check.name) for table in TABLES for check in table.checks}
    assert {row[:2] for row in BAD} == checks


@pytest.mark.parametrize(
    ("changes", "reserved", "passes"),
    [
        pytest.param({}, ("FIND_CONTACT",), True, id="calls one"),
        pytest.param({}, (), False, id="calls others only, while another row has one"),
        pytest.param({"messages": [], "calls": 0}, (), True, id="calls nothing"),
    ],
)
def test_a_test_row_calls_a_reserved_function_if_it_calls_any(changes, reserved, passes):
    other = update(TEST, conversation_id="conversation_3", reserved_functions=("SEND_FAX",), messages=[])
    (check,) = (check for check in RELEASE_CHECKS if check.name == "reserved_functions_are_held_out")
    rows = [other, update(TEST, reserved_functions=reserved, **changes)]
    assert check.find_offending_rows(to_frame(rows)).is_empty() == passes


def test_release_checks_are_those_of_a_dataset_that_need_no_other_table():
    dataset = {check.name for check in CONTRACTS["dataset"].checks if not check.needed_tables}
    shared_between_partitions = {"requests_are_disjoint"}  # left out when the release is made
    assert {check.name for check in RELEASE_CHECKS} == dataset - shared_between_partitions
    assert all(check.find_offending_rows(to_frame([TRAIN, TEST])).is_empty() for check in RELEASE_CHECKS)


def test_conversations_of_a_model_may_be_wrong_for_the_findings_judge_them():
    written = said(messages((5, calling("SEND_EMAIL", to=TO, subject=7))), engine="vllm:qwen", provenance=())
    assert all(judgement.passed for judgement in judged("conversations", **written).values())


@pytest.mark.parametrize(
    ("at", "changes", "problem"),
    [
        pytest.param(2, {"tool_calls": []}, "message 3: result of 'call_1', which does not wait for one", id="no call"),
        pytest.param(3, {"tool_call_id": "call_9"}, "message 3: result of 'call_9', which", id="another's result"),
        pytest.param(3, {"role": "user"}, "message 3: call_1 has no result", id="no result"),
        pytest.param(6, {"tool_calls": opened("GONE")}, "message 6: 'GONE' is not among the tools", id="unknown tool"),
        pytest.param(6, {"tool_calls": opened("SEND_EMAIL", to=7)}, "message 6: SEND_EMAIL", id="invalid arguments"),
    ],
)
def test_problems_of_an_example(at, changes, problem):
    assert find_example_problems(EXAMPLE.messages, EXAMPLE.tools) == []
    assert find_example_problems(example(at, **changes)["messages"], EXAMPLE.tools)[0].startswith(problem)


def test_an_example_that_ends_with_a_call_lacks_a_result():
    assert find_example_problems(EXAMPLE.messages[:3], EXAMPLE.tools) == ["call_1 has no result"]
