"""Rows of tools that return nothing, with the calls alone."""

import json

import pytest
from msgspec.structs import replace

from funcdex_assets.export.closed_books import drop_acknowledgements, find_acknowledged
from funcdex_assets.export.release import publish_release
from funcdex_assets.records.conversation import ArgumentSource, StepTrace
from funcdex_assets.records.verdict import TurnVerdict


def call(number: int) -> dict:
    function = {"name": "lamp", "arguments": {"on": True}}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": f"call_{number}", "function": function}]}


def result(number: int, content: object) -> dict:
    return {"role": "tool", "tool_call_id": f"call_{number}", "content": json.dumps(content)}


def user(text: str) -> dict:
    return {"role": "user", "content": text}


def reply(text: str) -> dict:
    return {"role": "assistant", "content": text}


SYSTEM = {"role": "system", "content": "You turn lamps on."}
ACKNOWLEDGED = [
    SYSTEM,
    user("light"),
    call(1),
    result(1, {"status": "ok"}),
    reply("Done."),
    user("thanks"),
    reply("Sure."),
]


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        pytest.param(ACKNOWLEDGED, {3, 4}, id="a turn that was acknowledged, not one without a call"),
        pytest.param(
            [user("a"), call(1), result(1, {"watts": 40}), reply("40 watts.")], set(), id="a result that tells"
        ),
        pytest.param(
            [user("a"), call(1), result(1, {"status": "ok"}), call(2), result(2, {"watts": 4}), reply("4.")],
            set(),
            id="one of two results tells",
        ),
        pytest.param(
            [user("a"), call(1), result(1, {"status": "ok"}), call(2), result(2, {}), reply("Done.")],
            {2, 4, 5},
            id="two calls, one after the other",
        ),
        pytest.param([user("a"), reply("What?")], set(), id="no call"),
    ],
)
def test_only_what_follows_acknowledged_calls_is_found(messages, found):
    assert find_acknowledged(messages) == found


def test_places_are_counted_anew(row):
    source = ArgumentSource(call_id="call_1", argument="/on", source="user", evidence="light", message=1)
    step = StepTrace(
        call_id="call_1", tool="lamp", message=2, depends_on=(), sources=(source,), returned={}, outcome="ok"
    )
    verdicts = (
        TurnVerdict(turn=0, ok=True, score=5, reason="", first=1, last=4),
        TurnVerdict(turn=1, ok=True, score=5, reason="", first=5, last=6),
    )
    full = replace(row(1), messages=ACKNOWLEDGED, step_trace=(step,), turn_verdicts=verdicts, certificate={"seed": 1})
    bare = drop_acknowledgements(full)
    assert bare.messages == [SYSTEM, user("light"), call(1), user("thanks"), reply("Sure.")]
    assert [(verdict.first, verdict.last) for verdict in bare.turn_verdicts] == [(1, 2), (3, 4)]
    assert bare.step_trace[0].message == 2
    assert bare.step_trace[0].sources[0].message == 1
    assert bare.certificate is None


def test_a_row_whose_results_tell_something_is_the_same(row):
    told = row(1)
    assert drop_acknowledgements(told) is told


@pytest.mark.parametrize("alone", [False, True])
def test_the_setting_decides_what_a_release_has(row, tmp_path, alone):
    release = publish_release([replace(row(1), messages=ACKNOWLEDGED)], tmp_path, "d", calls_alone=alone)
    (line,) = map(json.loads, (release / "train.jsonl").read_text().splitlines())
    assert any(message["role"] == "tool" for message in line["messages"]) is not alone
