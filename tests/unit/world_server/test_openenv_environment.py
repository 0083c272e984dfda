"""The live world as an OpenEnv environment."""

import pytest
from goal_cases import begin, list_calls, list_tools, make_goals

pytest.importorskip(
    "openenv.core.env_server.interfaces",
    reason="the package openenv (extra: openenv) is not installed; it cannot be beside mcp 2, so not in `dev`",
)

from openenv.core.env_server.mcp_types import CallToolAction, ListToolsAction

from funcdex_assets.world_server.openenv_environment import WorldEnvironment, build_openenv_app
from funcdex_assets.world_server.session import SessionError


@pytest.fixture(scope="module")
def goals(tmp_path_factory):
    return make_goals(tmp_path_factory.mktemp("goals"))


def test_the_calls_of_the_row_are_rewarded(goals):
    environment = WorldEnvironment(lambda: begin(goals), "gmail")
    for goal in goals[:5]:
        seen = environment.reset(episode_id="e1", goal=goal.goal_id)
        assert (seen.goal, seen.messages, seen.reward) == (goal.goal_id, goal.messages, 0.0)
        assert environment.state.reached is False
        calls = list_calls(goal.goal_id)
        steps = [environment.step(CallToolAction(tool_name=name, arguments=given)) for name, given in calls]
        assert steps[-1].reward == 1.0
        state = environment.state
        assert (state.episode_id, state.step_count, state.reached) == ("e1", len(calls), True)
        assert (state.differences, state.goal) == ([], goal.goal_id)


def test_tools_are_listed_and_errors_are_results():
    environment = WorldEnvironment(lambda: begin([]), "gmail")
    environment.reset(seed=3)
    assert [tool.name for tool in environment.step(ListToolsAction()).tools] == [tool.name for tool in list_tools()]
    seen = environment.step(CallToolAction(tool_name="CREATE_LABEL", arguments={}))
    assert seen.result["is_error"]
    assert seen.result["data"]["error"]["status"] == "INVALID_ARGUMENT"
    assert (seen.reward, seen.done, environment.state.reached) == (0.0, False, None)


def test_goals_are_chosen_by_id_index_or_seed(goals):
    environment = WorldEnvironment(lambda: begin(goals), "gmail")
    assert environment.reset(index=2).goal == goals[2].goal_id
    assert environment.reset().goal == goals[2].goal_id
    assert environment.reset(seed=len(goals) + 1).goal == goals[1].goal_id
    assert environment.get_task("goals", 1)["id"] == goals[1].goal_id
    assert environment.num_tasks("goals") == len(goals)
    with pytest.raises(SessionError, match=f"there is no goal {len(goals)}"):
        environment.reset(index=len(goals))
    with pytest.raises(SessionError, match="there is no split 'train'"):
        environment.num_tasks("train")


def test_the_server_serves_sessions_of_their_own_and_refuses_strange_hosts(goals):
    from starlette.testclient import TestClient, WebSocketDisconnect

    app = build_openenv_app("gmail", lambda: begin(goals), ("127.0.0.1",), 8000)
    client = TestClient(app, base_url="http://127.0.0.1:8000")
    assert client.get("/health").json() == {"status": "healthy"}
    assert client.get("/health", headers={"host": "evil.example:8000"}).status_code == 403
    assert client.get("/health", headers={"origin": "http://evil.example"}).status_code == 403
    own = {"host": "127.0.0.1:8000"}
    with client.websocket_connect("/ws", headers=own) as one, client.websocket_connect("/ws", headers=own) as two:
        for socket, index in ((one, 0), (two, 1)):
            socket.send_json({"type": "reset", "data": {"index": index}})
            assert socket.receive_json()["data"]["observation"]["goal"] == goals[index].goal_id
        one.send_json({"type": "step", "data": {"type": "call_tool", "tool_name": "LIST_LABELS", "arguments": {}}})
        assert one.receive_json()["data"]["reward"] == 0.0
        two.send_json({"type": "state"})
        assert two.receive_json()["data"]["step_count"] == 0
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/ws", headers={**own, "origin": "http://evil"}):
        pass
