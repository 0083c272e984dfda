"""Contracts: which rows break a layout or a rule."""

import pandera.polars as pa
import polars as pl
import pytest

from funcdex_assets.contracts.table import Table, TableCheck, check_table, set_aside_offending_rows
from funcdex_assets.contracts.trusted_tables import TableVerdict

GOOD = pl.DataFrame({"item_id": ["x", "y", "z"], "number": [1, 2, 3]})


class Layout(pa.DataFrameModel):
    item_id: str = pa.Field(unique=True)
    number: int = pa.Field(ge=0, le=5)

    class Config:
        strict = True


ITEMS = Table("items", Layout)


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        pytest.param(GOOD, [], id="good"),
        pytest.param(
            GOOD.with_columns(number=pl.Series([1, 9, -3])),
            [(1, "y", "number", "9"), (2, "z", "number", "-3")],
            id="out of range, in the order of the rows",
        ),
        pytest.param(
            GOOD.with_columns(item_id=pl.Series(["x", "y", "x"])),
            [(0, "x", "item_id", "x"), (2, "x", "item_id", "x")],
            id="an id twice",
        ),
        pytest.param(
            GOOD.with_columns(number=pl.col("number").cast(pl.String)),
            [(None, None, "number", "String")],
            id="a wrong type, once and not again for each range",
        ),
        pytest.param(GOOD.drop("number"), [(None, None, "number", "number")], id="a missing column"),
        pytest.param(GOOD.drop("item_id"), [(None, None, "item_id", "item_id")], id="a missing key"),
        pytest.param(GOOD.with_columns(extra=1), [(None, None, "extra", "extra")], id="an unexpected column"),
        pytest.param(GOOD.with_columns(item_id=pl.Series(["x", None, "z"])), [(1, None, "item_id", None)], id="no id"),
    ],
)
def test_misfits_name_row_key_column_and_value(frame, found):
    (schema,) = check_table(ITEMS, frame)
    rows = schema.offending_rows.to_dicts()
    assert [(row["row"], row["item_id"], row["column"], row["value"]) for row in rows] == found
    assert schema.passed == (not found)


def test_a_check_gets_its_own_table_and_those_it_needs():
    def strangers(own: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
        return own.join(known, on="item_id", how="anti")

    table = Table("items", Layout, (TableCheck("known", "Every item is known.", ("catalogue",), strangers),))
    assert table.needed_tables == ("catalogue",)
    assert table.check_names == ("schema", "known")
    _, known = check_table(table, GOOD, {"catalogue": GOOD.head(2)})
    assert known.offending_rows["item_id"].to_list() == ["z"]
    assert check_table(table, GOOD, {"catalogue": GOOD})[1].passed


@pytest.mark.parametrize(("blocking", "kept", "broken"), [(True, ["x", "z"], ["odd"]), (False, ["x", "y", "z"], [])])
def test_a_check_that_does_not_block_takes_no_row_away_and_refuses_no_table(blocking, kept, broken):
    odd = TableCheck("odd", "Every number is odd.", (), lambda own: own.filter(pl.col("number") % 2 == 0), blocking)
    table = Table("items", Layout, (odd,))
    assert set_aside_offending_rows(table, GOOD)[0]["item_id"].to_list() == kept
    verdict = TableVerdict("items", "gmail", tuple(check_table(table, GOOD)))
    assert not verdict.judgements[1].passed
    assert [judgement.check for judgement in verdict.broken] == broken
