"""Lets a model serve a person: it is asked, its calls are executed in a world of the toolkit, and it is asked again.

Belongs here: one conversation with a model, message by message. Which model is asked is the caller's choice, and what
a call does is the executor's business.

    conversation = ServedConversation(predictor, tools, executor, "You are a voice assistant.")
    for message in conversation.say("turn the heat to 21"):
        print(message)
"""

from collections.abc import Iterator, Sequence
from typing import Any

from funcdex_assets.environment.executor import Executor, is_acknowledgement
from funcdex_assets.evaluation.free_running import MOST_MOVES
from funcdex_assets.evaluation.predictors import Predictor
from funcdex_assets.records.conversation import SealedCall
from funcdex_assets.records.errors import UserError
from funcdex_assets.records.message import Message, ToolCall
from funcdex_assets.records.openai_messages import to_openai_messages, to_openai_tools
from funcdex_assets.records.tool import Tool
from funcdex_assets.records.training import EvaluationItem


class NoAnswerError(UserError):
    """Raised where the model gave no answer that can be read; the message has what it wrote."""


class ServedConversation:
    """A conversation that goes on; `messages` are those so far, in OpenAI's form.

    Where `calls_alone`, a turn ends with results that only acknowledge their calls, and the model is not shown them, as
    in rows that were published so.
    """

    def __init__(
        self,
        predictor: Predictor,
        tools: Sequence[Tool],
        executor: Executor,
        system_prompt: str | None = None,
        *,
        calls_alone: bool = False,
    ) -> None:
        self._predictor, self._executor, self._calls_alone = predictor, executor, calls_alone
        self._tools = to_openai_tools(tools)
        self._call_count = 0
        self.messages: list[dict[str, Any]] = [{"role": "system", "content": system_prompt}] if system_prompt else []

    def say(self, text: str) -> Iterator[dict[str, Any]]:
        """Says something as the user; yields each message that follows, up to the assistant's reply in words.

        Raises:
            NoAnswerError: the model's answer cannot be read, or it calls tools without end.
            InferenceError: the endpoint cannot be asked.
        """
        self.messages.append({"role": "user", "content": text})
        self._executor.begin_user_turn()
        for _ in range(MOST_MOVES):
            (prediction,) = self._predictor.predict([self._build_item()])
            if prediction.failure is not None:
                raise NoAnswerError(f"{prediction.failure}; it wrote {prediction.raw[:200]!r}")
            calls = [
                ToolCall(id=f"call_{self._call_count + number}", name=call.name, arguments=call.arguments)
                for number, call in enumerate(prediction.calls, start=1)
            ]
            self._call_count += len(calls)
            said = Message(role="assistant", content=prediction.text, tool_calls=tuple(calls))
            self.messages += (written := to_openai_messages([said], None))
            yield from written
            if not calls:
                return
            results = [self._executor.run(call, SealedCall()) for call in calls]
            answers = to_openai_messages([Message(role="tool", result=result) for result in results], None)
            yield from answers
            if self._calls_alone and all(is_acknowledgement(result.content) for result in results):
                return
            self.messages += answers
        raise NoAnswerError(f"it called tools {MOST_MOVES} times in a row without a reply to the user")

    def _build_item(self) -> EvaluationItem:
        return EvaluationItem(
            item_id=f"served:{len(self.messages)}",
            conversation_id="served",
            partition="",
            kind="",
            messages=self.messages,
            tools=self._tools,
            calls=(),
        )
