"""Small helpers that the loaders of service descriptions share; nothing of a single format.

>>> to_definition_name("Message"), to_definition_name("a b") == to_definition_name("a/b")
('Message', False)
"""

import hashlib
import re
from typing import Any

_SAFE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,200}")


def mapping_or_empty(raw: Any) -> dict[str, Any]:
    """Returns a value if it is a mapping, else an empty mapping."""
    return raw if isinstance(raw, dict) else {}


def to_definition_name(name: str) -> str:
    """Returns a name that is legal in a JSON pointer: the name itself, or a safe spelling that ends in its digest.

    The digest keeps names apart that differ only in the replaced letters.
    """
    if _SAFE_NAME.fullmatch(name):
        return name
    digest = hashlib.blake2b(name.encode(errors="replace"), digest_size=4).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', name[:100])}_{digest}"
