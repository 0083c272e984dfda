"""Reads rows that the platform did not make, as evaluation items: a file of rows, and perhaps a file of tools.

Add here a form of rows. All forms become messages with calls, of which `items.py` makes the items.

- calls:  `{"question": MESSAGES, "answer": CALL, "accepted"?: […]}`, of which MESSAGES (a list, or JSON text) end with
  a user's and CALL is `{"name", "parameters"}` or a list of calls. `accepted` has, for each call of the row in order,
  the values that are right for an argument, null among them where it may be left out.
- OpenAI: `{"messages": […], "tools"?: […]}`, of a release of the platform, too
- BFCL:   `{"id", "question": [[…]], "function": […], "ground_truth"?: […]}`. The possible answers of the file `X.json`
  are read from `possible_answer/X.json` beside it, where `bfcl-eval` has them; of `irrelevance` none is expected.

A line that cannot be used is left out and explained by file, line, value and remedy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from funcdex_assets.catalog.load import load_tools
from funcdex_assets.evaluation.bfcl_rows import convert_bfcl_tools, read_possible_answer
from funcdex_assets.evaluation.items import (
    RowsError,
    decode_json_text,
    explain_unusable_row,
    list_items,
    list_published_items,
    read_json_lines,
    shorten_value,
)
from funcdex_assets.records.openai_messages import to_openai_tools
from funcdex_assets.records.record import Json
from funcdex_assets.records.row_failures import RowFailure
from funcdex_assets.records.suggestions import suggest_name
from funcdex_assets.records.training import EvaluationItem
from funcdex_assets.schema.validation import compile_validator, prove_schema

_ANSWERS = "possible_answer"
_FORMS = (
    'write {"question": MESSAGES, "answer": {"name": …, "parameters": {…}}}, {"messages": MESSAGES, "tools": […]} or '
    "a row of BFCL"
)


@dataclass(frozen=True)
class ToolFile:
    """Tools in OpenAI's form, and the system prompt of rows that have none."""

    tools: Json
    task: str = ""


def read_tool_file(path: Path) -> ToolFile:
    """Reads `{"task_description"?, "tools": […]}`, a list of OpenAI functions, or a toolkit's file.

    Raises:
        OSError: the file cannot be read.
        RowsError: it has no tools, or one whose parameters are no JSON Schema.
    """
    try:
        document = msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError:
        document = None
    functions = document.get("tools") if isinstance(document, dict) else document
    is_function_list = isinstance(functions, list) and all(
        isinstance(entry, dict) and "name" in entry.get("function", entry) for entry in functions
    )
    if is_function_list and functions:
        tools = [{"type": "function", "function": entry.get("function", entry)} for entry in functions]
        task = str(document.get("task_description") or "") if isinstance(document, dict) else ""
    else:
        tools, task = to_openai_tools(load_tools({_name_toolkit(path): path})), ""
    for tool in tools:
        function = tool["function"]
        try:
            prove_schema(function.get("parameters") or {})
        except ValueError as error:
            raise RowsError(
                f"{path}: the parameters of {function['name']!r} are {error}; mend them, or leave the tool out"
            ) from None
    return ToolFile(tools, task)


def read_foreign_items(path: Path, tool_file: ToolFile | None = None) -> tuple[list[EvaluationItem], list[RowFailure]]:
    """Reads the items of a file in any of the forms; returns them, and the lines that are left out with reasons.

    Without tools of their own, rows are offered those of `tool_file`.

    Raises:
        OSError: the file cannot be read.
        RowsError: not one line can be used.
    """
    values, failures = read_json_lines(path)
    answers = _read_answers(path)
    items: list[EvaluationItem] = []
    for number, (place, row) in enumerate(values):
        try:
            items += _list_row_items(row, f"{path.stem}_{number}", tool_file, answers, path)
        except Exception as error:
            failures.append(explain_unusable_row(place, error))
    if not items:
        reason = f"{failures[0].subject}: {failures[0].reason}" if failures else f"no row has an answer; {_FORMS}"
        raise RowsError(f"{path} has no row that can be used; {reason}")
    return items, failures


def _list_row_items(
    row: Any, name: str, tool_file: ToolFile | None, answers: Mapping[str, Any], path: Path
) -> list[EvaluationItem]:
    if not isinstance(row, Mapping):
        raise RowsError(f"the row is {type(row).__name__}, no object; {_FORMS}")
    if "function" in row and "question" in row:
        return _list_bfcl_items(row, name, answers, path)
    if {"certificate", "chain_id"} <= row.keys():
        return list_published_items(row)
    accepted = None
    if "messages" in row:
        messages = _read_list(decode_json_text(row["messages"]), "messages")
    elif "question" in row and "answer" in row:
        messages = _join_answer(decode_json_text(row["question"]), decode_json_text(row["answer"]))
        accepted = decode_json_text(row.get("accepted"))
    else:
        raise RowsError(f"the row has the fields {', '.join(list(row)[:6]) or 'none'}; {_FORMS}")
    tools = decode_json_text(row.get("tools")) or (tool_file.tools if tool_file else None)
    if not tools:
        raise RowsError("the row has no tools; name a file of tools (--tools), or add a column tools")
    _check_tools(tools)
    if tool_file and tool_file.task and messages and messages[0].get("role") not in ("system", "developer"):
        messages = [{"role": "system", "content": tool_file.task}, *messages]
    items = list_items(
        messages, tools, conversation_id=str(row.get("id", name)), kind=str(row.get("kind") or ""), accepted=accepted
    )
    _refuse_unknown_tools(items, tools)
    return items


def _join_answer(question: Any, answer: Any) -> list[Any]:
    """Returns the messages of a question with the answer as the last one."""
    if isinstance(question, str):
        question = [{"role": "user", "content": question}]
    calls = answer if isinstance(answer, list) else [answer]
    if not isinstance(question, list) or not question or not all(isinstance(call, Mapping) for call in calls):
        raise RowsError(f"question is {type(question).__name__} and answer {type(answer).__name__}; {_FORMS}")
    return [*question, {"role": "assistant", "content": "", "tool_calls": calls}]


def _check_tools(tools: Any, *, has_schemas: bool = True) -> None:
    """Checks that a row's tools can be offered; without `has_schemas`, their parameters are of another language.

    Raises:
        RowsError: one has no name, or parameters that are no JSON Schema.
    """
    for number, tool in enumerate(_read_list(tools, "tools")):
        function = tool.get("function", tool) if isinstance(tool, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise RowsError(
                f'tool {number} is {shorten_value(tool)}; write {{"type": "function", "function": {{"name": …, '
                '"parameters": {…}}}'
            )
        parameters = function.get("parameters") or {}
        try:
            if not isinstance(parameters, Mapping):
                raise ValueError(f"{shorten_value(parameters)}, no JSON Schema")
            if has_schemas:
                compile_validator(parameters)
        except ValueError as error:
            raise RowsError(f"the parameters of {function['name']!r} are {error}; mend them") from None


def _read_list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise RowsError(f"{name} is {shorten_value(value)}, no list; {_FORMS}")
    return list(value)


def _refuse_unknown_tools(items: Sequence[EvaluationItem], tools: Json) -> None:
    names = [tool.get("function", tool)["name"] for tool in tools]
    for item in items:
        for call in item.calls:
            if call.name not in names:
                raise RowsError(
                    f"the call of {call.name!r} is of no tool on offer{suggest_name(call.name, names)}; correct the "
                    "name, or add the tool"
                )


def _list_bfcl_items(row: Mapping[str, Any], name: str, answers: Mapping[str, Any], path: Path) -> list[EvaluationItem]:
    turns = decode_json_text(row["question"])
    messages = turns[0] if turns and isinstance(turns[0], list) else turns
    if turns and isinstance(turns[0], list) and len(turns) > 1:
        raise RowsError("a row of several turns, whose calls BFCL executes; take the files of single turns")
    identity = str(row.get("id", name))
    if "irrelevance" in path.stem or "irrelevance" in identity:
        answer: dict[str, Any] = {"role": "assistant", "content": ""}
        accepted: list[Any] = []
    else:
        ground_truth = row.get("ground_truth", answers.get(identity))
        if ground_truth is None:
            raise RowsError(
                f"{identity} has no ground_truth, and there is none in {_ANSWERS}/{path.name}; put the file there"
            )
        calls, accepted = read_possible_answer(ground_truth)
        answer = {"role": "assistant", "content": "", "tool_calls": calls}
    functions = decode_json_text(row["function"])
    _check_tools(functions, has_schemas=False)
    tools = convert_bfcl_tools(functions)
    _check_tools(tools)
    items = list_items(
        [*messages, answer],
        tools,
        conversation_id=identity,
        kind=identity.rsplit("_", 1)[0] if "_" in identity else "",
        accepted=accepted,
    )
    _refuse_unknown_tools(items, tools)
    return items


def _read_answers(path: Path) -> dict[str, Any]:
    answers = path.parent / _ANSWERS / path.name
    if not answers.is_file():
        return {}
    values, _ = read_json_lines(answers)
    return {str(value["id"]): value["ground_truth"] for _, value in values}


def _name_toolkit(path: Path) -> str:
    return "".join(letter for letter in path.stem.lower() if letter.isalnum()) or "tools"
