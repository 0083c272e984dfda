"""Experiments: the same pipeline run once for each value of a setting, with figures of the outcomes side by side.

Each *arm* runs in a home and in a process of its own, so that it begins with no memory of other nights and
leaves the project's data alone. The figures are read from its tables and describe the accepted conversations, never
the plans.

>>> [arm.name for arm in parse_arms("generation.max_calls=4,8")]
['generation.max_calls=4', 'generation.max_calls=8']
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import yaml

from funcdex_assets.records import exit_codes
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.suggestions import suggest_name
from funcdex_assets.reports.collected import TABLES, Collected, collect_tables
from funcdex_assets.reports.figures import compute_figures
from funcdex_assets.reports.stage_counts import count_calls_by_tool, list_used_edges
from funcdex_assets.settings.env_file import CONFIG_VARIABLE
from funcdex_assets.settings.section import find_section
from funcdex_assets.settings.settings import Settings
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
    """Counts over the accepted conversations of one arm, over all its nights: read them after everything is collected.

    Tools and pairs of tools are named with their partition.
    """

    collected: Collected = field(default_factory=Collected)
    seconds: float = 0.0

    @property
    def accepted(self) -> int:
        return len(self.collected.accepted)

    @property
    def duplicates(self) -> int:
        """The candidate scenarios that were dropped because they repeat another."""
        return self.collected.yields["candidates"] - self.collected.yields["kept"]

    @cached_property
    def tools(self) -> Counter[str]:
        """The calls of each tool."""
        return Counter(
            f"{example.partition}:{name}"
            for example in self.collected.accepted
            for name in count_calls_by_tool([example.messages]).elements()
        )

    @cached_property
    def edges(self) -> Counter[str]:
        """The conversations in which one tool takes an argument from another's result, by pair of tools."""
        return Counter(
            f"{example.partition}:{source}>{target}"
            for example in self.collected.accepted
            for source, target in list_used_edges(example.messages, example.conversation.provenance)
        )

    @cached_property
    def sequences(self) -> set[tuple[str, ...]]:
        """The different sequences of tools, each after its partition."""
        return {
            (example.partition, *(call.name for message in example.messages for call in message.tool_calls))
            for example in self.collected.accepted
        }

    @cached_property
    def word_pairs(self) -> Counter[tuple[str, str]]:
        """Neighbouring words of the users."""
        return Counter(
            pair
            for example in self.collected.accepted
            for message in example.messages
            if message.role == "user"
            for pair in pairwise((message.content or "").lower().split())
        )

    @cached_property
    def quality_figures(self) -> dict[str, float]:
        """The figures of the quality report."""
        return {figure.figure: figure.value for figure in compute_figures(self.collected) if not figure.item}


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
    "share accepted": lambda counts: _compute_quotient(counts.accepted, counts.collected.played),
    "calls per conversation": lambda counts: _compute_quotient(counts.tools.total(), counts.accepted),
    "tools covered, of all": lambda counts: _compute_quotient(len(counts.tools), len(counts.collected.tools)),
    "entropy of tools, bits": lambda counts: entropy(counts.tools),
    "  as a share of the highest": lambda counts: evenness(counts.tools, len(counts.collected.tools)),
    "variation of tools (lower is more even)": lambda counts: coefficient_of_variation(
        counts.tools, len(counts.collected.tools)
    ),
    "pairs of tools covered, of all in the graph": lambda counts: _compute_quotient(
        len(counts.edges), len(counts.collected.edges)
    ),
    "entropy of pairs, bits": lambda counts: entropy(counts.edges),
    "different sequences of tools": lambda counts: len(counts.sequences),
    "entropy of patterns, bits": lambda counts: entropy(
        Counter(example.pattern for example in counts.collected.accepted)
    ),
    "entropy of lines of business, bits": lambda counts: entropy(
        Counter(example.participants.situation.scenario.industry for example in counts.collected.accepted)
    ),
    "scenarios dropped as duplicates": lambda counts: _compute_quotient(
        counts.duplicates, counts.collected.yields["candidates"]
    ),
    "distinct pairs of words of the users": lambda counts: _compute_quotient(
        len(counts.word_pairs), counts.word_pairs.total()
    ),
    **{name: lambda counts, name=name: counts.quality_figures[name] for name in QUALITY},
    "tool use quality, mean": lambda counts: _compute_quotient(
        sum(example.score for example in counts.collected.accepted), counts.accepted
    ),
    "seconds": lambda counts: counts.seconds,
}
"""The figures that are compared, in the order in which they are shown."""


def parse_arms(setting: str) -> list[Arm]:
    """Parses `section.field=A,B` into one arm per value.

    >>> [(arm.name, dict(arm.environment)) for arm in parse_arms("generation.steering=on,off")][1]
    ('generation.steering=off', {'FUNCDEX_GENERATION__STEERING': 'off'})

    Raises:
        ExperimentError: the text is not written so, has one value only, or names no field of the settings.
    """
    name, equals, values = setting.partition("=")
    variable = "FUNCDEX_" + "__".join(name.strip().split(".")).upper()
    alternatives = split_values(values)
    if not equals or len(alternatives) < 2:
        raise ExperimentError(
            f"{setting!r} names no values to compare; write FIELD=A,B, such as generation.max_calls=4,8, and lists "
            "in brackets: contamination.remove=[names],[names,schemas]"
        )
    _refuse_unknown_field(name.strip())
    return [Arm(f"{name.strip()}={value}", {variable: _write_for_environment(value)}) for value in alternatives]


def split_values(values: str) -> list[str]:
    """Splits at the commas that stand in no brackets and no quotes.

    >>> split_values("minilm, hashed_ngrams")
    ['minilm', 'hashed_ngrams']
    >>> split_values("[a, b],[c],{gmail: 'x, y'}")
    ['[a, b]', '[c]', "{gmail: 'x, y'}"]
    """
    parts, depth, quote = [""], 0, ""
    for character in values:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and (depth or not parts[-1].strip()):
            quote = character
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        if character == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def _write_for_environment(value: str) -> str:
    """Writes a list or mapping of YAML as the JSON that an environment variable takes; other values as they are.

    Raises:
        ExperimentError: it opens a bracket and is no YAML.
    """
    if not value.startswith(("[", "{")):
        return value
    try:
        return msgspec.json.encode(yaml.safe_load(value)).decode()
    except yaml.YAMLError:
        raise ExperimentError(f"{value!r} is no list or mapping; write one such as [a, b] or {{a: 1}}") from None


def _refuse_unknown_field(name: str) -> None:
    fields: Mapping[str, Any] = Settings.model_fields
    for step in name.split("."):
        if step not in fields:
            raise ExperimentError(
                f"{name!r} is no field of funcdex.yaml{suggest_name(step, fields)}; there may stand {', '.join(fields)}"
            )
        section = find_section(fields[step].annotation)
        fields = {} if section is None else section.model_fields


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
            store = TableStore(home)
            tables = {name: store.read_frame(name, partition) for name in TABLES}
            counts.collected.add_partition(collect_tables(partition, tables))
        advanced()
    return counts


def _run_pipeline(
    arm: Arm, settings: Settings, partitions: Sequence[str], conversations: int, seed: int, home: Path
) -> None:
    command = [sys.executable, "-m", "funcdex_assets.cli", "materialize", *partitions]
    # What comes of a setting is counted, however little it is.
    command += ["--conversations", str(conversations), "--seed", str(seed), "--allow-shrink"]
    home_variable = {"FUNCDEX_HOME": str(home)}
    config = {CONFIG_VARIABLE: os.environ.get(CONFIG_VARIABLE) or str(settings.file)}
    environment = {**os.environ, **config, **home_variable, **arm.environment}
    returncode, output = _run_to_its_end(command, environment)
    if returncode not in (0, exit_codes.SHORTFALL):  # less than was wanted is also a figure to compare
        raise ExperimentError(f"{arm.name}, seed {seed}: {output.strip()[-800:]}")


def _run_to_its_end(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Runs a command, and kills it if this process is told to end; returns its exit code and all that it printed."""
    with ExitStack() as ending:
        with _holding_signals(signal.SIGTERM, signal.SIGINT):
            process = subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            ending.enter_context(process)
            ending.callback(process.kill)
        output, _ = process.communicate()
        return process.returncode, output


@contextmanager
def _holding_signals(*numbers: signal.Signals) -> Iterator[None]:
    """Delivers signals that come meanwhile at the end: a handler that raises inside Popen would lose the child."""
    arrived: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _: arrived.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in arrived:
            signal.raise_signal(number)


def _compute_quotient(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else 0.0


def list_calls_per_tool(counts: Counts) -> list[int]:
    """Lists the number of calls of every tool, including tools that were never called."""
    return [counts.tools[tool] for tool in sorted(counts.collected.tools)]
