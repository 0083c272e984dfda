"""Classifies chains of calls by pattern, and chooses which pattern is drawn next.

    single_call       one call
    independent       calls that do not use one another's results
    parallel          independent calls in one message
    fan_out           calls of one tool in one message, for several things of a listing
    next_page         a listing and its next page
    join              a call that uses two results, of which the second comes from a call that uses none
    create_then_use   the result of a create call is used
    search_then_act   a create, update, delete, send or copy call uses a listing
    sequential        any other chain in which each call uses an earlier result
    several_goals     linked or independent calls for each of several goals, one goal after the other

Belongs here: telling patterns apart, and their shares. Drawing chains belongs to `chains`.

>>> from funcdex_assets.records.tool import Binding
>>> binding = Binding(argument="/id", step=0, result="/tasks/*/id", kind="id")
>>> classify_pattern((ChainStep(tool="LIST_TASKS", bindings=()), ChainStep(tool="DELETE_TASK", bindings=(binding,))))
'search_then_act'
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from funcdex_assets.records.chain_patterns import LINKED, Pattern
from funcdex_assets.records.tool import ChainStep
from funcdex_assets.semantics.tool_names import parse_tool_name

_CHANGING_ACTIONS = frozenset({"create", "update", "delete", "send", "copy"})


def classify_pattern(steps: Sequence[ChainStep]) -> Pattern:
    """Returns the pattern of a chain; if several fit, the first in the order of the tests below."""
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
    links = [(actions[binding.step], actions[index]) for index, step in enumerate(steps) for binding in step.bindings]
    if any(source == "create" for source, _ in links):
        return "create_then_use"
    if any(source == "list" and target in _CHANGING_ACTIONS for source, target in links):
        return "search_then_act"
    return "sequential"


class PatternMix:
    """Chooses the pattern that is drawn next, so that the patterns are drawn in proportion to their weights.

    A pattern that is missed `patience` times in a row is given up, and its share goes to the others.
    """

    def __init__(self, weights: Mapping[str, float], patience: int) -> None:
        self._weights = {name: weight for name, weight in weights.items() if weight > 0} or {LINKED: 1.0}
        self._patience = patience
        self._drawn: Counter[str] = Counter()
        self._misses_in_a_row: Counter[str] = Counter()

    def choose_pattern(self) -> str | None:
        """Returns the pattern that is furthest behind its share; None when all are given up."""
        if not self._weights:
            return None
        total, drawn = sum(self._weights.values()), sum(self._drawn[name] for name in self._weights)
        return max(self._weights, key=lambda name: self._weights[name] / total * (drawn + 1) - self._drawn[name])

    def record_success(self, pattern: str) -> None:
        """Counts a chain that was drawn for the pattern."""
        self._drawn[pattern] += 1
        self._misses_in_a_row[pattern] = 0

    def record_miss(self, pattern: str) -> None:
        """Counts an attempt that led to no new chain, and gives the pattern up after too many."""
        self._misses_in_a_row[pattern] += 1
        if self._misses_in_a_row[pattern] >= self._patience:
            del self._weights[pattern]
