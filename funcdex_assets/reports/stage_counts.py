"""Counts of a partition's tables, in one place: the quality report, `funcdex stats`, experiments and the metadata
of the assets count with these.

Belongs here: counting rows, calls and sources of arguments. What the messages of one conversation show is counted in
`tallies.py`; which figures a report has is in `figures.py`.

>>> frames = {"deduplicated_scenarios": pl.DataFrame({"status": ["kept", "duplicate", "kept"]})}
>>> count_stages(frames)
{'candidates': 3, 'kept': 2}
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import polars as pl

from funcdex_assets.judging.selection import name_reason
from funcdex_assets.records.conversation import ArgumentSource, Conversation
from funcdex_assets.records.message import Message

STAGES = ("candidates", "kept", "planned", "made", "accepted", "dataset")
"""The way of a conversation, from candidate scenarios to the published dataset."""


def count_stages(frames: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    """Counts by stage, for those stages of which the table is among the frames.

    A scenario counts as kept if it repeats none, a conversation as made if it was finished.
    """
    counts: dict[str, int] = {}
    if "deduplicated_scenarios" in frames:
        status = frames["deduplicated_scenarios"]["status"]
        counts |= {"candidates": status.len(), "kept": int((status == "kept").sum())}
    if "conversation_plans" in frames:
        counts["planned"] = frames["conversation_plans"].height
    if "conversations" in frames:
        counts["made"] = frames["conversations"]["failure"].null_count()
    if "accepted_conversations" in frames:
        counts["accepted"] = frames["accepted_conversations"].height
    if "dataset" in frames:
        counts["dataset"] = frames["dataset"].height
    return counts


def measure_ratios(**ratios: tuple[float, float]) -> dict[str, float]:
    """Quotients by name. Those of nothing are left out, because a 0 would say that something was measured.

    >>> measure_ratios(accepted=(3, 4), repaired=(0, 0))
    {'accepted': 0.75}
    """
    return {name: round(part / whole, 4) for name, (part, whole) in ratios.items() if whole}


def count_rejections(rejected_conversations: pl.DataFrame) -> Counter[str]:
    """Counts the conversations that were not accepted by their first reason: a rule, or a scale that is too low."""
    first_reasons = (name_reason(reasons[0]) for reasons in rejected_conversations["reasons"] if len(reasons))
    return Counter(first_reasons)


def count_calls_by_tool(conversations: Iterable[Iterable[Message]]) -> Counter[str]:
    """Counts the calls of each tool in the messages of conversations."""
    return Counter(call.name for messages in conversations for message in messages for call in message.tool_calls)


def count_sources(conversations: Iterable[Conversation]) -> Counter[str]:
    """Counts the arguments of all calls by where their value came from: user, result, context, schema, ungrounded."""
    return Counter(source.source for conversation in conversations for source in conversation.provenance)


def list_used_edges(messages: Iterable[Message], provenance: Iterable[ArgumentSource]) -> set[tuple[str, str]]:
    """Lists the pairs of tools of which the second took an argument from a result of the first."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    return {
        (names[source.from_call], names[source.call_id])
        for source in provenance
        if source.source == "result" and source.from_call in names
    }
