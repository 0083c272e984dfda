"""What came of a release beside what was asked for, and whether it may take the place of the one before.

Belongs here: the guard that keeps a run which made too little from replacing a whole release. The files of a release
are `release.py`'s business. An outcome lies beside its release, not in it, because the same rows are the same release
however many were wanted:

    datasets/gmail/latest                        release_5f0c…
    datasets/gmail/release_5f0c…/                train.jsonl, …
    datasets/gmail/outcomes/release_5f0c….json   {"wanted": 106, "rows": 104, "reasons": {"near_duplicate": 2}}

>>> ReleaseOutcome(wanted=106, rows=40).is_whole
False
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from funcdex_assets.records.errors import UserError
from funcdex_assets.storage.atomic_files import replace_file

RELEASE_IS_WHOLE = "release_is_whole"
"""The name of the check."""
RELEASE_IS_WHOLE_DESCRIPTION = (
    "A release that is empty does not become the latest, nor does one of less than half of what was asked for take "
    "the place of a whole one, unless publishing.allow_shrink is set."
)
NO_DATASET = "No partition has a dataset yet"
"""Why there is no release over all; where the first release was refused, that is the reason."""
LATEST = "latest"
LEAST_SHARE = 0.5
"""Of the conversations that were asked for; with less, something is broken rather than difficult."""


class ReleaseOutcome(msgspec.Struct):
    """wanted: conversations that were asked for; reasons: why others are not in it, with how many, most first;
    missing_kinds: why there is not one conversation of a kind that was asked for, by kind.
    """

    wanted: int
    rows: int
    reasons: dict[str, int] = {}
    missing_kinds: dict[str, str] = {}

    @property
    def is_whole(self) -> bool:
        return self.rows > 0 and self.rows >= self.wanted * LEAST_SHARE

    def describe(self) -> str:
        """One line: `40 of 106 conversations (ungrounded_argument 50, near_duplicate 16)`."""
        reasons = ", ".join(f"{reason} {count}" for reason, count in list(self.reasons.items())[:3])
        return f"{self.rows} of {self.wanted} conversations" + (f" ({reasons})" if reasons else "")


def read_latest(folder: Path) -> str | None:
    """Reads the name of the dataset's latest release; None if there is none."""
    path = folder / LATEST
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def find_latest_release(folder: Path) -> Path:
    """Returns the folder of the latest release.

    Raises:
        UserError: the dataset has none.
    """
    release = read_latest(folder)
    if release is None:
        raise UserError(f"{folder} has no latest release; run `funcdex materialize {folder.name}`")
    return folder / release


def read_outcome(folder: Path, release: str) -> ReleaseOutcome | None:
    """Reads the outcome of a release; None for one of an earlier version, of which nothing is known."""
    try:
        return msgspec.json.decode(outcome_path(folder, release).read_bytes(), type=ReleaseOutcome)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def read_latest_outcome(folder: Path) -> ReleaseOutcome | None:
    """Reads the outcome of the dataset's latest release; None if there is no release, or nothing is known of it."""
    release = read_latest(folder)
    return read_outcome(folder, release) if release else None


def write_outcome(folder: Path, release: str, outcome: ReleaseOutcome) -> None:
    """Keeps the outcome beside the release."""
    replace_file(outcome_path(folder, release), msgspec.json.encode(outcome))


def find_objection_to_release(folder: Path, outcome: ReleaseOutcome) -> str | None:
    """Says why a release with this outcome may not become the latest of the dataset; None if it may.

    A latest release of which nothing is known counts as whole.
    """
    latest = read_latest(folder)
    if outcome.rows == 0:
        kept = f"; {LATEST} stays {latest}" if latest else ""
        return f"nothing of what was asked for: {outcome.describe()}{kept}"
    if outcome.is_whole or latest is None:
        return None
    before = read_outcome(folder, latest)
    if before is not None and not before.is_whole:
        return None
    described = f"with {before.rows} of {before.wanted}" if before else "of an earlier version"
    return f"less than half of what was asked for: {outcome.describe()}; {LATEST} stays {latest}, {described}"


def count_reasons(*counts: Mapping[str, int], missing: int = 0) -> dict[str, int]:
    """Merges reasons with their counts, most first; `missing` conversations were not even begun."""
    merged: dict[str, int] = {}
    for reasons in counts:
        for reason, count in reasons.items():
            merged[reason] = merged.get(reason, 0) + count
    if missing > 0:
        merged["no plan was left"] = missing
    counted = [(reason, count) for reason, count in merged.items() if count > 0]
    return dict(sorted(counted, key=lambda item: (-item[1], item[0])))


def outcome_path(folder: Path, release: str) -> Path:
    """The file that keeps the outcome."""
    return folder / "outcomes" / f"{release}.json"
