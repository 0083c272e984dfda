"""Offers sessions as an OpenEnv environment: `reset`, `step` and `state` for trainers, tools for agents.

Belongs here: the translation between a session and OpenEnv's actions and observations. Each client that connects gets
a session of its own. The reward of a step is the end-state check after it: 1.0 where the goal is reached, else 0.0, so
the last step's is the episode's. Needs the package `openenv`, which the extra `openenv` installs; import this module
where it is used.

    environment = WorldEnvironment(begin_session)
    request = environment.reset(goal="conversation_3f2a…").messages
    observation = environment.step(CallToolAction(tool_name="STAR_EMAIL", arguments={"message_id": "18c2"}))
    observation.result["data"], observation.reward
"""

from collections.abc import Callable
from typing import Any

from openenv.core.env_server.http_server import create_fastapi_app  # pyright: ignore[reportMissingImports]
from openenv.core.env_server.interfaces import Environment  # pyright: ignore[reportMissingImports]
from openenv.core.env_server.mcp_types import (  # pyright: ignore[reportMissingImports]
    CallToolAction,
    CallToolObservation,
    ListToolsAction,
    ListToolsObservation,
    Tool,
)
from openenv.core.env_server.types import (  # pyright: ignore[reportMissingImports]
    EnvironmentMetadata,
    Observation,
    State,
)
from pydantic import Field

from funcdex_assets.world_server.http_server import HostGuard
from funcdex_assets.world_server.session import SessionError, WorldSession

MOST_SESSIONS = 256  # at once; a batch of generations needs one each, and a session is a few hundred kilobytes
SPLIT = "goals"


class WorldObservation(Observation):
    """What an agent sees at the beginning: the goal's system prompt and request, as OpenAI messages."""

    goal: str | None = Field(default=None, description="The goal's id; none in a sandbox")
    messages: list[dict[str, str]] = Field(default_factory=list, description="The system prompt and the request")


class WorldState(State):
    """What a trainer sees and an agent does not: how far the goal is reached."""

    goal: str | None = Field(default=None, description="The goal's id; none in a sandbox")
    reached: bool | None = Field(default=None, description="Whether the end state is reached; none in a sandbox")
    differences: list[str] = Field(default_factory=list, description="What is missing, otherwise or too much")
    changes: list[str] = Field(default_factory=list, description="What was changed")
    checks_only: str = Field(default="", description="'nothing changed' where the goal has no change")


class WorldEnvironment(Environment):
    """One session as an environment. `begin_session` makes a new one, with its goals."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, begin_session: Callable[[], WorldSession], name: str = "world") -> None:
        super().__init__()
        self._session = begin_session()
        self._name = name
        self._episode_id: str | None = None

    def reset(
        self,
        seed: int | None = None,
        episode_id: str | None = None,
        goal: str | None = None,
        index: int | None = None,
        **_: Any,
    ) -> WorldObservation:
        """Starts over with a goal, by its id or its index; else `seed` chooses one; else it is the same one again.

        Without goals, `seed` is that of the sandbox. Other arguments, such as the columns of a row, are ignored.

        Raises:
            SessionError: there is no such goal.
        """
        goals = list(self._session.goals)
        if goal is None and goals and index is not None:
            if not 0 <= index < len(goals):
                raise SessionError(f"there is no goal {index}; there are {len(goals)}, counted from 0")
            goal = goals[index]
        elif goal is None and goals and seed is not None:
            goal = goals[seed % len(goals)]
        self._session.reset(goal, None if goals else seed)
        self._episode_id = episode_id
        present = self._session.goal
        return WorldObservation(
            goal=present.goal_id if present else None, messages=present.messages if present else [], reward=0.0
        )

    def step(self, action: Any, timeout_s: float | None = None, **_: Any) -> Observation:  # noqa: ARG002
        """Lists the tools or calls one; a service's error is the result of a call like any other."""
        if isinstance(action, ListToolsAction):
            tools = self._session.tools.values()
            return ListToolsObservation(
                tools=[
                    Tool(name=tool.name, description=tool.description, input_schema=dict(tool.parameters))
                    for tool in tools
                ]
            )
        if not isinstance(action, CallToolAction):
            raise SessionError(f"{type(action).__name__} is no action of a world; call or list its tools")
        outcome = self._session.call(action.tool_name, action.arguments)
        return CallToolObservation(
            tool_name=action.tool_name,
            result={"data": outcome.content, "is_error": outcome.is_error},
            reward=float(bool(self._session.check().reached)),
        )

    @property
    def state(self) -> WorldState:
        """The episode, for a trainer."""
        end_state = self._session.check()
        return WorldState(
            episode_id=self._episode_id,
            step_count=self._session.call_count,
            goal=self._session.goal.goal_id if self._session.goal else None,
            reached=end_state.reached,
            differences=list(end_state.differences),
            changes=list(end_state.changes),
            checks_only=end_state.checks_only,
        )

    def get_metadata(self) -> EnvironmentMetadata:
        """Returns the environment's name and what it is."""
        return EnvironmentMetadata(name=self._name, description=f"The world of {self._name}, behind its own tools")

    # ── the task API: goals by split and index ───────────────────────────────────────────────

    def list_splits(self) -> list[str]:
        """Lists the one split that there is."""
        return [SPLIT]

    def list_tasks(self, split: str) -> list[dict[str, Any]]:
        """Lists the goals: index, id and messages."""
        self._check_split(split)
        return [
            {"index": index, "id": goal.goal_id, "messages": goal.messages}
            for index, goal in enumerate(self._session.goals.values())
        ]

    def num_tasks(self, split: str) -> int:
        """Returns the number of goals."""
        self._check_split(split)
        return len(self._session.goals)

    def get_task(self, split: str, index: int) -> dict[str, Any]:
        """Returns a goal.

        Raises:
            IndexError: there is none at this index.
        """
        return self.list_tasks(split)[index]

    def get_task_range(self, split: str, start: int | None = None, stop: int | None = None) -> list[dict[str, Any]]:
        """Returns goals by the bounds of a slice."""
        return self.list_tasks(split)[start:stop]

    def _check_split(self, split: str) -> None:
        if split != SPLIT:
            raise SessionError(f"there is no split {split!r}; there is {SPLIT!r}")


def build_openenv_app(
    name: str, begin_session: Callable[[], WorldSession], host_names: tuple[str, ...], port: int
) -> Any:
    """Returns OpenEnv's own server of such environments; requests that name other hosts are refused."""
    app = create_fastapi_app(
        lambda: WorldEnvironment(begin_session, name),
        CallToolAction,
        CallToolObservation,
        max_concurrent_envs=MOST_SESSIONS,
        env_name=name,
        state_cls=WorldState,
        reset_observation_cls=WorldObservation,
        mode="simulation",
    )
    return HostGuard(app, host_names, port)
