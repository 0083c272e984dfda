"""Keeps the models of a project: one folder for each, and a pointer to the one that people take.

    HOME/models/gmail/5f0c1b2a3d4e/   a model, which is never changed
    HOME/models/gmail/latest          the name of the one that is served
    HOME/models/gmail/history         the names that `latest` had, one a line

A folder appears in one step, when it is whole. `latest` moves only to a model that is not worse than the one before on
the same validation rows.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

from funcdex_assets.storage.atomic_files import replace_file
from funcdex_assets.storage.disk_errors import explaining_disk_errors
from funcdex_assets.training.model_notes import NOTE_FILE, ModelNote, NoModelError, read_note

MODELS_FOLDER = "models"
LATEST_FILE, HISTORY_FILE = "latest", "history"
ALL = "all"
"""The partition of the model over all partitions."""


def find_model(home: Path, partition: str, model_id: str) -> Path | None:
    """Returns the folder of a model if it is there and whole."""
    folder = home / MODELS_FOLDER / partition / model_id
    return folder if (folder / NOTE_FILE).is_file() else None


def read_latest_id(home: Path, partition: str) -> str | None:
    path = home / MODELS_FOLDER / partition / LATEST_FILE
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def locate_latest_model(home: Path, partition: str) -> Path | None:
    """Returns the folder of the partition's latest model; None if there is none, or it is gone."""
    latest = read_latest_id(home, partition)
    return find_model(home, partition, latest) if latest else None


def find_latest_model(home: Path, partition: str) -> Path:
    """Returns the folder of the partition's latest model.

    Raises:
        NoModelError: there is none, or it is gone.
    """
    folder = locate_latest_model(home, partition)
    if folder is None:
        command = "funcdex train --general" if partition == ALL else f"funcdex train {partition}"
        raise NoModelError(f"There is no model of {partition} in {home / MODELS_FOLDER}; run `{command}`")
    return folder


def store_model(home: Path, note: ModelNote, write: Callable[[Path], ModelNote]) -> ModelNote:
    """Has `write` fill a folder, and puts it in its place in one step, over an earlier one of the same id."""
    parent = home / MODELS_FOLDER / note.partition
    with explaining_disk_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        draft = Path(mkdtemp(prefix=".", dir=parent))
        try:
            written = write(draft)
            draft.chmod(0o755)
            place = parent / note.model_id
            if place.exists():
                place.rename(draft.with_name(f"{draft.name}.old"))
            draft.rename(place)
        finally:
            for leftover in parent.glob(f"{draft.name}*"):
                shutil.rmtree(leftover, ignore_errors=True)
    return written


def find_objection_to_latest(home: Path, note: ModelNote) -> str | None:
    """Says why a model should not become the latest: the present one has a lower loss on the same validation rows.

    Losses over other rows or of another tokenizer cannot be compared, and are no objection.
    """
    latest = read_latest_id(home, note.partition)
    if latest is None or latest == note.model_id:
        return None
    folder = find_model(home, note.partition, latest)
    if folder is None:
        return None
    present = read_note(folder)
    if present.comparable != note.comparable or present.best_loss is None or note.best_loss is None:
        return None
    if note.best_loss <= present.best_loss:
        return None
    return (
        f"its validation loss is {note.best_loss:.4f}, and that of the latest, {latest}, is {present.best_loss:.4f} "
        "on the same rows; to take it nevertheless, set training.allow_worse or give --allow-worse"
    )


def point_latest(home: Path, partition: str, model_id: str) -> None:
    """Makes a model the latest, in one step, and notes it in the history."""
    folder = home / MODELS_FOLDER / partition
    history = folder / HISTORY_FILE
    names = history.read_text(encoding="utf-8").split() if history.is_file() else []
    if not names or names[-1] != model_id:
        replace_file(history, "".join(f"{name}\n" for name in [*names, model_id]).encode())
    replace_file(folder / LATEST_FILE, f"{model_id}\n".encode())
