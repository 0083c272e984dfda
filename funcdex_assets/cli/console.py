"""The terminal that all commands share: one console, one boundary for errors, and the project that they work on.

A command raises; nothing is caught before the boundary, which prints the message of an error that is the user's to
remedy and ends with 2. Anything else is a fault of the program, and is shown as one.
"""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from funcdex_assets.records import exit_codes
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.suggestions import list_nearest_names, suggest_name
from funcdex_assets.reports.plots import keep_font_cache
from funcdex_assets.settings.env_file import CONFIG_VARIABLE
from funcdex_assets.settings.settings import Settings, load_settings
from funcdex_assets.storage.disk_errors import explain_disk_error
from funcdex_assets.storage.home import check_home


class PatientConsole(Console):
    """A console whose program goes on when nobody reads its output any more, as in `funcdex backfill | head -1`.

    rich would end the program, wherever it prints at that moment: in the middle of a stage.
    """

    def on_broken_pipe(self) -> None:
        self.quiet = True
        # What is left in the buffer of the stream would be complained of at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


console = PatientConsole()
errors = Console(stderr=True)

SeedOption = Annotated[int | None, typer.Option(min=0, help="Seed; by default the one in funcdex.yaml.")]
ConversationsOption = Annotated[
    int | None, typer.Option(min=1, help="Conversations per partition; by default as in funcdex.yaml.")
]
ShrinkOption = Annotated[
    bool | None,
    typer.Option(
        "--allow-shrink/--refuse-shrink",
        show_default=False,
        help="Publish a release although it is empty or has less than half of what was asked for. By default as in "
        "funcdex.yaml.",
    ),
]
SelectOption = Annotated[
    list[str] | None, typer.Option("--select", help="A stage to run; repeat for several. By default all.")
]
TotalOption = Annotated[
    int | None,
    typer.Option(
        "--total", min=1, help="Conversations over all partitions that are made, spread evenly, in place of a count."
    ),
]
PartitionsArgument = Annotated[list[str] | None, typer.Argument(help="Toolkits or bundles; by default all.")]


class CommandError(UserError):
    """A command cannot do what its arguments ask; the message says why and what to do."""


class ErrorBoundary(TyperGroup):
    """Says what is wrong in a line, and ends with 2; it stands around all commands, those of groups too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, move_config_first(args))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            message = str(error)
        except KeyboardInterrupt:
            errors.print("interrupted", highlight=False)
            raise typer.Exit(exit_codes.SIGNAL + signal.SIGINT) from None
        except Exception as error:
            message = explain_disk_error(error) or _explain_file_error(error)
            if message is None:
                raise
        errors.print(f"[red]error:[/red] {escape(message)}", highlight=False, soft_wrap=True)
        raise typer.Exit(exit_codes.USAGE)


def _explain_file_error(error: Exception) -> str | None:
    """A folder or file that may not be read or written, or is not there."""
    if not isinstance(error, OSError):
        return None
    return f"{error.strerror or type(error).__name__}: {error.filename}" if error.filename else str(error)


def format_bytes(size: int) -> str:
    """Writes a number of bytes as people do.

    >>> format_bytes(512), format_bytes(3_400_000)
    ('512 B', '3.4 MB')
    """
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size} B"


def parse_age(age: str) -> float:
    """An age such as 30d in seconds.

    >>> parse_age("30d")
    2592000.0
    """
    units = {"d": 86400, "h": 3600, "m": 60}
    number, unit = age[:-1], age[-1:]
    if unit not in units or not number.isdigit():
        raise CommandError(f"{age!r} is no age; write days, hours or minutes, such as 30d, 12h or 45m")
    return float(number) * units[unit]


def choose_config(
    config: Annotated[
        Path | None,
        typer.Option(help="The settings file; by default $FUNCDEX_CONFIG, else funcdex.yaml in this folder."),
    ] = None,
) -> None:
    """Notes the settings file in the environment, where the processes that a command starts find it as well."""
    if config is not None:
        os.environ[CONFIG_VARIABLE] = str(config.absolute())


def move_config_first(args: Sequence[str]) -> list[str]:
    """Lets `--config FILE` stand behind a command's name; what follows `--` belongs to another program.

    >>> move_config_first(["stats", "--config", "other.yaml"])
    ['--config', 'other.yaml', 'stats']
    """
    end = args.index("--") if "--" in args else len(args)
    for index, argument in enumerate(args[:end]):
        length = {"--config": 2}.get(argument, 1 if argument.startswith("--config=") else 0)
        if length and index + length <= end:
            return [*args[index : index + length], *args[:index], *args[index + length :]]
    return list(args)


def choose_partitions(settings: Settings, names: Sequence[str] | None) -> list[str]:
    """The named partitions, or all.

    Raises:
        CommandError: one of them is not in the settings.
    """
    for name in names or ():
        if name not in settings.partitions:
            raise CommandError(
                f"{name!r} is not a partition{suggest_name(name, settings.partitions)}; "
                f"there are: {list_nearest_names(name, settings.partitions)} (`funcdex config` lists all). "
                "Name one of them, or add it to funcdex.yaml"
            )
    return list(names or settings.partitions)


def check_subject(settings: Settings, name: str) -> None:
    """Checks the name of what is made of a partition, or of all of them together (`all`).

    Raises:
        CommandError: it is neither.
    """
    if name != "all":
        choose_partitions(settings, [name])


def load_project() -> Settings:
    """The settings of the project in this folder.

    Raises:
        SettingsError: there is none, or it cannot be used.
        HomeError: its home is a file, or of a later version.
    """
    settings = load_settings()
    check_home(settings.home)
    keep_font_cache(settings.home)
    return settings
