"""Defines the engine that needs no model: every role is played by its improvisation, a seeded function.

The improvisations themselves stand beside their roles. An answer is text, like any engine's, so that the same parsing
and the same checks follow; a typed value instead would save about two microseconds and leave the parsing untested.

>>> import asyncio
>>> engine = OfflineEngine({"greeter": lambda name, random: {"greeting": f"Hello, {name}"}})
>>> asyncio.run(engine.complete(Request("greeter", subject="Ada", seed=7, prompt=tuple))).text
'{"greeting":"Hello, Ada"}'
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import msgspec

from funcdex_assets.inference.protocol import NO_USAGE, Completion, InferenceError, Request

Improvisation = Callable[[Any, Random], Any]

_encode = msgspec.json.Encoder().encode


class OfflineEngine:
    """Answers from (subject, seed) alone: the same request gives the same text, in any order of requests.

    An improvisation returns text, which is the answer as it is, or a Struct or JSON value, which becomes JSON text.
    Tokens and time are not counted, since they would say nothing about a model.
    """

    name = "offline"

    def __init__(self, improvisations: Mapping[str, Improvisation]) -> None:
        self._improvisations = dict(improvisations)

    async def complete(self, request: Request) -> Completion:
        improvise = self._improvisations.get(request.role)
        if improvise is None:
            raise InferenceError(
                f"The offline engine cannot play the role {request.role!r}; it knows "
                f"{', '.join(sorted(self._improvisations)) or 'none'}; give the role an improvisation, "
                "or set inference.profile to vllm, llama_cpp or openai",
                retryable=False,
            )
        answer = improvise(request.subject, Random(request.seed))
        text = answer if isinstance(answer, str) else _encode(answer).decode()
        return Completion(text, "stop", NO_USAGE, 0.0, "offline")

    async def close(self) -> None:
        """Does nothing, since this engine holds no connections."""
