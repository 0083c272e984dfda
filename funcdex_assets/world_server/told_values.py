"""Keeps what an agent has been told: identifiers in results, and the texts of its user.

Belongs here: whether an identifier in a call can be known. Identifiers that people or agents choose themselves, e-mail
addresses and words such as `me` or `primary` are always known.

>>> told = ToldValues(["Close PROJ-12, please."])
>>> told.add_result({"threads": [{"id": "t19a"}]})
>>> [told.knows(value) for value in ("PROJ-12", "t19a", "PROJ-1", "t19")]
[True, True, False, False]
"""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from funcdex_assets.environment.entity_links import PLACEHOLDER_IDENTITIES
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.leaves import walk_leaves
from funcdex_assets.tool_graph.graph import is_service_id


class ToldValues:
    """Everything that has been shown so far; `texts` are what the user and the system prompt say."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._values: set[str] = set()
        self._texts = list(texts)

    def add_text(self, text: str) -> None:
        """Adds something that the user says."""
        self._texts.append(text)

    def add_result(self, content: Any) -> None:
        """Adds all values of a result, or of the arguments of a call that went well."""
        for _, scalar in list_scalars(content):
            if isinstance(scalar, str | int) and not isinstance(scalar, bool):
                self._values.add(str(scalar))

    def knows(self, value: str) -> bool:
        """Returns whether a value has been shown, in a result or as a word of a text."""
        if value in self._values:
            return True
        pattern = re.compile(rf"(?<![\w-]){re.escape(value)}(?![\w-])")
        return any(pattern.search(text) for text in self._texts)

    def is_untold_id(self, pointer: str, value: Any, service_ids: Collection[str]) -> bool:
        """Returns whether an argument is an identifier of the service that has not been shown; `service_ids` are the
        paths of the arguments that hold such.
        """
        path = "/".join("*" if step.isdigit() else step for step in pointer.split("/"))
        if path not in service_ids or isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            return False
        is_own = isinstance(value, str) and ("@" in value or value in PLACEHOLDER_IDENTITIES)
        return not is_own and not self.knows(str(value))


def iterate_service_ids(tool: Tool) -> Iterator[str]:
    """Yields the paths of the arguments whose identifiers only the service gives out: `/thread_id`, `/labels/*`."""
    yield from (leaf.path for leaf in walk_leaves(tool.parameters) if is_service_id(leaf))
