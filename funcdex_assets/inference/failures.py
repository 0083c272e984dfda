"""What a server's failure means for the user: one table from the client's errors to `InferenceError`.

Here belong the meaning and the remedy; whether and when to try again before that is the client's part.
"""

import re

import openai

from funcdex_assets.inference.protocol import InferenceError

CONTEXT_EXCEEDED = re.compile(
    r"context_length_exceeded|exceed_context_size|max_model_len|context (size|length|window)", re.IGNORECASE
)
"""How OpenAI, llama.cpp and vLLM say it."""


def explain(
    error: openai.APIError, *, where: str, said: str, tries: int, timeout_s: float, offered: list[str]
) -> InferenceError:
    """`where` names server and model, `said` is the server's own message, free of the key.

    `offered` are the model names that the server lists, if it could be asked.
    """
    match error:
        case openai.APITimeoutError():
            meaning, retryable = (
                f"did not answer within {timeout_s:g} s in {tries} {'try' if tries == 1 else 'tries'}",
                True,
            )
            remedy = "raise inference.timeout_s or lower inference.concurrency"
        case openai.APIConnectionError():
            meaning, retryable = f"cannot be reached in {tries} {'try' if tries == 1 else 'tries'}: {said}", True
            remedy = "start the server, or correct inference.base_url"
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            meaning, retryable = f"refused the API key (HTTP {error.status_code}): {said}", False
            remedy = "put a valid key into the environment variable that inference.api_key_env names"
        case openai.NotFoundError():
            meaning, retryable = f"does not know the model or the path (HTTP 404): {said}", False
            remedy = "correct inference.base_url (it usually ends in /v1) or inference.model"
            if offered:
                remedy = f"set inference.model to one that it offers: {', '.join(offered)}"
        case openai.RateLimitError(code="insufficient_quota"):
            meaning, retryable = f"says that the account's quota is used up: {said}", False
            remedy = "add credit, or use another key"
        case openai.RateLimitError():
            meaning, retryable = (
                f"limits the rate (HTTP 429 in {tries} {'try' if tries == 1 else 'tries'}): {said}",
                True,
            )
            remedy = "lower inference.concurrency, or run again later: the journal keeps what is answered"
        case openai.APIStatusError(status_code=status) if status >= 500 or status in (408, 409):
            meaning, retryable = f"failed (HTTP {status} in {tries} {'try' if tries == 1 else 'tries'}): {said}", True
            remedy = "see the server's log, then run again"
        case openai.APIStatusError(status_code=status) if status == 413 or _exceeds_context(error):
            meaning, retryable = f"has too short a context for this request: {said}", False
            remedy = (
                "serve the model with a longer context, lower inference.max_tokens, "
                "or offer fewer tools per conversation"
            )
        case openai.APIStatusError():
            meaning, retryable = f"rejected the request (HTTP {error.status_code}): {said}", False
            remedy = "see that the server supports the constraint and the sampling settings"
        case _:
            meaning, retryable = f"failed: {said}", False
            remedy = "see the server's log"
    return InferenceError(f"{where} {meaning}; {remedy}", retryable)


def _exceeds_context(error: openai.APIStatusError) -> bool:
    return CONTEXT_EXCEEDED.search(f"{error.code} {error.type} {error.message}") is not None
