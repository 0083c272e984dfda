"""Near-duplicates among conversations: the same calls, and user turns that say the same once values are masked.

Two conversations are near-duplicates when they call the same functions in the same order and their masked user
turns mean the same (cosine) or are worded the same (overlap of words and word pairs). Only conversations of equal
calls are compared, and only those that have such a partner are embedded. Of a cluster the first one represents it.

>>> one = Spoken("a", ("SEND_EMAIL",), ("Mail Bo 3 lists.", "Thanks!"))
>>> other = Spoken("b", ("SEND_EMAIL",), ("Mail Zoë 5 lists.", "Thanks!"))
>>> from funcdex_assets.dedup.embedding import HashedNgrams
>>> [(found.status, found.duplicate_of, found.turns) for found in near_duplicates([one, other], HashedNgrams())]
[('kept', None, ()), ('duplicate', 'a', (0, 1))]
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from funcdex_assets.dedup.masking import masked
from funcdex_assets.dedup.signatures import shingles
from funcdex_assets.embedding.embedder import Embedder
from funcdex_assets.records.dataset import DeduplicatedConversation
from funcdex_assets.records.record import Json

SAME_TURN = 0.7  # overlap from which a turn says what another says: named in the reason, decides nothing
_BLOCK = 512
_DECIMALS = 5


@dataclass(frozen=True, slots=True)
class Likeness:
    """Near-duplicates: cosine ≥ `semantic`, or overlap ≥ `lexical`, of conversations of the same calls."""

    semantic: float
    lexical: float


LIKENESS = Likeness(semantic=0.70, lexical=0.50)
"""For all-MiniLM-L6-v2; `docs/deduplication.md` has the labelled pairs by which it was chosen."""
COPIES = Likeness(semantic=0.97, lexical=0.50)
"""For `HashedNgrams`, which knows no meaning."""


@dataclass(frozen=True)
class Spoken:
    """Of a conversation: the functions that it calls, in order, and what the user says."""

    conversation_id: str
    calls: tuple[str, ...]
    turns: tuple[str, ...]

    @cached_property
    def masked_turns(self) -> tuple[str, ...]:
        return tuple(masked(turn) for turn in self.turns)

    @cached_property
    def shingles(self) -> frozenset[str]:
        """The words and word pairs of all masked turns."""
        return frozenset(shingles("\n".join(self.masked_turns)))


def spoken(conversation_id: str, messages: Json) -> Spoken:
    """Of OpenAI messages."""
    return Spoken(
        conversation_id,
        tuple(call["function"]["name"] for message in messages for call in message.get("tool_calls") or ()),
        tuple(message["content"] or "" for message in messages if message["role"] == "user"),
    )


def near_duplicates(
    conversations: Sequence[Spoken], embedder: Embedder, likeness: Likeness | None = LIKENESS
) -> list[DeduplicatedConversation]:
    """One verdict for each, in their order. Each is compared with the kept ones before it; the likest is named.

    Without a likeness nothing is a duplicate.
    """
    verdicts = {one.conversation_id: _kept(one.conversation_id) for one in conversations}
    if likeness is None:
        return list(verdicts.values())
    for alike in groups(conversations, lambda one: one.calls):
        vectors = embedder.embed(["\n".join(one.masked_turns) for one in alike])
        kept = np.zeros(len(alike), bool)
        for start in range(0, len(alike), _BLOCK):
            cosines = np.round(vectors[start : start + _BLOCK] @ vectors.T, _DECIMALS)
            for row, one in enumerate(alike[start : start + _BLOCK], start):
                before = np.flatnonzero(kept[:row])
                found = _likest(one, [alike[i] for i in before], cosines[row - start, before], likeness)
                kept[row] = found is None
                if found is not None:
                    verdicts[one.conversation_id] = found
    return list(verdicts.values())


def groups(items: Iterable[Spoken], key: Callable[[Spoken], Hashable]) -> list[list[Spoken]]:
    """Those that share a key with another, together."""
    found: dict[Hashable, list[Spoken]] = defaultdict(list)
    for item in items:
        found[key(item)].append(item)
    return [group for group in found.values() if len(group) > 1]


def repeated(conversations: Sequence[Spoken]) -> int:
    """How many repeat another word by word once values are masked, whatever they call: the strictest measure."""
    counts = Counter(one.masked_turns for one in conversations)
    return sum(count - 1 for count in counts.values())


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard overlap of two sets of shingles, 0 to 1."""
    return len(one & other) / max(1, len(one | other))


def _likest(
    one: Spoken, others: Sequence[Spoken], cosines: np.ndarray, likeness: Likeness
) -> DeduplicatedConversation | None:
    best: tuple[float, float, Spoken] | None = None
    for other, cosine in zip(others, cosines.tolist(), strict=True):
        shared = overlap(one.shingles, other.shingles)
        if (cosine >= likeness.semantic or shared >= likeness.lexical) and (
            best is None or (cosine, shared) > best[:2]
        ):
            best = cosine, shared, other
    if best is None:
        return None
    cosine, shared, original = best
    turns = _same_turns(one, original)
    return DeduplicatedConversation(
        conversation_id=one.conversation_id,
        status="duplicate",
        duplicate_of=original.conversation_id,
        similarity=round(cosine, _DECIMALS),
        overlap=round(shared, _DECIMALS),
        turns=turns,
        cluster_id=original.conversation_id,
        reason=f"the same {len(one.calls)} calls; masked user turns: cosine {cosine:.2f}, overlap {shared:.2f}; "
        + (f"turns {', '.join(map(str, turns))} are worded the same" if turns else "no turn is worded the same"),
    )


def _same_turns(one: Spoken, other: Spoken) -> tuple[int, ...]:
    """User turns, from 0, that a turn of the other says too."""
    told = [frozenset(shingles(turn)) for turn in other.masked_turns]
    return tuple(
        number
        for number, turn in enumerate(one.masked_turns)
        if any(overlap(frozenset(shingles(turn)), there) >= SAME_TURN for there in told)
    )


def _kept(conversation_id: str) -> DeduplicatedConversation:
    return DeduplicatedConversation(
        conversation_id=conversation_id,
        status="kept",
        duplicate_of=None,
        similarity=None,
        overlap=None,
        turns=(),
        cluster_id=conversation_id,
        reason="",
    )
