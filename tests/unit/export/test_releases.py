"""The releases on the disk: which there are, which is the latest, what may go."""

import os
from pathlib import Path

import pytest

from funcdex_assets.export.release import publish_release
from funcdex_assets.export.release_outcome import ReleaseOutcome, outcome_path, read_latest, write_outcome
from funcdex_assets.export.releases import (
    ReleaseError,
    delete_releases,
    find_obsolete_releases,
    list_datasets,
    list_releases,
    point_latest,
    promote_release,
    roll_back,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three releases, a to c, each a day younger than the one before; the last is the latest."""
    folder = tmp_path / "datasets" / "gmail"
    for day, name in enumerate(("a", "b", "c"), start=1):
        release = folder / f"release_{name}"
        release.mkdir(parents=True)
        (release / "train.jsonl").write_text("{}\n" * day)
        (release / "test.jsonl").write_text("{}\n")
        for file in release.iterdir():
            os.utime(file, (day * 86400, day * 86400))
        point_latest(folder, release.name)
    return folder


def note_outcome(folder: Path, name: str, **outcome) -> None:
    write_outcome(folder, name, ReleaseOutcome(**outcome))


def test_releases_are_listed_with_what_is_known_of_them(folder):
    note_outcome(folder, "release_b", wanted=10, rows=3, reasons={"unreadable": 7})
    found = {release.name: release for release in list_releases(folder)}
    assert list(found) == ["release_c", "release_b", "release_a"]
    assert [release.is_latest for release in found.values()] == [True, False, False]
    assert [release.rows for release in found.values()] == [{"train": n, "test": 1} for n in (3, 2, 1)]
    assert found["release_a"].outcome is None
    assert (found["release_b"].outcome.is_whole, found["release_b"].outcome.wanted) == (False, 10)
    assert list_datasets(folder.parents[1]) == ["gmail"]


def test_an_outcome_that_cannot_be_read_is_unknown(folder):
    note_outcome(folder, "release_b", wanted=10, rows=3)
    outcome_path(folder, "release_b").write_text("{")
    assert {release.name: release.outcome for release in list_releases(folder)}["release_b"] is None


@pytest.mark.parametrize("name", ["release_a", "a"])
def test_any_release_may_be_promoted(folder, name):
    assert promote_release(folder, name).name == read_latest(folder) == "release_a"


def test_a_release_that_is_not_there_cannot(folder):
    with pytest.raises(ReleaseError, match=r"gmail has no release 'release_d' \(did you mean 'release_"):
        promote_release(folder, "release_d")
    assert read_latest(folder) == "release_c"


def test_rolling_back_goes_through_the_history_and_ends_at_its_beginning(folder):
    promote_release(folder, "a")  # the history is a, b, c, a
    assert [roll_back(folder).name for _ in range(3)] == ["release_c", "release_b", "release_a"]
    with pytest.raises(ReleaseError, match="no release before release_a to go back to"):
        roll_back(folder)


def test_what_is_promoted_after_a_rollback_comes_after_it(folder):
    roll_back(folder)
    promote_release(folder, "c")
    assert roll_back(folder).name == "release_b"


@pytest.mark.parametrize("history", ["kept", "missing"])
def test_rolling_back_passes_over_what_is_not_whole_or_gone(folder, history):
    note_outcome(folder, "release_b", wanted=10, rows=3)
    if history == "missing":
        (folder / "history").unlink()
    assert roll_back(folder).name == "release_a"


def test_the_latest_stays_when_older_ones_go(folder):
    promote_release(folder, "a")
    obsolete = find_obsolete_releases(folder, 1)
    assert [release.name for release in obsolete] == ["release_b"]
    delete_releases(obsolete)
    assert [release.name for release in list_releases(folder)] == ["release_c", "release_a"]
    assert roll_back(folder).name == "release_c"


def test_the_same_rows_again_are_no_new_entry_of_the_history(tmp_path):
    for _ in range(2):
        published = publish_release([], tmp_path, "gmail")
    assert (tmp_path / "history").read_text() == f"{published.name}\n"
