"""The relation between what a look-up asks for and what it returns."""

from collections.abc import Iterator, Sequence
from typing import Any

from funcdex_assets.checks.relations.breaks import Break
from funcdex_assets.checks.relations.names import (
    CALL_WORDS,
    CHANGE_WORDS,
    HIGH_WORDS,
    LOW_WORDS,
    MOMENT_WORDS,
    PAST_WORDS,
    PLACEHOLDERS,
    is_id_name,
    is_page_name,
    is_sort_name,
    split_name,
    split_singular,
)
from funcdex_assets.checks.relations.steps import Step, Thing, Transcript
from funcdex_assets.checks.relations.values import ADDRESS, is_before, list_fields, read_moment


def filters(transcript: Transcript) -> Iterator[Break]:
    """What is returned has what was asked for: options, flags, addresses, spans of time and of numbers."""
    for step in transcript.good_steps:
        for name, value in step.arguments.items() if step.items and not _is_turned_around(step) else ():
            if is_id_name(name) or is_page_name(name) or is_sort_name(name) or str(value).lower() in PLACEHOLDERS:
                continue
            for item in step.items:
                if (reason := _find_broken_filter(step, item, name, value)) is not None:
                    yield Break(step, item.pointer, f"{reason}, and {name} {value!r} was asked for")


def _is_turned_around(step: Step) -> bool:
    """Returns whether a call asks for a time that ends before it begins, or for less than its least: for nothing."""
    moments = [(set(split_name(name)), read_moment(value)) for name, value in step.arguments.items()]
    lows = [moment for words, moment in moments if moment and words & LOW_WORDS and not words & HIGH_WORDS]
    highs = [moment for words, moment in moments if moment and words & HIGH_WORDS and not words & LOW_WORDS]
    numbers = {split_name(name): value for name, value in step.arguments.items() if isinstance(value, int | float)}
    is_crossed = any(
        low > numbers.get(("max", *name[1:]), low) for name, low in numbers.items() if name[:1] == ("min",)
    )
    return is_crossed or any(is_before(high, low) for low in lows for high in highs)


def _find_broken_filter(step: Step, item: Thing, name: str, value: Any) -> str | None:
    words = split_singular(name)
    moment = read_moment(value)
    if moment is not None and set(words) & (LOW_WORDS | HIGH_WORDS):
        return _find_moment_outside(item, words, moment)
    if CALL_WORDS & set(words) or not words:
        return None
    fields = list_fields(item.fields)
    if words[0] in ("min", "max") and isinstance(value, int | float) and not isinstance(value, bool):
        shown = fields.get(" ".join(split_name(name)[1:]))
        if isinstance(shown, int | float) and (shown < value if words[0] == "min" else shown > value):
            return f"is {shown}"
        return None
    if isinstance(value, str) and ADDRESS.fullmatch(value):
        shown = _find_address(item, set(words))
        return f"is of {shown}" if shown and shown.lower() != value.lower() else None
    shown = fields.get(
        " ".join(split_name(name)), fields.get(" ".join(word for word in words if word not in ("is", "only")))
    )
    if isinstance(value, bool):
        return f"{name} is {shown}" if isinstance(shown, bool) and shown != value else None
    schema = step.parameters.get(name)
    schema = schema.get("items", schema) if isinstance(schema, dict) else {}
    options = {str(option).lower() for option in schema.get("enum", ())} if isinstance(schema, dict) else set()
    asked = {str(option).lower() for option in (value if isinstance(value, list) else [value])}
    if isinstance(shown, str) and shown.lower() in options and shown.lower() not in asked and not asked & PLACEHOLDERS:
        return f"is {shown!r}"
    return None


def _find_moment_outside(item: Thing, words: Sequence[str], bound: Any) -> str | None:
    about = set(words) - LOW_WORDS - HIGH_WORDS - MOMENT_WORDS - set(item.noun)
    moments = {name: moment for name, value in item.fields.items() if (moment := read_moment(value)) is not None}
    if about:
        meant = {name: moment for name, moment in moments.items() if _share_stem(about, set(split_name(name)))}
    else:
        meant = {
            name: moment for name, moment in moments.items() if not set(split_name(name)) & (PAST_WORDS | CHANGE_WORDS)
        }
        pair = [bool(set(split_name(name)) & LOW_WORDS) - bool(set(split_name(name)) & HIGH_WORDS) for name in meant]
        if len(meant) > 1 and sorted(pair) != [-1, 1]:
            return None
    if not meant or (about and len(meant) > 1):
        return None
    is_low = bool(set(words) & LOW_WORDS) and not set(words) & HIGH_WORDS - {"end"}
    if set(words) & {"max", "before", "until", "maximum"}:
        is_low = False
    elif set(words) & {"min", "after", "since", "minimum"}:
        is_low = True
    for name, moment in meant.items():
        # Of what lasts, the end is held against a beginning and the beginning against an end.
        if len(meant) > 1 and is_low != bool(set(split_name(name)) & HIGH_WORDS):
            continue
        if is_before(moment, bound) if is_low else is_before(bound, moment):
            return f"{name} is {item.fields[name]!r}"
    return None


def _share_stem(asked: set[str], shown: set[str]) -> bool:
    """Returns whether all words asked for are among those shown, in any form (`modified` is `modification`)."""
    return all(any(one[:5] == other[:5] for other in shown) for one in asked)


def _find_address(item: Thing, words: set[str]) -> str | None:
    """Returns the address of an item that an argument of these words means; None where none is plainly meant."""
    meant = words - {"email", "address", "mail"} - {item.noun[-1] if item.noun else ""}
    for name, value in item.fields.items():
        if isinstance(value, dict):
            value = next((part for key, part in value.items() if "email" in split_name(key)), None)
        own = set(split_singular(name)) - {"email", "address", "mail"}
        if own == meant and isinstance(value, str) and ADDRESS.fullmatch(value):
            return value
    return None
