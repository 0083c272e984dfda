"""Makes conversations from plans under one of three strategies, all conversations of a partition at once.

    simulate  user simulator, assistant and tools take turns, one request each time one of them speaks
    hybrid    the same, with `generation.offline_roles` and the tools played by the program
    one_shot  one request writes the whole conversation; more of them correct it

`docs/strategies.md` compares their costs and says when to take which. How one conversation runs belongs to
`turn_loop` and `one_shot.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil

import msgspec

from funcdex_assets.checks.provenance import find_ungrounded_arguments
from funcdex_assets.contracts.table_checks import find_call_problems, find_structural_problem
from funcdex_assets.dialogue.participants import Participants
from funcdex_assets.dml.grammar.conversation import Bounds
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import InferenceEngine, InferenceError
from funcdex_assets.inference.routing import RoutedEngine
from funcdex_assets.records.conversation import Attempt, Conversation, Finding
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.seeds import derive_seed
from funcdex_assets.roles.conversation_writer import WriterBrief
from funcdex_assets.roles.improvisations import IMPROVISATIONS
from funcdex_assets.settings import generation as generation_settings
from funcdex_assets.storage.frames import to_frame
from funcdex_assets.strategies import one_shot
from funcdex_assets.strategies.outcome import build_failed_conversation, to_unforeseen_finding
from funcdex_assets.strategies.quotas import Try
from funcdex_assets.strategies.turn_loop import PlayOptions, play_offline, simulate_conversation

MOST_LESSONS = 5  # reasons that a new try is told


@dataclass(frozen=True)
class Strategy:
    """A way to make conversations; `converse` makes one from a conversation's participants, an engine and a seed."""

    name: str
    converse: Callable[[Participants, InferenceEngine, int], Awaitable[Conversation]]


def select_strategy(generation: generation_settings.Generation, native_calls: bool = False) -> Strategy:
    """Returns the strategy that the settings name; `native_calls` as in `PlayOptions`."""
    thoughts = generation.include_assistant_thoughts
    if generation.strategy == "one_shot":

        def produce_conversation(
            participants: Participants, engine: InferenceEngine, seed: int
        ) -> Awaitable[Conversation]:
            max_turns = max(generation.bounds.turns, _count_user_messages(participants.plan))
            turns = (1, 1) if participants.plan.kind == "single_turn" else (2, max_turns)
            bounds = _build_grammar_bounds(generation.bounds, turns) if generation.grammar else None
            max_tokens = ceil(generation.max_conversation_tokens * max_turns / generation.bounds.turns)
            limits = one_shot.RequestLimits(generation.corrections, generation.regenerations, max_tokens)
            return one_shot.write_conversation(
                WriterBrief(participants, thoughts, play_offline, bounds), engine, limits, seed
            )

    elif generation.strategy == "hybrid":

        def produce_conversation(
            participants: Participants, engine: InferenceEngine, seed: int
        ) -> Awaitable[Conversation]:
            routed_engine = RoutedEngine(engine, dict.fromkeys(generation.offline_roles, OfflineEngine(IMPROVISATIONS)))
            return simulate_conversation(
                participants, routed_engine, PlayOptions(thoughts, native_calls), seed, "hybrid"
            )

    else:
        options = PlayOptions(thoughts, native_calls, generation.tool_results == "model")

        def produce_conversation(
            participants: Participants, engine: InferenceEngine, seed: int
        ) -> Awaitable[Conversation]:
            return simulate_conversation(participants, engine, options, seed)

    return Strategy(generation.strategy, produce_conversation)


def _count_user_messages(plan: ConversationPlan) -> int:
    """Counts how often the user speaks under the plan: once in each turn, and once more for each turn with a withheld
    fact, to answer the question about it.
    """
    turns_with_question = {step.turn for step in plan.steps if any(argument.withheld for argument in step.arguments)}
    return len(plan.turns) + len(turns_with_question)


def _build_grammar_bounds(configured: generation_settings.Bounds, turns: tuple[int, int]) -> Bounds:
    return Bounds(turns, configured.steps, configured.parallel, configured.text, configured.string, configured.items)


async def converse_all(
    all_participants: Sequence[Participants],
    engine: InferenceEngine,
    strategy: Strategy,
    seed: int,
    advanced: Callable[[], None] = lambda: None,
) -> list[Conversation]:
    """Makes one conversation for each plan, in the order of the plans; one that could not be made has a `failure`.

    All are made at once (the engine bounds how many); `advanced` is called after each. A conversation that breaks a
    promise of the table by itself fails with the rule `promise`, one that a mistake of the program ends with the rule
    `unforeseen`.

    Raises:
        InferenceError: more conversations failed because the engine did not answer than were made. What was
            answered is in the journal, so a re-run asks only for the rest.
    """
    unanswered: list[InferenceError] = []

    async def converse_or_fail(participants: Participants) -> Conversation:
        try:
            conversation = await strategy.converse(participants, engine, seed)
            broken_promise = find_broken_promise(conversation, participants)
        except InferenceError as error:
            unanswered.append(error)
            failure = Finding(rule="unanswered", text=str(error))
        except Exception as error:
            failure = to_unforeseen_finding(participants.plan.plan_id, error)
        else:
            if broken_promise is None:
                return conversation
            failure = Finding(rule="promise", text=broken_promise)
        finally:
            advanced()
        return build_failed_conversation(participants.plan, strategy.name, engine.name, seed, failure)

    conversations = await asyncio.gather(*map(converse_or_fail, all_participants))
    if len(unanswered) > len(conversations) - len(unanswered):
        raise unanswered[0]
    return conversations


async def converse_again(
    tries: Sequence[Try],
    engine: InferenceEngine,
    strategy: Strategy,
    seed: int,
    number: int,
) -> list[Conversation]:
    """Makes the conversations of rejected tries once more from their plans, under another seed, told what was wrong.

    The rejected text is kept as the attempt before, with the reasons.
    """
    cast = [replace(one.participants, lessons=tuple(one.reasons[:MOST_LESSONS])) for one in tries]
    played = await converse_all(cast, engine, strategy, derive_seed("again", seed, number))
    return [_add_attempt_before(one, conversation) for one, conversation in zip(tries, played, strict=True)]


def _add_attempt_before(rejected: Try, conversation: Conversation) -> Conversation:
    """Adds the rejected try to the attempts of the conversation that was played in its place."""
    before = rejected.conversation
    findings = tuple(
        Finding(rule=rule if text else "score", text=text.strip() or rule)
        for rule, _, text in (reason.partition(":") for reason in rejected.reasons)
    )
    first = before.attempts or (Attempt(kind="written", text=render_conversation(before.messages), findings=()),)
    earlier = (*first[:-1], msgspec.structs.replace(first[-1], findings=findings))
    own = conversation.attempts or (Attempt(kind="replayed", text="", findings=()),)
    again = tuple(msgspec.structs.replace(one, kind="replayed") if at == 0 else one for at, one in enumerate(own))
    return msgspec.structs.replace(conversation, attempts=(*earlier, *again))


def find_broken_promise(conversation: Conversation, participants: Participants) -> str | None:
    """Returns the first promise of the table of conversations that this one breaks by itself; None if it keeps all."""
    to_frame([conversation], Conversation)  # raises what the whole table would: text or a number that it cannot hold
    if conversation.failure is not None:
        return None
    if problem := find_structural_problem(conversation.messages):
        return problem
    if conversation.engine != OfflineEngine.name:  # what a model does wrong is judged by the rules
        return None
    if problems := find_call_problems(conversation.messages, participants.tools_ever_offered):
        return problems[0]
    for message, call, pointer, value in find_ungrounded_arguments(conversation.messages, conversation.provenance):
        return f"message {message}, {call.name}: {pointer} is {value!r}, which has no source"
    return None
