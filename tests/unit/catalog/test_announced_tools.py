"""Definitions of tools within speech are read, and nothing else is."""

import json

import pytest

from funcdex_assets.catalog.announced_tools import find_announced_definitions, remove_definitions, to_tool

FAX = {"type": "function", "function": {"name": "SEND_FAX", "parameters": {"type": "object"}}}
TEXT = json.dumps(FAX)


@pytest.mark.parametrize(
    ("text", "names", "rest"),
    [
        pytest.param("Hello.", [], "Hello.", id="none"),
        pytest.param(f"Use this:\n{TEXT}", ["SEND_FAX"], "Use this:", id="after a line"),
        pytest.param(f"{TEXT}\n{TEXT.replace('FAX', 'MAIL')} Go.", ["SEND_FAX", "SEND_MAIL"], "Go.", id="two"),
        pytest.param(json.dumps(FAX, indent=2), ["SEND_FAX"], "", id="on several lines"),
        pytest.param(TEXT[:-1], [], TEXT[:-1], id="cut"),
        pytest.param('{"type": "function", "function": 7}', [], '{"type": "function", "function": 7}', id="no name"),
    ],
)
def test_definitions(text, names, rest):
    assert [one["function"]["name"] for one in find_announced_definitions(text)] == names
    assert remove_definitions(text) == rest


def test_parameters_that_are_no_schema_allow_everything():
    broken = {"type": "function", "function": {"name": "X", "parameters": {"type": "nonsense"}}}
    assert to_tool(broken).parameters == {"type": "object"}
    assert to_tool(FAX).parameters == {"type": "object"}
