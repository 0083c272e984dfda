"""The commands `funcdex catalog …` as a user types them, in a project of their own."""

import json

import pytest
from typer.testing import CliRunner

from funcdex_assets.cli.main import app
from funcdex_assets.settings.settings import load_settings

SHOP = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "paths": {
        f"/{name}": {"get": {"operationId": name, "summary": "Does it.", "responses": {"200": {"description": "ok"}}}}
        for name in ("list.orders", "get.order", "void.invoice")
    }
    | {"/bad": {"post": {"operationId": "bad", "responses": {}, "parameters": [{"in": "query", "name": 7}]}}},
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "funcdex.yaml").write_text("toolkits:\n  - gmail  # mail\n")
    (tmp_path / "shop.json").write_text(json.dumps(SHOP))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FUNCDEX_CONFIG", raising=False)
    monkeypatch.setenv("FUNCDEX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "300")
    return tmp_path


def run(*words):
    return CliRunner().invoke(app, ["catalog", *words])


def test_a_file_becomes_a_toolkit_in_one_command(project):
    result = run("add", "shop.json")
    assert result.exit_code == 0, result.output
    assert "3 tools of shop.json (OpenAPI)" in result.output or "4 tools of shop.json (OpenAPI)" in result.output
    assert "funcdex materialize shop" in result.output
    assert (project / "funcdex.yaml").read_text() == "toolkits:\n  - gmail  # mail\n  - shop\n"
    content = json.loads((project / "toolkits" / "shop.json").read_text())
    assert content["source"] == "shop.json"  # and not where it lies
    assert [tool["name"] for tool in content["tools"]][:2] == ["list_orders", "get_order"]
    assert content["tools"][0]["original_name"] == "list.orders"
    assert "shop" in load_settings().partitions


def test_where_the_tools_are_thin_is_told_at_adding(project):
    result = run("add", "shop.json", "--only", "*order*")
    assert "thin no declared results: 2 of 2 tools (list_orders, get_order); declare under 'returns'" in result.output
    assert "no required parameter" not in result.output, "without parameters nothing can be required"


def test_a_rich_toolkit_is_not_called_thin(project):
    answer = {"description": "ok", "content": {"application/json": {"schema": {"type": "object"}}}}
    number = {"in": "query", "name": "number", "required": True, "description": "As on the bill.", "schema": {}}
    pay = {"operationId": "pay", "summary": "Settles a bill.", "parameters": [number], "responses": {"200": answer}}
    (project / "rich.json").write_text(json.dumps({**SHOP, "paths": {"/pay": {"post": pay}}}))
    result = run("add", "rich.json")
    assert result.exit_code == 0, result.output
    assert not {"thin", "note"} & {line.split(" ")[0] for line in result.output.splitlines()}


def test_tools_are_chosen_and_counted(project):
    result = run("add", "shop.json", "--toolkit", "orders", "--only", "*order*", "--most", "1")
    assert result.exit_code == 0, result.output
    assert "1 tools of" in result.output
    assert "1 more were left out" in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["none.json"], "none.json cannot be read", id="no such file"),
        pytest.param(["funcdex.yaml"], "of no known format", id="another file"),
        pytest.param(["shop.json", "--toolkit", "My Shop"], "'My Shop' is no name for a toolkit", id="an illegal name"),
        pytest.param(["shop.json", "--toolkit", "smart_home"], "(did you mean 'smart-home'?)", id="an underscore"),
        pytest.param(["shop.json", "--toolkit", "../../x"], "is no name for a toolkit", id="a way out of the folder"),
        pytest.param(["shop.json", "--only", "zebra*"], "gives no tool of these names", id="nothing fits"),
        pytest.param(["catalog:shop.test"], "There is no catalogue", id="no catalogue yet"),
    ],
)
def test_what_is_refused_changes_nothing(project, words, said):
    before = (project / "funcdex.yaml").read_text()
    result = run("add", *words)
    assert result.exit_code == 2
    assert said in result.output
    assert (project / "funcdex.yaml").read_text() == before
    assert not (project / "toolkits").exists()


@pytest.mark.parametrize("field", ["task_description", "system_prompt", "instructions"])
def test_a_policy_that_comes_with_the_tools_is_kept(project, field):
    tool = {"type": "function", "function": {"name": "renew_loan", "description": "Renews.", "parameters": {}}}
    (project / "library.json").write_text(json.dumps({field: " You help readers.\nAsk first. ", "tools": [tool]}))
    result = run("add", "library.json")
    assert result.exit_code == 0, result.output
    assert "its policy text (28 characters)" in result.output
    written = project / "toolkits" / "library.json"
    assert json.loads(written.read_text())["policy"] == "You help readers.\nAsk first."
    again = run("add", str(written), "--toolkit", "branch")  # from our own format
    assert again.exit_code == 0, again.output
    assert json.loads((project / "toolkits" / "branch.json").read_text())["policy"].startswith("You help readers.")


def test_a_policy_that_cannot_be_used_adds_nothing(project):
    (project / "library.json").write_text(json.dumps({"instructions": 3, "tools": [{"name": "f", "parameters": {}}]}))
    result = run("add", "library.json")
    assert result.exit_code == 2
    assert "library.json: instructions is '3'" in result.output
    assert not (project / "toolkits").exists()


def test_a_toolkit_is_replaced_only_by_force(project):
    assert run("add", "shop.json").exit_code == 0
    again = run("add", "shop.json", "--only", "get*")
    assert again.exit_code == 2
    assert "add --force to replace it" in again.output
    assert run("add", "shop.json", "--only", "get*", "--force").exit_code == 0
    assert len(json.loads((project / "toolkits" / "shop.json").read_text())["tools"]) == 1
    assert (project / "funcdex.yaml").read_text().count("shop") == 1


def test_a_toolkit_whose_file_is_gone_is_added_again(project):
    assert run("add", "shop.json").exit_code == 0
    (project / "toolkits" / "shop.json").unlink()
    assert run("add", "shop.json").exit_code == 0
    assert (project / "funcdex.yaml").read_text().count("shop") == 1
    assert "shop" in load_settings().partitions


def test_settings_whose_list_is_in_brackets_are_edited_as_well(project):
    (project / "funcdex.yaml").write_text("toolkits: [gmail] # mine\n")
    result = run("add", "shop.json")
    assert result.exit_code == 0, result.output
    assert (project / "funcdex.yaml").read_text() == "toolkits: [gmail, shop] # mine\n"


def test_settings_that_cannot_be_edited_are_refused_before_anything_is_written(project):
    (project / "funcdex.yaml").write_text("toolkits: [gmail]\ntoolkits: [jira]\n")
    result = run("add", "shop.json")
    assert result.exit_code == 2
    assert "add 'shop' to it by hand" in result.output
    assert not (project / "toolkits" / "shop.json").exists()


@pytest.mark.parametrize("text", ["seed: 1\n", "toolkits: []\n", "toolkits:\nseed: 1\n"])
def test_the_first_toolkit_of_a_project_can_be_added(project, text):
    (project / "funcdex.yaml").write_text(text)
    result = run("add", "shop.json")
    assert result.exit_code == 0, result.output
    assert load_settings().toolkits == ("shop",)


def test_build_search_show_and_add_from_the_catalogue(project):
    built = run("build", "--only", "shipped", "--workers", "1")
    assert built.exit_code == 0, built.output
    assert "shipped: 10 documents" in built.output
    assert "LIST_THREADS" in run("search", "list threads").output
    assert "Nothing in the catalogue" in run("search", "zebra").output
    shown = run("show", "gmail/LIST_THREADS").output
    assert '"type": "object"' in shown
    assert "LIST_THREADS" in run("show", "gmail").output
    assert "no tool and no application 'zebra'" in run("show", "zebra").output
    added = run("add", "catalog:gmail", "--toolkit", "mail2")
    assert added.exit_code == 0, added.output
    assert len(json.loads((project / "toolkits" / "mail2.json").read_text())["tools"]) == 16


def test_an_unknown_collection(project):
    result = run("build", "--only", "zebra")
    assert result.exit_code == 2
    assert "'zebra' is no collection" in result.output


def test_fetching_needs_npm(project, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    result = run("build", "--fetch")
    assert result.exit_code == 2
    assert "needs the program npm" in result.output
