"""`funcdex contamination`: what the datasets share with evaluation sets, in a terminal."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from funcdex_assets.records import DatasetRow, Measure, Overlap
from funcdex_assets.settings import Settings
from funcdex_assets.table_store import TableStore
from funcdex_assets.tables import from_frame

if TYPE_CHECKING:
    from funcdex_assets.dedup.embedding import Embedder

EXAMPLES = 3


class NothingToCompare(ValueError):
    """There is no dataset or no evaluation set; the message says what to do."""


def print_contamination(
    settings: Settings, partitions: Sequence[str], against: Sequence[Path], report: Path | None, console: Console
) -> None:
    """
    Raises:
        NothingToCompare: no partition has a dataset, or there is no evaluation set.
        EvaluationSetError: a file is not readable.
    """
    from funcdex_assets.dedup.contamination import Limits, candidates, json_lines, overlapping_rows, overlaps
    from funcdex_assets.dedup.evaluation_sets import evaluation_sets

    store = TableStore(settings.home)
    rows = [
        row
        for partition in partitions
        if store.exists("dataset", partition)
        for row in from_frame(store.read("dataset", partition), DatasetRow)
    ]
    if not rows:
        raise NothingToCompare(
            "No partition named has a dataset; run `funcdex materialize` or `funcdex backfill` first"
        )
    names = (*settings.contamination.evaluation_sets, *(str(path.absolute()) for path in against))
    sets = evaluation_sets(names, settings.root)
    if not sets:
        raise NothingToCompare(
            "There is no evaluation set; `pip install --no-deps bfcl-eval` brings those of BFCL, "
            "--against FILE.jsonl names another"
        )
    with console.status("comparing"):
        found = overlaps(candidates(rows), sets, _embedder(settings), Limits(**settings.contamination.thresholds))
    measures: tuple[Measure, ...] = get_args(Measure)
    grid = Grid("evaluation set", "items", *measures, title=f"Overlapping conversations, of {len(rows)}")
    for one in sets:
        counts = overlapping_rows(overlap for overlap in found if overlap.evaluation_set == one.name)
        grid.add_row(escape(one.name), str(len(one.items)), *(str(counts[measure]) for measure in measures))
    counts = overlapping_rows(found)
    grid.add_row("any", str(sum(len(one.items) for one in sets)), *(str(counts[measure]) for measure in measures))
    console.print(grid)
    for measure in measures:
        for overlap in _examples([overlap for overlap in found if overlap.measure == measure]):
            console.print(
                f"{measure} {overlap.score:.2f}  {overlap.partition} {overlap.conversation_id}  "
                f"{escape(overlap.evaluation_set)}/{escape(overlap.item)}: {escape(overlap.reason)}",
                highlight=False,
                soft_wrap=True,
            )
    if report is not None:
        report.write_bytes(json_lines(found))
        console.print(f"{report} has all {len(found)} overlaps", highlight=False, soft_wrap=True)


def _examples(found: Sequence[Overlap]) -> list[Overlap]:
    """The strongest, each reason once."""
    by_reason = {overlap.reason: overlap for overlap in sorted(found, key=lambda overlap: overlap.score)}
    return sorted(by_reason.values(), key=lambda overlap: -overlap.score)[:EXAMPLES]


def _embedder(settings: Settings) -> "Embedder":
    from funcdex_assets.dedup.embedding import HashedNgrams, MiniLM

    return MiniLM() if settings.deduplication.embedder == "minilm" else HashedNgrams()
