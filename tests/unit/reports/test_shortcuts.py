"""What of a dataset can be guessed, copied or remembered: counted on rows whose figures are plain to see."""

import json
from pathlib import Path
from random import Random

import msgspec
import pytest
from published_rows import FIND, SEND, answers, calls, define, gives, row, says
from recount_goals import recount

from funcdex_assets.records.figures import QualityFigure
from funcdex_assets.reports.goals import GOALS, compare_with_goal, describe_missed_goals, is_goal_met, list_missed
from funcdex_assets.reports.other_sets import compare_with_others, describe_others, load_other_sets
from funcdex_assets.reports.published_turns import read_release_rows
from funcdex_assets.reports.shortcuts import compute_row_figures
from funcdex_assets.reports.skeleton_counts import Topic


def measure(*rows, topics=None) -> dict[tuple[str, str], QualityFigure]:
    figures = list(compute_row_figures(rows, topics or {}))
    by_name = {(figure.figure, figure.item): figure for figure in figures}
    assert len(by_name) == len(figures)
    return by_name


def counts(figure: QualityFigure) -> tuple[int | None, int | None]:
    return figure.part, figure.whole


# ── one conversation, of which every figure can be counted by hand ────────────────────────────

HELP = "Please find the contact called Bo for me."
MAIL = 'Good. Send an email to the first one, subject "Snow.", tomorrow at nine, no later than 3 tries.'
CHAT = (
    says(HELP),
    calls(("FIND_CONTACT", {"query": "bo"})),
    gives({"id": "c_91", "email": "bo.varga@fiberlake.com"}),
    answers("I found Bo Varga in your contacts. Here is what I know."),
    says(MAIL),
    calls(("FIND_CONTACT", {"query": "Snow", "exact": True})),
    gives({"email": "cy@fiberlake.com"}),
    calls(
        ("SEND_EMAIL", {"to": "cy@fiberlake.com", "at": "2026-03-02T09:00:00", "retries": 3, "copies": ["bo"]}),
        ("SEND_EMAIL", {"to": "bo.varga@fiberlake.com", "options": {"color": "red"}, "importance": "", "draft": None}),
    ),
    gives({}),
    answers("I found both of them and wrote to them."),
)


@pytest.mark.parametrize(
    ("figure", "item", "expected", "reason"),
    [
        ("boolean properties filled", "", (2, 4), "exact twice on offer, once set; draft twice, once set to null"),
        ("calls that need normalising or derivation", "", (3, 4), "true, a moment, red; not bo, in any case"),
        ("copied strings in quotes", "", (1, 5), "Snow with a stop; not bo twice, nor two addresses from results"),
        ("chained turns", "", (1, 2), "cy's address was found in the same turn; Bo's in the one before"),
        ("values that need normalising or derivation", "string", (0, 5), "all of them were said or returned"),
        ("values that need normalising or derivation", "number", (0, 1), "3 was said"),
        ("values that need normalising or derivation", "boolean", (1, 1), "nobody says true"),
        ("values that need normalising or derivation", "date", (1, 1), "tomorrow at nine"),
        ("values that need normalising or derivation", "enum", (1, 1), "red; the empty text is not counted"),
        ("values that need normalising or derivation", "array", (0, 1), "its one value was said"),
        ("values that need normalising or derivation", "object", (1, 1), "red is in it"),
        ("required values that the opening turn does not say", "", (3, 4), "two queries, two addresses: only bo"),
        ("string arguments right by copying the quotes", "", (1, 7), "Snow, the first of the second turn"),
        ("right tool by word overlap", "", (1, 2), "the second turn speaks of an email, and searches first"),
        ("right tool by chance", "", (1, 2), "two tools on offer in each turn"),
        ("sentence skeletons, user", "commonest", (1, 2), "Good. is too short"),
        ("sentence skeletons, assistant", "distinct", (3, 3), "I found X X in your contacts is one of three"),
        ("answers that open with the same three words", "30 commonest openings", (2, 2), "all are among them"),
        ("user messages with relative dates", "", (1, 2), "tomorrow"),
        ("properties of called tools that a call sets", "boolean", (2, 2), "exact, draft"),
        ("properties of called tools that a call sets", "string", (3, 3), "query, to, at"),
        ("properties set, per call", "string", (5, 6), "the second email has no moment"),
        ("properties set, per call", "array", (1, 2), "copies"),
        ("values of arguments", "string", (6, 10), "null is no value"),
        ("calls with four or more arguments", "", (2, 4), "both emails"),
        ("messages with parallel calls", "", (1, 3), "the last of three"),
    ],
)
def test_a_conversation_is_counted_call_by_call(figure, item, expected, reason):
    assert counts(measure(row(*CHAT))[figure, item]) == expected, reason


@pytest.mark.parametrize(
    ("figure", "item", "expected"),
    [
        ("longest array", "", 1),
        ("longest object", "", 1),
        ("arguments per call", "mean", 11 / 4),
        ("calls per turn with calls", "mean", 2),
        ("calls per turn with calls", "most", 3),
        ("words per answer", "median", 10.5),
        ("user turns counted", "train", 2),
    ],
)
def test_numbers_of_a_conversation(figure, item, expected):
    assert measure(row(*CHAT))[figure, item].value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "said", "derived"),
    [
        pytest.param(3, "for 13 people", True, id="a number within a longer one is not said"),
        pytest.param(3, "for 3.5 hours", False, id="the beginning of a number counts as said"),
        pytest.param(25.5, "25.5 dollars", False, id="a fraction as it is written"),
        pytest.param("Oslo", "to OSLO", False, id="in any case"),
        pytest.param(["Oslo", "Rome"], "to Oslo", True, id="one of a list is enough"),
        pytest.param(True, "True", True, id="a boolean always is"),
        pytest.param({}, "", False, id="nothing to derive"),
    ],
)
def test_a_value_needs_deriving_if_it_stands_nowhere_before(value, said, derived):
    tool = define("BOOK", place={})
    figures = measure(row(says(said), calls(("BOOK", {"place": value})), tools=(tool,)))
    assert counts(figures["calls that need normalising or derivation", ""]) == (int(derived), 1)


@pytest.mark.parametrize(
    ("messages", "chained"),
    [
        pytest.param([gives("a@x.io"), "a@x.io"], 1, id="found in the same turn"),
        pytest.param([gives("A@X.io"), "a@x.io"], 1, id="in any case"),
        pytest.param([gives("a@x.io"), says("Go on"), "a@x.io"], 0, id="found in the turn before"),
        pytest.param([says("To A@x.io"), gives("a@x.io"), "a@x.io"], 0, id="a user said it, too"),
        pytest.param([gives("a@x"), "a@x"], 0, id="too short to be found by more than chance"),
        pytest.param([gives(["bo"]), "a@x.io"], 0, id="never found"),
    ],
)
def test_a_turn_is_chained_by_a_value_that_was_found_in_it(messages, chained):
    played = [calls(("SEND_EMAIL", {"to": each})) if isinstance(each, str) else each for each in messages]
    assert measure(row(says("Write"), *played))["chained turns", ""].part == chained


@pytest.mark.parametrize(
    ("said", "arguments", "right"),
    [
        pytest.param('"Bo"', ["Bo", "Bo"], 2, id="the last quote is taken again"),
        pytest.param('"Bo" and “Cy”', ["Bo", "Cy"], 2, id="one after the other"),
        pytest.param('"Bo" and "Cy"', ["Cy", "Bo"], 0, id="in the other order"),
        pytest.param('"Bo.", "Cy"', ["Bo", "Cy."], 2, id="a stop is the sentence's"),
        pytest.param("Bo", ["Bo"], 0, id="no quote"),
        pytest.param('"Bo"', ["bo"], 0, id="letter by letter"),
    ],
)
def test_a_rule_copies_quotes_into_string_arguments(said, arguments, right):
    called = calls(*[("FIND_CONTACT", {"query": argument, "exact": True}) for argument in arguments])
    figure = measure(row(says(said), called))["string arguments right by copying the quotes", ""]
    assert counts(figure) == (right, len(arguments))


# ── train and test beside each other ──────────────────────────────────────────────────────────


def find_and_send(number: int, split: str, noun: str = "note") -> list:
    """Two rows of which each says what is to be called, and one in which nothing is."""
    find = says(f'Find the contact "{noun} {number}" for me'), calls(("FIND_CONTACT", {"query": f"{noun} {number}"}))
    send = says(f'Mail the {noun} to "{number}"'), calls(("SEND_EMAIL", {"to": str(number)}))
    talk = says(f"Thanks a lot, that was {noun} {number}, see you"), answers("See you soon then, Ada.")
    return [
        row(*messages, number=10 * number + place, split=split) for place, messages in enumerate((find, send, talk))
    ]


def test_a_bag_of_words_learns_of_train_what_test_calls():
    rows = [each for number in range(6) for each in find_and_send(number, "train")] + find_and_send(7, "test")
    figures = measure(*rows)
    assert counts(figures["bag of words, single-call turns", ""]) == (2, 2)
    assert counts(figures["a call in this turn, guessed", "bag of words"]) == (3, 3)
    assert counts(figures["a call in this turn, guessed", "majority"]) == (2, 3)
    only_send = row(says('Find the contact "x" for me'), calls(("SEND_EMAIL", {})), split="test", tools=(SEND,))
    assert counts(measure(*rows[:18], only_send)["bag of words, single-call turns", ""]) == (1, 1), "it is on offer"
    both = msgspec.structs.replace(only_send, tools=[FIND, SEND])
    assert counts(measure(*rows[:18], both)["bag of words, single-call turns", ""]) == (0, 1)


def test_what_cannot_be_learned_is_not_measured_and_misses_no_goal():
    figures = measure(*find_and_send(1, "test"))
    for name, item in (("bag of words, single-call turns", ""), ("a call in this turn, guessed", "majority")):
        assert counts(figures[name, item]) == (0, 0)
    one_tool = [
        row(says("Find it now please"), calls(("FIND_CONTACT", {})), split=split) for split in ("train", "test")
    ]
    assert counts(measure(*one_tool, one_tool[0])["bag of words, single-call turns", ""]) == (0, 0)
    unlike = [row(says(text), split=split) for text, split in (("alpha beta", "train"), ("gamma", "test"))]
    assert counts(measure(*unlike)["a call in this turn, guessed", "bag of words"]) == (0, 0)
    assert is_goal_met(figures["bag of words, single-call turns", ""]) is None
    assert counts(measure()["boolean properties filled", ""]) == (0, 0)


def test_what_test_has_from_train_is_counted_without_quotes_names_and_numbers():
    rows = [
        row(says('Find "Bo" now. Write to Ana Rojas by 9:30 today.'), answers("I wrote to Ana Rojas at 9."), number=1),
        row(says('Find "Cy" now. Write to Ana Rojas by 9:30 today.'), answers("Done."), number=2, split="test"),
        row(says("Do write to Bo Varga by 7 today."), answers("I wrote to Bo Varga at 7."), number=3, split="test"),
    ]
    topics = {"conversation_1": Topic("roof", "A"), "conversation_2": Topic("roof", "B")}
    figures = measure(*rows, topics=topics)
    assert counts(figures["test user turns in train, masked", ""]) == (1, 2)
    assert counts(figures["sentence skeletons, user", "of test in train"]) == (1, 2)
    assert counts(figures["sentence skeletons, assistant", "of test in train"]) == (1, 1)
    assert counts(figures["topics of test rows that train has", "matter"]) == (1, 1), "of the third nothing is known"
    assert counts(figures["topics of test rows that train has", "title"]) == (0, 1)


def test_few_tools_and_the_commonest_verdict_are_counted_by_row_and_turn():
    many = tuple(define(f"TOOL_{number}") for number in range(5))
    rows = [
        row(says("Fax it"), kind="no_suitable_tool", scores=(5, 5)),
        row(says("Fax it"), kind="no_suitable_tool", tools=many, scores=(5, 1)),
        row(says("Send it"), tools=many[:4]),
    ]
    figures = measure(*rows)
    assert counts(figures["precision of 'few tools' for a decline", ""]) == (1, 2)
    assert counts(figures["most frequent turn verdict", ""]) == (3, 4)


def test_distinct_n_is_measured_on_as_many_words_as_others_have():
    figures = measure(*[row(says("one two three four " * 500), number=number) for number in range(5)])
    assert counts(figures["distinct-1 of 8,000 words of users", ""]) == (4, 8000)
    assert counts(measure(row(*CHAT))["distinct-1 of 8,000 words of users", ""]) == (0, 0)


# ── the goals, and a second count of a whole release ──────────────────────────────────────────

PASTED = json.dumps(define("FAX_LETTER", to={"type": "string"}, color={"type": "boolean"}), separators=(",", ":"))
OPENINGS = ("Please find", "I need", "Could you look up", "Get me", "Show me")
THINGS = ("the roof report", "that snow log", "our gym plan", "my rent bill", "the choir list", "a fax draft")


def write_release(folder: Path, seed: int = 5) -> Path:
    """Sixty rows of all that the figures look at, drawn by a seed."""
    random = Random(seed)
    folder.mkdir(parents=True)
    for split, number_of_rows in (("train", 44), ("test", 16)):
        with (folder / f"{split}.jsonl").open("w") as file:
            for number in range(number_of_rows):
                few = (FIND, SEND, *(define(f"TOOL_{place}") for place in range(random.choice((0, 2, 3, 9)))))
                messages = [{"role": "system", "content": "Help Ada."}]
                for _ in range(random.randint(1, 4)):
                    messages += draw_turn(random)
                if random.random() < 0.2:
                    messages += [says(f"Use this:\n{PASTED}"), calls(("FAX_LETTER", {"to": "Ada", "color": True}))]
                kind = random.choice(("simple", "multi_step", "no_suitable_tool"))
                scores = tuple(random.choice((5, 5, 5, 4, 1)) for _ in range(3))
                made = row(*messages, number=number, split=split, kind=kind, tools=few, scores=scores)
                file.write(msgspec.json.encode(made).decode() + "\n")
    return folder


def draw_turn(random: Random) -> list:
    thing, amount = random.choice(THINGS), random.randint(1, 60)
    asked = random.choice((f'"{thing}"', f"“{thing}”", f'"{thing}."', thing, thing.upper()))
    turn = [says(f"{random.choice(OPENINGS)} {asked} by {amount} o'clock.")]
    choice = random.random()
    if choice < 0.4:
        turn.append(calls(("FIND_CONTACT", {"query": thing} | ({"exact": True} if random.random() < 0.3 else {}))))
        turn.append(gives({"email": f"{amount}@x.io", "size": amount + 0.5}))
    if 0.3 < choice < 0.8:
        mail = {"to": random.choice((f"{amount}@x.io", thing)), "retries": amount % 50, "copies": [thing, "Ada"]}
        turn.append(calls(*[("SEND_EMAIL", mail)] * random.choice((1, 1, 2))))
        turn.append(gives({"status": "sent"}))
    return [*turn, answers("It is done as you asked.")]


def publish(home: Path) -> Path:
    release = write_release(home / "datasets" / "all" / "release_1")
    (release.parent / "latest").write_text("release_1\n")
    return release


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_goals_are_counted_like_a_second_count_does(tmp_path, seed):
    release = write_release(tmp_path / "datasets" / "all" / "release_1", seed)
    (release.parent / "latest").write_text("release_1")
    found = read_release_rows(tmp_path, ["mail"])
    assert found is not None
    figures = measure(*found[1])
    expected = recount(release)
    assert expected.keys() == GOALS.keys()
    assert {name: figures[name, ""].value for name in GOALS} == pytest.approx(expected, abs=0.0005)
    assert all(0.02 < share < 0.99 for share in expected.values()), "so that each could differ"


def test_a_release_of_other_partitions_is_not_counted(tmp_path):
    assert read_release_rows(tmp_path, ["mail"]) is None
    publish(tmp_path)
    name, rows = read_release_rows(tmp_path, ["mail"]) or ("", [])
    assert (name, len(rows), {each.split for each in rows}) == ("release_1", 60, {"train", "test"})
    assert read_release_rows(tmp_path, ["mail", "post"]) is None
    assert read_release_rows(tmp_path, []) is None


def share(name: str, part: int, whole: int, section: str = "shortcuts") -> QualityFigure:
    return QualityFigure(section=section, figure=name, value=part / whole if whole else 0.0, part=part, whole=whole)


@pytest.mark.parametrize(
    ("figure", "cells"),
    [
        (share("boolean properties filled", 1, 10), ["≥ 10.0 %", "yes"]),
        (share("boolean properties filled", 9, 100), ["≥ 10.0 %", "no"]),
        (share("copied strings in quotes", 1, 5), ["≤ 20.0 %", "yes"]),
        (share("copied strings in quotes", 21, 100), ["≤ 20.0 %", "no"]),
        (share("copied strings in quotes", 0, 0), ["≤ 20.0 %", "–"]),
        (share("chained turns", 1, 5), ["", ""]),
        (share("copied strings in quotes", 1, 5, section="paths"), ["", ""]),
    ],
)
def test_a_goal_stands_beside_its_figure(figure, cells):
    assert compare_with_goal(figure) == cells


def test_missed_goals_are_named_in_a_sentence():
    missed, met = share("copied strings in quotes", 3, 10), share("boolean properties filled", 3, 10)
    unmeasured = share("bag of words, single-call turns", 0, 0)
    assert list_missed([missed, met, unmeasured]) == [missed]
    assert describe_missed_goals([missed, met]) == "Missed: copied strings in quotes 30.0 % (goal ≤ 20.0 %)."
    assert describe_missed_goals([met, unmeasured]) == "All 1 measured goals are met."
    assert describe_missed_goals([unmeasured]) == "No goal could be measured."


# ── other sets ────────────────────────────────────────────────────────────────────────────────


def test_other_sets_stand_beside_the_figures_that_they_have():
    figure = share("copied strings in quotes", 1, 2)
    ((_, values),) = compare_with_others([figure, share("chained turns", 1, 2)])
    assert values == ["21 %", "16 %", "29 %", "7 %", "16 %", "32 %", "0 %"]
    assert describe_others(figure) == "0–32 %, by people 7–16 %"
    assert describe_others(share("chained turns", 1, 2)) == ""


def test_every_figure_of_other_sets_is_one_that_a_report_has_or_stands_in_another_section():
    counted = set(measure(row(*CHAT)))
    elsewhere = {"user turns per conversation", "calls per conversation", "tools on offer per conversation"}
    others = load_other_sets()
    names = {other.name for other in others.sets}
    for other in others.figures:
        assert set(other.values) <= names, other.figure
        named_here = (other.figure, other.item) in counted
        assert named_here or other.figure in elsewhere | {"without any call"}, other.figure


def test_a_request_that_is_treated_in_two_ways_is_counted():
    def request(number: int, *messages, partition: str = "mail"):
        asked = says('Find "Bo".' if number % 2 else 'Find "Cy".')
        return row(asked, *messages, number=number, partition=partition)

    acts = (calls(("FIND_CONTACT", {"query": "Bo"})), gives({}), answers("Found."))
    figure = ("same request, asked back on here and acted on there", "")
    uneven = measure(request(1, *acts), request(2, answers("Which one?")), request(3, *acts))
    assert counts(uneven[figure]) == (3, 3)
    even = measure(request(1, *acts), request(2, *acts), request(3, answers("Which one?"), partition="other"))
    assert counts(even[figure]) == (0, 2)
