"""A small set of tables that satisfies every contract, and changes of it."""

from typing import Any

import msgspec
import polars as pl
from dialogue_cases import CLEAN, FIND_CONTACT, PERSONA, SCENARIO, SEND_EMAIL, TOOLS, case
from example_facts import FACTS, MODELS

from funcdex_assets.dml.render import render_conversation
from funcdex_assets.records.conversation import Attempt, Conversation, Finding
from funcdex_assets.records.dataset import DatasetRow, DeduplicatedConversation, ParsedConversation
from funcdex_assets.records.evaluation import FunctionCallMatch
from funcdex_assets.records.figures import QualityFigure
from funcdex_assets.records.openai_messages import to_openai_messages, to_openai_tools
from funcdex_assets.records.plan import ConversationPlan, PlannedArgument, PlannedStep, PlannedTurn, SystemPrompt
from funcdex_assets.records.record import Record
from funcdex_assets.records.scenario import DeduplicatedScenario
from funcdex_assets.records.tool import Binding, ChainStep, ToolChain, ToolEdge
from funcdex_assets.records.training import FinetunedModel, TokenRow
from funcdex_assets.records.verdict import SCALES, ScoredConversation, SelectedConversation
from funcdex_assets.storage.frames import to_frame

FOUND = Binding(argument="/to", step=0, result="/contacts/*/email", kind="address")
CHAIN = ToolChain(
    chain_id="chain_1",
    kind="multi_step",
    pattern="sequential",
    toolkits=("mail",),
    steps=(ChainStep(tool="FIND_CONTACT", bindings=()), ChainStep(tool="SEND_EMAIL", bindings=(FOUND,))),
    held_out=False,
)
EDGE = ToolEdge(
    source_tool="FIND_CONTACT",
    source_path="/contacts/*/email",
    target_tool="SEND_EMAIL",
    target_path="/to",
    kind="address",
    weight=0.4,
    reason="address of a contact",
)


def update(record: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(record, **changes)


OTHER_SCENARIO = update(SCENARIO, scenario_id="scenario_2", text="Bo Varga has to answer a letter about the roof.")
REPEATED = update(SCENARIO, scenario_id="scenario_3")


def deduplicated(scenario: Any, status: str, **explained: Any) -> DeduplicatedScenario:
    nothing: dict[str, Any] = {"duplicate_of": None, "similarity": None, "overlap": None}
    nothing["cluster_id"] = f"cluster_{scenario.scenario_id}"
    return DeduplicatedScenario(**msgspec.structs.asdict(scenario), status=status, **{**nothing, **explained})


PLAN = ConversationPlan(
    plan_id="plan_1",
    scenario_id="scenario_1",
    persona_id="persona_1",
    chain_id="chain_1",
    kind="multi_step",
    disposition="In a hurry.",
    clarity="good",
    tools=("FIND_CONTACT", "SEND_EMAIL"),
    distractors=(),
    steps=(
        PlannedStep(
            tool="FIND_CONTACT",
            turn=0,
            arguments=(PlannedArgument(argument="/query", source="user", value="Varga", surface="Varga"),),
        ),
        PlannedStep(
            tool="SEND_EMAIL",
            turn=1,
            arguments=(PlannedArgument(argument="/to", source="result", step=0, result="/contacts/*/email"),),
        ),
    ),
    turns=(PlannedTurn(kind="request"), PlannedTurn(kind="request")),
)
CONVERSATION = Conversation(
    conversation_id="conversation_1",
    plan_id="plan_1",
    strategy="simulate",
    engine="offline",
    messages=CLEAN,
    provenance=tuple(case().provenance),
    seed=42,
    models=MODELS,
)
SCORED = ScoredConversation(
    conversation_id="conversation_1",
    judge="offline",
    user_query_clarity=5,
    tool_use_quality=5,
    naturalness=5,
    task_completion=5,
    reasoning="All is well.",
    findings=(),
)
BLOCKING = Finding(rule="no_call", text="No tool is called")
ACCEPTED = SelectedConversation(
    conversation_id="conversation_1", reasons=(), tool_use_quality=5, dml=render_conversation(CLEAN)
)
EXAMPLE = ParsedConversation(
    conversation_id="conversation_1",
    partition="mail",
    messages=to_openai_messages(CLEAN, "You are the assistant of Ada Lind."),
    tools=to_openai_tools(tuple(TOOLS.values())),
    scenario_id="scenario_1",
    cluster_id="cluster_1",
    chain_id="chain_1",
    kind="multi_step",
    held_out=False,
    clarity="good",
    calls=2,
    user_turns=2,
    **FACTS,
)
VERDICT = DeduplicatedConversation(
    conversation_id="conversation_1",
    status="kept",
    duplicate_of=None,
    similarity=None,
    overlap=None,
    turns=(),
    cluster_id="conversation_1",
    reason="",
)
REPEATING = {
    "status": "duplicate",
    "duplicate_of": "conversation_0",
    "similarity": 0.9,
    "overlap": 0.6,
    "reason": "the same",
}
TRAIN = DatasetRow(**msgspec.structs.asdict(EXAMPLE), split="train")
TEST = update(TRAIN, conversation_id="conversation_2", split="test", cluster_id="cluster_2", chain_id="chain_2")

# A third plan, of which no conversation came.
FAILURE = Finding(rule="markup", text="Line 1: found the end of the text")
FAILED = update(
    CONVERSATION,
    conversation_id="conversation_3",
    plan_id="plan_3",
    strategy="one_shot",
    messages=(),
    provenance=(),
    attempts=(Attempt(kind="written", text="</user> Hi", findings=(FAILURE,)),),
    failure=FAILURE,
)
UNSCORED = update(
    SCORED,
    conversation_id="conversation_3",
    judge=None,
    reasoning=None,
    **dict.fromkeys(SCALES),
    findings=(FAILURE,),
)

VALID = QualityFigure(section="validity", figure="valid calls", value=0.75, part=3, whole=4)
MATCH = FunctionCallMatch(model="run_2", metric="exact_match", value=0.6, low=0.5, high=0.7, items=40)
PROMPT_TOKENS = FunctionCallMatch(model="run_2", metric="prompt_tokens", value=400.0, low=380.0, high=420.0, items=40)
CHANGE = FunctionCallMatch(
    model="run_2",
    metric="exact_match_difference",
    group="published",
    member="run_1",
    value=-0.02,
    low=-0.06,
    high=0.03,
    items=40,
)
MEAN = QualityFigure(section="shape", figure="calls per conversation", item="mean", value=4.5)

TOKENS = TokenRow(
    row_id="conversation_1",
    partition="gmail",
    split="train",
    kind="simple",
    layout="with_tools",
    prefix_length=2,
    token_ids=(1, 265, 1, 300, 2),
    weights=(0.0, 0.0, 0.0, 1.0, 1.0),
)

MODEL = FinetunedModel(
    partition="gmail",
    model_id="5f0c1b2a3d4e",
    path="models/gmail/5f0c1b2a3d4e",
    release="release_07589eabfcbf",
    base="scratch",
    architecture="llama",
    method="full",
    layout="with_tools",
    rows_hash="0a1b2c3d4e5f",
    settings_hash="a0b1c2d3e4f5",
    parameters=4_194_304,
    vocabulary=4096,
    train_rows=80,
    validation_rows=20,
    steps=150,
    epochs=3.0,
    tokens=120_000,
    counted_tokens=21_000,
    first_loss=8.3,
    best_loss=1.2,
    best_step=150,
    cpu_seconds=98.5,
    gguf=True,
    objection=None,
)

RECORDS: dict[str, tuple[Record, ...]] = {
    "tool_definitions": (FIND_CONTACT, SEND_EMAIL),
    "tool_graph": (EDGE,),
    "tool_chains": (CHAIN,),
    "scenarios": (SCENARIO, OTHER_SCENARIO, REPEATED),
    "deduplicated_scenarios": (
        deduplicated(SCENARIO, "kept"),
        deduplicated(OTHER_SCENARIO, "kept"),
        deduplicated(REPEATED, "duplicate", duplicate_of="scenario_1", similarity=1.0, overlap=1.0),
    ),
    "personas": (PERSONA, update(PERSONA, persona_id="persona_2", scenario_id="scenario_2")),
    "conversation_plans": (
        PLAN,
        update(PLAN, plan_id="plan_2", scenario_id="scenario_2", persona_id="persona_2"),
        update(PLAN, plan_id="plan_3", scenario_id="scenario_2", persona_id="persona_2"),
    ),
    "conversations": (CONVERSATION, update(CONVERSATION, conversation_id="conversation_2", plan_id="plan_2"), FAILED),
    "system_prompts": tuple(
        SystemPrompt(conversation_id=f"conversation_{n}", system_prompt="You are the assistant of our caretaker, Ada.")
        for n in (1, 2)
    ),
    "scored_conversations": (
        SCORED,
        update(SCORED, conversation_id="conversation_2", tool_use_quality=2, findings=(BLOCKING,)),
        UNSCORED,
    ),
    "accepted_conversations": (ACCEPTED,),
    "rejected_conversations": (
        update(ACCEPTED, conversation_id="conversation_2", reasons=("no_call",), tool_use_quality=2),
        update(
            ACCEPTED, conversation_id="conversation_3", reasons=("markup",), tool_use_quality=None, dml="</user> Hi"
        ),
    ),
    "parsed_conversations": (EXAMPLE,),
    "deduplicated_conversations": (VERDICT,),
    "dataset": (TRAIN,),
    "function_call_match": (
        MATCH,
        update(MATCH, group="tool", member="FIND_CONTACT", value=1.0, high=1.0),
        PROMPT_TOKENS,
        CHANGE,
    ),
    "quality_report": (VALID, update(VALID, item="of FIND_CONTACT"), MEAN),
    "training_tokens": (TOKENS,),
    "finetuned_models": (MODEL,),
    "general_model": (update(MODEL, partition="all", first_loss=None, best_loss=None, best_step=None),),
    "release_tokens": (TOKENS, update(TOKENS, row_id="conversation_2#0", partition="jira", cut=7)),
}


def frames(**replaced: tuple[Record, ...] | pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The good set, with other rows for some tables."""
    return {
        name: rows if isinstance(rows := replaced.get(name, good), pl.DataFrame) else to_frame(rows, type(good[0]))
        for name, good in RECORDS.items()
    }
