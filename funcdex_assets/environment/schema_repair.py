"""A result that breaks its schema, made right where it is wrong.

Here belongs what is done after a result is made: the checker names the places, and each gets a value found by
search (`language/samples.py`). Where that is not enough, what is around the place is made anew, at last the whole.

>>> schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}, "required": ["n", "t"]}
>>> mended({"n": 1}, schema, Random(1), lambda schema, name: "soon", frozenset())
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
    """A valid value that keeps what is right in this one; the value itself where none is found."""
    compiled = validator(schema)
    if compiled.is_valid(value):
        return value
    better = deepcopy(value)
    for lift in _LIFTS:
        errors = list(islice(compiled.iter_errors(better), _MOST_ERRORS))
        for place in _outermost([tuple(error.instance_path[: len(error.instance_path) - lift]) for error in errors]):
            here = [error for error in errors if tuple(error.instance_path) == place]
            if not (
                lift == 0 and here and all(_patched(better, error, schema, rng, propose, needed) for error in here)
            ):
                better = _replaced(better, place, schema, rng, propose, needed)
        if compiled.is_valid(better):
            return better
    try:
        return sample(schema, schema, rng, propose, needed)
    except NoValueError:
        return value


def suited(value: Any, schema: Schema, taken: Mapping[str, Sequence[Schema]], rng: Random) -> Any:
    """The result with other values where those at the `taken` paths are none that a later call may have."""
    for path, wanted in taken.items():
        if all(fits(one, one, at_pointer(value, path)) for one in wanted):
            continue
        place = path.replace("*", "0")
        both = {"allOf": [resolve(raw_at(schema, place) or {}, schema), *wanted]}
        try:
            other = sample(both, both, rng)
        except NoValueError:
            continue
        changed = {"": deepcopy(value)}  # one root for objects and lists
        try:
            put_pointer(changed, f"/{place}", other)
        except TypeError:  # something on the way is no container
            continue
        if validator(schema).is_valid(changed[""]):
            value = changed[""]
    return value


def _outermost(places: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Each once, without those that are within another."""
    kept: list[tuple[Any, ...]] = []
    for place in sorted(dict.fromkeys(places), key=len):
        if not any(place[: len(outer)] == outer for outer in kept):
            kept.append(place)
    return kept


def _patched(
    value: Any, error: ValidationError, schema: Schema, rng: Random, propose: Propose, needed: frozenset[str]
) -> bool:
    """Whether a property too few or too many was all that was wrong there, and is put right."""
    target = _at(value, error.instance_path)
    match error.kind:
        case ValidationErrorKind.AdditionalProperties(unexpected=names):
            for name in names:
                target.pop(name, None)
        case ValidationErrorKind.Required(property=name):
            place = [*error.instance_path, name]
            try:
                target[name] = _made(place, schema, rng, propose, needed)
            except NoValueError:
                return False
        case _:
            return False
    return True


def _replaced(
    value: Any, place: Sequence[Any], schema: Schema, rng: Random, propose: Propose, needed: frozenset[str]
) -> Any:
    """The value with another one at a place, if there is one."""
    try:
        made = _made(place, schema, rng, propose, needed)
    except NoValueError:
        return value
    if not place:
        return made
    _at(value, place[:-1])[place[-1]] = made
    return value


def _made(place: Sequence[Any], schema: Schema, rng: Random, propose: Propose, needed: frozenset[str]) -> Any:
    steps = [escaped(str(step)) for step in place]
    part = raw_at(schema, "/".join(["", *steps]))
    path = "".join(f"/{'*' if isinstance(step, int) else step}" for step in place)
    name = next((step for step in reversed(place) if isinstance(step, str)), "")
    return sample({} if part is None else part, schema, rng, propose, needed, path, name)


def _at(value: Any, place: Sequence[Any]) -> Any:
    for step in place:
        value = value[step]
    return value
