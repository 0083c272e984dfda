"""The tables between the stages: their Pandera layouts, and the checks that judge their meaning.

A layout follows from the record of its rows (`records.py`); given here are the ranges, choices and keys
that a type cannot say. A check is a function from frames to the rows that break it. What is checked is
what must never be wrong. A conversation that a model wrote badly is not wrong in that sense: it is
data, which `findings.py` judges and `selection.py` rejects.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pandera.polars as pa
import polars as pl

from funcdex_assets.catalog.json_schema import problems, validator
from funcdex_assets.dml.markup import DMLError
from funcdex_assets.dml.parse import parse
from funcdex_assets.dml.render import render
from funcdex_assets.dml.structure import check
from funcdex_assets.quality.provenance import ungrounded
from funcdex_assets.quality.table import Table, TableCheck
from funcdex_assets.records import (
    Conversation,
    ConversationPlan,
    DatasetRow,
    DeduplicatedScenario,
    Json,
    Message,
    ParsedConversation,
    Persona,
    Record,
    Scenario,
    ScoredConversation,
    SelectedConversation,
    SystemPrompt,
    Tool,
    ToolChain,
    ToolEdge,
)
from funcdex_assets.tables import from_frame, layout


def layout_of(record: type[Record], title: str, **fields: Any) -> type[pa.DataFrameModel]:
    """The Pandera model of a table of such records; `fields` are `pa.Field`s by column name.

    Columns are exactly those of the record, of its types, and nullable where the record allows None.
    """
    hints = get_type_hints(record)
    body: dict[str, Any] = {"__annotations__": dict(layout(record)), "__doc__": record.__doc__}
    for name, hint in hints.items():
        nullable = type(None) in get_args(hint) and get_origin(hint) is not tuple
        body[name] = fields.get(name) or pa.Field(nullable=nullable)
    body["Config"] = type("Config", (), {"strict": True, "ordered": False})
    return type(title, (pa.DataFrameModel,), body)


def offending(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    found = list(rows)
    return pl.DataFrame(found, infer_schema_length=None) if found else pl.DataFrame()


def refers(column: str, to: str, key: str | None = None, where: pl.Expr | None = None) -> TableCheck:
    """Every value of `column` exists in the table `to` (in its rows `where`)."""
    key = key or column

    def dangling(frame: pl.DataFrame, target: pl.DataFrame) -> pl.DataFrame:
        known = target.filter(where) if where is not None else target
        return frame.join(known, left_on=column, right_on=key, how="anti").select(
            frame.columns[0], *([column] if column != frame.columns[0] else [])
        )

    return TableCheck(f"{column}_exists", f"Every {column} is one of {to}.", (to,), dangling)


def covers(table: str, column: str) -> TableCheck:
    """Every `column` of the upstream table has a row here, so that nothing is lost on the way."""

    def lost(frame: pl.DataFrame, source: pl.DataFrame) -> pl.DataFrame:
        return source.join(frame, on=column, how="anti").select(column)

    return TableCheck(f"no_{column}_lost", f"Every {column} of {table} has a row.", (table,), lost)


def tools_exist(names: Callable[[pl.DataFrame], pl.DataFrame], what: str) -> TableCheck:
    """`names` gives a frame with a column `tool` and one that identifies the row."""

    def unknown(frame: pl.DataFrame, tools: pl.DataFrame) -> pl.DataFrame:
        return names(frame).join(tools.select(tool="name"), on="tool", how="anti")

    return TableCheck("tools_exist", f"Every tool named in {what} is defined.", ("tool_definitions",), unknown)


# ── catalogue ─────────────────────────────────────────────────────────────────────────────────


def _broken_schemas(frame: pl.DataFrame) -> pl.DataFrame:
    def rows() -> Iterable[dict[str, Any]]:
        for tool in from_frame(frame, Tool):
            for field, schema in (("parameters", tool.parameters), ("returns", tool.returns)):
                try:
                    if schema is not None:
                        validator(schema)
                except (ValueError, TypeError) as error:
                    yield {"name": tool.name, "field": field, "problem": str(error)}

    return offending(rows())


def _loose_bindings(frame: pl.DataFrame) -> pl.DataFrame:
    return offending(
        {"chain_id": chain.chain_id, "step": index, "argument": binding.argument, "from_step": binding.step}
        for chain in from_frame(frame, ToolChain)
        for index, step in enumerate(chain.steps)
        for binding in step.bindings
        if not 0 <= binding.step < index
    )


def _unlinked_steps(frame: pl.DataFrame) -> pl.DataFrame:
    return offending(
        {"chain_id": chain.chain_id, "step": index, "tool": step.tool}
        for chain in from_frame(frame, ToolChain)
        for index, step in enumerate(chain.steps)
        if index
        and not step.bindings
        and not any(binding.step == index for later in chain.steps for binding in later.bindings)
    )


TOOL_DEFINITIONS = Table(
    "tool_definitions",
    layout_of(
        Tool,
        "ToolDefinitions",
        name=pa.Field(unique=True, str_matches=r"^[A-Za-z0-9_-]{1,64}$"),
        description=pa.Field(str_length={"min_value": 1}),
    ),
    (TableCheck("schemas_compile", "Parameters and returns are valid JSON Schemas.", (), _broken_schemas),),
    key="name",
)
TOOL_GRAPH = Table(
    "tool_graph",
    layout_of(ToolEdge, "ToolGraph", weight=pa.Field(gt=0, le=1)),
    (
        tools_exist(
            lambda frame: pl.concat([frame.select(tool="source_tool"), frame.select(tool="target_tool")]).unique(
                maintain_order=True
            ),
            "an edge",
        ),
    ),
)
TOOL_CHAINS = Table(
    "tool_chains",
    layout_of(ToolChain, "ToolChains", chain_id=pa.Field(unique=True)),
    (
        tools_exist(
            lambda frame: (
                frame.select("chain_id", "steps")
                .explode("steps")
                .select("chain_id", tool=pl.col("steps").struct.field("tool"))
            ),
            "a chain",
        ),
        TableCheck("bindings_point_back", "An argument is taken from an earlier step.", (), _loose_bindings),
        TableCheck(
            "steps_are_linked", "Every step uses an earlier result, or a later one uses its own.", (), _unlinked_steps
        ),
    ),
)

# ── scenarios and people ──────────────────────────────────────────────────────────────────────


def _unexplained_duplicates(frame: pl.DataFrame) -> pl.DataFrame:
    duplicate = pl.col("status") == "duplicate"
    explained = pl.col("duplicate_of").is_not_null() & pl.col("similarity").is_not_null()
    return frame.filter((duplicate & ~explained) | (~duplicate & pl.col("duplicate_of").is_not_null())).select(
        "scenario_id", "status", "duplicate_of", "similarity"
    )


def _repeated_texts(frame: pl.DataFrame) -> pl.DataFrame:
    kept = frame.filter(pl.col("status") == "kept")
    return kept.filter(pl.col("text").is_duplicated()).select("scenario_id", "text")


def _impossible_sources(frame: pl.DataFrame) -> pl.DataFrame:
    return offending(
        {
            "plan_id": plan.plan_id,
            "step": index,
            "tool": step.tool,
            "argument": argument.argument,
            "source": argument.source,
        }
        for plan in from_frame(frame, ConversationPlan)
        for index, step in enumerate(plan.steps)
        for argument in step.arguments
        if (argument.source == "result" and not (argument.step is not None and 0 <= argument.step < index))
        or (argument.source == "user" and not argument.surface)
    )


def _distractors_in_use(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("tools").list.set_intersection("distractors").list.len() > 0).select(
        "plan_id", "tools", "distractors"
    )


_KEPT = pl.col("status") == "kept"
SCENARIOS = Table(
    "scenarios",
    layout_of(
        Scenario,
        "Scenarios",
        scenario_id=pa.Field(unique=True),
        text=pa.Field(str_length={"min_value": 20}),
        matter=pa.Field(str_length={"min_value": 3}),
    ),
    (refers("chain_id", "tool_chains"),),
)
DEDUPLICATED_SCENARIOS = Table(
    "deduplicated_scenarios",
    layout_of(
        DeduplicatedScenario,
        "DeduplicatedScenarios",
        scenario_id=pa.Field(unique=True),
        status=pa.Field(isin=["kept", "duplicate", "surplus"]),
        similarity=pa.Field(ge=-1.001, le=1.001, nullable=True),
        overlap=pa.Field(ge=0, le=1, nullable=True),
    ),
    (
        covers("scenarios", "scenario_id"),
        TableCheck(
            "duplicates_are_explained",
            "A duplicate names what it repeats, and nothing else does.",
            (),
            _unexplained_duplicates,
        ),
        TableCheck("kept_texts_differ", "No two kept scenarios have the same text.", (), _repeated_texts),
    ),
)
PERSONAS = Table(
    "personas",
    layout_of(
        Persona,
        "Personas",
        persona_id=pa.Field(unique=True),
        scenario_id=pa.Field(unique=True),
        email=pa.Field(str_contains="@"),
        register=pa.Field(isin=["brisk", "warm", "formal", "chatty"]),
        today=pa.Field(str_matches=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[+-]\d{2}:\d{2}$"),
    ),
    (refers("scenario_id", "deduplicated_scenarios", where=_KEPT),),
)
CONVERSATION_PLANS = Table(
    "conversation_plans",
    layout_of(
        ConversationPlan,
        "ConversationPlans",
        plan_id=pa.Field(unique=True),
        clarity=pa.Field(isin=["excellent", "good", "average"]),
        disposition=pa.Field(str_length={"min_value": 5}),
    ),
    (
        refers("scenario_id", "deduplicated_scenarios", where=_KEPT),
        refers("persona_id", "personas"),
        refers("chain_id", "tool_chains"),
        tools_exist(
            lambda frame: (
                frame.select("plan_id", tool=pl.concat_list("tools", "distractors")).explode("tool").drop_nulls("tool")
            ),
            "a plan",
        ),
        TableCheck(
            "sources_are_possible",
            "Facts have words; results come from earlier steps.",
            (),
            _impossible_sources,
        ),
        TableCheck("distractors_are_unused", "No distractor is among the tools of the plan.", (), _distractors_in_use),
    ),
)

# ── conversations ─────────────────────────────────────────────────────────────────────────────


def _unpaired(frame: pl.DataFrame) -> pl.DataFrame:
    return offending(
        {"conversation_id": conversation.conversation_id, "problem": problem}
        for conversation in from_frame(frame, Conversation)
        if (problem := _structural_problem(conversation.messages))
    )


def _structural_problem(messages: Sequence[Message]) -> str | None:
    try:
        check(messages)
    except DMLError as error:
        return str(error)
    return None


def _bad_calls(frame: pl.DataFrame, plans: pl.DataFrame, definitions: pl.DataFrame) -> pl.DataFrame:
    tools = {tool.name: tool for tool in from_frame(definitions, Tool)}
    offered = {
        row["plan_id"]: {*row["tools"], *row["distractors"]}
        for row in plans.select("plan_id", "tools", "distractors").to_dicts()
    }

    def rows() -> Iterable[dict[str, Any]]:
        for conversation in from_frame(frame.filter(pl.col("engine") == "offline"), Conversation):
            for index, message in enumerate(conversation.messages):
                for call in message.tool_calls:
                    found = (
                        problems(tools[call.name].parameters, call.arguments)
                        if call.name in tools and call.name in offered.get(conversation.plan_id, ())
                        else [f"{call.name!r} is not among the tools offered"]
                    )
                    for problem in found:
                        yield {
                            "conversation_id": conversation.conversation_id,
                            "message": index,
                            "call": call.id,
                            "tool": call.name,
                            "problem": problem,
                        }

    return offending(rows())


def _untraced(frame: pl.DataFrame) -> pl.DataFrame:
    return offending(
        {
            "conversation_id": conversation.conversation_id,
            "message": index,
            "call": call.id,
            "argument": pointer,
            "value": str(value),
        }
        for conversation in from_frame(frame.filter(pl.col("engine") == "offline"), Conversation)
        for index, call, pointer, value in ungrounded(conversation.messages, conversation.provenance)
    )


CONVERSATIONS = Table(
    "conversations",
    layout_of(
        Conversation,
        "Conversations",
        conversation_id=pa.Field(unique=True),
        strategy=pa.Field(isin=["simulate", "one_shot"]),
    ),
    (
        refers("plan_id", "conversation_plans"),
        TableCheck(
            "calls_are_answered",
            "Calls and results pair, turns are in order, nothing is empty.",
            (),
            _unpaired,
        ),
        TableCheck(
            "offline_calls_are_valid",
            "Offline conversations call only offered tools, with arguments valid under their JSON Schema.",
            ("conversation_plans", "tool_definitions"),
            _bad_calls,
        ),
        TableCheck(
            "offline_arguments_are_grounded",
            "Every argument of an offline conversation has a source.",
            (),
            _untraced,
        ),
    ),
)
SYSTEM_PROMPTS = Table(
    "system_prompts",
    layout_of(
        SystemPrompt,
        "SystemPrompts",
        conversation_id=pa.Field(unique=True),
        system_prompt=pa.Field(str_length={"min_value": 40}),
    ),
    (refers("conversation_id", "conversations"), covers("conversations", "conversation_id")),
)

# ── quality ───────────────────────────────────────────────────────────────────────────────────


def _accepted_with_objection(frame: pl.DataFrame, scored: pl.DataFrame) -> pl.DataFrame:
    blocked = scored.filter(pl.col("findings").list.eval(pl.element().struct.field("blocking")).list.any())
    return frame.join(blocked, on="conversation_id", how="semi").select("conversation_id")


def _not_markup(frame: pl.DataFrame) -> pl.DataFrame:
    def rows() -> Iterable[dict[str, Any]]:
        for conversation_id, text in frame.select("conversation_id", "dml").iter_rows():
            try:
                if render(parse(text)) != text:
                    yield {
                        "conversation_id": conversation_id,
                        "problem": "the text is not in its canonical form",
                    }
            except DMLError as error:
                yield {"conversation_id": conversation_id, "problem": str(error)}

    return offending(rows())


def _without_reason(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("reasons").list.len() == 0).select("conversation_id")


def _in_both(frame: pl.DataFrame, accepted: pl.DataFrame) -> pl.DataFrame:
    return frame.join(accepted, on="conversation_id", how="semi").select("conversation_id")


def _in_neither(frame: pl.DataFrame, accepted: pl.DataFrame, scored: pl.DataFrame) -> pl.DataFrame:
    judged = scored.select("conversation_id")
    return judged.join(accepted, on="conversation_id", how="anti").join(frame, on="conversation_id", how="anti")


def _score() -> Any:
    return pa.Field(ge=1, le=5)


SCORED_CONVERSATIONS = Table(
    "scored_conversations",
    layout_of(
        ScoredConversation,
        "ScoredConversations",
        conversation_id=pa.Field(unique=True),
        user_query_clarity=_score(),
        tool_use_quality=_score(),
        naturalness=_score(),
        task_completion=_score(),
    ),
    (refers("conversation_id", "conversations"), covers("conversations", "conversation_id")),
)
ACCEPTED_CONVERSATIONS = Table(
    "accepted_conversations",
    layout_of(
        SelectedConversation,
        "AcceptedConversations",
        conversation_id=pa.Field(unique=True),
        tool_use_quality=_score(),
    ),
    (
        refers("conversation_id", "scored_conversations"),
        TableCheck(
            "nothing_objected",
            "No accepted conversation has a blocking finding.",
            ("scored_conversations",),
            _accepted_with_objection,
        ),
        TableCheck("markup_is_canonical", "The text parses, and renders to itself.", (), _not_markup),
    ),
)
REJECTED_CONVERSATIONS = Table(
    "rejected_conversations",
    layout_of(
        SelectedConversation,
        "RejectedConversations",
        conversation_id=pa.Field(unique=True),
        tool_use_quality=_score(),
    ),
    (
        refers("conversation_id", "scored_conversations"),
        TableCheck("reasons_are_given", "Every rejection has a reason.", (), _without_reason),
        TableCheck(
            "not_accepted_too",
            "Nothing is both accepted and rejected.",
            ("accepted_conversations",),
            _in_both,
        ),
        TableCheck(
            "none_forgotten",
            "Everything scored is accepted or rejected.",
            ("accepted_conversations", "scored_conversations"),
            _in_neither,
        ),
    ),
)

# ── training examples ─────────────────────────────────────────────────────────────────────────


def example_problems(messages: Json, tools: Json) -> list[str]:
    """What is wrong with an OpenAI example: unknown tool, invalid arguments, a call without its result
    or a result without its call.
    """
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in tools}
    found: list[str] = []
    waiting: list[str] = []
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            if not waiting or message["tool_call_id"] != waiting.pop(0):
                found.append(f"message {index}: result of {message['tool_call_id']!r}, which does not wait for one")
            continue
        if waiting:
            found.append(f"message {index}: {waiting[0]} has no result")
            waiting = []
        for call in message.get("tool_calls", ()):
            name, arguments = call["function"]["name"], call["function"]["arguments"]
            waiting.append(call["id"])
            if name not in schemas:
                found.append(f"message {index}: {name!r} is not among the tools")
            else:
                found += [f"message {index}: {name}{problem}" for problem in problems(schemas[name], arguments)]
    return found + [f"{call} has no result" for call in waiting]


def _bad_examples(frame: pl.DataFrame) -> pl.DataFrame:
    cached: dict[str, Any] = {}

    def rows() -> Iterable[dict[str, Any]]:
        for conversation_id, messages, tools in frame.select("conversation_id", "messages", "tools").iter_rows():
            offered = cached.get(tools) or cached.setdefault(tools, msgspec.json.decode(tools))
            for problem in example_problems(msgspec.json.decode(messages), offered):
                yield {"conversation_id": conversation_id, "problem": problem}

    return offending(rows())


def _shared(column: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    def both_sides(frame: pl.DataFrame) -> pl.DataFrame:
        train = frame.filter(pl.col("split") == "train").select(column)
        test = frame.filter(pl.col("split") == "test")
        return test.join(train, on=column, how="semi").select("conversation_id", column)

    return both_sides


_EXAMPLES_ARE_SOUND = TableCheck(
    "examples_are_sound",
    "Calls name offered tools, fit their JSON Schema, and have their results.",
    (),
    _bad_examples,
)
_SPLITS_ARE_DISJOINT = (
    TableCheck(
        "chains_are_disjoint",
        "No tool chain of the test split is in the train split.",
        (),
        _shared("chain_id"),
    ),
    TableCheck(
        "clusters_are_disjoint",
        "No scenario cluster of the test split is in the train split.",
        (),
        _shared("cluster_id"),
    ),
)

PARSED_CONVERSATIONS = Table(
    "parsed_conversations",
    layout_of(
        ParsedConversation,
        "ParsedConversations",
        conversation_id=pa.Field(unique=True),
        calls=pa.Field(ge=0),
        user_turns=pa.Field(ge=1),
    ),
    (
        refers("conversation_id", "accepted_conversations"),
        covers("accepted_conversations", "conversation_id"),
        _EXAMPLES_ARE_SOUND,
    ),
)
DATASET = Table(
    "dataset",
    layout_of(DatasetRow, "Dataset", conversation_id=pa.Field(unique=True), split=pa.Field(isin=["train", "test"])),
    (refers("conversation_id", "parsed_conversations"), _EXAMPLES_ARE_SOUND, *_SPLITS_ARE_DISJOINT),
)
RELEASE_CHECKS = (_EXAMPLES_ARE_SOUND, *_SPLITS_ARE_DISJOINT)
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
    DATASET,
)
