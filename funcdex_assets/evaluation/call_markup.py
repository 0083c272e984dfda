r"""Writes tools and calls as text for servers without tool calls of their own, and reads calls in a model's text.

The markup is that of Hermes: `<tool_call>\n{"name": …, "arguments": {…}}\n</tool_call>`, one for each call, and
`<tool_response>` for results, which most chat models have met. Models of this platform render tools by their chat
template, and are asked natively.

>>> split_answer('<tool_call>\n{"name": "heat", "arguments": {"to": 21}}\n</tool_call>')[0]
[ExpectedCall(name='heat', arguments={'to': 21}, accepted=None)]
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from funcdex_assets.inference.protocol import ChatMessage
from funcdex_assets.records.openai_messages import read_call_arguments
from funcdex_assets.records.record import Json
from funcdex_assets.records.training import EvaluationItem, ExpectedCall

CALL, CALL_END = "<tool_call>\n", "\n</tool_call>"
_RESULT, _RESULT_END = "<tool_response>\n", "\n</tool_response>"
_BLOCK = re.compile(r"<tool_call>\s*(?P<call>.*?)\s*(?:</tool_call>|\Z)", re.DOTALL)
_FENCE = re.compile(r"\A```\w*\s*(?P<content>.*?)\s*```\Z", re.DOTALL)
_HOW_TO_CALL = (
    f'To call a tool, write {CALL}{{"name": TOOL, "arguments": {{…}}}}{CALL_END}, one after the other for several '
    "calls, and nothing else. Leave out what was not said. If no tool fits, or something required is missing, answer "
    "in words."
)


def render_markup_messages(item: EvaluationItem) -> tuple[ChatMessage, ...]:
    """Renders an item's messages without any tool call of the protocol.

    The tools follow the system prompt as signatures; results are told as the user's message, together with what the
    user says next, since many templates want the roles to alternate.
    """
    prompts = [message["content"] for message in item.messages if message["role"] == "system"]
    system = "\n\n".join([*prompts, "# Tools\n" + "\n".join(map(render_signature, item.tools)), _HOW_TO_CALL])
    rendered = [ChatMessage("system", system)]
    for message in item.messages:
        if message["role"] == "system":
            continue
        role = "assistant" if message["role"] == "assistant" else "user"
        text = message["content"]
        if message["role"] == "tool":
            text = f"{_RESULT}{text}{_RESULT_END}"
        calls = [render_call(call["function"]) for call in message.get("tool_calls") or ()]
        text = "\n".join(part for part in (text, *calls) if part)
        if rendered[-1].role == role:
            text = f"{rendered.pop().content}\n{text}"
        rendered.append(ChatMessage(role, text))
    return tuple(rendered)


def render_call(function: Mapping[str, Any]) -> str:
    """Renders a call as the model shall write it."""
    arguments = write_json(function["arguments"])
    return f'{CALL}{{"name": {write_json(function["name"])}, "arguments": {arguments}}}{CALL_END}'


def render_signature(tool: Mapping[str, Any]) -> str:
    """Renders a tool as one line: its parameters with type or choices, `?` after optional ones, and its description.

    >>> render_signature({"function": {"name": "heat", "description": "Sets the heat.", "parameters": {
    ...     "properties": {"to": {"type": "number"}, "room": {"enum": ["bath"]}}, "required": ["to"]}}})
    'heat(to: number, room?: "bath") - Sets the heat.'
    """
    function = tool.get("function", tool)
    parameters = function.get("parameters") or {}
    required = parameters.get("required") or ()
    signature = ", ".join(
        f"{name}{'' if name in required else '?'}: {_render_type(schema)}"
        for name, schema in (parameters.get("properties") or {}).items()
    )
    description = " ".join(str(function.get("description") or "").split())
    return f"{function['name']}({signature})" + (f" - {description}" if description else "")


def write_json(value: Json) -> str:
    """Writes JSON with a blank after commas and colons, as the call grammar and most templates do."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{write_json(str(key))}: {write_json(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(write_json, value)) + "]"
    return msgspec.json.encode(value).decode()


def split_answer(text: str) -> tuple[list[ExpectedCall], str | None, str | None]:
    """Splits an answer into its calls, the text around them, and what could not be read (None if all could).

    A last call that is not closed is read as it is. An answer that is nothing but JSON with a name and arguments (or
    parameters), in a code fence or not, is a call, too.
    """
    blocks = [match["call"] for match in _BLOCK.finditer(text)]
    rest = _BLOCK.sub("", text).strip() or None
    if not blocks:
        fenced = _FENCE.match(text.strip())
        calls = _read_bare_calls(fenced["content"] if fenced else text.strip())
        return (calls, None, None) if calls else ([], rest, None)
    calls = []
    for block in blocks:
        call = _read_call(_decode(block))
        if call is None:
            return [], rest, f"a call cannot be read: {block[:200]!r}"
        calls.append(call)
    return calls, rest, None


def _read_bare_calls(text: str) -> list[ExpectedCall]:
    if not text.startswith(("{", "[")):
        return []
    value = _decode(text)
    calls = [_read_call(entry) for entry in (value if isinstance(value, list) else [value])]
    return [call for call in calls if call is not None] if all(calls) else []


def _read_call(value: Any) -> ExpectedCall | None:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    try:
        return ExpectedCall(value["name"], read_call_arguments(value.get("arguments", value.get("parameters"))))
    except ValueError:
        return None


def _decode(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None


def _render_type(schema: Any) -> str:
    if not isinstance(schema, Mapping):
        return "any"
    if "enum" in schema:
        return " | ".join(map(write_json, schema["enum"]))
    if isinstance(schema.get("type"), list):
        return " | ".join(map(str, schema["type"]))
    if schema.get("type") == "array":
        return f"[{_render_type(schema.get('items'))}]"
    kind = str(schema.get("type") or "any")
    bounds = [str(schema.get(keyword, "")) for keyword in ("minimum", "maximum")]
    return f"{kind} {bounds[0]}..{bounds[1]}" if any(bounds) else kind
