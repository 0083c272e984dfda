"""Definition files: what is read from a good one, and how a bad one is answered."""

from pathlib import Path

import pytest

from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.load import load_tools, read_tools

GOOD = """
source: the manual
tools:
  - name: GET_ORDER
    description: >-
      Gets
      one   order.
    parameters: {type: object, properties: {order_id: {type: string}}, required: [order_id]}
    returns: {type: object, properties: {status: {type: string}}, required: [status]}
  - name: list-orders_2
    description: Lists orders.
    parameters: {type: object}
"""


def yaml_tool(parameters: str = "{type: object}", name: str = "GET_ORDER", more: str = "") -> str:
    return f"tools:\n  - name: {name}\n    description: Gets an order.\n    parameters: {parameters}\n    {more}\n"


def seed_tool(parameters: str = "{}", name: str = "GET_ORDER", more: str = "") -> str:
    return (
        f'[{{"toolkit_name": "acme", "tool_id": "{name}", "tool_description": "d", '
        f'"tool_input_parameters": "{parameters}"{more}}}]'
    )


def write(folder: Path, content: str | bytes, name: str = "acme.yaml") -> dict[str, Path]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return {"acme": path}


# ── what is read ──────────────────────────────────────────────────────────────────────────────


def test_a_file_gives_tools_in_its_order(tmp_path):
    get, listing = load_tools(write(tmp_path, GOOD))
    assert (get.toolkit, get.name, get.description, get.source) == (
        "acme",
        "GET_ORDER",
        "Gets one order.",
        "the manual",
    )
    assert get.parameters["required"] == ["order_id"]
    assert get.returns["properties"] == {"status": {"type": "string"}}
    assert (listing.name, listing.returns) == ("list-orders_2", None)


def test_several_files_give_one_list_with_each_tool_in_its_toolkit(tmp_path):
    acme = write(tmp_path, GOOD)
    other = {"other": write(tmp_path, yaml_tool(name="SHIP"), "other.yaml")["acme"]}
    assert [(tool.toolkit, tool.name, tool.source) for tool in load_tools(acme | other)] == [
        ("acme", "GET_ORDER", "the manual"),
        ("acme", "list-orders_2", "the manual"),
        ("other", "SHIP", "other.yaml"),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param(
            "a.json", '{"tools": [{"name": "A", "description": "d", "parameters": {"type": "object"}}]}', id="ours"
        ),
        pytest.param("a.json", seed_tool(name="A"), id="the seed's"),
        pytest.param("a.json", b"\xef\xbb\xbf" + seed_tool(name="A").encode(), id="with a byte order mark"),
        pytest.param("a.json", seed_tool(name="A").replace(" ", "\n\t"), id="indented with tabs"),
        pytest.param("a.yaml", "\ufeff" + yaml_tool(name="A"), id="YAML with a byte order mark"),
        pytest.param("a.yaml", seed_tool(name="A"), id="the seed's in a file with another ending"),
    ],
)
def test_formats_are_told_apart_by_their_content(tmp_path, name, content):
    assert [tool.name for tool in load_tools(write(tmp_path, content, name))] == ["A"]


def test_json_is_read_as_json(tmp_path):
    """YAML parsers take `1e5` for a text and stumble over an escaped emoji."""
    text = (
        '{"tools": [{"name": "A", "description": "\\ud83e\\udd8a", "parameters": '
        '{"type": "object", "properties": {"n": {"type": "number", "default": 1e5}}}}]}'
    )
    (tool,) = load_tools(write(tmp_path, text, "acme.json"))
    assert tool.description == "🦊"
    assert tool.parameters["properties"]["n"]["default"] == 100_000


# ── what is refused ───────────────────────────────────────────────────────────────────────────

BROKEN_YAML = {
    "broken off": ('tools: [{name: "A', ("not readable YAML", "line 1", "correct the file")),
    "bytes that are no text": (b"tools: \xff", ("not readable YAML", "UTF-8")),
    "nothing": ("", ("neither a mapping with 'tools' nor a list", "docs/toolkits.md")),
    "a text": ("tools", ("neither a mapping with 'tools' nor a list",)),
    "tools that are no list": ("tools: {A: {}}", ("neither a mapping with 'tools' nor a list",)),
    "no tools": ("tools: []", ("defines no tools", "add at least one")),
    "a tool that is a text": ("tools: [GET_ORDER]", ("tools[0] is 'GET_ORDER'", "a mapping with name")),
    "no name": ("tools: [{description: d, parameters: {}}]", ("tools[0]: name is None", "must be a str")),
    "a name that is a number": (yaml_tool(name="5"), ("tools[0]: name is 5", "must be a str")),
    "a name that YAML takes for a truth": (yaml_tool(name="yes"), ("tools[0]: name is True", "must be a str")),
    "a name with a space": (yaml_tool(name="GET ORDER"), ("'GET ORDER' is not a legal function name", "use 1 to 64")),
    "an empty name": (yaml_tool(name="''"), ("'' is not a legal function name",)),
    "a name of 65 letters": (yaml_tool(name="A" * 65), ("not a legal function name", "use 1 to 64")),
    "a name in other letters": (yaml_tool(name="GET_BESTELLUNG_Ä"), ("not a legal function name",)),
    "no parameters": ("tools: [{name: A, description: d}]", ("tools[0]: parameters is None", "must be a dict")),
    "parameters that are a list": (yaml_tool("[order_id]"), ("tools[0]: parameters is ['order_id']", "a dict")),
    "parameters that are no object": (
        yaml_tool("{type: array}"),
        ("GET_ORDER.parameters has type 'array'", "must be 'object'"),
    ),
    "parameters without a type": (yaml_tool("{properties: {}}"), ("GET_ORDER.parameters has type None", "'object'")),
    "an unknown field": (
        yaml_tool(more="parameter: {}"),
        ("tools[0] has the unknown field 'parameter'", "it may have name, description, parameters, returns"),
    ),
    "a declared meaning that is none": (
        yaml_tool("{type: object, properties: {until: {type: string, x-meaning: momnt}}}"),
        ("GET_ORDER.parameters: the field 'until' has the x-meaning 'momnt'", "none of identifier, page_token, limit"),
    ),
    "an invalid schema": (
        yaml_tool("{type: object, properties: {x: {type: strin}}}"),
        ("GET_ORDER.parameters is not a valid JSON Schema", "strin"),
    ),
    "a reference to nothing": (
        yaml_tool("{type: object, properties: {x: {$ref: '#/$defs/x'}}}"),
        ("GET_ORDER.parameters is not a valid JSON Schema", "/$defs/x"),
    ),
    "required but no property": (
        yaml_tool("{type: object, properties: {}, required: [order_id]}"),
        ("GET_ORDER.parameters requires 'order_id'", "not among its properties"),
    ),
    "required of the result but no property": (
        yaml_tool(more="returns: {type: object, required: [status]}"),
        ("GET_ORDER.returns requires 'status'",),
    ),
    "a result that is an invalid schema": (
        yaml_tool(more="returns: {type: strin}"),
        ("GET_ORDER.returns is not a valid JSON Schema", "strin"),
    ),
    "a result that is a text": (yaml_tool(more="returns: text"), ("tools[0]: returns is 'text'", "or left out")),
    "a result that is a list": (yaml_tool(more="returns: []"), ("tools[0]: returns is []", "or left out")),
    "a result that is anything": (yaml_tool(more="returns: true"), ("tools[0]: returns is True", "or left out")),
    "a date": (
        yaml_tool("{type: object, properties: {day: {type: string, default: 2026-03-02}}}"),
        ("parameters.properties.day.default", "2026, 3, 2", "put it into quotation marks"),
    ),
    "a key that YAML takes for a truth": (
        yaml_tool("{type: object, properties: {no: {type: string}}}"),
        ("parameters.properties has the key False", "put it into quotation marks"),
    ),
    "an infinite number": (
        yaml_tool("{type: object, properties: {x: {maximum: .inf}}}"),
        ("parameters.properties.x.maximum is inf", "which JSON cannot hold"),
    ),
    "an alias in itself": (yaml_tool("&a {type: object, properties: {x: *a}}"), ("nested deeper than", "alias")),
}
BROKEN_JSON = {
    "broken off": (seed_tool()[:-5], ("not readable JSON", "truncated", "correct the file")),
    "nothing": ("", ("not readable JSON", "truncated")),
    "UTF-16": (seed_tool().encode("utf-16"), ("not readable JSON", "must be UTF-8")),
    "an empty list": ("[]", ("defines no tools", "add at least one")),
    "a number for a tool": ("[5]", ("acme.json[0] is int", "an object with toolkit_name and tool_id")),
    "no tool_id": (seed_tool().replace("tool_id", "id"), ("acme.json[0]: tool_id is None", "must be a string")),
    "parameters that are no text": (
        seed_tool().replace('"{}"', "{}"),
        ("acme.json[0]: tool_input_parameters is {}", "must be a string"),
    ),
    "parameters that break off": (
        seed_tool(r"{\"x\": "),
        ("acme.json[0].tool_input_parameters", "{name: {type, required}}", "truncated"),
    ),
    "parameters that are a list": (seed_tool("[]"), ("acme.json[0].tool_input_parameters", "{name: {type, required}}")),
    "a parameter that is a text": (
        seed_tool(r"{\"x\": \"string\"}"),
        ("acme.json[0].tool_input_parameters", "{name: {type, required}}"),
    ),
    "a parameter of an unknown type": (
        seed_tool(r"{\"x\": {\"type\": \"list\"}}"),
        ("GET_ORDER.parameters is not a valid JSON Schema", "list"),
    ),
    "a result that is no text": (
        seed_tool(more=', "tool_response_parameters": {"x": 1}'),
        ("acme.json[0]: tool_response_parameters is {'x': 1}", "JSON in a string"),
    ),
    "an illegal name": (seed_tool(name="GET.ORDER"), ("'GET.ORDER' is not a legal function name",)),
}


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        pytest.param(f"acme.{ending}", content, parts, id=f"{ending}: {reason}")
        for ending, table in (("yaml", BROKEN_YAML), ("json", BROKEN_JSON))
        for reason, (content, parts) in table.items()
    ],
)
def test_a_broken_file_is_answered_with_file_place_value_and_remedy(tmp_path, name, content, parts):
    with pytest.raises(CatalogError) as error:
        load_tools(write(tmp_path, content, name))
    assert [part for part in (name, *parts) if part not in str(error.value)] == []


@pytest.mark.parametrize("content", [yaml_tool(), seed_tool()], ids=["ours", "the seed's"])
def test_what_the_broken_files_are_made_from_is_sound(tmp_path, content):
    assert [tool.name for tool in load_tools(write(tmp_path, content))] == ["GET_ORDER"]


SOUND_TOOL = "{name: LIST_ORDERS, description: Lists., parameters: {type: object, properties: {}}}"
ONE_BAD_TOOL = {
    "a schema that is none": (yaml_tool("{type: object, properties: {x: {type: strin}}}"), "GET_ORDER", "strin"),
    "a meaning that is none": (
        yaml_tool("{type: object, properties: {until: {type: string, x-meaning: {role: momnt}}}}"),
        "GET_ORDER",
        "the role 'momnt' is none of identifier, page_token, limit",
    ),
    "a name that is no name": (yaml_tool(name="'GET ORDER'"), "GET ORDER", "not a legal function name"),
    "no mapping": ("tools:\n- GET_ORDER\n", "acme.yaml[0]", "tools[0] is 'GET_ORDER'"),
    "the same name twice": (
        yaml_tool() + yaml_tool().removeprefix("tools:\n"),
        "GET_ORDER",
        "the tool name 'GET_ORDER' is already defined",
    ),
}


@pytest.mark.parametrize(("content", "name", "reason"), ONE_BAD_TOOL.values(), ids=ONE_BAD_TOOL)
def test_one_bad_tool_is_left_out_with_its_reason_and_the_others_are_read(tmp_path, content, name, reason):
    indent = content.partition("- ")[0].rpartition("\n")[2]
    files = write(tmp_path, f"{content.rstrip()}\n{indent}- {SOUND_TOOL}\n")
    tools, failures = read_tools(files)
    assert tools[-1].name == "LIST_ORDERS"
    (failure,) = failures
    assert failure.subject == name
    assert reason in failure.reason
    assert not failure.is_mistake
    assert load_tools(files) == tools


INHERITED = {
    "under allOf": "{allOf: [{type: object, properties: {berth: {type: string}}}]",
    "under $ref": "{$defs: {quay: {type: object, properties: {berth: {type: string}}}}, $ref: '#/$defs/quay'",
    "under $ref within allOf": "{$defs: {quay: {properties: {berth: {type: string}}}}, allOf: [{$ref: '#/$defs/quay'}]",
}


@pytest.mark.parametrize("schema", INHERITED.values(), ids=INHERITED)
def test_what_is_required_may_be_declared_where_the_schema_inherits_from(tmp_path, schema):
    returns = f"returns: {schema}, type: object, required: [berth]}}"
    (tool,) = load_tools(write(tmp_path, yaml_tool(more=returns)))
    assert tool.returns is not None
    assert tool.returns["required"] == ["berth"]
    with pytest.raises(CatalogError, match=r"GET_ORDER\.returns requires 'crane'"):
        load_tools(write(tmp_path, yaml_tool(more=returns.replace("[berth]", "[crane]"))))


def test_a_name_is_unique_over_the_files_of_a_bundle(tmp_path):
    acme = write(tmp_path, yaml_tool())
    other = {"other": write(tmp_path, yaml_tool(), "other.yaml")["acme"]}
    with pytest.raises(CatalogError, match=r"other\.yaml: .*'GET_ORDER' is already defined in .*acme\.yaml; rename"):
        load_tools(acme | other)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(CatalogError, match=r"gone\.yaml cannot be read: No such file"):
        load_tools({"acme": tmp_path / "gone.yaml"})
