"""Lets a model play the assistant of recorded conversations to their end, in the world that they were made in.

Belongs here: the free run and its measures. The user's turns are the recorded ones, whatever the model said; its calls
are executed by the recorded conversation's own world, rebuilt from the certificate of a published row, with the planned
failures where the recorded calls had them. Rows without a certificate cannot be played.

End states are compared by what was changed (`environment/state_comparison.py`): further questions, the order of calls
that do not touch, and the identifiers of new things make no difference.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from funcdex_assets.environment.change_record import StateChanges
from funcdex_assets.environment.executor import Executor
from funcdex_assets.environment.replay import Recording, ReplayError, iterate_calls_in_turns, read_published_row
from funcdex_assets.environment.state_comparison import compare_changes
from funcdex_assets.environment.world import WORLD_VERSION
from funcdex_assets.evaluation.call_matching import index_parameters, match_calls
from funcdex_assets.evaluation.items import decode_json_text
from funcdex_assets.evaluation.predictors import Predictor, Progress, hear_nothing
from funcdex_assets.records.conversation import SealedCall
from funcdex_assets.records.message import Message, ToolCall, ToolResult
from funcdex_assets.records.openai_messages import to_openai_messages
from funcdex_assets.records.record import Json, Record
from funcdex_assets.records.row_failures import RowFailure, make_each
from funcdex_assets.records.training import EvaluationItem, ExpectedCall, Prediction
from funcdex_assets.semantics.tool_names import ACTIONS, parse_tool_name

MOST_MOVES = 10
"""Messages of the assistant in one turn, as in the turn loop; beyond them it would call tools for ever."""
_LOOKUP_VERBS = frozenset(verb for action in ("get", "list") for verb in ACTIONS[action].split())


class FreeRun(Record, frozen=True, kw_only=True):
    """What came of one conversation.

    `made` of the `expected` calls were made, with equal arguments and wherever in the conversation; `extra` calls were
    none of them, `extra_changes` of these with tools that change something. `same_state` says that the same was changed
    as by the recorded calls, `difference` what first was not. A run is a success if all expected calls were made and no
    change beside them. `failure` says why the run ended early. The first assistant messages that differ are what
    teacher-forced items show.
    """

    conversation_id: str
    kind: str
    expected: int
    made: int
    extra: int
    extra_changes: int
    same_state: bool
    success: bool
    moves: int
    failure: str | None = None
    difference: str = ""


@dataclass
class _Game:
    """One conversation in play."""

    recording: Recording
    kind: str
    partition: str
    system: list[dict[str, Any]]
    tools: Json
    user_turns: list[str]
    recorded_calls: list[tuple[ToolCall, SealedCall]]
    executor: Executor
    messages: list[dict[str, Any]] = field(default_factory=list)
    made_calls: list[ExpectedCall] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    turn: int = 0
    moves_in_turn: int = 0
    moves: int = 0
    failure: str | None = None

    @property
    def is_over(self) -> bool:
        return self.failure is not None or self.turn > len(self.user_turns)

    def begin_turn(self) -> None:
        """Lets the user say the next recorded turn; after the last one the game is over."""
        self.turn += 1
        self.moves_in_turn = 0
        if not self.is_over:
            self.messages.append({"role": "user", "content": self.user_turns[self.turn - 1]})
            self.executor.begin_user_turn()

    def to_item(self) -> EvaluationItem:
        """Returns what the model is asked now."""
        return EvaluationItem(
            item_id=f"{self.recording.conversation_id}:{len(self.messages)}",
            conversation_id=self.recording.conversation_id,
            partition=self.partition,
            kind=self.kind,
            messages=[*self.system, *self.messages],
            tools=self.tools,
            calls=(),
        )

    def take_answer(self, prediction: Prediction) -> None:
        """Takes the model's message, and executes its calls."""
        self.moves += 1
        self.moves_in_turn += 1
        if prediction.failure is not None:
            self.failure = prediction.failure
        elif not prediction.calls:
            self.messages.append({"role": "assistant", "content": prediction.text or ""})
            self.begin_turn()
        elif self.moves_in_turn > MOST_MOVES:
            self.failure = f"it called tools {MOST_MOVES} times in a row without a reply to the user"
        else:
            self._execute(prediction)

    def _execute(self, prediction: Prediction) -> None:
        calls = [
            ToolCall(id=f"call_{len(self.made_calls) + number}", name=call.name, arguments=call.arguments)
            for number, call in enumerate(prediction.calls, start=1)
        ]
        said = Message(role="assistant", content=prediction.text, tool_calls=tuple(calls))
        self.messages += to_openai_messages([said], None)
        # Calls made at once have no order; the world has, so that they are executed in the recorded one.
        places = {call.id: self._find_recorded(call) for call in calls}
        results = {}
        for call in sorted(calls, key=lambda call: (places[call.id] is None, places[call.id] or 0)):
            results[call.id] = self._run_call(call, places[call.id])
        self.messages += to_openai_messages([Message(role="tool", result=results[call.id]) for call in calls], None)
        self.made_calls += [ExpectedCall(call.name, call.arguments) for call in calls]

    def _find_recorded(self, call: ToolCall) -> int | None:
        """Finds the recorded call that this one stands for: the next of the tool, with equal arguments if there is."""
        open_calls = [
            index
            for index, (recorded, _) in enumerate(self.recorded_calls)
            if index not in self.used and recorded.name == call.name
        ]
        equal = [index for index in open_calls if self._is_equal(call, self.recorded_calls[index][0])]
        chosen = next(iter(equal or open_calls), None)
        if chosen is not None:
            self.used.add(chosen)
        return chosen

    def _is_equal(self, call: ToolCall, recorded: ToolCall) -> bool:
        made, expected = (ExpectedCall(each.name, each.arguments) for each in (call, recorded))
        return match_calls([made], [expected], index_parameters(self.tools)).is_match

    def _run_call(self, call: ToolCall, place: int | None) -> ToolResult:
        hints = SealedCall() if place is None else self.recorded_calls[place][1]
        if call.name not in self.recording.tools:
            hints = SealedCall(refused=f"there is no tool {call.name!r}")
        try:
            return self.executor.run(call, hints)
        except ValueError as error:  # the planned failure does not fit the arguments of this call
            return ToolResult(call_id=call.id, name=call.name, content={"error": str(error)}, error=True)

    def to_outcome(self) -> FreeRun:
        """Measures the game once it is over."""
        expected = [ExpectedCall(call.name, call.arguments) for call, _ in self.recorded_calls]
        pairs = match_calls(self.made_calls, expected, self._index_parameters()).pairs
        made = sum(pair.score.is_match for pair in pairs)
        extra = [pair.proposed for pair in pairs if pair.proposed is not None and not pair.score.is_match]
        changes = sum(self._changes_something(call) for call in extra)
        differences = compare_changes(self._find_recorded_changes(), self.executor.world.list_changes())
        return FreeRun(
            conversation_id=self.recording.conversation_id,
            kind=self.kind,
            expected=len(expected),
            made=made,
            extra=len(extra),
            extra_changes=changes,
            same_state=self.failure is None and not differences,
            success=self.failure is None and made == len(expected) and changes == 0,
            moves=self.moves,
            failure=self.failure,
            difference=next(iter(differences), ""),
        )

    def _find_recorded_changes(self) -> StateChanges:
        """Returns what the recorded calls change in a world of their own."""
        executor = Executor(self.recording.situation, self.recording.seal.seed, self.recording.tools)
        for call, hints in iterate_calls_in_turns(self.recording, executor):
            executor.run(call, hints)
        return executor.world.list_changes()

    def _index_parameters(self) -> dict[str, Any]:
        return {name: tool.parameters or {} for name, tool in self.recording.tools.items()}

    def _changes_something(self, call: ExpectedCall) -> bool:
        tool = self.recording.tools.get(call.name)
        return tool is not None and parse_tool_name(tool.name).verb not in _LOOKUP_VERBS


def run_freely(
    rows: Sequence[Mapping[str, Any]], predictor: Predictor, progress: Progress = hear_nothing
) -> tuple[list[FreeRun], list[RowFailure]]:
    """Plays published rows; returns the outcomes, and the rows that cannot be played with reasons.

    All conversations move on together, so that a predictor is asked about many at once. `progress` counts those that
    are over.
    """
    numbered = list(enumerate(rows))
    pairs, failures = make_each(numbered, lambda entry: _open_game(entry[1]), _name_row, ReplayError)
    games = [game for _, game in pairs]
    for game in games:
        game.begin_turn()
    while waiting := [game for game in games if not game.is_over]:
        predictions = predictor.predict([game.to_item() for game in waiting])
        for game, prediction in zip(waiting, predictions, strict=True):
            game.take_answer(prediction)
        progress(sum(game.is_over for game in games), len(games))
    return [game.to_outcome() for game in games], failures


def _name_row(entry: tuple[int, Mapping[str, Any]]) -> str:
    number, row = entry
    return str(row.get("id", row.get("conversation_id", f"row {number + 1}")))


def _open_game(row: Mapping[str, Any]) -> _Game:
    """Opens the game of a row.

    Raises:
        ReplayError: the row has no certificate, or one of another version of the world.
    """
    recording = read_published_row(row)
    if recording is None:
        raise ReplayError("it has no certificate: a model made its results; only teacher-forced evaluation is possible")
    if recording.seal.world != WORLD_VERSION:
        raise ReplayError(
            f"its results are by version {recording.seal.world} of the world, and this is version {WORLD_VERSION}; "
            "make the dataset again"
        )
    calls = [call for message in recording.messages for call in message.tool_calls]
    if len(calls) != len(recording.seal.calls):
        raise ReplayError(f"it has {len(calls)} calls, and {len(recording.seal.calls)} were sealed")
    return _Game(
        recording=recording,
        kind=str(row.get("kind") or ""),
        partition=str(row.get("partition") or ""),
        system=[message for message in decode_json_text(row["messages"]) if message["role"] == "system"],
        tools=decode_json_text(row["tools"]),
        user_turns=[message.content or "" for message in recording.messages if message.role == "user"],
        recorded_calls=list(zip(calls, recording.seal.calls, strict=True)),
        executor=Executor(recording.situation, recording.seal.seed, recording.tools),
    )


class RecordedAnswers:
    """Answers with the recorded assistant messages: a free run of it must give the recorded states.

    A predictor for tests of rows, and a proof that a release can be played.
    """

    name = "recorded"

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._answers = {
            str(row.get("id", row.get("conversation_id"))): list(_iterate_answers(decode_json_text(row["messages"])))
            for row in rows
        }
        self._given: dict[str, int] = {}

    def predict(self, items: Sequence[EvaluationItem], progress: Progress = hear_nothing) -> list[Prediction]:
        predictions = []
        for item in items:
            number = self._given.get(item.conversation_id, 0)
            self._given[item.conversation_id] = number + 1
            calls, text = self._answers[item.conversation_id][number]
            predictions.append(Prediction(item_id=item.item_id, calls=calls, text=text, raw=text or ""))
            progress(len(predictions), len(items))
        return predictions


def _iterate_answers(messages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[tuple[ExpectedCall, ...], str | None]]:
    for message in messages:
        if message["role"] == "assistant":
            functions = [call["function"] for call in message.get("tool_calls") or ()]
            calls = tuple(
                ExpectedCall(function["name"], decode_json_text(function["arguments"])) for function in functions
            )
            yield calls, message.get("content") or None
