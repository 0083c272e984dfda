"""Scores predictions: what each item adds to each metric, as a pair of numerator and denominator.

Every metric but the calibration error is a quotient of two sums over items, so that a bootstrap only adds up pairs. Add
a metric to `_count`, and describe it in `docs/evaluation.md`. What is made of the scores belongs to `figures.py`
(values with intervals), `comparing.py` (two models) and `losses.py` (what the losing items have in common).

>>> item = EvaluationItem(item_id="c:1", conversation_id="c", partition="", kind="", messages=[], tools=[], calls=(
...     ExpectedCall("heat", {"to": 21, "room": "bath"}),))
>>> answer = Prediction(item_id="c:1", calls=(ExpectedCall("heat", {"to": 21}),), text=None, raw="")
>>> counts = score_item(item, answer).counts
>>> counts["exact_match"], counts["name_match"], counts["argument_f1"]
((0.0, 1.0), (1.0, 1.0), (2.0, 3.0))
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from funcdex_assets.evaluation.argument_forms import find_form, find_source
from funcdex_assets.evaluation.call_matching import (
    SetScore,
    are_equivalent,
    index_parameters,
    match_calls,
    write_canonical,
)
from funcdex_assets.inference.protocol import Usage
from funcdex_assets.inference.token_price import TokenPrice
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.training import EvaluationItem, ExpectedCall, Prediction
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.validation import find_violations

Count = tuple[float, float]
"""What an item adds to a metric: to its numerator and its denominator."""

EXACT_MATCH = "exact_match"
RIGHT_ACTION = "right_action"
CALIBRATION_ERROR = "calibration_error"


class UnansweredItemsError(UserError):
    """Raised where predictions are not those of the items; the message names the first one that is missing."""


@dataclass(frozen=True)
class ArgumentScore:
    """An expected argument: its form, where it was said, and whether the prediction has it."""

    tool: str
    name: str
    form: str
    source: str
    is_right: bool


@dataclass(frozen=True)
class ItemScore:
    """One item with its prediction; `is_right` says that the action was the right one, call or text."""

    item: EvaluationItem
    prediction: Prediction
    calls: SetScore
    is_right: bool
    counts: Mapping[str, Count]
    arguments: tuple[ArgumentScore, ...]


def score_items(
    items: Sequence[EvaluationItem], predictions: Sequence[Prediction], price: TokenPrice | None = None
) -> list[ItemScore]:
    """Scores the prediction of each item, in the order of the items; predictions of other items are left aside.

    Raises:
        UnansweredItemsError: an item has no prediction.
    """
    by_id = {prediction.item_id: prediction for prediction in predictions}
    missing = [item.item_id for item in items if item.item_id not in by_id]
    if missing:
        raise UnansweredItemsError(
            f"{len(missing)} of {len(items)} items have no prediction, {missing[0]} first; give the rows that were "
            "asked, or ask again"
        )
    return [score_item(item, by_id[item.item_id], price) for item in items]


def score_item(item: EvaluationItem, prediction: Prediction, price: TokenPrice | None = None) -> ItemScore:
    """Scores one prediction; without a price, cost is not measured."""
    parameters = index_parameters(item.tools)
    matched = match_calls(prediction.calls, item.calls, parameters)
    is_right = matched.is_match if item.calls else answers_in_text(prediction)
    counts: dict[str, Count] = {}
    for metric, numerator, denominator in _count(item, prediction, matched, parameters, is_right, price):
        counts[metric] = (float(numerator), float(denominator))
    return ItemScore(item, prediction, matched, is_right, counts, tuple(_score_arguments(item, matched, parameters)))


def answers_in_text(prediction: Prediction) -> bool:
    """Returns True for an answer without calls, which could be read."""
    return not prediction.calls and prediction.failure is None


def compute_string_ratio(
    proposed: Sequence[ExpectedCall], expected: Sequence[ExpectedCall], parameters: Mapping[str, Schema]
) -> float:
    """Computes `difflib`'s ratio of the calls' canonical JSON, 2·M/T of M matches in T characters; 0 without calls."""
    if not proposed:
        return 0.0
    written, wanted = write_canonical(proposed, parameters), write_canonical(expected, parameters)
    return SequenceMatcher(None, wanted, written, autojunk=False).ratio()


def _count(
    item: EvaluationItem,
    prediction: Prediction,
    matched: SetScore,
    parameters: Mapping[str, Schema],
    is_right: bool,
    price: TokenPrice | None,
) -> Iterator[tuple[str, float, float]]:
    """Yields metric, numerator and denominator of everything that the item is counted in."""
    is_text = answers_in_text(prediction)
    if item.calls:
        yield EXACT_MATCH, matched.is_match, 1
        yield "equivalence", are_equivalent(prediction.calls, item.calls, parameters), 1
        yield "string_ratio", compute_string_ratio(prediction.calls, item.calls, parameters), 1
        yield "name_match", matched.has_names, 1
        yield "argument_f1", 2 * matched.right, 2 * matched.right + matched.wrong + matched.missing
        yield "argument_precision", matched.right, matched.right + matched.wrong
        yield "argument_recall", matched.right, matched.right + matched.missing
        stages = {
            "staged_json": bool(prediction.calls),
            "staged_name": matched.has_names,
            "staged_keys": matched.has_keys,
            "staged_values": matched.is_match,
        }
        for stage, is_passed in stages.items():
            yield stage, is_passed, 1
        yield "staged", sum(stages.values()) / len(stages), 1
    yield RIGHT_ACTION, is_right, 1
    yield "no_call_precision", is_text and not item.calls, is_text
    yield "no_call_recall", is_text and not item.calls, not item.calls
    if "asks_back" in item.traits:
        yield "ask_back", is_text and "?" in (prediction.text or ""), 1
    if "after_error" in item.traits:
        yield "recovery", is_right, 1
    valid, checkable = _count_valid_calls(item, prediction, parameters)
    yield "schema_validity", valid, checkable
    yield "answered", prediction.failure is None, 1
    if prediction.seconds:
        yield "seconds", prediction.seconds, 1
    if prediction.prompt_tokens:
        yield "prompt_tokens", prediction.prompt_tokens, 1
        yield "completion_tokens", prediction.completion_tokens, 1
        if price is not None:
            cost = price.compute_cost(Usage(prediction.prompt_tokens, prediction.completion_tokens))
            yield "cost_per_1000", 1000 * cost, 1


def _count_valid_calls(
    item: EvaluationItem, prediction: Prediction, parameters: Mapping[str, Schema]
) -> tuple[int, int]:
    """Counts the calls that are valid under their tool's parameters, and those that were tried.

    An unreadable call is an invalid one. A call of a tool that is due, and not on offer (it was told in a message), has
    no schema to be judged by.
    """
    untold = {call.name for call in item.calls} - parameters.keys()
    checkable = [call for call in prediction.calls if call.name not in untold]
    valid = sum(
        call.name in parameters and not find_violations(parameters[call.name], call.arguments) for call in checkable
    )
    is_unreadable = prediction.failure is not None and bool(prediction.raw) and not prediction.calls
    return valid, len(checkable) + is_unreadable


def _score_arguments(
    item: EvaluationItem, matched: SetScore, parameters: Mapping[str, Schema]
) -> Iterator[ArgumentScore]:
    """Yields the expected arguments, without those that may be left out and were."""
    for pair in matched.pairs:
        if pair.expected is None:
            continue
        arguments = {**pair.expected.arguments}
        if pair.expected.accepted is not None and pair.proposed is not None:
            arguments |= {name: pair.proposed.arguments.get(name) for name in pair.score.right if name not in arguments}
        for name in (*pair.score.right, *pair.score.missing):
            if name in arguments:
                yield ArgumentScore(
                    pair.expected.name,
                    name,
                    find_form(name, arguments[name], parameters.get(pair.expected.name, {})),
                    find_source(arguments[name], item.messages),
                    name in pair.score.right,
                )
