"""Rules about the shape of a conversation: order of the speakers, number of turns, and presence of calls.

Belongs here: findings that need neither the arguments nor the values of results.
"""

import re
from collections.abc import Iterator

from funcdex_assets.checks.rules.case import Case
from funcdex_assets.dml.markup import DMLError
from funcdex_assets.dml.structure import check_conversation
from funcdex_assets.records.conversation import Finding

MIN_USER_MESSAGES = 2
_PROMISE = re.compile(
    r"^(?:(?:sure|okay|ok|of course|certainly|great|alright|absolutely|no problem|right away|got it)\b[^.!?\n]{0,20}"
    r"[.,!:—-]\s*)*"
    r"(?:(?:I'll|I will|let me|I'm going to|I am going to)\s+(?:just |now |quickly |go ahead and )*"
    r"(?:look|check|find|search|get|pull|fetch|send|create|update|delete|do|see|set|schedule|add|run)\b"
    r"|(?:one|just a|give me a) (?:moment|second|minute)|hold on|working on it|on it\b)",
    re.IGNORECASE,
)
_CONDITION_OR_QUESTION = re.compile(
    r"\?|\b(?:if|when|once|unless|but|sorry|unfortunately|cannot|can't|need|before|whenever|next time)\b", re.IGNORECASE
)
_LETTER = re.compile(r"\w")


def structure(case: Case) -> Iterator[Finding]:
    """Messages that do not make a conversation: order, pairing of calls and results, ids, empty texts."""
    try:
        check_conversation(case.messages)
    except DMLError as error:
        yield Finding(rule="structure", text=str(error))


def no_call(case: Case) -> Iterator[Finding]:
    """A conversation without a single call, although the request needs one."""
    if case.calls_wanted and not any(message.tool_calls for message in case.messages):
        yield Finding(rule="no_call", text="No tool is called in the whole conversation")


def needless_call(case: Case) -> Iterator[Finding]:
    """A call though no tool suits what the user wants, or though it should have asked: nothing was to be called."""
    if not case.calls_wanted:
        for index, message in enumerate(case.messages):
            for call in message.tool_calls:
                yield Finding(
                    rule="needless_call",
                    message=index,
                    text=f"{call.id} calls {call.name!r}, though no tool suits what the user wants",
                )


def too_few_user_messages(case: Case) -> Iterator[Finding]:
    """A conversation in which the user speaks only once is not multi-turn, unless it is meant to have one turn."""
    user_messages = sum(message.role == "user" for message in case.messages)
    if user_messages < MIN_USER_MESSAGES and not is_single_turn(case):
        yield Finding(
            rule="too_few_user_messages",
            text=f"The user speaks {user_messages} times, fewer than {MIN_USER_MESSAGES}",
        )


def second_user_message(case: Case) -> Iterator[Finding]:
    """A conversation of one request in which the user speaks again."""
    places = [index for index, message in enumerate(case.messages) if message.role == "user"]
    if is_single_turn(case) and len(places) > 1:
        yield Finding(
            rule="second_user_message",
            message=places[1],
            text=f"The user speaks {len(places)} times in a conversation of a single turn",
        )


def is_single_turn(case: Case) -> bool:
    """True if the conversation is meant to have one request, and nothing of the user's after it."""
    return case.situation.scenario.kind == "single_turn"


def unanswered_request(case: Case) -> Iterator[Finding]:
    """A turn that ends without an answer: the assistant promises to act and does not, or says no word.

    The judge decides whether an answer fits the request; a missing last message is found by `structure`.
    """
    for turn in case.turns:
        last = turn.end - 1
        message = case.messages[last]
        if message.role != "assistant" or message.tool_calls:
            continue
        text = case.speech[last]
        has_result = any(case.messages[index].result is not None for index in range(turn.start, last))
        is_promise = (
            not has_result and len(text) < 200 and _PROMISE.match(text) and not _CONDITION_OR_QUESTION.search(text)
        )
        if is_promise or (text and not _LETTER.search(text)):
            yield Finding(
                rule="unanswered_request",
                message=last,
                text=f"The user gets no answer, only {text[:80]!r}",
            )
