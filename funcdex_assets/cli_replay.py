"""The command `funcdex replay`: conversations executed again, from the tables or from a published file."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table as Grid

console = Console()
errors = Console(stderr=True)
Found = tuple[str, Any]  # an id; its recording, None where there is nothing to replay, or why it cannot be read
_OUTCOMES = ("the same", "different", "not replayable")


def replay(
    names: Annotated[
        list[str] | None, typer.Argument(help="Ids of conversations or their beginnings; with --all, partitions.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All conversations of the named partitions.")] = False,
    file: Annotated[
        Path | None, typer.Option(help="A published JSONL or Parquet file; nothing else is read.", exists=True)
    ] = None,
) -> None:
    """Execute the calls of conversations again from scratch, and compare every result and the final state.

    Ends with 1 where anything differs. What a model made up has no seal: it is "not replayable".
    """
    if file is None and not everything and not names:
        _fail("Nothing is named; give ids, or --all (with partitions), or --file train.jsonl")
    groups = _of_file(file, names) if file else _of_tables(names or [], everything)
    counts: dict[str, Counter[str]] = {}
    with Progress(console=console, transient=True) as bar:
        for group, found in groups:
            task = bar.add_task(f"replaying {escape(group)}", total=len(found))
            count = counts.setdefault(group, Counter())
            for identity, recording in found:
                outcome, told = _outcome(recording)
                count[outcome] += 1
                for line in told:
                    bar.console.print(f"[red]{identity}[/red] {escape(line)}", highlight=False, soft_wrap=True)
                bar.advance(task)
    total = sum((count for count in counts.values()), Counter[str]())
    if not total:
        _fail("There is no such conversation")
    grid = Grid("", *_OUTCOMES)
    for group, count in counts.items():
        if count:
            grid.add_row(escape(group), *(str(count[outcome]) for outcome in _OUTCOMES))
    console.print(grid)
    if total["different"]:
        raise typer.Exit(1)


def _outcome(recording: Any) -> tuple[str, list[str]]:
    from funcdex_assets.simulation.replay import ReplayError
    from funcdex_assets.simulation.replay import replay as again

    if recording is None:
        return "not replayable", []
    try:
        if isinstance(recording, ReplayError):
            raise recording
        differences = again(recording)
    except ReplayError as error:
        return "different", [str(error)]
    return ("different", differences) if differences else ("the same", [])


def _of_tables(names: list[str], everything: bool) -> Iterator[tuple[str, list[Found]]]:
    """The partitions of the home with what is asked for in them."""
    from funcdex_assets.records import Conversation, ConversationPlan, Persona, Scenario, Tool
    from funcdex_assets.settings import SettingsError, load_settings
    from funcdex_assets.simulation.cast import casts
    from funcdex_assets.simulation.replay import recorded
    from funcdex_assets.table_store import TableStore
    from funcdex_assets.tables import from_frame

    try:
        settings = load_settings()
    except SettingsError as error:
        _fail(str(error))
    if everything and (unknown := [name for name in names if name not in settings.partitions]):
        _fail(f"{unknown[0]!r} is not a partition; there are: {', '.join(settings.partitions)}")
    store = TableStore(settings.home)
    for partition in names if everything and names else settings.partitions:
        if not store.exists("conversations", partition):
            if everything and names:
                _fail(f"{partition} has no conversations in {settings.home}; run funcdex materialize {partition}")
            continue
        held = [
            one
            for one in from_frame(store.read("conversations", partition), Conversation)
            if one.failure is None and (everything or one.conversation_id.startswith(tuple(names)))
        ]
        if not held:
            continue
        rows = (
            from_frame(store.read(stage, partition), record)
            for stage, record in (
                ("conversation_plans", ConversationPlan),
                ("personas", Persona),
                ("deduplicated_scenarios", Scenario),
                ("tool_definitions", Tool),
            )
        )
        cast = casts(*rows)  # type: ignore[arg-type]
        yield (
            partition,
            [
                (one.conversation_id, recorded(one, there.situation, there.spoken_of))
                for one in held
                if (there := cast[one.plan_id])
            ],
        )


def _of_file(file: Path, names: list[str] | None) -> Iterator[tuple[str, list[Found]]]:
    """The rows of a published file, by partition."""
    from funcdex_assets.simulation.replay import ReplayError, published

    groups: dict[str, list[Found]] = {}
    for row in _rows(file):
        identity = str(row.get("id", row.get("conversation_id")))
        if names and not identity.startswith(tuple(names)):
            continue
        try:
            found: Found = (identity, published(row))
        except ReplayError as error:
            found = (identity, error)
        groups.setdefault(str(row.get("partition", file.name)), []).append(found)
    yield from groups.items()


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    if file.suffix == ".parquet":
        import polars as pl

        yield from pl.read_parquet(file).iter_rows(named=True)
        return
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = msgspec.json.decode(line)
            except msgspec.DecodeError:
                row = None
            if not isinstance(row, dict):
                _fail(f"{file}, line {number} is no JSON object")
            yield row


def _fail(message: str) -> NoReturn:
    errors.print(f"[red]error:[/red] {message}", highlight=False, soft_wrap=True)
    raise typer.Exit(2)
