"""What the stored tables look like in a terminal: a conversation, the figures, the settings.

Only reads the tables; nothing here needs Dagster.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl
import yaml
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Column
from rich.table import Table as Grid

from funcdex_assets.inference.journal import JOURNAL, JournalEntry, journal_entries
from funcdex_assets.inference.usage import TokenPrice
from funcdex_assets.quality import committee
from funcdex_assets.records import (
    SCALES,
    ArgumentSource,
    Conversation,
    ConversationPlan,
    MemberVerdict,
    Persona,
    Scenario,
    ScoredConversation,
)
from funcdex_assets.settings import Settings
from funcdex_assets.table_store import TableStore
from funcdex_assets.tables import from_frame

if TYPE_CHECKING:
    from funcdex_assets.backfill import Outcome
    from funcdex_assets.experiment import Arm

_LONGEST_JSON = 400


class UnknownConversation(LookupError):
    """No stored conversation has that id; the message says what to do."""


def print_outcome(settings: Settings, outcome: "Outcome", seconds: float, console: Console) -> None:
    """What was made and where it is, then what failed and why."""
    store = TableStore(settings.home)
    name = Column("partition", overflow="fold")
    grid = Grid(name, "conversations", "accepted", "train", "test", title=f"Made in {seconds:.1f} s")
    folders: list[Path] = []
    for partition, stages in outcome.made.items():
        if "dataset" not in stages or not store.exists("dataset", partition):
            continue
        dataset = store.read("dataset", partition)
        splits = Counter(dataset["split"].to_list())
        folders.append(_latest_release(settings, partition))
        grid.add_row(
            partition,
            str(store.read("conversations", partition).height),
            str(store.read("accepted_conversations", partition).height),
            str(splits["train"]),
            str(splits["test"]),
        )
    if grid.row_count:
        console.print(grid)
    if "dataset_release" in outcome.once:
        folders.append(_latest_release(settings, "all"))
    for folder in folders:
        console.print(f"{folder}/train.jsonl, test.jsonl, README.md", highlight=False, soft_wrap=True)
    for partition, reason in outcome.failed.items():
        console.print(f"[red]failed[/red] {escape(partition)}: {escape(reason)}", soft_wrap=True, highlight=False)
    if outcome.error:
        console.print(f"[red]failed[/red] {escape(outcome.error)}", soft_wrap=True, highlight=False)


def _latest_release(settings: Settings, name: str) -> Path:
    folder = settings.home / "datasets" / name
    return folder / (folder / "latest").read_text(encoding="utf-8").strip()


def print_example(settings: Settings, partition: str, console: Console) -> None:
    """The partition's first accepted conversation."""
    store = TableStore(settings.home)
    if store.exists("accepted_conversations", partition):
        accepted = store.read("accepted_conversations", partition)
        if accepted.height:
            print_conversation(settings, accepted["conversation_id"][0], console)


def print_conversation(settings: Settings, conversation_id: str, console: Console) -> None:
    """
    Raises:
        UnknownConversation: no partition has it.
    """
    store = TableStore(settings.home)
    for partition in settings.partitions:
        if not store.exists("conversations", partition):
            continue
        frame = store.read("conversations", partition).filter(
            pl.col("conversation_id").str.starts_with(conversation_id)
        )
        if frame.height:
            _print(store, partition, from_frame(frame.head(1), Conversation)[0], console)
            return
    raise UnknownConversation(
        f"No conversation {conversation_id!r} in {settings.home}; "
        "ids are in the tables conversations/*.parquet and in the JSONL"
    )


def print_experiment(
    settings: Settings,
    arms: Sequence["Arm"],
    partitions: Sequence[str],
    conversations: int,
    nights: int,
    console: Console,
) -> None:
    """Runs the arms, one after the other; a table of the figures, and where the plot is."""
    from funcdex_assets.experiment import FIGURES, plot, run_arm

    folder = settings.home / "experiments" / f"{datetime.now():%Y%m%d-%H%M%S}"
    counts = {}
    with console.status("") as status:
        for arm in arms:
            status.update(f"{arm.name}: {len(partitions)} partitions, {nights} nights of {conversations}")
            home = folder / arm.name.replace("/", "_")
            counts[arm.name] = run_arm(arm, settings, partitions, conversations, nights, home)
    grid = Grid("", *counts, title=f"{len(partitions)} partitions, {nights} × {conversations} conversations each")
    for name, figure in FIGURES.items():
        values = [figure(one) for one in counts.values()]
        grid.add_row(name, *(f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3f}" for value in values))
    console.print(grid)
    plot(counts, folder / "tools.png")
    console.print(f"{folder}/tools.png has the calls per tool", highlight=False, soft_wrap=True)


def print_stats(settings: Settings, console: Console) -> None:
    """Per partition: rows by stage and yields; over all: calls, sources of arguments, scores."""
    store = TableStore(settings.home)
    there = [partition for partition in settings.partitions if store.exists("conversations", partition)]
    if not there:
        console.print(f"Nothing in {settings.home} yet; run `funcdex materialize gmail` or `make demo`")
        return
    shown = (
        "scenarios",
        "deduplicated_scenarios",
        "conversation_plans",
        "conversations",
        "accepted_conversations",
        "dataset",
    )
    grid = Grid(
        Column("partition", overflow="fold", min_width=min(24, max(map(len, there)))),
        "tools",
        "candidates",
        "kept",
        "plans",
        "made",
        "accepted",
        "train",
        "test",
        "calls",
        title="Yields",
    )
    totals: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    scores: dict[str, list[int]] = {scale: [] for scale in SCALES}
    judged: list[ScoredConversation] = []
    for partition in there:
        figures = _figures(store, partition, shown)
        grid.add_row(partition, *(str(figures.get(name, "–")) for name in ("tools", *shown, "test", "calls")))
        totals.update({name: value for name, value in figures.items() if isinstance(value, int)})
        held = store.read("conversations", partition)
        sources.update(held["provenance"].explode().struct.field("source").drop_nulls().to_list())
        if store.exists("scored_conversations", partition):
            scored = store.read("scored_conversations", partition)
            for scale in SCALES:
                scores[scale] += scored[scale].drop_nulls().to_list()
            judged += from_frame(scored.filter(pl.col("members").list.len() > 0), ScoredConversation)
    grid.add_section()
    grid.add_row("all", *(str(totals[name]) for name in ("tools", *shown, "test", "calls")))
    _print_whole(grid, console)
    traced = ", ".join(f"{name} {count:,} ({count / sources.total():.1%})" for name, count in sources.most_common())
    console.print(f"Argument sources: {traced}", highlight=False)
    for scale, values in scores.items():
        if values:
            counted = Counter(values)
            spread = "  ".join(f"{score}: {counted[score]}" for score in range(1, 6))
            console.print(f"{scale:<20} mean {sum(values) / len(values):.2f}   {spread}", highlight=False)
    _print_judges(judged, console)
    _print_usage(settings, console)


def _print_judges(scored: Sequence[ScoredConversation], console: Console) -> None:
    """Of a committee: the mean scores of each member, and how far every two are apart."""
    for judge in committee.judges(scored):
        given = committee.verdicts_of(judge, scored)
        means = {scale: marks for scale in SCALES if (marks := committee.marks(given, scale))}
        told = "  ".join(f"{scale} {sum(marks) / len(marks):.2f}" for scale, marks in means.items())
        silent = sum(one.failure is not None for one in given)
        text = f"{judge}: mean {told or 'of nothing'}" + (f"  without a verdict {silent}" if silent else "")
        console.print(escape(text), highlight=False, soft_wrap=True)
    apart: dict[str, list[str]] = {}
    for pair in committee.pairs(scored):
        apart.setdefault(" / ".join(pair.judges), []).append(f"{pair.scale} {pair.apart:.2f}")
    for both, differences in apart.items():
        console.print(escape(f"{both}: apart by {'  '.join(differences)}"), highlight=False, soft_wrap=True)


def _print_whole(grid: Grid, console: Console) -> None:
    """What goes to a file or a pipe is not cut to a terminal's width."""
    needed = console.measure(grid, options=console.options.update(width=1000)).maximum
    width = None if console.is_terminal else max(needed, console.width)
    console.print(grid, width=width, crop=console.is_terminal)


def _print_usage(settings: Settings, console: Console) -> None:
    """Tokens and cost of everything that was ever asked of a real model, from the journal, which has each once."""
    entries = journal_entries(settings.home / JOURNAL)
    if not entries:
        console.print("Tokens and cost: none, no real model was asked", highlight=False)
        return
    prices = settings.inference.prices
    columns = ("engine", "role", "model", "requests", "prompt tokens", "cached", "completion tokens", "cost ($)")
    grid = Grid(*columns, title="Asked of models")
    for entry in entries:
        grid.add_row(entry.engine, entry.role, entry.model, *_counts([entry]), _cost([entry], prices))
    grid.add_section()
    grid.add_row("all", "", "", *_counts(entries), _cost(entries, prices))
    console.print(grid)
    if unpriced := sorted({entry.model for entry in entries if entry.model not in prices}):
        console.print(f"Unpriced, because not in inference.prices: {', '.join(unpriced)}", highlight=False)


def print_journal(settings: Settings, console: Console) -> None:
    """What the journal keeps, how much space that takes, and from when it is."""
    path = settings.home / JOURNAL
    entries = journal_entries(path)
    if not entries:
        console.print(f"No answers in {path}; only real models are journaled", highlight=False, soft_wrap=True)
        return
    grid = Grid("engine", "role", "requests", "prompt tokens", "cached", "completion tokens", "bytes", "from", "to")
    for entry in entries:
        when = (_day(entry.oldest), _day(entry.newest))
        grid.add_row(entry.engine, entry.role, *_counts([entry]), f"{entry.bytes:,}", *when)
    grid.add_section()
    when = (_day(min(entry.oldest for entry in entries)), _day(max(entry.newest for entry in entries)))
    grid.add_row("all", "", *_counts(entries), f"{sum(entry.bytes for entry in entries):,}", *when)
    console.print(grid)
    console.print(f"{path}, {path.stat().st_size:,} bytes", highlight=False, soft_wrap=True)


def _counts(entries: Sequence[JournalEntry]) -> list[str]:
    fields = ("requests", "prompt_tokens", "cached_tokens", "completion_tokens")
    return [f"{sum(getattr(entry, field) for entry in entries):,}" for field in fields]


def _cost(entries: Sequence[JournalEntry], prices: Mapping[str, TokenPrice]) -> str:
    costs = [prices[entry.model].cost(entry.usage) for entry in entries if entry.model in prices]
    if not costs:
        return "unpriced"
    return f"{sum(costs):.4f}" + (" and unpriced" if len(costs) < len(entries) else "")


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def print_settings(settings: Settings, console: Console) -> None:
    content = settings.model_dump(mode="json")
    inference = settings.inference
    endpoints = [inference.endpoint(role) for role in (None, *inference.roles)]
    endpoints += [inference.member(fields) for fields in settings.judging.members]
    variables = dict.fromkeys(endpoint.api_key_env for endpoint in endpoints)
    console.print(yaml.safe_dump(content, sort_keys=False, allow_unicode=True).strip(), highlight=False, markup=False)
    for variable in variables:
        console.print(f"# {variable} is {'set' if os.environ.get(variable) else 'not set'}", highlight=False)
    for partition in settings.partitions:
        files = ", ".join(str(path) for path in settings.tool_files(partition).values())
        console.print(f"# {partition}: {files}", highlight=False, soft_wrap=True)


# ── one conversation ──────────────────────────────────────────────────────────────────────────


def _print(store: TableStore, partition: str, conversation: Conversation, console: Console) -> None:
    plan = _row(store, "conversation_plans", partition, "plan_id", conversation.plan_id, ConversationPlan)
    scenario = (
        _row(store, "deduplicated_scenarios", partition, "scenario_id", plan.scenario_id, Scenario) if plan else None
    )
    persona = _row(store, "personas", partition, "persona_id", plan.persona_id, Persona) if plan else None
    if plan and scenario and persona:
        console.print(
            Panel(
                escape(
                    f"{scenario.text}\n\n{persona.name}, {persona.position} at {persona.company} <{persona.email}>\n"
                    f"{plan.disposition} Clarity: {plan.clarity}. Now: {persona.today}.\n"
                    f"Tools: {', '.join(plan.tools)}; distractors: {', '.join(plan.distractors) or 'none'}"
                ),
                title=f"{conversation.conversation_id} · {partition} · {conversation.engine}",
            )
        )
    sources: dict[str, list[ArgumentSource]] = {}
    for source in conversation.provenance:
        sources.setdefault(source.call_id, []).append(source)
    for message in conversation.messages:
        if message.thought:
            console.print(f"[dim italic]  thought  {escape(message.thought)}[/]", highlight=False)
        if message.content:
            colour = "cyan" if message.role == "user" else "green"
            console.print(f"[bold {colour}]{message.role:>9}[/]  {escape(message.content)}", highlight=False)
        for call in message.tool_calls:
            console.print(f"[bold yellow]{'call':>9}[/]  {call.name} {escape(_json(call.arguments))}", highlight=False)
            for source in sources.get(call.id, ()):
                console.print(f"[dim]{'':>11}{escape(source.argument)} ← {escape(_origin(source))}[/]", highlight=False)
        if message.result is not None:
            label = "error" if message.result.error else "result"
            console.print(f"[magenta]{label:>9}[/]  [dim]{escape(_json(message.result.content))}[/]", highlight=False)
    scored = _row(
        store,
        "scored_conversations",
        partition,
        "conversation_id",
        conversation.conversation_id,
        ScoredConversation,
    )
    if scored and conversation.failure is None:
        console.print(_scores(scored), highlight=False)
        for member in scored.members:
            said = f"no verdict ({member.failure})" if member.failure else _scores(member)
            console.print(f"[dim]{escape(member.judge)}: {said}[/]", highlight=False, soft_wrap=True)
    for finding in scored.findings if scored else filter(None, [conversation.failure]):
        console.print(f"[red]{finding.rule}[/] {escape(finding.text)}", highlight=False)
    for number, attempt in enumerate(conversation.attempts, start=1):
        blocked = "\n".join(f"{finding.rule}: {finding.text}" for finding in attempt.findings) or "nothing found"
        title = f"text {number} of {len(conversation.attempts)} · {attempt.kind}"
        console.print(Panel(escape(f"{attempt.text.strip()}\n\n{blocked}"), title=title))


def _scores(verdict: ScoredConversation | MemberVerdict) -> str:
    return "  ".join(f"{scale} {getattr(verdict, scale)}" for scale in SCALES)


def _origin(source: ArgumentSource) -> str:
    match source.source:
        case "user":
            return f"user said “{source.evidence}”"
        case "result":
            return f"result of {source.from_call} at {source.pointer}"
        case _:
            return f"{source.source} ({source.evidence})"


def _row(store: TableStore, stage: str, partition: str, key: str, value: str, record: type) -> Any:
    if not store.exists(stage, partition):
        return None
    return next(iter(from_frame(store.read(stage, partition).filter(pl.col(key) == value), record)), None)


def _json(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST_JSON else text[: _LONGEST_JSON - 1] + "…"


def _figures(store: TableStore, partition: str, stages: tuple[str, ...]) -> dict[str, int]:
    frames = {
        name: store.read(name, partition) for name in (*stages, "tool_definitions") if store.exists(name, partition)
    }
    figures = {name: frame.height for name, frame in frames.items()}
    figures["tools"] = figures.pop("tool_definitions", 0)
    if "deduplicated_scenarios" in frames:
        figures["deduplicated_scenarios"] = frames["deduplicated_scenarios"].filter(pl.col("status") == "kept").height
    if "dataset" in frames:
        split = Counter(frames["dataset"]["split"].to_list())
        figures |= {
            "dataset": split["train"],
            "test": split["test"],
            "calls": int(frames["dataset"]["calls"].sum()),
        }
    return figures
