"""The shape of a model that is trained from scratch."""

from typing import Literal

from pydantic import Field, model_validator

from funcdex_assets.settings.section import Section


class ModelShape(Section):
    """A decoder of the Llama or Qwen3 architecture: the two that llama.cpp and vLLM serve unchanged."""

    architecture: Literal["llama", "qwen3"] = Field(
        default="llama", description="`qwen3` also normalises queries and keys, which steadies high learning rates"
    )
    layers: int = Field(default=4, ge=1)
    width: int = Field(default=256, ge=16, description="of the hidden states; a multiple of `heads`")
    heads: int = Field(default=4, ge=1)
    kv_heads: int | None = Field(
        default=None, ge=1, description="heads of keys and values; fewer than `heads` make the cache smaller"
    )
    inner: int | None = Field(
        default=None, ge=16, description="width of the feed-forward layers; by default 8/3 of `width`, in steps of 32"
    )
    tie_embeddings: bool = Field(default=True, description="whether the output layer is the embedding")

    @model_validator(mode="after")
    def _check_heads(self) -> "ModelShape":
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise ValueError(
                f"width is {self.width} and heads is {self.heads}; a head must have an even whole number of "
                "dimensions, such as width 256 with 4 heads"
            )
        if self.kv_heads and self.heads % self.kv_heads:
            raise ValueError(f"kv_heads is {self.kv_heads}, which does not divide heads, {self.heads}")
        return self

    def compute_inner(self) -> int:
        """Computes the width of the feed-forward layers: with a gate they have 3 matrices, which at 8/3 of the width
        hold as many weights as 2 of 4 times the width do.
        """
        return self.inner or max(32, round(self.width * 8 / 3 / 32) * 32)
