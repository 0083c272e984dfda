"""Checks that the results of a transcript agree with their calls, with one another and with the clock.

A second look from outside: the package knows messages and tools only, and shares no code with the simulated world or
with the other rules. A relation is a function from a `Transcript` to what breaks it. Add one to the module for what it
looks at, to `RELATIONS` here, and its cases to `tests/unit/checks/relation_cases.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from funcdex_assets.checks.relations.breaks import Relation
from funcdex_assets.checks.relations.errors import errors_have_causes
from funcdex_assets.checks.relations.filters import filters
from funcdex_assets.checks.relations.lists import counts, listed_once, pages, sorted_as_asked
from funcdex_assets.checks.relations.parts import (
    created_is_listed,
    deleted_stays_deleted,
    new_is_empty,
    parts_of_one_parent,
)
from funcdex_assets.checks.relations.steps import read_transcript
from funcdex_assets.checks.relations.times import busy_is_events, measures, time_runs_forward
from funcdex_assets.checks.relations.told_fields import (
    fields_as_told,
    one_thing_one_value,
    recipients_as_named,
    text_as_sent,
)
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import Message
from funcdex_assets.records.tool import Tool

RELATIONS: tuple[Relation, ...] = (
    text_as_sent,
    recipients_as_named,
    fields_as_told,
    one_thing_one_value,
    parts_of_one_parent,
    new_is_empty,
    pages,
    listed_once,
    counts,
    filters,
    sorted_as_asked,
    measures,
    deleted_stays_deleted,
    created_is_listed,
    busy_is_events,
    time_runs_forward,
    errors_have_causes,
)


def find_broken_relations(
    messages: Sequence[Message], tools: Mapping[str, Tool], now: datetime | None = None
) -> Iterator[Finding]:
    """Yields a finding for each result that breaks a relation; its text begins with the relation's name."""
    transcript = read_transcript(messages, tools, now)
    for relation in RELATIONS:
        for step, pointer, text, blocking in relation(transcript):
            yield Finding(
                rule="broken_relation",
                message=step.at,
                place=pointer,
                blocking=blocking,
                text=f"{relation.__name__}: {step.call.id} {step.call.name}: {text}",
            )
