"""What a user simulator does wrong: it invents, stops early, or leaves its part."""

import msgspec
import pytest
from offline import played

from funcdex_assets.checks.rules.case import Case
from funcdex_assets.checks.user_behaviour import find_user_faults
from funcdex_assets.records.message import Message

ONE = next(
    one
    for one in played("gmail", 30)
    if len(one.case.turns) > 2 and any(a.source == "user" for a in one.cast.plan.steps[-1].arguments)
)


def faults(*messages: Message) -> list[str]:
    case = Case(messages, ONE.case.tools, (), ONE.case.situation)
    return [finding.rule for finding in find_user_faults(case, ONE.cast.plan)]


def with_first(addition: str) -> tuple[Message, ...]:
    first = ONE.case.messages[0]
    return (msgspec.structs.replace(first, content=f"{first.content} {addition}"), *ONE.case.messages[1:])


@pytest.mark.parametrize(
    ("addition", "expected"),
    [
        pytest.param("", [], id="as planned"),
        pytest.param("Do two of them.", [], id="a small number"),
        pytest.param("Copy zoe.qx@nowhere.net.", ["user_invents"], id="an address"),
        pytest.param('Call it "Zebra Plan Omega".', ["user_invents"], id="quoted words"),
        pytest.param("It cost 48,217.", ["user_invents"], id="a number"),
        pytest.param("How can I help you?", ["user_leaves_persona"], id="the assistant's words"),
        pytest.param(f"Use {ONE.cast.plan.steps[0].tool}.", ["user_leaves_persona"], id="a tool's name"),
    ],
)
def test_what_a_user_says(addition, expected):
    assert faults(*with_first(addition)) == expected


def test_a_user_who_stops_early():
    found = faults(*ONE.case.messages[: ONE.case.turns[0].end])
    assert found
    assert set(found) == {"user_stops_early"}


def test_none_of_it_blocks():
    case = Case(with_first("Copy zoe.qx@nowhere.net."), ONE.case.tools, (), ONE.case.situation)
    assert [finding.blocking for finding in find_user_faults(case, ONE.cast.plan)] == [False]
