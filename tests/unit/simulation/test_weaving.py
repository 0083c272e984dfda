"""Dividing turns: what belongs together stays together."""

from random import Random

from funcdex_assets.simulation.weaving import Call, Turn, go_wrong, split


def divided(turn: Turn, seed: int) -> list[Turn]:
    """The turns once nothing can be divided any more."""
    turns, rng = [turn], Random(seed)
    while split(turns, rng):
        pass
    return turns


def test_a_turn_is_divided_between_groups_of_calls():
    calls = [Call("A", (), 0), Call("B", (), 1), Call("C", (), 2, together=True), Call("D", (), 3)]
    for seed in range(5):
        turns = divided(Turn("request", list(calls)), seed)
        assert [[call.tool for call in turn.calls] for turn in turns] == [["A"], ["B", "C"], ["D"]]


def test_a_call_that_fails_and_the_one_that_makes_it_good_are_one_request():
    for seed in range(5):
        turns = [Turn("request", [Call("A", (), 0), failing := Call("B", (), 1), Call("C", (), 2)])]
        go_wrong(turns, failing, "timeout", "retry", ())
        found = divided(turns[0], seed)
        assert [[(call.tool, call.fault) for call in turn.calls] for turn in found] == [
            [("A", None)],
            [("B", "timeout"), ("B", None)],
            [("C", None)],
        ]
