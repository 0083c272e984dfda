"""The stages of tokens, as Dagster runs them on a release."""

from pathlib import Path

import dagster as dg
import msgspec
import polars as pl
import pytest
import training_rows

from funcdex_assets.contracts.stage_tables import TABLES
from funcdex_assets.contracts.trusted_tables import TrustedTables
from funcdex_assets.export.releases import point_latest
from funcdex_assets.orchestration.assets.training import release_tokens, training_tokens
from funcdex_assets.orchestration.jobs import TRAINING_GROUP
from funcdex_assets.records.dataset import DatasetRow
from funcdex_assets.records.training import TokenRow
from funcdex_assets.settings.settings import Settings
from funcdex_assets.settings.training import Training
from funcdex_assets.storage.frames import from_frame, to_frame
from funcdex_assets.training.tokenizer_store import load_tokenizer

PARTITION = training_rows.BUNDLE


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, root=tmp_path, toolkits=("gmail",), training=Training(vocabulary_size=700))


def publish(settings: Settings, name: str) -> None:
    folder = settings.home / "datasets" / name
    (folder / "release_1").mkdir(parents=True)
    for split in ("train", "test"):
        lines = [msgspec.json.encode(row) for row in training_rows.generated_rows() if row.split == split]
        (folder / "release_1" / f"{split}.jsonl").write_bytes(b"\n".join(lines))
    point_latest(folder, "release_1")


def find_compute():
    """The stage's function, as the decorator keeps it."""
    cells = training_tokens.op.compute_fn.decorated_fn.__closure__
    return next(cell.cell_contents for cell in cells if type(cell.cell_contents).__name__ == "_StageParts").function


def test_a_partition_becomes_tokens_that_its_tokenizer_reads(settings: Settings):
    publish(settings, PARTITION)
    tables = TrustedTables(settings.home, TABLES)
    produced = find_compute()(PARTITION, to_frame([], DatasetRow), settings, tables)
    assert [judgement.passed for judgement in produced.judgements] == [True, True]
    tables.write_judged(training_tokens_table(), PARTITION, produced.frame, {}, produced.judgements)
    metadata = {**produced.metadata, **produced.publish()}
    assert metadata["train_rows"] + metadata["test_rows"] == produced.frame.height
    assert (metadata["release"], metadata["chat_template"], metadata["left_out"]) == ("release_1", "ours", 0)
    tokenizer = load_tokenizer(settings.home, PARTITION)
    for row in from_frame(produced.frame, TokenRow):
        assert tokenizer.decode(row.token_ids).startswith("<|im_start|>")


def training_tokens_table():
    return next(table for table in TABLES if table.name == "training_tokens")


def test_the_release_becomes_one_table_with_its_checks(settings: Settings):
    publish(settings, "all")
    resources = {"funcdex_settings": settings, "funcdex_tables": TrustedTables(settings.home, TABLES)}
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([release_tokens], resources=resources, instance=instance)
    assert {check.check_name: check.passed for check in result.get_asset_check_evaluations()} == dict.fromkeys(
        (
            *("schema", "weights_fit_tokens", "prefixes_do_not_count", "every_row_teaches"),
            *("counted_tokens_are_the_assistants", "tokens_fit"),
        ),
        True,
    )
    frame = TrustedTables(settings.home, TABLES).read_frame("release_tokens", "all")
    published = {row_id.partition("#")[0] for row_id in frame["row_id"]}  # a long row is several windows
    assert published == {row.id for row in training_rows.generated_rows()}
    assert frame["token_ids"].explode().max() < len(load_tokenizer(settings.home, "all"))
    assert frame.schema["weights"] == pl.List(pl.Float64)


def test_without_a_release_the_stage_to_make_is_named(settings: Settings):
    with pytest.raises(dg.Failure, match="datasets/gmail has no latest release; materialise dataset"):
        find_compute()("gmail", to_frame([], DatasetRow), settings, TrustedTables(settings.home, TABLES))


def test_the_stages_are_of_the_group_that_no_other_job_selects():
    assert {*training_tokens.group_names_by_key.values(), *release_tokens.group_names_by_key.values()} == {
        TRAINING_GROUP
    }
