"""Settings of what counts as a repetition, and as an overlap with evaluation sets."""

from typing import Any, Literal

from pydantic import (
    Field,
)

from funcdex_assets.records.labels import Measure
from funcdex_assets.settings.section import Section


class Deduplication(Section):
    """Thresholds from which two scenarios, or two conversations, count as duplicates.

    `docs/deduplication.md` has the measurements behind the defaults.
    """

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
    # Of 30 labelled pairs, copies with other values overlap by .57 and more, all other pairs by .15 at most.
    conversation_lexical_threshold: float = Field(
        default=0.50, ge=0, le=1, description="overlap of words from which they are"
    )


class Contamination(Section):
    """Evaluation sets that a release is compared with, and thresholds from which something overlaps.

    `docs/deduplication.md` says what the measures find at the defaults.
    """

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
    # At .85 three conversations overlap with BFCL, none of them a copy; at .90 none does.
    embeddings_threshold: float = Field(
        default=0.90, ge=0, le=1, description="cosine from which two user turns say the same"
    )

    @property
    def thresholds(self) -> dict[str, Any]:
        """The thresholds as keyword arguments of `contamination.overlaps.OverlapThresholds`."""
        return {
            "names": self.names_threshold,
            "schemas": self.schemas_threshold,
            "schemas_min_parameters": self.schemas_min_parameters,
            "ngram_size": self.ngram_size,
            "ngrams": self.ngrams_threshold,
            "embeddings": self.embeddings_threshold,
        }
