"""What a user can tell: the arguments of a planned call that no earlier result provides.

Here a call's argument list is invented: required arguments, and a few optional ones that a person
would mention. Each comes with the words in which the user will say it. Values are valid under the
tool's schema; a tool whose required arguments cannot be said by a person raises `Unplannable`, and nothing else.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from funcdex_assets.catalog.json_schema import (
    Leaf,
    Schema,
    escaped,
    fits,
    put_pointer,
    resolve,
    schema_at,
    schema_type,
    validator,
)
from funcdex_assets.catalog.names import QUERY_WORDS, is_id, is_page_token, parse_tool_name, words
from funcdex_assets.language import values
from funcdex_assets.language.lexicon import Person
from funcdex_assets.language.samples import NoValueError, sample
from funcdex_assets.language.spoken import read_moment, spoken_forms
from funcdex_assets.language.values import Situation
from funcdex_assets.records import ChainStep, PlannedArgument, Tool
from funcdex_assets.semantics.vocabulary import CC_WORDS, ZONE_WORDS
from funcdex_assets.tool_graph.graph import is_service_id

# Words in the names of optional arguments that people never mention in a chat.
_TECHNICAL = frozenset(
    (
        "token cursor offset page fields format include verbose supports corpora spaces order sort view "
        "mode type expand metadata idempotency version locale timezone zone raw html markdown user drives "
        "drive index alt pretty field"
    ).split()
)

_CODE = re.compile(r"[=;{}<>|]|^[A-Z_]{3,}:")  # what only a program would write
_SMALL = 3
_LONGEST_SAID, _LONGEST_CODE = 120, 40
_DEEPEST = 8
_MOST_ARGUMENTS = 40
_BACKWARD = frozenset("modified created updated since after completed received".split())


class Unplannable(ValueError):
    """A call cannot be planned; the message says which tool and argument, and why."""


def plan_arguments(tool: Tool, step: ChainStep, situation: Situation, rng: Random) -> tuple[PlannedArgument, ...]:
    """All arguments of one call: bound ones from results, the rest from user, context or schema.

    Raises:
        Unplannable: a required argument has no value that a person could give.
    """
    inventor = _Inventor(tool, situation, rng)
    properties = resolve(tool.parameters, tool.parameters).get("properties", {})
    needed = resolve(tool.parameters, tool.parameters).get("required", ())
    bound = [
        PlannedArgument(
            argument=binding.argument.replace("*", "0"),
            source="result",
            step=binding.step,
            result=binding.result,
        )
        for binding in step.bindings
    ]
    taken = {argument.argument.split("/")[1] for argument in bound}
    planned = [*bound]
    required = [name for name in dict.fromkeys(needed) if name not in taken]
    for name in [*required, *_mentioned(tool, properties, {*required, *taken}, rng, bool(bound))]:
        planned += inventor.invent(properties.get(name, {}), f"/{escaped(name)}", name, "", name in required)
    for binding in bound:  # an object that holds a bound argument may require more
        name = binding.argument.split("/")[1]
        if binding.argument.count("/") > 1:
            planned += inventor.rest_of(properties.get(name, {}), f"/{name}", name, binding.argument)
    _refuse_invalid(tool, planned)
    return tuple(planned)


def assemble(planned: Sequence[PlannedArgument], resolved: dict[str, Any]) -> dict[str, Any]:
    """The call's arguments; `resolved` gives the values taken from results, by argument pointer."""
    arguments: dict[str, Any] = {}
    for argument in planned:
        value = resolved[argument.argument] if argument.source == "result" else argument.value
        put_pointer(arguments, argument.argument, value)
    return arguments


def _mentioned(tool: Tool, properties: Schema, taken: set[str], rng: Random, has_bound: bool) -> Iterator[str]:
    """Optional top-level arguments that this user happens to mention."""
    parsed = parse_tool_name(tool.name)
    budget = 0 if parsed.action in ("get", "delete") else rng.choice((0, 1, 1, 2))
    searching = parsed.action == "list" and not has_bound
    options = [
        (name, weight)
        for name, schema in properties.items()
        if name not in taken and (weight := _interest(name, schema, tool.parameters, searching))
    ]
    if parsed.action == "update" or (searching and any(weight >= 3 for _, weight in options)):
        budget = max(budget, 1)
    while budget and options:
        name = rng.choices([name for name, _ in options], [weight for _, weight in options])[0]
        options = [(other, weight) for other, weight in options if other != name]
        budget -= 1
        yield name


def _interest(name: str, schema: Any, root: Schema, searching: bool) -> float:
    """How likely a person mentions it (relative); 0 for what only programs care about."""
    parts = set(words(name))
    schema = resolve(schema, root)
    kind = schema_type(schema)
    if is_id(name) or is_page_token(name) or kind == "boolean":
        return 0
    if parts & QUERY_WORDS and kind == "string":
        return 6 if searching else 1
    if schema.get("format") in ("date", "date-time", "email"):
        return 1.5
    if parts & _TECHNICAL or (kind == "object" and not _small_object(schema, root)):
        return 0
    if "enum" in schema:
        return 1 if len(schema["enum"]) > 1 else 0
    items = resolve(schema.get("items", {}), root)
    examples = schema.get("examples") or items.get("examples") or ()
    if any(isinstance(example, str) and _CODE.search(example) for example in examples):
        return 0
    if kind == "array":
        return (
            0.7
            if schema_type(items) == "string"
            and not is_id(name)
            and ("enum" in items or items.get("format") or items.get("examples"))
            else 0
        )
    if kind in ("integer", "number"):
        return 0.8
    if parts & values.TITLES or parts & values.BODIES:
        return 1.2
    return 0.6 if schema.get("examples") or parts & {"location", "city", "address", "phone"} else 0


def _small_object(schema: Schema, root: Schema) -> bool:
    """Whether it is a handful of scalars that a person would tell."""
    inside = _scalars_in(schema, root, "", 0)
    return inside is not None and 0 < len(inside) <= _SMALL and not any(is_service_id(leaf) for leaf in inside)


def _scalars_in(schema: Schema, root: Schema, owner: str, depth: int) -> list[Leaf] | None:
    """None where there are too many to look at."""
    found: list[Leaf] = []
    for key, raw in schema.get("properties", {}).items():
        part = resolve(raw, root)
        while schema_type(part) == "array":
            part, depth = resolve(part.get("items", {}), root), depth + 1
            if depth > _SMALL:
                return None
        inside: list[Leaf] | None = [Leaf(key, key, owner, part, True)]
        if schema_type(part) == "object":
            inside = _scalars_in(part, root, key, depth + 1) if depth < _SMALL else None
        if inside is None or len(found) + len(inside) > _SMALL:
            return None
        found += inside
    return found


def _refuse_invalid(tool: Tool, planned: Sequence[PlannedArgument]) -> None:
    results = {
        argument.argument: _placeholder(tool, argument.argument) for argument in planned if argument.source == "result"
    }
    arguments = assemble(planned, results)
    compiled = validator(tool.parameters)
    if not compiled.is_valid(arguments):
        for error in compiled.iter_errors(arguments):
            place = "/" + "/".join(map(str, error.instance_path))
            if place not in results:
                raise Unplannable(f"{tool.name}{place}: {error.message}")


def _placeholder(tool: Tool, pointer: str) -> Any:
    schema = schema_at(tool.parameters, pointer) or {}
    simple = {"integer": 1, "number": 1.0, "boolean": True}.get(schema_type(schema), "x")
    if fits(schema, tool.parameters, simple):
        return simple
    try:
        return sample(schema, tool.parameters, Random(0))
    except NoValueError:
        return simple


class _Inventor:
    """Invents the facts of one call; remembers its person and its moment, so that they belong together."""

    def __init__(self, tool: Tool, situation: Situation, rng: Random):
        self.tool, self.root = tool, tool.parameters
        self.situation = situation
        self.rng = rng
        self.action = parse_tool_name(tool.name).action
        self.person: Person | None = None
        self.moment: datetime | None = None
        self.ended = False  # whether that moment is the end of a span

    def invent(self, raw: Any, pointer: str, name: str, owner: str, required: bool) -> list[PlannedArgument]:
        if pointer.count("/") > _DEEPEST:
            raise Unplannable(f"{self.tool.name}{pointer}: it is nested too deep for a person to say")
        schema = self._resolved(raw)
        kind = schema_type(schema)
        if kind == "object" and "const" not in schema:
            return self._object(schema, pointer, name, skip=())
        items = self._resolved(schema.get("items", {})) if kind == "array" else {}
        if kind == "array" and schema_type(items) in (
            "object",
            "array",
            "string",
            "integer",
            "number",
        ):
            least = max(1, schema.get("minItems", 1))
            size = least if schema_type(items) == "object" else max(least, self.rng.choice((1, 1, 2)))
            size = min(size, schema.get("maxItems", size))
            found: list[PlannedArgument] = []
            if least > _MOST_ARGUMENTS:
                raise Unplannable(f"{self.tool.name}{pointer}: it needs {least} items, which nobody says")
            for index in range(size):
                if index:
                    self.person = None
                found += self.invent(schema.get("items", {}), f"{pointer}/{index}", name, name, True)
            return _distinct(found)
        if ("const" in schema or ("default" in schema and not required)) and "const" in schema:
            return [PlannedArgument(argument=pointer, source="schema", value=schema["const"])]
        if is_id(name) and "default" in schema:
            return [PlannedArgument(argument=pointer, source="schema", value=schema["default"])]
        if schema_type(schema) == "string" and ZONE_WORDS & set(words(name)):
            return [PlannedArgument(argument=pointer, source="context", value=self.situation.persona.time_zone)]
        if required and is_service_id(Leaf(pointer, name, owner, schema, True)) and not values.examples_of(schema):
            raise Unplannable(f"{self.tool.name}{pointer}: only an earlier result could give this id")
        value = self._value(schema, name, owner)
        if not values.fits(schema, value) or not fits(schema, self.root, value):
            value = self._fallback(schema, pointer)
        if value is None:
            raise Unplannable(f"{self.tool.name}{pointer}: only null is allowed, which nobody says")
        return [
            PlannedArgument(argument=pointer, source="user", value=value, surface=self._surface(name, schema, value))
        ]

    def rest_of(self, raw: Any, pointer: str, name: str, bound: str) -> list[PlannedArgument]:
        """What else is required in the object or array item that holds a bound argument."""
        schema = self._resolved(raw)
        if schema_type(schema) == "array":
            return self.rest_of(schema.get("items", {}), f"{pointer}/0", name, bound)
        return self._object(schema, pointer, name, skip=(bound,)) if schema_type(schema) == "object" else []

    def _resolved(self, schema: Any) -> Schema:
        return resolve(schema, self.root)

    def _object(self, schema: Schema, pointer: str, name: str, skip: tuple[str, ...]) -> list[PlannedArgument]:
        properties = schema.get("properties", {})
        required = list(dict.fromkeys(schema.get("required", ())))
        chosen = required or [key for key, part in properties.items() if _interest(key, part, self.root, False)][:1]
        if not chosen and properties:
            chosen = list(properties)[:1]
        found: list[PlannedArgument] = []
        for key in chosen:
            place, part = f"{pointer}/{escaped(key)}", properties.get(key, {})
            if place in skip:
                continue
            if any(bound.startswith(place + "/") for bound in skip):
                found += self.rest_of(part, place, key, skip[0])
            else:
                found += self.invent(part, place, key, name, key in required)
            if len(found) > _MOST_ARGUMENTS:
                raise Unplannable(f"{self.tool.name}{pointer}: it has more arguments than a person would say")
        return found

    def _value(self, schema: Schema, name: str, owner: str) -> Any:
        parts, rng = set(words(name)), self.rng
        kind, examples = schema_type(schema), values.examples_of(schema)
        if "enum" in schema:
            options = [option for option in schema["enum"] if option is not None] or [None]
            return rng.choice(options)
        if kind == "boolean":
            return not schema.get("default", False)
        if kind in ("integer", "number"):
            return values.make_number(name, schema, rng)
        match schema.get("format"):
            case "email":
                if parts & CC_WORDS:
                    return values.make_person(self.situation, self.rng).email
                return self._person().email
            case "date" | "date-time" | "time":
                return self._when(schema, parts | set(words(owner)))
            case "uri" if not examples:
                slug = "-".join(
                    part for part in self.situation.matter.lower().split() if part.isascii() and part.isalnum()
                )
                return f"https://www.{self.situation.domain}/{slug}"
        if str(schema.get("pattern", "")).startswith("^\\+"):
            return values.make_phone(rng)
        if parts & QUERY_WORDS and values.PEOPLE.intersection(parse_tool_name(self.tool.name).words):
            return self._person().first
        if parts & QUERY_WORDS:
            return values.query_for(schema, values.keywords(self.situation.matter, rng), rng)
        if read_moment({}, str((examples or [""])[0])) is not None:
            return self._when({"format": "date" if len(str(examples[0])) == 10 else "date-time"}, parts)
        if parts & {"name", "names"} and (
            {*words(owner), *parts, *parse_tool_name(self.tool.name).words} & values.PEOPLE
        ):
            return (
                self._person().first
                if "first" in parts
                else self._person().name.split()[-1]
                if "last" in parts
                else self._person().name
            )
        if parts & values.BODIES and not examples:
            return values.make_body(self.situation, rng, self.person.first if self.person else "")
        if parts & values.TITLES and not examples:
            return values.make_title(self.situation, rng)
        if parts & values.BODIES and schema.get("maxLength", 999) > 80 and rng.random() < 0.7:
            return values.make_body(self.situation, rng, self.person.first if self.person else "")
        if parts & {"title", "subject", "summary"}:
            return values.make_title(self.situation, rng)
        if examples:
            return rng.choice([option for option in examples if isinstance(option, str)] or examples)
        if parts & {"city"}:
            return rng.choice(values.CITIES)
        if parts & {"location", "place", "venue", "room"}:
            return rng.choice(values.PLACES)
        if "line1" in parts or "street" in parts or "address" in parts:
            return f"{rng.randint(2, 140)} {rng.choice(values.STREETS)}"
        about_files = {"file", "files", "directory", "folder"}.intersection(parse_tool_name(self.tool.name).words)
        if parts & values.PATHS or (about_files and parts & {"source", "destination", "target"}):
            return values.make_path(self.situation, rng, parts & {"directory", "dir"} or "directory" in self.tool.name)
        return values.sentence(values.keywords(self.situation.matter, rng))

    def _fallback(self, schema: Schema, pointer: str) -> Any:
        for option in [*values.examples_of(schema), schema.get("default")]:
            if _sayable(option) and fits(schema, self.root, option):
                return option
        short = values.title(values.keywords(self.situation.matter, self.rng))[: schema.get("maxLength", 60)].rstrip()
        if fits(schema, self.root, short):
            return short
        try:
            found = sample(schema, self.root, self.rng)
        except NoValueError:
            found = None
        if _sayable(found):
            return found
        raise Unplannable(
            f"{self.tool.name}{pointer}: no value found that satisfies {str(schema)[:200]}; give it examples"
        )

    def _person(self) -> Person:
        self.person = self.person or values.make_person(self.situation, self.rng)
        return self.person

    def _when(self, schema: Schema, parts: set[str]) -> str:
        ends = parts & {"end", "until", "to", "finish", "max", "before"}
        if self.moment and ends:
            self.moment += self._span(schema)
        elif self.moment and self.ended:  # the end of the span was mentioned first
            self.moment -= self._span(schema)
        else:
            past = self.action == "list" and (bool(parts & _BACKWARD) or (not ends and self.rng.random() < 0.4))
            self.moment = values.make_moment(self.situation, self.rng, past)
        self.ended = bool(ends)
        return values.moment_text(schema, self.moment)

    def _span(self, schema: Schema) -> timedelta:
        if schema.get("format") == "date" or self.action == "list":
            return timedelta(days=self.rng.randint(2, 9))
        return timedelta(minutes=self.rng.choice((30, 45, 60, 90)))

    def _surface(self, name: str, schema: Schema, value: Any) -> str:
        forms = spoken_forms(name, schema, value, self.situation.now)
        if not forms:
            return str(value)
        natural = (
            forms[: max(1, len(forms) - 1)] if isinstance(value, str) and read_moment(schema, value) else forms[:1]
        )
        return self.rng.choice(natural)


def _sayable(value: Any) -> bool:
    """Whether a person can say it: not nothing, nor a list, nor a long code."""
    if isinstance(value, str):
        return 0 < len(value) <= (_LONGEST_SAID if " " in value else _LONGEST_CODE) and value.split() == value.split(
            " "
        )
    return isinstance(value, bool | int | float)


def _distinct(arguments: list[PlannedArgument]) -> list[PlannedArgument]:
    """Array items that repeat an earlier one are dropped from the end."""
    seen: list[Any] = []
    for argument in arguments:
        if argument.argument.count("/") == 2 and argument.value in seen:
            return arguments[: arguments.index(argument)]
        seen.append(argument.value)
    return arguments
