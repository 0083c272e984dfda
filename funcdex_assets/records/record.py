"""The base of every record, and the type of any JSON value."""

from typing import Any

import msgspec

Json = Any


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every record: immutable, keyword-only, unknown fields are an error."""
