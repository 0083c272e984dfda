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
from funcdex_assets.dml.grammar.combine import UNMERGED, Schema, are_equal_json, list_types, merge_schemas
from funcdex_assets.dml.grammar.patterns import UnsupportedPattern, translate_pattern
from funcdex_assets.dml.grammar.tree import (
    EMPTY,
    Choice,
    Literal,
    Node,
    Ref,
    Repeat,
    Run,
    Sequence,
    character_class,
    choice,
    choice_of_texts,
    iterate_nodes,
    optional,
    repeat,
    sequence,
)
from funcdex_assets.records.record import Json
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.validation import compile_validator

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
_IN_KEYS = character_class("a-zA-Z0-9_.-")
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

    def add_schema(self, schema: Schema | bool, name: str, pointer: str = "", limits: Limits = DEFAULT_LIMITS) -> Node:
        """Adds the rules of a schema and returns the node for its values.

        `name` is the name of its rules, `pointer` the schema's place in the entries of `widened`.
        """
        self.limits = limits
        reader = _SchemaReader(self, schema, name, pointer)
        node = reader.read_schema(schema, name, pointer, _DepthBudget(limits.depth, _DEEPEST))
        if node is None:
            self.note_widening(pointer, "no value, or none of bounded depth")
            objects = isinstance(schema, Mapping) and list_types(schema) == ["object"]
            node = self.build_free_json(limits.depth, only_objects=objects)
        return node

    def build_choice(self, options: Iterable[Node | None]) -> Node | None:
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
        firsts = [option.elements[0] if type(option) is Sequence else option for option in alternatives]
        return any(type(first) is Literal and first.text.startswith('"') for first in firsts)

    def add_rule(self, name: str, body: Node, *, terminal: bool = False) -> Ref:
        """Returns a reference to the rule with this body; adds the rule if there is none yet."""
        rule_name = self._names.get((body, terminal))
        if rule_name is None:
            name = _slugify_name(name)
            rule_name, count = name, 1
            while rule_name in self.rules:
                count += 1
                rule_name = f"{name}-{count}"
            self._names[body, terminal] = rule_name
            self.rules[rule_name] = body
            if terminal:
                self.terminals.add(rule_name)
        return Ref(rule_name)

    def note_widening(self, pointer: str, what: str) -> None:
        entry = f"{pointer or '/'}: {what}"
        if entry not in self.widened:
            self.widened.append(entry)

    def build_string(self, low: int = 0, high: int | None = None) -> Node:
        run = texts.build_string_run(low, high, self.limits.string)
        if run.first == EMPTY and run.most == 0:
            return Literal('""')
        span = "" if (low, high) == (0, None) else f"-{low}-{'' if high is None else high}"
        inside = self.add_rule(f"characters{span}", run, terminal=run.is_exact)
        return self.add_rule(f"string{span}", sequence(Literal('"'), inside, Literal('"')), terminal=run.is_exact)

    def build_format(self, kind: str, format_rules: Mapping[str, Node]) -> Node:
        """Adds the rules of a format, under the format's own names, and returns a reference to the last."""
        format_reference: Node = EMPTY
        for name, body in format_rules.items():
            references = [node.name for node in iterate_nodes(body) if type(node) is Ref]
            is_terminal = body.is_exact if type(body) is Run else self.terminals.issuperset(references)
            format_reference = self.add_rule(name or kind, body, terminal=is_terminal)
        return format_reference

    def build_free_json(self, depth: int, only_objects: bool = False) -> Node:
        """Returns a node for any JSON value, or any object, of at most `depth` levels."""
        key = (self.limits, depth, only_objects)
        if key not in self._free:
            self._free[key] = self._build_free_levels(depth, only_objects)
        return self._free[key]

    def _build_free_levels(self, depth: int, only_objects: bool) -> Node:
        scalar = self.add_rule("number", _require_node(numbers.build_number_range()), terminal=True)
        value = self.add_rule(f"{_ANY}-0", choice(self.build_string(), scalar, self.build_boolean(), Literal("null")))
        for level in range(1, max(depth, 1) + 1):
            members = self.build_free_object(value)
            if only_objects and level == max(depth, 1):
                return members
            array = self.build_array(value, 0, self.limits.items)
            value = self.add_rule(f"{_ANY}-{level}", choice(value, array, members))
        return value

    def build_free_object(self, value: Node, low: int = 0, high: int = len(_KEY_GROUPS)) -> Node:
        """Returns a node for an object of `low` to `high` free keys, each with a first letter of its own group."""
        members: list[tuple[Node, bool]] = []
        for index, group in enumerate(_KEY_GROUPS[:high]):
            key_text = sequence(Literal('"'), character_class(group), Repeat(_IN_KEYS, 0, 23), Literal('": '))
            key = self.add_rule(f"key-{group[0]}", key_text, terminal=True)
            members.append((sequence(key, value), index < low))
        return self.build_object(members, "members")

    def build_boolean(self) -> Node:
        return self.add_rule("boolean", choice_of_texts("true", "false"), terminal=True)

    def build_array(self, item: Node, low: int, high: int) -> Node:
        comma = Literal(", ")
        if high == 0:
            return sequence(Literal("["), Literal("]"))
        if low == 0:
            items = optional(sequence(item, repeat(sequence(comma, item), 0, high - 1)))
        else:
            items = sequence(item, repeat(sequence(comma, item), low - 1, high - 1))
        return sequence(Literal("["), items, Literal("]"))

    def build_object(self, members: Several[tuple[Node, bool]], name: str) -> Node:
        return sequence(Literal("{"), self.join_members(members, name), Literal("}"))

    def join_members(self, members: Several[tuple[Node, bool]], name: str) -> Node:
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
                continuation = self.add_rule(f"{name}-from-{index + 1}", continuation)
        if not options:
            return EMPTY
        inside = choice(*reversed(options))
        return inside if first_required < len(members) else optional(inside)


class _DepthBudget(NamedTuple):
    """The depth that a value may still have: unfoldings of definitions that contain themselves, and levels."""

    unfold: int
    levels: int

    def descend_one_level(self) -> "_DepthBudget":
        return self._replace(levels=self.levels - 1)


class _SchemaReader:
    """Reads one schema document and adds its rules."""

    def __init__(self, rules: Rules, root: Schema | bool, name: str, pointer: str) -> None:
        self.rules, self.name, self.pointer = rules, name, pointer
        self.root = root if isinstance(root, Mapping) else {}
        self.remaining_schemas = _MOST_SCHEMAS
        self.node_cache: dict[tuple[str, _DepthBudget], Node | None] = {}
        self.open_references: list[str] = []  # references to the definitions that are being unfolded

    def read_schema(self, schema: Schema | bool, name: str, pointer: str, budget: _DepthBudget) -> Node | None:
        """Returns the node for the values of a schema; None if no value of this depth is valid."""
        self.remaining_schemas -= 1
        if self.remaining_schemas < 0:
            self.rules.note_widening(self.pointer, f"more than {_MOST_SCHEMAS} schemas; free JSON for the rest")
            return self.rules.build_free_json(0)
        if schema is False or budget.levels < 0:
            return None
        if not isinstance(schema, Mapping) or schema.keys() <= _SILENT:
            return self.rules.build_free_json(self.rules.limits.depth)
        if "$ref" in schema:
            return self.read_reference(schema, pointer, budget)
        # A choice is read before `allOf`, since `merge_schemas` keeps under `allOf` any choice that it could not merge.
        if "allOf" in schema and not {"anyOf", "oneOf"} & schema.keys():
            merged: Schema | None = {key: value for key, value in schema.items() if key != "allOf"}
            for branch in schema["allOf"][:_MOST_BRANCHES]:
                branch = self.resolve_reference(branch, pointer)
                merged = None if merged is None or branch is None else merge_schemas(merged, branch)
            return None if merged is None else self.read_schema(merged, name, pointer, budget)
        if "const" in schema:
            siblings = {key: value for key, value in schema.items() if key != "const"}
            allowed = merge_schemas(siblings, {"enum": [schema["const"]]})
            return None if allowed is None else self.read_schema(allowed, name, pointer, budget)
        if "enum" in schema:
            return self.read_enum(schema, name)
        for key in (UNMERGED, *_NEVER_SAID):
            if key in schema:
                what = ", ".join(schema[key]) if key == UNMERGED else key
                self.rules.note_widening(pointer, f'"{what}"')
        for key in ("oneOf", "anyOf"):
            if key in schema:
                return self.read_branches(key, schema, name, pointer, budget)
        return self.read_types(schema, name, pointer, budget)

    # ── schemas made of others ───────────────────────────────────────────────────────────────────

    def read_reference(self, schema: Schema, pointer: str, budget: _DepthBudget) -> Node | None:
        siblings = {key: value for key, value in schema.items() if key != "$ref" and key not in _SILENT}
        reference = str(schema["$ref"])
        target = self.find_target(reference)
        if target is None:
            self.rules.note_widening(pointer, f'"$ref" to {reference[:40]!r}, which is not a place in this document')
            return self.rules.build_free_json(self.rules.limits.depth)
        if reference in self.open_references:
            budget = budget._replace(unfold=budget.unfold - 1)
            if budget.unfold < 0:
                return None
        elif not self.open_references and (reference, budget) in self.node_cache and not siblings:
            return self.node_cache[reference, budget]
        self.open_references.append(reference)
        try:
            merged = merge_schemas(siblings, target) if siblings else target
            # Named after the document, like all its rules, so that no definition gets the name of another rule.
            rule_name = f"{self.name}-{reference.rpartition('/')[2]}"
            node = None if merged is None else self.read_schema(merged, rule_name, pointer, budget)
        finally:
            self.open_references.pop()
        if not self.open_references and not siblings:
            self.node_cache[reference, budget] = node
        return node

    def resolve_reference(self, schema: Schema | bool, pointer: str) -> Schema | None:
        """Returns the schema without a `$ref` at its top, so that it can be merged with others."""
        for _ in range(_DEEPEST):
            if not isinstance(schema, Mapping):
                return {} if schema else None
            if "$ref" not in schema:
                return schema
            target = self.find_target(str(schema["$ref"]))
            if target is None:
                self.rules.note_widening(pointer, f'"$ref" to {str(schema["$ref"])[:40]!r}')
                target = {}
            merged = merge_schemas({key: value for key, value in schema.items() if key != "$ref"}, target)
            if merged is None:
                return None
            schema = merged
        return None

    def find_target(self, reference: str) -> Schema | bool | None:
        if reference == "#":
            return self.root
        if not reference.startswith("#/"):
            return None
        referenced = at_pointer(self.root, reference[1:].replace("%25", "%"))
        return referenced if isinstance(referenced, Mapping | bool) else None

    def read_branches(self, key: str, schema: Schema, name: str, pointer: str, budget: _DepthBudget) -> Node | None:
        siblings = {keyword: value for keyword, value in schema.items() if keyword != key}
        merged_branches: list[Schema] = []
        for branch in schema[key][:_MOST_BRANCHES]:
            resolved = self.resolve_reference(branch, pointer) if self.can_enter_branch(branch, budget) else None
            merged = None if resolved is None else merge_schemas(siblings, resolved)
            if merged is not None:
                merged_branches.append(merged)
        if key == "oneOf" and not all(
            _are_disjoint(first, second) for first, second in _iterate_pairs(merged_branches)
        ):
            self.rules.note_widening(pointer, '"oneOf" of branches that are not told apart')
        budget = budget.descend_one_level()
        return self.rules.build_choice(
            self.read_schema(merged, f"{name}-{number}", pointer, budget)
            for number, merged in enumerate(merged_branches, 1)
        )

    def can_enter_branch(self, branch: Schema | bool, budget: _DepthBudget) -> bool:
        """Returns True if a branch may be read: one that refers back only as long as unfoldings are left.

        Branches are resolved before they are read, so `read_reference` does not see their references.
        """
        reference = branch.get("$ref") if isinstance(branch, Mapping) else None
        return reference not in self.open_references or budget.unfold > 0

    def read_enum(self, schema: Schema, name: str) -> Node | None:
        siblings = {key: value for key, value in schema.items() if key not in ("enum", UNMERGED, *_SILENT)}
        allowed_values = [
            value for value in schema["enum"][:_MOST_VALUES] if _has_one_of_types(value, list_types(siblings))
        ]
        if siblings.keys() - {"type"}:
            definitions = {key: self.root[key] for key in ("$defs", "definitions") if key in self.root}
            validator = _compile_validator(msgspec.json.encode({**siblings, **definitions}))
            allowed_values = [value for value in allowed_values if validator.is_valid(value)]
        if not allowed_values:
            return None
        spellings = choice_of_texts(*map(values.write_json, allowed_values))
        return self.rules.add_rule(name, spellings, terminal=True) if type(spellings) is Choice else spellings

    # ── types ────────────────────────────────────────────────────────────────────────────────────

    def read_types(self, schema: Schema, name: str, pointer: str, budget: _DepthBudget) -> Node | None:
        type_names = list_types(schema) if "type" in schema else []
        if not type_names:
            # The keywords of a type do not restrict values of other types, so only this type is surely meant.
            type_names = [kind for kind, keys in _OF_TYPE.items() if any(key in schema for key in keys)][:1]
            if not type_names:
                return self.rules.build_free_json(self.rules.limits.depth)
        if "number" in type_names:
            type_names = [kind for kind in type_names if kind != "integer"]
        return self.rules.build_choice(
            self.read_type(kind, schema, name, pointer, budget) for kind in dict.fromkeys(type_names)
        )

    def read_type(self, kind: str, schema: Schema, name: str, pointer: str, budget: _DepthBudget) -> Node | None:
        if kind == "object":
            return self.read_object(schema, name, pointer, budget.descend_one_level())
        if kind == "array":
            return self.read_array(schema, name, pointer, budget.descend_one_level())
        if kind == "string":
            return self.read_string(schema, name, pointer)
        if kind in ("integer", "number"):
            return self.read_number(kind, schema, name, pointer)
        return {"boolean": self.rules.build_boolean(), "null": Literal("null")}.get(kind)

    def read_string(self, schema: Schema, name: str, pointer: str) -> Node | None:
        low, high = int(schema.get("minLength", 0)), schema.get("maxLength")
        high = None if high is None else int(high)
        if high is not None and high < low:
            return None
        if low > _LONGEST:
            self.rules.note_widening(pointer, f'"minLength" above {_LONGEST}')
            low = _LONGEST
        expression, kind = schema.get("pattern"), schema.get("format")
        rules = formats.find_format_rules(str(kind))
        if expression is None and rules is not None:
            if low <= formats.measure_shortest_sentence(str(kind)) and (
                high is None or formats.measure_longest_sentence(str(kind)) <= high
            ):
                return self.rules.build_format(str(kind), rules)
            self.rules.note_widening(pointer, f'"format" {kind} of a certain length')
        if expression is None:
            return self.rules.build_string(low, high)
        if rules is not None:
            self.rules.note_widening(pointer, f'"format" {kind} beside a pattern')
        try:
            inside = translate_pattern(expression, _LONGEST_MATCH if high is None else min(high, _LONGEST_MATCH), low)
        except UnsupportedPattern as error:
            self.rules.note_widening(pointer, f'"pattern" with {error}')
            return self.rules.build_string(low, high)
        return self.rules.add_rule(name, sequence(Literal('"'), inside, Literal('"')), terminal=True)

    def read_number(self, kind: str, schema: Schema, name: str, pointer: str) -> Node | None:
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
            node = numbers.build_integer_range(first, last)
            step = schema.get("multipleOf")
            if step is not None and step != 1:
                node = self.list_multiples(step, first, last, pointer) or node
        else:
            node = numbers.build_number_range(low, high, open_low=is_low_open, open_high=is_high_open)
        if node is None or type(node) is Literal:
            return node
        bounded = (low, high) != (None, None) or "multipleOf" in schema
        return self.rules.add_rule(name if bounded else kind, node, terminal=True)

    def list_multiples(self, step: float, first: int | None, last: int | None, pointer: str) -> Node | None:
        """Returns a node for the multiples from the smallest allowed number on; None unless they are integers."""
        if step == int(step) and step > 0:
            start = -(-(first if first is not None else 0) // int(step)) * int(step)
            stop = start + 200 * int(step) if last is None else last
            listed = [str(number) for number in islice(range(start, stop + 1, int(step)), 200)]
            if listed and max(map(len, listed)) <= 15:
                return choice_of_texts(*listed)
        self.rules.note_widening(pointer, '"multipleOf"')
        return None

    def read_array(self, schema: Schema, name: str, pointer: str, budget: _DepthBudget) -> Node | None:
        low, high = int(schema.get("minItems", 0)), schema.get("maxItems")
        if high is not None and high < low:
            return None
        if "contains" in schema:
            self.rules.note_widening(pointer, '"contains"')
        if low > _MOST_ITEMS:
            self.rules.note_widening(pointer, f'"minItems" above {_MOST_ITEMS}')
            low = _MOST_ITEMS
        most_items = max(low, self.rules.limits.items)
        most_items = most_items if high is None else min(most_items, int(high))
        if "prefixItems" in schema:
            return self.read_tuple(schema, name, pointer, budget, low, most_items)
        item = self.read_schema(schema.get("items", True), _singularize_name(name), f"{pointer}/items", budget)
        if item is None:
            return None if low else self.rules.build_array(EMPTY, 0, 0)
        if schema.get("uniqueItems") and most_items > 1:
            listed = self.rules.rules.get(item.name) if type(item) is Ref else item
            if type(listed) is Choice and all(type(option) is Literal for option in listed.options) and low <= 1:
                # The items keep the order of the enum, so that none comes twice.
                inside = self.rules.join_members([(option, False) for option in listed.options[:_MOST_UNIQUE]], name)
                inside = inside.element if low and type(inside) is Repeat else inside
                return self.rules.add_rule(name, sequence(Literal("["), inside, Literal("]")))
            self.rules.note_widening(pointer, '"uniqueItems"')
        return self.rules.build_array(item, low, most_items)

    def read_tuple(
        self, schema: Schema, name: str, pointer: str, budget: _DepthBudget, low: int, most: int
    ) -> Node | None:
        items: list[Node] = []
        for index, item_schema in enumerate(schema["prefixItems"][: max(most, low)]):
            item_node = self.read_schema(item_schema, f"{name}-{index + 1}", f"{pointer}/prefixItems/{index}", budget)
            if item_node is None:
                break
            items.append(item_node)
        if len(items) < low:
            further_item = self.read_schema(schema.get("items", True), name, f"{pointer}/items", budget)
            if further_item is None or len(items) < min(low, len(schema["prefixItems"])):
                return None
            items += [further_item] * (low - len(items))
        inside: Node = EMPTY
        for index, item in reversed(list(enumerate(items))):
            inside = sequence(Literal(", ") if index else EMPTY, item, inside)
            inside = inside if index < low else optional(inside)
        return sequence(Literal("["), inside, Literal("]"))

    def read_object(self, schema: Schema, name: str, pointer: str, budget: _DepthBudget) -> Node | None:
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
            self.rules.note_widening(pointer, '"patternProperties"')
        if not properties:
            return self.read_free_object(schema, name, pointer, budget, additional, fewest)
        optional_left = _MOST_OPTIONAL if most is None else min(_MOST_OPTIONAL, int(most) - len(required))
        members: list[tuple[Node, bool]] = []
        for key, property_schema in properties.items():
            if key not in required and optional_left <= 0:
                continue
            property_pointer = f"{pointer}/properties/{key.replace('~', '~0').replace('/', '~1')}"
            value_node = self.read_schema(property_schema, f"{name}-{key}", property_pointer, budget)
            if value_node is None:
                if key in required:
                    return None
                continue
            if key not in required:
                optional_left -= 1
            members.append((sequence(Literal(f"{values.write_json(key)}: "), value_node), key in required))
        if len(members) < fewest:
            self.rules.note_widening(pointer, '"minProperties"')
        return self.rules.add_rule(name, self.rules.build_object(members, name))

    def read_free_object(
        self, schema: Schema, name: str, pointer: str, budget: _DepthBudget, additional: Schema | bool, fewest: int
    ) -> Node | None:
        """Returns a node for an object whose schema names no properties: with free keys unless it restricts keys."""
        restricts_keys = "propertyNames" in schema or "patternProperties" in schema
        most = min(int(schema.get("maxProperties", len(_KEY_GROUPS))), len(_KEY_GROUPS))
        if fewest == 0 and (restricts_keys or additional is False or most == 0):
            return sequence(Literal("{"), Literal("}"))
        if additional is False and "patternProperties" not in schema:
            return None
        if restricts_keys or fewest > len(_KEY_GROUPS):
            self.rules.note_widening(pointer, "keys that are not named")
        value = self.read_schema(additional or {}, f"{name}-value", f"{pointer}/additionalProperties", budget)
        if value is None:
            return None if fewest else sequence(Literal("{"), Literal("}"))
        return self.rules.build_free_object(value, min(fewest, most), most)


def _require_node(node: Node | None) -> Node:
    assert node is not None
    return node


@lru_cache(maxsize=256)
def _compile_validator(schema: bytes) -> jsonschema_rs.Draft202012Validator:
    return compile_validator(msgspec.json.decode(schema))


def _slugify_name(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-")
    return slug if slug[:1].isalpha() else f"x-{slug}".rstrip("-")


def _singularize_name(name: str) -> str:
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else f"{name}-item"


def _has_one_of_types(value: Json, names: Iterable[str]) -> bool:
    kind = _TYPE_OF.get(type(value), "number")
    if kind in names:
        return True
    return kind == "number" and "integer" in names and value == int(value)


def _iterate_pairs(schemas: Several[Schema]) -> Iterable[tuple[Schema, Schema]]:
    return ((first, second) for index, first in enumerate(schemas) for second in schemas[index + 1 :])


def _are_disjoint(first: Schema, second: Schema) -> bool:
    """Returns True if no value can satisfy both schemas, as far as their types, constants and keys show."""
    if not any(
        _have_common_values(first_type, second_type)
        for first_type in list_types(first)
        for second_type in list_types(second)
    ):
        return True
    first_constants, second_constants = _list_constants(first), _list_constants(second)
    if first_constants is not None and second_constants is not None:
        return not any(are_equal_json(ours, theirs) for ours in first_constants for theirs in second_constants)
    only_objects = list_types(first) == list_types(second) == ["object"]
    for requiring, closed in ((first, second), (second, first)):
        required_keys = set(requiring.get("required", ()))
        is_closed = closed.get("additionalProperties") is False
        if only_objects and is_closed and required_keys - set(closed.get("properties", ())):
            return True
    shared = set(first.get("required", ())) & set(second.get("required", ()))
    return only_objects and any(
        _are_disjoint(first.get("properties", {}).get(key, {}), second.get("properties", {}).get(key, {}))
        for key in shared
    )


def _have_common_values(first_type: str, second_type: str) -> bool:
    return first_type == second_type or {first_type, second_type} == {"integer", "number"}


def _list_constants(schema: Schema) -> list[Json] | None:
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")
