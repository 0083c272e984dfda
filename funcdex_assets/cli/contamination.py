"""`funcdex contamination`: overlaps of the datasets with evaluation sets, printed in a terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer
from rich.markup import escape
from rich.table import Table as Grid

from funcdex_assets.cli.console import CommandError, choose_partitions, console, load_project
from funcdex_assets.cli.grids import print_grid
from funcdex_assets.records.dataset import DatasetRow, Overlap
from funcdex_assets.records.labels import Measure
from funcdex_assets.settings.settings import Settings

if TYPE_CHECKING:
    from funcdex_assets.contamination.evaluation_sets import EvaluationSet
    from funcdex_assets.embedding.embedder import Embedder

EXAMPLES = 3


def compare_with_evaluation_sets(
    partitions: Annotated[list[str] | None, typer.Argument(help="By default all that have a dataset.")] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(help="An evaluation set as JSON lines, beside those of funcdex.yaml; repeat for several."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write every overlap there, as JSON lines.")] = None,
) -> None:
    """Compare datasets with evaluation sets: function names, schemas, n-grams and meaning of user turns."""
    from funcdex_assets.contamination.evaluation_sets import read_evaluation_sets
    from funcdex_assets.contamination.overlaps import (
        OverlapThresholds,
        count_compared_turns,
        count_overlapping_conversations,
        encode_json_lines,
        extract_conversation_contents,
        find_overlaps,
    )
    from funcdex_assets.storage.frames import from_frame
    from funcdex_assets.storage.table_store import TableStore

    settings = load_project()
    chosen = choose_partitions(settings, partitions)
    store = TableStore(settings.home)
    rows = [
        row
        for partition in chosen
        if store.has_table("dataset", partition)
        for row in from_frame(store.read_frame("dataset", partition), DatasetRow)
    ]
    if not rows:
        raise CommandError("No partition named has a dataset; run `funcdex materialize` or `funcdex backfill` first")
    names = (*settings.contamination.evaluation_sets, *(str(path.absolute()) for path in against or ()))
    sets = read_evaluation_sets(names, settings.root)
    if not sets:
        raise CommandError(
            "There is no evaluation set; `pip install --no-deps bfcl-eval` brings those of BFCL, "
            "--against FILE.jsonl names another"
        )
    with console.status("comparing"):
        overlaps = find_overlaps(
            extract_conversation_contents(rows),
            sets,
            _build_embedder(settings),
            OverlapThresholds(**settings.contamination.thresholds),
        )
    measures: tuple[Measure, ...] = get_args(Measure)
    grid = Grid("evaluation set", "items", *measures, title=f"Overlapping conversations, of {len(rows)}")
    compared_turns: dict[str, tuple[int, int]] = {}
    for evaluation_set in sets:
        counts = count_overlapping_conversations(
            overlap for overlap in overlaps if overlap.evaluation_set == evaluation_set.name
        )
        compared, _ = compared_turns[evaluation_set.name] = count_compared_turns(evaluation_set)
        measured = {"names": evaluation_set.has_functions, "schemas": evaluation_set.has_functions}
        grid.add_row(
            escape(evaluation_set.name),
            str(len(evaluation_set.items)),
            *(str(counts[measure]) if measured.get(measure, compared > 0) else "–" for measure in measures),
        )
    counts = count_overlapping_conversations(overlaps)
    grid.add_row(
        "any",
        str(sum(len(evaluation_set.items) for evaluation_set in sets)),
        *(str(counts[measure]) for measure in measures),
    )
    print_grid(grid, console)
    _print_columns(sets, compared_turns)
    for measure in measures:
        for overlap in _choose_examples([overlap for overlap in overlaps if overlap.measure == measure]):
            console.print(
                f"{measure} {overlap.score:.2f}  {overlap.partition} {overlap.conversation_id}  "
                f"{escape(overlap.evaluation_set)}/{escape(overlap.item)}: {escape(overlap.reason)}",
                highlight=False,
                soft_wrap=True,
            )
    if report is not None:
        report.write_bytes(encode_json_lines(overlaps))
        console.print(f"{report} has all {len(overlaps)} overlaps", highlight=False, soft_wrap=True)


def _print_columns(sets: "Sequence[EvaluationSet]", compared_turns: Mapping[str, tuple[int, int]]) -> None:
    """Prints which columns of the sets were read, and as what; sets with the same columns are told together."""
    names: dict[str, list[str]] = {}
    for evaluation_set in sets:
        read = ", ".join(f"{column} ({content})" for column, content in evaluation_set.columns.items() if content)
        unread = ", ".join(column for column, content in evaluation_set.columns.items() if not content)
        compared, turns = compared_turns[evaluation_set.name]
        short = (
            f"; {turns - compared:,} of {turns:,} user turns are too short to be compared" if turns > compared else ""
        )
        names.setdefault(f"read {read or 'nothing'}; not read: {unread or 'nothing'}{short}", []).append(
            evaluation_set.name
        )
    for columns, of_sets in names.items():
        console.print(escape(f"{', '.join(of_sets)}: {columns}"), highlight=False, soft_wrap=True)


def _choose_examples(overlaps: Sequence[Overlap]) -> list[Overlap]:
    """Chooses the strongest overlaps, each reason once."""
    by_reason = {overlap.reason: overlap for overlap in sorted(overlaps, key=lambda overlap: overlap.score)}
    return sorted(by_reason.values(), key=lambda overlap: -overlap.score)[:EXAMPLES]


def _build_embedder(settings: Settings) -> "Embedder":
    from funcdex_assets.embedding.hashed_ngrams import HashedNgrams
    from funcdex_assets.embedding.minilm import MiniLM

    return MiniLM() if settings.deduplication.embedder == "minilm" else HashedNgrams()
