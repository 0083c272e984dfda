"""A judge without a model: scores the same four scales from the findings of the rules and from what can be measured.

Belongs here: how a score is made. Faults of form (a broken structure, an invented value) have fixed prices in whole
points, for they are wrong in any conversation; faults of substance and style cost what readers took off for them, by
`prices.json`. How the prices were fitted, and how far the judge agrees with readers, is in `docs/judging.md`.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec

from funcdex_assets.checks.rules.case import has_failed
from funcdex_assets.judging.features import FAMILY_OF_RULE, MEASURES, measure_features
from funcdex_assets.judging.turn_verdicts import judge_turns
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import Message
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.verdict import SCALES, TurnScore, Verdict
from funcdex_assets.tool_graph.equivalent_tools import reads_same_things

# Points that a finding costs on each scale: clarity of the user, tool use, naturalness, completion.
Price = tuple[int, int, int, int]
BLOCKING: Price = (0, 2, 0, 1)
MINOR: Price = (0, 1, 0, 1)
PRICES: dict[str, Price] = {
    "structure": (0, 3, 4, 4),  # what is no conversation has no style either
    "no_call": (0, 3, 0, 4),
    "needless_call": (0, 3, 0, 1),
    "too_few_user_messages": (0, 0, 0, 2),
    "second_user_message": (0, 0, 0, 2),
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
    "uncited_answer": (0, 1, 1, 2),  # a reply without values has no lists of fields, which would speak for it
    "untold_lookup": (0, 1, 0, 2),
}
_GIBBERISH_PRICES: dict[str, Price] = {
    "user": (3, 0, 3, 0),
    "assistant": (0, 0, 3, 2),
}  # price of gibberish by the role of its speaker
_FORMULAIC_SENTENCE = re.compile(r"U(?<!\wU)se .{1,80} as the|F(?<!\wF)or the [a-z ]+:|T(?<!\wT)he [a-z ]+ should be")
_BETWEEN_SENTENCES = re.compile(r"\s(?<=[.!?]\s)\s*")
_MAX_NATURAL_WORDS = 110  # words
_MOST_FOR_STYLE = 3.0  # points
_MIN_SAME_OPENINGS = 3


@dataclass(frozen=True)
class Measures:
    """Counts of a conversation.

    `reached_steps` of the plan's `steps`, `recovered_errors` of all `errors`, `stubborn_retries` that repeat a failed
    call a third time or more, `questions` that the assistant had to ask, `longest_user_message` in words,
    `same_openings` as the most replies that begin with the same three words.
    """

    steps: int
    reached_steps: int
    errors: int
    recovered_errors: int
    stubborn_retries: int
    questions: int
    formulaic_sentences: int
    longest_user_message: int
    repeated_sentences: int
    same_openings: int


def measure_conversation(plan: ConversationPlan | None, messages: Sequence[Message]) -> Measures:
    """Counts everything that the verdict depends on beside the findings."""
    errors, recovered, stubborn = _count_errors(messages)
    formulas, longest, repeated, openings = _measure_style(messages)
    return Measures(
        steps=len(plan.steps) if plan else 0,
        reached_steps=_count_reached_steps(plan, messages) if plan else 0,
        errors=errors,
        recovered_errors=recovered,
        stubborn_retries=stubborn,
        questions=sum(_is_question_back(messages, index) for index in range(len(messages))),
        formulaic_sentences=formulas,
        longest_user_message=longest,
        repeated_sentences=repeated,
        same_openings=openings,
    )


@cache
def load_prices() -> dict[str, dict[str, float]]:
    """Returns the fitted price of each feature, in points, by scale; a feature that is not listed costs nothing."""
    content = files("funcdex_assets.judging").joinpath("prices.json").read_bytes()
    return msgspec.json.decode(content, type=dict[str, dict[str, float]])


def predict_scores(features: Mapping[str, float], prices: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Returns the score on each scale that readers would give, not rounded, from 1 to 5.

    Style alone makes no 1: of 240 marks for naturalness that readers gave, one was a 1.
    """
    predicted = {}
    for scale in SCALES:
        costs = {feature: price * features[feature] for feature, price in prices[scale].items()}
        style = sum(cost for feature, cost in costs.items() if feature in MEASURES)
        predicted[scale] = max(1.0, 5 - min(style, _MOST_FOR_STYLE) - (sum(costs.values()) - style))
    return predicted


def judge_conversation(
    plan: ConversationPlan | None, messages: Sequence[Message], findings: Sequence[Finding]
) -> Verdict:
    """Returns the verdict on a conversation; a turn's score follows from the findings in it.

    Without a plan it does not matter which calls were intended.
    """
    measures = measure_conversation(plan, messages)
    predicted = predict_scores(measure_features(messages, findings), load_prices())
    prices = [_find_price(finding, messages) for finding in findings if finding.rule not in FAMILY_OF_RULE]
    clarity, tool_use, naturalness, completion = (sum(column) for column in zip((0, 0, 0, 0), *prices, strict=True))
    if measures.formulaic_sentences >= 3:
        clarity += 1
    tool_use += measures.stubborn_retries
    naturalness += min(2, measures.repeated_sentences)
    if measures.formulaic_sentences >= 2:
        naturalness += 1
    if measures.longest_user_message > _MAX_NATURAL_WORDS:
        naturalness += 1
    if measures.same_openings >= _MIN_SAME_OPENINGS:
        naturalness += 1
    completion += 2 * (measures.steps - measures.reached_steps)
    lost_points = dict(zip(SCALES, (clarity, tool_use, naturalness, completion), strict=True))
    scores = {scale: max(1, round(predicted[scale]) - lost_points[scale]) for scale in SCALES}
    turns = judge_turns(messages, findings)
    return Verdict(
        reasoning=_write_reasoning(measures, findings),
        user_query_clarity=scores["user_query_clarity"],
        tool_use_quality=scores["tool_use_quality"],
        naturalness=scores["naturalness"],
        task_completion=scores["task_completion"],
        turns=tuple(
            TurnScore(turn=verdict.turn, reason=verdict.reason, score=verdict.score, ok=verdict.ok) for verdict in turns
        ),
    )


def _find_price(finding: Finding, messages: Sequence[Message]) -> Price:
    """Returns the points that a finding costs on each scale."""
    if finding.rule == "gibberish" and finding.message is not None:
        return _GIBBERISH_PRICES["user" if messages[finding.message].role == "user" else "assistant"]
    return PRICES.get(finding.rule, BLOCKING if finding.blocking else MINOR)


def _write_reasoning(measures: Measures, findings: Sequence[Finding]) -> str:
    """Sums up counts and findings in a few sentences."""
    blocking = sum(finding.blocking for finding in findings)
    rules = ", ".join(f"{rule} {count}" for rule, count in Counter(finding.rule for finding in findings).items())
    return (
        f"{measures.reached_steps} of {measures.steps} intended calls were made; {blocking} blocking and "
        f"{len(findings) - blocking} minor findings{f' ({rules})' if rules else ''}. "
        f"{measures.recovered_errors} of {measures.errors} failed calls were made good. "
        f"The assistant had to ask back {measures.questions} times. "
        f"{measures.formulaic_sentences} formulaic sentences, {measures.repeated_sentences} repeated, "
        f"longest user message {measures.longest_user_message} words."
    )


def _count_reached_steps(plan: ConversationPlan, messages: Sequence[Message]) -> int:
    """Counts the steps whose tool was called with success; for a step that is planned to fail, a failed call
    is enough.
    """
    succeeded: Counter[str] = Counter()
    failed_calls: Counter[str] = Counter()
    for message in messages:
        if message.result is not None:
            calls_by_tool = failed_calls if has_failed(message.result) else succeeded
            calls_by_tool[message.result.name] += 1
    reached = 0
    for step in sorted(plan.steps, key=lambda step: step.fault is None):  # failures first: they need no success
        for calls in (failed_calls, succeeded) if step.fault else (succeeded,):
            if calls[step.tool]:
                calls[step.tool] -= 1
                reached += 1
                break
    return reached


def _count_errors(messages: Sequence[Message]) -> tuple[int, int, int]:
    """Counts failed calls; those whose tool, or a substitute for it, then worked; and those repeated unchanged a third
    time or more.
    """
    results = [message.result for message in messages if message.result is not None]
    calls = {call.id: call for message in messages for call in message.tool_calls}
    failures = [(position, result) for position, result in enumerate(results) if has_failed(result)]
    recovered = sum(
        any(
            (later.name == result.name or reads_same_things(later.name, result.name)) and not has_failed(later)
            for later in results[position + 1 :]
        )
        for position, result in failures
    )
    attempts_by_call = Counter(
        (result.name, str(calls[result.call_id].arguments)) for _, result in failures if result.call_id in calls
    )
    return len(failures), recovered, sum(max(0, count - 2) for count in attempts_by_call.values())


def _is_question_back(messages: Sequence[Message], index: int) -> bool:
    """True if the assistant asks right after the user spoke, instead of calling or answering."""
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


def _measure_style(messages: Sequence[Message]) -> tuple[int, int, int, int]:
    """Counts formulaic sentences, words of the longest user message, sentences said more than once, and the most
    replies that begin with the same three words.
    """
    user_texts = [message.content or "" for message in messages if message.role == "user"]
    formulas = sum(len(_FORMULAIC_SENTENCE.findall(text)) for text in user_texts)
    sentence_counts = Counter(
        sentence
        for message in messages
        if message.content
        for sentence in _BETWEEN_SENTENCES.split(message.content)
        if len(sentence) > 12
    )
    longest = max((len(text.split()) for text in user_texts), default=0)
    replies = [message.content for message in messages if message.role == "assistant" and message.content]
    openings = Counter(" ".join(text.split()[:3]).lower() for text in replies if text.count(" ") > 2)
    repeated = sum(count - 1 for count in sentence_counts.values() if count > 1)
    return formulas, longest, repeated, max(openings.values(), default=0)
