"""Moves on turns that are being laid, one small case each.

A call is written by its name: `a` to `z`, with `+` where it is made at once with the one before, `!` where it fails and
`*` where it has no place in the chain (`a!*`). Turns are written as people would list them: `request: a b`.
"""

from random import Random
from types import SimpleNamespace

import pytest

from funcdex_assets.planning.turns import (
    Call,
    Turn,
    go_wrong,
    leave_out,
    mean_otherwise,
    numbered,
    recoveries,
    requests,
    split,
    talk,
    try_another,
)
from funcdex_assets.records.plan import PlannedArgument

SEEDS = range(40)


def user(name: str, value: object = "x", withheld: bool = False) -> PlannedArgument:
    return PlannedArgument(argument=f"/{name}", source="user", value=value, surface=str(value), withheld=withheld)


def from_result(step: int, name: str = "id") -> PlannedArgument:
    return PlannedArgument(argument=f"/{name}", source="result", step=step, result="/things/*/id")


def calls(text: str) -> list[Call]:
    """`a b +c` are three calls, the last two at once."""
    return [
        Call(word.lstrip("+"), (user("q", word),), place, word.startswith("+"))
        for place, word in enumerate(text.split())
    ]


def laid(*turns: str) -> tuple[list[Turn], SimpleNamespace]:
    """Turns of requests, and their calls by name."""
    every = [Turn("request", []) for _ in turns]
    found: dict[str, Call] = {}
    for turn, text in zip(every, turns, strict=True):
        for call in calls(text):
            call.place = len(found)
            found[call.tool] = call
            turn.calls.append(call)
    return every, SimpleNamespace(**found)


def shown(turns: list[Turn]) -> list[str]:
    return [
        f"{turn.kind}: "
        + " ".join(
            f"{'+' * call.together}{call.tool}{'!' * bool(call.fault)}{'*' * (call.place is None)}"
            for call in turn.calls
        )
        for turn in turns
    ]


# ── dividing ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("clarity", ["excellent", "good", "average"])
@pytest.mark.parametrize("text", ["a", "a b", "a b c d e f", "a +b +c", "a b +c d +e f"])
def test_requests_keep_the_calls_in_order_and_what_is_made_at_once_together(text, clarity):
    for seed in SEEDS:
        made = calls(text)
        turns = requests(made, clarity, Random(seed))
        assert [call for turn in turns for call in turn.calls] == made
        assert {turn.kind for turn in turns} == {"request"}
        assert not any(turn.calls[0].together for turn in turns)
        assert all(1 <= sum(not call.together for call in turn.calls) <= 3 for turn in turns)


def test_a_clear_user_asks_for_more_at_once():
    def turns(clarity):
        return sum(len(requests(calls("a b c"), clarity, Random(seed))) for seed in range(300)) / 300

    assert turns("excellent") + 0.3 < turns("good")
    assert abs(turns("good") - turns("average")) < 0.1


def test_a_turn_serves_one_goal():
    for seed in SEEDS:
        first, second, third, fourth = calls("a b c d")
        third.goal = fourth.goal = 1
        turns = requests([first, second, third, fourth], "excellent", Random(seed))
        assert all(len({call.goal for call in turn.calls}) == 1 for turn in turns)


def test_a_call_that_goes_wrong_or_is_meant_otherwise_serves_the_goal_of_the_other():
    for move in (
        lambda turns, call: go_wrong(turns, call, "rate_limit", "retry", call.arguments),
        lambda turns, call: mean_otherwise(turns, call, (user("q", "y"),)),
    ):
        turns, named = laid("a", "b")
        named.b.goal = 1
        move(turns, named.b)
        steps, _ = numbered(turns)
        assert [(step.tool, step.goal) for step in steps] == [("a", 0), ("b", 1), ("b", 1)]


def test_a_further_page_is_always_a_turn_of_its_own():
    for seed in SEEDS:
        first, page, after = calls("list list open")
        page.arguments = (from_result(0, "page_token"),)
        turns = requests([first, page, after], "excellent", Random(seed))
        assert turns[0].calls == [first]
        assert turns[1].calls[0] is page


@pytest.mark.parametrize(
    ("turn", "possible"),
    [
        pytest.param("a", set(), id="one call"),
        pytest.param("a +b +c", set(), id="calls made at once"),
        pytest.param("a b", {("a", "b")}, id="two"),
        pytest.param("a b c", {("a", "b c"), ("a b", "c")}, id="three, anywhere"),
        pytest.param("a +b c +d", {("a +b", "c +d")}, id="only between groups"),
    ],
)
def test_a_turn_is_divided_between_what_it_asks_for(turn, possible):
    found = set()
    for seed in SEEDS:
        turns, _ = laid("x", turn, "y")
        divided = split(turns, Random(seed))
        assert divided == bool(possible)
        if divided:
            found.add(tuple(text.removeprefix("request: ") for text in shown(turns)[1:-1]))
        else:
            assert shown(turns) == ["request: x", f"request: {turn}", "request: y"]
    assert found == possible


@pytest.mark.parametrize(
    ("recovery", "possible"),
    [
        pytest.param("retry", {"request: a | request: b!* b"}, id="a call and its repetition stay together"),
        pytest.param("remedy", {"request: a | request: b!* | remedy: b"}, id="what makes it good follows"),
        pytest.param("dropped", {"request: a | request: b!* | dropped: "}, id="giving it up follows"),
    ],
)
def test_what_went_wrong_is_not_torn_from_what_follows_from_it(recovery, possible):
    found = set()
    for seed in SEEDS:
        turns, named = laid("a b")
        go_wrong(turns, named.b, "rate_limit", recovery, named.b.arguments)
        assert split(turns, Random(seed))
        found.add(" | ".join(shown(turns)))
        assert not split(turns, Random(seed))
    assert found == possible


# ── leaving out ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("needed", "counts"),
    [
        pytest.param({"/to"}, {1}, id="the one that is needed"),
        pytest.param({"/to", "/subject"}, {1, 2}, id="one or both"),
        pytest.param({"/to", "/subject", "/body"}, {1, 2}, id="never more than two"),
    ],
)
def test_one_or_two_needed_facts_are_left_out(needed, counts):
    found = set()
    for seed in SEEDS:
        call = Call("send", (user("to"), user("subject"), user("body"), user("cc")), 0)
        leave_out(call, needed, Random(seed))
        out = {argument.argument for argument in call.arguments if argument.withheld}
        assert out <= needed
        found.add(len(out))
        assert [argument.argument for argument in call.arguments] == ["/to", "/subject", "/body", "/cc"]
    assert found == counts


# ── going wrong ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("turns", "which", "recovery", "after"),
    [
        pytest.param(["a b"], "a", "retry", ["request: a!* a b"], id="retry, and on with the next"),
        pytest.param(["a b"], "b", "retry", ["request: a b!* b"], id="retry of the last"),
        pytest.param(["a b", "c"], "a", "remedy", ["request: a!*", "remedy: a b", "request: c"], id="remedy, and on"),
        pytest.param(["a", "b"], "b", "remedy", ["request: a", "request: b!*", "remedy: b"], id="remedy of the last"),
        pytest.param(["a b"], "b", "dropped", ["request: a b!*", "dropped: "], id="given up"),
        pytest.param(["a +b +c d"], "a", "retry", ["request: a!* +b +c a d"], id="the first of a group"),
        pytest.param(["a +b +c d"], "b", "retry", ["request: a +b!* +c b d"], id="the middle of a group"),
        pytest.param(["a +b +c d"], "c", "retry", ["request: a +b +c!* c d"], id="the last of a group"),
        pytest.param(["a +b c"], "b", "remedy", ["request: a +b!*", "remedy: b c"], id="remedy in a group"),
        pytest.param(["a +b", "c"], "a", "remedy", ["request: a!* +b", "remedy: a", "request: c"], id="beside, before"),
        pytest.param(["a +b"], "b", "dropped", ["request: a +b!*", "dropped: "], id="given up in a group"),
        pytest.param(["a b +c"], "a", "remedy", ["request: a!*", "remedy: a b +c"], id="a later group waits"),
    ],
)  # fmt: skip
def test_a_call_fails_and_is_made_good_or_given_up(turns, which, recovery, after):
    every, named = laid(*turns)
    call = getattr(named, which)
    go_wrong(every, call, "timeout", recovery, (user("q", "wrong"),))
    assert shown(every) == after
    (failing,) = [one for turn in every for one in turn.calls if one.fault]
    assert (failing.fault, failing.place) == ("timeout", None)
    assert [argument.value for argument in failing.arguments] == ["wrong"]
    bound = [turn for turn in every if turn.kind != "request"]
    assert [turn.about for turn in bound] == ([] if recovery == "retry" else [failing])


def test_what_was_left_out_is_known_when_a_call_is_made_again():
    every, named = laid("a")
    named.a.arguments = (user("q", "right", withheld=True),)
    go_wrong(every, named.a, "rate_limit", "retry", named.a.arguments)
    first, again = every[0].calls
    assert first.arguments[0].withheld
    assert not again.arguments[0].withheld


@pytest.mark.parametrize(
    ("turns", "which", "fault", "after"),
    [
        pytest.param(["a"], "a", "permission_denied", ["request: z!* a"], id="alone"),
        pytest.param(["a b c", "d"], "b", "empty_result", ["request: a z!* b c", "request: d"], id="in between"),
        pytest.param(["a b"], "b", "timeout", ["request: a z!* z!* b"], id="one timeout is followed by another"),
    ],
)
def test_another_tool_is_tried_first_in_the_same_turn(turns, which, fault, after):
    every, named = laid(*turns)
    call = getattr(named, which)
    kept = call.arguments = (user("q", "right", withheld=True),)
    try_another(every, call, "z", fault, (user("query", "right"),))
    assert shown(every) == after
    failing = [one for turn in every for one in turn.calls if one.fault]
    assert {(one.fault, one.another, one.place, one.arguments) for one in failing} == {
        (fault, which, None, (user("query", "right"),))
    }
    assert (call.another, call.arguments) == ("", kept)
    steps, _ = numbered(every)
    assert [step.another for step in steps if step.fault] == [which] * len(failing)


@pytest.mark.parametrize(
    ("recovery", "fault"),
    [("retry", "timeout"), ("remedy", "conflict"), ("dropped", "not_found"), ("another", "timeout"),
     ("another", "permission_denied")],
)  # fmt: skip
def test_a_plan_tells_how_it_recovers(recovery, fault):
    every, named = laid("a b", "c")
    if recovery == "another":
        try_another(every, named.b, "z", fault, named.b.arguments)
    else:
        go_wrong(every, named.c, fault, recovery, named.c.arguments)
    steps, turns = numbered(every)
    assert list(recoveries(SimpleNamespace(steps=steps, turns=turns))) == [recovery]  # type: ignore[arg-type]
    laid_well, _ = laid("a b", "c")
    steps, turns = numbered(laid_well)
    assert list(recoveries(SimpleNamespace(steps=steps, turns=turns))) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("turns", "which", "after"),
    [
        pytest.param(["a"], "a", ["request: a*", "correction: a"], id="alone"),
        pytest.param(["a b", "c"], "a", ["request: a*", "correction: a b", "request: c"], id="the rest waits"),
        pytest.param(["a b", "c"], "b", ["request: a b*", "correction: b", "request: c"], id="what was before is done"),
    ],
)
def test_a_call_that_was_meant_otherwise_is_made_twice(turns, which, after):
    every, named = laid(*turns)
    call = getattr(named, which)
    call.arguments = (user("q", "right", withheld=True),)
    mean_otherwise(every, call, (user("q", "wrong", withheld=True),))
    assert shown(every) == after
    at = next(index for index, turn in enumerate(every) if turn.kind == "correction")
    about, before = every[at].about, every[at - 1].calls
    assert about is before[-1]
    assert [argument.value for one in (before[-1], call) for argument in one.arguments] == ["wrong", "right"]
    assert not call.arguments[0].withheld


# ── talk ──────────────────────────────────────────────────────────────────────────────────────


def places(turns: list[Turn], kind: str, about: Call | None = None) -> set[int]:
    found = set()
    for seed in SEEDS:
        copy = list(turns)
        talk(copy, kind, about, Random(seed))  # type: ignore[arg-type]
        (new,) = [turn for turn in copy if turn not in turns]
        assert (new.kind, new.calls, new.about) == (kind, [], about)
        assert [turn for turn in copy if turn is not new] == turns
        found.add(copy.index(new))
    return found


def test_small_talk_comes_anywhere_but_first():
    turns, _ = laid("a", "b", "c")
    assert places(turns, "small_talk") == {1, 2, 3}


def test_small_talk_comes_before_the_farewell():
    turns, _ = laid("a", "b")
    assert places([*turns, Turn("thanks")], "small_talk") == {1}


def test_with_one_request_and_a_farewell_talk_comes_between():
    turns, _ = laid("a")
    assert places([*turns, Turn("thanks")], "small_talk") == {1}


@pytest.mark.parametrize("kind", ["remedy", "dropped", "correction", "unlocked"])
def test_what_belongs_together_is_not_interrupted(kind):
    turns, named = laid("a", "b", "c")
    turns[1].kind = kind
    assert places(turns, "small_talk") == {2, 3}
    assert places(turns, "recall", named.a) == {2, 3}


def test_nothing_comes_between_a_listing_and_its_next_page():
    turns, named = laid("a", "b", "c")
    named.b.arguments = (from_result(0, "page_token"),)
    assert places(turns, "small_talk") == {2, 3}
    assert places(turns, "recall", named.a) == {2, 3}


def test_a_late_recall_comes_after_another_turn_as_well():
    turns, named = laid("a", "b", "c", "d")
    found = set()
    for seed in SEEDS:
        copy = list(turns)
        talk(copy, "recall", named.a, Random(seed), after=named.c)
        found.add(next(place for place, turn in enumerate(copy) if turn.kind == "recall"))
    assert found == {3, 4}


def test_a_recall_comes_after_the_turn_that_it_asks_about():
    turns, named = laid("a", "b", "c")
    assert places(turns, "recall", named.a) == {1, 2, 3}
    assert places(turns, "recall", named.b) == {2, 3}
    assert places(turns, "recall", named.c) == {3}
    assert places([*turns, Turn("thanks")], "recall", named.b) == {2}
    assert places([*turns, Turn("thanks")], "recall", named.c) == {3}


# ── numbering ─────────────────────────────────────────────────────────────────────────────────


def test_steps_are_numbered_as_they_are_called_and_places_of_the_chain_become_numbers():
    every, named = laid("a b", "c")
    named.b.arguments = (from_result(0),)
    named.c.arguments = (from_result(1), user("q"))
    go_wrong(every, named.a, "rate_limit", "remedy", named.a.arguments)
    talk(every, "recall", named.a, Random(3))
    steps, turns = numbered(every)
    assert [(step.tool, step.fault) for step in steps] == [("a", "rate_limit"), ("a", None), ("b", None), ("c", None)]
    assert [step.turn for step in steps] == [
        number for number, turn in enumerate(turns) for _ in range({"request": 1, "remedy": 2}.get(turn.kind, 0))
    ]
    assert [argument.step for step in steps for argument in step.arguments] == [None, None, 1, 2, None]
    assert {turn.kind: turn.step for turn in turns} == {"request": None, "remedy": 0, "recall": 1}


def test_a_call_of_a_group_that_is_made_again_keeps_what_later_calls_take_from_it():
    every, named = laid("a +b c")
    named.c.arguments = (from_result(0), from_result(1))
    go_wrong(every, named.a, "timeout", "retry", named.a.arguments)
    steps, _ = numbered(every)
    assert [(step.tool, step.together) for step in steps] == [("a", False), ("b", True), ("a", False), ("c", False)]
    assert [argument.step for argument in steps[-1].arguments] == [2, 1]


def test_what_is_wanted_in_vain_is_a_step_of_no_call():
    wanted = Call("b", (from_result(0),), 1)
    every, _ = laid("a")
    every += [Turn("unsuitable", wanted=wanted), Turn("unlocked", [wanted], wanted)]
    steps, turns = numbered(every)
    assert [(step.tool, step.turn) for step in steps] == [("a", 0), ("b", 2)]
    assert turns[1].wanted is not None
    assert (turns[1].wanted.tool, turns[1].wanted.turn, turns[1].wanted.arguments[0].step) == ("b", 1, 0)
    assert (turns[2].wanted, turns[2].step) == (None, 1)
