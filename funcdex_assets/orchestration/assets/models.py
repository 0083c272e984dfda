"""From rows of tokens to models that are served: one for each partition, and one over all of them.

Needs the extra `train`: torch is imported where a stage runs, never where the definitions are loaded.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from funcdex_assets.contracts import stage_tables
from funcdex_assets.contracts.trusted_tables import BrokenContractError, TrustedTables
from funcdex_assets.orchestration.assets.training import ALL, release_tokens
from funcdex_assets.orchestration.check_metadata import describe_frame, list_check_specs
from funcdex_assets.orchestration.interruption import check_interruption
from funcdex_assets.orchestration.jobs import TRAINING_GROUP
from funcdex_assets.orchestration.preview_metadata import show_losses, show_samples
from funcdex_assets.orchestration.progress_listener import ProgressLog, current_listener, listen_to_progress
from funcdex_assets.orchestration.stage import Produced, evaluate_checks, stage
from funcdex_assets.records.training import TokenRow
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import from_frame, to_frame
from funcdex_assets.storage.table_store import TableError

if TYPE_CHECKING:
    from funcdex_assets.training.trainer import Progress
    from funcdex_assets.training.training_job import TrainedModel


@stage(group=TRAINING_GROUP, kinds={"pytorch"}, table=stage_tables.FINETUNED_MODELS, code_version="2")
def finetuned_models(partition: str, training_tokens: pl.DataFrame, settings: Settings) -> Produced:
    """The model of a partition, trained on its train rows, watched on some that are held out of them, and exported for
    llama.cpp, vLLM and transformers below `models/` of the project's home.

    A model of the same rows, base and settings that is there already is not trained again. A training that was
    ended goes on from its last checkpoint. The latest model is replaced only by one that is not worse.
    """
    made = _train(partition, training_tokens, settings, "finetuned_models")
    return Produced(_to_row(made, settings), _describe_model(made))


@dg.asset(
    deps=[release_tokens],
    group_name=TRAINING_GROUP,
    kinds={"pytorch"},
    owners=["team:funcdex"],
    code_version="2",
    check_specs=list_check_specs(stage_tables.GENERAL_MODEL, None, {}),
)
def general_model(
    context: dg.AssetExecutionContext,
    funcdex_settings: dg.ResourceParam[Settings],
    funcdex_tables: dg.ResourceParam[TrustedTables],
) -> Iterator[dg.AssetCheckEvaluation | dg.MaterializeResult]:
    """The model over the release of all partitions, as the model of a partition otherwise."""
    try:
        stored, verdict = funcdex_tables.load_trusted("release_tokens", ALL)
        yield from evaluate_checks(context, verdict) if verdict else ()
        with listen_to_progress(ProgressLog(current_listener(), context.log.info)):
            made = _train(ALL, stored.frame, funcdex_settings, "general_model")
        frame = _to_row(made, funcdex_settings)
        _, verdict = funcdex_tables.write_judged(stage_tables.GENERAL_MODEL, ALL, frame, {})
    except BrokenContractError as error:
        yield from evaluate_checks(context, error.verdict)
        raise dg.Failure(str(error), allow_retries=False) from None
    except TableError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    yield dg.MaterializeResult(
        metadata={**describe_frame("general_model", frame), **_describe_model(made)},
        check_results=[
            dg.AssetCheckResult(
                check_name=judgement.check,
                passed=judgement.passed,
                severity=dg.AssetCheckSeverity.ERROR if judgement.blocking else dg.AssetCheckSeverity.WARN,
                metadata={"offending_rows": judgement.offending_rows.height},
            )
            for judgement in verdict.judgements
        ],
    )


def _train(partition: str, tokens: pl.DataFrame, settings: Settings, stage_name: str) -> "TrainedModel":
    """Trains the model, unless there is one that is made of the same."""
    from funcdex_assets.training.train_extra import require_train_extra

    require_train_extra("torch", "transformers", "safetensors")
    from funcdex_assets.training.training_job import build_training_job, run_training_job

    job = build_training_job(
        partition,
        from_frame(tokens, TokenRow),
        settings.training,
        seed=settings.seed,
        home=settings.home,
        root=settings.root,
    )
    return run_training_job(job, _build_report(stage_name, partition))


def _build_report(stage_name: str, partition: str) -> "Callable[[Progress], None]":
    """Builds the report of a training's progress; a run that shall end ends the training behind a step."""
    listener = current_listener()

    def report(progress: "Progress") -> None:
        listener.progressed(
            stage_name, partition, min(1.0, progress.used_share), progress.describe(), progress.is_milestone
        )
        check_interruption()

    return report


def _to_row(made: "TrainedModel", settings: Settings) -> pl.DataFrame:
    from funcdex_assets.training.training_job import describe_as_record

    return to_frame([describe_as_record(made, settings.home)])


def _describe_model(made: "TrainedModel") -> dict[str, Any]:
    """The losses over time as a picture, samples, and the figures that are worth watching."""
    note = made.note
    losses = {"first_loss": note.first_loss, "best_loss": note.best_loss}
    return {
        "path": dg.MetadataValue.path(made.folder),
        "model": note.model_id,
        "trained_now": made.is_new,
        "is_latest": made.objection is None,
        **({"objection": made.objection} if made.objection else {}),
        **{name: round(loss, 4) for name, loss in losses.items() if loss is not None},
        "steps": note.steps,
        "tokens": note.tokens,
        "cpu_seconds": round(note.cpu_seconds, 1),
        "tokens_per_cpu_second": round(note.tokens / note.cpu_seconds, 1) if note.cpu_seconds else 0.0,
        "parameters": note.parameters,
        "release": note.release,
        "preview": show_losses(note.curve, f"{note.partition}, {note.model_id}"),
        "samples": show_samples(note.samples),
        **({} if note.gguf is None else {"gguf": note.gguf}),
    }
