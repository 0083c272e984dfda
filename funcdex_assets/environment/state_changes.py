"""Changes the world as a call does: what it attaches before its result is built, and what stays of it afterwards.

Belongs here: the effects of verbs on entities. `delete` ends an entity, `close` closes it, an argument of an update is
a field from then on, a new reply counts in its thread. The answer to the call is built in `result_builder`.

>>> find_state_after_verb("close", ["open", "done"]), find_flag_after_verb("complete", "is_checked")
('done', True)
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from funcdex_assets.environment.call_intent import CallIntent
from funcdex_assets.environment.conversation_times import move_last_moment
from funcdex_assets.environment.entity_links import Link
from funcdex_assets.environment.entity_store import (
    Entity,
    EntityStore,
    ShownEntity,
    are_of_one_type,
    canonicalize_noun,
    list_own_identities,
    normalize_field_name,
    singularize_words,
)
from funcdex_assets.environment.merged_parts import merge_given_parts
from funcdex_assets.environment.part_counts import adjust_part_count
from funcdex_assets.environment.repeated_arguments import find_repeated_argument, find_written_text
from funcdex_assets.language import values
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_meaning import decide_field_meaning
from funcdex_assets.semantics.field_roles import is_call_setting, is_page_token, is_whole_text, read_name
from funcdex_assets.semantics.stated_rules import DeletesParts
from funcdex_assets.semantics.tool_names import is_id
from funcdex_assets.semantics.vocabulary import TALK_NOUNS

_STATES_AFTER_VERBS = {
    "close": "closed done completed complete resolved",
    "complete": "completed done complete closed",
    "reopen": "open reopened todo needsaction inprogress active",
    "cancel": "canceled cancelled void",
    "delete": "cancelled canceled deleted removed",
    "void": "void voided",
    "finalize": "open finalized",
    "pay": "paid succeeded",
    "accept": "accepted confirmed",
    "archive": "archived",
    "unarchive": "active open",
    "mark": "read done completed",
    "refund": "succeeded refunded pending",
    "publish": "published active",
    "enable": "enabled active",
    "disable": "disabled inactive",
    "approve": "approved",
    "reject": "rejected declined",
    "withdraw": "withdrawn",
    "decline": "declined rejected",
    "resolve": "resolved solved done closed",
    "suspend": "suspended paused",
    "confirm": "confirmed active",
    "ship": "shipped",
    "deliver": "delivered completed",
    "submit": "submitted pending inreview",
    "start": "active started running inprogress open",
    "activate": "active enabled",
    "resume": "active running inprogress",
    "renew": "active renewed",
    "stop": "stopped inactive",
    "deactivate": "inactive disabled",
    "pause": "paused suspended",
    "freeze": "frozen suspended paused",
    "unfreeze": "active",
    "block": "blocked suspended",
    "unblock": "active",
    "lock": "locked",
    "unlock": "unlocked open active",
    "return": "returned closed completed",
    "capture": "captured succeeded",
    "redeem": "redeemed used",
    "verify": "verified",
    "reserve": "reserved confirmed",
}
"""States that a thing is in after a verb, by `normalize_field_name`, the likeliest first."""

_FLAG_PHASES_AFTER_VERBS: dict[str, tuple[frozenset[str], bool]] = {
    "close": (frozenset(("completed", "archived")), True),
    "complete": (frozenset(("completed", "archived")), True),
    "archive": (frozenset({"archived"}), True),
    "reopen": (frozenset(("completed", "archived")), False),
    "unarchive": (frozenset({"archived"}), False),
}
_FLAGS_AFTER_VERBS: dict[str, tuple[frozenset[str], bool]] = {
    "star": (frozenset({"starred"}), True),
    "unstar": (frozenset({"starred"}), False),
    "pin": (frozenset({"pinned"}), True),
    "unpin": (frozenset({"pinned"}), False),
    "enable": (frozenset("enabled active".split()), True),
    "disable": (frozenset("enabled active".split()), False),
    "cancel": (frozenset({"active"}), False),
}
_EDITING_WORDS = frozenset("edited modified updated changed modifying editing editor".split())
_PASSAGE_NOUNS = frozenset("text action content paragraph passage markdown".split())
_SHARING_NOUNS = frozenset("permission preference collaborator sharing share member".split())


def find_state_after_verb(verb: str, options: Sequence[Any]) -> Any:
    """Returns the first of these states that an entity is in after the verb; None where the verb decides no state."""
    by_name = {normalize_field_name(str(option)): option for option in options}
    states = _STATES_AFTER_VERBS.get(verb, f"{verb}ed {verb}d {verb}{verb[-1:]}ed").split()
    return next((by_name[state] for state in states if state in by_name), None)


def find_flag_after_verb(verb: str, name: str) -> bool | None:
    """Returns the value of a yes-or-no field after the verb: a task that was closed is `checked`."""
    phases, value = _FLAG_PHASES_AFTER_VERBS.get(verb, (frozenset[str](), False))
    plain_name = normalize_field_name(name).removeprefix("is")
    if phases and decide_field_meaning(plain_name, {"type": "boolean"}).phase in phases:
        return value
    field_words, value = _FLAGS_AFTER_VERBS.get(verb, (frozenset[str](), False))
    return value if field_words & {*split_words(name), plain_name} else None


def is_last_editor_name(name: str) -> bool:
    """Returns whether a field tells who changed something last: `lastModifyingUser`, `last_edited_by`."""
    words = set(split_words(name))
    return bool(words & _EDITING_WORDS) and bool(words & {"by", "user", "editor", "person"})


def find_written_holder(intent: CallIntent) -> tuple[str, str] | None:
    """Returns the thing that a call puts a text into, by noun and identifier: INSERT_TEXT(document_id, text)."""
    holders = [(noun, identity) for noun, identity in intent.parents.items() if identity != intent.object_identity]
    writes = intent.name.verb in ("insert", "append", "replace") and intent.name.noun in _PASSAGE_NOUNS
    return holders[0] if writes and len(holders) == 1 else None


def apply_links(intent: CallIntent, entities: EntityStore) -> None:
    """Attaches and detaches what the call says, before the call is answered."""
    for link in intent.links:
        holder = _find_or_add_entity(entities, link.holder_noun, link.holder_identity)
        _apply_link(holder, link, entities)


def apply_call_effects(
    intent: CallIntent,
    arguments: Mapping[str, Any],
    shown_entities: Sequence[ShownEntity],
    result: Any,
    entities: EntityStore,
    now: datetime,
) -> None:
    """Applies all lasting effects of an answered call, apart from what its result told."""
    verb, action = intent.name.verb, intent.name.action
    if intent.is_lookup and not intent.restores_object:
        return
    entities.change_count += 1
    _write_text(intent, entities)
    for noun, identity in intent.named_entities:
        acted_on = entities.find_entity(noun, identity)
        if acted_on:
            acted_on.setdefault("@verbs", []).append(verb)
            acted_on.setdefault("@done", []).append(intent.tool)
    if intent.restores_object and intent.object_identity:
        entities.restore_entity(intent.name.noun, intent.object_identity)
    if intent.deletes_object:
        for noun, identity in intent.named_entities:
            if noun == canonicalize_noun(intent.name.noun):
                _adjust_counts(entities, entities.find_entity(noun, identity), noun, -1)
                entities.delete_entity(noun, identity)
        return
    if intent.creates_entity:
        _record_creation(intent, arguments, shown_entities, result, entities, now)
        if action == "send" and intent.name.noun == "draft" and intent.object_identity:
            entities.delete_entity("draft", intent.object_identity)
        return
    object_identity = intent.object_identity
    if object_identity is None or intent.links:
        return
    entity = _find_or_add_entity(entities, intent.name.noun, object_identity)
    shown_fields = frozenset[str]().union(
        *(shown_entity.field_names for shown_entity in shown_entities if shown_entity.entity is entity)
    )
    if action in ("update", "delete"):
        _record_update(intent, arguments, entity, shown_fields)
    for field_name in [name for name, value in entity.items() if isinstance(value, bool)]:
        flag = find_flag_after_verb(verb, field_name)
        if flag is not None:
            entity[field_name] = flag
    if verb in ("close", "complete", "archive"):
        entity["@closed"] = True
    elif verb in ("reopen", "unarchive"):
        entity.pop("@closed", None)
    if verb in _STATES_AFTER_VERBS | _FLAG_PHASES_AFTER_VERBS | _FLAGS_AFTER_VERBS:
        entity["@state"] = verb
        for field_name in ("status", "state") if verb in _STATES_AFTER_VERBS else ():
            if field_name not in intent.said_values and field_name not in shown_fields:
                entity.pop(field_name, None)
    entity["@changed"] = True
    for field_name, value in entity.items():
        if (
            field_name.removeprefix("last").startswith(("updated", "modified", "edited"))
            and isinstance(value, str)
            and field_name not in shown_fields
        ):
            entity[field_name] = values.render_moment({"format": "date" if len(value) == 10 else "date-time"}, now)


def delete_parts(intent: CallIntent, rules: Sequence[DeletesParts], entities: EntityStore) -> None:
    """Deletes what is in the deleted entity, where the description says that it goes with it."""
    if not intent.deletes_object or intent.object_identity is None:
        return
    for rule in rules:
        parts = list(entities.iterate_parts(intent.name.noun, intent.object_identity))
        for noun, part in parts:
            if rule.part in ("", canonicalize_noun(noun), noun):
                for identity in [key for key, entity in entities.list_entities(noun).items() if entity is part]:
                    entities.delete_entity(noun, identity)


def _write_text(intent: CallIntent, entities: EntityStore) -> None:
    """Puts a text into an entity, or in place of another text: INSERT_TEXT(document_id, text)."""
    verb, written = intent.name.verb, find_written_holder(intent)
    if written is None:
        return
    holder = _find_or_add_entity(entities, *written)
    said_values = holder.setdefault("@told", {})
    written_fields = [
        (fields, key, text)
        for fields in (holder, said_values)
        for key, text in fields.items()
        if isinstance(text, str) and is_whole_text(key)
    ]
    for fields, key, text in written_fields:
        fields[key] = _rewrite_text(text, intent)
    if not written_fields and verb != "replace" and find_written_text(intent):
        said_values["text"] = find_written_text(intent)
    for key in [key for key in holder if _measures_text(key)]:
        del holder[key]


def _measures_text(key: str) -> bool:
    """Returns whether a field tells how long a text or a file is."""
    meaning = read_name(key)
    is_length = meaning.role == "count" and meaning.noun in ("word", "character")
    return is_length or (meaning.role == "measure" and meaning.noun in ("", "file") and "size" in key)


def _rewrite_text(text: str, intent: CallIntent) -> str:
    """Returns the text with the call's text appended, or with the replacement made that the call asks for."""
    if intent.name.verb != "replace":
        return f"{text}\n{find_written_text(intent)}".strip("\n")
    pattern = _find_replaced_text(intent)
    new_text = next((value for key, value in intent.said_values.items() if key.startswith(("replace", "new"))), "")
    return pattern.sub(lambda _: new_text, text) if pattern and isinstance(new_text, str) else text


def count_replacements(intent: CallIntent, entities: EntityStore) -> int | None:
    """Returns how often the text that a call replaces stands in its thing; None if the thing's text is not known."""
    holder, pattern = find_written_holder(intent), _find_replaced_text(intent)
    if intent.name.verb != "replace" or holder is None or pattern is None:
        return None
    entity = entities.find_entity(*holder)
    for fields in (entity, entity.get("@told", {})):
        for key, text in fields.items():
            if isinstance(text, str) and is_whole_text(key):
                return len(pattern.findall(text))
    return None


def _find_replaced_text(intent: CallIntent) -> re.Pattern[str] | None:
    """Returns what a replacing call looks for; upper and lower case are the same unless it says otherwise."""
    said = intent.said_values.items()
    old_text = next((value for key, value in said if key.startswith(("find", "old", "search"))), "")
    if not isinstance(old_text, str) or not old_text:
        return None
    matches_case = any("case" in key and value is True for key, value in said)
    return re.compile(re.escape(old_text), 0 if matches_case else re.IGNORECASE)


def _record_creation(
    intent: CallIntent,
    arguments: Mapping[str, Any],
    shown_entities: Sequence[ShownEntity],
    result: Any,
    entities: EntityStore,
    clock: datetime,
) -> None:
    """Gives the created entity the values that it was created with, whether the result repeats them or not."""
    named_entities = {(canonicalize_noun(noun), identity) for noun, identity in intent.named_entities}
    new_entities = [
        shown_entity
        for shown_entity in shown_entities
        if (canonicalize_noun(shown_entity.noun), shown_entity.identity) not in named_entities
        and shown_entity.depth <= 2
    ]
    main_entities = [
        shown_entity
        for shown_entity in new_entities
        if canonicalize_noun(shown_entity.noun) == canonicalize_noun(intent.name.noun)
    ]
    created = next(
        iter(
            main_entities
            or [
                shown_entity
                for shown_entity in new_entities
                if shown_entity.depth <= 1 and canonicalize_noun(shown_entity.noun) != "user"
            ]
        ),
        None,
    )
    if created is None:
        if isinstance(result, dict) and intent.name.action == "create":
            entity: Entity = {"@parents": dict(intent.parents)} if intent.parents else {}
            _note_arguments(entity, arguments)
            if "@told" in entity:
                entity |= {"@made": entities.change_count, "@nameless": True}
                entities.add_unidentified(intent.name.noun, entity)
        return
    _note_arguments(created.entity, arguments)
    if intent.sends_object:
        _note_contents_of_draft(created.entity, entities.find_entity(intent.name.noun, str(intent.object_identity)))
    if intent.object_identity and canonicalize_noun(created.noun) != canonicalize_noun(intent.name.noun):
        parents = created.entity.setdefault("@parents", {})  # a booking that BOOK_ROOM made is one of the room
        parents.setdefault(canonicalize_noun(intent.name.noun), intent.object_identity)
    created.entity.update({"@made": entities.change_count, "@made_at": clock})
    _adjust_counts(entities, created.entity, created.noun, 1, clock)
    if _SHARING_NOUNS & set(intent.name.words):
        for noun, identity in intent.parents.items():
            holder = entities.find_entity(noun, identity)
            if isinstance(holder.get("shared"), bool):
                holder["shared"] = True


def _record_update(
    intent: CallIntent, arguments: Mapping[str, Any], entity: Entity, shown_fields: frozenset[str]
) -> None:
    """Makes the arguments of a change the entity's fields; other spellings of an old value are dropped."""
    arguments = {key: _merge_into_known(key, value, entity, shown_fields) for key, value in arguments.items()}
    for field_name in [name for name in entity if not name.startswith("@")]:
        value, plain_name = entity[field_name], field_name.partition("|")[0]
        argument = find_repeated_argument(intent, plain_name)
        if argument is None or is_id(plain_name):
            continue
        if "|" in field_name:
            del entity[field_name]
        elif are_of_one_type(argument, value) and not isinstance(value, dict) and field_name not in shown_fields:
            entity[field_name] = argument
    _note_arguments(entity, arguments)
    if intent.name.verb in ("move", "transition", "change", "set"):
        for noun, identity in intent.parents.items():
            entity.setdefault("@parents", {})[noun] = identity


def _note_contents_of_draft(sent: Entity, draft: Entity) -> None:
    """Notes on what was sent the words of the draft that it was: as written by a call, or as far as results showed."""
    told = dict(draft.get("@told", {}))
    shown = {name: value for name, value in draft.items() if isinstance(value, str) and read_name(name).role == "text"}
    if not any(is_whole_text(name) for name in told):
        is_whole = not shown or any(is_whole_text(name) for name in shown)
        told |= shown if is_whole else {"text": next(iter(shown.values()))}  # all that is known of it
    if told:
        sent.setdefault("@told", {}).update(told)


def _merge_into_known(key: str, argument: Any, entity: Entity, shown_fields: frozenset[str]) -> Any:
    """Returns the argument with what is known of the object that it gives parts of, which the entity has from then on;
    a field that the result has shown is as it was shown.
    """
    field_name = normalize_field_name(key)
    known_value = entity.get(field_name, entity.get("@told", {}).get(field_name))
    if not isinstance(argument, dict) or not isinstance(known_value, dict):
        return argument
    if field_name not in shown_fields:
        known_value = merge_given_parts(key, argument, known_value)
        if field_name in entity:
            entity[field_name] = known_value
    return known_value


def _note_arguments(entity: Entity, arguments: Mapping[str, Any]) -> None:
    """Notes the arguments of a call on the entity, but for identifiers, page tokens and settings of the call itself."""
    said_values = {
        normalize_field_name(key): value
        for key, value in arguments.items()
        if not is_id(key)
        and not is_page_token(key)
        and not is_call_setting(key, value)
        and value not in (None, "", [], {})
    }
    if said_values:
        entity.setdefault("@told", {}).update(said_values)


def _adjust_counts(
    entities: EntityStore, entity: Mapping[str, Any], noun: str, difference: int, now: datetime | None = None
) -> None:
    """Adds to the counts of the entities that this one belongs to, such as the `message_count` of its thread."""
    parents = dict(entity.get("@parents", {}))
    for name, value in entity.items():
        if isinstance(value, str) and name.endswith("id") and name != "id":
            parents.setdefault(name.removesuffix("id"), value)
    for parent, identity in parents.items():
        holder, part_noun = entities.find_entity(parent, identity), noun.rpartition(" ")[2]
        adjust_part_count(holder, part_noun, difference)
        listed = (canonicalize_noun(parent), str(identity), part_noun)
        if listed in entities.part_counts:
            entities.part_counts[listed] = max(0, entities.part_counts[listed] + difference)
        if difference > 0 and now:
            move_last_moment(holder, part_noun, now)
            if part_noun in TALK_NOUNS:
                _mark_change(holder, now)


def _mark_change(entity: Entity, now: datetime) -> None:
    """Moves the moments of the last change of an entity to the present."""
    for name, value in entity.items():
        if isinstance(value, str) and read_name(name).phase == "changed" and read_name(name).role == "moment":
            entity[name] = values.render_moment({"format": "date" if len(value) == 10 else "date-time"}, now)


def _find_or_add_entity(entities: EntityStore, noun: str, identity: str) -> Entity:
    """Returns the entity; an unknown one is added."""
    return entities.find_entity(noun, identity) or entities.remember_result({"id": identity}, noun)[0].entity


def _apply_link(holder: Entity, link: Link, entities: EntityStore) -> None:
    """Changes the entity's lists of such entities, and notes the link for lists that were not shown yet."""
    linked_entity = entities.find_entity(link.noun, link.value)
    names = [link.value, *(linked_entity[key] for key in ("name", "title") if isinstance(linked_entity.get(key), str))]
    noted_links, opposite_links = ("@unlinks", "@links") if link.is_removal else ("@links", "@unlinks")
    if link.value not in holder.get(noted_links, {}).get(link.noun, {}):
        adjust_part_count(holder, link.noun, -1 if link.is_removal else 1)
    holder.setdefault(noted_links, {}).setdefault(link.noun, {})[link.value] = names
    holder.get(opposite_links, {}).get(link.noun, {}).pop(link.value, None)
    for name, value in list(holder.items()):
        if isinstance(value, list) and lists_noun(name, link.noun):
            holder[name] = update_linked_items(value, link.noun, name, holder)


def lists_noun(name: str, noun: str) -> bool:
    """Returns whether a field of this name lists entities of a noun: `labels` and `label_ids` list labels."""
    listed_noun = singularize_words(name).removesuffix(" id")
    return canonicalize_noun(listed_noun) == canonicalize_noun(noun) or normalize_field_name(name) in {
        f"{noun}s",
        f"{noun}ids",
        f"{noun}es",
    }


def update_linked_items(items: Sequence[Any], noun: str, name: str, entity: Entity) -> list[Any]:
    """Returns a list with what was attached to the entity, and without what was detached."""
    detached = entity.get("@unlinks", {}).get(noun, {})
    detached_names = {value for names in detached.values() for value in names}
    linked_items = [item for item in items if not detached_names & _list_item_names(item, noun)]
    for identity, names in entity.get("@links", {}).get(noun, {}).items():
        if any(set(names) & _list_item_names(item, noun) for item in linked_items):
            continue
        if all(isinstance(item, str) for item in linked_items):
            linked_items.append(identity if is_id(name) or name.endswith(("ids", "gids")) else names[-1])
    return linked_items


def _list_item_names(item: Any, noun: str) -> set[str]:
    """Returns the names and identifiers by which a list item may be meant."""
    if isinstance(item, str):
        return {item}
    if isinstance(item, dict):
        texts = [
            value for key, value in item.items() if isinstance(value, str) and {"name", "email"} & set(split_words(key))
        ]
        return {*list_own_identities(item, noun), *texts}
    return set()
