"""Settings of toolkits and bundles, and the files that define them."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import (
    Field,
)

from funcdex_assets.settings.section import Section

TOOLKIT_FOLDER = "toolkits"
TOOLKIT_SUFFIXES = (".yaml", ".json")  # the first suffix with a file defines the toolkit


class Bundle(Section):
    """Several toolkits used together; the partition is named after them, joined by underscores.

    `tools` may name a tool file that stands in for the members' own files.
    """

    name: str
    tools: str | None = None

    @property
    def toolkits(self) -> tuple[str, ...]:
        return tuple(self.name.split("_"))


class Watch(Section):
    """The folder `toolkits/` beside the settings file."""

    enabled: bool = Field(
        default=True,
        description="toolkit files in toolkits/ are toolkits even if funcdex.yaml does not list them, and the sensor "
        "asks for those that are new or changed",
    )


def list_toolkit_files(root: Path, bundles: Sequence[Bundle] = ()) -> dict[str, Path]:
    """Lists the definition files in the folder of toolkits, by name.

    The names need not be legal. Hidden files are left out, and so are files that a bundle names in `tools`.
    """
    bundle_files = {(root / bundle.tools).resolve() for bundle in bundles if bundle.tools}
    files: dict[str, Path] = {}
    for suffix in TOOLKIT_SUFFIXES:
        for path in (root / TOOLKIT_FOLDER).glob(f"*{suffix}"):
            if path.is_file() and not path.name.startswith(".") and path.resolve() not in bundle_files:
                files.setdefault(path.stem, path)
    return dict(sorted(files.items()))
