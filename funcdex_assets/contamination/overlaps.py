"""Finds the conversations that overlap with evaluation sets, by four measures, each with a threshold and a reason.

Belongs here: the measures and their thresholds. Reading an evaluation set belongs to `evaluation_sets.py`; comparing
conversations with one another belongs to `dedup/conversations.py`.

    names       a function of the same name (compared word by word) is on offer in both, with the same parameter names
    schemas     a function with the same parameters and types is on offer in both, whatever it is called
    ngrams      the share of the n-grams of an item's user turn that occur in the conversation's user turns
    embeddings  the cosine of a user turn of the conversation and one of the item

For n-grams and embeddings, values are masked (`dedup/masking.py`), so that an item with other values is still found.
Names and schemas look at all functions on offer, not only at those called, because a model is shown all of them.

For each conversation, set and measure the strongest overlap is reported. Items are compared in batches, so that memory
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

from funcdex_assets.contamination.evaluation_sets import (
    EvaluationSet,
    OfferedFunction,
    extract_functions,
    extract_user_turns,
)
from funcdex_assets.dedup.masking import mask_values
from funcdex_assets.embedding.embedder import Embedder
from funcdex_assets.records.dataset import Overlap, ParsedConversation
from funcdex_assets.records.labels import Measure
from funcdex_assets.schema.words import split_words, to_singular

MIN_WORDS = 6  # masked values not counted; shorter turns ("Thanks, that is all.") are alike in any two sets
BATCH = 4000  # turns of items compared at once
_BLOCK = 1024  # turns of conversations per matrix product, so that at most 1,024 x 4,000 cosines are in memory
_WORD = re.compile(r"‹\w+›|\w+")


@dataclass(frozen=True, slots=True)
class OverlapThresholds:
    """The lowest score of each measure that counts as an overlap.

    `docs/deduplication.md` has the number of conversations that overlap at several thresholds. Functions with fewer
    than `schemas_min_parameters` parameters are not compared by schema: `{"id": "string"}` is shared by unrelated
    functions.
    `ngram_size` is in words; a shorter turn is compared as a whole.
    """

    names: float = 0.5
    schemas: float = 1.0
    schemas_min_parameters: int = 3
    ngram_size: int = 8
    ngrams: float = 0.5
    embeddings: float = 0.90


@dataclass(frozen=True, slots=True)
class ConversationContent:
    """The user turns of a conversation and the functions on offer in it: all that is compared."""

    conversation_id: str
    partition: str
    turns: tuple[str, ...]
    functions: tuple[OfferedFunction, ...]


def extract_conversation_contents(rows: Iterable[ParsedConversation]) -> list[ConversationContent]:
    """Extracts the compared parts of each conversation."""
    return [
        ConversationContent(
            row.conversation_id, row.partition, extract_user_turns(row.messages), extract_functions(row.tools)
        )
        for row in rows
    ]


def find_overlaps(
    conversations: Sequence[ConversationContent],
    sets: Sequence[EvaluationSet],
    embedder: Embedder,
    thresholds: OverlapThresholds = OverlapThresholds(),
) -> list[Overlap]:
    """Returns the strongest overlap per set, measure and conversation, ordered by these three."""
    if not sets:
        return []
    functions = _FunctionIndex(conversations, thresholds)
    turns = _TurnIndex(conversations, embedder, thresholds)
    best: dict[tuple[int, Measure, int], tuple[float, str, str]] = {}
    for set_number, measure, row, score, item, reason in chain(
        functions.find_overlaps(sets), turns.find_overlaps(sets)
    ):
        if score > best.get((set_number, measure, row), (-1.0,))[0]:
            best[set_number, measure, row] = score, item, reason
    return [
        Overlap(
            conversation_id=conversations[row].conversation_id,
            partition=conversations[row].partition,
            evaluation_set=sets[set_number].name,
            item=item,
            measure=measure,
            score=round(score, 4),
            reason=reason,
        )
        for (set_number, measure, row), (score, item, reason) in sorted(best.items())
    ]


def count_overlapping_conversations(overlaps: Iterable[Overlap]) -> dict[Measure, int]:
    """Counts, for each measure, the conversations that overlap with any set."""
    rows: dict[Measure, set[str]] = {measure: set() for measure in get_args(Measure)}
    for overlap in overlaps:
        rows[overlap.measure].add(overlap.conversation_id)
    return {measure: len(ids) for measure, ids in rows.items()}


def select_conversations_to_remove(
    overlaps: Iterable[Overlap], measures: Collection[Measure]
) -> dict[str, tuple[str, str]]:
    """Maps each conversation that overlaps by one of the measures to (item, reason) of its first such overlap."""
    removed: dict[str, tuple[str, str]] = {}
    for overlap in overlaps:
        if overlap.measure in measures:
            item = f"{overlap.evaluation_set}/{overlap.item}"
            reason = f"{overlap.measure} {overlap.score:.2f}: {overlap.reason}"
            removed.setdefault(overlap.conversation_id, (item, reason))
    return removed


def count_compared_turns(evaluation_set: EvaluationSet) -> tuple[int, int]:
    """Counts the user turns of a set that are long enough to be compared, of all its turns."""
    turns = [turn for item in evaluation_set.items for turn in item.turns]
    return sum(_is_distinctive(mask_values(turn)) for turn in turns), len(turns)


def encode_json_lines(overlaps: Iterable[Overlap]) -> bytes:
    """Writes one JSON object per line."""
    return b"".join(msgspec.json.encode(overlap) + b"\n" for overlap in overlaps)


_OverlapMatch = tuple[int, Measure, int, float, str, str]  # number of the set, measure, row, score, item, reason
_ItemTurn = tuple[int, str, str, str]  # number of the set, item, turn, masked turn


class _FunctionIndex:
    """The functions on offer in the conversations, each compared once however many conversations offer it."""

    def __init__(self, conversations: Sequence[ConversationContent], thresholds: OverlapThresholds) -> None:
        self._thresholds = thresholds
        self._rows: dict[tuple, list[int]] = defaultdict(list)
        self._functions: dict[tuple, OfferedFunction] = {}
        for number, row in enumerate(conversations):
            for function in row.functions:
                key = function.name, *function.parameters.items()
                self._functions[key] = function
                if not self._rows[key] or self._rows[key][-1] != number:
                    self._rows[key].append(number)
        self._by_name: dict[tuple[str, ...], list[tuple]] = defaultdict(list)
        self._by_parameter: dict[tuple[tuple[str, ...], str], list[tuple]] = defaultdict(list)
        for key, function in self._functions.items():
            self._by_name[normalise_name(function.name)].append(key)
            if len(function.parameters) >= thresholds.schemas_min_parameters:
                for parameter in _normalise_parameters(function):
                    self._by_parameter[parameter].append(key)

    def find_overlaps(self, sets: Sequence[EvaluationSet]) -> Iterator[_OverlapMatch]:
        """Yields an overlap for each function of an item and each row that offers a match of it."""
        matches: dict[tuple, list[tuple[Measure, tuple, float, str]]] = {}
        for set_number, evaluation_set in enumerate(sets):
            offered = ((item.item_id, function) for item in evaluation_set.items for function in item.functions)
            for item_id, function in offered:
                key = function.name, *function.parameters.items()
                if key not in matches:
                    matches[key] = list(self._match_function(function))
                for measure, matching_key, score, reason in matches[key]:
                    for row in self._rows[matching_key]:
                        yield set_number, measure, row, score, item_id, reason

    def _match_function(self, function: OfferedFunction) -> Iterator[tuple[Measure, tuple, float, str]]:
        """Yields (measure, key of a function of the conversations, score, reason) for a function of an item."""
        for key in self._by_name.get(normalise_name(function.name), ()):
            match = self._functions[key]
            score = _compute_jaccard(_normalise_parameter_names(match), _normalise_parameter_names(function))
            if score >= self._thresholds.names:
                yield "names", key, score, f"{match.name} is {function.name}, {score:.0%} of parameter names shared"
        if len(function.parameters) < self._thresholds.schemas_min_parameters:
            return
        typed = _normalise_parameters(function)
        for key in dict.fromkeys(key for parameter in sorted(typed) for key in self._by_parameter.get(parameter, ())):
            match = self._functions[key]
            score = _compute_jaccard(_normalise_parameters(match), typed)
            if score >= self._thresholds.schemas:
                shared = _normalise_parameter_names(match) & _normalise_parameter_names(function)
                names = ", ".join(sorted(" ".join(name) for name in shared))
                yield "schemas", key, score, f"{match.name} has the parameters of {function.name}: {names}"


class _TurnIndex:
    """The user turns of the conversations: their n-grams are looked up, their vectors multiplied."""

    def __init__(
        self, conversations: Sequence[ConversationContent], embedder: Embedder, thresholds: OverlapThresholds
    ) -> None:
        self._thresholds, self._embedder = thresholds, embedder
        self._words = [[_split_words(mask_values(turn)) for turn in row.turns] for row in conversations]
        self._rows: dict[str, list[int]] = defaultdict(list)  # by masked turn
        self._turns: dict[str, str] = {}  # by masked turn, the first that it was made of
        for number, row in enumerate(conversations):
            for turn in row.turns:
                text = mask_values(turn)
                if _is_distinctive(text) and (not self._rows[text] or self._rows[text][-1] != number):
                    self._rows[text].append(number)
                    self._turns.setdefault(text, turn)
        self._vectors: np.ndarray | None = None

    def find_overlaps(self, sets: Sequence[EvaluationSet]) -> Iterator[_OverlapMatch]:
        """Yields the overlaps of the distinctive turns of all items, batch by batch."""
        turns = (
            (set_number, item.item_id, turn, text)
            for set_number, evaluation_set in enumerate(sets)
            for item in evaluation_set.items
            for turn in item.turns
            if _is_distinctive(text := mask_values(turn))
        )
        while batch := list(islice(turns, BATCH)):
            yield from self._match_ngrams(batch)
            yield from self._match_meaning(batch)

    def _match_ngrams(self, turns: Sequence[_ItemTurn]) -> Iterator[_OverlapMatch]:
        turns_by_gram: dict[str, list[int]] = defaultdict(list)
        sizes: set[int] = set()
        counts: list[int] = []
        for number, (_, _, _, text) in enumerate(turns):
            turn_words = _split_words(text)
            size = min(self._thresholds.ngram_size, len(turn_words))
            sizes.add(size)
            grams = set(_list_ngrams(turn_words, size))
            counts.append(len(grams))
            for gram in grams:
                turns_by_gram[gram].append(number)
        for row, row_turns in enumerate(self._words):
            row_grams = {
                gram
                for turn_words in row_turns
                for size in sizes
                for gram in _list_ngrams(turn_words, size)
                if gram in turns_by_gram
            }
            shared: dict[int, list[str]] = defaultdict(list)
            for gram in sorted(row_grams):
                for number in turns_by_gram[gram]:
                    shared[number].append(gram)
            for number, grams in shared.items():
                score = len(grams) / counts[number]
                if score >= self._thresholds.ngrams:
                    set_number, item, _, _ = turns[number]
                    yield (
                        set_number,
                        "ngrams",
                        row,
                        score,
                        item,
                        f"{score:.0%} of a user turn's n-grams, such as “{grams[0]}”",
                    )

    def _match_meaning(self, turns: Sequence[_ItemTurn]) -> Iterator[_OverlapMatch]:
        if not self._turns:
            return
        if self._vectors is None:
            self._vectors = self._embedder.embed(list(self._turns))
        item_vectors = self._embedder.embed([text for _, _, _, text in turns])
        row_turns = list(self._turns.items())
        for set_number, group in groupby(range(len(turns)), lambda number: turns[number][0]):
            numbers = list(group)
            for start in range(0, len(row_turns), _BLOCK):
                cosines = np.round(self._vectors[start : start + _BLOCK] @ item_vectors[numbers].T, 5)
                nearest = cosines.argmax(axis=1)
                for offset in np.flatnonzero(cosines.max(axis=1) >= self._thresholds.embeddings).tolist():
                    _, item, turn, _ = turns[numbers[nearest[offset]]]
                    text, row_turn = row_turns[start + offset]
                    score = float(cosines[offset, nearest[offset]])
                    reason = f"“{_shorten_text(row_turn)}” is like “{_shorten_text(turn)}”"
                    for row in self._rows[text]:
                        yield set_number, "embeddings", row, score, item, reason


@cache
def normalise_name(name: str) -> tuple[str, ...]:
    """Splits the name of a function or parameter into singular words, leaving out a namespace before it.

    >>> normalise_name("calendar.ListEvents") == normalise_name("LIST_EVENT")
    True
    """
    path, _, last = name.rpartition(".")
    name_words = split_words(last)
    # One word does not identify a function: of `requests.get`, the namespace is kept.
    return tuple(
        to_singular(word) for word in (name_words if len(name_words) > 1 else (*split_words(path), *name_words))
    )


def _normalise_parameter_names(function: OfferedFunction) -> frozenset[tuple[str, ...]]:
    return frozenset(normalise_name(name) for name in function.parameters)


def _normalise_parameters(function: OfferedFunction) -> frozenset[tuple[tuple[str, ...], str]]:
    return frozenset((normalise_name(name), json_type) for name, json_type in function.parameters.items())


def _compute_jaccard(first: frozenset, second: frozenset) -> float:
    """Jaccard overlap of two sets, 0 to 1; 1 for two empty ones, such as those of functions without parameters."""
    return len(first & second) / len(first | second) if first or second else 1.0


def _split_words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _is_distinctive(text: str) -> bool:
    """Returns whether a masked turn has enough words that are not masked to be distinguished from others."""
    return sum(not word.startswith("‹") for word in _split_words(text)) >= MIN_WORDS


def _list_ngrams(turn_words: Sequence[str], size: int) -> Iterator[str]:
    return (" ".join(turn_words[start : start + size]) for start in range(len(turn_words) - size + 1))


def _shorten_text(text: str, longest: int = 100) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
