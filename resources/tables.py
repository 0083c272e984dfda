"""The store of the stages' tables, with the contract of each."""

import dagster as dg
from pydantic import Field

from funcdex_assets.quality.schemas import TABLES
from funcdex_assets.settings import load_settings
from funcdex_assets.table_store import TableStore


class TableStoreResource(dg.ConfigurableResource[TableStore]):
    home: str | None = Field(None, description="folder of the tables; by default the home in funcdex.yaml")

    def create_resource(self, context: dg.InitResourceContext) -> TableStore:  # noqa: ARG002
        from pathlib import Path

        home = Path(self.home) if self.home else load_settings().home
        return TableStore(home, TABLES)
