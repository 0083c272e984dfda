"""Which name somebody meant, and how many others a message lists."""

import pytest

from funcdex_assets.records.suggestions import list_nearest_names, suggest_name

NAMES = ("gmail", "googledrive", "jira_gmail", "smart-home", "stripe")


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        pytest.param("gmial", "gmail", id="letters exchanged"),
        pytest.param("Stripe", "stripe", id="capitals"),
        pytest.param("gmail_jira", "jira_gmail", id="a bundle in another order"),
        pytest.param("smart_home", "smart-home", id="joined otherwise"),
        pytest.param("drive", "googledrive", id="a part of it"),
        pytest.param("my-stripe-account", "stripe", id="more than it"),
        pytest.param("slack", None, id="none is near"),
        pytest.param("me", None, id="two letters stand in many names"),
    ],
)
def test_the_nearest_name_is_meant(mistyped, meant):
    assert suggest_name(mistyped, NAMES) == (f" (did you mean {meant!r}?)" if meant else "")


def test_a_short_list_is_given_whole_and_in_order():
    assert list_nearest_names("stripe2", NAMES) == ", ".join(NAMES)
    assert list_nearest_names("x", []) == "none"


def test_of_a_long_list_the_nearest_come_first_and_the_rest_is_counted():
    many = [f"service{number}" for number in range(40)]
    assert list_nearest_names("stripr", [*many, *NAMES], most=2).startswith("stripe, ")
    assert list_nearest_names("stripr", [*many, *NAMES], most=2).endswith(" and 43 more")
