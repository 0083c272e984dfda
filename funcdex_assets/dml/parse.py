r"""Parses DML text into the messages of a conversation.

The order of tags in a text is decided here; the order of messages is checked in `structure`, the JSON inside
elements in `values`. The parser makes one forward pass without backtracking: a tag decides what comes next, a
JSON value ends where its scanner ends, and an utterance ends at the next tag. White space between elements and
around texts is tolerated; `render` writes the canonical form.

>>> [message.role for message in parse_conversation("</user> Hi\n</assistant> Hello, what can I do?\n")]
['user', 'assistant']
"""

import re

from funcdex_assets.dml import values
from funcdex_assets.dml.markup import (
    ASSISTANT,
    CALL,
    CALL_END,
    ERROR,
    ERROR_END,
    GROUP,
    GROUP_END,
    NOT_TAGS,
    RESPONSE,
    RESPONSE_END,
    TAG,
    THOUGHT,
    THOUGHT_END,
    TOOL_NAME,
    USER,
    DMLError,
    shorten_value,
    text_error,
    unescape_tags,
)
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.record import Json


def parse_conversation(text: str, *, thoughts: bool | None = None) -> tuple[Message, ...]:
    """Returns the messages of a conversation; raises DMLError at the first place that breaks a rule.

    `thoughts=True` demands a thought in every assistant message, `False` forbids thoughts, None accepts both.
    """
    return _TagReader(text, thoughts).read_conversation()


_NEXT_TAG = re.compile(rf"\s*+(?:({TAG.pattern})|\Z)")
# A thought may mention any other tag; one of these inside a thought means that its closing tag was forgotten.
_THOUGHT_STOP = re.compile("|".join((THOUGHT_END, THOUGHT, ASSISTANT, USER)))


class _TagReader:
    """A cursor on the current tag: `tag` begins at `start` and ends at `end`; it is "" at the end of the text."""

    __slots__ = ("calls", "end", "messages", "start", "tag", "text", "thoughts")

    def __init__(self, text: str, thoughts: bool | None) -> None:
        self.text, self.thoughts = text, thoughts
        self.tag, self.start, self.end = "", 0, 0
        self.calls = 0
        self.messages: list[Message] = []

    def read_conversation(self) -> tuple[Message, ...]:
        self.check_characters()
        self.advance_to_next_tag("start", "`</user>`")
        if self.tag != USER and self.tag not in NOT_TAGS:
            raise self.error_at_tag("start", "`</user>`")
        while self.tag:
            self.read_turn()
        return tuple(self.messages)

    def read_turn(self) -> None:
        if self.tag != USER:
            raise self.misplaced_tag_error("`</user>` or the end" if self.messages else "`</user>`")
        self.messages.append(Message(role="user", content=self.read_utterance()))
        while True:
            thought = self.read_thought()
            content = self.read_utterance() if self.tag == ASSISTANT else None
            if self.tag == CALL:
                pairs = (self.read_pair(),)
            elif self.tag == GROUP:
                pairs = self.read_group()
            elif content is not None:
                self.messages.append(Message(role="assistant", content=content, thought=thought))
                return
            elif thought is not None and self.tag not in NOT_TAGS:
                raise self.error_at_tag("thought", "an utterance or a call after the thought")
            else:
                raise self.misplaced_tag_error("`</assistant>`, a thought or a call")
            calls = tuple(call for call, _ in pairs)
            self.messages.append(Message(role="assistant", content=content, thought=thought, tool_calls=calls))
            for _, result in pairs:
                self.messages.append(Message(role="tool", result=result))

    # ── elements: each method starts with the cursor on the opening tag and leaves it on the tag that follows ──

    def read_utterance(self) -> str:
        next_tag = TAG.search(self.text, self.end)
        written = self.text[self.end : next_tag.start() if next_tag else None].strip()
        if not written:
            raise text_error("empty", self.text, self.start, f"text after `{self.tag}`", "no text")
        self.move_to_tag(next_tag)
        return unescape_tags(written)

    def read_thought(self) -> str | None:
        if self.tag != THOUGHT:
            if self.thoughts and self.tag in (ASSISTANT, CALL, GROUP):
                raise self.error_at_tag("thought", "`<assistant_thought>`")
            return None
        if self.thoughts is False:
            raise self.error_at_tag("thought", "no thoughts in this conversation")
        stop = _THOUGHT_STOP.search(self.text, self.end)
        if stop is None or stop.group() != THOUGHT_END:
            offset = stop.start() if stop else len(self.text)
            raise text_error("unclosed", self.text, offset, f"`{THOUGHT_END}`")
        written = self.text[self.end : stop.start()].strip()
        if not written:
            raise text_error("empty", self.text, self.start, "a thought", "no text")
        self.end = stop.end()
        self.advance_to_next_tag("stray", "`</assistant>` or a call")
        return unescape_tags(written)

    def read_group(self) -> tuple[tuple[ToolCall, ToolResult], ...]:
        opening_offset = self.start
        self.advance_to_next_tag("stray", "`<tool>`")
        pairs = []
        while self.tag == CALL:
            pairs.append(self.read_pair())
        if self.tag != GROUP_END:
            raise self.error_at_tag("unclosed", f"`<tool>` or `{GROUP_END}`")
        if len(pairs) < 2:
            number_of_calls = "one call" if pairs else "no call"
            raise text_error("group", self.text, opening_offset, "two or more calls in the group", number_of_calls)
        self.advance_to_next_tag("stray", "`</assistant>`, a thought or a call")
        return tuple(pairs)

    def read_pair(self) -> tuple[ToolCall, ToolResult]:
        call_offset = self.end
        call = self.build_call(self.read_value(CALL_END), call_offset)
        if self.tag not in (RESPONSE, ERROR):
            raise self.error_at_tag("response", f"`{RESPONSE}` or `{ERROR}` for {call.id} ({call.name})")
        failed = self.tag == ERROR
        content = self.read_value(ERROR_END if failed else RESPONSE_END)
        return call, ToolResult(call_id=call.id, name=call.name, content=content, error=failed)

    def read_value(self, closing: str) -> Json:
        value, self.end = values.read_json(self.text, self.end)
        self.advance_to_next_tag("json", f"`{closing}` after the JSON value")
        if self.tag != closing:
            raise self.error_at_tag("unclosed", f"`{closing}`")
        self.advance_to_next_tag("stray", "a tag")
        return value

    def build_call(self, value: Json, offset: int) -> ToolCall:
        if type(value) is not dict or value.keys() != {"name", "arguments"}:
            actual = f"the keys {shorten_value(list(value))}" if type(value) is dict else f"{shorten_value(value)}"
            raise text_error("call", self.text, offset, 'an object with "name" and "arguments"', actual)
        name, arguments = value["name"], value["arguments"]
        if type(name) is not str or not TOOL_NAME.fullmatch(name):
            raise text_error("call", self.text, offset, "a tool name", f"the name {shorten_value(name)}")
        if type(arguments) is not dict:
            actual = f"the arguments {shorten_value(arguments)}"
            raise text_error("call", self.text, offset, "an object of arguments", actual)
        self.calls += 1
        return ToolCall(id=f"call_{self.calls}", name=name, arguments=arguments)

    # ── moving the cursor, and errors at its place ───────────────────────────────────────────────

    def advance_to_next_tag(self, rule: str, expected: str) -> None:
        """Moves the cursor to the next tag; anything but white space before that tag breaks `rule`."""
        match = _NEXT_TAG.match(self.text, self.end)
        if not match:
            offset = values.skip_space(self.text, self.end)
            raise text_error(rule, self.text, offset, expected)
        self.tag = match.group(1) or ""
        self.end = match.end()
        self.start = self.end - len(self.tag)

    def move_to_tag(self, match: re.Match[str] | None) -> None:
        self.tag = match.group() if match else ""
        self.end = match.end() if match else len(self.text)
        self.start = self.end - len(self.tag)

    def error_at_tag(self, rule: str, expected: str) -> DMLError:
        return text_error(rule, self.text, self.start, expected)

    def misplaced_tag_error(self, expected: str) -> DMLError:
        rule = "tag" if self.tag in NOT_TAGS else "order" if self.tag else "end"
        return self.error_at_tag(rule, expected)

    def check_characters(self) -> None:
        """Raises DMLError at a character that a UTF-8 file or a C string cannot hold: NUL, a lone surrogate."""
        offset = self.text.find("\0")
        if offset < 0 and not self.text.isascii():
            try:
                self.text.encode()
            except UnicodeEncodeError as error:
                offset = error.start
        if offset >= 0:
            raise text_error("character", self.text, offset, "Unicode characters other than NUL")
