"""When two sets of calls are equal, and which arguments of them are right."""

import pytest
from evaluation_cases import call

from funcdex_assets.evaluation.call_matching import are_equivalent, match_calls, write_canonical
from funcdex_assets.records.training import ExpectedCall

PARAMETERS = {
    "find": {
        "properties": {
            "a": {},
            "order": {"default": "newest"},
            "at": {"type": "string", "format": "date-time"},
            "tags": {"type": "array", "uniqueItems": True},
            "steps": {"type": "array"},
            "filter": {"$ref": "#/$defs/filter"},
            "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": 10},
        },
        "$defs": {"filter": {"type": "object", "properties": {"deep": {"type": "boolean", "default": False}}}},
    }
}


def counts(proposed, expected, accepted=None):
    matched = match_calls([call("find", **proposed)], [ExpectedCall("find", expected, accepted)], PARAMETERS)
    return matched.is_match, matched.right, matched.wrong, matched.missing


@pytest.mark.parametrize(
    ("proposed", "expected", "accepted", "wanted"),
    [
        pytest.param({"a": 1}, {"a": 1.0}, None, (True, 1, 0, 0), id="one-and-one-point-zero"),
        pytest.param({"a": True}, {"a": 1}, None, (False, 0, 1, 1), id="true-is-not-one"),
        pytest.param({"a": "1"}, {"a": 1}, None, (False, 0, 1, 1), id="a-text-is-no-number"),
        pytest.param({"a": "Red"}, {"a": "red"}, None, (False, 0, 1, 1), id="case-counts-unless-values-are-accepted"),
        pytest.param({"a": "Red "}, {"a": "red"}, {}, (True, 1, 0, 0), id="case-and-spaces-set-aside"),
        pytest.param({"order": "newest"}, {}, None, (True, 0, 0, 0), id="a-default-is-nothing"),
        pytest.param({"limit": 10}, {}, None, (True, 0, 0, 0), id="a-default-beside-a-choice-is-nothing"),
        pytest.param({"filter": {"deep": False}}, {"filter": {}}, None, (True, 1, 0, 0), id="a-default-in-an-object"),
        pytest.param({}, {"order": "newest", "a": None}, None, (True, 0, 0, 0), id="default-and-null-are-not-missing"),
        pytest.param(
            {"at": "2026-05-01T12:00:00+02:00"}, {"at": "2026-05-01T10:00:00Z"}, None, (True, 1, 0, 0), id="one-moment"
        ),
        pytest.param({"a": "2026-05-01T12:00:00Z"}, {"a": "2026-05-01T12:00Z"}, None, (False, 0, 1, 1), id="no-moment"),
        pytest.param({"tags": ["x", "y"]}, {"tags": ["y", "x"]}, None, (True, 1, 0, 0), id="a-set-has-no-order"),
        pytest.param({"steps": ["x", "y"]}, {"steps": ["y", "x"]}, None, (False, 0, 1, 1), id="a-list-has-order"),
        pytest.param({"a": "crimson"}, {"a": "red"}, {"a": ["red", "crimson"]}, (True, 1, 0, 0), id="second-value"),
        pytest.param({}, {"a": "red"}, {"a": ["red", None]}, (True, 0, 0, 0), id="may-be-left-out"),
        pytest.param({"a": "red"}, {}, {"a": [None, "red"]}, (True, 1, 0, 0), id="may-be-there"),
        pytest.param({"a": "blue"}, {}, {"a": [None, "red"]}, (False, 0, 1, 0), id="may-be-there-with-that-value-only"),
        pytest.param({"b": 1}, {"a": "red"}, {}, (False, 0, 1, 1), id="another-argument"),
        pytest.param({"a": ["y", "X"]}, {"a": ["x", "y"]}, {}, (True, 1, 0, 0), id="order-of-lists-set-aside"),
        pytest.param({"a": {"b": "X"}}, {}, {"a": [{"b": ["x"]}]}, (True, 1, 0, 0), id="object-of-accepted-values"),
        pytest.param({"a": {"c": 1}}, {}, {"a": [{"b": ["x"]}]}, (False, 0, 1, 0), id="object-with-another-key"),
        pytest.param({"a": {}}, {}, {"a": [{"b": ["x", None]}]}, (True, 1, 0, 0), id="object-without-an-optional-key"),
    ],
)
def test_score_of_a_call_of_the_right_tool(proposed, expected, accepted, wanted):
    assert counts(proposed, expected, accepted) == wanted


@pytest.mark.parametrize("accepted", [None, {}], ids=["exact", "accepted"])
def test_arguments_of_the_wrong_tool_are_wrong(accepted):
    matched = match_calls([call("show", a=1)], [ExpectedCall("find", {"a": 1}, accepted)], PARAMETERS)
    assert not matched.is_match
    assert not matched.has_names
    assert (matched.right, matched.wrong, matched.missing) == (0, 1, 1)


@pytest.mark.parametrize(
    ("proposed", "expected", "is_match", "wanted"),
    [
        pytest.param("ba", "ab", True, (2, 0, 0), id="order-is-free"),
        pytest.param("aa", "ab", False, (1, 1, 1), id="one-twice-is-not-both"),
        pytest.param("a", "ab", False, (1, 0, 1), id="one-missing"),
        pytest.param("abc", "ab", False, (2, 1, 0), id="one-too-many"),
        pytest.param("", "a", False, (0, 0, 1), id="none"),
        pytest.param("", "", True, (0, 0, 0), id="none-due"),
    ],
)
def test_calls_at_once_are_a_set(proposed, expected, is_match, wanted):
    matched = match_calls(
        [call("find", a=letter) for letter in proposed], [call("find", a=letter) for letter in expected], PARAMETERS
    )
    assert matched.is_match is is_match
    assert (matched.right, matched.wrong, matched.missing) == wanted


def test_a_call_that_fits_two_expectations_leaves_the_narrow_one_to_its_own():
    expected = [ExpectedCall("find", {"a": 1}, {"a": [1, 2]}), ExpectedCall("find", {"a": 1}, {"a": [1]})]
    assert match_calls([call("find", a=1), call("find", a=2)], expected, PARAMETERS).is_match


@pytest.mark.parametrize(
    ("proposed", "is_equivalent"),
    [
        pytest.param({"a": 1, "order": "newest"}, True, id="default-written"),
        pytest.param({"a": 1}, True, id="default-left-out"),
        pytest.param({"a": 1, "order": "oldest"}, False, id="another-value"),
        pytest.param({"a": 1, "order": None}, False, id="null-is-no-default"),
    ],
)
def test_equivalence_fills_in_defaults_and_nothing_else(proposed, is_equivalent):
    assert are_equivalent([call("find", **proposed)], [call("find", a=1.0)], PARAMETERS) is is_equivalent


def test_canonical_text_has_no_order_and_no_defaults():
    calls = [call("find", b=1, a=2.0, order="newest"), call("call", z=None)]
    assert write_canonical(calls, PARAMETERS) == (
        '[{"arguments":{"a":2,"b":1},"name":"find"},{"arguments":{},"name":"call"}]'
    )
