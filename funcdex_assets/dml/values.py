r"""Reads and writes the JSON values of DML: read strictly, written in one canonical way.

Only the JSON inside elements is handled here; tags and their order belong to `parse` and `render`. Reading is
stricter than `json`: a key occurs once, numbers are finite, strings are Unicode, nesting ends at 64 levels.
Writing gives the form that `grammars/*.gbnf` describe: `", "` and `": "`, non-ASCII characters as themselves,
numbers as msgspec writes them (plain from 0.00001 up to 1e16, `1.5e-7` and `1e16` outside), no tag in a string.

>>> read_json('  {"to": "</tool>"} …', 0)
({'to': '</tool>'}, 19)
>>> write_json({"to": "</tool>", "n": [1, 2.0]})
'{"to": "\\u003c/tool>", "n": [1, 2.0]}'
"""

import json
import math
import re
from collections import Counter

import msgspec

from funcdex_assets.dml.markup import DMLError, brief, escape_json, message_error, text_error
from funcdex_assets.records.record import Json

MAX_DEPTH = 64  # part of the language (grammars/README.md); far below the depth at which Python's recursion ends
_DEPTH = f"at most {MAX_DEPTH} levels of nesting"

_SPACE = re.compile(r"\s*")


def skip_space(text: str, start: int) -> int:
    match = _SPACE.match(text, start)
    return match.end() if match else start


def read(text: str, start: int) -> tuple[Json, int]:
    """Returns the JSON value at `start` (after white space), and the offset after it; raises DMLError.

    The scanner, not the next tag, decides where the value ends, so that a closing tag inside a string does not
    cut the value, and no text is copied.
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
        actual = "an integer of more than 4300 digits"
        raise text_error("number", text, start, "an integer that fits", actual) from None
    if text.count("[", start, end) + text.count("{", start, end) > MAX_DEPTH and _too_deep(value):
        raise _too_deep_in(text, start)
    if text.find("\\u", start, end) >= 0:  # else no surrogate can come from an escape
        try:
            msgspec.json.encode(value)
        except UnicodeEncodeError as error:
            actual = f"the unpaired surrogate \\u{ord(error.object[error.start]):04x}"
            raise text_error("character", text, start, "Unicode characters", actual) from None
    return value, end


def write(value: Json) -> str:
    """Returns the canonical text of `value`; raises ValueError if it is not a JSON value that `read_json` gives back.

    The value is encoded, decoded and compared. That excludes NaN, tuples, keys that are not strings, dates, cycles
    and all other Python values that are not JSON, in two calls of C code instead of a walk in Python.
    """
    try:
        encoded = msgspec.json.encode(value)
        reads_back = msgspec.json.decode(encoded) == value
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"not a JSON value: {error}") from None
    if not reads_back:
        raise ValueError("not a JSON value: it does not come back as it went")
    if encoded.count(b"[") + encoded.count(b"{") > MAX_DEPTH and _too_deep(value):
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    return escape_json(msgspec.json.format(encoded, indent=0).decode())


def value_error(value: Json, message: int, pointer: str) -> DMLError:
    """Returns the error that explains why `write_json` refused `value`, at the innermost offending place."""
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
    actual = f"{brief(value)} ({type(value).__name__})"
    expected = "null, a boolean, number, string, list, or a dict whose keys are strings"
    return message_error("json", message, pointer, actual, expected)


class _Objection(Exception):
    """A rule broken inside a JSON value, raised by the decoder's hooks, which do not know their offset.

    `read_json` turns it into a DMLError at the value's beginning.
    """

    def __init__(self, rule: str, found: str, expected: str) -> None:
        super().__init__(rule, found, expected)
        self.rule, self.found, self.expected = rule, found, expected


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        repeated_key, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise _Objection("duplicate-key", f"the key {brief(repeated_key)} twice in one object", "each key once")
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
