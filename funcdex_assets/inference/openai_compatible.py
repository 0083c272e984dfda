"""The engine behind an OpenAI-compatible HTTP server: vLLM, llama.cpp, OpenAI itself and its lookalikes.

Here belong the translation of a request into what one kind of server takes, and of its failures into
`InferenceError`. Connections, time limits, backoff and `Retry-After` are the `openai` package's. What
belongs around an engine (journal, meter, balancing over several servers) is not here.

    engine = OpenAICompatibleEngine("vllm", model="Qwen/Qwen3-8B", base_url="http://gpu-box:8000/v1")
    await engine.probe()
    completion = await engine.complete(request)
"""

import asyncio
import re
from collections.abc import Callable
from random import random
from time import perf_counter
from typing import Any, Literal
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx2
import msgspec
import openai

from funcdex_assets.inference.protocol import (
    ChatMessage,
    Completion,
    Constraint,
    GrammarConstraint,
    InferenceError,
    JsonSchemaConstraint,
    Request,
    Sampling,
    Usage,
)
from funcdex_assets.records import Json

ProfileName = Literal["vllm", "llama_cpp", "openai"]

NO_KEY = "EMPTY"
"""What servers that check no key are sent (the `openai` package insists on one)."""


class Profile(msgspec.Struct, frozen=True):
    """How one kind of server wants constraints; `grammar` is None where it takes none."""

    base_url: str
    json_schema: Callable[[JsonSchemaConstraint], dict[str, Json]]
    grammar: Callable[[GrammarConstraint], dict[str, Json]] | None


def _response_format(constraint: JsonSchemaConstraint) -> dict[str, Json]:
    # Not strict: strict mode refuses optional properties, which most tools have.
    schema = {"name": constraint.name, "schema": constraint.schema, "strict": False}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


PROFILES: dict[ProfileName, Profile] = {
    # guided_grammar and guided_json, which vLLM took before 0.12, are ignored without a word by later ones.
    "vllm": Profile(
        base_url="http://127.0.0.1:8000/v1",
        json_schema=lambda constraint: {"structured_outputs": {"json": constraint.schema}},
        grammar=lambda constraint: {"structured_outputs": {"grammar": constraint.grammar}},
    ),
    # A top-level json_schema reaches its sampler beside the grammar made from it, which some builds
    # refuse as "either json_schema or grammar"; response_format works in all (llama.cpp#11847).
    "llama_cpp": Profile(
        base_url="http://127.0.0.1:8080/v1",
        json_schema=_response_format,
        grammar=lambda constraint: {"grammar": constraint.grammar},
    ),
    "openai": Profile(base_url="https://api.openai.com/v1", json_schema=_response_format, grammar=None),
}

PROBE_GRAMMAR = GrammarConstraint('root ::= "zq-7431"')
PROBE_SCHEMA = JsonSchemaConstraint(
    "probe",
    {
        "type": "object",
        "properties": {"zq": {"type": "string", "enum": ["7431"]}},
        "required": ["zq"],
        "additionalProperties": False,
    },
)
PROBE_ANSWERS: tuple[tuple[Constraint, str], ...] = (
    (PROBE_GRAMMAR, "zq-7431"),
    (PROBE_SCHEMA, '{"zq":"7431"}'),
)
"""Each constraint's only answer, whitespace removed."""


class OpenAICompatibleEngine:
    """Asks one model on one server, at most `concurrency` requests at a time.

    `timeout_s` limits each try, `retries` the tries after the first. A second of patience doubles with
    each retry, unless the server says how long to wait.
    """

    def __init__(
        self,
        profile: ProfileName,
        *,
        model: str,
        base_url: str | None = None,
        api_key: str = NO_KEY,
        concurrency: int = 32,
        timeout_s: float = 300,
        retries: int = 5,
    ) -> None:
        self._profile = PROFILES[profile]
        self._profile_name = profile
        self._model = model
        self._base_url = (base_url or self._profile.base_url).rstrip("/")
        self._api_key = api_key
        self._concurrency = concurrency
        self._timeout_s = timeout_s
        self._retries = retries
        host = _checked_host(self._base_url)
        # OpenAI's newer models refuse max_tokens; most lookalikes know nothing else.
        self._limit_field = "max_completion_tokens" if host == "api.openai.com" else "max_tokens"
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, _Session] = WeakKeyDictionary()

    @property
    def name(self) -> str:
        return f"{self._profile_name}:{self._model}"

    def __repr__(self) -> str:
        return f"OpenAICompatibleEngine({self.name!r}, base_url={self._base_url!r})"

    async def complete(self, request: Request) -> Completion:
        body = self._body(request)
        session = self._session()
        async with session.slots:
            return await self._ask(session.client, body, self._retries)

    async def probe(self) -> None:
        """Asks one tiny question per kind of constraint and sees that the constraint decided the answer.

        Raises:
            InferenceError: the server cannot be reached, does not know the model, or answers as if it
                had been asked without the constraint.
        """
        client = self._session().client
        for constraint, expected in PROBE_ANSWERS:
            if isinstance(constraint, GrammarConstraint) and self._profile.grammar is None:
                continue
            request = Request(
                "probe",
                subject=None,
                prompt=lambda: (ChatMessage("user", "Reply with one word: hello."),),
                seed=7431,
                sampling=Sampling(temperature=None, max_tokens=512),
                constraint=constraint,
            )
            completion = await self._ask(client, self._body(request), min(self._retries, 1))
            if not _honours(completion, expected):
                self._refuse_unconstrained(constraint, completion, expected)

    async def close(self) -> None:
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.client.close()

    # ── the question ──────────────────────────────────────────────────────────────────────────

    def _body(self, request: Request) -> bytes:
        sampling = request.sampling
        body: dict[str, Any] = {
            "model": self._model,
            "messages": request.messages,
            self._limit_field: sampling.max_tokens,
            # 31 bits is what every server can hold: llama.cpp would cut a longer seed without a word.
            "seed": request.seed & 0x7FFFFFFF,
        }
        if sampling.temperature is not None:
            body["temperature"] = sampling.temperature
        if sampling.top_p is not None:
            body["top_p"] = sampling.top_p
        if sampling.stop:
            body["stop"] = sampling.stop
        constraint = request.resolved_constraint
        if isinstance(constraint, JsonSchemaConstraint):
            body |= self._profile.json_schema(constraint)
        elif isinstance(constraint, GrammarConstraint):
            if self._profile.grammar is None:
                raise InferenceError(
                    f"Profile {self._profile_name!r} cannot take a grammar, which role {request.role!r} asks for; "
                    "use the profile vllm or llama_cpp, or the strategy simulate",
                    retryable=False,
                )
            body |= self._profile.grammar(constraint)
        return msgspec.json.encode(body)

    def _session(self) -> "_Session":
        # A connection belongs to its event loop, and each asset may run its own.
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            session = self._sessions[loop] = _Session(self._new_client(), self._concurrency)
        return session

    def _new_client(self) -> openai.AsyncOpenAI:
        limits = httpx2.Limits(max_connections=self._concurrency, max_keepalive_connections=self._concurrency)
        return openai.AsyncOpenAI(
            api_key=self._api_key,
            base_url=self._base_url,
            timeout=openai.Timeout(self._timeout_s, connect=min(10, self._timeout_s)),
            http_client=openai.DefaultAsyncHttpxClient(limits=limits),
        )

    # ── the answer ────────────────────────────────────────────────────────────────────────────

    async def _ask(self, client: openai.AsyncOpenAI, body: bytes, retries: int) -> Completion:
        """Asks until there is a usable answer, `retries` times more at most.

        The client retries what fails; an answer that came but is broken (cut JSON, no choices), as
        overloaded proxies give, is asked again here.
        """
        started = perf_counter()
        taken = 0
        while True:
            response = await self._post(client, body, retries - taken)
            taken += int(response.request.headers.get("x-stainless-retry-count", 0))
            answer, defect = _read_answer(response.content)
            if answer is not None:
                break
            if taken >= retries:
                raise InferenceError(
                    f"{self._where()} gave no usable answer in {taken + 1} tries: {self._clean(defect)}; "
                    "see the server's log, then run again",
                    retryable=True,
                )
            taken += 1
            await asyncio.sleep(min(8.0, 0.5 * 2**taken) * (1 - 0.25 * random()))
        choice = answer.choices[0]
        return Completion(
            text=self._text(choice),
            finish_reason=choice.finish_reason or "stop",
            usage=answer.usage.usage() if answer.usage else Usage(),
            latency_s=perf_counter() - started,
            model=self._model,
            retries=taken,
        )

    async def _post(self, client: openai.AsyncOpenAI, body: bytes, retries: int) -> httpx2.Response:
        # The raw response, decoded by msgspec: 0.7 ms of CPU per request where
        # chat.completions.create takes 1.2 (its walk over the messages, its pydantic models).
        try:
            return await client.post(
                "/chat/completions",
                cast_to=httpx2.Response,
                content=body,
                options={"headers": {"Content-Type": "application/json"}, "max_retries": retries},
            )
        except openai.APIError as error:
            failure = await self._explain(client, error, retries)
        # Outside the handler: the openai error, which may quote the key, is not chained to ours.
        raise failure

    def _text(self, choice: "_Choice") -> str:
        message = choice.message
        if message.refusal or choice.finish_reason == "content_filter":
            raise InferenceError(
                f"{self._where()} refused to answer: {self._clean(message.refusal or 'content filter')}; "
                "change the prompt or the model",
                retryable=False,
            )
        if message.content is None and message.tool_calls:
            raise InferenceError(
                f"{self._where()} turned the answer into tool calls; switch its tool-call parser off "
                "(vLLM: start without --enable-auto-tool-choice)",
                retryable=False,
            )
        return strip_thinking(message.content or "")

    # ── what went wrong ───────────────────────────────────────────────────────────────────────

    async def _explain(
        self, client: openai.AsyncOpenAI, error: openai.APIError, retries: int
    ) -> InferenceError:
        where, said = self._where(), self._clean(error.message)
        match error:
            case openai.APITimeoutError():
                return InferenceError(
                    f"{where} did not answer within {self._timeout_s:g} s in {retries + 1} tries; raise "
                    "inference.timeout_s or lower inference.concurrency",
                    retryable=True,
                )
            case openai.APIConnectionError():
                return InferenceError(
                    f"{where} cannot be reached ({self._clean(str(error.__cause__ or error))}); start the server, "
                    "or correct inference.base_url",
                    retryable=True,
                )
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                return InferenceError(
                    f"{where} refused the API key (HTTP {error.status_code}): {said}; put a valid key into the "
                    "environment variable that inference.api_key_env names",
                    retryable=False,
                )
            case openai.NotFoundError():
                return InferenceError(
                    f"{where} does not know the model or the path (HTTP 404): {said}; "
                    f"{await self._offered_models(client)}",
                    retryable=False,
                )
            case openai.RateLimitError(code="insufficient_quota"):
                return InferenceError(
                    f"{where} says the account's quota is used up: {said}; add credit or use another key",
                    retryable=False,
                )
            case openai.RateLimitError():
                return InferenceError(
                    f"{where} limits the rate (HTTP 429, {retries + 1} tries): {said}; lower "
                    "inference.concurrency, or run again later: what is answered stays in the journal",
                    retryable=True,
                )
            case openai.APIStatusError(status_code=status) if status >= 500 or status in (408, 409):
                return InferenceError(
                    f"{where} failed (HTTP {status}, {retries + 1} tries): {said}; see the server's log, then run "
                    "again",
                    retryable=True,
                )
            case openai.APIStatusError() if error.status_code == 413 or CONTEXT_EXCEEDED.search(
                f"{error.code} {error.type} {error.message}"
            ):
                return InferenceError(
                    f"{where} has too short a context for the request: {said}; serve the model with a longer "
                    "context, lower inference.max_tokens, or offer fewer tools per conversation",
                    retryable=False,
                )
            case openai.APIStatusError():
                return InferenceError(
                    f"{where} rejected the request (HTTP {error.status_code}): {said}; see that the server supports "
                    "the constraint and the sampling settings",
                    retryable=False,
                )
        return InferenceError(f"{where} failed: {said}", retryable=False)

    async def _offered_models(self, client: openai.AsyncOpenAI) -> str:
        try:
            page = await client.with_options(max_retries=0).models.list()
            names = sorted(model.id for model in page.data)[:20]
        except (openai.OpenAIError, AttributeError, TypeError):
            names = []
        if not names:
            return "correct inference.base_url (it usually ends in /v1) or inference.model"
        return f"set inference.model to one that it offers: {', '.join(names)}"

    def _refuse_unconstrained(self, constraint: Constraint, completion: Completion, expected: str) -> None:
        kind = "a grammar" if isinstance(constraint, GrammarConstraint) else "a JSON Schema"
        if not completion.text and completion.finish_reason == "length":
            problem = "spent 512 tokens on reasoning before any answer; switch reasoning off for this model"
        else:
            problem = (
                f"ignored {kind}: it answered {self._clean(completion.text)!r} where only {expected!r} is possible; "
                "update the server (vLLM from 0.12), or choose the profile that it is"
            )
        raise InferenceError(f"{self._where()} {problem}", retryable=False)

    def _where(self) -> str:
        return f"{self._profile_name} server at {self._base_url} (model {self._model!r})"

    def _clean(self, text: str) -> str:
        """What a server said, in one short line and without the key, which some quote."""
        if self._api_key != NO_KEY:
            text = text.replace(self._api_key, "[API key]")
        text = " ".join(text.split())
        return text if len(text) <= 300 else text[:300] + "…"


CONTEXT_EXCEEDED = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum context length|context (size|length|window)|max_model_len",
    re.IGNORECASE,
)
"""How OpenAI, llama.cpp and vLLM say it."""


def strip_thinking(text: str) -> str:
    r"""The answer without the reasoning before it.

    Reasoning is a leading `<think>…</think>`, or all before a lone `</think>` (chat templates that open
    the tag themselves). An answer that opens like JSON or markup is no reasoning, whatever it quotes.

    >>> strip_thinking("<think>Hm.</think>\n\nYes")
    'Yes'
    >>> strip_thinking('{"text": "the tag </think>"}')
    '{"text": "the tag </think>"}'
    """
    opening = text.lstrip()
    if opening.startswith("<think>"):
        return opening.partition("</think>")[2].lstrip()
    if "</think>" in opening and not opening.startswith(("{", "[", "<")) or opening.startswith("</think>"):
        return opening.partition("</think>")[2].lstrip()
    return text


class _Session:
    """What belongs to one event loop."""

    __slots__ = ("client", "slots")

    def __init__(self, client: openai.AsyncOpenAI, concurrency: int) -> None:
        self.client = client
        self.slots = asyncio.Semaphore(concurrency)


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[Any] | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None

    def usage(self) -> Usage:
        details = self.prompt_tokens_details
        return Usage(
            self.prompt_tokens or 0,
            self.completion_tokens or 0,
            (details.cached_tokens or 0) if details else 0,
        )


class _Answer(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Any = None


_decode_answer = msgspec.json.Decoder(_Answer).decode


def _read_answer(content: bytes) -> tuple[_Answer | None, str]:
    """The answer, or None and what is wrong with it."""
    try:
        answer = _decode_answer(content)
    except msgspec.MsgspecError as error:
        return None, f"{error} in {content[:200].decode(errors='replace')!r}"
    if not answer.choices:
        return None, f"error {answer.error}" if answer.error else "no choices"
    choice = answer.choices[0]
    message = choice.message
    explained = message.refusal or message.tool_calls or choice.finish_reason in ("length", "content_filter")
    if message.content is None and not explained:
        return None, "a message without content"
    return answer, ""


def _honours(completion: Completion, expected: str) -> bool:
    """Whether the constraint decided the answer.

    Free whitespace, which JSON grammars allow and an untrained model may write without end, is looked
    over; the answer may then be cut.
    """
    said = "".join(completion.text.split())
    return said == expected or (
        completion.finish_reason == "length" and said != "" and expected.startswith(said)
    )


def _checked_host(base_url: str) -> str | None:
    try:
        parts = urlsplit(base_url)
        host = parts.hostname
    except ValueError:
        parts, host = None, None
    if parts is None or parts.scheme not in ("http", "https") or not host or parts.username or parts.password:
        raise InferenceError(
            f"inference.base_url must be an http(s) URL without user name and password, such as "
            f"http://127.0.0.1:8000/v1 (host given: {host!r}); a key belongs into the environment variable that "
            "inference.api_key_env names",
            retryable=False,
        )
    return host
