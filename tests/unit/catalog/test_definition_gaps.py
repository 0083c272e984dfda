"""Where tool definitions are thin, with counts; what is as it should be is not told."""

import pytest

from funcdex_assets.catalog.definition_gaps import (
    GAPS,
    Gap,
    count_given_arguments,
    find_definition_gaps,
    find_use_gaps,
    suggest_gap_remedy,
)
from funcdex_assets.records.tool import Tool


def tool(name="PAY_BILL", description="Settles what is owed to a company.", required=("amount",), **properties):
    properties = properties or {"amount": {"type": "number", "description": "How much, in euros."}}
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    return Tool("bank", name, description, parameters, {"type": "object"}, "bank.yaml")


def without_results(one: Tool) -> Tool:
    return Tool(one.toolkit, one.name, one.description, one.parameters, None, one.source)


RICH = tool()
BARE = Tool("bank", "SAY_HELLO", "The customer greets the bank.", {"type": "object"}, {"type": "object"}, "bank.yaml")


def found(*tools: Tool) -> dict[str, Gap]:
    labelled = {one.name: one for one in tools}
    return {one.name: one for one in find_definition_gaps(labelled, lambda name, schema, root: name != "cursor")}


@pytest.mark.parametrize(
    ("thin", "name", "place", "whole"),
    [
        pytest.param(without_results(tool("A")), "no_results", "A", 3, id="no results"),
        pytest.param(tool("A", required=()), "nothing_required", "A", 2, id="nothing required, of those with any"),
        pytest.param(tool("A", " "), "no_description", "A", 3, id="no description"),
        pytest.param(tool("GET_ORDERS", "Gets the order."), "no_description", "GET_ORDERS", 3, id="the name again"),
        pytest.param(tool("A", amount={"type": "number"}), "undescribed_argument", "A/amount", 2, id="undescribed"),
        pytest.param(
            tool("A", amount={"type": "number", "description": "The amount"}),
            "undescribed_argument",
            "A/amount",
            2,
            id="an argument's name again",
        ),
        pytest.param(tool("A", amount=True), "undescribed_argument", "A/amount", 2, id="an argument of any kind"),
        pytest.param(
            tool("A", cursor={"description": "Where to go on, from the page before."}),
            "unsayable_argument",
            "A/cursor",
            2,
            id="an argument that nobody says",
        ),
    ],
)
def test_a_gap_is_found_in_its_place_and_counted_among_all(thin, name, place, whole):
    gap = found(RICH, BARE, thin)[name]
    assert (gap.places, gap.whole) == ((place,), whole)
    assert found(RICH, BARE)[name].places == ()


def test_values_that_are_listed_need_no_description():
    assert found(tool("A", side={"enum": ["left", "right"]}))["undescribed_argument"].places == ()


def test_arguments_behind_a_reference_are_seen_and_a_schema_without_sense_has_none():
    referring = Tool("b", "A", "Does.", {"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"x": {}}}}}, None, "s")
    assert found(referring)["undescribed_argument"].places == ("A/x",)
    assert "undescribed_argument" not in found(Tool("b", "A", "Does.", {"properties": ["x"]}, None, "s"))


def test_what_cannot_be_measured_is_not_told():
    assert set(found(BARE)) == {"no_results", "no_description"}
    assert find_use_gaps({"A": RICH}, [], conversations=0) == []


USED = {"A": RICH, "B": tool("B", day={}, hour={}), "C": RICH, "D": BARE}
CALLS = [("A", {"amount": 3}), ("A", {}), ("B", {}), ("D", {}), ("ELSEWHERE", {"x": 1})]


@pytest.mark.parametrize(
    ("name", "places", "whole"),
    [
        ("tool_never_called", ("C",), 4),
        ("tool_never_called_with_arguments", ("B",), 2),  # not D, which takes none
        ("argument_never_given", ("B/day", "B/hour"), 3),  # not those of C, which is told as a whole
    ],
)
def test_what_no_call_used_is_counted_among_what_could_be(name, places, whole):
    gaps = {one.name: one for one in find_use_gaps(USED, CALLS, conversations=2)}
    assert (gaps[name].places, gaps[name].whole) == (places, whole)


def test_given_arguments_are_counted_of_all_declared():
    assert count_given_arguments(USED, CALLS) == (1, 4)
    assert count_given_arguments({}, CALLS) == (0, 0)


@pytest.mark.parametrize(("count", "whole", "warns"), [(2, 3, True), (1, 2, False), (0, 5, False)])
def test_a_gap_of_more_than_half_is_worth_a_warning(count, whole, warns):
    assert Gap("no_results", ("A",) * count, whole).is_of_most == warns


def test_a_finding_is_told_with_counts_places_and_a_remedy():
    gap = Gap("no_results", tuple("ABCDEFG"), 1200)
    assert gap.describe_count() == "no declared results: 7 of 1,200 tools"
    assert gap.name_places() == "A, B, C, D, E and 2 more"
    assert "declare under 'returns'" in gap.remedy
    assert all(suggest_gap_remedy(one.title) == one.remedy for one in GAPS.values())
