"""The table store with the contract of each stage: nothing invalid is stored, and nothing changed is read unjudged.

Here belongs what happens between a stage and the store for one partition, as values; which events tell of it is
`orchestration`'s business.

>>> import tempfile
>>> from funcdex_assets.contracts.stage_tables import TOOL_GRAPH
>>> tables = TrustedTables(Path(tempfile.mkdtemp()), [TOOL_GRAPH])
>>> tables.load_trusted("tool_graph", "gmail")  # doctest: +ELLIPSIS
Traceback (most recent call last):
funcdex_assets.storage.table_store.MissingTableError: There is no table tool_graph for gmail (...)...
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from funcdex_assets.contracts.table import SCHEMA, Judgement, Table, check_table, describe_broken
from funcdex_assets.storage.table_store import StoredTable, TableError, TableStore, UnreadableTableError


@dataclass(frozen=True)
class TableVerdict:
    """The judgements of one partition of a stage's table."""

    stage: str
    partition: str
    judgements: tuple[Judgement, ...]

    @property
    def broken(self) -> tuple[Judgement, ...]:
        return tuple(judgement for judgement in self.judgements if not judgement.passed)

    def describe_broken_checks(self) -> str:
        """One line: which check is broken, by how many rows, and the first of them."""
        return describe_broken(self.stage, self.partition, self.broken)


class BrokenContractError(Exception):
    """A table that may not be used; the message says why, `verdict` by which rows."""

    def __init__(self, reason: str, verdict: TableVerdict) -> None:
        super().__init__(reason)
        self.verdict = verdict


class TrustedTables(TableStore):
    """A store that judges what it takes, and what was changed since it was written."""

    def __init__(self, home: Path, contracts: Iterable[Table] = ()) -> None:
        super().__init__(home)
        self.contracts = {table.name: table for table in contracts}

    def load_trusted(self, stage: str, partition: str) -> tuple[StoredTable, TableVerdict | None]:
        """An upstream table, with its verdict if it had to be judged.

        A table whose bytes are not those that were written is judged again; one that passes is sealed anew:
        somebody has put a row right by hand.

        Raises:
            BrokenContractError: it fails, or cannot be read.
            TableError: it is missing, or nothing says what it must satisfy.
        """
        path, remedy = self.table_path(stage, partition), f"materialise {stage} for {partition} again"
        try:
            stored = self.load_table(stage, partition)
        except UnreadableTableError as error:
            raise BrokenContractError(str(error), self._report_unreadable(stage, partition, error)) from None
        if stored.sealed:
            return stored, None
        if stage not in self.contracts:
            raise TableError(f"{path} was changed after it was written, and nothing says what is right; {remedy}")
        verdict = self._judge_frame(self.contracts[stage], partition, stored.frame)
        if verdict.broken:
            raise BrokenContractError(
                f"{path} was changed after it was written: {verdict.describe_broken_checks()}; {remedy}", verdict
            )
        self.seal_table(stage, partition, stored.digest)
        return stored, verdict

    def write_judged(
        self, table: Table, partition: str, frame: pl.DataFrame, read: Mapping[str, StoredTable]
    ) -> tuple[str, TableVerdict]:
        """Writes a frame that satisfies its contract; returns the hash of its bytes.

        `read` holds the tables that the checks compare it with.

        Raises:
            BrokenContractError: it breaks the contract. It is kept as refused, the stored table stays as it was.
        """
        judgements = check_table(table, frame, {name: stored.frame for name, stored in read.items()})
        verdict = TableVerdict(table.name, partition, tuple(judgements))
        if verdict.broken:
            refused = self.keep_refused_frame(table.name, partition, frame)
            raise BrokenContractError(
                f"{verdict.describe_broken_checks()} (the refused table is kept in {refused})", verdict
            )
        return self.write_table(table.name, partition, frame), verdict

    def judge_stored(self, table: Table, partition: str) -> TableVerdict:
        """Judges the stored table by its contract; one that passes is sealed.

        Raises:
            TableError: there is none, or one that the checks need is missing.
        """
        try:
            stored = self.load_table(table.name, partition)
        except UnreadableTableError as error:
            return self._report_unreadable(table.name, partition, error)
        verdict = self._judge_frame(table, partition, stored.frame)
        if not stored.sealed and not verdict.broken:
            self.seal_table(table.name, partition, stored.digest)
        return verdict

    def _judge_frame(self, table: Table, partition: str, frame: pl.DataFrame) -> TableVerdict:
        needed = {name: self.read_frame(name, partition) for name in table.needed_tables}
        return TableVerdict(table.name, partition, tuple(check_table(table, frame, needed)))

    def _report_unreadable(self, stage: str, partition: str, error: UnreadableTableError) -> TableVerdict:
        file = pl.DataFrame({"file": [str(self.table_path(stage, partition))], "error": [str(error)]})
        return TableVerdict(stage, partition, (Judgement(SCHEMA, "The table is readable Parquet.", file),))
