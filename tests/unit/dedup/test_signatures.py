import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from funcdex_assets.dedup.signatures import SIGNATURE_SIZE, compute_signatures, estimate_overlap

BASE = "Hannah owns a yoga studio and wants to refund the double charge on a member's March subscription."


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        pytest.param(BASE, 1.0, 1.0, id="itself"),
        pytest.param(BASE.upper().replace(",", " "), 1.0, 1.0, id="case and punctuation do not count"),
        pytest.param(BASE.replace("Hannah", "Petra"), 0.75, 0.99, id="another name (exact .86)"),
        pytest.param("Move Thursday's meeting to Friday.", 0.0, 0.2, id="another matter (exact .02)"),
        pytest.param("", 0.0, 0.1, id="nothing"),
    ],
)
def test_overlap_estimates_the_share_of_common_words_and_word_pairs(text, low, high):
    a, b = compute_signatures([BASE, text])
    assert low <= float(estimate_overlap(a, b)) <= high


def test_the_estimate_is_unbiased():
    words = [f"w{i}" for i in range(400)]
    estimates, exact = [], []
    for shift in range(20):
        left, right = words[shift : shift + 30], words[shift + 10 : shift + 40]
        sets = [{*text, *pairwise(text)} for text in (left, right)]
        exact.append(len(sets[0] & sets[1]) / len(sets[0] | sets[1]))
        estimates.append(float(estimate_overlap(*compute_signatures([" ".join(left), " ".join(right)]))))
    assert np.mean(estimates) == pytest.approx(np.mean(exact), abs=0.04)


def test_arrays_broadcast():
    rows = compute_signatures([BASE, "other words entirely", BASE])
    assert rows.shape == (3, SIGNATURE_SIZE)
    assert estimate_overlap(rows, rows[0]).tolist()[::2] == [1.0, 1.0]


@pytest.mark.concurrent
def test_signatures_do_not_depend_on_the_hash_seed():
    load = "from funcdex_assets.dedup.signatures import compute_signatures"
    code = f"{load}; print(compute_signatures([{BASE!r}]).tobytes().hex())"
    made = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert made == {compute_signatures([BASE]).tobytes().hex()}
