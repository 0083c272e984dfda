"""Selects the chains and tools that are held out for the test split.

Belongs here: pure functions of names and a share, the same in every partition, night and process. Leaving conversations
out of a split belongs to `export/splits.py`.

- by `chain`: a share of the sequences of tools is held out. Train rows may call each of their tools, in other chains.
- by `function`: a share of the tools is held out, and with them every chain that has one. Train rows call none of
  them and every test row calls at least one. As most chains have several tools, more than that share of the chains
  is held out.

>>> is_held_out(["LIST_THREADS", "SEND_EMAIL"], 0.0, "function")
False
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from funcdex_assets.records.seeds import derive_seed

HoldOut = Literal["chain", "function"]


def is_held_out(tools: Sequence[str], test_share: float, by: HoldOut = "chain") -> bool:
    """Returns whether a sequence of tools belongs to the test split."""
    if by == "function":
        return bool(select_reserved_tools(tools, test_share))
    return derive_seed("held out", *tools) < test_share * 2**63


def select_reserved_tools(tools: Iterable[str], test_share: float) -> tuple[str, ...]:
    """Returns those tools that only the test split calls if functions are held out; each once, sorted by name."""
    return tuple(sorted(tool for tool in set(tools) if derive_seed("held out function", tool) < test_share * 2**63))
