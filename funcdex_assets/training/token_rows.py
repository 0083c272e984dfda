"""Turns published rows into rows of tokens, with a weight in the loss for each.

    lines of train.jsonl ─► PublishedRow ─► ConversationEncoder ─► TokenRow

Belongs here: what counts in the loss, and what a row loses that is longer than the context. How a conversation is
rendered and encoded belongs to `rendered_rows.py`, how rows are put together for a step to `packing.py`.

Everything that the assistant must produce counts: texts, thoughts, calls and the token that ends its turn. It counts
the row's weight, times `bad_turn_weight` in a turn whose verdict is bad. What users and results say counts
`prompt_weight` times the row's weight; system prompt and tools never count. Targets are never replaced.

A row that is longer than the context becomes windows of whole turns behind the same system prompt and tools: the last
window is as long as fits, the one before it ends where that begins, and so on. So the oldest turns go first, as on a
server that runs out of context, and every answer is trained in exactly one window.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from funcdex_assets.records.errors import UserError
from funcdex_assets.records.record import Record
from funcdex_assets.records.row_failures import RowFailure, explain_row_failure
from funcdex_assets.records.training import Layout, TokenRow
from funcdex_assets.records.verdict import TurnVerdict
from funcdex_assets.training.byte_level_bpe import train_byte_level_bpe
from funcdex_assets.training.rendered_rows import ConversationEncoder, RenderedPart

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPLITS: tuple[Literal["train", "test"], ...] = ("train", "test")


class PublishedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a release's JSONL, with the columns that training needs; further ones are overlooked.

    `turn_verdicts` count messages from 0, the system prompt among them. Rows of a release without a team's own rows
    have no `weight`, and count 1.
    """

    id: str
    partition: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    kind: str
    turn_verdicts: tuple[TurnVerdict, ...] = ()
    weight: float = 1.0
    split: Literal["train", "test"] = "train"


class LossWeights(Record, frozen=True):
    """What prompt tokens, and the assistant's in bad turns, count beside the assistant's, which count 1."""

    prompt: float = 0.0
    bad_turn: float = 0.0


class TooLongError(UserError):
    """Raised where a turn, or the prefix alone, does not fit into the context."""

    kind = "too_long"


class NothingCountsError(UserError):
    """Raised where no token of a row counts in the loss, so that nothing can be learned from it."""

    kind = "nothing_counts"


class TokenRows(Record, frozen=True):
    """The rows of tokens that were made of published rows, and why others were not.

    `split_rows` are the ids of published rows that became several windows.
    """

    rows: tuple[TokenRow, ...]
    failures: tuple[RowFailure, ...]
    split_rows: tuple[str, ...]


def read_published_rows(release: Path) -> list[PublishedRow]:
    """Reads the rows of a release, train before test, each in the order of its file.

    Raises:
        OSError: a file is missing.
        msgspec.ValidationError: a line is no row.
    """
    return [
        msgspec.structs.replace(msgspec.json.decode(line, type=PublishedRow), split=split)
        for split in SPLITS
        for line in (release / f"{split}.jsonl").read_bytes().splitlines()
        if line.strip()
    ]


def train_tokenizer(rows: Sequence[PublishedRow], vocabulary_size: int, layout: Layout) -> "PreTrainedTokenizerFast":
    """Trains a byte-level BPE on the train rows as the layout renders them.

    Each line of system prompts and tools is read once, so that definitions that repeat in all rows do not use up the
    vocabulary.
    """
    from funcdex_assets.training.byte_level_bpe import SMALLEST_VOCABULARY

    # A tokenizer of bytes renders the rows, to see the template's own words with them.
    encoder = ConversationEncoder(train_byte_level_bpe([], SMALLEST_VOCABULARY))
    seen_lines: set[str] = set()

    def list_texts() -> Iterator[str]:
        for row in rows:
            if row.split == "train":
                parts = encoder.encode(row.messages, row.tools if layout == "with_tools" else None)
                prefix = "".join(part.text for part in parts if part.in_prefix and not part.is_special)
                new_lines = [line for line in prefix.splitlines(keepends=True) if line not in seen_lines]
                seen_lines.update(new_lines)
                yield from new_lines
                yield from (part.text for part in parts if not part.in_prefix and not part.is_special)

    return train_byte_level_bpe(list(list_texts()), vocabulary_size)


def build_token_rows(
    rows: Iterable[PublishedRow],
    encoder: ConversationEncoder,
    layout: Layout,
    context: int,
    loss_weights: LossWeights = LossWeights(),  # noqa: B008 (a frozen value)
) -> TokenRows:
    """Encodes published rows; `context` is the most tokens of a row.

    A turn that does not fit is left out, with the reason, and so is a row in which nothing counts; the others are not
    affected.
    """
    made: list[TokenRow] = []
    failures: list[RowFailure] = []
    split_rows: list[str] = []
    for row in rows:
        try:
            windows, too_long = _encode_windows(row, encoder, layout, context, loss_weights)
        except Exception as error:
            failures.append(explain_row_failure(row.id, error, _list_template_errors()))
            continue
        made += windows
        failures += too_long
        if len(windows) > 1:
            split_rows.append(row.id)
    return TokenRows(tuple(share_prefixes(made)), tuple(failures), tuple(split_rows))


def share_prefixes(rows: Sequence[TokenRow]) -> list[TokenRow]:
    """Returns the rows with their prefixes cut to what they share with others.

    System prompts end differently where they name the moment and the user, so that no two would be the same to the
    end. Rows that begin alike for at least half of their prefix share what they all begin with.
    """
    order = sorted(range(len(rows)), key=lambda place: rows[place].token_ids[: rows[place].prefix_length])
    shared = [row.prefix_length for row in rows]
    group: list[int] = []
    common: tuple[int, ...] = ()

    def close_group() -> None:
        for place in group:
            shared[place] = len(common)

    for place in order:
        prefix = rows[place].token_ids[: rows[place].prefix_length]
        still_common = common[: count_common(common, prefix)]
        if group and 2 * len(still_common) >= max(len(prefix), len(common)):
            common = still_common
            group.append(place)
        else:
            close_group()
            group, common = [place], prefix
    close_group()
    return [msgspec.structs.replace(row, prefix_length=length) for row, length in zip(rows, shared, strict=True)]


def count_common(first: Sequence[int], second: Sequence[int]) -> int:
    """Counts the ids that both begin with.

    >>> count_common((1, 2, 3), (1, 2, 4, 5))
    2
    """
    pairs = zip(first, second, strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))


def weigh_parts(
    parts: Sequence[RenderedPart], row: PublishedRow, messages: Sequence[int], loss_weights: LossWeights
) -> list[float]:
    """Returns the weight of each token of the parts; `messages` are the places in the row that were rendered."""
    bad = {place for verdict in row.turn_verdicts if not verdict.ok for place in range(verdict.first, verdict.last + 1)}
    spoken = [place for place in messages if row.messages[place]["role"] == "assistant"]
    weights: list[float] = []
    for part in parts:
        if part.in_prefix:
            factor = 0.0
        elif part.speaker is None:
            factor = loss_weights.prompt
        else:
            factor = loss_weights.bad_turn if spoken[part.speaker] in bad else 1.0
        weights += [row.weight * factor] * len(part.token_ids)
    return weights


def _encode_windows(
    row: PublishedRow, encoder: ConversationEncoder, layout: Layout, context: int, loss_weights: LossWeights
) -> tuple[list[TokenRow], list[RowFailure]]:
    """Encodes a row as one or more rows of tokens, the oldest turns first, and says which turns do not fit."""
    if not any(message["role"] == "assistant" for message in row.messages):
        raise NothingCountsError("the assistant says nothing in it; remove the row")
    tools = row.tools if layout == "with_tools" else None
    head = [0] if row.messages[0]["role"] in ("system", "developer") else []

    def encode(places: Sequence[int]) -> list[RenderedPart]:
        return encoder.encode([row.messages[place] for place in places], tools)

    every = list(range(len(row.messages)))
    whole = encode(every)
    if _count_tokens(whole) <= context:
        return _keep_counting([_build_row(row, row.id, layout, whole, every, 0, loss_weights)])
    turns = _list_turns(row.messages, len(head))
    encoded = [encode([*head, *turn]) for turn in turns]
    prefix = sum(len(part.token_ids) for part in encoded[0] if part.in_prefix)
    lengths = [_count_tokens(parts) - prefix for parts in encoded]
    if prefix >= context:
        raise TooLongError(
            f"system prompt and tools take {prefix} of {context} tokens; raise training.context"
            + (", or set training.layout to without_tools" if tools else "")
        )
    failures: list[RowFailure] = []
    windows: list[TokenRow] = []
    for first, end in _choose_windows(lengths, context - prefix):
        places = [*head, *(place for turn in turns[first:end] for place in turn)]
        parts = encode(places)
        if _count_tokens(parts) > context:
            reason = (
                f"turn {first} takes {lengths[first]} tokens beside {prefix} of system prompt and tools, and the "
                f"context is {context}; raise training.context to {prefix + lengths[first]}"
            )
            failures.append(explain_row_failure(f"{row.id}, turn {first}", TooLongError(reason)))
        else:
            row_id = f"{row.id}#{len(windows)}"
            windows.append(_build_row(row, row_id, layout, parts, places, sum(lengths[:first]), loss_weights))
    counting, without = _keep_counting(windows)
    return counting, [*failures, *without]


def _keep_counting(rows: Sequence[TokenRow]) -> tuple[list[TokenRow], list[RowFailure]]:
    """Sets the rows aside in which nothing counts."""
    error = NothingCountsError("every turn is marked unfit to train on, or the row's weight is 0")
    counting = [row for row in rows if any(row.weights)]
    return counting, [explain_row_failure(row.row_id, error) for row in rows if not any(row.weights)]


def _choose_windows(lengths: Sequence[int], room: int) -> list[tuple[int, int]]:
    """Chooses (first, end) of the windows over turns of these lengths, from the end, each as long as fits.

    A turn that is longer than the room is a window by itself.

    >>> _choose_windows([5, 9, 3, 4, 2], room=10)
    [(0, 1), (1, 2), (2, 5)]
    """
    windows: list[tuple[int, int]] = []
    end = len(lengths)
    while end:
        first = end - 1
        while first and sum(lengths[first - 1 : end]) <= room:
            first -= 1
        windows.append((first, end))
        end = first
    return windows[::-1]


def _list_turns(messages: Sequence[Mapping[str, Any]], begin: int) -> list[list[int]]:
    """Lists the places of the messages of each turn, after those before `begin`: a user's message and what follows."""
    starts = [place for place in range(begin, len(messages)) if messages[place]["role"] == "user"]
    bounds = [*sorted({begin, *starts}), len(messages)]
    return [list(range(first, end)) for first, end in pairwise(bounds)]


def _build_row(
    row: PublishedRow,
    row_id: str,
    layout: Layout,
    parts: Sequence[RenderedPart],
    places: Sequence[int],
    cut: int,
    loss_weights: LossWeights,
) -> TokenRow:
    return TokenRow(
        row_id=row_id,
        partition=row.partition,
        split=row.split,
        kind=row.kind,
        layout=layout,
        prefix_length=sum(len(part.token_ids) for part in parts if part.in_prefix),
        token_ids=tuple(token for part in parts for token in part.token_ids),
        weights=tuple(weigh_parts(parts, row, places, loss_weights)),
        cut=cut,
    )


def _count_tokens(parts: Sequence[RenderedPart]) -> int:
    return sum(len(part.token_ids) for part in parts)


def _list_template_errors() -> type[Exception]:
    from jinja2 import TemplateError

    return TemplateError
