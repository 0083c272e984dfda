"""Conversations of several goals: long, with much on offer, and in need of what stands far back."""

import asyncio
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest
from offline import ENGINE, PARTITIONS, SETTINGS, Played, casts, is_accepted, played

from funcdex_assets.checks.findings import find_problems
from funcdex_assets.checks.user_behaviour import find_user_faults
from funcdex_assets.dialogue.dialogue_state import DialogueState, begins_another_goal, is_from_an_earlier_goal
from funcdex_assets.dialogue.item_choices import find_choices
from funcdex_assets.environment.call_intent import MAX_ITEMS
from funcdex_assets.environment.executor import MAX_ITEMS_BY_KIND
from funcdex_assets.language.lexicon import load_turn_moves
from funcdex_assets.language.request_phrases import is_sayable_value
from funcdex_assets.planning.plans import MIN_TURNS_OF_LONG_KINDS, build_plan
from funcdex_assets.records.message import Message
from funcdex_assets.records.plan import ConversationPlan, PlannedStep
from funcdex_assets.roles import conversation_writer, user_simulator
from funcdex_assets.roles.conversation_writer import WriterBrief
from funcdex_assets.strategies.outcome import build_case
from funcdex_assets.strategies.quotas import fill_quotas
from funcdex_assets.strategies.strategy import converse_all, select_strategy
from funcdex_assets.strategies.turn_loop import play_offline

every_partition = pytest.mark.parametrize("partition", PARTITIONS)
LONG_AGO = ("from the ", "from before", "from earlier", "we began with", "from our first", "from my first")


def long_ones(partition: str, count: int = 4) -> tuple[Played, ...]:
    return played(partition, count, kind="long_context")


@cache
def everyone() -> tuple[Played, ...]:
    return tuple(one for partition in PARTITIONS for one in long_ones(partition))


def is_late(plan: ConversationPlan, step: PlannedStep) -> bool:
    return any(is_from_an_earlier_goal(plan, argument.step, step.goal) for argument in step.arguments)


def late_recalls(plan: ConversationPlan) -> list[tuple[int, int]]:
    """(turn, step) of those that ask for a detail of an earlier goal than the one that is being worked on."""
    found = []
    for number, turn in enumerate(plan.turns):
        goal = max((step.goal for step in plan.steps if step.turn < number), default=0)
        if turn.kind == "recall" and is_from_an_earlier_goal(plan, turn.step, goal) and turn.step is not None:
            found.append((number, turn.step))
    return found


def users(messages: tuple[Message, ...]) -> list[str]:
    return [message.content or "" for message in messages if message.role == "user"]


def test_most_are_accepted_at_once():
    """They have many turns, and one fault is enough: those that the judge rejects are played again."""
    for one in everyone():
        assert find_user_faults(one.case, one.cast.plan) == ()
    assert sum(is_accepted(one) for one in everyone()) > 0.5 * len(everyone())


@every_partition
def test_ten_user_turns_or_more_and_each_serves_one_goal(partition):
    for one in long_ones(partition):
        plan = one.cast.plan
        assert len(plan.turns) >= MIN_TURNS_OF_LONG_KINDS["long_context"] == 10
        assert len(users(one.conversation.messages)) >= 10
        for number in range(len(plan.turns)):
            assert len({step.goal for step in plan.steps if step.turn == number}) <= 1
        assert [step.goal for step in plan.steps] == sorted(step.goal for step in plan.steps)


def test_late_in_each_something_from_its_beginning_is_needed():
    calls = 0
    for one in everyone():
        plan = one.cast.plan
        late = [step for step in plan.steps if is_late(plan, step)]
        assert late_recalls(plan)
        last = min(step.turn for step in plan.steps if step.goal == plan.steps[-1].goal)
        assert any(number > last for number, _ in late_recalls(plan))
        calls += bool(late)
    assert calls > 0.7 * len(everyone())


def test_between_stand_many_messages():
    distances = []
    for one in everyone():
        at = [index for index, message in enumerate(one.conversation.messages) for _ in message.tool_calls]
        for place, step in enumerate(one.cast.plan.steps):
            far = [a.step for a in step.arguments if is_from_an_earlier_goal(one.cast.plan, a.step, step.goal)]
            distances += [at[place] - at[source] for source in far if source is not None]
    assert sum(distances) / len(distances) > 25


def test_what_is_from_long_ago_is_said_to_be():
    for one in everyone():
        plan = one.cast.plan
        for step in plan.steps:
            names_it = any(a.source == "result" and is_sayable_value(a, "Roof") for a in step.arguments)
            if is_late(plan, step) and not step.fault and not names_it:
                said = " ".join(users(one.conversation.messages))
                taken = [a for a in step.arguments if is_from_an_earlier_goal(plan, a.step, step.goal)]
                results = [message.result.content for message in one.conversation.messages if message.result]
                titles = [
                    choice.title.lower()
                    for a in taken
                    for choice in find_choices(results[a.step or 0], a.result or "")
                    if choice.title
                ]
                is_named = any(title in said.lower() for title in titles)
                assert is_named or any(words in said for words in LONG_AGO), (one, step.tool)
        for number, _ in late_recalls(plan):
            leads = load_turn_moves("back_to_the_beginning", one.cast.situation.persona.register)
            assert any(text.startswith(tuple(leads)) for text in users(one.conversation.messages)), number


def test_users_turn_to_another_goal_in_so_many_words_and_never_in_the_same():
    for one in everyone():
        plan, said = one.cast.plan, users(one.conversation.messages)
        turns = [number for number in range(len(plan.turns)) if begins_another_goal(plan, number)]
        assert len(turns) == max(step.goal for step in plan.steps) >= 1
        leads = load_turn_moves("another_goal", one.cast.situation.persona.register)
        used = [next((lead for lead in leads if text.startswith(f"{lead} ")), None) for text in said]
        assert len([lead for lead in used if lead]) == len(turns)
        assert len({lead for lead in used if lead}) == len(turns)


def test_what_is_asked_again_still_holds():
    """Where there is a choice, nothing of its kind was changed or deleted."""
    changed = 0
    for one in everyone():
        acted = [step.tool for step in one.cast.plan.steps if step.tool.startswith(("UPDATE", "PATCH", "DELETE"))]
        nouns = {tool.rsplit("_", 1)[-1] for tool in acted}
        number, step = late_recalls(one.cast.plan)[-1]
        changed += one.cast.plan.steps[step].tool.rsplit("_", 1)[-1] in nouns
        assert number
    assert changed < 0.1 * len(everyone())


def test_many_tools_are_on_offer():
    for one in everyone():
        others = len(one.cast.tools) - len(one.cast.plan.tools)
        assert len(one.cast.plan.distractors) == min(20, others)
    given = everyone()[0].cast.given
    assert build_plan(replace(given, distractor_count=0)).distractors == ()
    assert len(build_plan(replace(given, distractor_count=2)).distractors) == len(build_plan(given).distractors)


def test_listings_are_large():
    def longest(one: Played) -> int:
        results = [message.result.content for message in one.conversation.messages if message.result]
        lists = [part for content in results if isinstance(content, dict) for part in content.values()]
        return max((len(part) for part in lists if isinstance(part, list)), default=0)

    sizes = [longest(one) for one in everyone()]
    assert max(sizes) == MAX_ITEMS_BY_KIND["long_context"]
    assert sum(size > MAX_ITEMS for size in sizes) > len(sizes) / 2
    assert max(longest(one) for one in played("gmail", 12)) <= MAX_ITEMS


def test_nothing_is_looked_up_or_made_again_just_as_for_an_earlier_goal():
    for one in everyone():
        plan = one.cast.plan
        meant_otherwise = {turn.step for turn in plan.turns if turn.kind == "correction"}
        unbound = [
            (step.tool, tuple((argument.argument, argument.value) for argument in step.arguments))
            for place, step in enumerate(plan.steps)
            if not step.fault and place not in meant_otherwise
            if not any(argument.source == "result" for argument in step.arguments)
        ]
        assert [call for call, count in Counter(map(str, unbound)).items() if count > 1] == []


def test_exactly_as_many_are_accepted_as_are_wanted():
    mixed = [*casts("jira", 8, kind="long_context"), *casts("jira", 3, 43, kind="multi_step")]
    by_plan = {one.plan.plan_id: one for one in mixed}
    strategy = select_strategy(SETTINGS.generation)

    async def make(batch):
        return await converse_all(batch, ENGINE, strategy, 42)

    async def objections(made):
        found = [find_problems(build_case(by_plan[one.plan_id].played, one.messages, one.provenance)) for one in made]
        return [[finding.rule for finding in findings if finding.blocking] for findings in found]

    wanted = {("long_context", False): 2, ("long_context", True): 1, ("multi_step", False): 2}
    held, tallies = asyncio.run(fill_quotas([one.played for one in mixed], wanted, make, objections))
    assert {kind: (tally.accepted, tally.missing_count) for kind, tally in tallies.items()} == {
        "long_context": (3, 0),
        "multi_step": (2, 0),
    }
    assert len(held) == 5


def test_one_shot_gets_room_for_as_many_turns():
    asked = []

    class Engine:
        name = ENGINE.name

        async def complete(self, request):
            asked.append((request.sampling.max_tokens, request))
            return await ENGINE.complete(request)

    one = next(one for one in long_ones("gmail") if is_accepted(one))
    generation = SETTINGS.generation.model_copy(update={"strategy": "one_shot"})
    (made,) = asyncio.run(converse_all([one.cast.played], Engine(), select_strategy(generation), 42))  # type: ignore[arg-type]
    turns = len(one.cast.plan.turns)
    assert made.failure is None
    assert [finding for finding in find_problems(replace(one.case, messages=made.messages)) if finding.blocking] == []
    assert asked[0][0] >= generation.max_conversation_tokens * turns / generation.bounds.turns > 6000
    outline = conversation_writer.render_variables(WriterBrief(one.cast.played, False, play=play_offline))["outline"]
    assert str(outline).count("turns to something else") == max(step.goal for step in one.cast.plan.steps)


def test_a_model_is_told_to_turn_to_something_else_and_to_say_what_is_from_long_ago():
    one = next(one for one in everyone() if any(is_late(one.cast.plan, step) for step in one.cast.plan.steps))
    plan = one.cast.plan
    scene = DialogueState(plan, one.cast.situation, {**one.cast.tools}, dict(one.cast.offered), thoughts=False)

    def task(turn: int) -> str:
        scene.turn_index = turn
        scene.results = [{}] * sum(step.turn < turn for step in plan.steps)
        request = user_simulator.ROLE.build_request(user_simulator.UserCue(scene, plan.turns[turn].kind), 1)
        return request.messages[-1].content or ""

    another = next(turn for turn in range(len(plan.turns)) if begins_another_goal(plan, turn))
    late = next(step.turn for step in plan.steps if is_late(plan, step))
    assert "Turn to something else" in task(another)
    assert "Turn to something else" not in task(0)
    assert "what the beginning of the conversation was about: say so" in task(late)
