"""A whole conversation played through an OpenAI-compatible server: the same roles, parsers and checks.

The server answers what the offline engine answered in the same place, so the conversation must be the same.
"""

import asyncio
from typing import Any

import pytest
from offline import ENGINE, Cast, casts

from funcdex_assets.inference.openai_compatible import OpenAICompatibleEngine
from funcdex_assets.inference.protocol import Completion, Request
from funcdex_assets.simulation.conversation import simulate, simulate_all

(CAST,) = casts("jira_gmail", 1)


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


def play(cast: Cast, engine: Any) -> Any:
    async def run() -> Any:
        try:
            return await simulate(cast.plan, cast.situation, cast.tools, engine, thoughts=False, seed=42)
        finally:
            await engine.close()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("profile", "constraint"),
    [
        pytest.param("vllm", lambda body: body["structured_outputs"]["json"], id="vllm"),
        pytest.param("llama_cpp", lambda body: body["response_format"]["json_schema"]["schema"], id="llama.cpp"),
        pytest.param("openai", lambda body: body["response_format"]["json_schema"]["schema"], id="openai"),
    ],
)
def test_the_same_answers_make_the_same_conversation(server, replies, profile, constraint):
    recorded = Recorded()
    offline = play(CAST, recorded)
    server.script = [replies.ok(text) for text in recorded.answers]
    online = play(CAST, OpenAICompatibleEngine(profile, model="tiny", base_url=server.base_url))
    assert online.messages == offline.messages
    assert online.provenance == offline.provenance
    assert online.engine != offline.engine
    for role, body in zip(recorded.asked, server.questions, strict=True):
        system, user = (message["content"] for message in body["messages"])
        if role == "assistant":
            assert set(constraint(body)["properties"]) == {"thought", "reply", "calls"}
            assert all(name in system for name in (*CAST.plan.tools, *CAST.plan.distractors))
        else:
            assert CAST.situation.persona.name in user


def test_a_model_that_never_calls_a_tool_is_data_not_a_crash(server, replies):
    refusal = '{"thought": null, "reply": "I would rather not.", "calls": []}'
    server.otherwise = lambda body: replies.ok(refusal if "structured_outputs" in body else "Please do it.")
    engine = OpenAICompatibleEngine("vllm", model="tiny", base_url=server.base_url)
    found, unfinished = asyncio.run(
        simulate_all([(CAST.plan, CAST.situation)], CAST.tools, engine, thoughts=False, seed=42)
    )
    assert not unfinished
    assert not any(message.tool_calls for message in found[0].messages)
    assert len(server.questions) < 40, "a conversation is bounded"
