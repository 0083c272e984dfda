r"""Deterministic repair of the structure of a generated conversation: its text, its JSON, its ids, its pairing.

Belongs here: repairs that need no guess of what was meant. A text is repaired only so far as its words stay as they
are; if there are two ways to repair it, neither is taken. Lost content (U+FFFD, a missing result) is not invented.

>>> repair_text("Here it is:\n<user> Hi\n</assistant> Hello!")
'</user> Hi\n</assistant> Hello!'
>>> repair_json("{'name': 'SEND_FAX', 'arguments': {'to': 'Bo',}")
'{"name": "SEND_FAX", "arguments": {"to": "Bo"}}'
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from funcdex_assets.dml.markup import (
    ASSISTANT,
    CALL,
    CALL_END,
    ERROR,
    ERROR_END,
    GROUP,
    GROUP_END,
    NOT_TAGS,
    RESPONSE,
    RESPONSE_END,
    TAG,
    THOUGHT_END,
    USER,
)
from funcdex_assets.records.message import Message
from funcdex_assets.records.openai_messages import read_call_arguments

_CODE_FENCES = re.compile(r"^[ \t]*```[\w-]*[ \t]*$\n?", re.MULTILINE)
_CLOSING_TAGS = {CALL: CALL_END, RESPONSE: RESPONSE_END, ERROR: ERROR_END}
_UTTERANCE_TAGS = frozenset((USER, ASSISTANT))
_LITERALS = {"True": "true", "False": "false", "None": "null"}
_WORD = re.compile(r"[A-Za-z_]+")
_CLOSING_BRACKETS = {"{": "}", "[": "]"}
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def repair_text(text: str) -> str | None:
    """Returns the text with its structure repaired; None if nothing had to be done.

    It removes code fences and prose before the first utterance, turns `<user>` into `</user>` if it is meant so, adds
    the forgotten end of a call or a result, repairs their JSON, makes an object of arguments that are null or a text,
    and gives the reply after a result its `</assistant>`. The parser decides whether the text can now be read.
    """
    repaired = _CODE_FENCES.sub("", text)
    repaired = _correct_opening_tags(repaired)
    start = repaired.find(USER)
    if start < 0:
        return None
    repaired = _rewrite_elements(repaired[start:]).strip()
    return repaired if repaired != text.strip() else None


def _correct_opening_tags(text: str) -> str:
    """Turns `<user>` into `</user>` where it opens an utterance; if the two are used as a pair, as in HTML, drops the
    second.
    """
    for opening, correct_tag in zip(NOT_TAGS, (USER, ASSISTANT), strict=True):
        wrong_count, right_count = text.count(opening), text.count(correct_tag)
        if wrong_count and not right_count:
            text = text.replace(opening, correct_tag)
        elif wrong_count and wrong_count == right_count and _do_tags_alternate(text, opening, correct_tag):
            text = text.replace(correct_tag, "\n").replace(opening, correct_tag)
    return text


def _do_tags_alternate(text: str, opening: str, correct_tag: str) -> bool:
    """True if opening and closing tags take turns, beginning with an opening one."""
    tags = re.findall(f"{re.escape(opening)}|{re.escape(correct_tag)}", text)
    return all(tag == (correct_tag if position % 2 else opening) for position, tag in enumerate(tags))


def _rewrite_elements(text: str) -> str:
    """Rewrites the text element by element; an element is a tag with the text up to the next tag."""
    tags = list(TAG.finditer(text))
    elements = [
        (match.group(), text[match.end() : tags[position + 1].start() if position + 1 < len(tags) else len(text)])
        for position, match in enumerate(tags)
    ]
    rewritten: list[str] = []
    for position, (tag, body) in enumerate(elements):
        following = elements[position + 1][0] if position + 1 < len(elements) else ""
        if tag in _CLOSING_TAGS:
            repaired = repair_json(body.strip())
            rewritten.append(f"{tag}{_unwrap_arguments(repaired) if tag == CALL else repaired}")
            if following != _CLOSING_TAGS[tag]:
                rewritten.append(f"{_CLOSING_TAGS[tag]}\n")
        elif tag in (RESPONSE_END, ERROR_END, GROUP_END) and body.strip() and following in (USER, ""):
            rewritten.append(
                f"{tag}\n{ASSISTANT} {body.strip()}\n"
            )  # a turn must end in a reply: this text is the reply without its tag
        elif tag in (CALL_END, RESPONSE_END, ERROR_END, GROUP, GROUP_END, THOUGHT_END):
            rewritten.append(f"{tag}\n")
        else:
            rewritten.append(f"{tag} {body.strip()}\n" if tag in _UTTERANCE_TAGS else f"{tag}{body}")
    return "".join(rewritten)


def _unwrap_arguments(call: str) -> str:
    """Returns a call whose arguments are an object where they were null, or an object written as text."""
    try:
        content = json.loads(call)
        arguments = read_call_arguments(content["arguments"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return call
    return call if arguments is content["arguments"] else json.dumps({**content, "arguments": arguments})


def repair_json(text: str) -> str:
    """Returns valid JSON for a text that was meant as JSON; the text itself if that is not clear.

    It repairs single quotes, `True`, `False` and `None`, line breaks within strings, trailing commas, and closing
    brackets that are missing at the end or too many.
    """
    if _is_valid_json(text):
        return text
    rewritten = _rewrite_json(text)
    return rewritten if rewritten is not None and _is_valid_json(rewritten) else text


def _is_valid_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _rewrite_json(text: str) -> str | None:
    """Rewrites a text character by character as JSON; None if its brackets or strings do not close in order."""
    rewritten: list[str] = []
    closing_brackets: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        if character in "\"'":
            end, string = _rewrite_string(text, at)
            if end is None:
                return None
            rewritten.append(string)
            at = end
            continue
        if character in _CLOSING_BRACKETS:
            closing_brackets.append(_CLOSING_BRACKETS[character])
        elif character in "}]":
            _drop_trailing_comma(rewritten)
            if not closing_brackets:
                at += 1
                continue  # a closing bracket too many is dropped
            if character != closing_brackets[-1]:
                return None
            closing_brackets.pop()
        elif word := _WORD.match(text, at):
            rewritten.append(_LITERALS.get(word[0], word[0]))
            at = word.end()
            continue
        rewritten.append(character)
        at += 1
    _drop_trailing_comma(rewritten)
    return "".join((*rewritten, *reversed(closing_brackets)))


def _drop_trailing_comma(rewritten: list[str]) -> None:
    """Removes a trailing comma and the space after it from the end of what was written."""
    while rewritten and rewritten[-1].isspace():
        rewritten.pop()
    if rewritten and rewritten[-1] == ",":
        rewritten.pop()


def _rewrite_string(text: str, at: int) -> tuple[int | None, str]:
    """Returns (end of the string, the string as JSON); an apostrophe within single quotes does not end it."""
    quote, position = text[at], at + 1
    content: list[str] = []
    while position < len(text):
        character = text[position]
        if character == "\\":
            pair = text[position : position + 2]
            content.append("'" if pair == "\\'" else pair)
            position += 2
            continue
        if character == quote and (quote == '"' or _is_end_of_string(text, position)):
            return position + 1, f'"{"".join(content)}"'
        content.append('\\"' if character == '"' else _ESCAPES.get(character, character))
        position += 1
    return None, ""


def _is_end_of_string(text: str, position: int) -> bool:
    """True if the quote at this position closes its string: only a comma, colon, bracket or the end may follow."""
    text_after = text[position + 1 :].lstrip()
    return not text_after or text_after[0] in ",:}]"


def renumber_calls(messages: Sequence[Message]) -> tuple[Message, ...] | None:
    """Returns the messages with ids `call_1`, `call_2`, … and each result with its call; None if their pairing is not
    clear.

    Within a group of calls, results are put into the order of the calls: by id if all ids are different and known, else
    by name if no tool is called twice, else by position if the names agree.
    """
    renumbered_messages: list[Message] = []
    count, at = 0, 0
    while at < len(messages):
        message = messages[at]
        at += 1
        if message.role != "assistant" or not message.tool_calls:
            if message.result is not None:  # a result without a call
                return None
            renumbered_messages.append(message)
            continue
        results: list[Message] = []
        while at < len(messages) and messages[at].result is not None:
            results.append(messages[at])
            at += 1
        ordered = _pair_results_with_calls(message, results)
        if ordered is None:
            return None
        calls = tuple(
            replace(call, id=f"call_{number}") for number, call in enumerate(message.tool_calls, start=count + 1)
        )
        count += len(calls)
        renumbered_messages.append(replace(message, tool_calls=calls))
        for call, answer in zip(calls, ordered, strict=True):
            result = replace(answer.result, call_id=call.id, name=call.name) if answer.result else None
            renumbered_messages.append(replace(answer, result=result))
    return tuple(renumbered_messages)


def _pair_results_with_calls(message: Message, results: Sequence[Message]) -> list[Message] | None:
    """Returns the results in the order of the calls of a message; None if there is no clear pairing."""
    calls = message.tool_calls
    if len(calls) != len(results):
        return None
    for key in (
        lambda call_or_result: getattr(call_or_result, "call_id", None) or getattr(call_or_result, "id", None),
        lambda call_or_result: call_or_result.name,
    ):
        results_by_key: dict[Any, Message] = {key(result_message.result): result_message for result_message in results}
        keys_of_calls = [key(call) for call in calls]
        if (
            len(results_by_key) == len(results)
            and len(set(keys_of_calls)) == len(keys_of_calls)
            and results_by_key.keys() == set(keys_of_calls)
        ):
            return [results_by_key[call_key] for call_key in keys_of_calls]
    names = [result_message.result.name for result_message in results if result_message.result is not None]
    return list(results) if names == [call.name for call in calls] else None
