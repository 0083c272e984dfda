"""Conversations as they should be, and the cases for the rules and the judge that are made of them.

`good_conversations.jsonl` has one conversation per line. A strict reader accepts each: its results are valid and agree
with its calls, every choice has a reason, every question is needed, every claim of a reply is true. What a reader would
reject is made of them in `good_conversation_faults.py`. A row has

- `id`, `goal`: its name, and the outcome that the user wants;
- `now`, `persona`: the moment, and what is known of the user;
- `kind`: the kind in the mix; those with one request are `single_turn`, so no rule asks for more turns;
- `toolkits`, `tools`: where the tools are from, and the names of those on offer, near misses among them;
- `own_tools`: definitions that no shipped toolkit has, or that are other than the shipped one of that name;
- `messages`: OpenAI messages, but with arguments and results as JSON values, and `error` at a result that is one;
- `relations`: how each argument follows from its source, by call and JSON pointer:
  `said` (verbatim), `norm` (said, and brought into form), `look` (from a result), `pick` (chosen among results by what
  was said), `calc` (computed), `comp` (composed text that has to contain stated facts), `implied` (follows from how it
  was said), `context` (known without being said), `same` (as in the call before).

Add a conversation as a line of the file, and at least three faults of it. For example

>>> [message.role for message in build_case(find_row("task_without_questions")).messages]
['user', 'assistant', 'tool', 'assistant']
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import funcdex_assets.catalog.load as catalog
from funcdex_assets.checks.provenance import trace_arguments
from funcdex_assets.checks.rules.case import Case
from funcdex_assets.language.values import Situation, build_situation
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.records.tool import Tool

Row = Mapping[str, Any]
TOOLKIT_FILES = Path(catalog.__file__).with_name("toolkits")


@cache
def load_rows() -> tuple[Row, ...]:
    """Reads the good conversations, in the order of the file."""
    lines = Path(__file__).with_name("good_conversations.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(json.loads(line) for line in lines)


def find_row(row_id: str) -> Row:
    return next(row for row in load_rows() if row["id"] == row_id)


def build_case(row: Row) -> Case:
    """Builds the case of a row, good or damaged; nothing of `relations` goes into its provenance.

    `agreed_words` are what people say for a value that cannot be worked out: ten percent is "a crack".
    """
    messages, tools, situation = build_messages(row["messages"]), build_tools(row), build_row_situation(row)
    agreed = {(tool, pointer): [(value, words)] for tool, pointer, value, words in row.get("agreed_words", ())}
    provenance = trace_arguments(messages, tools, situation, agreed)
    return Case(messages, tools, provenance, situation, calls_wanted=row["kind"] != "no_suitable_tool")


def build_messages(messages: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
    return tuple(_build_message(message) for message in messages)


def build_tools(row: Row) -> dict[str, Tool]:
    """Returns the tools on offer by name; a definition of the row's own precedes a shipped one of its name."""
    shipped = {name: tool for toolkit in row["toolkits"] for name, tool in _load_shipped_tools(toolkit).items()}
    own = {definition["name"]: Tool(**definition, source="test") for definition in row.get("own_tools", ())}
    return {name: own.get(name) or shipped[name] for name in row["tools"]}


def build_row_situation(row: Row) -> Situation:
    """Builds the situation; what the row leaves out of scenario and persona is as general as it can be."""
    known, industry = row["persona"], "services"
    persona = Persona(
        persona_id=f"persona_{row['id']}",
        scenario_id=f"scenario_{row['id']}",
        industry=industry,
        context=f"{known['name']} is {known['position']} at {known['company']}.",
        register="brisk",
        today=row["now"],
        **known,
    )
    scenario = Scenario(
        scenario_id=f"scenario_{row['id']}",
        chain_id=f"chain_{row['id']}",
        kind=row["kind"],
        title=row["goal"],
        text=row["goal"],
        industry=industry,
        matter="the request",
        tools=tuple(
            dict.fromkeys(call.name for message in build_messages(row["messages"]) for call in message.tool_calls)
        ),
        held_out=False,
    )
    return build_situation(scenario, persona)


@cache
def _load_shipped_tools(toolkit: str) -> dict[str, Tool]:
    """Loads a shipped toolkit; one that nobody ships has no tools here."""
    path = TOOLKIT_FILES / f"{toolkit}.yaml"
    return {tool.name: tool for tool in catalog.load_tools({toolkit: path})} if path.exists() else {}


def _build_message(message: Mapping[str, Any]) -> Message:
    if message["role"] == "tool":
        result = ToolResult(
            call_id=message["tool_call_id"],
            name=message["name"],
            content=message["content"],
            error=message.get("error", False),
        )
        return Message(role="tool", result=result)
    calls = tuple(
        ToolCall(id=call["id"], name=call["function"]["name"], arguments=call["function"]["arguments"])
        for call in message.get("tool_calls", ())
    )
    return Message(
        role=message["role"],
        content=message["content"],
        thought=message.get("reasoning_content"),
        tool_calls=calls,
    )
