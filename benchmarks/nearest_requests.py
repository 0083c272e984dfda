"""Measures in seconds how near a dataset comes to what people say to the same tools.

    python benchmarks/nearest_requests.py TRAIN.jsonl TOOLS.json REQUESTS.jsonl

TRAIN.jsonl is the training split of a release, TOOLS.json an OpenAI function list; REQUESTS.jsonl has any of the forms
of `funcdex evaluate --rows` (docs/evaluation.md): benchmarks/requests has thirty requests for each toolkit of
examples/plain. Every user turn that a call follows is a request.

Each request gets the calls after the most similar user message of the dataset (`evaluation/baselines.py`). It ranks
datasets roughly as training a small model on them does, in seconds: a check to repeat while the wording of a dataset is
worked on, not a substitute for training. Intervals are 95 % bootstrap intervals over conversations.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from funcdex_assets.evaluation.baselines import NearestRequest, find_last_request
from funcdex_assets.evaluation.figures import compute_figures
from funcdex_assets.evaluation.foreign_rows import read_foreign_items, read_tool_file
from funcdex_assets.evaluation.metrics import score_items
from funcdex_assets.evaluation.similar_texts import list_words
from funcdex_assets.records.training import EvaluationItem, ExpectedCall
from funcdex_assets.schema.words import split_words

METRICS = {"exact_match": "full match", "name_match": "name", "argument_f1": "argument F1"}
_ENDING = re.compile(r"(ing|ed|s)$")


def select_requests(items: Sequence[EvaluationItem]) -> list[EvaluationItem]:
    """Selects the user turns that a call follows at once."""
    return [item for item in items if item.calls and item.messages[-1]["role"] == "user"]


# ── wording ───────────────────────────────────────────────────────────────────────────────────


def names_tool(text: str, call: ExpectedCall) -> bool:
    """Whether all words of the tool's name stand in the request, endings (-s, -ed, -ing) aside."""
    return _stem_words(split_words(call.name)) <= _stem_words(list_words(text))


def find_named_parameters(text: str, arguments: Mapping[str, Any]) -> tuple[int, int]:
    """Counts the arguments whose value is said, and those of them whose parameter's name is said as well.

    Words that belong to the value are no name. Booleans, lists and objects are not counted: their values are not said
    as they are written.
    """
    words = _stem_words(list_words(text))
    said = named = 0
    for name, value in arguments.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            continue
        value_words = _stem_words(list_words(str(value).replace("_", " ")))
        if value_words and value_words <= words:
            said += 1
            named += _stem_words(split_words(name)) <= words - value_words
    return said, named


def _stem_words(words: Sequence[str]) -> set[str]:
    return {_ENDING.sub("", word) for word in words}


# ── the report ────────────────────────────────────────────────────────────────────────────────


def main(dataset: Path, tools: Path, requests: Path) -> None:
    """Prints the scores by nearest message, and the wording of the dataset beside that of the requests."""
    tool_file = read_tool_file(tools)
    known, asked = (select_requests(read_foreign_items(path, tool_file)[0]) for path in (dataset, requests))
    if not known or not asked:
        sys.exit(f"{requests if known else dataset} has no user turn that a call follows")
    scores = score_items(asked, NearestRequest(known).predict(asked))
    conversations = len({item.conversation_id for item in asked})
    print(f"dataset: {len(known)} user turns with a call; requests: {len(asked)} in {conversations} conversations\n")
    print(f"| | {' | '.join(METRICS.values())} |\n|---|---|---|---|")
    with_arguments = [score for score in scores if any(call.arguments for call in score.item.calls)]
    for label, part in (("all", scores), (f"those with arguments ({len(with_arguments)})", with_arguments)):
        if part:
            figures = {figure.metric: figure for figure in compute_figures(part, "") if figure.group == "all"}
            cells = (
                f"{figures[metric].value:.3f} [{figures[metric].low:.3f}, {figures[metric].high:.3f}]"
                if metric in figures
                else "–"
                for metric in METRICS
            )
            print(f"| {label} | {' | '.join(cells)} |")
    print("\n| wording | dataset | requests |\n|---|---|---|")
    for label, *cells in zip(
        (
            "all words of the tool's name in the request",
            "parameter's name said with the value",
            "no argument",
            "median words",
        ),
        _describe_wording(known),
        _describe_wording(asked),
        strict=True,
    ):
        print(f"| {label} | {' | '.join(cells)} |")


def _describe_wording(requests: Sequence[EvaluationItem]) -> tuple[str, str, str, str]:
    pairs = [(find_last_request(item), item.calls[0]) for item in requests]
    counts = [find_named_parameters(text, call.arguments) for text, call in pairs]
    said, named = (sum(column) for column in zip(*counts, strict=True))
    return (
        _format_share(sum(names_tool(text, call) for text, call in pairs), len(pairs)),
        _format_share(named, said),
        _format_share(sum(not call.arguments for _, call in pairs), len(pairs)),
        f"{median(len(text.split()) for text, _ in pairs):g}",
    )


def _format_share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} % of {whole}" if whole else "none"


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
