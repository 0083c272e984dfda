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

from funcdex_assets.dml.markup import DMLError, escape_tags_in_json, message_error, shorten_value, text_error
from funcdex_assets.records.record import Json

MAX_DEPTH = 64  # part of the language (grammars/README.md); far below the depth at which Python's recursion ends
_DEPTH = f"at most {MAX_DEPTH} levels of nesting"

_SPACE = re.compile(r"\s*")


def skip_space(text: str, start: int) -> int:
    match = _SPACE.match(text, start)
    return match.end() if match else start


def read_json(text: str, start: int) -> tuple[Json, int]:
    """Returns the JSON value at `start` (after white space), and the offset after it; raises DMLError.

    The scanner, not the next tag, decides where the value ends, so that a closing tag inside a string does not
    cut the value, and no text is copied.
    """
    start = skip_space(text, start)
    try:
        value, end = _DECODER.raw_decode(text, start)
    except _BrokenRule as error:
        raise text_error(error.rule, text, start, error.expected, error.actual) from None
    except json.JSONDecodeError as error:
        reason = error.msg.removesuffix(" at")
        raise text_error("json", text, error.pos, f"JSON ({reason[0].lower()}{reason[1:]})") from None
    except RecursionError:
        raise _depth_error(text, start) from None
    except ValueError:  # int() refuses more than 4300 digits
        actual = "an integer of more than 4300 digits"
        raise text_error("number", text, start, "an integer that fits", actual) from None
    if text.count("[", start, end) + text.count("{", start, end) > MAX_DEPTH and _is_too_deep(value):
        raise _depth_error(text, start)
    if text.find("\\u", start, end) >= 0:  # else no surrogate can come from an escape
        try:
            msgspec.json.encode(value)
        except UnicodeEncodeError as error:
            actual = f"the unpaired surrogate \\u{ord(error.object[error.start]):04x}"
            raise text_error("character", text, start, "Unicode characters", actual) from None
    return value, end


def write_json(value: Json) -> str:
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
    if encoded.count(b"[") + encoded.count(b"{") > MAX_DEPTH and _is_too_deep(value):
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    return escape_tags_in_json(msgspec.json.format(encoded, indent=0).decode())


def explain_unwritable_value(value: Json, message: int, pointer: str) -> DMLError:
    """Returns the error that explains why `write_json` refused `value`, at the innermost offending place."""
    if _is_too_deep(value):
        return message_error("depth", message, pointer, shorten_value(value), _DEPTH)
    while True:
        for key, child in _list_children(value):
            if isinstance(key, str) and not _is_writable(key):
                return message_error("character", message, pointer, shorten_value(key), "no unpaired surrogate")
            if not _is_writable(child):
                value, pointer = child, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
                break
        else:
            break
    if isinstance(value, str):
        return message_error("character", message, pointer, shorten_value(value), "no unpaired surrogate")
    if isinstance(value, float | int):
        return message_error("number", message, pointer, shorten_value(value), "a finite number")
    actual = f"{shorten_value(value)} ({type(value).__name__})"
    expected = "null, a boolean, number, string, list, or a dict whose keys are strings"
    return message_error("json", message, pointer, actual, expected)


class _BrokenRule(Exception):
    """A rule broken inside a JSON value, raised by the decoder's hooks, which do not know their offset.

    `read_json` turns it into a DMLError at the value's beginning.
    """

    def __init__(self, rule: str, actual: str, expected: str) -> None:
        super().__init__(rule, actual, expected)
        self.rule, self.actual, self.expected = rule, actual, expected


def _build_unique_dict(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        repeated_key, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise _BrokenRule(
            "duplicate-key", f"the key {shorten_value(repeated_key)} twice in one object", "each key once"
        )
    return value


def _parse_finite_number(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _BrokenRule("number", f"the number {shorten_value(digits)[1:-1]}", "a number that a double can hold")
    return value


def _reject_constant(name: str) -> Json:
    raise _BrokenRule("number", f"the constant {name}", "a JSON value")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_build_unique_dict, parse_float=_parse_finite_number, parse_constant=_reject_constant
)


def _is_too_deep(value: Json) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        children = [child for parent in level for _, child in _list_children(parent)]
        level = [child for child in children if type(child) in (dict, list)]
        if not level:
            return False
    return True


def _depth_error(text: str, start: int) -> DMLError:
    return text_error("depth", text, start, _DEPTH)


def _list_children(value: Json) -> list[tuple[object, Json]]:
    if type(value) is dict:
        return list(value.items())
    return list(enumerate(value)) if type(value) is list else []


def _is_writable(value: Json) -> bool:
    try:
        write_json(value)
    except ValueError:
        return False
    return True
