"""A table's contract: its layout, and the checks that judge its meaning.

Belongs here: the nouns `Table` and `TableCheck`, and the function `check_table`, which finds the rows that break the
contract, and how such rows are put into words or set aside. The contracts themselves are in `stage_tables`;
`trusted_tables` enforces them.

>>> import pandera.polars as pa
>>> class Persona(pa.DataFrameModel):
...     persona_id: str = pa.Field(unique=True)
...     age: int = pa.Field(ge=0)
>>> personas = Table("personas", Persona)
>>> (schema,) = check_table(personas, pl.DataFrame({"persona_id": ["a", "b"], "age": [31, -4]}))
>>> schema.offending_rows.to_dicts()
[{'row': 1, 'persona_id': 'b', 'column': 'age', 'value': '-4', 'rule': 'greater_than_or_equal_to(0)'}]
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from funcdex_assets.records.row_failures import RowFailure

SCHEMA = "schema"
LONGEST_CELL = 200
"""Characters of a cell that is shown."""

_TABLE_WIDE_CONTEXTS = ("DataFrameSchema",)


@dataclass(frozen=True)
class TableCheck:
    """One rule about the meaning of a table.

    `find_offending_rows` gets the table's frame, then the frames of the tables named in `needed_tables` (of the same
    partition), and returns the rows that break the rule, with the columns that explain why; an empty frame means that
    the rule holds. Its first column should identify the row. A check that is not `blocking` tells what somebody may
    want to mend; the table is good as it is.
    """

    name: str
    description: str
    needed_tables: tuple[str, ...]
    find_offending_rows: Callable[..., pl.DataFrame]
    blocking: bool = True


@dataclass(frozen=True)
class Table:
    """The contract that every partition of the stage `name` must satisfy.

    `key` is the column that identifies a row to people; by default it is the layout's first.
    """

    name: str
    model: type[pa.DataFrameModel]
    checks: tuple[TableCheck, ...] = ()
    key: str | None = None

    @property
    def check_names(self) -> tuple[str, ...]:
        """Names of the layout check and of all further checks."""
        return (SCHEMA, *(check.name for check in self.checks))

    @property
    def needed_tables(self) -> tuple[str, ...]:
        """Names of the other tables that the checks compare this one with, each once."""
        names = (name for check in self.checks for name in check.needed_tables)
        return tuple(dict.fromkeys(name for name in names if name != self.name))


@dataclass(frozen=True)
class Judgement:
    """The outcome of one check on one partition."""

    check: str
    description: str
    offending_rows: pl.DataFrame
    blocking: bool = True

    @property
    def passed(self) -> bool:
        return self.offending_rows.is_empty()


def check_table(
    table: Table, frame: pl.DataFrame, needed_frames: Mapping[str, pl.DataFrame] | None = None
) -> list[Judgement]:
    """Checks a frame against the layout, and against the further checks only if the layout holds.

    `needed_frames` has a frame for every name in `table.needed_tables`.
    """
    judgements = [
        Judgement(SCHEMA, f"Every row fits the layout {table.model.__name__}.", find_layout_violations(table, frame))
    ]
    if judgements[0].passed:
        frames = {**(needed_frames or {}), table.name: frame}
        for check in table.checks:
            offending = check.find_offending_rows(frame, *(frames[name] for name in check.needed_tables))
            judgements.append(Judgement(check.name, check.description, offending, check.blocking))
    return judgements


def find_layout_violations(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """Finds the rows and columns that break the layout: row (from 0), the row's key, column, value, rule.

    Row and key are null if a whole column is at fault: missing, unexpected, of a wrong type.
    """
    try:
        table.model.validate(frame, lazy=True)
    except SchemaErrors as error:
        failure_cases = error.failure_cases
    else:
        return pl.DataFrame()
    key = table.key or next(iter(table.model.to_schema().columns))
    violations = failure_cases.select(
        row=pl.col("index").cast(pl.Int64),
        column=pl.when(pl.col("schema_context").is_in(_TABLE_WIDE_CONTEXTS))
        .then(pl.col("failure_case"))
        .otherwise(pl.col("column")),
        value=pl.col("failure_case"),
        rule=pl.col("check"),
    )
    # Where the type is wrong, Pandera also reports each range check that it could not compute.
    mistyped = violations.filter(pl.col("rule").str.starts_with("dtype("))["column"].implode()
    violations = violations.filter(pl.col("rule").str.starts_with("dtype(") | ~pl.col("column").is_in(mistyped))
    keys = frame[key].cast(pl.String, strict=False) if key in frame.columns else pl.Series([], dtype=pl.String)
    row_keys = pl.DataFrame({"row": pl.Series(range(len(keys)), dtype=pl.Int64), key: keys})
    keyed_violations = violations.join(row_keys, on="row", how="left", maintain_order="left")
    return keyed_violations.select("row", key, "column", "value", "rule").sort("row", maintain_order=True)


def describe_broken(stage: str, partition: str, broken: Sequence[Judgement]) -> str:
    """One line: which check, how many rows, and the first of them.

    >>> rows = pl.DataFrame({"row": [3], "tool": ["SEND_FAX"]})
    >>> describe_broken("tool_chains", "gmail", [Judgement("known_tools", "", rows)])
    'tool_chains of gmail breaks known_tools: 1 row, first row=3, tool=SEND_FAX'
    """
    return f"{stage} of {partition} breaks " + "; ".join(
        f"{judgement.check}: {count_rows(judgement.offending_rows)}, "
        f"first {_describe_first_row(judgement.offending_rows)}"
        for judgement in broken
    )


def set_aside_offending_rows(
    table: Table, frame: pl.DataFrame, needed_frames: Mapping[str, pl.DataFrame] | None = None
) -> tuple[pl.DataFrame, list[RowFailure]]:
    """Returns the frame without the rows that break the contract, and these with the first check that each breaks.

    What is not the fault of single rows (a missing column, a row that is lost) stays for the contract to refuse.
    """
    key = table.key or next(iter(table.model.to_schema().columns))
    reasons: dict[str, RowFailure] = {}
    for judgement in check_table(table, frame, needed_frames):
        if judgement.passed or not judgement.blocking or key not in judgement.offending_rows.columns:
            continue
        for row in to_text_cells(judgement.offending_rows.drop_nulls(key)).iter_rows(named=True):
            details = ", ".join(f"{name}={cell}" for name, cell in row.items() if name not in (key, "row"))
            reason = f"breaks {judgement.check}" + (f": {details}" if details else "")
            reasons.setdefault(row[key], RowFailure(subject=row[key], kind=judgement.check, reason=reason))
    present = set(frame[key].cast(pl.String).to_list()) if key in frame.columns else set()
    failures = [failure for subject, failure in reasons.items() if subject in present]
    if not failures:
        return frame, []
    return frame.filter(~pl.col(key).is_in([failure.subject for failure in failures])), failures


def count_rows(frame: pl.DataFrame) -> str:
    """The number of rows in words: `1 row`, `3 rows`."""
    return f"{frame.height} row" + ("" if frame.height == 1 else "s")


def _describe_first_row(frame: pl.DataFrame) -> str:
    record = to_text_cells(frame.head(1), longest=120).row(0, named=True)
    return ", ".join(f"{name}={value}" for name, value in record.items())


def to_text_cells(frame: pl.DataFrame, longest: int = LONGEST_CELL) -> pl.DataFrame:
    """Every cell as text that fits into a table."""

    def cut_text(value: Any) -> str:
        written = str(value)
        return written if len(written) <= longest else written[: longest - 1] + "…"

    return pl.DataFrame(
        {name: [cut_text(value) for value in frame[name].to_list()] for name in frame.columns},
        schema=dict.fromkeys(frame.columns, pl.String),
    )
