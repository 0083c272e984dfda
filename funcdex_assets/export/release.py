"""Publishes a dataset on disk: train and test as JSONL and Parquet, and a card that describes it.

Belongs here: the files of a release and the atomic step that publishes them. Which conversations are in it belongs to
`splits.py`, the text of the card to `card.py`.

A release is written beside its destination and published by one rename, so that a reader sees the
whole of it or nothing. Its name is the hash of its rows and reports: the same rows are the same release, and an
older release is never touched. `latest` names the newest one that was whole enough (`release_outcome.py`).
"""

import shutil
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import msgspec
import polars as pl

from funcdex_assets.export.card import SPLITS, render_dataset_card
from funcdex_assets.export.closed_books import drop_acknowledgements
from funcdex_assets.export.release_outcome import ReleaseOutcome, write_outcome
from funcdex_assets.export.releases import point_latest
from funcdex_assets.export.row_columns import ROW_COLUMNS
from funcdex_assets.export.splits import leave_out_failed
from funcdex_assets.records.dataset import DatasetRow, LeftOut, OwnRow
from funcdex_assets.records.feedback import Weakness
from funcdex_assets.records.row_failures import make_each
from funcdex_assets.storage.disk_errors import explaining_disk_errors
from funcdex_assets.storage.frames import to_frame
from funcdex_assets.tool_graph.feedback import encode_weaknesses

OWN = "own"
"""Kind and source of a team's own rows."""
_GENERATED: Mapping[str, Any] = MappingProxyType({"source": "generated", "weight": 1.0})


def publish_release(
    rows: Sequence[DatasetRow],
    folder: Path,
    name: str,
    left_out: Sequence[LeftOut] = (),
    reports: Mapping[str, bytes] = MappingProxyType({}),
    *,
    own_rows: Sequence[OwnRow] = (),
    policies: Mapping[str, str] = MappingProxyType({}),
    feedback: Mapping[str, Sequence[Weakness]] = MappingProxyType({}),
    outcome: ReleaseOutcome | None = None,
    as_latest: bool = True,
    calls_alone: bool = False,
) -> Path:
    """Writes the release of dataset `name` into `folder/<release>`; returns that path.

    If conversations were left out, `left_out.jsonl` lists them with reasons; `reports` are further files by name. The
    outcome is kept beside the release. One that is not to be the latest is kept, too.

    `own_rows` end the train split. With them, and only then, every row has the columns `source` (`own` or `generated`)
    and `weight`. `policies` are named in the card, by partition. `feedback`, by partition, are the figures that it was
    steered by: they are a file of the release, and the card names them by hash. With `calls_alone`, acknowledgements
    and the replies to them are left out of the files (`closed_books`).

    Raises:
        DiskError: the folder cannot be written; `latest` is as it was.
    """
    if calls_alone:
        rows = [drop_acknowledgements(row) for row in rows]
    content = {split: [row for row in rows if row.split == split] for split in SPLITS}
    source = _GENERATED if own_rows else {}
    lines = {split: b"".join(_encode_row(row, source) for row in split_rows) for split, split_rows in content.items()}
    lines["train"] += b"".join(map(_encode_own_row, own_rows))
    further_files = dict(reports)
    if figures := [weakness for weaknesses in feedback.values() for weakness in weaknesses]:
        further_files["feedback.json"] = encode_weaknesses(figures)
    if left_out:
        further_files["left_out.jsonl"] = b"".join(msgspec.json.encode(exclusion) + b"\n" for exclusion in left_out)
    release = f"release_{_hash_files(lines, further_files)}"
    destination = folder / release
    with explaining_disk_errors(destination):
        if not destination.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            draft = folder / f".{release}.{uuid4().hex[:8]}"
            try:
                draft.mkdir()
                for split in SPLITS:
                    (draft / f"{split}.jsonl").write_bytes(lines[split])
                    frame = _build_frame(content[split], own_rows if split == "train" else (), source)
                    frame.write_parquet(draft / f"{split}.parquet", compression="zstd")
                missing_kinds = outcome.missing_kinds if outcome else {}
                card = render_dataset_card(
                    name,
                    release,
                    rows,
                    left_out,
                    missing_kinds,
                    own_rows=own_rows,
                    policies=policies,
                    feedback=feedback,
                )
                (draft / "README.md").write_text(card, encoding="utf-8")
                for file, contents in further_files.items():
                    (draft / file).write_bytes(contents)
                draft.rename(destination)
            except OSError:
                if not destination.is_dir():  # otherwise another process has just published the same rows
                    raise
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        if outcome is not None:
            write_outcome(folder, release, outcome)
        if as_latest:
            point_latest(folder, release)
    return destination


def select_writable(rows: Sequence[DatasetRow]) -> tuple[list[DatasetRow], list[LeftOut]]:
    """Returns the rows that can be written as JSON, and those that are left out because they cannot."""
    pairs, failures = make_each(rows, _encode_row, lambda row: row.conversation_id)
    return [row for row, _ in pairs], leave_out_failed(rows, failures)


def _encode_row(row: DatasetRow, source: Mapping[str, Any] = MappingProxyType({})) -> bytes:
    """Encodes a row as a line of JSON, with the columns that the card names; `source` has further ones."""
    facts = {column.name: getattr(row, column.name) for column in ROW_COLUMNS if column.name != "id"}
    return msgspec.json.encode({"id": row.conversation_id, **facts, **source}) + b"\n"


def _encode_own_row(row: OwnRow) -> bytes:
    """Encodes a team's own row with the columns of the others, null where nothing is known; it is a chain and a
    cluster by itself.
    """
    return (
        msgspec.json.encode(
            {
                **dict.fromkeys(column.name for column in ROW_COLUMNS),
                "id": row.row_id,
                "partition": row.partition,
                "messages": row.messages,
                "tools": row.tools,
                "kind": OWN,
                "chain_id": row.row_id,
                "cluster_id": row.row_id,
                "turn_verdicts": (),
                "step_trace": (),
                "source": OWN,
                "weight": row.weight,
            }
        )
        + b"\n"
    )


def _build_frame(rows: Sequence[DatasetRow], own_rows: Sequence[OwnRow], source: Mapping[str, Any]) -> pl.DataFrame:
    """Builds the table of a split; what an own row does not have is null in it."""
    generated = to_frame(rows, DatasetRow).with_columns(**{name: pl.lit(value) for name, value in source.items()})
    if not own_rows:
        return generated
    own = to_frame(own_rows, OwnRow).select(
        "partition",
        "messages",
        "tools",
        "weight",
        "calls",
        "user_turns",
        conversation_id="row_id",
        scenario_id="row_id",
        cluster_id="row_id",
        chain_id="row_id",
        kind=pl.lit(OWN),
        source=pl.lit(OWN),
        split=pl.lit("train"),
        held_out=pl.lit(False),
        certificate=pl.lit("null"),
        **{
            name: pl.lit([], dtype=generated.schema[name])
            for name in ("turn_verdicts", "step_trace", "reserved_functions")
        },
    )
    return pl.concat([generated, own], how="diagonal")


def _hash_files(lines: dict[str, bytes], further_files: dict[str, bytes]) -> str:
    """Hashes the rows and the further files of a release; the card is left out, as it names the release."""
    digest = blake2b(digest_size=6)
    for split in SPLITS:
        digest.update(split.encode() + lines[split])
    for file, content in sorted(further_files.items()):
        digest.update(file.encode() + content)
    return digest.hexdigest()
