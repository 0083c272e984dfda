"""`funcdex journal`: the answers of real models, kept so that none is paid for twice."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table as Grid

from funcdex_assets.cli.console import CommandError, console, load_project, parse_age
from funcdex_assets.cli.grids import print_grid
from funcdex_assets.inference.journal import JOURNAL_FILE, JournalEntry, list_journal_entries
from funcdex_assets.inference.token_price import TokenPrice

app = typer.Typer(
    help="The answers of real models, kept so that none is paid for twice.",
    no_args_is_help=True,
)


@app.command("stats")
def print_journal_stats() -> None:
    """Print what the journal keeps, by engine and role: requests, tokens, bytes, from when to when."""
    path = load_project().home / JOURNAL_FILE
    entries = list_journal_entries(path)
    if not entries:
        console.print(f"No answers in {path}; only real models are journaled", highlight=False, soft_wrap=True)
        return
    grid = Grid("engine", "role", "requests", "prompt tokens", "cached", "completion tokens", "bytes", "from", "to")
    for entry in entries:
        when = (_format_time(entry.oldest), _format_time(entry.newest))
        grid.add_row(entry.engine, entry.role, *format_counts([entry]), f"{entry.bytes:,}", *when)
    grid.add_section()
    when = (_format_time(min(entry.oldest for entry in entries)), _format_time(max(entry.newest for entry in entries)))
    grid.add_row("all", "", *format_counts(entries), f"{sum(entry.bytes for entry in entries):,}", *when)
    print_grid(grid, console)
    console.print(f"{path}, {path.stat().st_size:,} bytes", highlight=False, soft_wrap=True)


@app.command("prune")
def prune_answers(
    older_than: Annotated[str | None, typer.Option(help="Only answers older than this: 30d, 12h, 45m.")] = None,
    engine: Annotated[str | None, typer.Option(help="Only answers of this engine, e.g. vllm:Qwen/Qwen3-8B.")] = None,
    role: Annotated[str | None, typer.Option(help="Only answers to this role, e.g. judge.")] = None,
    all_answers: Annotated[bool, typer.Option("--all", help="All answers.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
) -> None:
    """Delete answers from the journal. A run that needs them again asks, and pays, again."""
    from funcdex_assets.inference.journal import prune_journal

    if not (all_answers or older_than or engine or role):
        raise CommandError(
            "Nothing is named; give --older-than, --engine or --role (together they narrow down), or --all"
        )
    path = load_project().home / JOURNAL_FILE
    if not path.is_file():
        raise CommandError(f"There is no journal at {path}; only real models are journaled")
    older_than_s = None if older_than is None else parse_age(older_than)
    pruned = prune_journal(path, older_than_s=older_than_s, engine=engine, role=role, dry_run=dry_run)
    did = "would delete" if dry_run else "deleted"
    console.print(f"{did} {pruned.requests:,} answers ({pruned.bytes:,} bytes) from {path}", highlight=False)
    if not dry_run and pruned.requests:
        size = (
            "not smaller yet, because a run is using it"
            if pruned.file_bytes is None
            else f"{pruned.file_bytes:,} bytes"
        )
        console.print(f"the file is {size}", highlight=False)


def format_counts(entries: Sequence[JournalEntry]) -> list[str]:
    fields = ("requests", "prompt_tokens", "cached_tokens", "completion_tokens")
    return [f"{sum(getattr(entry, field) for entry in entries):,}" for field in fields]


def format_cost(entries: Sequence[JournalEntry], prices: Mapping[str, TokenPrice]) -> str:
    costs = [prices[entry.model].compute_cost(entry.token_usage) for entry in entries if entry.model in prices]
    if not costs:
        return "unpriced"
    return f"{sum(costs):.4f}" + (" and unpriced" if len(costs) < len(entries) else "")


def _format_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
