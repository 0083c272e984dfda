"""The memory of scenarios: what earlier nights and other partitions have already told.

A *batch* is all candidates of one (partition, seed). The index numbers batches as they come, and
compares a batch with lower numbers only, so that materialising a batch again gives the same answer
whatever was added since. All candidates of a batch are kept, duplicates too (not `kept`, hence not
compared with): a batch of nothing but duplicates must be remembered as well.

    with index.turn():
        known = index.neighbours(batch, vectors, signatures)
        …decide…
        index.replace(batch, rows)

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

from funcdex_assets.dedup.neighbours import NEAREST, Known, Neighbours, nearest
from funcdex_assets.dedup.signatures import SIGNATURE_SIZE
from funcdex_assets.records.seeds import derive_id

_Result = TypeVar("_Result")
_SCALAR_INDEX_FROM = 10_000  # rows; below, a scan is as quick as the index


@dataclass(frozen=True, slots=True)
class Batch:
    """All candidates of one partition and seed; only batches that share a toolkit are compared."""

    partition: str
    seed: int
    toolkits: tuple[str, ...]
    embedder: str
    batch_id: str


def batch_of(
    partition: str,
    seed: int,
    toolkits: Sequence[str],
    embedder: str,
    ids: Sequence[str],
    texts: Sequence[str],
) -> Batch:
    batch_id = derive_id("batch", partition, seed, *ids, *texts)
    return Batch(partition, seed, tuple(toolkits), embedder, batch_id)


@dataclass(frozen=True, slots=True)
class IndexedScenario:
    """A candidate after the decision; `vector` (d) and `signature` (64) are its rows of the arrays."""

    scenario_id: str
    text: str
    kept: bool
    cluster_id: str
    vector: np.ndarray
    signature: np.ndarray


class IndexBusy(RuntimeError):
    """Other writers kept committing first; nothing was written, trying again is safe."""


class ScenarioIndex(Protocol):
    def turn(self) -> AbstractContextManager[Any]:
        """While it is held, no other process looks and writes: two that did so would miss each other."""
        ...

    def kept(self, batch: Batch) -> frozenset[str] | None:
        """The ids that this very batch kept when it was indexed; None if it never was."""
        ...

    def neighbours(
        self, batch: Batch, vectors: np.ndarray, signatures: np.ndarray, *, afresh: bool = False
    ) -> Neighbours:
        """The nearest kept scenarios of other batches: of lower number if this batch is known, of all of
        them if it is decided afresh.
        """
        ...

    def replace(self, batch: Batch, rows: Sequence[IndexedScenario], *, afresh: bool = False) -> None:
        """Puts the rows in place of all rows of the batch's partition and seed, in one step. A batch that
        is new or decided afresh gets the next number.
        """
        ...


class LanceScenarioIndex:
    """Scenarios in LanceDB, one folder, one table per embedder.

    Up to `vector_index_from` rows the search is exact: the vectors that pass the filter are read once
    and multiplied with all candidates, which is quicker than LanceDB's own batch search and gives the
    same answer every time (benchmarks/dedup.py has both). Beyond, an IVF index is built and asked,
    which may miss a neighbour.
    """

    def __init__(self, path: str | Path, *, vector_index_from: int = 1_000_000, compact_every: int = 20):
        self._path = str(path)
        self._vector_index_from = vector_index_from
        self._compact_every = compact_every

    def turn(self) -> AbstractContextManager[Any]:
        if "://" in self._path:  # an object store has no locks: there, a Dagster pool of 1 does the same
            return nullcontext()
        from filelock import FileLock

        Path(self._path).mkdir(parents=True, exist_ok=True)
        return FileLock(Path(self._path) / "turn.lock")

    def kept(self, batch: Batch) -> frozenset[str] | None:
        table = self._open(batch.embedder)
        if table is None:
            return None
        condition = f"{_own(batch)} AND batch = {_quoted(batch.batch_id)}"
        found = table.search().where(condition).select(["scenario_id", "kept"]).to_arrow().to_pylist()
        return frozenset(row["scenario_id"] for row in found if row["kept"]) if found else None

    def neighbours(
        self, batch: Batch, vectors: np.ndarray, signatures: np.ndarray, *, afresh: bool = False
    ) -> Neighbours:
        table = self._open(batch.embedder)
        if table is None or len(vectors) == 0:
            return nearest(vectors, signatures, ())
        condition = self._comparable(table, batch, afresh)
        if self._has_vector_index(table):
            return _search(table, condition, vectors, signatures)
        return nearest(vectors, signatures, _stored(table, condition))

    def replace(self, batch: Batch, rows: Sequence[IndexedScenario], *, afresh: bool = False) -> None:
        repeated = len(rows) - len({row.scenario_id for row in rows})
        if repeated:
            raise ValueError(
                f"{repeated} of {len(rows)} scenario ids of {batch.partition!r} (seed {batch.seed}) occur "
                "twice; derive ids from partition, seed and position"
            )
        if _retrying(lambda: self._replace_once(batch, rows, afresh)):
            with suppress(IndexBusy):  # the rows are committed; a later batch finds a quieter moment
                self.compact(batch.embedder)

    def compact(self, embedder: str) -> None:
        """Merges small files, forgets versions older than an hour, and builds indexes once they pay."""
        _retrying(lambda: self._compact_once(embedder))

    # ── writing ──

    def _replace_once(self, batch: Batch, rows: Sequence[IndexedScenario], afresh: bool) -> bool:
        """Whether it is time to compact."""
        table = self._open(batch.embedder)
        if table is None:
            if not rows:
                return False
            table = self._create(batch.embedder, rows[0].vector.size)
        before = table.version
        if rows:
            # One commit: the new rows are there and the old ones gone, or nothing has happened.
            (
                table.merge_insert(["partition", "seed", "scenario_id"])
                .when_matched_update_all()
                .when_not_matched_insert_all()
                .when_not_matched_by_source_delete(_own(batch))
                .execute(_arrow(batch, self._sequence(table, batch, afresh), rows, table.schema))
            )
        else:
            table.delete(_own(batch))
        return table.version // self._compact_every != before // self._compact_every

    def _compact_once(self, embedder: str) -> None:
        from lancedb.index import Bitmap, BTree, IvfFlat, LabelList

        table = self._open(embedder)
        if table is None:
            return
        indexed = {column for index in table.list_indices() for column in index.columns}
        rows = table.count_rows()
        wanted = (
            {"toolkits": LabelList(), "partition": Bitmap(), "sequence": BTree()} if rows >= _SCALAR_INDEX_FROM else {}
        )
        if rows >= self._vector_index_from:
            wanted["vector"] = IvfFlat(distance_type="cosine")
        for column, config in wanted.items():
            if column not in indexed:
                table.create_index(column, config=config)
        table.optimize(cleanup_older_than=timedelta(hours=1))

    def _sequence(self, table: Any, batch: Batch, afresh: bool) -> int:
        known = None if afresh else self._known_sequence(table, batch)
        if known is not None:
            return known
        numbers = table.search().select(["sequence"]).to_arrow()["sequence"].to_numpy()
        return int(numbers.max(initial=0)) + 1

    # ── reading ──

    def _known_sequence(self, table: Any, batch: Batch) -> int | None:
        condition = f"{_own(batch)} AND batch = {_quoted(batch.batch_id)}"
        found = table.search().where(condition).select(["sequence"]).limit(1).to_arrow()
        return found["sequence"][0].as_py() if found.num_rows else None

    def _comparable(self, table: Any, batch: Batch, afresh: bool) -> str:
        toolkits = ", ".join(map(_quoted, batch.toolkits))
        sequence = None if afresh else self._known_sequence(table, batch)
        earlier = f"NOT ({_own(batch)})" if sequence is None else f"sequence < {sequence}"
        return f"kept AND array_has_any(toolkits, [{toolkits}]) AND {earlier}"

    @staticmethod
    def _has_vector_index(table: Any) -> bool:
        return any("vector" in index.columns for index in table.list_indices())

    # ── the database ──

    def _connect(self) -> Any:
        import lancedb

        return lancedb.connect(self._path)

    def _open(self, embedder: str) -> Any | None:
        """The table as it is now, other processes' commits included; None before the first batch."""
        try:
            return self._connect().open_table(_table_name(embedder))
        except ValueError as error:
            if "not found" in str(error):
                return None
            raise

    def _create(self, embedder: str, dimensions: int) -> Any:
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
        return self._connect().create_table(_table_name(embedder), schema=schema, exist_ok=True)


def _arrow(batch: Batch, sequence: int, rows: Sequence[IndexedScenario], schema: Any) -> Any:
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
        "kept": [row.kept for row in rows],
        "cluster_id": [row.cluster_id for row in rows],
        "vector": list(np.stack([row.vector for row in rows]).astype(np.float32)),
        "signature": list(np.stack([row.signature for row in rows]).astype(np.uint32)),
    }
    return pa.table(
        {name: pa.array(values, schema.field(name).type) for name, values in columns.items()}, schema=schema
    )


def _stored(table: Any, condition: str) -> Iterator[Known]:
    query = table.search().where(condition).select(["scenario_id", "vector", "signature"])
    for rows in query.to_batches(8192):
        if rows.num_rows:
            yield Known(
                ids=rows["scenario_id"].to_numpy(zero_copy_only=False),
                vectors=_matrix(rows["vector"]),
                signatures=_matrix(rows["signature"]),
            )


def _search(table: Any, condition: str, vectors: np.ndarray, signatures: np.ndarray) -> Neighbours:
    """Asks the vector index: all candidates in one query."""
    columns = ["scenario_id", "vector", "signature", "_distance"]
    query = table.search(list(vectors), vector_column_name="vector").distance_type("cosine")
    found = query.where(condition, prefilter=True).limit(NEAREST).select(columns).to_arrow()
    owners = found["query_index"].to_numpy() if "query_index" in found.column_names else np.zeros(found.num_rows)
    parts = []
    for candidate in range(len(vectors)):
        rows = found.filter(owners == candidate)
        blocks = []
        if rows.num_rows:
            ids = rows["scenario_id"].to_numpy()
            blocks = [Known(ids, _matrix(rows["vector"]), _matrix(rows["signature"]))]
        parts.append(nearest(vectors[[candidate]], signatures[[candidate]], blocks))
    return Neighbours(
        ids=np.vstack([part.ids for part in parts]),
        similarities=np.vstack([part.similarities for part in parts]),
        overlaps=np.vstack([part.overlaps for part in parts]),
    )


def _matrix(column: Any) -> np.ndarray:
    """The rows of a fixed-size list column, as a two-dimensional array."""
    array = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    return array.flatten().to_numpy().reshape(-1, array.type.list_size)


def _own(batch: Batch) -> str:
    return f"partition = {_quoted(batch.partition)} AND seed = {batch.seed}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _table_name(embedder: str) -> str:
    return "scenarios-" + re.sub(r"[^A-Za-z0-9_.-]", "-", embedder)


def _retrying(action: Callable[[], _Result], attempts: int = 8) -> _Result:
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
