"""Builds the result of one call: the response schema, filled with what is known, said or made up.

Belongs here: the walk through the schema, and the order in which a field's sources are tried: what is known of the
entity and still holds, what the call said, what `field_values` makes up. Lists are built in `list_builder.py`.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from funcdex_assets.environment.call_context import CallContext
from funcdex_assets.environment.call_subject import find_listed_addressees
from funcdex_assets.environment.created_fields import (
    find_headings_when_created,
    find_last_editor,
    find_person_when_created,
    has_not_happened,
    is_empty_when_created,
    is_false_when_created,
    is_unwritten,
    is_zero_when_created,
)
from funcdex_assets.environment.draft_starter import DraftStarter
from funcdex_assets.environment.entity_store import derive_noun, list_own_identities, normalize_field_name
from funcdex_assets.environment.field_values import FieldValues
from funcdex_assets.environment.known_fields import KnownFields
from funcdex_assets.environment.list_builder import ListBuilder
from funcdex_assets.environment.listings import Pager
from funcdex_assets.environment.merged_parts import merge_given_parts
from funcdex_assets.environment.needed_paths import NeededPaths
from funcdex_assets.environment.object_agreement import make_fields_agree
from funcdex_assets.environment.object_draft import ObjectDraft
from funcdex_assets.environment.optional_fields import is_optional_field_shown
from funcdex_assets.environment.result_people import describes_person
from funcdex_assets.environment.result_scope import MAX_DEPTH, ResultScope
from funcdex_assets.environment.scalar_fields import fill_scalar
from funcdex_assets.environment.schema_repair import repair_value
from funcdex_assets.language.schema_samples import NoValueError, sample_value
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.semantics.tool_names import is_id

_MOST_REFERENCE_FIELDS = 4  # of an object that only names another entity
_HEADING_FIELDS = ("heading", "text", "title", "name")
_PASSED_ON = ("@parents", "@span", "@occupant")  # what is known of an object that those inside it depend on
_NO_FIELDS: Mapping[str, Any] = MappingProxyType({})


class ResultBuilder:
    """Builds one result. `needed` are paths that must be there, because a later call will use them."""

    def __init__(self, schema: Schema, context: CallContext, needed: frozenset[str]):
        self._scope = ResultScope(schema, context, FieldValues(context), NeededPaths(needed))
        self._draft_starter = DraftStarter(self._scope)
        self._known = KnownFields(self._scope)
        self.pager = Pager(context.intent, context.entities, self._scope.needed.patterns, context.rng)
        self._lists = ListBuilder(self._scope, self._known, self.pager, self._build_value, self._build_object)

    def build_result(self) -> Any:
        """Returns the whole result, valid under its schema wherever a valid one is found."""
        scope, noun = self._scope, self._scope.intent.result_noun
        result = self.pager.add_page_tokens(self._build_value(scope.root, "", "", noun, 0), scope.root)
        draft = ObjectDraft(noun)
        return repair_value(
            result,
            scope.root,
            scope.context.rng,
            lambda schema, name: scope.fields.choose_value(schema, name, draft),
            scope.needed.patterns,
        )

    def _build_value(
        self,
        schema: Schema,
        path: str,
        name: str,
        noun: str,
        depth: int,
        enclosing: Mapping[str, Any] = _NO_FIELDS,
    ) -> Any:
        scope = self._scope
        scope.budget.value_count += 1
        if depth > MAX_DEPTH + 1 or scope.budget.is_spent():
            return _build_least(schema, path, name, scope)
        schema = resolve_schema(schema, scope.root)
        match schema_type(schema):
            case "object":
                draft = self._draft_starter.begin_draft(schema, path, name, noun, depth, enclosing)
                return self._build_object(schema, path, draft, depth)
            case "array":
                return self._lists.build_list(schema, path, name, noun, depth)
            case _:
                return fill_scalar(schema, name, ObjectDraft(noun), scope)

    def _build_object(self, schema: Schema, path: str, draft: ObjectDraft, depth: int) -> dict[str, Any]:
        """Returns the object that a draft begins; its fields are filled in in the schema's order."""
        properties = schema.get("properties", {})
        required = set(schema.get("required", ()))
        may_be_reference = depth > 0 and len(properties) <= _MOST_REFERENCE_FIELDS
        for key, property_schema in properties.items():
            field_path = f"{path}/{key}"
            if key not in required and not is_optional_field_shown(
                property_schema, field_path, key, draft, depth, len(properties), self._scope
            ):
                continue
            if depth > MAX_DEPTH:
                draft.filled[key] = self._build_value(
                    property_schema, field_path, key, derive_noun(key, draft.noun), depth + 1
                )
            else:
                property_schema = resolve_schema(property_schema, self._scope.root)
                draft.filled[key] = self._build_field(property_schema, field_path, key, draft, depth)
            if may_be_reference and not draft.known_fields and is_id(key):
                self._draft_starter.recall_referenced_entity(draft, key, properties)
        if "@standing" in draft.known_fields:
            identities = list_own_identities(draft.filled, draft.noun)
            for identity in identities[:1]:
                self._scope.entities.remember_standing_identity(draft.noun, draft.known_fields["@standing"], identity)
        make_fields_agree(draft, properties, self._scope)
        self._draft_starter.remember_listing_parent(draft, path)
        return draft.filled

    def _build_field(self, schema: Schema, path: str, key: str, draft: ObjectDraft, depth: int) -> Any:
        editor = find_last_editor(schema, key, draft, self._scope)
        if editor is not None and schema_type(schema) == "object":
            return self._build_object(schema, path, ObjectDraft(derive_noun(key, draft.noun), person=editor), depth + 1)
        known_value = self._known.recall_field(schema, key, draft)
        if known_value is not None and self._known.still_holds(known_value, schema, path, key, draft):
            return known_value
        if isinstance(known_value, dict) and self._scope.intent.name.action == "update" and draft.is_subject:
            merged = merge_given_parts(key, self._scope.intent.said_values.get(normalize_field_name(key)), known_value)
            if merged and self._scope.needed.are_met_by(path, merged) and self._scope.fits_schema(schema, merged):
                return merged
        is_null_fitting = not self._scope.needed.is_on_the_way(path) and self._scope.fits_schema(schema, None)
        if is_null_fitting and has_not_happened(schema, key, draft, self._scope):
            return None
        if "@made" in draft.known_fields or (draft.is_subject and self._scope.intent.creates_entity):
            created_value = self._build_created_field(schema, path, key, draft, depth)
            if created_value is not None:
                return created_value
        if schema_type(schema) not in ("object", "array"):
            return fill_scalar(schema, key, draft, self._scope)
        if draft.is_subject:
            said_value = self._build_said_field(schema, path, key, draft, depth)
            if said_value is not None:
                return said_value
        noun = derive_noun(key, draft.noun)
        thing = self._scope.find_standing_thing(draft)
        if thing is not None and describes_person(key, schema.get("properties", {})):
            person = self._scope.fields.people.choose_person_of(thing, key)
            return self._build_object(schema, path, ObjectDraft(noun, person=person), depth + 1)
        if schema_type(schema) == "array" and not self._scope.budget.is_spent():
            items = self._lists.build_list(schema, path, key, noun, depth + 1, draft)
            return self._known.apply_links(schema, key, items, draft)
        passed_on = {key: draft.known_fields[key] for key in _PASSED_ON if key in draft.known_fields}
        named = draft.known_fields.get(f"{normalize_field_name(key)}id")
        if named is not None:  # what a result or a call named by its identifier alone
            passed_on["@named"] = {noun: named}
        return self._build_value(schema, path, key, noun, depth + 1, draft.filled | passed_on)

    def _build_created_field(self, schema: Schema, path: str, key: str, draft: ObjectDraft, depth: int) -> Any:
        """Returns the value of a field about which a new entity leaves no choice, else None."""
        match schema_type(schema):
            case "array":
                headings = find_headings_when_created(schema, key, draft, self._scope)
                if headings:
                    return self._build_headings(schema, path, headings, depth)
                return [] if is_empty_when_created(schema, path, key, draft, self._known, self._scope) else None
            case "string" if not self._scope.needed.is_on_the_way(path):
                is_blank = is_unwritten(schema, key, draft, self._scope) and self._scope.fits_schema(schema, "")
                return "" if is_blank else None
            case "integer" | "number":
                return 0 if is_zero_when_created(schema, key, self._scope) else None
            case "boolean":
                return False if is_false_when_created(schema, key, self._scope) else None
            case "object":
                person = find_person_when_created(schema, key, draft, self._scope)
                if person is not None:
                    person_draft = ObjectDraft(derive_noun(key, draft.noun), person=person)
                    return self._build_object(schema, path, person_draft, depth + 1)
        return None

    def _build_headings(self, schema: Schema, path: str, headings: Sequence[str], depth: int) -> list[Any]:
        """Returns the outline of a text: its headings, or objects that each show one."""
        items = resolve_schema(schema.get("items", {}), self._scope.root)
        if schema_type(items) != "object":
            return list(headings)
        drafts = (ObjectDraft("heading", dict.fromkeys(_HEADING_FIELDS, heading)) for heading in headings)
        return [self._build_object(items, f"{path}/*", draft, depth + 1) for draft in drafts]

    def _build_said_field(self, schema: Schema, path: str, key: str, draft: ObjectDraft, depth: int) -> Any:
        """Returns the object or list that the call passed for a field of its subject, as far as it is valid, or the
        people whom the call addresses; else None.
        """
        scope = self._scope
        argument = scope.intent.said_values.get(normalize_field_name(key))
        if (
            isinstance(argument, list | dict)
            and not scope.intent.links
            and scope.needed.are_met_by(path, argument)
            and scope.fits_schema(schema, argument)
        ):
            return argument
        if isinstance(argument, dict) and schema_type(schema) == "object":
            value = self._build_value(schema, path, key, derive_noun(key, draft.noun), depth + 1, draft.filled)
            properties = schema.get("properties", {})
            return value | {
                name: field_value
                for name, field_value in argument.items()
                if name in properties
                and scope.needed.are_met_by(f"{path}/{name}", field_value)
                and scope.fits_schema(properties[name], field_value)
            }
        people = self._build_addressees(schema, path, key, depth)
        return people if people and scope.needed.are_met_by(path, people) else None

    def _build_addressees(self, schema: Schema, path: str, key: str, depth: int) -> Any:
        """Returns the people whom the call addresses, as the result lists them under `to` or `attendees`, else None."""
        addresses = find_listed_addressees(key, self._scope.intent, self._scope.entities)
        is_list = schema_type(schema) == "array"
        items = resolve_schema(schema.get("items", {}) if is_list else schema, self._scope.root)
        if not addresses or schema_type(items) != "object" or "email" not in items.get("properties", {}):
            return None
        drafts = (ObjectDraft(key, person=self._scope.fields.people.find_by_address(address)) for address in addresses)
        people = [self._build_object(items, f"{path}/*", draft, depth + 1) for draft in drafts]
        return people if is_list else people[0]


def _build_least(schema: Schema, path: str, name: str, scope: ResultScope) -> Any:
    """Returns as little as the schema requires, for a schema that contains itself or is huge; None if none is found."""
    try:
        return sample_value(schema, scope.root, scope.context.rng, None, scope.needed.patterns, path, name, lean=True)
    except NoValueError:
        return None
