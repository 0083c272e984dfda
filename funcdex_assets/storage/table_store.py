"""The store of the stages' tables: one Parquet file per stage and partition.

    HOME/tables/scenarios/gmail.parquet         the table
    HOME/tables/scenarios/gmail.seal            the hash of the bytes that were validated and written, and the hashes of
                                                the tables that they were made from
    HOME/refused/scenarios/gmail.parquet        the last table of the stage that broke its contract
    HOME/spent/scenarios/gmail.json             the cost of the model's answers in the table; only if a model was asked
    HOME/left_out/scenarios/gmail.jsonl         the rows that could not be made, with reasons; only if there are any

Belongs here: files and bytes. The contract of a table, and the use of changed tables, belong to `contracts/`. A write
replaces the file at once, so a reader sees the old table or the new one; the same frame gives the same bytes. A table
whose bytes no longer match the seal was changed behind the stages' back: it can be read, and
`contracts/trusted_tables` judges it again.

>>> import tempfile
>>> store = TableStore(Path(tempfile.mkdtemp()))
>>> digest = store.write_table("scenarios", "gmail", pl.DataFrame({"scenario_id": ["s1"]}))
>>> store.load_table("scenarios", "gmail").sealed
True
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

import msgspec
import polars as pl
from polars.exceptions import PolarsError

from funcdex_assets.records.errors import UserError
from funcdex_assets.records.figures import Spent
from funcdex_assets.records.row_failures import RowFailure
from funcdex_assets.storage.atomic_files import replace_file


class TableError(UserError):
    """A stored table cannot be used; the message names stage, partition, file and remedy."""


class MissingTableError(TableError):
    """The stage has not made this partition yet."""


class UnreadableTableError(TableError):
    """The file is there, but is not Parquet."""


@dataclass(frozen=True)
class StoredTable:
    """`digest` names the bytes that were read; `sealed` says that they are the bytes that were written. `ancestors`
    has the digest of each table, by stage, that the table was made from, directly or not.
    """

    frame: pl.DataFrame
    digest: str
    sealed: bool
    ancestors: Mapping[str, str] = field(default_factory=dict)


class Seal(msgspec.Struct):
    """The content of a seal file. Seals of earlier versions are the bare digest, and name no ancestors."""

    digest: str
    ancestors: dict[str, str] = {}


class TableStore:
    """The tables under `home`."""

    def __init__(self, home: Path) -> None:
        self.home = Path(home)

    def table_path(self, stage: str, partition: str) -> Path:
        return self.home / "tables" / stage / f"{partition}.parquet"

    def seal_path(self, stage: str, partition: str) -> Path:
        return self.table_path(stage, partition).with_suffix(".seal")

    def refused_path(self, stage: str, partition: str) -> Path:
        return self.home / "refused" / stage / f"{partition}.parquet"

    def has_table(self, stage: str, partition: str) -> bool:
        return self.table_path(stage, partition).is_file()

    def list_partitions(self, stage: str) -> list[str]:
        """Lists the partitions of which the stage has a table, sorted by name."""
        return sorted(path.stem for path in (self.home / "tables" / stage).glob("*.parquet"))

    def read_frame(self, stage: str, partition: str) -> pl.DataFrame:
        return self.load_table(stage, partition).frame

    def load_table(self, stage: str, partition: str) -> StoredTable:
        """Reads the table, with the hash of exactly the bytes it was read from.

        Raises:
            MissingTableError, UnreadableTableError
        """
        path = self.table_path(stage, partition)
        remedy = f"materialise {stage} for {partition}"
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise MissingTableError(f"There is no table {stage} for {partition} ({path}); {remedy}") from None
        try:
            frame = pl.read_parquet(BytesIO(content))
        except (PolarsError, OSError) as error:
            raise UnreadableTableError(
                f"The table {stage} for {partition} is not readable Parquet: {error} ({path}); {remedy} again"
            ) from None
        digest = _hash_content(content)
        seal = self.read_seal(stage, partition)
        return StoredTable(frame, digest, seal.digest == digest, seal.ancestors)

    def write_table(
        self, stage: str, partition: str, frame: pl.DataFrame, ancestors: Mapping[str, str] = MappingProxyType({})
    ) -> str:
        """Replaces the table and seals it; returns the hash of its bytes."""
        content = _encode_parquet(frame)
        digest = _hash_content(content)
        replace_file(self.table_path(stage, partition), content)
        self.seal_table(stage, partition, digest, ancestors)
        return digest

    def seal_table(self, stage: str, partition: str, digest: str, ancestors: Mapping[str, str]) -> None:
        """Declares the bytes with this hash to be valid, and made from the tables with the hashes in `ancestors`."""
        replace_file(self.seal_path(stage, partition), msgspec.json.encode(Seal(digest, dict(ancestors))))

    def read_seal(self, stage: str, partition: str) -> Seal:
        """Reads the seal of a table; one with an empty digest, which no table has, if there is none."""
        path = self.seal_path(stage, partition)
        content = path.read_bytes() if path.is_file() else b""
        try:
            return msgspec.json.decode(content, type=Seal)
        except msgspec.DecodeError:
            return Seal(content.decode(errors="replace"))

    def note_spent(self, stage: str, partition: str, spent: Sequence[Spent]) -> None:
        """Replaces the stored cost of the table; an empty `spent` removes it."""
        path = self.home / "spent" / stage / f"{partition}.json"
        if spent:
            replace_file(path, msgspec.json.encode(spent))
        else:
            path.unlink(missing_ok=True)

    def read_spent(self, partition: str) -> dict[str, list[Spent]]:
        """Reads the cost of the answers in the partition's tables, by stage; stages that asked no model are missing."""
        paths = sorted((self.home / "spent").glob(f"*/{partition}.json"))
        return {path.parent.name: msgspec.json.decode(path.read_bytes(), type=list[Spent]) for path in paths}

    def note_left_out(self, stage: str, partition: str, failures: Sequence[RowFailure]) -> Path | None:
        """Replaces the list of rows that are missing in the table, and returns its path; without any, removes it."""
        path = self.home / "left_out" / stage / f"{partition}.jsonl"
        if not failures:
            path.unlink(missing_ok=True)
            return None
        replace_file(path, b"".join(msgspec.json.encode(failure) + b"\n" for failure in failures))
        return path

    def read_left_out(self, stage: str, partition: str) -> list[RowFailure]:
        """Reads the rows that are missing in the table, with the reasons."""
        path = self.home / "left_out" / stage / f"{partition}.jsonl"
        lines = path.read_bytes().splitlines() if path.is_file() else []
        return [msgspec.json.decode(line, type=RowFailure) for line in lines]

    def keep_refused_frame(self, stage: str, partition: str, frame: pl.DataFrame) -> Path:
        """Keeps a frame that broke its contract, beside the store; the table itself stays as it is."""
        path = self.refused_path(stage, partition)
        replace_file(path, _encode_parquet(frame))
        return path


def _encode_parquet(frame: pl.DataFrame) -> bytes:
    buffer = BytesIO()
    frame.write_parquet(buffer, compression="zstd", statistics=True)
    return buffer.getvalue()


def _hash_content(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()
