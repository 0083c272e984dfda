"""The quality report outside Dagster: computed from the stored tables, written as JSON and as a Markdown page.

Belongs here: reading the tables, JSON and the page. The figures are defined in `figures.py`, the introduction of the
page is `presentation.md`, and the terminal output is in `cli/analyze.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from funcdex_assets.catalog.definition_gaps import Gap
from funcdex_assets.export.release_outcome import read_latest_outcome
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.figures import GAPS_IN_DEFINITIONS, GAPS_IN_USE, QualityFigure
from funcdex_assets.reports.collected import TABLES, Collected, MixedTables, collect_tables, merge_collected
from funcdex_assets.reports.figures import SAMPLE, compute_figures, find_gaps_in_definitions, find_gaps_in_use
from funcdex_assets.reports.goals import compare_with_goal, describe_missed_goals, find_goal, is_goal_met
from funcdex_assets.reports.missing_kinds import KIND_TABLES, explain_missing_kinds
from funcdex_assets.reports.other_sets import (
    compare_with_others,
    describe_others,
    find_other_values,
    load_other_sets,
)
from funcdex_assets.reports.plots import plot_lengths, plot_mix
from funcdex_assets.reports.published_turns import read_release_rows
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.table_store import TableStore

ALL = "all"
MissingKinds = Mapping[str, Mapping[str, str]]
"""By partition and kind, why there is not one conversation of it."""
NO_KINDS: MissingKinds = MappingProxyType({})
TITLES = {
    "yields": "Yields",
    "validity": "Validity",
    "mix": "Mix",
    "paths": "Paths",
    "shape": "Length",
    "coverage": "Coverage",
    GAPS_IN_DEFINITIONS: "Left out in the definitions",
    GAPS_IN_USE: "Not used in any conversation",
    "diversity": "Diversity",
    "shortcuts": "Shortcuts",
    "arguments": "Use of arguments",
    "scores": "Scores",
    "judges": "Judges",
    "findings": "Findings",
    "cost": "Tokens and cost",
}
SECTIONS_OF_ROWS = ("shortcuts", "arguments")
"""Sections counted from published rows alone, like other sets can be."""
BESIDE_OTHERS = "Beside other sets"
OVERVIEW = {
    "in dataset": ("conversations", "dataset"),
    "calls": ("calls per conversation", "mean"),
    "turns": ("user turns per conversation", "mean"),
    "valid": ("valid calls", ""),
    "grounded": ("grounded arguments", ""),
    "tools": ("tools called", ""),
    "arguments": ("arguments given, of those that the tools declare", ""),
    "parallel": ("with parallel calls", ""),
    "recovered": ("failed, then succeeded", ""),
    "distinct-2": ("distinct-2 of user turns", ""),
    "self-BLEU": ("self-BLEU of user turns", ""),
    "copies": ("copies once ids, digits and quotes are masked", ""),
}
_GIVEN_AS_COUNTS = frozenset(OVERVIEW[column][0] for column in ("valid", "grounded", "tools", "arguments"))
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

    `left_out` and errors are those of `collect_partitions`.
    """
    return report_collected(settings, collect_partitions(settings, partitions, left_out))


def collect_partitions(
    settings: Settings, partitions: Sequence[str], left_out: Callable[[str], None] = lambda _: None
) -> dict[str, Collected]:
    """Reads the tables of each partition that has a dataset.

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
    return collected_by_partition


def report_collected(
    settings: Settings, collected_by_partition: Mapping[str, Collected]
) -> dict[str, list[QualityFigure]]:
    """Computes the figures of each partition, and under the key `all` those of all of them together.

    Where the latest release over all is of just these partitions, its rows are counted: there near-duplicates across
    partitions are left out, and a team's own rows are in it.
    """

    def compute(collected: Collected) -> list[QualityFigure]:
        weights = settings.generation.select_kinds_asked_for(collected.planned_kinds)
        return compute_figures(collected, weights, settings.seed, settings.inference.prices)

    reports = {name: compute(collected) for name, collected in collected_by_partition.items()}
    total = merge_collected(collected_by_partition.values())
    if release := read_release_rows(settings.home, collected_by_partition):
        total.rows = release[1]
    return {**reports, ALL: compute(total)}


# ── presenting ────────────────────────────────────────────────────────────────────────────────


def find_gaps(collected_by_partition: Mapping[str, Collected]) -> list[Gap]:
    """Finds where the tools of all partitions together are thin: in their definitions, and in what was used of them."""
    total = merge_collected(collected_by_partition.values())
    return [gap for gap in (*find_gaps_in_definitions(total), *find_gaps_in_use(total)) if gap.places]


def explain_missing_kinds_of(settings: Settings, partitions: Sequence[str]) -> dict[str, dict[str, str]]:
    """Explains, by partition and kind, why there is not one conversation of a kind that was asked for.

    Counted is what was asked for when the dataset was made, else what the settings ask for now.
    """
    store = TableStore(settings.home)
    explained = {}
    for name in partitions:
        frames = {
            table: store.read_frame(table, name) for table in (*KIND_TABLES, "dataset") if store.has_table(table, name)
        }
        outcome = read_latest_outcome(settings.home / "datasets" / name)
        conversations = outcome.wanted if outcome else settings.generation_of(name).conversations
        drawn = set(frames["tool_chains"]["kind"]) if "tool_chains" in frames else set(frames["dataset"]["kind"])
        weights = settings.generation.select_kinds_asked_for(drawn)
        explained[name] = explain_missing_kinds(weights, conversations, frames)
    return explained


def to_json(reports: Mapping[str, Sequence[QualityFigure]]) -> str:
    """Writes all figures; the value of a share of nothing is null, because 0 would say that something was measured."""
    figures = msgspec.to_builtins(reports)
    for name, partition_figures in figures.items():
        for figure, written in zip(reports[name], partition_figures, strict=True):
            if figure.whole == 0:
                written["value"] = None
            if goal := find_goal(figure):
                written |= {"goal": goal.value, "bound": goal.bound, "is_met": is_goal_met(figure)}
            if figure.section in SECTIONS_OF_ROWS and (others := find_other_values(figure)):
                written["others"] = others
    return msgspec.json.format(msgspec.json.encode(figures), indent=2).decode()


def to_markdown(
    reports: Mapping[str, Sequence[QualityFigure]],
    pictures: Mapping[str, str],
    gaps: Sequence[Gap] = (),
    missing_kinds: MissingKinds = NO_KINDS,
) -> str:
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
        comparisons = choose_comparisons(rows)
        heads = ["figure", "", "value", "of", *comparisons]
        lines += ["", f"## {title}", "", f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
        for figure in rows:
            cells = [figure.figure, figure.item.replace("|", "\\|"), format_value(figure), format_counts(figure)]
            lines.append(f"| {' | '.join([*cells, *compare_figure(figure, comparisons)])} |")
        if "goal" in comparisons:
            lines += ["", describe_missed_goals(rows)]
        lines += [
            line for caption, link in pictures.items() if caption == section for line in ("", f"![{title}]({link})")
        ]
    beside = compare_with_others(figures)
    if beside:
        heads = ["figure", "", "here", *(other.title for other in load_other_sets().sets)]
        lines += ["", f"## {BESIDE_OTHERS}", "", f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
        lines += [
            f"| {' | '.join([figure.figure, figure.item, format_value(figure), *values])} |"
            for figure, values in beside
        ]
    missing = [(name, *reason) for name, reasons in missing_kinds.items() for reason in reasons.items()]
    if missing:
        lines += ["", "## Kinds that are missing", ""]
        lines += [f"- {name}, {kind}: {reason}" for name, kind, reason in missing]
    if gaps:
        lines += ["", "## Where the tools are thin", ""]
        lines += [f"- {gap.describe_count()} ({gap.name_places()}): {gap.remedy}" for gap in gaps]
    lines += ["", "## By partition", "", f"| partition | {' | '.join(OVERVIEW)} |", "|---" * (len(OVERVIEW) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(summarise_partition(reports[name]))} |" for name in (*partitions, ALL)]
    return "\n".join([*lines, ""])


def write_page(
    reports: Mapping[str, Sequence[QualityFigure]],
    path: Path,
    gaps: Sequence[Gap] = (),
    missing_kinds: MissingKinds = NO_KINDS,
) -> list[Path]:
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
    path.write_text(to_markdown(reports, links, gaps, missing_kinds), encoding="utf-8")
    return [path, *written]


def format_value(figure: QualityFigure) -> str:
    """Formats a figure: a share in percent, but distinct-n as a quotient, as the literature gives it.

    >>> format_value(QualityFigure(section="paths", figure="with an error", value=0.125, part=1, whole=8))
    '12.5 %'
    """
    if figure.whole == 0:
        return "–"
    if figure.whole is not None and not figure.figure.startswith("distinct-"):
        return f"{figure.value:.1%}".replace("%", " %")
    if figure.figure == "cost in dollars":
        return f"{figure.value:,.6f}"
    if float(figure.value).is_integer() and abs(figure.value) >= 1:
        return f"{figure.value:,.0f}"
    return f"{figure.value:,.3f}" if figure.value else "0"


def format_counts(figure: QualityFigure) -> str:
    return "" if figure.whole is None else f"{figure.part:,} of {figure.whole:,}"


def choose_comparisons(rows: Sequence[QualityFigure]) -> list[str]:
    """Chooses the further columns of a section, by their heads: what is wanted, the goal, what others have."""
    heads = ["wanted", "difference"] if any(figure.wanted is not None for figure in rows) else []
    heads += ["goal", "met"] if any(map(find_goal, rows)) else []
    return heads + (["others"] if any(map(_describe_other_sets, rows)) else [])


def compare_figure(figure: QualityFigure, heads: Sequence[str]) -> list[str]:
    """Lists a figure's cells in the columns that `choose_comparisons` chose."""
    cells = compare_with_wanted(figure) if "wanted" in heads else []
    cells += compare_with_goal(figure) if "goal" in heads else []
    return cells + ([_describe_other_sets(figure)] if "others" in heads else [])


def _describe_other_sets(figure: QualityFigure) -> str:
    return describe_others(figure) if figure.section in SECTIONS_OF_ROWS else YARDSTICKS.get(figure.figure, "")


def compare_with_wanted(figure: QualityFigure) -> list[str]:
    if figure.wanted is None:
        return ["", ""]
    wanted = f"{figure.wanted:.1%}".replace("%", " %")
    return [wanted, f"{100 * (figure.value - figure.wanted):+.1f} points" if figure.whole else "–"]


def summarise_partition(figures: Sequence[QualityFigure]) -> list[str]:
    """Lists a partition's cells of the overview; a share of calls, arguments or tools is given as the counts."""
    figures_by_name = {(figure.figure, figure.item): figure for figure in figures}
    cells = []
    for key in OVERVIEW.values():
        figure = figures_by_name.get(key)
        if figure is None:
            cells.append("")
        elif figure.figure in _GIVEN_AS_COUNTS and figure.whole:
            cells.append(format_counts(figure))
        else:
            cells.append(format_value(figure))
    return cells
