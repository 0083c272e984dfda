"""A source becomes a toolkit: the file that is written is read back, and the user's settings stay theirs."""

import pytest
import yaml

from funcdex_assets.catalog.adding import add_toolkit_to_settings, write_toolkit
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.load import load_tools, read_terms
from funcdex_assets.catalog.toolkit_names import derive_toolkit_name
from funcdex_assets.records.tool import Tool
from funcdex_assets.tool_graph.tool_selection import select_connected_tools

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
    assert [tool.name for tool in select_connected_tools(MANY, most)] == chosen


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
    assert add_toolkit_to_settings(path, "acme")
    after = path.read_text()
    assert yaml.safe_load(after) == {**before, "toolkits": [*before["toolkits"], "acme"]}
    assert after.rstrip("\n").replace(line + "\n", "", 1).replace("\n" + line, "", 1) == text.rstrip("\n")
    assert not add_toolkit_to_settings(path, "acme")  # it is there
    assert path.read_text() == after


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        pytest.param("toolkits: [gmail, jira] # two\n", "toolkits: [gmail, jira, acme] # two\n", id="brackets"),
        pytest.param("toolkits: [gmail,]\n", "toolkits: [gmail, acme,]\n", id="a comma at the end"),
        pytest.param("toolkits: [\n  gmail,\n  jira\n]\n", None, id="brackets over lines"),
        pytest.param("toolkits: []\n", "toolkits: [acme]\n", id="empty brackets"),
        pytest.param("seed: 1\n", "seed: 1\ntoolkits: [acme]\n", id="no list"),
        pytest.param("toolkits:\nseed: 1\n", "toolkits: [acme]\nseed: 1\n", id="a key without a value"),
        pytest.param("toolkits: null # none\n", "toolkits: [acme] # none\n", id="null"),
        pytest.param("toolkits: # none yet\n# here\nseed: 1\n", None, id="a key with comments"),
        pytest.param("{toolkits: [gmail]}\n", "{toolkits: [gmail, acme]}\n", id="braces"),
        pytest.param("{seed: 1}\n", "{seed: 1, toolkits: [acme]}\n", id="braces without the key"),
        pytest.param("toolkits:\n  - 'gmail' # quoted\n  - >-\n    jira\nseed: 1\n", None, id="an item of two lines"),
        pytest.param("base: &base {toolkits: [gmail]}\n<<: *base\nseed: 1\n", None, id="a merged mapping"),
        pytest.param(
            "toolkits:\r\n  - gmail\r\nseed: 1\r\n",
            "toolkits:\r\n  - gmail\r\n  - acme\r\nseed: 1\r\n",
            id="line ends of Windows",
        ),
        pytest.param(
            "toolkits: [\n  gmail, # mail\n  jira # tickets\n]\n",
            "toolkits: [\n  gmail, # mail\n  jira, acme # tickets\n]\n",
            id="brackets whose last line has a comment",
        ),
        pytest.param("toolkits: [ # none\n]\n", "toolkits: [acme # none\n]\n", id="empty brackets with a comment"),
        pytest.param("toolkits: [\n gmail,\n jira, # c\n # stripe\n]\n", None, id="a comment behind the last comma"),
        pytest.param("toolkits: &t\n  - gmail\n", "toolkits: &t\n  - gmail\n  - acme\n", id="an anchor nobody uses"),
        pytest.param("toolkits: !!seq\n  - gmail\n", None, id="a tag"),
        pytest.param("seed: 1\n...\n", "toolkits: [acme]\nseed: 1\n...\n", id="an end of the document"),
        pytest.param("  seed: 1\n", None, id="an indented file"),
        pytest.param("{seed: 1,}\n", "{seed: 1, toolkits: [acme],}\n", id="braces with a comma at the end"),
    ],
)
def test_any_legal_form_of_the_list_is_edited(tmp_path, text, edited):
    path = tmp_path / "funcdex.yaml"
    path.write_bytes(text.encode())
    before = yaml.safe_load(text)
    assert add_toolkit_to_settings(path, "acme")
    after = path.read_bytes().decode()
    assert yaml.safe_load(after) == {**before, "toolkits": [*(before.get("toolkits") or []), "acme"]}
    comments = [line.partition("#")[2] for line in text.splitlines() if "#" in line]
    assert all(comment in after for comment in comments)
    if edited is not None:
        assert after == edited


def test_a_list_that_is_used_elsewhere_is_left_to_the_user(tmp_path):
    path = tmp_path / "funcdex.yaml"
    text = "toolkits: &all [gmail]\nmore: *all\n"
    path.write_text(text)
    with pytest.raises(CatalogError, match="add 'acme' to it by hand"):
        add_toolkit_to_settings(path, "acme")
    assert path.read_text() == text


def test_a_key_that_stands_twice_is_left_to_the_user(tmp_path):
    path = tmp_path / "funcdex.yaml"
    path.write_text("toolkits: [gmail]\ntoolkits: [jira]\n")
    with pytest.raises(CatalogError, match="add 'acme' to it by hand"):
        add_toolkit_to_settings(path, "acme")


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
    assert derive_toolkit_name(source) == name


def test_a_policy_is_kept_word_for_word(tmp_path):
    path = tmp_path / "toolkits" / "acme.json"
    policy = 'Say "hé" first.\n\nNever refund more than {{50}} — ask.'
    write_toolkit(path, [TOOL], policy)
    assert read_terms({"acme": path})["acme"].policy == policy
    write_toolkit(path, [TOOL])
    assert "policy" not in path.read_text()
