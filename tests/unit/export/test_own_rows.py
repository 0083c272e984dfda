"""A team's own rows: what is read, what is refused and with which reason, and what is measured."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from funcdex_assets.export.own_rows import profile_own_rows, read_own_rows
from funcdex_assets.records.dataset import OwnRow
from funcdex_assets.records.row_failures import RowFailure
from funcdex_assets.records.tool import Tool

TEXT = {"type": "string"}


def define(name: str, *required: str, **properties: Any) -> Tool:
    return Tool(
        toolkit="library",
        name=name,
        description=f"{name}.",
        parameters={
            "type": "object",
            "properties": properties,
            "required": list(required),
            "additionalProperties": False,
        },
        returns={"type": "object", "properties": {"due": TEXT}, "required": ["due"]} if name == "renew_loan" else None,
        source="test",
    )


TOOLS = (
    define("renew_loan", "title", title=TEXT, weeks={"type": "integer", "maximum": 4}),
    define("opening_hours", branch={"type": "string", "enum": ["north", "harbour"]}, day=TEXT),
    define("take_leave"),
)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def calling(*calls: dict[str, Any], content: str | None = None) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def call(name: str, arguments: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments or {}}, **more}


def result(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "tool", "content": content, **more}


def pair(question: list[dict[str, Any]], name: str, **parameters: Any) -> dict[str, Any]:
    return {"question": json.dumps(question), "answer": json.dumps({"name": name, "parameters": parameters})}


ASKED = [user("till when is the harbour branch open"), calling(call("opening_hours", {"branch": "harbour"}))]
PAIR = pair([*ASKED, user("and keep Emma for two weeks")], "renew_loan", title="Emma", weeks=2)


def read(folder: Path, *rows: Any, raw: bytes = b"", **options: Any) -> tuple[list[OwnRow], list[RowFailure]]:
    path = folder / "library.jsonl"
    path.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows) + raw)
    return read_own_rows([path], TOOLS, "library", **options)


def read_one(folder: Path, row: Any, **options: Any) -> OwnRow:
    (own_row,), failures = read(folder, row, **options)
    assert not failures
    return own_row


# ── what is read ──────────────────────────────────────────────────────────────────────────────


def test_a_question_and_its_answer_become_messages_in_the_form_of_the_generated_rows(tmp_path):
    row = read_one(tmp_path, PAIR, weight=2.5)
    first = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "opening_hours", "arguments": {"branch": "harbour"}},
    }
    last = {
        "id": "call_2",
        "type": "function",
        "function": {"name": "renew_loan", "arguments": {"title": "Emma", "weeks": 2}},
    }
    assert row.messages == [
        user("till when is the harbour branch open"),
        {"role": "assistant", "content": "", "tool_calls": [first]},  # no result was given, and none is invented
        user("and keep Emma for two weeks"),
        {"role": "assistant", "content": "", "tool_calls": [last]},
    ]
    assert [tool["function"]["name"] for tool in row.tools] == ["renew_loan", "opening_hours", "take_leave"]
    assert (row.place, row.partition, row.weight, row.calls, row.user_turns) == (
        "library.jsonl:1",
        "library",
        2.5,
        2,
        2,
    )


def test_the_parts_of_a_pair_may_be_json_and_not_its_text(tmp_path):
    question = json.loads(PAIR["question"])
    row = read_one(tmp_path, {"question": question, "answer": {"name": "take_leave", "arguments": "{}"}})
    assert row.messages[-1]["tool_calls"][0]["function"] == {"name": "take_leave", "arguments": {}}


def test_openai_messages_keep_results_parallel_calls_prompt_and_the_last_answer(tmp_path):
    calls = [
        call("renew_loan", '{"title": "Emma"}', id="x"),
        call("renew_loan", {"title": "Ulysses", "weeks": 1}, id="y"),
    ]
    row = read_one(
        tmp_path,
        {
            "messages": [
                {"role": "system", "content": "You lend books."},
                {"role": "user", "content": [{"type": "text", "text": " both "}, {"type": "text", "text": "again"}]},
                calling(*calls),
                result('{"due": "May"}', tool_call_id="x"),
                result({"due": "June"}, tool_call_id="y"),
                said("Done."),
            ]
        },
        system_prompt="The toolkit's policy.",
    )
    assert row.messages[0] == {"role": "system", "content": "You lend books."}
    assert row.messages[1] == user("both \nagain")
    assert [message.get("tool_call_id") for message in row.messages[3:5]] == ["call_1", "call_2"]
    assert [message["content"] for message in row.messages[3:5]] == ['{"due":"May"}', '{"due":"June"}']
    assert row.messages[-1] == said("Done.")


def test_a_result_in_prose_becomes_json_and_one_without_an_id_answers_the_next_call(tmp_path):
    messages = [user("bye"), calling(call("take_leave")), result("left"), said("Bye.")]
    row = read_one(tmp_path, {"messages": messages})
    assert row.messages[2] == {"role": "tool", "tool_call_id": "call_1", "name": "take_leave", "content": '"left"'}


def test_a_row_without_a_system_prompt_gets_the_policy(tmp_path):
    assert read_one(tmp_path, PAIR, system_prompt="Be brief.").messages[0] == {"role": "system", "content": "Be brief."}


def test_a_row_may_say_which_tools_are_on_offer(tmp_path):
    listed = [{"type": "function", "function": {"name": "take_leave", "parameters": {}}}]
    row = read_one(tmp_path, {"messages": [user("bye"), calling(call("take_leave"))], "tools": listed})
    assert [tool["function"]["name"] for tool in row.tools] == ["take_leave"]
    assert row.tools[0]["function"]["parameters"] == TOOLS[2].parameters  # the toolkit's definition, not the row's


def test_an_identity_depends_on_what_is_said_and_called_alone(tmp_path):
    first, second = read_one(tmp_path, PAIR), read_one(tmp_path, PAIR, weight=3, system_prompt="Be brief.")
    assert first.row_id == second.row_id
    assert first.row_id.startswith("own_")


# ── what is refused ───────────────────────────────────────────────────────────────────────────

BYE = [user("bye"), calling(call("take_leave"))]
BAD = {
    "no object": ([], "unreadable_row", "the line is [], no object; write {"),
    "neither form": ({"prompt": "hi"}, "unreadable_row", "the row has the fields prompt; write {"),
    "a question without an answer": ({"question": "[]"}, "unreadable_row", "has the fields question"),
    "an answer in prose": (
        {**PAIR, "answer": "I renewed it"},
        "unreadable_row",
        "answer is 'I renewed it', which is no JSON",
    ),
    "no messages": ({"messages": []}, "unreadable_row", "messages is [], not a list with something in it"),
    "a message that is a text": ({"messages": ["hi"]}, "unreadable_row", "message 0 is 'hi', no object with a role"),
    "an unknown tool": (pair(BYE[:1], "order_pizza"), "unknown_tool", "message 1: call_1 calls 'order_pizza'"),
    "no required argument": (pair(BYE[:1], "renew_loan"), "missing_argument", '"title" is a required property'),
    "a value outside the enum": (
        pair(BYE[:1], "opening_hours", branch="south"),
        "invalid_arguments",
        "message 1 at /branch: call_1 opening_hours",
    ),
    "an argument that is not declared": (pair(BYE[:1], "take_leave", why="late"), "invalid_arguments", "'why'"),
    "arguments that are no object": (
        {"messages": [user("bye"), calling(call("take_leave", "[1]"))]},
        "invalid_arguments",
        "the arguments of take_leave are '[1]', no object",
    ),
    "a result that the schema does not allow": (
        {"messages": [user("x"), calling(call("renew_loan", {"title": "x"})), result("{}"), said("Done.")]},
        "invalid_result",
        "message 2",
    ),
    "nothing to learn at its end": ({"messages": [*BYE, user("hm")]}, "structure", "is not followed by the assistant"),
    "two messages of the user": ({"messages": [user("a"), *BYE]}, "structure", "join the messages of the user"),
    "the assistant first": ({"messages": [said("Hi"), *BYE]}, "structure", "begin with what the user says"),
    "a result at its end": (
        {"messages": [*BYE, result("{}")]},
        "structure",
        "ends with a result; end it with the assistant's call or answer",
    ),
    "a result of no call": ({"messages": [user("a"), said("b"), result("{}")]}, "structure", "no call before it"),
    "half of the results": (
        {"messages": [user("bye"), calling(call("take_leave"), call("take_leave")), result("{}"), said("Bye.")]},
        "structure",
        "has 2 calls and 1 results; give all or none",
    ),
    "an empty request": ({"messages": [user("  "), BYE[1]]}, "structure", "message 0: a user says something"),
    "an empty answer": ({"messages": [user("bye"), said("")]}, "structure", "neither says nor calls anything"),
    "the older form of calls": (
        {"messages": [user("bye"), {"role": "assistant", "function_call": {"name": "take_leave"}}]},
        "structure",
        "write 'tool_calls'",
    ),
    "a picture": ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}, BYE[1]]}, "structure", "no text"),
    "an unknown role": ({"messages": [{"role": "robot", "content": "a"}]}, "structure", "of role 'robot'"),
    "a tool on offer that is not defined": (
        {"messages": BYE, "tools": [{"name": "order_pizza"}]},
        "unknown_tool",
        "its tools list 'order_pizza', which the toolkit does not define",
    ),
    "a real card number": (
        {"messages": [user("my card is 4539 1488 0343 6467"), BYE[1]]},
        "personal_data",
        "looks like a real card number",
    ),
    "a model's markup": ({"messages": [user("bye"), said("<|im_end|>")]}, "leaked_markup", "which is no speech"),
}


@pytest.mark.parametrize(("row", "kind", "reason"), BAD.values(), ids=BAD)
def test_a_row_that_cannot_be_used_has_its_place_and_reason_and_the_others_stay(tmp_path, row, kind, reason):
    rows, (failure,) = read(tmp_path, PAIR, row, {"messages": BYE})
    assert [own_row.place for own_row in rows] == ["library.jsonl:1", "library.jsonl:3"]
    assert (failure.subject, failure.kind) == ("library.jsonl:2", kind)
    assert reason in failure.reason
    assert not failure.is_mistake


@pytest.mark.parametrize("raw", [b"{\n", b'{"messages": "\xff"}\n', b"[1, 2\n"], ids=["cut", "no UTF-8", "no list"])
def test_a_line_that_is_no_json(tmp_path, raw):
    rows, (failure,) = read(tmp_path, PAIR, raw=raw)
    assert len(rows) == 1
    assert (failure.subject, failure.kind) == ("library.jsonl:2", "unreadable_row")
    assert "the line is no JSON" in failure.reason


def test_a_repeated_row_names_the_first(tmp_path):
    rows, (failure,) = read(tmp_path, PAIR, {"messages": BYE}, PAIR)
    assert len(rows) == 2
    assert failure.kind == "repeated_row"
    assert "the same as library.jsonl:1; remove one" in failure.reason


def test_blank_lines_and_a_byte_order_mark_are_no_rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(PAIR).encode() + b"\r\n\r\n  \n")
    rows, failures = read_own_rows([path], TOOLS, "library")
    assert (len(rows), failures) == (1, [])


# ── what is measured ──────────────────────────────────────────────────────────────────────────


def test_forms_of_speech_are_measured_and_no_word_is_kept(tmp_path):
    greeted = pair([user("hello there"), said("Hello."), user("thanks, bye")], "take_leave")
    rows, _ = read(tmp_path, PAIR, greeted)
    profile = profile_own_rows(rows, TOOLS)
    assert profile.texts == 2  # requests: what is only social counts as greeting and farewell
    assert (profile.greeting_share, profile.farewell_share) == (0.5, 0.5)
    assert profile.optional_argument_share == 0.75  # branch of branch and day; weeks of weeks
    assert profile.empty_call_share == 0  # take_leave has no arguments to leave out
    assert all(isinstance(getattr(profile, name), int | float) for name in profile.__dataclass_fields__)
    assert "Emma" not in msgspec.json.encode(profile).decode()
