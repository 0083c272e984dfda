"""Draws the rooms of the package on their floors, and the imports between them.

Belongs here: which room a module is in, the count of imports, and the picture. The floors are those of the `layers`
contract in `pyproject.toml`; a checkout without them is drawn on floors that are derived: as high as the longest way of
imports below.

    python scripts/draw_packages.py packages.png                     this checkout
    python scripts/draw_packages.py before.png --checkout OTHER      another one

An arrow runs from the importing room to the imported one, as thick as there are imports. Black goes down; red goes up,
or back and forth between two rooms.
"""

import argparse
import ast
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = "funcdex_assets"
OUTSIDE = "resources"  # the folder at the top that is installed as a room


def list_modules(checkout: Path) -> Iterator[tuple[str, Path]]:
    """Every module with the room that it is in: a folder of the package, or a module directly under it."""
    for path in sorted((checkout / ROOT).rglob("*.py")):
        parts = path.relative_to(checkout / ROOT).parts
        room = checkout / ROOT / parts[0]
        if parts[0] == "__init__.py" or room.is_symlink() or (room.is_dir() and not (room / "__init__.py").exists()):
            continue
        yield parts[0].removesuffix(".py"), path
    for path in sorted((checkout / OUTSIDE).glob("*.py")):
        yield OUTSIDE, path


def count_imports(checkout: Path) -> Counter[tuple[str, str]]:
    """(importing room, imported room) → the number of import statements; imports within a room do not count."""
    counts: Counter[tuple[str, str]] = Counter()
    rooms = {room for room, _ in list_modules(checkout)}
    for room, path in list_modules(checkout):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for imported in _list_imported_rooms(node):
                if imported in rooms and imported != room:
                    counts[room, imported] += 1
    return counts


def _list_imported_rooms(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        names = node.module.split(".")
        if names[0] == OUTSIDE:
            yield OUTSIDE
        elif names == [ROOT]:
            yield from (alias.name for alias in node.names)
        elif names[0] == ROOT:
            yield names[1]


def read_floors(checkout: Path) -> list[list[str]]:
    """The floors of the `layers` contract, from the top; empty where there is none."""
    settings = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings.get("tool", {}).get("importlinter", {}).get("contracts", [])
    layers = next((contract["layers"] for contract in contracts if contract["type"] == "layers"), [])
    return [[room.strip() for room in layer.split("|")] for layer in layers]


def derive_floors(rooms: Sequence[str], imports: Mapping[tuple[str, str], int]) -> list[list[str]]:
    """Floors from the top, so that as few imports as the order of removal allows go up.

    Again and again the room that imports the least from those that are left is put below them; in a graph without
    circles no import goes up.
    """
    left, below = set(rooms), []
    while left:
        room = min(
            sorted(left),
            key=lambda name: (
                sum(count for (source, target), count in imports.items() if source == name and target in left),
                -sum(count for (source, target), count in imports.items() if target == name and source in left),
            ),
        )
        left.remove(room)
        below.append([room])
    return below[::-1]


def find_circles(imports: Mapping[tuple[str, str], int]) -> list[set[str]]:
    """Groups of rooms that reach one another through imports."""
    reached: dict[str, set[str]] = defaultdict(set)
    for source in {room for pair in imports for room in pair}:
        waiting = [source]
        while waiting:
            here = waiting.pop()
            for first, second in imports:
                if first == here and second not in reached[source]:
                    reached[source].add(second)
                    waiting.append(second)
    groups: list[set[str]] = []
    for room in sorted(reached):
        group = {other for other in reached[room] if room in reached[other]} | {room}
        if len(group) > 1 and group not in groups:
            groups.append(group)
    return groups


def draw(floors: Sequence[Sequence[str]], imports: Mapping[tuple[str, str], int], path: Path) -> int:
    """Writes the picture; returns how many arrows are red."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyArrowPatch

    figure = Figure(figsize=(13, 0.45 * len(floors) + 1.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    positions: dict[str, tuple[float, float]] = {}
    for index, floor in enumerate(floors):
        for number, room in enumerate(floor):
            # Neighbouring floors are shifted against each other, so that arrows past a floor can be told apart.
            offset = 0.0 if len(floor) > 1 else (-1.6, 1.2, -0.5, 1.9, 0.4, -1.1)[index % 6]
            positions[room] = (4.2 * (number - (len(floor) - 1) / 2) + offset, float(len(floors) - index))
    levels = {room: index for index, floor in enumerate(floors) for room in floor}
    red = 0
    for (source, target), count in sorted(imports.items()):
        upward = levels[source] >= levels[target]
        red += upward
        axes.add_patch(
            FancyArrowPatch(
                positions[source],
                positions[target],
                arrowstyle="-|>",
                mutation_scale=7,
                shrinkA=11,
                shrinkB=11,
                connectionstyle=f"arc3,rad={0.28 if upward else 0.13}",
                linewidth=0.5 + min(count, 30) / 12,
                color="#c0392b" if upward else "#33415588",
                zorder=3 if upward else 1,
            )
        )
    for room, (x, y) in positions.items():
        axes.text(
            x,
            y,
            room,
            ha="center",
            va="center",
            fontsize=9,
            zorder=4,
            bbox={"boxstyle": "round,pad=0.32", "facecolor": "#eef3f9", "edgecolor": "#4f7cac"},
        )
    circles = find_circles(imports)
    knot = (
        f"{len(circles)} knots, of {', '.join(str(len(circle)) for circle in circles)} rooms"
        if circles
        else "no circle"
    )
    axes.set_title(
        f"{len(levels)} rooms, {len(imports)} arrows, {red} of them upwards; {knot}", fontsize=10, loc="left"
    )
    axes.set_xlim(-4.6, 4.6)
    axes.set_ylim(0.3, len(floors) + 0.7)
    axes.axis("off")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=72, metadata={"Software": None})
    return red


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, help="the PNG file to write")
    parser.add_argument("--checkout", type=Path, default=Path(__file__).parents[1])
    arguments = parser.parse_args()
    imports = count_imports(arguments.checkout)
    rooms = sorted({room for room, _ in list_modules(arguments.checkout)})
    floors = read_floors(arguments.checkout) or derive_floors(rooms, imports)
    red = draw(floors, imports, arguments.picture)
    print(f"{len(rooms)} rooms, {len(imports)} arrows, {red} upwards, {len(find_circles(imports))} circles")
    return 0


if __name__ == "__main__":
    sys.exit(main())
