"""Keeps a failure to one row: the row that cannot be made is named with its reason, and the others are made as before.

Belongs here: the one place that draws the line between a bad row, which is data, and a broken system, which ends the
partition. A stage makes its rows through one of these functions and shows the failures that they return:

    personas, failures = make_each(drafts, to_persona, lambda draft: draft.scenario_id)

`make_each` and `gather_each` make rows one by one. `work_without_failing` is for work on all rows at once, such as
embedding: only if that fails are the rows tried alone, to find those that must be left out.

>>> make_each(["3", "x"], int, lambda text: f"number {text}", expected=ValueError)  # doctest: +NORMALIZE_WHITESPACE
([('3', 3)], [RowFailure(subject='number x', kind='ValueError',
                         reason="invalid literal for int() with base 10: 'x'", is_mistake=False)])
"""

import asyncio
import logging
import sqlite3
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from funcdex_assets.records.errors import UserError
from funcdex_assets.records.record import Record

Item = TypeVar("Item")
Output = TypeVar("Output")

MOST_REASONS = 3
"""Reasons that the error of a stage without rows names: more would not fit into a line."""

_BROKEN_SYSTEM = (OSError, MemoryError, ImportError, sqlite3.Error)
_PACKAGE = Path(__file__).parents[1]
_logger = logging.getLogger(__name__)


class RowFailure(Record, frozen=True):
    """A row or tool that could not be made: its name, the kind of the failure and the reason.

    `kind` is the kind of an inference error, a rule, or the type of an exception; rows that failed for one cause share
    it. `is_mistake` says that nobody expected the exception: it is the program that has to be mended.
    """

    subject: str
    kind: str
    reason: str
    is_mistake: bool = False


class NoRowsError(UserError):
    """Raised by a stage of which every row failed; the message has the most frequent reasons."""


def is_broken_system(error: BaseException) -> bool:
    """Returns whether an error would hit every row: the disk, the memory, a database, an engine that is gone.

    An exception may say so itself by a true attribute `is_systemic`.
    """
    return isinstance(error, _BROKEN_SYSTEM) or bool(getattr(error, "is_systemic", False))


def explain_row_failure(subject: str, error: Exception, expected: type[Exception] | tuple[()] = ()) -> RowFailure:
    """Describes why a row failed. An error that is not `expected` (nor a `UserError`) is a mistake of the program: its
    reason names the place.

    Raises:
        Exception: the error itself, if it is the system that is broken.
    """
    if is_broken_system(error):
        raise error
    kind = str(getattr(error, "kind", type(error).__name__))
    if isinstance(error, UserError) or (expected and isinstance(error, expected)):
        return RowFailure(subject=subject, kind=kind, reason=str(error))
    _logger.debug("%s failed", subject, exc_info=error)
    reason = f"{type(error).__name__}: {error} ({_find_place(error)})"
    return RowFailure(subject=subject, kind=kind, reason=reason, is_mistake=True)


def make_each(
    items: Iterable[Item],
    make: Callable[[Item], Output],
    name: Callable[[Item], str],
    expected: type[Exception] | tuple[()] = (),
) -> tuple[list[tuple[Item, Output]], list[RowFailure]]:
    """Makes a row of each item; returns the pairs of item and row, in order, and the failures.

    `name` names the row of an item, `expected` is the exception with which `make` says that an item is at fault.
    """
    pairs: list[tuple[Item, Output]] = []
    failures: list[RowFailure] = []
    for item in items:
        try:
            pairs.append((item, make(item)))
        except Exception as error:
            failures.append(explain_row_failure(name(item), error, expected))
    return pairs, failures


async def gather_each(
    items: Sequence[Item], make: Callable[[Item], Awaitable[Output]], name: Callable[[Item], str]
) -> tuple[list[tuple[Item, Output]], list[RowFailure]]:
    """Does what `make_each` does, for all items at once."""

    async def make_or_explain(item: Item) -> tuple[Item, Output] | RowFailure:
        try:
            return item, await make(item)
        except Exception as error:
            return explain_row_failure(name(item), error)

    outcomes = await asyncio.gather(*map(make_or_explain, items))
    pairs = [outcome for outcome in outcomes if not isinstance(outcome, RowFailure)]
    return pairs, [outcome for outcome in outcomes if isinstance(outcome, RowFailure)]


def work_without_failing(
    items: Sequence[Item],
    work: Callable[[Sequence[Item]], Output],
    name: Callable[[Item], str],
    probe: Callable[[Item], object] | None = None,
) -> tuple[Output, list[RowFailure]]:
    """Works on all items at once, or on those with which it succeeds; returns the outcome and the failures.

    `probe` tries one item alone, by default `work` on nothing else.

    Raises:
        NoRowsError: every item fails alone.
        Exception: the first error, if no item fails alone.
    """
    try:
        return work(items), []
    except Exception as error:
        if is_broken_system(error) or not items:
            raise
        pairs, failures = make_each(items, probe or (lambda item: work([item])), name)
        if not failures:
            raise
        if not pairs:
            raise NoRowsError(f"All {len(failures)} of them failed: {summarise_reasons(failures)}") from error
    outcome, further_failures = work_without_failing([item for item, _ in pairs], work, name, probe)
    return outcome, failures + further_failures


def refuse_empty_stage(what: str, made: int, failures: Sequence[RowFailure]) -> None:
    """Checks that a stage has something to hand on, if anything failed.

    Raises:
        NoRowsError: every row failed.
    """
    if failures and not made:
        raise NoRowsError(f"Not one of {len(failures)} {what} could be made: {summarise_reasons(failures)}")


def summarise_reasons(failures: Sequence[RowFailure]) -> str:
    """Returns the most frequent reasons in a line, each with its count and the first row that it befell.

    >>> summarise_reasons([RowFailure(subject=name, kind="refusal", reason=f"No {name}") for name in "ab"])
    '2 × refusal (a: No a)'
    """
    first_by_kind = {failure.kind: failure for failure in reversed(failures)}
    counts = Counter(failure.kind for failure in failures)
    return "; ".join(
        f"{count} × {kind} ({first_by_kind[kind].subject}: {first_by_kind[kind].reason})"
        for kind, count in counts.most_common(MOST_REASONS)
    )


def _find_place(error: Exception) -> str:
    """Returns the last line of this package that the error passed, as `planning/plans.py:103`."""
    frames = traceback.extract_tb(error.__traceback__)
    own_frames = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    if not own_frames:
        return "outside the package"
    last = own_frames[-1]
    return f"{Path(last.filename).relative_to(_PACKAGE).as_posix()}:{last.lineno}"
