"""Goals: what of published rows an agent can be asked to reach, and that those who do it reach it."""

import copy
import json
from typing import Any

import pytest
from goal_cases import begin, list_calls, list_rows, list_tools, make_goals, write_rows

from funcdex_assets.world_server.goals import Goal, GoalError, read_goals
from funcdex_assets.world_server.tool_calls import is_lookup

PARTITIONS = ("gmail", "jira", "stripe")


@pytest.fixture(scope="module", params=PARTITIONS)
def partition(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def goals(partition, tmp_path_factory) -> list[Goal]:
    return make_goals(tmp_path_factory.mktemp(partition), partition)


def test_some_rows_are_goals(goals):
    assert len(goals) >= 8


def test_the_calls_of_the_row_reach_the_goal(partition, goals):
    session = begin(goals, partition)
    for goal in goals:
        session.reset(goal.goal_id)
        for name, arguments in list_calls(goal.goal_id, partition):
            session.call(name, arguments)
        assert session.check().differences == (), goal.goal_id


def test_further_questions_do_not_matter(partition, goals):
    tools = {tool.name: tool for tool in list_tools(partition)}
    questions = [name for name, tool in tools.items() if is_lookup(tool) and not tool.parameters.get("required")]
    session = begin(goals, partition)
    for goal in goals:
        session.reset(goal.goal_id)
        for name in questions:
            session.call(name, {})
        for name, arguments in list_calls(goal.goal_id, partition):
            session.call(name, arguments)
        for name in questions:
            session.call(name, {})
        assert session.check().differences == (), goal.goal_id


def test_doing_nothing_reaches_no_goal(partition, goals):
    session = begin(goals, partition)
    for goal in goals:
        session.reset(goal.goal_id)
        assert session.check().reached is False, goal.goal_id


def test_one_change_less_does_not_reach_the_goal(partition, goals):
    tools = {tool.name: tool for tool in list_tools(partition)}
    session = begin(goals, partition)
    for goal in goals:
        calls = list_calls(goal.goal_id, partition)
        last = max(index for index, (name, _) in enumerate(calls) if not is_lookup(tools[name]))
        session.reset(goal.goal_id)
        for index, (name, arguments) in enumerate(calls):
            if index != last:
                session.call(name, arguments)
        # the last act may repeat an earlier one that was done already
        if calls[last] not in calls[:last]:
            assert session.check().reached is False, goal.goal_id


def test_the_first_look_up_of_the_row_has_its_result_whatever_was_asked_before(partition, goals):
    tools = {tool.name: tool for tool in list_tools(partition)}
    questions = [name for name, tool in tools.items() if is_lookup(tool) and not tool.parameters.get("required")]
    rows = {row["id"]: row for row in list_rows(partition)}
    session, compared = begin(goals, partition), 0
    for goal in goals:
        name, arguments = list_calls(goal.goal_id, partition)[0]
        if goal.lookups and (goal.lookups[0][0].name, goal.lookups[0][0].arguments) == (name, arguments):
            session.reset(goal.goal_id)
            for question in questions:
                session.call(question, {})
            result = next(message["content"] for message in rows[goal.goal_id]["messages"] if message["role"] == "tool")
            assert goal.failures or session.call(name, arguments).content == json.loads(result), goal.goal_id
            compared += 1
    assert compared


def spoil(row: dict[str, Any], how: str) -> dict[str, Any]:
    row = copy.deepcopy(row)
    if how == "no certificate":
        row["certificate"] = None
    elif how == "other version":
        row["certificate"]["seal"]["world"] = 1
    elif how == "other tools":
        first = next(iter(row["certificate"]["tools"].values()))
        first["returns"] = {"type": "object", "properties": {"other": {"type": "string"}}}
    elif how == "other identifiers":
        for message in row["messages"]:
            for call in message.get("tool_calls", ()):
                arguments = call["function"]["arguments"]
                call["function"]["arguments"] = {
                    name: f"{value}x" if name.endswith("_id") else value for name, value in arguments.items()
                }
    elif how == "unreadable":
        row["messages"] = [{"role": "user"}, {"role": "tool"}]
    return row


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("no certificate", "they have no certificate"),
        ("other version", "they are of version 1 of the world"),
        ("other tools", "their tools have other definitions than this toolkit's"),
        ("other identifiers", "a warmed world gives other identifiers than their calls name"),
        ("unreadable", "they cannot be read as published rows"),
    ],
)
def test_a_row_that_is_no_goal_is_told_with_the_reason(tmp_path, how, reason):
    goal = make_goals(tmp_path)[0]
    row = next(row for row in list_rows() if _names_an_id(row))
    file = write_rows(tmp_path / "one.jsonl", spoil(row, how))
    tools = {tool.name: tool for tool in list_tools()}
    with pytest.raises(GoalError, match=reason):
        read_goals([file], tools)
    both = write_rows(tmp_path / "two.jsonl", spoil(row, how), *[r for r in list_rows() if r["id"] == goal.goal_id])
    read, left_out = read_goals([both], tools)
    assert [one.goal_id for one in read] == [goal.goal_id]
    assert [(reason in text, count) for text, count in left_out.items()] == [(True, 1)]


def _names_an_id(row: dict[str, Any]) -> bool:
    calls = list_calls(row["id"])
    return any(name.endswith("_id") for _, arguments in calls for name in arguments)


def test_goals_without_a_change_are_offered_only_if_asked_for(tmp_path):
    file = write_rows(tmp_path / "rows.jsonl", *list_rows())
    tools = {tool.name: tool for tool in list_tools()}
    few, left_out = read_goals([file], tools)
    many, _ = read_goals([file], tools, with_unchanged=True)
    assert not any(goal.expected.is_empty for goal in few)
    question = next(goal for goal in many if goal.expected.is_empty)
    assert any("nothing is to be changed" in reason for reason in left_out)
    session = begin(many)
    session.reset(question.goal_id)
    end_state = session.check()
    assert (end_state.reached, end_state.checks_only) == (True, "nothing changed")
    session.call("CREATE_LABEL", {"label_name": "Extra"})
    assert session.check().differences == ("done in addition: a new label (label_name 'Extra') was created",)


def test_requests_end_with_the_last_one_that_led_to_a_change(tmp_path):
    tools = {tool.name: tool for tool in list_tools()}
    for goal in make_goals(tmp_path):
        row = next(row for row in list_rows() if row["id"] == goal.goal_id)
        last = max(
            index
            for index, message in enumerate(row["messages"])
            if any(not is_lookup(tools[call["function"]["name"]]) for call in message.get("tool_calls", ()))
        )
        said = [message["content"] for message in row["messages"][:last] if message["role"] == "user"]
        assert list(goal.requests) == said


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "has no rows"), (b"\n\n", "has no rows"), (b"[1]", "line 1 is no JSON object"), (b"{", "line 1 is no JSON")],
    ids=["empty", "blank lines", "a list", "broken"],
)
def test_a_file_without_rows_is_refused(tmp_path, content, reason):
    file = tmp_path / "rows.jsonl"
    file.write_bytes(content)
    with pytest.raises(GoalError, match=reason):
        read_goals([file], {})


def test_a_folder_is_read_as_its_latest_release(tmp_path):
    release = tmp_path / "release_b"
    release.mkdir()
    rows = list_rows()
    write_rows(release / "train.jsonl", *rows[:30])
    write_rows(release / "test.jsonl", *rows[30:])
    (tmp_path / "latest").write_text("release_b\n")
    tools = {tool.name: tool for tool in list_tools()}
    wanted = [goal.goal_id for goal in make_goals(tmp_path)]
    for folder in (tmp_path, release):
        assert [goal.goal_id for goal in read_goals([folder], tools)[0]] == wanted
    (tmp_path / "empty").mkdir()
    with pytest.raises(GoalError, match=r"has neither train\.jsonl nor test\.jsonl"):
        read_goals([tmp_path / "empty"], tools)
