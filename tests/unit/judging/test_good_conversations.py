"""The good conversations and their faults: the good ones are sound in form, and a fault leaves the form as it is.

Whether the judge accepts the good and rejects the damaged is not tested here.
"""

from collections import Counter

import pytest
from good_conversation_faults import FAULT_KINDS, FAULTS, Fault
from good_conversations import Row, build_case, build_row_situation, build_tools, load_rows

from funcdex_assets.checks.findings import RULES
from funcdex_assets.checks.provenance import iterate_calls
from funcdex_assets.checks.rules.case import Case
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.validation import compile_validator

RULES_OF_FORM = ("structure", "unknown_tool", "missing_argument", "invalid_arguments", "invalid_result")
RULES_OF_STATE = ("contradicted_state", "echo_mismatch", "contradicts_itself")
RELATIONS = {"said", "norm", "look", "pick", "calc", "comp", "implied", "context", "same"}
rows = pytest.mark.parametrize("row", load_rows(), ids=lambda row: row["id"])
faults = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)


def find_by(rules: tuple[str, ...], case: Case) -> list[str]:
    """The findings of these rules, as text."""
    return [finding.text for rule in RULES if rule.__name__ in rules for finding in rule(case)]


@rows
def test_a_good_conversation_is_sound(row: Row):
    assert find_by(RULES_OF_FORM + RULES_OF_STATE, build_case(row)) == []


@rows
def test_all_tools_on_offer_are_known_and_some_are_not_called(row: Row):
    tools = build_tools(row)
    called = {call.name for _, call in iterate_calls(build_case(row).messages)}
    assert list(tools) == row["tools"]
    assert len(set(tools) - called) >= 1
    assert all(tool.description for tool in tools.values())
    for tool in tools.values():
        assert compile_validator(tool.parameters)
        assert tool.returns is None or compile_validator(tool.returns)


@rows
def test_own_definitions_are_on_offer(row: Row):
    assert {definition["name"] for definition in row.get("own_tools", ())} <= set(row["tools"])


@rows
def test_every_argument_has_a_relation(row: Row):
    arguments = {
        (call.id, pointer)
        for _, call in iterate_calls(build_case(row).messages)
        for pointer, _ in list_scalars(call.arguments)
        if pointer
    }
    assert {(relation["call"], relation["argument"]) for relation in row["relations"]} == arguments
    assert {relation["relation"] for relation in row["relations"]} <= RELATIONS


@rows
def test_the_moment_is_in_the_time_zone_of_the_user(row: Row):
    assert build_row_situation(row).now.isoformat() == row["now"]
    assert hasattr(build_row_situation(row).now.tzinfo, "key")  # a zone, not only an offset


@faults
def test_a_fault_changes_the_conversation_and_leaves_it_sound_in_form(fault: Fault):
    damaged = fault.damage_row()
    good = next(row for row in load_rows() if row["id"] == fault.row)
    assert damaged["messages"] != good["messages"]
    assert find_by(RULES_OF_FORM, build_case(damaged)) == []


@faults
def test_a_fault_is_at_a_message_that_can_have_it(fault: Fault):
    message = fault.damage_messages()[fault.message]
    match fault.kind:
        case "needless_question" | "unanswered" | "attribute_missing" | "false_count" | "not_all" | "overclaim":
            assert message["role"] == "assistant"
        case "unexplained_fault":
            assert message["role"] == "tool"
            assert message["error"]
        case "odd_success":
            assert message["role"] == "tool"
        case "silent_choice" | "early_retry" | "wrong_value":
            assert message["tool_calls"]


@faults
def test_making_a_fault_leaves_the_good_conversation_as_it_is(fault: Fault):
    before = next(str(row) for row in load_rows() if row["id"] == fault.row)
    assert fault.damage_messages() == fault.damage_messages()
    assert next(str(row) for row in load_rows() if row["id"] == fault.row) == before


def test_every_conversation_has_faults_and_every_kind_of_fault_has_examples():
    assert len(load_rows()) == 15
    by_row, by_kind = Counter(fault.row for fault in FAULTS), Counter(fault.kind for fault in FAULTS)
    assert all(by_row[row["id"]] >= 3 for row in load_rows())
    assert all(by_kind[kind] >= 2 for kind in FAULT_KINDS)
    assert len({fault.id for fault in FAULTS}) == len(FAULTS)
