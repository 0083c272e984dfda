"""What is known of a model that was trained here: the note in its folder.

Belongs here: the note alone, which is read without torch. The other files of the folder are `exported_models.py`'s
business.
"""

from pathlib import Path
from typing import Any

import msgspec

from funcdex_assets.records.errors import UserError
from funcdex_assets.records.record import Record
from funcdex_assets.records.training import AnswerSample, Layout, LossPoint

NOTE_FILE = "training.json"


class NoModelError(UserError):
    """There is no model of a partition, or at a place; the message says how to make one."""


class ModelNote(Record, frozen=True, kw_only=True):
    """What a model is made of, and what came of it.

    `model_id` is the hash of rows, tokenizer, base and settings; `comparable` that of what a validation loss depends
    on besides the model (its rows, tokenizer): only between models that share it can losses be compared. `tokens` were
    computed in `steps`; `first_loss` and `best_loss` are of the held-out answers, before and at `best_step`. `gguf` is
    why there is no GGUF file, or None.
    """

    model_id: str
    partition: str
    base: str
    architecture: str
    method: str
    layout: Layout
    release: str
    rows_hash: str
    tokenizer: str
    settings: dict[str, Any]
    settings_hash: str
    comparable: str
    seed: int
    parameters: int
    vocabulary: int
    train_rows: int
    validation_rows: int
    steps: int
    epochs: float
    tokens: int
    row_tokens: int
    counted_tokens: int
    cpu_seconds: float
    wall_seconds: float
    first_loss: float | None
    best_loss: float | None
    best_step: int | None
    curve: tuple[LossPoint, ...]
    samples: tuple[AnswerSample, ...]
    gguf: str | None = None


def read_note(folder: Path) -> ModelNote:
    """Reads the note of an exported model; a folder without one is not complete.

    Raises:
        NoModelError: there is none.
    """
    path = folder / NOTE_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=ModelNote)
    except (FileNotFoundError, msgspec.DecodeError) as error:
        raise NoModelError(f"{folder} has no model that was trained here ({error}); run `funcdex train`") from None
