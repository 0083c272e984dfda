"""The rules that judge the meaning of the tables: functions from frames to the rows that break them.

Belongs here: the functions alone; `stage_tables.py` assigns them to tables. Each returns a frame whose first column
identifies the row; an empty frame means that the rule holds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from funcdex_assets.catalog.announced_tools import find_announced_definitions
from funcdex_assets.catalog.definition_gaps import is_of_most, suggest_gap_remedy
from funcdex_assets.checks.provenance import find_ungrounded_arguments, iterate_calls
from funcdex_assets.contracts.table import TableCheck
from funcdex_assets.contracts.toolkit_gaps import find_toolkit_gaps
from funcdex_assets.dedup.requests import SaidRequests
from funcdex_assets.dml.markup import DMLError
from funcdex_assets.dml.parse import parse_conversation
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.dml.structure import check_conversation
from funcdex_assets.records.chain_patterns import EDGELESS_PATTERNS, PARALLEL_PATTERNS, SEVERAL_GOALS
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.figures import GAPS_IN_USE
from funcdex_assets.records.message import Message, ToolCall
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.record import Json
from funcdex_assets.records.tool import Tool, ToolChain
from funcdex_assets.records.verdict import SCALES, compute_overall
from funcdex_assets.schema.validation import compile_validator, find_violations
from funcdex_assets.storage.frames import from_frame


def collect_offending_rows(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Collects rows into a frame; an empty frame without columns if there are none."""
    offending_rows = list(rows)
    return pl.DataFrame(offending_rows, infer_schema_length=None) if offending_rows else pl.DataFrame()


def build_reference_check(column: str, to: str, key: str | None = None, where: pl.Expr | None = None) -> TableCheck:
    """Builds a check that every value of `column` exists in the table `to` (in its rows `where`)."""
    key = key or column

    def find_dangling_rows(frame: pl.DataFrame, target: pl.DataFrame) -> pl.DataFrame:
        target_rows = target.filter(where) if where is not None else target
        return frame.join(target_rows, left_on=column, right_on=key, how="anti").select(
            frame.columns[0], *([column] if column != frame.columns[0] else [])
        )

    return TableCheck(f"{column}_exists", f"Every {column} is one of {to}.", (to,), find_dangling_rows)


def build_coverage_check(table: str, column: str, where: pl.Expr | None = None) -> TableCheck:
    """Builds a check that every `column` of the upstream table (of its rows `where`) has a row here: none is lost."""

    def find_lost_rows(frame: pl.DataFrame, source: pl.DataFrame) -> pl.DataFrame:
        expected_rows = source.filter(where) if where is not None else source
        return expected_rows.join(frame, on=column, how="anti").select(column)

    return TableCheck(f"no_{column}_lost", f"Every {column} of {table} has a row.", (table,), find_lost_rows)


def build_tools_exist_check(select_tool_names: Callable[[pl.DataFrame], pl.DataFrame], what: str) -> TableCheck:
    """Builds a check that all named tools are defined.

    `select_tool_names` returns a frame with a column `tool` and one that identifies the row.
    """

    def find_unknown_tools(frame: pl.DataFrame, tools: pl.DataFrame) -> pl.DataFrame:
        return select_tool_names(frame).join(tools.select(tool="name"), on="tool", how="anti")

    return TableCheck(
        "tools_exist", f"Every tool named in {what} is defined.", ("tool_definitions",), find_unknown_tools
    )


def find_broken_schemas(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds tools whose parameters or returns are no valid JSON Schema."""

    def iterate_rows() -> Iterable[dict[str, Any]]:
        for tool in from_frame(frame, Tool):
            for field, schema in (("parameters", tool.parameters), ("returns", tool.returns)):
                try:
                    if schema is not None:
                        compile_validator(schema)
                except (ValueError, TypeError) as error:
                    yield {"name": tool.name, "field": field, "problem": str(error)}

    return collect_offending_rows(iterate_rows())


def find_gaps_of_most_tools(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds what most of the definitions leave out, with its places and the remedy."""
    return collect_offending_rows(
        {
            "gap": gap.title,
            "tools_or_arguments": len(gap.places),
            "of": gap.whole,
            "places": gap.name_places(),
            "remedy": gap.remedy,
        }
        for gap in find_toolkit_gaps({tool.name: tool for tool in from_frame(frame, Tool)})
        if gap.is_of_most
    )


def find_forward_bindings(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds bindings that do not point to an earlier step of their chain."""
    return collect_offending_rows(
        {"chain_id": chain.chain_id, "step": index, "argument": binding.argument, "from_step": binding.step}
        for chain in from_frame(frame, ToolChain)
        for index, step in enumerate(chain.steps)
        for binding in step.bindings
        if not 0 <= binding.step < index
    )


def find_unlinked_steps(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds steps that neither use an earlier result nor feed a later step, in chains whose pattern asks for links."""
    return collect_offending_rows(
        {"chain_id": chain.chain_id, "step": index, "tool": step.tool}
        for chain in from_frame(frame, ToolChain)
        for index, step in enumerate(chain.steps)
        if index
        and chain.pattern not in EDGELESS_PATTERNS | PARALLEL_PATTERNS
        and not step.bindings
        and not any(binding.step == index for later in chain.steps for binding in later.bindings)
        and not _is_errand(chain, index)
    )


def _is_errand(chain: ToolChain, index: int) -> bool:
    """True if a step is one of several errands with which one of the goals begins."""
    earlier_steps_of_goal = [step for step in chain.steps[:index] if step.goal == chain.steps[index].goal]
    return chain.pattern == SEVERAL_GOALS and not any(step.bindings for step in earlier_steps_of_goal)


def find_unexplained_duplicates(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds duplicate scenarios that do not name what they repeat, and others that do."""
    duplicate = pl.col("status") == "duplicate"
    explained = pl.col("duplicate_of").is_not_null() & pl.col("similarity").is_not_null()
    return frame.filter((duplicate & ~explained) | (~duplicate & pl.col("duplicate_of").is_not_null())).select(
        "scenario_id", "status", "duplicate_of", "similarity"
    )


def find_repeated_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds kept scenarios with the same text."""
    kept_rows = frame.filter(pl.col("status") == "kept")
    return kept_rows.filter(pl.col("text").is_duplicated()).select("scenario_id", "text")


def find_impossible_sources(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds planned arguments whose source cannot be: a result of no earlier step, a fact without words."""
    return collect_offending_rows(
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


def find_used_distractors(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds plans whose distractors are among their tools."""
    return frame.filter(pl.col("tools").list.set_intersection("distractors").list.len() > 0).select(
        "plan_id", "tools", "distractors"
    )


def find_unpaired_calls(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds conversations with a structural problem, and failed ones that have messages."""
    return collect_offending_rows(
        {"conversation_id": conversation.conversation_id, "problem": problem}
        for conversation in from_frame(frame, Conversation)
        if (problem := _find_problem_in(conversation))
    )


def _find_problem_in(conversation: Conversation) -> str | None:
    """Returns the problem of one conversation; None if it is sound."""
    if conversation.failure is None:
        return find_structural_problem(conversation.messages)
    return "it failed, and yet has messages" if conversation.messages else None


def find_structural_problem(messages: Sequence[Message]) -> str | None:
    """Returns the first violation of order, pairing or completeness; None if there is none."""
    try:
        check_conversation(messages)
    except DMLError as error:
        return str(error)
    return None


def find_call_problems(messages: Sequence[Message], offered_tools: Mapping[str, Tool]) -> list[str]:
    """Returns the problems of the calls of a conversation: a tool that was not offered, or invalid arguments."""
    return [
        f"message {index}, {call.name}: {problem}"
        for index, call in iterate_calls(messages)
        for problem in _find_problems_of_call(call, offered_tools)
    ]


def _find_problems_of_call(call: ToolCall, offered_tools: Mapping[str, Tool]) -> list[str]:
    if call.name not in offered_tools:
        return [f"{call.name!r} is not among the tools offered"]
    return find_violations(offered_tools[call.name].parameters, call.arguments)


def find_bad_calls(frame: pl.DataFrame, plans: pl.DataFrame, definitions: pl.DataFrame) -> pl.DataFrame:
    """Finds calls of offline conversations to tools that were not offered, or with invalid arguments."""
    tools = {tool.name: tool for tool in from_frame(definitions, Tool)}
    offered = {
        row["plan_id"]: {*row["tools"], *row["distractors"]}  # includes late tools; the rule `unknown_tool` checks when
        for row in plans.select("plan_id", "tools", "distractors").to_dicts()
    }

    def iterate_rows() -> Iterable[dict[str, Any]]:
        for conversation in from_frame(frame.filter(pl.col("engine") == "offline"), Conversation):
            names = offered.get(conversation.plan_id, set())
            offered_tools = {name: tool for name, tool in tools.items() if name in names}
            for index, call in iterate_calls(conversation.messages):
                for problem in _find_problems_of_call(call, offered_tools):
                    yield {
                        "conversation_id": conversation.conversation_id,
                        "message": index,
                        "call": call.id,
                        "tool": call.name,
                        "problem": problem,
                    }

    return collect_offending_rows(iterate_rows())


def find_untraced_arguments(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds arguments of offline conversations that have no source."""
    return collect_offending_rows(
        {
            "conversation_id": conversation.conversation_id,
            "message": index,
            "call": call.id,
            "argument": pointer,
            "value": str(value),
        }
        for conversation in from_frame(frame.filter(pl.col("engine") == "offline"), Conversation)
        for index, call, pointer, value in find_ungrounded_arguments(conversation.messages, conversation.provenance)
    )


def find_unexplained_prompts(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds rows with neither a system prompt nor a failure, or with both."""
    return frame.filter(pl.col("system_prompt").is_null() != pl.col("failure").is_not_null()).select("conversation_id")


def find_wrongly_scored(frame: pl.DataFrame, conversations: pl.DataFrame) -> pl.DataFrame:
    """Finds conversations without scores that have no blocking finding to say why, and failed ones with scores."""
    failure = conversations.select("conversation_id", failed=pl.col("failure").is_not_null())
    unscored = pl.all_horizontal(pl.col("judge", *SCALES).is_null())
    scored = pl.all_horizontal(pl.col("judge", *SCALES).is_not_null())
    objected = pl.col("findings").list.eval(pl.element().struct.field("blocking")).list.any()
    return (
        frame.join(failure, on="conversation_id")
        .filter(~((unscored & objected) | (scored & ~pl.col("failed"))))
        .select("conversation_id", "failed", *SCALES)
    )


def find_accepted_with_objection(frame: pl.DataFrame, scored: pl.DataFrame) -> pl.DataFrame:
    """Finds accepted conversations with a blocking finding."""
    blocked = scored.filter(pl.col("findings").list.eval(pl.element().struct.field("blocking")).list.any())
    return frame.join(blocked, on="conversation_id", how="semi").select("conversation_id")


def find_non_canonical_markup(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds texts that do not parse, or that are not rendered to themselves."""

    def iterate_rows() -> Iterable[dict[str, Any]]:
        for conversation_id, text in frame.select("conversation_id", "dml").iter_rows():
            try:
                if render_conversation(parse_conversation(text)) != text:
                    yield {
                        "conversation_id": conversation_id,
                        "problem": "the text is not in its canonical form",
                    }
            except DMLError as error:
                yield {"conversation_id": conversation_id, "problem": str(error)}

    return collect_offending_rows(iterate_rows())


def find_rejections_without_reason(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds rejected conversations without a reason."""
    return frame.filter(pl.col("reasons").list.len() == 0).select("conversation_id")


def find_both_accepted_and_rejected(frame: pl.DataFrame, accepted: pl.DataFrame) -> pl.DataFrame:
    """Finds conversations that are both accepted and rejected."""
    return frame.join(accepted, on="conversation_id", how="semi").select("conversation_id")


def find_neither_accepted_nor_rejected(
    frame: pl.DataFrame, accepted: pl.DataFrame, scored: pl.DataFrame
) -> pl.DataFrame:
    """Finds scored conversations that are neither accepted nor rejected."""
    judged = scored.select("conversation_id")
    return judged.join(accepted, on="conversation_id", how="anti").join(frame, on="conversation_id", how="anti")


def find_example_problems(messages: Json, tools: Json) -> list[str]:
    """Returns the problems of an OpenAI example: an unknown tool, invalid arguments, a call without its result or a
    result without its call.
    """
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in tools}
    problems_found: list[str] = []
    waiting: list[str] = []
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            if not waiting or message["tool_call_id"] != waiting.pop(0):
                problems_found.append(
                    f"message {index}: result of {message['tool_call_id']!r}, which does not wait for one"
                )
            continue
        if waiting:
            problems_found.append(f"message {index}: {waiting[0]} has no result")
            waiting = []
        if message["role"] == "user":  # a user message may bring a tool
            brought = (tool["function"] for tool in find_announced_definitions(message["content"]))
            schemas |= {tool["name"]: tool.get("parameters", {}) for tool in brought}
        for call in message.get("tool_calls", ()):
            name, arguments = call["function"]["name"], call["function"]["arguments"]
            waiting.append(call["id"])
            if name not in schemas:
                problems_found.append(f"message {index}: {name!r} is not among the tools")
            else:
                problems_found += [
                    f"message {index}: {name}{problem}" for problem in find_violations(schemas[name], arguments)
                ]
    return problems_found + [f"{call} has no result" for call in waiting]


def find_bad_examples(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds training examples with any of the problems of `find_example_problems`."""
    cached: dict[str, Any] = {}

    def iterate_rows() -> Iterable[dict[str, Any]]:
        for conversation_id, messages, tools in frame.select("conversation_id", "messages", "tools").iter_rows():
            offered = cached.get(tools) or cached.setdefault(tools, msgspec.json.decode(tools))
            for problem in find_example_problems(msgspec.json.decode(messages), offered):
                yield {"conversation_id": conversation_id, "problem": problem}

    return collect_offending_rows(iterate_rows())


def find_untold_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds rows that name no toolkit or no model, whose mean is not that of their scores, or that were mended more
    often than tried.
    """

    def iterate_rows() -> Iterable[dict[str, Any]]:
        for row in frame.select(
            "conversation_id", "toolkits", "models", "overall", "attempts", "repairs", *SCALES
        ).iter_rows(named=True):
            problems = {
                "it names no toolkit": not row["toolkits"],
                "it names no model": not row["models"],
                f"overall is {row['overall']}": row["overall"] != compute_overall([row[scale] for scale in SCALES]),
                f"{row['repairs']} of {row['attempts']} texts are repairs": row["repairs"] >= row["attempts"],
            }
            for problem in (name for name, is_there in problems.items() if is_there):
                yield {"conversation_id": row["conversation_id"], "problem": problem}

    return collect_offending_rows(iterate_rows())


def build_split_overlap_finder(column: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Builds a function that finds test rows whose value of `column` is also in the train split."""

    def find_overlap(frame: pl.DataFrame) -> pl.DataFrame:
        train = frame.filter(pl.col("split") == "train").select(column)
        test = frame.filter(pl.col("split") == "test")
        return test.join(train, on=column, how="semi").select("conversation_id", column)

    return find_overlap


def find_shared_requests(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds test rows of one request that the user of a train row makes in the same words, in any turn."""
    requests = frame.filter((pl.col("split") == "test") & (pl.col("kind") == "single_turn"))
    if requests.is_empty():
        return pl.DataFrame()
    train = frame.filter(pl.col("split") == "train")
    said = SaidRequests(text for messages in train["messages"] for text in _list_user_texts(messages))
    return collect_offending_rows(
        {"conversation_id": conversation_id, "request": text}
        for conversation_id, messages in requests.select("conversation_id", "messages").iter_rows()
        for text in _list_user_texts(messages)
        if text in said
    )


def _list_user_texts(messages: str) -> list[str]:
    return [message["content"] for message in msgspec.json.decode(messages) if message["role"] == "user"]


def find_hold_out_violations(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds train rows that call a reserved function, and test rows that call others only."""
    reserved = set(frame["reserved_functions"].explode().drop_nulls().to_list())
    if not reserved:
        return pl.DataFrame()

    def iterate_rows() -> Iterable[dict[str, Any]]:
        for conversation_id, split, messages in frame.select("conversation_id", "split", "messages").iter_rows():
            called_functions = {
                call["function"]["name"]
                for message in msgspec.json.decode(messages)
                for call in message.get("tool_calls") or ()
            }
            if split == "train" and called_functions & reserved:
                yield {"conversation_id": conversation_id, "reserved": ", ".join(sorted(called_functions & reserved))}
            if split == "test" and called_functions and not called_functions & reserved:
                yield {"conversation_id": conversation_id, "reserved": "none"}

    return collect_offending_rows(iterate_rows())


def find_near_duplicates(frame: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """Finds rows that the deduplication marked as duplicates."""
    duplicates = verdicts.filter(pl.col("status") == "duplicate")
    return frame.join(duplicates, on="conversation_id", how="semi").select("conversation_id")


def find_unexplained_repetitions(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds duplicates that name no kept conversation or no reason, and kept ones that name any."""
    kept_ids = frame.filter(pl.col("status") == "kept")["conversation_id"]
    explained = pl.col("duplicate_of").is_in(kept_ids.to_list()) & (pl.col("reason") != "")
    return frame.filter(
        pl.when(pl.col("status") == "duplicate")
        .then(~explained.fill_null(False))
        .otherwise(pl.col("duplicate_of").is_not_null())
    ).select("conversation_id", "status", "duplicate_of")


def find_repeated_figures(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds rows with the same section, figure and item."""
    names = pl.struct("section", "figure", "item")
    return frame.filter(names.is_duplicated()).select("figure", "section", "item", "value")


def find_wrong_shares(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds shares that are not their part by their whole, or that have only one of the two."""
    numerator, denominator = pl.col("part"), pl.col("whole")
    expected_value = pl.when(denominator > 0).then(numerator / denominator).otherwise(0.0)
    is_half_given = numerator.is_null() != denominator.is_null()
    is_wrong = (numerator < 0) | (numerator > denominator) | ((pl.col("value") - expected_value).abs() > 1e-9)
    return frame.filter(is_half_given | (numerator.is_not_null() & is_wrong)).select(
        "figure", "item", "value", "part", "whole"
    )


def find_gaps_of_most_use(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds the gaps in the use of tools and arguments that more than half of these have, with the remedy."""
    return collect_offending_rows(
        {
            "gap": row["figure"],
            "tools_or_arguments": row["part"],
            "of": row["whole"],
            "remedy": suggest_gap_remedy(row["figure"]),
        }
        for row in frame.filter(pl.col("section") == GAPS_IN_USE).iter_rows(named=True)
        if is_of_most(row["part"], row["whole"])
    )


def find_misfit_weights(tokens: pl.DataFrame) -> pl.DataFrame:
    """Finds rows of tokens without a weight each, with a negative one, or that are nothing but prefix."""
    length, weights = pl.col("token_ids").list.len(), pl.col("weights").list.len()
    misfit = (length != weights) | (pl.col("weights").list.min() < 0) | (pl.col("prefix_length") >= length)
    return tokens.filter(misfit).select("row_id", "prefix_length", tokens=length, weights=weights)


def find_counted_prefixes(tokens: pl.DataFrame) -> pl.DataFrame:
    """Finds rows in which a token of the prefix counts in the loss."""
    prefix = pl.col("weights").list.head(pl.col("prefix_length"))
    return tokens.filter(prefix.list.max().fill_null(0) > 0).select("row_id", "prefix_length")


def find_uncounted_rows(tokens: pl.DataFrame) -> pl.DataFrame:
    """Finds rows of which no token counts in the loss."""
    return tokens.filter(pl.col("weights").list.max().fill_null(0) <= 0).select("row_id")


def find_models_that_learned_nothing(models: pl.DataFrame) -> pl.DataFrame:
    """Finds models whose loss on held-out answers is not lower than before the training."""
    return models.filter(pl.col("best_loss") >= pl.col("first_loss")).select("partition", "first_loss", "best_loss")
