"""Yields by stage, calls, sources of arguments, scores, tokens and cost of the stored tables, in a terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Column
from rich.table import Table as Grid

from funcdex_assets.catalog.definition_gaps import count_given_arguments
from funcdex_assets.cli.grids import print_grid
from funcdex_assets.cli.journal import format_cost, format_counts
from funcdex_assets.inference.journal import JOURNAL_FILE, list_journal_entries
from funcdex_assets.judging import committee
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.tool import Tool
from funcdex_assets.records.verdict import SCALES, ScoredConversation
from funcdex_assets.reports.stage_counts import STAGES, count_sources, count_stages
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import from_frame, index_by
from funcdex_assets.storage.table_store import TableStore

COLUMNS = ("tools", *STAGES[:-1], "train", "test", "calls")


def print_yields(settings: Settings, console: Console) -> None:
    """Prints rows by stage and yields for each partition; calls, sources of arguments and scores over all."""
    store = TableStore(settings.home)
    available = [partition for partition in settings.partitions if store.has_table("conversations", partition)]
    if not available:
        console.print(f"Nothing in {settings.home} yet; run `funcdex materialize gmail` or `funcdex demo`")
        return
    grid = Grid(
        Column("partition", overflow="fold", min_width=min(24, max(map(len, available)))),
        *COLUMNS,
        title="Yields",
    )
    totals: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    coverage: Counter[str] = Counter()
    scores: dict[str, list[int]] = {scale: [] for scale in SCALES}
    judged: list[ScoredConversation] = []
    for partition in available:
        counts = _count_partition(store, partition)
        grid.add_row(partition, *(str(counts.get(name, "–")) for name in COLUMNS))
        totals.update(counts)
        conversations = from_frame(store.read_frame("conversations", partition), Conversation)
        sources.update(count_sources(conversations))
        coverage.update(_count_coverage(store, partition, conversations))
        if store.has_table("scored_conversations", partition):
            scored = store.read_frame("scored_conversations", partition)
            for scale in SCALES:
                scores[scale] += scored[scale].drop_nulls().to_list()
            judged += from_frame(scored.filter(pl.col("members").list.len() > 0), ScoredConversation)
    grid.add_section()
    grid.add_row("all", *(str(totals[name]) for name in COLUMNS))
    print_grid(grid, console)
    _print_coverage(coverage, console)
    traced = ", ".join(
        f"{name} {count:,} of {sources.total():,} ({count / sources.total():.1%})"
        for name, count in sources.most_common()
    )
    console.print(f"Argument sources: {traced or 'none, no call has an argument'}", highlight=False, soft_wrap=True)
    for scale, values in scores.items():
        if values:
            counted = Counter(values)
            spread = "  ".join(f"{score}: {counted[score]}" for score in range(1, 6))
            console.print(f"{scale:<20} mean {sum(values) / len(values):.2f}   {spread}", highlight=False)
    _print_judges(judged, console)
    _print_usage(settings, console)


def _count_coverage(store: TableStore, partition: str, conversations: Sequence[Conversation]) -> Counter[str]:
    """Counts calls, calls with arguments, tools, called tools, arguments, and arguments that some call gives."""
    calls = [
        (call.name, call.arguments if isinstance(call.arguments, dict) else {})
        for conversation in conversations
        for message in conversation.messages
        for call in message.tool_calls
    ]
    counts = Counter({"calls": len(calls), "calls with arguments": sum(bool(arguments) for _, arguments in calls)})
    if store.has_table("tool_definitions", partition):
        tools = index_by(from_frame(store.read_frame("tool_definitions", partition), Tool), "name")
        given, declared = count_given_arguments(tools, calls)
        called = {name for name, _ in calls} & tools.keys()
        counts.update({"tools": len(tools), "tools called": len(called), "given": given, "declared": declared})
    return counts


def _print_coverage(counts: Mapping[str, int], console: Console) -> None:
    """Prints what the calls of all conversations that were made use of the tools; what has no whole is left out."""
    shares = {
        "tools called": (counts["tools called"], counts["tools"]),
        "calls with arguments": (counts["calls with arguments"], counts["calls"]),
        "arguments given by some call": (counts["given"], counts["declared"]),
    }
    told = ", ".join(f"{name} {part:,} of {whole:,}" for name, (part, whole) in shares.items() if whole)
    console.print(f"Coverage: {told or 'not measured, there is no call'}", highlight=False, soft_wrap=True)


def _print_judges(scored: Sequence[ScoredConversation], console: Console) -> None:
    """Prints the mean scores of each judge, the differences between every two in scores and rejections (the heuristic
    beside models is one of them), and how far the order of the prompt swayed each.
    """
    for judge in committee.list_judges(scored):
        verdicts = committee.select_verdicts(judge, scored)
        means = {scale: marks for scale in SCALES if (marks := committee.collect_scores(verdicts, scale))}
        mean_texts = "  ".join(f"{scale} {sum(marks) / len(marks):.2f}" for scale, marks in means.items())
        silent = sum(verdict.failure is not None for verdict in verdicts)
        text = f"{judge}: mean {mean_texts or 'of nothing'}" + (f"  without a verdict {silent}" if silent else "")
        console.print(escape(text), highlight=False, soft_wrap=True)
    apart: dict[str, list[str]] = {}
    for pair in committee.compare_judges(scored):
        apart.setdefault(" / ".join(pair.judges), []).append(f"{pair.scale} {pair.mean_difference:.2f}")
    for judges, differences in apart.items():
        console.print(escape(f"{judges}: apart by {'  '.join(differences)}"), highlight=False, soft_wrap=True)
    for pair in committee.compare_rejections(scored):
        kappa = "–" if pair.kappa is None else f"{pair.kappa:.2f}"
        text = (
            f"{' / '.join(pair.judges)}: of {pair.conversations} both reject {pair.both_reject}, only the first "
            f"{pair.only_first_rejects}, only the second {pair.only_second_rejects}, kappa {kappa}"
        )
        console.print(escape(text), highlight=False, soft_wrap=True)
    for judge, scales in committee.measure_order_sway(scored).items():
        sway = "  ".join(f"{scale} {apart / count:.2f}" for scale, (apart, count) in scales.items())
        console.print(escape(f"{judge}: swayed by the order {sway}"), highlight=False, soft_wrap=True)


def _print_usage(settings: Settings, console: Console) -> None:
    """Prints tokens and cost of all requests to real models ever, from the journal, which has each answer once."""
    entries = list_journal_entries(settings.home / JOURNAL_FILE)
    if not entries:
        console.print("Tokens and cost: none, no real model was asked", highlight=False)
        return
    prices = settings.inference.prices
    columns = ("engine", "role", "model", "requests", "prompt tokens", "cached", "completion tokens", "cost ($)")
    grid = Grid(*columns, title="Asked of models")
    for entry in entries:
        grid.add_row(entry.engine, entry.role, entry.model, *format_counts([entry]), format_cost([entry], prices))
    grid.add_section()
    grid.add_row("all", "", "", *format_counts(entries), format_cost(entries, prices))
    print_grid(grid, console)
    unpriced = sorted({entry.model for entry in entries if entry.model not in prices})
    if unpriced:
        console.print(f"Unpriced, because not in inference.prices: {', '.join(unpriced)}", highlight=False)


def _count_partition(store: TableStore, partition: str) -> dict[str, int]:
    """Counts for each column of which there are tables."""
    tables = ("deduplicated_scenarios", "conversation_plans", "conversations", "accepted_conversations")
    frames = {name: store.read_frame(name, partition) for name in tables if store.has_table(name, partition)}
    counts = count_stages(frames)
    if store.has_table("tool_definitions", partition):
        counts["tools"] = store.read_frame("tool_definitions", partition).height
    if store.has_table("dataset", partition):
        dataset = store.read_frame("dataset", partition)
        splits = Counter(dataset["split"].to_list())
        counts |= {"train": splits["train"], "test": splits["test"], "calls": int(dataset["calls"].sum())}
    return counts
