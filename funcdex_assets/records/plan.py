"""Records of a planned conversation: its turns, its calls, their arguments and the planned failures."""

from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.labels import Clarity, Fault, Kind, PlannedSource, TurnKind
from funcdex_assets.records.record import Json, Record


class PlannedArgument(Record, frozen=True):
    """One argument of a planned call, and its source.

    user:    `value`, which the user states as `surface`; `withheld` until the assistant asks; `carried` if it was said
             for an earlier call and is meant again
    result:  the result of step `step` at `result` (a pointer, `*` resolved when it is known)
    context: `value`, known from the persona or the calendar
    schema:  `value`, the parameter's constant or default
    """

    argument: str
    source: PlannedSource
    value: Json = None
    surface: str = ""
    withheld: bool = False
    carried: bool = False
    step: int | None = None
    result: str | None = None


class PlannedStep(Record, frozen=True):
    """One intended call, made in user turn `turn` (counted from 0).

    `together`: at once with the step before, in one message. `fault`: it goes wrong in this way; if it can
    be made good, a later step calls the tool again, or `another` that serves as well. `goal`: which of the chain's
    goals it serves.
    """

    tool: str
    turn: int
    arguments: tuple[PlannedArgument, ...]
    together: bool = False
    fault: Fault | None = None
    another: str = ""
    goal: int = 0


class PlannedTurn(Record, frozen=True):
    """One planned turn of the user.

    request:    asks for the steps of the turn
    remedy:     makes good what failed in step `step`, so that the turn's steps can be made
    dropped:    gives up what failed in step `step`
    correction: meant something else than what step `step` was called with
    completion: adds what was left out of the call before
    again:      wants the call before once more, with another value
    trigger:    does what a tool is there for: greets, asks for a person, says what nobody understands
    incomplete: asks for `wanted` without what it requires, and is asked for that: there the conversation ends
    recall:     asks for something that the result of step `step` told
    small_talk: says something that needs no tool
    off_topic:  says something that no tool is for, and no tool answers
    unsuitable: asks for `wanted`, which no tool on offer can do
    unlocked:   brings that tool (one of the plan's `late_tools`), and has the turn's steps made with it
    thanks:     takes leave

    `words` is what the user says, where the plan has it worded already.
    """

    kind: TurnKind
    step: int | None = None
    wanted: PlannedStep | None = None
    words: str = ""


class ConversationPlan(Record, frozen=True):
    """The plan of a conversation, made before any message is written.

    `late_tools` are among `tools`, and not on offer until an `unlocked` turn brings them.
    """

    plan_id: str
    scenario_id: str
    persona_id: str
    chain_id: str
    kind: Kind
    disposition: str
    clarity: Clarity
    tools: tuple[str, ...]
    distractors: tuple[str, ...]
    steps: tuple[PlannedStep, ...]
    turns: tuple[PlannedTurn, ...]
    late_tools: tuple[str, ...] = ()

    @property
    def is_spoken(self) -> bool:
        """True if short commands to plain tools are planned, word for word: the tools are called, and that is all."""
        return self.kind == "command" or any(turn.words for turn in self.turns)


class SystemPrompt(Record, frozen=True):
    """The system prompt of a conversation; if none could be written, it is null and `failure` says why."""

    conversation_id: str
    system_prompt: str | None
    failure: Finding | None = None
