"""Plans the arguments of a call: those bound to earlier results, and the facts that the user will state.

Here a call's argument list is invented: required arguments, and a few optional ones that a person would mention. Each
fact comes with the words in which the user will say it: `2025-10-03` with "Friday". Single values come from
`values.py` and their words from `spoken_values`. Values are valid under the tool's schema; a tool whose required
arguments cannot be said by a person raises `UnplannableCallError`, and nothing else.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec

from funcdex_assets.environment.search_criteria import find_bounded_field, is_limit_name
from funcdex_assets.language import values
from funcdex_assets.language.companies import CONTACT_NOUNS
from funcdex_assets.language.lexicon import Person
from funcdex_assets.language.real_examples import list_real_examples
from funcdex_assets.language.schema_samples import NoValueError, sample_value
from funcdex_assets.language.spoken_values import list_spoken_forms, parse_moment
from funcdex_assets.language.values import Situation
from funcdex_assets.records.plan import PlannedArgument
from funcdex_assets.records.tool import ChainStep, Tool
from funcdex_assets.schema.json_pointers import escape_step, put_pointer
from funcdex_assets.schema.leaves import Leaf
from funcdex_assets.schema.references import resolve_schema, schema_at
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.validation import compile_validator, is_valid_under
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.epochs import is_epoch, to_epoch
from funcdex_assets.semantics.field_meaning import decide_field_meaning
from funcdex_assets.semantics.field_roles import PAST_PHASES, is_page_token, names_person
from funcdex_assets.semantics.tool_names import is_id, parse_tool_name
from funcdex_assets.semantics.vocabulary import CC_WORDS, PATH_WORDS
from funcdex_assets.tool_graph.graph import is_service_id

# Optional arguments that people never mention in a chat: how an answer is made, and the forms of a text.
_TECHNICAL_ROLES = frozenset(("page_token", "sort", "setting", "zone", "position"))
_UNSPOKEN_WORDS = frozenset("token page html markdown alt pretty mode".split())

_CODE_PATTERN = re.compile(r"[=;{}<>|]|^[A-Z_]{3,}:")  # in an example: only a program would write such a value
_MOST_SCALARS = 3  # scalars; nobody tells the content of a larger optional object in a chat
_LONGEST_TEXT, _LONGEST_CODE = 120, 40  # characters of a text with and without spaces; nobody says a longer one
_LONGEST_POINTER = 8  # steps of a pointer; a schema that contains itself would have no end
_MOST_TRIES = 20  # to find somebody who is not in the call yet
_MOMENT = {"type": "string", "format": "date-time"}
_MOST_ARGUMENTS = 40  # of one object or array; nobody says more
_FREE_TIME_WORDS = frozenset("free busy freebusy available availability slot slots".split())  # which lies ahead
_FEW_ITEMS = (2, 3, 3, 4, 5)  # on a page of a listing whose next page is asked for


class UnplannableCallError(ValueError):
    """A call cannot be planned; the message says which tool and argument, and why."""


def plan_arguments(tool: Tool, step: ChainStep, situation: Situation, rng: Random) -> tuple[PlannedArgument, ...]:
    """Plans all arguments of one call: the bound ones from results, the others from user, context or schema.

    Raises:
        UnplannableCallError: a required argument has no value that a person could give.
    """
    inventor = _FactInventor(tool, situation, rng)
    properties = resolve_schema(tool.parameters, tool.parameters).get("properties", {})
    required_names = resolve_schema(tool.parameters, tool.parameters).get("required", ())
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
    for name in [
        *unbound_required,
        *_draw_mentioned_arguments(tool, properties, {*unbound_required, *bound_names}, rng, bool(bound)),
    ]:
        planned += inventor.plan_argument(
            properties.get(name, {}), f"/{escape_step(name)}", name, "", name in unbound_required
        )
    for binding in bound:  # an object that holds a bound argument may require more
        name = binding.argument.split("/")[1]
        if binding.argument.count("/") > 1:
            planned += inventor.plan_siblings(properties.get(name, {}), f"/{name}", name, binding.argument)
    planned = _order_bounds(planned)
    _refuse_invalid_arguments(tool, planned)
    return tuple(planned)


def _order_bounds(planned: Sequence[PlannedArgument]) -> list[PlannedArgument]:
    """Returns the arguments with the lower number as the lowest price and the higher one as the highest."""
    ordered = list(planned)
    by_field: dict[str, list[int]] = defaultdict(list)
    for index, argument in enumerate(planned):
        field = find_bounded_field(argument.argument.rpartition("/")[2])
        if field and argument.source == "user" and isinstance(argument.value, int | float):
            by_field[field].append(index)
    for indices in by_field.values():
        given = [planned[index] for index in indices]
        lowest_first = sorted(indices, key=lambda index: "max" in planned[index].argument.lower())
        for index, other in zip(lowest_first, sorted(given, key=lambda argument: argument.value), strict=True):
            ordered[index] = msgspec.structs.replace(planned[index], value=other.value, surface=other.surface)
    return ordered


def limit_page(tool: Tool, planned: Sequence[PlannedArgument], rng: Random) -> tuple[PlannedArgument, ...]:
    """Returns the arguments of a listing whose next page will be asked for: the user wants a few at a time, as only a
    full page is followed by another.

    Raises:
        UnplannableCallError: the tool takes no number of items, and what is listed is part of one thing, which has no
            more of them than a page holds.
    """
    properties = resolve_schema(tool.parameters, tool.parameters).get("properties", {})
    name = next(
        (
            name
            for name, schema in properties.items()
            if schema_type(resolved := resolve_schema(schema, tool.parameters)) == "integer"
            and is_limit_name(name, resolved)
        ),
        None,
    )
    if name is None:
        if any(argument.source == "result" for argument in planned):
            raise UnplannableCallError(f"{tool.name}: no number of items can be asked for, so the next page is empty")
        return tuple(planned)
    schema = resolve_schema(properties[name], tool.parameters)
    sizes = [size for size in _FEW_ITEMS if is_valid_under(schema, tool.parameters, size)]
    if not sizes:
        raise UnplannableCallError(f"{tool.name}/{name}: its pages have more items than a person wants at a time")
    size = rng.choice(sizes)
    pointer = f"/{escape_step(name)}"
    limit = PlannedArgument(argument=pointer, source="user", value=size, surface=str(size))
    return (*(argument for argument in planned if argument.argument != pointer), limit)


def assemble_arguments(planned: Sequence[PlannedArgument], resolved: dict[str, Any]) -> dict[str, Any]:
    """Builds the JSON arguments of a planned call.

    `resolved` gives the values of the arguments that come from results, by argument pointer.
    """
    arguments: dict[str, Any] = {}
    for argument in planned:
        value = resolved[argument.argument] if argument.source == "result" else argument.value
        put_pointer(arguments, argument.argument, value)
    return arguments


def _draw_mentioned_arguments(
    tool: Tool, properties: Schema, excluded: set[str], rng: Random, has_bound: bool
) -> Iterator[str]:
    """Draws the optional top-level arguments that this user happens to mention, none of them in `excluded`."""
    parsed = parse_tool_name(tool.name)
    budget = 0 if parsed.action in ("get", "delete") else rng.choice((0, 1, 1, 2))
    searching = parsed.action == "list" and not has_bound
    options = [
        (name, interest)
        for name, schema in properties.items()
        if name not in excluded and (interest := _estimate_interest(name, schema, tool.parameters, searching))
    ]
    if parsed.action == "update" or (searching and any(interest >= 3 for _, interest in options)):
        budget = max(budget, 1)
    while budget and options:
        name = rng.choices([name for name, _ in options], [interest for _, interest in options])[0]
        options = [(other_name, interest) for other_name, interest in options if other_name != name]
        budget -= 1
        yield name


def _estimate_interest(name: str, schema: Any, root: Schema, searching: bool) -> float:
    """Returns the relative likelihood that a person mentions an argument; 0 if only programs care about it.

    `searching` says that the call lists by search words, which makes the query the likeliest.
    """
    name_words = set(split_words(name))
    schema = resolve_schema(schema, root)
    kind = schema_type(schema)
    if is_id(name) or is_page_token(name, schema) or kind == "boolean":
        return 0
    role = decide_field_meaning(name, schema).role
    if role == "query" and kind == "string":
        return 6 if searching else 1
    if schema.get("format") in ("date", "date-time", "email"):
        return 1.5
    if (
        role in _TECHNICAL_ROLES
        or name_words & _UNSPOKEN_WORDS
        or (kind == "object" and not _is_small_object(schema, root))
    ):
        return 0
    if "enum" in schema:
        return 1 if len(schema["enum"]) > 1 else 0
    items = resolve_schema(schema.get("items", {}), root)
    examples = schema.get("examples") or items.get("examples") or ()
    if any(isinstance(example, str) and _CODE_PATTERN.search(example) for example in examples):
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
    if role in ("title", "text"):
        return 1.2
    return 0.6 if schema.get("examples") or name_words & {"location", "city", "address", "phone"} else 0


def _is_small_object(schema: Schema, root: Schema) -> bool:
    """True for an object of at most three scalars, none of them an id of the service: a person would tell those."""
    scalar_leaves = _collect_scalars(schema, root, "", 0)
    return (
        scalar_leaves is not None
        and 0 < len(scalar_leaves) <= _MOST_SCALARS
        and not any(is_service_id(leaf) for leaf in scalar_leaves)
    )


def _collect_scalars(schema: Schema, root: Schema, owner: str, depth: int) -> list[Leaf] | None:
    """Collects the scalar leaves in an object's schema; None if there are more than three or they lie too deep."""
    scalar_leaves: list[Leaf] = []
    for key, unresolved in schema.get("properties", {}).items():
        property_schema = resolve_schema(unresolved, root)
        while schema_type(property_schema) == "array":
            property_schema, depth = resolve_schema(property_schema.get("items", {}), root), depth + 1
            if depth > _MOST_SCALARS:
                return None
        property_leaves: list[Leaf] | None = [Leaf(key, key, owner, property_schema, True)]
        if schema_type(property_schema) == "object":
            property_leaves = _collect_scalars(property_schema, root, key, depth + 1) if depth < _MOST_SCALARS else None
        if property_leaves is None or len(scalar_leaves) + len(property_leaves) > _MOST_SCALARS:
            return None
        scalar_leaves += property_leaves
    return scalar_leaves


def _refuse_invalid_arguments(tool: Tool, planned: Sequence[PlannedArgument]) -> None:
    """Raises if the planned arguments are invalid, except where a value comes from a result that is not there yet."""
    placeholders = {
        argument.argument: _build_placeholder(tool, argument.argument)
        for argument in planned
        if argument.source == "result"
    }
    arguments = assemble_arguments(planned, placeholders)
    compiled = compile_validator(tool.parameters)
    if not compiled.is_valid(arguments):
        for error in compiled.iter_errors(arguments):
            error_pointer = "/" + "/".join(map(str, error.instance_path))
            if error_pointer not in placeholders:
                raise UnplannableCallError(f"{tool.name}{error_pointer}: {error.message}")


def _build_placeholder(tool: Tool, pointer: str) -> Any:
    """Builds a value that the schema allows, to stand for a result's value while the arguments are validated."""
    schema = schema_at(tool.parameters, pointer) or {}
    placeholder = {"integer": 1, "number": 1.0, "boolean": True}.get(schema_type(schema), "x")
    if is_valid_under(schema, tool.parameters, placeholder):
        return placeholder
    try:
        return sample_value(schema, tool.parameters, Random(0))
    except NoValueError:
        return placeholder


_CHANGED_FLAG_SHARE = 0.7  # of mentioned flags with a default, those that are to differ from it


class _FactInventor:
    """Invents the facts of one call.

    It remembers the call's person and moment, so that its facts agree: a name with its address, an end after its start.
    """

    def __init__(self, tool: Tool, situation: Situation, rng: Random):
        self.tool, self.root = tool, tool.parameters
        self.situation = situation
        self.rng = rng
        self.action = parse_tool_name(tool.name).action
        self.person: Person | None = None
        self.people: list[Person] = []
        self.moment: datetime | None = None
        self.moment_is_end = False  # the moment is the end of a span

    def plan_argument(self, raw: Any, pointer: str, name: str, owner: str, required: bool) -> list[PlannedArgument]:
        """Plans the argument at a pointer, with everything inside it if it is an object or an array.

        Raises:
            UnplannableCallError: it has no value that a person could say.
        """
        if pointer.count("/") > _LONGEST_POINTER:
            raise UnplannableCallError(f"{self.tool.name}{pointer}: it is nested too deep for a person to say")
        schema = self._resolve_schema(raw)
        kind = schema_type(schema)
        if kind == "object" and "const" not in schema:
            return self._plan_object(schema, pointer, name, skip=())
        items = self._resolve_schema(schema.get("items", {})) if kind == "array" else {}
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
                raise UnplannableCallError(f"{self.tool.name}{pointer}: it needs {fewest} items, which nobody says")
            for index in range(size):
                if index:
                    self.person = None
                planned += self.plan_argument(schema.get("items", {}), f"{pointer}/{index}", name, name, True)
            return _drop_repeated_items(planned)
        if ("const" in schema or ("default" in schema and not required)) and "const" in schema:
            return [PlannedArgument(argument=pointer, source="schema", value=schema["const"])]
        if is_id(name) and "default" in schema:
            return [PlannedArgument(argument=pointer, source="schema", value=schema["default"])]
        if schema_type(schema) == "string" and decide_field_meaning(name, schema).role == "zone":
            return [PlannedArgument(argument=pointer, source="context", value=self.situation.persona.time_zone)]
        if required and is_service_id(Leaf(pointer, name, owner, schema, True)) and not list_real_examples(schema):
            raise UnplannableCallError(f"{self.tool.name}{pointer}: only an earlier result could give this id")
        value = self._invent_value(schema, name, owner)
        if not values.is_within_string_limits(schema, value) or not is_valid_under(schema, self.root, value):
            value = self._find_fallback_value(schema, pointer)
        if value is None:
            raise UnplannableCallError(f"{self.tool.name}{pointer}: only null is allowed, which nobody says")
        return [
            PlannedArgument(
                argument=pointer, source="user", value=value, surface=self._choose_surface(name, schema, value)
            )
        ]

    def plan_siblings(self, raw: Any, pointer: str, name: str, bound: str) -> list[PlannedArgument]:
        """Plans the other required properties of the object or array item that holds a bound argument."""
        schema = self._resolve_schema(raw)
        if schema_type(schema) == "array":
            return self.plan_siblings(schema.get("items", {}), f"{pointer}/0", name, bound)
        return self._plan_object(schema, pointer, name, skip=(bound,)) if schema_type(schema) == "object" else []

    def _resolve_schema(self, schema: Any) -> Schema:
        return resolve_schema(schema, self.root)

    def _plan_object(self, schema: Schema, pointer: str, name: str, skip: tuple[str, ...]) -> list[PlannedArgument]:
        """Plans an object's required properties, or one that a person would mention if none is required.

        Pointers in `skip` are bound to results and left out.
        """
        properties = schema.get("properties", {})
        required = list(dict.fromkeys(schema.get("required", ())))
        chosen = (
            required
            or [
                key
                for key, property_schema in properties.items()
                if _estimate_interest(key, property_schema, self.root, False)
            ][:1]
        )
        if not chosen and properties:
            chosen = list(properties)[:1]
        planned: list[PlannedArgument] = []
        for key in chosen:
            key_pointer, property_schema = f"{pointer}/{escape_step(key)}", properties.get(key, {})
            if key_pointer in skip:
                continue
            if any(bound.startswith(key_pointer + "/") for bound in skip):
                planned += self.plan_siblings(property_schema, key_pointer, key, skip[0])
            else:
                planned += self.plan_argument(property_schema, key_pointer, key, name, key in required)
            if len(planned) > _MOST_ARGUMENTS:
                raise UnplannableCallError(f"{self.tool.name}{pointer}: it has more arguments than a person would say")
        return planned

    def _invent_value(self, schema: Schema, name: str, owner: str) -> Any:
        """Invents a scalar from its schema, then its name and the tool; it may still be invalid under the schema."""
        name_words, rng = set(split_words(name)), self.rng
        kind, examples = schema_type(schema), list_real_examples(schema)
        role = decide_field_meaning(name, schema).role
        if "enum" in schema:
            options = [option for option in schema["enum"] if option is not None] or [None]
            return rng.choice(options)
        if kind == "boolean":
            default = schema.get("default")
            if not isinstance(default, bool):
                return rng.random() < 0.5
            return not default if rng.random() < _CHANGED_FLAG_SHARE else default
        if kind in ("integer", "number") and is_epoch(name, schema):
            return to_epoch(datetime.fromisoformat(self._invent_moment(_MOMENT, name, owner)), name, schema)
        if kind in ("integer", "number"):
            return values.invent_number(name, schema, rng)
        match schema.get("format"):
            case "email":
                if name_words & CC_WORDS:
                    return values.choose_person(self.situation, self.rng).email
                return self._choose_person().email
            case "date" | "date-time" | "time":
                return self._invent_moment(schema, name, owner)
            case "uri" if not examples:
                slug = "-".join(
                    word for word in self.situation.matter.lower().split() if word.isascii() and word.isalnum()
                )
                return f"https://www.{self.situation.domain}/{slug}"
        if str(schema.get("pattern", "")).startswith("^\\+"):
            return values.invent_phone(rng)
        is_about_people = any(map(names_person, (*parse_tool_name(self.tool.name).words, owner)))
        if role == "query" and is_about_people:
            return self._choose_person().first_name
        if role == "query":
            return values.render_query(schema, values.choose_keywords(self.situation.matter, rng), rng)
        if parse_moment({}, str((examples or [""])[0])) is not None:
            return self._invent_moment({"format": "date" if len(str(examples[0])) == 10 else "date-time"}, name, "")
        if name_words & {"name", "names"} and (role == "person" or is_about_people):
            return (
                self._choose_person().first_name
                if "first" in name_words
                else self._choose_person().name.split()[-1]
                if "last" in name_words
                else self._choose_person().name
            )
        if role == "text" and not examples:
            return values.invent_body(self.situation, rng, self.person.first_name if self.person else "")
        if role == "title" and not examples:
            return values.invent_title(self.situation, rng)
        if role == "text" and schema.get("maxLength", 999) > 80 and rng.random() < 0.7:
            return values.invent_body(self.situation, rng, self.person.first_name if self.person else "")
        if name_words & {"title", "subject", "summary"}:
            return values.invent_title(self.situation, rng)
        if examples:
            return rng.choice([option for option in examples if isinstance(option, str)] or examples)
        if name_words & {"city"}:
            return rng.choice(values.CITIES)
        if name_words & {"location", "place", "venue", "room"}:
            return rng.choice(values.PLACES)
        if "line1" in name_words or "street" in name_words or "address" in name_words:
            return f"{rng.randint(2, 140)} {rng.choice(values.STREETS)}"
        about_files = {"file", "files", "directory", "folder"}.intersection(parse_tool_name(self.tool.name).words)
        if name_words & PATH_WORDS or (about_files and name_words & {"source", "destination", "target"}):
            return values.invent_path(
                self.situation, rng, name_words & {"directory", "dir"} or "directory" in self.tool.name
            )
        return values.capitalize_sentence(values.choose_keywords(self.situation.matter, rng))

    def _find_fallback_value(self, schema: Schema, pointer: str) -> Any:
        """Finds a valid value that a person can say: an example, the default, words of the matter, or a sample.

        Raises:
            UnplannableCallError: there is none.
        """
        for option in [*list_real_examples(schema), schema.get("default")]:
            if _is_sayable(option) and is_valid_under(schema, self.root, option):
                return option
        short = values.to_title_case(values.choose_keywords(self.situation.matter, self.rng))[
            : schema.get("maxLength", 60)
        ].rstrip()
        if is_valid_under(schema, self.root, short):
            return short
        try:
            sampled = sample_value(schema, self.root, self.rng)
        except NoValueError:
            sampled = None
        if _is_sayable(sampled):
            return sampled
        raise UnplannableCallError(
            f"{self.tool.name}{pointer}: no value found that satisfies {str(schema)[:200]}; give it examples"
        )

    def _choose_person(self) -> Person:
        """Returns the person of this call, chosen at the first request; the items of a list are of different people."""
        if self.person is None:
            is_outside = parse_tool_name(self.tool.name).noun in CONTACT_NOUNS
            person = values.choose_person(self.situation, self.rng, is_outside)
            for _ in range(_MOST_TRIES):
                if person not in self.people:
                    break
                person = values.choose_person(self.situation, self.rng, is_outside)
            self.person = person
            self.people.append(person)
        return self.person

    def _invent_moment(self, schema: Schema, name: str, owner: str) -> str:
        """Invents a moment; the second one of a call makes a span with the first, whichever end comes first."""
        meaning = decide_field_meaning(name, {**_MOMENT, **schema})
        if meaning.phase == "" and not meaning.bound and owner:  # `end: {dateTime: …}`
            meaning = decide_field_meaning(owner, _MOMENT)
        ends = meaning.bound == "until" or (meaning.phase == "end" and not meaning.bound)
        is_past = meaning.phase in PAST_PHASES or (meaning.phase == "" and {"since", "after"} & set(split_words(name)))
        if self.moment and ends:
            self.moment += self._draw_span(schema)
        elif self.moment and self.moment_is_end:  # the end of the span was mentioned first
            self.moment -= self._draw_span(schema)
        else:
            is_about_free_time = bool(_FREE_TIME_WORDS & set(split_words(self.tool.name)))
            past = (
                not is_about_free_time
                and self.action == "list"
                and (bool(is_past) or (not ends and self.rng.random() < 0.4))
            )
            self.moment = values.invent_moment(self.situation, self.rng, past)
        self.moment_is_end = ends
        return values.render_moment(schema, self.moment)

    def _draw_span(self, schema: Schema) -> timedelta:
        """Draws the length of a span: days for dates and searches, else half an hour to an hour and a half."""
        if schema.get("format") == "date" or self.action == "list":
            return timedelta(days=self.rng.randint(2, 9))
        return timedelta(minutes=self.rng.choice((30, 45, 60, 90)))

    def _choose_surface(self, name: str, schema: Schema, value: Any) -> str:
        """Chooses the words in which the user says the value; any natural form of a moment, else the first form."""
        forms = list_spoken_forms(name, schema, value, self.situation.now)
        if not forms:
            return str(value)
        natural = (
            forms[: max(1, len(forms) - 1)] if isinstance(value, str) and parse_moment(schema, value) else forms[:1]
        )
        return self.rng.choice(natural)


def _is_sayable(value: Any) -> bool:
    """True for a value that a person can say: not null, empty, a list, an object or a long code."""
    if isinstance(value, str):
        return 0 < len(value) <= (_LONGEST_TEXT if " " in value else _LONGEST_CODE) and value.split() == value.split(
            " "
        )
    return isinstance(value, bool | int | float)


def _drop_repeated_items(arguments: list[PlannedArgument]) -> list[PlannedArgument]:
    """Cuts an array's facts before the first item that repeats an earlier one."""
    earlier_values: list[Any] = []
    for argument in arguments:
        if argument.argument.count("/") == 2 and argument.value in earlier_values:
            return arguments[: arguments.index(argument)]
        earlier_values.append(argument.value)
    return arguments
