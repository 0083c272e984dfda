"""Writes a conversation for a judge who is to name places in it: with the numbers of its turns and messages.

Belongs here: the form in which a model reads a conversation that it judges, and the text in which its quotes are looked
up. The markup that conversations are stored in is `dml/render.py`.

>>> greeting = [Message(role="user", content="Hi"), Message(role="assistant", content="Hello.")]
>>> print(render_transcript(greeting))
Turn 0
[0] user: Hi
[1] assistant: Hello.
"""

from collections.abc import Iterator, Sequence

import msgspec

from funcdex_assets.records.message import Message
from funcdex_assets.records.record import Json


def render_transcript(messages: Sequence[Message]) -> str:
    """Renders all messages, each line with the number of its message, and a heading before each turn."""
    lines: list[str] = []
    turn = 0
    for index, message in enumerate(messages):
        if message.role == "user":
            lines.append(f"Turn {turn}")
            turn += 1
        lines += [f"[{index}] {label}: {text}" for label, text in _iterate_parts(message)]
    return "\n".join(lines)


def render_message_text(message: Message) -> str:
    """Renders one message as in the transcript, but without numbers and labels: the text that can be quoted."""
    return "\n".join(text for _, text in _iterate_parts(message))


def _iterate_parts(message: Message) -> Iterator[tuple[str, str]]:
    """Yields (label, text) of the parts of a message; calls with equal message numbers went out together."""
    if message.thought is not None:
        yield "thought", message.thought
    if message.content is not None:
        yield message.role, message.content
    for call in message.tool_calls:
        yield call.id, f"{call.name} {_write_json(call.arguments)}"
    if message.result is not None:
        label = "error" if message.result.error else "result"
        yield f"{label} of {message.result.call_id}", _write_json(message.result.content)


def _write_json(value: Json) -> str:
    return msgspec.json.encode(value).decode()
