"""Settings of when a release is published, and of what counts as enough."""

from typing import Literal

from pydantic import Field

from funcdex_assets.settings.section import Section


class Publishing(Section):
    """The layout of published rows, and what becomes of a release that has less than was asked for."""

    closed_books: Literal["full", "calls"] = Field(
        default="full",
        description="rows of tools that return nothing: with the acknowledgement and the short reply after it, or the "
        "calls alone",
    )

    allow_shrink: bool = Field(
        default=False,
        description="a release that is empty or has less than half of what was asked for may take the place of a whole "
        "one",
    )
    enough: float = Field(
        default=0.95,
        ge=0,
        le=1,
        description="share of the wanted conversations from which a command ends with 0; with less it ends with 3",
    )
