import pickle
from contextlib import suppress

import pytest
from waiting import at_most_cpu_seconds

from funcdex_assets.dml.markup import DMLError
from funcdex_assets.dml.parse import parse_conversation
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.records.message import Message, ToolCall, ToolResult

CALL = '<tool>{"name": "A", "arguments": {}}</tool>'
RESPONSE = "<tool_response>1</tool_response>"


def user(text: str) -> Message:
    return Message(role="user", content=text)


def says(text: str, thought: str | None = None) -> Message:
    return Message(role="assistant", content=text, thought=thought)


def calls(*made: ToolCall, content: str | None = None, thought: str | None = None) -> Message:
    return Message(role="assistant", content=content, thought=thought, tool_calls=made)


def result(number: int, content: object, name: str = "A", error: bool = False) -> Message:
    answer = ToolResult(call_id=f"call_{number}", name=name, content=content, error=error)
    return Message(role="tool", result=answer)


def call(number: int, name: str = "A", **arguments: object) -> ToolCall:
    return ToolCall(id=f"call_{number}", name=name, arguments=arguments)


def with_call(written: str, response: str = "1") -> str:
    return f"</user> u\n<tool>{written}</tool>\n<tool_response>{response}</tool_response>\n</assistant> a\n"


MESSAGES = {
    "a reply": ("</user> u\n</assistant> a\n", (user("u"), says("a"))),
    "text directly before a call is of the call's message": (
        f"</user> u\n</assistant> t\n{CALL}\n{RESPONSE}\n</assistant> a\n",
        (user("u"), calls(call(1), content="t"), result(1, 1), says("a")),
    ),
    "two steps without text are two messages": (
        f"</user> u\n{CALL}\n{RESPONSE}\n{CALL}\n{RESPONSE}\n</assistant> a\n",
        (user("u"), calls(call(1)), result(1, 1), calls(call(2)), result(2, 1), says("a")),
    ),
    "a group is one message": (
        f"</user> u\n<parallel>\n{CALL}\n{RESPONSE}\n{CALL}\n{RESPONSE}\n</parallel>\n</assistant> a\n",
        (user("u"), calls(call(1), call(2)), result(1, 1), result(2, 1), says("a")),
    ),
    "an error marks the result": (
        f"</user> u\n{CALL}\n<tool_error>null</tool_error>\n</assistant> a\n",
        (user("u"), calls(call(1)), result(1, None, error=True), says("a")),
    ),
    "thoughts go to the message after them": (
        "</user> u\n<assistant_thought>x</assistant_thought>\n</assistant> t\n"
        f"{CALL}\n{RESPONSE}\n<assistant_thought>y</assistant_thought>\n</assistant> a\n",
        (user("u"), calls(call(1), content="t", thought="x"), result(1, 1), says("a", "y")),
    ),
    "ids count through the conversation": (
        f"</user> u\n{CALL}\n{RESPONSE}\n</assistant> a\n</user> u\n{CALL}\n{RESPONSE}\n</assistant> a\n",
        (
            *(user("u"), calls(call(1)), result(1, 1), says("a")),
            *(user("u"), calls(call(2)), result(2, 1), says("a")),
        ),
    ),
}


@pytest.mark.parametrize(("text", "messages"), MESSAGES.values(), ids=MESSAGES.keys())
def test_a_text_says_these_messages(text: str, messages: tuple[Message, ...]) -> None:
    assert parse_conversation(text) == messages
    assert render_conversation(messages) == text


TOLERATED = {
    "no white space at all": f"</user>u</assistant>t{CALL}{RESPONSE}</assistant>a",
    "white space everywhere": (
        "\n </user> \n u \n\n </assistant>  t\n"
        '  <tool> { "name":"A" ,"arguments":{ } } </tool> <tool_response>\n 1 </tool_response>\n'
        "\t</assistant>\n\n a \n\n"
    ),
    "CRLF": f"</user> u\r\n</assistant> t\r\n{CALL}\r\n{RESPONSE}\r\n</assistant> a\r\n",
    "arguments first": with_call('{"arguments": {}, "name": "A"}').replace("u\n", "u\n</assistant> t\n"),
    "escapes that need not be": with_call('{"n\\u0061me": "\\u0041", "arguments": {}}').replace(
        "u\n", "u\n</assistant> t\n"
    ),
}


@pytest.mark.parametrize("text", TOLERATED.values(), ids=TOLERATED.keys())
def test_other_writings_of_the_same_conversation_become_the_canonical_one(text: str) -> None:
    assert (
        render_conversation(parse_conversation(text))
        == f"</user> u\n</assistant> t\n{CALL}\n{RESPONSE}\n</assistant> a\n"
    )


# The seed's parser wrongly rejects these (facts/seeds.md §1.6).
SEED_FALSE_REJECTS = {
    "closing tag in a call's string": (
        with_call('{"name": "A", "arguments": {"t": "</tool>"}}'),
        1,
        calls(call(1, t="</tool>")),
    ),
    "closing tag in a response's string": (
        with_call('{"name": "A", "arguments": {}}', '"</tool_response>"'),
        2,
        result(1, "</tool_response>"),
    ),
    "<tool> mentioned in a response": (
        with_call('{"name": "A", "arguments": {}}', '"use <tool>"'),
        2,
        result(1, "use <tool>"),
    ),
    "<tool> mentioned in a thought": (
        "</user> u\n<assistant_thought>I use <tool> now.</assistant_thought>\n</assistant> a\n",
        1,
        says("a", "I use <tool> now."),
    ),
    "parallel calls": (
        f"</user> u\n<parallel>{CALL}{RESPONSE}{CALL}{RESPONSE}</parallel>\n</assistant> a\n",
        1,
        calls(call(1), call(2)),
    ),
    "an assistant answer after a result": (with_call('{"name": "A", "arguments": {}}'), 3, says("a")),
    "an argument called name, arguments first": (
        with_call('{"arguments": {"name": "MADE_UP"}, "name": "A"}'),
        1,
        calls(ToolCall(id="call_1", name="A", arguments={"name": "MADE_UP"})),
    ),
}


@pytest.mark.parametrize(("text", "at", "message"), SEED_FALSE_REJECTS.values(), ids=SEED_FALSE_REJECTS.keys())
def test_what_the_seed_wrongly_rejects_is_read_whole(text: str, at: int, message: Message) -> None:
    assert parse_conversation(text)[at] == message
    assert parse_conversation(render_conversation(parse_conversation(text))) == parse_conversation(text)


THOUGHT = "<assistant_thought>x</assistant_thought>"
# The seed's parser wrongly accepts these (facts/seeds.md §1.5–1.6).
SEED_FALSE_ACCEPTS = {
    "empty user turn": ("</user>\n</assistant> a\n", "empty"),
    "empty assistant turn": ("</user> u\n</assistant>\n</user> u\n</assistant> a\n", "empty"),
    "six empty turns": ("</user></assistant>" * 6, "empty"),
    "two users merged": ("</user> u\n</user> u\n</assistant> a\n", "order"),
    "two assistants merged": ("</user> u\n</assistant> a\n</assistant> a\n", "order"),
    "ends with the user": ("</user> u\n</assistant> a\n</user> u\n", "end"),
    "ends with a response": (f"</user> u\n{CALL}\n{RESPONSE}\n", "end"),
    "text before the first tag": ("Sure!\n</user> u\n</assistant> a\n", "start"),
    "begins with the assistant": ("</assistant> a\n</user> u\n</assistant> a\n", "start"),
    "truncated JSON": (with_call('{"name": "A", "arguments": {"q": "x'), "json"),
    "raw line break in a string": (with_call('{"name": "A", "arguments": {"q": "x\ny"}}'), "json"),
    "arguments a string": (with_call('{"name": "A", "arguments": "{}"}'), "call"),
    "arguments missing": (with_call('{"name": "A"}'), "call"),
    "name a number": (with_call('{"name": 1, "arguments": {}}'), "call"),
    "a call that is 3": (with_call("3"), "call"),
    "duplicate keys": (with_call('{"name": "A", "arguments": {"a": 1, "a": 2}}'), "duplicate-key"),
    "NaN": (with_call('{"name": "A", "arguments": {"a": NaN}}'), "number"),
    "empty <tool></tool>": (with_call(""), "json"),
    "double thought": (f"</user> u\n{THOUGHT}{THOUGHT}\n</assistant> a\n", "thought"),
    "trailing thought": (f"</user> u\n</assistant> a\n{THOUGHT}\n", "order"),
    "empty thought": ("</user> u\n<assistant_thought></assistant_thought>\n</assistant> a\n", "empty"),
    "stray text after a response": (f"</user> u\n{CALL}\n{RESPONSE}\nstray\n</assistant> a\n", "stray"),
    "a call without a response": (f"</user> u\n{CALL}\n</assistant> a\n", "response"),
}


@pytest.mark.parametrize(("text", "rule"), SEED_FALSE_ACCEPTS.values(), ids=SEED_FALSE_ACCEPTS.keys())
def test_what_the_seed_wrongly_accepts_is_rejected(text: str, rule: str) -> None:
    with pytest.raises(DMLError) as caught:
        parse_conversation(text)
    assert caught.value.rule == rule


# What the seed gets right must stay right.
SEED_FINE = {
    "unicode": ("Grüße, 漢字, 😀", "Grüße, 漢字, 😀"),
    "< in text": ("is 1 < 2?", "is 1 < 2?"),
    "HTML": ("<p>x</p> <a href='u'>y</a>", "<p>x</p> <a href='u'>y</a>"),
    "mail address": ("Tom <tom@example.com>", "Tom <tom@example.com>"),
    "line breaks": ("a\n\nb", "a\n\nb"),
    "escaped tag": ("say <\\tool>", "say <tool>"),
    "escaped escape": ("say <\\\\tool>", "say <\\tool>"),
    "backslash that escapes nothing": ("<\\p> \\ \\n", "<\\p> \\ \\n"),
}


@pytest.mark.parametrize(("written", "said"), SEED_FINE.values(), ids=SEED_FINE.keys())
def test_text_is_taken_as_it_is(written: str, said: str) -> None:
    assert parse_conversation(f"</user> {written}\n</assistant> a\n")[0].content == said


def test_big_integers_keep_every_digit() -> None:
    text = with_call('{"name": "A", "arguments": {"n": 123456789012345678901234567890}}')
    assert parse_conversation(text)[1].tool_calls[0].arguments == {"n": 123456789012345678901234567890}
    assert render_conversation(parse_conversation(text)) == text


PLAIN = "</user> u\n</assistant> a\n"
THOUGHTFUL = f"</user> u\n{THOUGHT}\n</assistant> a\n"
HALF_THOUGHTFUL = f"</user> u\n{CALL}\n{RESPONSE}\n{THOUGHT}\n</assistant> a\n"


@pytest.mark.parametrize(
    ("text", "thoughts", "valid"),
    [
        (PLAIN, None, True),
        (PLAIN, False, True),
        (PLAIN, True, False),
        (THOUGHTFUL, None, True),
        (THOUGHTFUL, True, True),
        (THOUGHTFUL, False, False),
        (HALF_THOUGHTFUL, None, True),
        (HALF_THOUGHTFUL, True, False),
        (HALF_THOUGHTFUL, False, False),
    ],
)
def test_thoughts_are_demanded_forbidden_or_free(text: str, thoughts: bool | None, valid: bool) -> None:
    if valid:
        assert parse_conversation(text, thoughts=thoughts) == parse_conversation(text)
    else:
        with pytest.raises(DMLError, match=r"assistant_thought.*\[thought\]"):
            parse_conversation(text, thoughts=thoughts)


def test_an_error_says_where_what_and_what_to_do() -> None:
    with pytest.raises(DMLError) as caught:
        parse_conversation("</user> u\n</assistant> a\n</user> v\n</user> w\n")
    error = caught.value
    assert (error.rule, error.offset, error.line, error.column) == ("order", 35, 4, 1)
    assert (error.actual, error.expected) == ("`</user>`", "`</assistant>`, a thought or a call")
    assert str(error).startswith("Line 4, column 1 (offset 35): found `</user>`, expected `</assistant>`")
    assert str(error).endswith("then one reply of the assistant. [order]")


def test_an_error_survives_the_way_between_processes() -> None:
    with pytest.raises(DMLError) as caught:
        parse_conversation("")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


TURN = f"</user> u\n{THOUGHT}\n</assistant> t\n{CALL}\n{RESPONSE}\n</assistant> a\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("</user> u" + "<tool>" * 3_000, id="3,000 unclosed calls"),
        pytest.param("</user> u" + "<assistant_thought>" * 3_000, id="3,000 unclosed thoughts"),
        pytest.param("</user> u <assistant_thought>" + "<tool>" * 300_000, id="tags in an unclosed thought"),
        pytest.param("</user> u <parallel>" + f"{CALL}{RESPONSE}" * 3_000, id="an unclosed group"),
        pytest.param("</user> u <tool>" + "[" * 300_000, id="brackets"),
        pytest.param("</user> u <tool>" + '{"a":' * 300_000, id="objects"),
        pytest.param("</user> u </assistant> a" + " " * 1_000_000 + "x", id="spaces in a text"),
        pytest.param(f"</user> u {CALL}" + " " * 1_000_000 + "x", id="spaces between elements"),
        pytest.param("</user> " + "<\\" * 500_000, id="begun escapes"),
        pytest.param("</user> <" + "\\" * 1_000_000, id="backslashes"),
        pytest.param(TURN * 3_000 + "</user> u", id="an error at the end of many turns"),
    ],
)
def test_long_texts_take_linear_time(text: str) -> None:
    with at_most_cpu_seconds(10), suppress(DMLError):
        parse_conversation(text)
