"""Reads what a request asks for, and chooses the fields of a thing that answer it.

Here belong the words of questions and the kinds of fields that answer them. How a field is said is in
`result_details`; add a word here where a question of many people is not answered by the field that it means.

>>> question = read_question("who's hosting it?")
>>> sorted(question.words & {"host", "it"}), "people" in question.kinds
(['host'], True)
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from funcdex_assets.language.result_details import ONLY_IF_ASKED, ONLY_IN_DETAIL, Detail
from funcdex_assets.schema.words import split_words

_KINDS_ASKED: Mapping[str, frozenset[str]] = {
    "who": frozenset(("people", "replies")),
    "whose": frozenset(("people",)),
    "whom": frozenset(("people",)),
    "when": frozenset(("moment", "interval")),
    "dates": frozenset(("moment", "interval")),
    "days": frozenset(("moment", "interval", "days")),
    "hours": frozenset(("interval", "duration")),
    "where": frozenset(("place",)),
    "address": frozenset(("email", "place")),
    "addresses": frozenset(("email",)),
    "reach": frozenset(("email", "phone")),
    "contact": frozenset(("email", "phone")),
    "cost": frozenset(("amount",)),
    "charge": frozenset(("amount",)),
    "charged": frozenset(("amount", "state")),
    "price": frozenset(("amount",)),
    "prices": frozenset(("amount",)),
    "paid": frozenset(("amount", "state")),
    "payments": frozenset(("amount", "state")),
    "invoiced": frozenset(("amount",)),
    "invoices": frozenset(("amount", "state")),
    "status": frozenset(("state",)),
    "state": frozenset(("state",)),
    "stand": frozenset(("state",)),
    "doing": frozenset(("state",)),
    "running": frozenset(("state",)),
    "approved": frozenset(("state",)),
    "accepted": frozenset(("replies",)),
    "coming": frozenset(("replies",)),
    "number": frozenset(("phone",)),
    "link": frozenset(("link",)),
    "url": frozenset(("link",)),
    "download": frozenset(("link",)),
    "long": frozenset(("duration", "interval")),
    "busy": frozenset(("interval",)),
    "booked": frozenset(("interval",)),
}
"""The kinds of details that answer a question, by a word of the question."""
_WORDS_ASKED: Mapping[str, str] = {
    "owns": "owner",
    "hosting": "host",
    "placeholders": "named ranges",
    "structured": "outline",
    "big": "size",
    "due": "due",
    "changed": "changed",
    "touched": "touched",
    "free": "buffer",
    "coming": "attendee",
    "approved": "status",
}
"""A word of a field's name that answers a question, by a word of the question."""
_DETAIL_QUESTION = re.compile(
    r"\b(?:details?|particulars|settings?|set up|structured|full picture|in full|tell me more|more about|background|"
    r"what (?:do|have) we (?:know|have|got)|properly|everything about|profile|customers see|outline|booking says)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r'"[^"]*"')
_TEXT_QUESTION_WORDS = frozenset(
    "read reads say says said saying text write wrote written writing content discussion open body whole".split()
)
_WORDS_WITHOUT_MEANING = frozenset(
    "a an the of for to from in on at by with and or it its is are be do does did has have had me my our we us you i "
    "that this these those there what which can could would please name names title time date see look s let get got "
    "add id as if not no all any one first second third new old up out about so email mail message messages event task "
    "file files project list lists page next user people address addresses link url type kind note now last also "
    "minutes".split()
)


class Question(NamedTuple):
    """What a request asks for: words of fields and kinds of details, all there is (`is_detailed`), or the text."""

    words: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    is_detailed: bool = False
    wants_text: bool = False


NO_QUESTION = Question()


@lru_cache(1024)
def read_question(request: str) -> Question:
    """Reads what a request asks for; words in quotes are values and ask for nothing.

    >>> sorted(read_question("who owns it, and when was it changed?").words & {"owner", "changed", "it"})
    ['changed', 'owner']
    """
    request = _QUOTED.sub(" ", request)
    request_words = frozenset(split_words(request))
    aliases = {part for word, alias in _WORDS_ASKED.items() if word in request_words for part in alias.split()}
    kinds = frozenset(kind for word, names in _KINDS_ASKED.items() if word in request_words for kind in names)
    return Question(
        (request_words - _WORDS_WITHOUT_MEANING) | aliases,
        kinds,
        _DETAIL_QUESTION.search(request) is not None,
        bool(request_words & _TEXT_QUESTION_WORDS),
    )


def find_asked_details(details: Iterable[Detail], question: Question) -> list[Detail]:
    """Returns the details that answer the question: those named in it, and of each kind asked for that is not named."""
    details = list(details)
    named = [detail for detail in details if detail.words & question.words]
    named_kinds = {detail.kind for detail in named}
    of_kind = [detail for detail in details if detail.kind in question.kinds and detail.kind not in named_kinds]
    asked = [*named, *of_kind]
    if any(detail.kind == "replies" for detail in asked):  # the same people, with their answers
        asked = [detail for detail in asked if detail.kind != "people" or "attendee" not in detail.words]
    return sorted(dict.fromkeys(asked), key=lambda detail: detail.rank)


def choose_details(
    details: Sequence[Detail], question: Question, most: int, least_telling: int = ONLY_IN_DETAIL - 1
) -> list[Detail]:
    """Chooses what is told of a thing: what was asked for, then the most telling details, `most` of them in all and
    none of the rank `least_telling`; all telling ones if the question is for details.
    """
    asked = find_asked_details(details, question)
    if question.is_detailed:
        rest = [detail for detail in details if detail.rank < ONLY_IF_ASKED and detail not in asked]
        chosen = [*asked, *rest]
    else:
        rest = [detail for detail in details if detail.rank < least_telling and detail not in asked]
        chosen = [*asked, *rest[: max(0, most - len(asked))]]
    return _drop_weaker_twins(chosen)


def _drop_weaker_twins(details: Sequence[Detail]) -> list[Detail]:
    """Leaves out people who are told with their answers as well, and a value that another detail has."""
    replies = any(detail.kind == "replies" for detail in details)
    kept: list[Detail] = []
    for detail in details:
        if detail.kind == "link" and any(other.kind == "link" for other in kept):
            continue
        if replies and detail.kind == "people" and "attendee" in detail.words:
            continue
        if any(detail.value and detail.value == other.value for other in kept):
            continue
        kept.append(detail)
    return kept
