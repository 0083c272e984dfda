"""A source becomes a toolkit: the file that is written is read back, and the user's settings stay theirs."""

import pytest
import yaml

from funcdex_assets.catalog.adding import belonging_together, list_toolkit, toolkit_name, write_toolkit
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.load import load_tools
from funcdex_assets.records.tool import Tool

TOOL = Tool(
    toolkit="acme",
    name="list_orders",
    description="Lists orders.",
    parameters={"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
    returns={"type": "object", "properties": {"orders": {"type": "array", "items": {"type": "string"}}}},
    source="acme.yaml",
    original_name="orders.list",
    errors={"404": {"type": "object"}},
    licence="MIT",
)


def test_what_is_written_is_what_is_read(tmp_path):
    bare = Tool(
        toolkit="acme",
        name="b",
        description="",
        parameters={"type": "object"},
        returns=None,
        source="acme.yaml",
        licence="MIT",
    )
    write_toolkit(tmp_path / "toolkits" / "acme.json", [TOOL, bare])
    assert load_tools({"acme": tmp_path / "toolkits" / "acme.json"}) == [TOOL, bare]


def of(name: str, *takes: str, **gives: object) -> Tool:
    text = {"type": "string"}
    return Tool(
        toolkit="acme",
        name=name,
        description="",
        parameters={"type": "object", "properties": dict.fromkeys(takes, text), "required": list(takes)},
        returns={"type": "object", "properties": dict.fromkeys(gives, text)},
        source="acme",
    )


MANY = [
    of("GET_WALRUS", "walrus_id"),  # nothing gives a walrus
    of("PING"),
    of("GET_ORDER", "order_id", order_id=1, customer_id=1),
    of("LIST_ORDERS", order_id=1),
    of("PING_AGAIN"),
    of("GET_CUSTOMER", "customer_id", customer_id=1),
    of("CANCEL_ORDER", "order_id"),
]


@pytest.mark.parametrize(
    ("most", "chosen"),
    [
        pytest.param(2, ["GET_ORDER", "LIST_ORDERS"], id="a beginning and what it feeds most"),
        pytest.param(4, ["GET_ORDER", "LIST_ORDERS", "GET_CUSTOMER", "CANCEL_ORDER"], id="all that hang together"),
        pytest.param(6, [tool.name for tool in MANY[1:]], id="then other beginnings, and never what nothing feeds"),
        pytest.param(9, [tool.name for tool in MANY], id="all of them"),
    ],
)
def test_tools_that_belong_together_are_chosen_in_the_order_of_the_source(most, chosen):
    assert [tool.name for tool in belonging_together(MANY, most)] == chosen


SETTINGS = """# mine
seed: 42
toolkits:
  # the mail
  - gmail   # keep
  - jira

  - stripe
# what follows
bundles:
  - gmail_jira
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(SETTINGS, "  - acme", id="comments and blank lines"),
        pytest.param("toolkits:\n- gmail\n", "- acme", id="not indented"),
        pytest.param("toolkits:\n  - gmail", "  - acme", id="no line feed at the end"),
        pytest.param("toolkits: # all\n    - gmail\nseed: 1\n", "    - acme", id="four blanks"),
    ],
)
def test_one_line_is_added_and_nothing_else_changed(tmp_path, text, line):
    path = tmp_path / "funcdex.yaml"
    path.write_text(text)
    before = yaml.safe_load(text)
    assert list_toolkit(path, "acme")
    after = path.read_text()
    assert yaml.safe_load(after) == {**before, "toolkits": [*before["toolkits"], "acme"]}
    assert after.rstrip("\n").replace(line + "\n", "", 1).replace("\n" + line, "", 1) == text.rstrip("\n")
    assert not list_toolkit(path, "acme")  # it is there
    assert path.read_text() == after


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("toolkits: [gmail, jira]\n", id="a list in brackets"),
        pytest.param("seed: 1\n", id="no list"),
        pytest.param("{toolkits: [gmail]}\n", id="braces"),
    ],
)
def test_what_cannot_be_done_safely_is_left_to_the_user(tmp_path, text):
    path = tmp_path / "funcdex.yaml"
    path.write_text(text)
    with pytest.raises(CatalogError, match="add 'acme' to it by hand"):
        list_toolkit(path, "acme")
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("specs/petstore.yaml", "petstore"),
        ("https://api.example.com/v1/openapi.json", "openapi"),
        ("google:gmail", "gmail"),
        ("catalog:stripe.com", "stripecom"),
        ("42nd-street.json", "ndstreet"),
        ("日本.json", "toolkit"),
    ],
)
def test_a_toolkit_is_named_after_its_source(source, name):
    assert toolkit_name(source) == name
