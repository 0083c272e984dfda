"""Moments that services give as numbers: in results, in what users say, in reports and for provenance."""

from datetime import datetime
from random import Random

import pytest
from offline import casts

from funcdex_assets.environment.world import World
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
