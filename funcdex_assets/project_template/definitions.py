"""The definitions that Dagster loads in this folder. Assets of your own can be merged in here."""

from funcdex_assets.definitions import defs

__all__ = ["defs"]
