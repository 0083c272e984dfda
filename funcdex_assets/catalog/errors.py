"""The error that everything that reads tool definitions raises."""

from funcdex_assets.records.errors import UserError


class CatalogError(UserError, ValueError):
    """A tool definition cannot be used; the message names the file, the place, the value and the remedy."""
