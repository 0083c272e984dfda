"""Scores a finished conversation, 1 to 5 on four scales, reasoning first.

Offline, the scores follow from what can be counted: findings, questions that had to be asked, steps
left undone, repetition. A verdict outside the scale is not an answer (`Role.play` asks again).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from funcdex_assets.dml.render import render
from funcdex_assets.inference.protocol import Sampling
from funcdex_assets.records import SCALES, ConversationPlan, Finding, Message, Tool, Verdict
from funcdex_assets.roles.role import Role

_FORMULA = re.compile(r"\b(?:Use .{1,80} as the|For the [a-z ]+:|The [a-z ]+ should be)")
_LONG_MESSAGE = 110  # words


@dataclass(frozen=True)
class JudgeBrief:
    plan: ConversationPlan
    messages: Sequence[Message]
    tools: Sequence[Tool]
    findings: tuple[Finding, ...]


def _variables(brief: JudgeBrief) -> dict[str, object]:
    return {
        "tools": "\n".join(f"- {tool.name}: {tool.description}" for tool in brief.tools),
        "conversation": render(brief.messages),
        "findings": "\n".join(f"- {finding.rule}: {finding.text}" for finding in brief.findings) or "- none",
    }


def _improvise(brief: JudgeBrief, rng: Random) -> Verdict:  # noqa: ARG001
    blocking = sum(finding.blocking for finding in brief.findings)
    minor = len(brief.findings) - blocking
    questions = sum(_asks_back(brief.messages, index) for index in range(len(brief.messages)))
    made = sum(len(message.tool_calls) for message in brief.messages)
    undone = max(0, len(brief.plan.steps) - made)
    formulas, longest, repeated = _style(brief.messages)
    clarity = 5 - min(questions, 2) - (formulas >= 3)
    tool_use = 5 - min(4, 2 * blocking + minor)
    naturalness = 5 - (formulas >= 2) - (longest > _LONG_MESSAGE) - min(2, repeated)
    completion = 5 - min(4, 2 * undone + blocking + minor)
    reasoning = (
        f"{made} of {len(brief.plan.steps)} intended calls were made; {blocking} blocking and {minor} minor findings. "
        f"The assistant had to ask back {questions} times. {formulas} formulaic sentences, {repeated} repeated, "
        f"longest user message {longest} words."
    )
    scores = (max(1, min(5, score)) for score in (clarity, tool_use, naturalness, completion))
    return Verdict(reasoning=reasoning, **dict(zip(SCALES, scores, strict=True)))


def _asks_back(messages: Sequence[Message], index: int) -> bool:
    """An assistant's question right after the user spoke, instead of a call or an answer."""
    message = messages[index]
    before = messages[index - 1] if index else None
    return (
        message.role == "assistant"
        and not message.tool_calls
        and before is not None
        and before.role == "user"
        and "?" in (message.content or "")
        and index < len(messages) - 1
    )


def _style(messages: Sequence[Message]) -> tuple[int, int, int]:
    """Formulaic sentences, words of the longest user message, sentences said more than once."""
    users = [message.content or "" for message in messages if message.role == "user"]
    formulas = sum(len(_FORMULA.findall(text)) for text in users)
    said = Counter(
        sentence
        for message in messages
        if message.content
        for sentence in re.split(r"(?<=[.!?])\s+", message.content)
        if len(sentence) > 12
    )
    longest = max((len(text.split()) for text in users), default=0)
    return formulas, longest, sum(count - 1 for count in said.values() if count > 1)


ROLE = Role("judge", Verdict, _variables, _improvise, Sampling(temperature=0.0))
