"""Counts the habits of wording that make code hard to guess: one-word function names, riddles, vague bindings.

Belongs here: what is counted and the lists of words it is counted with; the aims, and why, are in `docs/glossary.md`.

    python scripts/measure_words.py               the figures of the whole project
    python scripts/measure_words.py --by-package  a line for each package
    python scripts/measure_words.py --list DIR    every place in DIR that counts, as file:line kind name
"""

import argparse
import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
SOURCES = ("funcdex_assets", "resources")

# Bindings that say nothing of what they hold. A participle of a verb of saying, seeing or making, a pronoun, a
# stand-in noun: each is right in a poem and none tells a reader what type or what thing it is.
VAGUE = frozenset(
    """
    one ones other others another part parts found place places told said there given held kept made own thing things
    known seen taken wanted asked named called shown left rest again also both all any some such here that these those
    it them something anything everything stuff data tmp temp obj foo bar info misc thereof whole mine his its
    """.split()
)
VAGUE_BY_DESIGN = frozenset(("self", "cls", "_"))
RIDDLES = re.compile(r"(?:what|whether|who|whom|whose|how|which|when|where|why)\b", re.IGNORECASE)
# Prefixes that make two words of one without saying more.
EMPTY_PREFIXES = ("get_", "do_", "handle_", "process_", "make_")
# One-word names that a protocol or framework asks for, or that are the field's own verb for the object's one action.
EXPECTED = frozenset(("main", "decorate", "wrapper"))


@dataclass(frozen=True)
class Place:
    """A name or docstring in a file.

    `kind` is "function", "docstring" or "binding"; `counts` says that it is an instance of the habit.
    """

    file: Path
    line: int
    kind: str
    name: str
    counts: bool


def find_places(path: Path) -> Iterator[Place]:
    """Yields every function name, docstring and binding of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = node.name.strip("_")
            if not (node.name.startswith("__") and node.name.endswith("__")) and name:
                yield Place(path, node.lineno, "function", node.name, "_" not in name and name not in EXPECTED)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            docstring = ast.get_docstring(node)
            if docstring:
                line = getattr(node, "lineno", 1)
                yield Place(path, line, "docstring", docstring.split("\n")[0], bool(RIDDLES.match(docstring)))
        for name, line in _bound_names(node):
            if name not in VAGUE_BY_DESIGN:
                yield Place(path, line, "binding", name, name.strip("_") in VAGUE)


def _bound_names(node: ast.AST) -> Iterator[tuple[str, int]]:
    """Yields names and lines of parameters and of the targets of assignments, loops, `with` and `except`."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id, node.lineno
    elif isinstance(node, ast.arg):
        yield node.arg, node.lineno
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name, node.lineno


def summarise(places: list[Place]) -> str:
    """Writes the four figures as one line."""
    total, counted = (
        Counter(occurrence.kind for occurrence in places),
        Counter(occurrence.kind for occurrence in places if occurrence.counts),
    )
    prefixed = sum(
        occurrence.kind == "function" and occurrence.name.strip("_").startswith(EMPTY_PREFIXES) for occurrence in places
    )
    shares = [
        f"{label} {counted[kind] / max(1, total[kind]):6.1%} ({counted[kind]} of {total[kind]})"
        for kind, label in (
            ("function", "one-word functions"),
            ("docstring", "docstrings that ask"),
            ("binding", "vague bindings"),
        )
    ]
    return "   ".join([*shares, f"empty prefixes {prefixed / max(1, total['function']):5.1%}"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--by-package", action="store_true")
    parser.add_argument("--list", type=Path, metavar="DIR", help="every place that counts in this folder or file")
    arguments = parser.parse_args()
    if arguments.list:
        target = arguments.list
        for path in [target] if target.is_file() else sorted(target.rglob("*.py")):
            for occurrence in find_places(path):
                if occurrence.counts:
                    print(f"{occurrence.file}:{occurrence.line} {occurrence.kind} {occurrence.name}")
        return 0
    files = sorted({path.resolve() for source in SOURCES for path in (REPOSITORY / source).rglob("*.py")})
    occurrences = [occurrence for path in files for occurrence in find_places(path)]
    if arguments.by_package:
        rooms: dict[str, list[Place]] = {}
        for occurrence in occurrences:
            relative = occurrence.file.relative_to(REPOSITORY)
            rooms.setdefault("/".join(relative.parts[:2]), []).append(occurrence)
        for room, occurrences_of_room in sorted(rooms.items()):
            print(f"{room:<40} {summarise(occurrences_of_room)}")
    print(f"{'all':<40} {summarise(occurrences)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
