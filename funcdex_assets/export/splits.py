"""Which side of the split a conversation is on, and which conversations are on neither.

Chains are held out by their tools (`tool_graph/hold_out.py`), so a chain is on one side in every partition and
every night. Should a scenario cluster have members on both sides, the train side gives way. Where functions are
held out, what was called decides, not what was planned: a train conversation that calls a reserved function is left
out, and a test conversation that calls others only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from funcdex_assets.records.dataset import DatasetRow, DeduplicatedConversation, LeftOut, ParsedConversation
from funcdex_assets.records.hold_out import HoldOut, reserved_tools

Row = TypeVar("Row", bound=ParsedConversation)


def split_rows(
    parsed: Sequence[ParsedConversation], hold_out: HoldOut = "chain", test_share: float = 0
) -> tuple[list[DatasetRow], list[LeftOut]]:
    """The conversations with their split, and those that are left out; `test_share` is that of `hold_out`."""
    rows = [
        DatasetRow(
            **msgspec.structs.asdict(row),
            split="test" if row.held_out else "train",
            reserved_functions=reserved_tools(called(row), test_share) if hold_out == "function" else (),
        )
        for row in parsed
    ]
    rows, astray = _without(rows, _astray if hold_out == "function" else lambda _: None)
    test_clusters = {row.cluster_id for row in rows if row.split == "test"}

    def gives_way(row: DatasetRow) -> LeftOut | None:
        if row.split == "test" or row.cluster_id not in test_clusters:
            return None
        return _left_out(row, "shared_cluster", row.cluster_id, "the test split has scenarios of the same cluster")

    rows, shared = _without(rows, gives_way)
    return rows, astray + shared


def without_duplicates(
    rows: Sequence[Row], verdicts: Iterable[DeduplicatedConversation]
) -> tuple[list[Row], list[LeftOut]]:
    """The rows that repeat no other, and those that do."""
    found = {one.conversation_id: one for one in verdicts if one.status == "duplicate"}

    def repeats(row: ParsedConversation) -> LeftOut | None:
        one = found.get(row.conversation_id)
        return one and _left_out(row, "near_duplicate", one.duplicate_of, one.reason)

    return _without(rows, repeats)


def without_overlaps(rows: Sequence[Row], overlaps: Mapping[str, tuple[str, str]]) -> tuple[list[Row], list[LeftOut]]:
    """The rows that are not in `overlaps`: conversation → (item of an evaluation set, reason); and those that are."""

    def overlapping(row: ParsedConversation) -> LeftOut | None:
        found = overlaps.get(row.conversation_id)
        return found and _left_out(row, "contamination", *found)

    return _without(rows, overlapping)


def called(row: ParsedConversation) -> list[str]:
    """The functions that a conversation calls, each once, in order."""
    calls = (call for message in row.messages for call in message.get("tool_calls") or ())
    return list(dict.fromkeys(call["function"]["name"] for call in calls))


def _astray(row: DatasetRow) -> LeftOut | None:
    if row.split == "train" and row.reserved_functions:
        names = ", ".join(row.reserved_functions)
        return _left_out(row, "held_out", row.reserved_functions[0], f"calls {names}, reserved for the test split")
    # Where no tool suits there is nothing to call, on either side.
    if row.split == "test" and row.calls and not row.reserved_functions:
        return _left_out(row, "held_out", None, "calls no function that is reserved for the test split")
    return None


def _without(rows: Sequence[Row], objection: Callable[[Row], LeftOut | None]) -> tuple[list[Row], list[LeftOut]]:
    objections = [objection(row) for row in rows]
    kept = [row for row, found in zip(rows, objections, strict=True) if found is None]
    return kept, [found for found in objections if found is not None]


def _left_out(row: ParsedConversation, rule: str, of: str | None, reason: str) -> LeftOut:
    return msgspec.convert(
        {
            "conversation_id": row.conversation_id,
            "partition": row.partition,
            "rule": rule,
            "of": of,
            "reason": reason,
        },
        LeftOut,
    )
