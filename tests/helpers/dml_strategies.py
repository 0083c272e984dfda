"""Hypothesis strategies: every conversation that DML can hold, with a taste for what could break it."""

import re

from hypothesis import strategies as st

from funcdex_assets.dml.markup import TAG_NAMES
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.record import Json

TAGS = [f"<{slash}{name}>" for slash in ("", "/") for name in TAG_NAMES]
FRAGMENTS = [
    *TAGS,
    *(tag[:-1] for tag in TAGS),
    *(tag[:1] + "\\" + tag[1:] for tag in TAGS),
    *(tag[:1] + "\\\\" + tag[1:] for tag in TAGS),
    *(
        "<",
        "\\",
        "\\u003c",
        "\\u0000",
        "&lt;",
        '"',
        '\\"',
        "tool>",
        "/user>",
        "</",
        "{",
        "}",
        '": ',
        "\n",
        " ",
    ),
    *('{"name": "A", "arguments": {}}', "\r\n", "\u2028", "\x85", "\xa0", "é", "漢", "😀", "\x1f", "\x01"),
]

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
raw_text = st.lists(st.sampled_from(FRAGMENTS) | st.text(characters, max_size=8), max_size=8).map("".join)
texts = raw_text.map(str.strip).filter(bool)
json_texts = raw_text | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**40), max_value=10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | json_texts
)
json_values: st.SearchStrategy[Json] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(json_texts, inner, max_size=4),
    max_leaves=12,
)
arguments = st.dictionaries(json_texts, json_values, max_size=4)
names = st.from_regex(re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII), fullmatch=True)
thoughts = st.none() | texts


@st.composite
def conversations(draw: st.DrawFn, max_turns: int = 3) -> tuple[Message, ...]:
    messages: list[Message] = []
    calls = 0
    for _ in range(draw(st.integers(1, max_turns))):
        messages.append(Message(role="user", content=draw(texts)))
        for _ in range(draw(st.integers(0, 2))):
            made = []
            for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
                calls += 1
                made.append(ToolCall(id=f"call_{calls}", name=draw(names), arguments=draw(arguments)))
            content, thought = draw(st.none() | texts), draw(thoughts)
            message = Message(role="assistant", content=content, thought=thought, tool_calls=tuple(made))
            messages.append(message)
            for call in made:
                content, error = draw(json_values), draw(st.booleans())
                result = ToolResult(call_id=call.id, name=call.name, content=content, error=error)
                messages.append(Message(role="tool", result=result))
        messages.append(Message(role="assistant", content=draw(texts), thought=draw(thoughts)))
    return tuple(messages)
