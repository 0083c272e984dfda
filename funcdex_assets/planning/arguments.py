"""Plans the arguments of a call: those bound to earlier results, and the facts that the user will state.

Here a call's argument list is invented: required arguments, and a few optional ones that a person would mention. Each
fact comes with the words in which the user will say it: `2025-10-03` with "Friday". Single values come from `values.py`
and their words from `spoken.py`. Values are valid under the tool's schema; a tool whose required arguments cannot be
said by a person raises `UnplannableCallError`, and nothing else.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from funcdex_assets.language import values
from funcdex_assets.language.lexicon import Person
from funcdex_assets.language.schema_samples import NoValueError, sample
from funcdex_assets.language.spoken_values import read_moment, spoken_forms
from funcdex_assets.language.values import Situation
from funcdex_assets.records.plan import PlannedArgument
from funcdex_assets.records.tool import ChainStep, Tool
from funcdex_assets.schema.json_pointers import escaped, put_pointer
from funcdex_assets.schema.leaves import Leaf
from funcdex_assets.schema.references import resolve, schema_at
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.validation import fits, validator
from funcdex_assets.schema.words import words
from funcdex_assets.semantics.tool_names import QUERY_WORDS, is_id, is_page_token, parse_tool_name
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

_CODE = re.compile(r"[=;{}<>|]|^[A-Z_]{3,}:")  # in an example: only a program would write such a value
_SMALL = 3  # scalars; nobody tells the content of a larger optional object in a chat
_LONGEST_SAID, _LONGEST_CODE = 120, 40  # characters of a text with and without spaces; nobody says a longer one
_DEEPEST = 8  # steps of a pointer; a schema that contains itself would have no end
_MOST_ARGUMENTS = 40  # of one object or array; nobody says more
_BACKWARD = frozenset("modified created updated since after completed received".split())


class Unplannable(ValueError):
    """A call cannot be planned; the message says which tool and argument, and why."""


def plan_arguments(tool: Tool, step: ChainStep, situation: Situation, rng: Random) -> tuple[PlannedArgument, ...]:
    """Plans all arguments of one call: the bound ones from results, the others from user, context or schema.

    Raises:
        UnplannableCallError: a required argument has no value that a person could give.
    """
    inventor = _Inventor(tool, situation, rng)
    properties = resolve(tool.parameters, tool.parameters).get("properties", {})
    required_names = resolve(tool.parameters, tool.parameters).get("required", ())
    bound = [
        PlannedArgument(
            argument=binding.argument.replace("*", "0"),
            source="result",
            step=binding.step,
            result=binding.result,
        )
        for binding in step.bindings
    ]
    bound_names = {argument.argument.split("/")[1] for argument in bound}
    planned = [*bound]
    unbound_required = [name for name in dict.fromkeys(required_names) if name not in bound_names]
    for name in [*unbound_required, *_mentioned(tool, properties, {*unbound_required, *bound_names}, rng, bool(bound))]:
        planned += inventor.invent(properties.get(name, {}), f"/{escaped(name)}", name, "", name in unbound_required)
    for binding in bound:  # an object that holds a bound argument may require more
        name = binding.argument.split("/")[1]
        if binding.argument.count("/") > 1:
            planned += inventor.rest_of(properties.get(name, {}), f"/{name}", name, binding.argument)
    _refuse_invalid(tool, planned)
    return tuple(planned)


def assemble(planned: Sequence[PlannedArgument], resolved: dict[str, Any]) -> dict[str, Any]:
    """Builds the JSON arguments of a planned call.

    `resolved` gives the values of the arguments that come from results, by argument pointer.
    """
    arguments: dict[str, Any] = {}
    for argument in planned:
        value = resolved[argument.argument] if argument.source == "result" else argument.value
        put_pointer(arguments, argument.argument, value)
    return arguments


def _mentioned(tool: Tool, properties: Schema, taken: set[str], rng: Random, has_bound: bool) -> Iterator[str]:
    """Draws the optional top-level arguments that this user happens to mention, none of them in `excluded`."""
    parsed = parse_tool_name(tool.name)
    budget = 0 if parsed.action in ("get", "delete") else rng.choice((0, 1, 1, 2))
    searching = parsed.action == "list" and not has_bound
    options = [
        (name, interest)
        for name, schema in properties.items()
        if name not in taken and (interest := _interest(name, schema, tool.parameters, searching))
    ]
    if parsed.action == "update" or (searching and any(interest >= 3 for _, interest in options)):
        budget = max(budget, 1)
    while budget and options:
        name = rng.choices([name for name, _ in options], [interest for _, interest in options])[0]
        options = [(other_name, interest) for other_name, interest in options if other_name != name]
        budget -= 1
        yield name


def _interest(name: str, schema: Any, root: Schema, searching: bool) -> float:
    """Returns the relative likelihood that a person mentions an argument; 0 if only programs care about it.

    `searching` says that the call lists by search words, which makes the query the likeliest.
    """
    name_words = set(words(name))
    schema = resolve(schema, root)
    kind = schema_type(schema)
    if is_id(name) or is_page_token(name) or kind == "boolean":
        return 0
    if name_words & QUERY_WORDS and kind == "string":
        return 6 if searching else 1
    if schema.get("format") in ("date", "date-time", "email"):
        return 1.5
    if name_words & _TECHNICAL or (kind == "object" and not _small_object(schema, root)):
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
    if name_words & values.TITLES or name_words & values.BODIES:
        return 1.2
    return 0.6 if schema.get("examples") or name_words & {"location", "city", "address", "phone"} else 0


def _small_object(schema: Schema, root: Schema) -> bool:
    """True for an object of at most three scalars, none of them an id of the service: a person would tell those."""
    scalar_leaves = _scalars_in(schema, root, "", 0)
    return (
        scalar_leaves is not None
        and 0 < len(scalar_leaves) <= _SMALL
        and not any(is_service_id(leaf) for leaf in scalar_leaves)
    )


def _scalars_in(schema: Schema, root: Schema, owner: str, depth: int) -> list[Leaf] | None:
    """Collects the scalar leaves in an object's schema; None if there are more than three or they lie too deep."""
    scalar_leaves: list[Leaf] = []
    for key, unresolved in schema.get("properties", {}).items():
        property_schema = resolve(unresolved, root)
        while schema_type(property_schema) == "array":
            property_schema, depth = resolve(property_schema.get("items", {}), root), depth + 1
            if depth > _SMALL:
                return None
        property_leaves: list[Leaf] | None = [Leaf(key, key, owner, property_schema, True)]
        if schema_type(property_schema) == "object":
            property_leaves = _scalars_in(property_schema, root, key, depth + 1) if depth < _SMALL else None
        if property_leaves is None or len(scalar_leaves) + len(property_leaves) > _SMALL:
            return None
        scalar_leaves += property_leaves
    return scalar_leaves


def _refuse_invalid(tool: Tool, planned: Sequence[PlannedArgument]) -> None:
    """Raises if the planned arguments are invalid, except where a value comes from a result that is not there yet."""
    placeholders = {
        argument.argument: _placeholder(tool, argument.argument) for argument in planned if argument.source == "result"
    }
    arguments = assemble(planned, placeholders)
    compiled = validator(tool.parameters)
    if not compiled.is_valid(arguments):
        for error in compiled.iter_errors(arguments):
            error_pointer = "/" + "/".join(map(str, error.instance_path))
            if error_pointer not in placeholders:
                raise Unplannable(f"{tool.name}{error_pointer}: {error.message}")


def _placeholder(tool: Tool, pointer: str) -> Any:
    """Builds a value that the schema allows, to stand for a result's value while the arguments are validated."""
    schema = schema_at(tool.parameters, pointer) or {}
    placeholder = {"integer": 1, "number": 1.0, "boolean": True}.get(schema_type(schema), "x")
    if fits(schema, tool.parameters, placeholder):
        return placeholder
    try:
        return sample(schema, tool.parameters, Random(0))
    except NoValueError:
        return placeholder


class _Inventor:
    """Invents the facts of one call.

    It remembers the call's person and moment, so that its facts agree: a name with its address, an end after its start.
    """

    def __init__(self, tool: Tool, situation: Situation, rng: Random):
        self.tool, self.root = tool, tool.parameters
        self.situation = situation
        self.rng = rng
        self.action = parse_tool_name(tool.name).action
        self.person: Person | None = None
        self.moment: datetime | None = None
        self.ended = False  # the moment is the end of a span

    def invent(self, raw: Any, pointer: str, name: str, owner: str, required: bool) -> list[PlannedArgument]:
        """Plans the argument at a pointer, with everything inside it if it is an object or an array.

        Raises:
            UnplannableCallError: it has no value that a person could say.
        """
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
            fewest = max(1, schema.get("minItems", 1))
            size = fewest if schema_type(items) == "object" else max(fewest, self.rng.choice((1, 1, 2)))
            size = min(size, schema.get("maxItems", size))
            planned: list[PlannedArgument] = []
            if fewest > _MOST_ARGUMENTS:
                raise Unplannable(f"{self.tool.name}{pointer}: it needs {fewest} items, which nobody says")
            for index in range(size):
                if index:
                    self.person = None
                planned += self.invent(schema.get("items", {}), f"{pointer}/{index}", name, name, True)
            return _distinct(planned)
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
        """Plans the other required properties of the object or array item that holds a bound argument."""
        schema = self._resolved(raw)
        if schema_type(schema) == "array":
            return self.rest_of(schema.get("items", {}), f"{pointer}/0", name, bound)
        return self._object(schema, pointer, name, skip=(bound,)) if schema_type(schema) == "object" else []

    def _resolved(self, schema: Any) -> Schema:
        return resolve(schema, self.root)

    def _object(self, schema: Schema, pointer: str, name: str, skip: tuple[str, ...]) -> list[PlannedArgument]:
        """Plans an object's required properties, or one that a person would mention if none is required.

        Pointers in `skip` are bound to results and left out.
        """
        properties = schema.get("properties", {})
        required = list(dict.fromkeys(schema.get("required", ())))
        chosen = (
            required
            or [
                key for key, property_schema in properties.items() if _interest(key, property_schema, self.root, False)
            ][:1]
        )
        if not chosen and properties:
            chosen = list(properties)[:1]
        planned: list[PlannedArgument] = []
        for key in chosen:
            key_pointer, property_schema = f"{pointer}/{escaped(key)}", properties.get(key, {})
            if key_pointer in skip:
                continue
            if any(bound.startswith(key_pointer + "/") for bound in skip):
                planned += self.rest_of(property_schema, key_pointer, key, skip[0])
            else:
                planned += self.invent(property_schema, key_pointer, key, name, key in required)
            if len(planned) > _MOST_ARGUMENTS:
                raise Unplannable(f"{self.tool.name}{pointer}: it has more arguments than a person would say")
        return planned

    def _value(self, schema: Schema, name: str, owner: str) -> Any:
        """Invents a scalar from its schema, then its name and the tool; it may still be invalid under the schema."""
        name_words, rng = set(words(name)), self.rng
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
                if name_words & CC_WORDS:
                    return values.make_person(self.situation, self.rng).email
                return self._person().email
            case "date" | "date-time" | "time":
                return self._when(schema, name_words | set(words(owner)))
            case "uri" if not examples:
                slug = "-".join(
                    word for word in self.situation.matter.lower().split() if word.isascii() and word.isalnum()
                )
                return f"https://www.{self.situation.domain}/{slug}"
        if str(schema.get("pattern", "")).startswith("^\\+"):
            return values.make_phone(rng)
        if name_words & QUERY_WORDS and values.PEOPLE.intersection(parse_tool_name(self.tool.name).words):
            return self._person().first
        if name_words & QUERY_WORDS:
            return values.query_for(schema, values.keywords(self.situation.matter, rng), rng)
        if read_moment({}, str((examples or [""])[0])) is not None:
            return self._when({"format": "date" if len(str(examples[0])) == 10 else "date-time"}, name_words)
        if name_words & {"name", "names"} and (
            {*words(owner), *name_words, *parse_tool_name(self.tool.name).words} & values.PEOPLE
        ):
            return (
                self._person().first
                if "first" in name_words
                else self._person().name.split()[-1]
                if "last" in name_words
                else self._person().name
            )
        if name_words & values.BODIES and not examples:
            return values.make_body(self.situation, rng, self.person.first if self.person else "")
        if name_words & values.TITLES and not examples:
            return values.make_title(self.situation, rng)
        if name_words & values.BODIES and schema.get("maxLength", 999) > 80 and rng.random() < 0.7:
            return values.make_body(self.situation, rng, self.person.first if self.person else "")
        if name_words & {"title", "subject", "summary"}:
            return values.make_title(self.situation, rng)
        if examples:
            return rng.choice([option for option in examples if isinstance(option, str)] or examples)
        if name_words & {"city"}:
            return rng.choice(values.CITIES)
        if name_words & {"location", "place", "venue", "room"}:
            return rng.choice(values.PLACES)
        if "line1" in name_words or "street" in name_words or "address" in name_words:
            return f"{rng.randint(2, 140)} {rng.choice(values.STREETS)}"
        about_files = {"file", "files", "directory", "folder"}.intersection(parse_tool_name(self.tool.name).words)
        if name_words & values.PATHS or (about_files and name_words & {"source", "destination", "target"}):
            return values.make_path(
                self.situation, rng, name_words & {"directory", "dir"} or "directory" in self.tool.name
            )
        return values.sentence(values.keywords(self.situation.matter, rng))

    def _fallback(self, schema: Schema, pointer: str) -> Any:
        """Finds a valid value that a person can say: an example, the default, words of the matter, or a sample.

        Raises:
            UnplannableCallError: there is none.
        """
        for option in [*values.examples_of(schema), schema.get("default")]:
            if _sayable(option) and fits(schema, self.root, option):
                return option
        short = values.title(values.keywords(self.situation.matter, self.rng))[: schema.get("maxLength", 60)].rstrip()
        if fits(schema, self.root, short):
            return short
        try:
            sampled = sample(schema, self.root, self.rng)
        except NoValueError:
            sampled = None
        if _sayable(sampled):
            return sampled
        raise Unplannable(
            f"{self.tool.name}{pointer}: no value found that satisfies {str(schema)[:200]}; give it examples"
        )

    def _person(self) -> Person:
        """Returns the person of this call, invented at the first request."""
        self.person = self.person or values.make_person(self.situation, self.rng)
        return self.person

    def _when(self, schema: Schema, parts: set[str]) -> str:
        """Invents a moment; the second one of a call makes a span with the first, whichever end comes first."""
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
        """Draws the length of a span: days for dates and searches, else half an hour to an hour and a half."""
        if schema.get("format") == "date" or self.action == "list":
            return timedelta(days=self.rng.randint(2, 9))
        return timedelta(minutes=self.rng.choice((30, 45, 60, 90)))

    def _surface(self, name: str, schema: Schema, value: Any) -> str:
        """Chooses the words in which the user says the value; any natural form of a moment, else the first form."""
        forms = spoken_forms(name, schema, value, self.situation.now)
        if not forms:
            return str(value)
        natural = (
            forms[: max(1, len(forms) - 1)] if isinstance(value, str) and read_moment(schema, value) else forms[:1]
        )
        return self.rng.choice(natural)


def _sayable(value: Any) -> bool:
    """True for a value that a person can say: not null, empty, a list, an object or a long code."""
    if isinstance(value, str):
        return 0 < len(value) <= (_LONGEST_SAID if " " in value else _LONGEST_CODE) and value.split() == value.split(
            " "
        )
    return isinstance(value, bool | int | float)


def _distinct(arguments: list[PlannedArgument]) -> list[PlannedArgument]:
    """Cuts an array's facts before the first item that repeats an earlier one."""
    earlier_values: list[Any] = []
    for argument in arguments:
        if argument.argument.count("/") == 2 and argument.value in earlier_values:
            return arguments[: arguments.index(argument)]
        earlier_values.append(argument.value)
    return arguments
