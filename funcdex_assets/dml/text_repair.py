r"""Deterministic repair of what is structural: the text of a conversation, its JSON, its ids, its pairing.

Here belongs what can be put right without knowing what was meant. A text is mended only so far as its words stay as
they are; where there are two ways, none is taken. What is lost (U+FFFD, a missing result) is not invented.

>>> mended("Here it is:\n<user> Hi\n</assistant> Hello!")
'</user> Hi\n</assistant> Hello!'
>>> mended_json("{'name': 'SEND_FAX', 'arguments': {'to': 'Bo',}")
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

_FENCES = re.compile(r"^[ \t]*```[\w-]*[ \t]*$\n?", re.MULTILINE)
_ENDS = {CALL: CALL_END, RESPONSE: RESPONSE_END, ERROR: ERROR_END}
_OPENING = frozenset((USER, ASSISTANT))
_LITERALS = {"True": "true", "False": "false", "None": "null"}
_WORD = re.compile(r"[A-Za-z_]+")
_CLOSING = {"{": "}", "[": "]"}
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def mended(text: str) -> str | None:
    """The text with its structure put right; None where nothing was to be done.

    It removes code fences and prose before the first utterance, turns `<user>` into `</user>` where it is meant so,
    adds the end of a call or a result that was forgotten, mends their JSON, and gives the reply after a result its
    `</assistant>`. Whether it can now be read is for the parser to say.
    """
    better = _FENCES.sub("", text)
    better = _with_slashes(better)
    start = better.find(USER)
    if start < 0:
        return None
    better = _elements(better[start:]).strip()
    return better if better != text.strip() else None


def _with_slashes(text: str) -> str:
    """`<user>` as the opening of an utterance; as a pair with `</user>`, as in HTML, its end is dropped."""
    for opening, right in zip(NOT_TAGS, (USER, ASSISTANT), strict=True):
        wrong, ends = text.count(opening), text.count(right)
        if wrong and not ends:
            text = text.replace(opening, right)
        elif wrong and wrong == ends and _alternate(text, opening, right):
            text = text.replace(right, "\n").replace(opening, right)
    return text


def _alternate(text: str, opening: str, right: str) -> bool:
    found = re.findall(f"{re.escape(opening)}|{re.escape(right)}", text)
    return all(tag == (right if place % 2 else opening) for place, tag in enumerate(found))


def _elements(text: str) -> str:
    """The text element by element: (tag, what follows it up to the next tag)."""
    tags = list(TAG.finditer(text))
    parts = [
        (match.group(), text[match.end() : tags[place + 1].start() if place + 1 < len(tags) else len(text)])
        for place, match in enumerate(tags)
    ]
    written: list[str] = []
    for place, (tag, body) in enumerate(parts):
        following = parts[place + 1][0] if place + 1 < len(parts) else ""
        if tag in _ENDS:
            written.append(f"{tag}{mended_json(body.strip())}")
            if following != _ENDS[tag]:
                written.append(f"{_ENDS[tag]}\n")
        elif tag in (RESPONSE_END, ERROR_END, GROUP_END) and body.strip() and following in (USER, ""):
            written.append(f"{tag}\n{ASSISTANT} {body.strip()}\n")  # a turn must end in a reply, and here it is
        elif tag in (CALL_END, RESPONSE_END, ERROR_END, GROUP, GROUP_END, THOUGHT_END):
            written.append(f"{tag}\n")
        else:
            written.append(f"{tag} {body.strip()}\n" if tag in _OPENING else f"{tag}{body}")
    return "".join(written)


def mended_json(text: str) -> str:
    """JSON text for what was meant as such; the text itself where that is not clear.

    It mends single quotes, `True`, `False` and `None`, line breaks within strings, trailing commas, and closing
    brackets that are missing at the end or too many.
    """
    if _readable(text):
        return text
    better = _rewritten(text)
    return better if better is not None and _readable(better) else text


def _readable(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _rewritten(text: str) -> str | None:
    written: list[str] = []
    open_: list[str] = []
    at = 0
    while at < len(text):
        sign = text[at]
        if sign in "\"'":
            end, string = _string(text, at)
            if end is None:
                return None
            written.append(string)
            at = end
            continue
        if sign in _CLOSING:
            open_.append(_CLOSING[sign])
        elif sign in "}]":
            _drop_comma(written)
            if not open_:
                at += 1
                continue  # one too many
            if sign != open_[-1]:
                return None
            open_.pop()
        elif word := _WORD.match(text, at):
            written.append(_LITERALS.get(word[0], word[0]))
            at = word.end()
            continue
        written.append(sign)
        at += 1
    _drop_comma(written)
    return "".join((*written, *reversed(open_)))


def _drop_comma(written: list[str]) -> None:
    while written and written[-1].isspace():
        written.pop()
    if written and written[-1] == ",":
        written.pop()


def _string(text: str, at: int) -> tuple[int | None, str]:
    """(where it ends, the string as JSON); an apostrophe within single quotes is none of their ends."""
    quote, place = text[at], at + 1
    inner: list[str] = []
    while place < len(text):
        sign = text[place]
        if sign == "\\":
            pair = text[place : place + 2]
            inner.append("'" if pair == "\\'" else pair)
            place += 2
            continue
        if sign == quote and (quote == '"' or _ends_here(text, place)):
            return place + 1, f'"{"".join(inner)}"'
        inner.append('\\"' if sign == '"' else _ESCAPES.get(sign, sign))
        place += 1
    return None, ""


def _ends_here(text: str, place: int) -> bool:
    rest = text[place + 1 :].lstrip()
    return not rest or rest[0] in ",:}]"


def renumbered(messages: Sequence[Message]) -> tuple[Message, ...] | None:
    """The messages with ids `call_1`, `call_2`, … and each result with its call; None where that is not clear.

    Within a group of calls, results are put into the order of the calls: by id where all ids are different and known,
    else by name where no tool is called twice, else by place where the names agree.
    """
    done: list[Message] = []
    count, at = 0, 0
    while at < len(messages):
        message = messages[at]
        at += 1
        if message.role != "assistant" or not message.tool_calls:
            if message.result is not None:  # of no call
                return None
            done.append(message)
            continue
        results: list[Message] = []
        while at < len(messages) and messages[at].result is not None:
            results.append(messages[at])
            at += 1
        ordered = _paired(message, results)
        if ordered is None:
            return None
        calls = tuple(
            replace(call, id=f"call_{number}") for number, call in enumerate(message.tool_calls, start=count + 1)
        )
        count += len(calls)
        done.append(replace(message, tool_calls=calls))
        for call, answer in zip(calls, ordered, strict=True):
            result = replace(answer.result, call_id=call.id, name=call.name) if answer.result else None
            done.append(replace(answer, result=result))
    return tuple(done)


def _paired(message: Message, results: Sequence[Message]) -> list[Message] | None:
    calls = message.tool_calls
    if len(calls) != len(results):
        return None
    for key in (lambda part: getattr(part, "call_id", None) or getattr(part, "id", None), lambda part: part.name):
        answers: dict[Any, Message] = {key(one.result): one for one in results}
        wanted = [key(call) for call in calls]
        if len(answers) == len(results) and len(set(wanted)) == len(wanted) and answers.keys() == set(wanted):
            return [answers[one] for one in wanted]
    names = [one.result.name for one in results if one.result is not None]
    return list(results) if names == [call.name for call in calls] else None
