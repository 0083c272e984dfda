r"""JSON values as DML holds them: read strictly, written in one canonical way.

Here belongs the JSON inside elements, and nothing about elements. Reading is stricter than `json`: a
key occurs once, numbers are finite, strings are Unicode, nesting ends at 64. Writing gives the form
that `grammars/*.gbnf` describe: `", "` and `": "`, non-ASCII kept, numbers as msgspec writes them
(plain from 0.00001 up to 1e16, `1.5e-7` and `1e16` outside), no tag spelled in a string.

>>> read('  {"to": "</tool>"} …', 0)
({'to': '</tool>'}, 19)
>>> write({"to": "</tool>", "n": [1, 2.0]})
'{"to": "\\u003c/tool>", "n": [1, 2.0]}'
"""

import json
import math
import re
from collections import Counter

import msgspec

from funcdex_assets.dml.markup import DMLError, brief, escape_json, message_error, text_error
from funcdex_assets.records.record import Json

MAX_DEPTH = 64
_DEPTH = f"at most {MAX_DEPTH} levels of nesting"

_SPACE = re.compile(r"\s*")


def skip_space(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return found.end() if found else start


def read(text: str, start: int) -> tuple[Json, int]:
    """The JSON value at `start` (after white space), and the offset after it.

    The scanner, not the next tag, decides where the value ends: so a closing tag inside a string does
    not cut it, and no text is copied.
    """
    start = skip_space(text, start)
    try:
        value, end = _DECODER.raw_decode(text, start)
    except _Objection as error:
        raise text_error(error.rule, text, start, error.expected, error.found) from None
    except json.JSONDecodeError as error:
        reason = error.msg.removesuffix(" at")
        raise text_error("json", text, error.pos, f"JSON ({reason[0].lower()}{reason[1:]})") from None
    except RecursionError:
        raise _too_deep_in(text, start) from None
    except ValueError:  # int() refuses more than 4300 digits
        found = "an integer of more than 4300 digits"
        raise text_error("number", text, start, "an integer that fits", found) from None
    if text.count("[", start, end) + text.count("{", start, end) > MAX_DEPTH and _too_deep(value):
        raise _too_deep_in(text, start)
    if text.find("\\u", start, end) >= 0:  # else no surrogate can come from an escape
        try:
            msgspec.json.encode(value)
        except UnicodeEncodeError as error:
            found = f"the unpaired surrogate \\u{ord(error.object[error.start]):04x}"
            raise text_error("character", text, start, "Unicode characters", found) from None
    return value, end


def write(value: Json) -> str:
    """The canonical text of `value`; ValueError if it is not a JSON value that `read` gives back.

    Reading back is the test: it excludes NaN, tuples, keys that are not strings, dates, cycles and
    whatever else a Python value can be, in two calls of C code instead of a walk in Python.
    """
    try:
        encoded = msgspec.json.encode(value)
        same = msgspec.json.decode(encoded) == value
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"not a JSON value: {error}") from None
    if not same:
        raise ValueError("not a JSON value: it does not come back as it went")
    if encoded.count(b"[") + encoded.count(b"{") > MAX_DEPTH and _too_deep(value):
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    return escape_json(msgspec.json.format(encoded, indent=0).decode())


def value_error(value: Json, message: int, pointer: str) -> DMLError:
    """Why `write` refused `value`, at the innermost place that explains it."""
    if _too_deep(value):
        return message_error("depth", message, pointer, brief(value), _DEPTH)
    while True:
        for key, child in _children(value):
            if isinstance(key, str) and not _writable(key):
                return message_error("character", message, pointer, brief(key), "no unpaired surrogate")
            if not _writable(child):
                value, pointer = child, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
                break
        else:
            break
    if isinstance(value, str):
        return message_error("character", message, pointer, brief(value), "no unpaired surrogate")
    if isinstance(value, float | int):
        return message_error("number", message, pointer, brief(value), "a finite number")
    found = f"{brief(value)} ({type(value).__name__})"
    expected = "null, a boolean, number, string, list, or a dict whose keys are strings"
    return message_error("json", message, pointer, found, expected)


class _Objection(Exception):
    """What the decoder's hooks object to; they do not know where they are."""

    def __init__(self, rule: str, found: str, expected: str) -> None:
        super().__init__(rule, found, expected)
        self.rule, self.found, self.expected = rule, found, expected


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise _Objection("duplicate-key", f"the key {brief(twice)} twice in one object", "each key once")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _Objection("number", f"the number {brief(digits)[1:-1]}", "a number that a double can hold")
    return value


def _no_constant(name: str) -> Json:
    raise _Objection("number", f"the constant {name}", "a JSON value")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant)


def _too_deep(value: Json) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        children = [child for parent in level for _, child in _children(parent)]
        level = [child for child in children if type(child) in (dict, list)]
        if not level:
            return False
    return True


def _too_deep_in(text: str, start: int) -> DMLError:
    return text_error("depth", text, start, _DEPTH)


def _children(value: Json) -> list[tuple[object, Json]]:
    if type(value) is dict:
        return list(value.items())
    return list(enumerate(value)) if type(value) is list else []


def _writable(value: Json) -> bool:
    try:
        write(value)
    except ValueError:
        return False
    return True
