"""From datasets to what models are trained on. Not part of the jobs that make datasets; `train_models` makes it.

Needs the extra `train`: transformers is imported where a stage runs, never where the definitions are loaded.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from funcdex_assets.contracts import stage_tables
from funcdex_assets.contracts.table import Judgement
from funcdex_assets.contracts.trusted_tables import BrokenContractError, TrustedTables
from funcdex_assets.export.release_outcome import NO_DATASET, read_latest
from funcdex_assets.orchestration.assets.publishing import dataset_release
from funcdex_assets.orchestration.check_metadata import describe_frame, list_check_specs
from funcdex_assets.orchestration.left_out import keep_sound_rows
from funcdex_assets.orchestration.stage import Produced, evaluate_checks, stage
from funcdex_assets.records.training import TokenRow
from funcdex_assets.settings.settings import Settings

if TYPE_CHECKING:
    from funcdex_assets.training.tokenized_release import TokenizedRelease

ALL = "all"
"""The name, among partitions, of what is over all of them."""

FURTHER_CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "counted_tokens_are_the_assistants": "What counts in the loss decodes to what the assistant says in the row.",
        "tokens_fit": "No row is longer than training.context, and every id is one of the tokenizer's.",
    }
)


@stage(
    group="training",
    kinds={"huggingface"},
    table=stage_tables.TRAINING_TOKENS,
    code_version="1",
    further_checks=FURTHER_CHECKS,
)
def training_tokens(partition: str, dataset: pl.DataFrame, settings: Settings, tables: TrustedTables) -> Produced:
    """The rows of a partition's latest release as tokens, each with its weight in the loss: nothing counts but what
    the assistant must write.

    The rows are read from the release as people take it: with a team's own rows, and with the calls alone if
    `publishing.closed_books` says so. The tokenizer is kept in `tokenizers/` of the project's home.
    """
    release = _find_release(settings, partition)
    tokenised = _tokenize(release, settings)
    frame, left_out = keep_sound_rows(
        tables, stage_tables.TRAINING_TOKENS, partition, tokenised.rows, TokenRow, tokenised.failures
    )
    return Produced(
        frame,
        {**tokenised.figures, **left_out, "release": release.name, "generated_rows": dataset.height},
        publish=lambda: _keep_tokenizer(tokenised, settings, partition, release),
        judgements=_judge(tokenised, settings),
    )


@dg.asset(
    deps=[dataset_release],
    group_name="training",
    kinds={"huggingface"},
    owners=["team:funcdex"],
    code_version="1",
    check_specs=list_check_specs(stage_tables.RELEASE_TOKENS, None, FURTHER_CHECKS),
)
def release_tokens(
    context: dg.AssetExecutionContext,
    funcdex_settings: dg.ResourceParam[Settings],
    funcdex_tables: dg.ResourceParam[TrustedTables],
) -> Iterator[dg.AssetCheckEvaluation | dg.MaterializeResult]:
    """The rows of the release over all partitions as tokens, for the general model, by one tokenizer."""
    table = stage_tables.RELEASE_TOKENS
    release = _find_release(funcdex_settings, ALL)
    tokenised = _tokenize(release, funcdex_settings)
    frame, left_out = keep_sound_rows(funcdex_tables, table, ALL, tokenised.rows, TokenRow, tokenised.failures)
    try:
        _, verdict = funcdex_tables.write_judged(table, ALL, frame, {}, _judge(tokenised, funcdex_settings))
    except BrokenContractError as error:
        yield from evaluate_checks(context, error.verdict)
        raise dg.Failure(str(error), allow_retries=False) from None
    yield dg.MaterializeResult(
        metadata={
            **describe_frame(table.name, frame),
            **tokenised.figures,
            **left_out,
            "release": release.name,
            **_keep_tokenizer(tokenised, funcdex_settings, ALL, release),
        },
        check_results=[
            dg.AssetCheckResult(check_name=judgement.check, passed=True, metadata={"offending_rows": 0})
            for judgement in verdict.judgements
        ],
    )


def _find_release(settings: Settings, partition: str) -> Path:
    """Finds the latest release of a partition, or of all.

    Raises:
        dg.Failure: there is none.
    """
    folder = settings.home / "datasets" / partition
    latest = read_latest(folder)
    if latest is None or not (folder / latest).is_dir():
        stage_name = "dataset_release" if partition == ALL else "dataset"
        raise dg.Failure(f"{NO_DATASET}: {folder} has no latest release; materialise {stage_name}", allow_retries=False)
    return folder / latest


def _tokenize(release: Path, settings: Settings) -> "TokenizedRelease":
    from funcdex_assets.training.tokenized_release import tokenize_release

    return tokenize_release(release, settings.training, settings.root)


def _judge(tokenised: "TokenizedRelease", settings: Settings) -> list[Judgement]:
    from funcdex_assets.training.tokenized_release import find_rows_beyond_limits, find_rows_that_count_wrongly

    training = settings.training
    offending = (
        find_rows_that_count_wrongly(tokenised, prompt_counts=training.prompt_weight > 0),
        find_rows_beyond_limits(tokenised.rows, training.context, len(tokenised.tokenizer)),
    )
    return [
        Judgement(name, description, rows)
        for (name, description), rows in zip(FURTHER_CHECKS.items(), offending, strict=True)
    ]


def _keep_tokenizer(tokenised: "TokenizedRelease", settings: Settings, partition: str, release: Path) -> dict[str, Any]:
    """Saves the tokenizer and notes that it wrote the partition's tokens; returns metadata."""
    from funcdex_assets.training.tokenizer_store import FOLDER, TokenizerNote, note_tokenizer, save_tokenizer

    name = save_tokenizer(settings.home, tokenised.tokenizer)
    training = settings.training
    note_tokenizer(
        settings.home,
        partition,
        TokenizerNote(name, training.base, training.layout, tokenised.template, release.name),
    )
    return {"tokenizer": dg.MetadataValue.path(settings.home / FOLDER / name), "chat_template": tokenised.template}
