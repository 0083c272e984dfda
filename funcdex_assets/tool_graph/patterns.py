"""The shapes that chains of calls have, and how many are drawn of each.

    single_call       one call
    independent       calls that do not use one another's results: several errands in one conversation
    parallel          such calls, made at once
    fan_out           the same is done at once with several things that were found
    next_page         a listing, and its next page
    join              a call that uses two results, of which one begins anew
    create_then_use   what was created is used
    search_then_act   what was found is changed, sent, copied or deleted
    sequential        any other in which each call uses an earlier result
    several_goals     such walks or errands laid end to end, one for each goal of a conversation

Here belongs telling them apart, and the mix; drawing chains belongs to `chains`. The first that fits is the
pattern, in this order.

>>> from funcdex_assets.records import Binding
>>> found = Binding(argument="/id", step=0, result="/tasks/*/id", kind="id")
>>> pattern_of((ChainStep(tool="LIST_TASKS", bindings=()), ChainStep(tool="DELETE_TASK", bindings=(found,))))
'search_then_act'
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from funcdex_assets.records.chain_patterns import LINKED, Pattern
from funcdex_assets.records.tool import ChainStep
from funcdex_assets.semantics.tool_names import parse_tool_name

_ACTS = frozenset({"create", "update", "delete", "send", "copy"})


def pattern_of(steps: Sequence[ChainStep]) -> Pattern:
    if len(steps) == 1:
        return "single_call"
    if any(step.goal for step in steps):
        return "several_goals"
    if any(step.together for step in steps):
        return "fan_out" if any(step.bindings for step in steps) else "parallel"
    if not any(step.bindings for step in steps):
        return "independent"
    if not all(step.bindings for step in steps[1:]):
        return "join"
    if any(binding.kind == "page" for step in steps for binding in step.bindings):
        return "next_page"
    actions = [parse_tool_name(step.tool).action for step in steps]
    links = [(actions[binding.step], actions[place]) for place, step in enumerate(steps) for binding in step.bindings]
    if any(source == "create" for source, _ in links):
        return "create_then_use"
    if any(source == "list" and target in _ACTS for source, target in links):
        return "search_then_act"
    return "sequential"


class Mix:
    """Which pattern is to be drawn next, so that shares come out as weighted; a pattern of which no more are found is
    given up, and its share goes to the others.
    """

    def __init__(self, weights: Mapping[str, float], patience: int) -> None:
        self._weights = {name: weight for name, weight in weights.items() if weight > 0} or {LINKED: 1.0}
        self._patience = patience
        self._drawn: Counter[str] = Counter()
        self._vain: Counter[str] = Counter()

    def wanted(self) -> str | None:
        """The one that is furthest behind its share; None when all are given up."""
        if not self._weights:
            return None
        total, drawn = sum(self._weights.values()), sum(self._drawn[name] for name in self._weights)
        return max(self._weights, key=lambda name: self._weights[name] / total * (drawn + 1) - self._drawn[name])

    def found(self, wanted: str) -> None:
        self._drawn[wanted] += 1
        self._vain[wanted] = 0

    def missed(self, wanted: str) -> None:
        self._vain[wanted] += 1
        if self._vain[wanted] >= self._patience:
            del self._weights[wanted]
