"""What is asked of a language model, what comes back, and what can go wrong.

Here belong the values and the protocol that every engine shares; how an engine is reached belongs to
its own module. A request carries its role's typed subject beside the prompt: the offline engine plays
the role from the subject, and the prompt (like the constraint, which may be a large grammar) is
rendered only when a real engine asks for it.

>>> request = Request("greeter", subject="Ada", seed=7, prompt=lambda: (ChatMessage("user", "Greet Ada."),))
>>> request.messages
(ChatMessage(role='user', content='Greet Ada.'),)
"""

from collections.abc import Callable
from typing import Any, Literal, Protocol

import msgspec

from funcdex_assets.records import Json


class ChatMessage(msgspec.Struct, frozen=True):
    role: Literal["system", "user", "assistant"]
    content: str


class GrammarConstraint(msgspec.Struct, frozen=True, tag="grammar"):
    """The answer is a sentence of `grammar`, which is GBNF text with the start rule `root`."""

    grammar: str


class JsonSchemaConstraint(msgspec.Struct, frozen=True, tag="json_schema"):
    """The answer is JSON text valid under `schema`; `name` matches `^[A-Za-z0-9_-]{1,64}$`."""

    name: str
    schema: Json


Constraint = GrammarConstraint | JsonSchemaConstraint


class Sampling(msgspec.Struct, frozen=True):
    """None means the server's own default (some models refuse any other temperature)."""

    temperature: float | None = 0.8
    top_p: float | None = None
    max_tokens: int = 2048
    stop: tuple[str, ...] = ()


DEFAULT_SAMPLING = Sampling()


class Request(msgspec.Struct, eq=False):
    """One thing asked of one role.

    `prompt` and a callable `constraint` are called at most once, and never by the offline engine, so
    they may be expensive; they must return the same value whenever they are called.
    """

    role: str
    subject: Any
    prompt: Callable[[], tuple[ChatMessage, ...]]
    seed: int
    sampling: Sampling = DEFAULT_SAMPLING
    constraint: Constraint | Callable[[], Constraint] | None = None
    _messages: tuple[ChatMessage, ...] | None = None

    @property
    def messages(self) -> tuple[ChatMessage, ...]:
        if self._messages is None:
            self._messages = self.prompt()
        return self._messages

    @property
    def resolved_constraint(self) -> Constraint | None:
        if callable(self.constraint):
            self.constraint = self.constraint()
        return self.constraint


class Usage(msgspec.Struct, frozen=True):
    """Tokens as the server counted them; `cached_tokens` is a part of `prompt_tokens`."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


NO_USAGE = Usage()


class Completion(msgspec.Struct, frozen=True):
    """An answer.

    `finish_reason` is the server's: "stop", or "length" when the answer was cut at `max_tokens`.
    `model` is the name that was asked for (a server may report a longer one). `latency_s` is the time
    from sending to answer, retries included, waiting for a free slot excluded. `replayed` answers come
    from the journal and cost nothing now.
    """

    text: str
    finish_reason: str
    usage: Usage
    latency_s: float
    model: str
    retries: int = 0
    replayed: bool = False


class InferenceEngine(Protocol):
    """Answers requests; safe to ask many at once. `name` identifies who answers: profile and model."""

    @property
    def name(self) -> str: ...

    async def complete(self, request: Request) -> Completion:
        """Answers, or raises `InferenceError`."""
        ...

    async def close(self) -> None:
        """Lets go of the running event loop's connections; asking again opens new ones."""
        ...


class InferenceError(Exception):
    """An engine could not answer; the text says what, where, which value, and what to do.

    `retryable` says whether the same request may succeed later. The text never holds an API key.
    """

    def __init__(self, message: str, retryable: bool) -> None:
        super().__init__(message, retryable)
        self.retryable = retryable

    def __str__(self) -> str:
        return self.args[0]
