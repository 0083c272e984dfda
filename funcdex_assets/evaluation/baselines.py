"""Answers without a model: what template recall, or a count of words, reaches by itself.

Add a baseline here. Each has the protocol of `predictors.py`, is made of training items, and answers in milliseconds
(which are not noted, so that its figures are the same each time), so that nobody mistakes for skill what a table of
sentences does. All look at the last user message, at the number of
assistant messages since then, and at nothing else of the history.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from funcdex_assets.evaluation.call_matching import index_parameters, write_canonical
from funcdex_assets.evaluation.predictors import Progress, hear_nothing
from funcdex_assets.evaluation.similar_texts import SimilarTexts, list_words
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.training import EvaluationItem, ExpectedCall, Prediction

BASELINES = ("nearest", "words", "frequent")
_LEFT_OUT_KINDS = ("missing_function",)
"""What they decline may be possible with all tools."""
_SMOOTHING = 1.0
"""Added to each count of a word (Laplace), so that no word excludes a tool."""


class NoTrainingItemsError(UserError):
    """Raised for a baseline without anything to learn from."""


class NearestRequest:
    """Answers as the conversation did whose user message is the most similar: TF-IDF over words and pairs of words."""

    name = "nearest neighbour"

    def __init__(self, train: Sequence[EvaluationItem]) -> None:
        self._train = _select_train_items(train)
        self._texts = SimilarTexts([find_last_request(item) for item in self._train])
        self._by_step = _group_by_step(self._train)

    def predict(self, items: Sequence[EvaluationItem], progress: Progress = hear_nothing) -> list[Prediction]:
        return _answer_each(items, self._find_nearest, progress)

    def _find_nearest(self, item: EvaluationItem) -> EvaluationItem:
        among = self._by_step.get(count_steps(item), ())
        return self._train[self._texts.find_nearest(find_last_request(item), among)]


class WordCounts:
    """Chooses the tools by a multinomial naive Bayes over the words of the last user message (a bag of words), and
    answers as the nearest conversation with the same tools did.

    An answer in words is a class of its own, and so is every set of tools that are called at once.
    """

    name = "bag of words"

    def __init__(self, train: Sequence[EvaluationItem]) -> None:
        self._train = _select_train_items(train)
        self._texts = SimilarTexts([find_last_request(item) for item in self._train])
        self._by_step = _group_by_step(self._train)
        self._classes = [_name_tools(item) for item in self._train]
        self._models: dict[int, _NaiveBayes] = {}

    def predict(self, items: Sequence[EvaluationItem], progress: Progress = hear_nothing) -> list[Prediction]:
        return _answer_each(items, self._find_nearest_of_class, progress)

    def _find_nearest_of_class(self, item: EvaluationItem) -> EvaluationItem:
        step = count_steps(item)
        if step not in self._by_step:
            step = 0 if 0 in self._by_step else next(iter(self._by_step))
        among = self._by_step[step]
        if step not in self._models:
            texts = [find_last_request(self._train[index]) for index in among]
            self._models[step] = _NaiveBayes(texts, [self._classes[index] for index in among])
        request = find_last_request(item)
        chosen = self._models[step].classify(request)
        return self._train[
            self._texts.find_nearest(request, [index for index in among if self._classes[index] == chosen])
        ]


class MostFrequentCall:
    """Answers every request with the most frequent calls of the training items, arguments included."""

    name = "most frequent call"

    def __init__(self, train: Sequence[EvaluationItem]) -> None:
        called = [item for item in _select_train_items(train) if item.calls]
        if not called:
            raise NoTrainingItemsError("No training item has a call; give a training file with calls (--train)")
        written = [write_canonical(item.calls, index_parameters(item.tools)) for item in called]
        most_frequent, _ = Counter(written).most_common(1)[0]
        self._answer = called[written.index(most_frequent)]

    def predict(self, items: Sequence[EvaluationItem], progress: Progress = hear_nothing) -> list[Prediction]:
        return _answer_each(items, lambda _: self._answer, progress)


class _NaiveBayes:
    """Multinomial naive Bayes over words, with Laplace smoothing."""

    def __init__(self, texts: Sequence[str], classes: Sequence[tuple[str, ...]]) -> None:
        self._names = sorted(set(classes))
        self._rows: dict[str, int] = {}
        places = []
        for text, name in zip(texts, classes, strict=True):
            column = self._names.index(name)
            places += [(self._rows.setdefault(word, len(self._rows)), column) for word in list_words(text)]
        counts = np.full((len(self._rows), len(self._names)), _SMOOTHING)
        np.add.at(counts, tuple(np.array(places, dtype=int).reshape(-1, 2).T), 1)
        frequency = Counter(classes)
        self._prior = np.log([frequency[name] for name in self._names])
        self._likelihood = np.log(counts / counts.sum(axis=0)) if places else counts

    def classify(self, text: str) -> tuple[str, ...]:
        """Returns the likeliest class; words that are not known count nothing."""
        rows = [self._rows[word] for word in list_words(text) if word in self._rows]
        return self._names[int((self._prior + self._likelihood[rows].sum(axis=0)).argmax())]


def build_baseline(name: str, train: Sequence[EvaluationItem]) -> NearestRequest | WordCounts | MostFrequentCall:
    """Builds one of `BASELINES`.

    Raises:
        NoTrainingItemsError: there is nothing to learn from.
    """
    return {"nearest": NearestRequest, "words": WordCounts, "frequent": MostFrequentCall}[name](train)


def find_last_request(item: EvaluationItem) -> str:
    """Finds what the user said last."""
    return next((message["content"] for message in reversed(item.messages) if message["role"] == "user"), "")


def count_steps(item: EvaluationItem) -> int:
    """Counts the assistant messages since the user spoke last."""
    steps = 0
    for message in reversed(item.messages):
        if message["role"] == "user":
            break
        steps += message["role"] == "assistant"
    return steps


def _select_train_items(train: Sequence[EvaluationItem]) -> list[EvaluationItem]:
    chosen = [item for item in train if item.kind not in _LEFT_OUT_KINDS]
    if not chosen:
        raise NoTrainingItemsError("There is no training item to learn from; give a training file (--train)")
    return chosen


def _group_by_step(items: Sequence[EvaluationItem]) -> Mapping[int, list[int]]:
    groups: dict[int, list[int]] = defaultdict(list)
    for index, item in enumerate(items):
        groups[count_steps(item)].append(index)
    return groups


def _name_tools(item: EvaluationItem) -> tuple[str, ...]:
    return tuple(sorted(call.name for call in item.calls))


def _answer_each(
    items: Sequence[EvaluationItem], find: Callable[[EvaluationItem], EvaluationItem], progress: Progress
) -> list[Prediction]:
    predictions = []
    for number, item in enumerate(items, start=1):
        answer = find(item)
        calls = tuple(ExpectedCall(call.name, call.arguments) for call in answer.calls)
        predictions.append(
            Prediction(
                item_id=item.item_id,
                calls=calls,
                text=None if calls else answer.text,
                raw=write_canonical(calls, {}) if calls else answer.text or "",
            )
        )
        progress(number, len(items))
    return predictions
