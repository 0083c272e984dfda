"""The embedder: the model that turns scenarios into vectors."""

from typing import Literal

import dagster as dg
from pydantic import Field

from funcdex_assets.embedding.embedder import Embedder
from funcdex_assets.embedding.hashed_ngrams import HashedNgrams
from funcdex_assets.embedding.minilm import MiniLM


class EmbedderResource(dg.ConfigurableResource[Embedder]):
    """Makes the embedder of scenarios; its weights are read at the first text."""

    model: Literal["minilm", "hashed_ngrams"] = Field(
        "minilm",
        description="all-MiniLM-L6-v2 compares meanings; hashed_ngrams needs no weights, sees copies only",
    )

    def create_resource(self, context: dg.InitResourceContext) -> Embedder:  # noqa: ARG002
        return MiniLM() if self.model == "minilm" else HashedNgrams()
