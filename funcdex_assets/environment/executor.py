"""Calls executed in a world, and the record by which they can be executed again.

The turn loop and the replay run calls by the same code, so that both refuse, fail and answer alike.
"""

from collections.abc import Mapping, Sequence

from funcdex_assets.environment.call_intent import MAX_ITEMS
from funcdex_assets.environment.world import VERSION, RefusedError, World
from funcdex_assets.language.values import Situation
from funcdex_assets.records.conversation import Need, Seal, SealedCall
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.message import ToolCall, ToolResult
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.references import schema_at
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.validation import problems

PAGES: Mapping[Kind, int] = {"long_context": 12}
"""The most items of a listing, where a kind of conversations has larger ones than others."""


class Executor:
    """`tools` are those that can be called, by name."""

    def __init__(self, situation: Situation, seed: int, tools: Mapping[str, Tool]) -> None:
        self._seed, self._tools = seed, tools
        self.world = World(situation, seed, PAGES.get(situation.scenario.kind, MAX_ITEMS))
        self._calls: list[SealedCall] = []

    def run(self, call: ToolCall, hints: SealedCall) -> ToolResult:
        """The call's result: as the world makes it, wrong as `hints` say, or an error where the call makes no sense.

        Raises:
            ValueError: the fault is an empty result, which the tool cannot have.
        """
        self._calls.append(hints)
        if hints.refused:
            return _refused(call, hints.refused)
        if wrong := refusal(call, self._tools):
            return wrong
        tool, error = self._tools[call.name], False
        try:
            if hints.fault is not None:
                content, error = self.world.fail(tool, call.arguments, hints.fault, hints.about)
            else:
                needed = frozenset(need.path for need in hints.needs)
                content = self.world.execute(tool, call.arguments, needed, taken(hints.needs, self._tools))
        except RefusedError as refused:
            content, error = refused.content, True
        except OverflowError:  # a date from which nothing can be reckoned, such as 9999-12-31
            return _refused(call, "a date is out of range")
        return ToolResult(call_id=call.id, name=call.name, content=content, error=error)

    def seal(self) -> Seal:
        return Seal(world=VERSION, seed=self._seed, state=self.world.seal(), calls=tuple(self._calls))


def refusal(call: ToolCall, tools: Mapping[str, Tool]) -> ToolResult | None:
    """The error of a call that no service would take: an unknown tool, invalid arguments."""
    tool = tools.get(call.name)
    wrong = problems(tool.parameters, call.arguments) if tool else [f"there is no tool {call.name!r}"]
    return _refused(call, "; ".join(wrong)) if wrong else None


def taken(needs: Sequence[Need], tools: Mapping[str, Tool]) -> dict[str, list[Schema]]:
    """By path in a result, what holds for the arguments that later calls fill from there."""
    found: dict[str, list[Schema]] = {}
    for need in needs:
        if need.tool in tools:
            schema = schema_at(tools[need.tool].parameters, need.argument)
            found.setdefault(need.path, []).append(schema or {})
    return found


def _refused(call: ToolCall, reason: str) -> ToolResult:
    return ToolResult(call_id=call.id, name=call.name, content={"error": reason}, error=True)
