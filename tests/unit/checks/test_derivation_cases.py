"""Values that follow from what is known without having been said, and those that only look as if they did."""

from datetime import date
from typing import Any

import pytest
from rule_cases import define, fail, step, talk

from funcdex_assets.checks.calendar_periods import find_clock_times, find_periods, names_part_of_day
from funcdex_assets.checks.number_words import read_number_words
from funcdex_assets.records.conversation import ArgumentSource

TEXT = {"type": "string"}
MOMENT = {"type": "string", "format": "date-time"}
TOOL = define(
    "CREATE_THING",
    title=TEXT,
    text=TEXT,
    owner=TEXT,
    query=TEXT,
    fields=TEXT,
    amount={"type": "number"},
    limit={"type": "integer"},
    at=MOMENT,
    day={"type": "string", "format": "date"},
    time_min=MOMENT,
    until=MOMENT,
    loud={"type": "boolean"},
    size={"type": "string", "enum": ["small", "large"]},
)
ORDER = step(
    "GET_ORDER",
    {"no": 4},
    {"order": {"amount": 4900, "fee": 150, "customer": "Mia Torres", "ships": "2025-10-03T14:00:00+02:00"}},
)


def trace(request: str, name: str, value: Any, *before: Any) -> ArgumentSource | None:
    """The source of one argument of a call that is made after a request and other calls."""
    case = talk(request, *before, step("CREATE_THING", {name: value}, {}), "Done.", tools=(TOOL,))
    return next(
        (
            source
            for source in case.provenance
            if source.argument == f"/{name}" and source.call_id == f"call_{1 + len(before)}"
        ),
        None,
    )


@pytest.mark.parametrize(
    ("request_text", "name", "value", "how"),
    [
        pytest.param("Refund half of it.", "amount", 2450, "a half of 4900", id="half"),
        pytest.param("Refund 10 % of it.", "amount", 490.0, "10 % of 4900", id="a percentage"),
        pytest.param("Refund twice the fee.", "amount", 300, "twice 150", id="twice"),
        pytest.param(
            "Refund the rest without the fee.", "amount", 4750, "worked out of 4900 and 150", id="a difference"
        ),
        pytest.param("Put down twenty one.", "amount", 21, "said in words", id="in words"),
        pytest.param("Show me some.", "limit", 20, "how many to fetch", id="the size of a page"),
        pytest.param("Do it now.", "at", "2025-10-01T09:30:20+02:00", "now", id="now"),
        pytest.param(
            "Next week in the morning.", "at", "2025-10-07T09:00:00+02:00", "the calendar: next week", id="a week"
        ),
        pytest.param("On Friday.", "day", "2025-10-03", "Friday", id="a weekday is said"),
        pytest.param("Some time next month.", "day", "2025-11-12", "the calendar: next month", id="a month"),
        pytest.param(
            "From tomorrow on.", "time_min", "2025-10-02T06:00:00+02:00", "tomorrow", id="the beginning of a window"
        ),
        pytest.param(
            "Until the end of this week.", "until", "2025-10-06T00:00:00+02:00", "this week", id="the end of a window"
        ),
        pytest.param("The 21st, all day.", "at", "2025-10-21T00:00:00+02:00", "the 21.", id="a day of the month"),
        pytest.param(
            "An hour after it ships.",
            "at",
            "2025-10-03T15:00:00+02:00",
            "60 minutes after",
            id="a length after a moment",
        ),
        pytest.param("Write that we ship her order.", "text", "We ship your order soon.", "composed", id="a text"),
        pytest.param(
            "Write to her.", "text", "Dear Mia Torres, it costs 4900.", "composed", id="with facts of a result"
        ),
        pytest.param("Find orders of Torres.", "query", "customer:torres", "search words", id="search words"),
        pytest.param("Make it loud.", "loud", True, "loud", id="a flag"),
        pytest.param("Tell everybody.", "loud", True, "implied: loud true", id="an implied flag"),
        pytest.param("One for the cellar.", "size", "large", "one of 2 options", id="an implied option"),
        pytest.param("Only what you need.", "fields", "name,price", "how the answer is made", id="a setting"),
        pytest.param("It is mine.", "owner", "ada.lind", "the user's name", id="the user"),
    ],
)
def test_a_value_follows(request_text, name, value, how):
    source = trace(request_text, name, value, ORDER)
    assert source is not None
    assert how in (source.evidence or "")


@pytest.mark.parametrize(
    ("request_text", "name", "value"),
    [
        pytest.param("Refund half of it.", "amount", 2400, id="another part"),
        pytest.param("Refund something.", "amount", 2450, id="a part that nobody spoke of"),
        pytest.param("Refund it.", "amount", 4750, id="a difference that nobody spoke of"),
        pytest.param("Put down twenty.", "amount", 21, id="another number in words"),
        pytest.param("Tomorrow.", "at", "2025-10-02T14:00:00+02:00", id="a time of day that nobody said"),
        pytest.param("Tomorrow at 3 pm.", "at", "2025-10-02T14:00:00+02:00", id="another time of day"),
        pytest.param("Next week.", "day", "2025-10-20", id="another week"),
        pytest.param("In two days.", "day", "2025-10-04", id="another day"),
        pytest.param("A minute after it ships.", "at", "2025-10-03T15:00:00+02:00", id="another length"),
        pytest.param("Write to her.", "text", "Dear Zoe, your order is late.", id="another name"),
        pytest.param("Write to her.", "text", "Dear Mia, it costs 7700.", id="another number in a text"),
        pytest.param(
            "Write that we ship.", "text", "Completely unrelated prose about volcanoes erupting.", id="another text"
        ),
        pytest.param("Find orders.", "query", "customer:varga", id="another search word"),
        pytest.param("Not loud.", "loud", True, id="a flag that was denied"),
        pytest.param("A small size.", "size", "large", id="another option"),
        pytest.param("It is hers.", "owner", "eve.smith", id="somebody else"),
    ],
)
def test_a_value_does_not_follow(request_text, name, value):
    assert trace(request_text, name, value, ORDER) is None


def test_the_value_of_an_earlier_call_is_taken_over():
    before = step("CREATE_THING", {"amount": 77}, {})
    source = trace("And the back.", "amount", 77, before)
    assert source is not None
    assert (source.source, source.evidence, source.from_call) == ("derived", "as in call_1", "call_1")
    other = talk("And the back.", step("OTHER", {"amount": 77}, {}), step("CREATE_THING", {"amount": 77}, {}), "Ok.")
    assert [source.argument for source in other.provenance] == []


def test_a_field_of_a_result_may_be_named():
    source = trace("Sort it.", "title", "customer", ORDER)
    assert source is not None
    assert source.from_call == "call_1"


def test_an_identifier_is_never_derived():
    case = talk("Half of it.", ORDER, step("GET_ORDER", {"order_id": "2450"}, {}), "Ok.")
    assert [source.argument for source in case.provenance if source.call_id == "call_2"] == []


@pytest.mark.parametrize("arguments", [None, [], ["x"], "text", 7, {}, {"a": None}], ids=str)
def test_arguments_of_any_shape_are_traced(arguments):
    case = talk("Do it.", step("CREATE_THING", arguments, {}), fail("CREATE_THING", arguments, None), "Ok.")
    assert len(case.provenance) <= 2


@pytest.mark.parametrize(
    ("text", "times"),
    [
        pytest.param("at 3 pm", {900}, id="pm"),
        pytest.param("at 12 a.m.", {0}, id="midnight"),
        pytest.param("2:30pm", {870}, id="minutes"),
        pytest.param("16:45", {1005}, id="24 hours"),
        pytest.param("at 7", {420, 1140}, id="a bare hour"),
        pytest.param("at 7 %", set(), id="a share"),
        pytest.param("7 people", set(), id="a number"),
    ],
)
def test_times_of_day_are_read(text, times):
    assert set(find_clock_times(text)) == times


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("next week", {"next week"}, id="a week"),
        pytest.param("soon", set(), id="no day"),
        pytest.param("in 3 days", {"in 3 days"}, id="days ahead"),
        pytest.param("the 31st", {"the 31."}, id="a day that not every month has"),
        pytest.param("last night", {"last night"}, id="a night"),
        pytest.param("since last month", {"last month"}, id="a month before"),
        pytest.param("since friday", {"friday", "last friday"}, id="a weekday before"),
        pytest.param("a 2nd try", {"the 2."}, id="an ordinal"),
    ],
)
def test_days_are_read(text, words):
    assert {period.words for period in find_periods(text, date(2025, 10, 1))} == words


def test_parts_of_a_day_and_numbers_in_words():
    assert names_part_of_day("after lunch")
    assert not names_part_of_day("some day")
    assert {5, 500, 600, 1000} & read_number_words("five hundred or six, a thousand") == {5, 500}
    assert 21_300 in read_number_words("twenty one thousand three hundred")
