"""Translates the failures of a server into `InferenceError`: one table from the client's errors.

The meaning of a failure, its remedy and whether it is retryable belong here; when to try again is decided in
`tries.py`.
"""

import re
from collections.abc import Sequence

import openai

from funcdex_assets.inference.protocol import FailureKind, InferenceError

CONTEXT_EXCEEDED = re.compile(
    r"""
      context_length_exceeded | exceed_context_size | max_model_len
    | context[ ](size|length|window|limit)                 # OpenAI, vLLM, llama.cpp, SGLang, Anthropic, Mistral
    | maximum[ ](model|input|allowed)[ ]length             # vLLM, SGLang
    | longer[ ]than[ ]the[ ]model                          # SGLang
    | (prompt|input)[ ]is[ ]too[ ](long|large)             # Anthropic, Fireworks, llama.cpp
    | exceeds[ ]the[ ](maximum|configured)[ ](number|limit)[ ]of[ ]  # Google, OpenAI
    | tokens[ ]exceed[ ]the[ ]configured[ ]limit           # OpenAI
    | must[ ]have[ ]less[ ]than[ ]\d+[ ]tokens              # text-generation-inference
    | max_new_tokens`?[ ]must[ ]be[ ]<=                    # text-generation-inference, Together
    | reduce[ ]the[ ]length[ ]of[ ]the[ ](messages|input|prompt)
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""The words with which servers report that a request is too long."""

FILTERED = re.compile(
    r"""
      content_filter | content_policy | responsibleai | invalid_prompt | data_inspection_failed | moderation
    | content[ ](management|policy|exists[ ]risk) | safety[ ](system|reasons|policy) | usage[ ]policy
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""The words with which servers report a content filter: OpenAI, Azure, DashScope, DeepSeek, gateways."""


def explain_failure(
    error: openai.APIError, *, where: str, server_message: str, tries: int, timeout_s: float, offered: Sequence[str]
) -> InferenceError:
    """Returns the error to raise after the last of `tries` tries.

    `where` names server and model; `server_message` is the server's own message, without the API key; `offered` are
    the model names that the server lists, if it could be asked.
    """
    kind: FailureKind | None = None
    in_tries = f"{tries} {'try' if tries == 1 else 'tries'}"
    match error:
        case openai.APITimeoutError() if has_timed_out(error):
            meaning, retryable = f"did not answer within {timeout_s:g} s in {in_tries}", True
            remedy = "raise inference.timeout_s or lower inference.concurrency"
        case openai.APIConnectionError():
            meaning, retryable = f"cannot be reached in {in_tries}: {server_message}", True
            remedy = "start the server, or correct inference.base_url"
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            meaning, retryable = f"refused the API key (HTTP {error.status_code}): {server_message}", False
            remedy = "put a valid key into the environment variable that inference.api_key_env names"
        case openai.NotFoundError():
            meaning, retryable = f"does not know the model or the path (HTTP 404): {server_message}", False
            remedy = "correct inference.base_url (it usually ends in /v1) or inference.model"
            if offered:
                remedy = f"set inference.model to one that it offers: {', '.join(offered)}"
        case openai.APIStatusError() if exceeds_context(error):
            meaning, retryable, kind = f"has too short a context for this request: {server_message}", False, "context"
            remedy = "serve the model with a longer context, or lower generation.max_calls and distractor_tools"
        case openai.RateLimitError(code="insufficient_quota"):
            meaning, retryable = f"says that the account's quota is used up: {server_message}", False
            remedy = "add credit, or use another key"
        case openai.RateLimitError():
            meaning, retryable = f"limits the rate (HTTP 429 in {in_tries}): {server_message}", True
            remedy = (
                "lower inference.concurrency, set inference.requests_per_minute or tokens_per_minute, "
                "or run again later: the journal keeps what is answered"
            )
        case openai.APIStatusError(status_code=status) if status >= 500 or status in (408, 409):
            meaning, retryable = f"failed (HTTP {status} in {in_tries}): {server_message}", True
            remedy = "see the server's log, then run again"
        case openai.APIStatusError() if FILTERED.search(_join_error_texts(error)):
            return refusal_error(where, server_message)
        case openai.APIStatusError():
            meaning, retryable = f"rejected the request (HTTP {error.status_code}): {server_message}", False
            remedy = "see that the server supports the constraint and the sampling settings"
        case _:
            meaning, retryable = f"failed: {server_message}", False
            remedy = "see the server's log"
    return InferenceError(f"{where} {meaning}; {remedy}", retryable, kind)


def refusal_error(where: str, server_message: str) -> InferenceError:
    return InferenceError(
        f"{where} refused to answer: {server_message}; change the prompt or the model", False, "refusal"
    )


def exceeds_context(error: openai.APIStatusError) -> bool:
    """Returns True if the request can never fit into the model's context.

    llama.cpp reports that with status 500 for a request that outgrew its slot. The message of a rate limit may
    mention contexts too; such a request can only never pass if it is larger than the whole minute's limit.
    """
    if isinstance(error, openai.RateLimitError):
        return "request too large" in error.message.lower()
    return error.status_code == 413 or CONTEXT_EXCEEDED.search(_join_error_texts(error)) is not None


def has_timed_out(error: BaseException | None) -> bool:
    """Returns True if time ran out; the client also reports a connection closed by the server as a timeout."""
    while error is not None and not isinstance(error, TimeoutError):
        error = error.__cause__
    return error is not None


def _join_error_texts(error: openai.APIStatusError) -> str:
    return f"{error.code} {error.type} {error.message}"
