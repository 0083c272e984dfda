"""`funcdex prune`: what is removed is looked for when nobody else works on it any more."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from funcdex_assets.cli import prune
from funcdex_assets.export.releases import point_latest
from funcdex_assets.settings.settings import Settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a dataset with two releases, of which the second is the latest."""
    settings = Settings(toolkits=("gmail",), home=tmp_path)
    monkeypatch.setattr(prune, "load_project", lambda: settings)
    folder = tmp_path / "datasets" / "gmail"
    for name in ("release_a", "release_b"):
        (folder / name).mkdir(parents=True)
        (folder / name / "train.jsonl").write_text("{}\n")
        point_latest(folder, name)
    return folder


def test_a_release_that_became_the_latest_while_prune_waited_stays(folder, monkeypatch):
    older = min((folder / "release_a", folder / "release_b"), key=lambda release: release.stat().st_mtime).name
    newer = {"release_a": "release_b", "release_b": "release_a"}[older]

    @contextmanager
    def wait_for_a_run(settings: Settings) -> Iterator[None]:
        point_latest(folder, older)  # the run made the same rows again
        yield

    monkeypatch.setattr(prune, "_hold_partitions", wait_for_a_run)
    prune.prune_home(nights=None, releases=1, events=None, vectors=False, yes=True)
    assert (folder / older).is_dir()
    assert (folder / "latest").read_text().strip() == older
    assert (folder / newer).is_dir(), "the newest one stays as well"


def test_without_yes_nothing_is_removed_and_nobody_waited_for(folder, monkeypatch):
    monkeypatch.setattr(prune, "_hold_partitions", lambda settings: pytest.fail("it waits"))
    prune.prune_home(nights=None, releases=1, events=None, vectors=False, yes=False)
    assert sorted(path.name for path in folder.glob("release_*")) == ["release_a", "release_b"]


def test_an_older_release_is_removed(folder):
    prune.prune_home(nights=None, releases=1, events=None, vectors=False, yes=True)
    assert [path.name for path in folder.glob("release_*")] == ["release_b"]
