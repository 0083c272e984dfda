"""A conversation in a terminal: the person, the messages, the calls with the sources of their arguments, the scores."""

from typing import Any

import msgspec
import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from funcdex_assets.cli.console import CommandError
from funcdex_assets.export.row_facts import count_attempts
from funcdex_assets.records.conversation import ArgumentSource, Conversation
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.records.verdict import SCALES, MemberVerdict, ScoredConversation
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import from_frame
from funcdex_assets.storage.table_store import TableStore

_LONGEST_JSON = 400


def print_example(settings: Settings, partition: str, console: Console) -> None:
    """Prints the partition's first accepted conversation."""
    store = TableStore(settings.home)
    if store.has_table("accepted_conversations", partition):
        accepted = store.read_frame("accepted_conversations", partition)
        if accepted.height:
            print_conversation(settings, accepted["conversation_id"][0], console)


def print_conversation(settings: Settings, conversation_id: str, console: Console) -> None:
    """Prints the conversation whose id begins so.

    Raises:
        CommandError: no partition has it.
    """
    store = TableStore(settings.home)
    for partition in settings.partitions:
        if not store.has_table("conversations", partition):
            continue
        frame = store.read_frame("conversations", partition).filter(
            pl.col("conversation_id").str.starts_with(conversation_id)
        )
        if frame.height:
            _print_transcript(store, partition, from_frame(frame.head(1), Conversation)[0], console)
            return
    raise CommandError(
        f"No conversation {conversation_id!r} in {settings.home}; "
        "ids are in the tables conversations/*.parquet and in the JSONL"
    )


def _print_transcript(store: TableStore, partition: str, conversation: Conversation, console: Console) -> None:
    plan = _find_record(store, "conversation_plans", partition, "plan_id", conversation.plan_id, ConversationPlan)
    scenario = (
        _find_record(store, "deduplicated_scenarios", partition, "scenario_id", plan.scenario_id, Scenario)
        if plan
        else None
    )
    persona = _find_record(store, "personas", partition, "persona_id", plan.persona_id, Persona) if plan else None
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
            console.print(
                f"[bold yellow]{'call':>9}[/]  {call.name} {escape(_format_json(call.arguments))}", highlight=False
            )
            for source in sources.get(call.id, ()):
                console.print(
                    f"[dim]{'':>11}{escape(source.argument)} ← {escape(_describe_source(source))}[/]", highlight=False
                )
        if message.result is not None:
            label = "error" if message.result.error else "result"
            console.print(
                f"[magenta]{label:>9}[/]  [dim]{escape(_format_json(message.result.content))}[/]", highlight=False
            )
    scored = _find_record(
        store,
        "scored_conversations",
        partition,
        "conversation_id",
        conversation.conversation_id,
        ScoredConversation,
    )
    if scored and conversation.failure is None:
        console.print(_format_scores(scored), highlight=False)
        console.print(escape(_format_making(conversation)), highlight=False, soft_wrap=True)
        for member in scored.members:
            outcome = f"no verdict ({member.failure})" if member.failure else _format_scores(member)
            console.print(f"[dim]{escape(member.judge)}: {outcome}[/]", highlight=False, soft_wrap=True)
            for evidence in member.evidence:
                place = f"{evidence.fault} in message {evidence.message}: {evidence.quote}"
                console.print(f"[dim]{'':>11}{escape(place)}[/]", highlight=False, soft_wrap=True)
    for finding in scored.findings if scored else filter(None, [conversation.failure]):
        console.print(f"[red]{finding.rule}[/] {escape(finding.text)}", highlight=False)
    for number, attempt in enumerate(conversation.attempts, start=1):
        blocked = "\n".join(f"{finding.rule}: {finding.text}" for finding in attempt.findings) or "nothing found"
        title = f"text {number} of {len(conversation.attempts)} · {attempt.kind}"
        console.print(Panel(escape(f"{attempt.text.strip()}\n\n{blocked}"), title=title))


def _format_making(conversation: Conversation) -> str:
    """Formats how a conversation was made, on one line."""
    attempts, repairs = count_attempts(conversation.attempts)
    seed = "" if conversation.seed is None else f"  seed {conversation.seed}"
    return (
        f"strategy {conversation.strategy}  engine {conversation.engine}{seed}  attempts {attempts}"
        f"{f' ({repairs} repaired)' if repairs else ''}"
    )


def _format_scores(verdict: ScoredConversation | MemberVerdict) -> str:
    return "  ".join(f"{scale} {getattr(verdict, scale)}" for scale in SCALES)


def _describe_source(source: ArgumentSource) -> str:
    match source.source:
        case "user":
            return f"user said “{source.evidence}”"
        case "result":
            return f"result of {source.from_call} at {source.pointer}"
        case _:
            return f"{source.source} ({source.evidence})"


def _find_record(store: TableStore, stage: str, partition: str, key: str, value: str, record: type) -> Any:
    if not store.has_table(stage, partition):
        return None
    return next(iter(from_frame(store.read_frame(stage, partition).filter(pl.col(key) == value), record)), None)


def _format_json(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST_JSON else text[: _LONGEST_JSON - 1] + "…"
