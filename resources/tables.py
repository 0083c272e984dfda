"""The store of the stages' tables, with the contract of each."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from funcdex_assets.quality import schemas
from funcdex_assets.quality.table import Table
from funcdex_assets.settings import load_settings
from funcdex_assets.table_store import TableStore


class TableStoreResource(dg.ConfigurableResource[TableStore]):
    """Makes the store; nothing is on disk until a table is written."""

    home: str | None = Field(default=None, description="folder of the tables; by default the home in funcdex.yaml")

    def create_resource(self, context: dg.InitResourceContext) -> TableStore:  # noqa: ARG002
        contracts = [value for value in vars(schemas).values() if isinstance(value, Table)]
        return TableStore(Path(self.home) if self.home else load_settings().home, contracts)
