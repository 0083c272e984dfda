"""What a document says of its tools, before names are made legal and schemas are proven.

Here belongs what every loader gives and nothing of any format. A loader goes through its document and
yields a `Draft` for each tool and a `Problem` for each place that it cannot read, and goes on: one bad
operation of a thousand costs one operation. What becomes of drafts is in `registry`.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from funcdex_assets.records.record import Json


class Origin(NamedTuple):
    """Where tools come from: the toolkit that they are to belong to, the document, and its licence if it names one."""

    toolkit: str
    source: str
    licence: str = ""


class Draft(msgspec.Struct, frozen=True):
    """One tool as its document has it.

    `place` leads to it within the document, as a person would say it (`paths./users/{id}.get`). `name` is
    spelled as there; where a document names nothing, it is made of what there is. `parameters` is a JSON
    Schema 2020-12 of type object, in which each `$ref` leads into its own `$defs`; `returns` is the schema of a
    successful result, None where the document does not say. `errors` are those of failures, by status or name.
    """

    place: str
    name: str
    description: str
    parameters: dict[str, Json]
    returns: Json = None
    errors: dict[str, Json] = {}


class Problem(NamedTuple):
    """A place that gave no tool, or gave one with something left out; `lost` tells which."""

    place: str
    reason: str
    lost: bool = True

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


Found = Iterator[Draft | Problem]
