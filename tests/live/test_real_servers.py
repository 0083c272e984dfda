"""What a weak model writes under a grammar is valid: real servers, random weights."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from random import Random

import msgspec
import polars as pl
import pytest
from offline import played
from served import Served

from funcdex_assets.catalog.load import load_tools
from funcdex_assets.dml.grammar.conversation import build_conversation_grammar
from funcdex_assets.dml.notation import Notation
from funcdex_assets.dml.parse import DMLError, parse_conversation
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.inference.protocol import (
    ChatMessage,
    Completion,
    GrammarConstraint,
    JsonSchemaConstraint,
    Request,
    Sampling,
)
from funcdex_assets.records import exit_codes
from funcdex_assets.records.tool import Tool
from funcdex_assets.records.verdict import Verdict
from funcdex_assets.roles import judge
from funcdex_assets.schema import validation

ROOT = Path(__file__).parents[2]

CONVERSATIONS = {"llama_cpp": 7, "vllm": 3, "vllm_guidance": 1}
"""In each of 9 cells, so 21 per toolkit; the CPU build of vLLM is some ten times as slow."""

FILLED_BY = {"gmail": "googlecalendar", "jira": "asana", "stripe": "whatsapp"}
"""A toolkit has about 16 tools; where more are asked for, the rest comes from another, as in a bundle."""

SAMPLING = Sampling(temperature=1.0, max_tokens=30_000)


def some_tools(toolkit: str, count: int) -> tuple[Tool, ...]:
    shipped = ROOT / "funcdex_assets" / "catalog" / "toolkits"
    random = Random(f"{toolkit} {count}")
    own, others = (load_tools({name: shipped / f"{name}.yaml"}) for name in (toolkit, FILLED_BY[toolkit]))
    return tuple([*random.sample(own, len(own)), *random.sample(others, len(others))][:count])


def faults(text: str, tools: Sequence[Tool]) -> list[str]:
    """What is wrong with a conversation over these tools; pairing and ids are the parser's rules."""
    try:
        messages = parse_conversation(text)
    except DMLError as error:
        return [str(error)]
    # White space aside: llguidance may cut a text after a blank, which `parse` strips.
    same = "".join(render_conversation(messages).split()) == "".join(text.split())
    found = [] if same else ["not written as `render` writes it"]
    by_name = {tool.name: tool for tool in tools}
    for message in messages:
        for call in message.tool_calls:
            if call.name not in by_name:
                found.append(f"{call.name} is not on offer")
                continue
            problems = validation.find_violations(by_name[call.name].parameters, call.arguments)
            found += [f"{call.name}{problem}" for problem in problems]
        result = message.result
        if result and not result.error and (returns := by_name[result.name].returns):
            found += [
                f"result of {result.name}{problem}" for problem in validation.find_violations(returns, result.content)
            ]
    return found


def ask(
    served: Served, notation: Notation, tools: Sequence[Tool], count: int, *, thoughts: bool = False
) -> list[Completion]:
    language = build_conversation_grammar(tools, thoughts=thoughts)
    constraint = GrammarConstraint(language.key, language.render_in_notation)
    prompt = (ChatMessage("user", "Write a conversation."),)

    async def ask_all() -> list[Completion]:
        engine = served.engine(notation)
        requests = (
            Request("conversation_writer", None, lambda: prompt, seed, SAMPLING, constraint) for seed in range(count)
        )
        try:
            return await asyncio.gather(*map(engine.complete, requests))
        finally:
            await engine.close()

    return asyncio.run(ask_all())


def judged(completions: Sequence[Completion], tools: Sequence[Tool], started: float, cell: str) -> None:
    """Fails on any fault; prints what the cell took."""
    seconds = time.perf_counter() - started
    lengths = [completion.usage.completion_tokens for completion in completions]
    calls = sum(completion.text.count("<tool>") for completion in completions)
    print(
        f"\n{cell}: {len(lengths)} conversations in {seconds:.1f} s, {sum(lengths) / seconds:.0f} tokens/s; "
        f"{min(lengths)} to {max(lengths)} tokens, mean {sum(lengths) / len(lengths):.0f}; {calls} calls"
    )
    assert [completion.finish_reason for completion in completions] == ["stop"] * len(completions)
    assert list(chain.from_iterable(faults(completion.text, tools) for completion in completions)) == []
    assert calls > 0


@pytest.mark.parametrize("count", [3, 10, 20])
@pytest.mark.parametrize("toolkit", FILLED_BY)
def test_conversations_are_valid_under_the_grammar_of_their_tools(served: Served, toolkit: str, count: int) -> None:
    tools = some_tools(toolkit, count)
    started = time.perf_counter()
    completions = ask(served, served.notations[0], tools, CONVERSATIONS[served.name])
    judged(completions, tools, started, f"{served.name} {served.notations[0]} {toolkit} {count} tools")


@pytest.mark.parametrize("thoughts", [False, True], ids=("without thoughts", "with thoughts"))
def test_every_notation_that_a_server_takes_gives_valid_conversations(served: Served, thoughts: bool) -> None:
    tools = some_tools("gmail", 10)
    for notation in served.notations:
        started = time.perf_counter()
        completions = ask(served, notation, tools, 4, thoughts=thoughts)
        judged(completions, tools, started, f"{served.name} {notation}, thoughts: {thoughts}")
        thought = [
            message.thought for message in parse_conversation(completions[0].text) if message.role == "assistant"
        ]
        assert all(thought) if thoughts else not any(thought)


def test_the_probe_passes_in_every_notation(served: Served) -> None:
    async def probe(notation: Notation) -> None:
        engine = served.engine(notation)
        try:
            await engine.probe_constraints()
        finally:
            await engine.close()

    for notation in served.notations:
        asyncio.run(probe(notation))


@pytest.mark.parametrize("is_reversed", [False, True])
def test_an_answer_under_a_json_schema_is_valid(served: Served, is_reversed: bool) -> None:
    one = played("gmail", 1)[0]
    tools = tuple(one.cast.offered.values())
    brief = judge.JudgeBrief(one.cast.plan, one.conversation.messages, tools, (), is_reversed=is_reversed)
    constraint = judge.ROLE.build_request(brief, 0).resolved_constraint
    assert isinstance(constraint, JsonSchemaConstraint)
    prompt = (ChatMessage("user", "Judge the conversation."),)

    async def ask_all() -> list[Completion]:
        engine = served.engine()
        try:
            requests = [Request("judge", None, lambda: prompt, seed, SAMPLING, constraint) for seed in range(8)]
            return await asyncio.gather(*map(engine.complete, requests))
        finally:
            await engine.close()

    for completion in asyncio.run(ask_all()):
        assert completion.finish_reason == "stop"
        assert isinstance(msgspec.json.decode(completion.text, type=Verdict), Verdict)


@pytest.mark.parametrize("strategy", ["simulate", "hybrid", "one_shot"])
def test_a_run_survives_a_model_that_writes_nonsense(served: Served, strategy: str, tmp_path: Path) -> None:
    """Offline, the program plans; what the model makes of the plans is accepted, or rejected with the reason."""
    planned = ("scenario_writer", "persona_writer", "planner", "judge")
    environment = {
        "FUNCDEX_HOME": str(tmp_path),
        "FUNCDEX_GENERATION__STRATEGY": strategy,
        "FUNCDEX_GENERATION__CORRECTIONS": "1",
        "FUNCDEX_GENERATION__REGENERATIONS": "0",
        "FUNCDEX_GENERATION__RESERVE": "0",
        "FUNCDEX_GENERATION__MAX_CONVERSATION_TOKENS": "2000",
        "FUNCDEX_GENERATION__BOUNDS": '{"turns": 2, "steps": 1, "text": 60, "string": 40, "items": 1}',
        "FUNCDEX_INFERENCE__PROFILE": served.profile,
        "FUNCDEX_INFERENCE__BASE_URL": served.base_url,
        "FUNCDEX_INFERENCE__MODEL": "tiny",
        "FUNCDEX_INFERENCE__NOTATION": served.notations[0],
        "FUNCDEX_INFERENCE__ROLES": msgspec.json.encode({role: {"profile": "offline"} for role in planned}).decode(),
    }
    command = [sys.executable, "-m", "funcdex_assets.cli", "materialize", "gmail", "--conversations", "2"]
    run = subprocess.run(
        command, env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode in (0, exit_codes.SHORTFALL), run.stdout + run.stderr
    conversations, accepted, rejected = (
        pl.read_parquet(tmp_path / "tables" / stage / "gmail.parquet")
        for stage in ("conversations", "accepted_conversations", "rejected_conversations")
    )
    assert len(conversations) == 2
    assert len(accepted) + len(rejected) == 2
    assert (run.returncode == 0) == bool(len(accepted)), run.stdout
    assert len(accepted) or "nothing of what was asked for: 0 of 2" in run.stdout
    assert rejected["reasons"].list.len().min() != 0
