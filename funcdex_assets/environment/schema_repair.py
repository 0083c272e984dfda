"""Repairs a result that breaks its schema, where it is wrong.

Belongs here: what is done after a result is built. The validator names the places, and each gets a value found by
search (`language/schema_samples.py`). Where that is not enough, what is around the place is replaced, at last the
whole.

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

from funcdex_assets.language.schema_samples import NoValueError, Proposer, sample_value
from funcdex_assets.schema.json_pointers import at_pointer, escape_step, put_pointer
from funcdex_assets.schema.references import raw_at, resolve_schema
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.validation import compile_validator, is_valid_under

_MAX_ERRORS = 60
_LEVELS_ABOVE = (0, 0, 1, 2, 3)  # how far above the wrong places a round begins


def repair_value(value: Any, schema: Schema, rng: Random, propose: Proposer, needed: frozenset[str]) -> Any:
    """Returns a valid value that keeps what is right in this one; the value itself where none is found."""
    compiled = compile_validator(schema)
    if compiled.is_valid(value):
        return value
    repaired = deepcopy(value)
    for lift in _LEVELS_ABOVE:
        errors = list(islice(compiled.iter_errors(repaired), _MAX_ERRORS))
        for location in _keep_outermost(
            [tuple(error.instance_path[: len(error.instance_path) - lift]) for error in errors]
        ):
            local_errors = [error for error in errors if tuple(error.instance_path) == location]
            if not (
                lift == 0
                and local_errors
                and all(_patch_property(repaired, error, schema, rng, propose, needed) for error in local_errors)
            ):
                repaired = _replace_at(repaired, location, schema, rng, propose, needed)
        if compiled.is_valid(repaired):
            return repaired
    try:
        return sample_value(schema, schema, rng, propose, needed)
    except NoValueError:
        return value


def replace_unsuitable_values(
    value: Any, schema: Schema, argument_schemas: Mapping[str, Sequence[Schema]], rng: Random
) -> Any:
    """Returns the result with other values at the paths from which later calls take arguments, where those there now
    are invalid as such. `argument_schemas` has the arguments' schemas by path.
    """
    for path, schemas in argument_schemas.items():
        if all(
            is_valid_under(argument_schema, argument_schema, at_pointer(value, path)) for argument_schema in schemas
        ):
            continue
        item_path = path.replace("*", "0")
        joint_schema = {"allOf": [resolve_schema(raw_at(schema, item_path) or {}, schema), *schemas]}
        try:
            suitable_value = sample_value(joint_schema, joint_schema, rng)
        except NoValueError:
            continue
        wrapped = {"": deepcopy(value)}  # one root for objects and lists
        try:
            put_pointer(wrapped, f"/{item_path}", suitable_value)
        except TypeError:  # something on the way is no container
            continue
        if compile_validator(schema).is_valid(wrapped[""]):
            value = wrapped[""]
    return value


def _keep_outermost(locations: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Returns each location once, without those that are inside another one."""
    outermost: list[tuple[Any, ...]] = []
    for location in sorted(dict.fromkeys(locations), key=len):
        if not any(location[: len(outer)] == outer for outer in outermost):
            outermost.append(location)
    return outermost


def _patch_property(
    value: Any, error: ValidationError, schema: Schema, rng: Random, propose: Proposer, needed: frozenset[str]
) -> bool:
    """Adds or removes a property. Returns whether one too few or too many was all that was wrong there."""
    target = _follow_location(value, error.instance_path)
    match error.kind:
        case ValidationErrorKind.AdditionalProperties(unexpected=names):
            for name in names:
                target.pop(name, None)
        case ValidationErrorKind.Required(property=name):
            location = [*error.instance_path, name]
            try:
                target[name] = _sample_at(location, schema, rng, propose, needed)
            except NoValueError:
                return False
        case _:
            return False
    return True


def _replace_at(
    value: Any, location: Sequence[Any], schema: Schema, rng: Random, propose: Proposer, needed: frozenset[str]
) -> Any:
    """Returns the value with another one at a location, if one is found."""
    try:
        replacement = _sample_at(location, schema, rng, propose, needed)
    except NoValueError:
        return value
    if not location:
        return replacement
    _follow_location(value, location[:-1])[location[-1]] = replacement
    return value


def _sample_at(location: Sequence[Any], schema: Schema, rng: Random, propose: Proposer, needed: frozenset[str]) -> Any:
    """Returns a valid value for a location.

    Raises:
        NoValueError: none was found.
    """
    steps = [escape_step(str(step)) for step in location]
    part_schema = raw_at(schema, "/".join(["", *steps]))
    path = "".join(f"/{'*' if isinstance(step, int) else step}" for step in location)
    name = next((step for step in reversed(location) if isinstance(step, str)), "")
    return sample_value({} if part_schema is None else part_schema, schema, rng, propose, needed, path, name)


def _follow_location(value: Any, location: Sequence[Any]) -> Any:
    """Returns the part of a value at a location."""
    for step in location:
        value = value[step]
    return value
