"""Small conversations in a few lines, and tables of what one rule objects to and of what it lets pass.

A conversation is written as it is read: texts of the user and the assistant in turn, with steps (a call and its result)
before the reply:

>>> case = talk("Which lamps are there?", step("LIST_LAMPS", {}, {"lamps": [{"name": "Arc"}]}), "There's one: Arc.")
>>> [message.role for message in case.messages]
['user', 'assistant', 'tool', 'assistant']
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
import pytest
from dialogue_cases import HERE, assistant, call, result, user

from funcdex_assets.checks.findings import RULES
from funcdex_assets.checks.provenance import trace_arguments
from funcdex_assets.checks.rules.case import Case
from funcdex_assets.language.values import Situation, build_situation
from funcdex_assets.records.message import Message
from funcdex_assets.records.tool import Tool

RULE = {rule.__name__: rule for rule in RULES}


class Step(NamedTuple):
    """A call with its result; `at_once` puts several into one message."""

    name: str
    arguments: Any
    content: Any
    error: bool = False


class Objection(NamedTuple):
    """What a rule must object to, at which message, and what its text must name."""

    reason: str
    case: Case
    at: int
    naming: str
    blocking: bool = True


class Table(NamedTuple):
    """The cases of one rule: what it objects to, and what it lets pass, each with the reason."""

    objects: Sequence[Objection]
    lets_pass: Mapping[str, Case]


Tables = Mapping[str, Table]


def step(name: str, arguments: Any, content: Any, error: bool = False) -> Step:
    return Step(name, arguments, content, error)


def fail(name: str, arguments: Any, content: Any) -> Step:
    """A call that fails."""
    return Step(name, arguments, content, True)


def talk(
    *parts: str | Step | Sequence[Step], tools: Sequence[Tool] = (), now: str = "", name: str = "", matter: str = ""
) -> Case:
    """Builds the case of a conversation; a tool that is called and not defined takes any arguments."""
    messages: list[Message] = []
    number = 0
    for part in parts:
        if isinstance(part, str):
            is_reply = bool(messages) and messages[-1].role != "assistant"
            messages.append(assistant(part) if is_reply else user(part))
            continue
        steps = [part] if isinstance(part, Step) else list(part)
        calls = []
        for one in steps:
            number += 1
            calls.append(msgspec.structs.replace(call(number, one.name), arguments=one.arguments))
        messages.append(assistant(None, *calls))
        messages += [
            result(made_at, one.name, one.content, one.error)
            for made_at, one in enumerate(steps, number - len(steps) + 1)
        ]
    called = {name: define(name) for message in messages for name in (made.name for made in message.tool_calls)}
    known = {**called, **{tool.name: tool for tool in tools}}
    situation = _move(now, name, matter)
    return Case(messages, known, trace_arguments(messages, known, situation), situation)


def define(name: str, toolkit: str = "", required: Sequence[str] = (), **properties: Any) -> Tool:
    """Defines a tool; one without properties takes anything."""
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    return Tool(
        toolkit=toolkit or "service", name=name, description="", parameters=parameters, returns=None, source="test"
    )


def _move(now: str, name: str, matter: str) -> Situation:
    """The situation of the tests at another moment, of another person, about something else."""
    persona, scenario = HERE.persona, HERE.scenario
    if now:
        persona = msgspec.structs.replace(persona, today=now)
    if name:
        persona = msgspec.structs.replace(persona, name=name)
    if matter:
        scenario = msgspec.structs.replace(scenario, matter=matter)
    return build_situation(scenario, persona)


def offer(case: Case, *tools: Tool) -> Case:
    """The case with more tools on offer."""
    return replace(case, tools={**case.tools, **{tool.name: tool for tool in tools}})


def list_objections(tables: Tables) -> list[Any]:
    """The parameters (rule, objection) of a test of everything that the rules object to."""
    return [
        pytest.param(rule, objection, id=f"{rule}: {objection.reason}")
        for rule, table in tables.items()
        for objection in table.objects
    ]


def list_near_misses(tables: Tables) -> list[Any]:
    """The parameters (rule, case) of a test of everything that the rules let pass."""
    return [
        pytest.param(rule, case, id=f"{rule}: {reason}")
        for rule, table in tables.items()
        for reason, case in table.lets_pass.items()
    ]


def check_objection(rule: str, objection: Objection) -> None:
    """Asserts that a rule finds one thing, at its message, says its name, and blocks or not."""
    findings = list(RULE[rule](objection.case))
    assert [(finding.rule, finding.message, finding.blocking) for finding in findings] == [
        (rule, objection.at, objection.blocking)
    ], findings
    assert objection.naming in findings[0].text


def check_silence(rule: str, case: Case) -> None:
    """Asserts that a rule finds nothing."""
    assert [finding.text for finding in RULE[rule](case)] == []


def check_sizes(tables: Tables) -> None:
    """Asserts that each rule has at least three cases of each side."""
    assert {rule for rule, table in tables.items() if len(table.objects) < 3 or len(table.lets_pass) < 3} == set()
