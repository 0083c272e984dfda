"""The store of the stages' tables, with the contract of each."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from funcdex_assets.contracts.stage_tables import TABLES
from funcdex_assets.contracts.trusted_tables import TrustedTables


class TablesResource(dg.ConfigurableResource[TrustedTables]):
    """Makes the store; nothing is on disk until a table is written."""

    home: str = Field(description="folder under which the tables are kept")

    def create_resource(self, context: dg.InitResourceContext) -> TrustedTables:  # noqa: ARG002
        return TrustedTables(Path(self.home), TABLES)
