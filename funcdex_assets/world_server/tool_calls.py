"""Executes single calls for those who act in a world from outside.

Belongs here: what a session and the reference run of a goal share, so that both record the same changes.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from funcdex_assets.environment.change_record import STATE_OF_VERB
from funcdex_assets.environment.executor import Executor
from funcdex_assets.records.conversation import SealedCall
from funcdex_assets.records.message import ToolCall
from funcdex_assets.records.tool import Tool
from funcdex_assets.semantics.tool_names import READING_VERBS, parse_tool_name
from funcdex_assets.semantics.vocabulary import READING_ACTIONS, RESTORING_VERBS


class CallOutcome(NamedTuple):
    """The answer to a call: JSON content, and whether it is an error."""

    content: Any
    is_error: bool


def execute_call(
    executor: Executor, tool: Tool, arguments: Mapping[str, Any], hints: SealedCall | None = None
) -> CallOutcome:
    """Executes a call in an executor's world."""
    result = executor.run(ToolCall(id="call", name=tool.name, arguments=dict(arguments)), hints or SealedCall())
    return CallOutcome(result.content, result.error)


def is_lookup(tool: Tool) -> bool:
    """Returns whether a tool only reads; an unknown verb reads where the tool declares a result."""
    name = parse_tool_name(tool.name)
    if name.verb in RESTORING_VERBS or name.verb in STATE_OF_VERB or acts_by_unknown_verb(tool):
        return False
    return name.action in READING_ACTIONS


def acts_by_unknown_verb(tool: Tool) -> bool:
    """Returns whether a tool such as `lock_door` acts: it declares no result, and its verb is no word for reading."""
    return tool.returns is None and parse_tool_name(tool.name).verb not in READING_VERBS
