"""Relations of what is there: in which parent, in something new, after a creation and after a deletion."""

from collections.abc import Iterator, Mapping
from typing import Any

from funcdex_assets.checks.relations.breaks import Break
from funcdex_assets.checks.relations.names import (
    DROPPED_WORDS,
    PARTS,
    is_count,
    is_id_name,
    name_field,
    split_name,
    split_singular,
)
from funcdex_assets.checks.relations.steps import Thing, Transcript


def parts_of_one_parent(transcript: Transcript) -> Iterator[Break]:
    """What is listed within a thing names that thing as its parent."""
    for step in transcript.good_steps:
        for name, identity in step.argument_ids.items() if step.action == "read" else ():
            field = name_field(name, "")
            for item in step.items if field != "#" and split_singular(name)[:-1] != step.noun else ():
                is_own = [key for key in item.fields if is_id_name(key)] == [name] and not item.identities
                shown = _list_parent_ids(item.fields, field)
                if shown and identity not in shown and not is_own and split_singular(name)[:-1] != item.noun:
                    yield Break(step, item.pointer, f"lies in {shown[0]!r}, and {identity!r} was asked for")


def _list_parent_ids(fields: Mapping[str, Any], field: str) -> list[str]:
    """Returns the identifiers of a parent in all the ways in which a thing names it."""
    found: list[str] = []
    for name, value in fields.items():
        if isinstance(value, dict) and name_field(name, value) == field:
            found += [str(part) for key, part in value.items() if is_id_name(key) and isinstance(part, str | int)]
        elif isinstance(value, str | int) and is_id_name(name) and name_field(name, value) == field:
            found.append(str(value))
    return found


def new_is_empty(transcript: Transcript) -> Iterator[Break]:
    """Nothing lies in a thing that was just made but what a call put there."""
    for number, step in enumerate(transcript.steps):
        made = None if step.failed else step.created
        if made is None or {"copy", "duplicate", "clone", "template"} & step.words:
            continue
        for later_number in range(number, len(transcript.steps)):
            later = transcript.steps[later_number]
            names_it = set(made.identities) & set(later.argument_ids.values())
            if later_number > number and later.action != "read" and set(made.identities) & later.argument_texts:
                break
            if later.failed:
                continue
            foreign = [item for item in later.items if item.noun[-1:] != made.noun[-1:] and item.noun[-1] in PARTS]
            if names_it and foreign and later_number > number and foreign[0].noun[-1] not in step.words:
                yield Break(
                    later, foreign[0].listed_in or "", f"{made.identities[0]!r} was just made, and is not empty"
                )
            for thing in later.things:
                if set(thing.identities) & set(made.identities):
                    for name, value in thing.fields.items():
                        counted = set(split_singular(name)) & PARTS
                        if is_count(name) and counted and not counted & step.words and value:
                            yield Break(later, f"{thing.pointer}/{name}", f"{value} in what was just made")


def deleted_stays_deleted(transcript: Transcript) -> Iterator[Break]:
    """What was deleted is not shown again, and no call of it succeeds."""
    deleted: dict[str, str] = {}
    for step in transcript.good_steps:
        if step.action == "restore" or any(set(split_name(name)) & DROPPED_WORDS for name in step.arguments):
            deleted = {} if step.action == "restore" else deleted
            continue
        for identity in set(step.argument_ids.values()) & set(deleted):
            yield Break(step, "", f"works with {identity!r}, which {deleted[identity]} deleted")
        for thing in step.things if step.action != "delete" else ():
            gone = next((identity for identity in thing.identities if identity in deleted), None)
            if gone is not None and not _is_marked_gone(thing):
                yield Break(step, thing.pointer, f"shows {gone!r}, which {deleted[gone]} deleted")
        own = [value for name, value in step.argument_ids.items() if split_singular(name)[:-1] in ((), step.noun)]
        is_unlinking = step.call_verb == "remove" and len(step.arguments) > 1
        if step.action == "delete" and len(own) == 1 and not is_unlinking:
            deleted[own[0]] = step.call.id


def _is_marked_gone(thing: Thing) -> bool:
    shown = {name for name, value in thing.fields.items() if value is True} | {
        str(value) for name, value in thing.fields.items() if {"status", "state"} & set(split_name(name))
    }
    return any(DROPPED_WORDS & set(split_name(text)) for text in shown)


def created_is_listed(transcript: Transcript) -> Iterator[Break]:
    """A whole listing of the same kind and place has what was made before."""
    for number, step in enumerate(transcript.steps):
        made = None if step.failed else step.created
        if made is None or step.call_verb not in ("create", "add", "insert", "post", "make"):
            continue
        for later_number in range(number + 1, len(transcript.steps)):
            later = transcript.steps[later_number]
            if later.action != "read":
                if set(made.identities) & later.argument_texts or later.action in ("delete", "other"):
                    break
                continue
            is_same = later.noun == step.noun and later.toolkit == step.toolkit and later.call_verb == "list"
            is_inside = set(later.argument_ids.values()) <= step.argument_texts
            named_in_creation = set(step.argument_ids.values()) <= later.argument_texts
            if (
                is_same
                and later.is_whole_listing
                and is_inside
                and named_in_creation
                and not later.failed
                and later.items
            ):
                shown = {identity for item in later.items for identity in item.identities}
                if shown and not set(made.identities) & shown:
                    yield Break(
                        later, later.items[0].listed_in or "", f"{made.identities[0]!r} was made, and is missing"
                    )
