"""The rule about a choice among several things that the assistant takes upon itself.

Belongs here: references of the user to one of several things. Questions back are in `questions.py`, values that come
from nowhere in `calls.py`. The rule reads English, and is silent in other languages.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from funcdex_assets.checks.rules.case import Case, Turn, find_field_name
from funcdex_assets.checks.rules.field_values import is_number, read_meaning
from funcdex_assets.checks.rules.namesakes import find_silent_copies, find_silent_namesakes
from funcdex_assets.checks.rules.requests import find_turn, join_answers
from funcdex_assets.checks.rules.sentences import drop_quotes
from funcdex_assets.checks.rules.things import list_argument_scalars
from funcdex_assets.records.conversation import ArgumentSource, Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.json_pointers import at_pointer, list_scalars
from funcdex_assets.schema.words import split_words, to_plural, to_singular
from funcdex_assets.semantics.tool_names import is_id, parse_last_noun, parse_tool_name
from funcdex_assets.semantics.vocabulary import PERSON_NOUNS, READING_ACTIONS

_SUPERLATIVES = (
    r"(?:newest|oldest|latest|earliest|biggest|largest|smallest|cheapest|highest|lowest|longest|shortest|nearest|closest|"
    r"fastest|best|worst|(?:most|least) \w+)"
)
_ORDINAL = (
    rf"(?:first|second|third|fourth|fifth|sixth|last|latter|former|top|bottom|next|previous|1st|2nd|3rd|\d+th|"
    rf"{_SUPERLATIVES}|upcoming|current|other|only|one|two|three|both|all|each|every|any|either)"
)
_PICKS = re.compile(
    rf"\b(?:{_SUPERLATIVES}|next|upcoming|last|current|both|all|each|every|any|either|whichever|overdue|unread)\b",
    re.IGNORECASE,
)
_ORDINAL_OF_THEM = re.compile(rf"\bthe {_ORDINAL} \w+|\b{_ORDINAL} of (?:them|those|these)\b", re.IGNORECASE)
_PRONOUN = re.compile(r"\b(?:it|that one|this one)\b", re.IGNORECASE)
_FACETS = frozenset("name title subject summary email phone address number date time link text status".split())

_SMALL_WORDS = frozenset(
    (
        "the an and or of for to in on at by with from about into that this it its is are was be as my our me us you "
        "your his her their them they please can could would will do does did has have had get give show find list "
        "send make add new one two any all more no not yes so then now just also after before up out off down over "
        "who what which when where how there here thing something true false"
    ).split()
)


def silent_choice(case: Case) -> Iterator[Finding]:
    """One of several things that is taken without anybody saying which.

    Such as "that file", a name that two people have, or one that the reply does not even name. Said which is: by its
    position right before the noun, a word that only this thing has, or a choice such as "the latest"; or it was the one
    thing that was spoken of last, or all of them are taken. Words that only another one has make it the wrong one, and
    so does a lower price, where the cheapest was asked for. After a copy was made, "that file" is the original or the
    copy; the date of a name that a group and a task have is of neither.
    """
    if case.is_english:
        yield from find_silent_copies(case)
        yield from find_silent_namesakes(case)
    reported: set[str] = set()
    listings: dict[tuple[int, str], _Listing] = {}
    for source, index, call in _iterate_sources_in_results(case) if case.is_english else ():
        choice = _find_choice(case, source, listings)
        turn = find_turn(case, index)
        if choice is None or choice.listing.index >= index or turn is None or call.id in reported:
            continue
        if _was_spoken_of(case, choice, turn, index) or _are_all_taken(case, call, choice.listing.items, turn):
            continue
        if reason := _explain_silent_choice(case, source, call, choice, turn):
            reported.add(call.id)
            yield Finding(
                rule="silent_choice", message=index, place=source.argument, text=f"{call.id} {call.name}: {reason}"
            )


@dataclass(frozen=True)
class _Listing:
    """Several things in the result of message `index`, at a pointer of it."""

    index: int
    pointer: str
    items: Sequence[Any]

    @property
    def noun(self) -> str:
        return parse_last_noun(find_field_name(self.pointer))

    @cached_property
    def words(self) -> Sequence[frozenset[str]]:
        """The words of each thing."""
        return [list_content_words(" ".join(str(value) for _, value in list_scalars(item))) for item in self.items]

    @cached_property
    def frequencies(self) -> Counter[str]:
        """The number of things that have a word."""
        return Counter(word for words in self.words for word in words)


class _Choice(NamedTuple):
    """One thing of a listing."""

    listing: _Listing
    position: int

    def list_own_words(self, said: frozenset[str]) -> frozenset[str]:
        """The words said that this thing has and no other."""
        shared = self.listing.words[self.position] & said
        return frozenset(word for word in shared if self.listing.frequencies[word] == 1)

    def find_other_meant(self, said: frozenset[str]) -> str | None:
        """Returns a word said that one other thing has alone, if there is just one such thing."""
        positions = {
            position: min(words)
            for position, item_words in enumerate(self.listing.words)
            if position != self.position
            and (words := [word for word in item_words & said if self.listing.frequencies[word] == 1])
        }
        return next(iter(positions.values())) if len(positions) == 1 else None

    def has_rival(self, said: frozenset[str]) -> bool:
        """True if what was said fits another thing as well."""
        shared = self.listing.words[self.position] & said
        return any(
            position != self.position and words & said == shared for position, words in enumerate(self.listing.words)
        )


def _explain_silent_choice(
    case: Case, source: ArgumentSource, call: ToolCall, choice: _Choice, turn: Turn
) -> str | None:
    """Says why a choice is nobody's; None if somebody made it."""
    listing = choice.listing
    request = " ".join(case.speech[at] for at in _list_user_messages(case, listing.index, turn))
    nouns = {listing.noun, *_find_nouns(call), *_find_facet(source)} - {""}
    reference = _find_reference(nouns, case.speech[turn.start])
    where = f"{len(listing.items)} in message {listing.index}"
    if cheaper := _find_cheaper(request, choice):
        return f"{cheaper} is cheaper, of {where}"
    if reference is None and listing.index < turn.start and parse_tool_name(call.name).action not in READING_ACTIONS:
        pronoun = _PRONOUN.search(drop_quotes(case.speech[turn.start]))
        reference = pronoun[0] if pronoun and is_id(find_field_name(source.pointer or "")) else None
    if reference is not None:
        is_identified = _is_identified(request, reference, nouns, choice)
        return None if is_identified else f"{reference!r} may be any of {where}, and nobody said which"
    if _PICKS.search(request) or _ORDINAL_OF_THEM.search(request):
        return None
    return _explain_by_words(case, source, call, choice, turn, list_content_words(request))


def _find_cheaper(request: str, choice: _Choice) -> str | None:
    """Returns the first text of a cheaper thing, where the cheapest was asked for and each has one price."""
    prices = [_find_prices(item) for item in choice.listing.items] if "cheapest" in request.lower() else []
    if not prices or any(len(price) != 1 for price in prices):
        return None
    position = min(range(len(prices)), key=lambda at: prices[at][0])
    if prices[position][0] == prices[choice.position][0]:
        return None
    texts = _list_item_texts(choice.listing.items[position])
    return repr(texts[0]) if texts else f"number {position + 1}"


def _find_prices(item: Any) -> list[float]:
    fields = item.items() if isinstance(item, dict) else ()
    return [value for key, value in fields if is_number(value) and read_meaning(key, value).role in ("amount", "total")]


def _explain_by_words(
    case: Case, source: ArgumentSource, call: ToolCall, choice: _Choice, turn: Turn, said: frozenset[str]
) -> str | None:
    """Says why the words of a request do not lead to the thing that was taken; None if they do, or may."""
    listing = choice.listing
    where = f"{len(listing.items)} in message {listing.index}"
    action = parse_tool_name(call.name).action
    acts, is_identifier = action not in READING_ACTIONS, is_id(find_field_name(source.pointer or ""))
    shared, has_own = listing.words[choice.position] & said, bool(choice.list_own_words(said))
    if not has_own and acts and is_identifier and (word := choice.find_other_meant(said)):
        return f"{word!r} is of another one of {where}"
    is_person = listing.noun in PERSON_NOUNS | {"people"}
    if not has_own and shared and (acts or is_person) and choice.has_rival(said):
        return f"{min(shared)!r} fits several of {where}, and nobody said which"
    makes = action in ("create", "send") and is_identifier and listing.noun != "slot"
    if makes and not shared and not _is_told(case, turn, listing.items[choice.position]):
        return f"the first that fits of {where} is taken, which nobody chose and the reply does not name"
    return None


def _is_told(case: Case, turn: Turn, item: Any) -> bool:
    """True if a reply of the turn names a thing."""
    answers = join_answers(case, turn, turn.start).lower()
    return any(text.lower() in answers for text in _list_item_texts(item))


def _list_item_texts(item: Any) -> list[str]:
    """The texts and names of a thing, without its identifiers but for keys that people say, such as `OPS-14`."""
    return [
        value
        for pointer, value in list_scalars(item)
        if isinstance(value, str)
        and len(value) > 2
        and (not is_id(find_field_name(pointer)) or "key" in find_field_name(pointer))
    ]


def _iterate_sources_in_results(case: Case) -> Iterator[tuple[ArgumentSource, int, ToolCall]]:
    """Yields each argument that came from a result, with the message and the call that it is of."""
    calls = {call.id: (index, call) for index, message in enumerate(case.messages) for call in message.tool_calls}
    for source in case.provenance:
        if source.source == "result" and source.pointer and source.call_id in calls:
            yield source, *calls[source.call_id]


def _find_choice(case: Case, source: ArgumentSource, listings: dict[tuple[int, str], _Listing]) -> _Choice | None:
    """Returns the thing that a value was taken out of, if it is one of several; `listings` are those found before."""
    index = next((at for at, call in case.calls_by_result.items() if call.id == source.from_call), None)
    result = case.messages[index].result if index is not None else None
    if index is None or result is None:
        return None
    steps = (source.pointer or "").split("/")
    for depth in range(len(steps) - 1, 0, -1):
        if steps[depth].isdigit():
            pointer = "/".join(steps[:depth])
            items = at_pointer(result.content, pointer)
            position = int(steps[depth])
            if isinstance(items, list) and len(items) > 1 and isinstance(items[position], dict):
                return _Choice(listings.setdefault((index, pointer), _Listing(index, pointer, items)), position)
    return None


def _list_user_messages(case: Case, listed_at: int, turn: Turn) -> list[int]:
    """The user messages from the one before a listing up to that of the turn."""
    starts = [other.start for other in case.turns if other.start <= turn.start]
    before = max((start for start in starts if start < listed_at), default=turn.start)
    return [start for start in starts if start >= before]


def _find_nouns(call: ToolCall) -> set[str]:
    name = parse_tool_name(call.name)
    return {name.noun} if name.action not in ("create", "send") else set()


def _find_facet(source: ArgumentSource) -> set[str]:
    """The noun of the field that a value was taken from, where a user may speak of it: "that name"."""
    return set(split_words(find_field_name(source.pointer or ""))) & _FACETS


def _find_reference(nouns: set[str], text: str) -> str | None:
    """Returns the words by which the user refers to one thing of these nouns: "that file", "the range"."""
    for noun in sorted(nouns):
        pattern = rf"\b(?:that|this|the|its|said) (?:\w+ ){{0,2}}?{re.escape(noun)}\b(?!s)"
        if match := re.search(pattern, text, re.IGNORECASE):
            return match[0]
    return None


def _is_identified(text: str, reference: str, nouns: set[str], choice: _Choice) -> bool:
    """True if a text says which of several things is meant."""
    heads = "|".join(re.escape(form) for noun in sorted(nouns) for form in (noun, to_plural(noun)))
    if re.search(rf"\b{_ORDINAL} (?:\w+ )?(?:{heads}|one|ones|of (?:them|those|these))\b", text, re.IGNORECASE):
        return True
    if re.search(rf"{re.escape(reference)} of the {_ORDINAL}\b", text, re.IGNORECASE):
        return True
    if re.search(rf"\b{_ORDINAL}\b", reference, re.IGNORECASE) or _PICKS.search(text):
        return True
    return bool(choice.list_own_words(list_content_words(text)))


@lru_cache(2048)
def list_content_words(text: str) -> frozenset[str]:
    """The words of a text that tell things apart, in the singular."""
    return frozenset(
        to_singular(word)
        for word in re.findall(r"[^\W_]{2,}", text.lower())
        if word not in _SMALL_WORDS and not (word.isdigit() and len(word) < 4)
    )


def _was_spoken_of(case: Case, choice: _Choice, turn: Turn, index: int) -> bool:
    """True if the thing was dealt with alone after it was listed: a call named it, or the last reply named it alone."""
    listing = choice.listing
    item = listing.items[choice.position]
    identities = {str(value) for key, value in item.items() if is_id(key) and isinstance(value, str | int)}
    if any(
        not identities.isdisjoint(str(value) for _, value in list_argument_scalars(call))
        for at in range(listing.index + 1, index)
        for call in case.messages[at].tool_calls
    ):
        return True
    if listing.index > turn.start or case.messages[turn.start - 1].role != "assistant":
        return False
    reply = case.speech[turn.start - 1].lower()
    named = [
        position
        for position, other in enumerate(listing.items)
        if any(text.lower() in reply for text in _list_item_texts(other))
    ]
    return named == [choice.position]


def _are_all_taken(case: Case, call: ToolCall, items: Sequence[Any], turn: Turn) -> bool:
    """True if calls of the same tool in this turn take each of the things."""
    taken = {
        str(value)
        for at in range(turn.start, turn.end)
        for other in case.messages[at].tool_calls
        if other.name == call.name
        for _, value in list_scalars(other.arguments)
    }
    return all(
        any(str(value) in taken for value in item.values() if isinstance(value, str | int))
        for item in items
        if isinstance(item, dict)
    )
