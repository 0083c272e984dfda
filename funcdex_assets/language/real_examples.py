"""Tells the examples of a schema that are real content from those that stand in its place.

Belongs here: the one pattern of placeholders. The rule `placeholder_content` rejects what it matches, so nothing that
invents values may take such an example.

>>> list_real_examples({"examples": ["ada@example.com", "ada@brightdocks.eu"]})
['ada@brightdocks.eu']
"""

import re
from typing import Any

from funcdex_assets.schema.schema import Schema

PLACEHOLDER = re.compile(
    r"<[a-z][a-z0-9 _-]*>|\byour[_-][a-z]+|@example\.(?:com|org)\b|\bexample\.com\b|\blorem ipsum\b"
    r"|\bxxx+\b|\{\{.*?\}\}|\bTODO\b",
    re.IGNORECASE,
)
"""Matches placeholders that stand where real content should: `<name>`, `your_email`, `TODO`."""


def list_real_examples(schema: Schema) -> list[Any]:
    """Returns the schema's examples that are real content, not placeholders."""
    return [
        example
        for example in schema.get("examples", ())
        if not (isinstance(example, str) and PLACEHOLDER.search(example))
    ]
