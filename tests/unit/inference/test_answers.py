import pytest

from funcdex_assets.inference.answers import strip_thinking


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        pytest.param("Yes", "Yes", id="no-reasoning"),
        pytest.param("<think>a\nb</think>\n\nYes", "Yes", id="block"),
        pytest.param("\n<think></think>Yes", "Yes", id="empty-block"),
        pytest.param("I think so.\n</think>\n\nYes", "Yes", id="opened-by-the-chat-template"),
        pytest.param("</think>Yes", "Yes", id="closed-at-once"),
        pytest.param("<think>never finished", "", id="cut"),
        pytest.param("<think>a</think>Say <think>b</think>", "Say <think>b</think>", id="only-the-first-block"),
        pytest.param('{"a": "</think>"}', '{"a": "</think>"}', id="quoted-in-json"),
        pytest.param("</user> What is </think>?", "</user> What is </think>?", id="quoted-in-markup"),
        pytest.param("Use <think> tags", "Use <think> tags", id="mentioned"),
        pytest.param(" </user> Hi", " </user> Hi", id="leading-space-is-kept"),
    ],
)
def test_reasoning_is_removed_and_nothing_else(text, answer):
    assert strip_thinking(text) == answer
