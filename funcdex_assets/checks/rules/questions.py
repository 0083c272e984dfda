"""Rules about questions back: for what is not needed, and while calls wait that do not depend on the answer.

Belongs here: what the assistant asks instead of acting. The choice among several things is in `references.py`. The
rules read English, and are silent in other languages.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from funcdex_assets.checks.rules.case import Case, Turn, find_field_name, has_failed
from funcdex_assets.checks.rules.references import list_content_words
from funcdex_assets.checks.rules.requests import find_request, is_reading
from funcdex_assets.checks.rules.things import list_argument_scalars
from funcdex_assets.records.conversation import ArgumentSource, Finding
from funcdex_assets.records.message import ToolCall
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.references import schema_at
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.tool_names import parse_tool_name

_CHOOSES = re.compile(r"\b(?:which (?:one|of)|\bor\b[^.?!]*\?|both of them|either)\b", re.IGNORECASE)
_DECLINES = re.compile(
    r"\b(?:I can't|I cannot|I can’t|not something I can|nothing I have|isn't possible|unable to)\b", re.IGNORECASE
)
_MIN_NAME_LENGTH = 3  # letters of the name of something that a question lets choose
_OFFERS_EXTRAS = re.compile(r"\b(?:should|shall) I (?:also |still )?(?:add|change|include|set|give)\b", re.IGNORECASE)
_GRAVE_VERBS = frozenset("refund pay charge publish transfer wipe".split())
_GRAVE_WORDS = frozenset(
    "sure really delete remove cancel refund pay go ahead ok okay undone shall should want".split()
)
_MAKES_SURE = re.compile(
    r"\b(?:are you sure|sure\?|really|shall I|should I|do you want me to|may I|go ahead"
    r"|can(?:'t|not) be undone|for good)\b",
    re.IGNORECASE,
)


def needless_question(case: Case) -> Iterator[Finding]:
    """A question for nothing that the calls need: for optional arguments, for what was said before, for what changes
    nothing, or for details of what cannot be done.

    Let pass are a choice between things that were found, a question for what a tool that requires nothing at all is to
    act on, and whether something may really be deleted or paid, with its name.
    """
    for turn, question in _iterate_questions(case):
        text = case.speech[question]
        calls = [call for index in range(turn.start, turn.end) for call in case.messages[index].tool_calls]
        if _offers_choice(case, text, question) or _makes_sure(text, calls):
            continue
        answered = [
            (call, source)
            for call in calls
            for source in case.provenance
            if source.call_id == call.id and source.source in ("user", "derived") and source.message == turn.start
        ]
        if reason := _explain_needless_question(case, turn, question, calls, answered):
            yield Finding(rule="needless_question", message=question, text=reason)


def _explain_needless_question(
    case: Case,
    turn: Turn,
    question: int,
    calls: Sequence[ToolCall],
    answered: Sequence[tuple[ToolCall, ArgumentSource]],
) -> str | None:
    """Says why a question was not needed; None if it was."""
    if answered:
        again = next((source for call, source in answered if _was_said_before(case, call, source, turn)), None)
        if again is not None:
            return f"The assistant asks for {again.argument.split('/')[1]}, which the user had given"
        if any(_is_needed(case.find_tool(call.name, turn.end), source.argument, call) for call, source in answered):
            return None
        call, source = answered[0]
        return f"The assistant asks for {find_field_name(source.argument)}, which {call.name} does not require"
    asked = f"The assistant asks {case.speech[question][:60]!r}"
    acting = next((call for call in calls if _acts(call)), None)
    if acting is not None and not _shares_anything(case.speech[turn.start], calls):
        return f"{asked}, and {acting.name} takes nothing from the answer"
    last = turn.end - 1
    has_declined = not calls and case.messages[last].role == "assistant" and _DECLINES.search(case.speech[last])
    return f"{asked} of what it cannot do" if has_declined else None


def _names_call(text: str, call: ToolCall) -> bool:
    """True if a message asks for a call by its verb: it is no mere answer."""
    return parse_tool_name(call.name).verb in split_words(text)


def _acts(call: ToolCall) -> bool:
    """True if a call changes something, or its tool has no verb that is known to look up."""
    return not is_reading(call)


def _makes_sure(text: str, calls: Sequence[ToolCall]) -> bool:
    """True if a question makes sure of a step that cannot be undone, and says what it is about."""
    grave = [
        call
        for call in calls
        if parse_tool_name(call.name).action == "delete" or parse_tool_name(call.name).verb in _GRAVE_VERBS
    ]
    return bool(grave) and _MAKES_SURE.search(text) is not None and bool(list_content_words(text) - _GRAVE_WORDS)


def _offers_choice(case: Case, text: str, question: int) -> bool:
    """True if a question lets the user choose between things that were found, or between two ways of what is asked."""
    if re.search(r"\b(?:which (?:one|of (?:them|these|those|the))|both of them)\b", text, re.IGNORECASE):
        return True
    folded = text.lower()
    if any(
        isinstance(value, str) and len(value) > _MIN_NAME_LENGTH and value.lower() in folded
        for index, values in case.result_values.items()
        if index < question
        for _, value in values
    ):
        return True
    return bool(_CHOOSES.search(text)) and not _OFFERS_EXTRAS.search(text)


def _was_said_before(case: Case, call: ToolCall, source: ArgumentSource, turn: Turn) -> bool:
    """True if a part of the same argument came from what the user said before the question."""
    top = source.argument.split("/")[1]
    return any(
        other.call_id == call.id
        and other.source == "user"
        and other.argument.split("/")[1] == top
        and other.argument != source.argument
        and (other.message or 0) < turn.start
        and isinstance(call.arguments, dict)
        and isinstance(call.arguments.get(top), list)
        for other in case.provenance
    )


def _shares_anything(text: str, calls: Sequence[ToolCall]) -> bool:
    """True if a call has a word or a number of a text."""
    words = list_content_words(text)
    return any(
        words & list_content_words(str(value).replace("_", " "))
        for call in calls
        for _, value in list_argument_scalars(call)
    )


def _iterate_questions(case: Case) -> Iterator[tuple[Turn, int]]:
    """Yields (turn of the answer, message of the question) where the assistant asks instead of acting.

    After a failed call it asks what to do about that; and what names the verb of a call is a request, and no answer.
    """
    for before, turn in pairwise(case.turns if case.is_english else ()):
        question = before.end - 1
        if case.messages[question].role != "assistant":
            continue
        indices = range(before.start, before.end)
        acted = any(_acts(call) for at in indices for call in case.messages[at].tool_calls)
        failed = any((result := case.messages[at].result) is not None and has_failed(result) for at in indices)
        calls = [call for at in range(turn.start, turn.end) for call in case.messages[at].tool_calls]
        is_request = any(_names_call(case.speech[turn.start], call) for call in calls)
        if not (acted or failed or is_request) and find_request(case, turn)[0] < turn.start:
            yield turn, question


def _is_needed(tool: Tool | None, pointer: str, call: ToolCall) -> bool:
    """True if a tool cannot do without an argument, or requires nothing and has to act on something."""
    if tool is None:
        return True
    required = tool.parameters.get("required", ())
    top = pointer.split("/")[1]
    if top in required or any(
        top in option.get("required", ()) for key in ("anyOf", "oneOf") for option in tool.parameters.get(key, ())
    ):
        return True
    schema = schema_at(tool.parameters, f"/{top}") or {}
    is_part = pointer.count("/") > 1 and bool(schema.get("required"))
    return is_part or (not required and _acts(call))


def held_back_calls(case: Case) -> Iterator[Finding]:
    """Calls that wait for the answer to a question which they do not depend on: they could have been made before it.

    Let pass is a call that takes something from the answer, or from the result of one that does.
    """
    for turn, question in _iterate_questions(case):
        waiting, depending = [], set[str]()
        for index in range(turn.start, turn.end):
            for call in case.messages[index].tool_calls:
                sources = [source for source in case.provenance if source.call_id == call.id]
                of_user = [
                    source.message for source in sources if source.source == "user" and source.message is not None
                ]
                if turn.start in of_user or any(source.from_call in depending for source in sources):
                    depending.add(call.id)
                elif any(at < turn.start for at in of_user):
                    waiting.append(call.name)
        if waiting and depending:
            yield Finding(
                rule="held_back_calls",
                message=question,
                blocking=False,
                text=f"{', '.join(dict.fromkeys(waiting))} did not need the answer, and waits for it",
            )
