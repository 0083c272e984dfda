"""Rules about what replies say of a listing: how many there are, and that there are more.

Belongs here: the length of a listing. Results are read as pages in `pages.py`; what an answer leaves out of a single
thing is in `answers.py`. The rules read English, and are silent in other languages.
"""

import re
from collections.abc import Iterator

from funcdex_assets.checks.rules.case import Case, Turn
from funcdex_assets.checks.rules.citations import cites_results
from funcdex_assets.checks.rules.pages import Page, list_counts, list_pages
from funcdex_assets.checks.rules.requests import find_clause, list_answers
from funcdex_assets.checks.rules.sentences import NUMBER, drop_quotes, read_number
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.words import to_plural, to_singular
from funcdex_assets.semantics.field_roles import is_page_token
from funcdex_assets.semantics.tool_names import parse_tool_name

_SHORT_LISTING = 10  # items; a longer one need not be read out
_OF_TIME = r"(?! (?:days?|weeks?|hours?|months?|minutes?|years?)\b)"
_TELLS_OF_MORE = re.compile(
    # "there are more", "there's another page"; not "if there are more"
    r"(?<!if )(?<!whether )\bthere(?:'s|’s| is| are| may be| might be| could be)(?: still| also| a few| some| several"
    r"| many)?(?: \w+)? (?:more|another|further|additional|others)\b"
    # "the first three", "the latest 5"
    rf"|\b(?:first|latest|newest|top|next|following|oldest) (?!one\b){NUMBER}\b{_OF_TIME}"
    # "another page", "page 2"
    r"|\b(?:another|next|further|second|third|one more|more|first|following|this|single|full) pages?\b"
    r"|\bpages? (?:\d|one|two)\b|\bnext (?:ones?|batch|few|set|lot|bunch)\b"
    # "so far", "at least 3"
    r"|\b(?:so far|at least \d)"
    # "not all of them", "the list goes on"
    r"|\b(?:not|isn[’']t|aren[’']t|nor) "
    r"(?:all|everything|everybody|the (?:whole|complete|full|entire)|yet all|complete)\b"
    r"|\bonly (?:a )?part\b|\b(?:list|it|that) (?:goes on|continues|doesn[’']t (?:stop|end))\b"
    # "I can load more", "shall I go on"; not "if you want to see more"
    r"|(?<!if )\b(?:can|could|shall|should|want me to|may|I[’']ll) (?:I |you )?(?:also |still )?(?:load|fetch|get|pull"
    r"|show|bring|list|open) (?:you )?(?:some |the )?(?:more|next|others|rest|remaining)\b"
    r"|\b(?:shall I|should I|want me to) (?:keep going|go on|carry on|continue|page on|read on)\b"
    # "the three newest"
    rf"|\b{NUMBER} (?:latest|newest|most recent|oldest)\b"
    # "several more", "others follow", "12 more"
    rf"|\b(?:several|many|some|a few|{NUMBER}|(?:plenty|lots|dozens|hundreds)(?: of)?) (?:more|others?|further)\b"
    r"|\b(?:others|more results|more of them|further \w+) (?:follow|exist|remain|are)\b"
    # "with more to come", "has more"; not "if it has more", "anything more"
    r"|(?<!if )(?<!if there's )(?<!if there is )(?<!if there are )\bmore (?:\w+ )?(?:to come|follow|come|behind|after|"
    r"beyond|where|than these|of them|available|remain|left|exist)\b"
    r"|(?<!anything )(?<!something )(?<!if there's )\b(?:has|have|hold|holds|keeps?|with|are|is) (?:still )?more\b"
    r"|\bthe (?:rest|remainder|remaining|full list|others) (?:is|are|would|will|can|come|on|follow)\b",
    re.IGNORECASE,
)
_IS_NONE = re.compile(
    r"(?:\b(?:no|without|never|nor|nothing)|n[’']t(?: any| an?)?|\bnot (?:any|an?))\s+(?:\w+\s+)?$", re.IGNORECASE
)
_IN_ALL = re.compile(
    rf"\b({NUMBER})\b[^.,;:!?()\n]{{0,30}}?\b(?:in total|altogether|in all|all told|overall|total)\b"
    rf"|\b(?:in total|altogether|in all|all told|overall|(?:a )?total of|total is)\b"
    rf"[^.;:!?()\n]{{0,25}}?\b({NUMBER})\b",
    re.IGNORECASE,
)
_PART_OF = re.compile(
    rf"\b(?:{NUMBER}|some|these|those|part|a few|most) (?:\w+ )?(?:out )?of (?:about |around |an estimated |some "
    rf"|roughly |the |all |over |more than )*({NUMBER})\b(?: \w+)?|\b\d+\s?[-–]\s?\d+ (?:out )?of ({NUMBER})\b"
    rf"|\b\d+ ?/ ?(\d+)(?![/\d])",
    re.IGNORECASE,
)
_LEAVES_SOME_OUT = re.compile(
    r"\bamong (?:others|other things)\b|\b(?:and|plus) (?:\d+|one|two|three|some|a few|several) (?:more|others?)\b"
    r"|\b(?:and so on|et cetera|etc\.)",
    re.IGNORECASE,
)
_ASKS_FOR_ALL = re.compile(
    r"\b(?:all (?:of )?(?:the|my|our|their|its|those|these)|everyone|everybody|everything|all (?!day)\w+s\b"
    r"|every(?! (?:\w+day|day|week|month|year|hour|time|morning|evening|other|so)s?\b)"
    r"|(?:complete|entire|whole|full) (?:list|set|history|overview))",
    re.IGNORECASE,
)
_ASKS_FOR_ONE = re.compile(
    r"\b(?:find|look for|search for|look up|is there)\b(?: me| up| for)? (?:an?|one) (\w+(?: \w+)?)", re.IGNORECASE
)
_CLAIMS_ALL = re.compile(
    rf"\b(?:there(?:'s|’s| is| are)|just|only|exactly|all) (?:just |only |exactly )?{NUMBER}\b", re.IGNORECASE
)
_NO_ADJECTIVE = r"(?!of |and |in |with |for |from |on |or |are |is |to |by |at |more |other )"


def false_count(case: Case) -> Iterator[Finding]:
    """A reply that tells another number of things than there are, or by which a listing ends where its page does.

    So does one that leaves some of a short page out under "among others". Of a page that is as full as the user wanted,
    only a claim that there are no others is false. Who looks for one thing need not be told of every other: there it
    does not block.
    """
    for turn in case.turns if case.is_english else ():
        for index, call, page in list_pages(case, turn):
            for at, text in list_answers(case, turn, index):
                if cites_results(case, text, [index]):
                    yield from _check_count(case, turn, index, call, page, at, text)
                    break


def _check_count(
    case: Case, turn: Turn, index: int, call: ToolCall, page: Page, at: int, text: str
) -> Iterator[Finding]:
    """Compares what one reply says of the length of a listing with the listing."""
    shown, name = len(page.items), to_plural(page.noun)
    if 0 < shown <= _SHORT_LISTING and _LEAVES_SOME_OUT.search(text) and not _names_all(text, page):
        yield _build_finding("false_count", at, f"{shown} {name} were found, and some are left out")
        return
    stated = _find_false_count(case, turn, text, page, call)
    if stated is not None:
        yield _build_finding("false_count", at, f"{stated} {name} are told, and {shown} were found")
    elif (
        page.has_more
        and not _tells_of_more(text, page, _list_nouns(page, call))
        and not _pages_on(case, turn, index, call)
    ):
        is_full = page.limit is not None and shown >= page.limit and not _CLAIMS_ALL.search(text)
        yield _build_finding(
            "false_count",
            at,
            f"more {name} follow in message {index}, and the reply does not say so",
            blocking=not (is_full or _asks_for_one(find_clause(case, turn, call))),
        )


def _asks_for_one(clause: str | None) -> bool:
    """True if a clause looks for one thing: "find me a recipe"."""
    match = _ASKS_FOR_ONE.search(clause) if clause else None
    if match is None:
        return False
    head = match[1].split()[-1].lower()
    return to_singular(head) == head


def not_all(case: Case) -> Iterator[Finding]:
    """A request for all or every thing that is answered from one page, without a word of the others."""
    for turn in case.turns if case.is_english else ():
        for index, call, page in list_pages(case, turn):
            request = drop_quotes(find_clause(case, turn, call) or case.speech[turn.start])
            if not page.has_more or not _ASKS_FOR_ALL.search(request) or _pages_on(case, turn, index, call):
                continue
            text = " ".join(answer for _, answer in list_answers(case, turn, index))
            if text and not _tells_of_more(text, page, _list_nouns(page, call)):
                name = to_plural(page.noun)
                yield _build_finding(
                    "not_all", turn.end - 1, f"all {name} were asked for, and more follow in message {index}"
                )


def short_page(case: Case) -> Iterator[Finding]:
    """A page that leads to another one, though it holds fewer items than were asked for."""
    for turn in case.turns:
        for index, call, page in list_pages(case, turn):
            if page.has_more and page.limit is not None and len(page.items) < page.limit:
                text = f"{call.id} {call.name}: {len(page.items)} of at most {page.limit}, and another page"
                yield _build_finding("short_page", index, text, blocking=False)


def _tells_of_more(text: str, page: Page, nouns: set[str]) -> bool:
    """True if a text says that a listing goes on: in words, or by a number that is greater than that of its items.

    >>> page, texts = Page("/tasks", "task", [1, 2, 3], True, None, None), ("3 in total.", "9 in total.", "3 of 9")
    >>> [_tells_of_more(text, page, {"task"}) for text in texts]
    [False, True, True]
    """
    bare = drop_quotes(text)
    if any(not _IS_NONE.search(bare, 0, match.start()) for match in _TELLS_OF_MORE.finditer(bare)):
        return True
    numbers = [
        read_number(number)
        for pattern in (_IN_ALL, _PART_OF)
        for match in pattern.finditer(bare)
        for number in match.groups()
        if number
    ]
    numbers += [number for number, _ in _list_stated_counts(bare, nouns)]
    return any(number is not None and number > len(page.items) for number in numbers)


def _pages_on(case: Case, turn: Turn, index: int, call: ToolCall) -> bool:
    """True if a later call of the turn turns the page."""
    return any(
        later.name == call.name and any(is_page_token(name) or name == "page" for name in later.arguments)
        for at in range(index + 1, turn.end)
        for later in case.messages[at].tool_calls
    )


def _list_nouns(page: Page, call: ToolCall) -> set[str]:
    """The singular nouns by which a reply may call the items."""
    return {page.noun, parse_tool_name(call.name).noun} - {"result"}


def _find_false_count(case: Case, turn: Turn, text: str, page: Page, call: ToolCall) -> int | None:
    """Returns a number of things that a text says there are, and that no listing and no count has.

    With an adjective, as in "two unread threads", fewer may be meant than are listed, but not more.
    """
    nouns = _list_nouns(page, call)
    possible = _list_possible_counts(case, turn, page, nouns)
    for number, has_adjective in _list_stated_counts(drop_quotes(text), nouns):
        if number not in possible and (not has_adjective or number > max(possible)):
            return number
    return None


def _list_stated_counts(text: str, nouns: set[str]) -> Iterator[tuple[int, bool]]:
    """Yields the numbers of things that a text says there are, and whether an adjective narrows them."""
    for noun in sorted(nouns):
        forms = rf"(?:{re.escape(to_plural(noun))}|{re.escape(noun)})"
        adjectives = rf"(?P<adjectives>(?:{_NO_ADJECTIVE}\w+ ){{0,2}})"
        pattern = (
            rf"\b(?:there(?:'s|’s| is| are)|found|see|came up|just|only|got|have|has|these are|here are)"
            rf" (?:just |only |the |all )?(?P<number>{NUMBER}) {adjectives}{forms}\b"
        )
        for match in re.finditer(pattern, text, re.IGNORECASE):
            yield read_number(match["number"]) or 0, bool(match["adjectives"])
        pattern = (
            rf"(?:^|[.:\n] ?)({NUMBER}) {forms} (?:came up|match|turned up|were found)"
            rf"|\b(?:one|two|\d+) of the ({NUMBER})(?= {forms}\b| (?:of them|is|are|has|have)\b|\W*$|[.,;:!?])"
        )
        for match in re.finditer(pattern, text, re.IGNORECASE):
            yield read_number(match[1] or match[2]) or 0, False


def _list_possible_counts(case: Case, turn: Turn, page: Page, nouns: set[str]) -> set[int]:
    """The numbers that may be told: of the items of a page, of all there are, of several pages together."""
    sizes = [
        (len(other.items), other.total)
        for _, call, other in list_pages(case, Turn(0, turn.end))
        if _list_nouns(other, call) & nouns
    ]
    totals = {total for _, total in (*sizes, (0, page.total)) if total is not None}
    return (
        {len(page.items), sum(size for size, _ in sizes)}
        | {size for size, _ in sizes}
        | totals
        | list_counts(case, turn)
    )


def _names_all(text: str, page: Page) -> bool:
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
