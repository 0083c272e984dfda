"""What the user tells: arguments that are valid, sayable and belong together."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import msgspec
import pytest
from offline import casts, shipped_tools

from funcdex_assets.language.lexicon import build_person
from funcdex_assets.language.request_phrases import phrase_fact_sentence
from funcdex_assets.language.spoken_values import find_spoken_value, parse_moment
from funcdex_assets.planning.arguments import UnplannableCallError, assemble_arguments, limit_page, plan_arguments
from funcdex_assets.records.plan import PlannedArgument
from funcdex_assets.records.tool import Binding, ChainStep, Tool
from funcdex_assets.schema.leaves import walk_leaves
from funcdex_assets.schema.validation import compile_validator, find_violations
from funcdex_assets.schema.words import split_words
from funcdex_assets.tool_graph.graph import find_needed_ids

SEEDS = range(4)
HERE = casts("gmail", 1)[0].situation
UPPER_ENDS = {"end", "max", "before", "until"}
LIKELY = ("made_by_service", 7, True, "a@b.io", "https://x.io/a", "1b4e28ba-2fa1-41d2-883f-0016d3cca427")


def tool(required=(), name="CREATE_EVENT", **properties: Any) -> Tool:
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    return Tool(toolkit="t", name=name, description="d", parameters=parameters, returns=None, source="test")


def plan(wanted: Tool, seed: int, *bound: str) -> tuple[PlannedArgument, ...]:
    bindings = tuple(Binding(argument=path, step=0, result="/id", kind="id") for path in bound)
    return plan_arguments(wanted, ChainStep(tool=wanted.name, bindings=bindings), HERE, Random(seed))


def plans(wanted: Tool) -> Iterator[tuple[PlannedArgument, ...]]:
    """As a chain would ask for it: every id of the service comes from an earlier result."""
    for seed in SEEDS:
        yield plan(wanted, seed, *find_needed_ids(wanted))


def from_results(wanted: Tool, planned: tuple[PlannedArgument, ...]) -> dict[str, Any]:
    schemas = {leaf.path: leaf.schema for leaf in walk_leaves(wanted.parameters)}
    found = {}
    for argument in planned:
        if argument.source == "result":
            schema = schemas["/".join("*" if step.isdigit() else step for step in argument.argument.split("/"))]
            found[argument.argument] = next(
                option
                for option in (*schema.get("examples", ()), *LIKELY)
                if compile_validator(schema).is_valid(option)
            )
    return found


@pytest.mark.parametrize("wanted", shipped_tools(), ids=lambda wanted: f"{wanted.toolkit}.{wanted.name}")
def test_shipped_tools_get_valid_arguments_that_a_person_can_state(wanted):
    for planned in plans(wanted):
        arguments = assemble_arguments(planned, from_results(wanted, planned))
        assert find_violations(wanted.parameters, arguments) == []
        assert {*wanted.parameters.get("required", ())} <= arguments.keys()
        for argument in planned:
            if argument.source == "user":
                schema = _schema_of(wanted, argument.argument)
                name = [step for step in argument.argument.split("/") if not step.isdigit()][-1]
                assert find_spoken_value(f"Use {argument.surface}, please.", name, schema, argument.value, HERE.now), (
                    argument
                )


def _schema_of(wanted: Tool, pointer: str) -> dict[str, Any]:
    path = "/".join("*" if step.isdigit() else step for step in pointer.split("/"))
    return next(leaf.schema for leaf in walk_leaves(wanted.parameters) if leaf.path == path)


def test_some_users_mention_optional_arguments_and_some_do_not():
    fetch = tool(name="FETCH_EMAILS", query={"type": "string"}, max_results={"type": "integer"})
    mentioned = {tuple(argument.argument for argument in plan(fetch, seed)) for seed in range(40)}
    assert {("/query",), ("/query", "/max_results")} <= mentioned


@pytest.mark.parametrize(
    "name",
    ["page_token", "thread_id", "include_spam", "orderBy", "raw_html", "idempotency_key"],
)
def test_nobody_mentions_what_only_programs_care_about(name):
    kind = "boolean" if name.startswith("include") else "string"
    fetch = tool(name="FETCH_EMAILS", query={"type": "string"}, **{name: {"type": kind}})
    assert not any(argument.argument == f"/{name}" for seed in range(30) for argument in plan(fetch, seed))


@pytest.mark.parametrize(
    ("schema", "source", "value"),
    [
        pytest.param({"const": "v2"}, "schema", "v2", id="a constant is the schema's"),
        pytest.param({"type": "string"}, "user", None, id="a text is the user's"),
    ],
)
def test_source_of_a_required_argument(schema, source, value):
    (argument,) = plan(tool(["version_label"], version_label=schema), 1)
    assert argument.source == source
    assert value is None or argument.value == value


@pytest.mark.parametrize("name", ["enabled", "is_enabled", "publicly_listed", "include_archived"])
def test_a_required_flag_is_on_or_off_and_is_said_either_way(name):
    siren = tool([name], **{name: {"type": "boolean"}})
    flags = [argument for seed in range(30) for argument in plan(siren, seed)]
    assert {flag.value for flag in flags} == {True, False}
    for flag in flags:
        sentence = phrase_fact_sentence(flag, Random(1))
        assert find_spoken_value(sentence, name, {}, flag.value, HERE.now), sentence
        assert not find_spoken_value(sentence, name, {}, not flag.value, HERE.now), sentence


@pytest.mark.parametrize("default", [True, False])
def test_who_mentions_a_flag_with_a_default_mostly_wants_it_otherwise(default):
    siren = tool(["loud"], loud={"type": "boolean", "default": default})
    values = [argument.value for seed in range(60) for argument in plan(siren, seed)]
    assert values.count(not default) > values.count(default) > 0


def test_a_switch_is_named_after_the_object_that_it_is_in():
    lamp = tool(
        ["lamp"], lamp={"type": "object", "properties": {"enabled": {"type": "boolean"}}, "required": ["enabled"]}
    )
    (flag,) = plan(lamp, 1)
    assert "the lamp" in phrase_fact_sentence(flag, Random(1)).lower()


def test_no_example_that_is_a_placeholder_is_said():
    wanted = tool(["contact"], contact={"type": "string", "examples": ["bo@example.org", "<contact>", "your_name"]})
    said = {argument.value for seed in range(20) for argument in plan(wanted, seed)}
    assert not said & {"bo@example.org", "<contact>", "your_name"}


def test_a_link_is_valid_whatever_the_matter():
    there = replace(HERE, scenario=msgspec.structs.replace(HERE.scenario, matter="Café Orso's façade, 2nd floor"))
    page = tool(["website"], website={"type": "string", "format": "uri"})
    (link,) = plan_arguments(page, ChainStep(tool=page.name, bindings=()), there, Random(1))
    assert link.value == f"https://www.{there.domain}/2nd-floor"


def test_the_time_zone_is_known_from_the_persona_and_the_id_me_from_the_schema():
    profile = tool(["user_id", "time_zone"], user_id={"type": "string", "default": "me"}, time_zone={"type": "string"})
    known = {argument.argument: (argument.source, argument.value) for argument in plan(profile, 1)}
    assert known["/user_id"] == ("schema", "me")
    assert known["/time_zone"] == ("context", HERE.persona.time_zone)


@pytest.mark.parametrize(
    ("properties", "complaint"),
    [
        pytest.param(
            {"thread_id": {"type": "string"}},
            "CREATE_EVENT/thread_id: only an earlier result could give this id",
            id="an id that no result gives",
        ),
        pytest.param(
            {"checksum": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
            "CREATE_EVENT/checksum: no value found that satisfies .*; give it examples",
            id="a pattern that no word fits",
        ),
    ],
)
def test_what_nobody_can_say_is_unplannable(properties, complaint):
    with pytest.raises(UnplannableCallError, match=complaint):
        plan(tool(properties, **properties), 1)


def test_arguments_that_do_not_fit_together_are_unplannable():
    ranged = tool(["low_score"], low_score={"type": "string"})
    apart = msgspec.structs.replace(ranged, parameters={**ranged.parameters, "not": {"required": ["low_score"]}})
    assert plan(ranged, 1)
    with pytest.raises(UnplannableCallError, match="CREATE_EVENT/: "):
        plan(apart, 1)


def test_it_is_plannable_once_it_has_an_example_or_a_binding():
    checksum = {"type": "string", "pattern": "^[0-9a-f]{64}$", "examples": ["0f" * 32]}
    assert plan(tool(["checksum"], checksum=checksum), 1)[0].value == "0f" * 32
    assert plan(tool(["thread_id"], thread_id={"type": "string"}), 1, "/thread_id")[0].source == "result"


DATES = {"start_date": {"type": "string", "format": "date"}, "end_date": {"type": "string", "format": "date"}}
WINDOW = {
    "time_max": {"type": "string", "format": "date-time"},
    "time_min": {"type": "string", "format": "date-time"},
}


@pytest.mark.parametrize(
    "spanning",
    [
        pytest.param(tool(DATES, **DATES), id="a start, then an end"),
        pytest.param(tool(WINDOW, "LIST_EVENTS", **WINDOW), id="the end of the window first"),
        *(pytest.param(found, id=found.name) for found in shipped_tools() if found.name == "CREATE_EVENT"),
    ],
)
def test_an_end_is_after_its_start(spanning):
    for seed in range(20):
        moments = [
            (parse_moment({}, argument.value), bool(UPPER_ENDS & set(split_words(argument.argument))))
            for argument in plan(spanning, seed)
            if isinstance(argument.value, str) and parse_moment({}, argument.value)
        ]
        (start,), (end,) = [[moment for moment, ends in moments if ends == side] for side in (False, True)]
        assert start < end


def test_the_address_and_the_name_of_one_call_are_one_persons():
    invite = tool(
        ["attendee"],
        attendee={
            "type": "object",
            "properties": {"email": {"type": "string", "format": "email"}, "first_name": {"type": "string"}},
            "required": ["email", "first_name"],
        },
    )
    for seed in range(10):
        email, first_name = (argument.value for argument in plan(invite, seed))
        assert email.partition(".")[0] == build_person(first_name, "x.io").email.partition(".")[0]


def test_the_items_of_a_list_differ():
    people = tool(["to"], to={"type": "array", "items": {"type": "string", "format": "email"}, "minItems": 2})
    for seed in range(20):
        addresses = [argument.value for argument in plan(people, seed)]
        assert len(addresses) == len(set(addresses))


COUNT = {"type": "integer", "minimum": 1, "maximum": 100}


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        pytest.param({"limit": COUNT}, {2, 3, 4, 5}, id="a few at a time"),
        pytest.param({"per_page": COUNT | {"minimum": 4}}, {4, 5}, id="as few as may be"),
        pytest.param({}, {None}, id="no number of items can be asked for"),
    ],
)
def test_who_turns_the_page_wants_a_few_at_a_time(limits, expected):
    wanted = tool(name="LIST_EVENTS", query={"type": "string"}, **limits)
    asked = PlannedArgument(argument="/query", source="user", value="roof", surface="roof")
    sizes = set()
    for seed in range(60):
        planned = limit_page(wanted, [asked], Random(seed))
        assert planned[0] == asked
        sizes.add(planned[1].value if len(planned) > 1 else None)
    assert sizes == expected


@pytest.mark.parametrize(
    ("limits", "source"),
    [
        pytest.param({}, "result", id="the parts of one thing, of which a page holds all"),
        pytest.param({"limit": COUNT | {"minimum": 50}}, "user", id="pages that are too large"),
    ],
)
def test_where_no_small_page_can_be_asked_for_the_page_is_not_turned(limits, source):
    wanted = tool(name="LIST_EVENTS", calendar_id={"type": "string"}, **limits)
    with pytest.raises(UnplannableCallError):
        limit_page(wanted, [PlannedArgument(argument="/calendar_id", source=source)], Random(1))
