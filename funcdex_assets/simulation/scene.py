"""What the players of a conversation can see: plan, people, tools, and what was said so far.

A `Scene` grows while the conversation runs; everything else about it is fixed. It answers the few
questions that the players ask of the past, so that none of them keeps a state of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from funcdex_assets.catalog.json_schema import at_pointer
from funcdex_assets.language.spoken import find_words
from funcdex_assets.language.values import Situation
from funcdex_assets.records import ConversationPlan, Message, Need, PlannedArgument, PlannedStep, Tool


@dataclass
class Scene:
    """`tools` are those offered, by name; `results` those of the plan's steps, in order, as far as they
    were made. A model may make further calls; they are in the messages only.
    """

    plan: ConversationPlan
    situation: Situation
    tools: Mapping[str, Tool]
    thoughts: bool
    messages: list[Message] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)
    turn: int = 0
    said: str = ""

    @property
    def turns(self) -> int:
        return self.plan.steps[-1].turn + 1

    def pending(self) -> list[PlannedStep]:
        """Steps of the current turn whose calls were not made yet."""
        return [step for step in self.plan.steps[len(self.results) :] if step.turn == self.turn]

    def done_this_turn(self) -> list[tuple[int, PlannedStep]]:
        """Executed steps of the current turn with their index in the plan."""
        made = self.plan.steps[: len(self.results)]
        return [(index, step) for index, step in enumerate(made) if step.turn == self.turn]

    def unsaid(self) -> list[PlannedArgument]:
        """Facts of pending steps that the user has not stated yet."""
        return [
            argument
            for step in self.pending()
            for argument in step.arguments
            if argument.source == "user" and not find_words(self.said, [argument.surface])
        ]

    def resolve(self, argument: PlannedArgument) -> Any:
        """The value that an argument takes from an earlier result; None when that has none."""
        if argument.step is None or argument.result is None or argument.step >= len(self.results):
            return None
        return at_pointer(self.results[argument.step], argument.result)

    def needs_later(self) -> tuple[Need, ...]:
        """What the next step's result must have, because later calls use it."""
        step = len(self.results)
        return tuple(
            Need(path=argument.result, tool=later.tool, argument=argument.argument)
            for later in self.plan.steps[step + 1 :]
            for argument in later.arguments
            if argument.step == step and argument.result
        )

    def needed_later(self) -> frozenset[str]:
        """The paths (`/threads/*/id`) of that."""
        return frozenset(need.path for need in self.needs_later())

    def executed(self, tool: str, content: Any) -> None:
        """A call was made: the next step's, if it calls the same tool."""
        following = self.plan.steps[len(self.results) :]
        if following and following[0].tool == tool:
            self.results.append(content)

    def say(self, message: Message) -> None:
        self.messages.append(message)
        if message.role == "user" and message.content:
            self.said = f"{self.said}\n{message.content}" if self.said else message.content

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


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
