"""The quality report outside Dagster: computed from the stored tables, printed, as JSON, and as a page.

Here belong reading and presenting; which figures there are is said in `quality/report.py`, how a page begins in
`analysis.md`.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from funcdex_assets.quality.report import SAMPLE, TABLES, Collected, MixedTables, collect, merged, report
from funcdex_assets.quality.report_plots import mix_plot, shape_plot
from funcdex_assets.records import QualityFigure
from funcdex_assets.settings import Settings
from funcdex_assets.table_store import TableStore

ALL = "all"
TITLES = {
    "yields": "Yields",
    "validity": "Validity",
    "mix": "Mix",
    "paths": "Paths",
    "shape": "Length",
    "coverage": "Coverage",
    "diversity": "Diversity",
    "scores": "Scores",
    "judges": "Judges",
    "findings": "Findings",
    "cost": "Tokens and cost",
}
OVERVIEW = {
    "in dataset": ("conversations", "dataset"),
    "calls": ("calls per conversation", "mean"),
    "turns": ("user turns per conversation", "mean"),
    "valid": ("valid calls", ""),
    "grounded": ("grounded arguments", ""),
    "tools": ("tools called", ""),
    "parallel": ("with parallel calls", ""),
    "recovered": ("failed, then succeeded", ""),
    "distinct-2": ("distinct-2 of user turns", ""),
    "self-BLEU": ("self-BLEU of user turns", ""),
    "copies": ("copies once ids, digits and quotes are masked", ""),
}
# Figures of three implementations of ToolGen, measured on 1,000, 1,000 and 50 of their conversations.
YARDSTICKS = {
    "valid calls": "95–100 %, 50 %, not measured",
    "valid results": "69 %, 0 %, not measured",
    "grounded arguments": "25 %, 88 %, 10 %",
    "stated values that the call contradicts": "80 %, none stated, 100 %",
    "echoed ids that differ": "83 %, 0 %, 100 %",
    "speaks before the first call": "71 %, 50 %, 54 %",
    "three or more calls, of two or more tools": "55 %, 50 %, 100 %",
    "distinct-2 of user turns": "0.03, 0.002, 0.06",
    "unique first messages, per 1,000": "84, 4, 200",
    "unique closings, per 1,000": "1, 3, 20",
    "copies once ids, digits and quotes are masked": "81 %, 92 %, 0 %",
}


class NothingToReport(LookupError):
    """No partition has all the tables; the message says what to do."""


def analyse(
    settings: Settings, partitions: Sequence[str], left_out: Callable[[str], None] = lambda _: None
) -> dict[str, list[QualityFigure]]:
    """Partition → its figures, for those that have a dataset; under `all` those of them together.

    `left_out` is told which partition has tables that do not belong together.

    Raises:
        NothingToReport: none is left.
    """
    store = TableStore(settings.home)
    found: dict[str, Collected] = {}
    for name in partitions:
        if all(store.exists(table, name) for table in TABLES):
            try:
                found[name] = collect(name, {table: store.read(table, name) for table in TABLES}, store.spent(name))
            except MixedTables as error:
                left_out(str(error))
    if not found:
        raise NothingToReport(
            f"No dataset of {', '.join(partitions)} in {settings.home}; run `funcdex materialize {partitions[0]}`"
        )
    given = settings.generation.kinds, settings.seed, settings.inference.prices
    reports = {name: report(one, *given) for name, one in found.items()}
    return {**reports, ALL: report(merged(found.values()), *given)}


# ── presenting ────────────────────────────────────────────────────────────────────────────────


def as_json(reports: Mapping[str, Sequence[QualityFigure]]) -> str:
    return msgspec.json.format(msgspec.json.encode(reports), indent=2).decode()


def print_report(reports: Mapping[str, Sequence[QualityFigure]], console: Console) -> None:
    """A table per section over all partitions, and a line per partition if there are several."""
    partitions = [name for name in reports if name != ALL]
    console.print(f"Quality of {', '.join(partitions)}", highlight=False)
    for section, title in TITLES.items():
        rows = [one for one in reports[ALL] if one.section == section]
        if not rows:
            continue
        grid = Grid("", "", title=title, title_justify="left")
        grid.add_column("", justify="right")
        grid.add_column("of", justify="right")
        wanted = any(one.wanted is not None for one in rows)
        if wanted:
            grid.add_column("wanted", justify="right")
            grid.add_column("difference", justify="right")
        before = ""
        for one in rows:
            cells = [one.figure if one.figure != before else "", escape(one.item), shown(one), counts(one)]
            grid.add_row(*cells, *(_against(one) if wanted else ()))
            before = one.figure
        console.print(grid)
    if len(partitions) > 1:
        grid = Grid("partition", *OVERVIEW, title="By partition", title_justify="left")
        for name in (*partitions, ALL):
            grid.add_row(name, *_overview(reports[name]))
        console.print(grid)


def as_markdown(reports: Mapping[str, Sequence[QualityFigure]], pictures: Mapping[str, str]) -> str:
    """The page; `pictures` are captions and the links to them."""
    figures = reports[ALL]
    partitions = [name for name in reports if name != ALL]
    introduction = files("funcdex_assets").joinpath("analysis.md").read_text(encoding="utf-8")
    lines = introduction.format(
        count=len(partitions), partitions=", ".join(partitions), sample=f"{SAMPLE:,}"
    ).splitlines()
    for section, title in TITLES.items():
        rows = [one for one in figures if one.section == section]
        if not rows:
            continue
        yardstick = any(one.figure in YARDSTICKS for one in rows)
        wanted = any(one.wanted is not None for one in rows)
        heads = ["figure", "", "value", "of", *(["wanted", "difference"] if wanted else [])]
        heads += ["others"] if yardstick else []
        lines += ["", f"## {title}", "", f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
        for one in rows:
            cells = [one.figure, one.item.replace("|", "\\|"), shown(one), counts(one)]
            cells += _against(one) if wanted else []
            cells += [YARDSTICKS.get(one.figure, "")] if yardstick else []
            lines.append(f"| {' | '.join(cells)} |")
        lines += [
            line for caption, link in pictures.items() if caption == section for line in ("", f"![{title}]({link})")
        ]
    lines += ["", "## By partition", "", f"| partition | {' | '.join(OVERVIEW)} |", "|---" * (len(OVERVIEW) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(_overview(reports[name]))} |" for name in (*partitions, ALL)]
    return "\n".join([*lines, ""])


def write_page(reports: Mapping[str, Sequence[QualityFigure]], path: Path) -> list[Path]:
    """The page and its pictures in `images/` beside it; returns what was written."""
    folder = path.parent / "images"
    folder.mkdir(parents=True, exist_ok=True)
    plots: dict[str, Any] = {"mix": mix_plot, "shape": shape_plot}
    written = []
    for section, plot in plots.items():
        picture = folder / f"quality_{section}.png"
        picture.write_bytes(plot(reports[ALL], TITLES[section]))
        written.append(picture)
    links = {section: f"images/{picture.name}" for section, picture in zip(plots, written, strict=True)}
    path.write_text(as_markdown(reports, links), encoding="utf-8")
    return [path, *written]


def shown(one: QualityFigure) -> str:
    """A share in percent, but distinct-n as the quotient that it is always given as.

    >>> shown(QualityFigure(section="paths", figure="with an error", value=0.125, part=1, whole=8))
    '12.5 %'
    """
    if one.whole is not None and not one.figure.startswith("distinct-"):
        return f"{one.value:.1%}".replace("%", " %") if one.whole else "–"
    if one.figure == "cost in dollars":
        return f"{one.value:,.6f}"
    if float(one.value).is_integer() and abs(one.value) >= 1:
        return f"{one.value:,.0f}"
    return f"{one.value:,.3f}" if one.value else "0"


def counts(one: QualityFigure) -> str:
    return "" if one.whole is None else f"{one.part:,} of {one.whole:,}"


def _against(one: QualityFigure) -> list[str]:
    if one.wanted is None:
        return ["", ""]
    return [f"{one.wanted:.1%}".replace("%", " %"), f"{100 * (one.value - one.wanted):+.1f} points"]


def _overview(figures: Sequence[QualityFigure]) -> list[str]:
    found = {(one.figure, one.item): one for one in figures}
    return [shown(found[key]) if key in found else "" for key in OVERVIEW.values()]
