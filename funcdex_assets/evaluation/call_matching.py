"""Compares the calls that a model made with those that were due, as sets: order is free, defaults count as left out.

Add here what makes two calls equal. What is counted of it over many items belongs to `metrics.py`.

Values are compared by their normal form under the tool's schema (`normalise_value`). Where an expected call has
`accepted` values, they are compared as the Berkeley function-calling leaderboard does: texts without case, spaces and
punctuation. Lists are then compared without order, too.

>>> parameters = {"properties": {"to": {"type": "number"}, "unit": {"default": "celsius"}}}
>>> expected = ExpectedCall("heat", {"to": 21.0, "unit": "celsius"})
>>> match_calls([ExpectedCall("heat", {"to": 21, "room": None})], [expected], {"heat": parameters}).is_match
True
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from funcdex_assets.records.record import Json
from funcdex_assets.records.training import ExpectedCall
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema

_IGNORED_IN_TEXT = re.compile(r"[\s,./\-_*^'\"]")
_NO_SCHEMA: Schema = {}
_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True)
class CallScore:
    """A call beside the expected one: `right` are the names of right arguments, `wrong` those of wrong or needless
    ones, `missing` those of expected ones that are not right (a wrong value is wrong and missing).

    `has_keys` says that the same arguments were given, whatever their values.
    """

    has_name: bool
    has_keys: bool
    right: tuple[str, ...]
    wrong: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def is_match(self) -> bool:
        return self.has_name and not self.wrong and not self.missing


@dataclass(frozen=True)
class CallPair:
    """An expected call and the proposed one that it is compared with: None where there is no call for the other."""

    expected: ExpectedCall | None
    proposed: ExpectedCall | None
    score: CallScore


@dataclass(frozen=True)
class SetScore:
    """All calls of one assistant message beside the expected ones."""

    pairs: tuple[CallPair, ...]

    @property
    def is_match(self) -> bool:
        return all(pair.score.is_match for pair in self.pairs)

    @property
    def has_names(self) -> bool:
        return all(pair.score.has_name for pair in self.pairs)

    @property
    def has_keys(self) -> bool:
        return all(pair.score.has_name and pair.score.has_keys for pair in self.pairs)

    @property
    def right(self) -> int:
        return sum(len(pair.score.right) for pair in self.pairs)

    @property
    def wrong(self) -> int:
        return sum(len(pair.score.wrong) for pair in self.pairs)

    @property
    def missing(self) -> int:
        return sum(len(pair.score.missing) for pair in self.pairs)


def index_parameters(tools: Json) -> dict[str, Schema]:
    """Returns the schema of the parameters by name, of tools in OpenAI's form."""
    functions = [tool.get("function", tool) for tool in tools or ()]
    return {function["name"]: function.get("parameters") or _NO_SCHEMA for function in functions}


def match_calls(
    proposed: Sequence[ExpectedCall], expected: Sequence[ExpectedCall], parameters: Mapping[str, Schema]
) -> SetScore:
    """Pairs the proposed calls with the expected ones so that as much as possible is right.

    A call without a partner is wrong in all its arguments, or missing with all of them.
    """
    scores = [[score_call(call, other, parameters) for call in proposed] for other in expected]
    partners = _assign_partners(scores)
    pairs = [
        CallPair(
            other,
            proposed[partners[index]] if index in partners else None,
            scores[index][partners[index]] if index in partners else _score_missing_call(other, parameters),
        )
        for index, other in enumerate(expected)
    ]
    taken = set(partners.values())
    pairs += [
        CallPair(None, call, _score_needless_call(call, parameters))
        for index, call in enumerate(proposed)
        if index not in taken
    ]
    return SetScore(tuple(pairs))


def score_call(proposed: ExpectedCall, expected: ExpectedCall, parameters: Mapping[str, Schema]) -> CallScore:
    """Compares one call with the expected one. All arguments of a call of another tool are wrong."""
    has_name = proposed.name == expected.name
    given, wanted = (
        normalise_arguments(call.arguments, parameters.get(call.name, _NO_SCHEMA)) for call in (proposed, expected)
    )
    if expected.accepted is None:
        needed = set(wanted)
        right = {name for name, value in given.items() if name in wanted and _encode(value) == _encode(wanted[name])}
        has_keys = given.keys() == wanted.keys()
    else:
        accepted = {**{name: [value] for name, value in wanted.items()}, **expected.accepted}
        needed = {name for name in wanted if None not in accepted[name]}
        right = {name for name, value in given.items() if _is_among(value, accepted.get(name, ()))}
        has_keys = needed <= given.keys() <= accepted.keys()
    if not has_name:
        right = set()
    return CallScore(
        has_name,
        has_keys,
        right=tuple(name for name in given if name in right),
        wrong=tuple(name for name in given if name not in right),
        missing=tuple(name for name in wanted if name in needed and name not in right),
    )


def are_equivalent(
    proposed: Sequence[ExpectedCall], expected: Sequence[ExpectedCall], parameters: Mapping[str, Schema]
) -> bool:
    """Compares sets of calls as Distil Labs' `tool_call_equivalence` does: equal once declared defaults are filled in.

    Nothing else is normalised, save that 1 and 1.0 are one JSON number.
    """

    def count_calls(calls: Sequence[ExpectedCall]) -> Counter[bytes]:
        return Counter(
            _encode(
                [call.name, _unify_numbers(_fill_in_defaults(call.arguments, parameters.get(call.name, _NO_SCHEMA)))]
            )
            for call in calls
        )

    return count_calls(proposed) == count_calls(expected)


def write_canonical(calls: Sequence[ExpectedCall], parameters: Mapping[str, Schema]) -> str:
    """Returns calls as canonical JSON: normal forms, keys and calls in order, no white space."""
    written = sorted(
        _encode(
            {"name": call.name, "arguments": normalise_arguments(call.arguments, parameters.get(call.name, _NO_SCHEMA))}
        ).decode()
        for call in calls
    )
    return f"[{','.join(written)}]"


# ── normal forms ──────────────────────────────────────────────────────────────────────────────


def normalise_arguments(arguments: Any, schema: Schema) -> dict[str, Any]:
    """Returns the normal form of a call's arguments: without nulls and declared defaults, whatever their place."""
    return _normalise_object(arguments, schema, schema) if isinstance(arguments, Mapping) else {}


def normalise_value(value: Any, schema: Any, root: Schema) -> Any:
    """Returns the form that equal values share, by the type that the schema declares.

    Integral numbers are integers (21.0 is 21; true is not 1), moments are in UTC where `format` says that they are
    moments, lists with `uniqueItems` are sorted, objects have neither nulls nor defaults. A value of another type than
    the declared one stays as it is: the text "21" is no number.
    """
    declared = resolve_schema(schema, root) if schema else _NO_SCHEMA
    if isinstance(value, Mapping):
        return _normalise_object(value, declared, root)
    if isinstance(value, list | tuple):
        items = [normalise_value(item, declared.get("items"), root) for item in value]
        return sorted(items, key=_encode) if declared.get("uniqueItems") else items
    if isinstance(value, str):
        return _normalise_moment(value, declared.get("format"))
    return _unify_number(value)


def _normalise_object(value: Mapping[str, Any], schema: Schema, root: Schema) -> dict[str, Any]:
    properties = resolve_schema(schema, root).get("properties") or {}
    normalised = {}
    for name, member in value.items():
        declared = properties.get(name)
        resolved = resolve_schema(declared, root) if declared else _NO_SCHEMA
        if member is None:
            continue
        normal_form = normalise_value(member, declared, root)
        if "default" in resolved and _encode(normal_form) == _encode(
            normalise_value(resolved["default"], declared, root)
        ):
            continue
        normalised[name] = normal_form
    return normalised


def _normalise_moment(text: str, kind: Any) -> str:
    try:
        if kind == "date-time":
            moment = datetime.fromisoformat(text)
            return (moment.astimezone(UTC) if moment.tzinfo else moment).isoformat()
        if kind == "date":
            return date.fromisoformat(text).isoformat()
    except (ValueError, OverflowError):
        pass
    return text


def _unify_number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _unify_numbers(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _unify_numbers(member) for key, member in value.items()}
    return [_unify_numbers(item) for item in value] if isinstance(value, list | tuple) else _unify_number(value)


def _fill_in_defaults(arguments: Any, schema: Schema) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    defaults = {
        name: resolved["default"]
        for name, declared in properties.items()
        if "default" in (resolved := resolve_schema(declared, schema))
    }
    return {**defaults, **(arguments if isinstance(arguments, Mapping) else {})}


# ── accepted values ───────────────────────────────────────────────────────────────────────────


def _is_among(value: Any, accepted: Sequence[Any]) -> bool:
    return any(other is not None and is_accepted(value, other) for other in accepted)


def is_accepted(value: Any, other: Any) -> bool:
    """Compares a value with an accepted one, of which an object has, for each key, a list of accepted values."""
    if isinstance(value, Mapping) and isinstance(other, Mapping):
        return value.keys() <= other.keys() and all(
            _is_member_accepted(value.get(name), choices) for name, choices in other.items()
        )
    if isinstance(value, list) and isinstance(other, list):
        if any(isinstance(item, Mapping) for item in other):
            return len(value) == len(other) and all(map(is_accepted, value, other))
        return sorted(map(_encode_loosely, value)) == sorted(map(_encode_loosely, other))
    return not isinstance(value, Mapping | list) and _encode_loosely(value) == _encode_loosely(other)


def _is_member_accepted(value: Any, choices: Any) -> bool:
    options = choices if isinstance(choices, list) else [choices]
    return None in options if value is None else _is_among(value, options)


def _encode_loosely(value: Any) -> bytes:
    return _encode(_loosen_texts(_unify_numbers(value)))


def _loosen_texts(value: Any) -> Any:
    if isinstance(value, str):
        return loosen_text(value)
    if isinstance(value, Mapping):
        return {key: _loosen_texts(member) for key, member in value.items()}
    return [_loosen_texts(item) for item in value] if isinstance(value, list) else value


def loosen_text(text: str) -> str:
    """Returns a text in lower case without spaces and punctuation.

    >>> loosen_text("Apr 3, '26")
    'apr326'
    """
    return _IGNORED_IN_TEXT.sub("", text.lower())


# ── pairs ─────────────────────────────────────────────────────────────────────────────────────


def _assign_partners(scores: Sequence[Sequence[CallScore]]) -> dict[int, int]:
    """Returns for expected calls the proposed ones: as many whole matches as possible, then the most similar first."""
    partners = _find_most_matches([[score.is_match for score in row] for row in scores])
    taken = set(partners.values())
    rest = [
        (-int(score.has_name), -len(score.right), len(score.wrong), index, number)
        for index, row in enumerate(scores)
        for number, score in enumerate(row)
        if index not in partners and number not in taken
    ]
    for *_, index, number in sorted(rest):
        if index not in partners and number not in taken:
            partners[index] = number
            taken.add(number)
    return partners


def _find_most_matches(matches: Sequence[Sequence[bool]]) -> dict[int, int]:
    """Finds a maximum matching by augmenting paths (Kuhn): one call may satisfy several expectations."""
    owner: dict[int, int] = {}

    def try_to_place(index: int, visited: set[int]) -> bool:
        for number, is_match in enumerate(matches[index]):
            if is_match and number not in visited:
                visited.add(number)
                if number not in owner or try_to_place(owner[number], visited):
                    owner[number] = index
                    return True
        return False

    for index in range(len(matches)):
        try_to_place(index, set())
    return {index: number for number, index in owner.items()}


def _score_missing_call(expected: ExpectedCall, parameters: Mapping[str, Schema]) -> CallScore:
    missing = score_call(ExpectedCall(expected.name, {}), expected, parameters).missing
    return CallScore(has_name=False, has_keys=False, right=(), wrong=(), missing=missing)


def _score_needless_call(proposed: ExpectedCall, parameters: Mapping[str, Schema]) -> CallScore:
    given = normalise_arguments(proposed.arguments, parameters.get(proposed.name, _NO_SCHEMA))
    return CallScore(has_name=False, has_keys=False, right=(), wrong=tuple(given), missing=())
