"""Lists what the losing items have in common: what went wrong, with which tool, which argument, which form of value.

Add here a reason for which an item is lost, or a trait that lost items are grouped by. Every item that is not right is
lost for one reason, the first that applies; its wrong and missing arguments are counted one by one.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

from funcdex_assets.evaluation.call_matching import CallPair
from funcdex_assets.evaluation.metrics import ItemScore
from funcdex_assets.records.record import Record

Reason = Literal[
    "no answer",
    "unreadable call",
    "text instead of a call",
    "call instead of text",
    "wrong tool",
    "too few calls",
    "too many calls",
    "missing argument",
    "needless argument",
    "wrong value",
]
TRAITS = ("reason", "tool", "confused tools", "missing argument", "needless argument", "wrong value", "form", "source")


class Loss(Record, frozen=True, kw_only=True):
    """A trait that lost items share: `lost` of the `items` that have it are lost; `example` is the id of one.

    For what only lost items can have (a reason, two tools confused, a wrong argument) `items` are all items; by form
    and source, arguments are counted in place of items. `lost_without_value` are those among them with an argument
    whose value stands nowhere in the text.
    """

    trait: str
    member: str
    lost: int
    items: int
    lost_without_value: int
    example: str


def list_losses(scores: Sequence[ItemScore], most: int = 20) -> list[Loss]:
    """Lists the traits of lost items, of each kind of trait the `most` frequent, by how many they would win."""
    lost: dict[tuple[str, str], list[ItemScore]] = defaultdict(list)
    whole: dict[tuple[str, str], int] = defaultdict(int)
    for score in scores:
        for trait in _list_traits(score):
            whole[trait] += 1
        if not score.is_right:
            for trait in _list_lost_traits(score):
                lost[trait].append(score)
    losses = [
        Loss(
            trait=trait,
            member=member,
            lost=len(members),
            items=whole.get((trait, member), len(scores)),
            lost_without_value=sum(map(_lacks_value, members)),
            example=members[0].item.item_id,
        )
        for (trait, member), members in lost.items()
    ]
    losses.sort(key=lambda loss: (TRAITS.index(loss.trait), -loss.lost, loss.member))
    return [loss for trait in TRAITS for loss in [other for other in losses if other.trait == trait][:most]]


def find_reason(score: ItemScore) -> Reason | None:
    """Finds why an item is lost; None if it is right."""
    if score.is_right:
        return None
    item, prediction = score.item, score.prediction
    if prediction.failure is not None and not prediction.calls:
        return "unreadable call" if prediction.raw else "no answer"
    if not item.calls:
        return "call instead of text"
    if not prediction.calls:
        return "text instead of a call"
    pairs = score.calls.pairs
    if any(pair.expected and pair.proposed and not pair.score.has_name for pair in pairs):
        return "wrong tool"
    if any(pair.proposed is None for pair in pairs):
        return "too few calls"
    if any(pair.expected is None for pair in pairs):
        return "too many calls"
    if any(_list_missing(pair) for pair in pairs):
        return "missing argument"
    return "needless argument" if any(_list_needless(pair) for pair in pairs) else "wrong value"


def _list_traits(score: ItemScore) -> Iterator[tuple[str, str]]:
    """Yields what right items have, too."""
    for tool in dict.fromkeys(call.name for call in score.item.calls):
        yield "tool", tool
    for argument in score.arguments:
        yield "form", argument.form
        yield "source", argument.source


def _list_lost_traits(score: ItemScore) -> Iterator[tuple[str, str]]:
    reason = find_reason(score)
    if reason is not None:
        yield "reason", reason
    for tool in dict.fromkeys(call.name for call in score.item.calls):
        yield "tool", tool
    for pair in score.calls.pairs:
        if pair.expected is None or pair.proposed is None:
            continue
        if not pair.score.has_name:
            yield "confused tools", f"{pair.expected.name} → {pair.proposed.name}"
            continue
        for name in _list_missing(pair):
            yield "missing argument", f"{pair.expected.name}.{name}"
        for name in _list_needless(pair):
            yield "needless argument", f"{pair.expected.name}.{name}"
        for name in pair.score.wrong:
            if name in pair.score.missing:
                yield "wrong value", f"{pair.expected.name}.{name}"
    for argument in score.arguments:
        if not argument.is_right:
            yield "form", argument.form
            yield "source", argument.source


def _list_missing(pair: CallPair) -> list[str]:
    return [name for name in pair.score.missing if name not in pair.score.wrong] if pair.score.has_name else []


def _list_needless(pair: CallPair) -> list[str]:
    return [name for name in pair.score.wrong if name not in pair.score.missing] if pair.score.has_name else []


def _lacks_value(score: ItemScore) -> bool:
    return any(argument.source == "not in the text" and not argument.is_right for argument in score.arguments)
