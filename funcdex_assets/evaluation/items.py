"""Makes evaluation items of conversations: one for each assistant message that follows a user's or a result.

Teacher-forced: an item has the messages as they were recorded, whatever the model said before. Add here what an item
is. The forms in which foreign files hold conversations belong to `foreign_rows.py`.

>>> said = {"role": "user", "content": "Heat to 21."}
>>> call = {"role": "assistant", "tool_calls": [{"function": {"name": "heat", "arguments": '{"to": 21}'}}]}
>>> (item,) = list_items([said, call], [], conversation_id="c")
>>> item.item_id, item.calls
('c:1', (ExpectedCall(name='heat', arguments={'to': 21}, accepted=None),))
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from funcdex_assets.records.dataset import DatasetRow
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.openai_messages import read_call_arguments
from funcdex_assets.records.record import Json
from funcdex_assets.records.row_failures import RowFailure, explain_row_failure, make_each
from funcdex_assets.records.training import EvaluationItem, ExpectedCall, ItemTrait

ROLES = ("system", "user", "assistant", "tool")
_SYSTEM_ROLES = ("system", "developer")
_DECLINING_KINDS = ("no_suitable_tool", "missing_function")
"""In which a question after a refusal is courtesy and not a question for an argument."""


class RowsError(UserError):
    """Raised for rows or tools that cannot be read; the message names the file, the line, the value and the remedy."""


def list_items(
    messages: Sequence[Mapping[str, Any]],
    tools: Json,
    *,
    conversation_id: str,
    partition: str = "",
    kind: str = "",
    failed_calls: Collection[str] | None = None,
    accepted: Sequence[Mapping[str, Any] | None] | None = None,
) -> list[EvaluationItem]:
    """Lists the items of a conversation in OpenAI's form; item ids are `CONVERSATION:INDEX OF THE MESSAGE`.

    `failed_calls` are the ids of calls whose result is an error; if nobody knows them, results tell by their form.
    `accepted` has the accepted values of each call of the conversation, in order.

    Raises:
        RowsError: a message cannot be read, or `accepted` has not one entry for each call.
    """
    read = [_read_message(message, index) for index, message in enumerate(messages)]
    accepted_by_call = _share_out_accepted(read, accepted)
    items: list[EvaluationItem] = []
    for index, message in enumerate(read):
        if message["role"] != "assistant" or index == 0 or read[index - 1]["role"] not in ("user", "tool"):
            continue
        calls = tuple(
            ExpectedCall(call["function"]["name"], call["function"]["arguments"], accepted_by_call.get((index, number)))
            for number, call in enumerate(message.get("tool_calls", ()))
        )
        items.append(
            EvaluationItem(
                item_id=f"{conversation_id}:{index}",
                conversation_id=conversation_id,
                partition=partition,
                kind=kind,
                messages=read[:index],
                tools=tools,
                calls=calls,
                text=message["content"] or None,
                traits=tuple(_list_traits(read, index, kind, failed_calls)),
            )
        )
    return items


def list_dataset_items(rows: Sequence[DatasetRow]) -> list[EvaluationItem]:
    """Lists the items of the platform's own rows, in order."""
    return [
        item
        for row in rows
        for item in list_items(
            row.messages,
            row.tools,
            conversation_id=row.conversation_id,
            partition=row.partition,
            kind=row.kind,
            failed_calls={step.call_id for step in row.step_trace if step.outcome == "error"},
        )
    ]


def read_json_lines(path: Path) -> tuple[list[tuple[str, Any]], list[RowFailure]]:
    """Reads a JSONL file, or one JSON array; returns each value after its place (`rows.jsonl:3`), and unreadable lines.

    Raises:
        OSError: the file cannot be read.
        RowsError: it is empty.
    """
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise RowsError(f"{path} is empty; write one row a line")
    if content.lstrip().startswith(b"["):
        try:
            whole = msgspec.json.decode(content)
        except msgspec.DecodeError:
            pass  # lines, of which each is a list
        else:
            return [(f"{path.name}:{number}", value) for number, value in enumerate(whole, start=1)], []
    lines = [
        (f"{path.name}:{number}", line) for number, line in enumerate(content.splitlines(), start=1) if line.strip()
    ]
    pairs, failures = make_each(lines, lambda line: _decode_line(line[1]), lambda line: line[0])
    return [(place, value) for (place, _), value in pairs], failures


def read_published_items(path: Path) -> tuple[list[EvaluationItem], list[RowFailure]]:
    """Reads the items of a release's file (`test.jsonl`); returns them, and the rows that are left out with reasons.

    Raises:
        OSError: the file cannot be read.
        RowsError: it is empty.
    """
    values, failures = read_json_lines(path)
    pairs, unusable = make_each(values, lambda placed: list_published_items(placed[1]), lambda placed: placed[0])
    return [item for _, items in pairs for item in items], failures + unusable


def list_published_items(row: Any) -> list[EvaluationItem]:
    """Lists the items of one published row.

    Raises:
        RowsError: the row lacks its messages or tools, or a message cannot be read.
    """
    if not isinstance(row, Mapping) or not {"messages", "tools"} <= row.keys():
        names = ", ".join(list(row)[:6]) if isinstance(row, Mapping) else type(row).__name__
        raise RowsError(f"the row has {names or 'nothing'}, not messages and tools; give a file of a release")
    trace = decode_json_text(row.get("step_trace")) or None
    return list_items(
        decode_json_text(row["messages"]),
        decode_json_text(row["tools"]),
        conversation_id=str(row.get("id", row.get("conversation_id", ""))),
        partition=str(row.get("partition") or ""),
        kind=str(row.get("kind") or ""),
        failed_calls=None if trace is None else {step["call_id"] for step in trace if step["outcome"] == "error"},
    )


def explain_unusable_row(place: str, error: Exception) -> RowFailure:
    """Describes why a row is left out; a broken disk is raised again."""
    return explain_row_failure(place, error, RowsError)


def decode_json_text(value: Any) -> Any:
    """Decodes a column that some formats hold as JSON text.

    Raises:
        RowsError: the text is no JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError as error:
        raise RowsError(f"{shorten_value(value)} is no JSON: {error}; write JSON, or a text with JSON") from None


def _decode_line(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        raise RowsError(f"the line is no JSON: {error}; write one JSON object a line") from None


def _read_message(message: Any, index: int) -> dict[str, Any]:
    """Returns a message with the fields that models are given: arguments as objects, calls and results with ids."""
    if not isinstance(message, Mapping) or message.get("role") not in (*ROLES, "developer"):
        role = message.get("role") if isinstance(message, Mapping) else message
        raise RowsError(
            f"message {index} has the role {shorten_value(role)}; write one of {', '.join(ROLES)} into each message"
        )
    role = "system" if message["role"] in _SYSTEM_ROLES else message["role"]
    read: dict[str, Any] = {"role": role, "content": _read_content(message.get("content"), index)}
    if role == "tool":
        return read | {name: message[name] for name in ("tool_call_id", "name") if message.get(name)}
    if message.get("reasoning_content"):
        read["reasoning_content"] = message["reasoning_content"]
    calls = message.get("tool_calls") or ()
    if role == "assistant" and calls:
        read["tool_calls"] = [_read_call(call, index, number) for number, call in enumerate(calls)]
    return read


def _read_content(content: Any, index: int) -> str:
    """Returns the text of a content, which some formats write as a list of blocks."""
    if isinstance(content, list):
        content = "".join(str(block.get("text") or "") for block in content if isinstance(block, Mapping))
    if content is not None and not isinstance(content, str):
        raise RowsError(f"the content of message {index} is {shorten_value(content)}; write a text")
    return content or ""


def _read_call(call: Any, index: int, number: int) -> dict[str, Any]:
    function = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise RowsError(
            f"call {number} of message {index} is {shorten_value(call)}; write "
            '{"function": {"name": …, "arguments": {…}}}'
        )
    try:
        arguments = read_call_arguments(function.get("arguments", function.get("parameters")))
    except ValueError as error:
        raise RowsError(f"call {number} of message {index}: {error}; write a JSON object") from None
    identity = str(call.get("id") or f"call_{index}_{number}")
    return {"id": identity, "type": "function", "function": {"name": function["name"], "arguments": arguments}}


def _share_out_accepted(
    messages: Sequence[Mapping[str, Any]], accepted: Sequence[Mapping[str, Any] | None] | None
) -> dict[tuple[int, int], Any]:
    """Returns the accepted values by index of the message and number of the call in it."""
    if accepted is None:
        return {}
    places = [
        (index, number)
        for index, message in enumerate(messages)
        for number in range(len(message.get("tool_calls", ())))
    ]
    if len(accepted) != len(places):
        raise RowsError(
            f"accepted has {len(accepted)} entries for {len(places)} calls; give one for each call, in order"
        )
    return dict(zip(places, accepted, strict=True))


def _list_traits(
    messages: Sequence[Mapping[str, Any]], index: int, kind: str, failed_calls: Collection[str] | None
) -> Iterator[ItemTrait]:
    results = []
    for message in reversed(messages[:index]):
        if message["role"] != "tool":
            break
        results.append(message)
    if any(
        looks_like_error(result["content"]) if failed_calls is None else result.get("tool_call_id") in failed_calls
        for result in results
    ):
        yield "after_error"
    message, following = messages[index], messages[index + 1 : index + 3]
    if (
        not results
        and not message.get("tool_calls")
        and "?" in message["content"]
        and kind not in _DECLINING_KINDS
        and [other["role"] for other in following] == ["user", "assistant"]
        and following[1].get("tool_calls")
    ):
        yield "asks_back"


def looks_like_error(content: str) -> bool:
    """Returns True for the result of a failed call, as services write it: an object with an error, or problem details.

    >>> looks_like_error('{"error": {"code": 429}}'), looks_like_error('{"title": "Report", "status": "open"}')
    (True, False)
    """
    try:
        value = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return content.lstrip().lower().startswith("error")
    if not isinstance(value, dict):
        return False
    status = value.get("status")
    is_problem = "title" in value and isinstance(status, int) and status >= 400
    return bool(value.get("error") or value.get("errors")) or is_problem


def shorten_value(value: Any) -> str:
    """Shows a value within an error, its beginning if it is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
