"""The tables between the stages: their Pandera layouts, and the checks that judge their meaning.

Belongs here: one `Table` per stage; add one when a stage is added. A layout follows from the record of its rows
(`records/`); given here are the ranges, choices and keys that a type cannot say. A check is a function from frames
to the rows that break it, defined in `table_checks.py`. Checked is only what must never be wrong. A conversation that
a model wrote badly is not wrong in that sense: it is data, which `checks/findings.py` judges and
`judging/selection.py` rejects.
"""

from typing import Any, get_args, get_origin, get_type_hints

import pandera.polars as pa
import polars as pl

from funcdex_assets.contracts import evaluation_checks
from funcdex_assets.contracts import table_checks as checks
from funcdex_assets.contracts.table import Table, TableCheck
from funcdex_assets.records.chain_patterns import Pattern
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.dataset import DatasetRow, DeduplicatedConversation, ParsedConversation
from funcdex_assets.records.evaluation import FunctionCallMatch
from funcdex_assets.records.figures import QualityFigure
from funcdex_assets.records.plan import ConversationPlan, SystemPrompt
from funcdex_assets.records.record import Record
from funcdex_assets.records.scenario import DeduplicatedScenario, Persona, Scenario
from funcdex_assets.records.tool import Tool, ToolChain, ToolEdge
from funcdex_assets.records.training import FinetunedModel, TokenRow
from funcdex_assets.records.verdict import SCALES, ScoredConversation, SelectedConversation
from funcdex_assets.storage.frames import derive_layout


def build_layout(record: type[Record], title: str, **fields: Any) -> type[pa.DataFrameModel]:
    """Builds the Pandera model of a table of such records; `fields` are `pa.Field`s by column name.

    Columns are exactly those of the record, of its types, and nullable if the record allows None.
    """
    hints = get_type_hints(record)
    body: dict[str, Any] = {"__annotations__": dict(derive_layout(record)), "__doc__": record.__doc__}
    for name, hint in hints.items():
        nullable = type(None) in get_args(hint) and get_origin(hint) is not tuple
        body[name] = fields.get(name) or pa.Field(nullable=nullable)
    body["Config"] = type("Config", (), {"strict": True, "ordered": False})
    return type(title, (pa.DataFrameModel,), body)


# ── catalogue ─────────────────────────────────────────────────────────────────────────────────


TOOL_DEFINITIONS = Table(
    "tool_definitions",
    build_layout(
        Tool,
        "ToolDefinitions",
        name=pa.Field(unique=True, str_matches=r"^[A-Za-z0-9_-]{1,64}$"),
        description=pa.Field(str_length={"min_value": 1}),
    ),
    (
        TableCheck("schemas_compile", "Parameters and returns are valid JSON Schemas.", (), checks.find_broken_schemas),
        TableCheck(
            "definitions_say_enough",
            "Most tools declare results, require something and have a description, and most arguments are described "
            "and may be said in a request.",
            (),
            checks.find_gaps_of_most_tools,
            blocking=False,
        ),
    ),
    key="name",
)
TOOL_GRAPH = Table(
    "tool_graph",
    build_layout(ToolEdge, "ToolGraph", weight=pa.Field(gt=0, le=1)),
    (
        checks.build_tools_exist_check(
            lambda frame: pl.concat([frame.select(tool="source_tool"), frame.select(tool="target_tool")]).unique(
                maintain_order=True
            ),
            "an edge",
        ),
    ),
)
TOOL_CHAINS = Table(
    "tool_chains",
    build_layout(ToolChain, "ToolChains", chain_id=pa.Field(unique=True)),
    (
        checks.build_tools_exist_check(
            lambda frame: (
                frame.select("chain_id", "steps")
                .explode("steps")
                .select("chain_id", tool=pl.col("steps").struct.field("tool"))
            ),
            "a chain",
        ),
        TableCheck(
            "bindings_point_back", "An argument is taken from an earlier step.", (), checks.find_forward_bindings
        ),
        TableCheck(
            "steps_are_linked",
            "Every step uses an earlier result, or a later one uses its own, unless it is an errand of its own.",
            (),
            checks.find_unlinked_steps,
        ),
    ),
)

# ── scenarios and people ──────────────────────────────────────────────────────────────────────
STRATEGIES = ("simulate", "one_shot", "hybrid")
_IS_KEPT = pl.col("status") == "kept"
SCENARIOS = Table(
    "scenarios",
    build_layout(
        Scenario,
        "Scenarios",
        scenario_id=pa.Field(unique=True),
        text=pa.Field(str_length={"min_value": 20}),
        matter=pa.Field(str_length={"min_value": 3}),
    ),
    (checks.build_reference_check("chain_id", "tool_chains"),),
)
DEDUPLICATED_SCENARIOS = Table(
    "deduplicated_scenarios",
    build_layout(
        DeduplicatedScenario,
        "DeduplicatedScenarios",
        scenario_id=pa.Field(unique=True),
        status=pa.Field(isin=["kept", "duplicate", "surplus", "failed"]),
        similarity=pa.Field(ge=-1.001, le=1.001, nullable=True),
        overlap=pa.Field(ge=0, le=1, nullable=True),
    ),
    (
        checks.build_coverage_check("scenarios", "scenario_id"),
        TableCheck(
            "duplicates_are_explained",
            "A duplicate names what it repeats, and nothing else does.",
            (),
            checks.find_unexplained_duplicates,
        ),
        TableCheck("kept_texts_differ", "No two kept scenarios have the same text.", (), checks.find_repeated_texts),
    ),
)
PERSONAS = Table(
    "personas",
    build_layout(
        Persona,
        "Personas",
        persona_id=pa.Field(unique=True),
        scenario_id=pa.Field(unique=True),
        email=pa.Field(str_contains="@"),
        register=pa.Field(isin=["brisk", "warm", "formal", "chatty"]),
        today=pa.Field(str_matches=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[+-]\d{2}:\d{2}$"),
    ),
    (checks.build_reference_check("scenario_id", "deduplicated_scenarios", where=_IS_KEPT),),
)
CONVERSATION_PLANS = Table(
    "conversation_plans",
    build_layout(
        ConversationPlan,
        "ConversationPlans",
        plan_id=pa.Field(unique=True),
        clarity=pa.Field(isin=["excellent", "good", "average"]),
        disposition=pa.Field(str_length={"min_value": 5}),
    ),
    (
        checks.build_reference_check("scenario_id", "deduplicated_scenarios", where=_IS_KEPT),
        checks.build_reference_check("persona_id", "personas"),
        checks.build_reference_check("chain_id", "tool_chains"),
        checks.build_tools_exist_check(
            lambda frame: (
                frame.select("plan_id", tool=pl.concat_list("tools", "distractors")).explode("tool").drop_nulls("tool")
            ),
            "a plan",
        ),
        TableCheck(
            "sources_are_possible",
            "Facts have words; results come from earlier steps.",
            (),
            checks.find_impossible_sources,
        ),
        TableCheck(
            "distractors_are_unused",
            "No distractor is among the tools of the plan.",
            (),
            checks.find_used_distractors,
        ),
    ),
)

# ── conversations ─────────────────────────────────────────────────────────────────────────────
CONVERSATIONS = Table(
    "conversations",
    build_layout(
        Conversation,
        "Conversations",
        conversation_id=pa.Field(unique=True),
        plan_id=pa.Field(unique=True),
        strategy=pa.Field(isin=STRATEGIES),
        seed=pa.Field(),
    ),
    (
        checks.build_reference_check("plan_id", "conversation_plans"),
        TableCheck(
            "calls_are_answered",
            "Calls and results pair, turns are in order, nothing is empty, unless the conversation failed.",
            (),
            checks.find_unpaired_calls,
        ),
        TableCheck(
            "offline_calls_are_valid",
            "Offline conversations call only offered tools, with arguments valid under their JSON Schema.",
            ("conversation_plans", "tool_definitions"),
            checks.find_bad_calls,
        ),
        TableCheck(
            "offline_arguments_are_grounded",
            "Every argument of an offline conversation has a source.",
            (),
            checks.find_untraced_arguments,
        ),
    ),
)
SYSTEM_PROMPTS = Table(
    "system_prompts",
    build_layout(
        SystemPrompt,
        "SystemPrompts",
        conversation_id=pa.Field(unique=True),
        system_prompt=pa.Field(str_length={"min_value": 1}, nullable=True),
    ),
    (
        checks.build_reference_check("conversation_id", "conversations"),
        checks.build_coverage_check("conversations", "conversation_id", where=pl.col("failure").is_null()),
        TableCheck(
            "missing_prompts_are_explained",
            "A conversation without a system prompt has the failure, and no other has one.",
            (),
            checks.find_unexplained_prompts,
        ),
    ),
)

# ── quality ───────────────────────────────────────────────────────────────────────────────────


def _build_score_field(nullable: bool = False) -> Any:
    """Builds the field of a score from 1 to 5."""
    return pa.Field(ge=1, le=5, nullable=nullable)


SCORED_CONVERSATIONS = Table(
    "scored_conversations",
    build_layout(
        ScoredConversation,
        "ScoredConversations",
        conversation_id=pa.Field(unique=True),
        **{scale: _build_score_field(nullable=True) for scale in SCALES},
    ),
    (
        checks.build_reference_check("conversation_id", "conversations"),
        checks.build_coverage_check("conversations", "conversation_id"),
        TableCheck(
            "only_failures_are_unscored",
            "A conversation without scores has a finding that says why, and one that failed has no scores.",
            ("conversations",),
            checks.find_wrongly_scored,
        ),
    ),
)
ACCEPTED_CONVERSATIONS = Table(
    "accepted_conversations",
    build_layout(
        SelectedConversation,
        "AcceptedConversations",
        conversation_id=pa.Field(unique=True),
        tool_use_quality=_build_score_field(),
    ),
    (
        checks.build_reference_check("conversation_id", "scored_conversations"),
        TableCheck(
            "nothing_objected",
            "No accepted conversation has a blocking finding.",
            ("scored_conversations",),
            checks.find_accepted_with_objection,
        ),
        TableCheck(
            "markup_is_canonical", "The text parses, and renders to itself.", (), checks.find_non_canonical_markup
        ),
    ),
)
REJECTED_CONVERSATIONS = Table(
    "rejected_conversations",
    build_layout(
        SelectedConversation,
        "RejectedConversations",
        conversation_id=pa.Field(unique=True),
        tool_use_quality=_build_score_field(nullable=True),
    ),
    (
        checks.build_reference_check("conversation_id", "scored_conversations"),
        TableCheck("reasons_are_given", "Every rejection has a reason.", (), checks.find_rejections_without_reason),
        TableCheck(
            "not_accepted_too",
            "Nothing is both accepted and rejected.",
            ("accepted_conversations",),
            checks.find_both_accepted_and_rejected,
        ),
        TableCheck(
            "none_forgotten",
            "Everything scored is accepted or rejected.",
            ("accepted_conversations", "scored_conversations"),
            checks.find_neither_accepted_nor_rejected,
        ),
    ),
)

# ── training examples ─────────────────────────────────────────────────────────────────────────
_EXAMPLES_ARE_SOUND = TableCheck(
    "examples_are_sound",
    "Calls name offered tools, fit their JSON Schema, and have their results.",
    (),
    checks.find_bad_examples,
)
_SPLITS_ARE_DISJOINT = (
    TableCheck(
        "chains_are_disjoint",
        "No tool chain of the test split is in the train split.",
        (),
        checks.build_split_overlap_finder("chain_id"),
    ),
    TableCheck(
        "clusters_are_disjoint",
        "No scenario cluster of the test split is in the train split.",
        (),
        checks.build_split_overlap_finder("cluster_id"),
    ),
    TableCheck(
        "reserved_functions_are_held_out",
        "Functions that are reserved for the test split are called there only, and by each test row that calls any.",
        (),
        checks.find_hold_out_violations,
    ),
)

# Not one of them is null, although records of before they were recorded have none of it.
_ROW_FACTS: dict[str, Any] = {
    **{scale: _build_score_field() for scale in SCALES},
    "overall": pa.Field(ge=1, le=5),
    "judge": pa.Field(str_length={"min_value": 1}),
    "judge_reasoning": pa.Field(),
    "seed": pa.Field(),
    "pattern": pa.Field(isin=get_args(Pattern)),
    "strategy": pa.Field(isin=STRATEGIES),
    "engine": pa.Field(str_length={"min_value": 1}),
    "attempts": pa.Field(ge=1),
    "repairs": pa.Field(ge=0),
}
_ROWS_TELL_WHAT_THEY_ARE = TableCheck(
    "rows_tell_what_they_are",
    "Every row names toolkits and models, its overall score is the mean of the four, and a first text is no repair.",
    (),
    checks.find_untold_rows,
)
PARSED_CONVERSATIONS = Table(
    "parsed_conversations",
    build_layout(
        ParsedConversation,
        "ParsedConversations",
        conversation_id=pa.Field(unique=True),
        calls=pa.Field(ge=0),
        user_turns=pa.Field(ge=1),
        **_ROW_FACTS,
    ),
    (
        checks.build_reference_check("conversation_id", "accepted_conversations"),
        _EXAMPLES_ARE_SOUND,
        _ROWS_TELL_WHAT_THEY_ARE,
    ),
)
DEDUPLICATED_CONVERSATIONS = Table(
    "deduplicated_conversations",
    build_layout(
        DeduplicatedConversation,
        "DeduplicatedConversations",
        conversation_id=pa.Field(unique=True),
        status=pa.Field(isin=["kept", "duplicate", "failed"]),
        similarity=pa.Field(ge=-1.001, le=1.001, nullable=True),
        overlap=pa.Field(ge=0, le=1, nullable=True),
    ),
    (
        checks.build_reference_check("conversation_id", "parsed_conversations"),
        checks.build_coverage_check("parsed_conversations", "conversation_id"),
        TableCheck(
            "duplicates_are_explained",
            "A duplicate names the kept conversation that it repeats, with the reason, and nothing else does.",
            (),
            checks.find_unexplained_repetitions,
        ),
    ),
)
DATASET = Table(
    "dataset",
    build_layout(
        DatasetRow,
        "Dataset",
        conversation_id=pa.Field(unique=True),
        split=pa.Field(isin=["train", "test"]),
        **_ROW_FACTS,
    ),
    (
        checks.build_reference_check("conversation_id", "parsed_conversations"),
        TableCheck(
            "no_near_duplicates",
            "No conversation repeats another of the partition.",
            ("deduplicated_conversations",),
            checks.find_near_duplicates,
        ),
        _EXAMPLES_ARE_SOUND,
        _ROWS_TELL_WHAT_THEY_ARE,
        *_SPLITS_ARE_DISJOINT,
        TableCheck(
            "requests_are_disjoint",
            "No single request of the test split is made in the train split in the same words.",
            (),
            checks.find_shared_requests,
        ),
    ),
)
QUALITY_REPORT = Table(
    "quality_report",
    build_layout(QualityFigure, "QualityReport"),
    (
        TableCheck("figures_are_named_once", "No two rows are the same figure.", (), checks.find_repeated_figures),
        TableCheck(
            "shares_fit_their_counts",
            "A share is its part by its whole, between 0 and 1.",
            (),
            checks.find_wrong_shares,
        ),
        TableCheck(
            "tools_are_used",
            "Most tools are called, with arguments, and most arguments of called tools are given.",
            (),
            checks.find_gaps_of_most_use,
            blocking=False,
        ),
    ),
    key="figure",
)


# ── training ──────────────────────────────────────────────────────────────────────────────────
def _build_token_table(name: str, title: str) -> Table:
    """Builds the contract of a table of tokens; what needs the tokenizer is checked by the stage itself."""
    return Table(
        name,
        build_layout(
            TokenRow,
            title,
            row_id=pa.Field(unique=True),
            split=pa.Field(isin=["train", "test"]),
            layout=pa.Field(isin=["with_tools", "without_tools"]),
            prefix_length=pa.Field(ge=0),
            cut=pa.Field(ge=0),
        ),
        (
            TableCheck(
                "weights_fit_tokens",
                "Every token has a weight of at least 0, and the prefix is shorter than the row.",
                (),
                checks.find_misfit_weights,
            ),
            TableCheck(
                "prefixes_do_not_count",
                "No token of system prompt and tools counts in the loss.",
                (),
                checks.find_counted_prefixes,
            ),
            TableCheck(
                "every_row_teaches", "Every row has a token that counts in the loss.", (), checks.find_uncounted_rows
            ),
        ),
        key="row_id",
    )


TRAINING_TOKENS = _build_token_table("training_tokens", "TrainingTokens")
RELEASE_TOKENS = _build_token_table("release_tokens", "ReleaseTokens")


def _build_model_table(name: str, title: str) -> Table:
    """Builds the contract of a table with one model a partition."""
    return Table(
        name,
        build_layout(
            FinetunedModel,
            title,
            partition=pa.Field(unique=True),
            model_id=pa.Field(str_length={"min_value": 1}),
            layout=pa.Field(isin=["with_tools", "without_tools"]),
            steps=pa.Field(ge=1),
            parameters=pa.Field(ge=1),
            train_rows=pa.Field(ge=1),
            counted_tokens=pa.Field(ge=1),
            first_loss=pa.Field(ge=0, nullable=True),
            best_loss=pa.Field(ge=0, nullable=True),
            cpu_seconds=pa.Field(ge=0),
        ),
        (
            TableCheck(
                "training_lowers_the_loss",
                "The loss on held-out answers is lower than before the training.",
                (),
                checks.find_models_that_learned_nothing,
                blocking=False,
            ),
        ),
        key="partition",
    )


FINETUNED_MODELS = _build_model_table("finetuned_models", "FinetunedModels")
GENERAL_MODEL = _build_model_table("general_model", "GeneralModel")
FUNCTION_CALL_MATCH = Table(
    "function_call_match",
    build_layout(FunctionCallMatch, "FunctionCallMatches", items=pa.Field(ge=1)),
    (
        TableCheck(
            "figures_are_measured_once",
            "A model has each figure once.",
            (),
            evaluation_checks.find_repeated_figures,
        ),
        TableCheck(
            "figures_are_possible",
            "Shares are between 0 and 1, and an interval's lower end is the lower one.",
            (),
            evaluation_checks.find_impossible_figures,
        ),
        TableCheck(
            "no_worse_than_published",
            "The model is not significantly worse than the published one over the same items (paired bootstrap over "
            "conversations, p < .05).",
            (),
            evaluation_checks.find_significant_losses,
            blocking=False,
        ),
    ),
    key="metric",
)
RELEASE_CHECKS = (_EXAMPLES_ARE_SOUND, _ROWS_TELL_WHAT_THEY_ARE, *_SPLITS_ARE_DISJOINT)
TABLES = (
    TOOL_DEFINITIONS,
    TOOL_GRAPH,
    TOOL_CHAINS,
    SCENARIOS,
    DEDUPLICATED_SCENARIOS,
    PERSONAS,
    CONVERSATION_PLANS,
    CONVERSATIONS,
    SYSTEM_PROMPTS,
    SCORED_CONVERSATIONS,
    ACCEPTED_CONVERSATIONS,
    REJECTED_CONVERSATIONS,
    PARSED_CONVERSATIONS,
    DEDUPLICATED_CONVERSATIONS,
    DATASET,
    QUALITY_REPORT,
    TRAINING_TOKENS,
    RELEASE_TOKENS,
    FINETUNED_MODELS,
    GENERAL_MODEL,
    FUNCTION_CALL_MATCH,
)
