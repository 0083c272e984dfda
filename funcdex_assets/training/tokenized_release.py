"""Tokenises a release as the settings say, and checks and counts what came of it.

    tokenised = tokenize_release(release, settings.training, settings.root)
    tokenised.rows, tokenised.figures

Belongs here: the steps from a release's folder to its rows of tokens, for the stages and for `funcdex show --mask`, and
the checks that need the tokenizer beside the table.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from funcdex_assets.records.row_failures import RowFailure
from funcdex_assets.records.training import TokenRow
from funcdex_assets.settings.training import SCRATCH, Training
from funcdex_assets.training.chat_templates import TURN_END
from funcdex_assets.training.rendered_rows import ConversationEncoder
from funcdex_assets.training.token_rows import (
    LossWeights,
    PublishedRow,
    build_token_rows,
    read_published_rows,
    train_tokenizer,
)
from funcdex_assets.training.tokenizer_store import give_chat_template, load_base_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TemplateSource = Literal["ours", "own", "patched"]


@dataclass(frozen=True)
class TokenizedRelease:
    """The rows of tokens of a release, with the tokenizer that wrote them and the reasons of what is left out."""

    tokenizer: "PreTrainedTokenizerFast"
    template: TemplateSource
    published: Sequence[PublishedRow]
    rows: Sequence[TokenRow]
    failures: Sequence[RowFailure]
    figures: Mapping[str, Any]


def tokenize_release(release: Path, training: Training, root: Path) -> TokenizedRelease:
    """Encodes the rows of a release's folder; `root` is where a relative `training.base` begins.

    Raises:
        OSError: a file of the release is missing.
        UserError: the base model's tokenizer cannot be used; the message says why.
    """
    published = read_published_rows(release)
    tokenizer, template = choose_tokenizer(published, training, root)
    encoder = ConversationEncoder(tokenizer)
    made = build_token_rows(published, encoder, training.layout, training.context, choose_loss_weights(training))
    figures = count_tokens(made.rows) | {"rows_in_windows": len(made.split_rows), "vocabulary": len(tokenizer)}
    return TokenizedRelease(tokenizer, template, published, made.rows, made.failures, figures)


def choose_tokenizer(
    published: Sequence[PublishedRow], training: Training, root: Path
) -> tuple["PreTrainedTokenizerFast", TemplateSource]:
    """Returns the base model's tokenizer with a chat template, or one that is trained on the train rows."""
    if training.base == SCRATCH:
        return train_tokenizer(published, training.vocabulary_size, training.layout), "ours"
    tokenizer = load_base_tokenizer(training.base, root)
    return tokenizer, give_chat_template(tokenizer, training.chat_template)


def choose_loss_weights(training: Training) -> LossWeights:
    return LossWeights(prompt=training.prompt_weight, bad_turn=training.bad_turn_weight)


def count_tokens(rows: Sequence[TokenRow]) -> dict[str, Any]:
    """Counts rows and tokens. `prefix_share` is the share of tokens that are system prompt and tools; `shared_prefixes`
    the share that packs need not compute again, if all rows of a prefix came into one pack.
    """
    tokens = sum(len(row.token_ids) for row in rows)
    prefixes: dict[tuple[int, ...], int] = {}
    for row in rows:
        prefix = row.token_ids[: row.prefix_length]
        prefixes[prefix] = prefixes.get(prefix, 0) + 1
    repeated = sum(len(prefix) * (count - 1) for prefix, count in prefixes.items())
    return {
        "train_rows": sum(row.split == "train" for row in rows),
        "test_rows": sum(row.split == "test" for row in rows),
        "tokens": tokens,
        "counted_tokens": sum(weight > 0 for row in rows for weight in row.weights),
        "longest_row": max((len(row.token_ids) for row in rows), default=0),
        "prefix_share": round(sum(row.prefix_length for row in rows) / tokens, 4) if tokens else 0.0,
        "distinct_prefixes": len(prefixes),
        "shared_prefixes": round(repeated / tokens, 4) if tokens else 0.0,
        "cut_rows": sum(row.cut > 0 for row in rows),
        "cut_tokens": sum(row.cut for row in rows),
    }


# ── checks that need the tokenizer ────────────────────────────────────────────────────────────


def find_rows_beyond_limits(rows: Iterable[TokenRow], context: int, vocabulary: int) -> pl.DataFrame:
    """Finds the rows that are longer than the context or have ids that the tokenizer has not."""
    found = [
        {"row_id": row.row_id, "tokens": len(row.token_ids), "highest_id": max(row.token_ids)}
        for row in rows
        if len(row.token_ids) > context or max(row.token_ids) >= vocabulary or min(row.token_ids) < 0
    ]
    return pl.DataFrame(found)


def find_rows_that_count_wrongly(tokenised: TokenizedRelease, prompt_counts: bool = False) -> pl.DataFrame:
    """Finds the rows whose counted tokens do not decode to what the assistant says in the published row, in order.

    By our template each stretch of counted tokens must be an assistant's message to the letter, with the token that
    ends its turn. By a base model's own, or where the prompt counts, too, it must have the message's text and calls.
    """
    published = {row.id: row for row in tokenised.published}
    is_exact = tokenised.template == "ours" and not prompt_counts
    found = []
    for row in tokenised.rows:
        of = published.get(row.row_id) or published[row.row_id.rpartition("#")[0]]
        spoken = iter([message for message in of.messages if message["role"] == "assistant"])
        for stretch in list_counted_stretches(row):
            text = str(tokenised.tokenizer.decode(list(stretch), clean_up_tokenization_spaces=False))
            fitting = (
                text == write_assistant_text(message) + TURN_END if is_exact else _says(text, message)
                for message in spoken
            )
            if not any(fitting):
                found.append({"row_id": row.row_id, "counted": text})
                break
    return pl.DataFrame(found)


def list_counted_stretches(row: TokenRow) -> Iterator[tuple[int, ...]]:
    """Yields the runs of tokens that count."""
    for counts, run in groupby(zip(row.token_ids, row.weights, strict=True), key=lambda pair: pair[1] > 0):
        if counts:
            yield tuple(token for token, _ in run)


def write_assistant_text(message: Mapping[str, Any]) -> str:
    r"""Writes an assistant's message as our template does, without the token that ends the turn.

    It is written here a second time, so that the check does not believe the template.

    >>> write_assistant_text({"role": "assistant", "content": "Done. ", "reasoning_content": "All is said."})
    '<think>All is said.</think>\nDone.'
    """
    thought = (message.get("reasoning_content") or "").strip()
    content = (message.get("content") or "").strip()
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    written = [
        f'<tool_call>\n{{"name": {_to_json(call["name"])}, "arguments": {_to_json(call.get("arguments") or {})}}}\n'
        "</tool_call>"
        for call in calls
    ]
    return (f"<think>{thought}</think>\n" if thought else "") + "\n".join([*filter(None, [content]), *written])


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _says(text: str, message: Mapping[str, Any]) -> bool:
    """Returns whether a text has the content and the names of the calls of a message, in order."""
    content = (message.get("content") or "").strip()
    place = 0
    for part in (content, *(call["function"]["name"] for call in message.get("tool_calls") or ())):
        place = text.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True
