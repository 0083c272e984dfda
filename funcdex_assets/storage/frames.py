"""Records ↔ Polars frames: one record type gives one table layout.

Belongs here: the translation alone. The contract of each table is in `contracts/stage_tables.py`, its file in
`table_store`. Scalars become columns, tuples lists, nested records structs, and
`Json` fields columns of JSON text, so that a frame of records can be written to Parquet and read by
any tool.

>>> from funcdex_assets.records.tool import ChainStep
>>> to_frame([ChainStep(tool="SEND_EMAIL", bindings=())]).schema["tool"]
String
"""

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
import polars as pl

from funcdex_assets.records.record import Record

R = TypeVar("R", bound=Record)
Convert = Callable[[Any], Any]

_json = msgspec.json.Encoder()


@cache
def derive_layout(record: type[Record]) -> Mapping[str, pl.DataType]:
    """Derives the column names and Polars types of a table of such records."""
    return {name: _choose_dtype(hint) for name, hint in get_type_hints(record).items()}


def to_frame(rows: Sequence[R], record: type[R] | None = None) -> pl.DataFrame:
    """Converts records to a frame; give `record` if `rows` may be empty."""
    record = record or type(rows[0])
    names = list(derive_layout(record))
    writers = {name: _choose_writer(hint) for name, hint in get_type_hints(record).items()}
    columns: dict[str, list[Any]] = {}
    for name in names:
        write = writers[name]
        values = [getattr(row, name) for row in rows]
        columns[name] = values if write is None else [write(value) for value in values]
    return pl.DataFrame(columns, schema=dict(derive_layout(record)))


def from_frame(frame: pl.DataFrame, record: type[R]) -> list[R]:
    """Converts the rows of a frame to records; columns that the record does not have are ignored.

    A field with a default has it where the column is missing, in a table of before the field was added. Values are not
    checked one by one: the table's layout has been checked by column.

    Raises:
        polars.exceptions.ColumnNotFoundError: a field of the record has neither a column nor a default.
    """
    absent = {field.name for field in msgspec.structs.fields(record) if not field.required} - set(frame.columns)
    readers = {name: _choose_reader(hint) for name, hint in get_type_hints(record).items() if name not in absent}
    columns: list[list[Any]] = []
    for name, read in readers.items():
        values = frame[name].to_list()
        columns.append(values if read is None else [read(value) for value in values])
    return [record(**dict(zip(readers, values, strict=True))) for values in zip(*columns, strict=True)]


def index_by(records: Iterable[R], field: str) -> dict[str, R]:
    return {getattr(record, field): record for record in records}


# ── one converter per type; None means "as it is" ─────────────────────────────────────────────


def _strip_optional(hint: Any) -> Any:
    """`X | None` → `X`: every column is nullable."""
    if get_origin(hint) in (Union, types.UnionType):
        (only,) = [member for member in get_args(hint) if member is not type(None)]
        return only
    return hint


@cache
def _choose_dtype(hint: Any) -> pl.DataType:
    hint = _strip_optional(hint)
    if hint is Any:
        return pl.String()
    if get_origin(hint) is tuple:
        return pl.List(_choose_dtype(get_args(hint)[0]))
    if get_origin(hint) is Literal:
        return pl.String()
    if isinstance(hint, type) and issubclass(hint, Record):
        return pl.Struct(dict(derive_layout(hint)))
    return {str: pl.String(), int: pl.Int64(), float: pl.Float64(), bool: pl.Boolean()}[hint]


def _encode_json(value: Any) -> str:
    return _json.encode(value).decode()


@cache
def _choose_writer(hint: Any) -> Convert | None:
    hint = _strip_optional(hint)
    if hint is Any:
        return _encode_json
    if get_origin(hint) is tuple:
        item = _choose_writer(get_args(hint)[0])
        return list if item is None else lambda values: [item(value) for value in values]
    if isinstance(hint, type) and issubclass(hint, Record):
        fields = [(name, _choose_writer(field_hint)) for name, field_hint in get_type_hints(hint).items()]
        return lambda value: (
            None
            if value is None
            else {
                name: getattr(value, name) if write is None else write(getattr(value, name)) for name, write in fields
            }
        )
    return None


@cache
def _choose_reader(hint: Any) -> Convert | None:
    hint = _strip_optional(hint)
    if hint is Any:
        return msgspec.json.decode
    if get_origin(hint) is tuple:
        item = _choose_reader(get_args(hint)[0])
        return tuple if item is None else lambda values: tuple([item(value) for value in values])
    if isinstance(hint, type) and issubclass(hint, Record):
        fields = [
            (name, read) for name, field_hint in get_type_hints(hint).items() if (read := _choose_reader(field_hint))
        ]

        def read_struct(value: dict[str, Any] | None) -> Record | None:
            if value is None:
                return None
            for name, read in fields:
                value[name] = read(value[name])
            return hint(**value)

        return read_struct
    return None
