"""Our chat template, and which one a base model's tokenizer gets."""

from pathlib import Path
from typing import Any

import pytest
import training_rows

from funcdex_assets.training.chat_templates import (
    ChatTemplateError,
    choose_chat_template,
    find_objection_to_markers,
    has_generation_markers,
    hide_tools,
    read_chat_template,
    render,
    renders_tools,
    strip_generation_markers,
)

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + (message.content or '') + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Hermes' form in short, with a place for markers.
TOOLS_AND_MARKERS = (
    "{{ tools | tojson }}{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.role == 'assistant' %}BEGIN{{ message.content }}"
    "{{ message.tool_calls | tojson if message.tool_calls else '' }}"
    "INSIDE<|im_end|>OUTSIDE{% else %}{{ message.content }}<|im_end|>{% endif %}\n{% endfor %}"
)


def mark(begin: str = "", inside: str = "", outside: str = "") -> str:
    template = TOOLS_AND_MARKERS.replace("BEGIN", begin).replace("INSIDE", inside)
    return template.replace("OUTSIDE", outside)


MARKED = mark("{% generation %}", "", "{% endgeneration %}")


@pytest.fixture
def tokenizer() -> Any:
    """A tokenizer whose template a test may replace."""
    from transformers import PreTrainedTokenizerFast

    trained = training_rows.encoder().tokenizer
    return PreTrainedTokenizerFast(tokenizer_object=trained.backend_tokenizer, eos_token="<|im_end|>")


def write_tool(parameters: dict[str, Any], description: str = "") -> str:
    tool = {"type": "function", "function": {"name": "f", "description": description, "parameters": parameters}}
    text, _ = render(read_chat_template(), [{"role": "user", "content": "x"}], [tool])
    return text.split("\n")[2]


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ({"type": "string"}, "string"),
        ({"type": "string", "format": "date"}, "string(date)"),
        ({"type": ["string", "null"]}, "string|null"),
        ({"enum": ["low", "high"]}, '"low"|"high"'),
        ({"type": "integer", "enum": [1, 2], "default": 1}, "1|2 = 1"),
        ({"const": True}, "true"),
        ({"type": "number", "default": 0.5}, "number = 0.5"),
        ({"type": "string", "default": None}, "string"),
        ({"type": "array", "items": {"type": "string"}}, "string[]"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, '("a"|"b")[]'),
        ({"type": "array"}, "array"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer|null"),
        ({"type": "object"}, "object"),
        (
            {"type": "object", "properties": {"x": {"type": "integer"}, "y": {"type": "string"}}, "required": ["x"]},
            "{x: integer, y?: string}",
        ),
        ({}, "any"),
        (True, "any"),
    ],
)
def test_a_parameter_is_written_with_its_type(schema: Any, written: str):
    assert write_tool({"type": "object", "properties": {"p": schema}, "required": ["p"]}) == f"f(p: {written})"


def test_a_tool_is_one_line():
    parameters = {
        "type": "object",
        "properties": {"whom": {"$ref": "#/$defs/Person"}, "note": {"type": "string"}},
        "required": ["whom"],
        "$defs": {"Person": {"type": "object", "properties": {"name": {"type": "string"}}}},
    }
    written = "f(whom: Person, note?: string) where Person = {name?: string}: Writes to somebody. At once."
    assert write_tool(parameters, "Writes to somebody.\nAt once.") == written
    assert write_tool({}) == "f()"


def test_without_policy_and_tools_there_is_no_system_turn():
    messages = [{"role": "user", "content": "Hello"}]
    text, _ = render(read_chat_template(), messages, None, add_generation_prompt=True)
    assert text == "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"


def test_arguments_as_a_server_hands_them_on_are_written_alike():
    """OpenAI's clients send arguments as JSON text."""
    said = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [training_rows.call("f", a=[1])]}]
    sent = [
        said[0],
        {**said[1], "content": None, "tool_calls": [{"function": {"name": "f", "arguments": '{"a": [1]}'}}]},
    ]
    assert render(read_chat_template(), said, None) == render(read_chat_template(), sent, None)


def test_our_template_shows_tools_and_marks_what_the_assistant_says():
    assert renders_tools(read_chat_template())
    assert find_objection_to_markers(read_chat_template()) is None


def test_without_markers_the_same_is_rendered():
    stripped = strip_generation_markers(read_chat_template())
    assert not has_generation_markers(stripped)
    for row in training_rows.generated_rows():
        marked_text, spans = render(read_chat_template(), row.messages, row.tools)
        assert spans
        assert render(stripped, row.messages, row.tools) == (marked_text, [])


@pytest.mark.parametrize(
    ("own", "source"),
    [(None, "ours"), (CHATML, "ours"), (MARKED, "own"), ({"default": CHATML, "tool_use": MARKED}, "own")],
    ids=["none", "ignores tools", "with markers", "one for tools"],
)
def test_a_template_that_renders_tools_is_kept(tokenizer: Any, own: Any, source: str):
    tokenizer.chat_template = own
    chosen = choose_chat_template(tokenizer)
    assert chosen.source == source
    assert chosen.text == (read_chat_template() if source == "ours" else MARKED)
    assert choose_chat_template(tokenizer, "ours").source == "ours"


def test_a_known_template_without_markers_is_patched(tokenizer: Any):
    trl = pytest.importorskip("trl")
    tokenizer.chat_template = (Path(trl.__file__).parent / "chat_templates" / "qwen3.jinja").read_text()
    chosen = choose_chat_template(tokenizer)
    assert chosen.source == "patched"
    assert has_generation_markers(chosen.text)


@pytest.mark.parametrize(
    ("own", "objection"),
    [
        (mark(), "it has no {% generation %} markers, and TRL has none"),
        (mark("{% generation %}", "{% endgeneration %}"), "leave out the token that ends the assistant's turn"),
        (mark(inside="{% generation %}", outside="{% endgeneration %}"), "leave out 'probe_called'"),
        ("{% generation %}" + mark() + "{% endgeneration %}", "it marks 1 spans where the assistant speaks 3 times"),
    ],
    ids=["no markers", "without the end", "without the text", "around everything"],
)
def test_a_template_that_cannot_be_trained_on_is_refused_with_the_remedy(tokenizer: Any, own: str, objection: str):
    pytest.importorskip("trl")
    tokenizer.chat_template = own
    with pytest.raises(ChatTemplateError) as refused:
        choose_chat_template(tokenizer)
    assert objection in str(refused.value)
    assert "or set training.chat_template to `ours`" in str(refused.value)


def test_where_every_text_begins_with_a_token_our_template_does_too(tokenizer: Any):
    from tokenizers.processors import TemplateProcessing

    tokenizer.bos_token = "<|im_start|>"
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|im_start|> $A", special_tokens=[("<|im_start|>", tokenizer.bos_token_id)]
    )
    text, _ = render(
        choose_chat_template(tokenizer).text, [{"role": "user", "content": "Hi"}], None, tokenizer.special_tokens_map
    )
    assert text == "<|im_start|><|im_start|>user\nHi<|im_end|>\n"


def test_a_template_that_hides_tools_renders_as_if_none_were_given():
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
    tools = [{"type": "function", "function": {"name": "wave", "description": "Wave.", "parameters": {}}}]
    hidden = hide_tools(read_chat_template())
    assert render(hidden, messages, tools) == render(read_chat_template(), messages, None)
    assert "wave" in render(read_chat_template(), messages, tools)[0]
