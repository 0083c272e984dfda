"""What a call changes in the world: what it puts on things before its result is made, and what follows from it.

`results.py` makes the answer; here is what stays. Verbs decide: `delete` ends a thing, `close` closes it,
an argument of an update is a field from then on, a new reply counts in its thread.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from funcdex_assets.catalog.names import is_id, is_page_token, words
from funcdex_assets.language import values
from funcdex_assets.simulation.demand import CallIntent
from funcdex_assets.simulation.entity_links import Link
from funcdex_assets.simulation.memory import Memory, Thing, Told, kind, own_identities, plain, singular_words
from funcdex_assets.simulation.repeated_arguments import find_repeated_argument, find_written_text

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
    """The one of these states in which a thing is after the verb; None where the verb says nothing of it."""
    by_name = {plain(str(option)): option for option in options}
    return next((by_name[state] for state in _STATES.get(verb, "").split() if state in by_name), None)


def flag_after(verb: str, name: str) -> bool | None:
    """What a yes-or-no field says after the verb: a task that was closed is `checked`."""
    about, value = _FLAGS.get(verb, (frozenset[str](), False))
    return value if about & {*words(name), plain(name).removeprefix("is")} else None


def put_links(demand: CallIntent, memory: Memory) -> None:
    """What the call puts on things or takes off is there before it is answered."""
    for link in demand.links:
        thing = _thing(memory, link.holder_noun, link.holder_identity)
        _link(thing, link, memory)


def settle(
    demand: CallIntent, arguments: Mapping[str, Any], told: Sequence[Told], result: Any, memory: Memory, now: datetime
) -> None:
    """Everything that stays of a call which was made, apart from what its result tells."""
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
    own = demand.object_identity
    if own is None or demand.links:
        return
    thing = _thing(memory, demand.name.noun, own)
    shown = frozenset[str]().union(*(one.fields for one in told if one.thing is thing))
    if action in ("update", "delete"):
        _updated(demand, arguments, thing, shown)
    for field_ in [name for name, value in thing.items() if isinstance(value, bool)]:
        if (flag := flag_after(verb, field_)) is not None:
            thing[field_] = flag
    if verb in ("close", "complete", "archive"):
        thing["@closed"] = True
    elif verb in ("reopen", "unarchive"):
        thing.pop("@closed", None)
    if verb in _STATES or verb in _FLAGS:
        thing["@state"] = verb
        for field_ in ("status", "state") if verb in _STATES else ():
            if field_ not in demand.said_values and field_ not in shown:
                thing.pop(field_, None)
    for field_, value in thing.items():
        if (
            field_.removeprefix("last").startswith(("updated", "modified", "edited"))
            and isinstance(value, str)
            and field_ not in shown
        ):
            thing[field_] = values.moment_text({"format": "date" if len(value) == 10 else "date-time"}, now)


def _write(demand: CallIntent, memory: Memory) -> None:
    """A text put into a thing, or in place of another, is in what is read of it: INSERT_TEXT(document_id, text)."""
    verb, holders = (
        demand.name.verb,
        [(noun, name) for noun, name in demand.parents.items() if name != demand.object_identity],
    )
    if verb not in ("insert", "append", "replace") or demand.name.noun not in _PASSAGES or len(holders) != 1:
        return
    thing = _thing(memory, *holders[0])
    told = thing.setdefault("@told", {})
    before = [fields for fields in (thing, told) if any(isinstance(fields.get(key), str) for key in _WHOLE_TEXTS)]
    for fields in before:
        for key in _WHOLE_TEXTS:
            if isinstance(text := fields.get(key), str):
                fields[key] = _rewritten(text, demand)
    if not before and verb != "replace" and find_written_text(demand):
        told["text"] = find_written_text(demand)
    for key in [key for key in thing if key.startswith(_MEASURES)]:
        del thing[key]


def _rewritten(text: str, demand: CallIntent) -> str:
    if demand.name.verb != "replace":
        return f"{text}\n{find_written_text(demand)}"
    old = next((one for key, one in demand.said_values.items() if key.startswith(("find", "old", "search"))), "")
    new = next((one for key, one in demand.said_values.items() if key.startswith(("replace", "new"))), "")
    return text.replace(old, new) if isinstance(old, str) and isinstance(new, str) and old else text


def _made(
    demand: CallIntent,
    arguments: Mapping[str, Any],
    told: Sequence[Told],
    result: Any,
    memory: Memory,
    clock: datetime,
) -> None:
    """The new thing has what it was made with, whether the result repeats it or not."""
    named = {(kind(noun), identity) for noun, identity in demand.named_entities}
    fresh = [one for one in told if (kind(one.noun), one.identity) not in named and one.depth <= 2]
    own = [one for one in fresh if kind(one.noun) == kind(demand.name.noun)]
    made = next(iter(own or [one for one in fresh if one.depth <= 1 and kind(one.noun) != "user"]), None)
    if made is None:
        if isinstance(result, dict) and demand.name.action == "create":
            thing: Thing = {"@parents": dict(demand.parents)} if demand.parents else {}
            _tell(thing, arguments)
            if "@told" in thing:
                thing |= {"@made": memory.changes, "@nameless": True}
                memory.add_nameless(demand.name.noun, thing)
        return
    _tell(made.thing, arguments)
    made.thing.update({"@made": memory.changes, "@made_at": clock})
    _count(memory, made.thing, made.noun, 1)
    if _SHARING & set(demand.name.words):
        for noun, identity in demand.parents.items():
            holder = memory.thing(noun, identity)
            if isinstance(holder.get("shared"), bool):
                holder["shared"] = True


def _updated(demand: CallIntent, arguments: Mapping[str, Any], thing: Thing, shown: frozenset[str]) -> None:
    """An argument of a change is a field from now on; other spellings of the old value are forgotten."""
    for field_ in [name for name in thing if not name.startswith("@")]:
        value, plain_name = thing[field_], field_.partition("|")[0]
        said = find_repeated_argument(demand, plain_name)
        if said is None or is_id(plain_name):
            continue
        if "|" in field_:
            del thing[field_]
        elif type(said) is type(value) and not isinstance(value, dict) and field_ not in shown:
            thing[field_] = said
    _tell(thing, arguments)
    if demand.name.verb in ("move", "transition", "change", "set"):
        for noun, identity in demand.parents.items():
            thing.setdefault("@parents", {})[noun] = identity


def _tell(thing: Thing, arguments: Mapping[str, Any]) -> None:
    told = {
        plain(key): value
        for key, value in arguments.items()
        if not is_id(key)
        and not is_page_token(key)
        and not _SETTINGS & set(words(key))
        and value not in (None, "", [], {})
    }
    if told:
        thing.setdefault("@told", {}).update(told)


def _count(memory: Memory, thing: Mapping[str, Any], noun: str, by: int) -> None:
    """A thing more or less in what it belongs to: `message_count` of its thread."""
    parents = dict(thing.get("@parents", {}))
    for name, value in thing.items():
        if isinstance(value, str) and name.endswith("id") and name != "id":
            parents.setdefault(name.removesuffix("id"), value)
    for parent, identity in parents.items():
        holder = memory.thing(parent, identity)
        field_ = f"{plain(noun.rpartition(' ')[2])}count"
        if isinstance(holder.get(field_), int):
            holder[field_] = max(0, holder[field_] + by)


def _thing(memory: Memory, noun: str, identity: str) -> Thing:
    return memory.thing(noun, identity) or memory.remember({"id": identity}, noun)[0].thing


def _link(thing: Thing, link: Link, memory: Memory) -> None:
    """The lists of the thing in which such things are listed, and a note for those that were not shown yet."""
    linked = memory.thing(link.noun, link.value)
    names = [link.value, *(linked[key] for key in ("name", "title") if isinstance(linked.get(key), str))]
    on, off = ("@unlinks", "@links") if link.is_removal else ("@links", "@unlinks")
    thing.setdefault(on, {}).setdefault(link.noun, {})[link.value] = names
    thing.get(off, {}).get(link.noun, {}).pop(link.value, None)
    for name, value in list(thing.items()):
        if isinstance(value, list) and lists(name, link.noun):
            thing[name] = linked_list(value, link.noun, name, thing)


def lists(name: str, noun: str) -> bool:
    """Whether a field of this name (or plain name) lists such things: `labels` and `label_ids` list labels."""
    own = singular_words(name).removesuffix(" id")
    return kind(own) == kind(noun) or plain(name) in {f"{noun}s", f"{noun}ids", f"{noun}es"}


def linked_list(items: Sequence[Any], noun: str, name: str, thing: Thing) -> list[Any]:
    """A list with what was put on the thing, and without what was taken off."""
    off = thing.get("@unlinks", {}).get(noun, {})
    gone = {value for names in off.values() for value in names}
    kept = [item for item in items if not gone & _names(item, noun)]
    for identity, names in thing.get("@links", {}).get(noun, {}).items():
        if any(set(names) & _names(item, noun) for item in kept):
            continue
        if all(isinstance(item, str) for item in kept):
            kept.append(identity if is_id(name) or name.endswith(("ids", "gids")) else names[-1])
    return kept


def _names(item: Any, noun: str) -> set[str]:
    if isinstance(item, str):
        return {item}
    if isinstance(item, dict):
        told = [value for key, value in item.items() if isinstance(value, str) and {"name", "email"} & set(words(key))]
        return {*own_identities(item, noun), *told}
    return set()
