"""Keeps the state of one dialogue in play: its plan, the messages so far, and the results of the steps that were made.

A `DialogueState` grows while the conversation runs; its plan and situation are fixed. It answers the few questions that
user simulator, assistant and tool executor ask of the past, so that none of them keeps a state of its own. Belongs
here: what follows from plan and messages. How the roles use it belongs to `roles/`, who speaks when to
`turn_loop`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from funcdex_assets.language.spoken_values import find_first_form
from funcdex_assets.language.values import Situation
from funcdex_assets.records.conversation import Need
from funcdex_assets.records.message import Message
from funcdex_assets.records.plan import ConversationPlan, PlannedArgument, PlannedStep, PlannedTurn
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun, parse_tool_name

_ARRAY_INDEX = re.compile(r"/\d+(?=/|$)")


@dataclass
class DialogueState:
    """One conversation while it is played.

    `tools` are all that the plan mentions, by name, and `offered_tools` those that are on offer now. `results` are
    those of the plan's steps, in order, as far as they were made; a model may make further calls, which are in the
    messages only. `user_text` is all that the user has said, `user_text_this_turn` the part of it from the turn in
    which the user spoke last, in `user_messages_this_turn` messages; `assistant_text` is all that the assistant has
    said. `lessons` say what was wrong with an earlier try.
    """

    plan: ConversationPlan
    situation: Situation
    tools: Mapping[str, Tool]
    offered_tools: dict[str, Tool]
    thoughts: bool
    lessons: tuple[str, ...] = ()
    messages: list[Message] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)
    turn_index: int = 0
    user_text: str = ""
    user_text_this_turn: str = ""
    assistant_text: str = ""
    _last_user_turn: int = -1
    _results_before_user: int = 0
    user_messages_this_turn: int = 0

    @property
    def current_turn(self) -> PlannedTurn:
        """The planned turn that is being played."""
        return self.plan.turns[self.turn_index]

    def offer_pending_tools(self) -> None:
        """Puts the tools of the pending steps on offer from now on."""
        for step in self.list_pending_steps():
            self.offered_tools[step.tool] = self.tools[step.tool]

    def find_next_step(self) -> PlannedStep | None:
        """Returns the plan's next step; None when all were made."""
        return next(iter(self.plan.steps[len(self.results) :]), None)

    def find_unresolved_failure(self) -> PlannedStep | None:
        """Returns the latest step of this turn that failed and whose recovery step was not made yet; None if there is
        none.
        """
        for index, step in reversed(self.list_steps_done_this_turn()):
            if step.fault and (
                (recovery_index := self.find_recovery_step(index)) is None or recovery_index >= len(self.results)
            ):
                return step
        return None

    def find_recovery_step(self, failed_index: int) -> int | None:
        """Returns the index in the plan of the step that makes a failed step good: the next single call of the same
        tool, or of the substitute tool. None if the plan has none.
        """
        steps = self.plan.steps
        tool = steps[failed_index].another or steps[failed_index].tool
        return next(
            (
                index
                for index in range(failed_index + 1, len(steps))
                if steps[index].tool == tool and not steps[index].together
            ),
            None,
        )

    def find_faulty_argument(self, step: PlannedStep) -> str:
        """Returns the pointer of the argument because of which a step fails; '' if it fails for another reason.

        It is the argument that has another value in the recovery step, or else the first that comes from a result and
        so names the thing. If permission is denied and a substitute tool follows, all of the tool is closed: its name
        is returned.
        """
        if step.another and step.fault == "permission_denied":
            return step.tool
        if step.fault in ("rate_limit", "timeout", "expired_auth", "permission_denied", None):
            return ""
        step_index = next(index for index, planned in enumerate(self.plan.steps) if planned is step)
        if (recovery_index := self.find_recovery_step(step_index)) is not None:
            recovery_values = {
                argument.argument: argument.value for argument in self.plan.steps[recovery_index].arguments
            }
            changed_pointers = (
                argument.argument
                for argument in step.arguments
                if recovery_values.get(argument.argument) != argument.value
            )
            changed_pointer = next(changed_pointers, "")
            if changed_pointer:
                return changed_pointer
        return next((argument.argument for argument in step.arguments if argument.source == "result"), "")

    def list_pending_steps(self) -> list[PlannedStep]:
        """Returns the steps of the current turn whose calls were not made yet."""
        return [step for step in self.plan.steps[len(self.results) :] if step.turn == self.turn_index]

    def list_steps_done_this_turn(self) -> list[tuple[int, PlannedStep]]:
        """Returns the steps of the current turn that were made since the user spoke last, each with its index in the
        plan: what was made before a question was reported with it.
        """
        return [
            (index, step)
            for index, step in enumerate(self.plan.steps[: len(self.results)])
            if step.turn == self.turn_index and index >= self._results_before_user
        ]

    def list_unsaid_facts(self) -> list[PlannedArgument]:
        """Returns the facts of pending steps that the user has not stated yet, each once.

        A withheld fact counts as stated only if it was said in this turn: the same words may have been said before
        about something else.
        """
        facts = {
            (argument.argument, argument.surface): argument
            for step in self.list_pending_steps()
            for argument in self.list_unsaid_facts_of_step(step)
        }
        return list(facts.values())

    def list_unsaid_facts_of_step(self, step: PlannedStep) -> list[PlannedArgument]:
        """Returns the facts of one step that the user has not stated yet."""
        return [
            argument
            for argument in step.arguments
            if argument.source == "user"
            and not find_first_form(
                self.user_text_this_turn if argument.withheld else self.user_text, [argument.surface]
            )
        ]

    def resolve_argument(self, argument: PlannedArgument) -> Any:
        """Returns the value that an argument takes from an earlier result; None if that result has none."""
        if argument.step is None or argument.result is None or argument.step >= len(self.results):
            return None
        result = self.results[argument.step]
        value = at_pointer(result, argument.result)
        return value if value is not None else at_pointer(result, _ARRAY_INDEX.sub("/*", argument.result))

    def list_needs_of_later_steps(self) -> tuple[Need, ...]:
        """Returns what the next step's result must contain because later calls use it.

        Needs are passed on where a later result repeats the identifier that it was called with: if an id goes into
        `GET_TASK(task_id)` and further calls take `/task/id` of that result, the id must serve those calls, too.
        """
        return tuple(self._iterate_needs(len(self.results)))

    def _iterate_needs(self, step_index: int) -> Iterator[Need]:
        for later_index, later_step in enumerate(self.plan.steps[step_index + 1 :], start=step_index + 1):
            for argument in later_step.arguments:
                if argument.step == step_index and argument.result:
                    yield Need(path=argument.result, tool=later_step.tool, argument=argument.argument)
                    for need in self._iterate_needs(later_index):
                        if _repeats_identifier(later_step.tool, argument.argument, need.path):
                            yield Need(path=argument.result, tool=need.tool, argument=need.argument)

    def list_needed_paths(self) -> frozenset[str]:
        """Returns the paths (`/threads/*/id`) that the next step's result must have."""
        return frozenset(need.path for need in self.list_needs_of_later_steps())

    def match_planned_step(self, tool_name: str) -> PlannedStep | None:
        """Returns the planned step that a call of the tool carries out; None if the plan has none.

        If the assistant already calls the substitute tool, the planned failure is skipped. If it comes back to a tool
        that failed for good in this turn, it gets the failed step again.
        """
        while (due := self.find_next_step()) and due.another == tool_name:
            self.results.append(None)
        if due and due.tool == tool_name:
            return due
        return next(
            (step for _, step in self.list_steps_done_this_turn() if step.another and step.tool == tool_name), None
        )

    def record_result(self, tool_name: str, content: Any) -> None:
        """Records the result of a call, if it carries out the next step: if it calls the same tool."""
        if (due := self.find_next_step()) and due.tool == tool_name:
            self.results.append(content)

    def add_message(self, message: Message) -> None:
        """Adds a message to the conversation, and its text to what its speaker has said."""
        self.messages.append(message)
        if message.role == "user":
            self._results_before_user = len(self.results)
            self.user_messages_this_turn = 1 + (
                self.user_messages_this_turn if self._last_user_turn == self.turn_index else 0
            )
        if message.role == "user" and message.content:
            self.user_text = f"{self.user_text}\n{message.content}" if self.user_text else message.content
            text_before = self.user_text_this_turn if self._last_user_turn == self.turn_index else ""
            self.user_text_this_turn, self._last_user_turn = (
                f"{text_before}\n{message.content}" if text_before else message.content,
                self.turn_index,
            )
        if message.role == "assistant" and message.content:
            self.assistant_text = (
                f"{self.assistant_text}\n{message.content}" if self.assistant_text else message.content
            )

    def render_transcript(self) -> str:
        """Renders the conversation so far as text, for prompts."""
        lines: list[str] = []
        for message in self.messages:
            if message.result is not None:
                label = "error" if message.result.error else "result"
                lines.append(f"{label} of {message.result.name}: {_encode_json(message.result.content)}")
            if message.content:
                lines.append(f"{message.role}: {message.content}")
            lines += [f"call {call.name}: {_encode_json(call.arguments)}" for call in message.tool_calls]
        return "\n".join(lines) or "(nothing yet)"


def begins_another_goal(plan: ConversationPlan, turn_index: int) -> bool:
    """Says whether the user turns to another goal in this turn: one after those of all earlier turns."""
    earlier = [step.goal for step in plan.steps if step.turn < turn_index]
    return bool(earlier) and any(step.goal > max(earlier) for step in plan.steps if step.turn == turn_index)


def is_from_an_earlier_goal(plan: ConversationPlan, step_index: int | None, goal: int) -> bool:
    """Says whether a step was made for a goal before this one; False for None."""
    return step_index is not None and plan.steps[step_index].goal < goal


def _repeats_identifier(tool_name: str, argument_pointer: str, result_pointer: str) -> bool:
    """Says whether a result repeats, at that path, the identifier that the call was made with: `/task_id`, or
    `/task/id`, of a call with `/task_id`.
    """
    *_, holder, field_name = ("", *result_pointer.split("/")[1:])
    argument_name = argument_pointer.rsplit("/", 1)[-1]
    if not is_id(argument_name) or not is_id(field_name) or "*" in result_pointer:
        return False
    tool_noun = parse_tool_name(tool_name).noun
    argument_noun, field_noun = (
        parse_resource_noun(argument_name) or tool_noun,
        parse_resource_noun(field_name) or " ".join(split_words(holder)) or tool_noun,
    )
    return to_singular(argument_noun.rsplit(" ", 1)[-1]) == to_singular(field_noun.rsplit(" ", 1)[-1])


def _encode_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
