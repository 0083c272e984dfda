"""The figures of predictions are those of the scripts that measured the first datasets, by a computation of its own.

The scripts know one call for each item. A name is right if it is the expected one; an argument is right if its name and
value are, and those of another tool's call are all wrong; nulls and declared defaults are left out of both. The 95 %
interval is of 2,000 bootstrap samples over conversations, drawn by numpy's generator of seed 0.
"""

import random

import numpy as np
import pytest
from evaluation_cases import TOOLS, answer, item

from funcdex_assets.evaluation.figures import compute_figures
from funcdex_assets.evaluation.metrics import score_items
from funcdex_assets.records.training import ExpectedCall


def make_cases(seed: int, conversations: int = 25):
    """Items with predictions that are right, wrong in a value, a key or the name, cut, or texts."""
    rng = random.Random(seed)

    def draw_call():
        if rng.random() < 0.3:
            return ExpectedCall("light", {"on": rng.choice([True, False])})
        arguments = {"to": rng.choice([20, 20.0, 21, 19.5]), "room": rng.choice(["bath", "hall", None])}
        if rng.random() < 0.4:
            arguments["unit"] = rng.choice(["celsius", "kelvin"])
        if rng.random() < 0.2:
            del arguments["room"]
        return ExpectedCall("heat", arguments)

    items, predictions = [], []
    for conversation in range(conversations):
        for _ in range(rng.randint(1, 5)):
            asked = item(draw_call(), number=len(items), conversation=f"c{conversation}")
            same = rng.random() < 0.4
            answers = () if rng.random() < 0.1 else (asked.calls[0] if same else draw_call(),)
            items.append(asked)
            predictions.append(answer(asked, *answers, text=None if answers else "Which room?"))
    return items, predictions


def clean(call):
    functions = {tool["function"]["name"]: tool["function"]["parameters"]["properties"] for tool in TOOLS}
    kept = {}
    for name, value in call.arguments.items():
        schema = functions[call.name][name]
        if value is not None and not ("default" in schema and schema["default"] == value):
            kept[name] = value
    return kept


def score_as_the_scripts_do(expected, prediction):
    wanted = clean(expected)
    if not prediction.calls:
        return 0, 0, 0, 0, len(wanted)
    (proposed,) = prediction.calls
    given = clean(proposed)
    has_name = proposed.name == expected.name
    right = sum(has_name and name in wanted and wanted[name] == value for name, value in given.items())
    full = has_name and right == len(given) == len(wanted)
    return int(full), int(has_name), right, len(given) - right, len(wanted) - right


@pytest.mark.parametrize("seed", range(5))
def test_full_match_name_and_f1_with_their_intervals(seed):
    items, predictions = make_cases(seed)
    sums: dict[str, np.ndarray] = {}
    for asked, predicted in zip(items, predictions, strict=True):
        row = np.array([1, *score_as_the_scripts_do(asked.calls[0], predicted)], dtype=float)
        sums[asked.conversation_id] = sums.get(asked.conversation_id, np.zeros(6)) + row
    table = np.array(list(sums.values()))
    draw = table[np.random.default_rng(0).integers(0, len(table), (2000, len(table)))].sum(axis=1)
    wanted = {}
    for name, quotient in {
        "exact_match": lambda total: total[..., 1] / total[..., 0],
        "name_match": lambda total: total[..., 2] / total[..., 0],
        "argument_f1": lambda total: (
            2 * total[..., 3] / np.maximum(1, 2 * total[..., 3] + total[..., 4] + total[..., 5])
        ),
    }.items():
        wanted[name] = (quotient(table.sum(axis=0)), *np.quantile(quotient(draw), (0.025, 0.975)))
    figures = {
        figure.metric: (figure.value, figure.low, figure.high)
        for figure in compute_figures(score_items(items, predictions), "model")
        if figure.metric in wanted and figure.group == "all"
    }
    assert figures == {name: pytest.approx(values, abs=1e-12) for name, values in wanted.items()}
    assert 0.2 < figures["exact_match"][0] < 0.9
