"""Executes the tools of one conversation: a service with a state, as far as its tools tell what it is.

Belongs here: the order of the steps of one call. A `World` belongs to one conversation. It reads a call
(`call_intent`), builds its result from the schema (`result_builder`, `field_values`), gives every new entity an
identifier, and tells the same about the same entity whenever it comes up again (`entity_store`). Verbs decide what a
call changes (`state_changes`); listings page and filter (`listings.py`). Nothing is random beyond its seed: each call
draws from a generator of its own, so that a question more changes no other answer. See `docs/world.md`.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

import msgspec

from funcdex_assets.environment import error_causes, error_responses
from funcdex_assets.environment.call_context import CallContext
from funcdex_assets.environment.call_intent import MAX_ITEMS, CallIntent, read_call_intent
from funcdex_assets.environment.change_record import ChangeRecorder, StateChanges
from funcdex_assets.environment.entity_store import EntityStore
from funcdex_assets.environment.listings import build_call_key, record_shown_page
from funcdex_assets.environment.needed_states import LaterUse, settle_needed_states
from funcdex_assets.environment.paging import PageWindow, can_page, read_page_window
from funcdex_assets.environment.preconditions import CallAttempt, find_refusal, find_subject_of_call
from funcdex_assets.environment.result_builder import ResultBuilder
from funcdex_assets.environment.schema_repair import replace_unsuitable_values
from funcdex_assets.environment.service_conditions import SERVICE_FAULTS, Condition, ServiceConditions
from funcdex_assets.environment.state_changes import apply_call_effects, apply_links, delete_parts
from funcdex_assets.language.values import Situation
from funcdex_assets.records.labels import Fault
from funcdex_assets.records.seeds import build_generator
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.schema import Schema
from funcdex_assets.semantics.result_schema import (
    add_echoed_arguments,
    complete_result_schema,
    list_echoed_arguments,
    lists_things,
)
from funcdex_assets.semantics.stated_rules import DeletesParts, InitialState, StatedRule, read_stated_rules

WORLD_VERSION = 4
"""Of the results for the same seed and calls; raised with every change of them."""

NO_PATHS: frozenset[str] = frozenset()


class RefusedError(Exception):
    """A call that the service refuses because of its state; `content` is the error that it answers."""

    def __init__(self, content: Any) -> None:
        super().__init__(str(content))
        self.content = content


class World:
    """A service whose entities stay as calls left them; listings have up to `max_items` items. `tools` are those whose
    descriptions state the service's rules; a tool that is called is among them from then on.
    """

    def __init__(self, situation: Situation, seed: int, max_items: int = MAX_ITEMS, tools: Iterable[Tool] = ()):
        self._max_items = max_items
        self._situation = situation
        self._seed = seed
        self._entities = EntityStore()
        self._changes = ChangeRecorder()
        self._clock = situation.now
        self._answered_lookups: dict[tuple[str, str, str], tuple[int, Any]] = {}
        self._conditions = ServiceConditions()
        self._call_times: dict[str, list[datetime]] = {}
        self._rules_of_service: dict[str, list[StatedRule]] = {}
        self._known_tools: set[str] = set()
        self._echoed_arguments: dict[tuple[str, str], dict[str, Schema]] = {}  # of things without a schema, by noun
        for tool in tools:
            self._learn_rules(tool)

    def execute_call(
        self,
        tool: Tool,
        arguments: Mapping[str, Any],
        needed: frozenset[str] = NO_PATHS,
        argument_schemas: Mapping[str, Sequence[Schema]] = MappingProxyType({}),
        later_uses: Sequence[LaterUse] = (),
    ) -> Any:
        """Returns the result of a call, valid under the tool's response schema.

        `needed` are result paths (`/threads/*/id`, `/threads/2/id`) that must be present because a later call
        will use them; `*` means the first item. Optional fields are otherwise sometimes left out, as real
        services do. `argument_schemas` says by such a path what else holds for the value there, because it becomes an
        argument. `later_uses` are those calls: what they are about is in a state that permits them, if it is new.

        Raises:
            OverflowError: a date among the arguments is at an end of the calendar.
            RefusedError: the call names something that was deleted before, its service cannot be used at present, or
                the state or a stated rule forbids it.
        """
        parameters = tool.parameters.get("properties", {})
        is_listing = lists_things(tool)
        window = read_page_window(tool, arguments) if is_listing else None
        asked = arguments if window is None else window.arguments
        intent = read_call_intent(
            tool.name,
            asked,
            self._situation.now,
            build_call_key(asked),
            self._max_items,
            parameters,
            is_listing=is_listing,
            lists_all=window is not None or not can_page(tool),
        )
        question = (tool.name, intent.key, intent.page_token)
        rng = build_generator("call", self._seed, *question, self._entities.change_count)
        self._clock += timedelta(seconds=rng.randint(20, 90))
        self._refuse_call(tool, arguments, intent)
        self._call_times.setdefault(tool.name, []).append(self._clock)
        earlier_result = self._find_earlier_result(question, needed) if intent.is_lookup else None
        if earlier_result is not None:
            return self._cut_to_page(earlier_result, window, intent, tool)
        self._changes.begin_call(intent, self._entities)
        apply_links(intent, self._entities)
        stated_rules = read_stated_rules(tool)
        initial_state = next((rule.state for rule in stated_rules if isinstance(rule, InitialState)), "")
        context = CallContext(
            self._situation, intent, self._entities, self._clock, rng, self._seed, initial_state=initial_state
        )
        echoed = self._echoed_arguments.setdefault((tool.toolkit, intent.name.noun), {})
        echoed |= list_echoed_arguments(tool, arguments)
        schema = add_echoed_arguments(complete_result_schema(tool), tool, echoed)
        builder = ResultBuilder(schema, context, needed)
        result = replace_unsuitable_values(builder.build_result(), schema, argument_schemas, rng)
        known_rules = self._rules_of_service.get(tool.toolkit, ())
        result = settle_needed_states(result, schema, later_uses, known_rules, context)
        shown_entities = self._entities.remember_result(result, intent.result_noun, intent.parents)
        if intent.viewed_noun and not intent.is_listing and isinstance(result, dict):
            scalars = {key: value for key, value in result.items() if not isinstance(value, dict | list)}
            self._entities.remember_result(scalars, intent.viewed_noun)
        builder.pager.record_pages(result)
        apply_call_effects(intent, arguments, shown_entities, result, self._entities, self._clock)
        delete_parts(intent, [rule for rule in stated_rules if isinstance(rule, DeletesParts)], self._entities)
        self._changes.end_call(intent, shown_entities, self._entities, tool)
        if intent.is_lookup:
            self._answered_lookups[question] = (self._entities.change_count, result)
        return self._cut_to_page(result, window, intent, tool)

    def _cut_to_page(self, result: Any, window: PageWindow | None, intent: CallIntent, tool: Tool) -> Any:
        """Returns the page that is asked for, where pages are counted; the world has made the whole listing."""
        if window is None:
            return result
        paths = [path for name, key, path in self._entities.listings if (name, key) == (tool.name, intent.key)]
        return window.cut(result, paths, complete_result_schema(tool))

    def answer_fault(self, tool: Tool, arguments: Mapping[str, Any], fault: Fault, about: str = "") -> tuple[Any, bool]:
        """Returns the content of a call that goes wrong in this way, and whether it is an error; nothing changes.

        `about` is the JSON pointer of the argument at fault. An `empty_result` is no error, but the listing
        without items. An expired sign-in, a missing right and a used-up limit last until `begin_user_turn`.

        Raises:
            ValueError: a tool that lists nothing cannot have an empty result (see `can_be_empty`).
        """
        content, is_error = error_responses.build_faulty_result(
            tool, arguments, fault, about, self._situation, self._seed, self._entities
        )
        if fault in SERVICE_FAULTS:
            wait = error_responses.choose_seconds_to_wait(tool, arguments, self._seed)
            until = self._clock + timedelta(seconds=wait) if fault == "rate_limit" else None
            subject = "" if fault != "permission_denied" or about == tool.name else find_subject_of_call(arguments)
            self._conditions.add(Condition(fault, tool.toolkit, tool.name, self._clock, until, subject))
        return content, is_error

    def find_cause(self, tool: Tool, arguments: Mapping[str, Any], fault: Fault, about: str = "") -> str:
        """Returns in words by what a call failed, as the state tells; '' if nothing in it explains the failure."""
        return error_causes.find_cause(tool, arguments, fault, about, self._entities, self._conditions)

    def begin_user_turn(self) -> None:
        """Lets the user speak: what people could see to meanwhile is seen to, and the time to wait is over."""
        self._clock = self._conditions.end_all(self._clock)

    def remember_result(self, tool: str, result: Any, arguments: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Takes in a result that somebody else made, and what its call changed, so that later results agree with both.

        Raises:
            OverflowError: a date among the arguments is at an end of the calendar.
        """
        intent = read_call_intent(tool, arguments, self._situation.now, build_call_key(arguments))
        self._changes.begin_call(intent, self._entities)
        apply_links(intent, self._entities)
        shown_entities = self._entities.remember_result(result, intent.result_noun, intent.parents)
        record_shown_page(result, intent, self._entities)
        apply_call_effects(intent, arguments, shown_entities, result, self._entities, self._clock)
        self._changes.end_call(intent, shown_entities, self._entities)

    def record_acknowledged_call(self, tool: Tool, arguments: Mapping[str, Any]) -> None:
        """Records what a call changed that was answered by an acknowledgement alone; no later result depends on it.

        One with a date at an end of the calendar is not recorded.
        """
        try:
            intent = read_call_intent(tool.name, arguments, self._situation.now)
        except OverflowError:
            return
        self._changes.begin_call(intent, self._entities)
        self._changes.end_call(intent, None, self._entities, tool)

    def list_changes(self) -> StateChanges:
        """Returns what the calls so far have changed; reading changes nothing, and what cancels out is no change."""
        return self._changes.list_changes(self._entities)

    def hash_state(self) -> str:
        """Returns a hash of all that the world knows by now, the same for the same history of calls."""
        state = {**self._entities.dump_state(), "clock": self._clock.isoformat(), "conditions": self._conditions.dump()}
        return blake2b(msgspec.json.encode(state, order="deterministic"), digest_size=16).hexdigest()

    def _learn_rules(self, tool: Tool) -> None:
        """Takes in the rules that a tool's description states; some bind other tools of its service."""
        if tool.name not in self._known_tools:
            self._known_tools.add(tool.name)
            self._rules_of_service.setdefault(tool.toolkit, []).extend(read_stated_rules(tool))

    def _refuse_call(self, tool: Tool, arguments: Mapping[str, Any], intent: CallIntent) -> None:
        """Raises the error of a call that the service cannot or may not answer as things stand."""
        deleted_entity = None if intent.restores_object else self._entities.find_deleted(intent.named_entities)
        if deleted_entity:
            raise RefusedError(error_responses.build_deleted_error(tool, arguments, *deleted_entity, self._seed))
        subject = find_subject_of_call(arguments)
        condition = self._conditions.find(tool.toolkit, tool.name, self._clock, subject)
        if condition:
            wait = condition.count_seconds_left(self._clock)
            raise RefusedError(
                error_responses.build_condition_error(tool, arguments, condition.fault, wait, self._seed)
            )
        self._learn_rules(tool)
        rules_of_service = self._rules_of_service[tool.toolkit]
        attempt = CallAttempt(
            tool, intent, read_stated_rules(tool), rules_of_service, self._entities, self._clock, self._call_times
        )
        refusal = find_refusal(attempt)
        if refusal:
            raise RefusedError(error_responses.build_refusal(tool, arguments, refusal, self._seed))

    def _find_earlier_result(self, question: tuple[str, str, str], needed: frozenset[str]) -> Any:
        """Returns the answer to the same question, if nothing has changed since and it has what is needed."""
        changes, result = self._answered_lookups.get(question, (-1, None))
        if changes != self._entities.change_count:
            return None
        if any(at_pointer(result, path) in (None, "", [], {}) for path in needed):
            return None
        return deepcopy(result)
