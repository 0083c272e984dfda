"""Replay: what was executed is executed again with the same results, and what was tampered with is found."""

import json
import re
from collections.abc import Callable
from typing import Any, get_args

import msgspec
import pytest
from offline import PARTITIONS, Played, played
from typer.testing import CliRunner

from funcdex_assets.cli.main import app
from funcdex_assets.environment.executor import Executor
from funcdex_assets.environment.replay import (
    Recording,
    ReplayError,
    build_certificate,
    read_published_row,
    replay_conversation,
    to_recording,
)
from funcdex_assets.records.conversation import SealedCall
from funcdex_assets.records.kinds import SERVICE_KINDS
from funcdex_assets.records.labels import Fault
from funcdex_assets.records.message import Message, ToolCall
from funcdex_assets.records.openai_messages import to_openai_messages, to_openai_tools
from funcdex_assets.records.tool import Tool

LATE = next(one for one in played("todoist", 12) if one.cast.plan.late_tools)
ONE = next(
    one
    for one in played("todoist", 12)
    if one.cast.plan.kind == "multi_step" and not any(step.fault for step in one.cast.plan.steps)
)


def known(one: Played) -> dict[str, Tool]:
    """The tools on offer, and those that were absent at first."""
    return {**one.cast.played.tools, **one.cast.played.absent_tools}


def recording(one: Played = ONE) -> Recording:
    made = to_recording(one.conversation, one.cast.situation, known(one))
    assert made is not None
    return made


def row(one: Played = ONE) -> dict[str, Any]:
    """As it stands in a published file."""
    offered = one.cast.offered
    held = {
        "id": one.conversation.conversation_id,
        "partition": one.cast.partition,
        "messages": to_openai_messages(one.conversation.messages, "You are an assistant."),
        "tools": to_openai_tools(list(offered.values())),
        "certificate": build_certificate(one.conversation, one.cast.situation, known(one), list(offered)),
    }
    return msgspec.json.decode(msgspec.json.encode(held))


@pytest.mark.parametrize("partition", PARTITIONS)
def test_every_conversation_is_the_same_again(partition):
    for one in (*played(partition, 12), *played(partition, 2, kind="long_context")):
        assert replay_conversation(recording(one)) == []


def test_conversations_of_all_kinds_and_faults_were_replayed():
    plans = [one.cast.plan for partition in PARTITIONS for one in played(partition, 12)]
    plans += [one.cast.plan for one in played("gmail", 2, kind="long_context")]
    assert {plan.kind for plan in plans} == set(SERVICE_KINDS)
    seldom = {"empty_result", "not_found", "conflict", "invalid_argument"}  # and one that nothing planned deserves
    assert {step.fault for plan in plans for step in plan.steps} >= {None, *get_args(Fault)} - seldom


@pytest.mark.parametrize("partition", ["gmail", "jira", "stripe"])
def test_a_published_row_is_enough(partition):
    for one in played(partition, 12):
        made = read_published_row(row(one))
        assert made is not None
        assert replay_conversation(made) == []


def edited(change: Callable[[dict[str, Any]], None]) -> Recording:
    """The recording with something else in its first result."""
    whole = recording()
    messages = list(whole.messages)
    index = next(number for number, message in enumerate(messages) if message.result)
    result = msgspec.to_builtins(messages[index].result)
    change(result)
    messages[index] = msgspec.convert({**msgspec.to_builtins(messages[index]), "result": result}, Message)
    return Recording(**{**vars(whole), "messages": messages})


def first_text(content: Any) -> tuple[dict[str, Any], str]:
    if isinstance(content, dict):
        for key, part in content.items():
            if isinstance(part, str):
                return content, key
            if isinstance(part, dict | list) and part:
                return first_text(part)
    return first_text(content[0])


def change_text(result: dict[str, Any]) -> None:
    holder, key = first_text(result["content"])
    holder[key] = "tampered"


def drop_text(result: dict[str, Any]) -> None:
    holder, key = first_text(result["content"])
    del holder[key]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(change_text, r'call_1 \w+/.+: was "tampered", and is "', id="another value"),
        pytest.param(drop_text, r"call_1 \w+/.+: was not there, and is", id="a field is missing"),
        pytest.param(
            lambda result: result["content"].update(more=1), "/more: was 1, and is not there", id="a field too many"
        ),
        pytest.param(
            lambda result: result.update(error=True), "was an error, and is no error", id="marked as an error"
        ),
    ],
)
def test_a_tampered_result_is_found_and_named(change, said):
    (found,) = replay_conversation(edited(change))
    assert re.search(said, found), found


def test_a_wrong_state_another_seed_and_a_missing_call_are_found():
    whole = recording()

    def with_seal(**fields: Any) -> Recording:
        return Recording(**{**vars(whole), "seal": msgspec.structs.replace(whole.seal, **fields)})

    assert replay_conversation(with_seal(state="0" * 32)) == [
        f"the final state is {whole.seal.state}, and {'0' * 32} was sealed"
    ]
    assert len(replay_conversation(with_seal(seed=1))) > 1
    (found,) = replay_conversation(with_seal(calls=whole.seal.calls[1:]))
    assert found.endswith("were sealed")
    with pytest.raises(ReplayError, match="version 99"):
        replay_conversation(with_seal(world=99))


def test_faults_refusals_and_unknown_tools_are_replayed():
    cast = ONE.cast
    executor = Executor(cast.situation, 7, cast.tools)
    calls = [
        (ToolCall(id="call_1", name="LIST_TASKS", arguments={}), SealedCall()),
        (ToolCall(id="call_2", name="LIST_TASKS", arguments={}), SealedCall(fault="rate_limit")),
        (ToolCall(id="call_3", name="NO_SUCH_TOOL", arguments={}), SealedCall()),
        (ToolCall(id="call_4", name="GET_TASK", arguments={}), SealedCall()),
        (ToolCall(id="call_5", name="GET_TASK", arguments={"task_id": "x"}), SealedCall(refused="not there yet")),
    ]
    results = [executor.run(call, hints) for call, hints in calls]
    assert [result.error for result in results] == [False, True, True, True, True]
    messages = [Message(role="assistant", tool_calls=tuple(call for call, _ in calls))]
    messages += [Message(role="tool", result=result) for result in results]
    assert replay_conversation(Recording("c", messages, executor.seal_calls(), cast.situation, cast.tools)) == []


def test_without_a_seal_there_is_nothing_to_replay():
    unsealed = msgspec.structs.replace(ONE.conversation, seal=None)
    assert to_recording(unsealed, ONE.cast.situation, ONE.cast.offered) is None
    assert build_certificate(unsealed, ONE.cast.situation, ONE.cast.offered, []) is None
    assert read_published_row({**row(), "certificate": None}) is None


def test_a_certificate_describes_a_tool_that_the_rows_list_lacks():
    called = next(message.tool_calls[0].name for message in ONE.conversation.messages if message.tool_calls)
    others = [name for name in ONE.cast.offered if name != called]
    held = row()
    held["tools"] = [one for one in held["tools"] if one["function"]["name"] != called]
    held["certificate"] = build_certificate(ONE.conversation, ONE.cast.situation, ONE.cast.offered, others)
    made = read_published_row(held)
    assert made is not None
    assert replay_conversation(made) == []


def test_a_certificate_holds_the_declared_meanings_that_the_rows_list_leaves_out():
    called = next(message.tool_calls[0].name for message in ONE.conversation.messages if message.tool_calls)
    plain = ONE.cast.offered[called]
    properties = {name: {**schema, "x-meaning": "other"} for name, schema in plain.parameters["properties"].items()}
    declaring = msgspec.structs.replace(plain, parameters={**plain.parameters, "properties": properties})
    tools = {**ONE.cast.offered, called: declaring}
    described = build_certificate(ONE.conversation, ONE.cast.situation, tools, list(tools))["tools"][called]
    assert described["parameters"] == declaring.parameters
    assert (
        "parameters"
        not in build_certificate(ONE.conversation, ONE.cast.situation, ONE.cast.offered, list(tools))["tools"][called]
    )


def test_a_certificate_describes_the_tool_that_came_late():
    (late,) = LATE.cast.plan.late_tools
    held = row(LATE)
    assert late not in {one["function"]["name"] for one in held["tools"]}
    assert held["certificate"]["tools"][late]["parameters"] == LATE.cast.tools[late].parameters
    made = read_published_row(held)
    assert made is not None
    assert replay_conversation(made) == []


def test_a_certificate_describes_a_tool_that_a_result_was_made_for_and_that_was_never_called():
    """An assistant that gives up before the last call: what was found had to suit it all the same."""
    (late,) = LATE.cast.plan.late_tools
    last = max(index for index, message in enumerate(LATE.conversation.messages) if message.tool_calls)
    assert LATE.conversation.seal is not None
    cut = msgspec.structs.replace(
        LATE.conversation,
        messages=LATE.conversation.messages[:last],
        seal=msgspec.structs.replace(LATE.conversation.seal, calls=LATE.conversation.seal.calls[:-1]),
    )
    assert any(need.tool == late for call in cut.seal.calls for need in call.needs)
    made = read_published_row(row(Played(LATE.cast, cut)))
    assert made is not None
    assert [found for found in replay_conversation(made) if "final state" not in found] == []


# ── the command ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def file(tmp_path):
    def write(*rows: dict[str, Any]) -> str:
        path = tmp_path / "train.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in rows))
        return str(path)

    return write


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["replay", *arguments])
    return done.exit_code, " ".join(done.output.split())


def test_a_file_of_sound_rows_and_rows_without_certificate(file):
    code, said = run("--file", file(row(), row(), {**row(), "certificate": None}))
    assert code == 0
    assert "│ todoist │ 2 │ 0 │ 1 │" in said


def test_a_tampered_row_ends_the_command_with_1_and_is_named(file):
    damaged = row()
    message = next(one for one in damaged["messages"] if one["role"] == "tool")
    message["content"] = json.dumps({**json.loads(message["content"]), "more": 1})
    code, said = run("--file", file(row(), damaged))
    assert code == 1
    assert f"{ONE.conversation.conversation_id} call_1" in said
    assert "/more: was 1, and is not there" in said
    assert "│ todoist │ 1 │ 1 │ 0 │" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "Nothing is named", id="nothing"),
        pytest.param(["--all", "nowhere"], "'nowhere' is not a partition", id="no such partition"),
        pytest.param(["conversation_zzz"], "There is no such conversation", id="no such conversation"),
    ],
)
def test_what_cannot_be_replayed_is_said(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "funcdex.yaml").write_text("toolkits: [gmail]\n")
    code, told = run(*arguments)
    assert code == 2
    assert said in told
