"""How much of a dataset's sentences is said again and again, and how much of the test split stands in the train split.

Belongs here: counts of sentences, openings and topics over all rows. The skeletons of `diversity.py` are of a sample,
and blank what the plan knows to be a value; those here need nothing but the text, so that other sets can be counted in
the same way.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from funcdex_assets.reports.diversity import remove_json_objects, split_into_words
from funcdex_assets.reports.published_turns import Turn, mask_quotes
from funcdex_assets.reports.tallies import Count

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_NUMBER = re.compile(r"\b\d[\d:.,/-]*\b")
_NAME = re.compile(r"(?<=\s)[A-Z][\w'’-]+")
_MOST_WORDS_OF_A_PHRASE = 3
"""Shorter sentences ("Thanks a lot.") are said alike by everybody, and not counted."""
OPENING_WORDS = 3
_RELATIVE_DATE = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|(?:days?|weeks?|months?) (?:ago|from now)"
    r"|in \w+ (?:days?|weeks?|months?)"
    r"|(?:this|next|last|coming|past) (?:day|morning|afternoon|evening|week|weekend|month|quarter|year"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day))\b",
    re.IGNORECASE,
)


class Topic(NamedTuple):
    """What the conversation of a row is about, as its scenario has it: neither is in the row itself."""

    matter: str
    title: str


def build_bare_skeleton(sentence: str) -> str:
    """Blanks numbers and the names within a sentence; quotes are masked before.

    >>> build_bare_skeleton("Send it to Ana Rojas by 9:30 today.")
    'Send it to X X by N today.'
    """
    return _NUMBER.sub("N", _NAME.sub("X", sentence.strip()))


def list_bare_skeletons(text: str) -> list[str]:
    """Lists the skeletons of the sentences that have more than three words."""
    skeletons = map(build_bare_skeleton, _SENTENCE_END.split(mask_quotes(text)))
    return [skeleton for skeleton in skeletons if len(skeleton.split()) > _MOST_WORDS_OF_A_PHRASE]


@dataclass
class Sayings:
    """What is said in one split: user turns and the same masked, skeletons by speaker, openings of the assistant's
    texts.
    """

    user_texts: list[str] = field(default_factory=list)
    user_turns: Counter[str] = field(default_factory=Counter)
    user_skeletons: Counter[str] = field(default_factory=Counter)
    assistant_skeletons: Counter[str] = field(default_factory=Counter)
    openings: Counter[str] = field(default_factory=Counter)

    def add_turns(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            self.user_texts.append(turn.text)
            self.user_turns[turn.masked_text] += 1
            self.user_skeletons.update(list_bare_skeletons(turn.text))
            for answer in turn.answers:
                self.assistant_skeletons.update(list_bare_skeletons(answer))
                self.openings[" ".join(answer.lower().split()[:OPENING_WORDS])] += 1


def has_relative_date(text: str) -> bool:
    """Returns True if a text names a day by its distance from today.

    >>> has_relative_date("Move it to next Friday"), has_relative_date("Move it to 3 May")
    (True, False)
    """
    return _RELATIVE_DATE.search(text) is not None


def draw_words(texts: Sequence[str], most: int) -> list[str]:
    """Draws texts without their pasted definitions until they have so many words; none if all have fewer. Always the
    same ones are drawn.
    """
    drawn, count = [], 0
    for text in Random(len(texts)).sample(texts, len(texts)):
        if count >= most:
            break
        words = split_into_words(remove_json_objects(text))[: most - count]
        drawn.append(" ".join(words))
        count += len(words)
    return drawn if count == most else []


def count_most_common(counts: Counter[Any], most: int) -> Count:
    """Counts what the `most` commonest make up, of all.

    >>> count_most_common(Counter(a=3, b=2, c=1), 2)
    (5, 6)
    """
    return sum(count for _, count in counts.most_common(most)), counts.total()


def count_known(test: Counter[str], train: Counter[str]) -> Count:
    """Counts what the test split has and the train split has too, of all that the test split has.

    >>> count_known(Counter(a=2, b=1), Counter(a=9))
    (2, 3)
    """
    return sum(count for text, count in test.items() if text in train), test.total()


def count_known_topics(splits: Iterable[tuple[str, str]], topics: Mapping[str, str]) -> Count:
    """Counts the test rows whose topic a train row has, of those whose topic is known.

    `splits` are pairs of a row's id and its split; `topics` are by id.
    """
    by_split: dict[str, list[str]] = {"train": [], "test": []}
    for row_id, split in splits:
        if topic := topics.get(row_id):
            by_split[split].append(topic)
    train = set(by_split["train"])
    return sum(topic in train for topic in by_split["test"]), len(by_split["test"])


def tell_treatment(turn: Turn) -> str:
    """Tells how a request was treated: it was `acted` on, `asked` back on, or `answered` in words."""
    if turn.calls:
        return "acted"
    return "asked" if turn.answers and "?" in turn.answers[-1] else "answered"


def count_uneven(treatments: Iterable[Mapping[str, int]]) -> tuple[int, int]:
    """Counts the requests that were asked back on in one place and acted on in another, of those that were made again.

    `treatments` has, for each request with its quotes masked, how often it was treated in which way.

    >>> count_uneven([{"asked": 1, "acted": 2}, {"acted": 3}, {"asked": 1}])
    (3, 6)
    """
    repeated = [counts for counts in treatments if sum(counts.values()) > 1]
    uneven = (sum(counts.values()) for counts in repeated if counts.get("asked") and counts.get("acted"))
    return sum(uneven), sum(sum(counts.values()) for counts in repeated)
