"""The same seed gives the same bytes: with any number of workers, in any process, under any hash seed."""

import multiprocessing
import subprocess
import sys
from hashlib import blake2b

import msgspec
import offline
import pytest

PARTITION, COUNT, SEED = "jira_gmail", 24, 3
SHOW = """
import sys
sys.path.insert(0, "tests/helpers")
sys.path.insert(0, "tests/unit/strategies")
import test_same_bytes
print(test_same_bytes.digest(test_same_bytes.played(range(test_same_bytes.COUNT))))
"""


def played(places) -> list[bytes]:
    """The conversations at these places, each played for itself."""
    casts = offline.casts(PARTITION, COUNT, SEED)
    return [msgspec.json.encode(offline.play(casts[place], thoughts=True, seed=SEED)) for place in places]


def digest(texts: list[bytes]) -> str:
    return blake2b(b"\n".join(texts)).hexdigest()


@pytest.fixture(scope="module")
def alone() -> list[bytes]:
    return played(range(COUNT))


@pytest.mark.concurrent
@pytest.mark.parametrize("workers", [1, 2, 8])
def test_workers_change_nothing(alone, workers):
    shares = [range(worker, COUNT, workers) for worker in range(workers)]
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        made = pool.map(played, shares)
        pool.close()  # and not only terminated at the end of the block, which hangs where SIGTERM is ignored
        pool.join()
    found = {
        place: text for share, texts in zip(shares, made, strict=True) for place, text in zip(share, texts, strict=True)
    }
    assert [found[place] for place in range(COUNT)] == alone


@pytest.mark.concurrent
@pytest.mark.parametrize("hash_seed", ["0", "7"])
def test_hash_seeds_change_nothing(alone, hash_seed, pytestconfig):
    there = subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=pytestconfig.rootpath,
        env={"PYTHONHASHSEED": hash_seed, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == digest(alone)
