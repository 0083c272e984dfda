r"""Searches for a value that a JSON Schema allows, for fields without a realistic value.

Realistic values come from `values.py` and `environment/field_values`. Here belongs the search that takes over where
those are invalid or have nothing to offer: patterns, lengths, multiples, choices of which only one may hold,
definitions that contain themselves. Every search is bounded; it finds a valid value, or none.

>>> schema = {"$defs": {"code": {"type": "string", "pattern": "^[UW][0-9]{3}$|^$", "minLength": 1}},
...           "properties": {"code": {"$ref": "#/$defs/code"}, "next": {"$ref": "#"}}, "required": ["code"]}
>>> sample_value(schema["properties"]["code"], schema, Random(1))
'U773'
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from math import ceil, floor
from random import Random
from typing import Any

from funcdex_assets.dml.grammar import patterns, tree
from funcdex_assets.language.real_examples import list_real_examples
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.references import list_alternatives
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.validation import compile_pattern, is_valid_under

Proposer = Callable[[Schema, str], Any]
"""Proposes a likely value for a scalar of this schema and name; the search takes it if it is valid."""

_MOST_VALUES = 1500  # that one search makes; it bounds the time for a schema with many choices
_MOST_BRANCHES = 24  # branches of the choices at one position; `allOf` of several `anyOf` would have thousands
_MOST_TRIES = 60  # to write a text of the right length
_RICH_DEPTH, _DEPTH_LIMITS = (
    2,
    (6, 12, 24, 40),
)  # a shallow limit finds small values first; deeper ones are for nested schemas
_MOST_OPTIONAL = 5  # optional properties of one object
_LONGEST_TEXT = 200  # characters of a text without maxLength
_NATURAL_RANGES = [(0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)]
_FORMAT_PATTERNS: dict[str, str] = {
    "date-time": r"20[12]\d-0[1-9]-[12]\dT[01]\d:[0-5]\d:[0-5]\dZ",
    "date": r"20[12]\d-0[1-9]-[12]\d",
    "time": r"[01]\d:[0-5]\d:[0-5]\dZ",
    "duration": r"PT[1-9]\dM",
    "email": r"[a-z]{4,8}@[a-z]{4,8}\.com",
    "idn-email": r"[a-z]{4,8}@[a-z]{4,8}\.com",
    "hostname": r"[a-z]{4,8}\.[a-z]{4,8}\.com",
    "idn-hostname": r"[a-z]{4,8}\.[a-z]{4,8}\.com",
    "ipv4": r"10\.[1-9]\d\.[1-9]\d\.[1-9]\d",
    "ipv6": r"2001:db8::[1-9a-f]{4}:[1-9a-f]{4}",
    "uri": r"https://www\.[a-z]{5,9}\.com/[a-z0-9]{6,9}",
    "uri-reference": r"https://www\.[a-z]{5,9}\.com/[a-z0-9]{6,9}",
    "iri": r"https://www\.[a-z]{5,9}\.com/[a-z0-9]{6,9}",
    "iri-reference": r"https://www\.[a-z]{5,9}\.com/[a-z0-9]{6,9}",
    "uri-template": r"https://www\.[a-z]{5,9}\.com/[a-z0-9]{6,9}",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}",
    "json-pointer": r"/[a-z]{3,6}/[0-9]",
    "relative-json-pointer": r"[0-9]/[a-z]{3,6}",
    "regex": r"[a-z]{3,6}",
}


class NoValueError(Exception):
    """No value was found; there may be one all the same."""


def sample_value(
    schema: Any,
    root: Schema,
    rng: Random,
    propose: Proposer | None = None,
    needed_paths: frozenset[str] = frozenset(),
    path: str = "",
    name: str = "",
    lean: bool = False,
) -> Any:
    """Finds a valid value for a subschema of `root`, with a few optional properties.

    Properties on the way to `needed_paths` are there if possible. A `lean` value has only what is required or needed.

    Raises:
        NoValueError: no value was found within bounds.
    """
    needed_inside = [
        needed_path.removeprefix(path) for needed_path in needed_paths if needed_path.startswith(f"{path}/")
    ]
    incomplete: list[Any] = []  # valid, but without what is needed
    attempts = [
        (_RICH_DEPTH, _DEPTH_LIMITS[1]),
        (_RICH_DEPTH, _DEPTH_LIMITS[1]),
        *((0, depth) for depth in _DEPTH_LIMITS),
        (9, _DEPTH_LIMITS[0]),
    ]
    for rich, deepest in attempts[2:] if lean else attempts:
        search = _ValueSearch(root, rng, propose, needed_paths, rich, deepest)
        try:
            value = search.find_value(schema, path, name, 0)
        except NoValueError:
            continue
        if is_valid_under(schema, root, value):
            if all(at_pointer(value, inner_path) not in (None, "") for inner_path in needed_inside):
                return value
            incomplete.append(value)
    if incomplete:
        return incomplete[0]
    raise NoValueError(f"no value found for {path or 'the whole'}")


class _ValueSearch:
    """One bounded attempt to build a value.

    Objects have optional properties down to the depth `rich_depth`; nothing is deeper than `deepest`. `values_left`
    counts down the values that it may still make.
    """

    def __init__(
        self,
        root: Schema,
        rng: Random,
        propose: Proposer | None,
        needed_paths: frozenset[str],
        rich_depth: int,
        deepest: int,
    ) -> None:
        self.root, self.rng, self.propose, self.needed_paths = root, rng, propose, needed_paths
        self.rich_depth, self.deepest, self.values_left = rich_depth, deepest, _MOST_VALUES

    def find_value(self, schema: Any, path: str, name: str, depth: int) -> Any:
        """Finds a value for any schema, trying its branches and types in turn.

        Raises:
            NoValueError: none was found, or the search has come to its bounds.
        """
        self.values_left -= 1
        if self.values_left < 0 or depth > self.deepest:
            raise NoValueError
        branches = list(islice(list_alternatives(schema, self.root), _MOST_BRANCHES))
        for branch in branches:
            for json_type in _list_json_types(branch):
                try:
                    value = self._find_typed_value(branch, json_type, path, name, depth)
                except NoValueError:
                    continue
                if (
                    json_type not in ("object", "array")
                    or len(branches) == 1
                    or is_valid_under(schema, self.root, value)
                ):
                    return value
        raise NoValueError

    def _find_typed_value(self, schema: Schema, json_type: str, path: str, name: str, depth: int) -> Any:
        """Finds a value of one JSON type for a schema without choices."""
        if "const" in schema:
            return self._choose_first_valid(schema, [schema["const"]])
        if "enum" in schema:
            options = [option for option in schema["enum"] if option is not None] or [None]
            return self._choose_first_valid(schema, self.rng.sample(options, min(len(options), 20)))
        match json_type:
            case "object":
                return self._build_object(schema, path, depth)
            case "array":
                return self._build_array(schema, path, name, depth)
            case "null":
                return None
            case "boolean":
                return self._choose_first_valid(
                    schema, self._list_candidates(schema, name, (self.rng.random() < 0.5, True, False))
                )
            case "integer" | "number":
                return self._choose_first_valid(
                    schema, self._list_candidates(schema, name, propose_numbers(schema, json_type, self.rng))
                )
        return self._choose_first_valid(schema, self._list_candidates(schema, name, propose_texts(schema, self.rng)))

    def _list_candidates(self, schema: Schema, name: str, invented: Iterable[Any]) -> Iterator[Any]:
        """Yields candidates for a scalar: the proposed value, the schema's examples, then the invented ones."""
        if self.propose and "pattern" not in schema:
            yield self.propose(schema, name)
        yield from list_real_examples(schema)
        yield from invented

    def _choose_first_valid(self, schema: Schema, options: Iterable[Any]) -> Any:
        """Returns the first option that the schema allows."""
        for option in options:
            if is_valid_under(schema, self.root, option):
                return option
        raise NoValueError

    # ── objects and arrays ───────────────────────────────────────────────────────────────────

    def _build_object(self, schema: Schema, path: str, depth: int) -> dict[str, Any]:
        """Builds an object: required properties, chosen optional ones, then as many as `minProperties` asks for."""
        properties: Schema = schema.get("properties", {})
        required = list(schema.get("required", ()))
        for key, dependents in schema.get("dependentRequired", {}).items():
            required += [dependent for dependent in dependents if key in required]
        built: dict[str, Any] = {}
        for key in dict.fromkeys(required):
            built[key] = self.find_value(_find_property_schema(schema, key), f"{path}/{key}", key, depth + 1)
        fewest, most = schema.get("minProperties", 0), schema.get("maxProperties", len(properties) + 99)
        for key in self._choose_optional_keys(properties, built, path, depth):
            if len(built) < most:
                self._add_property(built, key, properties[key], path, depth)
        for key, property_schema in properties.items():
            if len(built) < fewest and key not in built:
                self._add_property(built, key, property_schema, path, depth)
        if not built and not properties and depth < self.rich_depth:
            fewest = max(fewest, min(1, most))
        for number in range(1, 99):
            if len(built) >= fewest:
                break
            key = self._invent_key(schema, number)
            property_schema = _find_property_schema(schema, key)
            if property_schema is False:
                break
            self._add_property(built, key, property_schema, path, depth)
        return built if len(built) < 2 else {key: built[key] for key in (*properties, *built) if key in built}

    def _choose_optional_keys(self, properties: Schema, built: dict[str, Any], path: str, depth: int) -> list[str]:
        """Chooses the optional properties of an object: needed ones, and a few others while it is shallow."""
        chosen = [key for key in properties if key not in built and self._is_needed(f"{path}/{key}")]
        if depth < self.rich_depth:
            unneeded = [key for key in properties if key not in built and key not in chosen]
            chosen += (
                unneeded
                if self.rich_depth > _RICH_DEPTH
                else self.rng.sample(unneeded, min(len(unneeded), _MOST_OPTIONAL))
            )
        return chosen

    def _add_property(self, built: dict[str, Any], key: str, schema: Any, path: str, depth: int) -> None:
        """Adds an optional property, or leaves it out if no value is found for it."""
        try:
            built[key] = self.find_value(schema, f"{path}/{key}", key, depth + 1)
        except NoValueError:
            if self.values_left < 0:
                raise

    def _invent_key(self, schema: Schema, number: int) -> str:
        """Invents the name of a further property, by `patternProperties` or `propertyNames` if there are any."""
        names = schema.get("propertyNames")
        for pattern in schema.get("patternProperties", ()):
            return next(iter(propose_matches(pattern, 0, _LONGEST_TEXT, self.rng)), f"key{number}")
        if isinstance(names, dict) and names:
            return str(self.find_value({"type": "string", **names}, "", "", self.deepest))
        return f"key{number}"

    def _build_array(self, schema: Schema, path: str, name: str, depth: int) -> list[Any]:
        """Builds an array of the fewest allowed items, and of one where it is shallow or needed."""
        prefix_items: Sequence[Any] = schema.get("prefixItems", ())
        fewest, most = schema.get("minItems", 0), schema.get("maxItems", 99)
        items = schema.get("items", {})
        if fewest > _MOST_VALUES:
            raise NoValueError
        needed = self._is_needed(f"{path}/*")
        size = max(fewest, len(prefix_items), 1 if needed or (depth < self.rich_depth and items is not False) else 0)
        values: list[Any] = []
        if "contains" in schema:
            values.append(self.find_value(schema["contains"], f"{path}/*", name, depth + 1))
        for index in range(len(values), min(size, most)):
            item_schema = prefix_items[index] if index < len(prefix_items) else items
            try:
                values.append(
                    self._find_next_item(values, item_schema, path, name, depth, bool(schema.get("uniqueItems")))
                )
            except NoValueError:
                if index < fewest or needed or self.values_left < 0:
                    raise
                break
        return values

    def _find_next_item(
        self, earlier_items: list[Any], schema: Any, path: str, name: str, depth: int, unique: bool
    ) -> Any:
        """Finds the next item of an array, different from the earlier ones if items must be unique."""
        for _ in range(20):
            value = self.find_value(schema, f"{path}/*", name, depth + 1)
            if not unique or value not in earlier_items:
                return value
        options = schema.get("enum", ()) if isinstance(schema, dict) else ()
        for value in options:
            if value not in earlier_items:
                return value
        raise NoValueError

    def _is_needed(self, path: str) -> bool:
        """True if a needed path is this one or goes through it."""
        return any(needed == path or needed.startswith(f"{path}/") for needed in self.needed_paths)


def _list_json_types(schema: Schema) -> list[str]:
    """Lists the JSON types that a value may have, the likeliest first and null last."""
    declared = schema.get("type")
    if isinstance(declared, list):
        return sorted(declared, key=lambda json_type: json_type == "null")
    likeliest = schema_type(schema)
    return [likeliest] if declared else list(dict.fromkeys([likeliest, "string", "integer", "object", "array", "null"]))


def _find_property_schema(schema: Schema, key: str) -> Any:
    """Returns the schema of the value under a key: its own, a pattern's, or that of additional properties."""
    if key in schema.get("properties", {}):
        return schema["properties"][key]
    for pattern, pattern_schema in schema.get("patternProperties", {}).items():
        if compile_pattern(pattern).is_valid(key):
            return pattern_schema
    return schema.get("additionalProperties", {})


# ── numbers ──────────────────────────────────────────────────────────────────────────────────


def propose_numbers(schema: Schema, json_type: str, rng: Random) -> Iterator[float | int]:
    """Yields numbers within the schema's bounds, multiples of its step first; the last ones may be invalid."""
    step = schema.get("multipleOf") or 1
    lower_bounds = [schema[key] for key in ("minimum", "exclusiveMinimum") if key in schema]
    upper_bounds = [schema[key] for key in ("maximum", "exclusiveMaximum") if key in schema]
    high = min(upper_bounds, default=max([1, *lower_bounds]) + 20 * step)
    low = max(lower_bounds, default=min(1, high - 20 * step) if high < 1 else 1)
    first, last = ceil(low / step), floor(high / step)
    last = min(last, first + 10_000)
    for multiple in (rng.randint(first, last), first, first + 1, last, last - 1) if first <= last else ():
        value = multiple * step
        yield int(value) if json_type == "integer" or value == int(value) else value
    yield from (0, low, high, (low + high) / 2) if json_type == "number" else (0, int(low), int(high))


# ── texts ────────────────────────────────────────────────────────────────────────────────────


def propose_texts(schema: Schema, rng: Random) -> Iterator[str]:
    """Yields texts for the pattern, format and length of a schema; the caller checks which ones are valid."""
    shortest, longest = (
        schema.get("minLength", 0),
        schema.get("maxLength", max(_LONGEST_TEXT, schema.get("minLength", 0))),
    )
    if shortest > 100_000:
        return
    if "pattern" in schema:
        yield from propose_matches(schema["pattern"], shortest, longest, rng)
    expression = _FORMAT_PATTERNS.get(schema.get("format", ""))
    if expression:
        yield from propose_matches(expression, shortest, longest, rng)
    word = "".join(rng.choice("abcdefghiklmnoprstuvw") for _ in range(max(shortest, min(8, longest))))
    yield word
    yield from (word.upper(), "1" * max(1, shortest), "")


def propose_matches(expression: str, shortest: int, longest: int, rng: Random) -> Iterator[str]:
    """Yields up to eight texts that should match a regular expression, then ""; the caller checks them.

    The likelihood that a repetition goes on is adapted until texts have the right length.
    """
    node = _parse_expression(expression, shortest, longest)
    if node is None:
        return
    continuation, match_count = 0.85, 0
    for _ in range(_MOST_TRIES):
        written: list[str] = []
        try:
            _write_text(node, rng, continuation, written, max(longest, _LONGEST_TEXT) + 50)
        except NoValueError:
            continuation *= 0.7
            continue
        text = "".join(written)
        if text and shortest <= len(text) <= longest:
            match_count += 1
            yield text
            if match_count == 8:
                break
        continuation = (
            max(0.05, continuation * 0.9)
            if len(text) > longest
            else min(1.0, 0.05 + continuation)
            if len(text) < shortest
            else 0.6
        )
    yield ""


@lru_cache(4096)
def _parse_expression(expression: str, shortest: int, longest: int) -> tree.Node | None:
    """Parses a regular expression into a grammar's tree; None if it uses syntax that is not supported."""
    simplified = _strip_conditions(expression)
    for low, high, most in ((shortest, longest, 40), (0, 1 << 30, max(12, min(shortest, 2000)))):
        try:
            return patterns.translate_pattern(simplified, high, low, most)
        except (patterns.UnsupportedPattern, RecursionError):
            continue
    return None


_CLASS_RANGES = {
    "p{L}": "a-zA-Z", "p{Lu}": "A-Z", "p{Ll}": "a-z", "p{N}": "0-9", "p{Nd}": "0-9", "p{Z}": " ", "p{Zs}": " ",
    "p{P}": ".,-", "p{S}": "+", "p{M}": "\u0301", "p{ASCII}": "a-z", "p{Alpha}": "a-z", "p{Alnum}": "a-z0-9",
    "p{Print}": "a-z", "p{Graph}": "a-z", "p{IsAlphabetic}": "a-z", "p{Digit}": "0-9",
}  # fmt: skip
_EXPRESSION_PIECE = re.compile(
    r"\\(p\{\^?\w+\}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)|\[\^?\]?|\]|\(\?(?:[=!]|<[=!])|\(\?<\w+>|\(\?P<\w+>|.",
    re.DOTALL,
)


def _strip_conditions(expression: str) -> str:
    r"""Removes anchors, boundaries and look-around, and replaces classes that `patterns` does not know.

    `^(?=.*a)\p{L}+$` → `[a-zA-Z]+`.
    """
    kept_pieces: list[str] = []
    in_class, skipped_depth = False, 0
    for piece in _EXPRESSION_PIECE.finditer(expression):
        text, escaped = piece[0], piece[1]
        if skipped_depth:
            if text.startswith("(") and not in_class:
                skipped_depth += 1
            elif text == ")" and not in_class:
                skipped_depth -= 1
            in_class = text.startswith("[") or (in_class and text != "]")
            continue
        if escaped is not None:
            text = _simplify_escape(escaped, in_class)
        elif in_class:
            in_class = text != "]"
            if text.startswith("[") or text in "{}()|?*+.$":
                text = "".join(f"\\{sign}" for sign in text)
        elif text.startswith("["):
            in_class = True
        elif text in ("^", "$"):
            continue
        elif text.startswith(("(?=", "(?!", "(?<=", "(?<!")):
            skipped_depth = 1
            continue
        elif text.startswith("(?") and text.endswith(">"):
            text = "("
        kept_pieces.append(text)
    return "".join(kept_pieces)


def _simplify_escape(sign: str, in_class: bool) -> str:
    r"""Rewrites an escape, given without its backslash, as the pattern reader knows it: `p{L}` → `[a-zA-Z]`."""
    if sign[0] == "p" and len(sign) > 1:
        ranges = _CLASS_RANGES.get(sign.replace("p{Is", "p{"), "a-z")
        return ranges if in_class else f"[{ranges}]"
    if sign[0] in "xu" and len(sign) > 2:
        char = chr(int(sign[1:], 16))
        return f"\\{char}" if not char.isalnum() and char.isprintable() else char
    if sign in "bBAzZ" and not in_class:
        return ""
    if sign in "SWD" and in_class:  # of a class with several members, any one will do
        return "a-z"
    return f"\\{sign}"


def _write_text(node: tree.Node, rng: Random, continuation: float, written: list[str], room: int) -> None:
    """Appends a text of the tree to `written`, in pieces; `continuation` is the probability that a repetition goes on.

    Raises:
        NoValueError: it would have more than `room` pieces.
    """
    if len(written) > room:
        raise NoValueError
    match node:
        case tree.Literal(text):
            written.append(json.loads(f'"{text}"'))
        case tree.Chars(ranges):
            written.append(_draw_character(ranges, rng))
        case tree.Sequence(children):
            for child in children:
                _write_text(child, rng, continuation, written, room)
        case tree.Choice(options):
            _write_text(rng.choice(options), rng, continuation, written, room)
        case tree.Repeat(child, low, high):
            count = low
            while count < high and rng.random() < continuation:
                count += 1
            for _ in range(count):
                _write_text(child, rng, continuation, written, room)


def _draw_character(ranges: Sequence[tuple[int, int]], rng: Random) -> str:
    """Draws a character from ranges of code points: an ASCII letter or digit if there are any."""
    natural = [
        (max(low, range_start), min(high, range_end))
        for low, high in ranges
        for range_start, range_end in _NATURAL_RANGES
        if max(low, range_start) <= min(high, range_end)
    ]
    low, high = rng.choice(natural or ranges)
    return chr(rng.randint(low, min(high, low + 200)))
