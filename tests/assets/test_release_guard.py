"""A release with too little does not take the place of a whole one: the table, the release and the check say so."""

from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from evaluations import the_failed
from example_tables import frames
from stage_functions import list_stage_parts

from funcdex_assets.contracts.trusted_tables import BrokenContractError, TrustedTables
from funcdex_assets.export.release_outcome import NO_DATASET, RELEASE_IS_WHOLE, read_latest, read_outcome
from funcdex_assets.orchestration.assets.publishing import count_wanted
from funcdex_assets.orchestration.run_partitions import Outcome
from funcdex_assets.orchestration.stage import Produced
from funcdex_assets.settings.settings import Settings

PARTITION = "gmail"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(toolkits=("gmail",), home=tmp_path, generation={"conversations": 1})


def make_dataset(settings: Settings, *, wanted: int, rows: int, allow_shrink: bool = False) -> Produced:
    """The dataset of a partition of which so many conversations were wanted, and so many accepted."""
    generation = settings.generation.model_copy(update={"conversations": wanted})
    publishing = settings.publishing.model_copy(update={"allow_shrink": allow_shrink})
    settings = settings.model_copy(update={"generation": generation, "publishing": publishing})
    read = {
        name: frame.head(rows) if name in ("parsed_conversations", "deduplicated_conversations") else frame
        for name, frame in frames().items()
    }
    reasons = [["unreadable: nothing could be read"]] * (wanted - rows)
    rejected = {"conversation_id": [f"rejected_{number}" for number in range(len(reasons))], "reasons": reasons}
    read["rejected_conversations"] = pl.DataFrame(rejected)
    parts = list_stage_parts()["dataset"]
    return parts.function(partition=PARTITION, settings=settings, **{name: read[name] for name in parts.inputs})


def objection(produced: Produced) -> str:
    (judgement,) = produced.judgements
    assert judgement.check == RELEASE_IS_WHOLE
    return "" if judgement.passed else judgement.offending_rows["objection"][0]


def test_too_little_is_refused_and_kept_beside(settings):
    folder = settings.home / "datasets" / PARTITION
    whole = make_dataset(settings, wanted=1, rows=1)
    assert objection(whole) == ""
    latest = Path(whole.publish()["path"].value).name
    assert read_latest(folder) == latest

    little = make_dataset(settings, wanted=10, rows=0)
    assert objection(little).startswith("nothing of what was asked for: 0 of 10 conversations (unreadable 10); latest")
    assert latest in objection(little)
    kept = Path(little.keep_refused()["path"].value)
    assert (kept / "train.jsonl").read_bytes() == b""
    assert read_outcome(folder, kept.name).reasons == {"unreadable": 10}
    assert read_latest(folder) == latest


def test_a_kind_of_which_there_is_none_is_in_metadata_card_and_outcome(settings):
    metadata = make_dataset(settings, wanted=1, rows=1).publish()
    assert "multi_step" not in metadata["missing_kinds"]
    assert metadata["missing_kinds"]["ask_back"].startswith("4 % of 1 conversations wanted; that is less than one")
    release = Path(metadata["path"].value)
    assert "- `ask_back`: 4 % of 1 conversations wanted" in (release / "README.md").read_text()
    assert read_outcome(release.parent, release.name).missing_kinds == metadata["missing_kinds"]


def test_of_all_is_wanted_what_each_partition_was_asked_for(settings):
    assert count_wanted(settings, PARTITION) == 1, "as the settings say, as long as there is no dataset"
    make_dataset(settings, wanted=2, rows=1).publish()
    assert count_wanted(settings, PARTITION) == 2, "a run over another partition may have a count of its own"


def test_it_can_be_allowed(settings):
    make_dataset(settings, wanted=1, rows=1).publish()
    allowed = make_dataset(settings, wanted=10, rows=0, allow_shrink=True)
    assert objection(allowed) == ""
    allowed.publish()
    folder = settings.home / "datasets" / PARTITION
    assert read_outcome(folder, read_latest(folder)).rows == 0


def test_a_refused_table_leaves_the_stored_one(settings):
    tables = TrustedTables(settings.home)
    table = list_stage_parts()["dataset"].table
    read = {
        name: tables.load_table(name, PARTITION)
        for name, frame in frames().items()
        if name in table.needed_tables and tables.write_table(name, PARTITION, frame)
    }
    whole = make_dataset(settings, wanted=1, rows=1)
    tables.write_judged(table, PARTITION, whole.frame, read, whole.judgements)
    whole.publish()
    before = tables.read_frame("dataset", PARTITION)
    little = make_dataset(settings, wanted=10, rows=0)
    with pytest.raises(BrokenContractError, match=f"breaks {RELEASE_IS_WHOLE}.*--allow-shrink"):
        tables.write_judged(table, PARTITION, little.frame, read, little.judgements)
    assert tables.read_frame("dataset", PARTITION).equals(before)
    assert tables.refused_path("dataset", PARTITION).is_file()


def test_the_check_blocks_and_what_was_refused_is_kept(backfill, instance, trouble, home):
    assert backfill(("p1",)).success
    trouble.make("c", "p1", "little")
    outcome = backfill(("p1",))
    assert not outcome.success
    failed = the_failed(instance, outcome.runs[0])
    assert (failed.check_name, failed.partition, failed.blocking) == ("enough", "p1", True)
    assert (home / "kept.p1").exists()
    assert "breaks enough" in outcome.failed["p1"]
    assert instance.get_run_by_id(outcome.runs[0]).status == dg.DagsterRunStatus.FAILURE


REFUSED = f"dataset: breaks {RELEASE_IS_WHOLE}"


@pytest.mark.parametrize(
    ("failed", "error", "refused"),
    [
        ([REFUSED], None, True),
        ([REFUSED], f"dataset_release: {RELEASE_IS_WHOLE}", True),
        pytest.param([REFUSED], f"dataset_release: {NO_DATASET}; …", True, id="the first one ever"),
        ([], f"dataset_release: {RELEASE_IS_WHOLE}", True),
        ([], f"dataset_release: {NO_DATASET}; …", False),
        ([REFUSED, "conversations: InferenceError"], None, False),
        ([REFUSED], "no database", False),
        ([], None, False),
    ],
)
def test_only_refused_releases_are_a_shortfall(failed, error, refused):
    outcome = Outcome({}, dict(enumerate(failed)), (), error=error)
    assert outcome.has_only_refused_releases is refused
