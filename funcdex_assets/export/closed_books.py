"""Leaves out of a row what follows from calls that return nothing: the acknowledgement and the reply to it.

Belongs here: the row layout `calls` of `publishing.closed_books`, for models that only call. A turn keeps its result
and its reply where a result says more than that the call was carried out, or where nothing was called.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from funcdex_assets.environment.executor import is_acknowledgement
from funcdex_assets.records.dataset import DatasetRow


def drop_acknowledgements(row: DatasetRow) -> DatasetRow:
    """Returns the row with the calls alone, in turns whose results only acknowledge them; places of messages are
    counted anew. It cannot be replayed, so its certificate is left out. A row without such a turn stays as it is.
    """
    dropped = find_acknowledged(row.messages)
    if not dropped:
        return row
    kept = [index for index in range(len(row.messages)) if index not in dropped]
    new_places = {old: new for new, old in enumerate(kept)}

    def place(old: int) -> int:
        """Returns the new place of a message, or of the last one that is kept before it."""
        return new_places[max(index for index in kept if index <= old)]

    return replace(
        row,
        messages=[row.messages[index] for index in kept],
        step_trace=tuple(
            replace(
                step,
                message=place(step.message),
                sources=tuple(
                    replace(source, message=None if source.message is None else place(source.message))
                    for source in step.sources
                ),
            )
            for step in row.step_trace
        ),
        turn_verdicts=tuple(
            replace(verdict, first=place(verdict.first), last=place(verdict.last)) for verdict in row.turn_verdicts
        ),
        certificate=None,
    )


def find_acknowledged(messages: Sequence[Mapping[str, Any]]) -> set[int]:
    """Finds the results, and the reply after them, of each turn whose results are all acknowledgements."""
    found: set[int] = set()
    turn: list[int] = []
    for index in range(len(messages) + 1):
        if index < len(messages) and messages[index]["role"] not in ("user", "system"):
            turn.append(index)
            continue
        results = [place for place in turn if messages[place]["role"] == "tool"]
        if results and all(_is_acknowledgement(messages[place]["content"]) for place in results):
            replies = [place for place in turn if not messages[place].get("tool_calls") and place > results[0]]
            found.update(results, replies)
        turn = []
    return found


def _is_acknowledgement(content: Any) -> bool:
    try:
        return is_acknowledgement(msgspec.json.decode(content) if isinstance(content, str) else content)
    except msgspec.DecodeError:
        return is_acknowledgement(content)
