"""Asks a model for the next message of each item.

Belongs here: the protocol of whoever answers, and OpenAI-compatible endpoints. The ways in which tools and calls are
written for a server are in `call_markup.py`, the grammar of answers in `call_grammar.py`; models of this platform are
asked by `training/generation.py`, which has the same protocol, and answers without a model are in `baselines.py`.

    predictor = EndpointPredictor(Asked(profile="llama_cpp", model="ours", base_url="http://127.0.0.1:8080/v1"))
    predictions = predictor.predict(items)
"""

import asyncio
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from funcdex_assets.evaluation.call_grammar import MOST_PARALLEL, build_answer_grammar
from funcdex_assets.evaluation.call_markup import render_markup_messages, split_answer
from funcdex_assets.inference.openai_compatible import NO_KEY, OpenAICompatibleEngine
from funcdex_assets.inference.profiles import ProfileName
from funcdex_assets.inference.protocol import (
    ChatMessage,
    ChatToolCall,
    Completion,
    GrammarConstraint,
    InferenceEngine,
    InferenceError,
    Request,
    Sampling,
)
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.openai_messages import read_call_arguments
from funcdex_assets.records.training import EvaluationItem, ExpectedCall, Prediction

Progress = Callable[[int, int], None]
"""Hears how many of how many items are answered."""

MOST_FAILURES_IN_A_ROW = 10
"""Failures of the server, not of a request, after which it is given up: it has gone, and every further item would wait
through all retries."""


class Predictor(Protocol):
    """Answers items. `name` is the model's in the table."""

    @property
    def name(self) -> str: ...

    def predict(self, items: Sequence[EvaluationItem], progress: Progress = ...) -> list[Prediction]:
        """Returns one prediction for each item, in order; an answer that failed is a prediction with a failure."""
        ...


class PredictorError(UserError):
    """Raised for a predictor that cannot ask what it is told to; the message names the value and the remedy."""


def hear_nothing(done: int, total: int) -> None:
    """Stands in where nobody listens to the progress."""


@dataclass(frozen=True)
class Asked:
    """An endpoint, and how it is asked.

    calls:            by the server's own tool calls, or by markup in texts with the tools in the system prompt
    grammar:          answers are free, calls only, or calls or a text, under a grammar over the offered tools
    api_key_env:      the environment variable with the key; none for servers that check none
    most_calls:       at once, under the grammar; a weak model repeats itself as long as it may
    confidence:       token probabilities are asked for, as the calibration error needs them
    top_k:            tokens to draw from, at a temperature above 0; all if None
    reasoning_effort: handed on as `reasoning_effort`, for models that take it
    """

    profile: ProfileName
    model: str
    base_url: str | None = None
    api_key_env: str = ""
    calls: Literal["native", "markup"] = "native"
    grammar: Literal["free", "calls", "calls_or_text"] = "free"
    most_calls: int = MOST_PARALLEL
    confidence: bool = False
    reasoning_effort: str | None = None
    max_tokens: int = 512
    temperature: float | None = 0.0
    top_k: int | None = None
    concurrency: int = 8
    timeout_s: float = 300
    retries: int = 3
    seed: int = 0


class EndpointPredictor:
    """Asks an OpenAI-compatible endpoint, greedily and with a seed, several items at a time.

    Raises:
        PredictorError: a grammar is asked for together with native tool calls, or the key is not in the environment.
        InferenceError: the address cannot work, or the server takes no grammar.
    """

    def __init__(self, asked: Asked, name: str = "", engine: InferenceEngine | None = None) -> None:
        self.asked = asked
        self.name = name or asked.model
        if asked.grammar != "free" and asked.calls == "native":
            raise PredictorError(
                "A server parses native tool calls by its own grammar; ask by markup (--markup) to have answers under "
                "the call grammar"
            )
        if asked.grammar != "free" and asked.profile == "openai":
            raise PredictorError(
                "The profile openai takes no grammar; use llama_cpp or vllm (--profile), or leave --grammar out"
            )
        self._engine = engine or build_engine(asked)

    def predict(self, items: Sequence[EvaluationItem], progress: Progress = hear_nothing) -> list[Prediction]:
        """Asks for each item.

        Raises:
            InferenceError: the server is gone or refuses all, as several failures in a row show.
        """
        return asyncio.run(self._ask_all(items, progress))

    async def _ask_all(self, items: Sequence[EvaluationItem], progress: Progress) -> list[Prediction]:
        answered = failed_in_a_row = 0

        async def ask(item: EvaluationItem) -> Prediction:
            nonlocal answered, failed_in_a_row
            try:
                completion = await self._engine.complete(self._build_request(item))
            except InferenceError as failure:
                error = name_endpoint_fields(failure)
                if error.is_systemic:
                    failed_in_a_row += 1
                    if failed_in_a_row >= min(MOST_FAILURES_IN_A_ROW, len(items)):
                        raise error from None
                prediction = Prediction(item_id=item.item_id, calls=(), text=None, raw="", failure=str(error))
            else:
                failed_in_a_row = 0
                prediction = read_completion(item.item_id, completion)
            answered += 1
            progress(answered, len(items))
            return prediction

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(ask(item)) for item in items]
        except* InferenceError as errors:
            raise errors.exceptions[0] from None
        finally:
            await self._engine.close()
        return [task.result() for task in tasks]

    def _build_request(self, item: EvaluationItem) -> Request:
        is_native = self.asked.calls == "native"
        grammar = self.asked.grammar

        def constrain() -> GrammarConstraint | None:
            if grammar == "free":
                return None
            language = build_answer_grammar(
                item.tools, allows_text=grammar == "calls_or_text", parallel=self.asked.most_calls
            )
            return GrammarConstraint(language.key, language.render_in_notation)

        return Request(
            "evaluation",
            item,
            lambda: render_native_messages(item, self.asked.profile) if is_native else render_markup_messages(item),
            self.asked.seed,
            Sampling(temperature=self.asked.temperature, max_tokens=self.asked.max_tokens),
            constrain,
            tools=tuple(item.tools) if is_native else (),
        )


def build_engine(asked: Asked) -> OpenAICompatibleEngine:
    """Builds the client of an endpoint.

    Raises:
        PredictorError: the variable of the key is empty.
        InferenceError: the address cannot work.
    """
    key = os.environ.get(asked.api_key_env, "") if asked.api_key_env else NO_KEY
    if not key:
        raise PredictorError(
            f"The environment variable {asked.api_key_env!r} is not set; put the API key of {asked.model!r} there"
        )
    further_fields: dict[str, object] = {"logprobs": True} if asked.confidence else {}
    if asked.top_k is not None:
        if asked.profile == "openai":
            raise PredictorError("The profile openai takes no top_k; use llama_cpp or vllm (--profile)")
        further_fields["top_k"] = asked.top_k
    if asked.reasoning_effort:
        further_fields["reasoning_effort"] = asked.reasoning_effort
    try:
        return OpenAICompatibleEngine(
            asked.profile,
            model=asked.model,
            base_url=asked.base_url,
            api_key=key,
            concurrency=asked.concurrency,
            timeout_s=asked.timeout_s,
            retries=asked.retries,
            further_fields=further_fields,
        )
    except InferenceError as error:
        raise name_endpoint_fields(error) from None


def name_endpoint_fields(error: InferenceError) -> InferenceError:
    """Returns the error with the names that fields have here: an endpoint is not what the section inference sets.

    >>> str(name_endpoint_fields(InferenceError("start the server, or correct inference.base_url", retryable=True)))
    'start the server, or correct base_url of the endpoint'
    """
    return InferenceError(re.sub(r"\binference\.(\w+)", r"\1 of the endpoint", str(error)), error.retryable, error.kind)


def render_native_messages(item: EvaluationItem, profile: ProfileName) -> tuple[ChatMessage, ...]:
    """Renders the messages of an item for a server that knows tool calls.

    Calls without a result, as foreign rows have them, are left so; OpenAI itself refuses them, and is given an empty
    one.
    """
    messages: list[ChatMessage] = []
    for index, message in enumerate(item.messages):
        calls = tuple(
            ChatToolCall(
                call["id"], call["function"]["name"], msgspec.json.encode(call["function"]["arguments"]).decode()
            )
            for call in message.get("tool_calls") or ()
        )
        messages.append(ChatMessage(message["role"], message["content"], calls, message.get("tool_call_id")))
        following = item.messages[index + 1] if index + 1 < len(item.messages) else None
        if calls and profile == "openai" and (following is None or following["role"] != "tool"):
            messages += [ChatMessage("tool", "", (), call.id) for call in calls]
    return tuple(messages)


def read_completion(item_id: str, completion: Completion) -> Prediction:
    """Reads an answer: native calls, or those that stand in the text as markup; of a failed one, no call counts."""
    failure = None
    if completion.tool_calls:
        calls, text = [], completion.text or None
        for call in completion.tool_calls:
            try:
                calls.append(ExpectedCall(call.name, read_call_arguments(call.arguments)))
            except ValueError:
                failure = f"the arguments of {call.name!r} are no JSON object: {call.arguments[:200]!r}"
        raw = msgspec.json.encode([{"name": call.name, "arguments": call.arguments} for call in completion.tool_calls])
        written = raw.decode()
    else:
        written = completion.text
        calls, text, failure = split_answer(written)
    if failure is None and not calls and not text:
        failure = "the answer is empty"
    if completion.finish_reason == "length":
        failure = "; ".join(part for part in ("cut at the limit of tokens", failure) if part)
    return Prediction(
        item_id=item_id,
        calls=() if failure else tuple(calls),
        text=text,
        raw=written,
        failure=failure,
        confidence=completion.mean_probability,
        prompt_tokens=completion.usage.prompt_tokens,
        completion_tokens=completion.usage.completion_tokens,
        seconds=completion.latency_s,
    )
