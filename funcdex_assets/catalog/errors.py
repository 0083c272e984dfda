"""The error that everything that reads tool definitions raises."""


class CatalogError(ValueError):
    """A tool definition cannot be used; the message names the file, the place, the value and the remedy."""
