"""Reads a server's response body: the chat completion object, its defects, and the text without reasoning.

Only the reading of one body belongs here; a retry is the engine's decision.

>>> answer = read_answer(b'{"choices": [{"message": {"content": "Yes"}, "finish_reason": "stop"}]}')
>>> answer.choices[0].message.content
'Yes'
"""

import math
import re
from typing import Any

import msgspec

from funcdex_assets.inference.protocol import NO_USAGE, ChatToolCall, Usage

REFUSING_FINISH_REASONS = frozenset(
    {"content_filter", "refusal", "safety", "prohibited_content", "blocklist", "recitation"}
)
"""The finish reasons, in lower case, with which OpenAI's, Anthropic's and Google's endpoints refuse to answer."""


class AnsweredFunction(msgspec.Struct):
    name: str
    arguments: Any = "{}"


class AnsweredCall(msgspec.Struct):
    function: AnsweredFunction
    id: str | None = None


class AnswerMessage(msgspec.Struct):
    """The message of an answer; reasoning in fields of its own (`reasoning_content`, `reasoning`) is not read."""

    content: str | list[Any] | None = None
    refusal: str | None = None
    tool_calls: list[AnsweredCall] | None = None

    @property
    def text_without_reasoning(self) -> str:
        """The content without its reasoning; if it is a list of blocks, as of some servers, their texts joined."""
        content = self.content or ""
        if isinstance(content, list):
            content = "".join(block.get("text") or "" for block in content if isinstance(block, dict))
        return strip_reasoning(content)

    @property
    def chat_tool_calls(self) -> tuple[ChatToolCall, ...]:
        return tuple(
            ChatToolCall(call.id or f"call_{number}", call.function.name, _json_text(call.function.arguments))
            for number, call in enumerate(self.tool_calls or ())
        )


class TokenProbability(msgspec.Struct):
    logprob: float | None = None


class TokenProbabilities(msgspec.Struct):
    content: list[TokenProbability] | None = None


class Choice(msgspec.Struct):
    message: AnswerMessage
    finish_reason: str | None = None
    logprobs: TokenProbabilities | None = None

    @property
    def mean_probability(self) -> float | None:
        """The mean of the tokens' probabilities; None if the server was not asked for them, or does not tell."""
        tokens = (self.logprobs.content if self.logprobs else None) or ()
        known = [math.exp(min(token.logprob, 0.0)) for token in tokens if token.logprob is not None]
        return sum(known) / len(known) if known else None

    @property
    def refusal_words(self) -> str | None:
        """The words in which the model or a filter refused; None if neither did."""
        if self.message.refusal:
            return self.message.refusal
        return self.finish_reason if (self.finish_reason or "").lower() in REFUSING_FINISH_REASONS else None


class PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class AnswerUsage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None


class Answer(msgspec.Struct):
    choices: list[Choice] = []
    usage: AnswerUsage | None = None
    error: Any = None

    def to_usage(self) -> Usage:
        """Returns the usage, with zeros for figures that the server leaves out."""
        if self.usage is None:
            return NO_USAGE
        details = self.usage.prompt_tokens_details
        return Usage(
            self.usage.prompt_tokens or 0,
            self.usage.completion_tokens or 0,
            (details.cached_tokens or 0) if details else 0,
        )


class BrokenAnswer(Exception):
    """Raised for a successful response without a usable answer, as overloaded servers and proxies give."""


_decode = msgspec.json.Decoder(Answer).decode


def read_answer(content: bytes) -> Answer:
    """Returns the answer; its first choice has content, or a refusal, tool calls or the finish reason "length".

    Raises:
        BrokenAnswer: the body cannot be decoded, or has no such choice.
    """
    try:
        answer = _decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BrokenAnswer(f"{error}, in {content[:200].decode(errors='replace')!r}") from None
    if not answer.choices:
        raise BrokenAnswer(f"no choices, but the error {answer.error}" if answer.error else "no choices")
    choice = answer.choices[0]
    has_reason = choice.refusal_words or choice.message.tool_calls or choice.finish_reason == "length"
    if choice.message.content is None and not has_reason:
        raise BrokenAnswer("a message without content")
    return answer


_BLOCKS = {
    "<think>": "</think>",  # DeepSeek, Qwen, GLM
    "<thinking>": "</thinking>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",  # Seed-OSS
    "[THINK]": "[/THINK]",  # Magistral
    "<|START_THINKING|>": "<|END_THINKING|>",  # Command A
    "◁think▷": "◁/think▷",  # Kimi
}
_CHANNEL = re.compile(
    r"(?:<\|start\|>assistant)?<\|channel\|>(?P<name>\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>(?P<text>.*?)"
    r"(?:<\|end\|>|<\|return\|>|<\|call\|>|(?=<\|start\|>|<\|channel\|>)|\Z)",
    re.DOTALL,
)
_CHANNEL_NAMES = tuple(f"{name}<|message|>" for name in ("analysis", "commentary", "final"))
# Harmony (the format of gpt-oss) without its special tokens, which were dropped in decoding: the names of role and
# channel remain, glued to the text. A capital or a quote right after the name distinguishes them from a word.
_GLUED = re.compile(r"(?:analysis|commentary)(?=\S).*?assistant\s*final(?P<answer>.*)", re.DOTALL)
_GLUED_AND_CUT = re.compile(r"(?:analysis|commentary)[A-Z\"'“]")


def strip_reasoning(text: str) -> str:
    r"""Returns the answer without the reasoning before it; empty when the reasoning was cut.

    Reasoning is a leading block (`<think>…</think>` and its relatives), or all text before a lone `</think>` (from
    chat templates that open the tag themselves), or harmony's channels other than `final`, with or without their
    special tokens. An answer that opens like JSON or markup contains no reasoning, whatever it quotes.

    >>> strip_reasoning("<think>Hm.</think>\n\nYes")
    'Yes'
    >>> strip_reasoning("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes")
    'Yes'
    >>> strip_reasoning('{"text": "the tag </think>"}')
    '{"text": "the tag </think>"}'
    """
    opening = text.lstrip()
    for opener, closer in _BLOCKS.items():
        if opening.startswith((opener, closer)):
            return opening.partition(closer)[2].lstrip()
    if opening.startswith(_CHANNEL_NAMES):  # the chat template has opened the channel
        opening = "<|channel|>" + opening
    if opening.startswith(("<|channel|>", "<|start|>assistant")):
        return "".join(match["text"] for match in _CHANNEL.finditer(opening) if match["name"] == "final").lstrip()
    if opening.startswith(("{", "[", "<")):
        return text
    if glued_match := _GLUED.match(opening):
        return glued_match["answer"].lstrip()
    if _GLUED_AND_CUT.match(opening):
        return ""
    _, closing, answer = opening.partition("</think>")
    return answer.lstrip() if closing else text


def _json_text(arguments: Any) -> str:
    """Returns arguments as JSON text, which the protocol demands; some servers send the decoded object instead."""
    return arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
