"""Tools as real specifications have them, through facts, world, plans and whole conversations."""

import asyncio
import re
from random import Random
from typing import Any

import msgspec
import offline
import pytest

from funcdex_assets.checks.findings import find_problems
from funcdex_assets.environment.world import World
from funcdex_assets.planning.arguments import UnplannableCallError, assemble_arguments, plan_arguments
from funcdex_assets.planning.plans import build_plans
from funcdex_assets.records.tool import ChainStep, Tool
from funcdex_assets.schema.validation import find_violations
from funcdex_assets.tool_graph.chains import ChainLimits, sample_chains
from funcdex_assets.tool_graph.graph import build_graph

HERE = offline.casts("gmail", 1)[0].situation
SEEDS = range(6)
TEXT = {"type": "string"}
MOST_BYTES = 20_000


def obj(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required or properties)}


def tool(name: str, parameters: Any = None, returns: Any = None) -> Tool:
    parameters = parameters or {"type": "object", "properties": {}}
    return Tool(toolkit="t", name=name, description="d", parameters=parameters, returns=returns, source="test")


DEFS = {
    "code": {"type": "string", "pattern": "^[UW][A-Z0-9]{8,}$|^$"},
    "who": obj("mail", mail={"type": "string", "format": "email"}, boss={"$ref": "#/$defs/who"}),
    "page": {"allOf": [{"$ref": "#/$defs/link"}, obj("total", total={"type": "integer", "minimum": 0})]},
    "link": obj("href", href={"type": "string", "format": "uri"}),
    "tree": obj("id", id=TEXT, parts={"type": "array", "items": {"$ref": "#/$defs/tree"}, "minItems": 1}),
    "list": obj("next", next={"anyOf": [{"type": "null"}, {"$ref": "#/$defs/list"}]}),
    "wide": obj(
        "p0", **{f"p{n}": {"$ref": "#/$defs/who" if n % 3 else "#/$defs/wide"} for n in range(1, 200)}, p0=TEXT
    ),
    "deep": obj(a=obj(b=obj(c=obj(d={"$ref": "#/$defs/code"})))),
}
PARTS: dict[str, Any] = {
    "a reference": {"$ref": "#/$defs/who"},
    "a pattern with an empty alternative": {"$ref": "#/$defs/code"},
    "all of, over levels": {"allOf": [{"$ref": "#/$defs/page"}, obj("extra", extra=TEXT)]},
    "a chain that null ends": {"$ref": "#/$defs/list"},
    "nothing but optional, in hundreds": {"$ref": "#/$defs/wide"},
    "required inside of required": {"$ref": "#/$defs/deep"},
    "null or a text": {"type": ["null", "string"], "minLength": 3},
    "null before a reference": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/who"}]},
    "a choice that excludes": {"oneOf": [obj("a", a=TEXT), obj("b", b={"type": "integer"})]},
    "a tuple": {"type": "array", "prefixItems": [TEXT, {"type": "integer"}], "items": False, "minItems": 2},
    "a map": {"type": "object", "additionalProperties": {"$ref": "#/$defs/who"}, "minProperties": 1},
    "different ones of an enum": {"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True, "minItems": 2},
    "a multiple": {"type": "number", "multipleOf": 0.05, "minimum": 7, "maximum": 7.2},
    "bounds without a whole number": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    "a pattern that Python does not read": {"type": "string", "pattern": r"^\p{L}{4,9}$"},
    "an id in a format": obj(user_id={"type": "string", "format": "uuid"}),
    "bare names": obj(name=True, count={}, kind={"enum": [None]}),
}


def whole(part: Any) -> dict[str, Any]:
    return {**obj(thing=part), "$defs": DEFS}


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS.keys())
@pytest.mark.parametrize("name", ["LIST_THINGS", "CREATE_THING", "do-it"])
def test_results_are_valid_and_small(part, name):
    for returns in (whole(part), {**whole(part), "$ref": "#/$defs/page"}):
        for seed in SEEDS:
            result = World(HERE, seed).execute_call(tool(name, None, returns), {"name": "x", "user_id": 7})
            assert find_violations(returns, result) == []
            assert len(msgspec.json.encode(result)) < MOST_BYTES


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS.keys())
def test_arguments_are_valid_and_never_null_or_the_tool_is_unplannable(part):
    wanted = tool("CREATE_THING", whole(part))
    for seed in SEEDS:
        try:
            planned = plan_arguments(wanted, ChainStep(tool=wanted.name, bindings=()), HERE, Random(seed))
        except UnplannableCallError:
            continue
        assert find_violations(wanted.parameters, assemble_arguments(planned, {})) == []
        assert all(argument.value is not None for argument in planned)


SAYABLE = [
    "a reference",
    "a pattern with an empty alternative",
    "required inside of required",
    "null or a text",
    "null before a reference",
    "a choice that excludes",
    "a multiple",
    "a pattern that Python does not read",
]


@pytest.mark.parametrize("key", SAYABLE)
def test_what_a_person_could_say_is_planned(key):
    wanted = tool("CREATE_THING", whole(PARTS[key]))
    assert plan_arguments(wanted, ChainStep(tool=wanted.name, bindings=()), HERE, Random(1))


def test_a_null_default_is_no_value_for_a_required_argument():
    body = {"type": ["null", "string"], "pattern": "^[A-Z]{6}$", "default": None}
    wanted = tool("CREATE_THING", obj(body=body))
    (argument,) = plan_arguments(wanted, ChainStep(tool=wanted.name, bindings=()), HERE, Random(1))
    assert len(argument.value) == 6


# ── a small service, from its tools to its conversations ──────────────────────────────────────

SERVICE_DEFS = {
    "channel_id": {"type": "string", "pattern": "^[CGD][A-Z0-9]{8,}$"},
    "channel": {
        "allOf": [
            {"$ref": "#/$defs/owned"},
            obj("id", "name", id={"$ref": "#/$defs/channel_id"}, name=TEXT, parent={"$ref": "#/$defs/channel"}),
        ]
    },
    "owned": obj("owner", owner=obj(email={"type": "string", "format": "email"}), href={"type": "string"}),
    "envelope": obj("ok", ok={"const": True}, warning={"type": ["null", "string"]}),
}


def answer(**properties: Any) -> dict[str, Any]:
    return {"allOf": [{"$ref": "#/$defs/envelope"}, obj(**properties)], "$defs": SERVICE_DEFS}


def asking(*required: str, **properties: Any) -> dict[str, Any]:
    return {**obj(*required, **properties), "additionalProperties": False, "$defs": SERVICE_DEFS}


CHANNEL, ID = {"$ref": "#/$defs/channel"}, {"$ref": "#/$defs/channel_id"}
TAKEN = {"type": "string", "minLength": 11, "maxLength": 11}  # narrower than what is given
SERVICE = [
    tool("channels_list", asking("limit", limit={"type": "integer", "minimum": 1, "maximum": 50}),
         answer(channels={"type": "array", "items": CHANNEL})),
    tool("channels_create", asking(name={"type": "string", "maxLength": 21}), answer(channel=CHANNEL)),
    tool("channels_get", asking("channel_id", channel_id=ID), answer(channel=CHANNEL)),
    tool("channels_rename", asking(channel_id=TAKEN, name={"$ref": "#/$defs/envelope/properties/warning"}),
         answer(channel=CHANNEL)),
    tool("channels_archive", asking("channel_id", channel_id=ID), {"$ref": "#/$defs/envelope", "$defs": SERVICE_DEFS}),
    tool("channels_join", asking("channel_id", channel_id=TAKEN), None),
]  # fmt: skip


def test_a_service_with_shared_definitions_makes_good_conversations(monkeypatch):
    monkeypatch.setattr(offline, "tools_of", lambda partition: {one.name: one for one in SERVICE})
    chains = sample_chains(SERVICE, build_graph(SERVICE), 12, ChainLimits(2, 4, 0.2, must_cross=False), 1)
    assert len(chains) >= 6
    made = 0
    for index, chain in enumerate(chains):
        cast = asyncio.run(offline._cast("foreign", chain, index, 1))
        assert cast is not None, chain
        conversation = offline.play(cast)
        assert conversation.failure is None
        case = offline.Played(cast, conversation).case
        # An identifier that is too long for the call that takes it is another one when it is read for that call.
        blocking = [one.text for one in find_problems(case) if one.blocking and "parent# of" not in one.text]
        assert blocking == []
        made += 1
    assert made == len(chains)


def test_an_argument_that_no_result_suits_is_unplannable_with_a_reason(monkeypatch):
    wanted = tool("channels_delete", asking("channel_id", channel_id={"type": "string", "pattern": "^[a-z]{3}$"}))
    tools = [SERVICE[0], wanted]
    monkeypatch.setattr(offline, "tools_of", lambda partition: {one.name: one for one in tools})
    (chain, *_) = sample_chains(tools, build_graph(tools), 2, ChainLimits(2, 4, 0.0, must_cross=False), 1)
    assert asyncio.run(offline._cast("foreign", chain, 0, 1)) is None
    given = offline.casts("gmail", 1)[0].given
    plans, failures = build_plans([type(given)(chain, HERE, "good", given.disposition, tools, 0, 1)])
    assert plans == []
    (failure,) = failures
    assert re.fullmatch(
        r"channels_delete/channel_id: no value that channels_list returns at /channels/.*id is valid there",
        failure.reason,
    )
