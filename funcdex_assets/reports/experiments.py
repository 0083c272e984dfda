"""Experiments: the same pipeline run once for each value of a setting, with figures of the outcomes side by side.

Each *arm* runs in a home and in a process of its own, so that it begins with no memory of other nights and
leaves the project's data alone. The figures are read from its tables and describe the accepted conversations, never
the plans.

>>> [arm.name for arm in parse_arms("generation.max_calls=4,8")]
['generation.max_calls=4', 'generation.max_calls=8']
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.tool import ToolEdge
from funcdex_assets.records.verdict import ScoredConversation
from funcdex_assets.reports.collected import TABLES, Collected, collect_tables
from funcdex_assets.reports.figures import compute_figures
from funcdex_assets.settings.settings import CONFIG_VARIABLE, Settings
from funcdex_assets.storage.frames import from_frame
from funcdex_assets.storage.table_store import TableStore
from funcdex_assets.tool_graph.coverage import coefficient_of_variation, entropy, evenness


class ExperimentError(UserError, RuntimeError):
    """An arm did not run; the message has the end of what it printed."""


@dataclass(frozen=True)
class Arm:
    """A name to show, and the environment variables that make the difference."""

    name: str
    environment: Mapping[str, str]


@dataclass
class Counts:
    """Counts over the accepted conversations of one arm, over all its nights."""

    accepted: int = 0
    played: int = 0
    calls: int = 0
    score: int = 0
    candidates: int = 0
    duplicates: int = 0
    seconds: float = 0.0
    tools: Counter[str] = field(default_factory=Counter)
    edges: Counter[str] = field(default_factory=Counter)
    sequences: Counter[tuple[str, ...]] = field(default_factory=Counter)
    patterns: Counter[str] = field(default_factory=Counter)
    domains: Counter[str] = field(default_factory=Counter)
    words: Counter[tuple[str, str]] = field(default_factory=Counter)
    all_tools: set[str] = field(default_factory=set)
    all_edges: set[str] = field(default_factory=set)
    quality: Collected = field(default_factory=Collected)

    @cached_property
    def quality_figures(self) -> dict[str, float]:
        """The figures of the quality report over all nights; computed once, so read it after everything is counted."""
        return {figure.figure: figure.value for figure in compute_figures(self.quality) if not figure.item}


QUALITY = (
    "valid calls",
    "grounded arguments",
    "stated values that the call contradicts",
    "echoed ids that differ",
    "with parallel calls",
    "with an error or empty result",
    "failed, then succeeded",
    "without any call",
    "distinct-2 of user turns",
    "self-BLEU of user turns",
    "unique first messages, per 1,000",
    "most frequent sentence skeleton, user",
    "copies once ids, digits and quotes are masked",
)
"""Figures of the quality report that are compared."""

FIGURES: Mapping[str, Callable[[Counts], float]] = {
    "conversations accepted": lambda counts: counts.accepted,
    "share accepted": lambda counts: _compute_quotient(counts.accepted, counts.played),
    "calls per conversation": lambda counts: _compute_quotient(counts.calls, counts.accepted),
    "tools covered, of all": lambda counts: _compute_quotient(len(counts.tools), len(counts.all_tools)),
    "entropy of tools, bits": lambda counts: entropy(counts.tools),
    "  as a share of the highest": lambda counts: evenness(counts.tools, len(counts.all_tools)),
    "variation of tools (lower is more even)": lambda counts: coefficient_of_variation(
        counts.tools, len(counts.all_tools)
    ),
    "pairs of tools covered, of all in the graph": lambda counts: _compute_quotient(
        len(counts.edges), len(counts.all_edges)
    ),
    "entropy of pairs, bits": lambda counts: entropy(counts.edges),
    "different sequences of tools": lambda counts: len(counts.sequences),
    "entropy of patterns, bits": lambda counts: entropy(counts.patterns),
    "entropy of lines of business, bits": lambda counts: entropy(counts.domains),
    "scenarios dropped as duplicates": lambda counts: _compute_quotient(counts.duplicates, counts.candidates),
    "distinct pairs of words of the users": lambda counts: _compute_quotient(len(counts.words), counts.words.total()),
    **{name: lambda counts, name=name: counts.quality_figures[name] for name in QUALITY},
    "tool use quality, mean": lambda counts: _compute_quotient(counts.score, counts.accepted),
    "seconds": lambda counts: counts.seconds,
}
"""The figures that are compared, in the order in which they are shown."""


def parse_arms(setting: str) -> list[Arm]:
    """Parses `section.field=A,B` into one arm per value.

    >>> [(arm.name, dict(arm.environment)) for arm in parse_arms("generation.steering=on,off")][1]
    ('generation.steering=off', {'FUNCDEX_GENERATION__STEERING': 'off'})

    Raises:
        ExperimentError: the text is not written so, or has one value only.
    """
    name, equals, values = setting.partition("=")
    variable = "FUNCDEX_" + "__".join(name.strip().split(".")).upper()
    alternatives = [value.strip() for value in values.split(",") if value.strip()]
    if not equals or len(alternatives) < 2:
        raise ExperimentError(
            f"{setting!r} names no values to compare; write FIELD=A,B, such as generation.max_calls=4,8"
        )
    return [Arm(f"{name.strip()}={value}", {variable: value}) for value in alternatives]


def run_arm(
    arm: Arm,
    settings: Settings,
    partitions: Sequence[str],
    conversations: int,
    nights: int,
    home: Path,
    advanced: Callable[[], None] = lambda: None,
) -> Counts:
    """Runs the pipeline `nights` times in `home`, with the seeds that follow the settings' own, and counts the outcome.

    Raises:
        ExperimentError: a run failed.
    """
    counts = Counts()
    for night in range(nights):
        started = time.monotonic()
        _run_pipeline(arm, settings, partitions, conversations, settings.seed + night, home)
        counts.seconds += time.monotonic() - started
        for partition in partitions:
            _count_partition(counts, TableStore(home), partition)
        advanced()
    return counts


def _run_pipeline(
    arm: Arm, settings: Settings, partitions: Sequence[str], conversations: int, seed: int, home: Path
) -> None:
    command = [sys.executable, "-m", "funcdex_assets.cli", "materialize", *partitions]
    command += ["--conversations", str(conversations), "--seed", str(seed)]
    home_variable = {"FUNCDEX_HOME": str(home)}
    config = {CONFIG_VARIABLE: os.environ.get(CONFIG_VARIABLE) or str(settings.file)}
    environment = {**os.environ, **config, **home_variable, **arm.environment}
    completed = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if completed.returncode:
        raise ExperimentError(f"{arm.name}, seed {seed}: {(completed.stdout + completed.stderr).strip()[-800:]}")


def _count_partition(counts: Counts, store: TableStore, partition: str) -> None:
    def read_records(stage: str, record: Any) -> list[Any]:
        return from_frame(store.read_frame(stage, partition), record)

    counts.quality.add_partition(
        collect_tables(partition, {name: store.read_frame(name, partition) for name in TABLES})
    )
    counts.all_tools |= {
        f"{partition}:{name}" for name in store.read_frame("tool_definitions", partition)["name"].to_list()
    }
    counts.all_edges |= {
        f"{partition}:{edge.source_tool}>{edge.target_tool}" for edge in read_records("tool_graph", ToolEdge)
    }
    deduplicated = store.read_frame("deduplicated_scenarios", partition)
    counts.candidates += deduplicated.height
    counts.duplicates += int((deduplicated["status"] == "duplicate").sum())
    counts.played += store.read_frame("conversations", partition).height
    accepted_ids = set(store.read_frame("accepted_conversations", partition)["conversation_id"].to_list())
    scores = {scored.conversation_id: scored for scored in read_records("scored_conversations", ScoredConversation)}
    plans = store.read_frame("conversation_plans", partition).select("plan_id", "scenario_id", "chain_id")
    scenarios = store.read_frame("scenarios", partition).select("scenario_id", "industry")
    chains = store.read_frame("tool_chains", partition).select("chain_id", "pattern")
    plan_rows = {
        row["plan_id"]: row for row in plans.join(scenarios, on="scenario_id").join(chains, on="chain_id").to_dicts()
    }
    for conversation in read_records("conversations", Conversation):
        if conversation.conversation_id in accepted_ids:
            counts.accepted += 1
            counts.score += scores[conversation.conversation_id].tool_use_quality or 0
            counts.patterns[plan_rows[conversation.plan_id]["pattern"]] += 1
            counts.domains[plan_rows[conversation.plan_id]["industry"]] += 1
            _count_conversation(counts, partition, conversation)


def _count_conversation(counts: Counts, partition: str, conversation: Conversation) -> None:
    names = {call.id: call.name for message in conversation.messages for call in message.tool_calls}
    counts.calls += len(names)
    counts.tools.update(f"{partition}:{name}" for name in names.values())
    counts.sequences[partition, *names.values()] += 1
    counts.edges.update(
        {
            f"{partition}:{names[source.from_call]}>{names[source.call_id]}"
            for source in conversation.provenance
            if source.source == "result" and source.from_call in names
        }
    )
    for message in conversation.messages:
        if message.role == "user":
            counts.words.update(pairwise((message.content or "").lower().split()))


def _compute_quotient(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else 0.0


def list_calls_per_tool(counts: Counts) -> list[int]:
    """Lists the number of calls of every tool, including tools that were never called."""
    return [counts.tools[tool] for tool in sorted(counts.all_tools)]
