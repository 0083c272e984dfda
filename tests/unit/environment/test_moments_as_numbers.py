"""Moments that services give as numbers: in results, in what users say, in reports and for provenance."""

from contextlib import nullcontext
from datetime import datetime, timedelta
from random import Random

import pytest
from offline import casts

from funcdex_assets.environment.derived_fields import derive_dependent_fields
from funcdex_assets.environment.world import RefusedError, World
from funcdex_assets.language.spoken_values import find_spoken_value, list_spoken_forms
from funcdex_assets.planning.arguments import plan_arguments
from funcdex_assets.records.tool import ChainStep, Tool
from funcdex_assets.semantics.epochs import is_epoch, read_epoch, to_epoch

HERE = casts("gmail", 1)[0].situation
NOW = HERE.now
SECONDS = {"type": "integer", "description": "Unix timestamp in seconds."}
MILLIS = {"type": "integer", "description": "Milliseconds since the epoch."}
FIELDS = {"id": {"type": "string"}, "created_at": SECONDS, "expires_at": {"type": "integer", "format": "unixtime"}}
RUN = {"type": "object", "properties": FIELDS, "required": list(FIELDS)}
LISTING = Tool(
    "runs",
    "LIST_RUNS",
    "d",
    {"type": "object", "properties": {}},
    {
        "type": "object",
        "properties": {"data": {"type": "array", "items": RUN}},
        "required": ["data"],
    },
    source="test",
)


@pytest.mark.parametrize(
    ("name", "schema", "expected"),
    [
        ("created_at", {"type": "integer"}, True),
        ("start_time", SECONDS, True),
        ("start_time", {"type": "integer"}, False),
        ("timestamp", {"type": "number"}, True),
        ("expires", {"type": "integer", "format": "unixtime"}, True),
        ("start_at", {"type": "integer"}, False),  # where a page starts
        ("duration", {"type": "integer", "description": "In seconds."}, False),
        ("created_at", {"type": "string", "format": "date-time"}, False),
        ("count", {"type": "integer", "description": "Timestamps found."}, False),
    ],
)
def test_which_numbers_are_moments(name, schema, expected):
    assert is_epoch(name, schema) is expected


@pytest.mark.parametrize("schema", [SECONDS, MILLIS], ids=["seconds", "milliseconds"])
def test_there_and_back(schema):
    number = to_epoch(NOW, "created_at", schema)
    assert read_epoch("created_at", schema, number, NOW.tzinfo) == NOW.replace(microsecond=0)


def test_a_small_number_is_no_moment():
    assert read_epoch("created_at", SECONDS, 12, NOW.tzinfo) is None


def test_results_have_moments_around_now():
    for seed in range(20):
        for run in World(HERE, seed).execute_call(LISTING, {})["data"]:
            moments = [read_epoch(key, FIELDS[key], run[key], NOW.tzinfo) for key in ("created_at", "expires_at")]
            created, expires = (moment for moment in moments if moment is not None)
            assert created <= NOW < expires


def test_users_say_them_as_days_and_times():
    parameters = {"type": "object", "properties": {"start_time": SECONDS}, "required": ["start_time"]}
    tool = Tool("runs", "GET_USAGE", "d", parameters, None, source="test")
    for seed in range(20):
        (argument,) = plan_arguments(tool, ChainStep(tool="GET_USAGE", bindings=()), HERE, Random(seed))
        moment = read_epoch("start_time", SECONDS, argument.value, NOW.tzinfo)
        assert isinstance(moment, datetime)
        assert argument.surface in list_spoken_forms("start_time", {"format": "date-time"}, moment.isoformat(), NOW)
        assert find_spoken_value(f"Since {argument.surface}, please.", "start_time", SECONDS, argument.value, NOW)
        assert not find_spoken_value("Since last week, please.", "start_time", SECONDS, argument.value, NOW)


def number(moment: datetime, unit: int = 1) -> int:
    return round(moment.timestamp() * unit)


@pytest.mark.parametrize("unit", [1, 1000], ids=["seconds", "milliseconds"])
@pytest.mark.parametrize(("days", "lasting", "is_refused"), [(2, 1, False), (-2, 1, True), (2, -1, True), (2, 9, True)])
def test_rules_hold_for_numbers_that_are_moments(days, lasting, is_refused, unit):
    start_at = {**(SECONDS if unit == 1 else MILLIS)}
    start_at["description"] += " Must be in the future."
    end_at = {"type": "integer", "description": f"{start_at['description']} At most a week after its start."}
    properties = {"start_at": start_at, "end_at": end_at}
    booking = Tool("t", "CREATE_STAY", "", {"type": "object", "properties": properties}, RUN, source="test")
    start = NOW + timedelta(days=days)
    arguments = {"start_at": number(start, unit), "end_at": number(start + timedelta(days=lasting), unit)}
    with pytest.raises(RefusedError) if is_refused else nullcontext():
        World(HERE, 3).execute_call(booking, arguments)


@pytest.mark.parametrize(
    ("arguments", "listed"),
    [
        ({"created_after": number(NOW - timedelta(days=3))}, {"new"}),
        ({"created_before": number(NOW - timedelta(days=3))}, {"old"}),
        ({"created_after": number(NOW - timedelta(days=9)), "created_before": number(NOW)}, {"old", "new"}),
    ],
)
def test_a_span_of_numbers_filters_a_listing(arguments, listed):
    world = World(HERE, 3)
    for name, days in (("old", 6), ("new", 1)):
        world.remember_result("GET_RUN", {"id": name, "created_at": number(NOW - timedelta(days=days))})
    runs = world.execute_call(LISTING, arguments)["data"]
    assert {run["id"] for run in runs} & {"old", "new"} == listed
    low, high = arguments.get("created_after", 0), arguments.get("created_before", number(NOW) + 999)
    assert all(low <= run["created_at"] <= high for run in runs)


def test_a_duration_is_that_between_two_numbers():
    call = {"start_time": 1775197500, "end_time": 1775199300, "duration_minutes": 5}
    derive_dependent_fields(call, lambda key, value: True, text="", zone="Europe/Berlin")
    assert call["duration_minutes"] == 30
