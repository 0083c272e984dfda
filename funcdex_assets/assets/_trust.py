"""Which tables may be used: those that a stage judged and wrote, and those that pass when judged again.

Here belongs what happens at the border between a stage and the store, for one partition; which
partitions there are, and what becomes of a failure, is the stage's business.
"""

from collections.abc import Mapping, Sequence

import dagster as dg
import polars as pl

from funcdex_assets.assets import _evidence as evidence
from funcdex_assets.quality.table import SCHEMA, Judgement, Table, judge
from funcdex_assets.table_store import StoredTable, TableError, TableStore, UnreadableTableError

Evaluations = list[dg.AssetCheckEvaluation]


class NotMadeError(Exception):
    """Why a partition has no table, with the check evaluations that show it."""

    def __init__(self, reason: str, evaluations: Sequence[dg.AssetCheckEvaluation] = ()) -> None:
        super().__init__(reason)
        self.evaluations = tuple(evaluations)


def trusted(tables: TableStore, name: str, partition: str) -> tuple[StoredTable, Evaluations]:
    """An upstream table. If its bytes are not those that were written, it is judged again first.

    One that passes is sealed anew: somebody has put a row right by hand.

    Raises:
        NotMadeError: it fails, or cannot be read; the evaluations are those of the upstream's checks.
        TableError: it is missing, or nothing says what it must satisfy.
    """
    path, remedy = tables.path(name, partition), f"materialise {name} for {partition} again"
    try:
        stored = tables.load(name, partition)
    except UnreadableTableError as error:
        raise NotMadeError(str(error), [_unreadable(tables, name, partition, error)]) from None
    if stored.sealed:
        return stored, []
    if name not in tables.contracts:
        raise TableError(f"{path} was changed after it was written, and nothing says what is right; {remedy}")
    contract = tables.contracts[name]
    judgements = judge(contract, stored.frame, _needed(tables, contract, partition))
    evaluations = [evidence.evaluation(name, partition, judgement) for judgement in judgements]
    if broken := _broken(judgements):
        reason = f"{path} was changed after it was written: {evidence.refusal(name, partition, broken)}; {remedy}"
        raise NotMadeError(reason, evaluations)
    tables.seal(name, partition, stored.digest)
    return stored, evaluations


def hand_over(
    tables: TableStore, table: Table, partition: str, frame: pl.DataFrame, read: Mapping[str, StoredTable]
) -> tuple[str, Evaluations]:
    """Writes a frame that satisfies its contract; returns the hash of its bytes.

    Raises:
        NotMadeError: it breaks the contract. It is kept as refused, the stored table stays as it was.
    """
    judgements = judge(table, frame, {name: stored.frame for name, stored in read.items()})
    evaluations = [evidence.evaluation(table.name, partition, judgement) for judgement in judgements]
    if broken := _broken(judgements):
        kept = tables.refuse(table.name, partition, frame)
        reason = f"{evidence.refusal(table.name, partition, broken)} (the refused table is kept in {kept})"
        raise NotMadeError(reason, evaluations)
    return tables.write(table.name, partition, frame), evaluations


def judge_stored(tables: TableStore, table: Table, partition: str) -> Evaluations:
    """The stored table against its contract; one that passes is sealed.

    Raises:
        TableError: there is none, or one that the checks need is missing.
    """
    try:
        stored = tables.load(table.name, partition)
    except UnreadableTableError as error:
        return [_unreadable(tables, table.name, partition, error)]
    judgements = judge(table, stored.frame, _needed(tables, table, partition))
    if not stored.sealed and not _broken(judgements):
        tables.seal(table.name, partition, stored.digest)
    return [evidence.evaluation(table.name, partition, judgement) for judgement in judgements]


def _needed(tables: TableStore, table: Table, partition: str) -> dict[str, pl.DataFrame]:
    return {name: tables.read(name, partition) for name in table.needs}


def _broken(judgements: Sequence[Judgement]) -> list[Judgement]:
    return [judgement for judgement in judgements if not judgement.passed]


def _unreadable(tables: TableStore, name: str, partition: str, error: UnreadableTableError) -> dg.AssetCheckEvaluation:
    file = pl.DataFrame({"file": [str(tables.path(name, partition))], "error": [str(error)]})
    return evidence.evaluation(name, partition, Judgement(SCHEMA, "The table is readable Parquet.", file))
