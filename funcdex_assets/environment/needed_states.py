"""Puts what later calls need into a state that permits them: an invoice that is to be finalised is listed as a draft.

Belongs here: the states, rights and moments that stated rules ask for. Only what is shown for the first time is put so;
what a result has told before stays, and a call that it forbids is refused.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from funcdex_assets.environment.call_context import CallContext
from funcdex_assets.environment.entity_store import canonicalize_noun, derive_noun, normalize_field_name
from funcdex_assets.environment.preconditions import READ_ONLY_ROLES, ROLE_FIELDS, list_required_states
from funcdex_assets.language.spoken_values import parse_moment
from funcdex_assets.language.values import render_moment
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.references import raw_at, resolve_schema
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.validation import compile_validator
from funcdex_assets.semantics.stated_rules import OnlyWayAfterSilence, StatedRule, read_stated_rules
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun, parse_tool_name
from funcdex_assets.semantics.vocabulary import READING_ACTIONS

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
    context: CallContext,
) -> Any:
    """Returns the result with those fields changed that would forbid a later call, where the schema permits it.

    What is around the value that a call takes counts, too: the conversation in which a contact is shown.
    """
    is_valid = compile_validator(schema).is_valid
    for use in later_uses:
        noun = _find_noun(use)
        for pointer in _list_holders(use.path.replace("*", "0")):
            holder = at_pointer(result, pointer)
            if isinstance(holder, dict) and not _is_known(holder, pointer, context):
                holder_schema = resolve_schema(raw_at(schema, pointer) or schema, schema)
                for name, value in list(_list_settled_fields(holder, holder_schema, use, noun, known, context)):
                    if context.intent.criteria.filter_for_field(name) is None:  # else it is as the call asks
                        _put_if_valid(holder, name, value, result, is_valid)
    for rule in known:
        if isinstance(rule, OnlyWayAfterSilence):
            _settle_contacts(result, "", schema, rule, context, result, is_valid)
    return result


def _is_known(holder: Mapping[str, Any], pointer: str, context: CallContext) -> bool:
    """Returns whether an earlier result showed the object at the pointer."""
    names = [step for step in pointer.split("/") if step and not step.isdigit()]
    noun = derive_noun(names[-1], context.intent.result_noun) if names else context.intent.result_noun
    return context.entities.find_shown_entity(holder, noun) is not None


def _put_if_valid(holder: dict[str, Any], name: str, value: Any, result: Any, is_valid: Callable[[Any], bool]) -> None:
    before = holder[name]
    holder[name] = value
    if not is_valid(result):
        holder[name] = before


def _list_holders(path: str) -> Iterator[str]:
    """Yields the pointers of the objects in which a value lies, the innermost first, up to the item of a list."""
    pointer = path.rpartition("/")[0]
    while pointer and not pointer.rpartition("/")[2].isdigit():
        yield pointer
        pointer = pointer.rpartition("/")[0]
    yield pointer


def _settle_contacts(
    value: Any,
    pointer: str,
    schema: Schema,
    rule: OnlyWayAfterSilence,
    context: CallContext,
    result: Any,
    is_valid: Callable[[Any], bool],
) -> None:
    """Makes moment and state of each new contact agree: whoever can be written to was heard of within the hours."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            _settle_contacts(item, f"{pointer}/{index}", schema, rule, context, result, is_valid)
    if not isinstance(value, dict):
        return
    state_name = next((name for name in value if normalize_field_name(name) in ("status", "state")), "")
    if value.get(state_name) in ("open", "expired") and not _is_known(value, pointer, context):
        is_open = value[state_name] == "open"
        hours = context.rng.uniform(0.2, 0.9) * rule.hours + (0 if is_open else rule.hours * context.rng.randint(2, 9))
        heard = (context.clock - timedelta(hours=hours)).replace(second=0, microsecond=0)
        properties = resolve_schema(raw_at(schema, pointer) or schema, schema).get("properties", {})
        for name, moment in _list_moments_of_contact(value, properties, heard, rule.hours):
            _put_if_valid(value, name, moment, result, is_valid)
    for name, nested in value.items():
        _settle_contacts(nested, f"{pointer}/{name}", schema, rule, context, result, is_valid)


def _list_moments_of_contact(
    holder: Mapping[str, Any], properties: Mapping[str, Any], heard: datetime, hours: float
) -> list[tuple[str, str]]:
    """Returns the moments of the last message and of the end of the time in which it can be answered."""
    moments: list[tuple[str, str]] = []
    for name, value in holder.items():
        plain_name, field_schema = normalize_field_name(name), properties.get(name, {})
        if not isinstance(value, str) or len(value) <= _DATE_LENGTH:
            continue
        if plain_name.startswith("lastmessage") and parse_moment({}, value) is not None:
            moments.append((name, render_moment(field_schema, heard)))
        elif plain_name.startswith("expires"):
            moments.append((name, render_moment(field_schema, heard + timedelta(hours=hours))))
    return moments


def _find_noun(use: LaterUse) -> str:
    name = use.argument.rpartition("/")[2]
    return (parse_resource_noun(name) if is_id(name) else "") or parse_tool_name(use.tool.name).noun


def _list_settled_fields(
    holder: Mapping[str, Any],
    schema: Schema,
    use: LaterUse,
    noun: str,
    known: Sequence[StatedRule],
    context: CallContext,
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
            states = list(_list_states(holder, properties, ("open",)))
            heard = context.clock - timedelta(minutes=round(60 * rule.hours * context.rng.uniform(0.1, 0.8)))
            yield from states or _list_moments_of_contact(holder, properties, heard, rule.hours)


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
