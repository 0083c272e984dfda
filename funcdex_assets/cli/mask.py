"""A published row as a trainer sees it: the rendered text, what of it counts in the loss, and how many tokens it has.

On a terminal, what counts is highlighted and special tokens are coloured. In a pipe or without colours, what counts
stands between ⟦ and ⟧. A weight other than 1 is written before the text: ×0.5.
"""

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.text import Text

from funcdex_assets.cli.console import CommandError
from funcdex_assets.records.training import Layout
from funcdex_assets.settings.settings import Settings

if TYPE_CHECKING:
    from funcdex_assets.training.rendered_rows import ConversationEncoder
    from funcdex_assets.training.token_rows import PublishedRow

COUNTED, PROMPT, SPECIAL, WEIGHT, UNCOUNTED = "black on green", "dim", "bold magenta", "bold red", "strike dim"


class Stretch(NamedTuple):
    """Text of one weight and one speaker; `pieces` are its texts, and whether each is a special token."""

    weight: float
    is_spoken: bool
    tokens: int
    pieces: list[tuple[str, bool]]


def print_mask(settings: Settings, conversation_id: str, layout: Layout | None, console: Console) -> None:
    """Prints the row of the latest releases whose id begins so.

    Raises:
        CommandError: no release has it, or several ids begin so.
        UserError: the extra `train` is missing, or the base model's tokenizer cannot be used.
    """
    from funcdex_assets.training.token_rows import build_token_rows, weigh_parts
    from funcdex_assets.training.tokenized_release import choose_loss_weights

    layout = layout or settings.training.layout
    row, encoder, template = _find_row(settings, conversation_id, layout)
    loss_weights = choose_loss_weights(settings.training)
    parts = encoder.encode(row.messages, row.tools if layout == "with_tools" else None)
    weights = iter(weigh_parts(parts, row, range(len(row.messages)), loss_weights))
    stretches: list[Stretch] = []
    weighed = [(part, [next(weights) for _ in part.token_ids]) for part in parts]
    for (weight, speaker), run in groupby(weighed, key=lambda pair: (pair[1][0], pair[0].speaker)):
        found = [part for part, _ in run]
        tokens = sum(len(part.token_ids) for part in found)
        stretches.append(Stretch(weight, speaker is not None, tokens, [(part.text, part.is_special) for part in found]))
    for stretch in stretches:
        console.print(_format_stretch(stretch, console), end="", soft_wrap=True, highlight=False)
    total = sum(stretch.tokens for stretch in stretches)
    counted = sum(stretch.tokens for stretch in stretches if stretch.weight)
    prefix = sum(len(part.token_ids) for part in parts if part.in_prefix)
    console.print(
        f"\n{row.id} · {row.partition} · {row.split} · {row.kind} · {layout} · template: {template}\n"
        f"{total} tokens: {prefix} of system prompt{' and tools' if layout == 'with_tools' else ''}, {counted} that "
        f"count ({counted / total:.1%}); vocabulary of {len(encoder.tokenizer)}",
        highlight=False,
        soft_wrap=True,
    )
    made = build_token_rows([row], encoder, layout, settings.training.context, loss_weights)
    for window in made.rows if made.split_rows else ():
        console.print(
            f"longer than training.context ({settings.training.context}): {window.row_id} has {len(window.token_ids)} "
            f"tokens without the {window.cut} of older turns",
            highlight=False,
            soft_wrap=True,
        )
    for failure in made.failures:
        console.print(f"left out: {failure.subject}: {failure.reason}", highlight=False, soft_wrap=True)


def _find_row(
    settings: Settings, conversation_id: str, layout: Layout
) -> "tuple[PublishedRow, ConversationEncoder, str]":
    """Finds the row in the releases of the partitions, with what encodes it and where its chat template is from.

    The tokenizer is the one that wrote the partition's tokens, if these are of this release, base and layout; else it
    is made of the release at this moment.
    """
    from funcdex_assets.export.release_outcome import read_latest
    from funcdex_assets.training.rendered_rows import ConversationEncoder
    from funcdex_assets.training.token_rows import read_published_rows
    from funcdex_assets.training.tokenized_release import choose_tokenizer
    from funcdex_assets.training.tokenizer_store import TokenizerError, load_tokenizer, read_tokenizer_note

    training = settings.training.model_copy(update={"layout": layout})
    for partition in settings.partitions:
        folder = settings.home / "datasets" / partition
        latest = read_latest(folder)
        if latest is None or not (folder / latest).is_dir():
            continue
        rows = read_published_rows(folder / latest)
        found = [row for row in rows if row.id.startswith(conversation_id)]
        exact = [row for row in found if row.id == conversation_id]
        if len(found) > 1 and not exact:
            ids = ", ".join(row.id for row in found[:5])
            raise CommandError(f"{len(found)} rows of {partition} begin with {conversation_id!r}: {ids} …; write more")
        if not found:
            continue
        row = (exact or found)[0]
        try:
            note = read_tokenizer_note(settings.home, partition)
            if (note.release, note.base, note.layout) == (latest, training.base, layout):
                return row, ConversationEncoder(load_tokenizer(settings.home, partition)), note.template
        except TokenizerError:
            pass  # nothing was tokenised yet, or its folder is gone
        tokenizer, template = choose_tokenizer(rows, training, settings.root)
        return row, ConversationEncoder(tokenizer), template
    raise CommandError(
        f"No release in {settings.home / 'datasets'} has a row {conversation_id!r}; ids are in the JSONL, and a "
        "conversation that was rejected or left out has none"
    )


def _format_stretch(stretch: Stretch, console: Console) -> Text:
    """Formats a stretch; a line break at the end of a highlight would colour the rest of the line."""
    text = Text()
    marked = stretch.is_spoken or stretch.weight > 0
    plain = not console.is_terminal or console.no_color
    style = PROMPT if not marked else COUNTED if stretch.weight else UNCOUNTED
    if marked:
        text.append("⟦" if plain else "")
        text.append("" if stretch.weight == 1 else f"×{stretch.weight:g} ", WEIGHT)
    for piece, is_special in stretch.pieces:
        text.append(piece, f"{style} {SPECIAL}" if is_special and not marked else style)
    if marked and plain:
        text.append("⟧")
    return text
