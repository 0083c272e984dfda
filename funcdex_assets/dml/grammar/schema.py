r"""Translates JSON Schema 2020-12 into grammar rules for the canonical JSON of `dml.values`.

The meaning of a schema's keywords for JSON text belongs here; digits of numbers are in `numbers`, regular
expressions in `patterns`, formats in `formats`. A sentence has the properties in the order of the schema, the
required ones always, the optional ones or not, and none that the schema does not name. (An object whose schema names
no property is free: up to eight members, whose keys begin with different letters, so that no key comes twice.)

Keywords that no grammar can follow are left open and listed in `Rules.widened`: `not`, `if`, `contains` and the
like, the exclusiveness of a `oneOf` whose branches overlap, a `multipleOf` or `pattern` beyond `numbers` and
`patterns`. Every sentence satisfies all the rest of the schema. Not every valid value is a sentence, but as long as
there are valid values, some of them are.

Schemas come from anywhere, so everything is bounded: at most `_MOST_SCHEMAS` schemas are read for one value (then
free JSON is allowed), a definition that contains itself is unfolded `depth` times, nesting ends at `_DEEPEST`, and
at most 500 values of an enum and 200 optional properties are used.

>>> from funcdex_assets.dml.grammar.gbnf import render_node
>>> rules = Rules()
>>> text = {"type": "object", "properties": {"to": {"enum": ["a", "b"]}, "n": {"type": "integer", "maximum": 5}}}
>>> rules.add_schema(text | {"required": ["to"]}, "mail")
Ref(name='mail')
>>> print(render_node(rules.rules["mail"]))
"{\"to\": " mail-to (", \"n\": " mail-n)? "}"
>>> rules.add_schema({"type": "string", "not": {"maxLength": 3}}, "odd", "/parameters"), rules.widened
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
# Each member of a free object has its own group of first letters for its key, so that no key comes twice.
_IN_KEYS = chars("a-zA-Z0-9_.-")
_KEY_GROUPS = ("A-Ca-c", "D-Ed-e", "F-If-i", "J-Mj-m", "N-On-o", "P-Rp-r", "S-Ts-t", "U-Zu-z_")


class Limits(NamedTuple):
    """Bounds for values that a schema does not bound: characters of a string, items of an array, and levels of
    JSON where the schema allows anything or contains itself.
    """

    string: int = 240
    items: int = 4
    depth: int = 2


DEFAULT_LIMITS = Limits()


class Rules:
    """Collects the grammar rules of schemas; equal rules are kept once.

    `widened` lists the demands of schemas that the rules do not express, such as `/parameters: "not"`.
    """

    def __init__(self) -> None:
        self.limits = DEFAULT_LIMITS
        self.rules: dict[str, Node] = {}
        self.terminals: set[str] = set()
        self.widened: list[str] = []
        self._names: dict[tuple[Node, bool], str] = {}
        self._free: dict[tuple[Limits, int, bool], Node] = {}

    def add(self, schema: Schema | bool, name: str, pointer: str = "", limits: Limits = DEFAULT_LIMITS) -> Node:
        """Adds the rules of a schema and returns the node for its values.

        `name` is the name of its rules, `pointer` the schema's place in the entries of `widened`.
        """
        self.limits = limits
        reader = _Reader(self, schema, name, pointer)
        node = reader.value(schema, name, pointer, _Place(limits.depth, _DEEPEST))
        if node is None:
            self.widen(pointer, "no value, or none of bounded depth")
            objects = isinstance(schema, Mapping) and types(schema) == ["object"]
            node = self.free(limits.depth, only_objects=objects)
        return node

    def one_of(self, options: Iterable[Node | None]) -> Node | None:
        """Returns a choice of the options that are not None; None if there are none.

        A free string and a restricted one begin with the same quote, between which a lexer that takes the longest
        match cannot choose. Where both are there, the restricted ones are left out, as the free one includes them.
        """
        nodes = [option for option in options if option is not None]
        if any(self.is_string(option, terminal=False) for option in nodes):
            nodes = [option for option in nodes if not self.is_string(option, terminal=True)]
        return choice(*nodes) if nodes else None

    def is_string(self, node: Node, *, terminal: bool) -> bool:
        if type(node) is Choice:
            return all(self.is_string(option, terminal=terminal) for option in node.options)
        if type(node) is Literal:
            return terminal and node.text.startswith('"')
        if type(node) is not Ref or (node.name in self.terminals) != terminal:
            return False
        body = self.rules[node.name]
        alternatives = body.options if type(body) is Choice else (body,)
        firsts = [option.parts[0] if type(option) is Sequence else option for option in alternatives]
        return any(type(first) is Literal and first.text.startswith('"') for first in firsts)

    def rule(self, name: str, body: Node, *, terminal: bool = False) -> Ref:
        """Returns a reference to the rule with this body; adds the rule if there is none yet."""
        rule_name = self._names.get((body, terminal))
        if rule_name is None:
            name = _slug(name)
            rule_name, count = name, 1
            while rule_name in self.rules:
                count += 1
                rule_name = f"{name}-{count}"
            self._names[body, terminal] = rule_name
            self.rules[rule_name] = body
            if terminal:
                self.terminals.add(rule_name)
        return Ref(rule_name)

    def widen(self, pointer: str, what: str) -> None:
        entry = f"{pointer or '/'}: {what}"
        if entry not in self.widened:
            self.widened.append(entry)

    def string(self, low: int = 0, high: int | None = None) -> Node:
        run = texts.string(low, high, self.limits.string)
        if run.first == EMPTY and run.most == 0:
            return Literal('""')
        span = "" if (low, high) == (0, None) else f"-{low}-{'' if high is None else high}"
        inside = self.rule(f"characters{span}", run, terminal=run.exact)
        return self.rule(f"string{span}", sequence(Literal('"'), inside, Literal('"')), terminal=run.exact)

    def format(self, kind: str, parts: Mapping[str, Node]) -> Node:
        """Adds the rules of a format, under the format's own names, and returns a reference to the last."""
        format_reference: Node = EMPTY
        for name, body in parts.items():
            references = [node.name for node in walk(body) if type(node) is Ref]
            is_terminal = body.exact if type(body) is Run else self.terminals.issuperset(references)
            format_reference = self.rule(name or kind, body, terminal=is_terminal)
        return format_reference

    def free(self, depth: int, only_objects: bool = False) -> Node:
        """Returns a node for any JSON value, or any object, of at most `depth` levels."""
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
        """Returns a node for an object of `low` to `high` free keys, each with a first letter of its own group."""
        members: list[tuple[Node, bool]] = []
        for index, group in enumerate(_KEY_GROUPS[:high]):
            key_text = sequence(Literal('"'), chars(group), Repeat(_IN_KEYS, 0, 23), Literal('": '))
            key = self.rule(f"key-{group[0]}", key_text, terminal=True)
            members.append((sequence(key, value), index < low))
        return self.object(members, "members")

    def boolean(self) -> Node:
        return self.rule("boolean", literals("true", "false"), terminal=True)

    def array(self, item: Node, low: int, high: int) -> Node:
        comma = Literal(", ")
        if high == 0:
            return sequence(Literal("["), Literal("]"))
        if low == 0:
            items = optional(sequence(item, repeat(sequence(comma, item), 0, high - 1)))
        else:
            items = sequence(item, repeat(sequence(comma, item), low - 1, high - 1))
        return sequence(Literal("["), items, Literal("]"))

    def object(self, members: Several[tuple[Node, bool]], name: str) -> Node:
        return sequence(Literal("{"), self.listed(members, name), Literal("}"))

    def listed(self, members: Several[tuple[Node, bool]], name: str) -> Node:
        """Returns a node for members in this order, with commas between those that occur.

        Each member comes with a flag that says whether it is required. Any member up to the first required one may
        be the first that occurs, so there is an alternative for each of them. The continuation after a member is a
        rule of its own where two alternatives need it, so that the size is linear in the number of members.
        """
        first_required = next((index for index, (_, required) in enumerate(members) if required), len(members))
        options: list[Node] = []
        continuation: Node = EMPTY
        for index in reversed(range(len(members))):
            member, required = members[index]
            if index <= first_required:
                options.append(sequence(member, continuation))
            with_comma = sequence(Literal(", "), member)
            continuation = sequence(with_comma if required else optional(with_comma), continuation)
            if 0 < index <= first_required:
                continuation = self.rule(f"{name}-from-{index + 1}", continuation)
        if not options:
            return EMPTY
        inside = choice(*reversed(options))
        return inside if first_required < len(members) else optional(inside)


class _Place(NamedTuple):
    """The depth that a value may still have: unfoldings of definitions that contain themselves, and levels."""

    unfold: int
    levels: int

    def below(self) -> "_Place":
        return self._replace(levels=self.levels - 1)


class _Reader:
    """Reads one schema document and adds its rules."""

    def __init__(self, rules: Rules, root: Schema | bool, name: str, pointer: str) -> None:
        self.rules, self.name, self.pointer = rules, name, pointer
        self.root = root if isinstance(root, Mapping) else {}
        self.left = _MOST_SCHEMAS
        self.known: dict[tuple[str, _Place], Node | None] = {}
        self.open: list[str] = []  # references to the definitions that are being unfolded

    def value(self, schema: Schema | bool, name: str, pointer: str, place: _Place) -> Node | None:
        """Returns the node for the values of a schema; None if no value of this depth is valid."""
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
        # A choice is read before `allOf`, since `merge_schemas` keeps under `allOf` any choice that it could not merge.
        if "allOf" in schema and not {"anyOf", "oneOf"} & schema.keys():
            merged: Schema | None = {key: value for key, value in schema.items() if key != "allOf"}
            for branch in schema["allOf"][:_MOST_BRANCHES]:
                branch = self.resolved(branch, pointer)
                merged = None if merged is None or branch is None else both(merged, branch)
            return None if merged is None else self.value(merged, name, pointer, place)
        if "const" in schema:
            siblings = {key: value for key, value in schema.items() if key != "const"}
            allowed = both(siblings, {"enum": [schema["const"]]})
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
        siblings = {key: value for key, value in schema.items() if key != "$ref" and key not in _SILENT}
        reference = str(schema["$ref"])
        target = self.target(reference)
        if target is None:
            self.rules.widen(pointer, f'"$ref" to {reference[:40]!r}, which is not a place in this document')
            return self.rules.free(self.rules.limits.depth)
        if reference in self.open:
            place = place._replace(unfold=place.unfold - 1)
            if place.unfold < 0:
                return None
        elif not self.open and (reference, place) in self.known and not siblings:
            return self.known[reference, place]
        self.open.append(reference)
        try:
            merged = both(siblings, target) if siblings else target
            # Named after the document, like all its rules, so that no definition gets the name of another rule.
            rule_name = f"{self.name}-{reference.rpartition('/')[2]}"
            node = None if merged is None else self.value(merged, rule_name, pointer, place)
        finally:
            self.open.pop()
        if not self.open and not siblings:
            self.known[reference, place] = node
        return node

    def resolved(self, schema: Schema | bool, pointer: str) -> Schema | None:
        """Returns the schema without a `$ref` at its top, so that it can be merged with others."""
        for _ in range(_DEEPEST):
            if not isinstance(schema, Mapping):
                return {} if schema else None
            if "$ref" not in schema:
                return schema
            target = self.target(str(schema["$ref"]))
            if target is None:
                self.rules.widen(pointer, f'"$ref" to {str(schema["$ref"])[:40]!r}')
                target = {}
            merged = both({key: value for key, value in schema.items() if key != "$ref"}, target)
            if merged is None:
                return None
            schema = merged
        return None

    def target(self, reference: str) -> Schema | bool | None:
        if reference == "#":
            return self.root
        if not reference.startswith("#/"):
            return None
        referenced = at_pointer(self.root, reference[1:].replace("%25", "%"))
        return referenced if isinstance(referenced, Mapping | bool) else None

    def branches(self, key: str, schema: Schema, name: str, pointer: str, place: _Place) -> Node | None:
        siblings = {keyword: value for keyword, value in schema.items() if keyword != key}
        merged_branches: list[Schema] = []
        for branch in schema[key][:_MOST_BRANCHES]:
            resolved = self.resolved(branch, pointer) if self.recursion_ends(branch, place) else None
            merged = None if resolved is None else both(siblings, resolved)
            if merged is not None:
                merged_branches.append(merged)
        if key == "oneOf" and not all(_apart(first, second) for first, second in _pairs(merged_branches)):
            self.rules.widen(pointer, '"oneOf" of branches that are not told apart')
        place = place.below()
        return self.rules.one_of(
            self.value(merged, f"{name}-{number}", pointer, place) for number, merged in enumerate(merged_branches, 1)
        )

    def recursion_ends(self, branch: Schema | bool, place: _Place) -> bool:
        """Returns True if a branch may be read: one that refers back only as long as unfoldings are left.

        Branches are resolved before they are read, so `read_reference` does not see their references.
        """
        reference = branch.get("$ref") if isinstance(branch, Mapping) else None
        return reference not in self.open or place.unfold > 0

    def enum(self, schema: Schema, name: str) -> Node | None:
        siblings = {key: value for key, value in schema.items() if key not in ("enum", UNMERGED, *_SILENT)}
        allowed_values = [value for value in schema["enum"][:_MOST_VALUES] if _is_one_of(value, types(siblings))]
        if siblings.keys() - {"type"}:
            definitions = {key: self.root[key] for key in ("$defs", "definitions") if key in self.root}
            validator = _validator(msgspec.json.encode({**siblings, **definitions}))
            allowed_values = [value for value in allowed_values if validator.is_valid(value)]
        if not allowed_values:
            return None
        spellings = literals(*map(values.write, allowed_values))
        return self.rules.rule(name, spellings, terminal=True) if type(spellings) is Choice else spellings

    # ── types ────────────────────────────────────────────────────────────────────────────────────

    def typed(self, schema: Schema, name: str, pointer: str, place: _Place) -> Node | None:
        type_names = types(schema) if "type" in schema else []
        if not type_names:
            # The keywords of a type do not restrict values of other types, so only this type is surely meant.
            type_names = [kind for kind, keys in _OF_TYPE.items() if any(key in schema for key in keys)][:1]
            if not type_names:
                return self.rules.free(self.rules.limits.depth)
        if "number" in type_names:
            type_names = [kind for kind in type_names if kind != "integer"]
        return self.rules.one_of(self.of_type(kind, schema, name, pointer, place) for kind in dict.fromkeys(type_names))

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
        is_low_open = above is not None and (low is None or above >= low)
        is_high_open = below is not None and (high is None or below <= high)
        low, high = above if is_low_open else low, below if is_high_open else high
        if kind == "integer" or "multipleOf" in schema:
            first = None if low is None else int(-(-low // 1))
            if first is not None and is_low_open and low == first:
                first += 1
            last = None if high is None else int(high // 1)
            if last is not None and is_high_open and high == last:
                last -= 1
            node = numbers.integers(first, last)
            step = schema.get("multipleOf")
            if step is not None and step != 1:
                node = self.multiples(step, first, last, pointer) or node
        else:
            node = numbers.numbers(low, high, open_low=is_low_open, open_high=is_high_open)
        if node is None or type(node) is Literal:
            return node
        bounded = (low, high) != (None, None) or "multipleOf" in schema
        return self.rules.rule(name if bounded else kind, node, terminal=True)

    def multiples(self, step: float, first: int | None, last: int | None, pointer: str) -> Node | None:
        """Returns a node for the multiples from the smallest allowed number on; None unless they are integers."""
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
        most_items = max(low, self.rules.limits.items)
        most_items = most_items if high is None else min(most_items, int(high))
        if "prefixItems" in schema:
            return self.tuple(schema, name, pointer, place, low, most_items)
        item = self.value(schema.get("items", True), _singular(name), f"{pointer}/items", place)
        if item is None:
            return None if low else self.rules.array(EMPTY, 0, 0)
        if schema.get("uniqueItems") and most_items > 1:
            listed = self.rules.rules.get(item.name) if type(item) is Ref else item
            if type(listed) is Choice and all(type(option) is Literal for option in listed.options) and low <= 1:
                # The items keep the order of the enum, so that none comes twice.
                inside = self.rules.listed([(option, False) for option in listed.options[:_MOST_UNIQUE]], name)
                inside = inside.part if low and type(inside) is Repeat else inside
                return self.rules.rule(name, sequence(Literal("["), inside, Literal("]")))
            self.rules.widen(pointer, '"uniqueItems"')
        return self.rules.array(item, low, most_items)

    def tuple(self, schema: Schema, name: str, pointer: str, place: _Place, low: int, most: int) -> Node | None:
        items: list[Node] = []
        for index, item_schema in enumerate(schema["prefixItems"][: max(most, low)]):
            item_node = self.value(item_schema, f"{name}-{index + 1}", f"{pointer}/prefixItems/{index}", place)
            if item_node is None:
                break
            items.append(item_node)
        if len(items) < low:
            further_item = self.value(schema.get("items", True), name, f"{pointer}/items", place)
            if further_item is None or len(items) < min(low, len(schema["prefixItems"])):
                return None
            items += [further_item] * (low - len(items))
        inside: Node = EMPTY
        for index, item in reversed(list(enumerate(items))):
            inside = sequence(Literal(", ") if index else EMPTY, item, inside)
            inside = inside if index < low else optional(inside)
        return sequence(Literal("["), inside, Literal("]"))

    def object(self, schema: Schema, name: str, pointer: str, place: _Place) -> Node | None:
        properties: dict[str, Any] = dict(schema.get("properties", {}))
        additional = schema.get("additionalProperties", True)
        required = dict.fromkeys(schema.get("required", ()))
        for key, dependents in schema.get("dependentRequired", {}).items():
            if key in properties:  # stricter than the schema: the dependents are always there
                required |= dict.fromkeys(dependents)
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
        optional_left = _MOST_OPTIONAL if most is None else min(_MOST_OPTIONAL, int(most) - len(required))
        members: list[tuple[Node, bool]] = []
        for key, property_schema in properties.items():
            if key not in required and optional_left <= 0:
                continue
            property_pointer = f"{pointer}/properties/{key.replace('~', '~0').replace('/', '~1')}"
            value_node = self.value(property_schema, f"{name}-{key}", property_pointer, place)
            if value_node is None:
                if key in required:
                    return None
                continue
            if key not in required:
                optional_left -= 1
            members.append((sequence(Literal(f"{values.write(key)}: "), value_node), key in required))
        if len(members) < fewest:
            self.rules.widen(pointer, '"minProperties"')
        return self.rules.rule(name, self.rules.object(members, name))

    def free_object(
        self, schema: Schema, name: str, pointer: str, place: _Place, additional: Schema | bool, fewest: int
    ) -> Node | None:
        """Returns a node for an object whose schema names no properties: with free keys unless it restricts keys."""
        restricts_keys = "propertyNames" in schema or "patternProperties" in schema
        most = min(int(schema.get("maxProperties", len(_KEY_GROUPS))), len(_KEY_GROUPS))
        if fewest == 0 and (restricts_keys or additional is False or most == 0):
            return sequence(Literal("{"), Literal("}"))
        if additional is False and "patternProperties" not in schema:
            return None
        if restricts_keys or fewest > len(_KEY_GROUPS):
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
    return ((first, second) for index, first in enumerate(schemas) for second in schemas[index + 1 :])


def _apart(one: Schema, other: Schema) -> bool:
    """Returns True if no value can satisfy both schemas, as far as their types, constants and keys show."""
    if not any(_overlap(first_type, second_type) for first_type in types(one) for second_type in types(other)):
        return True
    first_constants, second_constants = _constants(one), _constants(other)
    if first_constants is not None and second_constants is not None:
        return not any(same(ours, theirs) for ours in first_constants for theirs in second_constants)
    only_objects = types(one) == types(other) == ["object"]
    for requiring, closed in ((one, other), (other, one)):
        required_keys = set(requiring.get("required", ()))
        is_closed = closed.get("additionalProperties") is False
        if only_objects and is_closed and required_keys - set(closed.get("properties", ())):
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
