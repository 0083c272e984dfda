"""Lists all roles, and their improvisations by name, which are what the offline engine plays. Add a new role here."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from funcdex_assets.roles import (
    assistant,
    conversation_writer,
    corrector,
    judge,
    persona_writer,
    planner,
    scenario_writer,
    system_prompt_writer,
    tool_simulator,
    user_simulator,
)

ROLES = (
    scenario_writer.ROLE,
    persona_writer.ROLE,
    planner.ROLE,
    user_simulator.ROLE,
    assistant.ROLE,
    tool_simulator.ROLE,
    conversation_writer.ROLE,
    corrector.ROLE,
    system_prompt_writer.ROLE,
    judge.ROLE,
)

IMPROVISATIONS: Mapping[str, Callable[[Any, Random], Any]] = {role.name: role.improvise for role in ROLES}
