"""Defines the values and the protocol that all inference engines share: request, completion, usage, error.

Add here what every engine must know; how an engine is reached belongs to its own module. A request carries its
role's typed subject beside the prompt: the offline engine plays the role from the subject, and the prompt (like the
constraint, which may be a large grammar) is rendered only when a real engine asks for it.

>>> request = Request("greeter", subject="Ada", seed=7, prompt=lambda: (ChatMessage("user", "Greet Ada."),))
>>> request.messages[0].content
'Greet Ada.'
"""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol

import msgspec

from funcdex_assets.dml.notation import Notation
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.record import Json


class ChatToolCall(msgspec.Struct, frozen=True):
    """A tool call in the form of the chat completions protocol; `arguments` is JSON text, as the server wrote it."""

    id: str
    name: str
    arguments: str


class ChatMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a prompt; `tool_calls` belong to the assistant, and a `tool` message answers `tool_call_id`."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | None
    tool_calls: tuple[ChatToolCall, ...] = ()
    tool_call_id: str | None = None


class GrammarConstraint(msgspec.Struct, frozen=True, tag="grammar"):
    """Restricts the answer to the sentences of a grammar.

    `render_in_notation` writes the grammar in the notation that a server takes, once a server asks for it; `key`
    identifies the language, so that equal languages are compiled and journaled as one.
    """

    key: str
    render_in_notation: Callable[[Notation], str]


class JsonSchemaConstraint(msgspec.Struct, frozen=True, tag="json_schema"):
    """Restricts the answer to JSON text that is valid under `schema`; `name` matches `^[A-Za-z0-9_-]{1,64}$`."""

    name: str
    schema: Json


Constraint = GrammarConstraint | JsonSchemaConstraint


class Sampling(msgspec.Struct, frozen=True):
    """Sampling settings; None means the server's own default (some models refuse any other temperature)."""

    temperature: float | None = 0.8
    top_p: float | None = None
    max_tokens: int = 2048
    stop: tuple[str, ...] = ()


DEFAULT_SAMPLING = Sampling()


class Request(msgspec.Struct, eq=False):
    """One question to one role.

    `prompt` and a callable `constraint` are called at most once, and never by the offline engine, so they may be
    expensive; they must return the same value whenever they are called. `tools` are definitions in the chat
    completions form: a server that gets them may answer with calls. Where a committee plays the role, `member` is
    the index of the member that is asked.
    """

    role: str
    subject: Any
    prompt: Callable[[], tuple[ChatMessage, ...]]
    seed: int
    sampling: Sampling = DEFAULT_SAMPLING
    constraint: Constraint | Callable[[], Constraint | None] | None = None
    tools: tuple[Json, ...] = ()
    member: int | None = None
    withdraw_answer: Callable[[], Awaitable[None]] | None = None
    _messages: tuple[ChatMessage, ...] | None = None

    @property
    def messages(self) -> tuple[ChatMessage, ...]:
        if self._messages is None:
            self._messages = self.prompt()
        return self._messages

    async def give_up(self) -> None:
        """Says that nothing can be made of the answer, so that it is not replayed in a later run."""
        if self.withdraw_answer is not None:
            await self.withdraw_answer()

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
    """An engine's answer to a request.

    `finish_reason` is the server's: "stop", or "length" when the answer was cut at `max_tokens`. `model` is the
    name that was requested (a server may report a longer one). `latency_s` is the time from sending to answer,
    with retries, but without the wait for a free slot or a rate limit before the first try. `replayed` answers
    come from the journal and cost nothing now. Only a request with `tools` can get `tool_calls`.
    `mean_probability` is the mean of the answer tokens' probabilities, from a server that was asked for them.
    """

    text: str
    finish_reason: str
    usage: Usage
    latency_s: float
    model: str
    retries: int = 0
    replayed: bool = False
    tool_calls: tuple[ChatToolCall, ...] = ()
    mean_probability: float | None = None


class InferenceEngine(Protocol):
    """Answers requests, also many at the same time. `name` identifies the engine by its profile and model."""

    @property
    def name(self) -> str: ...

    async def complete(self, request: Request) -> Completion:
        """Answers, or raises `InferenceError`."""
        ...

    async def close(self) -> None:
        """Closes the running event loop's connections; the next request opens new ones."""
        ...


FailureKind = Literal["context", "refusal", "unreadable", "unavailable", "invalid"]
"""The reason for a missing answer, in this order: the request does not fit into the model's context; the model or a
filter in front of it refuses to answer; no answer could be parsed as the role's output; the server is gone,
overloaded or broken; the request or the configuration is wrong."""

SUBJECT_FAILURES: frozenset[FailureKind] = frozenset(("context", "refusal", "unreadable"))
"""The kinds of failures that concern the subject of a request, not the engine: it is too long, refused, or beyond the
model."""


class InferenceError(UserError):
    """Raised when an engine cannot answer; the text says what failed, where, for which value, and what to do.

    `retryable` is True if the same request may succeed later; `kind` then defaults to "unavailable", else to
    "invalid". The text never contains an API key.
    """

    def __init__(self, message: str, retryable: bool, kind: FailureKind | None = None) -> None:
        kind = kind or ("unavailable" if retryable else "invalid")
        super().__init__(message, retryable, kind)
        self.retryable = retryable
        self.kind: FailureKind = kind

    @property
    def is_systemic(self) -> bool:
        """Whether the engine is at fault, and not the subject of this one request (see `records/row_failures`)."""
        return self.kind not in SUBJECT_FAILURES

    def __str__(self) -> str:
        return self.args[0]
