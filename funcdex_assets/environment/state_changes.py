"""Changes the world as a call does: what it attaches before its result is built, and what stays of it afterwards.

Belongs here: the effects of verbs on entities. `delete` ends an entity, `close` closes it, an argument of an update is
a field from then on, a new reply counts in its thread. The answer to the call is built in `results.py`.

>>> find_state_after_verb("close", ["open", "done"]), find_flag_after_verb("complete", "is_checked")
('done', True)
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from funcdex_assets.environment.call_intent import CallIntent
from funcdex_assets.environment.entity_links import Link
from funcdex_assets.environment.entity_store import Memory, Thing, Told, kind, own_identities, plain, singular_words
from funcdex_assets.environment.repeated_arguments import find_repeated_argument, find_written_text
from funcdex_assets.language import values
from funcdex_assets.schema.words import words
from funcdex_assets.semantics.tool_names import is_id, is_page_token

_STATES = {
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
}
"""States that a thing is in after a verb, by `plain` name, the likeliest first."""

_ENDED = frozenset("completed complete checked closed done resolved archived".split())
_FLAGS: dict[str, tuple[frozenset[str], bool]] = {
    "close": (_ENDED, True),
    "complete": (_ENDED, True),
    "archive": (frozenset({"archived"}), True),
    "reopen": (_ENDED, False),
    "unarchive": (frozenset({"archived"}), False),
    "star": (frozenset({"starred"}), True),
    "pin": (frozenset({"pinned"}), True),
    "enable": (frozenset("enabled active".split()), True),
    "disable": (frozenset("enabled active".split()), False),
    "cancel": (frozenset({"active"}), False),
}
_PASSAGES = frozenset("text action content paragraph passage markdown".split())
_WHOLE_TEXTS = ("text", "plaintext", "markdowntext", "content", "body")
_MEASURES = ("wordcount", "charactercount", "size", "filesize")
_SHARING = frozenset("permission preference collaborator sharing share member".split())
_SETTINGS = frozenset("notify notifications notification send updates format verbose fields".split())


def state_after(verb: str, options: Sequence[Any]) -> Any:
    """Returns the first of these states that an entity is in after the verb; None where the verb decides no state."""
    by_name = {plain(str(option)): option for option in options}
    return next((by_name[state] for state in _STATES.get(verb, "").split() if state in by_name), None)


def flag_after(verb: str, name: str) -> bool | None:
    """Returns the value of a yes-or-no field after the verb: a task that was closed is `checked`."""
    field_words, value = _FLAGS.get(verb, (frozenset[str](), False))
    return value if field_words & {*words(name), plain(name).removeprefix("is")} else None


def put_links(demand: CallIntent, memory: Memory) -> None:
    """Attaches and detaches what the call says, before the call is answered."""
    for link in demand.links:
        holder = _thing(memory, link.holder_noun, link.holder_identity)
        _link(holder, link, memory)


def settle(
    demand: CallIntent, arguments: Mapping[str, Any], told: Sequence[Told], result: Any, memory: Memory, now: datetime
) -> None:
    """Applies all lasting effects of an answered call, apart from what its result told."""
    verb, action = demand.name.verb, demand.name.action
    if demand.is_lookup and not demand.restores_object:
        return
    memory.changes += 1
    _write(demand, memory)
    if demand.restores_object and demand.object_identity:
        memory.revive(demand.name.noun, demand.object_identity)
    if demand.deletes_object:
        for noun, identity in demand.named_entities:
            if noun == kind(demand.name.noun):
                _count(memory, memory.thing(noun, identity), noun, -1)
                memory.forget(noun, identity)
        return
    if demand.creates_entity:
        _made(demand, arguments, told, result, memory, now)
        if action == "send" and demand.name.noun == "draft" and demand.object_identity:
            memory.forget("draft", demand.object_identity)
        return
    object_identity = demand.object_identity
    if object_identity is None or demand.links:
        return
    entity = _thing(memory, demand.name.noun, object_identity)
    shown_fields = frozenset[str]().union(
        *(shown_entity.fields for shown_entity in told if shown_entity.thing is entity)
    )
    if action in ("update", "delete"):
        _updated(demand, arguments, entity, shown_fields)
    for field_name in [name for name, value in entity.items() if isinstance(value, bool)]:
        flag = flag_after(verb, field_name)
        if flag is not None:
            entity[field_name] = flag
    if verb in ("close", "complete", "archive"):
        entity["@closed"] = True
    elif verb in ("reopen", "unarchive"):
        entity.pop("@closed", None)
    if verb in _STATES or verb in _FLAGS:
        entity["@state"] = verb
        for field_name in ("status", "state") if verb in _STATES else ():
            if field_name not in demand.said_values and field_name not in shown_fields:
                entity.pop(field_name, None)
    for field_name, value in entity.items():
        if (
            field_name.removeprefix("last").startswith(("updated", "modified", "edited"))
            and isinstance(value, str)
            and field_name not in shown_fields
        ):
            entity[field_name] = values.moment_text({"format": "date" if len(value) == 10 else "date-time"}, now)


def _write(demand: CallIntent, memory: Memory) -> None:
    """Puts a text into an entity, or in place of another text: INSERT_TEXT(document_id, text)."""
    verb = demand.name.verb
    holders = [(noun, identity) for noun, identity in demand.parents.items() if identity != demand.object_identity]
    if verb not in ("insert", "append", "replace") or demand.name.noun not in _PASSAGES or len(holders) != 1:
        return
    holder = _thing(memory, *holders[0])
    said_values = holder.setdefault("@told", {})
    written_fields = [
        fields for fields in (holder, said_values) if any(isinstance(fields.get(key), str) for key in _WHOLE_TEXTS)
    ]
    for fields in written_fields:
        for key in _WHOLE_TEXTS:
            text = fields.get(key)
            if isinstance(text, str):
                fields[key] = _rewritten(text, demand)
    if not written_fields and verb != "replace" and find_written_text(demand):
        said_values["text"] = find_written_text(demand)
    for key in [key for key in holder if key.startswith(_MEASURES)]:
        del holder[key]


def _rewritten(text: str, demand: CallIntent) -> str:
    """Returns the text with the call's text appended, or with the replacement made that the call asks for."""
    if demand.name.verb != "replace":
        return f"{text}\n{find_written_text(demand)}"
    old_text = next(
        (value for key, value in demand.said_values.items() if key.startswith(("find", "old", "search"))), ""
    )
    new_text = next((value for key, value in demand.said_values.items() if key.startswith(("replace", "new"))), "")
    return (
        text.replace(old_text, new_text)
        if isinstance(old_text, str) and isinstance(new_text, str) and old_text
        else text
    )


def _made(
    demand: CallIntent,
    arguments: Mapping[str, Any],
    told: Sequence[Told],
    result: Any,
    memory: Memory,
    clock: datetime,
) -> None:
    """Gives the created entity the values that it was created with, whether the result repeats them or not."""
    named_entities = {(kind(noun), identity) for noun, identity in demand.named_entities}
    new_entities = [
        shown_entity
        for shown_entity in told
        if (kind(shown_entity.noun), shown_entity.identity) not in named_entities and shown_entity.depth <= 2
    ]
    main_entities = [shown_entity for shown_entity in new_entities if kind(shown_entity.noun) == kind(demand.name.noun)]
    created = next(
        iter(
            main_entities
            or [
                shown_entity
                for shown_entity in new_entities
                if shown_entity.depth <= 1 and kind(shown_entity.noun) != "user"
            ]
        ),
        None,
    )
    if created is None:
        if isinstance(result, dict) and demand.name.action == "create":
            entity: Thing = {"@parents": dict(demand.parents)} if demand.parents else {}
            _tell(entity, arguments)
            if "@told" in entity:
                entity |= {"@made": memory.changes, "@nameless": True}
                memory.add_nameless(demand.name.noun, entity)
        return
    _tell(created.thing, arguments)
    created.thing.update({"@made": memory.changes, "@made_at": clock})
    _count(memory, created.thing, created.noun, 1)
    if _SHARING & set(demand.name.words):
        for noun, identity in demand.parents.items():
            holder = memory.thing(noun, identity)
            if isinstance(holder.get("shared"), bool):
                holder["shared"] = True


def _updated(demand: CallIntent, arguments: Mapping[str, Any], thing: Thing, shown: frozenset[str]) -> None:
    """Makes the arguments of a change the entity's fields; other spellings of an old value are dropped."""
    for field_name in [name for name in thing if not name.startswith("@")]:
        value, plain_name = thing[field_name], field_name.partition("|")[0]
        argument = find_repeated_argument(demand, plain_name)
        if argument is None or is_id(plain_name):
            continue
        if "|" in field_name:
            del thing[field_name]
        elif type(argument) is type(value) and not isinstance(value, dict) and field_name not in shown:
            thing[field_name] = argument
    _tell(thing, arguments)
    if demand.name.verb in ("move", "transition", "change", "set"):
        for noun, identity in demand.parents.items():
            thing.setdefault("@parents", {})[noun] = identity


def _tell(thing: Thing, arguments: Mapping[str, Any]) -> None:
    """Notes the arguments of a call on the entity, but for identifiers, page tokens and settings of the call itself."""
    said_values = {
        plain(key): value
        for key, value in arguments.items()
        if not is_id(key)
        and not is_page_token(key)
        and not _SETTINGS & set(words(key))
        and value not in (None, "", [], {})
    }
    if said_values:
        thing.setdefault("@told", {}).update(said_values)


def _count(memory: Memory, thing: Mapping[str, Any], noun: str, by: int) -> None:
    """Adds to the counts of the entities that this one belongs to, such as the `message_count` of its thread."""
    parents = dict(thing.get("@parents", {}))
    for name, value in thing.items():
        if isinstance(value, str) and name.endswith("id") and name != "id":
            parents.setdefault(name.removesuffix("id"), value)
    for parent, identity in parents.items():
        holder = memory.thing(parent, identity)
        count_field = f"{plain(noun.rpartition(' ')[2])}count"
        if isinstance(holder.get(count_field), int):
            holder[count_field] = max(0, holder[count_field] + by)


def _thing(memory: Memory, noun: str, identity: str) -> Thing:
    """Returns the entity; an unknown one is added."""
    return memory.thing(noun, identity) or memory.remember({"id": identity}, noun)[0].thing


def _link(thing: Thing, link: Link, memory: Memory) -> None:
    """Changes the entity's lists of such entities, and notes the link for lists that were not shown yet."""
    linked_entity = memory.thing(link.noun, link.value)
    names = [link.value, *(linked_entity[key] for key in ("name", "title") if isinstance(linked_entity.get(key), str))]
    noted_links, opposite_links = ("@unlinks", "@links") if link.is_removal else ("@links", "@unlinks")
    thing.setdefault(noted_links, {}).setdefault(link.noun, {})[link.value] = names
    thing.get(opposite_links, {}).get(link.noun, {}).pop(link.value, None)
    for name, value in list(thing.items()):
        if isinstance(value, list) and lists(name, link.noun):
            thing[name] = linked_list(value, link.noun, name, thing)


def lists(name: str, noun: str) -> bool:
    """Returns whether a field of this name lists entities of a noun: `labels` and `label_ids` list labels."""
    listed_noun = singular_words(name).removesuffix(" id")
    return kind(listed_noun) == kind(noun) or plain(name) in {f"{noun}s", f"{noun}ids", f"{noun}es"}


def linked_list(items: Sequence[Any], noun: str, name: str, thing: Thing) -> list[Any]:
    """Returns a list with what was attached to the entity, and without what was detached."""
    detached = thing.get("@unlinks", {}).get(noun, {})
    detached_names = {value for names in detached.values() for value in names}
    linked_items = [item for item in items if not detached_names & _names(item, noun)]
    for identity, names in thing.get("@links", {}).get(noun, {}).items():
        if any(set(names) & _names(item, noun) for item in linked_items):
            continue
        if all(isinstance(item, str) for item in linked_items):
            linked_items.append(identity if is_id(name) or name.endswith(("ids", "gids")) else names[-1])
    return linked_items


def _names(item: Any, noun: str) -> set[str]:
    """Returns the names and identifiers by which a list item may be meant."""
    if isinstance(item, str):
        return {item}
    if isinstance(item, dict):
        texts = [value for key, value in item.items() if isinstance(value, str) and {"name", "email"} & set(words(key))]
        return {*own_identities(item, noun), *texts}
    return set()
