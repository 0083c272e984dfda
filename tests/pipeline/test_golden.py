"""Every table and release file is the one that was recorded: 16 partitions of six conversations."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.concurrent
def test_a_small_backfill_makes_what_was_recorded():
    """The same digests as in `tests/data/golden.json`; `make golden` compares the default size as well."""
    command = [sys.executable, "scripts/golden.py", "compare", "--small"]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert "everything is as it was recorded" in ended.stdout
