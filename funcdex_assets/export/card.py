"""The dataset card: what is in a release, how it was made, and how to load it.

Its YAML head gives `datasets.load_dataset` the column types. Arguments and tools are of type `Json`
there: as plain structs, Arrow would give every call the arguments of all others, filled with nulls.
"""

from collections import Counter
from collections.abc import Sequence

from funcdex_assets.records import DatasetRow

_HEAD = """---
license: mit
task_categories: [text-generation]
tags: [function-calling, tool-use, multi-turn, synthetic]
configs:
- config_name: default
  data_files:
  - split: train
    path: train.jsonl
  - split: test
    path: test.jsonl
dataset_info:
  config_name: default
  features:
  - name: id
    dtype: string
  - name: partition
    dtype: string
  - name: messages
    list:
    - name: role
      dtype: string
    - name: content
      dtype: string
    - name: reasoning_content
      dtype: string
    - name: tool_calls
      list:
      - name: id
        dtype: string
      - name: type
        dtype: string
      - name: function
        struct:
        - name: name
          dtype: string
        - name: arguments
          dtype: json
    - name: tool_call_id
      dtype: string
    - name: name
      dtype: string
  - name: tools
    list:
      dtype: json
  - name: clarity
    dtype: string
  - name: chain_id
    dtype: string
  - name: cluster_id
    dtype: string
---
"""


def dataset_card(name: str, release: str, rows: Sequence[DatasetRow]) -> str:
    splits = Counter(row.split for row in rows)
    partitions = Counter(row.partition for row in rows)
    tools = Counter(
        call["function"]["name"] for row in rows for message in row.messages for call in message.get("tool_calls", ())
    )
    calls = sum(row.calls for row in rows)
    count = max(1, len(rows))
    table = "\n".join(f"| {partition} | {number} |" for partition, number in partitions.items())
    busiest = ", ".join(f"`{tool}` ({number})" for tool, number in tools.most_common(8))
    return f"""{_HEAD}
# {name}: multi-turn function calling

Release `{release}`: {len(rows)} conversations between a user and an assistant that calls tools, synthesised
from tool definitions. {splits["train"]} train, {splits["test"]} test. Test conversations are reserved: no tool
chain and no scenario cluster of the test split occurs in the train split.

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
text = tokenizer.apply_chat_template(dataset["train"][0]["messages"], tools=dataset["train"][0]["tools"], tokenize=False)
```

Columns: `messages` (OpenAI messages; `arguments` are objects; the first message is the system prompt), `tools`
(OpenAI function definitions), `clarity`, `chain_id`, `cluster_id`, `partition`, `id`. The Parquet files hold the same
rows with `messages` and `tools` as JSON text.
"""
