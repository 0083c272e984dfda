"""What is told of results that have nothing but a text, and how files are called."""

from random import Random

import pytest
from offline import casts

from funcdex_assets.language import values
from funcdex_assets.language.result_reports import find_first_sentence, report_result
from funcdex_assets.records.tool import Tool

SITUATION = casts("gmail", 1)[0].situation
LONG = "The delivery is late again; the carrier blames the ferry. We hear more on Monday."


def tool(name: str) -> Tool:
    returns = {"type": "object", "properties": {"content": {"type": "string"}}}
    return Tool(toolkit="t", name=name, description="", parameters={"type": "object"}, returns=returns, source="test")


@pytest.mark.parametrize(
    ("result", "beginning"),
    [
        pytest.param({"content": LONG}, "The delivery is late again; the carrier blames the ferry.", id="a sentence"),
        pytest.param({"content": LONG.replace(". ", "\n")}, LONG.partition(".")[0], id="a line"),
        pytest.param({"a": {"b": [1, {"c": "x" * 300}]}}, "x" * 160, id="no end in sight"),
        pytest.param({"status": "ok", "n": 3}, "", id="no long text"),
        pytest.param("short", "", id="a word"),
    ],
)
def test_how_a_text_begins(result, beginning):
    assert find_first_sentence(result) == beginning


def test_a_short_text_alone_is_told_whole():
    told = report_result(tool("read_file"), {}, {"content": LONG}, SITUATION.now, Random(1))
    assert told in (f'The file says: "{LONG}"', f'The file reads: "{LONG}"')


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_path_looks_like_one_and_is_about_the_matter(is_folder):
    path = values.invent_path(SITUATION, Random(3), is_folder)
    assert " " not in path
    assert path == path.lower()
    assert ("." in path.rpartition("/")[2]) != is_folder
    assert any(word in path for word in SITUATION.matter.lower().split())
