"""The quality report outside Dagster: computed from the stored tables, written as JSON and as a Markdown page.

Belongs here: reading the tables, JSON and the page. The figures are defined in `figures.py`, the introduction of the
page is `presentation.md`, and the terminal output is in `cli/analyze.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from funcdex_assets.records.errors import UserError
from funcdex_assets.records.figures import QualityFigure
from funcdex_assets.reports.collected import TABLES, Collected, MixedTables, collect_tables, merge_collected
from funcdex_assets.reports.figures import SAMPLE, compute_figures
from funcdex_assets.reports.plots import plot_lengths, plot_mix
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.table_store import TableStore

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


class NothingToReport(UserError, LookupError):
    """No partition has all the tables; the message says what to do."""


def report_partitions(
    settings: Settings, partitions: Sequence[str], left_out: Callable[[str], None] = lambda _: None
) -> dict[str, list[QualityFigure]]:
    """Computes the figures of each partition that has a dataset, and under the key `all` those of all of them together.

    `left_out` gets a message for each partition whose tables are of different runs.

    Raises:
        NothingToReport: no partition is left.
    """
    store = TableStore(settings.home)
    collected_by_partition: dict[str, Collected] = {}
    for name in partitions:
        if all(store.has_table(table, name) for table in TABLES):
            try:
                collected_by_partition[name] = collect_tables(
                    name, {table: store.read_frame(table, name) for table in TABLES}, store.read_spent(name)
                )
            except MixedTables as error:
                left_out(str(error))
    if not collected_by_partition:
        raise NothingToReport(
            f"No dataset of {', '.join(partitions)} in {settings.home}; run `funcdex materialize {partitions[0]}`"
        )
    report_settings = settings.generation.kinds, settings.seed, settings.inference.prices
    reports = {name: compute_figures(collected, *report_settings) for name, collected in collected_by_partition.items()}
    return {**reports, ALL: compute_figures(merge_collected(collected_by_partition.values()), *report_settings)}


# ── presenting ────────────────────────────────────────────────────────────────────────────────


def to_json(reports: Mapping[str, Sequence[QualityFigure]]) -> str:
    return msgspec.json.format(msgspec.json.encode(reports), indent=2).decode()


def to_markdown(reports: Mapping[str, Sequence[QualityFigure]], pictures: Mapping[str, str]) -> str:
    """Writes the report as a Markdown page; `pictures` maps the section of a picture to its link."""
    figures = reports[ALL]
    partitions = [name for name in reports if name != ALL]
    introduction = files("funcdex_assets.reports").joinpath("presentation.md").read_text(encoding="utf-8")
    lines = introduction.format(
        count=len(partitions), partitions=", ".join(partitions), sample=f"{SAMPLE:,}"
    ).splitlines()
    for section, title in TITLES.items():
        rows = [figure for figure in figures if figure.section == section]
        if not rows:
            continue
        has_yardstick = any(figure.figure in YARDSTICKS for figure in rows)
        has_wanted = any(figure.wanted is not None for figure in rows)
        heads = ["figure", "", "value", "of", *(["wanted", "difference"] if has_wanted else [])]
        heads += ["others"] if has_yardstick else []
        lines += ["", f"## {title}", "", f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
        for figure in rows:
            cells = [figure.figure, figure.item.replace("|", "\\|"), format_value(figure), format_counts(figure)]
            cells += compare_with_wanted(figure) if has_wanted else []
            cells += [YARDSTICKS.get(figure.figure, "")] if has_yardstick else []
            lines.append(f"| {' | '.join(cells)} |")
        lines += [
            line for caption, link in pictures.items() if caption == section for line in ("", f"![{title}]({link})")
        ]
    lines += ["", "## By partition", "", f"| partition | {' | '.join(OVERVIEW)} |", "|---" * (len(OVERVIEW) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(summarise_partition(reports[name]))} |" for name in (*partitions, ALL)]
    return "\n".join([*lines, ""])


def write_page(reports: Mapping[str, Sequence[QualityFigure]], path: Path) -> list[Path]:
    """Writes the page, and its pictures into `images/` beside it; returns the paths of all written files."""
    folder = path.parent / "images"
    folder.mkdir(parents=True, exist_ok=True)
    plots: dict[str, Any] = {"mix": plot_mix, "shape": plot_lengths}
    written = []
    for section, plot in plots.items():
        picture = folder / f"quality_{section}.png"
        picture.write_bytes(plot(reports[ALL], TITLES[section]))
        written.append(picture)
    links = {section: f"images/{picture.name}" for section, picture in zip(plots, written, strict=True)}
    path.write_text(to_markdown(reports, links), encoding="utf-8")
    return [path, *written]


def format_value(figure: QualityFigure) -> str:
    """Formats a figure: a share in percent, but distinct-n as a quotient, as the literature gives it.

    >>> format_value(QualityFigure(section="paths", figure="with an error", value=0.125, part=1, whole=8))
    '12.5 %'
    """
    if figure.whole is not None and not figure.figure.startswith("distinct-"):
        return f"{figure.value:.1%}".replace("%", " %") if figure.whole else "–"
    if figure.figure == "cost in dollars":
        return f"{figure.value:,.6f}"
    if float(figure.value).is_integer() and abs(figure.value) >= 1:
        return f"{figure.value:,.0f}"
    return f"{figure.value:,.3f}" if figure.value else "0"


def format_counts(figure: QualityFigure) -> str:
    return "" if figure.whole is None else f"{figure.part:,} of {figure.whole:,}"


def compare_with_wanted(figure: QualityFigure) -> list[str]:
    if figure.wanted is None:
        return ["", ""]
    return [f"{figure.wanted:.1%}".replace("%", " %"), f"{100 * (figure.value - figure.wanted):+.1f} points"]


def summarise_partition(figures: Sequence[QualityFigure]) -> list[str]:
    figures_by_name = {(figure.figure, figure.item): figure for figure in figures}
    return [format_value(figures_by_name[key]) if key in figures_by_name else "" for key in OVERVIEW.values()]
