"""A small interpreter of GBNF, so that the grammars are tested without an inference engine.

Here belongs the reading of GBNF as llama.cpp reads it (with its limits), a matcher and a sampler.
The matcher keeps the set of stacks that the text so far can have led to, as llama.cpp does.
"""

import random
import re
from functools import cache

NAME = re.compile(r"[a-zA-Z0-9-]+")
BOUNDS = re.compile(r"\{(\d+)(,?)(\d*)\}")
ESCAPES = {"t": "\t", "r": "\r", "n": "\n", "\\": "\\", '"': '"', "[": "[", "]": "]"}
MAX_REPETITIONS = 2000  # llama.cpp's MAX_REPETITION_THRESHOLD
POOL = [chr(code) for code in range(1, 128)] + list("éß漢\u2028\x85\xa0😀<<<")


class Chars:
    def __init__(self, ranges: list[tuple[str, str]], negated: bool) -> None:
        self.ranges, self.negated = ranges, negated

    @cache  # noqa: B019 (grammars live as long as the tests)
    def matches(self, char: str) -> bool:
        return any(low <= char <= high for low, high in self.ranges) != self.negated


class Seq:
    def __init__(self, items: list) -> None:
        self.items = items


class Alt:
    def __init__(self, items: list) -> None:
        self.items = items


class Ref:
    def __init__(self, name: str) -> None:
        self.name = name


class Rep:
    def __init__(self, item: object, low: int, high: int | None) -> None:
        self.item, self.low, self.high = item, low, high
        self._less: Rep | None = None

    def less(self) -> "Rep":
        if self.high is None and self.low == 0:
            return self
        if self._less is None:
            high = None if self.high is None else self.high - 1
            self._less = Rep(self.item, max(self.low - 1, 0), high)
        return self._less


class Grammar:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.rules = text, 0, {}
        self.references: set[str] = set()
        self._space(True)
        while self.at < len(text):
            name = self._name()
            self._space(False)
            assert self._take("::="), self._place()
            self._space(True)
            assert name not in self.rules, f"rule {name} is defined twice"
            self.rules[name] = self._alternatives(nested=False)
            assert self.at == len(text) or text[self.at] == "\n", self._place()
            self._space(True)
        assert self.references <= self.rules.keys(), self.references - self.rules.keys()

    def accepts(self, text: str, start: object = None) -> bool:
        return self.reach(text, start) == (len(text), True)

    def reach(self, text: str, start: object = None) -> tuple[int, bool]:
        """How many characters the grammar follows, and whether it can end there."""
        stacks = self._expand([(start or Ref("root"), None)])
        for at, char in enumerate(text):
            after = [rest for node, rest in (s for s in stacks if s) if node.matches(char)]
            if not after:
                return at, None in stacks
            stacks = self._expand(after)
        return len(text), None in stacks

    def sample(self, rng: random.Random, start: object = None) -> str:
        out: list[str] = []
        self._sample(start or Ref("root"), rng, out)
        return "".join(out)

    def _expand(self, stacks: list) -> set:
        """All stacks with a character on top (or None: the end) that `stacks` stand for."""
        todo, seen, done = list(stacks), set(), set()
        while todo:
            stack = todo.pop()
            if stack in seen:
                continue
            seen.add(stack)
            if stack is None or isinstance(stack[0], Chars):
                done.add(stack)
                continue
            node, rest = stack
            if isinstance(node, Seq):
                for item in reversed(node.items):
                    rest = (item, rest)
                todo.append(rest)
            elif isinstance(node, Alt):
                todo += [(item, rest) for item in node.items]
            elif isinstance(node, Ref):
                todo.append((self.rules[node.name], rest))
            else:
                if node.low == 0:
                    todo.append(rest)
                if node.high != 0:
                    todo.append((node.item, (node.less(), rest)))
        return done

    def _sample(self, node: object, rng: random.Random, out: list[str]) -> None:
        if isinstance(node, Chars):
            if node.negated:
                out.append(rng.choice([char for char in POOL if node.matches(char)]))
            else:
                low, high = rng.choice(node.ranges)
                out.append(chr(rng.randint(ord(low), ord(high))))
        elif isinstance(node, Seq):
            for item in node.items:
                self._sample(item, rng, out)
        elif isinstance(node, Alt):
            self._sample(rng.choice(node.items), rng, out)
        elif isinstance(node, Ref):
            self._sample(self.rules[node.name], rng, out)
        elif isinstance(node, Rep):
            count = node.low
            while (node.high is None or count < node.high) and rng.random() < 0.5:
                count += 1
            for _ in range(count):
                self._sample(node.item, rng, out)

    # ── reading, after llama.cpp's llama_grammar_parser ──────────────────────────────────────────

    def _place(self) -> str:
        return f"line {self.text.count(chr(10), 0, self.at) + 1}: {self.text[self.at : self.at + 30]!r}"

    def _space(self, newline_ok: bool) -> None:
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif char in " \t" or (newline_ok and char in "\r\n"):
                self.at += 1
            else:
                return

    def _take(self, sign: str) -> bool:
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def _name(self) -> str:
        found = NAME.match(self.text, self.at)
        assert found, self._place()
        self.at = found.end()
        return found.group()

    def _alternatives(self, nested: bool) -> object:
        items = [self._sequence(nested)]
        while self._take("|"):
            self._space(True)
            items.append(self._sequence(nested))
        return Alt(items) if len(items) > 1 else items[0]

    def _sequence(self, nested: bool) -> object:
        items: list = []
        while self.at < len(self.text):
            if self._take('"'):
                chars = []
                while not self._take('"'):
                    char = self._char()
                    chars.append(Chars([(char, char)], False))
                items.append(Seq(chars))
            elif self._take("["):
                items.append(self._class())
            elif self._take("("):
                self._space(True)
                items.append(self._alternatives(nested=True))
                assert self._take(")"), self._place()
            elif NAME.match(self.text, self.at):
                name = self._name()
                self.references.add(name)
                items.append(Ref(name))
            elif self.text[self.at] in "*+?{":
                items.append(self._repeated(items.pop()))
            else:
                break
            self._space(nested)
        assert items, self._place()
        return Seq(items) if len(items) > 1 else items[0]

    def _class(self) -> Chars:
        negated = self._take("^")
        ranges = []
        while not self._take("]"):
            low = high = self._char()
            if self.text[self.at] == "-" and self.text[self.at + 1] != "]":
                self.at += 1
                high = self._char()
            assert low <= high, self._place()
            ranges.append((low, high))
        return Chars(ranges, negated)

    def _char(self) -> str:
        char = self.text[self.at]
        assert char != "\n", self._place()
        self.at += 1
        if char != "\\":
            return char
        sign = self.text[self.at]
        self.at += 1
        digits = {"x": 2, "u": 4, "U": 8}.get(sign)
        if digits is None:
            assert sign in ESCAPES, self._place()
            return ESCAPES[sign]
        self.at += digits
        return chr(int(self.text[self.at - digits : self.at], 16))

    def _repeated(self, item: object) -> Rep:
        for sign, low, high in (("*", 0, None), ("+", 1, None), ("?", 0, 1)):
            if self._take(sign):
                return Rep(item, low, high)
        found = BOUNDS.match(self.text, self.at)
        assert found, self._place()
        self.at = found.end()
        low = int(found[1])
        high = low if not found[2] else int(found[3]) if found[3] else None
        assert (high or low) * self._rules_in(item) < MAX_REPETITIONS, self._place()
        return Rep(item, low, high)

    def _rules_in(self, node: object) -> int:
        """At least the rules that llama.cpp makes of a repeated group: it multiplies them."""
        if isinstance(node, Seq | Alt):
            return 1 + sum(self._rules_in(item) for item in node.items if not isinstance(item, Chars))
        if isinstance(node, Rep):
            return (node.high or 1) * self._rules_in(node.item)
        return 1
