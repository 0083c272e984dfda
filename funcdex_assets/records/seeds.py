"""Seeds derived from names, so that a result depends on what it is and never on the order of work.

>>> derive_seed(42, "gmail", "scenario", 7) == derive_seed(42, "gmail", "scenario", 7)
True
"""

from hashlib import blake2b
from random import Random


def derive_seed(*values: object) -> int:
    """Derives a 63-bit seed from the text of the values; independent of process, platform and PYTHONHASHSEED."""
    return int.from_bytes(_hash_values(values)[:8], "big") >> 1


def derive_id(prefix: str, *values: object) -> str:
    """Derives a short stable identifier such as `scenario_3f2a91c07b5d` (48 bits of hash)."""
    return f"{prefix}_{_hash_values(values)[:6].hex()}"


def build_generator(*values: object) -> Random:
    return Random(derive_seed(*values))


def _hash_values(values: tuple[object, ...]) -> bytes:
    return blake2b("\x1f".join(map(str, values)).encode(), digest_size=16).digest()
