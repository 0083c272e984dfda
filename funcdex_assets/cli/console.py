"""The terminal that all commands share: one console, one boundary for errors, and the project that they work on.

A command raises; nothing is caught before the boundary, which prints the message of an error that is the user's to
remedy and ends with 2. Anything else is a fault of the program, and is shown as one.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from funcdex_assets.records.errors import UserError
from funcdex_assets.reports.plots import keep_font_cache
from funcdex_assets.settings.settings import Settings, find_settings_path, load_settings

console = Console()
errors = Console(stderr=True)
ENV_FILE = ".env"
"""Beside the settings file."""

SeedOption = Annotated[int | None, typer.Option(min=0, help="Seed; by default the one in funcdex.yaml.")]
ConversationsOption = Annotated[
    int | None, typer.Option(min=1, help="Conversations per partition; by default as in funcdex.yaml.")
]
SelectOption = Annotated[
    list[str] | None, typer.Option("--select", help="A stage to run; repeat for several. By default all.")
]
PartitionsArgument = Annotated[list[str] | None, typer.Argument(help="Toolkits or bundles; by default all.")]


class CommandError(UserError):
    """A command cannot do what its arguments ask; the message says why and what to do."""


class ErrorBoundary(TyperGroup):
    """Says what is wrong in a line, and ends with 2; it stands around all commands, those of groups too."""

    def invoke(self, ctx: Any) -> Any:
        try:
            load_env_file(find_settings_path().with_name(ENV_FILE))
            return super().invoke(ctx)
        except UserError as error:
            message = str(error)
        except OSError as error:  # a folder or file that may not be read or written
            message = f"{error.strerror or type(error).__name__}: {error.filename}" if error.filename else str(error)
        errors.print(f"[red]error:[/red] {escape(message)}", highlight=False, soft_wrap=True)
        raise typer.Exit(2)


def load_env_file(path: Path) -> None:
    """Sets the variables of a `.env` file that the environment does not have; `dagster dev` reads the same file.

    Raises:
        CommandError: it is no text, or holds what no environment can hold.
    """
    if path.is_file():
        from dotenv import dotenv_values

        try:
            for name, value in dotenv_values(path).items():
                if value is not None:
                    os.environ.setdefault(name, value)
        except ValueError as error:  # no UTF-8, or a name or value that no environment can hold
            raise CommandError(f"{path} cannot be read: {error}; write lines such as NAME=value") from None


def choose_partitions(settings: Settings, names: Sequence[str] | None) -> list[str]:
    """The named partitions, or all.

    Raises:
        CommandError: one of them is not in the settings.
    """
    for name in names or ():
        if name not in settings.partitions:
            raise CommandError(
                f"{name!r} is not a partition; there are: {', '.join(settings.partitions)}. Add it to funcdex.yaml"
            )
    return list(names or settings.partitions)


def load_project() -> Settings:
    """The settings of the project in this folder.

    Raises:
        SettingsError: there is none, or it cannot be used.
    """
    settings = load_settings()
    keep_font_cache(settings.home)
    return settings
