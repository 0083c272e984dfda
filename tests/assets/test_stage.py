"""The promises of `orchestration/stage.py`, on three toy stages over four partitions in one run."""

import dagster as dg
import polars as pl
import pytest
from evaluations import evaluations, judged, materialised, metadata, tags, the_failed
from toy_stages import A, Trouble, definitions

from funcdex_assets.orchestration.stage import FAILED_PARTITIONS_TAG, Produced, stage

ALL = ("p1", "p2", "p3", "p4")
OTHERS = ("p1", "p3", "p4")


# ── all is well ───────────────────────────────────────────────────────────────────────────────


def test_one_run_makes_a_range_of_partitions(backfill, instance):
    outcome = backfill()
    assert outcome.success
    assert {key: tuple(stages) for key, stages in outcome.made.items()} == dict.fromkeys(ALL, ("a", "b", "c"))
    (run_id,) = outcome.runs
    assert materialised(instance, run_id) == {(stage, p) for stage in "abc" for p in ALL}


def test_every_partition_has_its_own_metadata(backfill, instance):
    (run_id,) = backfill().runs
    found = metadata(instance, run_id, "a", "p3")
    assert found["partition_name"].value == "p3"
    assert found["dagster/row_count"].value == 2
    assert [column.name for column in found["dagster/column_schema"].value.columns] == ["item_id", "number"]
    assert "p3-1" in found["preview"].value
    assert metadata(instance, run_id, "c", "p3")["preview"].value == "*own*"


def test_every_check_is_evaluated_for_each_partition(backfill, instance):
    (run_id,) = backfill().runs
    expected = {
        (stage, check, p): True
        for stage, checks in {
            "a": ("schema", "even_numbers"),
            "b": ("schema", "even_numbers", "known_items"),
            "c": ("schema", "known_items", "low_numbers", "enough"),
        }.items()
        for check in checks
        for p in ALL
    }
    assert judged(instance, run_id) == expected


def test_data_versions_name_the_bytes_that_were_read_and_written(backfill, instance, tables):
    (run_id,) = backfill().runs
    found = tags(instance, run_id, "b", "p2")
    assert found["dagster/data_version"] == tables.load_table("b", "p2").digest
    assert found["dagster/input_data_version/a"] == tables.load_table("a", "p2").digest
    assert found["dagster/code_version"] == "1"


def test_the_same_inputs_give_the_same_bytes(backfill, tables):
    def content():
        return {(s, p): tables.table_path(s, p).read_bytes() for s in "abc" for p in ALL}

    backfill()
    before = content()
    backfill()
    assert content() == before
    backfill(base=10)
    assert all(content()[key] != before[key] for key in before)


def test_a_single_partition_touches_no_other(backfill, instance, tables):
    backfill()
    before = tables.table_path("c", "p1").read_bytes()
    outcome = backfill(("p2",), base=10)
    assert materialised(instance, outcome.runs[0]) == {("a", "p2"), ("b", "p2"), ("c", "p2")}
    assert judged(instance, outcome.runs[0])["a", "schema", "p2"]
    assert tables.table_path("c", "p1").read_bytes() == before
    assert tables.read_frame("c", "p2")["number"].to_list() == [20, 24]


def test_a_stage_can_be_made_alone(backfill, instance):
    backfill()
    outcome = backfill(selection=("b",))
    assert materialised(instance, outcome.runs[0]) == {("b", p) for p in ALL}


def test_the_asset_says_what_it_is():
    graph = definitions().resolve_asset_graph()
    node = graph.get(dg.AssetKey("b"))
    assert node.description == "Items with twice the number."
    assert node.group_name == "toy"
    assert node.owners == ["team:funcdex"]
    assert node.code_version == "1"
    assert node.backfill_policy == dg.BackfillPolicy.single_run()
    assert node.parent_keys == {dg.AssetKey("a")}
    assert {key.name for key in node.check_keys} == {"schema", "even_numbers", "known_items"}
    assert all(graph.get_check_spec(key).blocking for key in node.check_keys)


def test_a_stage_and_its_table_have_one_name():
    with pytest.raises(ValueError, match="stage 'other' has the table 'a'"):

        @stage(group="toy", table=A, code_version="1", partitions_def=dg.StaticPartitionsDefinition(["p1"]))
        def other() -> Produced: ...


# ── one partition fails ───────────────────────────────────────────────────────────────────────


def test_a_failing_partition_fails_alone(backfill, instance, tables, trouble):
    backfill()
    before = tables.table_path("c", "p2").read_bytes()
    trouble.make("b", "p2", "raise")
    outcome = backfill(base=10)

    (run_id,) = outcome.runs
    made = {("a", "p2"), *((s, p) for s in "abc" for p in OTHERS)}
    assert materialised(instance, run_id) == made
    assert outcome.failed == {"p2": "b: RuntimeError: no luck with p2"}
    assert {key: tuple(stages) for key, stages in outcome.made.items()} == {
        "p1": ("a", "b", "c"),
        "p2": ("a",),
        "p3": ("a", "b", "c"),
        "p4": ("a", "b", "c"),
    }
    assert tables.read_frame("c", "p1")["number"].to_list() == [20, 24], "the others are new"
    assert tables.table_path("c", "p2").read_bytes() == before, "what p2 had stays"


def test_the_run_fails_and_names_the_partition(backfill, instance, trouble):
    trouble.make("b", "p2", "raise")
    (run_id,) = backfill().runs
    run = instance.get_run_by_id(run_id)
    assert run.status == dg.DagsterRunStatus.FAILURE
    assert run.tags[FAILED_PARTITIONS_TAG] == "p2"
    failures = {
        record.step_key: record.get_dagster_event().step_failure_data.user_failure_data
        for record in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    }
    assert failures.keys() == {"b", "c"}
    assert failures["b"].metadata["failed_partitions"].value == {"p2": "RuntimeError: no luck with p2"}
    assert failures["c"].metadata["failed_partitions"].value == {"p2": "held back, because b was not made"}


def test_dagster_shows_the_failed_partition_as_failed_and_no_other(backfill, instance, trouble):
    trouble.make("b", "p2", "raise")
    backfill()
    status = {
        name: instance.get_status_by_partition(dg.AssetKey(name), ALL, dg.StaticPartitionsDefinition(ALL))
        for name in "abc"
    }
    seen = {(name, p): found.value for name, by_partition in status.items() for p, found in by_partition.items()}
    failed = {key for key, value in seen.items() if value == "FAILED"}
    assert failed == {("b", "p2"), ("c", "p2")}
    assert {value for key, value in seen.items() if key not in failed} == {"MATERIALIZED"}


def test_what_failed_can_be_made_later(backfill, trouble, tables):
    trouble.make("b", "p2", "raise")
    backfill()
    trouble.mend()
    outcome = backfill(("p2",), ("b", "c"))
    assert outcome.success
    assert tables.has_table("c", "p2")


def test_when_every_partition_fails_the_later_stages_do_not_begin(backfill, instance, trouble):
    for partition in ALL:
        trouble.make("b", partition, "raise")
    outcome = backfill()
    assert materialised(instance, outcome.runs[0]) == {("a", p) for p in ALL}
    assert outcome.failed.keys() == set(ALL)


def test_without_the_executor_the_others_are_still_made_in_the_stage_that_failed(instance, home, trouble, tables):
    trouble.make("b", "p2", "raise")
    result = (
        definitions(dg.in_process_executor)
        .resolve_job_def("toy")
        .execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags={"dagster/asset_partition_range_start": "p1", "dagster/asset_partition_range_end": "p4"},
        )
    )
    assert not result.success
    assert tables.list_partitions("b") == list(OTHERS)
    assert tables.list_partitions("c") == []


# ── checks ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("what", "check", "shown"),
    [
        pytest.param("odd", "even_numbers", "p2-1 | 1 |", id="meaning: an odd number"),
        pytest.param("range", "schema", "p2-1 | number | -2 |", id="layout: below the range"),
    ],
)
def test_invalid_data_is_refused_and_shown(backfill, instance, tables, trouble, what, check, shown):
    trouble.make("b", "p2", what)
    outcome = backfill()
    failed = the_failed(instance, outcome.runs[0])
    assert (failed.asset_key.to_user_string(), failed.check_name, failed.partition) == ("b", check, "p2")
    assert shown in failed.metadata["rows"].value
    assert failed.metadata["offending_rows"].value >= 1
    assert failed.metadata["table"].records
    assert check in outcome.failed["p2"]

    assert tables.list_partitions("b") == list(OTHERS), "nothing invalid is stored"
    assert tables.list_partitions("c") == list(OTHERS), "nothing is made of it"
    assert pl.read_parquet(tables.refused_path("b", "p2")).height == 2, "and nothing is lost"


def test_the_previous_good_table_stays_when_the_next_is_refused(backfill, tables, trouble):
    backfill()
    before = tables.table_path("b", "p2").read_bytes()
    trouble.make("b", "p2", "odd")
    backfill(base=10)
    assert tables.table_path("b", "p2").read_bytes() == before
    assert tables.load_table("b", "p2").sealed


def test_only_what_is_valid_is_published(backfill, instance, home, trouble):
    trouble.make("c", "p2", "range")
    outcome = backfill()
    assert sorted(file.name for file in home.glob("published.*")) == [f"published.{p}" for p in OTHERS]
    assert metadata(instance, outcome.runs[0], "c", "p1")["published"].value == "p1"


def test_meaning_is_not_judged_where_the_layout_is_broken(backfill, instance, trouble):
    trouble.make("b", "p2", "range")
    found = judged(instance, backfill().runs[0])
    assert found["b", "schema", "p2"] is False
    assert ("b", "even_numbers", "p2") not in found


def _run_checks(instance: dg.DagsterInstance, partition: str) -> str:
    job = definitions().resolve_implicit_global_asset_job_def()
    checks = [key for key in job.asset_layer.asset_graph.asset_check_keys if key.asset_key.to_user_string() == "b"]
    only = job.get_subset(asset_selection=set(), asset_check_selection=set(checks))
    result = only.execute_in_process(instance=instance, partition_key=partition, raise_on_error=False)
    return result.run_id


def test_checks_can_be_run_alone_on_what_is_stored(backfill, instance, tables):
    backfill()
    run_id = _run_checks(instance, "p3")
    assert materialised(instance, run_id) == set()
    assert judged(instance, run_id) == {("b", check, "p3"): True for check in ("schema", "even_numbers", "known_items")}

    tables.read_frame("b", "p3").with_columns(item_id=pl.lit("x") + pl.col("item_id")).write_parquet(
        tables.table_path("b", "p3")
    )
    run_id = _run_checks(instance, "p3")
    failed = the_failed(instance, run_id)
    assert (failed.check_name, failed.partition, failed.metadata["offending_rows"].value) == (
        "known_items",
        "p3",
        2,
    )
    assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.FAILURE


def test_a_check_that_warns_stops_nothing(backfill, instance, tables):
    outcome = backfill(base=30)
    assert outcome.success
    assert tables.read_frame("c", "p1")["number"].to_list() == [60, 64]
    warned = [found for found in evaluations(instance, outcome.runs[0]) if not found.passed]
    assert {(found.check_name, found.severity, found.blocking) for found in warned} == {
        ("low_numbers", dg.AssetCheckSeverity.WARN, False)
    }
    assert sorted(found.partition for found in warned) == list(ALL)


# ── tampering ─────────────────────────────────────────────────────────────────────────────────


def _tamper(tables, partition: str, **columns: pl.Expr | pl.Series) -> None:
    tables.read_frame("b", partition).with_columns(**columns).write_parquet(tables.table_path("b", partition))


@pytest.mark.parametrize(
    ("columns", "check", "shown"),
    [
        pytest.param({"number": pl.Series([3, 4])}, "even_numbers", ("p2-1", "3"), id="a number that is not even"),
        pytest.param(
            {"number": pl.Series([0, 999])},
            "schema",
            ("p2-2", "999", "less_than_or_equal_to(100)"),
            id="above the range",
        ),
        pytest.param(
            {"number": pl.Series(["0", "4"])},
            "schema",
            ("number", "String", "dtype('Int64')"),
            id="of a wrong type",
        ),
        pytest.param({"item_id": pl.Series(["p2-1", "?"])}, "known_items", ("?",), id="an item that a does not have"),
    ],
)
def test_a_changed_row_stops_the_next_stage_at_the_right_check(backfill, instance, tables, columns, check, shown):
    backfill()
    before = tables.table_path("c", "p2").read_bytes()
    _tamper(tables, "p2", **columns)
    outcome = backfill(selection=("c",))

    failed = the_failed(instance, outcome.runs[0])
    assert (failed.asset_key.to_user_string(), failed.check_name, failed.partition) == ("b", check, "p2")
    assert all(text in failed.metadata["rows"].value for text in shown)
    reason = outcome.failed["p2"]
    assert str(tables.table_path("b", "p2")) in reason
    assert check in reason
    assert all(text in reason for text in shown)
    assert "materialise b for p2 again" in reason
    assert materialised(instance, outcome.runs[0]) == {("c", p) for p in OTHERS}
    assert tables.table_path("c", "p2").read_bytes() == before


def test_a_table_put_right_by_hand_is_judged_once_and_used(backfill, instance, tables):
    backfill()
    _tamper(tables, "p2", number=pl.Series([6, 8]))
    outcome = backfill(selection=("c",))
    assert outcome.success
    assert judged(instance, outcome.runs[0])["b", "even_numbers", "p2"]
    assert tables.read_frame("c", "p2")["number"].to_list() == [6, 8]
    assert tables.load_table("b", "p2").sealed


@pytest.mark.parametrize("seal", [None, "not the hash"], ids=["no seal", "a wrong seal"])
def test_a_seal_that_does_not_fit_only_means_another_look(backfill, instance, tables, seal):
    backfill()
    tables.seal_path("b", "p2").unlink()
    if seal:
        tables.seal_path("b", "p2").write_text(seal)
    outcome = backfill(selection=("c",))
    assert outcome.success
    assert judged(instance, outcome.runs[0])["b", "schema", "p2"]


def test_a_file_that_is_not_parquet_fails_the_upstream_schema(backfill, instance, tables):
    backfill()
    tables.table_path("b", "p2").write_bytes(b"PAR1 and then nothing")
    outcome = backfill(selection=("c",))
    failed = the_failed(instance, outcome.runs[0])
    assert (failed.asset_key.to_user_string(), failed.check_name, failed.partition) == ("b", "schema", "p2")
    assert "not readable Parquet" in outcome.failed["p2"]
    assert "materialise b for p2 again" in outcome.failed["p2"]


def test_a_missing_table_names_what_to_make(backfill, instance, tables):
    backfill()
    tables.table_path("b", "p2").unlink()
    outcome = backfill(selection=("c",))
    assert outcome.failed["p2"].startswith("c: There is no table b for p2")
    assert outcome.failed["p2"].endswith("materialise b for p2")
    assert [found for found in evaluations(instance, outcome.runs[0]) if not found.passed] == []


# ── trying again ──────────────────────────────────────────────────────────────────────────────


def test_an_engine_that_is_busy_is_asked_again(backfill, instance, trouble):
    trouble.make("b", "p2", "retry2")
    outcome = backfill()
    assert outcome.success
    assert len([key for key in judged(instance, outcome.runs[0]) if key[0] == "b"]) == 12, "the others only once"


def test_an_engine_that_stays_busy_is_given_up(backfill, trouble):
    trouble.make("b", "p2", "retry3")
    assert backfill().failed == {"p2": "b: PassingError: busy"}


def test_what_will_not_pass_is_not_tried_again(backfill, trouble: Trouble):
    trouble.make("b", "p2", "refuse")
    assert backfill().failed == {"p2": "b: PassingError: forbidden"}
