"""An agent that is not ours, pydantic-ai's, plays a goal over MCP to its end state; its model is a script."""

import asyncio
import json

import pytest
from goal_cases import begin, list_calls, make_goals

pytest.importorskip("pydantic_ai", reason="the package pydantic-ai-slim (extra: dev) is not installed")
pytest.importorskip("mcp.server.mcpserver", reason="the package mcp from 2.0 on (extra: world) is not installed")

from mcp import Client
from pydantic_ai import Agent, Tool
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from funcdex_assets.world_server.mcp_server import build_server


async def list_agent_tools(client: Client) -> list[Tool]:
    """The tools of an MCP server as pydantic-ai takes them."""

    def build(name: str, description: str | None, schema: dict) -> Tool:
        async def call(**arguments):
            result = await client.call_tool(name, arguments)
            return result.content[0].text

        return Tool.from_schema(call, name, description, schema)

    listed = (await client.list_tools()).tools
    return [build(tool.name, tool.description, tool.input_schema) for tool in listed]


@pytest.mark.parametrize("leaves_out", [0, 1], ids=["all calls", "the last change left out"])
def test_an_agent_loop_reaches_a_goal(tmp_path, leaves_out):
    goals = [goal for goal in make_goals(tmp_path) if goal.expected.links and goal.expected.created]
    goal = goals[0]
    script = list_calls(goal.goal_id)
    if leaves_out:
        script = [asked for asked in script if not asked[0].startswith("ADD_LABEL")]
    session = begin([goal])

    def play(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        assert {tool.name for tool in info.function_tools} == set(session.tools)
        done = sum(isinstance(part, ToolCallPart) for message in messages for part in message.parts)
        if done == len(script):
            return ModelResponse(parts=[TextPart("All done.")])
        name, arguments = script[done]
        return ModelResponse(parts=[ToolCallPart(name, json.dumps(arguments))])

    async def run() -> str:
        async with Client(build_server(session, "gmail")) as client:
            prompt = await client.get_prompt("goal")
            agent = Agent(FunctionModel(play), tools=await list_agent_tools(client))
            result = await agent.run(prompt.messages[0].content.text)
            return result.output

    assert asyncio.run(run()) == "All done."
    end_state = session.check()
    assert end_state.reached is not bool(leaves_out)
    assert bool(end_state.differences) == bool(leaves_out)
