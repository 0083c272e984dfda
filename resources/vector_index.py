"""The index that remembers scenarios of earlier nights and other partitions."""

import dagster as dg
from pydantic import Field

from funcdex_assets.dedup.index import LanceScenarioIndex, ScenarioIndex


class VectorIndexResource(dg.ConfigurableResource[ScenarioIndex]):
    """Makes the index of scenarios; the folder is created when the first batch is written."""

    path: str = Field(description="LanceDB folder, or an object store address such as s3://bucket/scenarios")
    vector_index_from: int = Field(
        default=1_000_000,
        ge=1_000,
        description="Rows from which an approximate index replaces the exact search",
    )
    compact_every: int = Field(
        default=20, ge=1, le=1_000, description="Commits after which small files and old versions are merged"
    )

    def create_resource(self, context: dg.InitResourceContext) -> ScenarioIndex:  # noqa: ARG002
        return LanceScenarioIndex(self.path, vector_index_from=self.vector_index_from, compact_every=self.compact_every)
