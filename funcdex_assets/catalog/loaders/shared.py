"""What the loaders of service descriptions share: small readings of names and mappings.

>>> spelled("Message"), spelled("a b") == spelled("a/b")
('Message', False)
"""

import hashlib
import re
from typing import Any

_SPELLED = re.compile(r"[A-Za-z0-9_.-]{1,200}")


def mapping(raw: Any) -> dict[str, Any]:
    """The mapping that should be there; empty where something else is."""
    return raw if isinstance(raw, dict) else {}


def spelled(name: str) -> str:
    """A definition's name as it may stand in a JSON pointer; a digest keeps apart what differs in other letters."""
    if _SPELLED.fullmatch(name):
        return name
    digest = hashlib.blake2b(name.encode(errors="replace"), digest_size=4).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', name[:100])}_{digest}"
