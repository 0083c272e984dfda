"""Renders the dataset card: what is in a release, how it was made, and how to load it.

Belongs here: the text of the card. Writing it beside the data belongs to `release.py`.

Its YAML head gives `datasets.load_dataset` the files and the column types. Messages and tools are of type
`Json` there: as plain structs, Arrow would give every call the arguments of all others, and every message
a null `tool_calls`, which chat templates that test `'tool_calls' in message` (Llama 3.1's) take for a call.
"""

from collections import Counter
from collections.abc import Sequence

from funcdex_assets.records.dataset import DatasetRow, LeftOut

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
  - name: id
    dtype: string
  - name: partition
    dtype: string
  - name: messages
    list:
      dtype: json
  - name: tools
    list:
      dtype: json
  - name: clarity
    dtype: string
  - name: kind
    dtype: string
  - name: chain_id
    dtype: string
  - name: cluster_id
    dtype: string
  - name: turn_verdicts
    list:
      dtype: json
  - name: step_trace
    list:
      dtype: json
  - name: certificate
    dtype: json
---
"""


def render_dataset_card(name: str, release: str, rows: Sequence[DatasetRow], left_out: Sequence[LeftOut] = ()) -> str:
    """Renders the README of a release of dataset `name`: YAML head, counts per partition, columns, how to verify."""
    splits = Counter(row.split for row in rows)
    # A split without rows is left out of the head: `load_dataset` refuses a file without rows.
    data_files = "\n".join(f"  - split: {split}\n    path: {split}.jsonl" for split in SPLITS if splits[split])
    partitions = Counter(row.partition for row in rows)
    tools = Counter(
        call["function"]["name"] for row in rows for message in row.messages for call in message.get("tool_calls", ())
    )
    calls = sum(row.calls for row in rows)
    count = max(1, len(rows))
    table = "\n".join(f"| {partition} | {number} |" for partition, number in partitions.items())
    busiest = ", ".join(f"`{tool}` ({number})" for tool, number in tools.most_common(8))
    notes = _render_reserved_functions(rows) + _render_left_out(left_out)
    return f"""{_YAML_HEAD.format(data_files=data_files)}
# {name}: multi-turn function calling

Release `{release}`: {len(rows)} conversations between a user and an assistant that calls tools, synthesised
from tool definitions. {splits["train"]} train, {splits["test"]} test. Test conversations are reserved: no tool
chain and no scenario cluster of the test split occurs in the train split.{notes}

| partition | conversations |
|---|---|
{table}

{calls} calls of {len(tools)} tools, {calls / count:.1f} calls and {sum(row.user_turns for row in rows) / count:.1f}
user messages per conversation. Most called: {busiest}.

Every call is valid under its tool's JSON Schema, has its result, and takes each argument from a user message, an
earlier result, the context given in the system prompt, or the schema.

## Load

```python
from datasets import load_dataset
dataset = load_dataset("path/to/{release}")
first = dataset["train"][0]
text = tokenizer.apply_chat_template(first["messages"], tools=first["tools"], tokenize=False)
```

Columns: `messages` (OpenAI messages; `arguments` are objects; the first message is the system prompt), `tools`
(OpenAI function definitions), `clarity`, `kind`, `chain_id`, `cluster_id`, `partition`, `id`, `turn_verdicts`: one per
turn, for messages `first` to `last` (a trainer masks the assistant messages of a turn that is not `ok`), `step_trace`:
one per call, with the source of each argument, the calls that it depends on, and what it makes good, and
`certificate`. The Parquet files hold the same rows with `messages`, `tools` and `certificate` as JSON text.

## Verify

The results are by a simulated service with a state. A `certificate` holds its seed, a hash of its final state, who
asked, and the response schemas of the tools that were called; where a model made the results, it is null. With
`funcdex-assets` installed and nothing beside the file, this executes every call again and compares every result:

```sh
funcdex replay --file train.jsonl
```
"""


def _render_reserved_functions(rows: Sequence[DatasetRow]) -> str:
    """Renders the sentence on functions that only the test split calls; empty if there are none."""
    names = sorted({name for row in rows for name in row.reserved_functions})
    return f" {len(names)} functions are called in the test split only." if names else ""


def _render_left_out(left_out: Sequence[LeftOut]) -> str:
    """Renders the sentence on conversations that are left out, with their number per rule; empty if there are none."""
    rules = Counter(exclusion.rule.replace("_", " ") for exclusion in left_out)
    counts = ", ".join(f"{number} {rule}" for rule, number in sorted(rules.items()))
    return (
        f"\n{len(left_out)} accepted conversations are left out ({counts}); `left_out.jsonl` says why." if rules else ""
    )
