r"""A value that a schema allows, found by search: for what nobody has better words.

Realistic values come from `values.py` and `simulation/fields.py`. Here belongs what makes a value right where
those are wrong or have nothing to say: patterns, lengths, multiples, choices of which only one may hold, definitions
that contain themselves. Every search is bounded; what it finds is valid, or it finds nothing.

>>> schema = {"$defs": {"code": {"type": "string", "pattern": "^[UW][0-9]{3}$|^$", "minLength": 1}},
...           "properties": {"code": {"$ref": "#/$defs/code"}, "next": {"$ref": "#"}}, "required": ["code"]}
>>> sample(schema["properties"]["code"], schema, Random(1))
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
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.references import alternatives
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.validation import fits, matcher

Propose = Callable[[Schema, str], Any]
"""A likely value for a scalar of this schema and name; it is taken where it is valid."""

_MOST_VALUES = 1500  # that one search makes
_MOST_WAYS = 24  # through the choices of one place
_MOST_TRIES = 60  # to write a text of the right length
_RICH, _DEPTHS = 2, (6, 12, 24, 40)
_OPTIONAL = 5  # properties of one object that need not be there
_LONGEST = 200
_NATURAL = [(0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)]
_FORMATS: dict[str, str] = {
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


def sample(
    schema: Any,
    root: Schema,
    rng: Random,
    propose: Propose | None = None,
    needed: frozenset[str] = frozenset(),
    path: str = "",
    name: str = "",
    lean: bool = False,
) -> Any:
    """A value of a part of `root`, with a few optional properties and those on the way to `needed` paths; a `lean`
    one has no more than it must.

    Raises:
        NoValueError: none was found within bounds.
    """
    below = [one.removeprefix(path) for one in needed if one.startswith(f"{path}/")]
    spare: list[Any] = []  # valid, but without what is needed
    tries = [(_RICH, _DEPTHS[1]), (_RICH, _DEPTHS[1]), *((0, depth) for depth in _DEPTHS), (9, _DEPTHS[0])]
    for rich, deepest in tries[2:] if lean else tries:
        search = _Search(root, rng, propose, needed, rich, deepest)
        try:
            value = search.value(schema, path, name, 0)
        except NoValueError:
            continue
        if fits(schema, root, value):
            if all(at_pointer(value, inside) not in (None, "") for inside in below):
                return value
            spare.append(value)
    if spare:
        return spare[0]
    raise NoValueError(f"no value found for {path or 'the whole'}")


class _Search:
    """One try. Objects have optional properties down to the depth `rich`; nothing is deeper than `deepest`."""

    def __init__(
        self, root: Schema, rng: Random, propose: Propose | None, needed: frozenset[str], rich: int, deepest: int
    ) -> None:
        self.root, self.rng, self.propose, self.needed = root, rng, propose, needed
        self.rich, self.deepest, self.left = rich, deepest, _MOST_VALUES

    def value(self, schema: Any, path: str, name: str, depth: int) -> Any:
        self.left -= 1
        if self.left < 0 or depth > self.deepest:
            raise NoValueError
        ways = list(islice(alternatives(schema, self.root), _MOST_WAYS))
        for way in ways:
            for kind in _kinds(way):
                try:
                    value = self._of(way, kind, path, name, depth)
                except NoValueError:
                    continue
                if kind not in ("object", "array") or len(ways) == 1 or fits(schema, self.root, value):
                    return value
        raise NoValueError

    def _of(self, schema: Schema, kind: str, path: str, name: str, depth: int) -> Any:
        if "const" in schema:
            return self._first(schema, [schema["const"]])
        if "enum" in schema:
            options = [option for option in schema["enum"] if option is not None] or [None]
            return self._first(schema, self.rng.sample(options, min(len(options), 20)))
        match kind:
            case "object":
                return self._object(schema, path, depth)
            case "array":
                return self._array(schema, path, name, depth)
            case "null":
                return None
            case "boolean":
                return self._first(schema, self._likely(schema, name, (self.rng.random() < 0.5, True, False)))
            case "integer" | "number":
                return self._first(schema, self._likely(schema, name, numbers(schema, kind, self.rng)))
        return self._first(schema, self._likely(schema, name, texts(schema, self.rng)))

    def _likely(self, schema: Schema, name: str, others: Iterable[Any]) -> Iterator[Any]:
        if self.propose and "pattern" not in schema:
            yield self.propose(schema, name)
        yield from schema.get("examples", ())
        yield from others

    def _first(self, schema: Schema, options: Iterable[Any]) -> Any:
        for option in options:
            if fits(schema, self.root, option):
                return option
        raise NoValueError

    # ── objects and arrays ───────────────────────────────────────────────────────────────────

    def _object(self, schema: Schema, path: str, depth: int) -> dict[str, Any]:
        properties: Schema = schema.get("properties", {})
        required = list(schema.get("required", ()))
        for key, others in schema.get("dependentRequired", {}).items():
            required += [other for other in others if key in required]
        made: dict[str, Any] = {}
        for key in dict.fromkeys(required):
            made[key] = self.value(_property(schema, key), f"{path}/{key}", key, depth + 1)
        least, most = schema.get("minProperties", 0), schema.get("maxProperties", len(properties) + 99)
        for key in self._optional(properties, made, path, depth):
            if len(made) < most:
                self._add(made, key, properties[key], path, depth)
        for key, part in properties.items():
            if len(made) < least and key not in made:
                self._add(made, key, part, path, depth)
        if not made and not properties and depth < self.rich:
            least = max(least, min(1, most))
        for number in range(1, 99):
            if len(made) >= least:
                break
            key = self._key(schema, number)
            if (part := _property(schema, key)) is False:
                break
            self._add(made, key, part, path, depth)
        return made if len(made) < 2 else {key: made[key] for key in (*properties, *made) if key in made}

    def _optional(self, properties: Schema, made: dict[str, Any], path: str, depth: int) -> list[str]:
        wanted = [key for key in properties if key not in made and self._is_needed(f"{path}/{key}")]
        if depth < self.rich:
            others = [key for key in properties if key not in made and key not in wanted]
            wanted += others if self.rich > _RICH else self.rng.sample(others, min(len(others), _OPTIONAL))
        return wanted

    def _add(self, made: dict[str, Any], key: str, schema: Any, path: str, depth: int) -> None:
        try:
            made[key] = self.value(schema, f"{path}/{key}", key, depth + 1)
        except NoValueError:
            if self.left < 0:
                raise

    def _key(self, schema: Schema, number: int) -> str:
        names = schema.get("propertyNames")
        for pattern in schema.get("patternProperties", ()):
            return next(iter(matches(pattern, 0, _LONGEST, self.rng)), f"key{number}")
        if isinstance(names, dict) and names:
            return str(self.value({"type": "string", **names}, "", "", self.deepest))
        return f"key{number}"

    def _array(self, schema: Schema, path: str, name: str, depth: int) -> list[Any]:
        first: Sequence[Any] = schema.get("prefixItems", ())
        least, most = schema.get("minItems", 0), schema.get("maxItems", 99)
        items = schema.get("items", {})
        if least > _MOST_VALUES:
            raise NoValueError
        needed = self._is_needed(f"{path}/*")
        size = max(least, len(first), 1 if needed or (depth < self.rich and items is not False) else 0)
        made: list[Any] = []
        if "contains" in schema:
            made.append(self.value(schema["contains"], f"{path}/*", name, depth + 1))
        for index in range(len(made), min(size, most)):
            part = first[index] if index < len(first) else items
            try:
                made.append(self._another(made, part, path, name, depth, bool(schema.get("uniqueItems"))))
            except NoValueError:
                if index < least or needed or self.left < 0:
                    raise
                break
        return made

    def _another(self, made: list[Any], schema: Any, path: str, name: str, depth: int, new: bool) -> Any:
        for _ in range(20):
            value = self.value(schema, f"{path}/*", name, depth + 1)
            if not new or value not in made:
                return value
        options = schema.get("enum", ()) if isinstance(schema, dict) else ()
        for value in options:
            if value not in made:
                return value
        raise NoValueError

    def _is_needed(self, path: str) -> bool:
        return any(needed == path or needed.startswith(f"{path}/") for needed in self.needed)


def _kinds(schema: Schema) -> list[str]:
    """The types that a value may have, the likeliest first and null last."""
    declared = schema.get("type")
    if isinstance(declared, list):
        return sorted(declared, key=lambda kind: kind == "null")
    guessed = schema_type(schema)
    return [guessed] if declared else list(dict.fromkeys([guessed, "string", "integer", "object", "array", "null"]))


def _property(schema: Schema, key: str) -> Any:
    """What holds for the value under a key."""
    if key in schema.get("properties", {}):
        return schema["properties"][key]
    for pattern, part in schema.get("patternProperties", {}).items():
        if matcher(pattern).is_valid(key):
            return part
    return schema.get("additionalProperties", {})


# ── numbers ──────────────────────────────────────────────────────────────────────────────────


def numbers(schema: Schema, kind: str, rng: Random) -> Iterator[float | int]:
    """Numbers within the bounds, round ones first."""
    step = schema.get("multipleOf") or 1
    lows = [schema[key] for key in ("minimum", "exclusiveMinimum") if key in schema]
    highs = [schema[key] for key in ("maximum", "exclusiveMaximum") if key in schema]
    high = min(highs, default=max([1, *lows]) + 20 * step)
    low = max(lows, default=min(1, high - 20 * step) if high < 1 else 1)
    first, last = ceil(low / step), floor(high / step)
    last = min(last, first + 10_000)
    for count in (rng.randint(first, last), first, first + 1, last, last - 1) if first <= last else ():
        value = count * step
        yield int(value) if kind == "integer" or value == int(value) else value
    yield from (0, low, high, (low + high) / 2) if kind == "number" else (0, int(low), int(high))


# ── texts ────────────────────────────────────────────────────────────────────────────────────


def texts(schema: Schema, rng: Random) -> Iterator[str]:
    """Texts of the format, the pattern and the length that a schema asks for, as far as can be told beforehand."""
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", max(_LONGEST, schema.get("minLength", 0)))
    if shortest > 100_000:
        return
    if "pattern" in schema:
        yield from matches(schema["pattern"], shortest, longest, rng)
    if expression := _FORMATS.get(schema.get("format", "")):
        yield from matches(expression, shortest, longest, rng)
    word = "".join(rng.choice("abcdefghiklmnoprstuvw") for _ in range(max(shortest, min(8, longest))))
    yield word
    yield from (word.upper(), "1" * max(1, shortest), "")


def matches(expression: str, shortest: int, longest: int, rng: Random) -> Iterator[str]:
    """Texts that should match a regular expression: whether they do, the caller finds out."""
    node = _tree_of(expression, shortest, longest)
    if node is None:
        return
    more, found = 0.85, 0
    for _ in range(_MOST_TRIES):
        written: list[str] = []
        try:
            _write(node, rng, more, written, max(longest, _LONGEST) + 50)
        except NoValueError:
            more *= 0.7
            continue
        text = "".join(written)
        if text and shortest <= len(text) <= longest:
            found += 1
            yield text
            if found == 8:
                break
        more = max(0.05, more * 0.9) if len(text) > longest else min(1.0, 0.05 + more) if len(text) < shortest else 0.6
    yield ""


@lru_cache(4096)
def _tree_of(expression: str, shortest: int, longest: int) -> tree.Node | None:
    plain = _without_conditions(expression)
    for low, high, most in ((shortest, longest, 40), (0, 1 << 30, max(12, min(shortest, 2000)))):
        try:
            return patterns.pattern(plain, high, low, most)
        except (patterns.Unsupported, RecursionError):
            continue
    return None


_CLASSES = {
    "p{L}": "a-zA-Z", "p{Lu}": "A-Z", "p{Ll}": "a-z", "p{N}": "0-9", "p{Nd}": "0-9", "p{Z}": " ", "p{Zs}": " ",
    "p{P}": ".,-", "p{S}": "+", "p{M}": "\u0301", "p{ASCII}": "a-z", "p{Alpha}": "a-z", "p{Alnum}": "a-z0-9",
    "p{Print}": "a-z", "p{Graph}": "a-z", "p{IsAlphabetic}": "a-z", "p{Digit}": "0-9",
}  # fmt: skip
_PIECE = re.compile(
    r"\\(p\{\^?\w+\}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)|\[\^?\]?|\]|\(\?(?:[=!]|<[=!])|\(\?<\w+>|\(\?P<\w+>|.",
    re.DOTALL,
)


def _without_conditions(expression: str) -> str:
    """The expression without ends, boundaries and look-around, and with classes that the reader of patterns knows."""
    found: list[str] = []
    in_class, skipped = False, 0
    for piece in _PIECE.finditer(expression):
        text, escaped = piece[0], piece[1]
        if skipped:
            skipped += (text.startswith("(") and not in_class) - (text == ")" and not in_class)
            in_class = text.startswith("[") or (in_class and text != "]")
            continue
        if escaped is not None:
            text = _plain_escape(escaped, in_class)
        elif in_class:
            in_class = text != "]"
            if text.startswith("[") or text in "{}()|?*+.$":
                text = "".join(f"\\{sign}" for sign in text)
        elif text.startswith("["):
            in_class = True
        elif text in ("^", "$"):
            continue
        elif text.startswith(("(?=", "(?!", "(?<=", "(?<!")):
            skipped = 1
            continue
        elif text.startswith("(?") and text.endswith(">"):
            text = "("
        found.append(text)
    return "".join(found)


def _plain_escape(sign: str, in_class: bool) -> str:
    if sign[0] == "p" and len(sign) > 1:
        inside = _CLASSES.get(sign.replace("p{Is", "p{"), "a-z")
        return inside if in_class else f"[{inside}]"
    if sign[0] in "xu" and len(sign) > 2:
        char = chr(int(sign[1:], 16))
        return f"\\{char}" if not char.isalnum() and char.isprintable() else char
    if sign in "bBAzZ" and not in_class:
        return ""
    if sign in "SWD" and in_class:  # beside others, these are one of many
        return "a-z"
    return f"\\{sign}"


def _write(node: tree.Node, rng: Random, more: float, written: list[str], room: int) -> None:
    """A sentence of the tree; `more` is how likely a repetition goes on."""
    if len(written) > room:
        raise NoValueError
    match node:
        case tree.Literal(text):
            written.append(json.loads(f'"{text}"'))
        case tree.Chars(ranges):
            written.append(_char(ranges, rng))
        case tree.Sequence(parts):
            for part in parts:
                _write(part, rng, more, written, room)
        case tree.Choice(options):
            _write(rng.choice(options), rng, more, written, room)
        case tree.Repeat(part, low, high):
            count = low
            while count < high and rng.random() < more:
                count += 1
            for _ in range(count):
                _write(part, rng, more, written, room)


def _char(ranges: Sequence[tuple[int, int]], rng: Random) -> str:
    natural = [
        (max(low, least), min(high, most))
        for low, high in ranges
        for least, most in _NATURAL
        if max(low, least) <= min(high, most)
    ]
    low, high = rng.choice(natural or ranges)
    return chr(rng.randint(low, min(high, low + 200)))
