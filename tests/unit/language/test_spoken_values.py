"""What is said of a value, and which sentences say it. Now is Wednesday, 1 October 2025, half past nine."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcdex_assets.language.spoken_values import (
    find_first_form,
    find_quoted_part,
    find_spoken_value,
    is_minor_unit,
    list_spoken_forms,
    parse_moment,
)

NOW = datetime.fromisoformat("2025-10-01T09:30:00+02:00")
DATE, TIME, DATE_TIME = ({"format": name} for name in ("date", "time", "date-time"))
CENTS = {"type": "integer", "description": "Amount in cents."}
MEETING = "2025-10-02T14:30:00+02:00"


def param(*values, why):
    return pytest.param(*values, id=why)


SAID = [
    param("Send it to maria@x.com, please", "to", {}, "maria@x.com", "maria@x.com", why="a text as it is"),
    param("It is about the GYM ROOF.", "subject", {}, "gym roof", "GYM ROOF", why="in the spelling of the text"),
    param("Straße nach İstanbul", "q", {}, "nach", "nach", why="beside a letter that grows when lowered"),
    param("give me 5 of them", "limit", {}, 5, "5", why="a number in digits"),
    param("give me five of them", "limit", {}, 5, "five", why="a small number in words"),
    param("all 2,500 of them", "count", {}, 2500, "2,500", why="a large number with its comma"),
    param("all 2500 of them", "count", {}, 2500, "2500", why="a large number without a comma"),
    param("it weighs 1.5 kg", "weight", {}, 1.5, "1.5", why="a fraction"),
    param("it costs 5.00", "price", {}, 5, "5", why="a whole number with zeros behind it"),
    param("I have 5. You have none.", "count", {}, 5, "5", why="a number at the end of a sentence"),
    param("pick 3, 5 or 7", "count", {}, 5, "5", why="a number in a list"),
    param("charge $19.99", "amount", CENTS, 1999, "$19.99", why="cents as dollars"),
    param("charge 19.99 euros", "amount", CENTS, 1999, "19.99", why="cents in any currency"),
    param("charge $1,200", "amount", CENTS, 120000, "$1,200", why="whole dollars"),
    param("charge $1200", "amount", CENTS, 120000, "$1200", why="whole dollars without a comma"),
    param("charge $1,200.00", "amount", CENTS, 120000, "$1,200", why="whole dollars with zeros behind them"),
    param("for half an hour", "duration_minutes", {}, 30, "half an hour", why="a duration as people say it"),
    param("for 25 minutes", "duration_minutes", {}, 25, "25 minutes", why="a duration in minutes"),
    param("mark it as in progress", "status", {"enum": ["in_progress"]}, "in_progress", "in progress", why="an enum"),
    param("set IN_PROGRESS", "status", {"enum": ["IN_PROGRESS"]}, "IN_PROGRESS", "IN_PROGRESS", why="an enum as code"),
    param(
        "it needs action", "status", {"enum": ["needsAction"]}, "needsAction", "needs action", why="a camelCase enum"
    ),
    param("with reminder", "is_reminder", {}, True, "reminder", why="a flag that is set"),
    param("no reminder", "is_reminder", {}, False, "no reminder", why="a flag that is not"),
    param("the budget file", "q", {}, "name contains 'budget'", "budget", why="the quoted part of a query"),
    param("the gym roof", "jql", {}, 'text ~ "gym roof"', "gym roof", why="the same in double quotes"),
    param("due today", "due", DATE, "2025-10-01", "today", why="today"),
    param("due tomorrow", "due", DATE, "2025-10-02", "tomorrow", why="tomorrow"),
    param("since yesterday", "since", DATE, "2025-09-30", "yesterday", why="yesterday"),
    param("due on Friday", "due", DATE, "2025-10-03", "Friday", why="a weekday of the next six days"),
    param("due October 15", "due", DATE, "2025-10-15", "October 15", why="a day of a month"),
    param("due 15 October", "due", DATE, "2025-10-15", "15 October", why="the same the other way round"),
    param("due October 15, 2025", "due", DATE, "2025-10-15", "October 15", why="with the year though it is this one"),
    param("due October 15, 2026", "due", DATE, "2026-10-15", "October 15, 2026", why="another year, which is said"),
    param("due 2025-10-15", "due", DATE, "2025-10-15", "2025-10-15", why="a date as it is"),
    param("tomorrow at 2:30 pm", "at", DATE_TIME, MEETING, "tomorrow", why="a moment: day and time"),
    param("at 14:30, tomorrow", "at", DATE_TIME, MEETING, "tomorrow", why="day and time apart"),
    param(f"from {MEETING} on", "at", DATE_TIME, MEETING, MEETING, why="a moment as it is"),
    param("2025-10-02 at 14:30:00", "at", DATE_TIME, MEETING, "2025-10-02", why="a moment with its seconds"),
    param("tomorrow at 9:00", "at", {}, "2025-10-02T09:00:00+02:00", "tomorrow", why="a moment known by its look"),
    param("at 5 pm", "at", TIME, "17:00:00", "5 pm", why="a time of day"),
    param("switch the siren off", "enabled", {}, False, "switch the siren off", why="a switch in a sentence"),
    param("it is disabled", "enabled", {}, False, "disabled", why="a switch in a word"),
    param("Please turn it on.", "is_enabled", {}, True, "turn it on", why="a switch that is on"),
    param("do not include drafts", "include_drafts", {}, False, "do not include drafts", why="a flag that is denied"),
]
UNSAID = [
    param("Marianne and Roman", "name", {}, "Maria", why="the beginning of a longer word"),
    param("a new budgeting tool", "q", {}, "name contains 'budget'", why="a query's word in a longer one"),
    param("give me 15, or 50", "limit", {}, 5, why="a digit of a longer number"),
    param("all 2,500 of them", "limit", {}, 500, why="the end of a number with a comma"),
    param("all 2,500 of them", "limit", {}, 2, why="the beginning of one"),
    param("it costs 5.50", "limit", {}, 5, why="the whole part of a fraction"),
    param("it weighs 12.5 kg", "limit", {}, 5, why="the fraction of a number"),
    param("at 10:30", "limit", {}, 30, why="the minutes of a time"),
    param("at 10:30", "limit", {}, 10, why="the hours of a time"),
    param("by 2025-10-05", "limit", {}, 5, why="the day of a date"),
    param("it is -5 degrees", "limit", {}, 5, why="a number without its sign"),
    param("someone often listens", "limit", {}, 10, why="a number's word in a longer word"),
    param("charge $120.50", "amount", CENTS, 12000, why="dollars whose cents differ"),
    param("charge 12 dollars", "amount", {"type": "integer"}, 1200, why="dollars for a field that counts no cents"),
    param("for half an hour", "duration_minutes", {}, 60, why="half of the duration"),
    param("for half an hour", "page_size", {}, 30, why="a duration for a field that is none"),
    param("maria.lopez@x.com", "to", {}, "lopez@x.com", why="the end of a longer address"),
    param("lopez@x.com.au", "to", {}, "lopez@x.com", why="the beginning of one"),
    param("no reminder", "reminder", {}, True, why="a flag that is denied"),
    param("don't include drafts", "include_drafts", {}, True, why="a flag that is forbidden"),
    param("switch the siren off", "enabled", {}, True, why="a switch the other way"),
    param("turned on at dawn", "enabled", {}, False, why="a switch the other way round"),
    param("we work on it, off and on", "enabled", {}, True, why="on, but nothing that is switched"),
    param("a reminder", "reminder", {}, False, why="a flag that is set"),
    param("in progress", "status", {"enum": ["done"]}, "done", why="another enum value"),
    param("on Friday", "due", DATE, "2025-10-10", why="Friday of the week after"),
    param("today", "due", DATE, "2025-10-02", why="another day"),
    param("October 2", "due", DATE, "2025-10-20", why="the beginning of a day's number"),
    param("October 15", "due", DATE, "2026-10-15", why="the day of another year"),
    param("October 15, 2026", "due", DATE, "2025-10-15", why="a day of this year, said of the next"),
    param("15 October 2026", "due", DATE, "2025-10-15", why="the same without a comma"),
    param("October 15, 2026, 2:30 pm", "at", DATE_TIME, "2025-10-15T14:30:00+02:00", why="a moment of another year"),
    param("Tuesday, October 14", "due", DATE, "2025-10-07", why="a weekday of the week after"),
    param("Tuesday 14 October", "due", DATE, "2025-10-07", why="the same, day before month"),
    param("tomorrow", "at", DATE_TIME, MEETING, why="the day without the time"),
    param("at 2:30 pm", "at", DATE_TIME, MEETING, why="the time without the day"),
    param("tomorrow at 2 pm", "at", DATE_TIME, MEETING, why="another time"),
    param("tomorrow at 2:30 am", "at", DATE_TIME, MEETING, why="the same digits in the other half of the day"),
    param("", "to", {}, "maria@x.com", why="silence"),
    param("anything at all", "to", {}, "", why="nothing to be said"),
    param("anything at all", "to", {}, None, why="null"),
    param("anything at all", "to", {}, ["anything"], why="a list, which is said item by item"),
]


@pytest.mark.parametrize(("text", "name", "schema", "value", "span"), SAID)
def test_a_sentence_that_states_the_value(text, name, schema, value, span):
    assert find_spoken_value(text, name, schema, value, NOW) == span


@pytest.mark.parametrize(("text", "name", "schema", "value"), UNSAID)
def test_a_sentence_that_does_not(text, name, schema, value):
    assert find_spoken_value(text, name, schema, value, NOW) is None


@pytest.mark.parametrize(
    ("name", "schema", "value", "natural"),
    [
        param("at", DATE_TIME, MEETING, "tomorrow at 2:30 pm", why="a moment near by"),
        param("at", DATE_TIME, "2026-10-02T09:00:00Z", "Friday, October 2, 2026 at 9 am", why="a moment far off"),
        param("due", DATE, "2025-10-03", "Friday", why="a day of this week"),
        param("due", DATE, "2025-10-20", "Monday, October 20", why="a later day"),
        param("at", TIME, "09:05:00", "9:05 am", why="a time"),
        param("at", TIME, "00:15:00", "12:15 am", why="a quarter past midnight"),
        param("amount", CENTS, 120000, "$1,200", why="whole dollars"),
        param("amount", CENTS, 1905, "$19.05", why="dollars and cents"),
        param("duration_minutes", {}, 30, "30 minutes", why="a duration"),
        param("limit", {}, 5, "5", why="a number"),
        param("priority", {"enum": ["VERY_HIGH"]}, "VERY_HIGH", "very high", why="an enum"),
        param("q", {}, "name contains 'budget'", "budget", why="a query"),
        param("notify_all", {}, False, "don't notify all", why="a flag that says what is done"),
        param("is_visible", {}, False, "not visible", why="a flag that says how something is"),
        param("watermark", {}, False, "no watermark", why="a flag that says what is there"),
        param("watermark", {}, True, "watermark", why="a flag that is set"),
        param("enabled", {}, True, "switched on", why="a mere switch"),
        param("isEnabled", {}, False, "switched off", why="a mere switch, off"),
    ],
)
def test_the_most_natural_form_comes_first(name, schema, value, natural):
    assert list_spoken_forms(name, schema, value, NOW)[0] == natural


def test_what_cannot_be_said_has_no_form():
    assert [list_spoken_forms("x", {}, value, NOW) for value in (None, [], {}, [1], {"a": 1})] == [[]] * 5


@pytest.mark.parametrize(
    ("value", "part"),
    [
        param("name contains 'budget'", "budget", why="after contains"),
        param('text ~ "gym roof" ORDER BY x', "gym roof", why="in the middle"),
        param("'gym roof'", "gym roof", why="nothing but quotes"),
        param("title = 'it'", "it", why="after an equals sign"),
        param("it's Bob's thing", None, why="apostrophes"),
        param("say 'hello' to her", None, why="words quoted in prose"),
        param("name contains ''", None, why="nothing in the quotes"),
        param("budget", None, why="no quotes"),
    ],
)
def test_quoted_part_of_a_query(value, part):
    assert find_quoted_part(value) == part


@pytest.mark.parametrize(
    ("schema", "value", "moment"),
    [
        param(DATE, "2025-10-03", date(2025, 10, 3), why="a date"),
        param(TIME, "09:05:00", time(9, 5), why="a time"),
        param({}, "2025-10-03T09:05:00", datetime(2025, 10, 3, 9, 5), why="a date-time by its look"),
        param(DATE, "next week", None, why="a date in name only"),
        param({}, "2025-13-03", None, why="no such month"),
        param({}, "1234-5678-9012", None, why="a number with hyphens"),
        param({}, "09:05", None, why="a time without a format is a text"),
    ],
)
def test_read_moment(schema, value, moment):
    assert parse_moment(schema, value) == moment


@pytest.mark.parametrize(
    ("description", "minor"),
    [
        param("Amount in cents.", True, why="cents"),
        param("In the smallest currency unit", True, why="smallest unit"),
        param("Discount in percent", False, why="percent is no cent"),
        param("", False, why="nothing is said"),
    ],
)
def test_is_minor_unit(description, minor):
    assert is_minor_unit({"description": description}) == minor


def test_the_first_form_that_stands_in_the_text_is_found():
    assert find_first_form("2 pm, that is 14:00", ["14:00", "2 pm"]) == "14:00"
    assert find_first_form("2 pm, that is 14:00", ["3 pm", "2 pm"]) == "2 pm"
    assert find_first_form("2 pm, that is 14:00", []) is None


# ── whatever is said is understood ────────────────────────────────────────────────────────────

_words = st.text(st.characters(categories=["L", "N", "Zs", "Po"], exclude_characters="'\""), min_size=1, max_size=30)
_days = st.integers(-800, 800).map(lambda days: (NOW + timedelta(days=days)).date())
_times = st.times().map(lambda moment: moment.replace(microsecond=0))
FIELDS = st.one_of(
    st.tuples(st.just("subject"), st.just({}), _words.map(str.strip).filter(bool)),
    st.tuples(st.just("to"), st.just({"format": "email"}), st.emails()),
    st.tuples(st.just("limit"), st.just({}), st.integers(0, 10**9)),
    st.tuples(st.just("price"), st.just({}), st.integers(1, 10**6).map(lambda cents: cents / 100)),
    st.tuples(st.just("amount"), st.just(CENTS), st.integers(1, 10**9)),
    st.tuples(st.just("duration_minutes"), st.just({}), st.integers(1, 600)),
    st.tuples(st.just("status"), st.just({"enum": ["on_hold", "IN-REVIEW", "needsAction"]}), st.just("on_hold")),
    st.tuples(st.just("status"), st.just({"const": "needsAction"}), st.just("needsAction")),
    st.tuples(st.just("send_copy"), st.just({}), st.booleans()),
    st.tuples(st.just("due"), st.just(DATE), _days.map(date.isoformat)),
    st.tuples(st.just("at"), st.just(TIME), _times.map(time.isoformat)),
    st.tuples(
        st.just("start"),
        st.just(DATE_TIME),
        st.tuples(_days, _times).map(lambda parts: datetime.combine(*parts, NOW.tzinfo).isoformat()),
    ),
)
SENTENCES = ("{}", "Please use {}.", "I'd say {}, if you ask me", "({})", "It's\n{}!", "{}?", '"{}"')


@settings(max_examples=300, deadline=None)
@given(field=FIELDS, sentence=st.sampled_from(SENTENCES), pick=st.randoms(use_true_random=False))
def test_every_spoken_form_is_recognised_in_a_sentence(field, sentence, pick):
    name, schema, value = field
    form = pick.choice(list_spoken_forms(name, schema, value, NOW))
    assert find_spoken_value(sentence.format(form), name, schema, value, NOW) is not None


@settings(max_examples=200, deadline=None)
@given(numbers=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).filter(lambda pair: pair[0] != pair[1]))
def test_no_number_is_taken_for_another(numbers):
    said, meant = numbers
    for form in list_spoken_forms("limit", {}, said, NOW):
        assert find_spoken_value(f"Please use {form}.", "limit", {}, meant, NOW) is None


@settings(max_examples=200, deadline=None)
@given(days=st.tuples(_days, _days).filter(lambda pair: pair[0] != pair[1]))
def test_no_day_is_taken_for_another(days):
    said, meant = map(date.isoformat, days)
    for form in list_spoken_forms("due", DATE, said, NOW):
        assert find_spoken_value(f"Please use {form}.", "due", DATE, meant, NOW) is None
