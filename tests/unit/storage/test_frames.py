"""Records to frames and back: nothing is lost, and a table's types do not depend on its rows."""

from io import BytesIO

import polars as pl
import pytest
from example_facts import FACTS, MODELS
from example_tables import RECORDS

from funcdex_assets.records.conversation import (
    ArgumentSource,
    Attempt,
    Conversation,
    Finding,
    Need,
    RoleModel,
    Seal,
    SealedCall,
    StepTrace,
)
from funcdex_assets.records.dataset import (
    DatasetRow,
    DeduplicatedConversation,
    LeftOut,
    Overlap,
    OwnRow,
    ParsedConversation,
)
from funcdex_assets.records.evaluation import EvaluatedModel, FunctionCallMatch
from funcdex_assets.records.feedback import Weakness
from funcdex_assets.records.figures import QualityFigure, Spent
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.plan import ConversationPlan, PlannedArgument, PlannedStep, PlannedTurn, SystemPrompt
from funcdex_assets.records.record import Record
from funcdex_assets.records.row_failures import RowFailure
from funcdex_assets.records.scenario import DeduplicatedScenario, Persona, Scenario
from funcdex_assets.records.tool import Binding, ChainStep, Tool, ToolChain, ToolEdge
from funcdex_assets.records.training import (
    AnswerSample,
    EvaluationItem,
    ExpectedCall,
    FinetunedModel,
    LossPoint,
    Prediction,
    TokenRow,
)
from funcdex_assets.records.verdict import (
    Evidence,
    MemberVerdict,
    ScaleScores,
    ScoredConversation,
    SelectedConversation,
    TurnScore,
    TurnVerdict,
    Verdict,
)
from funcdex_assets.storage.frames import derive_layout, from_frame, index_by, to_frame

JSON_VALUES = [None, True, 0, -1.5, "", "ü 中 🦊", "null", '"quoted"', [], {}, [None, [1]], {"a/b": {"~": [{}]}}]

BINDING = Binding(argument="/thread_id", step=0, result="/threads/*/id", kind="id")
STEPS = (ChainStep(tool="LIST_THREADS", bindings=()), ChainStep(tool="GET_THREAD", bindings=(BINDING, BINDING)))
SCENARIO = {
    "scenario_id": "scenario_1",
    "chain_id": "chain_1",
    "kind": "multi_step",
    "title": "Lost parcel",
    "text": "Line one.\nLine two.",
    "industry": "logistics",
    "matter": "the lost parcel",
    "tools": ("LIST_THREADS", "GET_THREAD"),
    "held_out": False,
}
DUPLICATE = {"duplicate_of": "scenario_0", "similarity": 0.93, "overlap": 0.5}
PARSED = {
    "conversation_id": "conversation_1",
    "partition": "gmail",
    "messages": [{"role": "user", "content": "hi"}],
    "tools": [],
    "scenario_id": "scenario_1",
    "cluster_id": "cluster_1",
    "chain_id": "chain_1",
    "kind": "multi_step",
    "held_out": True,
    "clarity": "good",
    "calls": 2,
    "user_turns": 1,
}
CALL = ToolCall(id="call_1", name="GET_THREAD", arguments={"thread_id": "t", "nested": [{"x": None}]})
RESULTS = tuple(ToolResult(call_id="call_1", name="GET_THREAD", content=value) for value in JSON_VALUES)
MESSAGES = (
    Message(role="user", content="hi"),
    Message(role="assistant", thought="", tool_calls=(CALL, CALL)),
    *(Message(role="tool", result=result) for result in RESULTS),
    Message(role="assistant", content=""),
)
SOURCE = ArgumentSource(call_id="call_1", argument="/thread_id", source="result", from_call="call_0", pointer="/id")
FINDING = Finding(rule="ungrounded_argument", text="from nowhere", message=3, place="/to/0")
EVIDENCE = Evidence(fault="false_count", message=3, quote="two files")
SCORES = ScaleScores(user_query_clarity=1, tool_use_quality=2, naturalness=3, task_completion=5)
MEMBERS = (
    MemberVerdict(
        judge="vllm:tiny",
        user_query_clarity=1,
        tool_use_quality=2,
        naturalness=3,
        task_completion=5,
        reasoning="r",
        evidence=(EVIDENCE,),
        unsupported_evidence=1,
        rejects=True,
        orders=(SCORES, SCORES),
    ),
    MemberVerdict(judge="offline", failure="unreadable"),
)
ATTEMPT = Attempt(kind="written", text="</user> u", findings=(FINDING,))
PLANNED = (
    PlannedArgument(argument="/to/0", source="user", value="a@b.c", surface="Ann", withheld=True),
    PlannedArgument(argument="/id", source="result", step=0, result="/threads/*/id"),
    *(PlannedArgument(argument="/any", source="schema", value=value) for value in JSON_VALUES),
)

TURN = PlannedTurn(kind="unsuitable", wanted=PlannedStep(tool="A", turn=0, arguments=PLANNED))

# At least two rows of every record, so that every field is once empty and once not, where it may be empty.
SEALED_CALL = SealedCall(
    needs=(Need(path="/id", tool="A", argument="/to"),), fault="timeout", about="/to", refused="there is no tool 'A'"
)
SEAL = Seal(world=1, seed=2**62 + 1, state="0" * 32, calls=(SEALED_CALL, SealedCall()))
ROWS: dict[type[Record], list[Record]] = {
    Tool: [
        Tool(toolkit="gmail", name="A", description="d", parameters={"type": "object"}, returns=value, source="s")
        for value in JSON_VALUES
    ],
    QualityFigure: [
        QualityFigure(section="mix", figure="kind", item="simple", value=0.25, part=1, whole=4, wanted=0.2),
        QualityFigure(section="shape", figure="calls per conversation", value=4.5),
    ],
    ToolEdge: [
        ToolEdge(
            source_tool="A",
            source_path="/items/*/id",
            target_tool="B",
            target_path="/item_id",
            kind="id",
            weight=0.8,
            reason="r",
        )
    ],
    Binding: [BINDING],
    ChainStep: list(STEPS),
    ToolChain: [
        ToolChain(
            chain_id="chain_1", kind="multi_step", pattern="sequential", toolkits=("gmail",), steps=STEPS, held_out=True
        ),
        ToolChain(chain_id="chain_2", kind="simple", pattern="sequential", toolkits=(), steps=(), held_out=False),
    ],
    Scenario: [Scenario(**SCENARIO), Scenario(**{**SCENARIO, "tools": ()})],
    DeduplicatedScenario: [
        DeduplicatedScenario(**SCENARIO, **DUPLICATE, status="duplicate", cluster_id="cluster_1"),
        DeduplicatedScenario(**SCENARIO, **dict.fromkeys(DUPLICATE), status="kept", cluster_id="cluster_2"),
    ],
    Persona: [
        Persona(
            persona_id="persona_1",
            scenario_id="scenario_1",
            name="Zoë Łukasik",
            email="zoe@x.io",
            position="buyer",
            company="X",
            industry="retail",
            context="c",
            register="brisk",
            time_zone="Europe/Berlin",
            today="2026-03-02T09:15:00+01:00",
        )
    ],
    PlannedArgument: list(PLANNED),
    PlannedStep: [
        PlannedStep(tool="A", turn=0, arguments=PLANNED),
        PlannedStep(tool="B", turn=1, arguments=(), together=True, fault="timeout"),
    ],
    PlannedTurn: [TURN, PlannedTurn(kind="recall", step=0)],
    ConversationPlan: [
        ConversationPlan(
            plan_id="plan_1",
            scenario_id="scenario_1",
            persona_id="persona_1",
            chain_id="chain_1",
            kind="parallel",
            disposition="curious",
            clarity="average",
            tools=("A", "B"),
            distractors=(),
            steps=(PlannedStep(tool="A", turn=0, arguments=PLANNED),),
            turns=(TURN, PlannedTurn(kind="recall", step=0)),
            late_tools=("B",),
        )
    ],
    ToolCall: [CALL, *(ToolCall(id="call_2", name="A", arguments=value) for value in JSON_VALUES)],
    ToolResult: [*RESULTS, ToolResult(call_id="call_1", name="A", content="no such thread", error=True)],
    Message: list(MESSAGES),
    ArgumentSource: [
        SOURCE,
        ArgumentSource(call_id="call_1", argument="/to", source="user", evidence="Ann", message=0),
    ],
    Need: [Need(path="/threads/2/id", tool="A", argument="/to"), Need(path="/threads/*/id")],
    SealedCall: [SealedCall(), SEALED_CALL],
    Seal: [SEAL],
    RoleModel: list(MODELS),
    Conversation: [
        Conversation(
            conversation_id="conversation_1",
            plan_id="plan_1",
            strategy="simulate",
            engine="offline",
            messages=messages,
            provenance=sources,
            seal=SEAL if messages else None,
            seed=2**62,
            models=MODELS if messages else (),
        )
        for messages, sources in ((MESSAGES, (SOURCE,)), ((), ()))
    ]
    + [
        Conversation(
            conversation_id="conversation_2",
            plan_id="plan_2",
            strategy="one_shot",
            engine="offline",
            messages=(),
            provenance=(),
            attempts=(ATTEMPT,),
            failure=FINDING,
        )
    ],
    Attempt: [ATTEMPT, Attempt(kind="corrected", text="</user> u\n</assistant> a\n", findings=())],
    Finding: [FINDING, Finding(rule="no_call", text="nothing was called", blocking=False)],
    TurnScore: [TurnScore(turn=0, reason="well asked", score=5, ok=True)],
    TurnVerdict: [TurnVerdict(turn=1, ok=False, score=2, reason="no_call: nothing", first=2, last=5)],
    Verdict: [
        Verdict(reasoning="r", user_query_clarity=1, tool_use_quality=2, naturalness=3, task_completion=5),
        Verdict(
            evidence=(EVIDENCE,),
            reasoning="r",
            user_query_clarity=1,
            tool_use_quality=2,
            naturalness=3,
            task_completion=5,
        ),
    ],
    Evidence: [EVIDENCE],
    ScaleScores: [SCORES],
    MemberVerdict: list(MEMBERS),
    Spent: [Spent(role="judge", model="tiny", requests=2, prompt_tokens=11, completion_tokens=3, cached_tokens=8)],
    SystemPrompt: [
        SystemPrompt(conversation_id="conversation_1", system_prompt="You help."),
        SystemPrompt(
            conversation_id="conversation_2", system_prompt=None, failure=Finding(rule="no_system_prompt", text="No.")
        ),
    ],
    RowFailure: [
        RowFailure(subject="scenario_1", kind="refusal", reason="No."),
        RowFailure(subject="b", kind="k", reason="r", is_mistake=True),
    ],
    ScoredConversation: [
        ScoredConversation(
            conversation_id="conversation_1",
            judge="offline",
            user_query_clarity=1,
            tool_use_quality=2,
            naturalness=3,
            task_completion=5,
            reasoning="",
            findings=findings,
            disagreement=1,
            members=members,
            heuristic=members[0] if members else None,
        )
        for findings, members in (((FINDING,), ()), ((), MEMBERS))
    ]
    + [
        ScoredConversation(
            conversation_id="conversation_2",
            judge=None,
            user_query_clarity=None,
            tool_use_quality=None,
            naturalness=None,
            task_completion=None,
            reasoning=None,
            findings=(FINDING,),
        )
    ],
    SelectedConversation: [
        SelectedConversation(conversation_id="conversation_1", reasons=reasons, tool_use_quality=4, dml="</user> u\n")
        for reasons in (("no_call", "quality"), ())
    ],
    ParsedConversation: [
        ParsedConversation(**PARSED),
        ParsedConversation(**PARSED, **FACTS),
        ParsedConversation(**PARSED, certificate={"seal": {"seed": 2**62}, "tools": {}}),
    ],
    DatasetRow: [
        DatasetRow(**PARSED, split="test"),
        DatasetRow(**PARSED, **FACTS, split="test", reserved_functions=("A", "B")),
    ],
    DeduplicatedConversation: [
        DeduplicatedConversation(
            conversation_id="conversation_1",
            status="kept",
            duplicate_of=None,
            similarity=None,
            overlap=None,
            turns=(),
            cluster_id="conversation_1",
            reason="",
        ),
        DeduplicatedConversation(
            conversation_id="conversation_2",
            status="duplicate",
            duplicate_of="conversation_1",
            similarity=0.9,
            overlap=0.6,
            turns=(0, 2),
            cluster_id="conversation_1",
            reason="the same 2 calls",
        ),
    ],
    OwnRow: [
        OwnRow(
            row_id="own_1",
            partition="gmail",
            place="rows.jsonl:3",
            messages=[{"role": "user", "content": "Hi"}],
            tools=[],
            weight=2.5,
            calls=0,
            user_turns=1,
        )
    ],
    LeftOut: [
        LeftOut(conversation_id="conversation_1", partition="gmail", rule="held_out", of=of, reason="calls none")
        for of in (None, "SEND_EMAIL")
    ],
    StepTrace: [
        StepTrace(
            call_id="call_1",
            tool="A",
            message=2,
            depends_on=("call_0",),
            sources=(SOURCE,),
            returned={"/id": "t"},
            outcome=outcome,
            makes_good=good,
        )
        for outcome, good in (("ok", "call_0"), ("error", None))
    ],
    Overlap: [
        Overlap(
            conversation_id="conversation_1",
            partition="gmail",
            evaluation_set="BFCL_v4_multiple",
            item="multiple_1",
            measure="ngrams",
            score=0.5,
            reason="half",
        )
    ],
    ExpectedCall: [ExpectedCall("heat", {"to": 21}, {"to": [21, 22]}), ExpectedCall("stop", {})],
    EvaluationItem: [
        EvaluationItem(
            item_id="conversation_1:2",
            conversation_id="conversation_1",
            partition="house",
            kind="simple",
            messages=[{"role": "user", "content": "the heat to 21"}],
            tools=[],
            calls=calls,
            text=text,
            traits=traits,
        )
        for calls, text, traits in (
            ((ExpectedCall("heat", {"to": 21}),), None, ()),
            ((), "Which room?", ("asks_back",)),
        )
    ],
    Prediction: [
        Prediction(item_id="a", calls=(ExpectedCall("heat", {"to": 21}),), text=None, raw="…", confidence=0.9),
        Prediction(item_id="b", calls=(), text=None, raw="", failure="the answer is empty", seconds=0.5),
    ],
    AnswerSample: [AnswerSample(step=50, row_id="conversation_1", input="21", actual="{}", predicted="")],
    LossPoint: [
        LossPoint(step=0, epoch=0.0, tokens=0, row_tokens=0, cpu_seconds=0.0, learning_rate=0.0, answer_loss=1.5),
        LossPoint(step=1, epoch=0.1, tokens=9, row_tokens=12, cpu_seconds=0.2, learning_rate=1e-3, train_loss=1.2),
    ],
    EvaluatedModel: [EvaluatedModel(name="ours", kind="local"), EvaluatedModel(name="theirs", kind="endpoint")],
    FunctionCallMatch: [*RECORDS["function_call_match"]],
    TokenRow: [*RECORDS["training_tokens"]],
    FinetunedModel: [*RECORDS["finetuned_models"]],
    Weakness: [Weakness("house", "tool", "heat", 0.5, 12)],
}


def subclasses(record: type[Record]) -> set[type[Record]]:
    return {below for child in record.__subclasses__() for below in (child, *subclasses(child))}


def through_parquet(frame: pl.DataFrame) -> pl.DataFrame:
    file = BytesIO()
    frame.write_parquet(file)
    file.seek(0)
    return pl.read_parquet(file)


every_record = pytest.mark.parametrize("record", ROWS, ids=lambda record: record.__name__)


def test_every_record_has_rows_here():
    nouns = {record for record in subclasses(Record) if record.__module__.startswith("funcdex_assets.records.")}
    assert nouns == set(ROWS)


@every_record
def test_records_come_back_from_a_frame(record):
    assert from_frame(to_frame(ROWS[record]), record) == ROWS[record]


@every_record
def test_records_come_back_from_a_file(record):
    assert from_frame(through_parquet(to_frame(ROWS[record])), record) == ROWS[record]


@every_record
def test_an_empty_table_has_the_same_columns_and_types(record):
    empty = to_frame([], record)
    assert empty.height == 0
    assert empty.schema == to_frame(ROWS[record]).schema == pl.Schema(derive_layout(record))
    assert from_frame(through_parquet(empty), record) == []


@pytest.mark.parametrize(
    ("record", "field", "dtype"),
    [
        pytest.param(Tool, "name", pl.String(), id="text"),
        pytest.param(Tool, "parameters", pl.String(), id="JSON is text"),
        pytest.param(ToolChain, "held_out", pl.Boolean(), id="a flag"),
        pytest.param(ToolEdge, "weight", pl.Float64(), id="a number"),
        pytest.param(ToolEdge, "kind", pl.String(), id="one of several words"),
        pytest.param(Finding, "message", pl.Int64(), id="a number or nothing"),
        pytest.param(Scenario, "tools", pl.List(pl.String()), id="a tuple is a list"),
        pytest.param(Message, "result", pl.Struct(dict(derive_layout(ToolResult))), id="a record is a struct"),
        pytest.param(
            Conversation, "messages", pl.List(pl.Struct(dict(derive_layout(Message)))), id="records in a record"
        ),
    ],
)
def test_a_field_is_a_column_of_this_type(record, field, dtype):
    assert derive_layout(record)[field] == dtype


def test_json_is_kept_as_text_that_any_tool_can_read():
    tool = Tool(toolkit="t", name="A", description="d", parameters={"b": [1, None]}, returns=None, source="s")
    row = to_frame([tool]).row(0, named=True)
    assert (row["parameters"], row["returns"]) == ('{"b":[1,null]}', "null")


def test_columns_that_the_record_does_not_have_are_ignored():
    frame = to_frame(ROWS[SystemPrompt]).with_columns(extra=1)
    assert from_frame(frame, SystemPrompt) == ROWS[SystemPrompt]


def test_a_missing_column_is_an_error():
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="system_prompt"):
        from_frame(to_frame(ROWS[SystemPrompt]).drop("system_prompt"), SystemPrompt)


def test_a_field_that_a_table_of_before_does_not_have_has_its_default():
    row = DatasetRow(**PARSED, **FACTS, split="test")
    before = to_frame([row]).drop(list(FACTS))
    assert from_frame(before, DatasetRow) == [DatasetRow(**PARSED, split="test")]
    assert from_frame(before.clear(), DatasetRow) == []


def test_a_value_of_another_type_does_not_enter_a_frame():
    with pytest.raises((TypeError, pl.exceptions.PolarsError)):
        to_frame([SystemPrompt(conversation_id="c", system_prompt=5)])  # type: ignore[arg-type]


def test_rows_are_found_by_a_field():
    one, two = (SystemPrompt(conversation_id=name, system_prompt="p") for name in "ab")
    assert index_by([one, two], "conversation_id") == {"a": one, "b": two}
