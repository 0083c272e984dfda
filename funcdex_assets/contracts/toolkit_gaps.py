"""Finds the gaps of a toolkit's definitions, with the one answer to which arguments people say.

Belongs here: the choice of that answer, for everybody who tells the gaps (the check of `tool_definitions`, Dagster's
metadata, `catalog add`, the quality report). The gaps themselves are in `catalog/definition_gaps.py`.
"""

from collections.abc import Mapping

from funcdex_assets.catalog.definition_gaps import Gap, find_definition_gaps
from funcdex_assets.records.tool import Tool
from funcdex_assets.semantics.sayable_arguments import is_sayable


def find_toolkit_gaps(tools: Mapping[str, Tool]) -> list[Gap]:
    """Finds what the definitions leave out; the tools are by the label under which they are shown."""
    return find_definition_gaps(tools, is_sayable)
