"""Seeds: the same for the same names everywhere, different for different ones."""

import os
import re
import subprocess
import sys

import pytest

from funcdex_assets.records.seeds import build_generator, derive_id, derive_seed

SHOW = """
from funcdex_assets.records.seeds import derive_id, derive_seed, build_generator
print(derive_seed(42, "gmail", "scenario", 7), derive_id("chain", "a", 1), build_generator("x", 1).random())
"""


@pytest.mark.concurrent
def test_seeds_do_not_depend_on_the_process():
    shown = {
        subprocess.run(
            [sys.executable, "-c", SHOW],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1")
    }
    here = (
        f"{derive_seed(42, 'gmail', 'scenario', 7)} {derive_id('chain', 'a', 1)} {build_generator('x', 1).random()}\n"
    )
    assert shown == {here}


def test_seeds_stay_the_same_over_releases():
    """A change here changes every data set that was made with the same settings."""
    assert derive_seed(42, "gmail", "scenario", 7) == 8153770072932759535
    assert derive_id("chain", "a", 1) == "chain_b4feb303ba68"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("a", "b"), ("b", "a"), id="the order counts"),
        pytest.param(("ab", "c"), ("a", "bc"), id="the parts count, not the text they make"),
        pytest.param(("a",), ("a", ""), id="so does their number"),
        pytest.param((1,), (2,), id="numbers count"),
        pytest.param(("é",), ("e",), id="so do accents"),
    ],
)
def test_other_parts_give_another_seed_and_another_name(one, other):
    assert derive_seed(*one) != derive_seed(*other)
    assert derive_id("x", *one) != derive_id("x", *other)
    assert build_generator(*one).random() != build_generator(*other).random()


def test_a_seed_fits_into_a_signed_64_bit_number():
    seeds = [derive_seed(number) for number in range(2000)]
    assert min(seeds) >= 0
    assert 2**62 < max(seeds) < 2**63
    assert len(set(seeds)) == len(seeds)


def test_an_id_begins_with_its_kind_and_the_kind_does_not_change_the_rest():
    assert re.fullmatch(r"scenario_[0-9a-f]{12}", derive_id("scenario", 1))
    assert derive_id("plan", 1).removeprefix("plan_") == derive_id("scenario", 1).removeprefix("scenario_")


def test_a_generator_starts_anew_each_time():
    one, other = build_generator("a", 1), build_generator("a", 1)
    assert [one.random() for _ in range(3)] == [other.random() for _ in range(3)]
