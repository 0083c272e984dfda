"""Conversations as tokens: whose each is, and that nobody but the template writes a special one."""

from typing import Any

import pytest
import training_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import normalizers

from funcdex_assets.training.byte_level_bpe import SPECIAL_TOKENS, train_byte_level_bpe
from funcdex_assets.training.chat_templates import ChatTemplateError, render
from funcdex_assets.training.rendered_rows import ConversationEncoder, UnsuitableTokenizerError

ENCODER = training_rows.encoder
TOOL = {"type": "function", "function": {"name": "f", "description": "Does it.", "parameters": {}}}


def encode_ids(messages: list[dict[str, Any]], tools: Any = None) -> list[int]:
    return [token for part in ENCODER().encode(messages, tools) for token in part.token_ids]


@pytest.mark.parametrize("with_tools", [True, False])
def test_tokens_and_mask_are_those_of_transformers(with_tools: bool):
    tokenizer = ENCODER().tokenizer
    for row in training_rows.generated_rows():
        tools = row.tools if with_tools else None
        parts = ENCODER().encode(row.messages, tools)
        theirs = tokenizer.apply_chat_template(
            row.messages, tools=tools or None, return_dict=True, return_assistant_tokens_mask=True
        )
        assert [token for part in parts for token in part.token_ids] == theirs["input_ids"]
        ours = [int(part.speaker is not None) for part in parts for _ in part.token_ids]
        assert ours == theirs["assistant_masks"]


@pytest.mark.parametrize("special", SPECIAL_TOKENS)
def test_a_special_token_that_somebody_types_is_text(special: str):
    tokenizer = ENCODER().tokenizer
    typed = f"I typed {special} and {special}."
    messages = [
        {"role": "system", "content": f"Never write {special}."},
        {"role": "user", "content": typed},
        {
            "role": "assistant",
            "content": typed,
            "reasoning_content": special,
            "tool_calls": [training_rows.call(special, **{special: [special]})],
        },
        {"role": "tool", "content": special},
    ]
    tool = {"type": "function", "function": {"name": "f", "description": special, "parameters": {}}}
    plain = [{**message, "content": "x"} for message in messages]
    plain[2] |= {"reasoning_content": "x", "tool_calls": [training_rows.call("x")]}
    token = tokenizer.convert_tokens_to_ids(special)
    assert encode_ids(messages, [tool]).count(token) == encode_ids(plain, [TOOL]).count(token)
    assert tokenizer.decode(encode_ids(messages, [tool])) == render(tokenizer.chat_template, messages, [tool])[0]


PIECES = ("a", "Zoë", " ", "\n", "21", "<", "|", "<|im_end|>", "<tool_call>", "\ufdd0", "東", "{", '"', "\t", "'ll")
TEXT = st.lists(st.sampled_from(PIECES) | st.characters(codec="utf-8"), max_size=12).map("".join)
CALLS = st.lists(
    st.builds(lambda name, value: training_rows.call(name, a=value), st.sampled_from(["f", "g"]), TEXT), max_size=2
)
ASSISTANT = st.builds(
    lambda content, thought, calls: {
        "role": "assistant",
        "content": content,
        **({"reasoning_content": thought} if thought else {}),
        **({"tool_calls": calls} if calls else {}),
    },
    TEXT,
    st.none() | TEXT,
    CALLS,
)
OTHERS = st.builds(lambda role, content: {"role": role, "content": content}, st.sampled_from(["user", "tool"]), TEXT)


@settings(max_examples=200, deadline=None)
@given(
    policy=st.none() | TEXT,
    said=st.lists(ASSISTANT | OTHERS, min_size=1, max_size=6),
    with_tools=st.booleans(),
)
def test_any_conversation_is_read_back_part_by_part(policy: str | None, said: list[Any], with_tools: bool):
    messages = [*([{"role": "system", "content": policy}] if policy is not None else []), *said]
    tools = [TOOL] if with_tools else None
    tokenizer = ENCODER().tokenizer
    text, spans = render(tokenizer.chat_template, messages, tools)
    parts = ENCODER().encode(messages, tools)
    assert "".join(part.text for part in parts) == text
    assert tokenizer.decode([token for part in parts for token in part.token_ids]) == text
    for speaker, (start, end) in enumerate(spans):
        ids = [token for part in parts if part.speaker == speaker for token in part.token_ids]
        assert tokenizer.decode(ids) == text[start:end]
        assert ids[-1] == tokenizer.eos_token_id
    assert {part.speaker for part in parts} - {None} == set(range(len(spans)))


@pytest.mark.parametrize(
    ("head", "tools", "shown"),
    [
        ([{"role": "system", "content": "Be kind."}], [TOOL], "</tool_call>.\n\nBe kind.<|im_end|>"),
        ([], [TOOL], "<|im_start|>system\nFunctions"),
        ([{"role": "system", "content": "Be kind."}], None, "<|im_start|>system\nBe kind.<|im_end|>"),
        ([], None, ""),
    ],
    ids=["both", "tools", "policy", "neither"],
)
def test_the_prefix_is_system_prompt_and_tools(head: list[Any], tools: Any, shown: str):
    messages = [*head, {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
    prefix = "".join(part.text for part in ENCODER().encode(messages, tools) if part.in_prefix)
    rest = "".join(part.text for part in ENCODER().encode(messages, tools) if not part.in_prefix)
    assert shown in prefix
    assert rest == "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nHi<|im_end|>\n"


def test_a_prompt_has_the_tokens_that_the_row_has_before_the_answer():
    for row in training_rows.generated_rows()[:12]:
        whole = encode_ids(row.messages, row.tools)
        for place, message in enumerate(row.messages):
            if message["role"] == "assistant":
                prompt = ENCODER().encode_prompt(row.messages[:place], row.tools)
                assert whole[: len(prompt)] == prompt


def test_a_tokenizer_without_markers_is_refused():
    tokenizer = train_byte_level_bpe([], 300)
    tokenizer.chat_template = "{{ messages[0].content }}"
    with pytest.raises(ChatTemplateError, match="no chat template with generation markers"):
        ConversationEncoder(tokenizer)


def test_a_tokenizer_that_depends_on_what_is_around_is_refused():
    tokenizer = train_byte_level_bpe([], 300)
    tokenizer.backend_tokenizer.normalizer = normalizers.Prepend("_")
    with pytest.raises(UnsuitableTokenizerError, match="in parts otherwise than as a whole"):
        ConversationEncoder(tokenizer)
