"""Reads what a user asks for in a message: its clauses, and the clause that a call answers.

Belongs here: the division of a request into its parts, and what counts as an answer to a result. No judgement.

>>> split_clauses('List my tags, at most 3. Find "a. b" and then copy it.')
['List my tags, at most 3.', 'Find "a. b"', 'copy it.']
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from funcdex_assets.checks.rules.case import Case, Turn, has_failed
from funcdex_assets.records.message import ToolCall
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.tool_names import ACTIONS, parse_tool_name
from funcdex_assets.semantics.vocabulary import READING_ACTIONS

_QUOTED = re.compile(r"[\"“][^\"“”]*[\"”]")
_BETWEEN_CLAUSES = re.compile(
    r"(?<=[.!?;\n])\s+|\b(?:and )?then,? |\b[Aa]fter that,? "
    r"|, and (?=(?:please |also |then )?(?:\w+ me|give|show|get|list|tell|let)\b)"
)
_POLITE = (
    r"(?:\W|\b(?:please|kindly|could|can|would|will|you|may|i|and|also|so|now|okay|ok|right|well|let's|let us|"
    r"be a dear|first|next|just|hi|hello|hey|then|ask|to|like|want|need|love|i'd|have|try|go|ahead|would it be|"
    r"possible|us|me|my|number|one|two|begin|gently|start)\b)*"
)
_ASKS = re.compile(
    rf"^{_POLITE}(?:what|which|who|whose|who's|what's|when|where|how|is|are|do|does|did|has|have|any(?= \w)|show|list|"
    r"find|search|look|check|pull|see|give|tell|get|fetch|browse|run|read|open|view|display|bring|go through)\b"
    r"|\b(?:what|which|who|whose|when|where|how (?:many|much|is|are|do))\b[^.!?]*\?"
    r"|\bshow me\b|\btell me\b|\bgive me\b|\boverview\b|\bshould be (?:something|an?)\b"
    r"|\b(?:I'd|I would) like to (?:see|know)\b|\bI need (?:the|my|our|a list)\b|\bI'm trying to\b",
    re.IGNORECASE,
)
_READING_VERBS = frozenset((ACTIONS["list"] + " get read retrieve show view download describe open").split())


@lru_cache(4096)
def split_clauses(text: str) -> list[str]:
    """Splits a request into its sentences, and these at "then"; quoted words are never divided."""
    masked = _QUOTED.sub(lambda match: "x" * len(match[0]), text)
    clauses, start = [], 0
    for match in _BETWEEN_CLAUSES.finditer(masked):
        clauses.append(text[start : match.start()].strip())
        start = match.end()
    clauses.append(text[start:].strip())
    return [clause for clause in clauses if clause]


def is_asking(clause: str) -> bool:
    """True if a clause wants to be told something: it is a question, or says show, list, find."""
    return _ASKS.search(clause) is not None


def is_reading(call: ToolCall) -> bool:
    """True if a call looks something up. Of a tool without a known verb, such as `SILENCE_ALERT`, nobody knows."""
    name = parse_tool_name(call.name)
    return name.action in READING_ACTIONS and name.verb in _READING_VERBS


def find_clause(case: Case, turn: Turn, call: ToolCall) -> str | None:
    """Returns the clause of the user that a call answers: that which its arguments were said in, or has its nouns.

    A call that is made once more after it failed answers what it was made for at first. Where there is only one clause,
    the only call answers it. None if no clause fits.
    """
    asked_at = find_request(case, _find_first_attempt(case, turn, call))
    text = " ".join(case.speech[start] for start in asked_at)
    name = parse_tool_name(call.name)
    nouns = {*name.words, name.noun}
    spans = [
        source.evidence.lower()
        for source in case.provenance
        if source.call_id == call.id and source.source == "user" and source.message in asked_at and source.evidence
    ]
    clauses = split_clauses(text)
    scores = [
        (
            2 * sum(span in clause.lower() for span in spans) + len(nouns & _list_stems(clause)),
            -position,
        )
        for position, clause in enumerate(clauses)
    ]
    best = max(scores, default=(0, 0))
    if best[0] > 0:
        return clauses[-best[1]]
    calls = [other for index in range(turn.start, turn.end) for other in case.messages[index].tool_calls]
    return clauses[0] if len(clauses) == 1 and calls == [call] else None


def find_request(case: Case, turn: Turn) -> list[int]:
    """Returns the user messages that make up a request: that of the turn, and those that were asked back on."""
    starts = [turn.start]
    for earlier in reversed([other for other in case.turns if other.start < turn.start]):
        acted = any(
            parse_tool_name(call.name).action not in READING_ACTIONS
            for index in range(earlier.start, earlier.end)
            for call in case.messages[index].tool_calls
        )
        if (
            acted
            or not asks_back(case.speech[earlier.end - 1])
            or is_asking(split_clauses(case.speech[starts[0]])[0] if case.speech[starts[0]].strip() else "")
        ):
            break
        starts.insert(0, earlier.start)
    return starts


def asks_back(text: str) -> bool:
    """True if the assistant asks for something that it needs, rather than making talk."""
    return _ASKS_BACK.search(text) is not None


_ASKS_BACK = re.compile(
    r"\?\s*$|(?<!if )\b(?:I(?:'d|’d| would)? (?:still |only |also |just )?need\b|"
    r"please (?:specify|tell me|provide|give|name)|"
    r"(?:tell|give) me the\b|let me (?:know|have)\b|"
    r"is missing|am missing|short of|what I lack|one gap)",
    re.IGNORECASE,
)


def _find_first_attempt(case: Case, turn: Turn, call: ToolCall) -> Turn:
    """Returns the turn in which a call was asked for: an earlier one, if the same call failed in it."""
    for earlier in case.turns:
        if earlier.start >= turn.start:
            break
        for index in range(earlier.start, earlier.end):
            other = case.calls_by_result.get(index)
            if (
                other is not None
                and other.name == call.name
                and other.arguments == call.arguments
                and (result := case.messages[index].result)
                and has_failed(result)
            ):
                return earlier
    return turn


@lru_cache(4096)
def _list_stems(clause: str) -> frozenset[str]:
    """The words of a clause in the singular, without what is quoted."""
    return frozenset(to_singular(word) for word in split_words(_QUOTED.sub(" ", clause)))


def names_subject(clause: str, call: ToolCall, toolkit: str) -> bool:
    """True if a clause speaks of the things or of the service that a call is about."""
    name = parse_tool_name(call.name)
    stems = _list_stems(clause)
    return bool(stems & ({*name.words, name.noun} | set(split_words(toolkit))))


def find_turn(case: Case, index: int) -> Turn | None:
    """Returns the turn in which a message is; None for one before the first user message."""
    return next((turn for turn in case.turns if turn.start <= index < turn.end), None)


def join_answers(case: Case, turn: Turn, index: int) -> str:
    """Returns all that the assistant says in a turn after the result in message `index`, as one text."""
    return " ".join(text for _, text in list_answers(case, turn, index))


def list_answers(case: Case, turn: Turn, index: int) -> Iterator[tuple[int, str]]:
    """Yields (message, text) of what the assistant says in a turn after the result in message `index`."""
    for at in range(index + 1, turn.end):
        if case.messages[at].role == "assistant" and case.speech[at]:
            yield at, case.speech[at]
