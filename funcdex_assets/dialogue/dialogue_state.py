"""What the players of a conversation can see: plan, people, tools, and what was said so far.

A `Scene` grows while the conversation runs; everything else about it is fixed. It answers the few
questions that the players ask of the past, so that none of them keeps a state of its own.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from funcdex_assets.language.spoken_values import find_words
from funcdex_assets.language.values import Situation
from funcdex_assets.records.conversation import Need
from funcdex_assets.records.message import Message
from funcdex_assets.records.plan import ConversationPlan, PlannedArgument, PlannedStep, PlannedTurn
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import at_pointer
from funcdex_assets.schema.words import singular, words
from funcdex_assets.semantics.tool_names import is_id, parse_tool_name, resource_noun

_INDEX = re.compile(r"/\d+(?=/|$)")


@dataclass
class Scene:
    """`tools` are all that the plan speaks of, by name, and `offered` those that are on offer now; `results` those of
    the plan's steps, in order, as far as they were made. A model may make further calls; they are in the messages only.
    `said` is all that the user has said, `said_now` what of it in the turn in which he spoke last; `replied` all that
    the assistant has said.
    """

    plan: ConversationPlan
    situation: Situation
    tools: Mapping[str, Tool]
    offered: dict[str, Tool]
    thoughts: bool
    messages: list[Message] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)
    turn: int = 0
    said: str = ""
    said_now: str = ""
    replied: str = ""
    _heard: int = -1

    @property
    def now(self) -> PlannedTurn:
        """What the user does in the current turn."""
        return self.plan.turns[self.turn]

    def unlock(self) -> None:
        """The tool of the current turn is on offer from now on."""
        for step in self.pending():
            self.offered[step.tool] = self.tools[step.tool]

    def due(self) -> PlannedStep | None:
        """The plan's next step; None when all were made."""
        return next(iter(self.plan.steps[len(self.results) :]), None)

    def failed(self) -> PlannedStep | None:
        """The step of this turn that went wrong and has not been made good yet."""
        for index, step in reversed(self.done_this_turn()):
            if step.fault and ((again := self.made_good(index)) is None or again >= len(self.results)):
                return step
        return None

    def made_good(self, failed: int) -> int | None:
        """The step that makes good what went wrong in another, by their places in the plan."""
        steps = self.plan.steps
        tool = steps[failed].another or steps[failed].tool
        return next(
            (
                place
                for place in range(failed + 1, len(steps))
                if steps[place].tool == tool and not steps[place].together
            ),
            None,
        )

    def at_fault(self, step: PlannedStep) -> str:
        """The argument because of which a step goes wrong, as a pointer: the one that is different when the tool is
        called again, or the one that names the thing; '' if it is none of them. The tool's own name where all of it
        is closed, so that another is taken.
        """
        if step.another and step.fault == "permission_denied":
            return step.tool
        if step.fault in ("rate_limit", "timeout", "expired_auth", "permission_denied", None):
            return ""
        place = next(index for index, other in enumerate(self.plan.steps) if other is step)
        if (again := self.made_good(place)) is not None:
            values = {argument.argument: argument.value for argument in self.plan.steps[again].arguments}
            changed = (one.argument for one in step.arguments if values.get(one.argument) != one.value)
            if found := next(changed, ""):
                return found
        return next((argument.argument for argument in step.arguments if argument.source == "result"), "")

    def pending(self) -> list[PlannedStep]:
        """Steps of the current turn whose calls were not made yet."""
        return [step for step in self.plan.steps[len(self.results) :] if step.turn == self.turn]

    def done_this_turn(self) -> list[tuple[int, PlannedStep]]:
        """Executed steps of the current turn with their index in the plan."""
        made = self.plan.steps[: len(self.results)]
        return [(index, step) for index, step in enumerate(made) if step.turn == self.turn]

    def unsaid(self) -> list[PlannedArgument]:
        """Facts of pending steps that the user has not stated yet, each once.

        What is withheld is stated in its own turn: the same words may have been said before about something else.
        """
        facts = {
            (argument.argument, argument.surface): argument
            for step in self.pending()
            for argument in step.arguments
            if argument.source == "user"
            and not find_words(self.said_now if argument.withheld else self.said, [argument.surface])
        }
        return list(facts.values())

    def resolve(self, argument: PlannedArgument) -> Any:
        """The value that an argument takes from an earlier result; None when that has none."""
        if argument.step is None or argument.result is None or argument.step >= len(self.results):
            return None
        result = self.results[argument.step]
        value = at_pointer(result, argument.result)
        return value if value is not None else at_pointer(result, _INDEX.sub("/*", argument.result))

    def needs_later(self) -> tuple[Need, ...]:
        """What the next step's result must have, because later calls use it; and what else those need whose results
        name the same thing again: an id that is looked up is the id of what is shown, and may go on from there.
        """
        return tuple(self._needs(len(self.results)))

    def _needs(self, step: int) -> Iterator[Need]:
        for place, later in enumerate(self.plan.steps[step + 1 :], start=step + 1):
            for argument in later.arguments:
                if argument.step == step and argument.result:
                    yield Need(path=argument.result, tool=later.tool, argument=argument.argument)
                    for need in self._needs(place):
                        if _is_repeated(later.tool, argument.argument, need.path):
                            yield Need(path=argument.result, tool=need.tool, argument=need.argument)

    def needed_later(self) -> frozenset[str]:
        """The paths (`/threads/*/id`) of that."""
        return frozenset(need.path for need in self.needs_later())

    def called(self, tool: str) -> PlannedStep | None:
        """The step that a call of the tool is, if it is one of the plan's. Who takes at once the tool that would make
        good a failure is spared the failure; who comes back to one that is closed meets it again.
        """
        while (due := self.due()) and due.another == tool:
            self.results.append(None)
        if due and due.tool == tool:
            return due
        return next((step for _, step in self.done_this_turn() if step.another and step.tool == tool), None)

    def executed(self, tool: str, content: Any) -> None:
        """A call was made: the next step's, if it calls the same tool."""
        if (due := self.due()) and due.tool == tool:
            self.results.append(content)

    def say(self, message: Message) -> None:
        self.messages.append(message)
        if message.role == "user" and message.content:
            self.said = f"{self.said}\n{message.content}" if self.said else message.content
            before = self.said_now if self._heard == self.turn else ""
            self.said_now, self._heard = f"{before}\n{message.content}" if before else message.content, self.turn
        if message.role == "assistant" and message.content:
            self.replied = f"{self.replied}\n{message.content}" if self.replied else message.content

    def transcript(self) -> str:
        """The conversation so far, for prompts."""
        lines: list[str] = []
        for message in self.messages:
            if message.result is not None:
                label = "error" if message.result.error else "result"
                lines.append(f"{label} of {message.result.name}: {_json(message.result.content)}")
            if message.content:
                lines.append(f"{message.role}: {message.content}")
            lines += [f"call {call.name}: {_json(call.arguments)}" for call in message.tool_calls]
        return "\n".join(lines) or "(nothing yet)"


def begins_another_goal(plan: ConversationPlan, turn: int) -> bool:
    """Whether the user turns to something else in this turn."""
    earlier = [step.goal for step in plan.steps if step.turn < turn]
    return bool(earlier) and any(step.goal > max(earlier) for step in plan.steps if step.turn == turn)


def is_from_an_earlier_goal(plan: ConversationPlan, step: int | None, goal: int) -> bool:
    """Whether the result of a step was got for a goal before this one."""
    return step is not None and plan.steps[step].goal < goal


def _is_repeated(tool: str, argument: str, result: str) -> bool:
    """Whether a result has, at that path, the identifier that the call was made with: `/task_id`, `/task/id`."""
    *_, holder, name = ("", *result.split("/")[1:])
    asked = argument.rsplit("/", 1)[-1]
    if not is_id(asked) or not is_id(name) or "*" in result:
        return False
    own = parse_tool_name(tool).noun
    about, shown = resource_noun(asked) or own, resource_noun(name) or " ".join(words(holder)) or own
    return singular(about.rsplit(" ", 1)[-1]) == singular(shown.rsplit(" ", 1)[-1])


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
