"""The auditor of results: nothing on conversations that are sound, everything in small damaged ones."""

from typing import Any

import pytest
from offline import PARTITIONS, played, tools_of

from funcdex_assets.checks.consistency import STATE_RULES, contradicted_state, echo_mismatch
from funcdex_assets.checks.findings import Case
from funcdex_assets.environment.world import World
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.reports.tallies import count_differing_echoes

HERE = played("gmail", 1)[0].case.situation


def case(*steps: tuple[Any, ...]) -> Case:
    """Steps are (tool, arguments, result), with a fourth part where the result is an error."""
    messages = [Message(role="user", content="Please.")]
    for number, (name, arguments, content, *error) in enumerate(steps, start=1):
        call = ToolCall(id=f"call_{number}", name=name, arguments=arguments)
        messages.append(Message(role="assistant", tool_calls=(call,)))
        result = ToolResult(call_id=call.id, name=name, content=content, error=bool(error))
        messages.append(Message(role="tool", result=result))
    return Case(messages, {}, (), HERE)


T7 = {"id": "T77001", "title": "Gym roof", "owner": {"email": "a@b.io"}, "created_at": "2026-01-05T09:00:00+01:00"}
LISTED = ("LIST_TICKETS", {}, {"tickets": [T7]})
SHOWN = ("GET_TICKET", {"ticket_id": "T77001"}, {"ticket": T7})
DELETED = ("DELETE_TICKET", {"ticket_id": "T77001"}, {"ticket_id": "T77001", "deleted": True})
REFUSED = ("GET_TICKET", {"ticket_id": "T77001"}, {"error": "not found"}, "error")
RENAMED = ("UPDATE_TICKET", {"ticket_id": "T77001", "title": "Snow"}, {"ticket": {**T7, "title": "Snow"}})


def with_(step: tuple[Any, ...], **fields: Any) -> tuple[Any, ...]:
    """GET_TICKET with other fields in its answer."""
    name, arguments, _ = step
    return name, arguments, {"ticket": {**T7, **fields}}


def made(arguments: dict[str, Any], **fields: Any) -> tuple[Any, ...]:
    return "CREATE_TICKET", arguments, {"ticket": {"id": "T77001", **fields}}


SOUND = {
    "listed, opened, deleted, gone": (LISTED, SHOWN, DELETED, REFUSED, ("LIST_TICKETS", {}, {"tickets": []})),
    "renamed in between": (SHOWN, RENAMED, with_(SHOWN, title="Snow")),
    "deleted and restored": (SHOWN, DELETED, ("RESTORE_TICKET", {"ticket_id": "T77001"}, {}), SHOWN),
    "the same moment in another zone": (SHOWN, with_(SHOWN, created_at="2026-01-05T08:00:00+00:00")),
    "the title cut off": (
        made({"title": "Gym roof and snow load"}, title="Gym roof and"),
        with_(SHOWN, title="Gym roof and snow load"),
    ),
    "two things of one short number": (
        ("GET_ROW", {"row_id": 7}, {"row": {"id": 7, "name": "a"}}),
        ("GET_COLUMN", {"column_id": 7}, {"column": {"id": 7, "name": "b"}}),
    ),
    "a failed deletion": ((*DELETED[:2], {"error": "forbidden"}, "error"), SHOWN),
    "a label taken off a message is no deletion": (
        ("REMOVE_LABEL_FROM_EMAIL", {"message_id": "M77001", "label_id": "L77001"}, {}),
        ("GET_LABEL", {"label_id": "L77001"}, {"label": {"id": "L77001"}}),
    ),
    "a copy has another id": (
        ("COPY_TICKET", {"ticket_id": "T77001"}, {"ticket_id": "T77002", "ticket": {"id": "T77002"}}),
    ),
    "a text read again after another was put in": (
        ("CREATE_NOTE", {"title": "Roof", "text": "Snow."}, {"note": {"note_id": "N77001", "title": "Roof"}}),
        ("APPEND_TEXT", {"note_id": "N77001", "text": "Ice."}, {"note_id": "N77001"}),
        ("GET_NOTE_TEXT", {"note_id": "N77001"}, {"note_id": "N77001", "title": "Roof", "text": "Snow. Ice."}),
    ),
    "the project of what is in it": (
        ("LIST_TICKETS", {"project_id": "P77001"}, {"tickets": [{"id": "T77001", "project": {"id": "P77001"}}]}),
    ),
    "a search that looks into texts": (
        ("SEARCH_TICKETS", {"query": "snow load"}, {"tickets": [{"id": "T77001", "title": "Gym", "text": "Snow!"}]}),
    ),
    "a search that finds what was known before": (
        LISTED,
        ("SEARCH_TICKETS", {"query": "snow load"}, {"tickets": [T7]}),
    ),
    "a search by more than words": (("SEARCH_TICKETS", {"query": "owner:bo status=open"}, {"tickets": [T7]}),),
    "an occurrence has an identifier of its own": (
        ("LIST_VISIT_INSTANCES", {"visit_id": "V77001"}, {"instances": [{"visit_id": "V77002"}]}),
    ),
    "a listing of all states": (
        ("LIST_TICKETS", {"status": "all"}, {"tickets": [{"id": "T77001", "status": "open"}]}),
    ),
}
CONTRADICTIONS = {
    "listed after it was deleted": (LISTED, DELETED, LISTED),
    "opened after it was deleted": (LISTED, DELETED, SHOWN),
    "changed after it was deleted": (DELETED, ("UPDATE_TICKET", {"ticket_id": "T77001"}, {"ok": True})),
    "another title": (LISTED, with_(SHOWN, title="Snow")),
    "another title after another change": (
        SHOWN,
        ("UPDATE_TICKET", {"ticket_id": "T77001", "priority": 3}, {"ok": True}),
        with_(SHOWN, title="Snow"),
    ),
    "another owner": (LISTED, with_(SHOWN, owner={"email": "c@d.io"})),
    "another date of creation": (SHOWN, with_(SHOWN, created_at="2026-01-06T09:00:00+01:00")),
    "another date of creation after a change": (RENAMED, with_(SHOWN, title="Snow", created_at="2026-02-01")),
    "made with another title, as is seen in its text": (
        ("CREATE_NOTE", {"title": "Roof"}, {"note": {"note_id": "N77001", "title": "Roof"}}),
        ("GET_NOTE_TEXT", {"note_id": "N77001"}, {"note_id": "N77001", "title": "Snow", "plain_text": "Ice."}),
    ),
    "made with another text": (
        ("CREATE_NOTE", {"title": "Roof", "text": "Snow."}, {"note": {"note_id": "N77001", "title": "Roof"}}),
        ("GET_NOTE_TEXT", {"note_id": "N77001"}, {"note_id": "N77001", "title": "Roof", "plain_text": "Ice."}),
    ),
    "made with another title, as is seen later": (made({"title": "Gym roof"}), with_(SHOWN, title="Snow")),
}
MISMATCHES = {
    "another thing than asked for": (("GET_TICKET", {"ticket_id": "T77001"}, {"ticket": {"id": "T77002"}}),),
    "its id repeated wrong": (("GET_TICKET", {"ticket_id": "T77001"}, {"ticket_id": "T77002"}),),
    "made with another title": (made({"title": "Gym roof"}, title="Snow load"),),
    "given to another account": (
        ("ASSIGN_TICKET", {"ticket_id": "T77001", "account_id": "A77001"}, {"assignee": {"account_id": "A77002"}}),
    ),
    "another one assigned": (
        ("ASSIGN_TICKET", {"ticket_id": "T77001", "account_id": "A77001"}, {"ticket_id": "T77002"}),
    ),
    "made with another amount": (made({"amount": 4200}, amount=4300),),
    "set to another status": (("UPDATE_TICKET", {"ticket_id": "T77001", "status": "closed"}, {"status": "open"}),),
    "an item that the filter excludes": (
        ("LIST_TICKETS", {"status": "open"}, {"tickets": [{"id": "T77001", "status": "closed"}]}),
    ),
    "an item of another parent, as it says inside": (
        ("LIST_TICKETS", {"project_id": "P77001"}, {"tickets": [{"id": "T77001", "project": {"id": "P77002"}}]}),
    ),
    "an item that has no word of the search": (
        ("SEARCH_TICKETS", {"query": "snow load"}, {"tickets": [{"id": "T77001", "title": "Onboarding"}]}),
    ),
    "an item without the name that was asked for": (
        ("FIND_FOLDER", {"name_contains": "Kalinda"}, {"folders": [{"id": "F77001", "name": "Uma"}]}),
    ),
    "an item of another parent": (
        ("LIST_TICKETS", {"project_id": "P77001"}, {"tickets": [{"id": "T77001", "project_id": "P77002"}]}),
    ),
}


@pytest.mark.parametrize("steps", SOUND.values(), ids=SOUND.keys())
def test_what_agrees_is_not_objected_to(steps):
    assert [finding.text for rule in STATE_RULES for finding in rule(case(*steps))] == []


@pytest.mark.parametrize("steps", CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_a_contradiction_is_found_at_its_result(steps):
    found = list(contradicted_state(case(*steps)))
    assert {finding.rule for finding in found} == {"contradicted_state"}
    assert {finding.message for finding in found} == {2 * len(steps)}


@pytest.mark.parametrize("steps", MISMATCHES.values(), ids=MISMATCHES.keys())
def test_a_mismatch_is_found_at_its_place(steps):
    found = list(echo_mismatch(case(*steps)))
    assert {finding.rule for finding in found} == {"echo_mismatch"}
    assert all(finding.message == 2 and finding.place for finding in found)


@pytest.mark.parametrize("partition", PARTITIONS)
def test_offline_conversations_agree_with_themselves(partition):
    for seed in (42, 7):
        for one in played(partition, 12, seed=seed):
            assert [finding.text for rule in STATE_RULES for finding in rule(one.case)] == [], one
            assert count_differing_echoes(one.conversation.messages)[0] == 0, one


@pytest.mark.parametrize("known", ["an unknown issue", "an issue that has an assignee", "an account that was found"])
def test_who_is_assigned_an_issue_is_the_account_of_the_call(known):
    tools = tools_of("jira")
    issue = {"issue_key": "ROOF-12"}
    for seed in range(20):
        world, account = World(HERE, seed), "5b10ac8d82"
        if known != "an unknown issue":
            before = world.execute_call(tools["GET_ISSUE"], issue)["issue"]["assignee"]["account_id"]
            assert before != account
        if known == "an account that was found":
            account = world.execute_call(tools["FIND_USERS"], {"query": "Ana"}, frozenset(("/users/*/account_id",)))[
                "users"
            ][0]["account_id"]
        given = {**issue, "account_id": account}
        assert world.execute_call(tools["ASSIGN_ISSUE"], given)["assignee"]["account_id"] == account
        assert world.execute_call(tools["GET_ISSUE"], issue)["issue"]["assignee"]["account_id"] == account
