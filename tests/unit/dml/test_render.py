import datetime

import pytest

from funcdex_assets.dml import values
from funcdex_assets.dml.markup import DMLError
from funcdex_assets.dml.parse import parse_conversation
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.dml.structure import check_conversation
from funcdex_assets.records.labels import Role
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.record import Json


def user(text: str | None = "u") -> Message:
    return Message(role="user", content=text)


def says(text: str | None = "a", thought: str | None = None) -> Message:
    return Message(role="assistant", content=text, thought=thought)


def calls(*numbers: int) -> Message:
    made = tuple(ToolCall(id=f"call_{number}", name="A", arguments={}) for number in numbers)
    return Message(role="assistant", tool_calls=made)


def result(number: int, name: str = "A") -> Message:
    return Message(role="tool", result=ToolResult(call_id=f"call_{number}", name=name, content=1))


def made(**fields: Json) -> Message:
    call = {"id": "call_1", "name": "A", "arguments": {}} | fields
    return Message(role="assistant", tool_calls=(ToolCall(**call),))


def message(role: Role, **fields: Json) -> Message:
    return Message(role=role, **fields)


STRUCTURE = {
    "nothing": ((), "start", 0, ""),
    "begins with the assistant": ((says(),), "start", 0, ""),
    "two users": ((user(), user(), says()), "order", 1, ""),
    "two replies": ((user(), says(), says()), "order", 2, ""),
    "ends with the user": ((user(), says(), user()), "end", 3, ""),
    "ends with a result": ((user(), calls(1), result(1)), "end", 3, ""),
    "a result out of nowhere": ((user(), result(1), says()), "order", 1, ""),
    "no result": ((user(), calls(1), says()), "response", 2, ""),
    "one result of two": ((user(), calls(1, 2), result(1), says()), "response", 3, ""),
    "one result too many": ((user(), calls(1), result(1), result(2), says()), "order", 3, ""),
    "results in another order": (
        (user(), calls(1, 2), result(2), result(1), says()),
        "response",
        2,
        "/result",
    ),
    "result of another tool": ((user(), calls(1), result(1, "B"), says()), "response", 2, "/result"),
    "ids begin at 0": ((user(), calls(0), result(0), says()), "id", 1, "/tool_calls/0/id"),
    "an id twice": ((user(), calls(1, 1), result(1), result(1), says()), "id", 1, "/tool_calls/1/id"),
    "ids begin again": (
        (user(), calls(1), result(1), says(), user(), calls(1), result(1), says()),
        "id",
        5,
        "/tool_calls/0/id",
    ),
    "user says nothing": ((user(None), says()), "fields", 0, "/content"),
    "user says an empty text": ((user(""), says()), "empty", 0, "/content"),
    "user says white space": ((user(" \u3000\n"), says()), "empty", 0, "/content"),
    "leading space": ((user(" u"), says()), "space", 0, "/content"),
    "trailing line break": ((user(), says("a\n")), "space", 1, "/content"),
    "empty reply": ((user(), says("")), "empty", 1, "/content"),
    "reply without text": ((user(), says(None)), "fields", 1, "/content"),
    "empty thought": ((user(), says("a", "")), "empty", 1, "/thought"),
    "thought not stripped": ((user(), says("a", "x ")), "space", 1, "/thought"),
    "NUL": ((user("u\0u"), says()), "character", 0, "/content"),
    "unpaired surrogate": ((user(), says("\ud800")), "character", 1, "/content"),
    "text that is none": ((user(3), says()), "fields", 0, "/content"),  # pyright: ignore
    "user with a thought": ((message("user", content="u", thought="x"), says()), "fields", 0, ""),
    "assistant with a result": (
        (user(), message("assistant", content="a", result=result(1).result)),
        "fields",
        1,
        "/result",
    ),
    "tool with content": (
        (user(), calls(1), message("tool", content="x", result=result(1).result), says()),
        "fields",
        2,
        "",
    ),
    "tool without result": ((user(), calls(1), message("tool"), says()), "fields", 2, "/result"),
    "name with a space": ((user(), made(name="A B"), result(1), says()), "call", 1, "/tool_calls/0/name"),
    "name a number": ((user(), made(name=1), result(1), says()), "call", 1, "/tool_calls/0/name"),
    "arguments a string": (
        (user(), made(arguments="{}"), result(1), says()),
        "call",
        1,
        "/tool_calls/0/arguments",
    ),
}


@pytest.mark.parametrize(("messages", "rule", "at", "pointer"), STRUCTURE.values(), ids=STRUCTURE.keys())
def test_what_is_no_conversation_is_refused(messages: tuple[Message, ...], rule: str, at: int, pointer: str) -> None:
    for refuse in (check_conversation, render_conversation):
        with pytest.raises(DMLError) as caught:
            refuse(messages)
        assert (caught.value.rule, caught.value.message, caught.value.pointer) == (rule, at, pointer)
        assert caught.value.offset is None
        assert str(caught.value).startswith(f"Message {at}")


def nested(levels: int) -> Json:
    value: Json = []
    for _ in range(levels - 1):
        value = [value]
    return value


CYCLE: list = []
CYCLE.append(CYCLE)

NOT_JSON = {
    "NaN": ({"a": float("nan")}, "number", "/a"),
    "infinity": ({"a": [0, float("inf")]}, "number", "/a/1"),
    "integer too long": ({"a": 10**4300}, "number", "/a"),
    "key that is a number": ({"a": {1: 2}}, "json", "/a"),
    "key that is None": ({None: 2}, "json", ""),
    "tuple": ({"a": (1, 2)}, "json", "/a"),
    "date": ({"a/b": {"~": datetime.date(2025, 1, 1)}}, "json", "/a~1b/~0"),
    "bytes": ({"a": b"x"}, "json", "/a"),
    "set": ({"a": {1}}, "json", "/a"),
    "object": ({"a": object()}, "json", "/a"),
    "unpaired surrogate": ({"a": "\udfff"}, "character", "/a"),
    "unpaired surrogate in a key": ({"a": {"\udfff": 1}}, "character", "/a"),
    "a pair made of two surrogates": ({"a": "\ud83d\ude00"}, "character", "/a"),
    "too deep": ({"a": nested(65)}, "depth", ""),
    "far too deep": ({"a": nested(100_000)}, "depth", ""),
    "a cycle": ({"a": CYCLE}, "depth", ""),
}


@pytest.mark.parametrize(("value", "rule", "pointer"), NOT_JSON.values(), ids=NOT_JSON.keys())
def test_a_value_that_is_no_json_is_refused_at_its_place(value: Json, rule: str, pointer: str) -> None:
    answer = Message(role="tool", result=ToolResult(call_id="call_1", name="A", content=value))
    check_conversation((user(), calls(1), answer, says()))
    with pytest.raises(DMLError) as caught:
        render_conversation((user(), calls(1), answer, says()))
    assert (caught.value.rule, caught.value.message) == (rule, 2)
    assert caught.value.pointer == "/result/content" + pointer

    with pytest.raises(DMLError) as caught:
        render_conversation((user(), made(arguments=value), result(1), says()))
    assert (caught.value.rule, caught.value.message) == (rule, 1)
    expected = "/tool_calls/0" if rule == "depth" else "/tool_calls/0/arguments" + pointer
    assert caught.value.pointer == expected


WRITTEN = [
    (None, "null"),
    ({}, "{}"),
    ([], "[]"),
    ({"b": 1, "a": [1, 2]}, '{"b": 1, "a": [1, 2]}'),
    ("é漢😀\u2028\x7f", '"é漢😀\u2028\x7f"'),
    ('"\\/\b\f\n\r\t\x00\x1f', '"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f"'),
    ("<tool></user> <p> <tool <", '"\\u003ctool>\\u003c/user> <p> <tool <"'),
    ({"<tool>": "<\\tool>"}, '{"\\u003ctool>": "<\\\\tool>"}'),
    (
        [1.0, -0.0, 0.00001, 1e-6, 1e15, 1e16, 1.5e300],
        "[1.0, -0.0, 0.00001, 1e-6, 1000000000000000.0, 1e16, 1.5e300]",
    ),
    (10**30, "1" + "0" * 30),
    (nested(64), "[" * 64 + "]" * 64),
]


@pytest.mark.parametrize(("value", "text"), WRITTEN, ids=[text[:30] for _, text in WRITTEN])
def test_a_value_has_one_writing(value: Json, text: str) -> None:
    assert values.write_json(value) == text
    assert values.read_json(text, 0) == (value, len(text))


@pytest.mark.parametrize(("levels", "fits"), [(63, True), (64, False)])
def test_depth_is_counted_the_same_way_by_parser_and_renderer(levels: int, fits: bool) -> None:
    """A call's arguments are one level down in its object, and in a list here: 2 levels are used."""
    messages = (user(), made(arguments={"a": nested(levels - 1)}), result(1), says())
    text = render_conversation((user(), made(arguments={"a": "X"}), result(1), says())).replace(
        '"X"', "[" * (levels - 1) + "]" * (levels - 1)
    )
    if fits:
        assert render_conversation(messages) == text
        assert parse_conversation(text) == messages
    else:
        for refuse in (lambda: render_conversation(messages), lambda: parse_conversation(text)):
            with pytest.raises(DMLError, match="depth"):
                refuse()
