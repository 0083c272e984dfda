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
    "command",
    "single_turn",
]
"""The kind of a conversation in the mix of a dataset (see `docs/mix.md`)."""

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
"""The ways in which a call can go wrong; `empty_result` is a success that found nothing, the others are errors."""

TurnKind = Literal[
    "request",
    "remedy",
    "dropped",
    "correction",
    "completion",
    "again",
    "trigger",
    "incomplete",
    "recall",
    "small_talk",
    "off_topic",
    "unsuitable",
    "unlocked",
    "thanks",
]

Role = Literal["user", "assistant", "tool"]

PlannedSource = Literal["user", "result", "context", "schema"]
"""Where a plan takes an argument from; what a conversation's argument came from may also be `derived`."""

RoleName = Literal[
    "scenario_writer",
    "persona_writer",
    "planner",
    "user_simulator",
    "assistant",
    "tool_simulator",
    "conversation_writer",
    "corrector",
    "system_prompt_writer",
    "judge",
]
"""What a model is asked to be, in the order in which a conversation comes about."""

SourceKind = Literal["user", "result", "context", "schema", "derived"]

Measure = Literal["names", "schemas", "ngrams", "embeddings"]
"""The measures of overlap between a conversation and an item of an evaluation set."""
