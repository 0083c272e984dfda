"""Rules about listings: how many there are, and whether the user is told that there are more.

Belongs here: the reading of a result as a page of a listing, and what replies say of its length. What an answer leaves
out of a single thing is in `answers.py`.

>>> page = read_page({"tasks": [{"id": 1}], "next_cursor": "t7", "total": 4}, None, None)
>>> page.noun, len(page.items), page.has_more, page.total
('task', 1, True, 4)
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from funcdex_assets.checks.rules.case import Case, Turn, has_failed
from funcdex_assets.checks.rules.citations import cites_results
from funcdex_assets.checks.rules.requests import find_clause, list_answers
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.words import split_words, to_plural, to_singular
from funcdex_assets.semantics.field_meaning import decide_field_meaning
from funcdex_assets.semantics.tool_names import is_page_token, parse_last_noun, parse_tool_name

_WRAPPERS = ("data", "result", "response")
_TOTAL_WORDS = frozenset("total estimate count".split())
_SHORT_LISTING = 10  # items; a longer one need not be read out
_NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBER = rf"(?:\d+|{'|'.join(_NUMBER_WORDS[1:])})"
_TELLS_OF_MORE = re.compile(
    r"(?<!if )\bthere(?:'s|’s| is| are| may be| might be| could be)(?: still| also)?(?: \w+)? (?:more|another|further)\b"
    rf"|\b(?:first|latest|newest|top|next|following) {_NUMBER}\b"
    rf"|\b(?:{_NUMBER}|some|these|those|part) (?:\w+ )?of (?:about |around |an estimated |some |roughly |the |all )*{_NUMBER}\b"
    r"|\b(?:another|next|further|second|third|one more|more|first|following|this|full) pages?\b|\bpages? (?:\d|one|two)\b"
    r"|\b(?:so far|in total|altogether|in all|all told)\b|\bat least \d"
    r"|\b(?:not (?:all|everything|the whole|yet all)|only part|(?:list|it) (?:goes on|continues))\b"
    r"|(?<!if )(?<!if there's )(?<!if there is )\bmore (?:to come|follow|come|behind|after|beyond|where|than these|of them)\b"
    r"|(?<!anything )(?<!something )(?<!if there's )\b(?:has|have|hold|holds|keeps?|with|are|is) (?:still )?more\b"
    r"|\bthe (?:rest|remainder|remaining|full list|others) (?:is|are|would|will|can|come|on|follow)\b",
    re.IGNORECASE,
)
_LEAVES_SOME_OUT = re.compile(
    r"\bamong (?:others|other things)\b|\band (?:\d+|one|two|three|some|a few) more\b", re.IGNORECASE
)
_ASKS_FOR_ALL = re.compile(
    r"\b(?:all (?:of )?(?:the|my|our|their|its|those|these)|every|everyone|everybody|everything|complete|entire|whole|full list|all \w+s\b)",
    re.IGNORECASE,
)
_ASKS_FOR_ONE = re.compile(
    r"\b(?:find|look for|search for|look up|is there)\b(?: me| up| for)? (?:an?|one) (\w+(?: \w+)?)", re.IGNORECASE
)
_CLAIMS_ALL = re.compile(
    rf"\b(?:there(?:'s|’s| is| are)|just|only|exactly|all) (?:just |only |exactly )?{_NUMBER}\b", re.IGNORECASE
)


class Page(NamedTuple):
    """A page of a listing: its items under a noun, whether more follow, how many there are in all (None: not said), and
    how many were asked for (None: as many as the service likes).
    """

    pointer: str
    noun: str
    items: Sequence[Any]
    has_more: bool
    total: int | None
    limit: int | None


def read_page(content: Any, call: ToolCall | None, tool: Tool | None) -> Page | None:
    """Reads a result as a page of a listing; None if it is none: it has no list right under its top, or several."""
    if isinstance(content, list):
        content = {"items": content}
    holders = [("", content)]
    if isinstance(content, dict):
        holders += [(f"/{key}", content[key]) for key in _WRAPPERS if isinstance(content.get(key), dict)]
    for pointer, holder in holders:
        if not isinstance(holder, dict):
            continue
        lists = [(key, value) for key, value in holder.items() if isinstance(value, list)]
        if len(lists) != 1:
            continue
        key, items = lists[0]
        return Page(
            pointer=f"{pointer}/{key}",
            noun=parse_last_noun(key) or "item",
            items=items,
            has_more=any(
                _says_more(name, value)
                for _, fields in holders
                if isinstance(fields, dict)
                for name, value in fields.items()
            ),
            total=_find_total(holder, len(items)),
            limit=_find_limit(call, tool),
        )
    return None


def _says_more(name: str, value: Any) -> bool:
    """True if a field leads to another page, or says that there is one."""
    if isinstance(value, bool):
        return value and "more" in split_words(name)
    if isinstance(value, dict) and is_page_token(name):
        return any(value.values())
    return is_page_token(name) and bool(value) and (isinstance(value, str) or "next" in split_words(name))


def _find_total(holder: Mapping[str, Any], shown: int) -> int | None:
    totals = [
        value
        for name, value in holder.items()
        if isinstance(value, int)
        and not isinstance(value, bool)
        and _TOTAL_WORDS & set(split_words(name))
        and value >= shown
    ]
    return max(totals, default=None)


def _find_limit(call: ToolCall | None, tool: Tool | None) -> int | None:
    """Returns the size of a page that the call asked for, or that its tool takes by itself."""
    properties = tool.parameters.get("properties", {}) if tool else {}
    for name in dict.fromkeys([*(call.arguments if call else ()), *properties]):
        schema = properties.get(name, {"type": "integer"})
        if decide_field_meaning(name, schema).role == "limit":
            given = call.arguments.get(name) if call else None
            size = given if given is not None else schema.get("default")
            if isinstance(size, int) and not isinstance(size, bool) and size > 0:
                return size
    return None


def list_pages(case: Case, turn: Turn) -> Iterator[tuple[int, ToolCall, Page]]:
    """Yields (message, call, page) of each listing in a turn that worked."""
    for index in range(turn.start, turn.end):
        call, result = case.calls_by_result.get(index), case.messages[index].result
        if (
            call is None
            or result is None
            or has_failed(result)
            or parse_tool_name(call.name).action not in ("list", "get")
        ):
            continue
        if (page := read_page(result.content, call, case.find_tool(call.name, index))) is not None:
            yield index, call, page


def false_count(case: Case) -> Iterator[Finding]:
    """A reply by which a listing ends where its page does, though more follow; another number than there are; or some of
    a short page left out under "among others".

    Of a page that is as full as the user wanted, only a claim that there are no others is false. Who looks for one
    thing need not be told of every other: there it does not block.
    """
    for turn in case.turns:
        for index, call, page in list_pages(case, turn):
            for at, text in list_answers(case, turn, index):
                if not cites_results(case, text, [index]):
                    continue
                nouns = _list_nouns(page, call)
                stated = _find_stated_count(text, nouns)
                if (
                    page.items
                    and _LEAVES_SOME_OUT.search(text)
                    and len(page.items) <= _SHORT_LISTING
                    and not _names_all(case, text, page)
                ):
                    yield _build_finding(
                        "false_count", at, f"{len(page.items)} {to_plural(page.noun)} were found, and some are left out"
                    )
                elif stated is not None and not _may_be_count(case, turn, page, nouns, stated):
                    yield _build_finding(
                        "false_count", at, f"{stated} {to_plural(page.noun)} are told, and {len(page.items)} were found"
                    )
                elif page.has_more and not _TELLS_OF_MORE.search(text) and not _pages_on(case, turn, index, call):
                    clause = find_clause(case, turn, call)
                    wanted_so_many = (
                        page.limit is not None and len(page.items) >= page.limit and not _CLAIMS_ALL.search(text)
                    )
                    asked_for_one = bool(
                        clause
                        and (one := _ASKS_FOR_ONE.search(clause))
                        and to_singular(one[1].split()[-1].lower()) == one[1].split()[-1].lower()
                    )
                    yield _build_finding(
                        "false_count",
                        at,
                        f"more {to_plural(page.noun)} follow in message {index}, and the reply does not say so",
                        blocking=not (wanted_so_many or asked_for_one),
                    )
                break


def not_all(case: Case) -> Iterator[Finding]:
    """A request for all or every thing that is answered from one page, without a word of the others."""
    for turn in case.turns:
        for index, call, page in list_pages(case, turn):
            clause = find_clause(case, turn, call)
            request = clause or case.speech[turn.start]
            if not page.has_more or not _ASKS_FOR_ALL.search(request) or _pages_on(case, turn, index, call):
                continue
            text = " ".join(answer for _, answer in list_answers(case, turn, index))
            if text and not _TELLS_OF_MORE.search(text):
                yield _build_finding(
                    "not_all",
                    turn.end - 1,
                    f"all {to_plural(page.noun)} were asked for, and more follow in message {index}",
                )


def short_page(case: Case) -> Iterator[Finding]:
    """A page that leads to another one, though it holds fewer items than were asked for."""
    for turn in case.turns:
        for index, call, page in list_pages(case, turn):
            if page.has_more and page.limit is not None and len(page.items) < page.limit:
                yield _build_finding(
                    "short_page",
                    index,
                    f"{call.id} {call.name}: {len(page.items)} of at most {page.limit}, and another page",
                    blocking=False,
                )


def _pages_on(case: Case, turn: Turn, index: int, call: ToolCall) -> bool:
    """True if a later call of the turn turns the page."""
    return any(
        later.name == call.name and any(is_page_token(name) for name in later.arguments)
        for at in range(index + 1, turn.end)
        for later in case.messages[at].tool_calls
    )


def _list_nouns(page: Page, call: ToolCall) -> set[str]:
    """The singular nouns by which a reply may call the items."""
    return {page.noun, parse_tool_name(call.name).noun} - {"result"}


def _find_stated_count(text: str, nouns: set[str]) -> int | None:
    """Returns the number of things that a text says there are, in words or figures; None if it gives none."""
    for noun in nouns:
        forms = rf"(?:{re.escape(to_plural(noun))}|{re.escape(noun)})"
        pattern = (
            rf"\b(?:there(?:'s|’s| is| are)|found|see|came up|just|only|got|have) (?:just |only )?({_NUMBER}) {forms}\b"
            rf"|(?:^|[.:\n] ?)({_NUMBER}) {forms} (?:came up|match|turned up|were found)|\b(?:one|two|\d+) of the ({_NUMBER})\b"
        )
        if match := re.search(pattern, text, re.IGNORECASE):
            number = (match[1] or match[2] or match[3]).lower()
            return int(number) if number.isdigit() else _NUMBER_WORDS.index(number)
    return None


def _may_be_count(case: Case, turn: Turn, page: Page, nouns: set[str], stated: int) -> bool:
    """True if a number is that of the items of a page, of all there are, or of several pages together."""
    sizes = [
        (len(other.items), other.total)
        for _, call, other in list_pages(case, Turn(0, turn.end))
        if _list_nouns(other, call) & nouns
    ]
    possible = {size for size, _ in sizes} | {total for _, total in sizes} | {sum(size for size, _ in sizes)}
    return stated in possible or stated == page.total


def _names_all(case: Case, text: str, page: Page) -> bool:
    """True if a text names each item of a page by one of its texts."""
    folded = text.lower()
    return all(
        any(
            isinstance(value, str) and len(value) > 2 and value.lower() in folded
            for value in (item.values() if isinstance(item, dict) else (item,))
        )
        for item in page.items
    )


def _build_finding(rule: str, index: int, text: str, blocking: bool = True) -> Finding:
    return Finding(rule=rule, message=index, text=text, blocking=blocking)
