"""Runs the turn loop: user simulator, assistant and tools take turns until the plan is done.

The participants are roles, asked through an inference engine; results come from a `World`, or from a role. The
conversation is returned as it happened, good or bad: judging it is the business of `quality/`. One that cannot be
brought to an end is returned too, as a failure with its transcript.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from funcdex_assets.dialogue.dialogue_state import Scene
from funcdex_assets.dialogue.participants import Cast
from funcdex_assets.dml.markup import DMLError
from funcdex_assets.dml.structure import check
from funcdex_assets.environment.executor import Executor, refusal
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import InferenceEngine, InferenceError
from funcdex_assets.records.conversation import Attempt, Conversation, Finding, SealedCall
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.seeds import derive_seed
from funcdex_assets.roles import assistant, tool_simulator, user_simulator
from funcdex_assets.roles.user_simulator import Purpose, UserCue
from funcdex_assets.strategies.outcome import about_it, failed, finished

MAX_ANSWERS_PER_TURN = 2  # the assistant may ask back twice in a turn; then the plan goes on
MAX_MOVES_PER_TURN = 10  # messages of the assistant in one turn; beyond them it would call tools for ever
WITH_CALLS = frozenset(("request", "remedy", "correction", "unlocked"))


@dataclass(frozen=True)
class Manner:
    """The ways in which a conversation is played.

    thoughts:      the assistant explains its steps
    native_calls:  it answers with the server's own tool calls, not with a JSON move
    model_results: tool results are written by the role `tool_simulator`, not by the world
    """

    thoughts: bool = False
    native_calls: bool = False
    model_results: bool = False


async def simulate(
    cast: Cast, engine: InferenceEngine, manner: Manner, seed: int, strategy: str = "simulate"
) -> Conversation:
    """Plays one conversation turn by turn; `strategy` is the name that is recorded with it.

    Raises:
        InferenceError: the engine cannot answer, for a reason that is not this conversation's.
    """
    state = Scene(cast.plan, cast.situation, cast.spoken_of, dict(cast.tools), manner.thoughts)
    try:
        player = _Stage(state, engine, manner, seed)
        await player.play()
        check(state.messages)
    except InferenceError as error:
        failure = about_it(error)
    except DMLError as error:
        failure = Finding(rule="structure", text=str(error))
    except EndlessCallsError as error:
        failure = Finding(rule="endless", text=str(error))
    else:
        seal = None if manner.model_results else player.executor.seal()
        return finished(cast, strategy, engine.name, seed, state.messages, seal=seal)
    attempt = Attempt(kind="written", text=state.transcript(), findings=(failure,))
    return failed(cast, strategy, engine.name, seed, failure, (attempt,))


def play_offline(cast: Cast, thoughts: bool, seed: int) -> Sequence[Message]:
    """The messages of a conversation whose players all improvise: no model is asked."""
    players = OfflineEngine({role.name: role.improvise for role in (user_simulator.ROLE, assistant.ROLE)})
    conversation = simulate(cast, players, Manner(thoughts=thoughts), seed)
    try:
        conversation.send(None)
    except StopIteration as ended:  # at once: the offline engine waits for nothing
        return ended.value.messages
    raise AssertionError("the offline engine waited")


class EndlessCallsError(Exception):
    """The assistant calls tools `MAX_MOVES_PER_TURN` times in a row without a reply to the user."""


class _Stage:
    """Plays one conversation; all that was said is in its dialogue state."""

    def __init__(self, scene: Scene, engine: InferenceEngine, manner: Manner, seed: int) -> None:
        self.scene, self.engine, self.manner, self._seed = scene, engine, manner, seed
        self.executor = Executor(scene.situation, derive_seed("world", seed, scene.plan.plan_id), scene.tools)
        self.assistant = assistant.NATIVE if manner.native_calls else assistant.ROLE

    @property
    def seed(self) -> int:
        """The seed of the next message."""
        return derive_seed(self._seed, self.scene.plan.plan_id, len(self.scene.messages))

    async def play(self) -> None:
        """Plays the plan's turns in order; if the assistant asks for withheld facts, the user answers."""
        state = self.scene
        for turn_index, planned_turn in enumerate(state.plan.turns):
            state.turn = turn_index
            if planned_turn.kind in WITH_CALLS and not state.pending():  # the assistant was ahead of the user
                continue
            await self.exchange(planned_turn.kind)
            for _ in range(MAX_ANSWERS_PER_TURN):
                if state.pending():
                    await self.exchange("answer")

    async def exchange(self, purpose: Purpose) -> None:
        """Lets the user speak, and the assistant call tools until it replies."""
        text = await user_simulator.ROLE.play(self.engine, UserCue(self.scene, purpose), self.seed)
        if purpose == "unlocked":
            text = user_simulator.with_definition(text, self.scene)
            self.scene.unlock()
        self.scene.say(Message(role="user", content=text.strip()))
        for _ in range(MAX_MOVES_PER_TURN):
            move = await self.assistant.play(self.engine, self.scene, self.seed)
            first_number = sum(len(message.tool_calls) for message in self.scene.messages) + 1
            calls = tuple(
                ToolCall(id=f"call_{number}", name=call.name, arguments=call.arguments)
                for number, call in enumerate(move.calls, start=first_number)
            )
            thought = (move.thought or "").strip() or None if self.manner.thoughts else None
            reply = (move.reply or "").strip() or None
            self.scene.say(Message(role="assistant", content=reply, thought=thought, tool_calls=calls))
            if not calls:
                return
            for call in calls:
                self.scene.say(Message(role="tool", result=await self.execute(call)))
        raise EndlessCallsError(
            f"The assistant called tools {MAX_MOVES_PER_TURN} times in a row without a reply to the user"
        )

    async def execute(self, call: ToolCall) -> ToolResult:
        """Returns the call's result; as from a real service, an error if the call makes no sense."""
        step = self.scene.called(call.name)
        fault = step.fault if step else None
        hints = SealedCall(
            needs=() if fault else self.scene.needs_later(),
            fault=fault,
            about=self.scene.at_fault(step) if step and fault else "",
            refused="" if call.name in self.scene.offered else f"there is no tool {call.name!r}",
        )
        senseless = refusal(call, self.scene.offered)
        if fault or senseless or not self.manner.model_results:
            result = self.executor.run(call, hints)
        else:
            tool, needed_paths = self.scene.tools[call.name], self.scene.needed_later()
            cue = tool_simulator.ToolCue(self.scene, tool, call.arguments, needed_paths)
            content = await tool_simulator.ROLE.play(self.engine, cue, self.seed)
            result = ToolResult(call_id=call.id, name=call.name, content=content)
        if not senseless:
            self.scene.executed(call.name, result.content)
        return result
