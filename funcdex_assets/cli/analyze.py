"""`funcdex analyze`: the quality report, in the terminal, as JSON or as a page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table as Grid

from funcdex_assets.cli.console import PartitionsArgument, choose_partitions, console, errors, load_project
from funcdex_assets.cli.gaps import print_gaps, print_missing_kinds
from funcdex_assets.cli.grids import print_grid
from funcdex_assets.records.figures import QualityFigure


def print_quality_report(
    partitions: PartitionsArgument = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every figure of every partition as JSON.")] = False,
    markdown: Annotated[Path | None, typer.Option(help="Write a page, and its pictures in images/ beside it.")] = None,
) -> None:
    """Print the quality report: validity, mix, recovery, coverage, diversity, shortcuts, scores, yields, cost."""
    from funcdex_assets.reports import presentation

    settings = load_project()
    chosen = choose_partitions(settings, partitions)
    collected = presentation.collect_partitions(
        settings, chosen, lambda text: errors.print(escape(text), soft_wrap=True)
    )
    reports = presentation.report_collected(settings, collected)
    gaps = presentation.find_gaps(collected)
    missing_kinds = presentation.explain_missing_kinds_of(settings, list(collected))
    if markdown:
        for path in presentation.write_page(reports, markdown, gaps, missing_kinds):
            console.print(str(path), highlight=False, soft_wrap=True)
    elif as_json:
        typer.echo(presentation.to_json(reports))
    else:
        print_figures(reports)
        print_gaps(gaps, console)
        print_missing_kinds(missing_kinds, console)


def print_figures(reports: Mapping[str, Sequence[QualityFigure]]) -> None:
    """A table per section over all partitions, and a line per partition if there are several."""
    from funcdex_assets.reports import presentation

    partitions = [name for name in reports if name != presentation.ALL]
    console.print(f"Quality of {', '.join(partitions)}", highlight=False)
    for section, title in presentation.TITLES.items():
        rows = [figure for figure in reports[presentation.ALL] if figure.section == section]
        if not rows:
            continue
        grid = Grid("", "", title=title, title_justify="left")
        grid.add_column("", justify="right")
        grid.add_column("of", justify="right")
        comparisons = presentation.choose_comparisons(rows)
        if section not in presentation.SECTIONS_OF_ROWS and "others" in comparisons:
            comparisons.remove("others")  # three values a cell, for which a terminal is too narrow
        for head in comparisons:
            grid.add_column(head, justify="left" if head == "others" else "right")
        before = ""
        for row in rows:
            cells = [
                row.figure if row.figure != before else "",
                escape(row.item),
                presentation.format_value(row),
                presentation.format_counts(row),
            ]
            grid.add_row(*cells, *presentation.compare_figure(row, comparisons))
            before = row.figure
        print_grid(grid, console)
    _print_missed_goals(reports[presentation.ALL])
    _print_beside_others(reports[presentation.ALL])
    if len(partitions) > 1:
        grid = Grid("partition", *presentation.OVERVIEW, title="By partition", title_justify="left")
        for name in (*partitions, presentation.ALL):
            grid.add_row(name, *presentation.summarise_partition(reports[name]))
        print_grid(grid, console)


def _print_missed_goals(figures: Sequence[QualityFigure]) -> None:
    from funcdex_assets.reports import goals

    if any(goals.find_goal(figure) for figure in figures):
        console.print(escape(goals.describe_missed_goals(figures)), highlight=False, soft_wrap=True)


def _print_beside_others(figures: Sequence[QualityFigure]) -> None:
    """A column for each of the other sets, with the figures that were measured on them too."""
    from funcdex_assets.reports import other_sets, presentation

    beside = other_sets.compare_with_others(figures)
    if not beside:
        return
    grid = Grid("", "", title=presentation.BESIDE_OTHERS, title_justify="left")
    for head in ("here", *(other.title for other in other_sets.load_other_sets().sets)):
        grid.add_column(head, justify="right")
    for figure, values in beside:
        grid.add_row(figure.figure, escape(figure.item), presentation.format_value(figure), *values)
    print_grid(grid, console)
