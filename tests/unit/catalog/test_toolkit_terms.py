"""What a toolkit's document says beside its tools."""

from pathlib import Path

import pytest

from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.load import load_tools, read_terms
from funcdex_assets.catalog.toolkit_terms import LONGEST_POLICY, find_policy, join_policies, parse_terms

TOOLS = "tools: [{name: GET_LOAN, description: Gets a loan., parameters: {type: object}}]\n"


@pytest.mark.parametrize("field", ["policy", "system_prompt", "task_description", "instructions"])
def test_each_name_of_a_policy_is_known(field: str) -> None:
    assert find_policy({field: "\n Be brief.\nAsk. \n", "tools": []}, "t.json") == "Be brief.\nAsk."


@pytest.mark.parametrize("document", [{"tools": []}, {"policy": None}, [{"policy": "Be brief."}], "Be brief."])
def test_a_document_without_a_policy_has_none(document: object) -> None:
    assert find_policy(document, "t.json") == ""


def test_several_policies_are_joined_each_once() -> None:
    assert find_policy({"task_description": "B.", "system_prompt": "A."}, "t.json") == "A.\n\nB."
    assert join_policies(["A.", "", "B.", "A."]) == "A.\n\nB."


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        pytest.param({"policy": 7}, "t.yaml: policy is '7'; write the text", id="no text"),
        pytest.param({"instructions": "  "}, "t.yaml: instructions is '  '", id="empty"),
        pytest.param({"policy": "x" * (LONGEST_POLICY + 1)}, "has 20,001 characters, more than 20,000", id="too long"),
        pytest.param({"policy": "a\0b"}, "has the character '\\x00'", id="a character that no text has"),
        pytest.param({"policy": "a\ud800"}, "has the character '\\ud800'", id="half of a character"),
        pytest.param({"examples": {"a": 1}}, "give the path of a JSONL file, or a list of paths", id="no path"),
        pytest.param({"examples": ["a.jsonl", ""]}, "give the path of a JSONL file", id="an empty path"),
        pytest.param({"examples_weight": 0}, "examples_weight is 0; give a number above 0", id="no weight"),
        pytest.param({"examples_weight": True}, "examples_weight is True", id="a flag for a weight"),
        pytest.param({"examples_weight": float("nan")}, "examples_weight is nan", id="no number"),
    ],
)
def test_terms_that_cannot_be_used_name_the_place_and_the_remedy(terms: dict, said: str) -> None:
    with pytest.raises(CatalogError) as caught:
        parse_terms(terms, "t.yaml")
    assert said in str(caught.value)


def test_terms_are_read_from_a_file_and_judged_with_its_tools(tmp_path: Path) -> None:
    path = tmp_path / "library.yaml"
    path.write_text(f"policy: Be brief.\nexamples: [a.jsonl, b.jsonl]\nexamples_weight: 2\n{TOOLS}")
    assert read_terms({"library": path}) == {"library": ("Be brief.", ("a.jsonl", "b.jsonl"), 2.0)}
    assert len(load_tools({"library": path})) == 1
    path.write_text(f"policy: [Be, brief]\n{TOOLS}")
    with pytest.raises(CatalogError, match="policy is"):
        load_tools({"library": path})
