"""Asks one model on one OpenAI-compatible HTTP server: vLLM, llama.cpp, OpenAI itself and its lookalikes.

A single request, its body and its answer belong here. Connections and time limits are those of the `openai` package;
the differences between servers are in `profiles.py`, retries in `tries.py`; the layers around an engine (journal,
meter, balancing over several servers) have their own modules.

    engine = OpenAICompatibleEngine("vllm", model="Qwen/Qwen3-8B", base_url="http://gpu-box:8000/v1")
    await engine.probe()
    completion = await engine.complete(request)
"""

import asyncio
import email.utils
import json
from collections.abc import Mapping, Sequence
from time import perf_counter, time
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx2
import msgspec
import openai

from funcdex_assets.dml.notation import Notation
from funcdex_assets.inference.answers import BrokenAnswer, read_answer
from funcdex_assets.inference.failures import exceeds_context, explain_failure, refusal_error
from funcdex_assets.inference.limits import RateLimiter
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
from funcdex_assets.inference.tries import LONGEST_WAIT_S, ServerState, TryFailed, ask_with_retries
from funcdex_assets.records.record import Json

NO_KEY = "EMPTY"
"""Sent to servers that check no key, because the client insists on one."""

KEEP_ALIVE_S = 4.0
"""Connections that are idle for longer are not used again: uvicorn, under vLLM, closes them after 5 s."""

PROBE_SAMPLING = Sampling(temperature=None, max_tokens=512)
_ONLY_ANSWER: dict[Notation, str] = {
    "gbnf": 'root ::= "zq-7431"',
    "lark": '%llguidance {}\nstart: "zq-7431"',
    # With a token budget: an xgrammar that does not know budgets is too old for our grammars.
    "structural_tag": json.dumps(
        {
            "type": "structural_tag",
            "format": {"type": "grammar", "grammar": 'root ::= "zq-" digits\ndigits[max_tokens=8] ::= "7431"\n'},
        }
    ),
}
PROBES: tuple[tuple[Constraint, str], ...] = (
    (GrammarConstraint("probe", lambda notation: _ONLY_ANSWER[notation]), "zq-7431"),
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
"""Constraints, each with its only possible answer (without whitespace), which no model gives unless it must."""


class OpenAICompatibleEngine:
    """Asks one model, at most `concurrency` requests at a time.

    `timeout_s` limits each try, `retries` the tries after the first. The pause before a retry is half a second,
    doubled each time up to 8 s, or the server's `Retry-After`, which `limiter` applies to all requests if the
    server repeats it. Grammars are sent in `notation`, by default the profile's own. `further_fields` are part of every
    request's body: `reasoning_effort`, or `logprobs`, with which completions have a mean probability.

    Raises:
        InferenceError: a base URL that cannot work, or a notation that the profile's servers do not take.
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
        notation: Notation | None = None,
        limiter: RateLimiter | None = None,
        further_fields: Mapping[str, Json] = MappingProxyType({}),
    ) -> None:
        self.name = f"{profile}:{model}"
        self._profile = PROFILES[profile]
        if notation is not None and notation not in self._profile.grammars:
            raise InferenceError(
                f"inference.notation {notation!r} is not among those that the profile {profile!r} takes: "
                f"{', '.join(self._profile.grammars) or 'none'}; choose one of them, or leave it out",
                retryable=False,
            )
        self.notation: Notation | None = notation or self._profile.default_notation
        self.server_state = ServerState()
        self._model = model
        self._base_url = (base_url or self._profile.base_url).rstrip("/")
        self.where = f"{profile} server at {self._base_url} (model {model!r})"
        self._api_key = api_key
        self._concurrency = concurrency
        self._timeout_s = timeout_s
        self._retries = retries
        self._limiter = limiter or RateLimiter()
        self._further_fields = further_fields
        # OpenAI's newer models refuse max_tokens; many lookalikes know no other field.
        is_openai = _parse_host(self._base_url) == "api.openai.com"
        self._limit_field = "max_completion_tokens" if is_openai else "max_tokens"
        # Connections and semaphores belong to an event loop, and each asset may run its own.
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, _Session] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.where}>"

    async def complete(self, request: Request) -> Completion:
        async with self._find_or_open_session().slots:
            return await ask_with_retries((self,), request, self._retries)

    async def attempt_request(self, request: Request) -> Completion:
        """Makes one try, whatever the number of requests in flight; waits only for the rate limit.

        Raises:
            TryFailed: the try failed; it says whether another may succeed.
            InferenceError: the server refuses to answer, or cannot do what the request asks for.
        """
        body = self._encode_body(request)
        booked = await self._limiter.book_request(characters=len(body), max_tokens=request.sampling.max_tokens)
        used = answer_tokens = 0
        sent_at = perf_counter()
        try:
            content = await self._post_body(body, sent_at)
            latency_s = perf_counter() - sent_at
            try:
                answer = read_answer(content)
            except BrokenAnswer as defect:
                quoted_defect = self._quote_server(str(defect))
                raise TryFailed(
                    lambda tries: self._unusable_answer_error(quoted_defect, tries), retryable=True, sent_at=sent_at
                ) from None
            self._limiter.note_answer()
            usage = answer.to_usage()
            answer_tokens = usage.completion_tokens
            used = usage.prompt_tokens + answer_tokens or booked
        finally:
            self._limiter.settle_booking(booked, used=used, completion_tokens=answer_tokens)
        choice = answer.choices[0]
        if choice.refusal_words:
            raise refusal_error(self.where, self._quote_server(choice.refusal_words))
        if choice.message.tool_calls and choice.message.content is None and not request.tools:
            raise InferenceError(
                f"{self.where} turned its answer into tool calls; switch the server's tool-call parser off "
                "(vLLM: no --enable-auto-tool-choice)",
                retryable=False,
            )
        return Completion(
            text=choice.message.text_without_reasoning,
            finish_reason=choice.finish_reason or "stop",
            usage=usage,
            latency_s=latency_s,
            model=self._model,
            tool_calls=choice.message.chat_tool_calls if request.tools else (),
            mean_probability=choice.mean_probability,
        )

    async def probe_constraints(self) -> None:
        """Asks one tiny question for each kind of constraint and checks that the answer obeys the constraint.

        Raises:
            InferenceError: the server cannot be reached, does not know the model, or answers as if it
                had been asked without the constraint.
        """
        for constraint, expected in PROBES:
            if isinstance(constraint, GrammarConstraint) and self.notation is None:
                continue
            request = Request("probe", None, _probe_prompt, 7431, PROBE_SAMPLING, constraint)
            completion = await ask_with_retries((self,), request, min(self._retries, 1))
            if not _is_honoured(completion, expected):
                raise self._ignored_constraint_error(constraint, completion, expected)

    async def close(self) -> None:
        self._limiter.write_corrections()
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.client.close()

    def _find_or_open_session(self) -> "_Session":
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            limits = httpx2.Limits(
                max_connections=self._concurrency,
                max_keepalive_connections=self._concurrency,
                keepalive_expiry=KEEP_ALIVE_S,
            )
            client = openai.AsyncOpenAI(
                api_key=self._api_key,
                base_url=self._base_url,
                timeout=openai.Timeout(self._timeout_s, connect=min(10, self._timeout_s)),
                max_retries=0,
                # httpx2's own pool looks at every idle connection for every request: 1.0 ms of CPU per
                # request at 64 connections and 2.1 at 256, where aiohttp's takes 0.55 at both.
                http_client=openai.DefaultAioHttpClient(limits=limits),
            )
            session = self._sessions[loop] = _Session(client, self._concurrency)
        return session

    def _encode_body(self, request: Request) -> bytes:
        sampling = request.sampling
        body: dict[str, Any] = {
            "model": self._model,
            "messages": _to_wire_messages(request.messages),
            self._limit_field: sampling.max_tokens,
            # Every server can hold 31 bits; llama.cpp silently cuts a longer seed.
            "seed": request.seed & 0x7FFFFFFF,
            **self._further_fields,
        }
        if sampling.temperature is not None:
            body["temperature"] = sampling.temperature
        if sampling.top_p is not None:
            body["top_p"] = sampling.top_p
        if sampling.stop:
            body["stop"] = sampling.stop
        if request.tools:
            body["tools"] = request.tools
        constraint = request.resolved_constraint
        if isinstance(constraint, JsonSchemaConstraint):
            body |= self._profile.json_schema(constraint)
        elif isinstance(constraint, GrammarConstraint):
            if self.notation is None:
                raise InferenceError(
                    f"{self.where} cannot take a grammar, which the role {request.role!r} asks for; "
                    "use the profile vllm or llama_cpp, or the strategy simulate",
                    retryable=False,
                )
            body |= self._profile.grammars[self.notation](constraint.render_in_notation(self.notation))
        return msgspec.json.encode(body)

    async def _post_body(self, body: bytes, sent_at: float) -> bytes:
        # The raw response is decoded with msgspec: chat.completions.create, with its walk over the messages and
        # its pydantic models, takes 0.5 ms of CPU more per request.
        client = self._find_or_open_session().client
        try:
            # The client's own limit is per read; a server that sends a byte now and then would never exceed it.
            async with asyncio.timeout(self._timeout_s):
                response = await client.post(
                    "/chat/completions",
                    cast_to=httpx2.Response,
                    content=body,
                    options={"headers": {"Content-Type": "application/json"}},
                )
            return response.content
        except TimeoutError as timeout_error:
            error: openai.APIError = openai.APITimeoutError(httpx2.Request("POST", self._base_url))
            error.__cause__ = timeout_error
        except openai.APIError as failure:
            error = failure
        server_message = self._quote_server(_extract_server_message(error))
        offered = await _list_offered_models(client) if isinstance(error, openai.NotFoundError) else []
        wait_s = _parse_retry_after(error)
        if wait_s and wait_s <= LONGEST_WAIT_S:
            self._limiter.note_refusal(wait_s)

        def build_error(tries: int) -> InferenceError:
            return explain_failure(
                error,
                where=self.where,
                server_message=server_message,
                tries=tries,
                timeout_s=self._timeout_s,
                offered=offered,
            )

        # Not from within the handler: the client's error may quote the key, and would be shown as the cause.
        raise TryFailed(
            build_error,
            retryable=_is_worth_retrying(error),
            servers_fault=not isinstance(error, openai.APIStatusError) or error.status_code >= 500,
            wait_s=wait_s,
            sent_at=sent_at,
        )

    def _unusable_answer_error(self, quoted_defect: str, tries: int) -> InferenceError:
        return InferenceError(
            f"{self.where} gave no usable answer in {tries} tries: {quoted_defect}; "
            "see the server's log, then run again",
            retryable=True,
        )

    def _ignored_constraint_error(
        self, constraint: Constraint, completion: Completion, expected: str
    ) -> InferenceError:
        if not completion.text and completion.finish_reason == "length":
            return InferenceError(
                f"{self.where} used {PROBE_SAMPLING.max_tokens} tokens before the first word of its answer; "
                "switch the model's reasoning off",
                retryable=False,
            )
        is_grammar = isinstance(constraint, GrammarConstraint)
        kind = f"grammar in the notation {self.notation}" if is_grammar else "JSON Schema"
        remedy = "update the server (vLLM to 0.12 or later) or correct the profile"
        if is_grammar:
            remedy += ", or choose another inference.notation"
        return InferenceError(
            f"{self.where} ignored a {kind}: it said {self._quote_server(completion.text)!r}, where only "
            f"{expected!r} is possible; {remedy}",
            retryable=False,
        )

    def _quote_server(self, text: str) -> str:
        """Returns a server's text as one line of at most 300 characters, without the API key, which some echo."""
        if self._api_key != NO_KEY:
            text = text.replace(self._api_key, "[API key]")
        text = " ".join(text.split())
        return text if len(text) <= 300 else text[:300] + "…"


class _Session:
    """The client and the slots for requests in flight of one event loop."""

    __slots__ = ("client", "slots")

    def __init__(self, client: openai.AsyncOpenAI, concurrency: int) -> None:
        self.client = client
        self.slots = asyncio.Semaphore(concurrency)


def _probe_prompt() -> tuple[ChatMessage, ...]:
    return (ChatMessage("user", "Reply with one word: hello."),)


def _is_honoured(completion: Completion, expected: str) -> bool:
    """Returns True if the answer is the expected one, ignoring whitespace.

    JSON constraints allow whitespace, which an untrained model may write without end; so the answer may also be
    the beginning of the expected one, cut at the limit on tokens.
    """
    answer = "".join(completion.text.split())
    is_cut_answer = completion.finish_reason == "length" and answer != "" and expected.startswith(answer)
    return answer == expected or is_cut_answer


def _to_wire_messages(messages: Sequence[ChatMessage]) -> list[Any]:
    """Returns messages in the form of the HTTP protocol, which wraps each call into an object of its type."""
    return [_to_wire_message(message) if message.tool_calls else message for message in messages]


def _to_wire_message(message: ChatMessage) -> dict[str, Any]:
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in message.tool_calls
    ]
    return {"role": message.role, "content": message.content, "tool_calls": calls}


def _is_worth_retrying(error: openai.APIError) -> bool:
    """Returns True if a retry may succeed: the rule of the `openai` package, but never for a context or quota."""
    if not isinstance(error, openai.APIStatusError):
        return isinstance(error, openai.APIConnectionError)  # timeouts too
    if exceeds_context(error) or error.code == "insufficient_quota":
        return False
    advice = error.response.headers.get("x-should-retry")
    if advice in ("true", "false"):
        return advice == "true"
    return error.status_code in (408, 409, 429) or error.status_code >= 500


def _parse_retry_after(error: openai.APIError) -> float | None:
    """Returns the seconds of `Retry-After` (a number or a date) or OpenAI's `retry-after-ms`; None without either."""
    if not isinstance(error, openai.APIStatusError):
        return None
    headers = error.response.headers
    for name, divisor in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(headers.get(name, "")) / divisor
        except ValueError:
            continue
        return seconds if 0 < seconds < float("inf") else None
    date = email.utils.parsedate_tz(headers.get("retry-after", ""))
    seconds = email.utils.mktime_tz(date) - time() if date else 0.0
    return seconds if seconds > 0 else None


def _extract_server_message(error: openai.APIError) -> str:
    if isinstance(error.body, dict) and error.body.get("message"):
        return str(error.body["message"])
    return str(error.__cause__ or error.message)


async def _list_offered_models(client: openai.AsyncOpenAI) -> list[str]:
    try:
        page = await client.models.list()
        return sorted(model.id for model in page.data)[:20]
    except (openai.OpenAIError, AttributeError, TypeError, ValueError):
        return []


def _parse_host(base_url: str) -> str:
    try:
        url = urlsplit(base_url)
        if url.scheme in ("http", "https") and url.hostname and "@" not in url.netloc and not url.query:
            return url.hostname
    except ValueError:
        pass
    # The value is not shown, because the credentials in it may be what is wrong.
    raise InferenceError(
        "inference.base_url must be an http(s) URL without user name, password and query, such as "
        "http://127.0.0.1:8000/v1; a key belongs in the variable that inference.api_key_env names",
        retryable=False,
    )
