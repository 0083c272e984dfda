"""Whole conversations played through an OpenAI-compatible server: the same roles, parsers and checks.

The server answers what the offline engine answered in the same place, so the conversation must be the same;
or it answers nonsense, and every conversation must end, bounded and explained.
"""

import asyncio
import json
from collections import Counter
from itertools import count
from typing import Any

import pytest
from offline import ENGINE, Cast, played

from funcdex_assets.checks.findings import find_problems
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.inference.openai_compatible import OpenAICompatibleEngine
from funcdex_assets.inference.protocol import Completion, Request
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.settings.generation import Generation
from funcdex_assets.strategies.strategy import converse_all, select_strategy
from funcdex_assets.strategies.turn_loop import PlayOptions, simulate_conversation

GOOD = [
    one
    for one in played("jira_gmail", 24)
    if one.cast.plan.kind == "multi_step" and not any(problem.blocking for problem in find_problems(one.case))
][:3]
CASTS = tuple(one.cast for one in GOOD)
CAST = CASTS[0]


class Recorded:
    """The offline engine, with what it answered."""

    name = "offline"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: list[str] = []

    async def complete(self, request: Request) -> Completion:
        completion = await ENGINE.complete(request)
        self.asked.append(request.role)
        self.answers.append(completion.text)
        return completion

    async def close(self) -> None:
        """Holds nothing."""


def play(cast: Cast, engine: Any, manner: PlayOptions = PlayOptions()) -> Conversation:
    async def run() -> Conversation:
        try:
            return await simulate_conversation(cast.played, engine, manner, 42)
        finally:
            await engine.close()

    return asyncio.run(run())


def play_all(server: Any, profile: Any = "vllm", retries: int = 5, **generation: Any) -> list[Conversation]:
    engine = OpenAICompatibleEngine(profile, model="tiny", base_url=server.base_url, retries=retries)
    native = profile == "openai"

    async def run() -> list[Conversation]:
        try:
            strategy = select_strategy(Generation(**generation), native)
            return await converse_all([cast.played for cast in CASTS], engine, strategy, 42)
        finally:
            await engine.close()

    return asyncio.run(run())


# ── the same answers, the same conversation ───────────────────────────────────────────────────


@pytest.mark.concurrent
@pytest.mark.parametrize(
    ("profile", "constraint"),
    [
        pytest.param("vllm", lambda body: body["structured_outputs"]["json"], id="vllm"),
        pytest.param("llama_cpp", lambda body: body["response_format"]["json_schema"]["schema"], id="llama.cpp"),
        pytest.param("openai", lambda body: body["response_format"]["json_schema"]["schema"], id="openai"),
    ],
)
@pytest.mark.parametrize("results", [False, True], ids=["results by the world", "results by the model"])
def test_the_same_answers_make_the_same_conversation(server, replies, profile, constraint, results):
    recorded, manner = Recorded(), PlayOptions(model_results=results)
    offline = play(CAST, recorded, manner)
    server.script = [replies.ok(text) for text in recorded.answers]
    online = play(CAST, OpenAICompatibleEngine(profile, model="tiny", base_url=server.base_url), manner)
    assert online.messages == offline.messages
    assert online.provenance == offline.provenance
    assert online.engine != offline.engine
    assert ("tool_simulator" in recorded.asked) == results
    for role, body in zip(recorded.asked, server.questions, strict=True):
        system, user = (message["content"] for message in body["messages"])
        if role == "assistant":
            offered = constraint(body)["properties"]["calls"]["items"]["anyOf"]
            assert [call["properties"]["name"]["const"] for call in offered] == list(CAST.offered)
            assert all(name in system for name in CAST.offered)
        elif role == "tool_simulator":
            assert constraint(body)["type"] == "object"
        else:
            assert CAST.situation.persona.name in user


def with_calls(replies: Any, move: str) -> Any:
    """The server's answer that says what the offline assistant's move says."""
    said = json.loads(move)
    calls = [
        {"id": f"chatcmpl-tool-{number}", "type": "function", "function": function}
        for number, call in enumerate(said["calls"])
        for function in [{"name": call["name"], "arguments": json.dumps(call["arguments"])}]
    ]
    return replies.ok(said["reply"], "tool_calls", tool_calls=calls) if calls else replies.ok(said["reply"])


@pytest.mark.concurrent
def test_native_tool_calls_make_the_same_conversation(server, replies):
    recorded = Recorded()
    offline = play(CAST, recorded)
    server.script = [
        with_calls(replies, text) if role == "assistant" else replies.ok(text)
        for role, text in zip(recorded.asked, recorded.answers, strict=True)
    ]
    engine = OpenAICompatibleEngine("openai", model="tiny", base_url=server.base_url)
    online = play(CAST, engine, PlayOptions(native_calls=True))
    assert online.messages == offline.messages
    asked = [body for role, body in zip(recorded.asked, server.questions, strict=True) if role == "assistant"]
    for body in asked:
        assert [tool["function"]["name"] for tool in body["tools"]] == list(CAST.offered)
        assert "response_format" not in body
    chat = asked[-1]["messages"]
    assert chat[0]["role"] == "system"
    assert CAST.situation.persona.today in chat[0]["content"]
    spoken = [message for message in offline.messages if message != offline.messages[-1]]
    assert [message["role"] for message in chat[1:]] == [message.role for message in spoken]
    calls = [call for message in chat for call in message.get("tool_calls", ())]
    made = [call for message in offline.messages for call in message.tool_calls]
    assert [call["id"] for call in calls] == [call.id for call in made]
    assert [json.loads(call["function"]["arguments"]) for call in calls] == [call.arguments for call in made]
    assert [message["tool_call_id"] for message in chat if message["role"] == "tool"] == [call.id for call in made]
    assert all("tools" not in body for body in server.questions if body not in asked)


BROKEN_CALLS = [
    pytest.param("{to: Bo}", id="arguments that are no JSON"),
    pytest.param('["Bo"]', id="arguments that are a list"),
    pytest.param('{"to": "Bo', id="arguments that were cut"),
]


@pytest.mark.concurrent
@pytest.mark.parametrize("arguments", BROKEN_CALLS)
def test_a_native_call_that_cannot_be_read_is_asked_for_again_three_times_in_all(server, replies, arguments):
    call = {"id": "1", "type": "function", "function": {"name": CAST.plan.tools[0], "arguments": arguments}}
    broken = replies.ok(None, "tool_calls", tool_calls=[call])
    server.otherwise = lambda body: broken if "tools" in body else replies.ok("Please do it.")
    made = play_all(server, "openai")
    assert {one.failure.rule for one in made if one.failure} == {"unreadable"}
    assert len(server.questions) == len(CASTS) * (1 + 3)
    assert len({body["seed"] for body in server.questions if "tools" in body}) == len(CASTS) * 3


@pytest.mark.concurrent
def test_one_answer_is_a_conversation_under_the_grammar(server, replies):
    texts = [render_conversation(one.conversation.messages) for one in GOOD]
    outlines = {cast.situation.scenario.text: text for cast, text in zip(CASTS, texts, strict=True)}
    asked = count()

    def write(body: dict[str, Any]) -> Any:
        next(asked)
        outline = body["messages"][1]["content"]
        return replies.ok(next(text for scenario, text in outlines.items() if scenario in outline))

    server.otherwise = write
    made = play_all(server, strategy="one_shot")
    assert [render_conversation(one.messages) for one in made] == texts
    assert next(asked) == len(CASTS)
    assert all("grammar" in str(body["structured_outputs"]) or body["structured_outputs"] for body in server.questions)
    assert {body["max_tokens"] for body in server.questions} == {6000}


# ── a model that is of no use ─────────────────────────────────────────────────────────────────


@pytest.mark.concurrent
def test_a_model_that_never_calls_a_tool_is_data_not_a_crash(server, replies):
    refusal = '{"thought": null, "reply": "I would rather not.", "calls": []}'
    server.otherwise = lambda body: replies.ok(refusal if "structured_outputs" in body else "Please do it.")
    made = play_all(server)
    assert not any(one.failure for one in made)
    assert not any(message.tool_calls for one in made for message in one.messages)
    assert len(server.questions) < 40 * len(CASTS), "a conversation is bounded"


@pytest.mark.concurrent
@pytest.mark.parametrize(
    ("strategy", "said", "rule", "requests"),
    [
        pytest.param("simulate", "Nonsense.", "unreadable", 1 + 3, id="simulate: prose for a move"),
        pytest.param("hybrid", "Nonsense.", "unreadable", 3, id="hybrid: prose for a move"),
        pytest.param("simulate", "", "unreadable", 3, id="simulate: nothing at all"),
        pytest.param("one_shot", "Nonsense.", "markup", 2 * 2, id="one_shot: always the same text"),
        pytest.param("one_shot", "", "markup", 2 * 2, id="one_shot: nothing at all"),
    ],
)
def test_an_endpoint_that_never_gives_a_conversation_ends_bounded_with_all_explained(
    server, replies, strategy, said, rule, requests
):
    server.otherwise = lambda body: replies.ok(said)
    made = play_all(server, strategy=strategy)
    assert [one.plan_id for one in made] == [cast.plan.plan_id for cast in CASTS]
    assert [one.failure.rule for one in made if one.failure] == [rule] * len(CASTS)
    assert len(server.questions) == requests * len(CASTS)
    texts = [one.attempts[-1].text for one in made]
    assert all(said in text if strategy == "one_shot" else text for text in texts)


@pytest.mark.concurrent
@pytest.mark.parametrize(
    ("reply", "rule"),
    [
        pytest.param(
            lambda replies: replies.failed(
                400, "This model's maximum context length is 8192", "context_length_exceeded"
            ),
            "context",
            id="too long for the model",
        ),
        pytest.param(lambda replies: replies.ok(None, refusal="I cannot help with that."), "refusal", id="refused"),
        pytest.param(lambda replies: replies.ok("Half a", "content_filter"), "refusal", id="filtered"),
    ],
)
@pytest.mark.parametrize("strategy", ["simulate", "hybrid", "one_shot"])
def test_what_concerns_one_conversation_rejects_it_and_is_no_error(server, replies, strategy, reply, rule):
    server.otherwise = lambda body: reply(replies)
    made = play_all(server, strategy=strategy)
    assert [one.failure.rule for one in made if one.failure] == [rule] * len(CASTS)
    assert len(server.questions) == len(CASTS)


@pytest.mark.concurrent
def test_an_answer_cut_by_length_is_told_so(server, replies):
    server.otherwise = lambda body: replies.ok("</user> I need", "length")
    made = play_all(server, strategy="one_shot")
    assert [one.failure.rule for one in made if one.failure] == ["cut"] * len(CASTS)
    assert "raise generation.max_conversation_tokens" in made[0].failure.text  # type: ignore[union-attr]


@pytest.mark.concurrent
def test_faults_that_pass_lose_nothing(server, replies):
    """10 % rate limits, 10 % server errors, 10 % broken moves: all conversations are there."""
    move = '{"thought": null, "reply": "I would rather not.", "calls": []}'
    tried: Counter[str] = Counter()
    given: Counter[str] = Counter()

    def faulty(body: dict[str, Any]) -> Any:
        """Of ten different requests, three meet a fault, at their first try alone."""
        request = json.dumps(body["messages"])
        number = list(tried).index(request) if request in tried else len(tried)
        tried[request] += 1
        fault = {0: "429", 5: "500", 7: "broken"}.get(number % 10, "") if tried[request] == 1 else ""
        given[fault] += 1
        if fault == "429":
            return replies.failed(429, "Slow down", retry_after="0.01")
        if fault == "500":
            return replies.failed(500, "Oops")
        return replies.ok((move[:20] if fault else move) if "structured_outputs" in body else "Please do it.")

    server.otherwise = faulty
    made = play_all(server)
    assert min(given[fault] for fault in ("429", "500", "broken")) > 0
    assert [one.plan_id for one in made] == [cast.plan.plan_id for cast in CASTS]
    assert not any(one.failure for one in made)
