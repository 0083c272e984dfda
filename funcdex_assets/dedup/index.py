"""Stores the scenarios of earlier nights and other partitions, and finds those nearest to new candidates.

Belongs here: the index as a protocol, and LanceDB behind it. Deciding what is a duplicate belongs to `neighbours.py`.

A *batch* is all candidates of one (partition, seed). The index numbers batches as they come, and
compares a batch with lower numbers only, so that materialising a batch again gives the same answer
whatever was added since. All candidates of a batch are stored, duplicates too (they are not `is_kept`, hence not
compared with): a batch of nothing but duplicates must be remembered as well.

    with index.lock_turn():
        neighbours = index.find_neighbours(batch, vectors, signatures)
        …decide…
        index.replace_batch(batch, rows)

Vectors of two embedders are not comparable: each embedder has a table of its own.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from funcdex_assets.dedup.neighbours import MAX_NEIGHBOURS, KnownScenarios, Neighbours, find_nearest_known
from funcdex_assets.dedup.signatures import SIGNATURE_SIZE
from funcdex_assets.records.seeds import derive_id
from funcdex_assets.storage.disk_errors import explaining_disk_errors

_Result = TypeVar("_Result")
_SCALAR_INDEX_FROM = 10_000  # rows; with fewer, a scan is as quick as the index


@dataclass(frozen=True, slots=True)
class Batch:
    """All candidates of one partition and seed; only batches that share a toolkit are compared."""

    partition: str
    seed: int
    toolkits: tuple[str, ...]
    embedder: str
    batch_id: str


def identify_batch(
    partition: str,
    seed: int,
    toolkits: Sequence[str],
    embedder: str,
    ids: Sequence[str],
    texts: Sequence[str],
) -> Batch:
    """Identifies a batch by its contents: other candidates or other texts are another batch."""
    batch_id = derive_id("batch", partition, seed, *ids, *texts)
    return Batch(partition, seed, tuple(toolkits), embedder, batch_id)


@dataclass(frozen=True, slots=True)
class IndexedScenario:
    """A candidate after the decision; `vector` (d) and `signature` (64) are its rows of the arrays."""

    scenario_id: str
    text: str
    is_kept: bool
    cluster_id: str
    vector: np.ndarray
    signature: np.ndarray


class IndexBusy(RuntimeError):
    """Other writers kept committing first; nothing was written, trying again is safe."""


class ScenarioIndex(Protocol):
    """Scenarios that are known, as de-duplication asks for them."""

    def lock_turn(self) -> AbstractContextManager[Any]:
        """Locks the index against other processes, from the look-up to the write.

        Two processes that looked up before either had written would keep duplicates of each other.
        """
        ...

    def find_kept_ids(self, batch: Batch) -> frozenset[str] | None:
        """Returns the ids that this very batch kept when it was indexed; None if it never was."""
        ...

    def find_neighbours(
        self, batch: Batch, vectors: np.ndarray, signatures: np.ndarray, *, afresh: bool = False
    ) -> Neighbours:
        """Finds the nearest kept scenarios of other batches.

        If this batch was indexed before, only batches of lower number are compared with; all of them if it is decided
        `afresh`.
        """
        ...

    def replace_batch(self, batch: Batch, rows: Sequence[IndexedScenario], *, afresh: bool = False) -> None:
        """Replaces all rows of the batch's partition and seed, in one step.

        A batch that is new or decided `afresh` gets the next number.
        """
        ...


class LanceScenarioIndex:
    """Scenarios in LanceDB, one folder, one table per embedder.

    Up to `vector_index_from` rows the search is exact: the vectors that pass the filter are read once
    and multiplied with all candidates, which is quicker than LanceDB's own batch search and gives the
    same answer every time (benchmarks/dedup.py measures both). With more rows, an IVF index is built and searched,
    which may miss a neighbour. Files are merged after every `compact_every` versions of a table.
    """

    def __init__(self, path: str | Path, *, vector_index_from: int = 1_000_000, compact_every: int = 20):
        self._path = str(path)
        self._vector_index_from = vector_index_from
        self._compact_every = compact_every

    def lock_turn(self) -> AbstractContextManager[Any]:
        if "://" in self._path:  # an object store has no locks: there, a Dagster pool of 1 does the same
            return nullcontext()
        from filelock import FileLock

        Path(self._path).mkdir(parents=True, exist_ok=True)
        return FileLock(Path(self._path) / "turn.lock")

    def find_kept_ids(self, batch: Batch) -> frozenset[str] | None:
        table = self._open_table(batch.embedder)
        if table is None:
            return None
        condition = f"{_render_batch_condition(batch)} AND batch = {_quote_sql(batch.batch_id)}"
        rows = table.search().where(condition).select(["scenario_id", "kept"]).to_arrow().to_pylist()
        return frozenset(row["scenario_id"] for row in rows if row["kept"]) if rows else None

    def find_neighbours(
        self, batch: Batch, vectors: np.ndarray, signatures: np.ndarray, *, afresh: bool = False
    ) -> Neighbours:
        table = self._open_table(batch.embedder)
        if table is None or len(vectors) == 0:
            return find_nearest_known(vectors, signatures, ())
        condition = self._render_comparable_condition(table, batch, afresh)
        if self._has_vector_index(table):
            return _search_vector_index(table, condition, vectors, signatures)
        return find_nearest_known(vectors, signatures, _read_known_scenarios(table, condition))

    def replace_batch(self, batch: Batch, rows: Sequence[IndexedScenario], *, afresh: bool = False) -> None:
        repeated = len(rows) - len({row.scenario_id for row in rows})
        if repeated:
            raise ValueError(
                f"{repeated} of {len(rows)} scenario ids of {batch.partition!r} (seed {batch.seed}) occur "
                "twice; derive ids from partition, seed and position"
            )
        with explaining_disk_errors(Path(self._path)):
            if _retry_on_conflict(lambda: self._replace_once(batch, rows, afresh)):
                with suppress(IndexBusy):  # the rows are committed; a later batch compacts when nobody else writes
                    self.compact_table(batch.embedder)

    def compact_table(self, embedder: str) -> None:
        """Merges small files, deletes versions older than an hour, and builds indexes for large tables."""
        _retry_on_conflict(lambda: self._compact_once(embedder))

    # ── writing ──

    def _replace_once(self, batch: Batch, rows: Sequence[IndexedScenario], afresh: bool) -> bool:
        """Commits the rows; returns whether so many versions have passed that the table should be compacted."""
        table = self._open_table(batch.embedder)
        if table is None:
            if not rows:
                return False
            table = self._create_table(batch.embedder, rows[0].vector.size)
        version_before = table.version
        if rows:
            # One commit: a reader sees either all old rows or all new ones.
            (
                table.merge_insert(["partition", "seed", "scenario_id"])
                .when_matched_update_all()
                .when_not_matched_insert_all()
                .when_not_matched_by_source_delete(_render_batch_condition(batch))
                .execute(_to_arrow_table(batch, self._assign_sequence(table, batch, afresh), rows, table.schema))
            )
        else:
            table.delete(_render_batch_condition(batch))
        return table.version // self._compact_every != version_before // self._compact_every

    def _compact_once(self, embedder: str) -> None:
        from lancedb.index import Bitmap, BTree, IvfFlat, LabelList

        table = self._open_table(embedder)
        if table is None:
            return
        indexed = {column for index in table.list_indices() for column in index.columns}
        rows = table.count_rows()
        index_configs = (
            {"toolkits": LabelList(), "partition": Bitmap(), "sequence": BTree()} if rows >= _SCALAR_INDEX_FROM else {}
        )
        if rows >= self._vector_index_from:
            index_configs["vector"] = IvfFlat(distance_type="cosine")
        for column, config in index_configs.items():
            if column not in indexed:
                table.create_index(column, config=config)
        table.optimize(cleanup_older_than=timedelta(hours=1))

    def _assign_sequence(self, table: Any, batch: Batch, afresh: bool) -> int:
        """Returns the number of the batch: the one that it has, or else the next."""
        known_sequence = None if afresh else self._find_sequence(table, batch)
        if known_sequence is not None:
            return known_sequence
        numbers = table.search().select(["sequence"]).to_arrow()["sequence"].to_numpy()
        return int(numbers.max(initial=0)) + 1

    # ── reading ──

    def _find_sequence(self, table: Any, batch: Batch) -> int | None:
        """Returns the number under which this very batch is indexed, if it is."""
        condition = f"{_render_batch_condition(batch)} AND batch = {_quote_sql(batch.batch_id)}"
        rows = table.search().where(condition).select(["sequence"]).limit(1).to_arrow()
        return rows["sequence"][0].as_py() if rows.num_rows else None

    def _render_comparable_condition(self, table: Any, batch: Batch, afresh: bool) -> str:
        """Renders the SQL condition of the rows that a batch is compared with."""
        toolkits = ", ".join(map(_quote_sql, batch.toolkits))
        sequence = None if afresh else self._find_sequence(table, batch)
        earlier = f"NOT ({_render_batch_condition(batch)})" if sequence is None else f"sequence < {sequence}"
        return f"kept AND array_has_any(toolkits, [{toolkits}]) AND {earlier}"

    @staticmethod
    def _has_vector_index(table: Any) -> bool:
        return any("vector" in index.columns for index in table.list_indices())

    # ── the database ──

    def _connect_database(self) -> Any:
        import lancedb

        return lancedb.connect(self._path)

    def _open_table(self, embedder: str) -> Any | None:
        """Opens the table as it is now, other processes' commits included; None before the first batch."""
        try:
            return self._connect_database().open_table(name_table(embedder))
        except ValueError as error:
            if "not found" in str(error):
                return None
            raise

    def _create_table(self, embedder: str, dimensions: int) -> Any:
        import pyarrow as pa

        schema = pa.schema(
            [
                pa.field("scenario_id", pa.string(), nullable=False),
                pa.field("text", pa.string(), nullable=False),
                pa.field("partition", pa.string(), nullable=False),
                pa.field("seed", pa.int64(), nullable=False),
                pa.field("toolkits", pa.list_(pa.string()), nullable=False),
                pa.field("batch", pa.string(), nullable=False),
                pa.field("sequence", pa.int64(), nullable=False),
                pa.field("kept", pa.bool_(), nullable=False),
                pa.field("cluster_id", pa.string(), nullable=False),
                pa.field("vector", pa.list_(pa.float32(), dimensions), nullable=False),
                pa.field("signature", pa.list_(pa.uint32(), SIGNATURE_SIZE), nullable=False),
            ]
        )
        return self._connect_database().create_table(name_table(embedder), schema=schema, exist_ok=True)


def _to_arrow_table(batch: Batch, sequence: int, rows: Sequence[IndexedScenario], schema: Any) -> Any:
    """Converts the rows of a batch to an Arrow table of the index's schema."""
    import pyarrow as pa

    count = len(rows)
    columns = {
        "scenario_id": [row.scenario_id for row in rows],
        "text": [row.text for row in rows],
        "partition": [batch.partition] * count,
        "seed": [batch.seed] * count,
        "toolkits": [list(batch.toolkits)] * count,
        "batch": [batch.batch_id] * count,
        "sequence": [sequence] * count,
        "kept": [row.is_kept for row in rows],
        "cluster_id": [row.cluster_id for row in rows],
        "vector": list(np.stack([row.vector for row in rows]).astype(np.float32)),
        "signature": list(np.stack([row.signature for row in rows]).astype(np.uint32)),
    }
    return pa.table(
        {name: pa.array(values, schema.field(name).type) for name, values in columns.items()}, schema=schema
    )


def _read_known_scenarios(table: Any, condition: str) -> Iterator[KnownScenarios]:
    """Reads the rows that meet the condition, in blocks of 8,192."""
    query = table.search().where(condition).select(["scenario_id", "vector", "signature"])
    for rows in query.to_batches(8192):
        if rows.num_rows:
            yield KnownScenarios(
                ids=rows["scenario_id"].to_numpy(zero_copy_only=False),
                vectors=_to_matrix(rows["vector"]),
                signatures=_to_matrix(rows["signature"]),
            )


def _search_vector_index(table: Any, condition: str, vectors: np.ndarray, signatures: np.ndarray) -> Neighbours:
    """Finds neighbours by the vector index, with one query for all candidates."""
    columns = ["scenario_id", "vector", "signature", "_distance"]
    query = table.search(list(vectors), vector_column_name="vector").distance_type("cosine")
    hits = query.where(condition, prefilter=True).limit(MAX_NEIGHBOURS).select(columns).to_arrow()
    owners = hits["query_index"].to_numpy() if "query_index" in hits.column_names else np.zeros(hits.num_rows)
    neighbours = []
    for candidate in range(len(vectors)):
        rows = hits.filter(owners == candidate)
        blocks = []
        if rows.num_rows:
            ids = rows["scenario_id"].to_numpy()
            blocks = [KnownScenarios(ids, _to_matrix(rows["vector"]), _to_matrix(rows["signature"]))]
        neighbours.append(find_nearest_known(vectors[[candidate]], signatures[[candidate]], blocks))
    return Neighbours(
        ids=np.vstack([per_candidate.ids for per_candidate in neighbours]),
        similarities=np.vstack([per_candidate.similarities for per_candidate in neighbours]),
        overlaps=np.vstack([per_candidate.overlaps for per_candidate in neighbours]),
    )


def _to_matrix(column: Any) -> np.ndarray:
    """Converts a fixed-size list column to a two-dimensional array."""
    array = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    return array.flatten().to_numpy().reshape(-1, array.type.list_size)


def _render_batch_condition(batch: Batch) -> str:
    """Renders the SQL condition of the rows of a batch's partition and seed."""
    return f"partition = {_quote_sql(batch.partition)} AND seed = {batch.seed}"


def _quote_sql(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def name_table(embedder: str) -> str:
    """The name of the table with the vectors of an embedder."""
    return "scenarios-" + re.sub(r"[^A-Za-z0-9_.-]", "-", embedder)


def _retry_on_conflict(action: Callable[[], _Result], attempts: int = 8) -> _Result:
    """Calls the action again, after growing pauses, while other writers commit first.

    Raises:
        IndexBusy: every attempt met a conflict.
    """
    for attempt in range(attempts):
        try:
            return action()
        except (RuntimeError, OSError, ValueError) as error:
            if not re.search("conflict|already exists|concurrent", str(error), re.IGNORECASE):
                raise
            if attempt == attempts - 1:
                raise IndexBusy(f"The scenario index was written to {attempts} times meanwhile") from error
            time.sleep(0.05 * 2**attempt)
    raise AssertionError("unreachable")
