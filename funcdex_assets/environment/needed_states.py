"""Puts what later calls need into a state that permits them: an invoice that is to be finalised is listed as a draft.

Belongs here: the states, rights and moments that stated rules ask for. Only what is shown for the first time is put so;
what a result has told before stays, and a call that it forbids is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from funcdex_assets.environment.entity_store import EntityStore, canonicalize_noun, normalize_field_name
from funcdex_assets.environment.preconditions import READ_ONLY_ROLES, ROLE_FIELDS, list_required_states
from funcdex_assets.language.values import render_moment
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.references import raw_at, resolve_schema
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.validation import compile_validator
from funcdex_assets.semantics.stated_rules import OnlyWayAfterSilence, StatedRule, read_stated_rules
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun, parse_tool_name
from funcdex_assets.semantics.vocabulary import READING_ACTIONS

_HOURS_SINCE_MESSAGE = 3
_DATE_LENGTH = 10  # of 2026-01-05


class LaterUse(NamedTuple):
    """A later call of the tool takes the value at a path of this result as its argument."""

    path: str
    tool: Tool
    argument: str


def settle_needed_states(
    result: Any,
    schema: Schema,
    later_uses: Sequence[LaterUse],
    known: Sequence[StatedRule],
    entities: EntityStore,
    now: datetime,
) -> Any:
    """Returns the result with those fields changed that would forbid a later call, where the schema permits it."""
    for use in later_uses:
        holder_pointer = use.path.replace("*", "0").rpartition("/")[0]
        holder, noun = at_pointer(result, holder_pointer), _find_noun(use)
        if not isinstance(holder, dict) or entities.find_shown_entity(holder, noun):
            continue
        holder_schema = resolve_schema(raw_at(schema, holder_pointer) or schema, schema)
        for name, value in list(_list_settled_fields(holder, holder_schema, use, noun, known, now)):
            before = deepcopy(holder[name])
            holder[name] = value
            if not compile_validator(schema).is_valid(result):
                holder[name] = before
    return result


def _find_noun(use: LaterUse) -> str:
    name = use.argument.rpartition("/")[2]
    return (parse_resource_noun(name) if is_id(name) else "") or parse_tool_name(use.tool.name).noun


def _list_settled_fields(
    holder: Mapping[str, Any], schema: Schema, use: LaterUse, noun: str, known: Sequence[StatedRule], now: datetime
) -> Iterator[tuple[str, Any]]:
    """Yields the fields of an object that a later call needs to be otherwise, each with its value."""
    properties, tool_name = schema.get("properties", {}), parse_tool_name(use.tool.name)
    for rule in list_required_states(use.tool, read_stated_rules(use.tool), known):
        if canonicalize_noun(rule.noun) == canonicalize_noun(noun):
            yield from _list_states(holder, properties, rule.states)
    if tool_name.action not in READING_ACTIONS:
        for name, value in holder.items():
            if normalize_field_name(name) in ROLE_FIELDS and normalize_field_name(str(value)) in READ_ONLY_ROLES:
                options = properties.get(name, {}).get("enum", ())
                permitting = [option for option in options if normalize_field_name(str(option)) not in READ_ONLY_ROLES]
                yield from [(name, permitting[-1])] if permitting else []
    for rule in known:
        if isinstance(rule, OnlyWayAfterSilence) and rule.verb == tool_name.verb and rule.tool != use.tool.name:
            yield from _list_recent_moments(holder, properties, rule.hours, now)


def _list_states(
    holder: Mapping[str, Any], properties: Mapping[str, Any], states: Sequence[str]
) -> Iterator[tuple[str, Any]]:
    """Yields the state or flag that shows one of the states."""
    for name, value in holder.items():
        plain_name = normalize_field_name(name)
        options = properties.get(name, {}).get("enum", ())
        if options and plain_name in ("status", "state"):
            fitting = [option for option in options if normalize_field_name(str(option)) in states]
            yield from [(name, fitting[0])] if fitting else []
        elif isinstance(value, bool) and plain_name.removeprefix("is") in states:
            yield name, True


def _list_recent_moments(
    holder: Mapping[str, Any], properties: Mapping[str, Any], hours: float, now: datetime
) -> Iterator[tuple[str, Any]]:
    """Yields moments and a state by which somebody was heard of lately."""
    heard = now - timedelta(hours=min(hours / 2, _HOURS_SINCE_MESSAGE))
    for name, value in holder.items():
        plain_name, field_schema = normalize_field_name(name), properties.get(name, {})
        if plain_name.startswith("lastmessage") and isinstance(value, str) and value[4:5] == "-":
            yield name, render_moment(field_schema, heard)
        elif plain_name in ("status", "state") and "open" in field_schema.get("enum", ()):
            yield name, "open"
        elif plain_name.startswith("expires") and isinstance(value, str) and len(value) > _DATE_LENGTH:
            yield name, render_moment(field_schema, heard + timedelta(hours=hours))
