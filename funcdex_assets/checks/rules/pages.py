"""Reads results as pages of listings: the items, how many there are, and whether more follow.

Belongs here: the shapes in which services answer with a listing. What a reply must say of it is in `listings.py`.

>>> page = read_page({"tasks": [{"id": 1}], "next_cursor": "t7", "total": 4}, None, None)
>>> page.noun, len(page.items), page.has_more, page.total
('task', 1, True, 4)
>>> read_page({"data": {"issues": {"nodes": [{}], "pageInfo": {"hasNextPage": False, "endCursor": "x"}}}}, None, None)
Page(pointer='/data/issues/nodes', noun='issue', items=[{}], has_more=False, total=None, limit=None)
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from funcdex_assets.checks.rules.case import Case, Turn
from funcdex_assets.checks.rules.field_values import is_count, read_meaning
from funcdex_assets.checks.rules.requests import is_reading
from funcdex_assets.checks.rules.things import iterate_good_calls
from funcdex_assets.records.message import ToolCall
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_meaning import decide_field_meaning, decide_value_meaning
from funcdex_assets.semantics.field_roles import is_page_token
from funcdex_assets.semantics.tool_names import parse_last_noun, parse_tool_name

_WRAPPERS = frozenset("data result results response body payload _embedded".split())
_LIST_NAMES = frozenset("nodes edges items results data values records entries".split())
"""Names of lists that say nothing of what is in them; the name of their holder does."""
_PAGE_HOLDERS = frozenset(
    "meta links link page paging pagination cursors pageinfo metadata responsemetadata next".split()
)
_PAGE_NUMBER_NAMES = frozenset("page currentpage pagenumber number".split())
_PAGE_COUNT_NAMES = frozenset("pages totalpages pagecount lastpage numpages".split())
_COUNTS_OF_TEXT = frozenset("word character page byte line".split())
_NO = frozenset(("", "false", "no", "0", "null", "none"))
_MAX_WRAPPERS = 3  # objects around a list


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
    """Reads a result as a page of a listing; None if it is none: it has no list near its top, or several."""
    if isinstance(content, list):
        content = {"items": content}
    holders: list[Mapping[str, Any]] = []
    pointer, name = "", ""
    for _ in range(_MAX_WRAPPERS + 1):
        if not isinstance(content, dict):
            return None
        holders.append(content)
        if (key := _find_list(content)) is not None:
            return _build_page(
                f"{pointer}/{key}", name if key in _LIST_NAMES else key, holders, content[key], call, tool
            )
        inner = _find_wrapped(content)
        if inner is None:
            return None
        pointer, content = f"{pointer}/{inner}", content[inner]
        name = name if inner in _WRAPPERS else inner
    return None


def _build_page(
    pointer: str,
    name: str,
    holders: Sequence[Mapping[str, Any]],
    items: Sequence[Any],
    call: ToolCall | None,
    tool: Tool | None,
) -> Page:
    """Builds the page of a list under a name; without one, its items are what the tool is called after."""
    noun = parse_last_noun(name) if name else parse_tool_name(call.name).noun if call else "item"
    total = _find_total(holders, len(items))
    return Page(
        pointer=pointer,
        noun=noun or "item",
        items=items,
        has_more=_leads_on(holders, call, len(items)),
        total=total,
        limit=_find_limit(call, tool),
    )


def _find_list(holder: Mapping[str, Any]) -> str | None:
    """Returns the name of the one list in an object; of several, the only one that holds anything."""
    names = [name for name, value in holder.items() if isinstance(value, list)]
    filled = [name for name in names if holder[name]]
    if len(names) > 1 and len(filled) == 1 and filled[0] not in ("errors", "warnings"):
        return filled[0]
    return names[0] if len(names) == 1 and names[0] not in ("errors", "warnings") else None


def _find_wrapped(holder: Mapping[str, Any]) -> str | None:
    """Returns the name of the object within an object that may hold its listing."""
    inner = [name for name, value in holder.items() if isinstance(value, dict)]
    wrapped = [name for name in inner if name in _WRAPPERS or _LIST_NAMES & holder[name].keys()]
    if len(wrapped) == 1:
        return wrapped[0]
    return inner[0] if len(inner) == 1 and len(holder) == 1 else None


def _leads_on(holders: Sequence[Mapping[str, Any]], call: ToolCall | None, shown: int) -> bool:
    """True if a field in or around a listing leads to another page, and none says that there is none.

    Where no field tells, a greater total does, if it is no estimate and the call began with the first page.
    """
    fields = [(name, value) for holder in holders for name, value in _iterate_page_fields(holder)]
    arguments = call.arguments if call and isinstance(call.arguments, dict) else {}
    answers = [
        answer for name, value in fields if (answer := _says_more(name, value, list(arguments.values()))) is not None
    ]
    if answers:
        return all(answers)
    begins_later = any(is_page_token(name) or "".join(split_words(name)) in _PAGE_NUMBER_NAMES for name in arguments)
    says_none = any(value is None and _leads(name) for name, value in fields)
    exact = [(name, value) for name, value in fields if "estimate" not in split_words(name)]
    total = _find_total([dict(exact)], shown)
    return total is not None and total > shown and not begins_later and not says_none


def _iterate_page_fields(holder: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields the fields of an object, and those of objects within that tell of its pages, such as `meta`."""
    for name, value in holder.items():
        yield name, value
        if isinstance(value, dict) and "".join(split_words(name)) in _PAGE_HOLDERS:
            yield from _iterate_page_fields(value)
    numbers = {"".join(split_words(name)): value for name, value in holder.items() if is_count(value)}
    number = next((numbers[name] for name in _PAGE_NUMBER_NAMES if name in numbers), None)
    pages = next((numbers[name] for name in _PAGE_COUNT_NAMES if name in numbers), None)
    if number is not None and pages is not None:
        yield "has_more", number < pages


def _says_more(name: str, value: Any, given: Sequence[Any]) -> bool | None:
    """Tells whether a field leads to another page: True or False if it says so plainly, None if it says nothing.

    A token says that there is one; its absence is left to other fields. What the call gave is only repeated.
    """
    words = split_words(name)
    is_flag = isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false"))
    if is_flag and words:
        flag = value is True or str(value).lower() == "true"
        if "more" in words or ("next" in words and "has" in words) or words[-1] == "truncated":
            return flag
        return not flag if words in (("is", "last"), ("last", "page"), ("is", "last", "page"), ("is", "done")) else None
    if is_flag or value is None or (isinstance(value, str | int) and value in given):
        return None
    if not _leads(name):
        return None
    if isinstance(value, dict):
        return any(value.values()) or None
    if isinstance(value, str):
        is_position = words[-1] == "offset" and "next" not in words and value.isdigit()
        return None if is_position or value.lower() in _NO else True
    return True if "next" in words and value else None


def _leads(name: str) -> bool:
    """True if a field of this name leads to another page: `next_cursor`, `next`, `@odata.nextLink`."""
    words = split_words(name)
    is_next = "next" in (*words[:1], *words[-1:]) or words[-2:] == ("next", "link")
    return (is_next or is_page_token(name)) and words[0] not in ("previous", "prev", "end", "start", "since")


def _find_total(holders: Sequence[Mapping[str, Any]], shown: int) -> int | None:
    """Returns the number of all things that a result gives; it cannot be smaller than that of those shown."""
    totals = [
        int(value)
        for holder in holders
        for name, value in _iterate_page_fields(holder)
        if (is_count(value) or (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10))
        and (decide_value_meaning(name, 0).role == "total" or "count" in split_words(name))
        and not _COUNTS_OF_TEXT & {to_singular(word) for word in split_words(name)}
        and int(value) >= shown
    ]
    return max(totals, default=None)


def _find_limit(call: ToolCall | None, tool: Tool | None) -> int | None:
    """Returns the size of a page that the call asked for, or that its tool takes by itself."""
    properties = tool.parameters.get("properties", {}) if tool else {}
    arguments = call.arguments if call and isinstance(call.arguments, dict) else {}
    for name in dict.fromkeys([*arguments, *properties]):
        schema = properties.get(name, {"type": "integer"})
        if decide_field_meaning(name, schema).role == "limit":
            size = arguments.get(name, schema.get("default"))
            if is_count(size) and size > 0:
                return size
    return None


def list_pages(case: Case, turn: Turn) -> Iterator[tuple[int, ToolCall, Page]]:
    """Yields (message, call, page) of each listing in a turn that worked."""
    for index, call, result in iterate_good_calls(case):
        if turn.start <= index < turn.end and is_reading(call):
            page = read_page(result.content, call, case.find_tool(call.name, index))
            if page is not None:
                yield index, call, page


def list_counts(case: Case, turn: Turn) -> set[int]:
    """The numbers of things that results of a turn give: totals, counts."""
    return {
        value
        for index in range(turn.start, turn.end)
        for pointer, value in case.result_values.get(index, ())
        if is_count(value) and read_meaning(pointer.rpartition("/")[2], value).role in ("count", "total")
    }
