"""The stages of models, as Dagster runs them on tokens that are there."""

from pathlib import Path

import dagster as dg
import pytest
from tiny_training import TRAINING, token_rows, tokenizer

from funcdex_assets.contracts.stage_tables import RELEASE_TOKENS, TABLES, TRAINING_TOKENS
from funcdex_assets.contracts.trusted_tables import TrustedTables
from funcdex_assets.orchestration.assets.models import finetuned_models, general_model
from funcdex_assets.orchestration.partitions import PARTITIONS
from funcdex_assets.orchestration.progress_listener import ProgressListener, listen_to_progress
from funcdex_assets.records.training import FinetunedModel
from funcdex_assets.settings.settings import Settings
from funcdex_assets.storage.frames import from_frame, to_frame
from funcdex_assets.training.model_store import find_latest_model
from funcdex_assets.training.tokenizer_store import TokenizerNote, note_tokenizer, save_tokenizer


class Heard(ProgressListener):
    def __init__(self) -> None:
        self.milestones: list[tuple[str, str, float, str]] = []

    def progressed(self, stage, partition, share, note, is_milestone):
        if is_milestone:
            self.milestones.append((stage, partition, share, note))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, root=tmp_path, toolkits=("gmail",), training=TRAINING)


@pytest.fixture
def tables(settings: Settings) -> TrustedTables:
    """A store with the tokens of a partition and of all, as the stages before leave it."""
    tables = TrustedTables(settings.home, TABLES)
    name = save_tokenizer(settings.home, tokenizer())
    for table, partition in ((TRAINING_TOKENS, "gmail"), (RELEASE_TOKENS, "all")):
        tables.write_judged(table, partition, to_frame(token_rows()), {})
        note_tokenizer(settings.home, partition, TokenizerNote(name, "scratch", "with_tools", "ours", "release_1"))
    return tables


def materialize(asset, settings, tables, partition=None, **options):
    resources = {"funcdex_settings": settings, "funcdex_tables": tables}
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(PARTITIONS.name, ["gmail"])
        return dg.materialize([asset], resources=resources, instance=instance, partition_key=partition, **options)


def metadata_of(result, name):
    (event,) = [event for event in result.get_asset_materialization_events() if event.asset_key.path[-1] == name]
    return event.step_materialization_data.materialization.metadata


def test_a_partition_gets_a_model(settings, tables):
    heard = Heard()
    with listen_to_progress(heard):
        result = materialize(finetuned_models, settings, tables, "gmail")
    (row,) = from_frame(tables.read_frame("finetuned_models", "gmail"), FinetunedModel)
    assert (row.partition, row.release, row.steps, row.train_rows, row.objection) == ("gmail", "release_1", 8, 11, None)
    assert settings.home / row.path == find_latest_model(settings.home, "gmail")
    assert [(stage, partition, share) for stage, partition, share, _ in heard.milestones] == [
        ("finetuned_models", "gmail", share) for share in (0.0, 0.5, 1.0)
    ]
    metadata = metadata_of(result, "finetuned_models")
    assert "data:image/png;base64," in metadata["preview"].value
    assert "turn it to" in metadata["samples"].value
    assert (metadata["is_latest"].value, metadata["trained_now"].value) == (True, True)
    assert metadata["best_loss"].value < metadata["first_loss"].value
    assert {check.check_name for check in result.get_asset_check_evaluations()} == {
        "schema",
        "training_lowers_the_loss",
    }


def test_all_partitions_get_a_general_model(settings, tables):
    result = materialize(general_model, settings, tables)
    (row,) = from_frame(tables.read_frame("general_model", "all"), FinetunedModel)
    assert settings.home / row.path == find_latest_model(settings.home, "all")
    assert all(check.passed for check in result.get_asset_check_evaluations())
    again = materialize(general_model, settings, tables)
    assert metadata_of(again, "general_model")["trained_now"].value is False


def test_a_model_that_learns_nothing_warns(settings, tables):
    idle = settings.model_copy(update={"training": TRAINING.model_copy(update={"learning_rate": 1e-30})})
    result = materialize(general_model, idle, tables)
    (warning,) = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert (warning.check_name, warning.severity) == ("training_lowers_the_loss", dg.AssetCheckSeverity.WARN)


def test_a_training_that_was_ended_goes_on(settings, tables):
    class Ended(Exception):
        pass

    class End(ProgressListener):
        def progressed(self, stage, partition, share, note, is_milestone):
            if note.startswith("step 6"):
                raise Ended

    with listen_to_progress(End()):
        result = materialize(finetuned_models, settings, tables, "gmail", raise_on_error=False)
    assert not result.success
    assert not (settings.home / "models").exists()
    heard = Heard()
    with listen_to_progress(heard):
        materialize(finetuned_models, settings, tables, "gmail")
    assert [share for _, _, share, _ in heard.milestones] == [1.0], "it goes on behind step 4, which was evaluated"


def test_tokens_of_another_base_fail_the_partition(settings, tables):
    other = settings.model_copy(update={"training": TRAINING.model_copy(update={"base": "smollm2"})})
    result = materialize(finetuned_models, other, tables, "gmail", raise_on_error=False)
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    reasons = failure.step_failure_data.user_failure_data.metadata["failed_partitions"].value
    assert "were made for training.base 'scratch'" in reasons["gmail"]
