import pytest

from funcdex_assets.inference.answers import strip_reasoning

HARMONY = "<|channel|>analysis<|message|>They ask.<|end|><|start|>assistant<|channel|>final<|message|>"


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
        pytest.param('<think>{"a": 1}</think>{"a": 2}', '{"a": 2}', id="json-after-a-block"),
        pytest.param('{"a": "</think>"}', '{"a": "</think>"}', id="quoted-in-json"),
        pytest.param("</user> What is </think>?", "</user> What is </think>?", id="quoted-in-markup"),
        pytest.param("Use <think> tags", "Use <think> tags", id="mentioned"),
        pytest.param(" </user> Hi", " </user> Hi", id="leading-space-is-kept"),
        pytest.param("<thinking>a</thinking>Yes", "Yes", id="thinking"),
        pytest.param("<reasoning>a</reasoning>\nYes", "Yes", id="reasoning"),
        pytest.param("<seed:think>a</seed:think>Yes", "Yes", id="seed-oss"),
        pytest.param("[THINK]a[/THINK]Yes", "Yes", id="magistral"),
        pytest.param("<|START_THINKING|>a<|END_THINKING|>Yes", "Yes", id="command"),
        pytest.param("◁think▷a◁/think▷Yes", "Yes", id="kimi"),
        pytest.param(HARMONY + "Yes<|return|>", "Yes", id="harmony"),
        pytest.param(HARMONY + "Yes", "Yes", id="harmony-without-the-last-token"),
        pytest.param("<|start|>assistant" + HARMONY + "Yes", "Yes", id="harmony-with-the-first-token"),
        pytest.param(HARMONY.removeprefix("<|channel|>") + "Yes", "Yes", id="harmony-opened-by-the-template"),
        pytest.param(HARMONY[: HARMONY.index("<|end|>")], "", id="harmony-cut"),
        pytest.param("<|channel|>final<|message|>Yes<|return|>", "Yes", id="harmony-without-reasoning"),
        pytest.param(
            '<|channel|>final <|constrain|>json<|message|>{"a": "<b>"}', '{"a": "<b>"}', id="harmony-constrained"
        ),
        pytest.param(
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary<|message|>b<|end|>"
            "<|start|>assistant<|channel|>final<|message|>Yes",
            "Yes",
            id="harmony-with-commentary",
        ),
        pytest.param("analysisThey ask.assistantfinalYes", "Yes", id="harmony-whose-tokens-are-lost"),
        pytest.param(
            "analysisThey ask.assistantcommentaryI look.assistantfinal Yes", "Yes", id="lost-tokens-with-commentary"
        ),
        pytest.param("analysisassistantfinalYes", "Yes", id="lost-tokens-without-reasoning"),
        pytest.param("analysisWe need to ask", "", id="lost-tokens-cut"),
        pytest.param("analysis of the figures", "analysis of the figures", id="a-word-of-the-answer"),
        pytest.param("analysis: none", "analysis: none", id="another-word-of-the-answer"),
        pytest.param("My assistantfinal word", "My assistantfinal word", id="no-channel-at-the-start"),
    ],
)
def test_reasoning_is_removed_and_nothing_else(text, answer):
    assert strip_reasoning(text) == answer
