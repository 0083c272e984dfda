"""Measures of the variety of texts: distinct n-grams, self-BLEU, first words, sentence skeletons, copies.

Belongs here: pure measures of texts, and of conversations as texts. The choice of texts to measure, and the names of
the figures, are in `figures.py`.

>>> count_distinct_ngrams(["book a room", "book a car"], 1)
(4, 6)
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import exp
from random import Random
from typing import Any, TypeVar

from funcdex_assets.records.message import Message
from funcdex_assets.records.seeds import derive_seed
from funcdex_assets.schema.json_pointers import list_scalars

BLANK = "_"
BLEU_ORDER = 4  # the customary maximum, as in BLEU-4 of Papineni et al. (2002)
# Counts instead of zero matches of one order: smoothing method 1 of Chen & Cherry (2014), as Texygen uses it.
EPSILON = 0.1

Item = TypeVar("Item")

_JSON = json.JSONDecoder()
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"”']?\s+|\n+")
_QUOTES = re.compile(r"\"[^\"]*\"|“[^”]*”|(?<!\w)'[^'\n]*'(?!\w)")
_VALUES = re.compile(
    r"\S+@\S+\.\w+|\b(?:https?://|www\.)\S+"
    r"|\b(?=[\w-]*[\d_])[\w-]+(?:[:.,/]\d+)*"
)
_NAME = re.compile(r"(?<![.!?…:\"“] )(?<!^)(?<!\n)\b(?!I\b|I['’])[A-Z][\w'’-]*")
_BLANKS = re.compile(rf"{BLANK}(?:[\s,'’s&/-]*(?:\band\b)?[\s,&/-]*{BLANK})+")


def remove_json_objects(text: str) -> str:
    r"""Removes the JSON objects from a text, such as the definition of a function that the user pastes.

    >>> remove_json_objects('Take {this}: {"name": "SEND_FAX"} Go!')
    'Take {this}:\nGo!'
    """
    texts, text_start, search_start = [], 0, 0
    while (start := text.find("{", search_start)) >= 0:
        try:
            _, end = _JSON.raw_decode(text, start)
        except ValueError:
            search_start = start + 1
        else:
            texts.append(text[text_start:start].strip())
            text_start = search_start = end
    return "\n".join(text_between for text_between in (*texts, text[text_start:].strip()) if text_between)


# ── words ─────────────────────────────────────────────────────────────────────────────────────


def split_into_words(text: str) -> list[str]:
    """Splits a text into words in lower case, without punctuation.

    >>> split_into_words("It's the 3rd, again!")
    ["it's", 'the', '3rd', 'again']
    """
    return _WORD.findall(text.lower())


def list_ngrams(words: Sequence[str], order: int) -> list[tuple[str, ...]]:
    """Returns all runs of `order` neighbouring words."""
    return [tuple(words[start : start + order]) for start in range(len(words) - order + 1)]


def count_distinct_ngrams(texts: Iterable[str], order: int) -> tuple[int, int]:
    """Returns (different n-grams, n-grams): their quotient is distinct-n (Li et al. 2016, arXiv:1510.03055).

    It falls with the amount of text, so that only samples of one size can be compared.
    """
    counts = Counter(gram for text in texts for gram in list_ngrams(split_into_words(text), order))
    return len(counts), counts.total()


def compute_self_bleu(texts: Sequence[str], order: int = BLEU_ORDER) -> float:
    """The mean BLEU of each text with all others as its references (Zhu et al. 2018, Texygen, arXiv:1802.01886).

    BLEU = BP · exp(Σ_n log p_n / N), n = 1…N (Papineni et al. 2002), where p_n is the share of a text's n-grams
    that are in a reference, each at most as often as in the one that has it most often; no match counts as 0.1;
    BP = 1 where the text is longer than the reference nearest in length, else exp(1 - reference / text). Near 0 all
    differ, 1 all are alike. 0 for fewer than two texts.

    >>> round(compute_self_bleu(["a b c d e", "a b c d f"]), 4)  # (4/5 · 3/4 · 2/3 · 1/2) ** (1/4)
    0.6687
    """
    tokens = [words for words in map(split_into_words, texts) if words]
    if len(tokens) < 2:
        return 0.0
    counted = [[Counter(list_ngrams(words, n)) for n in range(1, order + 1)] for words in tokens]
    most = [_find_two_highest_counts([counts[n] for counts in counted]) for n in range(order)]
    lengths = Counter(map(len, tokens))
    return sum(_compute_bleu(index, counted[index], most, lengths) for index in range(len(tokens))) / len(tokens)


def _find_two_highest_counts(counts: Sequence[Counter[tuple[str, ...]]]) -> dict[tuple[str, ...], tuple[int, int, int]]:
    """For each n-gram: the highest count in one text, the index of that text, the highest count in any other text."""
    highest_counts: dict[tuple[str, ...], tuple[int, int, int]] = {}
    for index, counter in enumerate(counts):
        for gram, count in counter.items():
            highest, owner, second = highest_counts.get(gram, (0, -1, 0))
            highest_counts[gram] = (count, index, highest) if count > highest else (highest, owner, max(second, count))
    return highest_counts


def _compute_bleu(
    index: int,
    counts: Sequence[Counter[tuple[str, ...]]],
    highest_counts_by_order: Sequence[Mapping[tuple[str, ...], tuple[int, int, int]]],
    lengths: Counter[int],
) -> float:
    """BLEU of one text with all others as references: for its own n-grams the second highest count stands in where the
    text itself has the highest.
    """
    product = 1.0
    for own_counts, highest_counts in zip(counts, highest_counts_by_order, strict=True):
        matches = 0
        for gram, count in own_counts.items():
            highest, owner, second = highest_counts[gram]
            matches += min(count, second if owner == index else highest)
        if not matches and own_counts is counts[0]:
            return 0.0
        product *= (matches or EPSILON) / max(1, own_counts.total())
    length = counts[0].total()
    reference_lengths = (
        reference_length for reference_length, count in lengths.items() if reference_length != length or count > 1
    )
    nearest = min(reference_lengths, key=lambda reference_length: (abs(reference_length - length), reference_length))
    brevity = 1.0 if length > nearest else exp(1 - nearest / length)
    return brevity * product ** (1 / len(counts))


def draw_sample(items: Sequence[Item], limit: int, *seed: object) -> list[Item]:
    """Draws at most `limit` items and keeps their order; the same seed draws the same items."""
    if len(items) <= limit:
        return list(items)
    return [items[index] for index in sorted(Random(derive_seed(*seed)).sample(range(len(items)), limit))]


# ── skeletons and copies ──────────────────────────────────────────────────────────────────────


def split_into_sentences(text: str) -> list[str]:
    """Splits a text after each stop that a space follows, and at line ends.

    >>> split_into_sentences("Hi there! Mail a.b@c.de, please.")
    ['Hi there!', 'Mail a.b@c.de, please.']
    """
    return [sentence.strip() for sentence in _SENTENCE_END.split(text) if sentence.strip()]


def find_first_sentence(text: str) -> str:
    """Returns the first sentence of a text; '' if it is empty."""
    return next(iter(split_into_sentences(text)), "")


def compile_pattern_of_any(values: Iterable[str]) -> re.Pattern[str] | None:
    """Compiles a pattern that finds each of the texts as whole words in any case, the longest first; None without
    texts.
    """
    ordered = sorted({value for value in values if value}, key=lambda value: (-len(value), value))
    return re.compile("|".join(map(_build_word_pattern, ordered)), re.IGNORECASE) if ordered else None


def _build_word_pattern(value: str) -> str:
    """Pattern of a value that does not match within a longer word."""
    before = r"(?<!\w)" if value[0].isalnum() else ""
    after = r"(?!\w)" if value[-1].isalnum() else ""
    return f"{before}{re.escape(value)}{after}"


def mask_values(text: str, known_values: re.Pattern[str] | None = None) -> str:
    """Replaces quoted texts, addresses, numbers, identifiers and `known_values` by a blank.

    A stop at the end of a quote remains, since it may be the sentence's.

    >>> mask_values('Send "Minutes" to a@b.io by 3 May, thread 18c_9f', compile_pattern_of_any(["May"]))
    'Send _ to _ by _ _, thread _'
    """
    unquoted = _QUOTES.sub(_blank_quote, text)
    return _VALUES.sub(BLANK, known_values.sub(BLANK, unquoted) if known_values else unquoted)


def _blank_quote(quote: re.Match[str]) -> str:
    """Replaces a quote by a blank, and keeps the stop before its closing mark."""
    return f"{BLANK}." if quote[0][-2] in ".!?…" else BLANK


def build_skeleton(sentence: str, known_values: re.Pattern[str] | None = None) -> str:
    """Returns a sentence without its values: names within it are blank too, and neighbouring blanks are one.

    >>> build_skeleton("Please send the reefer claim to Ana Rojas and Bo.", compile_pattern_of_any(["reefer claim"]))
    'please send the _ to _'
    """
    return _reduce_to_skeleton(mask_values(sentence, known_values))


def _reduce_to_skeleton(sentence: str) -> str:
    """Blanks names, joins neighbouring blanks, and drops case and punctuation of a masked sentence."""
    return " ".join(split_into_words(_BLANKS.sub(BLANK, _NAME.sub(BLANK, sentence))))


def count_different_openings(texts: Sequence[str]) -> int:
    """Counts texts that differ in more than case and spaces."""
    return len({" ".join(text.lower().split()) for text in texts})


def count_repeats(keys: Sequence[Any]) -> int:
    """Counts the items that have an equal among the others.

    >>> count_repeats(["a", "b", "a"])
    2
    """
    return sum(count for count in Counter(keys).values() if count > 1)


def compute_conversation_key(messages: Sequence[Message]) -> tuple[str, ...]:
    """Returns a conversation without ids, digits and quoted values; two conversations with one key are copies.

    Of calls and results the names, the arguments and their masked values count.
    """
    lines: list[str] = []
    for message in messages:
        if message.content:
            lines.append(f"{message.role} {mask_values(message.content).lower()}")
        lines += [f"{call.name} {_mask_json(call.arguments)}" for call in message.tool_calls]
        if message.result is not None:
            lines.append(f"result {message.result.error} {_mask_json(message.result.content)}")
    return tuple(lines)


def list_skeletons(text: str, known_values: re.Pattern[str] | None = None) -> list[str]:
    """Returns the skeletons of a text's sentences, without empty ones; a quote's own sentences are not counted.

    >>> list_skeletons('Write: "It is late. I go." Then rest.')
    ['write _', 'then rest']
    """
    return [
        bones
        for sentence in split_into_sentences(mask_values(text, known_values))
        if (bones := _reduce_to_skeleton(sentence))
    ]


def _mask_json(value: Any) -> str:
    """Writes a JSON value as `pointer=value` pairs with masked values and without indices."""
    return " ".join(
        re.sub(r"[0-9]+", BLANK, pointer)
        + "="
        + (mask_values(scalar).lower() if isinstance(scalar, str) else _mask_scalar(scalar))
        for pointer, scalar in list_scalars(value)
    )


def _mask_scalar(value: Any) -> str:
    """Blanks a number, and writes other scalars as they are."""
    return BLANK if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
