"""Which model turns scenarios into vectors."""

from typing import Literal

import dagster as dg
from pydantic import Field

from funcdex_assets.dedup.embedding import Embedder, HashedNgrams, MiniLM


class EmbedderResource(dg.ConfigurableResource[Embedder]):
    """Makes the embedder of scenarios; its weights are read at the first text."""

    model: Literal["all-MiniLM-L6-v2", "hashed-ngrams"] = Field(
        default="all-MiniLM-L6-v2",
        description="all-MiniLM-L6-v2 compares meanings; hashed-ngrams needs no weights and finds copies only",
    )

    def create_resource(self, context: dg.InitResourceContext) -> Embedder:  # noqa: ARG002
        return MiniLM() if self.model == "all-MiniLM-L6-v2" else HashedNgrams()
