"""Random sentences of a grammar tree, to test what is said of every sentence."""

import random

from funcdex_assets.dml.grammar.tree import Chars, Choice, Grammar, Literal, Node, Ref, Repeat, Run, Sequence

POOL = [chr(code) for code in range(1, 128)] + list("éß漢\u2028\x85\xa0😀<<</auptos>>\\\\")


def sample(grammar: Grammar, rng: random.Random, start: str | None = None) -> str:
    out: list[str] = []
    _sample(Ref(start or grammar.root), grammar, rng, out)
    return "".join(out)


def _sample(node: Node, grammar: Grammar, rng: random.Random, out: list[str]) -> None:
    match node:
        case Literal(text):
            out.append(text)
        case Chars(ranges, negated):
            out.append(_char(ranges, negated, rng))
        case Sequence(parts):
            for part in parts:
                _sample(part, grammar, rng, out)
        case Choice(options):
            _sample(rng.choice(options), grammar, rng, out)
        case Ref(name):
            _sample(grammar.rules[name], grammar, rng, out)
        case Repeat(part, low, high):
            for _ in range(_count(low, high, rng)):
                _sample(part, grammar, rng, out)
        case Run():
            _sample(node.first, grammar, rng, out)
            for _ in range(rng.choice((_count(0, node.most, rng), node.most))):
                _sample(rng.choice((node.pieces[0], node.pieces[0], *node.pieces, *node.wholes)), grammar, rng, out)


def _count(low: int, high: int, rng: random.Random) -> int:
    count = low
    while count < high and rng.random() < 0.6:
        count += 1
    return rng.choice((low, count, count, count, high if high < 20 else count))


def _char(ranges: tuple[tuple[int, int], ...], negated: bool, rng: random.Random) -> str:
    if negated:
        return rng.choice([char for char in POOL if not any(low <= ord(char) <= high for low, high in ranges)])
    low, high = rng.choice(ranges)
    return chr(rng.choice((low, high, rng.randint(low, high))))
