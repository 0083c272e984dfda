"""Which chains and tools serve the test split only.

Pure functions of names and a share: the same in every partition, night and process.

- by `chain`: a share of the sequences of tools. Train rows may call each of their tools, in other chains.
- by `function`: a share of the tools. A chain with such a tool is held out, so that train rows call none of
  them and every test row calls at least one. As most chains have several tools, more than that share of them is
  held out.

>>> is_held_out(["LIST_THREADS", "SEND_EMAIL"], 0.0, "function")
False
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from funcdex_assets.records.seeds import derive_seed

HoldOut = Literal["chain", "function"]


def is_held_out(tools: Sequence[str], test_share: float, by: HoldOut = "chain") -> bool:
    """The split side of a sequence of tools."""
    if by == "function":
        return bool(reserved_tools(tools, test_share))
    return derive_seed("held out", *tools) < test_share * 2**63


def reserved_tools(tools: Iterable[str], test_share: float) -> tuple[str, ...]:
    """Those of the tools that, held out by function, only the test split calls; each once, by name."""
    return tuple(sorted(tool for tool in set(tools) if derive_seed("held out function", tool) < test_share * 2**63))
