"""The turn loop: user simulator, assistant and world take turns until the plan is done.

The players are roles, asked through an inference engine; the results come from a `World`. What is
returned is the conversation as it happened, good or bad: judging it is the business of `quality/`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from funcdex_assets.inference.protocol import InferenceEngine, InferenceError
from funcdex_assets.language.values import Situation
from funcdex_assets.quality.provenance import trace
from funcdex_assets.records import Conversation, ConversationPlan, Message, Tool, ToolCall, ToolResult
from funcdex_assets.roles import assistant, user_simulator
from funcdex_assets.roles.user_simulator import Purpose, UserCue
from funcdex_assets.seeds import derive_id, derive_seed
from funcdex_assets.simulation.planning import offered_tools
from funcdex_assets.simulation.scene import Scene
from funcdex_assets.simulation.world import World

MAX_ANSWERS_PER_TURN = 2
MAX_MOVES_PER_TURN = 10


async def simulate_all(
    cast: Sequence[tuple[ConversationPlan, Situation]],
    tools: Mapping[str, Tool],
    engine: InferenceEngine,
    *,
    thoughts: bool,
    seed: int,
    advanced: Callable[[], None] = lambda: None,
) -> tuple[list[Conversation], list[str]]:
    """All conversations at once (the engine bounds how many), in the order of the plans; and the reason
    for each that could not be finished. `advanced` is called after each.

    Raises:
        InferenceError: the engine cannot answer at present, or no conversation could be finished.
    """
    reasons: list[str] = []

    async def one(plan: ConversationPlan, situation: Situation) -> Conversation | None:
        try:
            return await simulate(plan, situation, tools, engine, thoughts=thoughts, seed=seed)
        except InferenceError as error:
            if error.retryable:
                raise
            reasons.append(str(error))
            return None
        finally:
            advanced()

    held = [found for found in await asyncio.gather(*(one(*part) for part in cast)) if found is not None]
    if reasons and not held:
        raise InferenceError(f"None of {len(cast)} conversations could be finished: {reasons[0]}", retryable=False)
    return held, reasons


async def simulate(
    plan: ConversationPlan,
    situation: Situation,
    tools: Mapping[str, Tool],
    engine: InferenceEngine,
    *,
    thoughts: bool,
    seed: int,
) -> Conversation:
    """Plays one conversation. `tools` are the partition's, by name.

    Raises:
        InferenceError: a role could not be played.
    """
    offered = {name: tools[name] for name in offered_tools(plan)}
    scene = Scene(plan, situation, offered, thoughts)
    world = World(situation, derive_seed("world", seed, plan.plan_id))

    async def user_says(purpose: Purpose) -> None:
        text = await user_simulator.ROLE.play(engine, UserCue(scene, purpose), _seed(seed, scene))
        scene.say(Message(role="user", content=text.strip()))

    for turn in range(scene.turns):
        scene.turn = turn
        if not scene.pending():  # the assistant was ahead of the user
            continue
        await user_says("request")
        await _assistant_works(scene, world, engine, seed)
        for _ in range(MAX_ANSWERS_PER_TURN):
            if not scene.pending():
                break
            await user_says("answer")
            await _assistant_works(scene, world, engine, seed)
    if scene.turns == 1 or derive_seed("thanks", seed, plan.plan_id) % 3:
        scene.turn = scene.turns
        await user_says("thanks")
        await _assistant_works(scene, world, engine, seed)
    messages = tuple(scene.messages)
    return Conversation(
        conversation_id=derive_id("conversation", seed, plan.plan_id),
        plan_id=plan.plan_id,
        strategy="simulate",
        engine=engine.name,
        messages=messages,
        provenance=trace(messages, offered, situation),
    )


async def _assistant_works(scene: Scene, world: World, engine: InferenceEngine, seed: int) -> None:
    """The assistant calls tools until it replies; a silent or endless one is cut off with what it has."""
    for _ in range(MAX_MOVES_PER_TURN):
        move = await assistant.ROLE.play(engine, scene, _seed(seed, scene))
        calls = [call for call in move.calls if call.name in scene.tools]
        if not calls:
            scene.say(Message(role="assistant", content=(move.reply or "").strip() or None, thought=move.thought))
            return
        first = sum(len(message.tool_calls) for message in scene.messages) + 1
        made = tuple(
            ToolCall(id=f"call_{first + index}", name=call.name, arguments=call.arguments)
            for index, call in enumerate(calls)
        )
        scene.say(
            Message(
                role="assistant",
                content=(move.reply or "").strip() or None,
                thought=move.thought,
                tool_calls=made,
            )
        )
        for call in made:
            needed = _needed_later(scene.plan, len(scene.results))
            content = world.execute(scene.tools[call.name], call.arguments, needed)
            scene.executed(call.name, content)
            scene.say(Message(role="tool", result=ToolResult(call_id=call.id, name=call.name, content=content)))


def _needed_later(plan: ConversationPlan, step: int) -> frozenset[str]:
    return frozenset(
        argument.result
        for later in plan.steps[step + 1 :]
        for argument in later.arguments
        if argument.step == step and argument.result
    )


def _seed(seed: int, scene: Scene) -> int:
    return derive_seed(seed, scene.plan.plan_id, len(scene.messages))
