"""`funcdex show`: one conversation."""

from typing import Annotated, Literal

import typer

from funcdex_assets.cli.console import CommandError, console, load_project


def show_conversation(
    conversation_id: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")],
    mask: Annotated[
        bool, typer.Option("--mask", help="Show it as a trainer sees it: the text with what counts in the loss.")
    ] = False,
    layout: Annotated[
        Literal["with_tools", "without_tools"] | None,
        typer.Option(help="With --mask: whether the tools stand in the prompt; by default training.layout."),
    ] = None,
) -> None:
    """Print a conversation: persona, messages, calls with the sources of their arguments, scores."""
    if layout is not None and not mask:
        raise CommandError("--layout is given without --mask; add --mask, or leave it out")
    if mask:
        from funcdex_assets.cli.mask import print_mask

        print_mask(load_project(), conversation_id, layout, console)
        return
    from funcdex_assets.cli.transcript import print_conversation

    print_conversation(load_project(), conversation_id, console)
