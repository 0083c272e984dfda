"""How varied texts are: distinct n-grams, self-BLEU, first words, sentence skeletons, copies.

Here belong measures of texts and of conversations as texts. All are pure; what they are measured on, and what
the figures are called, is said in `report.py`.

>>> distinct(["book a room", "book a car"], 1)
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
from funcdex_assets.schema.json_pointers import scalars

BLANK = "_"
BLEU_ORDER = 4
# What stands for zero matches of one order: smoothing method 1 of Chen & Cherry (2014), as Texygen uses it.
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


def speech(text: str) -> str:
    r"""What is said around the JSON objects in a text: who brings a function pastes its definition.

    >>> speech('Take {this}: {"name": "SEND_FAX"} Go!')
    'Take {this}:\nGo!'
    """
    parts, begin, at = [], 0, 0
    while (start := text.find("{", at)) >= 0:
        try:
            _, end = _JSON.raw_decode(text, start)
        except ValueError:
            at = start + 1
        else:
            parts.append(text[begin:start].strip())
            begin = at = end
    return "\n".join(part for part in (*parts, text[begin:].strip()) if part)


# ── words ─────────────────────────────────────────────────────────────────────────────────────


def words_of(text: str) -> list[str]:
    """Lower case, without punctuation.

    >>> words_of("It's the 3rd, again!")
    ["it's", 'the', '3rd', 'again']
    """
    return _WORD.findall(text.lower())


def ngrams(words: Sequence[str], order: int) -> list[tuple[str, ...]]:
    return [tuple(words[start : start + order]) for start in range(len(words) - order + 1)]


def distinct(texts: Iterable[str], order: int) -> tuple[int, int]:
    """(different n-grams, n-grams): their quotient is distinct-n (Li et al. 2016, arXiv:1510.03055).

    It falls with the amount of text, so that only samples of one size can be compared.
    """
    counts = Counter(gram for text in texts for gram in ngrams(words_of(text), order))
    return len(counts), counts.total()


def self_bleu(texts: Sequence[str], order: int = BLEU_ORDER) -> float:
    """The mean BLEU of each text with all others as its references (Zhu et al. 2018, Texygen, arXiv:1802.01886).

    BLEU = BP · exp(Σ_n log p_n / N), n = 1…N (Papineni et al. 2002), where p_n is the share of a text's n-grams
    that are in a reference, each at most as often as in the one that has it most often; no match counts as 0.1;
    BP = 1 where the text is longer than the reference nearest in length, else exp(1 - reference / text). Near 0 all
    differ, 1 all are alike. 0 for fewer than two texts.

    >>> round(self_bleu(["a b c d e", "a b c d f"]), 4)  # (4/5 · 3/4 · 2/3 · 1/2) ** (1/4)
    0.6687
    """
    tokens = [words for words in map(words_of, texts) if words]
    if len(tokens) < 2:
        return 0.0
    counted = [[Counter(ngrams(words, n)) for n in range(1, order + 1)] for words in tokens]
    most = [_two_highest([counts[n] for counts in counted]) for n in range(order)]
    lengths = Counter(map(len, tokens))
    return sum(_bleu(index, counted[index], most, lengths) for index in range(len(tokens))) / len(tokens)


def _two_highest(counts: Sequence[Counter[tuple[str, ...]]]) -> dict[tuple[str, ...], tuple[int, int, int]]:
    """n-gram → (the highest count in a text, that text, the highest in any other)."""
    found: dict[tuple[str, ...], tuple[int, int, int]] = {}
    for index, counter in enumerate(counts):
        for gram, count in counter.items():
            highest, owner, second = found.get(gram, (0, -1, 0))
            found[gram] = (count, index, highest) if count > highest else (highest, owner, max(second, count))
    return found


def _bleu(
    index: int,
    counts: Sequence[Counter[tuple[str, ...]]],
    most: Sequence[Mapping[tuple[str, ...], tuple[int, int, int]]],
    lengths: Counter[int],
) -> float:
    product = 1.0
    for own, others in zip(counts, most, strict=True):
        matches = 0
        for gram, count in own.items():
            highest, owner, second = others[gram]
            matches += min(count, second if owner == index else highest)
        if not matches and own is counts[0]:
            return 0.0
        product *= (matches or EPSILON) / max(1, own.total())
    length = counts[0].total()
    others_lengths = (one for one, count in lengths.items() if one != length or count > 1)
    nearest = min(others_lengths, key=lambda one: (abs(one - length), one))
    brevity = 1.0 if length > nearest else exp(1 - nearest / length)
    return brevity * product ** (1 / len(counts))


def sample(items: Sequence[Item], most: int, *seed: object) -> list[Item]:
    """At most so many of them, in their order; the same under the same seed."""
    if len(items) <= most:
        return list(items)
    return [items[index] for index in sorted(Random(derive_seed(*seed)).sample(range(len(items)), most))]


# ── skeletons and copies ──────────────────────────────────────────────────────────────────────


def sentences(text: str) -> list[str]:
    """The parts that end with a stop and a space, or with the line.

    >>> sentences("Hi there! Mail a.b@c.de, please.")
    ['Hi there!', 'Mail a.b@c.de, please.']
    """
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def first_sentence(text: str) -> str:
    return next(iter(sentences(text)), "")


def any_of(values: Iterable[str]) -> re.Pattern[str] | None:
    """Finds each of the texts where it stands as words, in any case, the longest first; None for none of them."""
    ordered = sorted({value for value in values if value}, key=lambda value: (-len(value), value))
    return re.compile("|".join(map(_as_words, ordered)), re.IGNORECASE) if ordered else None


def _as_words(value: str) -> str:
    before = r"(?<!\w)" if value[0].isalnum() else ""
    after = r"(?!\w)" if value[-1].isalnum() else ""
    return f"{before}{re.escape(value)}{after}"


def masked(text: str, known: re.Pattern[str] | None = None) -> str:
    """Blank for quoted text, addresses, numbers and identifiers, and for what is `known` to be a value.

    A stop at the end of a quote remains, since it may be the sentence's.

    >>> masked('Send "Minutes" to a@b.io by 3 May, thread 18c_9f', any_of(["May"]))
    'Send _ to _ by _ _, thread _'
    """
    unquoted = _QUOTES.sub(_blank, text)
    return _VALUES.sub(BLANK, known.sub(BLANK, unquoted) if known else unquoted)


def _blank(found: re.Match[str]) -> str:
    return f"{BLANK}." if found[0][-2] in ".!?…" else BLANK


def skeleton(sentence: str, known: re.Pattern[str] | None = None) -> str:
    """What is left of a sentence without its values: also names within it are blank, neighbours are one blank.

    >>> skeleton("Please send the reefer claim to Ana Rojas and Bo.", any_of(["reefer claim"]))
    'please send the _ to _'
    """
    return _bones(masked(sentence, known))


def _bones(sentence: str) -> str:
    return " ".join(words_of(_BLANKS.sub(BLANK, _NAME.sub(BLANK, sentence))))


def openings(texts: Sequence[str]) -> int:
    """How many differ, apart from case and spaces."""
    return len({" ".join(text.lower().split()) for text in texts})


def repeats(keys: Sequence[Any]) -> int:
    """How many have an equal among the others.

    >>> repeats(["a", "b", "a"])
    2
    """
    return sum(count for count in Counter(keys).values() if count > 1)


def conversation_key(messages: Sequence[Message]) -> tuple[str, ...]:
    """What is left of a conversation without ids, digits and quoted values; two with one key are copies.

    Of calls and results the names, the arguments and their masked values count.
    """
    lines: list[str] = []
    for message in messages:
        if message.content:
            lines.append(f"{message.role} {masked(message.content).lower()}")
        lines += [f"{call.name} {_masked_json(call.arguments)}" for call in message.tool_calls]
        if message.result is not None:
            lines.append(f"result {message.result.error} {_masked_json(message.result.content)}")
    return tuple(lines)


def skeletons(text: str, known: re.Pattern[str] | None = None) -> list[str]:
    """Those of its sentences, without empty ones; the sentences of a quote are no sentences of the text.

    >>> skeletons('Write: "It is late. I go." Then rest.')
    ['write _', 'then rest']
    """
    return [bones for sentence in sentences(masked(text, known)) if (bones := _bones(sentence))]


def _masked_json(value: Any) -> str:
    return " ".join(
        f"{re.sub(r'[0-9]+', BLANK, pointer)}={masked(part).lower() if isinstance(part, str) else _plain(part)}"
        for pointer, part in scalars(value)
    )


def _plain(value: Any) -> str:
    return BLANK if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
