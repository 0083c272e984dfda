"""Another tool that serves as well: with which arguments, how it fails, and what then happens in a conversation."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from random import Random
from typing import Any

import msgspec
import pytest
from offline import PARTITIONS, Played, casts, played

from funcdex_assets.checks.findings import find_problems
from funcdex_assets.checks.provenance import trace_steps
from funcdex_assets.dialogue.dialogue_state import DialogueState
from funcdex_assets.environment.replay import replay_conversation, to_recording
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.planning.arguments import assemble_arguments
from funcdex_assets.planning.plans import build_plans
from funcdex_assets.planning.substitute_calls import find_equivalent_arguments, list_lasting_faults
from funcdex_assets.planning.turns import DraftCall
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.labels import Fault
from funcdex_assets.records.message import Message
from funcdex_assets.records.plan import PlannedArgument, PlannedStep
from funcdex_assets.records.tool import Tool
from funcdex_assets.reports.tallies import has_recovered
from funcdex_assets.roles import conversation_writer, user_simulator
from funcdex_assets.roles.assistant import Call as Called
from funcdex_assets.roles.assistant import Move
from funcdex_assets.roles.improvisations import IMPROVISATIONS
from funcdex_assets.strategies.turn_loop import PlayOptions, play_offline, simulate_conversation

TEXT: dict[str, Any] = {"type": "string"}
MAIL = {"type": "string", "format": "email"}
DAY = {"type": "string", "format": "date"}
COUNT = {"type": "integer"}
DIALECT = {"type": "string", "examples": ["name contains 'rent'"]}
NOTE = {"type": "object", "properties": {"id": TEXT, "folder_id": TEXT, "thread_id": TEXT}}
FOUND = {"type": "object", "properties": {"notes": {"type": "array", "items": NOTE}}, "required": ["notes"]}


def tool(name: str, required: str = "", returns: Any = FOUND, /, **properties: Any) -> Tool:
    parameters = {"type": "object", "properties": properties, "required": required.split()}
    return Tool(toolkit="t", name=name, description="d", parameters=parameters, returns=returns, source="test")


def told(name: str, value: Any, surface: str = "", withheld: bool = False) -> PlannedArgument:
    said = surface or str(value)
    return PlannedArgument(argument=f"/{name}", source="user", value=value, surface=said, withheld=withheld)


def taken(name: str, result: str) -> PlannedArgument:
    return PlannedArgument(argument=f"/{name}", source="result", step=0, result=result)


SEARCH = tool("SEARCH_NOTES", "query", query=TEXT, since=DAY, limit=COUNT)
READ = tool("GET_NOTE", "note_id", note_id=TEXT)
BY_MAIL = tool("GET_CONTACT_BY_EMAIL", "email", email=MAIL)
FETCH = tool("FETCH_MESSAGE_BY_ID", "message_id", message_id=TEXT)
FIXED = PlannedArgument(argument="/kinds", source="schema", value=["note"])
WORDS, SINCE, LIMIT = told("query", "gym"), told("since", "2025-01-02", "2 January"), told("limit", 5)


@pytest.mark.parametrize(
    ("wanted", "arguments", "other", "expected"),
    [
        pytest.param(SEARCH, (WORDS, LIMIT), tool("LIST_NOTES", query=TEXT, limit=COUNT), (WORDS, LIMIT),
                     id="the same arguments"),
        pytest.param(SEARCH, (WORDS, LIMIT), tool("LIST_NOTES", query=TEXT), (WORDS,), id="how many may be left out"),
        pytest.param(SEARCH, (WORDS, SINCE), tool("LIST_NOTES", since=DAY), (SINCE,), id="so may words, beside a date"),
        pytest.param(SEARCH, (WORDS,), tool("LIST_NOTES", since=DAY), None, id="but not alone"),
        pytest.param(SEARCH, (WORDS, LIMIT), tool("LIST_NOTES", limit=COUNT), None, id="nor beside how many"),
        pytest.param(SEARCH, (WORDS, SINCE), tool("FIND_NOTES", query=TEXT), None, id="a date may not"),
        pytest.param(SEARCH, (WORDS,), tool("FIND_NOTES", q=DIALECT), (told("q", "name contains 'gym'", "gym"),),
                     id="words in another query language"),
        pytest.param(SEARCH, (told("query", "gym", withheld=True),), tool("FIND_NOTES", q=TEXT), None,
                     id="what is asked for has one name"),
        pytest.param(SEARCH, (told("query", "gym", withheld=True),), tool("FIND_NOTES", query=TEXT),
                     (told("query", "gym", withheld=True),), id="and is then asked for once"),
        pytest.param(SEARCH, (WORDS,), tool("LIST_NOTES", "folder_id", query=TEXT, folder_id=TEXT), None,
                     id="what nobody told is missing"),
        pytest.param(SEARCH, (WORDS,), tool("LIST_NOTES", "view", query=TEXT, view={"const": "all"}),
                     (WORDS, PlannedArgument(argument="/view", source="schema", value="all")), id="unless it is fixed"),
        pytest.param(SEARCH, (WORDS,), tool("LIST_NOTES", query={"type": "string", "maxLength": 2}), None,
                     id="a value that does not fit"),
        pytest.param(SEARCH, (WORDS,), tool("SEARCH_TAGS", query=TEXT), None, id="other things"),
        pytest.param(SEARCH, (taken("query", "/notes/*/title"),), tool("FIND_NOTES", q=TEXT),
                     (taken("q", "/notes/*/title"),), id="a title that was found"),
        pytest.param(READ, (taken("note_id", "/notes/*/id"),), tool("SHOW_NOTE", "note_gid", note_gid=TEXT),
                     (taken("note_gid", "/notes/*/id"),), id="the id under another name"),
        pytest.param(READ, (taken("note_id", "/notes/*/id"),), tool("SHOW_NOTE", "note_id", note_id=COUNT), None,
                     id="an id of another type"),
        pytest.param(READ, (taken("note_id", "/notes/*/id"),), tool("LIST_NOTES", query=TEXT), None,
                     id="an id may not be left out"),
        pytest.param(READ, (taken("note_id", "/notes/*/id"),),
                     tool("GET_NOTE_BY_FOLDER", "folder_id", folder_id=TEXT), None, id="nor be that of something else"),
        pytest.param(BY_MAIL, (taken("email", "/notes/*/email"),), tool("SHOW_CONTACT", email_id=TEXT), None,
                     id="an address is no id"),
        pytest.param(FETCH, (taken("message_id", "/notes/1/id"),),
                     tool("FETCH_MESSAGE_BY_THREAD", "thread_id", thread_id=TEXT),
                     (taken("thread_id", "/notes/1/thread_id"),), id="but of what holds it"),
        pytest.param(BY_MAIL, (told("email", "a@b.io"),), tool("SEARCH_CONTACTS", "query", query=TEXT),
                     (told("query", "a@b.io"),), id="a key as words"),
        pytest.param(tool("SEARCH_CONTACTS", query=MAIL), (told("query", "a@b.io"),), BY_MAIL,
                     (told("email", "a@b.io"),), id="words as a key"),
        pytest.param(tool("SEARCH_CONTACTS", query=TEXT), (told("query", "Bo"),), BY_MAIL, None,
                     id="not where they are none"),
        pytest.param(SEARCH, (WORDS, FIXED), tool("LIST_NOTES", query=TEXT), (WORDS,), id="what only one tool has"),
        pytest.param(tool("LIST_NOTES", limit=COUNT), (LIMIT,), tool("FETCH_NOTES", limit=COUNT), (LIMIT,),
                     id="all of them"),
    ],
)  # fmt: skip
def test_the_same_values_serve_another_tool_or_it_does_not_serve(wanted, arguments, other, expected):
    sources = {0: tool("LIST_NOTES")}
    assert (
        find_equivalent_arguments(DraftCall(wanted.name, arguments, 1), wanted, other, sources, Random(1)) == expected
    )


@pytest.mark.parametrize(
    ("wanted", "arguments", "other", "moved", "more"),
    [
        pytest.param(SEARCH, (WORDS,), tool("LIST_NOTES", query=TEXT), (WORDS,), set(), id="looked for alike"),
        pytest.param(BY_MAIL, (told("email", "a@b.io"),), tool("SEARCH_CONTACTS", query=TEXT),
                     (told("query", "a@b.io"),), {"empty_result"}, id="a search does not know a key"),
        pytest.param(tool("SEARCH_CONTACTS", query=MAIL), (told("query", "a@b.io"),), BY_MAIL,
                     (told("email", "a@b.io"),), {"not_found"}, id="a look-up does not know words"),
    ],
)  # fmt: skip
def test_it_fails_so_that_trying_again_is_of_no_help(wanted, arguments, other, moved, more):
    assert set(list_lasting_faults(DraftCall(wanted.name, arguments, 0), wanted, other, moved)) == {
        "permission_denied", "timeout", *more
    }  # fmt: skip


# ── in the shipped partitions ─────────────────────────────────────────────────────────────────

PAIRS = {  # read by a person: what is called first, and what then serves
    ("LIST_THREADS", "FETCH_EMAILS"),
    ("FETCH_EMAILS", "LIST_THREADS"),
    ("FETCH_MESSAGE_BY_THREAD_ID", "FETCH_MESSAGE_BY_MESSAGE_ID"),
    ("LIST_EVENTS", "FIND_EVENT"),
    ("LIST_DOCUMENTS", "SEARCH_DOCUMENTS"),
    ("GET_DOCUMENT_BY_ID", "GET_DOCUMENT_PLAINTEXT"),
    ("FIND_FILE", "SEARCH_DOCUMENTS"),
    ("FIND_FILE", "LIST_FILES_AND_FOLDERS"),
    ("LIST_FILES_AND_FOLDERS", "FIND_FILE"),
    ("SEARCH_CONTACTS", "GET_CONTACT_BY_EMAIL"),
}
WHERE_IT_HAPPENS = ("gmail", "googledocs", "whatsapp", "gmail_googledrive")


def tried(one: Played) -> list[PlannedStep]:
    return [step for step in one.cast.plan.steps if step.another]


def with_another() -> Iterator[Played]:
    for partition in WHERE_IT_HAPPENS:
        yield from (one for one in played(partition, 60, thoughts=True) if tried(one))


def test_only_pairs_that_a_person_has_read_are_planned():
    found = Counter(
        (step.tool, step.another)
        for partition in PARTITIONS
        for plan in build_plans([replace(cast.given, fault_share=1.0) for cast in casts(partition, 40)])[0]
        for step in plan.steps
        if step.another
    )
    assert set(found) <= PAIRS
    assert len(found) >= 8


def test_it_is_planned_about_as_often_as_other_recoveries_where_there_is_another_tool():
    plans = [one.cast.plan for partition in WHERE_IT_HAPPENS for one in played(partition, 60, thoughts=True)]
    wrong = [plan for plan in plans if any(step.fault for step in plan.steps)]
    assert 0.1 < sum(any(step.another for step in plan.steps) for plan in wrong) / len(wrong) < 0.5


def test_faults_without_weight_are_not_planned():
    faults: dict[Fault, float] = {"permission_denied": 1.0}
    plans, _ = build_plans([replace(cast.given, fault_share=1.0, fault_weights=faults) for cast in casts("gmail", 60)])
    assert {step.fault for plan in plans for step in plan.steps} == {None, "permission_denied"}
    assert any(step.another for plan in plans for step in plan.steps)


def test_a_tool_that_is_reserved_for_the_test_split_is_tried_there_alone():
    wrong = [replace(cast.given, fault_share=1.0, reserved_tools=("FETCH_EMAILS",)) for cast in casts("gmail", 60)]
    for held_out in (False, True):
        given = [replace(one, chain=msgspec.structs.replace(one.chain, held_out=held_out)) for one in wrong]
        tools = {step.tool for plan in build_plans(given)[0] for step in plan.steps if step.another}
        assert ("FETCH_EMAILS" in tools) is held_out
        assert "LIST_THREADS" in tools


def test_where_no_tool_serves_as_well_nothing_else_is_drawn(monkeypatch):
    """Plans of partitions without such tools are those of before there was this recovery."""
    before = [cast.plan for cast in casts("jira", 30)]
    monkeypatch.setattr("funcdex_assets.planning.plans.find_equivalent_arguments", lambda *_: None)
    assert build_plans([cast.given for cast in casts("jira", 30)])[0] == before
    changed = [build_plans([cast.given])[0] != [cast.plan] for cast in casts("gmail", 60)]
    assert any(changed)
    assert not all(changed)


# ── played ────────────────────────────────────────────────────────────────────────────────────


def test_the_first_tool_fails_and_the_other_serves_in_the_same_turn():
    seen = Counter()
    for one in with_another():
        plan, messages = one.cast.plan, one.conversation.messages
        assert one.conversation.failure is None
        at = next(index for index, step in enumerate(plan.steps) if step.another)
        failing = list(takewhile(lambda step: step.another, plan.steps[at:]))
        good = plan.steps[at + len(failing)]
        assert len(failing) == (2 if good and failing[0].fault == "timeout" else 1)
        assert {step.another for step in failing} == {good.tool}
        calls = [(index, call) for index, message in enumerate(messages) for call in message.tool_calls]
        results = [message.result for message in messages if message.result]
        (first, called), *_, (last, answered) = calls[at : at + len(failing) + 1]
        assert (called.name, answered.name) == (failing[0].tool, good.tool)
        assert not any(message.role == "user" for message in messages[first:last])
        for result in results[at : at + len(failing)]:
            assert result.error == (failing[0].fault != "empty_result")
        assert not results[at + len(failing)].error
        assert has_recovered(messages)
        assert {called.name, answered.name} <= set(one.cast.offered)
        assert messages[last].thought
        seen[failing[0].fault] += 1
    assert seen.total() > 6
    assert {"permission_denied", "timeout"} <= set(seen)


def test_the_trace_marks_what_is_made_good_by_which_call():
    for one in with_another():
        plan = one.cast.plan
        steps = trace_steps(one.conversation.messages, one.conversation.provenance)
        at = max(index for index, step in enumerate(plan.steps) if step.another)
        assert (steps[at].tool, steps[at].outcome) != (steps[at + 1].tool, "ok")
        assert steps[at + 1].makes_good == steps[at].call_id
        assert all(step.makes_good is None for step in steps[: at + 1])


def test_no_rule_objects_and_the_calls_are_executed_again_alike():
    for one in with_another():
        found = {finding.rule for finding in find_problems(one.case) if finding.blocking}
        assert found <= {"repeated_message"}  # two requests for a next page may come in the same words
        recording = to_recording(one.conversation, one.cast.situation, one.cast.offered)
        assert recording is not None
        assert replay_conversation(recording) == []


def test_a_closed_tool_is_named_by_the_error_and_not_the_thing():
    closed = [one for one in with_another() if tried(one)[0].fault == "permission_denied"]
    for one in closed:
        assert one.conversation.seal is not None
        (about,) = {call.about for call in one.conversation.seal.calls if call.fault}
        assert about == tried(one)[0].tool
    assert len(closed) > 3


@pytest.mark.parametrize("text", ["Done, that worked. All is in place now.", "All set!"])
def test_saying_that_it_went_well_is_found_where_the_other_tool_fails_too(text):
    one = next(with_another())
    messages = list(one.conversation.messages)
    at = max(index for index, step in enumerate(one.cast.plan.steps) if step.another) + 1
    place = [index for index, message in enumerate(messages) if message.result][at]
    result = messages[place].result
    assert result is not None
    end = next(index for index in range(place, len(messages)) if messages[index].role == "user")
    failed = Message(role="tool", result=type(result)(call_id=result.call_id, name=result.name, content={}, error=True))
    shown = (*messages[:place], failed, Message(role="assistant", content=text), *messages[end:])
    assert "false_success" in {finding.rule for finding in find_problems(replace(one.case, messages=shown))}


# ── played by a model ─────────────────────────────────────────────────────────────────────────


def step_of(one: Played) -> int:
    return next(index for index, step in enumerate(one.cast.plan.steps) if step.another)


SIMPLE = next(one for one in with_another() if step_of(one) == 0 and tried(one)[0].fault == "permission_denied")


def perform(first: Any) -> Conversation:
    """`first` gives the first moves; what is called then is what the plan has."""

    def player(scene: DialogueState, rng: Random) -> Move:
        made = sum(bool(message.tool_calls) for message in scene.messages)
        if made < len(first):
            step = scene.plan.steps[first[made]]
            values = {argument.argument: "x1" for argument in step.arguments}
            return Move(calls=[Called(step.tool, assemble_arguments(step.arguments, values))])
        return IMPROVISATIONS["assistant"](scene, rng)

    return asyncio.run(
        simulate_conversation(
            SIMPLE.cast.played, OfflineEngine({**IMPROVISATIONS, "assistant": player}), PlayOptions(), 1
        )
    )


def outcomes(conversation: Conversation) -> list[tuple[str, bool]]:
    return [(message.result.name, message.result.error) for message in conversation.messages if message.result]


def test_who_takes_the_right_tool_at_once_is_spared_the_failure():
    failing, good, *later = (step.tool for step in SIMPLE.cast.plan.steps)
    assert outcomes(perform([1])) == [(good, False), *((tool, False) for tool in later)]
    assert failing != good


def test_who_comes_back_to_a_closed_tool_finds_it_closed():
    failing, good, *_ = (step.tool for step in SIMPLE.cast.plan.steps)
    assert outcomes(perform([0, 0, 1]))[:3] == [(failing, True), (failing, True), (good, False)]


def test_the_user_asks_for_what_serves_and_is_told_its_facts_alone():
    plan = SIMPLE.cast.plan
    scene = DialogueState(plan, SIMPLE.cast.situation, SIMPLE.cast.tools, dict(SIMPLE.cast.offered), False)
    prompt = user_simulator.ROLE.build_request(user_simulator.UserCue(scene, "request"), 1).messages[-1].content or ""
    assert SIMPLE.cast.tools[plan.steps[1].tool].description in prompt
    assert SIMPLE.cast.tools[plan.steps[0].tool].description not in prompt
    for argument in plan.steps[1].arguments:
        assert prompt.count(f": {argument.surface}\n") + prompt.endswith(f": {argument.surface}") <= 1


def test_a_writer_of_whole_conversations_is_told_that_the_next_call_makes_it_good():
    brief = conversation_writer.WriterBrief(SIMPLE.cast.played, thoughts=False, play=play_offline)
    outline = str(conversation_writer.render_variables(brief)["outline"])
    first, second = tried(SIMPLE)[0].tool, tried(SIMPLE)[0].another
    assert f"call 1: {first}, which fails: permission denied; the person asked for what {second} does" in outline
    assert f"call 2: {second}\n" in f"{outline}\n"
