"""Opens the world of a toolkit or bundle of a project, so that sessions can begin in it.

world = open_world(load_settings(), "gmail", [Path("train.jsonl")])
session = world.begin_session()
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from funcdex_assets.catalog.load import load_tools
from funcdex_assets.language.values import Situation
from funcdex_assets.records.suggestions import suggest_name
from funcdex_assets.records.tool import Tool
from funcdex_assets.settings.settings import Settings
from funcdex_assets.world_server.goals import Goal, read_goals
from funcdex_assets.world_server.sandbox import SANDBOX_MOMENT, build_sandbox_situation
from funcdex_assets.world_server.session import SessionError, WorldSession


@dataclass(frozen=True)
class OpenedWorld:
    """The tools of a world, the situation and the seed where there is no goal, and the goals.

    `left_out` counts the rows that are no goals, by reason.
    """

    tools: Sequence[Tool]
    situation: Situation
    seed: int
    goals: Sequence[Goal] = ()
    left_out: Counter[str] = field(default_factory=Counter)

    def begin_session(self) -> WorldSession:
        """Begins a session of its own, with the first goal where there are goals."""
        return WorldSession(self.tools, self.situation, self.seed, self.goals)


def open_world(
    settings: Settings,
    partition: str,
    goal_files: Sequence[Path] = (),
    *,
    seed: int = 0,
    user: str = "Alex Moreau",
    moment: str = SANDBOX_MOMENT,
    with_unchanged: bool = False,
) -> OpenedWorld:
    """Opens the world of a partition of a project; `goal_files` are published rows (see `goals.read_goals`).

    Raises:
        SessionError: there is no such partition, or the moment is no date-time with an offset.
        GoalError: no row is a goal.
    """
    if partition not in settings.partitions:
        raise SessionError(
            f"{partition!r} is not a partition{suggest_name(partition, settings.partitions)}; "
            f"there are: {', '.join(settings.partitions)}"
        )
    if not _is_moment(moment):
        raise SessionError(f"the moment {moment!r} is no date-time with an offset; write it as {SANDBOX_MOMENT}")
    tools = load_tools(settings.find_tool_files(partition))
    goals: list[Goal] = []
    left_out: Counter[str] = Counter()
    if goal_files:
        goals, left_out = read_goals(goal_files, {tool.name: tool for tool in tools}, with_unchanged=with_unchanged)
    return OpenedWorld(tools, build_sandbox_situation(tools, user, moment, seed), seed, goals, left_out)


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
