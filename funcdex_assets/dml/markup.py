r"""Defines the Dialog Markup Language's tags, how a tag is escaped, and the error for what is not in the language.

Add here what parser and renderer must agree on letter for letter. The language is described in
`grammars/README.md`; the order of tags belongs to `parse`, the order of messages to `structure`.

A tag is `<`, perhaps `/`, one of seven names, and `>`; nothing spelled like that is anything but a tag. To mention
one, a text puts a backslash after its `<`; a text that has backslashes there already gets one more, so that nothing
is lost:

>>> escape_tags("Put it into <tool>, not <p> or x<y.")
'Put it into <\\tool>, not <p> or x<y.'
>>> escape_tags(r"<tool> and <\tool>"), unescape_tags(escape_tags(r"<tool> and <\tool>"))
('<\\tool> and <\\\\tool>', '<tool> and <\\tool>')
"""

import re

TAG_NAMES = ("assistant_thought", "assistant", "tool_response", "tool_error", "tool", "parallel", "user")

USER, ASSISTANT = "</user>", "</assistant>"
THOUGHT, THOUGHT_END = "<assistant_thought>", "</assistant_thought>"
CALL, CALL_END = "<tool>", "</tool>"
RESPONSE, RESPONSE_END = "<tool_response>", "</tool_response>"
ERROR, ERROR_END = "<tool_error>", "</tool_error>"
GROUP, GROUP_END = "<parallel>", "</parallel>"
NOT_TAGS = ("<user>", "<assistant>")  # reserved: a writer who forgets the slash of `</user>` writes these

TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what the function-calling APIs take

_SPELLED = rf"/?(?:{'|'.join(TAG_NAMES)})>"
TAG = re.compile(f"<{_SPELLED}")
_TO_ESCAPE = re.compile(rf"<(\\*{_SPELLED})")
_ESCAPED = re.compile(rf"<\\(\\*{_SPELLED})")
_TAG_SIGN = re.compile(f"<(?={_SPELLED})")

REMEDIES = {
    "character": "Remove NUL characters and unpaired surrogates.",
    "start": "Begin with `</user>` and what the user says.",
    "empty": "Write at least one visible character, or leave the whole element out.",
    "space": "Strip the text before it becomes a message.",
    "order": "A turn is one user utterance, then calls with their results, then one reply of the assistant.",
    "end": "End with `</assistant>` and the reply to the user.",
    "stray": "Move the text into an utterance or delete it; write a tag only mentioned as `<\\tool>`.",
    "unclosed": "Write the closing tag.",
    "tag": "Utterances open with `</user>` and `</assistant>`; to say a tag literally, write `<\\user>`.",
    "thought": "Write `<assistant_thought>…</assistant_thought>` directly before the utterance or call.",
    "json": "Write one JSON value, its strings escaped; write a tag only mentioned as `<\\tool>`.",
    "duplicate-key": "Give every key of an object once.",
    "number": "Write finite numbers of at most 4300 digits; for no number write null.",
    "depth": "Nest at most 64 arrays and objects.",
    "call": 'Write {"name": "TOOL_NAME", "arguments": {…}}, no more; a name is 1–64 of A-Z a-z 0-9 _ -.',
    "response": "Follow each call by its own `<tool_response>` or `<tool_error>`, in the order of the calls.",
    "group": "Put two or more calls, each with its response, into `<parallel>`; a single call stands alone.",
    "fields": "user: content; assistant: content and/or tool_calls, perhaps thought; tool: result.",
    "id": "Number the calls call_1, call_2, … through the conversation.",
}
"""Every rule that a text or a sequence of messages can break, with what to do about it."""


class DMLError(ValueError):
    """Raised for a text that is not DML, or for messages that are no conversation.

    `rule` is a key of `REMEDIES`; `actual` and `expected` are phrases such as "no text" and "a thought". The place
    is `offset`, `line` and `column` in a text (offset from 0, the others from 1), or the index `message` (from 0)
    and a JSON `pointer` into that message.
    """

    def __init__(
        self,
        rule: str,
        offset: int | None,
        line: int | None,
        column: int | None,
        actual: str,
        expected: str,
        message: int | None = None,
        pointer: str = "",
    ) -> None:
        super().__init__(rule, offset, line, column, actual, expected, message, pointer)
        self.rule, self.actual, self.expected = rule, actual, expected
        self.offset, self.line, self.column = offset, line, column
        self.message, self.pointer = message, pointer

    def __str__(self) -> str:
        if self.message is None:
            location = f"Line {self.line}, column {self.column} (offset {self.offset})"
        else:
            location = f"Message {self.message}{f' at {self.pointer}' if self.pointer else ''}"
        return f"{location}: found {self.actual}, expected {self.expected}. {REMEDIES[self.rule]} [{self.rule}]"


def text_error(rule: str, text: str, offset: int, expected: str, actual: str = "") -> DMLError:
    """Returns the error at `offset` of `text`; without `actual` it quotes the text at that offset."""
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    return DMLError(rule, offset, line, column, actual or _quote_text_at(text, offset), expected)


def message_error(rule: str, message: int, pointer: str, actual: str, expected: str) -> DMLError:
    """Returns the error at `pointer` of the message with index `message`."""
    return DMLError(rule, None, None, None, actual, expected, message, pointer)


def shorten_value(value: object) -> str:
    """Returns a value as error messages show it: the first 60 characters of its `repr`."""
    try:
        quoted = repr(value)
    except (RecursionError, ValueError):  # nested without end; an integer too long to print
        quoted = f"a {type(value).__name__}"
    return quoted if len(quoted) <= 60 else f"{quoted[:59]}…"


def escape_tags(text: str) -> str:
    r"""Returns `text` as an utterance or a thought holds it: `<tool>` becomes `<\tool>`."""
    return _TO_ESCAPE.sub(r"<\\\1", text) if "<" in text else text


def unescape_tags(written: str) -> str:
    return _ESCAPED.sub(r"<\1", written) if "<\\" in written else written


def escape_tags_in_json(written: str) -> str:
    r"""Returns JSON text in which no string spells a tag: the tag's `<` becomes `\u003c`."""
    return _TAG_SIGN.sub(r"\\u003c", written) if "<" in written else written


def _quote_text_at(text: str, offset: int) -> str:
    if offset >= len(text):
        return "the end of the text"
    tag = TAG.match(text, offset)
    return f"`{tag.group()}`" if tag else shorten_value(text[offset : offset + 40])
