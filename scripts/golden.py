"""Compares what `funcdex backfill` makes with what it made when `tests/data/golden.json` was recorded.

Belongs here: the digest of every table and release file, and the mapping of names that were changed on purpose.
A table's digest is taken of its rows and column types, not of its Parquet bytes, so that another version of Polars does
not count as a change; a float counts with six significant digits, and cosines not at all, because the last bits of the
embedder's sums depend on the processor. Other files are taken byte by byte. The release's own name is a hash of its
content and stands only inside the card.

    python scripts/golden.py compare           the default settings: 16 partitions of 106 conversations, minutes
    python scripts/golden.py compare --small   6 conversations each and the quick embedder, as the tests do
    python scripts/golden.py record            after a change that is meant: both sizes are made anew

A commit that records again says which table changed, and why.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

REPOSITORY = Path(__file__).parents[1]
GOLDEN = REPOSITORY / "tests" / "data" / "golden.json"
SIZES: Mapping[str, Mapping[str, str]] = {
    "full": {},
    "small": {"FUNCDEX_GENERATION__CONVERSATIONS": "6", "FUNCDEX_DEDUPLICATION__EMBEDDER": "hashed_ngrams"},
}
# Names that were changed on purpose since the recording: new name → recorded name. Keys of columns and of the fields
# inside them are looked up by table.
RENAMED_FIELDS: Mapping[str, Mapping[str, str]] = {}
RENAMED_FILES: Mapping[str, str] = {}
# Cosines, rounded to five decimals: of some hundreds, one is so near to the border that another processor rounds it the
# other way. What is decided by them stands in other fields.
UNSTABLE_FIELDS = frozenset({"similarity"})


def make_everything(home: Path, size: str) -> None:
    """Runs `funcdex backfill` with the repository's settings and nothing else from the environment.

    Raises:
        subprocess.CalledProcessError: a partition failed; what the command printed was shown.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FUNCDEX_", "DAGSTER_"))}
    command = Path(sys.executable).with_name("funcdex")
    subprocess.run(
        [command, "backfill"],
        cwd=REPOSITORY,
        env={**environment, **SIZES[size], "FUNCDEX_HOME": str(home)},
        check=True,
    )


def digest_home(home: Path) -> dict[str, str]:
    """Returns digests of all tables and release files under `home`, by a path without the release's name.

    `{"tables/conversations/gmail": "3f0a…", "datasets/gmail/train.jsonl": "77b1…"}`
    """
    tables = {f"tables/{path.parent.name}/{path.stem}": path for path in (home / "tables").glob("*/*.parquet")}
    releases = {}
    for path in (home / "datasets").glob("*/release_*/*"):
        releases[f"datasets/{path.parts[-3]}/{path.name}"] = path
    digests = {}
    for name, path in {**tables, **releases}.items():
        recorded_name = RENAMED_FILES.get(name, name)
        stage = name.split("/")[1]
        content = _read_table(path, RENAMED_FIELDS.get(stage, {})) if path.suffix == ".parquet" else path.read_bytes()
        digests[recorded_name] = hashlib.blake2b(content, digest_size=8).hexdigest()
    return dict(sorted(digests.items()))


def explain_differences(recorded: Mapping[str, str], made: Mapping[str, str]) -> Iterator[str]:
    """Yields a line for each stage or file name that differs, with the partitions: `conversations: gmail, jira`."""
    by_kind: dict[str, list[str]] = {}
    for name in sorted({*recorded, *made}):
        if recorded.get(name) == made.get(name):
            continue
        top, second, last = name.split("/")
        kind, partition = (second, last) if top == "tables" else (last, second)
        note = "" if name in recorded and name in made else " (gone)" if name in recorded else " (new)"
        by_kind.setdefault(f"{top}/{kind}", []).append(partition + note)
    for kind, partitions in by_kind.items():
        yield f"{kind}: {', '.join(partitions)}"


def _read_table(path: Path, renamed: Mapping[str, str]) -> bytes:
    """Returns a table's column types and rows as canonical JSON lines, under the recorded names."""
    frame = pl.read_parquet(path)
    types = {renamed.get(name, name): str(dtype) for name, dtype in frame.schema.items()}
    lines = [types, *(_canonical(row, renamed) for row in frame.iter_rows(named=True))]
    return "\n".join(json.dumps(line, ensure_ascii=False, sort_keys=True) for line in lines).encode()


def _canonical(value: Any, renamed: Mapping[str, str]) -> Any:
    """Returns the value with floats as texts of six significant digits and keys under their recorded names."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in UNSTABLE_FIELDS}
        return {renamed.get(key, key): _canonical(item, renamed) for key, item in kept.items()}
    if isinstance(value, list):
        return [_canonical(item, renamed) for item in value]
    return value


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("compare", "record"))
    parser.add_argument("--small", action="store_true", help="only the small size")
    parser.add_argument("--keep", type=Path, help="keep what is made in this folder, to look into a difference")
    arguments = parser.parse_args()
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.is_file() else {}
    differences = []
    for size in ("small",) if arguments.small else ("small", "full"):
        with tempfile.TemporaryDirectory() as folder:
            home = (arguments.keep or Path(folder)) / size
            make_everything(home.absolute(), size)
            digests = digest_home(home)
        differences += [f"{size}: {line}" for line in explain_differences(golden.get(size, {}), digests)]
        golden[size] = digests
    print("\n".join(differences) or "everything is as it was recorded")
    if arguments.action == "record":
        GOLDEN.write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n")
        return 0
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
