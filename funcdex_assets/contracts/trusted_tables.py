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
        """The failed judgements for which the table may not be used."""
        return tuple(judgement for judgement in self.judgements if judgement.blocking and not judgement.passed)

    def describe_broken_checks(self) -> str:
        """One line: which check is broken, by how many rows, and the first of them."""
        return describe_broken(self.stage, self.partition, self.broken)


class BrokenContractError(Exception):
    """A table that may not be used; the message says why, `verdict` by which rows."""

    def __init__(self, reason: str, verdict: TableVerdict) -> None:
        super().__init__(reason)
        self.verdict = verdict


class MixedLineageError(TableError):
    """The tables that a stage reads were not made from one another; the message names those to be made again."""


class TrustedTables(TableStore):
    """A store that judges what it takes, and what was changed since it was written.

    `contracts` are in the order in which data flows.
    """

    def __init__(self, home: Path, contracts: Iterable[Table] = ()) -> None:
        super().__init__(home)
        self.contracts = {table.name: table for table in contracts}

    def load_trusted(self, stage: str, partition: str) -> tuple[StoredTable, TableVerdict | None]:
        """An upstream table, with its verdict if it had to be judged.

        A table whose bytes are not those that were written is judged again; one that passes is sealed anew:
        somebody has put a row right by hand.

        Raises:
            BrokenContractError: it fails, or cannot be read.
            TableError: it is missing, of a version with fewer columns, or nothing says what it must satisfy.
        """
        path, remedy = self.table_path(stage, partition), f"materialise {stage} for {partition} again"
        try:
            stored = self.load_table(stage, partition)
        except UnreadableTableError as error:
            raise BrokenContractError(str(error), self._report_unreadable(stage, partition, error)) from None
        if stored.sealed:
            self._refuse_missing_columns(stage, partition, stored.frame)
            return stored, None
        if stage not in self.contracts:
            raise TableError(f"{path} was changed after it was written, and nothing says what is right; {remedy}")
        verdict = self._judge_frame(self.contracts[stage], partition, stored.frame)
        if verdict.broken:
            raise BrokenContractError(
                f"{path} was changed after it was written: {verdict.describe_broken_checks()}; {remedy}", verdict
            )
        self.seal_table(stage, partition, stored.digest, stored.ancestors)
        return stored, verdict

    def _refuse_missing_columns(self, stage: str, partition: str, frame: pl.DataFrame) -> None:
        if stage not in self.contracts:
            return
        columns = self.contracts[stage].model.to_schema().columns
        missing = [name for name in columns if name not in frame.columns]
        if missing:
            raise TableError(
                f"{self.table_path(stage, partition)} is of another version: it has no column {', '.join(missing)}; "
                f"make it again: `funcdex materialize {partition} --select {stage}`"
            )

    def refuse_mixed_lineage(self, partition: str, read: Mapping[str, StoredTable]) -> None:
        """Compares the tables, by stage, that a stage reads: each must be made from the others as they are.

        Raises:
            MixedLineageError: one of them, or one that it was made from, was made from a table that has since been
                replaced. Tables of which nothing is known (of an earlier version) are believed.
        """
        outdated = self._list_outdated_tables(partition, read)
        if outdated:
            stages = dict.fromkeys(name for name, _ in outdated)
            selects = " ".join(f"--select {name}" for name in stages)
            raise MixedLineageError(
                f"The tables of {partition} are of several generations: "
                + "; ".join(f"{name} was made from another {ancestor} than there is now" for name, ancestor in outdated)
                + f". Make {', '.join(stages)} again, before this stage: `funcdex materialize {partition} {selects}`, "
                "or all stages without --select"
            )

    def _list_outdated_tables(self, partition: str, read: Mapping[str, StoredTable]) -> list[tuple[str, str]]:
        """Pairs of a stage and the ancestor by which its table is outdated, in the order in which data flows."""
        involved = set(read).union(*(stored.ancestors for stored in read.values()))
        seals = {name: self.read_seal(name, partition) for name in involved}
        current = {name: seal.digest for name, seal in seals.items() if seal.digest}
        current |= {name: stored.digest for name, stored in read.items()}
        order = [*self.contracts, *sorted(involved.difference(self.contracts))]
        outdated = []
        for name in sorted(involved, key=order.index):
            changed = [
                ancestor
                for ancestor, digest in seals[name].ancestors.items()
                if current.get(ancestor, digest) != digest
            ]
            if changed:
                outdated.append((name, min(changed, key=order.index)))
        return outdated

    def write_judged(
        self,
        table: Table,
        partition: str,
        frame: pl.DataFrame,
        read: Mapping[str, StoredTable],
        further_judgements: Iterable[Judgement] = (),
    ) -> tuple[str, TableVerdict]:
        """Writes a frame that satisfies its contract; returns the hash of its bytes.

        `read` holds the tables that it was made from, with which the checks compare it. `further_judgements` count
        like those of the contract.

        Raises:
            BrokenContractError: it breaks the contract. It is kept as refused, the stored table stays as it was.
        """
        judgements = check_table(table, frame, {name: stored.frame for name, stored in read.items()})
        verdict = TableVerdict(table.name, partition, (*judgements, *further_judgements))
        if verdict.broken:
            refused = self.keep_refused_frame(table.name, partition, frame)
            raise BrokenContractError(
                f"{verdict.describe_broken_checks()} (the refused table is kept in {refused})", verdict
            )
        ancestors = {
            name: digest
            for stage, stored in read.items()
            for name, digest in (*stored.ancestors.items(), (stage, stored.digest))
        }
        return self.write_table(table.name, partition, frame, ancestors), verdict

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
            self.seal_table(table.name, partition, stored.digest, stored.ancestors)
        return verdict

    def _judge_frame(self, table: Table, partition: str, frame: pl.DataFrame) -> TableVerdict:
        needed = {name: self.read_frame(name, partition) for name in table.needed_tables}
        return TableVerdict(table.name, partition, tuple(check_table(table, frame, needed)))

    def _report_unreadable(self, stage: str, partition: str, error: UnreadableTableError) -> TableVerdict:
        file = pl.DataFrame({"file": [str(self.table_path(stage, partition))], "error": [str(error)]})
        return TableVerdict(stage, partition, (Judgement(SCHEMA, "The table is readable Parquet.", file),))
