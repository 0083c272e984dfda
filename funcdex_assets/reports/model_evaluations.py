"""Evaluates what a project has: a partition's latest model, the general one, endpoints of the settings, baselines.

    HOME/evaluations/PARTITION/MODEL/    what was asked and answered (`evaluation/evaluations.py`)
    HOME/evaluations/PARTITION/published names the folder of the evaluation that later ones are compared with

What the partition's own model did badly is written to HOME/feedback, where the next night's steering finds it.
Answers that are there already, of the same model to the same items, are not asked for again. An evaluation becomes the
published one unless its model is significantly worse than that: then the earlier one stays, and the table says by how
much.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from funcdex_assets.evaluation.baselines import build_baseline
from funcdex_assets.evaluation.comparing import Comparison, DifferentItemsError, compare_models
from funcdex_assets.evaluation.evaluations import (
    MODEL,
    Evaluation,
    EvaluationError,
    evaluate_predictor,
    name_folder,
    read_evaluation,
    write_evaluation,
)
from funcdex_assets.evaluation.items import list_dataset_items
from funcdex_assets.evaluation.metrics import EXACT_MATCH, RIGHT_ACTION, ItemScore
from funcdex_assets.evaluation.predictors import Asked, EndpointPredictor, Predictor, Progress, hear_nothing
from funcdex_assets.records.dataset import DatasetRow
from funcdex_assets.records.evaluation import DIFFERENCE, EvaluatedModel, FunctionCallMatch
from funcdex_assets.records.feedback import Aspect, Weakness, name_argument_form
from funcdex_assets.records.training import EvaluationItem
from funcdex_assets.reports.local_models import LocalModel, describe_model
from funcdex_assets.settings.evaluation import EvaluatedEndpoint
from funcdex_assets.settings.evaluation import Evaluation as EvaluationSettings
from funcdex_assets.storage.atomic_files import replace_file
from funcdex_assets.tool_graph.feedback import locate_feedback, write_weaknesses
from funcdex_assets.training.model_store import ALL, locate_latest_model

PUBLISHED = "published"
WATCHED_METRICS = (EXACT_MATCH, RIGHT_ACTION)
"""In which a model must not be worse than the published one."""


@dataclass(frozen=True)
class PartitionEvaluations:
    """The evaluations of a partition, and its own model beside the published one (no comparisons without either)."""

    home: Path
    partition: str
    evaluations: tuple[Evaluation, ...]
    own: Evaluation | None
    comparisons: tuple[Comparison, ...]

    @property
    def folder(self) -> Path:
        return _locate_evaluations(self.home, self.partition)

    @property
    def is_worse(self) -> bool:
        return any(comparison.is_worse for comparison in self.comparisons if comparison.metric in WATCHED_METRICS)

    def list_figures(self) -> list[FunctionCallMatch]:
        """Lists the figures of all models, and the differences to the published one."""
        figures = [figure for evaluation in self.evaluations for figure in evaluation.figures]
        return figures + [
            FunctionCallMatch(
                model=comparison.second,
                metric=comparison.metric + DIFFERENCE,
                group="published",
                member=comparison.first,
                value=comparison.difference,
                low=comparison.low,
                high=comparison.high,
                items=comparison.items,
            )
            for comparison in self.comparisons
            if comparison.metric in WATCHED_METRICS
        ]

    def keep(self) -> None:
        """Writes the evaluations, and makes that of the own model the published one unless it is worse."""
        if self.own is not None:
            weaknesses = count_weaknesses(self.own.scores, self.partition)
            write_weaknesses(locate_feedback(self.home, self.partition), weaknesses)
        for evaluation in self.evaluations:
            write_evaluation(evaluation, self.folder / name_folder(evaluation.model.name))
        if self.own is not None and not self.is_worse:
            replace_file(self.folder / PUBLISHED, f"{name_folder(self.own.model.name)}\n".encode())


def evaluate_partition(
    home: Path,
    partition: str,
    rows: Sequence[DatasetRow],
    settings: EvaluationSettings,
    release: str = "",
    progress: Progress = hear_nothing,
    open_model: Callable[[Path], Predictor] = LocalModel,
) -> PartitionEvaluations:
    """Evaluates on the test split of the rows; baselines learn from the train split.

    Without a trained model, the endpoints and baselines are evaluated alone.

    Raises:
        UserError: the test split has no item, or a model cannot be asked at all.
    """
    test = list_dataset_items([row for row in rows if row.split == "test"])[: settings.limit]
    train = list_dataset_items([row for row in rows if row.split == "train"])
    if not test:
        raise EvaluationError(
            f"{partition} has no test split to be measured on; ask for more conversations (generation.conversations)"
        )
    folder = _locate_evaluations(home, partition)

    def evaluate(model: EvaluatedModel, make_predictor: Callable[[], Predictor]) -> Evaluation:
        kept = _read_kept(folder / name_folder(model.name), model, test, settings.resamples)
        return kept or evaluate_predictor(make_predictor(), test, model, progress, settings.resamples)

    own: Evaluation | None = None
    evaluations: list[Evaluation] = []
    for trained_on in dict.fromkeys((partition, ALL)):
        model_folder = locate_latest_model(home, trained_on)
        if model_folder is not None:
            described = describe_model(model_folder)
            evaluations.append(evaluate(described, lambda folder=model_folder: open_model(folder)))
            if trained_on == partition:
                own = evaluations[-1]
    for endpoint in settings.endpoints:
        evaluations.append(evaluate(describe_endpoint(endpoint), lambda endpoint=endpoint: open_endpoint(endpoint)))
    for name in settings.baselines if train else ():
        baseline = build_baseline(name, train)
        described = EvaluatedModel(name=baseline.name, kind="baseline", partition=partition, release=release)
        evaluations.append(evaluate_predictor(baseline, test, described, resamples=settings.resamples))
    comparisons = _compare_with_published(folder, own, home / "models" / partition, progress, open_model) if own else ()
    return PartitionEvaluations(home, partition, tuple(evaluations), own, tuple(comparisons))


def read_all_evaluations(home: Path, partitions: Sequence[str]) -> list[Evaluation]:
    """Reads the kept evaluations of the partitions, in their order; of own models the published one alone."""
    evaluations: list[Evaluation] = []
    for partition in partitions:
        folder = _locate_evaluations(home, partition)
        published = _read_published_name(folder)
        for path in sorted(folder.glob(f"*/{MODEL}")):
            evaluation = read_evaluation(path)
            is_own = evaluation.model.kind == "local" and evaluation.model.partition == partition
            if not is_own or path.parent.name == published:
                evaluations.append(evaluation)
    return evaluations


def count_weaknesses(scores: Iterable[ItemScore], partition: str) -> list[Weakness]:
    """Counts how often a model was right, by tool, kind and form of arguments: what steers the next night."""
    counts: dict[tuple[Aspect, str], list[int]] = {}
    for score in scores:
        names: set[tuple[Aspect, str]] = {("kind", score.item.kind)} if score.item.kind else set()
        for call in score.item.calls:
            names |= {("tool", call.name), ("argument_form", name_argument_form(call.name, call.arguments))}
        for name in names:
            count = counts.setdefault(name, [0, 0])
            count[0] += score.is_right
            count[1] += 1
    return [
        Weakness(partition, aspect, name, round(right / items, 6), items)
        for (aspect, name), (right, items) in sorted(counts.items())
    ]


def describe_endpoint(endpoint: EvaluatedEndpoint) -> EvaluatedModel:
    """Describes an endpoint of the settings for the table."""
    return EvaluatedModel(
        name=endpoint.name,
        kind="endpoint",
        asked=endpoint.calls,
        grammar=endpoint.grammar,
        reasoning_effort=endpoint.reasoning_effort,
        prompt_price=endpoint.price.prompt if endpoint.price else None,
        completion_price=endpoint.price.completion if endpoint.price else None,
        estimated_price=endpoint.estimated_price,
    )


def open_endpoint(endpoint: EvaluatedEndpoint) -> EndpointPredictor:
    """Opens an endpoint of the settings.

    Raises:
        UserError: its key is not in the environment, or its address cannot work.
    """
    asked = Asked(**endpoint.model_dump(exclude={"name", "price", "estimated_price"}))
    return EndpointPredictor(asked, endpoint.name)


def _read_kept(
    folder: Path, model: EvaluatedModel, items: Sequence[EvaluationItem], resamples: int
) -> Evaluation | None:
    """Reads a kept evaluation if it is of the same model on the same items, with an answer to each."""
    try:
        kept = read_evaluation(folder, resamples)
    except EvaluationError:
        return None
    is_whole = all(
        prediction.failure is None or prediction.raw or prediction.completion_tokens  # an empty answer is one, too
        for prediction in kept.predictions
    )
    return kept if is_whole and kept.model == model and list(kept.items) == list(items) else None


def _compare_with_published(
    folder: Path, own: Evaluation, models: Path, progress: Progress, open_model: Callable[[Path], Predictor]
) -> list[Comparison]:
    """Compares with the published evaluation; if the items have changed, the published model is asked again.

    If it is not there any more, nothing can be compared.
    """
    name = _read_published_name(folder)
    if name is None or name == name_folder(own.model.name):
        return []
    try:
        published = read_evaluation(folder / name)
    except EvaluationError:
        return []
    names = published.model.name, own.model.name
    try:
        return compare_models(published.scores, own.scores, names)
    except DifferentItemsError:
        model_folder = models / published.model.name.rpartition("/")[2]
        if not model_folder.is_dir():
            return []
        asked_again = evaluate_predictor(open_model(model_folder), own.items, published.model, progress)
        return compare_models(asked_again.scores, own.scores, names)


def _locate_evaluations(home: Path, partition: str) -> Path:
    return home / "evaluations" / partition


def _read_published_name(folder: Path) -> str | None:
    path = folder / PUBLISHED
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None
