"""The tool executor of one conversation: a service with a state, as far as its tools tell what it is.

A `World` belongs to one conversation. It makes results from schemas (`results.py`, `fields.py`), echoes
what a call said (`demand.py`), gives every new thing an id, and tells the same about the same thing
whenever it comes up again (`memory.py`). Verbs decide what a call changes (`effects.py`); listings page and
filter (`listings.py`). Nothing is random beyond its seed. See `docs/world.md`.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import timedelta
from hashlib import blake2b
from random import Random
from types import MappingProxyType
from typing import Any

import msgspec

from funcdex_assets.catalog.json_schema import Schema, at_pointer
from funcdex_assets.catalog.names import parse_tool_name
from funcdex_assets.catalog.results import result_schema
from funcdex_assets.language.values import Situation
from funcdex_assets.records import Fault, Tool
from funcdex_assets.simulation import faults
from funcdex_assets.simulation.call_context import CallContext
from funcdex_assets.simulation.demand import MAX_ITEMS, read_call_intent
from funcdex_assets.simulation.effects import put_links, settle
from funcdex_assets.simulation.listings import call_key
from funcdex_assets.simulation.memory import Memory
from funcdex_assets.simulation.mending import suited
from funcdex_assets.simulation.results import ResultBuilder

VERSION = 2
"""Of the results for the same seed and calls; raised with every change of them."""

NOTHING: frozenset[str] = frozenset()


class RefusedError(Exception):
    """The service refuses the call, because of its state; `content` is what it answers."""

    def __init__(self, content: Any) -> None:
        super().__init__(str(content))
        self.content = content


class World:
    """`execute` runs a call; what it made, listed, changed or deleted is so from then on. Listings have up to `page`
    items.
    """

    def __init__(self, situation: Situation, seed: int, page: int = MAX_ITEMS):
        self._page = page
        self._situation = situation
        self._seed = seed
        self._rng = Random(seed)
        self._memory = Memory()
        self._clock = situation.now
        self._read: dict[tuple[str, str, str], tuple[int, Any]] = {}

    def execute(
        self,
        tool: Tool,
        arguments: Mapping[str, Any],
        needed: frozenset[str] = NOTHING,
        taken: Mapping[str, Sequence[Schema]] = MappingProxyType({}),
    ) -> Any:
        """The result of a call, valid under the tool's response schema.

        `needed` are result paths (`/threads/*/id`, `/threads/2/id`) that must be present because a later call
        will use them; `*` means the first item. Optional fields are otherwise sometimes left out, as real
        services do. `taken` says by such a path what else holds for the value there, because it becomes an
        argument.

        Raises:
            OverflowError: a date among the arguments is at an end of the calendar.
            RefusedError: the call names something that was deleted before.
        """
        parameters = tool.parameters.get("properties", {})
        demand = read_call_intent(
            tool.name, arguments, self._situation.now, call_key(arguments), self._page, parameters
        )
        if not demand.restores_object and (lost := self._memory.lost(demand.named_entities)):
            raise RefusedError(faults.lost(tool, arguments, *lost, self._seed))
        self._clock += timedelta(seconds=self._rng.randint(20, 90))
        asked = (tool.name, demand.key, demand.page_token)
        if demand.is_lookup and (again := self._read_before(asked, needed)) is not None:
            return again
        put_links(demand, self._memory)
        context = CallContext(self._situation, demand, self._memory, self._clock, self._rng)
        schema = result_schema(tool)
        builder = ResultBuilder(schema, context, needed)
        result = suited(builder.build_result(), schema, taken, self._rng)
        told = self._memory.remember(result, demand.result_noun, demand.parents)
        if demand.viewed_noun and not demand.is_listing and isinstance(result, dict):
            shown = {key: value for key, value in result.items() if not isinstance(value, dict | list)}
            self._memory.remember(shown, demand.viewed_noun)
        builder.pager.finish(result)
        settle(demand, arguments, told, result, self._memory, self._clock)
        if demand.is_lookup:
            self._read[asked] = (self._memory.changes, result)
        return result

    def fail(self, tool: Tool, arguments: Mapping[str, Any], fault: Fault, about: str = "") -> tuple[Any, bool]:
        """The content of a call that goes wrong in this way, and whether it is an error; nothing changes.

        `about` is the JSON pointer of the argument at fault. An `empty_result` is no error, but the listing
        without items.

        Raises:
            ValueError: a tool that lists nothing cannot have an empty result (see `faults.can_be_empty`).
        """
        return faults.failure(tool, arguments, fault, about, self._situation, self._seed, self._memory)

    def witness(self, tool: str, result: Any) -> None:
        """Takes in a result that somebody else made, so that later ones agree with it."""
        self._memory.remember(result, parse_tool_name(tool).noun)

    def seal(self) -> str:
        """A hash of all that the world knows by now, the same for the same history of calls."""
        state = {**self._memory.state(), "clock": self._clock.isoformat()}
        return blake2b(msgspec.json.encode(state, order="deterministic"), digest_size=16).hexdigest()

    def _read_before(self, asked: tuple[str, str, str], needed: frozenset[str]) -> Any:
        """What the same question was answered, when nothing has changed since and it has what is needed."""
        changes, result = self._read.get(asked, (-1, None))
        if changes != self._memory.changes:
            return None
        if any(at_pointer(result, path) in (None, "", [], {}) for path in needed):
            return None
        return deepcopy(result)
