"""A live world: strict about what nobody told, the same again after a reset, and back at any state."""

import json
from random import Random
from typing import Any

import pytest
from goal_cases import begin, here, list_calls, list_tools, make_goals
from offline import PARTITIONS

from funcdex_assets.environment.state_comparison import compare_changes, describe_changes
from funcdex_assets.language.schema_samples import sample_value
from funcdex_assets.records.tool import Tool
from funcdex_assets.world_server.sandbox import SANDBOX_MOMENT, build_sandbox_situation
from funcdex_assets.world_server.session import SessionError, WorldSession
from funcdex_assets.world_server.tool_calls import is_lookup

FIND = ("FETCH_EMAILS", {"query": "lease"})
LABEL = ("CREATE_LABEL", {"label_name": "Leases"})


@pytest.fixture
def session() -> WorldSession:
    return begin([])


def find_message(session: WorldSession) -> str:
    return session.call(*FIND).content["messages"][0]["id"]


def test_the_same_seed_has_the_same_answers():
    assert begin([], seed=7).call(*FIND) == begin([], seed=7).call(*FIND)
    assert begin([], seed=7).call(*FIND) != begin([], seed=8).call(*FIND)


def test_after_a_reset_the_world_is_new(session):
    first = session.call(*FIND), session.call(*LABEL), session.call(*FIND)
    session.reset()
    assert session.list_changes().is_empty
    assert (session.call(*FIND), session.call(*LABEL), session.call(*FIND)) == first
    session.reset(seed=8)
    assert session.call(*FIND) != first[0]


REFUSED = {
    "an identifier that nothing has shown": (
        ("ADD_LABEL_TO_EMAIL", {"message_id": "18c2f0", "label_id": "18c2f1"}),
        {"code": 404, "status": "NOT_FOUND", "details": [{"field": "message_id", "reason": "NOT_FOUND"}]},
    ),
    "a page token that nothing has shown": (
        ("LIST_THREADS", {"page_token": "abc"}),
        {"code": 400, "status": "INVALID_ARGUMENT", "details": [{"field": "page_token", "reason": "INVALID_ARGUMENT"}]},
    ),
    "a missing argument": (
        ("CREATE_LABEL", {}),
        {
            "code": 400,
            "message": 'Invalid arguments for CREATE_LABEL: "label_name" is a required property.',
            "status": "INVALID_ARGUMENT",
            "details": [{"field": "label_name", "reason": "INVALID_ARGUMENT"}],
        },
    ),
    "an argument of another type": (
        ("FETCH_EMAILS", {"max_results": "five"}),
        {
            "code": 400,
            "message": 'Invalid arguments for FETCH_EMAILS: max_results: "five" is not of type "integer".',
            "status": "INVALID_ARGUMENT",
            "details": [{"field": "max_results", "reason": "INVALID_ARGUMENT"}],
        },
    ),
}


@pytest.mark.parametrize(("call", "error"), REFUSED.values(), ids=REFUSED)
def test_what_no_service_accepts_is_refused_in_its_words(session, call, error):
    outcome = session.call(*call)
    assert outcome.is_error
    assert {name: outcome.content["error"][name] for name in error} == error
    assert session.list_changes().is_empty


def test_an_unknown_tool_is_refused_with_the_nearest_name(session):
    assert session.call("CREATE_LABLE", {}).content == {
        "error": "there is no tool 'CREATE_LABLE' (did you mean 'CREATE_LABEL'?)"
    }


def nest(levels: int) -> list[Any]:
    """Lists in lists, so many levels deep."""
    nested: list[Any] = []
    for _ in range(levels - 1):
        nested = [nested]
    return nested


@pytest.mark.parametrize(
    ("value", "reason"),
    [("\ud800", "cannot be written as JSON"), (object(), "cannot be written as JSON"), (nest(900), "nested deeper")],
    ids=["half of a surrogate pair", "no JSON", "900 levels"],
)
def test_arguments_that_are_no_json_are_an_error(session, value, reason):
    outcome = session.call("CREATE_LABEL", {"label_name": value})
    assert outcome.is_error
    assert reason in outcome.content["error"]
    assert session.snapshot()["log"] == []
    with pytest.raises(SessionError, match=f"expected call 1, CREATE_LABEL, .*{reason}"):
        session.check([{"name": "CREATE_LABEL", "arguments": {"label_name": value}}])


@pytest.mark.parametrize("partition", PARTITIONS)
def test_any_valid_calls_can_be_made_recorded_and_restored(partition):
    """Tools with arguments sampled from their schemas, twice over."""
    session = WorldSession(list_tools(partition), here(partition), 7, is_strict=False)
    rng = Random(5)
    for tool in [*list_tools(partition), *list_tools(partition)]:
        session.call(tool.name, sample_value(tool.parameters, tool.parameters, rng))
    changes = session.list_changes()
    assert bool(describe_changes(changes)) == (not all(map(is_lookup, list_tools(partition))))
    assert compare_changes(changes, changes) == []
    snapshot = json.loads(json.dumps(session.snapshot()))
    again = WorldSession(list_tools(partition), here(partition), 1, is_strict=False)
    again.restore(snapshot)
    assert compare_changes(changes, again.list_changes()) == []


def test_an_identifier_may_be_used_once_a_result_a_call_or_the_user_has_shown_it(session):
    message, label = find_message(session), session.call(*LABEL).content["label"]["id"]
    assert not session.call("ADD_LABEL_TO_EMAIL", {"message_id": message, "label_id": label}).is_error
    assert session.call("ADD_LABEL_TO_EMAIL", {"message_id": "msg-77", "label_id": label}).is_error
    session.tell("Please tag the mail msg-77, too.")
    assert not session.call("ADD_LABEL_TO_EMAIL", {"message_id": "msg-77", "label_id": label}).is_error
    assert session.call("ADD_LABEL_TO_EMAIL", {"message_id": "msg-7", "label_id": label}).is_error


def test_a_session_that_is_not_strict_takes_any_identifier():
    session = WorldSession(list_tools(), here(), 7, is_strict=False)
    assert not session.call("ADD_LABEL_TO_EMAIL", {"message_id": "m1", "label_id": "l1"}).is_error


def test_a_deleted_thing_is_gone(session):
    draft = session.call("CREATE_EMAIL_DRAFT", {"recipient_email": "a@b.org", "subject": "Hi", "body": "Hi"}).content
    identity = draft["draft"]["id"] if "draft" in draft else draft["id"]
    assert not session.call("DELETE_DRAFT", {"draft_id": identity}).is_error
    assert session.call("SEND_DRAFT", {"draft_id": identity}).content["error"]["code"] == 404


def test_a_snapshot_is_json_from_which_another_session_goes_on(session):
    find_message(session)
    session.call(*LABEL)
    session.tell("And msg-77.")
    snapshot = json.loads(json.dumps(session.snapshot()))
    after = session.call("LIST_LABELS", {})
    session.call("CREATE_LABEL", {"label_name": "Later"})
    other = begin([], seed=99)
    for restored in (session, other):
        restored.restore(snapshot)
        assert restored.call("LIST_LABELS", {}) == after
        assert restored.check(snapshot).reached
        assert restored.check().changes == ("a new label (label_name 'Leases') was created",)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: "text", "no snapshot"),
        (lambda s: {"seed": 1}, "no snapshot"),
        (lambda s: {**s, "world": 1}, "version 1 of the world"),
        (lambda s: {**s, "seed": 5}, "lead to another state"),
        (lambda s: {**s, "goal": "conversation_0"}, "no goal 'conversation_0'"),
        (lambda s: {**s, "world": "4"}, "version '4' of the world"),
        (lambda s: {**s, "seed": [1]}, r"/seed: \[1\] is not of type .* give what `snapshot` returned"),
        (lambda s: {**s, "seed": None}, "/seed: null is not of type"),
        (lambda s: {**s, "seed": True}, "/seed: true is not of type"),
        (lambda s: {**s, "goal": 5}, "/goal: 5 is not of type"),
        (lambda s: {**s, "goal": ["x"]}, r"/goal: \[\"x\"\] is not of type"),
        (lambda s: {**s, "state": None}, "/state: null is not of type"),
        (lambda s: {**s, "log": "CREATE_LABEL"}, '/log: "CREATE_LABEL" is not of type'),
        (lambda s: {**s, "log": None}, "/log: null is not of type"),
        (lambda s: {**s, "log": [1]}, "/log/0: 1 is not of type"),
        (lambda s: {**s, "log": [{}]}, '/log/0: "call" is a required property'),
        (lambda s: {**s, "log": [*s["log"], {"call": "LIST_LABELS"}]}, '/log/1: "arguments" is a required property'),
        (lambda s: {**s, "log": [{"call": 5, "arguments": {}}]}, "/log/0/call: 5 is not of type"),
        (lambda s: {**s, "log": [{"call": "LIST_LABELS", "arguments": []}]}, r"/log/0/arguments: \[\] is not of type"),
        (lambda s: {**s, "log": [{"told": 5}]}, "/log/0/told: 5 is not of type"),
        (lambda s: {**s, "log": [{"call": "LIST_LABELS", "arguments": {"a": nest(900)}}]}, "nested deeper than"),
    ],
    ids=[
        *("a text", "half", "another version", "another seed", "another goal", "a version as text", "seed as list"),
        *("no seed", "seed as flag", "goal as number", "goal as list", "no state", "log as text", "no log"),
        *("number as entry", "empty entry", "no arguments", "number as call", "arguments as list", "number as told"),
        "900 levels",
    ],
)
def test_what_is_no_snapshot_is_refused_and_nothing_lost(session, change, reason):
    session.call(*LABEL)
    before = session.snapshot()
    with pytest.raises(SessionError, match=reason):
        session.restore(change(before))
    assert session.snapshot() == before


def test_a_sandbox_is_checked_against_expected_calls(session):
    message = find_message(session)
    label = session.call(*LABEL).content["label"]["id"]
    expected = [
        {"name": FIND[0], "arguments": FIND[1]},
        {"name": LABEL[0], "arguments": LABEL[1]},
        {"name": "ADD_LABEL_TO_EMAIL", "arguments": {"message_id": message, "label_id": label}},
    ]
    assert session.check().reached is None
    end_state = session.check(expected)
    assert end_state.reached is False
    assert end_state.differences[0].startswith("not done: label 'Leases' was to be added to message")
    session.call("LIST_LABELS", {})
    session.call("ADD_LABEL_TO_EMAIL", {"message_id": message, "label_id": label})
    assert session.check(expected).reached
    session.call("CREATE_LABEL", {"label_name": "Other"})
    assert session.check(expected).differences == ("done in addition: a new label (label_name 'Other') was created",)


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        ("all of it", "neither a snapshot nor a list"),
        ([1], "expected call 1 is not"),
        ([{"name": "CREATE_LABEL", "arguments": []}], "expected call 1 is not"),
        ([{"name": "CREATE_LABEL"}], "expected call 1, CREATE_LABEL, goes wrong"),
    ],
    ids=["a text", "a number", "arguments as a list", "invalid arguments"],
)
def test_what_cannot_be_expected_is_refused(session, expected, reason):
    with pytest.raises(SessionError, match=reason):
        session.check(expected)


def test_acknowledged_calls_of_plain_tools_are_changes():
    schema = {"type": "object", "properties": {"door": {"type": "string"}}, "required": ["door"]}
    lock = Tool(toolkit="car", name="lock_door", description="", parameters=schema, returns=None, source="")
    session = WorldSession([lock], build_sandbox_situation([lock], "Ada", SANDBOX_MOMENT), 1)
    assert session.call("lock_door", {"door": "rear"}).content == {"status": "ok"}
    assert session.check([{"name": "lock_door", "arguments": {"door": "rear"}}]).reached
    assert session.check([]).differences == ("done in addition: lock_door(door='rear')",)


def test_a_snapshot_of_a_goal_restores_the_goal(tmp_path):
    goals = make_goals(tmp_path)
    session = begin(goals)
    session.reset(goals[1].goal_id)
    for name, arguments in list_calls(goals[1].goal_id):
        session.call(name, arguments)
    snapshot = session.snapshot()
    session.reset(goals[0].goal_id)
    assert session.check().reached is False
    session.restore(snapshot)
    assert session.goal is goals[1]
    assert session.check().reached
    with pytest.raises(SessionError, match="there is no goal 'conversation'"):
        session.reset("conversation")
