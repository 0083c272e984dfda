"""The engine behind an OpenAI-compatible HTTP server: vLLM, llama.cpp, OpenAI itself and its lookalikes.

Here belongs asking one model on one server. Connections, time limits, backoff and `Retry-After` are the
`openai` package's; what differs between servers is in `profiles.py`; what belongs around an engine
(journal, meter, balancing over several servers) has its own modules.

    engine = OpenAICompatibleEngine("vllm", model="Qwen/Qwen3-8B", base_url="http://gpu-box:8000/v1")
    await engine.probe()
    completion = await engine.complete(request)
"""

import asyncio
from random import random
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx2
import msgspec
import openai

from funcdex_assets.inference.answers import AnswerMessage, BrokenAnswer, Choice, read_answer, strip_thinking
from funcdex_assets.inference.failures import explain
from funcdex_assets.inference.profiles import PROFILES, ProfileName
from funcdex_assets.inference.protocol import (
    ChatMessage,
    Completion,
    Constraint,
    GrammarConstraint,
    InferenceError,
    JsonSchemaConstraint,
    Request,
    Sampling,
)

NO_KEY = "EMPTY"
"""Sent to servers that check no key, because the client insists on one."""

FIRST_PAUSE_S = 0.5
"""Before the first retry, as in the client; doubled for each further one."""

PROBE_SAMPLING = Sampling(temperature=None, max_tokens=512)
PROBES: tuple[tuple[Constraint, str], ...] = (
    (GrammarConstraint('root ::= "zq-7431"'), "zq-7431"),
    (
        JsonSchemaConstraint(
            "probe",
            {
                "type": "object",
                "properties": {"zq": {"type": "string", "enum": ["7431"]}},
                "required": ["zq"],
                "additionalProperties": False,
            },
        ),
        '{"zq":"7431"}',
    ),
)
"""Constraints with their only answer, whitespace removed: nobody says this unless forced."""


class OpenAICompatibleEngine:
    """Asks one model, at most `concurrency` requests at a time.

    `timeout_s` limits each try, `retries` the tries after the first: half a second after it, then twice
    as long each time up to 8 s, or as long as the server's `Retry-After` says.
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
        self.name = f"{profile}:{model}"
        self._profile = PROFILES[profile]
        self._model = model
        self._base_url = (base_url or self._profile.base_url).rstrip("/")
        self._where = f"{profile} server at {self._base_url} (model {model!r})"
        self._api_key = api_key
        self._concurrency = concurrency
        self._timeout_s = timeout_s
        self._retries = retries
        # OpenAI's newer models refuse max_tokens; many lookalikes know nothing else.
        is_openai = _checked_host(self._base_url) == "api.openai.com"
        self._limit_field = "max_completion_tokens" if is_openai else "max_tokens"
        # Connections and semaphores belong to an event loop, and each asset may run its own.
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, _Session] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._where}>"

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
        for constraint, expected in PROBES:
            if isinstance(constraint, GrammarConstraint) and self._profile.grammar is None:
                continue
            request = Request("probe", None, _probe_prompt, 7431, PROBE_SAMPLING, constraint)
            completion = await self._ask(client, self._body(request), min(self._retries, 1))
            if not _is_honoured(completion, expected):
                raise self._not_honoured(constraint, completion, expected)

    async def close(self) -> None:
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.client.close()

    def _session(self) -> "_Session":
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            limits = httpx2.Limits(max_connections=self._concurrency, max_keepalive_connections=self._concurrency)
            client = openai.AsyncOpenAI(
                api_key=self._api_key,
                base_url=self._base_url,
                timeout=openai.Timeout(self._timeout_s, connect=min(10, self._timeout_s)),
                http_client=openai.DefaultAsyncHttpxClient(limits=limits),
            )
            session = self._sessions[loop] = _Session(client, self._concurrency)
        return session

    def _body(self, request: Request) -> bytes:
        sampling = request.sampling
        body: dict[str, Any] = {
            "model": self._model,
            "messages": request.messages,
            self._limit_field: sampling.max_tokens,
            # 31 bits is what every server can hold: llama.cpp cuts a longer seed without a word.
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
                    f"{self._where} cannot take a grammar, which the role {request.role!r} asks for; "
                    "use the profile vllm or llama_cpp, or the strategy simulate",
                    retryable=False,
                )
            body |= self._profile.grammar(constraint)
        return msgspec.json.encode(body)

    async def _ask(self, client: openai.AsyncOpenAI, body: bytes, retries: int) -> Completion:
        """Asks at most `retries` times more than once. Failures are the client's to retry; a broken
        answer counts as a success there, so it is asked again here.
        """
        started = perf_counter()
        taken = 0
        while True:
            response = await self._post(client, body, taken, retries)
            taken += _retry_count(response.request)
            try:
                answer = read_answer(response.content)
                break
            except BrokenAnswer as defect:
                if taken >= retries:
                    raise InferenceError(
                        f"{self._where} gave no usable answer in {taken + 1} tries: "
                        f"{self._quote(str(defect))}; see the server's log, then run again",
                        retryable=True,
                    ) from None
            await asyncio.sleep(min(8.0, FIRST_PAUSE_S * 2**taken) * (1 - 0.25 * random()))
            taken += 1
        choice = answer.choices[0]
        return Completion(
            text=self._text(choice, choice.message),
            finish_reason=choice.finish_reason or "stop",
            usage=answer.counted(),
            latency_s=perf_counter() - started,
            model=self._model,
            retries=taken,
        )

    async def _post(self, client: openai.AsyncOpenAI, body: bytes, taken: int, retries: int) -> httpx2.Response:
        # The raw response, which msgspec reads: 0.7 ms of CPU per request where chat.completions.create
        # with its walk over the messages and its pydantic models takes 1.2.
        try:
            return await client.post(
                "/chat/completions",
                cast_to=httpx2.Response,
                content=body,
                options={"headers": {"Content-Type": "application/json"}, "max_retries": retries - taken},
            )
        except openai.APIError as error:
            said = self._quote(_server_message(error))
            offered = await _offered_models(client) if isinstance(error, openai.NotFoundError) else []
            failure = explain(
                error,
                where=self._where,
                said=said,
                tries=taken + _retry_count(error.request) + 1,
                timeout_s=self._timeout_s,
                offered=offered,
            )
        # Not from within the handler: the client's error may quote the key, and would be shown as the cause.
        raise failure

    def _text(self, choice: Choice, message: AnswerMessage) -> str:
        if message.refusal or choice.finish_reason == "content_filter":
            raise InferenceError(
                f"{self._where} refused to answer: {self._quote(message.refusal or 'content filter')}; "
                "change the prompt or the model",
                retryable=False,
            )
        if message.content is None and message.tool_calls:
            raise InferenceError(
                f"{self._where} turned its answer into tool calls; switch the server's tool-call parser off "
                "(vLLM: no --enable-auto-tool-choice)",
                retryable=False,
            )
        return strip_thinking(message.content or "")

    def _not_honoured(self, constraint: Constraint, completion: Completion, expected: str) -> InferenceError:
        if not completion.text and completion.finish_reason == "length":
            return InferenceError(
                f"{self._where} used {PROBE_SAMPLING.max_tokens} tokens before the first word of its answer; "
                "switch the model's reasoning off",
                retryable=False,
            )
        kind = "grammar" if isinstance(constraint, GrammarConstraint) else "JSON Schema"
        return InferenceError(
            f"{self._where} ignored a {kind}: it said {self._quote(completion.text)!r}, where only "
            f"{expected!r} is possible; update the server (vLLM to 0.12 or later) or correct the profile",
            retryable=False,
        )

    def _quote(self, text: str) -> str:
        """What a server said, in one short line and without the key, which some echo."""
        if self._api_key != NO_KEY:
            text = text.replace(self._api_key, "[API key]")
        text = " ".join(text.split())
        return text if len(text) <= 300 else text[:300] + "…"


class _Session:
    """What belongs to one event loop."""

    __slots__ = ("client", "slots")

    def __init__(self, client: openai.AsyncOpenAI, concurrency: int) -> None:
        self.client = client
        self.slots = asyncio.Semaphore(concurrency)


def _retry_count(request: httpx2.Request) -> int:
    """How often the client had tried before it sent this one, which it writes into a header."""
    return int(request.headers.get("x-stainless-retry-count", 0))


def _probe_prompt() -> tuple[ChatMessage, ...]:
    return (ChatMessage("user", "Reply with one word: hello."),)


def _is_honoured(completion: Completion, expected: str) -> bool:
    """Free whitespace, which JSON constraints allow and an untrained model may write without end, is
    overlooked; such an answer may be cut.
    """
    said = "".join(completion.text.split())
    cut = completion.finish_reason == "length" and said != "" and expected.startswith(said)
    return said == expected or cut


def _server_message(error: openai.APIError) -> str:
    if isinstance(error.body, dict) and error.body.get("message"):
        return str(error.body["message"])
    return str(error.__cause__ or error.message)


async def _offered_models(client: openai.AsyncOpenAI) -> list[str]:
    try:
        page = await client.with_options(max_retries=0).models.list()
        return sorted(model.id for model in page.data)[:20]
    except (openai.OpenAIError, AttributeError, TypeError, ValueError):
        return []


def _checked_host(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        if parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc and not parts.query:
            return parts.hostname
    except ValueError:
        pass
    # The value is not shown: it may be credentials that make it wrong.
    raise InferenceError(
        "inference.base_url must be an http(s) URL without user name, password and query, such as "
        "http://127.0.0.1:8000/v1; a key belongs in the variable that inference.api_key_env names",
        retryable=False,
    )
