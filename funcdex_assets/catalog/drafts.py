"""The output of every loader: drafts of tools, before names are made legal and schemas are proven.

Here belongs what all loaders share in their results, and nothing of any format. A loader yields a `Draft` for each tool
and a `Problem` for each place that it cannot read, and continues: one bad operation of a thousand costs one operation.
`registry` turns drafts into tools.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from funcdex_assets.records.record import Json


class Origin(NamedTuple):
    """The provenance of a document's tools: their toolkit, the document, and its licence, '' if it names none."""

    toolkit: str
    source: str
    licence: str = ""


class Draft(msgspec.Struct, frozen=True):
    """One tool as its document describes it.

    `location` is its path within the document, readable by a person (`paths./users/{id}.get`). `name` is spelled as in
    the document; a loader derives it where the document gives none. `parameters` is a JSON Schema 2020-12 of type
    object, in which each `$ref` points into its own `$defs`. `returns` is the schema of a successful result, None if
    the document has none. `errors` maps a status or error name to the schema of that failure.
    """

    location: str
    name: str
    description: str
    parameters: dict[str, Json]
    returns: Json = None
    errors: dict[str, Json] = {}


class Problem(NamedTuple):
    """A part of a document that could not be read: `lost` is True if it cost the tool, False if only a detail of it."""

    location: str
    reason: str
    lost: bool = True

    def __str__(self) -> str:
        return f"{self.location}: {self.reason}"


DraftsAndProblems = Iterator[Draft | Problem]
