"""The shortcuts of a dataset: how far a model gets without understanding what is asked, by copying, matching words, or
remembering the train split.

    figures = list(compute_row_figures(rows, {"conversation_1": Topic("gym roof snow load", "Gym roof")}))

Belongs here: the list of these figures, the first seven of which have a goal (`goals.py`). Only published rows are
counted, so that the figures hold for what a trainer sees, and for sets that others made. How texts are guessed is in
`text_baselines.py`, what is said again in `skeleton_counts.py`, how arguments are used in `argument_use.py`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from funcdex_assets.records.figures import QualityFigure
from funcdex_assets.reports.argument_use import ArgumentUse
from funcdex_assets.reports.diversity import count_distinct_ngrams
from funcdex_assets.reports.figure_rows import build_number, build_share
from funcdex_assets.reports.published_turns import Turn, TurnCall, list_turns, stands_in
from funcdex_assets.reports.skeleton_counts import (
    Sayings,
    Topic,
    count_known,
    count_known_topics,
    count_most_common,
    count_uneven,
    draw_words,
    has_relative_date,
    tell_treatment,
)
from funcdex_assets.reports.text_baselines import (
    TurnWords,
    count_copied_quotes,
    find_tool_by_overlap,
    measure_bag_of_words,
)
from funcdex_assets.training.token_rows import PublishedRow

SECTION = "shortcuts"
BOOLEANS_FILLED = "boolean properties filled"
NORMALISED = "calls that need normalising or derivation"
QUOTED = "copied strings in quotes"
BAG_OF_WORDS = "bag of words, single-call turns"
TURNS_IN_TRAIN = "test user turns in train, masked"
FEW_TOOLS = "precision of 'few tools' for a decline"
COMMONEST_VERDICT = "most frequent turn verdict"
CHAINED = "chained turns"
DERIVED_VALUES = "values that need normalising or derivation"
UNSAID_AT_FIRST = "required values that the opening turn does not say"
COPIED_QUOTES = "string arguments right by copying the quotes"
BY_OVERLAP = "right tool by word overlap"
UNEVEN = "same request, asked back on here and acted on there"

MOST_SKELETONS = 500
MOST_OPENINGS = 30
WORDS_COMPARED = 8000
"""Distinct-n of other sets was measured on so many words; it falls with their number."""
_FEW = 4
"""Tools on offer; with so few, a model could learn that nothing can be done."""
_DECLINE = "no_suitable_tool"
_SHORTEST_CHAINED = 4
"""Characters: shorter values stand in a result by chance."""
_MARKS = (('"', '"'), ("“", "”"), ("'", "'"), ('"', '."'), ('"', ',"'))
"""Before and after a value that is quoted; a stop may stand before the closing mark."""
_KINDS = ("string", "number", "boolean", "date", "enum", "array", "object")


def compute_row_figures(rows: Sequence[PublishedRow], topics: Mapping[str, Topic]) -> Iterator[QualityFigure]:
    """Computes the figures of shortcuts and of the use of arguments, over rows of both splits; topics are by row id."""
    calls, use = _CallCounts(), ArgumentUse()
    sayings = {"train": Sayings(), "test": Sayings()}
    words: dict[str, list[TurnWords]] = {"train": [], "test": []}
    treatments: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in rows:
        turns = list_turns(row)
        calls.add_turns(turns)
        use.add_turns(row.partition, turns)
        sayings[row.split].add_turns(turns)
        words[row.split] += map(TurnWords.of, turns)
        for turn in turns:
            treatments[row.partition, turn.masked_text.lower()][tell_treatment(turn)] += 1
    yield from calls.build_goal_figures()
    bag = measure_bag_of_words(words["train"], words["test"])
    yield build_share(SECTION, BAG_OF_WORDS, *bag.right_tool)
    yield build_share(SECTION, TURNS_IN_TRAIN, *count_known(sayings["test"].user_turns, sayings["train"].user_turns))
    yield from _count_rows(rows)
    yield build_share(SECTION, UNEVEN, *count_uneven(treatments.values()))
    for split in ("train", "test"):
        yield build_number(SECTION, "user turns counted", len(words[split]), split)
    yield from calls.build_further_figures()
    yield build_share(SECTION, "a call in this turn, guessed", *bag.act, "bag of words")
    yield build_share(SECTION, "a call in this turn, guessed", *bag.majority, "majority")
    yield from _count_sayings(sayings["train"], sayings["test"])
    splits = [(row.id, row.split) for row in rows]
    for field in Topic._fields:
        known = count_known_topics(splits, {name: getattr(topic, field) for name, topic in topics.items()})
        yield build_share(SECTION, "topics of test rows that train has", *known, field)
    yield from use.build_figures()


def _count_rows(rows: Sequence[PublishedRow]) -> Iterator[QualityFigure]:
    """Counts what the number of tools, and the commonest verdict, say by themselves."""
    with_few = [row for row in rows if len(row.tools) <= _FEW]
    yield build_share(SECTION, FEW_TOOLS, sum(row.kind == _DECLINE for row in with_few), len(with_few))
    verdicts = Counter((verdict.ok, verdict.score) for row in rows for verdict in row.turn_verdicts)
    yield build_share(SECTION, COMMONEST_VERDICT, *count_most_common(verdicts, 1))


def _count_sayings(train: Sayings, test: Sayings) -> Iterator[QualityFigure]:
    speakers = {
        "user": (train.user_skeletons, test.user_skeletons),
        "assistant": (train.assistant_skeletons, test.assistant_skeletons),
    }
    for speaker, (of_train, of_test) in speakers.items():
        counts = of_train + of_test
        name = f"sentence skeletons, {speaker}"
        yield build_share(SECTION, name, *count_most_common(counts, 1), "commonest")
        yield build_share(SECTION, name, *count_most_common(counts, MOST_SKELETONS), f"{MOST_SKELETONS} commonest")
        yield build_share(SECTION, name, len(counts), counts.total(), "distinct")
        yield build_share(SECTION, name, *count_known(of_test, of_train), "of test in train")
    texts = [*train.user_texts, *test.user_texts]
    yield build_share(SECTION, "user messages with relative dates", sum(map(has_relative_date, texts)), len(texts))
    drawn = draw_words(texts, WORDS_COMPARED)
    for order in (1, 2, 4):
        yield build_share(
            SECTION, f"distinct-{order} of {WORDS_COMPARED:,} words of users", *count_distinct_ngrams(drawn, order)
        )
    openings = count_most_common(train.openings + test.openings, MOST_OPENINGS)
    yield build_share(
        SECTION, "answers that open with the same three words", *openings, f"{MOST_OPENINGS} commonest openings"
    )


class _CallCounts:
    """Counts in the calls of all turns, by figure and item: how many, of how many."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        self._by_chance = 0.0

    def add_turns(self, turns: Sequence[Turn]) -> None:
        """Adds the turns of one row, of which the first opens the conversation."""
        for turn in turns:
            for call in turn.calls:
                self._add_call(call, turns[0].text)
            if turn.calls:
                self._add(CHAINED, any(map(_is_chained, turn.calls)))
                self._add(BY_OVERLAP, self._is_found_by_overlap(turn))
                self._by_chance += 1 / max(1, len(turn.functions))
                hits, total = count_copied_quotes(turn)
                self._add(COPIED_QUOTES, hits, total)

    def build_goal_figures(self) -> Iterator[QualityFigure]:
        for name in (BOOLEANS_FILLED, NORMALISED, QUOTED):
            yield self._build_share(name)

    def build_further_figures(self) -> Iterator[QualityFigure]:
        yield self._build_share(CHAINED)
        for kind in _KINDS:
            yield self._build_share(DERIVED_VALUES, kind)
        yield self._build_share(UNSAID_AT_FIRST)
        yield self._build_share(COPIED_QUOTES)
        yield self._build_share(BY_OVERLAP)
        yield build_share(SECTION, "right tool by chance", round(self._by_chance), self._counts[BY_OVERLAP, ""][1])

    def _add_call(self, call: TurnCall, opening: str) -> None:
        for name, schema in call.properties.items():
            if isinstance(schema, Mapping) and schema.get("type") in ("boolean", ["boolean", "null"]):
                self._add(BOOLEANS_FILLED, name in call.arguments)
        stands = [stands_in(value.value, call.said, call.said_lower) for value in call.values]
        self._add(NORMALISED, not all(stands))
        required = set(call.parameters.get("required") or ())
        opening_lower = opening.lower()
        for value, is_copied in zip(call.values, stands, strict=True):
            self._add(DERIVED_VALUES, not is_copied, item=value.kind)
            if isinstance(value.value, str) and is_copied:
                self._add(QUOTED, _is_quoted(value.value, call.told))
            if value.argument in required:
                self._add(UNSAID_AT_FIRST, not stands_in(value.value, opening, opening_lower))
        derived = {value.argument for value, is_copied in zip(call.values, stands, strict=True) if not is_copied}
        for name in dict.fromkeys(value.argument for value in call.values):
            argument = call.arguments[name]
            if isinstance(argument, list | dict):  # as a whole: one value in it that needs it is enough
                self._add(DERIVED_VALUES, name in derived, item="array" if isinstance(argument, list) else "object")

    def _is_found_by_overlap(self, turn: Turn) -> bool:
        return find_tool_by_overlap(turn.text, turn.functions) == turn.calls[0].name

    def _add(self, figure: str, count: int, total: int = 1, item: str = "") -> None:
        counts = self._counts[figure, item]
        counts[0] += count
        counts[1] += total

    def _build_share(self, figure: str, item: str = "") -> QualityFigure:
        count, total = self._counts[figure, item]
        return build_share(SECTION, figure, count, total, item)


def _is_quoted(text: str, told: str) -> bool:
    """Returns True if a user wrote the text between quotation marks, letter by letter."""
    return any(f"{opening}{text}{closing}" in told for opening, closing in _MARKS)


def _is_chained(call: TurnCall) -> bool:
    """Returns True if an argument stands in a result of the same turn, and in nothing that users said."""
    return any(
        isinstance(value.value, str)
        and len(value.value) >= _SHORTEST_CHAINED
        and value.value.lower() in call.turn_results
        and value.value.lower() not in call.told_lower
        for value in call.values
    )
