"""Rules about results, and about what the assistant makes of them."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from funcdex_assets.checks.rules.case import Case, Turn, failed, field_name
from funcdex_assets.checks.rules.claims import Claim, Support, claims
from funcdex_assets.language.result_reports import first_sentence
from funcdex_assets.language.spoken_values import find_words, says
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.validation import problems
from funcdex_assets.semantics.tool_names import is_id, parse_tool_name
from funcdex_assets.tool_graph.equivalent_tools import same_things

_AMOUNTS = {0: ("no", "none", "nothing"), 1: ("one",)}
_ADMITS = re.compile(
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
        tool = case.tool(result.name, index)
        if tool is None or tool.returns is None:
            continue
        for problem in problems(tool.returns, result.content):
            place, _, text = problem.partition(": ")
            yield Finding(
                rule="invalid_result",
                message=index,
                place=place,
                text=f"{result.call_id} {result.name}: {text}",
            )


def false_success(case: Case) -> Iterator[Finding]:
    """A reply after a failed call that was not made good, with its tool or with another that reads the same things,
    and which neither admits the failure nor asks; or one that says that it is done before anything was called (not in
    the last turn, in which people take leave).
    """
    called = False
    for turn in case.turns:
        last = turn.end - 1
        lost: dict[str, int] = {}
        before: list[str] = []  # tools that had failed when the last calls were made
        for index in range(turn.start, turn.end):
            result = case.messages[index].result
            if result is None:
                before = list(lost)
            elif failed(result):
                lost[result.name] = index
            else:
                lost.pop(result.name, None)
                for tool in before:
                    if same_things(tool, result.name):
                        lost.pop(tool, None)
        called = called or any(case.messages[index].tool_calls for index in range(turn.start, turn.end))
        text = case.speech[last] if case.messages[last].role == "assistant" else ""
        claims = not called and turn is not case.turns[-1] and _SAYS_DONE.search(text)
        if claims and "?" not in text and not _ADMITS.search(text):
            yield Finding(
                rule="false_success",
                message=last,
                text=f"Nothing was called so far, and the assistant says {text[:80]!r}",
            )
        if lost and text and not case.messages[last].tool_calls and "?" not in text and not _ADMITS.search(text):
            name, index = next(iter(lost.items()))
            yield Finding(
                rule="false_success",
                message=last,
                text=f"{name} failed in message {index}, and the assistant says {text[:80]!r}",
            )


def unsupported_claim(case: Case) -> Iterator[Finding]:
    """A value in what the assistant says that is in no result, user text, context or tool description.

    Values are addresses, links, quoted words, identifiers, dates, times of day and numbers. What follows from known
    ones is supported: a date in words, how many there are, a sum, another unit. Quoted words of a question are a
    proposal. Before the first result nothing is looked at.
    """
    support: Support | None = None
    tools: Support | None = None
    pending: list[int] = []
    told = False
    for index, message in enumerate(case.messages):
        text = case.speech[index]
        told = told or message.result is not None
        if told and message.role == "assistant" and text:
            for claim in claims(text):
                if support is None:
                    support = _context(case)
                while pending:
                    _learn(support, case, pending.pop(0))
                if support.has(claim) or (claim.kind == "quote" and _is_proposed(text, claim)):
                    continue
                tools = tools or _described(list(case.tools.values()), support.now)
                if not tools.has(claim):
                    yield Finding(
                        rule="unsupported_claim",
                        message=index,
                        text=f"The assistant says {claim.text[:80]!r}, which is in no result and in nobody's words",
                    )
        pending.append(index)


def _context(case: Case) -> Support:
    support = Support(case.situation.now)
    support.add_record(case.situation.persona)
    support.add_record(case.situation.scenario)
    return support


def _learn(support: Support, case: Case, index: int) -> None:
    message = case.messages[index]
    if message.result is not None:
        support.add_value(message.result.content, case.leaves[index])
    elif message.role == "user":
        support.add_text(case.messages[index].content or "")
    for call in message.tool_calls:
        given = [(pointer, value) for one, pointer, value in case.given[index] if one is call]
        support.add_value(call.arguments, given)


def _described(tools: Sequence[Tool], now: Any) -> Support:
    support = Support(now)
    for tool in tools:
        support.add_text(f"{tool.name}\n{tool.description}")
        support.add_value(tool.parameters)
    return support


def _is_proposed(text: str, claim: Claim) -> bool:
    rest = re.search(r"[.!?](?=\s|$)", text[claim.start + len(claim.text) :])
    return rest is not None and rest[0] == "?"


def uncited_answer(case: Case) -> Iterator[Finding]:
    """A reply after results that names no value of any result so far: the user learns nothing from it."""
    results: list[int] = []
    fresh = False  # whether there is a result with something to name in it
    for index, message in enumerate(case.messages):
        if message.role == "user":
            fresh = False
        elif message.result is not None:
            results.append(index)
            told = case.leaves[index]
            fresh = not message.result.error and (
                fresh
                or any(
                    value == [] or (_is_telling(value) and not is_id(field_name(pointer))) for pointer, value in told
                )
            )
        elif fresh and not message.tool_calls and not _cites(message.content or "", results[::-1], case):
            yield Finding(
                rule="uncited_answer",
                blocking=False,
                message=index,
                text="The answer names no value of any result",
            )


def untold_lookup(case: Case) -> Iterator[Finding]:
    """What was looked up in a turn is neither told in its reply nor used in a later call, though the reply tells of
    something else: one of several questions stays open.
    """
    for turn in case.turns:
        last = case.messages[turn.end - 1]
        if last.role != "assistant" or last.tool_calls or not last.content:
            continue
        places = [index for index in range(turn.start, turn.end) if case.messages[index].result is not None]
        open_ones = [index for index in lookups(case, turn) if not _cites(last.content, [index], case)]
        if open_ones and any(_cites(last.content, [index], case) for index in places if index not in open_ones):
            for index in open_ones:
                result = case.messages[index].result
                yield Finding(
                    rule="untold_lookup",
                    blocking=False,
                    message=turn.end - 1,
                    text=f"Nothing of what {result.name if result else ''} found is told",
                )


def lookups(case: Case, turn: Turn) -> Iterator[int]:
    """The results of a turn that list or show something which no later call uses."""
    for index in range(turn.start, turn.end):
        result = case.messages[index].result
        if result is None or result.error or parse_tool_name(result.name).action not in ("list", "get"):
            continue
        told = {str(value) for pointer, value in case.leaves[index] if _is_telling(value) or is_id(field_name(pointer))}
        names = any(_is_telling(value) and not is_id(field_name(pointer)) for pointer, value in case.leaves[index])
        used = any(str(value) in told for later in case.given if later > index for _, _, value in case.given[later])
        if names and not used:
            yield index


def _cites(text: str, places: Sequence[int], case: Case) -> bool:
    results = [result.content for index in places if (result := case.messages[index].result) is not None]
    listed = (
        len(part)
        for result in results
        if isinstance(result, dict)
        for part in result.values()
        if isinstance(part, list)
    )
    if any(find_words(text, [str(size), *_AMOUNTS.get(size, ())]) for size in listed):
        return True
    for index in places:
        for _, value in case.leaves[index]:
            if isinstance(value, str) and len(value) > 3 and value in text:
                return True
    if any((quoted := first_sentence(result)) and quoted in text for result in results):
        return True
    now = case.situation.now
    return any(
        _is_telling(value) and says(text, pointer.rsplit("/", 1)[-1], {}, value, now)
        for index in places
        for pointer, value in case.leaves[index]
    )


def _is_telling(value: Any) -> bool:
    return not isinstance(value, bool) and value not in (None, "", [], {})
