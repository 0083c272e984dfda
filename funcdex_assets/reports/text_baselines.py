"""What words alone give away: rules and a bag of words that guess the tool, the act of calling, and the arguments.

Add a baseline here that learns from texts or copies from them. Those of `evaluation/baselines.py` are measured beside
models, on items; these are measured on a dataset by itself, and say how much of it can be guessed without
understanding it.
"""

import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from funcdex_assets.evaluation.similar_texts import list_words
from funcdex_assets.reports.published_turns import Turn
from funcdex_assets.reports.tallies import Count
from funcdex_assets.schema.words import split_words

_QUOTES = re.compile(r"\"([^\"]*)\"|“([^”]*)”")
_STOPS = ".,!?;"
"""Stops that stand within quotation marks and are not the value's."""
# Weak, so that rare words count: on 1,678 rows, 1 finds .74 of the tools, 5 and more .83.
_INVERSE_REGULARISATION = 20
_MOST_ITERATIONS = 300
_LEAST_TEXTS_PER_WORD = 2


@dataclass(frozen=True, slots=True)
class TurnWords:
    """A turn as a bag of words sees it: its masked text, the tools that it calls, and those on offer."""

    text: str
    called: tuple[str, ...]
    offered: frozenset[str]

    @classmethod
    def of(cls, turn: Turn) -> "TurnWords":
        return cls(turn.masked_text, tuple(call.name for call in turn.calls), frozenset(turn.functions))


@dataclass(frozen=True, slots=True)
class BagOfWords:
    """The hits of a bag of words that was fitted on the train turns, among the test turns.

    `right_tool` is of turns with one call: the likeliest tool that is on offer is the one called. `act` is of all
    turns: whether there is a call. `majority` is what the more frequent of the two would reach by itself.
    """

    right_tool: Count
    act: Count
    majority: Count


def measure_bag_of_words(train: Sequence[TurnWords], test: Sequence[TurnWords]) -> BagOfWords:
    """Fits logistic regressions on TF-IDF of words and pairs of words, and measures them on the test turns.

    On one thread, so that the figures are the same on each machine. What cannot be learned (no words that occur in two
    turns, one tool only) is measured on 0 turns.
    """
    if not train or not test:
        return BagOfWords((0, 0), (0, 0), (0, 0))
    from sklearn.feature_extraction.text import TfidfVectorizer

    acts = Counter(bool(turn.called) for turn in train)
    more_frequent = acts[True] >= acts[False]
    majority = (sum(bool(turn.called) is more_frequent for turn in test), len(test))
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=_LEAST_TEXTS_PER_WORD, sublinear_tf=True)
    with threadpool_limits(1):
        try:
            train_words: Any = vectorizer.fit_transform([turn.text for turn in train])
        except ValueError:  # no word is in two turns
            return BagOfWords((0, 0), (0, 0), majority)
        test_words: Any = vectorizer.transform([turn.text for turn in test])
        called = [index for index, turn in enumerate(train) if turn.called]
        asked = [index for index, turn in enumerate(test) if len(turn.called) == 1]
        names = [train[index].called[0] for index in called]
        right_tool, act = (0, 0), (0, 0)
        if asked and len(set(names)) > 1:
            model = _fit_regression(train_words[called], names)
            hits = sum(
                _find_likeliest(model.classes_, chances, test[index].offered) == test[index].called[0]
                for index, chances in zip(asked, model.predict_proba(test_words[asked]), strict=True)
            )
            right_tool = (hits, len(asked))
        if len(acts) > 1:
            model = _fit_regression(train_words, [bool(turn.called) for turn in train])
            guesses = model.predict(test_words)
            act = (
                sum(bool(guess) is bool(turn.called) for guess, turn in zip(guesses, test, strict=True)),
                len(test),
            )
    return BagOfWords(right_tool, act, majority)


def find_tool_by_overlap(text: str, functions: Mapping[str, Mapping[str, Any]]) -> str:
    """Finds the function on offer whose name and description share most words with a text; of equals, the first by
    name.

    Counted are different words, divided by the root of how many the definition has, since long ones share more.

    >>> offered = {"FIND_CONTACT": {"description": "Finds a contact."}, "SEND_EMAIL": {"description": "Sends mail."}}
    >>> find_tool_by_overlap("Please send her an email", offered)
    'SEND_EMAIL'
    """
    words = set(list_words(text))

    def measure_overlap(name: str) -> float:
        described = _list_defining_words(name, functions[name].get("description") or "")
        return len(words & described) / max(1, len(described)) ** 0.5

    return max(sorted(functions), key=measure_overlap, default="")


def count_copied_quotes(turn: Turn) -> Count:
    """Counts the string arguments of a turn that a rule without understanding gets right, of all of them.

    The rule takes what the user quoted, one quote after the other; where it has run out of quotes it takes the last.
    """
    quotes = [(plain or curly).rstrip(_STOPS) for plain, curly in _QUOTES.findall(turn.text)]
    strings = [value.value for call in turn.calls for value in call.values if isinstance(value.value, str)]
    hits = sum(
        string.rstrip(_STOPS) == quotes[min(place, len(quotes) - 1)] for place, string in enumerate(strings) if quotes
    )
    return hits, len(strings)


@lru_cache(maxsize=4096)
def _list_defining_words(name: str, description: str) -> frozenset[str]:
    return frozenset((*split_words(name), *list_words(description)))


def _fit_regression(words: Any, classes: Sequence[Any]) -> Any:
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of unique classes")  # few rows, and a tool for each
        return LogisticRegression(max_iter=_MOST_ITERATIONS, C=_INVERSE_REGULARISATION).fit(words, classes)


def _find_likeliest(names: Sequence[Any], chances: np.ndarray, offered: frozenset[str]) -> str | None:
    """Finds the likeliest of the tools on offer; None if the train turns have none of them."""
    return next((names[place] for place in np.argsort(-chances) if names[place] in offered), None)
