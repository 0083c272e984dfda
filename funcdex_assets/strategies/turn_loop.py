"""Runs the turn loop: user simulator, assistant and tools take turns until the plan is done.

The participants are roles, asked through an inference engine; results come from a `World`, or from a role. The
conversation is returned as it happened, good or bad: judging it is the business of `checks/` and `judging/`. One that
cannot be brought to an end is returned too, as a failure with its transcript.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from funcdex_assets.dialogue.dialogue_state import DialogueState
from funcdex_assets.dialogue.participants import Participants
from funcdex_assets.dml.markup import DMLError
from funcdex_assets.dml.structure import check_conversation
from funcdex_assets.environment.executor import Executor, refuse_invalid_call
from funcdex_assets.inference.model_names import name_role_models
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import InferenceEngine, InferenceError
from funcdex_assets.records.conversation import Attempt, Conversation, Finding, SealedCall
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.seeds import derive_seed
from funcdex_assets.roles import assistant, tool_simulator, user_simulator
from funcdex_assets.roles.user_simulator import Purpose, UserCue
from funcdex_assets.strategies.outcome import (
    build_failed_conversation,
    build_finished_conversation,
    to_finding,
    to_unforeseen_finding,
)

MAX_ANSWERS_PER_TURN = 2  # the assistant may ask back twice in a turn; then the plan goes on
MAX_MOVES_PER_TURN = 10  # messages of the assistant in one turn; beyond them it would call tools for ever
TURN_KINDS_WITH_CALLS = frozenset(("request", "remedy", "correction", "completion", "again", "trigger", "unlocked"))


@dataclass(frozen=True)
class PlayOptions:
    """The ways in which a conversation is played.

    thoughts:      the assistant explains its steps
    native_calls:  it answers with the server's own tool calls, not with a JSON move
    model_results: tool results are written by the role `tool_simulator`, not by the world
    """

    thoughts: bool = False
    native_calls: bool = False
    model_results: bool = False


async def simulate_conversation(
    participants: Participants, engine: InferenceEngine, options: PlayOptions, seed: int, strategy: str = "simulate"
) -> Conversation:
    """Plays one conversation turn by turn; `strategy` is the name that is recorded with it.

    Raises:
        InferenceError: the engine cannot answer, for a reason that is not this conversation's.
    """
    state = DialogueState(
        participants.plan,
        participants.situation,
        participants.mentioned_tools,
        dict(participants.tools),
        options.thoughts,
        participants.lessons,
    )
    try:
        player = _ConversationPlayer(state, engine, options, seed)
        await player.play_all_turns()
        check_conversation(state.messages)
    except InferenceError as error:
        failure = to_finding(error)
    except DMLError as error:
        failure = Finding(rule="structure", text=str(error))
    except EndlessCallsError as error:
        failure = Finding(rule="endless", text=str(error))
    except Exception as error:
        failure = to_unforeseen_finding(participants.plan.plan_id, error)
    else:
        seal = None if options.model_results else player.executor.seal_calls()
        return build_finished_conversation(
            participants,
            strategy,
            engine.name,
            seed,
            state.messages,
            seal=seal,
            models=name_role_models(engine),
        )
    attempt = Attempt(kind="written", text=state.render_transcript(), findings=(failure,))
    return build_failed_conversation(participants.plan, strategy, engine.name, seed, failure, (attempt,))


def play_offline(cast: Participants, thoughts: bool, seed: int) -> Sequence[Message]:
    """The messages of a conversation whose players all improvise: no model is asked."""
    players = OfflineEngine({role.name: role.improvise for role in (user_simulator.ROLE, assistant.ROLE)})
    conversation = simulate_conversation(cast, players, PlayOptions(thoughts=thoughts), seed)
    try:
        conversation.send(None)
    except StopIteration as ended:  # at once: the offline engine waits for nothing
        return ended.value.messages
    raise AssertionError("the offline engine waited")


class EndlessCallsError(Exception):
    """The assistant calls tools `MAX_MOVES_PER_TURN` times in a row without a reply to the user."""


class _ConversationPlayer:
    """Plays one conversation; all that was said is in its dialogue state."""

    def __init__(self, state: DialogueState, engine: InferenceEngine, options: PlayOptions, seed: int) -> None:
        self.state, self.engine, self.options, self._seed = state, engine, options, seed
        self.executor = Executor(state.situation, derive_seed("world", seed, state.plan.plan_id), state.tools)
        self.assistant = assistant.NATIVE if options.native_calls else assistant.ROLE

    @property
    def next_seed(self) -> int:
        """The seed of the next message."""
        return derive_seed(self._seed, self.state.plan.plan_id, len(self.state.messages))

    async def play_all_turns(self) -> None:
        """Plays the plan's turns in order; if the assistant asks for withheld facts, the user answers."""
        state = self.state
        for turn_index, planned_turn in enumerate(state.plan.turns):
            state.turn_index = turn_index
            if (
                planned_turn.kind in TURN_KINDS_WITH_CALLS and not state.list_pending_steps()
            ):  # the assistant was ahead of the user
                continue
            await self.play_exchange(planned_turn.kind)
            if state.plan.kind == "single_turn":
                return  # a question is the end of it, too
            for _ in range(MAX_ANSWERS_PER_TURN):
                if state.list_pending_steps():
                    await self.play_exchange("answer")

    async def play_exchange(self, purpose: Purpose) -> None:
        """Lets the user speak, and the assistant call tools until it replies."""
        text = await user_simulator.ROLE.play(self.engine, UserCue(self.state, purpose), self.next_seed)
        if purpose == "unlocked":
            text = user_simulator.add_pending_definitions(text, self.state)
            self.state.offer_pending_tools()
        self.state.add_message(Message(role="user", content=text.strip()))
        self.executor.begin_user_turn()
        for _ in range(MAX_MOVES_PER_TURN):
            move = await self.assistant.play(self.engine, self.state, self.next_seed)
            first_number = sum(len(message.tool_calls) for message in self.state.messages) + 1
            calls = tuple(
                ToolCall(id=f"call_{number}", name=call.name, arguments=call.arguments)
                for number, call in enumerate(move.calls, start=first_number)
            )
            thought = (move.thought or "").strip() or None if self.options.thoughts else None
            reply = (move.reply or "").strip() or None
            self.state.add_message(Message(role="assistant", content=reply, thought=thought, tool_calls=calls))
            if not calls:
                return
            for call in calls:
                self.state.add_message(Message(role="tool", result=await self.execute_call(call)))
        raise EndlessCallsError(
            f"The assistant called tools {MAX_MOVES_PER_TURN} times in a row without a reply to the user"
        )

    async def execute_call(self, call: ToolCall) -> ToolResult:
        """Returns the call's result; as from a real service, an error if the call makes no sense."""
        step = self.state.match_planned_step(call.name)
        fault = step.fault if step else None
        hints = SealedCall(
            needs=() if fault else self.state.list_needs_of_later_steps(),
            fault=fault,
            about=self.state.find_faulty_argument(step) if step and fault else "",
            refused="" if call.name in self.state.offered_tools else f"there is no tool {call.name!r}",
        )
        senseless = refuse_invalid_call(call, self.state.offered_tools)
        if fault or senseless or not self.options.model_results:
            result = self.executor.run(call, hints)
        else:
            tool, needed_paths = self.state.tools[call.name], self.state.list_needed_paths()
            cue = tool_simulator.ToolCue(self.state, tool, call.arguments, needed_paths)
            content = await tool_simulator.ROLE.play(self.engine, cue, self.next_seed)
            result = ToolResult(call_id=call.id, name=call.name, content=content)
        if not senseless:
            self.state.record_result(call.name, result.content)
        return result
