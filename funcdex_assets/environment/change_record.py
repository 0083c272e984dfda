"""Records what the calls of a world changed, apart from what they only read.

Belongs here: the record (`StateChanges`) and how calls add to it. Reading makes an entity known and fills it in, which
is no change; a call changes what it *said*: a thing it created with the values it was given, fields it set, what it
deleted, restored, attached or detached. Values that the service made up (a text nobody wrote, a created stamp) are in
no record. What cancels out, such as a label that was added and taken off again, is no change. Two records are compared
in `state_comparison`.

>>> from datetime import datetime
>>> from funcdex_assets.environment.call_intent import read_call_intent
>>> recorder, entities = ChangeRecorder(), EntityStore()
>>> intent = read_call_intent("UPDATE_TASK", {"task_id": "t1", "title": "Lease"}, datetime(2026, 1, 5))
>>> recorder.begin_call(intent, entities)
>>> recorder.end_call(intent, (), entities)
>>> [(change.thing.noun, change.field, change.after) for change in recorder.list_changes(entities).fields]
[('task', 'title', 'Lease')]
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from funcdex_assets.environment.call_intent import CallIntent
from funcdex_assets.environment.entity_links import PLACEHOLDER_IDENTITIES, Link
from funcdex_assets.environment.entity_store import (
    Entity,
    EntityStore,
    ShownEntity,
    canonicalize_noun,
    normalize_field_name,
)
from funcdex_assets.environment.repeated_arguments import find_written_text
from funcdex_assets.environment.state_changes import (
    find_flag_after_verb,
    find_written_holder,
    lists_noun,
)
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_roles import is_call_setting, is_page_token
from funcdex_assets.semantics.tool_names import READING_VERBS, is_id

UNKNOWN: Final = "(unknown)"
"""The value before a change where no result had told it."""

_TEXT_FIELDS = ("text", "plain_text", "markdown_text", "content", "body")
STATE_OF_VERB: Mapping[str, tuple[str, bool]] = {
    "close": ("closed", True),
    "complete": ("closed", True),
    "reopen": ("closed", False),
    "archive": ("archived", True),
    "unarchive": ("archived", False),
    "star": ("starred", True),
    "unstar": ("starred", False),
    "pin": ("pinned", True),
    "unpin": ("pinned", False),
    "enable": ("enabled", True),
    "disable": ("enabled", False),
}
"""What a verb makes of a thing, so that a verb and its opposite cancel out."""
_SETTING_VERBS = frozenset("set change update adjust".split())
_KINDS_OF_NEW = frozenset("forward share publish copy duplicate clone export convert".split())
"""Verbs that say more of a new thing than that it is there."""


@dataclass(frozen=True)
class Thing:
    """A thing of the world: its noun and all identifiers that are known of it, none where no result has told one."""

    noun: str
    identities: tuple[str, ...]


@dataclass(frozen=True)
class CreatedThing:
    """A thing that a call created and none deleted since; `fields` are the values that calls said, by name."""

    thing: Thing
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class FieldChange:
    """A field of a thing that was there before; `before` is `UNKNOWN` where no result had told it."""

    thing: Thing
    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class LinkChange:
    """A thing, by identifier, name or address, that was attached to its holder, or detached from it."""

    holder: Thing
    linked: Thing
    is_removal: bool


@dataclass(frozen=True)
class Act:
    """A call that names no thing of the world: `lock_door(door="front")`."""

    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class StateChanges:
    """The net changes of a history of calls. `kept_fields` and `kept_links` were set to what they were before."""

    created: tuple[CreatedThing, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    deleted: tuple[Thing, ...] = ()
    restored: tuple[Thing, ...] = ()
    links: tuple[LinkChange, ...] = ()
    acts: tuple[Act, ...] = ()
    kept_fields: tuple[FieldChange, ...] = ()
    kept_links: tuple[LinkChange, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.created or self.fields or self.deleted or self.restored or self.links or self.acts)


@dataclass
class _ThingRecord:
    """What was done to one thing; `entity` is the store's own object, by which all its identifiers are found."""

    noun: str
    entity: Entity | None
    identity: str
    is_created: bool = False
    is_deleted: bool = False
    is_restored: bool = False
    created_with: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, list[Any]] = field(default_factory=dict)  # value before the first change, value now
    links: dict[tuple[str, str], list[bool]] = field(default_factory=dict)  # attached before, attached now
    link_names: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)


class ChangeRecorder:
    """Follows the calls of one world; each is told before it has an effect (`begin_call`) and after (`end_call`)."""

    def __init__(self) -> None:
        self._things: list[_ThingRecord] = []
        self._acts: dict[bytes, Act] = {}
        self._before: dict[tuple[str, str], Entity] = {}

    def begin_call(self, intent: CallIntent, entities: EntityStore) -> None:
        """Keeps what is known of the things that a changing call names, as it is before the call."""
        self._before = {}
        if _only_reads(intent):
            return
        holders = [(link.holder_noun, link.holder_identity) for link in intent.links]
        for noun, identity in (*intent.named_entities, *holders):
            entity = entities.find_entity(noun, identity)
            self._before[canonicalize_noun(noun), identity] = {**entity, "@told": dict(entity.get("@told", {}))}

    def end_call(
        self,
        intent: CallIntent,
        shown_entities: Sequence[ShownEntity] | None,
        entities: EntityStore,
        tool: Tool | None = None,
    ) -> None:
        """Adds what an answered call changed; a call that only reads adds nothing.

        `shown_entities` are those of its result; None where the call was only acknowledged, and made nothing known.
        `tool` tells defaults, which count as not said, and required arguments. A tool without a declared result whose
        verb is no word for reading (`lock_door`) acts, though the world has nothing to change.
        """
        noun = canonicalize_noun(intent.name.noun)
        parameters = tool.parameters if tool else {}
        if _only_reads(intent):
            if tool is not None and tool.returns is None and intent.name.verb not in READING_VERBS:
                self._record_act(intent, parameters)
            return
        for link in intent.links:
            self._record_link(link, entities)
        identities = [identity for named, identity in intent.named_entities if named == noun]
        written = find_written_holder(intent)
        if intent.restores_object and identities:
            for identity in identities:
                self._record_restoration(noun, identity, entities)
        elif intent.deletes_object:
            for identity in identities:
                self._record_deletion(noun, identity, entities)
        elif written is not None:
            self._record_passage(intent, written, entities)
        elif intent.creates_entity:
            self._record_creation(intent, shown_entities, entities, parameters)
        elif intent.links:
            return
        elif identities:
            for identity in identities:
                self._record_update(intent, noun, identity, entities, parameters)
        else:
            self._record_act(intent, parameters)

    def list_changes(self, entities: EntityStore) -> StateChanges:
        """Returns the net changes up to now."""
        created, deleted, restored, acts = [], [], [], list(self._acts.values())
        fields: list[FieldChange] = []
        kept_fields: list[FieldChange] = []
        links: list[LinkChange] = []
        kept_links: list[LinkChange] = []
        for record in self._things:
            thing = _describe_thing(record, entities)
            if record.is_created:
                if not record.is_deleted:
                    created.append(CreatedThing(thing, dict(record.created_with)))
                continue
            if record.is_deleted:
                deleted.append(thing)
                continue
            if record.is_restored:
                restored.append(thing)
            for name, (before, after) in record.fields.items():
                is_kept = before is not UNKNOWN and _is_same_json(before, after)
                (kept_fields if is_kept else fields).append(FieldChange(thing, name, before, after))
            for key, (before, after) in record.links.items():
                linked = Thing(key[0], record.link_names[key])
                (kept_links if before == after else links).append(LinkChange(thing, linked, not after))
        return StateChanges(
            tuple(created),
            tuple(fields),
            tuple(deleted),
            tuple(restored),
            tuple(links),
            tuple(acts),
            tuple(kept_fields),
            tuple(kept_links),
        )

    # ── one kind of call each ────────────────────────────────────────────────────────────────

    def _find_record(self, noun: str, identity: str, entities: EntityStore) -> _ThingRecord:
        """Returns the record of a thing, by any of its identifiers; a new one where nothing was done to it yet."""
        entity = entities.find_entity(noun, identity) or None
        for record in self._things:
            is_same_entity = entity is not None and record.entity is entity
            if record.noun == noun and (is_same_entity or (identity and record.identity == identity)):
                return record
        record = _ThingRecord(noun, entity, identity)
        self._things.append(record)
        return record

    def _record_restoration(self, noun: str, identity: str, entities: EntityStore) -> None:
        record = self._find_record(noun, identity, entities)
        if record.is_deleted:
            record.is_deleted = False
        else:
            record.is_restored = True

    def _record_deletion(self, noun: str, identity: str, entities: EntityStore) -> None:
        record = self._find_record(noun, identity, entities)
        if record.is_restored:
            record.is_restored = False
        else:
            record.is_deleted = True

    def _record_creation(
        self,
        intent: CallIntent,
        shown_entities: Sequence[ShownEntity] | None,
        entities: EntityStore,
        parameters: Mapping[str, Any],
    ) -> None:
        noun, entity, identity = canonicalize_noun(intent.name.noun), None, ""
        for shown in shown_entities or ():
            if shown.entity.get("@made") == entities.change_count:
                noun, entity, identity = canonicalize_noun(shown.noun), shown.entity, shown.identity
                break
        if entity is None and shown_entities is not None:  # its identifier is not told yet
            unlisted = entities.list_entities(noun).values()
            entity = next((known for known in unlisted if known.get("@made") == entities.change_count), None)
        said = dict(_iterate_said_values(intent, parameters))
        draft_identity = intent.object_identity
        if intent.name.action == "send" and intent.name.noun == "draft" and draft_identity:
            draft = self._find_record("draft", draft_identity, entities)
            noun = "message" if noun == "draft" else noun
            said = {name: value for name, value in said.items() if str(value) != draft_identity}
            said = {**draft.created_with, **said} if draft.is_created else {**said, "draft": draft_identity}
            draft.is_deleted = True
        if intent.name.verb in _KINDS_OF_NEW:
            said["made by"] = intent.name.verb
        self._things.append(_ThingRecord(noun, entity, identity, is_created=True, created_with=said))

    def _record_update(
        self, intent: CallIntent, noun: str, identity: str, entities: EntityStore, parameters: Mapping[str, Any]
    ) -> None:
        record = self._find_record(noun, identity, entities)
        before = self._before.get((noun, identity), {})
        said = dict(_iterate_said_values(intent, parameters, keeps_defaults=True))
        own_names = {name for name, value in said.items() if _is_own_id(name, value, noun, intent)}
        required = {_spell(name) for name in parameters.get("required", ())}
        values = {name: value for name, value in said.items() if name not in own_names}
        contents = {name: value for name, value in values.items() if not (is_id(name) and name in required)}
        state = _find_state(intent, bool(contents or values))
        if contents or state:
            values = contents
        for name, value in values.items():
            self._set_field(record, name, _find_known_value(before, name), value)
        if state:
            name, value = state
            known = (
                known
                for field_name, known in before.items()
                if isinstance(known, bool) and find_flag_after_verb(intent.name.verb, field_name) is not None
            )
            self._set_field(record, name, next(known, not value), value)

    def _set_field(self, record: _ThingRecord, name: str, before: Any, after: Any) -> None:
        if record.is_created:
            record.created_with[name] = after
            return
        items_before, items_after = _list_names(before), _list_names(after)
        if items_before is not None and items_after is not None and name not in record.fields:
            noun = canonicalize_noun(to_singular(name.removesuffix("_ids").rpartition("_")[2]))
            for item in [*items_after, *items_before]:
                if (item in items_after) != (item in items_before) or (noun, item) in record.links:
                    self._set_link(record, noun, (item,), item in items_before, item in items_after)
            return
        record.fields.setdefault(name, [before, before])[1] = after

    def _record_link(self, link: Link, entities: EntityStore) -> None:
        holder_noun = canonicalize_noun(link.holder_noun)
        record = self._find_record(holder_noun, link.holder_identity, entities)
        linked = entities.find_entity(link.noun, link.value)
        names = (
            link.value,
            *(linked[key] for key in ("name", "title", "email") if isinstance(linked.get(key), str)),
        )
        if record.is_created:
            _change_created_list(record.created_with, link)
            return
        known_lists = [
            items
            for name, value in self._before.get((holder_noun, link.holder_identity), {}).items()
            if isinstance(value, list) and lists_noun(name, link.noun) and (items := _list_names(value)) is not None
        ]
        was_attached = any(set(names) & set(items) for items in known_lists) if known_lists else link.is_removal
        self._set_link(record, link.noun, names, was_attached, not link.is_removal)

    def _set_link(self, record: _ThingRecord, noun: str, names: tuple[str, ...], before: bool, after: bool) -> None:
        key = next((key for key in record.links if key[0] == noun and set(record.link_names[key]) & set(names)), None)
        key = key or (noun, names[0])
        record.links.setdefault(key, [before, before])[1] = after
        record.link_names[key] = tuple(dict.fromkeys((*record.link_names.get(key, ()), *names)))

    def _record_passage(self, intent: CallIntent, holder: tuple[str, str], entities: EntityStore) -> None:
        """Records a text that was put into a thing: of the whole text, only that part is the call's."""
        record = self._find_record(canonicalize_noun(holder[0]), holder[1], entities)
        said = intent.said_values
        if intent.name.verb == "replace":
            old = next((said[name] for name in said if name.startswith(("find", "old", "search"))), "")
            new = next((said[name] for name in said if name.startswith(("replace", "new"))), "")
            name, passage = "replaced text", [old, new]
        else:
            name, passage = "added text", find_written_text(intent) or ""
        text_field = next((key for key in _TEXT_FIELDS if isinstance(record.created_with.get(key), str)), None)
        if record.is_created and text_field:
            text = record.created_with[text_field]
            record.created_with[text_field] = (
                text.replace(str(passage[0]), str(passage[1])) if name == "replaced text" else f"{text}\n{passage}"
            )
        elif record.is_created:
            record.created_with[name] = [*record.created_with.get(name, ()), passage]
        else:
            passages = record.fields.setdefault(name, [[], []])
            passages[1] = [*passages[1], passage]

    def _record_act(self, intent: CallIntent, parameters: Mapping[str, Any]) -> None:
        said = dict(_iterate_said_values(intent, parameters))
        key_values = said
        if intent.name.verb in _SETTING_VERBS:  # what was set last counts: the same place, another number
            key_values = {name: value for name, value in said.items() if not isinstance(value, bool | int | float)}
        key = msgspec.json.encode([intent.tool, key_values], order="deterministic")
        self._acts[key] = Act(intent.tool, said)


def _only_reads(intent: CallIntent) -> bool:
    """Returns whether a call changes nothing by its verb; `unstar` does, though no list of verbs has it."""
    return intent.is_lookup and not intent.restores_object and intent.name.verb not in STATE_OF_VERB


# ── what a call says ─────────────────────────────────────────────────────────────────────────


def _iterate_said_values(
    intent: CallIntent, parameters: Mapping[str, Any], *, keeps_defaults: bool = False
) -> Iterator[tuple[str, Any]]:
    """Yields the values that a call says, by readable name; those inside of objects as `start.date_time`."""
    properties = parameters.get("properties", {})
    for name, value in intent.arguments.items():
        schema = properties.get(name)
        default = schema.get("default", UNKNOWN) if isinstance(schema, Mapping) else UNKNOWN
        is_setting = is_call_setting(name, value)
        is_placeholder = isinstance(value, str) and value in PLACEHOLDER_IDENTITIES
        if is_setting or is_page_token(name) or is_placeholder:
            continue
        if not keeps_defaults and default is not UNKNOWN and _is_same_json(default, value):
            continue
        yield from _flatten(_spell(name), value)


def _flatten(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, nested in value.items():
            yield from _flatten(f"{name}.{_spell(key)}", nested)
    else:
        yield name, value


def _spell(name: str) -> str:
    """Returns one readable spelling of a name: `threadId` and `thread_id` are `thread_id`."""
    return "_".join(split_words(name)) or name


def _is_own_id(name: str, value: Any, noun: str, intent: CallIntent) -> bool:
    if not is_id(name):
        return False
    identities = {identity for named, identity in intent.named_entities if named == noun}
    values = value if isinstance(value, list) else [value]
    return all(str(item) in identities for item in values)


def _find_state(intent: CallIntent, says_more: bool) -> tuple[str, Any] | None:
    """Returns the state that the verb itself brings about: `('closed', True)`; None where the arguments say all."""
    verb = intent.name.verb
    if verb in STATE_OF_VERB:
        return STATE_OF_VERB[verb]
    if verb == "mark":
        words = [word for word in split_words(intent.tool) if word not in ("mark", "as", "the", "a", intent.name.noun)]
        last = words[-1] if words else "marked"
        return (last.removeprefix("un"), not last.startswith("un"))
    return None if says_more else (verb, True)


def _find_known_value(entity: Mapping[str, Any], name: str) -> Any:
    """Returns what is known of a field; `UNKNOWN` where nothing is, and for values inside of objects."""
    key = normalize_field_name(name)
    value = entity.get(key, entity.get("@told", {}).get(key))
    return UNKNOWN if value is None else value


def _list_names(value: Any) -> list[str] | None:
    """Returns the items of a list by identifier, address or name; None where they have none, or it is no list."""
    if not isinstance(value, list):
        return None
    names: list[str] = []
    for item in value:
        if isinstance(item, dict):
            item = next((item[key] for key in ("email", "id", "name") if isinstance(item.get(key), str | int)), None)
        if not isinstance(item, str | int) or isinstance(item, bool):
            return None
        names.append(str(item))
    return names


def _change_created_list(fields: dict[str, Any], link: Link) -> None:
    """Attaches something to a new thing, or detaches it, in the list that it was created with."""
    name = next(
        (name for name, value in fields.items() if isinstance(value, list) and lists_noun(name, link.noun)),
        f"{link.noun}s",
    )
    items = [item for item in fields.get(name, ()) if _list_names([item]) != [link.value]]
    items = items if link.is_removal else [*items, link.value]
    if items:
        fields[name] = items
    else:
        fields.pop(name, None)


def _describe_thing(record: _ThingRecord, entities: EntityStore) -> Thing:
    known = entities.list_identities(record.noun, record.entity) if record.entity is not None else []
    identities = dict.fromkeys(identity for identity in (record.identity, *known) if identity)
    return Thing(record.noun, tuple(identity for identity in identities if not identity.startswith("#")))


def _is_same_json(left: Any, right: Any) -> bool:
    """Returns whether two values are the same; 25 and 25.0 are, 1 and true are not."""
    return left == right and isinstance(left, bool) == isinstance(right, bool)
