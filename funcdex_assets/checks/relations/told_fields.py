"""Relations between what was told of a thing and what is shown of it: by the call that made it, and ever after."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from funcdex_assets.checks.relations.breaks import Break
from funcdex_assets.checks.relations.names import (
    CALL_WORDS,
    MIN_TEXT_LENGTH,
    PASSING_WORDS,
    PLACEHOLDERS,
    SENT_TO_WORDS,
    SETTING_VERBS,
    STATE_WORDS,
    UNIT_WORDS,
    split_singular,
)
from funcdex_assets.checks.relations.steps import Step, Thing, Transcript
from funcdex_assets.checks.relations.values import ADDRESS, agree, is_text, iterate_scalars, list_fields


def text_as_sent(transcript: Transcript) -> Iterator[Break]:
    """The text of what a call made is the one that it gave."""
    for step in transcript.good_steps:
        if step.action not in ("create", "update") or step.subject is None:
            continue
        texts = [value for name, value in step.arguments.items() if is_text(name, value)]
        shown = [(name, value) for name, value in step.subject.fields.items() if is_text(name, value)]
        if step.action == "update":
            shown = [(name, value) for name, value in shown if name in step.arguments]
        for name, value in shown if texts else ():
            if not any(is_part(value, text) for text in (*texts, *step.argument_texts)):
                yield Break(step, f"{step.subject.pointer}/{name}", f"{value!r} was not sent, but {texts[0]!r}")


def is_part(shown: str, sent: str) -> bool:
    """Returns whether a text shows another one, perhaps cut, marked up or with more around it."""
    one, other = (re.sub(r"<[^>]*>|[\W_]+", "", text).lower() for text in (shown, sent))
    return bool(one and other) and (one in other or other in one)


def recipients_as_named(transcript: Transcript) -> Iterator[Break]:
    """What is sent or forwarded goes to the addresses that the call names, a draft to those that it was shown with."""
    drafted: dict[str, set[str]] = {}
    for step in transcript.good_steps:
        meant = set[str]().union(*(drafted.get(identity, set()) for identity in step.argument_ids.values()))
        for thing in step.things:
            shown = _list_recipients(thing)
            if "send" in step.words and meant and shown - meant and thing.listed_in is None:
                yield Break(step, thing.pointer, f"goes to {min(shown - meant)}, whom its draft does not name")
            drafted.update(dict.fromkeys(thing.identities, shown) if shown else {})
        named = {address.lower() for text in step.argument_texts for address in ADDRESS.findall(text)}
        if (step.action != "create" and "forward" not in step.words) or step.subject is None or not named:
            continue
        if not any(SENT_TO_WORDS & set(split_singular(name)) for name in step.arguments):
            continue
        others = _list_recipients(step.subject) - named
        if others:
            yield Break(step, step.subject.pointer, f"goes to {min(others)}, whom the call does not name")


def _list_recipients(thing: Thing) -> set[str]:
    """Returns the addresses to which a thing goes, those of copies left out."""
    values = (value for name, value in thing.fields.items() if split_singular(name)[-1:] in (("to",), ("recipient",)))
    texts = (str(text) for value in values for text in iterate_scalars(value))
    return {address.lower() for text in texts for address in ADDRESS.findall(text)}


def fields_as_told(transcript: Transcript) -> Iterator[Break]:
    """A field that a call set has that value in its result."""
    for step in transcript.good_steps:
        subject = step.subject
        is_about_subject = step.action == "create" or step.call_verb in SETTING_VERBS
        if subject is None or not is_about_subject:
            continue
        for name, value in _list_told_fields(step).items():
            shown = list_fields(subject.fields).get(name)
            if shown is not None and not is_text(name, value) and not _is_told(shown, value):
                yield Break(step, subject.pointer, f"{name} is {shown!r}, and was told to be {value!r}")


def _is_told(shown: Any, told: Any) -> bool:
    return agree(shown, told) or (isinstance(shown, str) and isinstance(told, str) and is_part(shown, told))


def _list_told_fields(step: Step) -> dict[str, Any]:
    """Returns the scalar arguments by field, without those that name things or say how to call."""
    return {
        name: value
        for name, value in list_fields(step.arguments).items()
        if not name.endswith("#") and not CALL_WORDS & set(name.split()) and str(value) not in PLACEHOLDERS
    }


def one_thing_one_value(transcript: Transcript) -> Iterator[Break]:
    """A thing has the fields that were told and shown before, but for what a call in between may have changed."""
    known: dict[tuple[str, str], dict[str, tuple[Any, int]]] = {}
    for number, step in enumerate(transcript.steps):
        if step.failed:
            continue
        tellable = not UNIT_WORDS & step.words if step.action == "read" else True
        for thing in step.things:
            if not thing.identities:
                continue
            fields = known.setdefault(thing.key, {})
            for name, value in list_fields(thing.fields).items():
                before, since = fields.get(name, (None, number))
                if since < number and tellable and not agree(before, value):
                    changes = transcript.list_changes(since, number)
                    if not _may_have_changed(name, value, thing, changes):
                        text = f"{name} of {thing.identities[0]!r} is {value!r}, and was {before!r}"
                        yield Break(step, thing.pointer, text)
                fields[name] = (value, number)
        if step.created or step.call_verb in SETTING_VERBS:
            key = _find_told_key(step)
            for name, value in _list_told_fields(step).items() if key else ():
                known.setdefault(key, {}).setdefault(name, (value, number))
                if known[key][name][1] < number:
                    known[key][name] = (value, number)


def _find_told_key(step: Step) -> tuple[str, str]:
    """Returns the thing whose fields a call sets: what it made, or what it names by the identifier of its noun."""
    if step.created:
        return step.created.key
    own = [value for name, value in step.argument_ids.items() if split_singular(name)[:-1] in ((), step.noun)]
    return (step.noun[-1], own[0]) if len(own) == 1 and step.noun else ("", "")


def _may_have_changed(name: str, value: Any, thing: Thing, changes: Sequence[Step]) -> bool:
    words = set(map(str, split_singular(name.removesuffix("#"))))
    if words & PASSING_WORDS:
        return True
    for change in changes:
        names_it = bool(set(thing.identities) & (change.argument_texts | change.result_ids))
        is_loose = isinstance(value, int | float) or bool(words & STATE_WORDS)
        said = any(agree(value, text) for text in change.argument_texts if len(text) >= MIN_TEXT_LENGTH)
        if words & change.words or (said and names_it) or is_loose:
            return True
        if names_it and (change.action in ("other", "restore") or (thing.noun[-1:] != change.noun[-1:])):
            return True
    return False
