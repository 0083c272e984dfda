"""Renders the dataset card: what is in a release, how it was made, and how to load it.

Belongs here: the text of the card. Writing it beside the data belongs to `release.py`.

Its YAML head gives `datasets.load_dataset` the files and the column types, which are in `row_columns.py`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import floor
from types import MappingProxyType
from typing import Any

from funcdex_assets.catalog.definition_gaps import count_given_arguments
from funcdex_assets.export.row_columns import OWN_ROW_COLUMNS, ROW_COLUMNS, RowColumn
from funcdex_assets.records.dataset import DatasetRow, LeftOut, OwnRow
from funcdex_assets.records.feedback import Weakness
from funcdex_assets.records.openai_messages import parse_openai_tools
from funcdex_assets.records.tool import Tool
from funcdex_assets.records.verdict import HIGHEST_SCORE, SCALES
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.tool_graph.feedback import hash_weaknesses

SPLITS = ("train", "test")
_YAML_HEAD = """---
license: mit
task_categories: [text-generation]
tags: [function-calling, tool-use, multi-turn, synthetic]
configs:
- config_name: default
  data_files:
{data_files}
dataset_info:
  config_name: default
  features:
{features}---
"""
_HALF_POINTS = 2


def render_dataset_card(
    name: str,
    release: str,
    rows: Sequence[DatasetRow],
    left_out: Sequence[LeftOut] = (),
    missing_kinds: Mapping[str, str] = MappingProxyType({}),
    *,
    own_rows: Sequence[OwnRow] = (),
    policies: Mapping[str, str] = MappingProxyType({}),
    feedback: Mapping[str, Sequence[Weakness]] = MappingProxyType({}),
) -> str:
    """Renders the README of a release of dataset `name`: YAML head, counts per partition, columns, how to verify.

    `missing_kinds` are the kinds that were asked for and are not in it once, with the reason.
    """
    splits = Counter(row.split for row in rows)
    files = splits + Counter(train=len(own_rows))
    # A split without rows is left out of the head: `load_dataset` refuses a file without rows.
    data_files = "\n".join(f"  - split: {split}\n    path: {split}.jsonl" for split in SPLITS if files[split])
    partitions = Counter(row.partition for row in rows)
    tools = Counter(
        call["function"]["name"] for row in rows for message in row.messages for call in message.get("tool_calls", ())
    )
    calls = sum(row.calls for row in rows)
    count = max(1, len(rows))
    table = "\n".join(f"| {partition} | {number} |" for partition, number in partitions.items())
    busiest = ", ".join(f"`{tool}` ({number})" for tool, number in tools.most_common(8))
    notes = _render_reserved_functions(rows) + _render_left_out(left_out)
    columns = (*ROW_COLUMNS, *OWN_ROW_COLUMNS) if own_rows else ROW_COLUMNS
    features = "".join(column.render_feature() for column in columns)
    return f"""{_YAML_HEAD.format(data_files=data_files, features=features)}
# {name}: multi-turn function calling

Release `{release}`: {len(rows)} conversations between a user and an assistant that calls tools, synthesised
from tool definitions. {splits["train"]} train, {splits["test"]} test. Test conversations are reserved: no tool
chain and no scenario cluster of the test split occurs in the train split.{notes}
{_render_own_rows(own_rows)}{_render_policies(policies)}{_render_feedback(feedback)}
| partition | conversations |
|---|---|
{table}

{calls} calls of {len(tools)} tools, {calls / count:.1f} calls and {sum(row.user_turns for row in rows) / count:.1f}
user messages per conversation. Most called: {busiest}.

{_render_coverage(rows)}{_render_missing_kinds(missing_kinds)}

Every call is valid under its tool's JSON Schema, has its result, and takes each argument from a user message, an
earlier result, the context given in the system prompt, or the schema.

## Load

```python
from datasets import load_dataset
dataset = load_dataset("path/to/{release}")
first = dataset["train"][0]
text = tokenizer.apply_chat_template(first["messages"], tools=first["tools"], tokenize=False)
```

The Parquet files hold the same rows with `messages`, `tools` and `certificate` as JSON text, and the columns
`scenario_id`, `calls`, `user_turns`, `held_out`, `reserved_functions` and `split` besides; there the id is
`conversation_id`.

## Columns

{_render_columns(columns)}

`{{model["role"]: model["model"] for model in row["models"]}}` reads `models` by role. Roles that were not asked are
not in it: tool results are the program's unless there is a `tool_simulator`, or a `conversation_writer`, who writes
them, too.
{_render_scores(rows)}
## Verify

The results are by a simulated service with a state. A `certificate` holds its seed, a hash of its final state, who
asked, and the response schemas of the tools that were called; where a model made the results, it is null. With
`funcdex-assets` installed and nothing beside the file, this executes every call again and compares every result:

```sh
funcdex replay --file train.jsonl
```
"""


def _render_columns(columns: Sequence[RowColumn]) -> str:
    """Renders the table of the columns of a line."""
    lines = [f"| `{column.name}` | {column.describe()} | {column.range} |" for column in columns]
    return "\n".join(["| column | what it is | range |", "|---|---|---|", *lines])


def _render_scores(rows: Sequence[DatasetRow]) -> str:
    """Renders the section on the scores: who gave them, their means, and how many rows have which overall score.

    Empty if no row has scores.
    """
    scored = [row for row in rows if row.overall is not None]
    if not scored:
        return ""
    counts = Counter(floor(_HALF_POINTS * (row.overall or 0)) for row in scored)
    intervals = [_name_interval(step) for step in range(min(counts), max(counts) + 1)]
    distribution = [f"| {interval} | {counts[step]} |" for step, interval in enumerate(intervals, start=min(counts))]
    means = [
        f"| `{scale}` | {sum(getattr(row, scale) for row in scored) / len(scored):.2f} |"
        for scale in (*SCALES, "overall")
    ]
    judges = ", ".join(f"{judge} ({number})" for judge, number in Counter(row.judge for row in scored).most_common())
    return "\n".join(
        [
            "",
            "## Scores",
            "",
            f"Judged by {judges}, each scale from 1 (bad) to 5 (excellent). `overall` is the mean of the four.",
            "",
            "| scale | mean |",
            "|---|---|",
            *means,
            "",
            "| overall | conversations |",
            "|---|---|",
            *distribution,
            "",
        ]
    )


def _name_interval(step: int) -> str:
    """Names the half point that begins at `step` halves; scores have one decimal place.

    >>> _name_interval(9), _name_interval(10)
    ('4.5 to 4.9', '5.0')
    """
    lowest = step / _HALF_POINTS
    return f"{lowest:.1f}" if lowest == HIGHEST_SCORE else f"{lowest:.1f} to {lowest + 0.4:.1f}"


def _render_coverage(rows: Sequence[DatasetRow]) -> str:
    """Renders the list of what the calls use of the tools on offer, each share with its counts.

    A share of nothing was not measured, and is not in it.
    """
    tools: dict[str, Tool] = {}
    calls: list[tuple[str, Mapping[str, Any]]] = []
    traced = values = 0
    for row in rows:
        tools |= {tool.name: tool for tool in parse_openai_tools(row.tools, row.partition)}
        row_calls = [call for message in row.messages for call in message.get("tool_calls") or ()]
        calls += [(call["function"]["name"], call["function"]["arguments"]) for call in row_calls]
        if row.step_trace:
            grounded = {(source.call_id, source.argument) for step in row.step_trace for source in step.sources}
            places = [
                (call["id"], pointer)
                for call in row_calls
                for pointer, _ in list_scalars(call["function"]["arguments"])
                if pointer
            ]
            values += len(places)
            traced += sum(place in grounded for place in places)
    called = {name for name, _ in calls}
    shares = {
        "tools on offer that are called": (len(called & tools.keys()), len(tools)),
        "calls with arguments": (sum(bool(arguments) for _, arguments in calls), len(calls)),
        "arguments of the tools on offer that some call gives": count_given_arguments(tools, calls),
        "values of arguments with a source": (traced, values),
    }
    lines = [f"- {name}: {part:,} of {whole:,}" for name, (part, whole) in shares.items() if whole]
    return "\n".join(lines)


def _render_missing_kinds(missing_kinds: Mapping[str, str]) -> str:
    """Renders the list of kinds that were asked for and are missing; empty if there are none."""
    if not missing_kinds:
        return ""
    lines = [f"- `{kind}`: {reason}" for kind, reason in missing_kinds.items()]
    return "\n".join(["", "", "Kinds of conversations that were asked for, and of which there is not one:", "", *lines])


def _render_reserved_functions(rows: Sequence[DatasetRow]) -> str:
    """Renders the sentence on functions that only the test split calls; empty if there are none."""
    names = sorted({name for row in rows for name in row.reserved_functions})
    return f" {len(names)} functions are called in the test split only." if names else ""


def _render_own_rows(own_rows: Sequence[OwnRow]) -> str:
    """Renders the paragraph on rows of a team's own; empty if there are none."""
    if not own_rows:
        return ""
    counts = Counter((row.partition, row.weight) for row in own_rows)
    listed = ", ".join(f"{count} of {name} with weight {weight:g}" for (name, weight), count in counts.items())
    return f"""
The train split ends with {len(own_rows)} further rows that were not generated but given: {listed}. They are not counted
above or below. In every row the column `source` says `own` or `generated`, and `weight` how much it is meant to count
beside a generated one, which counts 1: draw the rows by it, or repeat them, for no trainer reads it by itself. They
were checked as the generated ones are. A call in them may have no result, at the end or on the way: what came back is
not known. They have no `step_trace` and no `turn_verdicts`, their `kind` is `own`, and `certificate`, the scores and
all that says how a conversation was made are null.
"""


def _render_policies(policies: Mapping[str, str]) -> str:
    """Renders the paragraph on policies that are given with the tools; empty if there are none."""
    if not policies:
        return ""
    listed = ", ".join(f"`{name}` ({len(text):,} characters)" for name, text in policies.items())
    return f"""
The system prompt is the policy text that was given with the tools, word for word, followed by the time and the user, in
{listed}.
"""


def _render_feedback(feedback: Mapping[str, Sequence[Weakness]]) -> str:
    """Renders the paragraph on the figures of an earlier model that steered what was drawn; empty if there are none."""
    listed = ", ".join(
        f"`{name}` (figures `{hash_weaknesses(weaknesses)}`: "
        + ", ".join(f"{count} of {aspect.replace('_', ' ')}s" for aspect, count in _count_aspects(weaknesses).items())
        + ")"
        for name, weaknesses in feedback.items()
        if weaknesses
    )
    if not listed:
        return ""
    return f"""
What an earlier model did badly was drawn more, in {listed}; `feedback.json` has the figures.
"""


def _count_aspects(weaknesses: Sequence[Weakness]) -> Counter[str]:
    return Counter(weakness.aspect for weakness in weaknesses)


def _render_left_out(left_out: Sequence[LeftOut]) -> str:
    """Renders the sentence on conversations that are left out, with their number per rule; empty if there are none."""
    rules = Counter(exclusion.rule.replace("_", " ") for exclusion in left_out)
    counts = ", ".join(f"{number} {rule}" for rule, number in sorted(rules.items()))
    return (
        f"\n{len(left_out)} accepted conversations are left out ({counts}); `left_out.jsonl` says why." if rules else ""
    )
