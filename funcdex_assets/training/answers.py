r"""Reads what a model wrote in our chat template: its thought, its calls and its text.

Read is what a server reads natively (llama.cpp, and vLLM with the parser `hermes`), nothing more: a model that spells
a call otherwise would not call anything there.

>>> answer = parse_answer('<think>Warmer.</think>\n<tool_call>\n{"name": "heat", "arguments": {}}\n</tool_call>')
>>> answer.calls[0].name, answer.calls[0].arguments, answer.thought, answer.text
('heat', {}, 'Warmer.', None)
"""

import re

import msgspec

from funcdex_assets.records.openai_messages import read_call_arguments
from funcdex_assets.records.record import Record
from funcdex_assets.records.training import ExpectedCall

SHOWN = 200
"""Characters of what could not be read that are shown."""

_THOUGHT = re.compile(r"\A\s*<think>(.*?)</think>", re.DOTALL)
_CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)


class ParsedAnswer(Record, frozen=True, kw_only=True):
    """An answer taken apart; `failure` says what could not be read in it, with what was read left in place."""

    calls: tuple[ExpectedCall, ...]
    text: str | None
    thought: str | None
    failure: str | None


def parse_answer(written: str, *, is_finished: bool = True) -> ParsedAnswer:
    """Takes an answer apart; one that is not finished was cut at the limit of tokens, which is a failure.

    So is an answer without call or text: nothing was said to anybody, whatever was thought.
    """
    thought = _THOUGHT.match(written)
    rest = written[thought.end() :] if thought else written
    calls: list[ExpectedCall] = []
    failures = [] if is_finished else ["the answer was cut at the limit of tokens"]
    for block in _CALL.findall(rest):
        try:
            calls.append(read_call(block))
        except ValueError as error:
            failures.append(f"a call cannot be read ({error}): {block.strip()[:SHOWN]!r}")
    text = _CALL.sub("", rest)
    if "<tool_call>" in text:
        text, _, unclosed = text.partition("<tool_call>")
        failures.append(f"a call is not closed: {unclosed.strip()[:SHOWN]!r}")
    if not (failures or calls or text.strip()):
        failures.append("the answer is empty")
    return ParsedAnswer(
        calls=tuple(calls),
        text=text.strip() or None,
        thought=thought[1].strip() if thought else None,
        failure="; ".join(failures) or None,
    )


def read_call(block: str) -> ExpectedCall:
    """Reads what stands between the tags.

    Raises:
        ValueError: it is no JSON object with a name and arguments.
    """
    try:
        call = msgspec.json.decode(block.strip())
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        raise ValueError("it has no name")
    return ExpectedCall(call["name"], read_call_arguments(call.get("arguments")))
