"""Models that were trained here, as evaluation, commands and stages find and open them.

Belongs here: the description of a model's folder, and the one import of the training room's predictor. PyTorch is
loaded when a model is opened, not before. Where models are kept is `training/model_store.py`'s business.
"""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from funcdex_assets.evaluation.predictors import Progress, hear_nothing
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.evaluation import EvaluatedModel
from funcdex_assets.records.training import EvaluationItem, Prediction
from funcdex_assets.training.model_notes import NOTE_FILE
from funcdex_assets.training.model_store import ALL

PREDICTOR_MODULE = "funcdex_assets.training.local_predictor"
_CONFIG = "config.json"


class LocalModelError(UserError):
    """Raised for a folder without a model, or where the extra `train` is not installed."""


class LocalModel:
    """A model's folder in Hugging Face's layout, as a predictor; `options` are those of `LocalPredictor`."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.name = describe_model(folder).name
        if find_spec("torch") is None:
            raise LocalModelError(
                "A model's folder needs PyTorch, which is not installed: pip install 'funcdex-assets[train]'"
            )
        self._predictor: Any = import_module(PREDICTOR_MODULE).LocalPredictor.load(folder, **options)

    def predict(self, items: Sequence[EvaluationItem], progress: Progress = hear_nothing) -> list[Prediction]:
        return self._predictor.predict(items, progress)


def describe_model(folder: Path) -> EvaluatedModel:
    """Describes the model of a folder for the table, by the note that its training left there, if it did.

    Raises:
        LocalModelError: the folder has no model.
    """
    if not (folder / _CONFIG).is_file():
        raise LocalModelError(
            f"{folder} has no {_CONFIG}; name a model's folder in Hugging Face's layout, such as one below models/ of "
            "the project's home"
        )
    note_path = folder / NOTE_FILE
    note = msgspec.json.decode(note_path.read_bytes()) if note_path.is_file() else {}
    partition = note.get("partition", "")
    return EvaluatedModel(
        name=f"{partition}/{folder.resolve().name}" if partition else folder.resolve().name,
        kind="local",
        asked="template",
        layout=note.get("layout", "with_tools"),
        partition="" if partition == ALL else partition,
        release=note.get("release", ""),
    )
