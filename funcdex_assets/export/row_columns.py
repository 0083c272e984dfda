"""Defines the columns of a published row: their names in the files, their types, what they mean and their range.

Belongs here: one `RowColumn` per key of a line of `train.jsonl`. Add a column here and to `records/dataset.DatasetRow`
when rows shall say more; the card's head, its table and the lines follow. Where a value is from is in `row_facts.py`.

>>> [column.name for column in OWN_ROW_COLUMNS]
['source', 'weight']
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from funcdex_assets.contracts.column_descriptions import describe_column
from funcdex_assets.records.chain_patterns import Pattern
from funcdex_assets.records.labels import Clarity, Kind, RoleName
from funcdex_assets.records.verdict import SCALES

_STRING, _INTEGER, _NUMBER, _JSON = "dtype: string", "dtype: int64", "dtype: float64", "dtype: json"
_JSON_LIST = "list:\n      dtype: json"
_MODELS = "list:\n    - name: role\n      dtype: string\n    - name: model\n      dtype: string"


@dataclass(frozen=True)
class RowColumn:
    """A column of a published row. `feature` is its type as `datasets` writes it in a card's head; `meaning` is empty
    where it is that of the column of the table `dataset`.
    """

    name: str
    feature: str
    range: str
    meaning: str = ""

    def describe(self) -> str:
        """Describes the column in words."""
        return self.meaning or describe_column("dataset", self.name) or ""

    def render_feature(self) -> str:
        """Renders the column's entry in the card's head."""
        return f"  - name: {self.name}\n    {self.feature}\n"


def _list_names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


# `messages` and `tools` are of type `Json`: as plain structs, Arrow would give every call the arguments of all others,
# and every message a null `tool_calls`, which chat templates that test `'tool_calls' in message` (Llama 3.1's) take for
# a call. `models` is a list and no object: of an object with a key per role, the roles that were not asked would be
# null, and `load_dataset("json", data_files=…)`, which guesses the types from the lines, fails where a role was asked
# in one split only. Read it by `{model["role"]: model["model"] for model in row["models"]}`.
ROW_COLUMNS = (
    RowColumn("id", _STRING, "unique", "id of the conversation, or of a team's own row"),
    RowColumn("partition", _STRING, "a toolkit's or bundle's name"),
    RowColumn(
        "messages",
        _JSON_LIST,
        "roles `system`, `user`, `assistant`, `tool`",
        "all messages in OpenAI's form; `arguments` are objects, the first message is the system prompt",
    ),
    RowColumn("tools", _JSON_LIST, "at least one", "definitions of the tools on offer in OpenAI's form"),
    RowColumn("clarity", _STRING, _list_names(get_args(Clarity))),
    RowColumn("kind", _STRING, _list_names(get_args(Kind))),
    RowColumn("chain_id", _STRING, "in one split only"),
    RowColumn("cluster_id", _STRING, "in one split only"),
    RowColumn(
        "turn_verdicts",
        _JSON_LIST,
        "one per turn, `score` 1 to 5",
        "for messages `first` to `last`, whether they are fit to train on; a trainer masks the assistant messages of a "
        "turn that is not `ok`",
    ),
    RowColumn(
        "step_trace",
        _JSON_LIST,
        "one per call",
        "the source of each argument of a call, the calls that it depends on, and what it makes good",
    ),
    RowColumn(
        "certificate",
        _JSON,
        "an object; null where the calls cannot be executed again, as where a model made the results",
        "with which `funcdex replay` executes the calls again",
    ),
    *(RowColumn(scale, _INTEGER, "1 to 5") for scale in SCALES),
    RowColumn("overall", _NUMBER, "1.0 to 5.0, halves rounded up"),
    RowColumn("judge", _STRING, "`offline`, or profile and model; of a committee, all judges"),
    RowColumn("judge_reasoning", _STRING, "at most 600 characters"),
    RowColumn("seed", _INTEGER, "0 or more"),
    RowColumn("pattern", _STRING, _list_names(get_args(Pattern))),
    RowColumn("toolkits", "list: string", "at least one"),
    RowColumn("strategy", _STRING, "`simulate`, `hybrid`, `one_shot`"),
    RowColumn("engine", _STRING, "`offline`, or profile and model, in brackets the roles that others played"),
    RowColumn("models", _MODELS, f"roles {_list_names(get_args(RoleName))}"),
    RowColumn("attempts", _INTEGER, "1 or more"),
    RowColumn("repairs", _INTEGER, "0 to `attempts` - 1"),
)
OWN_ROW_COLUMNS = (
    RowColumn("source", _STRING, "`generated`, `own`", "whether the row was generated or given by a team"),
    RowColumn("weight", _NUMBER, "above 0", "how much it is meant to count beside a generated row, which counts 1"),
)
"""The columns that all rows have besides if some are a team's own."""
