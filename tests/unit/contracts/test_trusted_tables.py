"""Reading what another version of the program wrote."""

from pathlib import Path

import pytest
from example_tables import frames

from funcdex_assets.contracts.stage_tables import TABLES
from funcdex_assets.contracts.trusted_tables import TrustedTables
from funcdex_assets.storage.table_store import TableError


def test_a_sealed_table_of_an_earlier_version_says_what_to_make_again(tmp_path: Path):
    tables = TrustedTables(tmp_path, TABLES)
    now = frames()["system_prompts"]
    tables.write_table("system_prompts", "gmail", now.drop("failure"))
    with pytest.raises(TableError, match=r"has no column failure.*materialize gmail --select system_prompts"):
        tables.load_trusted("system_prompts", "gmail")
    tables.write_table("system_prompts", "gmail", now)
    assert tables.load_trusted("system_prompts", "gmail")[0].sealed
