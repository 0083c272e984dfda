"""Rules about results, and about what the assistant says of them.

Belongs here: results that break their schema, and replies that hide a failure, invent a value or leave a lookup untold.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from funcdex_assets.checks.rules.case import Case, Turn, find_field_name, has_failed
from funcdex_assets.checks.rules.citations import cites_results, is_citable
from funcdex_assets.checks.rules.claims import Claim, Support, find_claims
from funcdex_assets.environment.executor import is_acknowledgement
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.validation import find_violations
from funcdex_assets.semantics.tool_names import is_id, parse_tool_name
from funcdex_assets.tool_graph.equivalent_tools import reads_same_things

_ADMITS_FAILURE = re.compile(
    r"n't\b|n’t\b|\b(?:not|no|never|cannot|unable|fail\w*|error\w*|denied|refus\w+|reject\w+|permission\w*|expired?|"
    r"limit\w*|time[ds]? ?out|timeout|conflict\w*|clash\w*|problem\w*|issue|issues|trouble|unfortunately|sorry|afraid|"
    r"invalid|missing|without|wrong|stuck|block\w*|already|instead|retry|wait|later|unless|however|but|only|except|"
    r"no longer|gone|unavailable|down|busy|snag|hitch|empty|nothing|sign in|log in|reconnect|access|"
    r"authenticate|removed|disappeared|lost|duplicate\w*|exists|tell me)\b",
    re.IGNORECASE,
)
_SAYS_DONE = re.compile(
    r"^(?:[^.!?]{0,30}[,.!:—-] )?(?:all )?(?:done|set|finished)\b|\b(?:all|been) taken care of\b"
    r"|\bI(?:'ve|’ve| have)? (?:just |now |already |also )*(?:sent|created|added|updated|deleted|scheduled|booked|"
    r"moved|removed|shared|uploaded|invited|assigned|cancell?ed|posted|renamed|archived|took care)\b",
    re.IGNORECASE,
)


def invalid_result(case: Case) -> Iterator[Finding]:
    """A successful result that is not valid under the tool's response schema."""
    for index, message in enumerate(case.messages):
        result = message.result
        if result is None or result.error:
            continue
        tool = case.find_tool(result.name, index)
        if tool is None or tool.returns is None:
            continue
        for problem in find_violations(tool.returns, result.content):
            pointer, _, text = problem.partition(": ")
            yield Finding(
                rule="invalid_result",
                message=index,
                place=pointer,
                text=f"{result.call_id} {result.name}: {text}",
            )


def false_success(case: Case) -> Iterator[Finding]:
    """A reply that claims a success which did not happen.

    Either a call of the turn failed and was not made good, with its tool or with another that reads the same things,
    and the reply neither admits the failure nor asks; or the reply says that it is done before anything was called (not
    in the last turn of several, in which people take leave).
    """
    any_call_made = False
    for turn in case.turns:
        last = turn.end - 1
        failures: dict[str, int] = {}
        failed_earlier: list[str] = []  # tools that had failed when the last calls were made
        for index in range(turn.start, turn.end):
            result = case.messages[index].result
            if result is None:
                failed_earlier = list(failures)
            elif has_failed(result):
                failures[result.name] = index
            else:
                failures.pop(result.name, None)
                for tool in failed_earlier:
                    if reads_same_things(tool, result.name) or _reaches_same_target(case, failures.get(tool), index):
                        failures.pop(tool, None)
        any_call_made = any_call_made or any(case.messages[index].tool_calls for index in range(turn.start, turn.end))
        text = case.speech[last] if case.messages[last].role == "assistant" else ""
        may_take_leave = len(case.turns) > 1 and turn is case.turns[-1]
        says_done = not any_call_made and not may_take_leave and _SAYS_DONE.search(text)
        if says_done and "?" not in text and not _ADMITS_FAILURE.search(text):
            yield Finding(
                rule="false_success",
                message=last,
                text=f"Nothing was called so far, and the assistant says {text[:80]!r}",
            )
        if (
            failures
            and text
            and not case.messages[last].tool_calls
            and "?" not in text
            and not _ADMITS_FAILURE.search(text)
        ):
            name, index = next(iter(failures.items()))
            yield Finding(
                rule="false_success",
                message=last,
                text=f"{name} failed in message {index}, and the assistant says {text[:80]!r}",
            )


def _reaches_same_target(case: Case, failed_at: int | None, index: int) -> bool:
    """True if a call does by another way what a failed one was to do: both send something to the same address."""
    failed, call = case.calls_by_result.get(failed_at or -1), case.calls_by_result.get(index)
    if (
        failed is None
        or call is None
        or not parse_tool_name(failed.name).action == parse_tool_name(call.name).action == "send"
    ):
        return False
    if not isinstance(call.arguments, dict) or not isinstance(failed.arguments, dict):
        return False
    return any(name in call.arguments and call.arguments[name] == value for name, value in failed.arguments.items())


def unsupported_claim(case: Case) -> Iterator[Finding]:
    """A value in what the assistant says that is in no result, user text, context or tool description.

    Values are addresses, links, quoted words, identifiers, dates, times of day and numbers. A value that follows from
    known ones is supported: a date in words, how many there are, a sum, another unit. Quoted words of a question are a
    proposal. Replies before the first result are not checked.
    """
    support: Support | None = None
    tool_support: Support | None = None
    unread_messages: list[int] = []
    any_result = False
    for index, message in enumerate(case.messages):
        text = case.speech[index]
        any_result = any_result or message.result is not None
        if any_result and message.role == "assistant" and text:
            for claim in find_claims(text):
                if support is None:
                    support = _collect_context(case)
                while unread_messages:
                    _add_message(support, case, unread_messages.pop(0))
                if support.supports_claim(claim) or (claim.kind == "quote" and _is_proposed(text, claim)):
                    continue
                tool_support = tool_support or _collect_tool_descriptions(list(case.tools.values()), support.now)
                if not tool_support.supports_claim(claim):
                    yield Finding(
                        rule="unsupported_claim",
                        message=index,
                        text=f"The assistant says {claim.text[:80]!r}, which is in no result and in nobody's words",
                    )
        unread_messages.append(index)


def _collect_context(case: Case) -> Support:
    """Collects the values of persona and scenario."""
    support = Support(case.situation.now)
    support.add_record(case.situation.persona)
    support.add_record(case.situation.scenario)
    return support


def _add_message(support: Support, case: Case, index: int) -> None:
    """Adds the values of one message and of its calls."""
    message = case.messages[index]
    if message.result is not None:
        support.add_value(message.result.content, case.result_values[index])
    elif message.role == "user":
        support.add_text(case.messages[index].content or "")
    for call in message.tool_calls:
        arguments = [
            (pointer, value) for argument_call, pointer, value in case.argument_values[index] if argument_call is call
        ]
        support.add_value(call.arguments, arguments)


def _collect_tool_descriptions(tools: Sequence[Tool], now: Any) -> Support:
    """Collects the values in names, descriptions and parameters of the tools."""
    support = Support(now)
    for tool in tools:
        support.add_text(f"{tool.name}\n{tool.description}")
        support.add_value(tool.parameters)
    return support


def _is_proposed(text: str, claim: Claim) -> bool:
    """True if a claim stands in a question."""
    sentence_end = re.search(r"[.!?](?=\s|$)", text[claim.start + len(claim.text) :])
    return sentence_end is not None and sentence_end[0] == "?"


def uncited_answer(case: Case) -> Iterator[Finding]:
    """A reply after results that names no value of any result so far: the user learns nothing from it."""
    result_indices: list[int] = []
    has_value_to_cite = False
    for index, message in enumerate(case.messages):
        if message.role == "user":
            has_value_to_cite = False
        elif message.result is not None:
            result_indices.append(index)
            values = case.result_values[index]
            has_value_to_cite = not has_failed(message.result) and (
                has_value_to_cite
                or (
                    not is_acknowledgement(message.result.content)
                    and any(
                        value == [] or (is_citable(value) and not is_id(find_field_name(pointer)))
                        for pointer, value in values
                    )
                )
            )
        elif (
            has_value_to_cite
            and not message.tool_calls
            and not cites_results(case, message.content or "", result_indices[::-1])
        ):
            yield Finding(
                rule="uncited_answer",
                blocking=False,
                message=index,
                text="The answer names no value of any result",
            )


def untold_lookup(case: Case) -> Iterator[Finding]:
    """A lookup of a turn that the reply leaves out, and no later call uses, though the reply tells of another result:
    one of several questions stays open.
    """
    for turn in case.turns:
        last = case.messages[turn.end - 1]
        if last.role != "assistant" or last.tool_calls or not last.content:
            continue
        result_indices = [index for index in range(turn.start, turn.end) if case.messages[index].result is not None]
        untold_indices = [
            index for index in find_unused_lookups(case, turn) if not cites_results(case, last.content, [index])
        ]
        if untold_indices and any(
            cites_results(case, last.content, [index]) for index in result_indices if index not in untold_indices
        ):
            for index in untold_indices:
                result = case.messages[index].result
                yield Finding(
                    rule="untold_lookup",
                    blocking=False,
                    message=turn.end - 1,
                    text=f"Nothing of what {result.name if result else ''} found is told",
                )


def find_unused_lookups(case: Case, turn: Turn) -> Iterator[int]:
    """Yields the results of a turn that list or show a value which no later call uses."""
    for index in range(turn.start, turn.end):
        result = case.messages[index].result
        if result is None or has_failed(result) or parse_tool_name(result.name).action not in ("list", "get"):
            continue
        shown_values = {
            str(value)
            for pointer, value in case.result_values[index]
            if is_citable(value) or is_id(find_field_name(pointer))
        }
        has_value_to_tell = any(
            is_citable(value) and not is_id(find_field_name(pointer)) for pointer, value in case.result_values[index]
        )
        is_used = any(
            str(value) in shown_values
            for later in case.argument_values
            if later > index
            for _, _, value in case.argument_values[later]
        )
        if has_value_to_tell and not is_used:
            yield index
