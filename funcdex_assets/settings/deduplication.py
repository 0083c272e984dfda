"""Settings of what counts as a repetition, and as an overlap with evaluation sets."""

from typing import Any, Literal

from pydantic import (
    Field,
)

from funcdex_assets.records.labels import Measure
from funcdex_assets.settings.section import Section


class Deduplication(Section):
    """When two scenarios are the same, and two conversations; `docs/deduplication.md` has the measured figures."""

    embedder: Literal["minilm", "hashed_ngrams"] = "minilm"
    semantic_threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="cosine from which scenarios are the same; by default the embedder's own",
    )
    lexical_threshold: float = Field(default=0.60, ge=0, le=1, description="overlap of words from which they are")
    conversations: bool = Field(
        default=True, description="near-duplicate conversations are left out of datasets and of the release"
    )
    conversation_semantic_threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="cosine from which conversations of the same calls are the same; by default the embedder's own",
    )
    conversation_lexical_threshold: float = Field(
        default=0.50, ge=0, le=1, description="overlap of words from which they are"
    )


class Contamination(Section):
    """What a release must not share with evaluation sets; `docs/deduplication.md` has what the measures find."""

    evaluation_sets: tuple[str, ...] = Field(
        default=("bfcl",),
        description="what the release is compared with: files of JSON lines, and bfcl for those in the package "
        "bfcl-eval, where that is installed",
    )
    remove: tuple[Measure, ...] = Field(
        default=(), description="measures by which an overlapping conversation is left out of the release"
    )
    names_threshold: float = Field(
        default=0.5, ge=0, le=1, description="overlap of parameter names from which functions of one name are the same"
    )
    schemas_threshold: float = Field(
        default=1.0, ge=0, le=1, description="overlap of parameters with types from which functions of any name are"
    )
    schemas_min_parameters: int = Field(
        default=3, ge=1, le=100, description="fewer parameters than these are alike by chance"
    )
    ngram_size: int = Field(default=8, ge=3, le=50, description="words of an n-gram")
    ngrams_threshold: float = Field(
        default=0.5, ge=0, le=1, description="share of an item's n-grams from which a conversation holds it"
    )
    embeddings_threshold: float = Field(
        default=0.90, ge=0, le=1, description="cosine from which two user turns say the same"
    )

    @property
    def thresholds(self) -> dict[str, Any]:
        """What decides whether something overlaps, as `dedup.contamination.Limits` names it."""
        return {
            "names": self.names_threshold,
            "schemas": self.schemas_threshold,
            "schemas_min_parameters": self.schemas_min_parameters,
            "ngram_size": self.ngram_size,
            "ngrams": self.ngrams_threshold,
            "embeddings": self.embeddings_threshold,
        }
