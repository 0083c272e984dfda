"""Whole conversations on the offline engine: what must hold of every one, in every partition."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from offline import ENGINE, MAX_CALLS, MIN_CALLS, PARTITIONS, Played, casts, play, played

from funcdex_assets.catalog.json_schema import at_pointer, problems
from funcdex_assets.dml.parse import parse
from funcdex_assets.dml.render import render
from funcdex_assets.dml.structure import check
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import Completion, InferenceError, Request
from funcdex_assets.language.lexicon import slots_of
from funcdex_assets.language.spoken import find_words, quoted_part
from funcdex_assets.quality.findings import find
from funcdex_assets.quality.provenance import trace, ungrounded
from funcdex_assets.records import Message, PlannedStep, ToolCall
from funcdex_assets.roles.assistant import Call, Move
from funcdex_assets.roles.improvisations import IMPROVISATIONS
from funcdex_assets.simulation.conversation import MAX_MOVES_PER_TURN, simulate, simulate_all

EACH = 12
every_partition = pytest.mark.parametrize("partition", PARTITIONS)


def conversations(partition: str) -> tuple[Played, ...]:
    """Half of them with the assistant's thoughts."""
    return played(partition, EACH)[: EACH // 2] + played(partition, EACH, thoughts=True)[EACH // 2 :]


def calls(one: Played) -> list[tuple[int, ToolCall]]:
    return [(index, call) for index, message in enumerate(one.conversation.messages) for call in message.tool_calls]


def planned_calls(one: Played) -> Iterator[tuple[int, ToolCall, PlannedStep]]:
    for (index, call), step in zip(calls(one), one.cast.plan.steps, strict=True):
        yield index, call, step


# ── every conversation ────────────────────────────────────────────────────────────────────────


@every_partition
def test_it_is_sound_and_reads_back_from_its_markup(partition):
    for one in conversations(partition):
        check(one.conversation.messages)
        assert parse(render(one.conversation.messages)) == one.conversation.messages


@every_partition
def test_the_planned_calls_are_made_in_order_and_are_valid(partition):
    for one in conversations(partition):
        made = calls(one)
        assert MIN_CALLS <= len(made) <= MAX_CALLS
        assert [call.name for _, call in made] == [step.tool for step in one.cast.plan.steps]
        for _, call in made:
            assert problems(one.cast.tools[call.name].parameters, call.arguments) == [], one


@every_partition
def test_results_are_valid(partition):
    for one in conversations(partition):
        for message in one.conversation.messages:
            if message.result and (returns := one.cast.tools[message.result.name].returns):
                assert problems(returns, message.result.content) == [], one


@every_partition
def test_every_argument_has_a_source_and_no_rule_blocks(partition):
    for one in conversations(partition):
        assert list(ungrounded(one.conversation.messages, one.conversation.provenance)) == []
        assert [finding for finding in find(one.case) if finding.blocking] == []


@every_partition
def test_the_user_states_each_fact_before_the_call_that_uses_it(partition):
    for one in conversations(partition):
        for index, _, step in planned_calls(one):
            said = "\n".join(
                message.content or "" for message in one.conversation.messages[:index] if message.role == "user"
            )
            for argument in step.arguments:
                assert argument.source != "user" or find_words(said, [argument.surface]), f"{one}: {argument}"


@every_partition
def test_later_calls_use_earlier_results(partition):
    for one in conversations(partition):
        results = [message.result.content for message in one.conversation.messages if message.result]
        for place, (_, call, step) in enumerate(planned_calls(one)):
            taken = [argument for argument in step.arguments if argument.source == "result"]
            following = [argument.step for later in one.cast.plan.steps[place + 1 :] for argument in later.arguments]
            assert taken or place == 0 or place in following, one
            for argument in taken:
                value = at_pointer(call.arguments, argument.argument)
                found = at_pointer(results[argument.step], argument.result)
                assert value == found or quoted_part(value) == found.replace("'", "").replace('"', ""), one


@every_partition
def test_no_template_slot_is_left_open(partition):
    for one in conversations(partition):
        for message in one.conversation.messages:
            for text in (message.content, message.thought):
                assert not text or not slots_of(text), f"{one}: {text}"
                assert not text or "None" not in text, f"{one}: {text}"


@every_partition
def test_thoughts_are_there_iff_they_were_asked_for(partition):
    for thoughts in (False, True):
        for one in played(partition, EACH, thoughts):
            said = [message.thought for message in one.conversation.messages if message.role == "assistant"]
            assert all(said) if thoughts else not any(said)


@every_partition
def test_the_same_seed_gives_the_same_conversation_and_another_seed_another(partition):
    for one in played(partition, EACH)[:3]:
        assert play(one.cast) == one.conversation
        other = play(one.cast, seed=43)
        assert other.conversation_id != one.conversation.conversation_id
        assert other.messages != one.conversation.messages


# ── what only some show ───────────────────────────────────────────────────────────────────────


def all_conversations() -> Iterator[Played]:
    for partition in PARTITIONS:
        yield from conversations(partition)


def test_what_is_withheld_comes_only_after_the_assistant_asked():
    seen = 0
    for one in all_conversations():
        messages = one.conversation.messages
        for step in one.cast.plan.steps:
            for argument in step.arguments:
                if not argument.withheld:
                    continue
                first = next(
                    index
                    for index, message in enumerate(messages)
                    if message.role == "user" and find_words(message.content or "", [argument.surface])
                )
                if _told_elsewhere(one, argument):
                    continue
                assert first > 0, f"{one}: {argument}"
                assert messages[first - 1].role == "assistant"
                assert messages[first - 1].content
                assert not messages[first - 1].tool_calls
                seen += 1
    assert seen > 20


def _told_elsewhere(one: Played, argument: Any) -> bool:
    """Whether the same words are a fact that the user states anyway, or the scenario's own."""
    told = [other.surface for step in one.cast.plan.steps for other in step.arguments if not other.withheld]
    scenario = [one.cast.situation.matter, one.cast.situation.persona.company]
    return any(find_words(words, [argument.surface]) for words in (*told, *scenario))


def test_replies_after_results_cite_a_value_of_them():
    """All but a few: an access that is removed, say, leaves nothing to be named."""
    replies = silent = 0
    for one in all_conversations():
        silent += sum(finding.rule == "uncited_answer" for finding in find(one.case))
        replies += sum(
            message.role == "tool" and following.role == "assistant" and not following.tool_calls
            for message, following in zip(one.conversation.messages, one.conversation.messages[1:], strict=False)
        )
    assert replies > len(PARTITIONS) * EACH
    assert silent / replies < 0.03


def test_dialogues_are_multi_turn_and_end_with_the_assistant():
    lengths = Counter()
    for one in all_conversations():
        turns = sum(message.role == "user" for message in one.conversation.messages)
        assert turns >= 2
        assert one.conversation.messages[-1].role == "assistant"
        lengths[turns] += 1
    assert len(lengths) >= 4


@pytest.mark.parametrize("partition", ["gmail", "stripe", "gmail_googledrive"])
def test_wording_varies(partition):
    first = [one.conversation.messages[0].content for one in played(partition, 100)]
    assert len(set(first)) >= 90
    last = [one.conversation.messages[-1].content for one in played(partition, 100)]
    assert len(set(last)) >= 40


def test_the_conversation_names_its_plan_strategy_and_engine():
    one = played("gmail", EACH)[0]
    found = one.conversation
    assert (found.plan_id, found.strategy, found.engine) == (one.cast.plan.plan_id, "simulate", "offline")
    assert found.provenance == trace(found.messages, one.cast.offered, one.cast.situation)


# ── players that misbehave ────────────────────────────────────────────────────────────────────


@dataclass
class Engine(OfflineEngine):
    """The offline engine with another assistant."""

    assistant: Any
    asked: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__({**IMPROVISATIONS, "assistant": self.assistant})

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request)
        return await super().complete(request)


def perform(assistant: Any, index: int = 0) -> tuple[Message, ...]:
    cast = casts("gmail", EACH)[index]
    engine = Engine(assistant)
    return asyncio.run(simulate(cast.plan, cast.situation, cast.tools, engine, thoughts=False, seed=1)).messages


def test_an_assistant_that_never_stops_calling_is_cut_off():
    endless = perform(lambda scene, rng: Move(calls=[Call(scene.plan.tools[0], {})]))
    made, turn = Counter[int](), 0
    for message in endless:
        turn += message.role == "user"
        made[turn] += bool(message.tool_calls)
    assert set(made.values()) == {MAX_MOVES_PER_TURN}


def test_nobody_asks_for_what_is_done_already():
    def hasty(scene: Any, rng: Random) -> Move:
        left = scene.plan.steps[len(scene.results) :]
        return Move(calls=[Call(step.tool, {}) for step in left]) if left else Move(reply="All done.")

    asked = [message.content for message in perform(hasty) if message.role == "user"]
    assert 1 <= len(asked) <= 2  # one request, and perhaps a farewell


def test_a_call_to_a_tool_that_was_not_offered_is_not_executed():
    messages = perform(lambda scene, rng: Move(reply="Let me see.", calls=[Call("LAUNCH_ROCKET", {})]))
    assert not any(message.tool_calls or message.result for message in messages)
    assert {message.content for message in messages if message.role == "assistant"} == {"Let me see."}


def test_parallel_calls_are_one_message_followed_by_their_results():
    def eager(scene: Any, rng: Random) -> Move:
        if scene.messages[-1].role == "user" and scene.pending():
            return Move(calls=[Call(scene.plan.tools[0], {}), Call(scene.plan.tools[0], {})])
        return Move(reply="Done.")

    messages = perform(eager)
    at = next(index for index, message in enumerate(messages) if message.tool_calls)
    assert [call.id for call in messages[at].tool_calls] == ["call_1", "call_2"]
    assert [message.result.call_id for message in messages[at + 1 : at + 3] if message.result] == ["call_1", "call_2"]


def test_a_user_who_is_asked_in_vain_answers_twice_at_most():
    messages = perform(lambda scene, rng: Move(reply="Which one do you mean?"))
    assert sum(message.role == "user" for message in messages) <= 3 * len(casts("gmail", EACH)[0].plan.steps) + 1


# ── many at once ──────────────────────────────────────────────────────────────────────────────


class Failing(OfflineEngine):
    """Cannot answer the user simulator of the plans in `broken`."""

    def __init__(self, broken: set[str], retryable: bool) -> None:
        super().__init__(IMPROVISATIONS)
        self.broken, self.retryable = broken, retryable

    async def complete(self, request: Request) -> Completion:
        if request.role == "user_simulator" and request.subject.scene.plan.plan_id in self.broken:
            raise InferenceError("The server is upset", retryable=self.retryable)
        return await super().complete(request)


def stage(engine: Any) -> tuple[list[Any], list[str], int]:
    cast = [(one.plan, one.situation) for one in casts("gmail", EACH)]
    advanced: list[int] = []
    held, reasons = asyncio.run(
        simulate_all(
            cast,
            casts("gmail", EACH)[0].tools,
            engine,
            thoughts=False,
            seed=42,
            advanced=lambda: advanced.append(1),
        )
    )
    return held, reasons, len(advanced)


PLANS = [one.plan.plan_id for one in casts("gmail", EACH)]


def test_all_are_simulated_in_the_order_of_their_plans():
    held, reasons, advanced = stage(ENGINE)
    assert held == [one.conversation for one in played("gmail", EACH)]
    assert (reasons, advanced) == ([], EACH)


def test_what_cannot_be_finished_is_left_out_with_its_reason():
    held, reasons, advanced = stage(Failing(set(PLANS[2:4]), retryable=False))
    assert [one.plan_id for one in held] == [*PLANS[:2], *PLANS[4:]]
    assert (reasons, advanced) == (["The server is upset"] * 2, EACH)


@pytest.mark.parametrize(
    ("broken", "retryable", "message"),
    [
        pytest.param(PLANS, False, "None of 12 conversations could be finished: The server is upset", id="all fail"),
        pytest.param(PLANS[:1], True, "The server is upset", id="the server is away for now"),
    ],
)
def test_a_broken_engine_is_an_error(broken, retryable, message):
    with pytest.raises(InferenceError, match=message) as raised:
        stage(Failing(set(broken), retryable))
    assert raised.value.retryable == retryable
