"""Chooses the chat template of a tokenizer, and proves that it shows all that a model must see and say.

A chat template is a Jinja text that turns messages and tools into a prompt. Ours is `chat_template.jinja`. A base model
whose own template renders tools was trained on that form and keeps it. Either must have `{% generation %}` markers
around what the assistant writes, because the loss counts that and nothing else.

Belongs here: reading, choosing and changing templates. Rendering a row belongs to `rendered_rows.py`.

>>> strip_generation_markers("{%- generation -%}{{ text }}{%- endgeneration -%}")
'{%- if true -%}{{ text }}{%- endif -%}'
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from funcdex_assets.records.errors import UserError
from funcdex_assets.records.record import Record

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TEMPLATE_FILE = Path(__file__).with_name("chat_template.jinja")
TURN, TURN_END = "<|im_start|>", "<|im_end|>"
Wish = Literal["auto", "ours"]

_MARKER = re.compile(r"\{%(-?)\s*(end)?generation\s*(-?)%\}")
_PROBE_TOOL = {
    "type": "function",
    "function": {
        "name": "probe_function",
        "description": "probe description",
        "parameters": {"type": "object", "properties": {"probe_parameter": {"type": "string"}}},
    },
}
_PROBE_CALL = {
    "id": "call00001",
    "type": "function",
    "function": {"name": "probe_called", "arguments": {"probe_argument": "probe value"}},
}
_PROBE_MESSAGES = (
    {"role": "system", "content": "probe policy"},
    {"role": "user", "content": "probe request"},
    {"role": "assistant", "content": "", "tool_calls": [_PROBE_CALL]},
    {"role": "tool", "tool_call_id": "call00001", "name": "probe_called", "content": '{"probe_result": 1}'},
    {"role": "assistant", "content": "probe answer"},
    {"role": "user", "content": "probe second request"},
    {"role": "assistant", "content": "probe second answer"},
)
_SHOWN = (
    *("probe policy", "probe request", "probe_called", "probe_argument", "probe value", "probe_result"),
    *("probe answer", "probe second request", "probe second answer"),
)
_SAID = (("probe_called", "probe_argument", "probe value"), ("probe answer",), ("probe second answer",))
_NOT_SAID = ("probe policy", "probe request", "probe_result", "probe second request")


class ChatTemplateError(UserError):
    """Raised where a tokenizer's own chat template cannot be trained on; the message names the remedy."""


class ChosenTemplate(Record, frozen=True):
    """A chat template with generation markers, and where it is from.

    ours:     `chat_template.jinja`
    own:      the base tokenizer's, as it is
    patched:  the base tokenizer's, with generation markers that TRL knows for it
    """

    text: str
    source: Literal["ours", "own", "patched"]


@cache
def read_chat_template() -> str:
    """Reads our chat template, with generation markers."""
    return TEMPLATE_FILE.read_text(encoding="utf-8")


def strip_generation_markers(template: str) -> str:
    """Replaces generation markers by a condition that always holds: for servers that do not know the markers.

    What is rendered stays the same to the letter: the whitespace around a marker is kept or removed as before.
    """

    def replace(marker: re.Match[str]) -> str:
        statement = "endif" if marker[2] else "if true"
        return f"{{%{marker[1]} {statement} {marker[3]}%}}"

    return _MARKER.sub(replace, template)


def hide_tools(template: str) -> str:
    """Returns the template such that it renders no tools."""
    return "{%- set tools = none -%}\n" + template


def has_generation_markers(template: str) -> bool:
    return _MARKER.search(template) is not None


def choose_chat_template(tokenizer: "PreTrainedTokenizerFast", wish: Wish = "auto") -> ChosenTemplate:
    """Chooses the template for a base model's tokenizer: its own if that renders tools, else ours.

    With `ours`, the tokenizer's own is not looked at. Where the tokenizer begins every text with a token, our template
    begins with it, too.

    Raises:
        ChatTemplateError: its own template renders tools, but does not say what the assistant writes.
    """
    own = _read_own_template(tokenizer)
    special_tokens = tokenizer.special_tokens_map
    if wish == "ours" or own is None or not renders_tools(own, special_tokens):
        begin = "{{- bos_token -}}\n" if _begins_texts_with_bos(tokenizer) else ""
        return ChosenTemplate(begin + read_chat_template(), "ours")
    if has_generation_markers(own):
        chosen = ChosenTemplate(own, "own")
    else:
        chosen = ChosenTemplate(_patch_template(tokenizer), "patched")
    if objection := find_objection_to_markers(chosen.text, special_tokens):
        raise ChatTemplateError(_explain_refusal(tokenizer, objection))
    return chosen


def renders_tools(template: str, special_tokens: Mapping[str, Any] | None = None) -> bool:
    """Renders a probe with a tool, a call and a result; returns whether all of them are in the prompt."""
    try:
        text, _ = render(template, _PROBE_MESSAGES, [_PROBE_TOOL], special_tokens)
    except Exception:  # whatever a template raises on roles, calls or filters that it does not know
        return False
    return all(part in text for part in ("probe_function", "probe_parameter", *_SHOWN))


def find_objection_to_markers(template: str, special_tokens: Mapping[str, Any] | None = None) -> str | None:
    """Renders a probe; says what is wrong with the marked spans, or returns None if they are what the assistant says.

    There must be one span per assistant message, with its text or its calls and something more that ends the turn, and
    with nothing of anybody else's.
    """
    text, spans = render(template, _PROBE_MESSAGES, [_PROBE_TOOL], special_tokens)
    if len(spans) != len(_SAID):
        return f"it marks {len(spans)} spans where the assistant speaks {len(_SAID)} times"
    for (start, end), parts in zip(spans, _SAID, strict=True):
        marked = text[start:end]
        if lost := [part for part in parts if part not in marked]:
            return f"the markers leave out {lost[0]!r}, which the assistant says"
        if foreign := [part for part in _NOT_SAID if part in marked]:
            return f"the markers take in {foreign[0]!r}, which the assistant does not say"
        if marked.rstrip().endswith(parts[-1]):
            return "the markers leave out the token that ends the assistant's turn, so a model would never stop"
    return None


def render(
    template: str,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None,
    special_tokens: Mapping[str, Any] | None = None,
    *,
    add_generation_prompt: bool = False,
) -> tuple[str, list[tuple[int, int]]]:
    """Renders a conversation as transformers does; returns the text, and the marked spans as places of characters.

    Raises:
        jinja2.TemplateError: the template refuses the messages.
    """
    from transformers.utils.chat_template_utils import render_jinja_template

    marked = has_generation_markers(template)
    # With markers a pair comes back, whatever the declared type says.
    rendered: Any = render_jinja_template(
        [[dict(message) for message in messages]],
        tools=[dict(tool) for tool in tools] if tools else None,
        chat_template=template,
        return_assistant_tokens_mask=marked,
        add_generation_prompt=add_generation_prompt,
        **(special_tokens or {}),
    )
    texts, spans = rendered
    return (texts[0], [tuple(span) for span in spans[0]]) if marked else (texts[0], [])


def _read_own_template(tokenizer: "PreTrainedTokenizerFast") -> str | None:
    """Reads the template of a tokenizer; of several named ones, the one for tools, else the default."""
    own: Any = tokenizer.chat_template
    return (own.get("tool_use") or own.get("default")) if isinstance(own, dict) else own


def _begins_texts_with_bos(tokenizer: "PreTrainedTokenizerFast") -> bool:
    ids = tokenizer("a")["input_ids"]
    return tokenizer.bos_token_id is not None and len(ids) > 0 and ids[0] == tokenizer.bos_token_id


def _patch_template(tokenizer: "PreTrainedTokenizerFast") -> str:
    """Returns the tokenizer's template with the markers that TRL has for it.

    Raises:
        ChatTemplateError: TRL does not know the template.
    """
    from funcdex_assets.training.train_extra import require_train_extra

    require_train_extra("trl")
    from trl.chat_template_utils import get_training_chat_template

    try:
        patched = get_training_chat_template(tokenizer)
    except ValueError:
        patched = None
    if patched is None:
        raise ChatTemplateError(_explain_refusal(tokenizer, "it has no {% generation %} markers, and TRL has none"))
    return patched


def _explain_refusal(tokenizer: "PreTrainedTokenizerFast", objection: str) -> str:
    return (
        f"The chat template of {tokenizer.name_or_path or 'the base model'} renders tools, but {objection}; write "
        "{% generation %} and {% endgeneration %} around what the assistant says (with the token that ends its turn), "
        "or set training.chat_template to `ours`"
    )
