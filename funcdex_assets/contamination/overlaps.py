"""Which conversations overlap with evaluation sets, by four measures, each with a threshold and a reason.

Names: a function offered in both, told by its words, with parameters of the same names. Schemas: functions of the
same parameters and types, whatever they are called. N-grams: how much of an item's user turn stands in the
conversation's. Embeddings: a user turn that says the same as one of the item's. For both, values are masked
(`masking.py`), so that an item with other values is found. Names and schemas look at all
functions on offer, for a model is shown all of them.

Of each conversation, set and measure the strongest overlap is reported. Items are taken in batches, so that memory
is bounded by the dataset and not by the sets.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, groupby, islice
from typing import get_args

import msgspec
import numpy as np

from funcdex_assets.contamination.evaluation_sets import EvaluationSet, Function, functions_of, user_turns
from funcdex_assets.dedup.masking import masked
from funcdex_assets.embedding.embedder import Embedder
from funcdex_assets.records.dataset import Overlap, ParsedConversation
from funcdex_assets.records.labels import Measure
from funcdex_assets.schema.words import singular, words

MIN_WORDS = 6  # beside masked values; shorter turns ("Thanks, that is all.") are alike in any two sets
BATCH = 4000  # turns of items compared at once
_BLOCK = 1024
_WORD = re.compile(r"‹\w+›|\w+")


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something overlaps; `docs/deduplication.md` says how many do at which threshold."""

    names: float = 0.5
    schemas: float = 1.0
    schemas_min_parameters: int = 3
    ngram_size: int = 8
    ngrams: float = 0.5
    embeddings: float = 0.90


@dataclass(frozen=True, slots=True)
class Candidate:
    """What of a conversation is compared."""

    conversation_id: str
    partition: str
    turns: tuple[str, ...]
    functions: tuple[Function, ...]


def candidates(rows: Iterable[ParsedConversation]) -> list[Candidate]:
    return [
        Candidate(row.conversation_id, row.partition, user_turns(row.messages), functions_of(row.tools)) for row in rows
    ]


def overlaps(
    rows: Sequence[Candidate], sets: Sequence[EvaluationSet], embedder: Embedder, limits: Limits = Limits()
) -> list[Overlap]:
    """By set, measure and conversation, in their order."""
    if not sets:
        return []
    functions = _Functions(rows, limits)
    said = _Said(rows, embedder, limits)
    best: dict[tuple[int, Measure, int], tuple[float, str, str]] = {}
    for place, measure, row, score, item, reason in chain(functions.overlaps(sets), said.overlaps(sets)):
        if score > best.get((place, measure, row), (-1.0,))[0]:
            best[place, measure, row] = score, item, reason
    return [
        Overlap(
            conversation_id=rows[row].conversation_id,
            partition=rows[row].partition,
            evaluation_set=sets[place].name,
            item=item,
            measure=measure,
            score=round(score, 4),
            reason=reason,
        )
        for (place, measure, row), (score, item, reason) in sorted(best.items())
    ]


def overlapping_rows(found: Iterable[Overlap]) -> dict[Measure, int]:
    """How many conversations overlap with any set, by measure."""
    rows: dict[Measure, set[str]] = {measure: set() for measure in get_args(Measure)}
    for one in found:
        rows[one.measure].add(one.conversation_id)
    return {measure: len(ids) for measure, ids in rows.items()}


def to_remove(found: Iterable[Overlap], measures: Collection[Measure]) -> dict[str, tuple[str, str]]:
    """Conversations that overlap by one of the measures → (item, reason), of the first in the order found."""
    removed: dict[str, tuple[str, str]] = {}
    for one in found:
        if one.measure in measures:
            place = f"{one.evaluation_set}/{one.item}"
            removed.setdefault(one.conversation_id, (place, f"{one.measure} {one.score:.2f}: {one.reason}"))
    return removed


def json_lines(found: Iterable[Overlap]) -> bytes:
    return b"".join(msgspec.json.encode(one) + b"\n" for one in found)


_Hit = tuple[int, Measure, int, float, str, str]  # place of the set, measure, row, score, item, reason
_Turn = tuple[int, str, str, str]  # place of the set, item, turn, masked turn


class _Functions:
    """The functions of all rows, each compared once however many rows offer it."""

    def __init__(self, rows: Sequence[Candidate], limits: Limits) -> None:
        self._limits = limits
        self._rows: dict[tuple, list[int]] = defaultdict(list)
        self._functions: dict[tuple, Function] = {}
        for number, row in enumerate(rows):
            for function in row.functions:
                key = function.name, *function.parameters.items()
                self._functions[key] = function
                if not self._rows[key] or self._rows[key][-1] != number:
                    self._rows[key].append(number)
        self._by_name: dict[tuple[str, ...], list[tuple]] = defaultdict(list)
        self._by_parameter: dict[tuple[tuple[str, ...], str], list[tuple]] = defaultdict(list)
        for key, function in self._functions.items():
            self._by_name[normalised(function.name)].append(key)
            if len(function.parameters) >= limits.schemas_min_parameters:
                for parameter in _typed(function):
                    self._by_parameter[parameter].append(key)

    def overlaps(self, sets: Sequence[EvaluationSet]) -> Iterator[_Hit]:
        known: dict[tuple, list[tuple[Measure, tuple, float, str]]] = {}
        for place, one in enumerate(sets):
            offered = ((item.item_id, function) for item in one.items for function in item.functions)
            for item_id, function in offered:
                key = function.name, *function.parameters.items()
                if key not in known:
                    known[key] = list(self._of(function))
                for measure, own, score, reason in known[key]:
                    for row in self._rows[own]:
                        yield place, measure, row, score, item_id, reason

    def _of(self, function: Function) -> Iterator[tuple[Measure, tuple, float, str]]:
        for key in self._by_name.get(normalised(function.name), ()):
            own = self._functions[key]
            score = _jaccard(_parameter_names(own), _parameter_names(function))
            if score >= self._limits.names:
                yield "names", key, score, f"{own.name} is {function.name}, {score:.0%} of parameter names shared"
        if len(function.parameters) < self._limits.schemas_min_parameters:
            return
        typed = _typed(function)
        for key in dict.fromkeys(key for one in sorted(typed) for key in self._by_parameter.get(one, ())):
            own = self._functions[key]
            score = _jaccard(_typed(own), typed)
            if score >= self._limits.schemas:
                names = ", ".join(sorted(" ".join(name) for name in _parameter_names(own) & _parameter_names(function)))
                yield "schemas", key, score, f"{own.name} has the parameters of {function.name}: {names}"


class _Said:
    """The user turns of all rows: their n-grams are looked up, their vectors multiplied."""

    def __init__(self, rows: Sequence[Candidate], embedder: Embedder, limits: Limits) -> None:
        self._limits, self._embedder = limits, embedder
        self._words = [[_words(masked(turn)) for turn in row.turns] for row in rows]
        self._rows: dict[str, list[int]] = defaultdict(list)  # by masked turn
        self._turns: dict[str, str] = {}  # by masked turn, the first that it was made of
        for number, row in enumerate(rows):
            for turn in row.turns:
                text = masked(turn)
                if _telling(text) and (not self._rows[text] or self._rows[text][-1] != number):
                    self._rows[text].append(number)
                    self._turns.setdefault(text, turn)
        self._vectors: np.ndarray | None = None

    def overlaps(self, sets: Sequence[EvaluationSet]) -> Iterator[_Hit]:
        turns = (
            (place, item.item_id, turn, text)
            for place, one in enumerate(sets)
            for item in one.items
            for turn in item.turns
            if _telling(text := masked(turn))
        )
        while batch := list(islice(turns, BATCH)):
            yield from self._by_ngrams(batch)
            yield from self._by_meaning(batch)

    def _by_ngrams(self, turns: Sequence[_Turn]) -> Iterator[_Hit]:
        wanted: dict[str, list[int]] = defaultdict(list)
        sizes: set[int] = set()
        counts: list[int] = []
        for number, (_, _, _, text) in enumerate(turns):
            told = _words(text)
            size = min(self._limits.ngram_size, len(told))
            sizes.add(size)
            grams = set(_ngrams(told, size))
            counts.append(len(grams))
            for gram in grams:
                wanted[gram].append(number)
        for row, said in enumerate(self._words):
            here = {gram for told in said for size in sizes for gram in _ngrams(told, size) if gram in wanted}
            shared: dict[int, list[str]] = defaultdict(list)
            for gram in sorted(here):
                for number in wanted[gram]:
                    shared[number].append(gram)
            for number, grams in shared.items():
                score = len(grams) / counts[number]
                if score >= self._limits.ngrams:
                    place, item, _, _ = turns[number]
                    yield (
                        place,
                        "ngrams",
                        row,
                        score,
                        item,
                        f"{score:.0%} of a user turn's n-grams, such as “{grams[0]}”",
                    )

    def _by_meaning(self, turns: Sequence[_Turn]) -> Iterator[_Hit]:
        if not self._turns:
            return
        if self._vectors is None:
            self._vectors = self._embedder.embed(list(self._turns))
        theirs = self._embedder.embed([text for _, _, _, text in turns])
        own = list(self._turns.items())
        for place, group in groupby(range(len(turns)), lambda number: turns[number][0]):
            numbers = list(group)
            for start in range(0, len(own), _BLOCK):
                cosines = np.round(self._vectors[start : start + _BLOCK] @ theirs[numbers].T, 5)
                near = cosines.argmax(axis=1)
                for offset in np.flatnonzero(cosines.max(axis=1) >= self._limits.embeddings).tolist():
                    _, item, turn, _ = turns[numbers[near[offset]]]
                    text, said = own[start + offset]
                    score = float(cosines[offset, near[offset]])
                    reason = f"“{_short(said)}” is like “{_short(turn)}”"
                    for row in self._rows[text]:
                        yield place, "embeddings", row, score, item, reason


@cache
def normalised(name: str) -> tuple[str, ...]:
    """The words of a function's or parameter's name, singular, without the namespace that they may stand in.

    >>> normalised("calendar.ListEvents") == normalised("LIST_EVENT")
    True
    """
    path, _, last = name.rpartition(".")
    told = words(last)
    # The last part alone is too little to tell a function by: requests.get
    return tuple(singular(word) for word in (told if len(told) > 1 else (*words(path), *told)))


def _parameter_names(function: Function) -> frozenset[tuple[str, ...]]:
    return frozenset(normalised(name) for name in function.parameters)


def _typed(function: Function) -> frozenset[tuple[tuple[str, ...], str]]:
    return frozenset((normalised(name), kind) for name, kind in function.parameters.items())


def _jaccard(one: frozenset, other: frozenset) -> float:
    """1 for two functions without parameters."""
    return len(one & other) / len(one | other) if one or other else 1.0


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _telling(text: str) -> bool:
    """Whether a masked turn says enough to be told from others."""
    return sum(not word.startswith("‹") for word in _words(text)) >= MIN_WORDS


def _ngrams(told: Sequence[str], size: int) -> Iterator[str]:
    return (" ".join(told[start : start + size]) for start in range(len(told) - size + 1))


def _short(text: str, longest: int = 100) -> str:
    told = " ".join(text.split())
    return told if len(told) <= longest else told[: longest - 1] + "…"
