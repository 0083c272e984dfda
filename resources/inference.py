"""Who plays the roles: the configured inference engine.

One setting, `profile`, turns the same graph from offline improvisation to a real model. Real engines
are probed before anything is asked of them, journaled and metered.
"""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import dagster as dg
from pydantic import Field

from funcdex_assets.inference.protocol import InferenceEngine, InferenceError
from funcdex_assets.inference.usage import TokenPrice, UsageMeter

OPENAI_KEY = "OPENAI_API_KEY"


class ModelPrice(dg.Config):
    """Dollars per million tokens."""

    prompt: float = Field(0, ge=0)
    completion: float = Field(0, ge=0)
    cached: float | None = Field(None, ge=0, description="cached prompt tokens; the price of others when absent")


class InferenceResource(dg.ConfigurableResource[InferenceEngine]):
    """Makes the engine: offline, or a probed, journaled and metered OpenAI-compatible one."""

    profile: Literal["offline", "vllm", "llama_cpp", "openai"] = Field(
        "offline", description="offline needs no model; openai is any OpenAI-compatible endpoint"
    )
    base_url: str | None = Field(None, description="of the server, e.g. http://127.0.0.1:8000/v1")
    model: str | None = Field(None, description="the model's name on that server; needed unless offline")
    api_key_env: str = Field(
        OPENAI_KEY,
        description=f"name of the environment variable with the API key; vllm and llama_cpp are sent no key "
        f"while this is {OPENAI_KEY}, so that an OpenAI key never reaches another server by accident",
    )
    concurrency: int = Field(32, ge=1, le=4096, description="requests in flight")
    timeout_s: float = Field(300, gt=0, description="per try")
    retries: int = Field(5, ge=0, le=100, description="tries after the first")
    journal_path: str = Field(
        ".funcdex/journal.sqlite", description="where answers are kept, so that none is asked for twice"
    )
    prices: dict[str, ModelPrice] = Field(default_factory=dict, description="by model")

    def create_resource(self, context: dg.InitResourceContext) -> InferenceEngine:  # noqa: ARG002
        if self.profile == "offline":
            from funcdex_assets.inference.offline import OfflineEngine
            from funcdex_assets.roles.improvisations import IMPROVISATIONS

            return OfflineEngine(IMPROVISATIONS)

        from funcdex_assets.inference.journal import JournaledEngine
        from funcdex_assets.inference.openai_compatible import NO_KEY, OpenAICompatibleEngine

        if not self.model:
            raise InferenceError(
                f"Profile {self.profile!r} needs a model; set inference.model to its name on the server",
                retryable=False,
            )
        key = NO_KEY
        if self.profile == "openai" or self.api_key_env != OPENAI_KEY:
            key = os.environ.get(self.api_key_env, "")
            if not key:
                raise InferenceError(
                    f"inference.api_key_env names {self.api_key_env!r}, which is not set in the environment; "
                    "put the API key there",
                    retryable=False,
                )
        engine = OpenAICompatibleEngine(
            self.profile,
            model=self.model,
            base_url=self.base_url,
            api_key=key,
            concurrency=self.concurrency,
            timeout_s=self.timeout_s,
            retries=self.retries,
        )

        async def probe() -> None:
            try:
                await engine.probe()
            finally:
                await engine.close()

        # In a thread of its own, because the caller may be a notebook, whose thread has a running loop.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, probe()).result()
        prices = {
            model: TokenPrice(price.prompt, price.completion, price.cached) for model, price in self.prices.items()
        }
        return UsageMeter(JournaledEngine(engine, Path(self.journal_path), self.concurrency), prices)
