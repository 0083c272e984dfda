"""Assigns each conversation to the train or test split, or leaves it out with a reason.

Belongs here: every rule by which an accepted conversation is not published. Finding duplicates and overlaps belongs to
`dedup/`, writing the files to `release.py`.

Chains are held out by their tools (`records/hold_out.py`), so a chain is on one side in every partition and
every night. If a scenario cluster has members on both sides, those of the train side are left out. Where functions are
held out, the calls that were made decide, not the planned ones: a train conversation that calls a reserved function is
left out, and so is a test conversation that calls none.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from funcdex_assets.records.dataset import DatasetRow, DeduplicatedConversation, LeftOut, ParsedConversation
from funcdex_assets.records.hold_out import HoldOut, select_reserved_tools

Row = TypeVar("Row", bound=ParsedConversation)


def assign_splits(
    parsed: Sequence[ParsedConversation], hold_out: HoldOut = "chain", test_share: float = 0
) -> tuple[list[DatasetRow], list[LeftOut]]:
    """Returns the conversations with their split, and those that are left out; `test_share` is that of `hold_out`."""
    rows = [
        DatasetRow(
            **msgspec.structs.asdict(row),
            split="test" if row.held_out else "train",
            reserved_functions=select_reserved_tools(list_called_functions(row), test_share)
            if hold_out == "function"
            else (),
        )
        for row in parsed
    ]
    rows, misplaced = _separate_rows(rows, _explain_misplacement if hold_out == "function" else lambda _: None)
    test_clusters = {row.cluster_id for row in rows if row.split == "test"}

    def explain_shared_cluster(row: DatasetRow) -> LeftOut | None:
        """Leaves out a train conversation whose scenario cluster has members in the test split."""
        if row.split == "test" or row.cluster_id not in test_clusters:
            return None
        return _build_exclusion(
            row, "shared_cluster", row.cluster_id, "the test split has scenarios of the same cluster"
        )

    rows, shared = _separate_rows(rows, explain_shared_cluster)
    return rows, misplaced + shared


def remove_duplicates(
    rows: Sequence[Row], verdicts: Iterable[DeduplicatedConversation]
) -> tuple[list[Row], list[LeftOut]]:
    """Returns the rows that repeat no other, and those that are left out as near-duplicates."""
    duplicates = {verdict.conversation_id: verdict for verdict in verdicts if verdict.status == "duplicate"}

    def explain_duplicate(row: ParsedConversation) -> LeftOut | None:
        verdict = duplicates.get(row.conversation_id)
        return verdict and _build_exclusion(row, "near_duplicate", verdict.duplicate_of, verdict.reason)

    return _separate_rows(rows, explain_duplicate)


def remove_overlaps(rows: Sequence[Row], overlaps: Mapping[str, tuple[str, str]]) -> tuple[list[Row], list[LeftOut]]:
    """Returns the rows that are not in `overlaps`, and those that are left out because they are.

    `overlaps` maps a conversation to (item of an evaluation set, reason).
    """

    def explain_overlap(row: ParsedConversation) -> LeftOut | None:
        overlap = overlaps.get(row.conversation_id)
        return overlap and _build_exclusion(row, "contamination", *overlap)

    return _separate_rows(rows, explain_overlap)


def list_called_functions(row: ParsedConversation) -> list[str]:
    """Lists the functions that a conversation calls, each once, in order."""
    calls = (call for message in row.messages for call in message.get("tool_calls") or ())
    return list(dict.fromkeys(call["function"]["name"] for call in calls))


def _explain_misplacement(row: DatasetRow) -> LeftOut | None:
    """Leaves out a train row that calls a reserved function, and a test row that calls only others."""
    if row.split == "train" and row.reserved_functions:
        names = ", ".join(row.reserved_functions)
        return _build_exclusion(
            row, "held_out", row.reserved_functions[0], f"calls {names}, reserved for the test split"
        )
    # A test row without calls stays: in conversations of kind no_suitable_tool nothing is called, on either side.
    if row.split == "test" and row.calls and not row.reserved_functions:
        return _build_exclusion(row, "held_out", None, "calls no function that is reserved for the test split")
    return None


def _separate_rows(rows: Sequence[Row], objection: Callable[[Row], LeftOut | None]) -> tuple[list[Row], list[LeftOut]]:
    """Separates the rows without an objection from the objections to the others."""
    objections = [objection(row) for row in rows]
    accepted = [row for row, exclusion in zip(rows, objections, strict=True) if exclusion is None]
    return accepted, [exclusion for exclusion in objections if exclusion is not None]


def _build_exclusion(row: ParsedConversation, rule: str, of: str | None, reason: str) -> LeftOut:
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
