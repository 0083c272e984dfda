"""How conversations are made from plans: the three strategies, and all conversations of a partition at once.

    simulate  the players take turns, one request each time one of them speaks
    hybrid    the same, with `generation.offline_roles` and the tools played by the program
    one_shot  one request writes the whole conversation; more of them correct it

What each costs and when to take which is told in `docs/strategies.md`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import ceil

from funcdex_assets.dialogue.participants import Cast
from funcdex_assets.dml.grammar.conversation import Bounds
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import InferenceEngine, InferenceError
from funcdex_assets.inference.routing import RoutedEngine
from funcdex_assets.records.conversation import Conversation, Finding
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.roles.conversation_writer import WriterBrief
from funcdex_assets.roles.improvisations import IMPROVISATIONS
from funcdex_assets.settings import generation as generation_settings
from funcdex_assets.strategies import one_shot
from funcdex_assets.strategies.outcome import failed
from funcdex_assets.strategies.turn_loop import Manner, play_offline, simulate


@dataclass(frozen=True)
class Strategy:
    """`converse` makes one conversation from a cast, an engine and a seed."""

    name: str
    converse: Callable[[Cast, InferenceEngine, int], Awaitable[Conversation]]


def strategy_of(generation: generation_settings.Generation, native_calls: bool = False) -> Strategy:
    """What the settings ask for; `native_calls` as in `Manner`."""
    thoughts = generation.include_assistant_thoughts
    if generation.strategy == "one_shot":

        def converse(cast: Cast, engine: InferenceEngine, seed: int) -> Awaitable[Conversation]:
            turns = max(generation.bounds.turns, _user_messages(cast.plan))
            bounds = _bounds(generation.bounds, turns) if generation.grammar else None
            tokens = ceil(generation.max_conversation_tokens * turns / generation.bounds.turns)
            limits = one_shot.Limits(generation.corrections, generation.regenerations, tokens)
            return one_shot.write(WriterBrief(cast, thoughts, play_offline, bounds), engine, limits, seed)

    elif generation.strategy == "hybrid":

        def converse(cast: Cast, engine: InferenceEngine, seed: int) -> Awaitable[Conversation]:
            shared = RoutedEngine(engine, dict.fromkeys(generation.offline_roles, OfflineEngine(IMPROVISATIONS)))
            return simulate(cast, shared, Manner(thoughts, native_calls), seed, "hybrid")

    else:
        manner = Manner(thoughts, native_calls, generation.tool_results == "model")

        def converse(cast: Cast, engine: InferenceEngine, seed: int) -> Awaitable[Conversation]:
            return simulate(cast, engine, manner, seed)

    return Strategy(generation.strategy, converse)


def _user_messages(plan: ConversationPlan) -> int:
    """How often the user speaks, by the plan: once in each turn, and to answer where something is left out."""
    asked = {step.turn for step in plan.steps if any(argument.withheld for argument in step.arguments)}
    return len(plan.turns) + len(asked)


def _bounds(asked: generation_settings.Bounds, turns: int) -> Bounds:
    return Bounds((2, turns), asked.steps, asked.parallel, asked.text, asked.string, asked.items)


async def converse_all(
    casts: Sequence[Cast],
    engine: InferenceEngine,
    strategy: Strategy,
    seed: int,
    advanced: Callable[[], None] = lambda: None,
) -> list[Conversation]:
    """One conversation for each plan, in their order; those that came to nothing have a `failure`.

    All are made at once (the engine bounds how many); `advanced` is called after each.

    Raises:
        InferenceError: fewer conversations were made than failed for want of an answer. What was answered
            is in the journal, so a re-run asks only for the rest.
    """
    unanswered: list[InferenceError] = []

    async def one(cast: Cast) -> Conversation:
        try:
            return await strategy.converse(cast, engine, seed)
        except InferenceError as error:
            unanswered.append(error)
            return failed(cast, strategy.name, engine.name, seed, Finding(rule="unanswered", text=str(error)))
        finally:
            advanced()

    made = await asyncio.gather(*map(one, casts))
    if len(unanswered) > len(made) - len(unanswered):
        raise unanswered[0]
    return made
