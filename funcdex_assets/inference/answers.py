"""What a server's answer says: the chat completion object, its defects, and the text without reasoning.

Here belongs reading one response body; asking again is the engine's decision.

>>> answer = read_answer(b'{"choices": [{"message": {"content": "Yes"}, "finish_reason": "stop"}]}')
>>> answer.choices[0].message.content
'Yes'
"""

from typing import Any

import msgspec

from funcdex_assets.inference.protocol import NO_USAGE, Usage


class AnswerMessage(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[Any] | None = None


class Choice(msgspec.Struct):
    message: AnswerMessage
    finish_reason: str | None = None


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

    def counted(self) -> Usage:
        """The usage; zeros where the server is silent."""
        if self.usage is None:
            return NO_USAGE
        details = self.usage.prompt_tokens_details
        return Usage(
            self.usage.prompt_tokens or 0,
            self.usage.completion_tokens or 0,
            (details.cached_tokens or 0) if details else 0,
        )


class BrokenAnswer(Exception):
    """A successful response without a usable answer, as overloaded servers and proxies give."""


_decode = msgspec.json.Decoder(Answer).decode


def read_answer(content: bytes) -> Answer:
    """The answer, with at least one choice that has content or says why it has none.

    Raises:
        BrokenAnswer: what is wrong with it.
    """
    try:
        answer = _decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BrokenAnswer(f"{error}, in {content[:200].decode(errors='replace')!r}") from None
    if not answer.choices:
        raise BrokenAnswer(f"no choices, but the error {answer.error}" if answer.error else "no choices")
    choice = answer.choices[0]
    explained = (
        choice.message.refusal or choice.message.tool_calls or choice.finish_reason in ("length", "content_filter")
    )
    if choice.message.content is None and not explained:
        raise BrokenAnswer("a message without content")
    return answer


def strip_thinking(text: str) -> str:
    r"""The answer without the reasoning before it; empty when the reasoning was cut.

    Reasoning is a leading `<think>…</think>`, or all before a lone `</think>` (chat templates that open
    the tag themselves). An answer that opens like JSON or markup is no reasoning, whatever it quotes.

    >>> strip_thinking("<think>Hm.</think>\n\nYes")
    'Yes'
    >>> strip_thinking('{"text": "the tag </think>"}')
    '{"text": "the tag </think>"}'
    """
    if "think>" not in text:
        return text
    opening = text.lstrip()
    if opening.startswith(("<think>", "</think>")):
        return opening.partition("</think>")[2].lstrip()
    if opening.startswith(("{", "[", "<")):
        return text
    _, closing, answer = opening.partition("</think>")
    return answer.lstrip() if closing else text
