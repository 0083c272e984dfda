"""Plans of short commands: which moves are made, with which values, and what is known of each."""

import re
from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import pytest
from offline import shipped_tools
from plain_toolkits import SITUATION, TOOLKITS, plan, plans, steps_in, tools_of

from funcdex_assets.language.lexicon import load_lexicon_file
from funcdex_assets.language.speech_profile import DEFAULT_SPOKEN_PROFILE
from funcdex_assets.language.tool_reading import read_tool
from funcdex_assets.planning.arguments import UnplannableCallError, assemble_arguments
from funcdex_assets.planning.commands import (
    CommandPlan,
    can_be_commanded,
    list_kinds_to_draw,
    plan_commands,
    select_plain_tools,
)
from funcdex_assets.records.kinds import KINDS, SERVICE_KINDS
from funcdex_assets.records.labels import TurnKind
from funcdex_assets.records.plan import PlannedStep
from funcdex_assets.records.seeds import build_generator
from funcdex_assets.records.tool import Tool, ToolEdge
from funcdex_assets.schema.validation import find_violations

EVERY_TOOLKIT = pytest.mark.parametrize("toolkit", TOOLKITS)
SAID_IN_A_SENTENCE = re.compile(r"\w")


def values(step: PlannedStep) -> dict[str, Any]:
    return {argument.argument[1:]: argument.value for argument in step.arguments}


def tool(name: str, description: str, required: tuple[str, ...] = (), **properties: Any) -> Tool:
    schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return Tool("tools", name, description, schema, None, "")


ROOM = {"type": "string", "enum": ["kitchen", "hall", "attic"]}
SOCIAL = {
    one.name: one
    for one in (
        tool("greeting", "User says hello"),
        tool("gratitude", "User expresses thanks"),
        tool("farewell", "User says goodbye"),
        tool("agent", "Connect to a human agent", department={"enum": ["billing", "sales"]}),
        tool("fallback", "Use when nothing else fits", reason={"enum": ["unclear", "off_topic"]}),
        tool("play_jazz", "Play jazz in a room", room=ROOM),
        tool("vacuum", "Vacuum a room", room=ROOM),
    )
}


def plans_of(tools: dict[str, Tool], wanted: tuple[str, ...], count: int = 100) -> list[CommandPlan]:
    return [plan_commands(wanted, tools, SITUATION, build_generator("social", number)) for number in range(count)]


# ── moves ─────────────────────────────────────────────────────────────────────────────────────

WITH_CALLS: tuple[TurnKind, ...] = ("request", "completion", "again", "correction")


@EVERY_TOOLKIT
def test_every_kind_of_move_occurs(toolkit: str) -> None:
    counts = Counter(turn.kind for planned in plans(toolkit) for turn in planned.turns)
    others = {"trigger"} if toolkit == "clinic" else {"thanks", "off_topic"}  # whatever nothing fits has a tool there
    assert {*WITH_CALLS, *others} == set(counts)
    assert min(counts.values()) >= 15
    steps = [step for planned in plans(toolkit) for step in planned.steps]
    assert any(step.together for step in steps)  # two in one breath
    assert sum(any(argument.carried for argument in step.arguments) for step in steps) > 50


@EVERY_TOOLKIT
def test_every_argument_of_every_tool_is_given_and_left_out(toolkit: str) -> None:
    given: Counter[tuple[str, str]] = Counter()
    calls: Counter[str] = Counter()
    for step in (step for planned in plans(toolkit) for step in planned.steps):
        calls[step.tool] += 1
        given.update((step.tool, name) for name in values(step))
    for name, one in tools_of(toolkit).items():
        required = set(one.parameters.get("required", ()))
        acts = {argument.name: argument.manner for argument in read_tool(one).arguments}
        for argument in one.parameters["properties"]:
            assert given[name, argument] >= 3, (name, argument)
            is_seldom_left_out = name == "not_understood" or acts.get(argument) == "act"  # on or off: one in thirty
            is_seldom_left_out = is_seldom_left_out or (name, argument) == ("bring", "thing")  # nobody says "bring"
            assert given[name, argument] < calls[name] or argument in required or is_seldom_left_out


@EVERY_TOOLKIT
def test_every_tool_that_is_wanted_is_called_and_every_turn_has_words(toolkit: str) -> None:
    called = {step.tool for planned in plans(toolkit) for step in planned.steps}
    assert called == set(tools_of(toolkit))
    for planned in plans(toolkit):
        assert all(SAID_IN_A_SENTENCE.search(turn.words) for turn in planned.turns)
        assert {step.turn for step in planned.steps} == {
            number for number, turn in enumerate(planned.turns) if turn.kind not in ("thanks", "off_topic")
        }
        for number, turn in enumerate(planned.turns):
            assert len(steps_in(planned, number)) == (turn.kind in (*WITH_CALLS, "trigger")) + any(
                step.together for step in steps_in(planned, number)
            )


@pytest.mark.parametrize(
    "wanted", [("vacuum", "greeting", "farewell"), ("farewell", "gratitude", "vacuum", "greeting")]
)
def test_a_greeting_comes_first_and_thanks_and_goodbye_last(wanted: tuple[str, ...]) -> None:
    for planned in plans_of(SOCIAL, wanted):
        called = [step.tool for step in planned.steps]
        assert called[0] == "greeting"
        assert called[-1] == "farewell"
        assert called.count("greeting") == called.count("farewell") == 1
        assert "gratitude" not in called[1:-2]
        assert planned.turns[0].words != planned.turns[-1].words


def test_social_tools_are_called_in_a_share_of_conversations_that_did_not_draw_them() -> None:
    called = Counter(
        name for planned in plans_of(SOCIAL, ("vacuum",)) for name in {step.tool for step in planned.steps}
    )
    assert all(10 <= called[name] <= 40 for name in ("greeting", "gratitude", "farewell"))
    assert called["agent"] == 0  # nobody who wants a room cleaned asks for a person


def test_conversations_have_several_requests() -> None:
    for toolkit in TOOLKITS:
        assert all(sum(turn.kind in ("request", "trigger") for turn in one.turns) >= 1 for one in plans(toolkit))
        assert sum(len(one.turns) for one in plans(toolkit)) / len(plans(toolkit)) > 3


# ── values ────────────────────────────────────────────────────────────────────────────────────


@EVERY_TOOLKIT
def test_every_call_is_valid_under_its_schema(toolkit: str) -> None:
    for step in (step for planned in plans(toolkit) for step in planned.steps):
        arguments = assemble_arguments(step.arguments, {})
        assert find_violations(tools_of(toolkit)[step.tool].parameters, arguments) == []


@EVERY_TOOLKIT
def test_what_is_not_carried_or_withheld_is_in_the_turns_own_words(toolkit: str) -> None:
    for planned in plans(toolkit):
        for step in planned.steps:
            text = planned.turns[step.turn].words.lower()
            for argument in step.arguments:
                if not (argument.carried or argument.withheld):
                    assert argument.surface.lower() in text


@EVERY_TOOLKIT
def test_what_is_carried_was_said_before(toolkit: str) -> None:
    for planned in plans(toolkit):
        known: set[tuple[str, str, str]] = set()
        for step in planned.steps:
            facts = {(argument.argument, str(argument.value), argument.surface) for argument in step.arguments}
            assert {
                (argument.argument, str(argument.value), argument.surface)
                for argument in step.arguments
                if argument.carried
            } <= known
            known |= facts


@EVERY_TOOLKIT
def test_again_and_a_correction_change_one_value_and_a_completion_only_adds(toolkit: str) -> None:
    seen: Counter[str] = Counter()
    for planned in plans(toolkit):
        for number, turn in enumerate(planned.turns):
            if turn.kind not in ("again", "correction", "completion"):
                continue
            (step,) = steps_in(planned, number)
            before = next(one for one in reversed(planned.steps) if one.turn < number)
            old, new = values(before), values(step)
            changed = {name for name in new if name in old and old[name] != new[name]}
            lost = set(old) - set(new)  # another thing has another number, and not as many of it
            assert not lost or (turn.kind == "again" and lost <= {"amount", "count", "code", "number"})
            assert step.tool == before.tool
            assert turn.kind != "correction" or planned.steps[turn.step or 0] == before
            assert len(changed) == (turn.kind != "completion")
            assert (len(new) > len(old)) == (turn.kind == "completion")
            carried = {argument.argument[1:] for argument in step.arguments if argument.carried}
            assert carried == set(old) - changed - lost
            seen[turn.kind] += 1
    assert min(seen.values()) >= 15


def test_what_is_required_and_left_out_is_withheld_so_that_the_assistant_asks() -> None:
    required = {name: set(one.parameters.get("required", ())) for name, one in tools_of("parcels").items()}
    withheld = defaultdict(set)
    for planned in plans("parcels"):
        for step in planned.steps:
            assert required[step.tool] <= set(values(step))
            for argument in step.arguments:
                if argument.withheld:
                    assert planned.turns[step.turn].kind == "request"
                    assert argument.surface.lower() not in planned.turns[step.turn].words.lower().split()
                    withheld[step.tool].add(argument.argument[1:])
    assert withheld == {"track": {"code"}, "redeliver": {"code"}, "redirect": {"code", "to"}, "complain": {"problem"}}


def test_tools_that_were_not_made_for_it_can_be_commanded_too() -> None:
    """Of the shipped toolkits those that require nothing that nobody says: two hundred odd schemas."""
    commandable = [one for one in shipped_tools() if can_be_commanded(one)]
    assert len(commandable) > 40
    for one in commandable:
        for planned in plans_of({one.name: one}, (one.name,), 3):
            for step in planned.steps:
                assert find_violations(one.parameters, assemble_arguments(step.arguments, {})) == [], one.name


def test_two_ends_of_a_transfer_are_two() -> None:
    accounts = {"type": "string", "enum": ["checking", "savings"]}
    properties: dict[str, Any] = {"from": accounts, "to": accounts}
    transfer = tool("transfer", "Transfer money", amount={"type": "number"}, **properties)
    both = [
        values(step)
        for planned in plans_of({"transfer": transfer}, ("transfer",))
        for step in planned.steps
        if {"from", "to"} <= set(values(step))
    ]
    assert len(both) > 50
    assert [one for one in both if one["from"] == one["to"]] == []


def test_a_unit_comes_with_its_number() -> None:
    heat = tool("heat", "Set the heat", degrees={"type": "number"}, unit={"enum": ["celsius", "fahrenheit"]})
    calls = [values(step) for planned in plans_of({"heat": heat}, ("heat",)) for step in planned.steps]
    assert any("unit" in call for call in calls)
    assert [call for call in calls if "unit" in call and "degrees" not in call] == []


def test_lists_are_given_as_lists() -> None:
    tag = tool("tag", "Tag a photo", colors={"type": "array", "items": {"type": "string", "enum": ["red", "blue"]}})
    steps = [step for planned in plans_of({"tag": tag}, ("tag",), 30) for step in planned.steps]
    given = [assemble_arguments(step.arguments, {}) for step in steps if step.arguments]
    assert {str(call["colors"]) for call in given} == {"['red']", "['blue']"}


# ── what is no request ────────────────────────────────────────────────────────────────────────


def test_the_fallback_tool_gets_the_reason_that_fits_what_was_said() -> None:
    triggers = load_lexicon_file("command_turns")["triggers"]
    says = {
        reason: {text.replace(",", "").rstrip("?.").lower() for text in triggers[reason]["says"]}
        for reason in ("unclear", "off_topic")
    }
    quiet = replace(DEFAULT_SPOKEN_PROFILE, filler_share=0)
    reasons: Counter[str] = Counter()
    for number in range(150):
        rng = build_generator("fallback", number)
        planned = plan_commands(("fallback", "vacuum"), SOCIAL, SITUATION, rng, 0, quiet)
        for step in planned.steps:
            if step.tool == "fallback":
                text = planned.turns[step.turn].words.replace(",", "").rstrip("?.").lower()
                reason = values(step)["reason"]
                assert any(text.endswith(one) for one in says[reason])
                reasons[reason] += 1
    assert min(reasons["unclear"], reasons["off_topic"]) > 30


@EVERY_TOOLKIT
def test_what_is_off_the_topic_shares_no_word_with_the_toolkit(toolkit: str) -> None:
    words = {
        word.rstrip("s")
        for one in tools_of(toolkit).values()
        for text in (one.name.replace("_", " "), *read_tool(one).objects)
        for word in re.findall(r"[a-z]{4,}", text.lower())
    }
    off_topic = [
        planned.turns[number].words.lower()
        for planned in (plan(toolkit, number, noise_share=0.0) for number in range(200))
        for number, turn in enumerate(planned.turns)
        if turn.kind == "off_topic"
        or any(values(step).get("reason") == "off_topic" for step in steps_in(planned, number))
    ]
    assert len(off_topic) > 10
    assert [text for text in off_topic if any(re.search(rf"\b{word}", text) for word in words)] == []


def test_a_person_is_asked_for_with_a_department_or_without() -> None:
    texts = {
        values(step).get("department"): planned.turns[step.turn].words
        for planned in plans_of(SOCIAL, ("agent",))
        for step in planned.steps
        if step.tool == "agent"
    }
    assert set(texts) == {None, "billing", "sales"}


# ── seeds, speech, what cannot be planned ─────────────────────────────────────────────────────


def test_a_plan_follows_from_its_seed() -> None:
    for toolkit in TOOLKITS:
        assert plan(toolkit, 5) == plan(toolkit, 5)
        assert len({str(planned.turns) for planned in plans(toolkit)}) == len(plans(toolkit))


def test_the_forms_of_speech_decide_how_much_is_left_out() -> None:
    def share_without_arguments(empty_call_share: float) -> float:
        speech = replace(DEFAULT_SPOKEN_PROFILE, empty_call_share=empty_call_share)
        first = [plan("hotel", number, speech=speech).steps[0] for number in range(150)]
        return sum(not step.arguments for step in first) / len(first)

    assert share_without_arguments(0.9) > share_without_arguments(0.0) + 0.15


def test_a_required_value_that_nobody_would_say_is_refused_with_the_place() -> None:
    """Its reading has a manner, but no value of it is valid."""
    odd = tool("odd", "Set the heat", ("level",), level={"type": "integer", "minimum": 5, "maximum": 4})
    with pytest.raises(UnplannableCallError, match="odd/level: no value that somebody would say"):
        plans_of({"odd": odd}, ("odd",), 20)


# ── which tools, which kinds ──────────────────────────────────────────────────────────────────

LISTED = Tool("mail", "LIST_MAIL", "Lists mail.", {"type": "object", "properties": {}}, {"type": "array"}, "")
OPENED = tool("open_mail", "Open a mail", mail=ROOM)
UNSAYABLE = tool("sync", "Sync it", ("uuid",), uuid={"type": "string", "format": "uuid"})


def test_plain_tools_declare_no_result_are_linked_to_none_and_can_be_asked_for() -> None:
    vacuum = SOCIAL["vacuum"]
    tools = [LISTED, OPENED, UNSAYABLE, vacuum]
    assert select_plain_tools(tools, []) == {"open_mail", "vacuum"}
    edge = ToolEdge("LIST_MAIL", "/0", "open_mail", "/mail", "id", 1.0, "an id")
    assert select_plain_tools(tools, [edge]) == {"vacuum"}


@pytest.mark.parametrize(
    ("plain", "is_chosen", "kinds"),
    [
        pytest.param(("LIST_MAIL", "open_mail"), False, {"command"}, id="only plain tools: only commands"),
        pytest.param((), False, set(SERVICE_KINDS), id="no plain tool: no commands"),
        pytest.param(("open_mail",), False, set(KINDS), id="some of both: all kinds"),
        pytest.param(("LIST_MAIL", "open_mail"), True, set(KINDS), id="chosen: any of them"),
        pytest.param((), True, set(KINDS) - {"command"}, id="chosen without a plain tool: no commands"),
    ],
)
def test_the_kinds_that_suit_the_tools(plain: tuple[str, ...], is_chosen: bool, kinds: set[str]) -> None:
    assert list_kinds_to_draw([LISTED, OPENED], plain, is_chosen) == kinds
