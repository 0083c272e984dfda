r"""JSON Schema 2020-12 as grammar rules, in the canonical JSON of `dml.values`.

Here belongs what a schema says of JSON text. A sentence has the properties in the order of the schema,
the required ones always, the optional ones or not, and none that the schema does not name. (An object that
names none at all is free: up to eight members, whose keys begin differently, so that none comes twice.)

What a grammar cannot say, it leaves open, and `Rules.widened` tells where: `not`, `if`, `contains` and
the like, the exclusiveness of a `oneOf` whose branches overlap, a `multipleOf` or `pattern` beyond what
`numbers` and `patterns` do. Whatever is not told there, every sentence satisfies; sentences are fewer than
the valid values, never none of them as long as there are any.

Schemas come from anywhere, so all of it is bounded: a schema may be met `_MOST_SCHEMAS` times in one
value (then free JSON is written), a definition that contains itself is unfolded `depth` times, nesting
ends at `_DEEPEST`, of an enum 500 values are taken and of optional properties 200.

>>> from funcdex_assets.dml.grammar.gbnf import written
>>> rules = Rules()
>>> text = {"type": "object", "properties": {"to": {"enum": ["a", "b"]}, "n": {"type": "integer", "maximum": 5}}}
>>> rules.add(text | {"required": ["to"]}, "mail")
Ref(name='mail')
>>> print(written(rules.rules["mail"]))
"{\"to\": " mail-to (", \"n\": " mail-n)? "}"
>>> rules.add({"type": "string", "not": {"maxLength": 3}}, "odd", "/parameters"), rules.widened
(Ref(name='string'), ['/parameters: "not"'])
"""

import re
from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Several
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import jsonschema_rs
import msgspec

from funcdex_assets.dml import values
from funcdex_assets.dml.grammar import formats, numbers, texts
from funcdex_assets.dml.grammar.combine import UNMERGED, Schema, both, same, types
from funcdex_assets.dml.grammar.patterns import Unsupported, pattern
from funcdex_assets.dml.grammar.tree import (
    EMPTY,
    Choice,
    Literal,
    Node,
    Ref,
    Repeat,
    Run,
    Sequence,
    chars,
    choice,
    literals,
    optional,
    repeat,
    sequence,
    walk,
)
from funcdex_assets.records.record import Json
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.validation import validator

_MOST_SCHEMAS = 2000
_MOST_BRANCHES = 50
_MOST_VALUES = 500
_MOST_OPTIONAL = 200
_MOST_ITEMS = 100
_MOST_UNIQUE = 20
_LONGEST = 1000
_DEEPEST = 16

_LONGEST_MATCH = 500
_TYPE_OF = {bool: "boolean", str: "string", list: "array", dict: "object", type(None): "null"}

_ANY = "value"
_OF_TYPE = {
    "object": ("properties", "required", "additionalProperties", "patternProperties", "minProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"),
    "string": ("pattern", "format", "minLength", "maxLength"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
_SILENT = frozenset(("title", "description", "default", "examples", "deprecated", "$defs", "definitions", "$schema"))
_NEVER_SAID = ("not", "if", "dependentSchemas", "$dynamicRef", "unevaluatedItems")
# The first characters of a free object's keys, one group per member: so no key comes twice.
_IN_KEYS = chars("a-zA-Z0-9_.-")
_KEY_GROUPS = ("A-Ca-c", "D-Ed-e", "F-If-i", "J-Mj-m", "N-On-o", "P-Rp-r", "S-Ts-t", "U-Zu-z_")


class Limits(NamedTuple):
    """How much is written where a schema does not say: characters of a string, items of an array, and
    levels of JSON where the schema allows anything or contains itself.
    """

    string: int = 240
    items: int = 4
    depth: int = 2


DEFAULT_LIMITS = Limits()


class Rules:
    """Rules as they come about from schemas; equal rules are there once."""

    def __init__(self) -> None:
        self.limits = DEFAULT_LIMITS
        self.rules: dict[str, Node] = {}
        self.terminals: set[str] = set()
        self.widened: list[str] = []
        self._names: dict[tuple[Node, bool], str] = {}
        self._free: dict[tuple[Limits, int, bool], Node] = {}

    def add(self, schema: Schema | bool, name: str, pointer: str = "", limits: Limits = DEFAULT_LIMITS) -> Node:
        """What `schema` allows; `name` is for its rules, `pointer` for what `widened` says."""
        self.limits = limits
        reader = _Reader(self, schema, name, pointer)
        found = reader.value(schema, name, pointer, _Place(limits.depth, _DEEPEST))
        if found is None:
            self.widen(pointer, "no value, or none of bounded depth")
            objects = isinstance(schema, Mapping) and types(schema) == ["object"]
            found = self.free(limits.depth, only_objects=objects)
        return found

    def one_of(self, options: Iterable[Node | None]) -> Node | None:
        """A choice of those there are.

        A string that may be anything and one that may not begin with the same quote, which is no choice
        for a lexer that takes the longest match: the first says it all.
        """
        found = [option for option in options if option is not None]
        if any(self.is_string(option, terminal=False) for option in found):
            found = [option for option in found if not self.is_string(option, terminal=True)]
        return choice(*found) if found else None

    def is_string(self, node: Node, *, terminal: bool) -> bool:
        if type(node) is Choice:
            return all(self.is_string(option, terminal=terminal) for option in node.options)
        if type(node) is Literal:
            return terminal and node.text.startswith('"')
        if type(node) is not Ref or (node.name in self.terminals) != terminal:
            return False
        body = self.rules[node.name]
        parts = body.options if type(body) is Choice else (body,)
        firsts = [part.parts[0] if type(part) is Sequence else part for part in parts]
        return any(type(first) is Literal and first.text.startswith('"') for first in firsts)

    def rule(self, name: str, body: Node, *, terminal: bool = False) -> Ref:
        """A reference to a rule with this body, which is new only if no rule has it already."""
        known = self._names.get((body, terminal))
        if known is None:
            name = _slug(name)
            known, count = name, 1
            while known in self.rules:
                count += 1
                known = f"{name}-{count}"
            self._names[body, terminal] = known
            self.rules[known] = body
            if terminal:
                self.terminals.add(known)
        return Ref(known)

    def widen(self, pointer: str, what: str) -> None:
        said = f"{pointer or '/'}: {what}"
        if said not in self.widened:
            self.widened.append(said)

    def string(self, low: int = 0, high: int | None = None) -> Node:
        run = texts.string(low, high, self.limits.string)
        if run.first == EMPTY and run.most == 0:
            return Literal('""')
        span = "" if (low, high) == (0, None) else f"-{low}-{'' if high is None else high}"
        inside = self.rule(f"characters{span}", run, terminal=run.exact)
        return self.rule(f"string{span}", sequence(Literal('"'), inside, Literal('"')), terminal=run.exact)

    def format(self, kind: str, parts: Mapping[str, Node]) -> Node:
        """The rules of a format; they have names of their own, so there is one of each."""
        found: Node = EMPTY
        for name, part in parts.items():
            references = [node.name for node in walk(part) if type(node) is Ref]
            terminal = part.exact if type(part) is Run else self.terminals.issuperset(references)
            found = self.rule(name or kind, part, terminal=terminal)
        return found

    def free(self, depth: int, only_objects: bool = False) -> Node:
        """Any JSON value of at most this many levels; or any object."""
        key = (self.limits, depth, only_objects)
        if key not in self._free:
            self._free[key] = self._free_value(depth, only_objects)
        return self._free[key]

    def _free_value(self, depth: int, only_objects: bool) -> Node:
        scalar = self.rule("number", _some(numbers.numbers()), terminal=True)
        value = self.rule(f"{_ANY}-0", choice(self.string(), scalar, self.boolean(), Literal("null")))
        for level in range(1, max(depth, 1) + 1):
            members = self.members(value)
            if only_objects and level == max(depth, 1):
                return members
            array = self.array(value, 0, self.limits.items)
            value = self.rule(f"{_ANY}-{level}", choice(value, array, members))
        return value

    def members(self, value: Node, low: int = 0, high: int = len(_KEY_GROUPS)) -> Node:
        """An object with `low` to `high` free keys; the first letter of each is of its own group."""
        members: list[tuple[Node, bool]] = []
        for at, group in enumerate(_KEY_GROUPS[:high]):
            spelled = sequence(Literal('"'), chars(group), Repeat(_IN_KEYS, 0, 23), Literal('": '))
            key = self.rule(f"key-{group[0]}", spelled, terminal=True)
            members.append((sequence(key, value), at < low))
        return self.object(members, "members")

    def boolean(self) -> Node:
        return self.rule("boolean", literals("true", "false"), terminal=True)

    def array(self, item: Node, low: int, high: int) -> Node:
        comma = Literal(", ")
        if high == 0:
            return sequence(Literal("["), Literal("]"))
        if low == 0:
            some = optional(sequence(item, repeat(sequence(comma, item), 0, high - 1)))
        else:
            some = sequence(item, repeat(sequence(comma, item), low - 1, high - 1))
        return sequence(Literal("["), some, Literal("]"))

    def object(self, members: Several[tuple[Node, bool]], name: str) -> Node:
        return sequence(Literal("{"), self.listed(members, name), Literal("}"))

    def listed(self, members: Several[tuple[Node, bool]], name: str) -> Node:
        """Members in this order, each with whether it is required, and commas between those there are.

        Up to the first required member it is open which one comes first: an alternative for each. What
        may follow is a rule where two need it, so that all of it is linear in the number of members.
        """
        first = next((at for at, (_, required) in enumerate(members) if required), len(members))
        options: list[Node] = []
        after: Node = EMPTY
        for at in reversed(range(len(members))):
            member, required = members[at]
            if at <= first:
                options.append(sequence(member, after))
            with_comma = sequence(Literal(", "), member)
            after = sequence(with_comma if required else optional(with_comma), after)
            if 0 < at <= first:
                after = self.rule(f"{name}-from-{at + 1}", after)
        if not options:
            return EMPTY
        inside = choice(*reversed(options))
        return inside if first < len(members) else optional(inside)


class _Place(NamedTuple):
    """How deep a value may still be: unfoldings of definitions that contain themselves, and levels."""

    unfold: int
    levels: int

    def below(self) -> "_Place":
        return self._replace(levels=self.levels - 1)


class _Reader:
    """Reads one schema document."""

    def __init__(self, rules: Rules, root: Schema | bool, name: str, pointer: str) -> None:
        self.rules, self.name, self.pointer = rules, name, pointer
        self.root = root if isinstance(root, Mapping) else {}
        self.left = _MOST_SCHEMAS
        self.known: dict[tuple[str, _Place], Node | None] = {}
        self.open: list[str] = []  # the definitions that are being unfolded

    def value(self, schema: Schema | bool, name: str, pointer: str, place: _Place) -> Node | None:
        """What the schema allows, None if that is nothing (of this depth)."""
        self.left -= 1
        if self.left < 0:
            self.rules.widen(self.pointer, f"more than {_MOST_SCHEMAS} schemas; free JSON for the rest")
            return self.rules.free(0)
        if schema is False or place.levels < 0:
            return None
        if not isinstance(schema, Mapping) or schema.keys() <= _SILENT:
            return self.rules.free(self.rules.limits.depth)
        if "$ref" in schema:
            return self.referred(schema, pointer, place)
        # A choice goes first: `both` keeps under `allOf` whatever choice it could not put beside another.
        if "allOf" in schema and not {"anyOf", "oneOf"} & schema.keys():
            rest: Schema | None = {key: part for key, part in schema.items() if key != "allOf"}
            for part in schema["allOf"][:_MOST_BRANCHES]:
                part = self.resolved(part, pointer)
                rest = None if rest is None or part is None else both(rest, part)
            return None if rest is None else self.value(rest, name, pointer, place)
        if "const" in schema:
            known = {key: part for key, part in schema.items() if key != "const"}
            allowed = both(known, {"enum": [schema["const"]]})
            return None if allowed is None else self.value(allowed, name, pointer, place)
        if "enum" in schema:
            return self.enum(schema, name)
        for key in (UNMERGED, *_NEVER_SAID):
            if key in schema:
                what = ", ".join(schema[key]) if key == UNMERGED else key
                self.rules.widen(pointer, f'"{what}"')
        for key in ("oneOf", "anyOf"):
            if key in schema:
                return self.branches(key, schema, name, pointer, place)
        return self.typed(schema, name, pointer, place)

    # ── schemas made of others ───────────────────────────────────────────────────────────────────

    def referred(self, schema: Schema, pointer: str, place: _Place) -> Node | None:
        rest = {key: part for key, part in schema.items() if key != "$ref" and key not in _SILENT}
        reference = str(schema["$ref"])
        target = self.target(reference)
        if target is None:
            self.rules.widen(pointer, f'"$ref" to {reference[:40]!r}, which is not a place in this document')
            return self.rules.free(self.rules.limits.depth)
        if reference in self.open:
            place = place._replace(unfold=place.unfold - 1)
            if place.unfold < 0:
                return None
        elif not self.open and (reference, place) in self.known and not rest:
            return self.known[reference, place]
        self.open.append(reference)
        try:
            whole = both(rest, target) if rest else target
            # Named after the document, as all its rules are: no name of a definition can be that of another rule.
            called = f"{self.name}-{reference.rpartition('/')[2]}"
            found = None if whole is None else self.value(whole, called, pointer, place)
        finally:
            self.open.pop()
        if not self.open and not rest:
            self.known[reference, place] = found
        return found

    def resolved(self, schema: Schema | bool, pointer: str) -> Schema | None:
        """A schema without `$ref` at its top, so that it can be put together with others."""
        for _ in range(_DEEPEST):
            if not isinstance(schema, Mapping):
                return {} if schema else None
            if "$ref" not in schema:
                return schema
            target = self.target(str(schema["$ref"]))
            if target is None:
                self.rules.widen(pointer, f'"$ref" to {str(schema["$ref"])[:40]!r}')
                target = {}
            found = both({key: part for key, part in schema.items() if key != "$ref"}, target)
            if found is None:
                return None
            schema = found
        return None

    def target(self, reference: str) -> Schema | bool | None:
        if reference == "#":
            return self.root
        if not reference.startswith("#/"):
            return None
        found = at_pointer(self.root, reference[1:].replace("%25", "%"))
        return found if isinstance(found, Mapping | bool) else None

    def branches(self, key: str, schema: Schema, name: str, pointer: str, place: _Place) -> Node | None:
        rest = {part: value for part, value in schema.items() if part != key}
        wholes: list[Schema] = []
        for branch in schema[key][:_MOST_BRANCHES]:
            resolved = self.resolved(branch, pointer) if self.recursion_ends(branch, place) else None
            whole = None if resolved is None else both(rest, resolved)
            if whole is not None:
                wholes.append(whole)
        if key == "oneOf" and not all(_apart(one, other) for one, other in _pairs(wholes)):
            self.rules.widen(pointer, '"oneOf" of branches that are not told apart')
        place = place.below()
        return self.rules.one_of(
            self.value(whole, f"{name}-{at}", pointer, place) for at, whole in enumerate(wholes, 1)
        )

    def recursion_ends(self, branch: Schema | bool, place: _Place) -> bool:
        """Whether a branch may be gone into: one that leads back is taken as often as it may be unfolded.

        Branches are resolved before they are read, so `referred` does not see their references.
        """
        reference = branch.get("$ref") if isinstance(branch, Mapping) else None
        return reference not in self.open or place.unfold > 0

    def enum(self, schema: Schema, name: str) -> Node | None:
        rest = {key: part for key, part in schema.items() if key not in ("enum", UNMERGED, *_SILENT)}
        kept = [value for value in schema["enum"][:_MOST_VALUES] if _is_one_of(value, types(rest))]
        if rest.keys() - {"type"}:
            definitions = {key: self.root[key] for key in ("$defs", "definitions") if key in self.root}
            validator = _validator(msgspec.json.encode({**rest, **definitions}))
            kept = [value for value in kept if validator.is_valid(value)]
        if not kept:
            return None
        written = literals(*map(values.write, kept))
        return self.rules.rule(name, written, terminal=True) if type(written) is Choice else written

    # ── types ────────────────────────────────────────────────────────────────────────────────────

    def typed(self, schema: Schema, name: str, pointer: str, place: _Place) -> Node | None:
        named = types(schema) if "type" in schema else []
        if not named:
            # The keywords of a type say nothing of values of other types: that type alone is safe.
            named = [kind for kind, keys in _OF_TYPE.items() if any(key in schema for key in keys)][:1]
            if not named:
                return self.rules.free(self.rules.limits.depth)
        if "number" in named:
            named = [kind for kind in named if kind != "integer"]
        return self.rules.one_of(self.of_type(kind, schema, name, pointer, place) for kind in dict.fromkeys(named))

    def of_type(self, kind: str, schema: Schema, name: str, pointer: str, place: _Place) -> Node | None:
        if kind == "object":
            return self.object(schema, name, pointer, place.below())
        if kind == "array":
            return self.array(schema, name, pointer, place.below())
        if kind == "string":
            return self.string(schema, name, pointer)
        if kind in ("integer", "number"):
            return self.number(kind, schema, name, pointer)
        return {"boolean": self.rules.boolean(), "null": Literal("null")}.get(kind)

    def string(self, schema: Schema, name: str, pointer: str) -> Node | None:
        low, high = int(schema.get("minLength", 0)), schema.get("maxLength")
        high = None if high is None else int(high)
        if high is not None and high < low:
            return None
        if low > _LONGEST:
            self.rules.widen(pointer, f'"minLength" above {_LONGEST}')
            low = _LONGEST
        expression, kind = schema.get("pattern"), schema.get("format")
        rules = formats.parts(str(kind))
        if expression is None and rules is not None:
            if low <= formats.shortest(str(kind)) and (high is None or formats.longest(str(kind)) <= high):
                return self.rules.format(str(kind), rules)
            self.rules.widen(pointer, f'"format" {kind} of a certain length')
        if expression is None:
            return self.rules.string(low, high)
        if rules is not None:
            self.rules.widen(pointer, f'"format" {kind} beside a pattern')
        try:
            inside = pattern(expression, _LONGEST_MATCH if high is None else min(high, _LONGEST_MATCH), low)
        except Unsupported as error:
            self.rules.widen(pointer, f'"pattern" with {error}')
            return self.rules.string(low, high)
        return self.rules.rule(name, sequence(Literal('"'), inside, Literal('"')), terminal=True)

    def number(self, kind: str, schema: Schema, name: str, pointer: str) -> Node | None:
        low, high = schema.get("minimum"), schema.get("maximum")
        above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        open_low = above is not None and (low is None or above >= low)
        open_high = below is not None and (high is None or below <= high)
        low, high = above if open_low else low, below if open_high else high
        if kind == "integer" or "multipleOf" in schema:
            first = None if low is None else int(-(-low // 1)) + (open_low and low == -(-low // 1))
            last = None if high is None else int(high // 1) - (open_high and high == high // 1)
            found = numbers.integers(first, last)
            step = schema.get("multipleOf")
            if step is not None and step != 1:
                found = self.multiples(step, first, last, pointer) or found
        else:
            found = numbers.numbers(low, high, open_low=open_low, open_high=open_high)
        if found is None or type(found) is Literal:
            return found
        bounded = (low, high) != (None, None) or "multipleOf" in schema
        return self.rules.rule(name if bounded else kind, found, terminal=True)

    def multiples(self, step: float, first: int | None, last: int | None, pointer: str) -> Node | None:
        """The multiples next to the smallest number, if they are integers and there are some."""
        if step == int(step) and step > 0:
            start = -(-(first if first is not None else 0) // int(step)) * int(step)
            stop = start + 200 * int(step) if last is None else last
            listed = [str(number) for number in islice(range(start, stop + 1, int(step)), 200)]
            if listed and max(map(len, listed)) <= 15:
                return literals(*listed)
        self.rules.widen(pointer, '"multipleOf"')
        return None

    def array(self, schema: Schema, name: str, pointer: str, place: _Place) -> Node | None:
        low, high = int(schema.get("minItems", 0)), schema.get("maxItems")
        if high is not None and high < low:
            return None
        if "contains" in schema:
            self.rules.widen(pointer, '"contains"')
        if low > _MOST_ITEMS:
            self.rules.widen(pointer, f'"minItems" above {_MOST_ITEMS}')
            low = _MOST_ITEMS
        most = max(low, self.rules.limits.items)
        most = most if high is None else min(most, int(high))
        if "prefixItems" in schema:
            return self.tuple(schema, name, pointer, place, low, most)
        item = self.value(schema.get("items", True), _singular(name), f"{pointer}/items", place)
        if item is None:
            return None if low else self.rules.array(EMPTY, 0, 0)
        if schema.get("uniqueItems") and most > 1:
            listed = self.rules.rules.get(item.name) if type(item) is Ref else item
            if type(listed) is Choice and all(type(option) is Literal for option in listed.options) and low <= 1:
                # In the order of the list, so that none comes twice.
                inside = self.rules.listed([(option, False) for option in listed.options[:_MOST_UNIQUE]], name)
                inside = inside.part if low and type(inside) is Repeat else inside
                return self.rules.rule(name, sequence(Literal("["), inside, Literal("]")))
            self.rules.widen(pointer, '"uniqueItems"')
        return self.rules.array(item, low, most)

    def tuple(self, schema: Schema, name: str, pointer: str, place: _Place, low: int, most: int) -> Node | None:
        items: list[Node] = []
        for at, part in enumerate(schema["prefixItems"][: max(most, low)]):
            found = self.value(part, f"{name}-{at + 1}", f"{pointer}/prefixItems/{at}", place)
            if found is None:
                break
            items.append(found)
        if len(items) < low:
            more = self.value(schema.get("items", True), name, f"{pointer}/items", place)
            if more is None or len(items) < min(low, len(schema["prefixItems"])):
                return None
            items += [more] * (low - len(items))
        inside: Node = EMPTY
        for at, item in reversed(list(enumerate(items))):
            inside = sequence(Literal(", ") if at else EMPTY, item, inside)
            inside = inside if at < low else optional(inside)
        return sequence(Literal("["), inside, Literal("]"))

    def object(self, schema: Schema, name: str, pointer: str, place: _Place) -> Node | None:
        properties: dict[str, Any] = dict(schema.get("properties", {}))
        additional = schema.get("additionalProperties", True)
        required = dict.fromkeys(schema.get("required", ()))
        for key, others in schema.get("dependentRequired", {}).items():
            if key in properties:  # more than is asked for: what the one needs is always there
                required |= dict.fromkeys(others)
        for key in required:
            properties.setdefault(key, additional)
        fewest, most = int(schema.get("minProperties", 0)), schema.get("maxProperties")
        for key in properties:
            if len(required) >= fewest:
                break
            required.setdefault(key)
        if (most is not None and len(required) > most) or (len(properties) < min(fewest, 1) and additional is False):
            return None
        if properties and "patternProperties" in schema:
            self.rules.widen(pointer, '"patternProperties"')
        if not properties:
            return self.free_object(schema, name, pointer, place, additional, fewest)
        room = _MOST_OPTIONAL if most is None else min(_MOST_OPTIONAL, int(most) - len(required))
        members: list[tuple[Node, bool]] = []
        for key, part in properties.items():
            if key not in required and room <= 0:
                continue
            where = f"{pointer}/properties/{key.replace('~', '~0').replace('/', '~1')}"
            found = self.value(part, f"{name}-{key}", where, place)
            if found is None:
                if key in required:
                    return None
                continue
            room -= key not in required
            members.append((sequence(Literal(f"{values.write(key)}: "), found), key in required))
        if len(members) < fewest:
            self.rules.widen(pointer, '"minProperties"')
        return self.rules.rule(name, self.rules.object(members, name))

    def free_object(
        self, schema: Schema, name: str, pointer: str, place: _Place, additional: Schema | bool, fewest: int
    ) -> Node | None:
        """An object that names no properties: any keys, unless it says something of them."""
        told = "propertyNames" in schema or "patternProperties" in schema
        most = min(int(schema.get("maxProperties", len(_KEY_GROUPS))), len(_KEY_GROUPS))
        if fewest == 0 and (told or additional is False or most == 0):
            return sequence(Literal("{"), Literal("}"))
        if additional is False and "patternProperties" not in schema:
            return None
        if told or fewest > len(_KEY_GROUPS):
            self.rules.widen(pointer, "keys that are not named")
        value = self.value(additional or {}, f"{name}-value", f"{pointer}/additionalProperties", place)
        if value is None:
            return None if fewest else sequence(Literal("{"), Literal("}"))
        return self.rules.members(value, min(fewest, most), most)


def _some(node: Node | None) -> Node:
    assert node is not None
    return node


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> jsonschema_rs.Draft202012Validator:
    return validator(msgspec.json.decode(schema))


def _slug(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-")
    return slug if slug[:1].isalpha() else f"x-{slug}".rstrip("-")


def _singular(name: str) -> str:
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else f"{name}-item"


def _is_one_of(value: Json, names: Iterable[str]) -> bool:
    kind = _TYPE_OF.get(type(value), "number")
    if kind in names:
        return True
    return kind == "number" and "integer" in names and value == int(value)


def _pairs(schemas: Several[Schema]) -> Iterable[tuple[Schema, Schema]]:
    return ((one, other) for at, one in enumerate(schemas) for other in schemas[at + 1 :])


def _apart(one: Schema, other: Schema) -> bool:
    """Whether no value satisfies both, as far as can be seen without searching."""
    if not any(_overlap(first, second) for first in types(one) for second in types(other)):
        return True
    ours, theirs = _constants(one), _constants(other)
    if ours is not None and theirs is not None:
        return not any(same(first, second) for first in ours for second in theirs)
    only_objects = types(one) == types(other) == ["object"]
    for here, there in ((one, other), (other, one)):
        needed = set(here.get("required", ()))
        if only_objects and there.get("additionalProperties") is False and needed - set(there.get("properties", ())):
            return True
    shared = set(one.get("required", ())) & set(other.get("required", ()))
    return only_objects and any(
        _apart(one.get("properties", {}).get(key, {}), other.get("properties", {}).get(key, {})) for key in shared
    )


def _overlap(one: str, other: str) -> bool:
    return one == other or {one, other} == {"integer", "number"}


def _constants(schema: Schema) -> list[Json] | None:
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")
