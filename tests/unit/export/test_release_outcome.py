"""The guard: which release may take the place of which."""

import pytest

from funcdex_assets.export.release_outcome import (
    ReleaseOutcome,
    count_reasons,
    find_latest_release,
    find_objection_to_release,
    read_outcome,
    write_outcome,
)
from funcdex_assets.records.errors import UserError

WHOLE = ReleaseOutcome(wanted=100, rows=98)
HALF = ReleaseOutcome(wanted=100, rows=50)
LESS = ReleaseOutcome(wanted=100, rows=49, reasons={"unreadable": 51})
EMPTY = ReleaseOutcome(wanted=100, rows=0, reasons={"unreadable": 100})
NOTHING, UNKNOWN = "no release before", "one of an earlier version"


@pytest.mark.parametrize(
    ("before", "new", "objection"),
    [
        pytest.param(WHOLE, WHOLE, None, id="whole after whole"),
        pytest.param(WHOLE, HALF, None, id="exactly half is not less than half"),
        pytest.param(WHOLE, LESS, "less than half", id="less than half after whole"),
        pytest.param(WHOLE, EMPTY, "nothing of what", id="empty after whole"),
        pytest.param(LESS, LESS, None, id="less than half after no better one"),
        pytest.param(LESS, EMPTY, "nothing of what", id="empty after a poor one"),
        pytest.param(NOTHING, LESS, None, id="less than half is better than nothing"),
        pytest.param(NOTHING, EMPTY, "nothing of what", id="an empty one is nothing"),
        pytest.param(UNKNOWN, LESS, "of an earlier version", id="one of which nothing is known counts as whole"),
        pytest.param(WHOLE, ReleaseOutcome(wanted=3, rows=3), None, id="few, but as many as were asked for"),
    ],
)
def test_what_may_become_the_latest(tmp_path, before, new, objection):
    if before != NOTHING:
        (tmp_path / "latest").write_text("release_before\n")
    if isinstance(before, ReleaseOutcome):
        write_outcome(tmp_path, "release_before", before)
    found = find_objection_to_release(tmp_path, new)
    assert (objection in found) if objection else found is None


def test_an_objection_names_reasons_and_what_stays(tmp_path):
    (tmp_path / "latest").write_text("release_before\n")
    write_outcome(tmp_path, "release_before", WHOLE)
    assert find_objection_to_release(tmp_path, LESS) == (
        "less than half of what was asked for: 49 of 100 conversations (unreadable 51); latest stays release_before, "
        "with 98 of 100"
    )


def test_an_outcome_is_read_as_it_was_written(tmp_path):
    write_outcome(tmp_path, "release_1", LESS)
    assert read_outcome(tmp_path, "release_1") == LESS
    assert read_outcome(tmp_path, "release_2") is None


def test_a_dataset_without_a_release_says_what_to_do(tmp_path):
    with pytest.raises(UserError, match="funcdex materialize gmail"):
        find_latest_release(tmp_path / "gmail")


def test_reasons_are_added_up_most_first():
    assert count_reasons({"a": 1, "b": 5}, {"a": 2}, missing=4) == {"b": 5, "no plan was left": 4, "a": 3}
    assert count_reasons({}, missing=-1) == {}
    assert count_reasons({"no dataset of the partition": 0}) == {}, "what befell nothing is no reason"
