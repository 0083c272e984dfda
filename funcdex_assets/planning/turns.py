"""The turns of a plan while it is laid: which calls the user asks for when, and what comes in between.

Here belong the moves on unfinished turns: dividing calls among them, a call that goes wrong before it goes right, one
that was meant otherwise, and talk. Which of them a conversation gets is decided in `planning.py`.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from msgspec.structs import replace

from funcdex_assets.language.request_phrases import is_next_page
from funcdex_assets.records.labels import Clarity, Fault, TurnKind
from funcdex_assets.records.plan import ConversationPlan, PlannedArgument, PlannedStep, PlannedTurn

Recovery = Literal["retry", "another", "remedy", "dropped"]
Arguments = tuple[PlannedArgument, ...]
_BOUND_TO_THE_TURN_BEFORE = frozenset(("remedy", "dropped", "correction", "unlocked"))


@dataclass(eq=False)
class Call:
    """A step to be. `place` is its step of the chain, by which later arguments refer to it; a call that goes wrong, or
    that was meant otherwise, has none. `another` is the tool that makes good what goes wrong.
    """

    tool: str
    arguments: Arguments
    place: int | None
    together: bool = False
    fault: Fault | None = None
    another: str = ""
    goal: int = 0

    @property
    def is_page(self) -> bool:
        return any(map(is_next_page, self.arguments))

    @property
    def told(self) -> list[PlannedArgument]:
        return [argument for argument in self.arguments if argument.source == "user"]


@dataclass(eq=False)
class Turn:
    kind: TurnKind
    calls: list[Call] = field(default_factory=list)
    about: Call | None = None
    wanted: Call | None = None


def requests(calls: Sequence[Call], clarity: Clarity, rng: Random) -> list[Turn]:
    """The calls in turns of one to three groups, each turn for one goal: a clear user asks for much at once, others
    little by little.
    """
    groups = list(_groups(calls))
    share = {"excellent": 0.3, "good": 0.6, "average": 0.6}[clarity]
    turns = [Turn("request", list(groups[0]))]
    run = 0
    for group in groups[1:]:
        if (
            group[0].is_page
            or group[0].goal != turns[-1].calls[-1].goal
            or run >= 2
            or rng.random() < share
            or (len(groups) > 3 and run >= 1 and rng.random() < 0.4)
        ):
            turns.append(Turn("request", list(group)))
            run = 0
        else:
            turns[-1].calls += group
            run += 1
    return turns


def split(turns: list[Turn], rng: Random) -> bool:
    """Divides a turn that asks for several things; False where none does. A call that fails and is made again at once
    stays in one turn with the other.
    """
    several = {turn: places for turn in turns if turn.kind == "request" and (places := _seams(turn))}
    if not several:
        return False
    turn = rng.choice(list(several))
    groups = list(_groups(turn.calls))
    at = rng.choice(several[turn])
    later = [call for group in groups[at:] for call in group]
    turn.calls = [call for group in groups[:at] for call in group]
    turns.insert(turns.index(turn) + 1, Turn("request", later))
    return True


def _seams(turn: Turn) -> list[int]:
    """Before which of its groups a turn can be divided."""
    groups = list(_groups(turn.calls))
    return [at for at in range(1, len(groups)) if not any(call.fault for call in groups[at - 1])]


def _groups(calls: Sequence[Call]) -> Iterator[list[Call]]:
    group: list[Call] = []
    for call in calls:
        if group and not call.together:
            yield group
            group = []
        group.append(call)
    if group:
        yield group


def leave_out(call: Call, needed: Collection[str], rng: Random) -> None:
    """Marks one or two of the `needed` facts, which the user then says only when asked."""
    facts = [index for index, argument in enumerate(call.arguments) if argument.argument in needed]
    out = set(rng.sample(facts, rng.randint(1, min(2, len(facts)))))
    call.arguments = tuple(
        replace(argument, withheld=True) if index in out else argument for index, argument in enumerate(call.arguments)
    )


def go_wrong(turns: list[Turn], call: Call, fault: Fault, recovery: Recovery, arguments: Arguments) -> None:
    """The call fails with these arguments first; then it is made again at once, or once the user has made good what was
    wrong, or is given up. Calls of the same message are made whatever becomes of it.
    """
    turn = turn_of(turns, call)
    at = turn.calls.index(call)
    failing = Call(call.tool, arguments, None, call.together, fault, goal=call.goal)
    before, after = turn.calls[:at], turn.calls[at + 1 :]
    beside = [other for index, other in enumerate(after) if all(one.together for one in after[: index + 1])]
    after = after[len(beside) :]
    turn.calls = [*before, failing, *beside]
    if recovery == "dropped":
        turn.calls += after
        turns.insert(turns.index(turn) + 1, Turn("dropped", about=failing))
        return
    call.together = False
    call.arguments = tuple(replace(argument, withheld=False) for argument in call.arguments)
    if recovery == "retry":
        turn.calls += [call, *after]
    else:
        turns.insert(turns.index(turn) + 1, Turn("remedy", [call, *after], failing))


def try_another(turns: list[Turn], call: Call, tool: str, fault: Fault, arguments: Arguments) -> None:
    """Another tool is called with these arguments first, which fails for good; a timeout shows only when it comes
    again. Then the call is made, in the same turn: it is what the user asks for.
    """
    calls = turn_of(turns, call).calls
    at = calls.index(call)
    calls[at:at] = [
        Call(tool, arguments, None, fault=fault, another=call.tool, goal=call.goal)
        for _ in range(2 if fault == "timeout" else 1)
    ]


def mean_otherwise(turns: list[Turn], call: Call, arguments: Arguments) -> None:
    """The call is made with these arguments first; then the user says what was meant."""
    turn = turn_of(turns, call)
    at = turn.calls.index(call)
    first = Call(call.tool, arguments, None, goal=call.goal)
    later = turn.calls[at:]
    turn.calls[at:] = [first]
    call.arguments = tuple(replace(argument, withheld=False) for argument in call.arguments)
    turns.insert(turns.index(turn) + 1, Turn("correction", later, first))


def talk(turns: list[Turn], kind: TurnKind, about: Call | None, rng: Random, after: Call | None = None) -> None:
    """Puts in a turn without calls: after the one whose result it asks about, and that of another call, and not where
    two belong together.
    """
    first = max([1, *(turns.index(turn_of(turns, call)) + 1 for call in (about, after) if call)])
    places = [place for place in range(first, len(turns) + 1) if place == len(turns) or not _is_bound(turns[place])]
    if places and turns[-1].kind == "thanks":
        places = [place for place in places if place < len(turns)] or [len(turns) - 1]
    turns.insert(rng.choice(places), Turn(kind, about=about))


def _is_bound(turn: Turn) -> bool:
    """Whether nothing comes between a turn and the one before; what comes last has nothing before it either."""
    follows = turn.kind in _BOUND_TO_THE_TURN_BEFORE or any(call.is_page for call in turn.calls[:1])
    return follows or turn.kind == "thanks"


def turn_of(turns: Sequence[Turn], call: Call) -> Turn:
    return next(turn for turn in turns if call in turn.calls)


def recoveries(plan: ConversationPlan) -> Iterator[Recovery]:
    """How each thing that goes wrong goes on; calls of another tool that fail one after the other are one."""
    remedied, dropped = ({turn.step for turn in plan.turns if turn.kind == kind} for kind in ("remedy", "dropped"))
    for place, step in enumerate(plan.steps):
        if step.another:
            if plan.steps[place + 1].tool != step.tool:
                yield "another"
        elif step.fault:
            yield "remedy" if place in remedied else "dropped" if place in dropped else "retry"


def numbered(turns: Sequence[Turn]) -> tuple[tuple[PlannedStep, ...], tuple[PlannedTurn, ...]]:
    """The finished steps and turns: steps numbered in the order of the calls, places of the chain become numbers."""
    calls = [(number, call) for number, turn in enumerate(turns) for call in turn.calls]
    numbers = {call: index for index, (_, call) in enumerate(calls)}
    steps = {call.place: index for index, (_, call) in enumerate(calls) if call.place is not None}

    def step(call: Call, turn: int) -> PlannedStep:
        arguments = tuple(
            replace(argument, step=steps[argument.step]) if argument.step is not None else argument
            for argument in call.arguments
        )
        return PlannedStep(
            tool=call.tool,
            turn=turn,
            arguments=arguments,
            together=call.together,
            fault=call.fault,
            another=call.another,
            goal=call.goal,
        )

    return tuple(step(call, turn) for turn, call in calls), tuple(
        PlannedTurn(
            kind=turn.kind,
            step=numbers[turn.about] if turn.about else None,
            wanted=step(turn.wanted, number) if turn.wanted else None,
        )
        for number, turn in enumerate(turns)
    )
