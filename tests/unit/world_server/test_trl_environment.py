"""The live world as TRL takes it: tools as methods, a reset that knows the row, and a reward."""

import inspect
import json

import pytest
from goal_cases import begin, list_calls, list_tools, make_goals

from funcdex_assets.records.tool import Tool
from funcdex_assets.world_server.session import SessionError
from funcdex_assets.world_server.trl_environment import build_environment_class, build_prompts


@pytest.fixture(scope="module")
def goals(tmp_path_factory):
    return make_goals(tmp_path_factory.mktemp("goals"))


def test_the_calls_of_the_row_are_rewarded(goals):
    environment = build_environment_class(list_tools(), lambda: begin(goals))()
    for row in build_prompts(goals)[:5]:
        assert environment.reset(**row) is None  # the prompt has the request already
        assert environment.get_reward() == 0.0
        for name, arguments in list_calls(row["goal"]):
            assert isinstance(json.loads(getattr(environment, name)(**arguments)), dict)
        assert environment.get_reward() == 1.0


def test_a_row_without_a_prompt_is_given_the_request(goals):
    environment = build_environment_class(list_tools(), lambda: begin(goals))()
    assert environment.reset(goal=goals[1].goal_id) == goals[1].request
    with pytest.raises(SessionError, match="there is no goal"):
        environment.reset(goal="other")


def test_instances_do_not_share_a_world(goals):
    World = build_environment_class(list_tools(), lambda: begin(goals))
    one, two = World(), World()
    one.CREATE_LABEL(label_name="Mine")
    assert "Mine" in one.LIST_LABELS()
    assert "Mine" not in two.LIST_LABELS()


def test_public_functions_are_the_tools_as_trl_finds_them(goals):
    World = build_environment_class(list_tools(), lambda: begin(goals))
    found = [name for name, _ in inspect.getmembers(World, inspect.isfunction) if not name.startswith("_")]
    assert set(found) == {tool.name for tool in list_tools()} | {"reset", "get_reward"}


@pytest.mark.parametrize("partition", ["gmail", "jira", "stripe", "googlecalendar", "whatsapp"])
def test_chat_templates_make_schemas_of_the_methods(partition):
    utils = pytest.importorskip("transformers.utils", reason="transformers (extra: train) is not installed")
    environment = build_environment_class(list_tools(partition), lambda: begin([], partition))()
    for tool in list_tools(partition):
        function = utils.get_json_schema(getattr(environment, tool.name))["function"]
        assert function["name"] == tool.name
        assert set(function["parameters"].get("required", ())) == set(tool.parameters.get("required", ()))
        assert set(function["parameters"]["properties"]) == set(tool.parameters.get("properties", {}))


@pytest.mark.parametrize(
    ("name", "parameters", "reason"),
    [
        ("reset", {"type": "object", "properties": {}}, "the tool 'reset' cannot be a method"),
        ("get-it", {"type": "object", "properties": {}}, "the tool 'get-it' cannot be a method"),
        (
            "get_it",
            {"type": "object", "properties": {"in": {"type": "string"}}, "required": ["in"]},
            "the argument 'in' of get_it",
        ),
    ],
    ids=["a method of the environment", "no name in Python", "an argument that is a keyword"],
)
def test_names_that_methods_cannot_have_are_refused(name, parameters, reason):
    tool = Tool(toolkit="t", name=name, description="", parameters=parameters, returns=None, source="")
    with pytest.raises(SessionError, match=reason):
        build_environment_class([tool], lambda: begin([]))
