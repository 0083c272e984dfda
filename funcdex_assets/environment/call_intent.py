"""Reads a call once: what its arguments say, which entities and people they name, and what its result is about.

Belongs here: `CallIntent` and the one function that builds it. The criteria of a look-up are in `search_criteria.py`,
what a call attaches to an entity in `entity_links.py`, which argument a field repeats in `repeated_arguments.py`.

>>> intent = read_call_intent("GET_DOCUMENT_PLAINTEXT", {"document_id": "d1"}, datetime(2026, 1, 5))
>>> intent.is_lookup, intent.identities, intent.viewed_noun
(True, {'file': 'd1'}, 'file')
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from funcdex_assets.environment.entity_links import PLACEHOLDER_IDENTITIES, Link, find_links, is_mentioned_in
from funcdex_assets.environment.entity_store import canonicalize_noun, derive_noun, normalize_field_name, shortens_noun
from funcdex_assets.environment.search_criteria import SearchCriteria, is_limit_name, read_search_criteria
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.schema import schema_type
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_roles import (
    find_identified_noun,
    is_identifier,
    is_page_token,
    names_person,
    read_name,
)
from funcdex_assets.semantics.tool_names import ToolName, is_id, parse_resource_noun, parse_tool_name
from funcdex_assets.semantics.vocabulary import CC_WORDS, RESTORING_VERBS

MAX_ITEMS = 4
DEFAULT_PAGE_SIZE = 10  # of listings that are asked for no number of items and declare none; the commonest default
_DELETING_VERBS = frozenset("delete remove trash".split())
_RENDERING_VERBS = frozenset("export convert".split())
_HANDING_VERBS = frozenset({"submit"})  # they make what they hand in, but for what is there already
_CREATING_ACTIONS = ("create", "send", "copy")
_NO_PARAMETERS: Mapping[str, Any] = MappingProxyType({})
_MOST_MINUTES = 480  # a working day; larger numbers are not a duration in minutes
_OTHER_UNITS = frozenset("hour hours seconds ms".split())
_LONGEST_NAME = 2  # words; a longer text in a query is no person's name


@dataclass(frozen=True)
class CallIntent:
    """The meaning of one call, as far as its tool's name and its arguments tell.

    key:             equal for calls of the tool that ask the same question
    said_values:     argument values by `normalize_field_name`; results repeat them
    identities:      the last identifier of each noun; `named_entities` are all, by noun, also those in lists
    identity_roles:  nouns of the identifiers as the argument names say them, such as `parent folder`
    parents:         identifiers of the entities that the call works within, by noun
    addressees:      e-mail addresses of the people that it is for, copies excepted
    page_size:       the number of items on a full page of a listing: asked for, or the tool's default
    lists_all:       its listing has one page, with everything that is known
    limit:           the most items that are made up for a page
    page_token:      the token of a later page; `is_later_page` says that a token was passed, though it be empty
    least_minutes:   the shortest duration asked for, 0 for any
    links:           what it attaches to an entity, or detaches
    result_noun:     what the result as a whole is about
    viewed_noun:     the noun of the entity that it shows a part of: GET_DOCUMENT_PLAINTEXT shows a document
    creates_entity:  its result is about a new entity, not about one that it names
    """

    tool: str
    key: str
    name: ToolName
    arguments: Mapping[str, Any]
    said_values: Mapping[str, Any]
    identities: Mapping[str, str | int]
    named_entities: Sequence[tuple[str, str]]
    identity_roles: frozenset[str]
    parents: Mapping[str, str]
    addressees: Sequence[str]
    page_size: int
    lists_all: bool
    limit: int
    page_token: str
    is_later_page: bool
    least_minutes: int
    links: Sequence[Link]
    result_noun: str
    viewed_noun: str
    creates_entity: bool
    criteria: SearchCriteria

    @property
    def is_lookup(self) -> bool:
        return self.name.action in ("list", "get")

    @property
    def is_listing(self) -> bool:
        return self.name.action == "list"

    @property
    def object_identity(self) -> str | None:
        """The identifier of the one entity that the call names as its object."""
        return _identity_as_text(self.identities, self.name.noun)

    @property
    def sends_object(self) -> bool:
        """Whether what is sent is the very thing that the call names, such as a draft."""
        return self.name.verb == "send" and self.object_identity is not None

    @property
    def deletes_object(self) -> bool:
        return self.name.verb in _DELETING_VERBS and not self.links and self.object_identity is not None

    @property
    def restores_object(self) -> bool:
        return self.name.verb in RESTORING_VERBS

    @property
    def searched_title(self) -> str | None:
        """The text of a search, where it could be a title: two words at least, on the first page."""
        queries = self.criteria.queries
        if self.is_later_page or not queries:
            return None
        return queries[0].text if len(queries[0].text.split()) > 1 else None

    @property
    def searched_person_name(self) -> str | None:
        """The name of the person whom a look-up asks for."""
        if not self.is_lookup:
            return None
        texts = [self.said_values.get(name) for name in ("query", "q", "search", "name")]
        names = (
            text
            for text in texts
            if isinstance(text, str) and text[:1].isupper() and len(text.split()) <= _LONGEST_NAME
        )
        return next(names, None)

    def mentions_noun(self, noun: str) -> bool:
        """Returns whether the tool's name contains the noun or a synonym of it."""
        return is_mentioned_in(self.name, noun)


def read_call_intent(
    tool: str,
    arguments: Mapping[str, Any],
    now: datetime,
    key: str = "",
    max_items: int = MAX_ITEMS,
    parameters: Mapping[str, Any] = _NO_PARAMETERS,
    is_listing: bool = False,
    lists_all: bool = False,
) -> CallIntent:
    """Returns the meaning of a call; defaults of the tool's `parameters` count as said where it creates something.

    `is_listing`: its result is a list though its verb does not tell, as with `get_user_orders`. `lists_all`: there is
    nothing by which it could go on after a first page.

    Raises:
        OverflowError: a date among the arguments is at an end of the calendar.
    """
    name = parse_tool_name(tool)
    name = name._replace(action="list") if is_listing else name
    reading = _read_arguments(arguments, name, parameters)
    if name.verb in _HANDING_VERBS and canonicalize_noun(name.noun) in reading.identities:
        name = name._replace(action="update")  # a claim that was made before
    name = _read_object_of_field(name, reading.identities)
    page_size = reading.asked_limit or find_default_page_size(parameters)
    parents = {
        noun: str(identity)
        for noun, identity in reading.identities.items()
        if noun != canonicalize_noun(name.noun) and str(identity) not in PLACEHOLDER_IDENTITIES
    }
    is_lookup = name.action in ("list", "get")
    links = () if is_lookup else tuple(find_links(name, arguments, reading.identities))
    holder_noun = links[0].holder_noun if links and links[0].noun == canonicalize_noun(name.noun) else ""
    creates_entity = name.action in _CREATING_ACTIONS and not holder_noun and name.verb not in _RENDERING_VERBS
    page_tokens = [value for argument_name, value in arguments.items() if is_page_token(argument_name)]
    return CallIntent(
        tool=tool,
        key=key,
        name=name,
        arguments=arguments,
        said_values=_add_defaults(reading.said_values, parameters) if creates_entity else reading.said_values,
        identities=reading.identities,
        named_entities=reading.named_entities,
        identity_roles=reading.identity_roles,
        parents=parents,
        addressees=reading.addressees,
        page_size=page_size,
        lists_all=lists_all,
        limit=min(page_size, max_items),
        page_token=str(page_tokens[0]) if page_tokens else "",
        is_later_page=bool(page_tokens),
        least_minutes=_find_least_minutes(reading.said_values),
        links=links,
        result_noun=holder_noun or name.noun,
        viewed_noun=_find_viewed_noun(name, reading.identities, parents) if is_lookup else "",
        creates_entity=creates_entity,
        criteria=read_search_criteria(name.action, arguments, reading.said_values, now),
    )


def _read_object_of_field(name: ToolName, identities: Mapping[str, str | int]) -> ToolName:
    """Returns the name with the thing as its noun where it only names a field: UPDATE_TICKET_STATUS(ticket_id)."""
    is_field = name.action == "update" and read_name(name.noun).role in ("state", "title", "choice")
    things = [noun for noun in identities if is_mentioned_in(name, noun)] if is_field else []
    return name._replace(noun=things[0]) if len(things) == 1 == len(identities) else name


class _ArgumentReading(NamedTuple):
    """The fields of a `CallIntent` that are collected argument by argument."""

    said_values: dict[str, Any]
    identities: dict[str, str | int]
    named_entities: list[tuple[str, str]]
    identity_roles: frozenset[str]
    addressees: list[str]
    asked_limit: int


def _read_arguments(arguments: Mapping[str, Any], name: ToolName, parameters: Mapping[str, Any]) -> _ArgumentReading:
    said_values: dict[str, Any] = {}
    identities: dict[str, str | int] = {}
    named_entities: list[tuple[str, str]] = []
    identity_roles: set[str] = set()
    addressees: list[str] = []
    asked_limit = 0
    for pointer, value in list_scalars(dict(arguments)):
        steps = [step for step in pointer.split("/")[1:] if not step.isdigit()]
        if not steps:
            continue
        field_name = steps[-1]
        said_values.setdefault(normalize_field_name(field_name), value)
        if isinstance(value, str) and "@" in value and not CC_WORDS & set(split_words(steps[0])):
            addressees.append(value)
        declared = parameters.get(field_name) if len(steps) == 1 else None
        schema = declared if isinstance(declared, Mapping) else {}
        if is_identifier(field_name, schema) and isinstance(value, str | int):
            named_noun = find_identified_noun(field_name, schema)
            if not named_noun and len(steps) > 1:  # the `id` of the agent in `agent: {id: …}`
                named_noun = derive_noun(steps[-2], "")
            whole_noun = next((word for word in name.words if shortens_noun(named_noun, word)), "")
            is_named_whole = any(is_id(key) and parse_resource_noun(key) in ("", whole_noun) for key in arguments)
            if whole_noun and not is_named_whole and named_noun not in name.words:  # the `run_id` of GET_PAYRUN
                named_noun = whole_noun
            noun = canonicalize_noun(named_noun or name.noun)
            identities[noun] = value
            named_entities.append((noun, str(value)))
            identity_roles.add(named_noun)
        if isinstance(value, int) and (is_limit_name(field_name, schema) if schema else is_limit_name(field_name)):
            asked_limit = max(1, value)
    said_values |= {
        normalize_field_name(key): value for key, value in arguments.items() if isinstance(value, list | dict)
    }
    return _ArgumentReading(said_values, identities, named_entities, frozenset(identity_roles), addressees, asked_limit)


def find_default_page_size(parameters: Mapping[str, Any]) -> int:
    """Returns the number of items on a page that the parameters declare as the default, else the usual one."""
    defaults = (
        schema.get("default")
        for name, schema in parameters.items()
        if isinstance(schema, dict) and schema_type(schema) == "integer" and is_limit_name(name, schema)
    )
    declared = (size for size in defaults if isinstance(size, int) and not isinstance(size, bool) and size > 0)
    return next(declared, DEFAULT_PAGE_SIZE)


def _add_defaults(said_values: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values with the scalar defaults of parameters that the call leaves out."""
    with_defaults = dict(said_values)
    for name, schema in parameters.items():
        default = schema.get("default") if isinstance(schema, dict) else None
        if isinstance(default, bool | int | float) or (default is not None and "enum" in schema):
            with_defaults.setdefault(normalize_field_name(name), default)
    return with_defaults


def _find_least_minutes(said_values: Mapping[str, Any]) -> int:
    durations = (value for name, value in said_values.items() if "duration" in name and _is_minutes(name, value))
    return next(durations, 0)


def _is_minutes(name: str, value: Any) -> bool:
    return isinstance(value, int) and 0 < value <= _MOST_MINUTES and not _OTHER_UNITS & set(split_words(name))


def _find_viewed_noun(name: ToolName, identities: Mapping[str, str | int], parents: Mapping[str, str]) -> str:
    if _identity_as_text(identities, name.noun) is not None or names_person(canonicalize_noun(name.noun)):
        return ""
    viewed_nouns = [noun for noun in parents if is_mentioned_in(name, noun)]
    return viewed_nouns[0] if len(viewed_nouns) == 1 else ""


def _identity_as_text(identities: Mapping[str, str | int], noun: str) -> str | None:
    identity = identities.get(canonicalize_noun(noun))
    return None if identity is None else str(identity)
