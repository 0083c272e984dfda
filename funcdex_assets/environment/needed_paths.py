"""Answers which places of a result must be present, because a later call will use their values.

Belongs here: questions about paths such as `/threads/*/id` and `/threads/2/id`, where `*` means the first item.

>>> needed = NeededPaths(frozenset({"/threads/2/id"}))
>>> needed.is_on_the_way("/threads/*"), needed.least_size("/threads")
(True, 3)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from funcdex_assets.schema.json_pointers import at_pointer


@dataclass(frozen=True)
class NeededPaths:
    """The needed paths of one result; a field that one item must have, all items of its list have."""

    paths: frozenset[str]

    @cached_property
    def patterns(self) -> frozenset[str]:
        """The paths with `*` for every index."""
        return frozenset(replace_indices(path) for path in self.paths)

    @cached_property
    def _least_sizes(self) -> Mapping[str, int]:
        sizes: dict[str, int] = {}
        for path in self.paths:
            steps = path.split("/")
            for position, step in enumerate(steps):
                if step.isdigit():
                    list_path = replace_indices("/".join(steps[:position]))
                    sizes[list_path] = max(sizes.get(list_path, 0), int(step) + 1)
        return sizes

    def least_size(self, path: str) -> int:
        """Returns how many items a list must have because a path goes through an index, else 0."""
        return self._least_sizes.get(path, 0)

    def is_on_the_way(self, path: str) -> bool:
        """Returns whether a place is needed, or anything below it."""
        return path in self.patterns or self.is_needed_below(path)

    def is_needed_below(self, path: str) -> bool:
        return any(pattern.startswith(f"{path}/") for pattern in self.patterns)

    def are_met_by(self, path: str, value: Any) -> bool:
        """Returns whether a value at a path holds all that is needed below it."""
        pointers = [needed.removeprefix(path) for needed in self.paths if needed.startswith(f"{path}/")]
        return all(at_pointer(value, pointer) not in (None, "", [], {}) for pointer in pointers)


def replace_indices(path: str) -> str:
    """Returns a path with `*` for every index."""
    return "/".join("*" if step.isdigit() else step for step in path.split("/"))
