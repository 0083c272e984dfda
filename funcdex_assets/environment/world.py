"""Executes the tools of one conversation: a service with a state, as far as its tools tell what it is.

Belongs here: the order of the steps of one call. A `World` belongs to one conversation. It reads a call
(`call_intent`), builds its result from the schema (`result_builder`, `field_values`), gives every new entity an
identifier, and tells the same about the same entity whenever it comes up again (`entity_store`). Verbs decide what a
call changes (`state_changes`); listings page and filter (`listings.py`). Nothing is random beyond its seed: each call
draws from a generator of its own, so that a question more changes no other answer. See `docs/world.md`.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import timedelta
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

import msgspec

from funcdex_assets.environment import error_responses
from funcdex_assets.environment.call_context import CallContext
from funcdex_assets.environment.call_intent import MAX_ITEMS, read_call_intent
from funcdex_assets.environment.entity_store import EntityStore
from funcdex_assets.environment.listings import build_call_key, record_shown_page
from funcdex_assets.environment.result_builder import ResultBuilder
from funcdex_assets.environment.schema_repair import replace_unsuitable_values
from funcdex_assets.environment.state_changes import apply_call_effects, apply_links
from funcdex_assets.language.values import Situation
from funcdex_assets.records.labels import Fault
from funcdex_assets.records.seeds import build_generator
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.schema import Schema
from funcdex_assets.semantics.result_schema import complete_result_schema, lists_things

WORLD_VERSION = 4
"""Of the results for the same seed and calls; raised with every change of them."""

NO_PATHS: frozenset[str] = frozenset()


class RefusedError(Exception):
    """A call that the service refuses because of its state; `content` is the error that it answers."""

    def __init__(self, content: Any) -> None:
        super().__init__(str(content))
        self.content = content


class World:
    """A service whose entities stay as calls left them; listings have up to `max_items` items."""

    def __init__(self, situation: Situation, seed: int, max_items: int = MAX_ITEMS):
        self._max_items = max_items
        self._situation = situation
        self._seed = seed
        self._entities = EntityStore()
        self._clock = situation.now
        self._answered_lookups: dict[tuple[str, str, str], tuple[int, Any]] = {}

    def execute_call(
        self,
        tool: Tool,
        arguments: Mapping[str, Any],
        needed: frozenset[str] = NO_PATHS,
        argument_schemas: Mapping[str, Sequence[Schema]] = MappingProxyType({}),
    ) -> Any:
        """Returns the result of a call, valid under the tool's response schema.

        `needed` are result paths (`/threads/*/id`, `/threads/2/id`) that must be present because a later call
        will use them; `*` means the first item. Optional fields are otherwise sometimes left out, as real
        services do. `argument_schemas` says by such a path what else holds for the value there, because it becomes an
        argument.

        Raises:
            OverflowError: a date among the arguments is at an end of the calendar.
            RefusedError: the call names something that was deleted before.
        """
        parameters = tool.parameters.get("properties", {})
        intent = read_call_intent(
            tool.name,
            arguments,
            self._situation.now,
            build_call_key(arguments),
            self._max_items,
            parameters,
            is_listing=lists_things(tool),
        )
        deleted_entity = None if intent.restores_object else self._entities.find_deleted(intent.named_entities)
        if deleted_entity:
            raise RefusedError(error_responses.build_deleted_error(tool, arguments, *deleted_entity, self._seed))
        question = (tool.name, intent.key, intent.page_token)
        rng = build_generator("call", self._seed, *question, self._entities.change_count)
        self._clock += timedelta(seconds=rng.randint(20, 90))
        earlier_result = self._find_earlier_result(question, needed) if intent.is_lookup else None
        if earlier_result is not None:
            return earlier_result
        apply_links(intent, self._entities)
        context = CallContext(self._situation, intent, self._entities, self._clock, rng)
        schema = complete_result_schema(tool)
        builder = ResultBuilder(schema, context, needed)
        result = replace_unsuitable_values(builder.build_result(), schema, argument_schemas, rng)
        shown_entities = self._entities.remember_result(result, intent.result_noun, intent.parents)
        if intent.viewed_noun and not intent.is_listing and isinstance(result, dict):
            scalars = {key: value for key, value in result.items() if not isinstance(value, dict | list)}
            self._entities.remember_result(scalars, intent.viewed_noun)
        builder.pager.record_pages(result)
        apply_call_effects(intent, arguments, shown_entities, result, self._entities, self._clock)
        if intent.is_lookup:
            self._answered_lookups[question] = (self._entities.change_count, result)
        return result

    def answer_fault(self, tool: Tool, arguments: Mapping[str, Any], fault: Fault, about: str = "") -> tuple[Any, bool]:
        """Returns the content of a call that goes wrong in this way, and whether it is an error; nothing changes.

        `about` is the JSON pointer of the argument at fault. An `empty_result` is no error, but the listing
        without items.

        Raises:
            ValueError: a tool that lists nothing cannot have an empty result (see `can_be_empty`).
        """
        return error_responses.build_faulty_result(
            tool, arguments, fault, about, self._situation, self._seed, self._entities
        )

    def remember_result(self, tool: str, result: Any, arguments: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Takes in a result that somebody else made, and what its call changed, so that later results agree with both.

        Raises:
            OverflowError: a date among the arguments is at an end of the calendar.
        """
        intent = read_call_intent(tool, arguments, self._situation.now, build_call_key(arguments))
        apply_links(intent, self._entities)
        shown_entities = self._entities.remember_result(result, intent.result_noun, intent.parents)
        record_shown_page(result, intent, self._entities)
        apply_call_effects(intent, arguments, shown_entities, result, self._entities, self._clock)

    def hash_state(self) -> str:
        """Returns a hash of all that the world knows by now, the same for the same history of calls."""
        state = {**self._entities.dump_state(), "clock": self._clock.isoformat()}
        return blake2b(msgspec.json.encode(state, order="deterministic"), digest_size=16).hexdigest()

    def _find_earlier_result(self, question: tuple[str, str, str], needed: frozenset[str]) -> Any:
        """Returns the answer to the same question, if nothing has changed since and it has what is needed."""
        changes, result = self._answered_lookups.get(question, (-1, None))
        if changes != self._entities.change_count:
            return None
        if any(at_pointer(result, path) in (None, "", [], {}) for path in needed):
            return None
        return deepcopy(result)
