"""Prices of a model's tokens."""

from pydantic import BaseModel, ConfigDict, Field

from funcdex_assets.inference.protocol import Usage


class TokenPrice(BaseModel):
    """Dollars per million tokens; without `cached`, cached prompt tokens cost as much as other prompt tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: float = Field(default=0, ge=0)
    completion: float = Field(default=0, ge=0)
    cached: float | None = Field(default=None, ge=0, description="cached prompt tokens; by default the price of others")

    def compute_cost(self, usage: Usage) -> float:
        cached_price = self.prompt if self.cached is None else self.cached
        return (
            (usage.prompt_tokens - usage.cached_tokens) * self.prompt
            + usage.cached_tokens * cached_price
            + usage.completion_tokens * self.completion
        ) / 1_000_000
