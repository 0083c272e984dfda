"""Moves on turns that are being laid, one small case each.

A call is written by its name: `a` to `z`, with `+` where it is made at once with the one before, `!` where it fails and
`*` where it has no place in the chain (`a!*`). Turns are written as people would list them: `request: a b`.
"""

from random import Random
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from funcdex_assets.planning.turns import (
    DraftCall,
    DraftTurn,
    group_calls_into_turns,
    insert_correction,
    insert_failing_equivalent,
    insert_failure,
    insert_talk,
    list_recoveries,
    number_steps,
    postpone_incomplete_calls,
    split_turn,
    take_first_of_unseen,
    withhold_facts,
)
from funcdex_assets.records.plan import PlannedArgument

SEEDS = range(40)


def user(name: str, value: object = "x", withheld: bool = False) -> PlannedArgument:
    return PlannedArgument(argument=f"/{name}", source="user", value=value, surface=str(value), withheld=withheld)


def from_result(step: int, name: str = "id") -> PlannedArgument:
    return PlannedArgument(argument=f"/{name}", source="result", step=step, result="/things/*/id")


def calls(text: str) -> list[DraftCall]:
    """`a b +c` are three calls, the last two at once."""
    return [
        DraftCall(word.lstrip("+"), (user("q", word),), place, word.startswith("+"))
        for place, word in enumerate(text.split())
    ]


def laid(*turns: str) -> tuple[list[DraftTurn], SimpleNamespace]:
    """Turns of requests, and their calls by name."""
    every = [DraftTurn("request", []) for _ in turns]
    found: dict[str, DraftCall] = {}
    for turn, text in zip(every, turns, strict=True):
        for call in calls(text):
            call.chain_index = len(found)
            found[call.tool] = call
            turn.calls.append(call)
    return every, SimpleNamespace(**found)


def shown(turns: list[DraftTurn]) -> list[str]:
    return [
        f"{turn.kind}: "
        + " ".join(
            f"{'+' * call.together}{call.tool}{'!' * bool(call.fault)}{'*' * (call.chain_index is None)}"
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
        turns = group_calls_into_turns(made, clarity, Random(seed))
        assert [call for turn in turns for call in turn.calls] == made
        assert {turn.kind for turn in turns} == {"request"}
        assert not any(turn.calls[0].together for turn in turns)
        assert all(1 <= sum(not call.together for call in turn.calls) <= 3 for turn in turns)


def test_a_clear_user_asks_for_more_at_once():
    def turns(clarity):
        return sum(len(group_calls_into_turns(calls("a b c"), clarity, Random(seed))) for seed in range(300)) / 300

    assert turns("excellent") + 0.3 < turns("good")
    assert abs(turns("good") - turns("average")) < 0.1


def test_a_turn_serves_one_goal():
    for seed in SEEDS:
        first, second, third, fourth = calls("a b c d")
        third.goal = fourth.goal = 1
        turns = group_calls_into_turns([first, second, third, fourth], "excellent", Random(seed))
        assert all(len({call.goal for call in turn.calls}) == 1 for turn in turns)


def test_a_call_that_goes_wrong_or_is_meant_otherwise_serves_the_goal_of_the_other():
    for move in (
        lambda turns, call: insert_failure(turns, call, "rate_limit", "retry", call.arguments),
        lambda turns, call: insert_correction(turns, call, (user("q", "y"),)),
    ):
        turns, named = laid("a", "b")
        named.b.goal = 1
        move(turns, named.b)
        steps, _ = number_steps(turns)
        assert [(step.tool, step.goal) for step in steps] == [("a", 0), ("b", 1), ("b", 1)]


def test_a_further_page_is_always_a_turn_of_its_own():
    for seed in SEEDS:
        first, page, after = calls("list list open")
        page.arguments = (from_result(0, "page_token"),)
        turns = group_calls_into_turns([first, page, after], "excellent", Random(seed))
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
        divided = split_turn(turns, Random(seed))
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
        insert_failure(turns, named.b, "rate_limit", recovery, named.b.arguments)
        assert split_turn(turns, Random(seed))
        found.add(" | ".join(shown(turns)))
        assert not split_turn(turns, Random(seed))
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
        call = DraftCall("send", (user("to"), user("subject"), user("body"), user("cc")), 0)
        withhold_facts(call, needed, Random(seed))
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
    insert_failure(every, call, "timeout", recovery, (user("q", "wrong"),))
    assert shown(every) == after
    (failing,) = [one for turn in every for one in turn.calls if one.fault]
    assert (failing.fault, failing.chain_index) == ("timeout", None)
    assert [argument.value for argument in failing.arguments] == ["wrong"]
    bound = [turn for turn in every if turn.kind != "request"]
    assert [turn.about_call for turn in bound] == ([] if recovery == "retry" else [failing])


def test_what_was_left_out_is_known_when_a_call_is_made_again():
    every, named = laid("a")
    named.a.arguments = (user("q", "right", withheld=True),)
    insert_failure(every, named.a, "rate_limit", "retry", named.a.arguments)
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
    insert_failing_equivalent(every, call, "z", fault, (user("query", "right"),))
    assert shown(every) == after
    failing = [one for turn in every for one in turn.calls if one.fault]
    assert {(one.fault, one.substitute_tool, one.chain_index, one.arguments) for one in failing} == {
        (fault, which, None, (user("query", "right"),))
    }
    assert (call.substitute_tool, call.arguments) == ("", kept)
    steps, _ = number_steps(every)
    assert [step.another for step in steps if step.fault] == [which] * len(failing)


@pytest.mark.parametrize(
    ("recovery", "fault"),
    [("retry", "timeout"), ("remedy", "conflict"), ("dropped", "not_found"), ("another", "timeout"),
     ("another", "permission_denied")],
)  # fmt: skip
def test_a_plan_tells_how_it_recovers(recovery, fault):
    every, named = laid("a b", "c")
    if recovery == "another":
        insert_failing_equivalent(every, named.b, "z", fault, named.b.arguments)
    else:
        insert_failure(every, named.c, fault, recovery, named.c.arguments)
    steps, turns = number_steps(every)
    assert list(list_recoveries(SimpleNamespace(steps=steps, turns=turns))) == [recovery]  # type: ignore[arg-type]
    laid_well, _ = laid("a b", "c")
    steps, turns = number_steps(laid_well)
    assert list(list_recoveries(SimpleNamespace(steps=steps, turns=turns))) == []  # type: ignore[arg-type]


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
    insert_correction(every, call, (user("q", "wrong", withheld=True),))
    assert shown(every) == after
    at = next(index for index, turn in enumerate(every) if turn.kind == "correction")
    about, before = every[at].about_call, every[at - 1].calls
    assert about is before[-1]
    assert [argument.value for one in (before[-1], call) for argument in one.arguments] == ["wrong", "right"]
    assert not call.arguments[0].withheld


# ── talk ──────────────────────────────────────────────────────────────────────────────────────


def places(turns: list[DraftTurn], kind: str, about: DraftCall | None = None) -> set[int]:
    found = set()
    for seed in SEEDS:
        copy = list(turns)
        insert_talk(copy, kind, about, Random(seed))  # type: ignore[arg-type]
        (new,) = [turn for turn in copy if turn not in turns]
        assert (new.kind, new.calls, new.about_call) == (kind, [], about)
        assert [turn for turn in copy if turn is not new] == turns
        found.add(copy.index(new))
    return found


def test_small_talk_comes_anywhere_but_first():
    turns, _ = laid("a", "b", "c")
    assert places(turns, "small_talk") == {1, 2, 3}


def test_small_talk_comes_before_the_farewell():
    turns, _ = laid("a", "b")
    assert places([*turns, DraftTurn("thanks")], "small_talk") == {1}


def test_with_one_request_and_a_farewell_talk_comes_between():
    turns, _ = laid("a")
    assert places([*turns, DraftTurn("thanks")], "small_talk") == {1}


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
        insert_talk(copy, "recall", named.a, Random(seed), after_call=named.c)
        found.add(next(place for place, turn in enumerate(copy) if turn.kind == "recall"))
    assert found == {3, 4}


def test_a_recall_comes_after_the_turn_that_it_asks_about():
    turns, named = laid("a", "b", "c")
    assert places(turns, "recall", named.a) == {1, 2, 3}
    assert places(turns, "recall", named.b) == {2, 3}
    assert places(turns, "recall", named.c) == {3}
    assert places([*turns, DraftTurn("thanks")], "recall", named.b) == {2}
    assert places([*turns, DraftTurn("thanks")], "recall", named.c) == {3}


# ── numbering ─────────────────────────────────────────────────────────────────────────────────


def test_steps_are_numbered_as_they_are_called_and_places_of_the_chain_become_numbers():
    every, named = laid("a b", "c")
    named.b.arguments = (from_result(0),)
    named.c.arguments = (from_result(1), user("q"))
    insert_failure(every, named.a, "rate_limit", "remedy", named.a.arguments)
    insert_talk(every, "recall", named.a, Random(3))
    steps, turns = number_steps(every)
    assert [(step.tool, step.fault) for step in steps] == [("a", "rate_limit"), ("a", None), ("b", None), ("c", None)]
    assert [step.turn for step in steps] == [
        number for number, turn in enumerate(turns) for _ in range({"request": 1, "remedy": 2}.get(turn.kind, 0))
    ]
    assert [argument.step for step in steps for argument in step.arguments] == [None, None, 1, 2, None]
    assert {turn.kind: turn.step for turn in turns} == {"request": None, "remedy": 0, "recall": 1}


def test_a_call_of_a_group_that_is_made_again_keeps_what_later_calls_take_from_it():
    every, named = laid("a +b c")
    named.c.arguments = (from_result(0), from_result(1))
    insert_failure(every, named.a, "timeout", "retry", named.a.arguments)
    steps, _ = number_steps(every)
    assert [(step.tool, step.together) for step in steps] == [("a", False), ("b", True), ("a", False), ("c", False)]
    assert [argument.step for argument in steps[-1].arguments] == [2, 1]


def test_what_is_wanted_in_vain_is_a_step_of_no_call():
    wanted = DraftCall("b", (from_result(0),), 1)
    every, _ = laid("a")
    every += [DraftTurn("unsuitable", wanted_call=wanted), DraftTurn("unlocked", [wanted], wanted)]
    steps, turns = number_steps(every)
    assert [(step.tool, step.turn) for step in steps] == [("a", 0), ("b", 2)]
    assert turns[1].wanted is not None
    assert (turns[1].wanted.tool, turns[1].wanted.turn, turns[1].wanted.arguments[0].step) == ("b", 1, 0)
    assert (turns[2].wanted, turns[2].step) == (None, 1)


# ── what is left out, and what was not seen ───────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "incomplete", "depends", "expected"),
    [
        pytest.param("a b c", "a", "", "b c a", id="what lacks a fact comes last"),
        pytest.param("a b c", "a", "b", "c a b", id="with what depends on it"),
        pytest.param("a b c", "c", "", "a b c", id="it is last already"),
        pytest.param("a +b +c", "a", "", "b +c a", id="the others are still made at once"),
        pytest.param("a +b +c", "b", "", "a c b", id="it was made at once with others"),
        pytest.param("a", "a", "", "a", id="it is the only one"),
        pytest.param("a b", "", "", "a b", id="nothing is left out"),
    ],
)
def test_what_can_be_done_is_done_before_the_assistant_asks(text, incomplete, depends, expected):
    turns, by_name = laid(text)
    if incomplete:
        vars(by_name)[incomplete].arguments = (user("q", withheld=True),)
    if depends:
        vars(by_name)[depends].arguments = (from_result(vars(by_name)[incomplete].chain_index),)
    postpone_incomplete_calls(turns[0])
    placed = shown(turns)[0].removeprefix("request: ").split()
    if text.startswith("a +b") and incomplete == "b":  # `c` was made at once with `b`, not with `a`
        assert [call.lstrip("+") for call in placed] == expected.split()
    else:
        assert placed == expected.split()


@pytest.mark.parametrize(
    ("turn_texts", "expected"),
    [
        pytest.param(("a b",), "/things/*/id", id="asked for in one message with its list"),
        pytest.param(("a", "b"), "/things/2/id", id="of a list that was shown"),
    ],
)
def test_nobody_means_the_third_of_a_list_that_was_not_shown(turn_texts, expected):
    turns, by_name = laid(*turn_texts)
    by_name.b.arguments = (replace(from_result(0), result="/things/2/id"),)
    take_first_of_unseen(turns)
    assert by_name.b.arguments[0].result == expected


def test_a_later_call_takes_the_same_item_as_the_one_that_could_not_see_the_list():
    turns, by_name = laid("a b", "c")
    for call in (by_name.b, by_name.c):
        call.arguments = (replace(from_result(0), result="/things/1/id"),)
    take_first_of_unseen(turns)
    assert by_name.c.arguments[0].result == "/things/*/id"
