"""Busy and free times follow from the events of the world, in whatever order they are asked for."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from offline import casts, tools_of

from funcdex_assets.environment.free_time import find_gaps
from funcdex_assets.environment.world import World

CALENDAR, CALENDLY = tools_of("googlecalendar"), tools_of("calendly")
CASTS = casts("googlecalendar", 12)
Span = tuple[datetime, datetime]


def window_of(world_day: datetime, days: int = 3) -> tuple[str, str]:
    start = (world_day + timedelta(days=1)).replace(hour=0, minute=0)
    return start.isoformat(), (start + timedelta(days=days)).isoformat()


def span_of(item: dict[str, Any]) -> Span:
    ends = [item.get(name, item.get(f"{name}_time")) for name in ("start", "end")]
    texts = [end["dateTime"] if isinstance(end, dict) else end for end in ends]
    return datetime.fromisoformat(texts[0]), datetime.fromisoformat(texts[1])


def events_of(result: dict[str, Any]) -> list[Span]:
    return [span_of(event) for event in result["events"] if "dateTime" in event["start"]]


def ask(world: World, now: datetime, tool: str, **more: Any) -> dict[str, Any]:
    low, high = window_of(now)
    return world.execute_call(CALENDAR[tool], {"time_min": low, "time_max": high, **more})


def overlap(first: Span, second: Span) -> bool:
    return first[0] < second[1] and second[0] < first[1]


@pytest.mark.parametrize("index", range(12))
def test_busy_are_the_listed_events_and_free_is_what_is_left(index):
    here = CASTS[index].situation
    world = World(here, index)
    listed = events_of(ask(world, here.now, "LIST_EVENTS"))
    times = ask(world, here.now, "FIND_FREE_SLOTS")
    assert {span_of(busy) for busy in times["busy"]} <= set(listed)
    assert {busy["email"] for busy in times["busy"]} <= {here.persona.email}
    for slot in times["free_slots"]:
        assert not any(overlap(span_of(slot), event) for event in listed)
        assert slot["duration_minutes"] * 60 == (span_of(slot)[1] - span_of(slot)[0]).total_seconds() >= 1800


@pytest.mark.parametrize("index", range(12))
def test_what_made_the_user_busy_is_listed_as_an_event_later(index):
    here = CASTS[index].situation
    world = World(here, index)
    times = ask(world, here.now, "FIND_FREE_SLOTS")
    listed = events_of(ask(world, here.now, "LIST_EVENTS", max_results=50))
    assert {span_of(busy) for busy in times["busy"]} <= set(listed)
    again = ask(world, here.now, "FIND_FREE_SLOTS", meeting_duration_minutes=60)
    for slot in again["free_slots"]:
        assert not any(overlap(span_of(slot), event) for event in listed)


def test_a_new_event_takes_its_time():
    here = CASTS[0].situation
    world = World(here, 3)
    day = here.now + timedelta(days=(7 - here.now.weekday()))
    low, high = (day.replace(hour=hour, minute=0, second=0) for hour in (8, 18))
    asked = {"time_min": low.isoformat(), "time_max": high.isoformat()}
    world.execute_call(CALENDAR["LIST_EVENTS"], asked)
    free = world.execute_call(CALENDAR["FIND_FREE_SLOTS"], asked)["free_slots"][0]
    start = span_of(free)[0]
    made = {"dateTime": start.isoformat()}, {"dateTime": (start + timedelta(minutes=30)).isoformat()}
    arguments = {"summary": "Lease", "start": made[0], "end": made[1], "calendar_id": "primary"}
    parameters = CALENDAR["CREATE_EVENT"].parameters["properties"]
    world.execute_call(CALENDAR["CREATE_EVENT"], {key: arguments[key] for key in arguments if key in parameters})
    after = world.execute_call(CALENDAR["FIND_FREE_SLOTS"], asked)
    span = (start, start + timedelta(minutes=30))
    assert span in {span_of(busy) for busy in after["busy"]}
    assert not any(overlap(span_of(slot), span) for slot in after["free_slots"])


def test_a_colleague_keeps_being_busy_at_the_same_times():
    here = CASTS[1].situation
    world = World(here, 5)
    asked = [
        {span_of(busy) for busy in ask(world, here.now, "FIND_FREE_SLOTS", items=["ana.lima@x.io"], **more)["busy"]}
        for more in ({}, {"meeting_duration_minutes": 45})
    ]
    assert asked[0] == asked[1]


@pytest.mark.parametrize("index", range(8))
def test_times_with_the_event_that_takes_them(index):
    here = casts("calendly", 8)[index].situation
    low, high = window_of(here.now)
    world = World(here, index)
    events = world.execute_call(CALENDLY["LIST_SCHEDULED_EVENTS"], {"min_start_time": low, "max_start_time": high})
    known = {event["uuid"]: span_of(event) for event in events["events"] if event["status"] == "active"}
    busy = world.execute_call(CALENDLY["GET_BUSY_TIMES"], {"start_time": low, "end_time": high})["busy_times"]
    for item in busy:
        if item["event"]["uuid"] in known:
            assert span_of(item) == known[item["event"]["uuid"]]
    assert {item["event"]["uuid"] for item in busy} >= set(known)


NINE, TEN, NOON, TWO = (datetime(2026, 1, 5, hour) for hour in (9, 10, 12, 14))


@pytest.mark.parametrize(
    ("busy", "minutes", "expected"),
    [
        ([], 30, [(NINE, TWO)]),
        ([(NINE, TEN)], 30, [(TEN, TWO)]),
        ([(TEN, NOON)], 30, [(NINE, TEN), (NOON, TWO)]),
        ([(TEN, NOON)], 90, [(NOON, TWO)]),
        ([(TEN, NOON), (TEN, TWO)], 30, [(NINE, TEN)]),
        ([(NINE, TWO)], 30, []),
    ],
    ids=["nothing", "at the beginning", "in between", "too short", "one within another", "all of it"],
)
def test_gaps(busy, minutes, expected):
    assert find_gaps((NINE, TWO), busy, minutes) == expected
