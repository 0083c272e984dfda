"""`funcdex replay`: the calls of conversations executed again, from the tables or from a published file."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table as Grid

from funcdex_assets.cli.console import CommandError, choose_partitions, console, load_project
from funcdex_assets.cli.grids import print_grid

ReplayItem = tuple[str, Any]  # an id; its recording, None where there is nothing to replay, or why it cannot be read
_OUTCOMES = ("the same", "different", "not replayable")


def replay_conversations(
    names: Annotated[
        list[str] | None, typer.Argument(help="Ids of conversations or their beginnings; with --all, partitions.")
    ] = None,
    all_conversations: Annotated[
        bool, typer.Option("--all", help="All conversations of the named partitions.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option(help="A published JSONL or Parquet file; nothing else is read.", exists=True)
    ] = None,
) -> None:
    """Execute the calls of conversations again from scratch, and compare every result and the final state.

    Ends with 1 where anything differs. What a model made up has no seal: it is "not replayable".
    """
    if file is None and not all_conversations and not names:
        raise CommandError("Nothing is named; give ids, or --all (with partitions), or --file train.jsonl")
    groups = _find_in_file(file, names) if file else _find_in_tables(names or [], all_conversations)
    counts: dict[str, Counter[str]] = {}
    with Progress(console=console, transient=True) as progress:
        for group, items in groups:
            task = progress.add_task(f"replaying {escape(group)}", total=len(items))
            count = counts.setdefault(group, Counter())
            for identity, recording in items:
                outcome, differences = _compare_replay(recording)
                count[outcome] += 1
                for line in differences:
                    progress.console.print(f"[red]{identity}[/red] {escape(line)}", highlight=False, soft_wrap=True)
                progress.advance(task)
    total = sum((count for count in counts.values()), Counter[str]())
    if not total:
        raise CommandError("There is no such conversation")
    grid = Grid("", *_OUTCOMES)
    for group, count in counts.items():
        if count:
            grid.add_row(escape(group), *(str(count[outcome]) for outcome in _OUTCOMES))
    print_grid(grid, console)
    if total["different"]:
        raise typer.Exit(1)


def _compare_replay(recording: Any) -> tuple[str, list[str]]:
    from funcdex_assets.environment.replay import ReplayError
    from funcdex_assets.environment.replay import replay_conversation as again

    if recording is None:
        return "not replayable", []
    try:
        if isinstance(recording, ReplayError):
            raise recording
        differences = again(recording)
    except ReplayError as error:
        return "different", [str(error)]
    return ("different", differences) if differences else ("the same", [])


def _find_in_tables(names: list[str], all_conversations: bool) -> Iterator[tuple[str, list[ReplayItem]]]:
    """Yields the recordings of the requested conversations from the project's tables, by partition."""
    from funcdex_assets.dialogue.participants import PARTICIPANT_TABLES, read_participants
    from funcdex_assets.environment.replay import to_recording
    from funcdex_assets.records.conversation import Conversation
    from funcdex_assets.storage.frames import from_frame
    from funcdex_assets.storage.table_store import TableStore

    settings = load_project()
    if all_conversations:
        choose_partitions(settings, names)
    store = TableStore(settings.home)
    for partition in names if all_conversations and names else settings.partitions:
        if not store.has_table("conversations", partition):
            if all_conversations and names:
                raise CommandError(
                    f"{partition} has no conversations in {settings.home}; run funcdex materialize {partition}"
                )
            continue
        chosen = [
            conversation
            for conversation in from_frame(store.read_frame("conversations", partition), Conversation)
            if conversation.failure is None
            and (all_conversations or conversation.conversation_id.startswith(tuple(names)))
        ]
        if not chosen:
            continue
        participants_by_plan = read_participants(*(store.read_frame(name, partition) for name in PARTICIPANT_TABLES))
        items: list[ReplayItem] = []
        for conversation in chosen:
            participants = participants_by_plan[conversation.plan_id]
            recording = to_recording(conversation, participants.situation, participants.mentioned_tools)
            items.append((conversation.conversation_id, recording))
        yield partition, items


def _find_in_file(file: Path, names: list[str] | None) -> Iterator[tuple[str, list[ReplayItem]]]:
    """Yields the recordings in a published file, by partition."""
    from funcdex_assets.environment.replay import ReplayError, read_published_row

    groups: dict[str, list[ReplayItem]] = {}
    for row in _read_rows(file):
        identity = str(row.get("id", row.get("conversation_id")))
        if names and not identity.startswith(tuple(names)):
            continue
        try:
            item: ReplayItem = (identity, read_published_row(row))
        except ReplayError as error:
            item = (identity, error)
        groups.setdefault(str(row.get("partition", file.name)), []).append(item)
    yield from groups.items()


def _read_rows(file: Path) -> Iterator[dict[str, Any]]:
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
                raise CommandError(f"{file}, line {number} is no JSON object")
            yield row
