"""Assigns each conversation to the train or test split, or leaves it out with a reason.

Belongs here: every rule by which an accepted conversation is not published. Finding duplicates and overlaps belongs to
`dedup/`, writing the files to `release.py`.

Chains are held out by their tools (`records/hold_out.py`), so a chain is on one side in every partition and
every night. If a scenario cluster has members on both sides, those of the train side are left out. Where functions are
held out, the calls that were made decide, not the planned ones: a train conversation that calls a reserved function is
left out, and so is a test conversation that calls none.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from funcdex_assets.dedup.requests import normalise_request
from funcdex_assets.export.own_rows import list_user_texts
from funcdex_assets.records.dataset import DatasetRow, DeduplicatedConversation, LeftOut, OwnRow, ParsedConversation
from funcdex_assets.records.hold_out import HoldOut, select_reserved_tools
from funcdex_assets.records.record import Json
from funcdex_assets.records.row_failures import RowFailure, make_each

Row = TypeVar("Row", bound=ParsedConversation)
_WORD = re.compile(r"\w+")


def assign_splits(
    parsed: Sequence[ParsedConversation], hold_out: HoldOut = "chain", test_share: float = 0
) -> tuple[list[DatasetRow], list[LeftOut]]:
    """Returns the conversations with their split, and those that are left out; `test_share` is that of `hold_out`."""

    def assign_split(row: ParsedConversation) -> DatasetRow:
        return DatasetRow(
            **msgspec.structs.asdict(row),
            split="test" if row.held_out else "train",
            reserved_functions=select_reserved_tools(list_called_functions(row), test_share)
            if hold_out == "function"
            else (),
        )

    pairs, failures = make_each(parsed, assign_split, lambda row: row.conversation_id)
    rows, misplaced = _separate_rows(
        [row for _, row in pairs], _explain_misplacement if hold_out == "function" else lambda _: None
    )
    test_clusters = {row.cluster_id for row in rows if row.split == "test"}

    def explain_shared_cluster(row: DatasetRow) -> LeftOut | None:
        """Leaves out a train conversation whose scenario cluster has members in the test split."""
        if row.split == "test" or row.cluster_id not in test_clusters:
            return None
        return _build_exclusion(
            row, "shared_cluster", row.cluster_id, "the test split has scenarios of the same cluster"
        )

    rows, shared = _separate_rows(rows, explain_shared_cluster)
    rows, repeating = remove_repeats_of_test_requests(rows)
    return rows, leave_out_failed(parsed, failures) + misplaced + shared + repeating


def remove_duplicates(
    rows: Sequence[Row], verdicts: Iterable[DeduplicatedConversation]
) -> tuple[list[Row], list[LeftOut]]:
    """Returns the rows that repeat no other, and those that are left out: near-duplicates, and what could not be
    compared.
    """
    objections = {verdict.conversation_id: verdict for verdict in verdicts if verdict.status != "kept"}

    def explain_duplicate(row: ParsedConversation) -> LeftOut | None:
        verdict = objections.get(row.conversation_id)
        rule = "near_duplicate" if verdict and verdict.status == "duplicate" else "failed"
        return verdict and _build_exclusion(row, rule, verdict.duplicate_of, verdict.reason)

    return _separate_rows(rows, explain_duplicate)


def remove_overlaps(rows: Sequence[Row], overlaps: Mapping[str, tuple[str, str]]) -> tuple[list[Row], list[LeftOut]]:
    """Returns the rows that are not in `overlaps`, and those that are left out because they are.

    `overlaps` maps a conversation to (item of an evaluation set, reason).
    """

    def explain_overlap(row: ParsedConversation) -> LeftOut | None:
        overlap = overlaps.get(row.conversation_id)
        return overlap and _build_exclusion(row, "contamination", *overlap)

    return _separate_rows(rows, explain_overlap)


def remove_repeats_of_own_rows(
    rows: Sequence[DatasetRow], own_rows: Sequence[OwnRow]
) -> tuple[list[DatasetRow], list[LeftOut]]:
    """Returns the rows without those of the test split that a team's own row repeats, and these.

    A test row is repeated if its user says, turn for turn, what the user of an own row says from the beginning: then
    all that it would test is in the train split. Case, punctuation and white space do not matter.
    """
    own_turns = [(own_row.row_id, _list_plain_turns(own_row.messages)) for own_row in own_rows]

    def explain_repeat(row: DatasetRow) -> LeftOut | None:
        if row.split == "train" or not own_turns:
            return None
        turns = _list_plain_turns(row.messages)
        repeated = next((row_id for row_id, plain in own_turns if plain[: len(turns)] == turns), None)
        if repeated is None:
            return None
        return _build_exclusion(
            row, "own_row", repeated, "the user says the same in a row of the team's own, which is in the train split"
        )

    return _separate_rows(rows, explain_repeat)


def remove_repeats_of_test_requests(rows: Sequence[DatasetRow]) -> tuple[list[DatasetRow], list[LeftOut]]:
    """Returns the rows without those of the train split in which the user says, in any turn, what is the one request of
    a test row, and these.
    """
    test_requests = {
        normalise_request(text): row.conversation_id
        for row in rows
        if row.split == "test" and row.kind == "single_turn"
        for text in list_user_texts(row.messages)
    }

    def explain_repeat(row: DatasetRow) -> LeftOut | None:
        if row.split == "test" or not test_requests:
            return None
        said = map(normalise_request, list_user_texts(row.messages))
        repeated = next((test_requests[words] for words in said if words in test_requests), None)
        if repeated is None:
            return None
        return _build_exclusion(
            row,
            "test_request",
            repeated,
            "the user says, word for word, the request of a conversation of the test split",
        )

    return _separate_rows(rows, explain_repeat)


def _list_plain_turns(messages: Json) -> list[str]:
    """Lists the user's turns by their words alone, in lower case."""
    return [" ".join(_WORD.findall(text.lower())) for text in list_user_texts(messages)]


def leave_out_failed(rows: Sequence[ParsedConversation], failures: Sequence[RowFailure]) -> list[LeftOut]:
    """Returns the exclusions of the rows that failed, by conversation."""
    reasons = {failure.subject: failure.reason for failure in failures}
    return [
        _build_exclusion(row, "failed", None, reasons[row.conversation_id])
        for row in rows
        if row.conversation_id in reasons
    ]


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
