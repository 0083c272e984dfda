"""Sentences that suit the clock, and answers after which nobody praises."""

from datetime import datetime

import pytest

from funcdex_assets.language.lexicon import load_lexicon_file, load_turn_moves
from funcdex_assets.language.timeliness import is_refusal, is_timely, keep_timely

MONDAY, FRIDAY = datetime(2026, 1, 5), datetime(2026, 1, 9)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        pytest.param("Good morning! A list, please.", range(4, 12), id="morning"),
        pytest.param("Further to this morning's discussion, a list.", range(9, 24), id="what was in the morning"),
        pytest.param("Good afternoon.", range(12, 18), id="afternoon"),
        pytest.param("Good evening, and sorry for the late hour!", range(17, 24), id="evening"),
        pytest.param("I got roped into it over lunch.", range(13, 24), id="after lunch"),
        pytest.param("Have a calm afternoon.", range(4, 17), id="the rest of the afternoon"),
        pytest.param("Hello.", range(24), id="any time"),
    ],
)
def test_a_time_of_day_is_named_at_that_time(text, hours):
    assert [hour for hour in range(24) if is_timely(text, MONDAY.replace(hour=hour))] == list(hours)


def test_a_weekday_is_named_on_that_day():
    assert is_timely("Ugh, Mondays. Anyway.", MONDAY.replace(hour=9))
    assert not is_timely("Ugh, Mondays. Anyway.", FRIDAY.replace(hour=9))
    assert is_timely("You can tell it's Friday —", FRIDAY.replace(hour=9))
    assert not is_timely("You can tell it's Friday —", MONDAY.replace(hour=9))


@pytest.mark.parametrize("hour", range(24))
def test_at_every_hour_there_is_enough_to_say(hour):
    moves = load_lexicon_file("moves")
    for key in ("openers", "contexts", "followups", "thanks", "request_leads", "answers"):
        for register, texts in moves[key].items():
            assert len(keep_timely(texts, MONDAY.replace(hour=hour))) > len(texts) / 2, (key, register)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I can't move files here; none of my tools does that.", True),
        ("There's one thread. Access denied, so moving the file didn't happen.", True),
        ("I found no emails for the roof. Should I try other words?", True),
        ("Your sign-in has expired.", True),
        ("Moved the file.", False),
        ("I found 3 files: the roof, the gym and the door.", False),
        ("It's in the calendar now.", False),
    ],
)
def test_a_refusal_is_heard_as_such_and_a_success_is_not(text, expected):
    assert is_refusal(text) is expected


def test_most_of_what_is_said_where_nothing_was_found_is_heard_as_such():
    texts = [text.format_map({"things": "emails", "x": "roof"}) for text in load_turn_moves("fault_empty_result")]
    assert sum(map(is_refusal, texts)) > len(texts) / 2
