"""Relations of a list: its pages, its order, and the numbers that stand beside it or were told before."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from funcdex_assets.checks.relations.breaks import Break
from funcdex_assets.checks.relations.names import is_count, is_sort_name, split_name, split_singular
from funcdex_assets.checks.relations.steps import Step, Transcript
from funcdex_assets.checks.relations.values import read_moment


def pages(transcript: Transcript) -> Iterator[Break]:
    """Only a full page leads to another one, none has more items than asked for, and the next one has other items."""
    for number, step in enumerate(transcript.steps):
        items = [] if step.failed or step.action != "read" else step.items
        if not items:
            continue
        pointer = items[0].listed_in or ""
        if step.limit is not None and len(items) > step.limit:
            yield Break(step, pointer, f"{len(items)} items, and {step.limit} were asked for")
        if step.limit is not None and len(items) < step.limit and step.next_token:
            yield Break(step, pointer, f"{len(items)} of {step.limit} items, and a token of the next page", False)
        if step.next_token and step.says_no_more:
            yield Break(step, pointer, "there is no more, and a token of the next page")
        for before_number in range(number):
            before = transcript.steps[before_number]
            is_next_page = before.next_token and before.next_token == step.page_argument
            if before.call.name == step.call.name and is_next_page:
                again = {item.key for item in before.items if item.identities} & {
                    item.key for item in items if item.identities
                }
                if again and not transcript.list_changes(before_number, number):
                    yield Break(step, pointer, f"{min(again)[1]!r} was on the page before")


def listed_once(transcript: Transcript) -> Iterator[Break]:
    """A list shows a thing once."""
    for step in transcript.good_steps:
        seen: set[tuple[str | None, str]] = set()
        for thing in step.things:
            if thing.listed_in and thing.identities:
                if (thing.listed_in, thing.identities[0]) in seen:
                    yield Break(step, thing.pointer, f"{thing.identities[0]!r} is listed twice")
                seen.add((thing.listed_in, thing.identities[0]))


def counts(transcript: Transcript) -> Iterator[Break]:
    """A number of items is that of the list beside it, and of a later listing of the whole."""
    told: dict[tuple[str, str], tuple[int, int]] = {}
    for number, step in enumerate(transcript.steps):
        if step.failed:
            continue
        if step.items:
            yield from _compare_total(step)
        noun = step.items[0].noun[-1] if step.items and step.items[0].noun else ""
        for identity in step.argument_ids.values() if step.is_whole_listing and len(step.argument_ids) == 1 else ():
            count, since = told.get((identity, noun), (len(step.items), number))
            if count != len(step.items) and not transcript.list_changes(since, number):
                pointer = step.items[0].listed_in or ""
                yield Break(step, pointer, f"{len(step.items)} {noun}s of {identity!r}, which had {count}")
        for thing in step.things:
            for name, value in thing.fields.items() if thing.identities else ():
                words = [word for word in split_singular(name) if word not in ("count", "num", "total", "number", "of")]
                if is_count(name) and len(words) == 1 and isinstance(value, int) and not isinstance(value, bool):
                    told[thing.identities[0], words[0]] = (value, number)


def _compare_total(step: Step) -> Iterator[Break]:
    items, holder = step.items, step.find_holder(step.items[0].listed_in or "")
    for name, value in holder.items():
        words = split_singular(name)
        rest = (
            set(words)
            - {"total", "count", "item", "result", "num", "number", "of", "record", "entry"}
            - set(items[0].noun)
        )
        is_total = not rest and set(words) & {"total", "count", "num", "number"}
        if not is_total or isinstance(value, bool) or not isinstance(value, int):
            continue
        is_last = step.page_argument is None and not step.next_token and not step.says_more
        is_short = step.limit is not None and len(items) < step.limit
        if value < len(items) or (is_last and is_short and value > len(items)):
            yield Break(step, items[0].listed_in or "", f"{name} is {value}, and there are {len(items)} items")


def sorted_as_asked(transcript: Transcript) -> Iterator[Break]:
    """Items come in the order that was asked for."""
    for step in transcript.good_steps:
        asked = {name: value for name, value in step.arguments.items() if is_sort_name(name) and isinstance(value, str)}
        words = [word for value in asked.values() for word in split_name(value)]
        if not step.items or not words:
            continue
        text = " ".join(asked.values()).lower()
        down = bool({"desc", "descending", "newest", "latest", "highest"} & set(words)) or text.startswith("-")
        up = bool({"asc", "ascending", "oldest", "lowest"} & set(words)) or text.startswith("+")
        by = tuple(word for word in words if word not in ("desc", "descending", "asc", "ascending"))
        columns = [name for name in step.items[0].fields if split_name(name) == by]
        rows = [item.fields.get(columns[0]) for item in step.items] if columns else []
        values = [_to_comparable(row) for row in rows]
        if not values or any(value is None for value in values) or len({type(value) for value in values}) > 1:
            continue
        rising, falling = (all(_in_order(one, two, up) for one, two in pairwise(values)) for up in (True, False))
        if (down and not falling) or (up and not rising) or not (down or up or rising or falling):
            yield Break(step, step.items[0].listed_in or "", f"not in the order of {columns[0]}")


def _to_comparable(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return None
    moment = read_moment(value)
    if moment is not None:
        return moment if not isinstance(moment, datetime) or moment.tzinfo else None
    return value if isinstance(value, int | float) else value.lower() if isinstance(value, str) else None


def _in_order(one: Any, two: Any, up: bool) -> bool:
    return one <= two if up else one >= two
