"""A judge without a model: the same four scales, from what the rules found and what can be counted.

Each finding has its price on each scale, and so have goals of the plan that were not reached, questions that had to
be asked, formulas and repetitions. How far it agrees with a person is measured in `tests/unit/roles/test_labelled.py`.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from funcdex_assets.checks.rules.case import failed
from funcdex_assets.judging.turn_verdicts import turn_verdicts
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import Message
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.verdict import SCALES, TurnScore, Verdict
from funcdex_assets.tool_graph.equivalent_tools import same_things

# Points that a finding costs: clarity of the user, tool use, naturalness, completion.
Price = tuple[int, int, int, int]
BLOCKING: Price = (0, 2, 0, 1)
MINOR: Price = (0, 1, 0, 1)
PRICES: dict[str, Price] = {
    "structure": (0, 3, 2, 2),
    "no_call": (0, 3, 0, 4),
    "needless_call": (0, 3, 0, 1),
    "too_few_user_messages": (0, 0, 0, 2),
    "unanswered_request": (0, 1, 1, 3),
    "ungrounded_argument": (0, 3, 0, 1),
    "contradicts_user": (0, 3, 0, 2),
    "repeated_call": (0, 2, 1, 0),
    "false_success": (0, 3, 0, 3),
    "unsupported_claim": (0, 2, 0, 1),
    "placeholder_content": (0, 2, 2, 1),
    "leaked_markup": (0, 1, 3, 0),
    "leaked_thought": (0, 0, 3, 0),
    "broken_characters": (0, 0, 2, 0),
    "wrong_speaker": (1, 0, 3, 0),
    "wrong_language": (0, 0, 3, 1),
    "personal_data": (0, 0, 2, 0),
    "degenerate_repetition": (0, 0, 3, 0),
    "repeated_message": (0, 0, 2, 0),
}
_SPEECH: dict[str, Price] = {"user": (3, 0, 3, 0), "assistant": (0, 0, 3, 2)}  # of gibberish, by who says it
_FORMULA = re.compile(r"U(?<!\wU)se .{1,80} as the|F(?<!\wF)or the [a-z ]+:|T(?<!\wT)he [a-z ]+ should be")
_BETWEEN_SENTENCES = re.compile(r"\s(?<=[.!?]\s)\s*")
_LONG_MESSAGE = 110  # words
_SAME_OPENINGS = 3


@dataclass(frozen=True)
class Measures:
    """What is counted: `reached` of the plan's steps, errors that were made good, and how it is said."""

    steps: int
    reached: int
    errors: int
    recovered: int
    stubborn: int
    questions: int
    formulas: int
    longest: int
    repeated: int
    openings: int


def measure(plan: ConversationPlan, messages: Sequence[Message]) -> Measures:
    errors, recovered, stubborn = _errors(messages)
    formulas, longest, repeated, openings = _style(messages)
    return Measures(
        steps=len(plan.steps),
        reached=_reached(plan, messages),
        errors=errors,
        recovered=recovered,
        stubborn=stubborn,
        questions=sum(_asks_back(messages, index) for index in range(len(messages))),
        formulas=formulas,
        longest=longest,
        repeated=repeated,
        openings=openings,
    )


def judged(plan: ConversationPlan, messages: Sequence[Message], findings: Sequence[Finding]) -> Verdict:
    """The verdict on a conversation; a turn is as good as what was found in it."""
    made = measure(plan, messages)
    prices = [_price(finding, messages) for finding in findings]
    clarity, tool_use, naturalness, completion = (sum(column) for column in zip((0, 0, 0, 0), *prices, strict=True))
    clarity += min(made.questions, 2) + (made.formulas >= 3)
    tool_use += made.stubborn
    naturalness += (made.formulas >= 2) + (made.longest > _LONG_MESSAGE) + min(2, made.repeated)
    naturalness += made.openings >= _SAME_OPENINGS
    completion += 2 * (made.steps - made.reached)
    scores = (max(1, 5 - lost) for lost in (clarity, tool_use, naturalness, completion))
    turns = turn_verdicts(messages, findings)
    return Verdict(
        reasoning=_reasoning(made, findings),
        **dict(zip(SCALES, scores, strict=True)),
        turns=tuple(TurnScore(turn=one.turn, reason=one.reason, score=one.score, ok=one.ok) for one in turns),
    )


def _price(finding: Finding, messages: Sequence[Message]) -> Price:
    if finding.rule == "gibberish" and finding.message is not None:
        return _SPEECH["user" if messages[finding.message].role == "user" else "assistant"]
    return PRICES.get(finding.rule, BLOCKING if finding.blocking else MINOR)


def _reasoning(made: Measures, findings: Sequence[Finding]) -> str:
    blocking = sum(finding.blocking for finding in findings)
    rules = ", ".join(f"{rule} {count}" for rule, count in Counter(finding.rule for finding in findings).items())
    return (
        f"{made.reached} of {made.steps} intended calls were made; {blocking} blocking and {len(findings) - blocking} "
        f"minor findings{f' ({rules})' if rules else ''}. "
        f"{made.recovered} of {made.errors} failed calls were made good. "
        f"The assistant had to ask back {made.questions} times. {made.formulas} formulaic sentences, "
        f"{made.repeated} repeated, longest user message {made.longest} words."
    )


def _reached(plan: ConversationPlan, messages: Sequence[Message]) -> int:
    """Steps whose tool was called with success; of a step that is to fail, the call is enough."""
    well: Counter[str] = Counter()
    badly: Counter[str] = Counter()
    for message in messages:
        if message.result is not None:
            (badly if failed(message.result) else well)[message.result.name] += 1
    reached = 0
    for step in sorted(plan.steps, key=lambda step: step.fault is None):  # failures first: they need no success
        for made in (badly, well) if step.fault else (well,):
            if made[step.tool]:
                made[step.tool] -= 1
                reached += 1
                break
    return reached


def _errors(messages: Sequence[Message]) -> tuple[int, int, int]:
    """Failed calls, those whose tool then worked, or another in its place, and those that were made a third time
    just as before.
    """
    results = [message.result for message in messages if message.result is not None]
    calls = {call.id: call for message in messages for call in message.tool_calls}
    lost = [(at, result) for at, result in enumerate(results) if failed(result)]
    recovered = sum(
        any(
            (later.name == result.name or same_things(later.name, result.name)) and not failed(later)
            for later in results[at + 1 :]
        )
        for at, result in lost
    )
    same = Counter((result.name, str(calls[result.call_id].arguments)) for _, result in lost if result.call_id in calls)
    return len(lost), recovered, sum(max(0, count - 2) for count in same.values())


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


def _style(messages: Sequence[Message]) -> tuple[int, int, int, int]:
    """Formulaic sentences, words of the longest user message, sentences said more than once, and the most replies
    that begin with the same three words.
    """
    users = [message.content or "" for message in messages if message.role == "user"]
    formulas = sum(len(_FORMULA.findall(text)) for text in users)
    said = Counter(
        sentence
        for message in messages
        if message.content
        for sentence in _BETWEEN_SENTENCES.split(message.content)
        if len(sentence) > 12
    )
    longest = max((len(text.split()) for text in users), default=0)
    replies = [message.content for message in messages if message.role == "assistant" and message.content]
    openings = Counter(" ".join(text.split()[:3]).lower() for text in replies if text.count(" ") > 2)
    repeated = sum(count - 1 for count in said.values() if count > 1)
    return formulas, longest, repeated, max(openings.values(), default=0)
