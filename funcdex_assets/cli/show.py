"""`funcdex show`: one conversation."""

from typing import Annotated

import typer

from funcdex_assets.cli.console import console, load_project


def show_conversation(
    conversation_id: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")],
) -> None:
    """Print a conversation: persona, messages, calls with the sources of their arguments, scores."""
    from funcdex_assets.cli.transcript import print_conversation

    print_conversation(load_project(), conversation_id, console)
