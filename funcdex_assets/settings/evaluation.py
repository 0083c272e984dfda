"""Settings of the evaluation: which endpoints stand in the table beside our own models, and how they are asked."""

from typing import Literal, Self

from pydantic import Field, model_validator

from funcdex_assets.inference.token_price import TokenPrice
from funcdex_assets.settings.section import Section


class EvaluatedEndpoint(Section):
    """A model on an OpenAI-compatible server that is measured on the test splits."""

    name: str = Field(description="of its row in the table")
    profile: Literal["vllm", "llama_cpp", "openai"] = Field(
        default="openai",
        description="the kind of server; openai is any OpenAI-compatible endpoint, and takes no grammar",
    )
    base_url: str = Field(description="of the server, e.g. http://127.0.0.1:8000/v1")
    model: str = Field(description="the model's name on the server")
    api_key_env: str = Field(
        default="", description="name of the environment variable with the API key, if it needs one"
    )
    calls: Literal["native", "markup"] = Field(
        default="native", description="the server's own tool calls, or calls written in the text"
    )
    grammar: Literal["free", "calls", "calls_or_text"] = Field(
        default="free", description="whether answers are free, or under a grammar over the offered tools (markup only)"
    )
    most_calls: int = Field(default=4, ge=1, le=20, description="at once, under the grammar")
    confidence: bool = Field(default=False, description="ask for token probabilities, for the calibration error")
    reasoning_effort: str | None = Field(default=None, description="handed on to models that take it")
    max_tokens: int = Field(default=512, ge=16, description="of an answer")
    concurrency: int = Field(default=8, ge=1, le=4096, description="requests in flight")
    timeout_s: float = Field(default=300, gt=0, description="per try")
    retries: int = Field(default=3, ge=0, le=100, description="tries after the first")
    price: TokenPrice | None = Field(default=None, description="dollars per million tokens")
    estimated_price: bool = Field(default=False, description="mark the price as an estimate: nobody is billed by it")

    @model_validator(mode="after")
    def _grammar_needs_markup(self) -> Self:
        if self.grammar != "free" and (self.calls == "native" or self.profile == "openai"):
            raise ValueError(
                f"grammar {self.grammar!r} needs calls: markup and the profile vllm or llama_cpp; set them, or leave "
                "grammar out"
            )
        return self


class Evaluation(Section):
    """How models are measured on the test splits; `docs/evaluation.md` tells the metrics."""

    endpoints: tuple[EvaluatedEndpoint, ...] = Field(
        default=(), description="models on servers that are measured beside those trained here"
    )
    baselines: tuple[Literal["nearest", "words", "frequent"], ...] = Field(
        default=("nearest", "words"), description="answers without a model that stand in the table, too"
    )
    resamples: int = Field(default=2000, ge=100, le=100_000, description="bootstrap samples of an interval")
    limit: int | None = Field(
        default=None, ge=1, description="items of a test split that are asked, from its beginning; by default all"
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [endpoint.name for endpoint in self.endpoints]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"endpoints: {name!r} is the name of two; give each its own")
        return self
