"""One evaluation: a model's answers to items, their scores and figures; kept in a folder and read again.

    FOLDER/model.json          who was asked, and how
    FOLDER/items.jsonl         what was asked
    FOLDER/predictions.jsonl   what was answered, so that metrics can be computed again
    FOLDER/figures.json        all figures with their intervals

Add here what is kept of an evaluation; tables over several belong to `model_table.py`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import msgspec

from funcdex_assets.evaluation.figures import RESAMPLES, compute_figures
from funcdex_assets.evaluation.losses import Loss, list_losses
from funcdex_assets.evaluation.metrics import ItemScore, score_items
from funcdex_assets.evaluation.predictors import Predictor, Progress, hear_nothing
from funcdex_assets.inference.token_price import TokenPrice
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.evaluation import EvaluatedModel, FunctionCallMatch
from funcdex_assets.records.record import Record
from funcdex_assets.records.training import EvaluationItem, Prediction
from funcdex_assets.storage.atomic_files import replace_file

MODEL, ITEMS, PREDICTIONS, FIGURES = "model.json", "items.jsonl", "predictions.jsonl", "figures.json"
CHARACTERS_PER_TOKEN = 4
"""An estimate for English text and JSON, where nobody counted tokens."""
R = TypeVar("R", bound=Record)


class EvaluationError(UserError):
    """Raised for an evaluation on the disk that cannot be read; the message names the file and the remedy."""


@dataclass(frozen=True)
class Evaluation:
    """A model with its answers to items, in the order of the items."""

    model: EvaluatedModel
    items: Sequence[EvaluationItem]
    predictions: Sequence[Prediction]
    resamples: int = RESAMPLES

    @cached_property
    def scores(self) -> list[ItemScore]:
        return score_items(self.items, self.predictions, find_price(self.model))

    @cached_property
    def figures(self) -> list[FunctionCallMatch]:
        return compute_figures(self.scores, self.model.name, resamples=self.resamples)

    @cached_property
    def losses(self) -> list[Loss]:
        return list_losses(self.scores)

    def find_figure(self, metric: str) -> FunctionCallMatch | None:
        """Finds the figure of a metric over all items; None if nothing was measured."""
        return next((figure for figure in self.figures if figure.group == "all" and figure.metric == metric), None)

    @cached_property
    def definition_tokens(self) -> float:
        """The tokens of an item's tool definitions, on average: an estimate by their characters."""
        sizes = [len(msgspec.json.encode(item.tools)) for item in self.items]
        return sum(sizes) / max(1, len(sizes)) / CHARACTERS_PER_TOKEN


def evaluate_predictor(
    predictor: Predictor,
    items: Sequence[EvaluationItem],
    model: EvaluatedModel,
    progress: Progress = hear_nothing,
    resamples: int = RESAMPLES,
) -> Evaluation:
    """Asks a predictor for each item.

    Raises:
        UserError: it cannot be asked at all.
    """
    return Evaluation(model, items, predictor.predict(items, progress), resamples)


def find_price(model: EvaluatedModel) -> TokenPrice | None:
    """Finds the price of a model's tokens; None if nobody said one."""
    if model.prompt_price is None and model.completion_price is None:
        return None
    return TokenPrice(prompt=model.prompt_price or 0, completion=model.completion_price or 0)


def name_folder(model: str) -> str:
    """Returns a name for a model's folder: letters, digits, dots and hyphens alone.

    >>> name_folder("Qwen/Qwen3-0.6B (native)")
    'Qwen-Qwen3-0.6B-native'
    """
    return re.sub(r"[^\w.]+", "-", model).strip("-.") or "model"


def write_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Writes an evaluation; each file in one step.

    Raises:
        DiskError: the disk is full or read-only.
    """
    replace_file(folder / ITEMS, _encode_lines(evaluation.items))
    replace_file(folder / PREDICTIONS, _encode_lines(evaluation.predictions))
    replace_file(folder / FIGURES, msgspec.json.format(msgspec.json.encode(evaluation.figures), indent=1))
    replace_file(folder / MODEL, msgspec.json.format(msgspec.json.encode(evaluation.model), indent=1))


def read_evaluation(path: Path, resamples: int = RESAMPLES) -> Evaluation:
    """Reads the evaluation of a folder, or of any of its files; figures are computed again.

    Raises:
        EvaluationError: a file is missing or cannot be read.
    """
    if not path.exists():
        raise EvaluationError(f"{path} is missing; name a folder that `funcdex evaluate --out` wrote")
    folder = path if path.is_dir() else path.parent
    predictions = path if path.suffix == ".jsonl" and path.name != ITEMS else folder / PREDICTIONS
    try:
        model = msgspec.json.decode((folder / MODEL).read_bytes(), type=EvaluatedModel)
        return Evaluation(
            model, read_lines(folder / ITEMS, EvaluationItem), read_lines(predictions, Prediction), resamples
        )
    except FileNotFoundError as error:
        raise EvaluationError(
            f"{error.filename} is missing; name a folder that `funcdex evaluate --out` wrote, or its {PREDICTIONS}"
        ) from None
    except msgspec.MsgspecError as error:
        raise EvaluationError(f"{folder / MODEL} cannot be read: {error}; evaluate the model again") from None


def read_lines(path: Path, record: type[R]) -> list[R]:
    """Reads a file of records, one a line.

    Raises:
        EvaluationError: a line is no such record.
    """
    decoder = msgspec.json.Decoder(record)
    records = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            records.append(decoder.decode(line))
        except msgspec.MsgspecError as error:
            raise EvaluationError(f"{path}, line {number}: {error}; evaluate the model again") from None
    return records


def _encode_lines(records: Sequence[Record]) -> bytes:
    return b"".join(msgspec.json.encode(record) + b"\n" for record in records)
