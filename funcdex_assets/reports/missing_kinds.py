"""Explains why a kind of conversations that was asked for is in a dataset not once.

Belongs here: following a kind from the wanted share through the tables of the stages to the first one that has none of
it, which gives the reason and the remedy. A kind of which there are some, though fewer than wanted, is not missing.

    explain_missing_kinds(settings.generation.kinds, 25, frames)
    # {"ask_back": "4 % of 25 conversations wanted; no chain of calls for it was drawn with these tools; it takes …"}
"""

from collections import Counter
from collections.abc import Mapping
from math import ceil

import polars as pl

from funcdex_assets.records.kinds import KINDS, count_conversations_per_cell
from funcdex_assets.records.labels import Kind
from funcdex_assets.reports.stage_counts import count_rejections

KIND_TABLES = ("tool_chains", "deduplicated_scenarios", "conversation_plans", "conversations", "rejected_conversations")
"""The tables that a kind is followed through, beside `dataset`."""

_MOST_REASONS = 3
_FEW = 5

# What the tools must have, so that a chain of calls can be drawn (see `tool_graph/chains.py`).
_NEEDS: Mapping[Kind, str] = {
    "multi_step": "tools whose results fill arguments of others, three calls in a row: declare results under 'returns'",
    "long_context": "tools for several goals of two calls or more, and a late call that uses the first result: declare "
    "results under 'returns', or add tools",
    "simple": "a tool that needs no id: make an id optional, or add a tool that lists",
    "parallel": "two tools that need no id, or one that lists what another takes: add a tool that lists",
    "no_suitable_tool": "tools of different verbs, so that something can be asked for that the tools on offer cannot "
    "do: add a tool that does something else",
    "ask_back": "a tool that requires what only the user knows: list it under 'required'",
    "missing_function": "a tool that needs no id: make an id optional, or add a tool that lists",
    "error_recovery": "a tool that needs no id: make an id optional, or add a tool that lists",
    "command": "a plain tool: one that declares no result, and of which people can say all that it requires",
    "single_turn": "a tool that needs no id and declares its result, or of which people can say all that it requires",
}


def explain_missing_kinds(
    weights: Mapping[Kind, float], conversations: int, frames: Mapping[str, pl.DataFrame]
) -> dict[str, str]:
    """Explains, by kind, why none of it is in the dataset although it has a weight.

    `frames` holds `dataset` and, of `KIND_TABLES`, those that there are; `conversations` were asked for in all.
    """
    published = Counter(frames["dataset"]["kind"].to_list())
    missing: list[Kind] = [kind for kind in KINDS if weights.get(kind, 0) > 0 and not published[kind]]
    total = sum(weights.values())
    return {
        str(kind): f"{_format_share(weights[kind] / total)} of {conversations:,} conversations wanted; "
        + _explain_missing_kind(kind, weights, conversations, frames)
        for kind in missing
    }


def explain_kinds_missing_everywhere(
    weights: Mapping[Kind, float], made: Mapping[str, int], by_partition: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """Explains, by kind, why none of it is in a release over all partitions, of which `made` counts the kinds.

    `by_partition` has the reasons of each partition; a kind that some partition has, and that was left out of the
    release, is named without one.
    """
    missing = [kind for kind in KINDS if weights.get(kind, 0) > 0 and not made.get(kind)]
    explained: dict[str, str] = {}
    for kind in missing:
        reasons = Counter(reasons[kind] for reasons in by_partition.values() if kind in reasons)
        explained[str(kind)] = "; ".join(reason for reason, _ in reasons.most_common(_MOST_REASONS)) or (
            "those of the partitions were left out of the release; left_out.jsonl says why"
        )
    return explained


def _explain_missing_kind(
    kind: Kind, weights: Mapping[Kind, float], conversations: int, frames: Mapping[str, pl.DataFrame]
) -> str:
    wanted_counts = count_conversations_per_cell(conversations, 0, weights, KINDS)
    if not wanted_counts.get((kind, False)):
        enough = ceil(sum(weights.values()) / weights[kind])
        return f"that is less than one; ask for {enough:,} or more, or raise generation.kinds.{kind}"
    if "tool_chains" in frames and not (frames["tool_chains"]["kind"] == kind).any():
        # Of few conversations, all may be looked for on the side of the split that has no such chain.
        more = "; where the tools have that, ask for more conversations" if wanted_counts[kind, False] < _FEW else ""
        return f"no chain of calls for it was drawn with these tools; it takes {_NEEDS[kind]}{more}"
    if "deduplicated_scenarios" in frames:
        scenarios = frames["deduplicated_scenarios"].filter(pl.col("kind") == kind)
        kept_count = int((scenarios["status"] == "kept").sum())
        if not kept_count:
            repeated = f"all {scenarios.height:,} situations repeat others" if scenarios.height else "no situation"
            return f"{repeated}; raise generation.oversample, or add tools, so that situations differ more"
        if "conversation_plans" in frames and not (frames["conversation_plans"]["kind"] == kind).any():
            return (
                f"none of {kept_count:,} situations could be planned; what conversation_plans left out, with reasons, "
                "is in the folder left_out of the project's home"
            )
    return _explain_rejections(kind, frames)


def _explain_rejections(kind: Kind, frames: Mapping[str, pl.DataFrame]) -> str:
    """Says what became of the conversations that were planned: none was made, all were rejected, or left out later."""
    if not {"conversation_plans", "conversations"} <= set(frames):
        return "read the stages' metadata in Dagster for the reason"
    plans = frames["conversation_plans"].filter(pl.col("kind") == kind).select("plan_id")
    played = frames["conversations"].select("conversation_id", "plan_id").join(plans, on="plan_id", how="semi")
    if played.is_empty():
        return f"none of {plans.height:,} plans was played; make the conversations again"
    if "rejected_conversations" in frames:
        rejected = frames["rejected_conversations"].join(played, on="conversation_id", how="semi")
        if rejected.height == played.height:
            reasons = count_rejections(rejected).most_common(_MOST_REASONS)
            most = ", ".join(f"{reason} {count:,}" for reason, count in reasons)
            return f"all {played.height:,} that were made were rejected ({most}); raise generation.reserve"
    return (
        f"of {played.height:,} that were made, none is left after repetitions and the split; left_out.jsonl in the "
        "release says why; raise generation.oversample"
    )


def _format_share(share: float) -> str:
    return f"{100 * share:.3g} %"
