"""Repairs a result that breaks its schema, where it is wrong.

Belongs here: what is done after a result is built. The validator names the places, and each gets a value found by
search (`language/samples.py`). Where that is not enough, what is around the place is replaced, at last the whole.

>>> schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}, "required": ["n", "t"]}
>>> repair_value({"n": 1}, schema, Random(1), lambda schema, name: "soon", frozenset())
{'n': 7, 't': 'soon'}
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from itertools import islice
from random import Random
from typing import Any

from jsonschema_rs import ValidationError, ValidationErrorKind

from funcdex_assets.language.schema_samples import NoValueError, Propose, sample
from funcdex_assets.schema.json_pointers import at_pointer, escaped, put_pointer
from funcdex_assets.schema.references import raw_at, resolve
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.validation import fits, validator

_MOST_ERRORS = 60
_LIFTS = (0, 0, 1, 2, 3)  # how far above the wrong places a round begins


def mended(value: Any, schema: Schema, rng: Random, propose: Propose, needed: frozenset[str]) -> Any:
    """Returns a valid value that keeps what is right in this one; the value itself where none is found."""
    compiled = validator(schema)
    if compiled.is_valid(value):
        return value
    repaired = deepcopy(value)
    for lift in _LIFTS:
        errors = list(islice(compiled.iter_errors(repaired), _MOST_ERRORS))
        for location in _outermost([tuple(error.instance_path[: len(error.instance_path) - lift]) for error in errors]):
            local_errors = [error for error in errors if tuple(error.instance_path) == location]
            if not (
                lift == 0
                and local_errors
                and all(_patched(repaired, error, schema, rng, propose, needed) for error in local_errors)
            ):
                repaired = _replaced(repaired, location, schema, rng, propose, needed)
        if compiled.is_valid(repaired):
            return repaired
    try:
        return sample(schema, schema, rng, propose, needed)
    except NoValueError:
        return value


def suited(value: Any, schema: Schema, taken: Mapping[str, Sequence[Schema]], rng: Random) -> Any:
    """Returns the result with other values at the paths from which later calls take arguments, where those there now
    are invalid as such. `argument_schemas` has the arguments' schemas by path.
    """
    for path, schemas in taken.items():
        if all(fits(argument_schema, argument_schema, at_pointer(value, path)) for argument_schema in schemas):
            continue
        item_path = path.replace("*", "0")
        joint_schema = {"allOf": [resolve(raw_at(schema, item_path) or {}, schema), *schemas]}
        try:
            suitable_value = sample(joint_schema, joint_schema, rng)
        except NoValueError:
            continue
        wrapped = {"": deepcopy(value)}  # one root for objects and lists
        try:
            put_pointer(wrapped, f"/{item_path}", suitable_value)
        except TypeError:  # something on the way is no container
            continue
        if validator(schema).is_valid(wrapped[""]):
            value = wrapped[""]
    return value


def _outermost(places: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Returns each location once, without those that are inside another one."""
    outermost: list[tuple[Any, ...]] = []
    for location in sorted(dict.fromkeys(places), key=len):
        if not any(location[: len(outer)] == outer for outer in outermost):
            outermost.append(location)
    return outermost


def _patched(
    value: Any, error: ValidationError, schema: Schema, rng: Random, propose: Propose, needed: frozenset[str]
) -> bool:
    """Adds or removes a property. Returns whether one too few or too many was all that was wrong there."""
    target = _at(value, error.instance_path)
    match error.kind:
        case ValidationErrorKind.AdditionalProperties(unexpected=names):
            for name in names:
                target.pop(name, None)
        case ValidationErrorKind.Required(property=name):
            location = [*error.instance_path, name]
            try:
                target[name] = _made(location, schema, rng, propose, needed)
            except NoValueError:
                return False
        case _:
            return False
    return True


def _replaced(
    value: Any, place: Sequence[Any], schema: Schema, rng: Random, propose: Propose, needed: frozenset[str]
) -> Any:
    """Returns the value with another one at a location, if one is found."""
    try:
        replacement = _made(place, schema, rng, propose, needed)
    except NoValueError:
        return value
    if not place:
        return replacement
    _at(value, place[:-1])[place[-1]] = replacement
    return value


def _made(place: Sequence[Any], schema: Schema, rng: Random, propose: Propose, needed: frozenset[str]) -> Any:
    """Returns a valid value for a location.

    Raises:
        NoValueError: none was found.
    """
    steps = [escaped(str(step)) for step in place]
    part_schema = raw_at(schema, "/".join(["", *steps]))
    path = "".join(f"/{'*' if isinstance(step, int) else step}" for step in place)
    name = next((step for step in reversed(place) if isinstance(step, str)), "")
    return sample({} if part_schema is None else part_schema, schema, rng, propose, needed, path, name)


def _at(value: Any, place: Sequence[Any]) -> Any:
    """Returns the part of a value at a location."""
    for step in place:
        value = value[step]
    return value
