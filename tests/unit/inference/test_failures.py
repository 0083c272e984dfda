import httpx2
import openai
import pytest

from funcdex_assets.inference.failures import explain_failure
from funcdex_assets.inference.protocol import InferenceError


def explained(status, message, code=None):
    response = httpx2.Response(status, request=httpx2.Request("POST", "http://box/v1"))
    classes = {400: openai.BadRequestError, 429: openai.RateLimitError, 500: openai.InternalServerError}
    error = classes.get(status, openai.APIStatusError)(
        f"Error code: {status} - {message}", response=response, body={"message": message, "code": code}
    )
    return explain_failure(error, where="here", server_message=message, tries=1, timeout_s=5, offered=())


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        pytest.param(400, "Input tokens exceed the configured limit of 272000 tokens.", None, id="openai"),
        pytest.param(400, "Too long", "context_length_exceeded", id="openai-code"),
        pytest.param(
            400, "This model's maximum context length is 8192 tokens. However, you requested 9000", None, id="vllm"
        ),
        pytest.param(
            400,
            "The decoder prompt (length 9000) is longer than the maximum model length of 8192.",
            None,
            id="vllm-prompt",
        ),
        pytest.param(
            400,
            "You passed 8193 input tokens and requested 1 output tokens. However, the model's context length is only "
            "8192 tokens",
            None,
            id="vllm-newer",
        ),
        pytest.param(
            400, "request (9000 tokens) exceeds the available context size (8192 tokens)", None, id="llama.cpp"
        ),
        pytest.param(500, "Context size has been exceeded.", None, id="llama.cpp-while-decoding"),
        pytest.param(
            400, "The input (9000 tokens) is longer than the model's context length (8192 tokens).", None, id="sglang"
        ),
        pytest.param(400, "`inputs` must have less than 4095 tokens. Given: 5000", None, id="tgi"),
        pytest.param(400, "`inputs` tokens + `max_new_tokens` must be <= 4096", None, id="tgi-sum"),
        pytest.param(400, "prompt is too long: 210000 tokens > 200000 maximum", None, id="anthropic"),
        pytest.param(
            400,
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            None,
            id="google",
        ),
        pytest.param(
            400,
            "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
            None,
            id="mistral",
        ),
        pytest.param(400, "Please reduce the length of the messages or completion.", None, id="groq"),
        pytest.param(413, "Payload Too Large", None, id="a-proxy"),
        pytest.param(
            429, "Request too large for gpt-4o on tokens per min (TPM): Limit 30000", None, id="above-a-minutes-limit"
        ),
    ],
)
def test_a_request_that_is_too_long_is_recognised(status, message, code):
    error = explained(status, message, code)
    assert (error.kind, error.retryable) == ("context", False)
    assert message in str(error)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        pytest.param("The response was filtered", "content_filter", id="azure"),
        pytest.param(
            "Invalid prompt: your prompt was flagged as violating our usage policy", "invalid_prompt", id="openai"
        ),
        pytest.param("Your request was rejected as a result of our safety system.", None, id="openai-safety"),
        pytest.param("Content Exists Risk", None, id="deepseek"),
        pytest.param("Input data may contain inappropriate content.", "data_inspection_failed", id="dashscope"),
    ],
)
def test_a_refusal_is_recognised(message, code):
    error = explained(400, message, code)
    assert (error.kind, error.retryable) == ("refusal", False)
    assert message in str(error)


@pytest.mark.parametrize(
    ("status", "message", "kind", "retryable"),
    [
        pytest.param(400, "Failed to parse grammar", "invalid", False, id="bad-request"),
        pytest.param(400, "max_tokens must be a number", "invalid", False, id="a-bad-parameter"),
        pytest.param(
            429, "Rate limit reached for requests with long context windows", "unavailable", True, id="rate-limit"
        ),
        pytest.param(500, "CUDA out of memory", "unavailable", True, id="server-error"),
        pytest.param(503, "Loading model", "unavailable", True, id="starting"),
    ],
)
def test_what_is_neither_is_neither(status, message, kind, retryable):
    error = explained(status, message)
    assert (error.kind, error.retryable) == (kind, retryable)


@pytest.mark.parametrize(("retryable", "kind"), [(True, "unavailable"), (False, "invalid")])
def test_the_kind_follows_from_whether_it_may_pass(retryable, kind):
    assert InferenceError("What; do that", retryable).kind == kind
