"""Finds near-duplicate conversations: the same calls, and user turns that say the same once values are masked.

Belongs here: comparing conversations with one another. Comparing them with evaluation sets belongs to
`contamination/`, comparing scenarios to `neighbours.py`.

Two conversations are near-duplicates when they call the same functions in the same order and their masked user
turns mean the same (cosine) or are worded the same (overlap of words and word pairs). Conversations of a single request
are duplicates only if it is the same word for word. Of the others, only conversations of equal
calls are compared, and only those that have such a partner are embedded. The first one of a cluster represents it.

>>> first = ComparedConversation("a", ("SEND_EMAIL",), ("Mail Bo 3 lists.", "Thanks!"))
>>> second = ComparedConversation("b", ("SEND_EMAIL",), ("Mail Zoë 5 lists.", "Thanks!"))
>>> from funcdex_assets.embedding.hashed_ngrams import HashedNgrams
>>> verdicts = find_near_duplicates([first, second], HashedNgrams())
>>> [(verdict.status, verdict.duplicate_of, verdict.turns) for verdict in verdicts]
[('kept', None, ()), ('duplicate', 'a', (0, 1))]
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

import numpy as np
from msgspec.structs import replace

from funcdex_assets.dedup.masking import mask_values
from funcdex_assets.dedup.requests import normalise_request
from funcdex_assets.dedup.signatures import split_shingles
from funcdex_assets.embedding.embedder import Embedder
from funcdex_assets.records.dataset import DeduplicatedConversation
from funcdex_assets.records.record import Json
from funcdex_assets.records.row_failures import make_each, refuse_empty_stage, work_without_failing

SAME_TURN_OVERLAP = 0.7  # overlap from which two turns are worded the same: named in the reason, decides nothing
_BLOCK = 512  # conversations per matrix product
_DECIMALS = 5  # so that the order in which BLAS adds cannot change a verdict


@dataclass(frozen=True, slots=True)
class ConversationThresholds:
    """Conversations of the same calls are near-duplicates if cosine ≥ `semantic` or overlap ≥ `lexical`."""

    semantic: float
    lexical: float


MINILM_THRESHOLDS = ConversationThresholds(semantic=0.70, lexical=0.50)
"""For all-MiniLM-L6-v2; `docs/deduplication.md` has the labelled pairs by which it was chosen."""
HASHED_NGRAMS_THRESHOLDS = ConversationThresholds(semantic=0.97, lexical=0.50)
"""For `HashedNgrams`, which knows no meaning."""


@dataclass(frozen=True)
class ComparedConversation:
    """The parts of a conversation that are compared: the functions it calls, in order, and its user turns."""

    conversation_id: str
    calls: tuple[str, ...]
    turns: tuple[str, ...]

    @cached_property
    def masked_turns(self) -> tuple[str, ...]:
        """The user turns with a sign in place of each value."""
        return tuple(mask_values(turn) for turn in self.turns)

    @cached_property
    def turn_shingles(self) -> frozenset[str]:
        """The words and word pairs of all masked turns."""
        return frozenset(split_shingles("\n".join(self.masked_turns)))


def to_compared_conversation(conversation_id: str, messages: Json) -> ComparedConversation:
    """Takes the compared parts out of OpenAI messages."""
    return ComparedConversation(
        conversation_id,
        tuple(call["function"]["name"] for message in messages for call in message.get("tool_calls") or ()),
        tuple(message["content"] or "" for message in messages if message["role"] == "user"),
    )


def judge_repetitions(
    messages_by_id: Mapping[str, Json],
    embedder: Embedder,
    thresholds: ConversationThresholds | None,
    single_requests: Collection[str] = (),
) -> list[DeduplicatedConversation]:
    """Returns one verdict per conversation, given its OpenAI messages, as `find_near_duplicates` does; one that cannot
    be compared has the status `failed` and the reason.

    Those of which the ids are `single_requests` are compared with one another word by word alone: the same request with
    another value is another one.
    """
    pairs, unreadable = make_each(messages_by_id.items(), lambda item: to_compared_conversation(*item), itemgetter(0))
    compared = [conversation for _, conversation in pairs]
    repeated = find_repeated_requests([one for one in compared if one.conversation_id in single_requests])
    verdicts, incomparable = work_without_failing(
        [conversation for conversation in compared if conversation.conversation_id not in single_requests],
        lambda some: find_near_duplicates(some, embedder, thresholds),
        lambda conversation: conversation.conversation_id,
        probe=lambda conversation: (embedder.embed(["\n".join(conversation.masked_turns)]), conversation.turn_shingles),
    )
    failures = [*unreadable, *incomparable]
    refuse_empty_stage("conversations", len(verdicts) + len(repeated), failures)
    return [
        *verdicts,
        *repeated,
        *(
            replace(_build_kept_verdict(failure.subject), status="failed", reason=failure.reason)
            for failure in failures
        ),
    ]


def find_near_duplicates(
    conversations: Sequence[ComparedConversation],
    embedder: Embedder,
    thresholds: ConversationThresholds | None = MINILM_THRESHOLDS,
) -> list[DeduplicatedConversation]:
    """Returns one verdict per conversation, in their order.

    Each is compared with the kept ones before it; a duplicate names the one it is most alike. Without thresholds
    nothing is a duplicate.
    """
    verdicts = {
        conversation.conversation_id: _build_kept_verdict(conversation.conversation_id)
        for conversation in conversations
    }
    if thresholds is None:
        return list(verdicts.values())
    for group in group_by_key(conversations, lambda conversation: conversation.calls):
        vectors = embedder.embed(["\n".join(conversation.masked_turns) for conversation in group])
        is_kept = np.zeros(len(group), bool)
        for start in range(0, len(group), _BLOCK):
            cosines = np.round(vectors[start : start + _BLOCK] @ vectors.T, _DECIMALS)
            for row, conversation in enumerate(group[start : start + _BLOCK], start):
                earlier = np.flatnonzero(is_kept[:row])
                verdict = _find_near_duplicate(
                    conversation, [group[i] for i in earlier], cosines[row - start, earlier], thresholds
                )
                is_kept[row] = verdict is None
                if verdict is not None:
                    verdicts[conversation.conversation_id] = verdict
    return list(verdicts.values())


def find_repeated_requests(conversations: Sequence[ComparedConversation]) -> list[DeduplicatedConversation]:
    """Returns one verdict per conversation, in their order: a duplicate says the words of the first that has them."""
    firsts: dict[tuple[str, ...], str] = {}
    verdicts: list[DeduplicatedConversation] = []
    for conversation in conversations:
        first = firsts.setdefault(tuple(map(normalise_request, conversation.turns)), conversation.conversation_id)
        verdict = _build_kept_verdict(conversation.conversation_id)
        if first != conversation.conversation_id:
            verdict = replace(
                verdict,
                status="duplicate",
                duplicate_of=first,
                similarity=1.0,
                overlap=1.0,
                turns=tuple(range(len(conversation.turns))),
                cluster_id=first,
                reason="the user says the same, word for word, and nothing else",
            )
        verdicts.append(verdict)
    return verdicts


def group_by_key(
    items: Iterable[ComparedConversation], key: Callable[[ComparedConversation], Hashable]
) -> list[list[ComparedConversation]]:
    """Groups the conversations by a key; those that share it with no other are left out."""
    by_key: dict[Hashable, list[ComparedConversation]] = defaultdict(list)
    for item in items:
        by_key[key(item)].append(item)
    return [group for group in by_key.values() if len(group) > 1]


def count_exact_repeats(conversations: Sequence[ComparedConversation]) -> int:
    """Counts the conversations whose masked turns are exactly those of an earlier one, whatever functions they call."""
    counts = Counter(conversation.masked_turns for conversation in conversations)
    return sum(count - 1 for count in counts.values())


def compute_overlap(first: frozenset[str], second: frozenset[str]) -> float:
    """Jaccard overlap of two sets of shingles, 0 to 1."""
    return len(first & second) / max(1, len(first | second))


def _find_near_duplicate(
    conversation: ComparedConversation,
    candidates: Sequence[ComparedConversation],
    cosines: np.ndarray,
    thresholds: ConversationThresholds,
) -> DeduplicatedConversation | None:
    """Returns the verdict that names the closest near-duplicate, by cosine, then overlap; None if there is none."""
    best: tuple[float, float, ComparedConversation] | None = None
    for candidate, cosine in zip(candidates, cosines.tolist(), strict=True):
        shared = compute_overlap(conversation.turn_shingles, candidate.turn_shingles)
        if (cosine >= thresholds.semantic or shared >= thresholds.lexical) and (
            best is None or (cosine, shared) > best[:2]
        ):
            best = cosine, shared, candidate
    if best is None:
        return None
    cosine, shared, original = best
    turns = _find_same_turns(conversation, original)
    return DeduplicatedConversation(
        conversation_id=conversation.conversation_id,
        status="duplicate",
        duplicate_of=original.conversation_id,
        similarity=round(cosine, _DECIMALS),
        overlap=round(shared, _DECIMALS),
        turns=turns,
        cluster_id=original.conversation_id,
        reason=f"the same {len(conversation.calls)} calls; masked user turns: cosine {cosine:.2f}, "
        f"overlap {shared:.2f}; "
        + (f"turns {', '.join(map(str, turns))} are worded the same" if turns else "no turn is worded the same"),
    )


def _find_same_turns(conversation: ComparedConversation, original: ComparedConversation) -> tuple[int, ...]:
    """Returns the numbers, from 0, of the user turns that are worded as some turn of the original."""
    original_shingles = [frozenset(split_shingles(turn)) for turn in original.masked_turns]
    return tuple(
        number
        for number, turn in enumerate(conversation.masked_turns)
        if any(
            compute_overlap(frozenset(split_shingles(turn)), candidate) >= SAME_TURN_OVERLAP
            for candidate in original_shingles
        )
    )


def _build_kept_verdict(conversation_id: str) -> DeduplicatedConversation:
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
