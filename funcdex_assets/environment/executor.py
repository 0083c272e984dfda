"""Runs the calls of a conversation in a world, and records them so that they can be run again.

Belongs here: what the turn loop and the replay share, so that both refuse, fail and answer alike.
"""

from collections.abc import Mapping, Sequence

from funcdex_assets.environment.call_intent import MAX_ITEMS
from funcdex_assets.environment.needed_states import LaterUse
from funcdex_assets.environment.world import WORLD_VERSION, RefusedError, World
from funcdex_assets.language.values import Situation
from funcdex_assets.records.conversation import Need, Seal, SealedCall
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.message import ToolCall, ToolResult
from funcdex_assets.records.record import Json
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.references import schema_at
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.validation import find_violations

MAX_ITEMS_BY_KIND: Mapping[Kind, int] = {"long_context": 12}
"""The most items of a listing, where a kind of conversations has larger ones than others."""


ACKNOWLEDGEMENT = {"status": "ok"}
"""The result of a tool that declares none, where nothing may be invented: it was called, and that is all."""


def is_acknowledgement(content: Json) -> bool:
    """True for a result that says no more than that the call was carried out."""
    if isinstance(content, dict) and len(content) <= 1:
        content = next(iter(content.values()), None)
    return content in (None, "", "ok", "OK", "done", "success", "accepted") or content is True


class Executor:
    """Runs calls of one conversation; `tools` are those that can be called, by name."""

    def __init__(self, situation: Situation, seed: int, tools: Mapping[str, Tool]) -> None:
        self._seed, self._tools = seed, tools
        max_items = MAX_ITEMS_BY_KIND.get(situation.scenario.kind, MAX_ITEMS)
        self.world = World(situation, seed, max_items, tools.values())
        self._is_closed_book = situation.scenario.kind in ("command", "single_turn")
        self._sealed_calls: list[SealedCall] = []

    def run(self, call: ToolCall, hints: SealedCall) -> ToolResult:
        """Returns the call's result: the world's, a fault if `hints` say so, or an error where the call makes no sense.

        Raises:
            ValueError: the fault is an empty result, which the tool cannot have.
        """
        self._sealed_calls.append(hints)
        if hints.refused:
            return _build_refusal(call, hints.refused)
        refused_result = refuse_invalid_call(call, self._tools)
        if refused_result:
            return refused_result
        tool, error = self._tools[call.name], False
        try:
            if hints.fault is not None:
                content, error = self.world.answer_fault(tool, call.arguments, hints.fault, hints.about)
            elif self._is_closed_book and tool.returns is None:
                content = ACKNOWLEDGEMENT
                self.world.record_acknowledged_call(tool, call.arguments)
            else:
                needed = frozenset(need.path for need in hints.needs)
                content = self.world.execute_call(
                    tool,
                    call.arguments,
                    needed,
                    collect_argument_schemas(hints.needs, self._tools),
                    [
                        LaterUse(need.path, self._tools[need.tool], need.argument)
                        for need in hints.needs
                        if need.tool in self._tools
                    ],
                )
        except RefusedError as refused:
            content, error = refused.content, True
        except OverflowError:  # a date from which nothing can be reckoned, such as 9999-12-31
            return _build_refusal(call, "a date is out of range")
        return ToolResult(call_id=call.id, name=call.name, content=content, error=error)

    def begin_user_turn(self) -> None:
        """Lets the user speak, who sees to what made calls fail, such as an expired sign-in."""
        self.world.begin_user_turn()

    def seal_calls(self) -> Seal:
        """Returns the record of all calls run so far, with a hash of the state after them."""
        return Seal(
            world=WORLD_VERSION, seed=self._seed, state=self.world.hash_state(), calls=tuple(self._sealed_calls)
        )


def refuse_invalid_call(call: ToolCall, tools: Mapping[str, Tool]) -> ToolResult | None:
    """Returns the error of a call that no service would accept: an unknown tool, invalid arguments; else None."""
    tool = tools.get(call.name)
    reasons = find_violations(tool.parameters, call.arguments) if tool else [f"there is no tool {call.name!r}"]
    return _build_refusal(call, "; ".join(reasons)) if reasons else None


def collect_argument_schemas(needs: Sequence[Need], tools: Mapping[str, Tool]) -> dict[str, list[Schema]]:
    """Returns the schemas of the arguments that later calls fill from a result, by path in the result."""
    schemas: dict[str, list[Schema]] = {}
    for need in needs:
        if need.tool in tools:
            schema = schema_at(tools[need.tool].parameters, need.argument)
            schemas.setdefault(need.path, []).append(schema or {})
    return schemas


def _build_refusal(call: ToolCall, reason: str) -> ToolResult:
    return ToolResult(call_id=call.id, name=call.name, content={"error": reason}, error=True)
