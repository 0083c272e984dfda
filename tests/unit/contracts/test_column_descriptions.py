from funcdex_assets.contracts.column_descriptions import _DESCRIPTIONS, describe_column
from funcdex_assets.contracts.stage_tables import TABLES

COLUMNS = [(table.name, column) for table in TABLES for column in table.model.to_schema().columns]


def test_every_column_of_every_table_is_described():
    assert [place for place in COLUMNS if not describe_column(*place)] == []


def test_no_description_is_left_over():
    used = {key for stage, column in COLUMNS for key in (f"{stage}.{column}", column)}
    assert set(_DESCRIPTIONS) - used == set()


def test_columns_of_other_tables_have_none():
    assert describe_column("strange", "thing") is None
