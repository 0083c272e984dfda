"""Holds what a judge says against what was said: the faults that it may name, and the quotes that prove them.

Belongs here: the names of the faults, and what follows from a fault that is proven. What each means in words stands in
`roles/judge.md`, in the same order. A fault that is added there is added here.

>>> messages = [Message(role="user", content="How many?"), Message(role="assistant", content="There are  nine.")]
>>> said = Verdict(reasoning="", user_query_clarity=5, tool_use_quality=5, naturalness=5, task_completion=5, evidence=(
...     Evidence(fault="false_count", message=1, quote="there are nine"),
...     Evidence(fault="false_claim", message=1, quote="All of them are late.")))
>>> grounded, unsupported = ground_verdict(said, messages)
>>> [evidence.fault for evidence in grounded.evidence], unsupported, [turn.ok for turn in grounded.turns]
(['false_count'], 1, [False])
"""

import re
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from funcdex_assets.judging.transcript import render_message_text
from funcdex_assets.judging.turn_verdicts import split_into_turns
from funcdex_assets.records.message import Message
from funcdex_assets.records.verdict import Evidence, TurnScore, Verdict

FAULTS: Mapping[str, bool] = {
    "contradiction": True,
    "wrong_call": True,
    "silent_choice": True,
    "needless_question": True,
    "unanswered": True,
    "attribute_left_out": True,
    "false_count": True,
    "not_all": True,
    "false_claim": True,
    "odd_success": True,
    "unexplained_error": True,
    "held_back_calls": False,
    "bare_money": False,
    "uneven_treatment": False,
    "early_retry": False,
    "short_page": False,
    "against_the_clock": False,
    "praise_after_refusal": False,
    "loose_topic": False,
    "spelled_out": False,
    "misfit_value": False,
}
"""The faults that a judge is asked for, and whether each makes a conversation wrong or only lowers a score. They are
those of the rules (`checks/findings.py`), several rules to some faults, and block where these block."""

OTHER = "other"
"""The name under which a fault is kept that is none of these; it makes nothing wrong by itself."""

MIN_QUOTE = 3
"""Characters without spaces: a shorter quote stands in nearly every message and proves nothing."""

MAX_STORED_QUOTE = 300
"""Characters of a quote that are stored, some fifty words."""

_WRONG_TURN_SCORE = 3
"""The best score of a turn with a fault that makes it wrong: what a blocking finding leaves in `judge_turns`."""

_LABEL = re.compile(
    r"\s*(?:\[\d+\]\s*)?(?:(?:user|assistant|thought|(?:(?:result|error) of )?call_\d+):)?", re.IGNORECASE
)
_ALIKE = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " "})


def is_blocking(evidence: Evidence) -> bool:
    """True if the fault makes a conversation wrong."""
    return FAULTS.get(evidence.fault, False)


def ground_verdict(verdict: Verdict, messages: Sequence[Message]) -> tuple[Verdict, int]:
    """Returns the verdict with the evidence that the messages support, and how much else was dropped.

    A turn with evidence of a fault that makes it wrong is not ok, whatever else the judge says of it. The four scores
    stay as they are.
    """
    supported = tuple(
        replace(
            evidence,
            fault=evidence.fault if evidence.fault in FAULTS else OTHER,
            quote=evidence.quote[:MAX_STORED_QUOTE],
        )
        for evidence in verdict.evidence
        if _is_supported(evidence, messages)
    )
    grounded = replace(verdict, evidence=supported, turns=_mark_wrong_turns(verdict.turns, supported, messages))
    return grounded, len(verdict.evidence) - len(supported)


def merge_evidence(verdicts: Sequence[Verdict]) -> tuple[Evidence, ...]:
    """Collects the evidence of several verdicts, each fault of a message once."""
    first_by_place: dict[tuple[str, int], Evidence] = {}
    for verdict in verdicts:
        for evidence in verdict.evidence:
            first_by_place.setdefault((evidence.fault, evidence.message), evidence)
    return tuple(first_by_place.values())


def _is_supported(evidence: Evidence, messages: Sequence[Message]) -> bool:
    """True if the quote stands in the message that the evidence names."""
    if not 0 <= evidence.message < len(messages):
        return False
    quote = _fold(_LABEL.sub("", evidence.quote, count=1).strip("\"'“”‘’ \n"))
    return len(quote) >= MIN_QUOTE and quote in _fold(render_message_text(messages[evidence.message]))


def _fold(text: str) -> str:
    """Folds what a quote need not keep: white space, case, the form of quotation marks, the escapes of JSON."""
    unescaped = text.replace("\\n", " ").replace("\\t", " ").replace('\\"', '"')
    return "".join(unescaped.translate(_ALIKE).split()).casefold()


def _mark_wrong_turns(
    turns: Sequence[TurnScore], evidence: Sequence[Evidence], messages: Sequence[Message]
) -> tuple[TurnScore, ...]:
    """Returns the judge's word on the turns, with those not ok in which it named a fault that makes them wrong; one of
    which it said nothing is added.
    """
    said = {turn.turn: turn for turn in turns}
    for turn, (first, last) in enumerate(split_into_turns([message.role for message in messages])):
        wrong = [each for each in evidence if first <= each.message <= last and is_blocking(each)]
        if not wrong:
            continue
        named = "; ".join(f"{each.fault}: {each.quote}" for each in wrong)
        word = said.get(turn)
        if word is None:
            said[turn] = TurnScore(turn=turn, reason=named, score=_WRONG_TURN_SCORE, ok=False)
        else:
            reason = word.reason if not word.ok else f"{named}; {word.reason}" if word.reason else named
            said[turn] = replace(word, reason=reason, score=min(word.score, _WRONG_TURN_SCORE), ok=False)
    return tuple(said[turn] for turn in sorted(said))
