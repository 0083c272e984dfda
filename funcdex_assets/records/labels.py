"""The closed sets of names that records carry, as types: kinds, faults, clarity levels, sources, measures."""

from typing import Literal

Clarity = Literal["excellent", "good", "average"]

Kind = Literal[
    "multi_step",
    "long_context",
    "simple",
    "parallel",
    "no_suitable_tool",
    "ask_back",
    "missing_function",
    "error_recovery",
]
"""What a conversation shall show, one cell of a dataset's mix each (see `docs/mix.md`)."""

Fault = Literal[
    "not_found",
    "invalid_argument",
    "permission_denied",
    "expired_auth",
    "rate_limit",
    "conflict",
    "timeout",
    "empty_result",
]
"""How a call can go wrong; `empty_result` is a success that found nothing, the others are errors."""

TurnKind = Literal[
    "request", "remedy", "dropped", "correction", "recall", "small_talk", "unsuitable", "unlocked", "thanks"
]

Role = Literal["user", "assistant", "tool"]

SourceKind = Literal["user", "result", "context", "schema"]

Measure = Literal["names", "schemas", "ngrams", "embeddings"]
"""How a conversation can overlap with an item of an evaluation set."""
