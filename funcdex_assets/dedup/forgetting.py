"""Forgets scenarios of earlier nights, and vectors that nothing compares with any more.

Belongs here: what may go from the index, and its going. A *night* is a batch of `index.py`: all candidates of one
partition and seed. What is forgotten may come again as a new scenario.
"""

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from funcdex_assets.dedup.index import LanceScenarioIndex, name_table
from funcdex_assets.storage.disk_errors import explaining_disk_errors


@dataclass(frozen=True)
class IndexedNight:
    """The rows of one partition and seed in one table of the index; a higher `sequence` came later."""

    table: str
    partition: str
    seed: int
    sequence: int
    rows: int


def find_obsolete_nights(path: Path, keep: int) -> list[IndexedNight]:
    """Finds, of each partition, the nights before the `keep` latest ones."""
    obsolete: list[IndexedNight] = []
    for name in _list_tables(path):
        by_partition: dict[str, list[IndexedNight]] = defaultdict(list)
        for night in _list_nights(path, name):
            by_partition[night.partition].append(night)
        for nights in by_partition.values():
            obsolete += sorted(nights, key=lambda night: night.sequence)[:-keep]
    return obsolete


def forget_nights(path: Path, nights: Iterable[IndexedNight]) -> None:
    """Deletes the rows of these nights; `compact_tables` gives the space back."""
    index = LanceScenarioIndex(path)
    with explaining_disk_errors(path), index.lock_turn():
        for night in nights:
            partition = night.partition.replace("'", "''")
            _open_table(path, night.table).delete(f"partition = '{partition}' AND seed = {night.seed}")


def find_unused_tables(path: Path, embedder: str) -> list[str]:
    """Finds the tables of other embedders than the one in use, whose vectors are compared with nothing."""
    return [name for name in _list_tables(path) if name != name_table(embedder)]


def drop_tables(path: Path, names: Iterable[str]) -> None:
    index = LanceScenarioIndex(path)
    with explaining_disk_errors(path), index.lock_turn():
        for name in names:
            _connect(path).drop_table(name)


def compact_tables(path: Path) -> None:
    """Merges small files, and deletes every version of the tables but the present one."""
    index = LanceScenarioIndex(path)
    with explaining_disk_errors(path), index.lock_turn(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of readers at work: they hold the same lock
        for name in _list_tables(path):
            _open_table(path, name).optimize(cleanup_older_than=timedelta(0))


def estimate_size(path: Path, nights: Iterable[IndexedNight]) -> int:
    """Estimates the bytes of these nights: their share of the rows of each table."""
    rows: Counter[str] = Counter()
    for night in nights:
        rows[night.table] += night.rows
    totals = {name: _open_table(path, name).count_rows() for name in rows}
    return sum(measure_table(path, name) * count // totals[name] for name, count in rows.items())


def find_tables_with_old_versions(path: Path) -> list[str]:
    """Finds the tables that keep more than their present version,."""
    return [
        name for name in _list_tables(path) if len(list((path / f"{name}.lance" / "_versions").glob("*.manifest"))) > 1
    ]


def measure_table(path: Path, name: str) -> int:
    """The bytes that a table takes, old versions included."""
    return sum(file.stat().st_size for file in (path / f"{name}.lance").rglob("*") if file.is_file())


def _list_nights(path: Path, name: str) -> list[IndexedNight]:
    columns = ["partition", "seed", "sequence"]
    counts: dict[tuple[str, int], tuple[int, int]] = {}
    for row in _open_table(path, name).search().select(columns).to_arrow().to_pylist():
        sequence, rows = counts.get((row["partition"], row["seed"]), (0, 0))
        counts[row["partition"], row["seed"]] = max(sequence, row["sequence"]), rows + 1
    return [IndexedNight(name, *night, *numbers) for night, numbers in counts.items()]


def _list_tables(path: Path) -> list[str]:
    return sorted(folder.stem for folder in path.glob("*.lance"))


def _open_table(path: Path, name: str) -> Any:
    return _connect(path).open_table(name)


def _connect(path: Path) -> Any:
    import lancedb

    return lancedb.connect(str(path))
