"""Ten small toolkits that do not ship with the program, of other domains and other styles than those that do.

What has to hold for any service is tried on them: names in camel case or with the verb at the end, results without a
schema, nested, or only partly declared, listings with limits, tokens, filters and orders of several makes.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from funcdex_assets.catalog.load import load_tools
from funcdex_assets.records.tool import Tool

FOLDER = Path(__file__).parents[1] / "data" / "foreign_toolkits"
TOOLKITS = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


@cache
def tools_of(toolkit: str) -> Mapping[str, Tool]:
    """Returns the tools of a foreign toolkit by name."""
    return {tool.name: tool for tool in load_tools({toolkit: FOLDER / f"{toolkit}.yaml"})}
