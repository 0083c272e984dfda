r"""Reads a team's own rows: a handful of examples that somebody wrote or recorded, for the training split alone.

Belongs here: the two forms of such rows, what must be true of one, and how they are measured. Which files belong to a
toolkit is said in its document and in the settings; writing the rows beside the generated ones belongs to `release.py`.

    {"question": "[{\"role\": \"user\", \"content\": \"renew my loan\"}]", "answer": "{\"name\": \"renew\", …}"}
    {"messages": [{"role": "user", …}, {"role": "assistant", "tool_calls": […]}]}

The last message is the assistant's: what is to be learned. A call may have no result, at the end of a row or within it:
nobody knows what came back, and nothing is invented. A row that cannot be used is a `RowFailure` that names file and
line; the others are not affected.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from funcdex_assets.checks.findings import find_problems_of_messages
from funcdex_assets.language.speech_profile import SpeechProfile, measure_speech
from funcdex_assets.records.dataset import OwnRow
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.message import Message
from funcdex_assets.records.openai_messages import (
    parse_openai_messages,
    read_call_arguments,
    to_openai_messages,
    to_openai_tools,
)
from funcdex_assets.records.record import Json
from funcdex_assets.records.row_failures import RowFailure, explain_row_failure, make_each
from funcdex_assets.records.seeds import derive_id
from funcdex_assets.records.tool import Tool

_SYSTEM_ROLES = ("system", "developer")
_FORMS = (
    'write {"question": MESSAGES, "answer": {"name": …, "parameters": {…}}} or {"messages": MESSAGES}, where MESSAGES '
    "is a list of {role, content}"
)


class OwnRowError(UserError):
    """Raised where a row cannot be used; `kind` groups the reasons, the message names the value and the remedy."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class _Line(msgspec.Struct, frozen=True):
    """A line of a file: `place` is `rows.jsonl:3`."""

    place: str
    content: bytes


def read_own_rows(
    paths: Sequence[Path], tools: Sequence[Tool], partition: str, *, weight: float = 1.0, system_prompt: str = ""
) -> tuple[list[OwnRow], list[RowFailure]]:
    """Reads the rows of JSONL files; returns those that can be used, and the others with place and reason.

    A row is checked as a generated one is, by all rules that look at nothing but its messages and the tools. It is
    offered all `tools`, or those among them that its own `tools` name. It keeps its system prompt; one without gets
    `system_prompt`, if there is one.

    Raises:
        OSError: a file cannot be read.
    """
    tool_by_name = {tool.name: tool for tool in tools}
    first_places: dict[str, str] = {}

    def make_row(line: _Line) -> OwnRow:
        row = _build_row(line, tool_by_name, partition, weight, system_prompt)
        first = first_places.setdefault(row.row_id, line.place)
        if first != line.place:
            raise _describe_repeat(first)
        return row

    lines = [line for path in paths for line in _iterate_lines(path)]
    pairs, failures = make_each(lines, make_row, lambda line: line.place)
    return [row for _, row in pairs], failures


def explain_repeated_row(place: str, first: str) -> RowFailure:
    """Explains why a row cannot be used that repeats one of another file, at the place `first`."""
    return explain_row_failure(place, _describe_repeat(first))


def _describe_repeat(first: str) -> OwnRowError:
    return OwnRowError("repeated_row", f"it says and calls the same as {first}; remove one of them")


def profile_own_rows(rows: Sequence[OwnRow], tools: Sequence[Tool]) -> SpeechProfile:
    """Measures the forms of speech of the rows: how users speak, and how many of the optional arguments they give.

    No word of them is kept.
    """
    optional_by_tool = {
        tool.name: set(tool.parameters.get("properties", {})) - set(tool.parameters.get("required", ()))
        for tool in tools
    }
    conversations = [list_user_texts(row.messages) for row in rows]
    calls = [call["function"] for row in rows for message in row.messages for call in message.get("tool_calls", ())]
    shares = [
        len(optional & set(call["arguments"])) / len(optional)
        for call in calls
        if (optional := optional_by_tool.get(call["name"]))
    ]
    return measure_speech(
        [text for texts in conversations for text in texts],
        shares,
        first_texts=[texts[0] for texts in conversations],
        last_texts=[texts[-1] for texts in conversations],
    )


def list_user_texts(messages: Json) -> list[str]:
    """Lists what the user says, in order."""
    return [message["content"] for message in messages if message["role"] == "user"]


def _iterate_lines(path: Path) -> Iterator[_Line]:
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            yield _Line(f"{path.name}:{number}", line)


def _build_row(
    line: _Line, tool_by_name: Mapping[str, Tool], partition: str, weight: float, system_prompt: str
) -> OwnRow:
    try:
        content = msgspec.json.decode(line.content)
    except ValueError as error:
        raise OwnRowError("unreadable_row", f"the line is no JSON: {error}; write one row a line") from None
    if not isinstance(content, dict):
        raise OwnRowError("unreadable_row", f"the line is {_shorten(content)}, no object; {_FORMS}")
    written = _find_messages(content)
    own_prompt = _read_text(written[0], 0) if written[0]["role"] in _SYSTEM_ROLES else None
    turns = written if own_prompt is None else written[1:]
    messages = parse_openai_messages(_normalize_messages(turns, len(written) - len(turns)))
    _check_order(messages)
    offered = _select_offered(content.get("tools"), tool_by_name)
    findings = [finding for finding in find_problems_of_messages(messages, offered) if finding.blocking]
    if findings:
        first = findings[0]
        place = f"message {first.message}{first.place and f' at {first.place}'}: " if first.message is not None else ""
        raise OwnRowError(first.rule, f"{place}{first.text}")
    identity = msgspec.json.encode(to_openai_messages(messages, None)).decode()
    return OwnRow(
        row_id=derive_id("own", identity),
        partition=partition,
        place=line.place,
        messages=to_openai_messages(messages, own_prompt or system_prompt or None),
        tools=to_openai_tools(list(offered.values())),
        weight=weight,
        calls=sum(len(message.tool_calls) for message in messages),
        user_turns=sum(message.role == "user" for message in messages),
    )


def _find_messages(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the messages of a row in either form; an answer becomes the last message."""
    if "messages" in content:
        messages = _decode_text(content["messages"], "messages")
    elif "question" in content and "answer" in content:
        question = _decode_text(content["question"], "question")
        answer = _decode_text(content["answer"], "answer")
        calls = answer if isinstance(answer, list) else [answer]
        if not isinstance(question, list) or not calls:
            raise OwnRowError(
                "unreadable_row", f"question is {_shorten(question)}, answer {_shorten(answer)}; {_FORMS}"
            )
        messages = [*question, {"role": "assistant", "content": None, "tool_calls": calls}]
    else:
        names = ", ".join(list(content)[:6]) or "none"
        raise OwnRowError("unreadable_row", f"the row has the fields {names}; {_FORMS}")
    if not isinstance(messages, list) or not messages:
        raise OwnRowError("unreadable_row", f"messages is {_shorten(messages)}, not a list with something in it")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise OwnRowError("unreadable_row", f"message {index} is {_shorten(message)}, no object with a role")
    return messages


def _decode_text(value: Any, field: str) -> Any:
    """Decodes a field that is written as JSON text; any other value is as it is."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except ValueError as error:
        raise OwnRowError("unreadable_row", f"{field} is {_shorten(value)}, which is no JSON: {error}") from None


def _normalize_messages(messages: Sequence[Mapping[str, Any]], offset: int) -> list[dict[str, Any]]:
    """Returns the messages in the form of the generated rows: calls are counted, results name the call they answer.

    `offset` is the index of the first one in the row.
    """
    normalized: list[dict[str, Any]] = []
    waiting: dict[str, dict[str, Any]] = {}  # calls of the last group without a result, by the id that the row gives
    calls_so_far = 0
    for index, message in enumerate(messages, start=offset):
        role = message["role"]
        if role == "tool":
            call = _find_answered_call(message, waiting, index)
            content = _encode_result(_read_text(message, index))
            normalized.append({"role": "tool", "tool_call_id": call["id"], "name": call["name"], "content": content})
            continue
        if role not in ("user", "assistant"):
            raise OwnRowError(
                "structure",
                f"message {index} is of role {role!r}; there are user, assistant and tool, and system as the first",
            )
        if "function_call" in message:
            raise OwnRowError("structure", f"message {index} has 'function_call', the older form; write 'tool_calls'")
        text = _read_text(message, index)
        waiting = {}
        calls = []
        for call in message.get("tool_calls") or ():
            calls_so_far += 1
            call_id = f"call_{calls_so_far}"
            name, arguments = _read_call(call, index)
            calls.append({"id": call_id, "function": {"name": name, "arguments": arguments}})
            waiting[str(call.get("id") or call_id)] = {"id": call_id, "name": name}
        if role == "user" and (calls or not text):
            raise OwnRowError("structure", f"message {index}: a user says something, and calls nothing")
        if role == "assistant" and not (calls or text):
            raise OwnRowError("structure", f"message {index}: the assistant neither says nor calls anything")
        normalized.append({"role": role, "content": text, "tool_calls": calls})
    return normalized


def _find_answered_call(message: Mapping[str, Any], waiting: dict[str, dict[str, Any]], index: int) -> dict[str, Any]:
    """Returns the waiting call that a result answers, by its id, or the first where it names none."""
    named = message.get("tool_call_id")
    answered = named if named is not None else next(iter(waiting), None)
    if not isinstance(answered, str) or answered not in waiting:
        raise OwnRowError("structure", f"message {index}: the result of {named!r}, which no call before it waits for")
    return waiting.pop(answered)


def _read_call(call: Any, index: int) -> tuple[str, dict[str, Any]]:
    """Reads the name and the arguments of a call: nested in `function` or not, `arguments` or `parameters`."""
    function = _unwrap_function(call)
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise OwnRowError("structure", f"message {index}: the call {_shorten(call)} names no tool")
    arguments = function.get("arguments", function.get("parameters"))
    try:
        return name, read_call_arguments(arguments)
    except ValueError:
        raise OwnRowError(
            "invalid_arguments", f"message {index}: the arguments of {name} are {_shorten(arguments)}, no object"
        ) from None


def _unwrap_function(entry: Any) -> Mapping[str, Any]:
    """Returns the function of a call or a definition, which may be nested; an empty mapping if there is none."""
    function = entry.get("function", entry) if isinstance(entry, dict) else None
    return function if isinstance(function, dict) else {}


def _read_text(message: Mapping[str, Any], index: int) -> str:
    """Reads the text of a message, '' if it has none; parts of type text are joined by lines."""
    content = message.get("content")
    if isinstance(content, list):
        texts = [str(part.get("text")) for part in content if isinstance(part, dict) and part.get("type") == "text"]
        content = "\n".join(texts) if len(texts) == len(content) else content
    if content is None or isinstance(content, str):
        return (content or "").strip()
    if message["role"] == "tool":
        return msgspec.json.encode(content).decode()
    raise OwnRowError("structure", f"message {index} has the content {_shorten(content)}, which is no text")


def _encode_result(text: str) -> str:
    """Returns the content of a result as JSON text, which a result in prose is not yet."""
    try:
        msgspec.json.decode(text)
    except ValueError:
        return msgspec.json.encode(text).decode()
    return text


def _check_order(messages: Sequence[Message]) -> None:
    """Checks that speakers take turns and the assistant has the last word; a call needs no result, if its neighbours
    in the message have none either.

    Raises:
        OwnRowError: what is out of order.
    """
    if not messages or messages[0].role != "user":
        raise OwnRowError("structure", "the conversation does not begin with the user; begin with what the user says")
    for index, (message, following) in enumerate(zip(messages, [*messages[1:], None], strict=True)):
        if message.role == "user" and (following is None or following.role != "assistant"):
            raise OwnRowError(
                "structure",
                f"user message {index} ({_shorten(message.content)}) is not followed by the assistant; add its call or "
                "answer, or join the messages of the user",
            )
        if following is None and message.role == "tool":
            raise OwnRowError("structure", "the row ends with a result; end it with the assistant's call or answer")
        if message.tool_calls:
            results = 0
            while index + 1 + results < len(messages) and messages[index + 1 + results].role == "tool":
                results += 1
            if results not in (0, len(message.tool_calls)):
                raise OwnRowError(
                    "structure",
                    f"message {index} has {len(message.tool_calls)} calls and {results} results; give all or none",
                )


def _select_offered(listed: Any, tool_by_name: Mapping[str, Tool]) -> dict[str, Tool]:
    """Selects the tools that a row lists, in the toolkit's definitions; all of them if it lists none."""
    if not listed:
        return dict(tool_by_name)
    offered: dict[str, Tool] = {}
    for entry in listed if isinstance(listed, list) else [listed]:
        name = _unwrap_function(entry).get("name")
        if not isinstance(name, str) or name not in tool_by_name:
            raise OwnRowError(
                "unknown_tool",
                f"its tools list {_shorten(name or entry)}, which the toolkit does not define; leave 'tools' out to "
                "offer all tools of the toolkit",
            )
        offered[name] = tool_by_name[name]
    return offered


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
