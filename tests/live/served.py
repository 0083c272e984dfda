"""The servers of the live tests: how each is started, and what it takes."""

from typing import NamedTuple

import tiny_model

from funcdex_assets.dml.notation import Notation
from funcdex_assets.inference.openai_compatible import OpenAICompatibleEngine
from funcdex_assets.inference.servers import Engine

VLLM_ARGS = (
    *("--enforce-eager", "--dtype", "float32", "--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
    # A prompt in parts and a seed are too much for the CPU build: "CPU Generator does not use offset".
    *("--no-enable-chunked-prefill", "--max-num-batched-tokens", str(tiny_model.CONTEXT)),
)
GUIDANCE = ("--structured-outputs-config", '{"backend": "guidance"}')


class Kind(NamedTuple):
    profile: Engine
    args: tuple[str, ...]
    notations: tuple[Notation, ...]


KINDS = {
    # One thread, because two that wait for each other crawl where other programs want the CPU too.
    "llama_cpp": Kind("llama_cpp", ("--threads", "1"), ("gbnf", "lark")),
    "vllm": Kind("vllm", VLLM_ARGS, ("structural_tag",)),  # gbnf too, but at tens of milliseconds per token
    "vllm_guidance": Kind("vllm", VLLM_ARGS + GUIDANCE, ("lark",)),
}


class Served(NamedTuple):
    """A server that runs; `notations` are those of grammars that it takes, the quickest first."""

    name: str
    profile: Engine
    base_url: str
    notations: tuple[Notation, ...]

    def engine(self, notation: Notation | None = None) -> OpenAICompatibleEngine:
        notation = notation or self.notations[0]
        return OpenAICompatibleEngine(
            self.profile, model="tiny", base_url=self.base_url, notation=notation, concurrency=8, retries=0
        )
