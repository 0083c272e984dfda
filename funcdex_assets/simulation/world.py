"""The tool executor of one conversation: results that obey the response schema and remember.

A `World` belongs to one conversation. It makes results from schemas (`results.py`, `fields.py`), echoes
what a call said (`demand.py`), gives every new thing an id, and tells the same about the same thing
whenever it comes up again (`memory.py`). Nothing is random beyond its seed.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from random import Random
from types import MappingProxyType
from typing import Any

from funcdex_assets.catalog.json_schema import Schema
from funcdex_assets.catalog.names import parse_tool_name
from funcdex_assets.catalog.results import result_schema
from funcdex_assets.language.values import Situation
from funcdex_assets.records import Fault, Tool
from funcdex_assets.simulation.demand import Demand
from funcdex_assets.simulation.fields import FieldMaker
from funcdex_assets.simulation.memory import Memory
from funcdex_assets.simulation.mending import suited
from funcdex_assets.simulation.results import ResultMaker


class World:
    """`execute` runs a call; things made, listed or changed are remembered by noun and id."""

    def __init__(self, situation: Situation, seed: int):
        self._situation = situation
        self._rng = Random(seed)
        self._memory = Memory()
        self._clock = situation.now

    def execute(
        self,
        tool: Tool,
        arguments: Mapping[str, Any],
        needed: frozenset[str] = frozenset(),
        taken: Mapping[str, Sequence[Schema]] = MappingProxyType({}),
    ) -> Any:
        """The result of a call, valid under the tool's response schema.

        `needed` are result paths (`/threads/*/id`) that must be present because a later call will use
        them; optional fields are otherwise sometimes left out, as real services do. `taken` says by such
        a path what else holds for the value there, because it becomes an argument.

        Raises:
            OverflowError: a date among the arguments is at an end of the calendar.
        """
        self._clock += timedelta(seconds=self._rng.randint(20, 90))
        demand = Demand(parse_tool_name(tool.name), arguments, self._situation.now)
        fields = FieldMaker(self._situation, demand, self._memory, self._clock, self._rng)
        schema = result_schema(tool)
        result = ResultMaker(schema, demand, self._memory, fields, needed, self._rng).make()
        result = suited(result, schema, taken, self._rng)
        self._memory.remember(result, demand.name.noun)
        return result

    def fail(self, tool: Tool, arguments: Mapping[str, Any], fault: Fault, about: str = "") -> tuple[Any, bool]:
        """The content of a call that goes wrong in this way, and whether it is an error."""
        return {"error": {"code": fault, "message": f"{fault} {about}"}}, True

    def witness(self, tool: str, result: Any) -> None:
        """Takes in a result that somebody else made, so that later ones agree with it."""
        self._memory.remember(result, parse_tool_name(tool).noun)
