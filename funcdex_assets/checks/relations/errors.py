"""The relation between a failure and what came before it."""

import json
import re
from collections.abc import Iterator

from funcdex_assets.checks.relations.breaks import Break
from funcdex_assets.checks.relations.names import MIN_TEXT_LENGTH, NAME_WORDS, split_name
from funcdex_assets.checks.relations.steps import Step, Transcript
from funcdex_assets.checks.relations.values import iterate_scalars

_NOT_FOUND = re.compile(r"\b404\b|not[ _]?found|does not exist|no such", re.IGNORECASE)

_SIGNED_OUT = re.compile(r"\b401\b|unauthenticated|session (?:has )?expired|token (?:has )?expired", re.IGNORECASE)

_TAKEN = re.compile(r"\b409\b|already exists", re.IGNORECASE)

_BUSY = re.compile(r"\b429\b|rate.?limit", re.IGNORECASE)

_WAIT = re.compile(r"\d+ ?s(?:ec|\b)|retry.?after\W+\d", re.IGNORECASE)


def errors_have_causes(transcript: Transcript) -> Iterator[Break]:
    """A failure is explained by what came before: what was shown is found, who is signed in stays so."""
    for number, step in enumerate(transcript.steps):
        if not step.failed:
            continue
        text = json.dumps(step.content)
        if _SIGNED_OUT.search(text):
            for other in transcript.steps:
                if other.asked_at == step.asked_at and other.toolkit == step.toolkit and not other.failed:
                    yield Break(step, "", f"the session has expired, and {other.call.id} passes beside it")
                    break
        elif _NOT_FOUND.search(text) and len(step.argument_ids) == 1 and not _names_another_value(step, text):
            yield from _find_known(transcript, number, *step.argument_ids.values())
        elif _TAKEN.search(text):
            yield from _find_unshown_name(transcript, number, text)
        elif _BUSY.search(text) and _WAIT.search(text):
            for later in transcript.steps[number + 1 :]:
                is_same = later.call.name == step.call.name and later.arguments == step.arguments
                between = transcript.messages[step.asked_at + 1 : later.asked_at + 1]
                if (
                    is_same
                    and not later.failed
                    and all(message.content is None and not message.thought for message in between)
                ):
                    yield Break(later, "", "passes before the time to wait is over")


def _names_another_value(step: Step, error: str) -> bool:
    """Returns whether an error names a value of the call that is no identifier."""
    others = {str(value) for value in iterate_scalars(step.arguments)} - set(step.argument_ids.values())
    return any(len(value) >= MIN_TEXT_LENGTH and json.dumps(value)[1:-1] in error for value in others)


def _find_known(transcript: Transcript, number: int, identity: str) -> Iterator[Break]:
    is_there = False
    for step in transcript.steps[:number]:
        if step.failed:
            continue
        if any(identity in thing.identities for thing in step.things):
            is_there = True
        if step.action not in ("read", "create") and identity in step.argument_texts:
            is_there = step.action == "update"
    if is_there:
        yield Break(transcript.steps[number], "", f"{identity!r} is not found, and was there before")


def _find_unshown_name(transcript: Transcript, number: int, error: str) -> Iterator[Break]:
    """A name is taken though a whole listing of that kind, right before, does not have it."""
    step = transcript.steps[number]
    names = [
        value
        for name, value in step.arguments.items()
        if NAME_WORDS & set(split_name(name)) and isinstance(value, str) and json.dumps(value)[1:-1] in error
    ]
    for before_number, before in enumerate(transcript.steps[:number]):
        is_same = before.noun == step.noun and before.toolkit == step.toolkit and before.is_whole_listing
        if not is_same or before.failed or not before.items or transcript.list_changes(before_number, number - 1):
            continue
        if not set(before.argument_ids.values()) <= step.argument_texts:
            continue
        shown = {str(value).lower() for item in before.items for value in item.fields.values()}
        for name in names:
            if name.lower() not in shown:
                yield Break(step, "", f"{name!r} is taken, and was not in the list before")
