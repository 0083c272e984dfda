"""The releases of a dataset that are on the disk: which there are, which one is the latest, and which are in the way.

    HOME/datasets/gmail/release_07589eabfcbf/   a release, which is never changed
    HOME/datasets/gmail/latest                  the name of the one that people take
    HOME/datasets/gmail/history                 the names that `latest` had, one a line, the present one last

Belongs here: reading these folders and moving the pointer. Writing a release belongs to `release.py`.

>>> import tempfile
>>> folder = Path(tempfile.mkdtemp())
>>> _ = (folder / "release_a").mkdir(), (folder / "release_b").mkdir()
>>> for name in ("release_a", "release_b"):
...     point_latest(folder, name)
>>> roll_back(folder).name, read_latest(folder)
('release_a', 'release_a')
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from funcdex_assets.export.card import SPLITS
from funcdex_assets.export.release_outcome import LATEST, ReleaseOutcome, outcome_path, read_latest, read_outcome
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.suggestions import list_nearest_names, suggest_name
from funcdex_assets.storage.atomic_files import replace_file
from funcdex_assets.storage.disk_errors import explaining_disk_errors

_PATTERN = "release_*"


class ReleaseError(UserError):
    """A release is not there, or cannot become the latest; the message names it and the remedy."""


@dataclass(frozen=True)
class Release:
    """A release on the disk; `outcome` is None if it has no note of it."""

    dataset: str
    folder: Path
    is_latest: bool
    made_at: datetime
    rows: dict[str, int]
    size: int
    outcome: ReleaseOutcome | None

    @property
    def name(self) -> str:
        return self.folder.name


def list_datasets(home: Path) -> list[str]:
    """Lists the partitions that have a release, and `all`, by name."""
    return sorted(path.name for path in (home / "datasets").glob("*") if any(path.glob(_PATTERN)))


def list_releases(folder: Path) -> list[Release]:
    """Lists the releases in a dataset's folder, the newest first."""
    latest = read_latest(folder)
    releases = [_read_release(path, latest) for path in folder.glob(_PATTERN) if path.is_dir()]
    return sorted(releases, key=lambda release: (release.made_at, release.name), reverse=True)


def point_latest(folder: Path, name: str) -> None:
    """Makes a release the latest, in one step, and notes it in the history.

    Raises:
        DiskError: `latest` is as it was.
    """
    history = _read_history(folder)
    if not history or history[-1] != name:
        _write_history(folder, [*history, name])
    replace_file(folder / LATEST, f"{name}\n".encode())


def promote_release(folder: Path, name: str) -> Release:
    """Makes a release of the folder the latest one, whatever its outcome.

    Raises:
        ReleaseError: there is no such release.
    """
    releases = {release.name: release for release in list_releases(folder)}
    chosen = releases.get(name) or releases.get(f"release_{name}")
    if chosen is None:
        raise ReleaseError(
            f"{folder.name} has no release {name!r}{suggest_name(name, releases)}; "
            f"there are: {list_nearest_names(name, releases)}"
        )
    point_latest(folder, chosen.name)
    return chosen


def roll_back(folder: Path) -> Release:
    """Makes the release latest that was so before; without a history, the newest one that is older than the latest.

    A release that is known not to be whole is passed over. Rolling back twice goes two steps back.

    Raises:
        ReleaseError: there is nothing to go back to.
    """
    releases = list_releases(folder)
    latest = read_latest(folder)
    usable = {release.name: release for release in releases if release.outcome is None or release.outcome.is_whole}
    history = _read_history(folder)
    if latest in history:
        history = history[: len(history) - 1 - history[::-1].index(latest)]
    while history and (history[-1] not in usable or history[-1] == latest):
        history.pop()
    if history:
        chosen = usable[history[-1]]
    else:
        made_at = next((release.made_at for release in releases if release.is_latest), None)
        older = [
            release
            for release in usable.values()
            if not release.is_latest and (made_at is None or release.made_at <= made_at)
        ]
        if not older:
            raise ReleaseError(
                f"{folder.name} has no release before {latest or 'the first one'} to go back to; "
                "`funcdex releases list` shows what there is, `funcdex releases promote` takes any of them"
            )
        chosen = older[0]
        history = [chosen.name]
    replace_file(folder / LATEST, f"{chosen.name}\n".encode())
    _write_history(folder, history)
    return chosen


def find_obsolete_releases(folder: Path, keep: int) -> list[Release]:
    """Finds the releases beyond the `keep` newest; the latest one is never among them."""
    return [release for release in list_releases(folder)[keep:] if not release.is_latest]


def delete_releases(releases: Sequence[Release]) -> None:
    for release in releases:
        with explaining_disk_errors(release.folder):
            shutil.rmtree(release.folder)
            outcome_path(release.folder.parent, release.name).unlink(missing_ok=True)


def _read_release(folder: Path, latest: str | None) -> Release:
    files = [path for path in folder.iterdir() if path.is_file()]
    return Release(
        dataset=folder.parent.name,
        folder=folder,
        is_latest=folder.name == latest,
        made_at=datetime.fromtimestamp(min((path.stat().st_mtime for path in files), default=folder.stat().st_mtime)),
        rows={split: _count_lines(folder / f"{split}.jsonl") for split in SPLITS},
        size=sum(path.stat().st_size for path in files),
        outcome=read_outcome(folder.parent, folder.name),
    )


def _count_lines(path: Path) -> int:
    if not path.is_file():
        return 0
    with path.open("rb") as lines:
        return sum(1 for _ in lines)


def _read_history(folder: Path) -> list[str]:
    path = folder / "history"
    if path.is_file():
        return path.read_text(encoding="utf-8").split()
    latest = read_latest(folder)
    return [latest] if latest else []


def _write_history(folder: Path, names: Sequence[str]) -> None:
    replace_file(folder / "history", "".join(f"{name}\n" for name in names).encode())
