"""Publishes a dataset on disk: train and test as JSONL and Parquet, and a card that describes it.

Belongs here: the files of a release and the atomic step that publishes them. Which conversations are in it belongs to
`splits.py`, the text of the card to `card.py`.

A release is written beside its destination and published by one rename, so that a reader sees the
whole of it or nothing. Its name is the hash of its rows and reports: the same rows are the same release, and an
older release is never touched. `latest` names the newest one.
"""

import shutil
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from uuid import uuid4

import msgspec

from funcdex_assets.export.card import SPLITS, render_dataset_card
from funcdex_assets.records.dataset import DatasetRow, LeftOut
from funcdex_assets.storage.frames import to_frame


def publish_release(
    rows: Sequence[DatasetRow],
    folder: Path,
    name: str,
    left_out: Sequence[LeftOut] = (),
    reports: Mapping[str, bytes] = MappingProxyType({}),
) -> Path:
    """Writes the release of dataset `name` into `folder/<release>`; returns that path.

    If conversations were left out, `left_out.jsonl` lists them with reasons; `reports` are further files by name.

    Raises:
        OSError: the folder cannot be written.
    """
    content = {split: [row for row in rows if row.split == split] for split in SPLITS}
    lines = {split: b"".join(_encode_row(row) for row in split_rows) for split, split_rows in content.items()}
    further_files = dict(reports)
    if left_out:
        further_files["left_out.jsonl"] = b"".join(msgspec.json.encode(exclusion) + b"\n" for exclusion in left_out)
    release = f"release_{_hash_files(lines, further_files)}"
    destination = folder / release
    if not destination.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{release}.{uuid4().hex[:8]}"
        try:
            draft.mkdir()
            for split in SPLITS:
                (draft / f"{split}.jsonl").write_bytes(lines[split])
                to_frame(content[split], DatasetRow).write_parquet(draft / f"{split}.parquet", compression="zstd")
            (draft / "README.md").write_text(render_dataset_card(name, release, rows, left_out), encoding="utf-8")
            for file, contents in further_files.items():
                (draft / file).write_bytes(contents)
            draft.rename(destination)
        except OSError:
            if not destination.is_dir():  # otherwise another process has just published the same rows
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    pointer = folder / f".latest.{uuid4().hex[:8]}"
    pointer.write_text(release + "\n", encoding="utf-8")
    pointer.replace(folder / "latest")
    return destination


def _encode_row(row: DatasetRow) -> bytes:
    """Encodes a row as a line of JSON, with the columns that the card names."""
    return (
        msgspec.json.encode(
            {
                "id": row.conversation_id,
                "partition": row.partition,
                "messages": row.messages,
                "tools": row.tools,
                "clarity": row.clarity,
                "kind": row.kind,
                "chain_id": row.chain_id,
                "cluster_id": row.cluster_id,
                "turn_verdicts": row.turn_verdicts,
                "step_trace": row.step_trace,
                "certificate": row.certificate,
            }
        )
        + b"\n"
    )


def _hash_files(lines: dict[str, bytes], further_files: dict[str, bytes]) -> str:
    """Hashes the rows and the further files of a release; the card is left out, as it names the release."""
    digest = blake2b(digest_size=6)
    for split in SPLITS:
        digest.update(split.encode() + lines[split])
    for file, content in sorted(further_files.items()):
        digest.update(file.encode() + content)
    return digest.hexdigest()
