"""Arranges the calls of a plan in user turns while the plan is laid out, and inserts failures, corrections and talk.

Here belong the operations on unfinished turns (`DraftTurn`): dividing calls among them, a call that fails before it
succeeds, one that was meant otherwise, a turn of small talk. Which of them a conversation gets is decided in
`plans`.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from msgspec.structs import replace

from funcdex_assets.language.request_phrases import is_next_page_argument
from funcdex_assets.records.labels import Clarity, Fault, TurnKind
from funcdex_assets.records.plan import ConversationPlan, PlannedArgument, PlannedStep, PlannedTurn

Recovery = Literal["retry", "another", "remedy", "dropped"]
Arguments = tuple[PlannedArgument, ...]
_ITEM = re.compile(r"/\d+(?=/|$)")  # the index of an item in the path of a result
_KINDS_BOUND_TO_TURN_BEFORE = frozenset(("remedy", "dropped", "correction", "unlocked"))


@dataclass(eq=False)
class DraftCall:
    """A step of a plan that is not finished yet. `chain_index` is its step of the chain, by which later arguments refer
    to it; a call that fails, or that was meant otherwise, has none. `substitute_tool` is the tool that serves as
    well and is called after this one fails. `together`: made at once with the call before, in one message.
    """

    tool: str
    arguments: Arguments
    chain_index: int | None
    together: bool = False
    fault: Fault | None = None
    substitute_tool: str = ""
    goal: int = 0

    @property
    def is_page_request(self) -> bool:
        """Says whether the call asks for the next page of a listing."""
        return any(map(is_next_page_argument, self.arguments))

    @property
    def user_arguments(self) -> list[PlannedArgument]:
        """The arguments of the call that the user says."""
        return [argument for argument in self.arguments if argument.source == "user"]


@dataclass(eq=False)
class DraftTurn:
    """A user turn that is not finished yet: the calls that the user asks for in it, `about_call` that it refers back
    to, and `wanted_call` that the user asks for in vain, because no tool on offer can make it.
    """

    kind: TurnKind
    calls: list[DraftCall] = field(default_factory=list)
    about_call: DraftCall | None = None
    wanted_call: DraftCall | None = None

    @property
    def has_withheld_facts(self) -> bool:
        """Says whether the user leaves something out in this turn that the assistant has to ask for."""
        return any(argument.withheld for call in self.calls for argument in call.arguments)


def group_calls_into_turns(calls: Sequence[DraftCall], clarity: Clarity, rng: Random) -> list[DraftTurn]:
    """Divides the calls among request turns, one to three groups of simultaneous calls in each, all of one goal: a
    clear user asks for much at once, others little by little.
    """
    groups = list(_group_simultaneous_calls(calls))
    share = {"excellent": 0.3, "good": 0.6, "average": 0.6}[clarity]
    turns = [DraftTurn("request", list(groups[0]))]
    run = 0
    for group in groups[1:]:
        if (
            group[0].is_page_request
            or group[0].goal != turns[-1].calls[-1].goal
            or run >= 2
            or rng.random() < share
            or (len(groups) > 3 and run >= 1 and rng.random() < 0.4)
        ):
            turns.append(DraftTurn("request", list(group)))
            run = 0
        else:
            turns[-1].calls += group
            run += 1
    return turns


def split_turn(turns: list[DraftTurn], rng: Random) -> bool:
    """Divides a turn that asks for several things in two, in place; returns False if no turn can be divided. A call
    that fails and is made again at once stays in one turn with its repetition.
    """
    split_points_by_turn = {
        turn: split_points for turn in turns if turn.kind == "request" and (split_points := _find_split_points(turn))
    }
    if not split_points_by_turn:
        return False
    turn = rng.choice(list(split_points_by_turn))
    groups = list(_group_simultaneous_calls(turn.calls))
    split_point = rng.choice(split_points_by_turn[turn])
    later = [call for group in groups[split_point:] for call in group]
    turn.calls = [call for group in groups[:split_point] for call in group]
    turns.insert(turns.index(turn) + 1, DraftTurn("request", later))
    return True


def _find_split_points(turn: DraftTurn) -> list[int]:
    """Returns the indices of the groups of simultaneous calls before which a turn can be divided."""
    groups = list(_group_simultaneous_calls(turn.calls))
    return [
        group_index for group_index in range(1, len(groups)) if not any(call.fault for call in groups[group_index - 1])
    ]


def _group_simultaneous_calls(calls: Sequence[DraftCall]) -> Iterator[list[DraftCall]]:
    """Yields the calls in groups of those that are made at once; a call alone is a group of one."""
    group: list[DraftCall] = []
    for call in calls:
        if group and not call.together:
            yield group
            group = []
        group.append(call)
    if group:
        yield group


def withhold_facts(call: DraftCall, needed: Collection[str], rng: Random) -> None:
    """Marks one or two of the `needed` facts (argument pointers) as withheld: the user says them only when asked."""
    needed_indices = [index for index, argument in enumerate(call.arguments) if argument.argument in needed]
    withheld_indices = set(rng.sample(needed_indices, rng.randint(1, min(2, len(needed_indices)))))
    call.arguments = tuple(
        replace(argument, withheld=True) if index in withheld_indices else argument
        for index, argument in enumerate(call.arguments)
    )


def say_withheld_facts(call: DraftCall) -> None:
    """Lets the user say at once what was withheld of a call."""
    call.arguments = tuple(replace(argument, withheld=False) for argument in call.arguments)


def postpone_incomplete_calls(turn: DraftTurn) -> None:
    """Puts the calls for which something is withheld, and those that depend on them, after the others of the turn: what
    can be done is done before the assistant asks. A postponed call is made by itself.
    """
    postponed: list[DraftCall] = []
    for call in turn.calls:
        awaited = {earlier.chain_index for earlier in postponed if earlier.chain_index is not None}
        if any(argument.withheld or argument.step in awaited for argument in call.arguments):
            postponed.append(call)
    ready = [call for call in turn.calls if call not in postponed]
    if not postponed or not ready or turn.calls == [*ready, *postponed]:
        return
    for previous, call in zip([None, *turn.calls], turn.calls, strict=False):
        if call.together and (previous in postponed) != (call in postponed):
            call.together = False
    turn.calls = [*ready, *postponed]


def insert_failure(
    turns: list[DraftTurn], call: DraftCall, fault: Fault, recovery: Recovery, arguments: Arguments
) -> None:
    """Lets the call fail with these arguments first. Then it is made again at once ("retry"), or once the user has made
    good what was wrong ("remedy"), or is given up ("dropped"). Calls that are made at once with it are made whatever
    becomes of it.
    """
    turn = find_turn_of_call(turns, call)
    call_index = turn.calls.index(call)
    failing = DraftCall(call.tool, arguments, None, call.together, fault, goal=call.goal)
    calls_before, calls_after = turn.calls[:call_index], turn.calls[call_index + 1 :]
    simultaneous = [
        later
        for index, later in enumerate(calls_after)
        if all(between.together for between in calls_after[: index + 1])
    ]
    calls_after = calls_after[len(simultaneous) :]
    turn.calls = [*calls_before, failing, *simultaneous]
    if recovery == "dropped":
        turn.calls += calls_after
        turns.insert(turns.index(turn) + 1, DraftTurn("dropped", about_call=failing))
        return
    call.together = False
    say_withheld_facts(call)
    if recovery == "retry":
        turn.calls += [call, *calls_after]
    else:
        turns.insert(turns.index(turn) + 1, DraftTurn("remedy", [call, *calls_after], failing))


def insert_failing_equivalent(
    turns: list[DraftTurn], call: DraftCall, tool: str, fault: Fault, arguments: Arguments
) -> None:
    """Inserts, before the call, a call of an equivalent tool that fails for good; a timeout counts as lasting only when
    it comes twice. Then the call itself is made, in the same turn: it is what the user asks for.
    """
    calls = find_turn_of_call(turns, call).calls
    call_index = calls.index(call)
    calls[call_index:call_index] = [
        DraftCall(tool, arguments, None, fault=fault, substitute_tool=call.tool, goal=call.goal)
        for _ in range(2 if fault == "timeout" else 1)
    ]


def insert_correction(turns: list[DraftTurn], call: DraftCall, arguments: Arguments) -> None:
    """Lets the call be made with these mistaken arguments first; in the next turn the user says what was meant, and it
    is made again.
    """
    turn = find_turn_of_call(turns, call)
    call_index = turn.calls.index(call)
    mistaken = DraftCall(call.tool, arguments, None, goal=call.goal)
    remaining = turn.calls[call_index:]
    turn.calls[call_index:] = [mistaken]
    say_withheld_facts(call)
    turns.insert(turns.index(turn) + 1, DraftTurn("correction", remaining, mistaken))


def insert_talk(
    turns: list[DraftTurn],
    kind: TurnKind,
    about_call: DraftCall | None,
    rng: Random,
    after_call: DraftCall | None = None,
) -> None:
    """Inserts a turn without calls at a random place: after the turn of the call whose result it asks about and after
    that of `after_call`, and not between turns that belong together.
    """
    earliest = max([1, *(turns.index(find_turn_of_call(turns, call)) + 1 for call in (about_call, after_call) if call)])
    positions = [
        position
        for position in range(earliest, len(turns) + 1)
        if position == len(turns) or not _is_bound_to_turn_before(turns[position])
    ]
    if positions and turns[-1].kind == "thanks":
        positions = [position for position in positions if position < len(turns)] or [len(turns) - 1]
    turns.insert(rng.choice(positions), DraftTurn(kind, about_call=about_call))


def _is_bound_to_turn_before(turn: DraftTurn) -> bool:
    """Says whether nothing may come between a turn and the one before: a remedy follows its failure at once, a next
    page its listing. Thanks are bound, too: nothing is inserted before them.
    """
    follows = turn.kind in _KINDS_BOUND_TO_TURN_BEFORE or any(call.is_page_request for call in turn.calls[:1])
    return follows or turn.kind == "thanks"


def find_turn_of_call(turns: Sequence[DraftTurn], call: DraftCall) -> DraftTurn:
    """Returns the turn in which a call is made."""
    return next(turn for turn in turns if call in turn.calls)


def take_first_of_unseen(turns: Sequence[DraftTurn]) -> None:
    """Lets what is taken from a listing of the same turn be taken from its first item: nobody can mean the second of a
    list that was not shown yet. All calls that take an item of that list then take the same.
    """
    calls = [call for turn in turns for call in turn.calls]
    turn_by_step = {
        call.chain_index: index
        for index, turn in enumerate(turns)
        for call in turn.calls
        if call.chain_index is not None
    }
    fanned_out = {
        (argument.step, _ITEM.split(argument.result or "")[0])
        for call in calls
        if call.together
        for argument in call.arguments
    }
    unseen = {
        (argument.step, _ITEM.split(argument.result)[0])
        for index, turn in enumerate(turns)
        for call in turn.calls
        for argument in call.arguments
        if argument.step is not None and argument.result and turn_by_step.get(argument.step) == index
    } - fanned_out
    for call in calls:
        call.arguments = tuple(
            replace(argument, result=_ITEM.sub("/*", argument.result, count=1))
            if argument.result and (argument.step, _ITEM.split(argument.result)[0]) in unseen
            else argument
            for argument in call.arguments
        )


def list_simultaneous_calls(turns: Sequence[DraftTurn], call: DraftCall) -> list[DraftCall]:
    """Returns the other calls that are made at once with a call."""
    groups = _group_simultaneous_calls(find_turn_of_call(turns, call).calls)
    return [other for group in groups if call in group for other in group if other is not call]


def list_recoveries(plan: ConversationPlan) -> Iterator[Recovery]:
    """Yields, for each failure of a plan, how the plan goes on after it. Calls of an equivalent tool that fail one
    after the other count as one failure.
    """
    remedied_steps, dropped_steps = (
        {turn.step for turn in plan.turns if turn.kind == kind} for kind in ("remedy", "dropped")
    )
    for step_index, step in enumerate(plan.steps):
        if step.another:
            if plan.steps[step_index + 1].tool != step.tool:
                yield "another"
        elif step.fault:
            yield "remedy" if step_index in remedied_steps else "dropped" if step_index in dropped_steps else "retry"


def number_steps(turns: Sequence[DraftTurn]) -> tuple[tuple[PlannedStep, ...], tuple[PlannedTurn, ...]]:
    """Finishes steps and turns: steps are numbered in the order of the calls, and the indices of the chain's steps, to
    which arguments refer, become those numbers.
    """
    numbered_calls = [(number, call) for number, turn in enumerate(turns) for call in turn.calls]
    step_by_call = {call: index for index, (_, call) in enumerate(numbered_calls)}
    step_by_chain_index = {
        call.chain_index: index for index, (_, call) in enumerate(numbered_calls) if call.chain_index is not None
    }

    def finish_step(call: DraftCall, turn_index: int) -> PlannedStep:
        arguments = tuple(
            replace(argument, step=step_by_chain_index[argument.step]) if argument.step is not None else argument
            for argument in call.arguments
        )
        return PlannedStep(
            tool=call.tool,
            turn=turn_index,
            arguments=arguments,
            together=call.together,
            fault=call.fault,
            another=call.substitute_tool,
            goal=call.goal,
        )

    return tuple(finish_step(call, turn_index) for turn_index, call in numbered_calls), tuple(
        PlannedTurn(
            kind=turn.kind,
            step=step_by_call[turn.about_call] if turn.about_call else None,
            wanted=finish_step(turn.wanted_call, number) if turn.wanted_call else None,
        )
        for number, turn in enumerate(turns)
    )
