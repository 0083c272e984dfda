"""Tells what in the state of a world a failed call fails by, in words.

Belongs here: the causes, each looked up in what the world keeps: the conditions of its services, what was deleted, what
is named so already. A fault without a cause is one that no service would raise; a test draws 200 errors and finds the
cause of each.
"""

from collections.abc import Mapping
from typing import Any

from funcdex_assets.environment.entity_store import EntityStore
from funcdex_assets.environment.service_conditions import ServiceConditions
from funcdex_assets.records.labels import Fault
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import at_pointer, list_scalars
from funcdex_assets.schema.validation import find_violations
from funcdex_assets.semantics.tool_names import parse_tool_name

_CONDITION_WORDS: Mapping[Fault, str] = {
    "expired_auth": "the sign-in to {toolkit} has expired since {since}",
    "permission_denied": "a right is missing for {tool} since {since}",
    "rate_limit": "the limit of {tool} is used up since {since}, until {until}",
    "timeout": "{toolkit} did not answer {tool} at {since}",
}


def find_cause(
    tool: Tool,
    arguments: Mapping[str, Any],
    fault: Fault,
    about: str,
    entities: EntityStore,
    conditions: ServiceConditions,
) -> str:
    """Returns the cause of a call's failure; '' if neither state nor schema has one.

    `about` is the JSON pointer of the argument at fault, '' if it is none.
    """
    violations = find_violations(tool.parameters, dict(arguments))
    if violations:
        return f"the arguments break the schema: {violations[0]}"
    for condition in reversed((*conditions.ended, *conditions.holding)):
        is_meant = condition.tool == tool.name or fault == "expired_auth"
        if condition.fault == fault and condition.toolkit == tool.toolkit and is_meant:
            until = "" if condition.until is None else condition.until.strftime("%H:%M:%S")
            words = _CONDITION_WORDS[fault]
            since = condition.since.strftime("%H:%M:%S")
            return words.format(toolkit=tool.toolkit, tool=tool.name, since=since, until=until)
    value = at_pointer(dict(arguments), about) if about else None
    if fault == "conflict" and isinstance(value, str):
        noun = parse_tool_name(tool.name).noun
        holders = [entity for entity in entities.list_entities(noun).values() if value in entity.values()]
        return f"a {noun} is called {value!r} already" if holders else ""
    if fault in ("not_found", "empty_result"):
        texts = [value] if value is not None else [text for _, text in list_scalars(dict(arguments))]
        known = {
            str(shown)
            for entity in entities.list_all_entities()
            for _, shown in list_scalars({name: field for name, field in entity.items() if name[:1] != "@"})
        }
        unknown = next((text for text in texts if str(text) not in known), None)
        return f"nothing is known by {unknown!r}" if unknown is not None else ""
    return ""
