"""Names of toolkits: the legal ones, which are also partition keys and file names, and one derived from a source."""

import re

from funcdex_assets.catalog.errors import CatalogError

LEGAL_TOOLKIT = re.compile(r"[a-z][a-z0-9-]{0,39}")
_LONGEST_NAME = 40


def derive_toolkit_name(text: str) -> str:
    """Derives a legal toolkit name from a title, a host or a file name.

    >>> derive_toolkit_name("https://api.example.com/v1/Pet Store (OAS).yaml")
    'petstoreoas'
    """
    stem = re.sub(r"\.(json|ya?ml)$", "", text.rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1].lower())
    name = re.sub(r"[^a-z0-9]+", "", stem).lstrip("0123456789")[:_LONGEST_NAME]
    return name or "toolkit"


def refuse_illegal_toolkit_name(toolkit: str) -> None:
    """Raises CatalogError if the name cannot be a partition key, such as `Gmail` or `2fa`."""
    if not LEGAL_TOOLKIT.fullmatch(toolkit):
        raise CatalogError(
            f"{toolkit!r} is no name for a toolkit{suggest_toolkit_name(toolkit)}; use a lower-case letter followed by "
            "up to 39 lower-case letters, digits or hyphens"
        )


def suggest_toolkit_name(toolkit: str) -> str:
    """Offers the legal name that an illegal one is meant to be, in brackets, after a space; empty if nothing is left.

    >>> suggest_toolkit_name("Smart_Home")
    " (did you mean 'smart-home'?)"
    """
    legal = re.sub(r"[^a-z0-9]+", "-", toolkit.lower()).lstrip("-0123456789")[:_LONGEST_NAME].rstrip("-")
    return f" (did you mean {legal!r}?)" if legal else ""
