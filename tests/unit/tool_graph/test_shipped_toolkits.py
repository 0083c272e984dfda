"""The ten toolkits that ship: rich enough to make conversations from, and all of it usable."""

from itertools import pairwise

import pytest
from offline import SETTINGS, tools_of

from funcdex_assets.catalog.load import load_tools
from funcdex_assets.language.lexicon import find_slots, load_phrasebook
from funcdex_assets.language.request_phrases import to_slot_name
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.leaves import walk_leaves
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import schema_type
from funcdex_assets.schema.validation import compile_validator
from funcdex_assets.semantics.tool_names import parse_tool_name
from funcdex_assets.tool_graph.graph import build_graph, find_needed_ids

TOOLKITS = SETTINGS.toolkits
every_toolkit = pytest.mark.parametrize("toolkit", TOOLKITS)


def tools(toolkit: str) -> list[Tool]:
    return list(tools_of(toolkit).values())


def undescribed(schema: dict, root: dict, path: str = "") -> list[str]:
    """Properties at any depth that do not say what they are."""
    schema = resolve_schema(schema, root)
    if schema_type(schema) == "array":
        return undescribed(schema.get("items", {}), root, f"{path}/*")
    found = []
    for key, part in schema.get("properties", {}).items():
        if not part.get("description"):
            found.append(f"{path}/{key}")
        found += undescribed(part, root, f"{path}/{key}")
    return found


def slots_for(tool: Tool) -> set[str]:
    """The words that a phrase about the tool may leave room for: its arguments, whole or by part.

    The example bundle has some tools of the same names, which share the phrases.
    """
    namesakes = [
        known[tool.name] for known in (tools_of(tool.toolkit), tools_of("gmail_googledrive")) if tool.name in known
    ]
    pointers = [leaf.path.replace("*", "0") for one in namesakes for leaf in walk_leaves(one.parameters)]
    whole = [f"/{name}" for one in namesakes for name in one.parameters["properties"]]
    return {to_slot_name(pointer) for pointer in (*pointers, *whole)}


def test_undescribed_finds_what_is_missing():
    nested = {"type": "array", "items": {"type": "object", "properties": {"b": {"description": "d"}, "c": {}}}}
    schema = {"type": "object", "properties": {"a": {"description": "d", **nested}, "x": {}}}
    assert undescribed(schema, schema) == ["/a/*/c", "/x"]


def test_there_are_ten():
    assert len(TOOLKITS) == len(set(TOOLKITS)) == 10
    assert all(path.parent.name == "toolkits" for name in TOOLKITS for path in SETTINGS.find_tool_files(name).values())


@every_toolkit
def test_a_toolkit_has_a_dozen_tools_that_do_different_things(toolkit):
    assert len(tools(toolkit)) >= 12
    actions = {parse_tool_name(tool.name).action for tool in tools(toolkit)}
    assert {"list", "create"} <= actions
    assert len(actions) >= 3


@every_toolkit
def test_tools_and_all_their_parameters_are_described(toolkit):
    for tool in tools(toolkit):
        assert len(tool.description) > 20, tool.name
        assert undescribed(tool.parameters, tool.parameters) == [], tool.name


@every_toolkit
def test_tools_take_no_unknown_arguments(toolkit):
    for tool in tools(toolkit):
        assert not compile_validator(tool.parameters).is_valid({"no_such_argument": 1}), tool.name
        assert tool.parameters["additionalProperties"] is False, tool.name


@every_toolkit
def test_examples_and_defaults_are_valid(toolkit):
    for tool in tools(toolkit):
        for leaf in (*walk_leaves(tool.parameters), *walk_leaves(tool.returns)):
            values = [*leaf.schema.get("examples", ()), *([leaf.schema["default"]] if "default" in leaf.schema else ())]
            assert [value for value in values if not compile_validator(leaf.schema).is_valid(value)] == [], (
                tool.name,
                leaf,
            )


@every_toolkit
def test_results_have_a_shape(toolkit):
    for tool in tools(toolkit):
        assert tool.returns, tool.name
        assert schema_type(tool.returns) == "object", tool.name
        assert list(walk_leaves(tool.returns)), tool.name


@every_toolkit
def test_every_required_id_has_a_source(toolkit):
    fed = {(edge.target_tool, edge.target_path) for edge in build_graph(tools(toolkit))}
    needed = {(tool.name, path) for tool in tools(toolkit) for path in find_needed_ids(tool)}
    assert needed
    assert needed - fed == set()


@every_toolkit
def test_every_tool_is_reached_from_tools_that_need_no_id(toolkit):
    """Each id can come from a tool that itself can be called: no two tools wait for each other."""
    edges = build_graph(tools(toolkit))
    reached = {tool.name for tool in tools(toolkit) if not find_needed_ids(tool)}
    for _ in tools(toolkit):
        fed = {(edge.target_tool, edge.target_path) for edge in edges if edge.source_tool in reached}
        reached |= {
            tool.name for tool in tools(toolkit) if {(tool.name, path) for path in find_needed_ids(tool)} <= fed
        }
    assert {tool.name for tool in tools(toolkit)} - reached == set()


def test_names_are_unique_over_all_toolkits():
    files = {toolkit: path for name in TOOLKITS for toolkit, path in SETTINGS.find_tool_files(name).items()}
    every = load_tools(files)  # refuses a name that comes twice
    assert len(every) == sum(len(tools(toolkit)) for toolkit in TOOLKITS)


@every_toolkit
def test_every_tool_can_be_spoken_of(toolkit):
    for tool in tools(toolkit):
        phrases = load_phrasebook()[tool.name]
        assert len(phrases.asks) >= 4, tool.name
        assert phrases.doing, tool.name
        assert phrases.done, tool.name
        texts = [text for text, _ in phrases.asks]
        assert all(one != other for one, other in pairwise(sorted(texts))), tool.name
        for text in (*texts, *phrases.doing, *phrases.done):
            assert find_slots(text) <= slots_for(tool), (tool.name, text)


@every_toolkit
def test_every_tool_can_be_asked_for_without_optional_arguments(toolkit):
    """Some request leaves room for nothing but required arguments, so that it can always be used."""
    for tool in tools(toolkit):
        required = {name.partition(".")[0] for name in tool.parameters.get("required", ())}
        least = [
            used
            for _, used in load_phrasebook()[tool.name].asks
            if {name.partition(".")[0] for name in used} <= required
        ]
        assert least, tool.name


def test_the_phrasebook_speaks_of_no_tool_that_does_not_exist():
    known = {name for partition in (*TOOLKITS, "gmail_googledrive") for name in tools_of(partition)}
    assert set(load_phrasebook()) - known == set()
