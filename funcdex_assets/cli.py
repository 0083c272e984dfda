"""The command `funcdex`: materialise, backfill, look at what came of it.

Here belong arguments, progress bars and printing. Dagster takes seconds to import, so the commands
that do not need it never do.
"""

from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from funcdex_assets.settings import Settings, SettingsError, load_settings

app = typer.Typer(
    help="Verified multi-turn function-calling datasets from tool definitions.",
    no_args_is_help=True,
    add_completion=False,
)
console = Console()
errors = Console(stderr=True)

SeedOption = Annotated[int | None, typer.Option(min=0, help="Seed; by default the one in funcdex.yaml.")]
ConversationsOption = Annotated[
    int | None, typer.Option(min=1, help="Conversations per partition; by default as in funcdex.yaml.")
]
SelectOption = Annotated[
    list[str] | None, typer.Option("--select", help="A stage to run; repeat for several. By default all.")
]


@app.command()
def materialize(
    partitions: Annotated[list[str], typer.Argument(help="Toolkits or bundles, e.g. gmail gmail_googledrive.")],
    conversations: ConversationsOption = None,
    seed: SeedOption = None,
    select: SelectOption = None,
    example: Annotated[bool, typer.Option(help="Show one conversation at the end.")] = False,
) -> None:
    """Make the tables and the dataset of the named partitions."""
    settings = _settings()
    unknown = [partition for partition in partitions if partition not in settings.partitions]
    if unknown:
        _fail(f"{unknown[0]!r} is not a partition; there are: {', '.join(settings.partitions)}. Add it to funcdex.yaml")
    _run(settings, partitions, select, seed, conversations)
    if example:
        from funcdex_assets.show import print_example

        print_example(settings, partitions[0], console)


@app.command()
def backfill(conversations: ConversationsOption = None, seed: SeedOption = None, select: SelectOption = None) -> None:
    """Make every partition of funcdex.yaml, and the release over all of them."""
    settings = _settings()
    _run(settings, settings.partitions, select, seed, conversations)


@app.command()
def show(
    conversation_id: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")],
) -> None:
    """Print a conversation: persona, messages, calls with the sources of their arguments, scores."""
    from funcdex_assets.show import UnknownConversation, print_conversation

    try:
        print_conversation(_settings(), conversation_id, console)
    except UnknownConversation as error:
        _fail(str(error))


@app.command()
def stats() -> None:
    """Print what there is: yields by stage, calls, sources of arguments, scores, tokens and cost."""
    from funcdex_assets.show import print_stats

    print_stats(_settings(), console)


@app.command()
def config() -> None:
    """Print the resolved settings. Secrets are never part of them; whether they are set is said."""
    from funcdex_assets.show import print_settings

    print_settings(_settings(), console)


def _settings() -> Settings:
    try:
        return load_settings()
    except SettingsError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    errors.print(f"[red]error:[/red] {message}", highlight=False, soft_wrap=True)
    raise typer.Exit(2)


def _run(
    settings: Settings,
    partitions: Sequence[str],
    select: Sequence[str] | None,
    seed: int | None,
    conversations: int | None,
) -> None:
    from funcdex_assets.bars import Bars

    with Bars(console, partitions) as bars:
        from funcdex_assets.backfill import run_partitions

        try:
            outcome = run_partitions(
                partitions, select, seed=seed, conversations=conversations, progress=bars, settings=settings
            )
        except ValueError as error:
            bars.stop()
            _fail(str(error))
    from funcdex_assets.show import print_outcome

    print_outcome(settings, outcome, bars.seconds, console)
    if not outcome.success:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
