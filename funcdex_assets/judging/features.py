"""What the heuristic judge looks at: how often each family of faults was found, and what can be measured of the style.

Belongs here: the families, and the measures that no rule objects to by itself. What they cost on each scale is in
`prices.json`, which `scripts/fit_judge.py` fits to readings; how a score is made of them is in `heuristic.py`.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import Message
from funcdex_assets.schema.json_pointers import list_scalars

RULES_OF_FAMILY: Mapping[str, str] = {
    "contradiction": "contradicted_state echo_mismatch contradicts_itself filled_when_new outside_window other_moment "
    "other_parent other_text other_person other_target miscounted state_against_time odd_success "
    "unsent_content removed_stranger unmoved_state needless_change narrower_finds_more broken_relation",
    "cause": "unexplained_error",
    "choice": "silent_choice",
    "question": "needless_question",
    "answer": "unanswered_part unanswered_question half_done half_interval",
    "count": "false_count not_all",
    "claim": "overclaim claimed_ability",
    "policy": "early_retry uneven_treatment",
    "delay": "held_back_calls",
    "page": "short_page",
    "detail": "missing_detail bare_money",
    "value": "misfit_value impossible_request self_addressed",
    "form": "like_a_form spelled_out unseen_ordinal",
    "topic": "loose_topic",
    "manner": "against_the_clock praise_after_refusal",
}
FAMILY_OF_RULE: Mapping[str, str] = {
    rule: family for family, rules in RULES_OF_FAMILY.items() for rule in rules.split()
}
MEASURES = ("asked", "filler", "in_quotes", "field_lists", "verbatim", "no_calls")
FEATURES = ("wrong", *RULES_OF_FAMILY, *MEASURES)
_FEW = 6  # sentences, replies or arguments; of fewer a share says little
_MOST_COUNTED = 3  # findings of a family; more make it no worse
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"[^\W\d_]{4,}")
_SAYS_SOMETHING = re.compile(r"\d|[\"“@]")
_FIELD_LIST = re.compile(r"\([^()]*,[^()]*\)")
_WITHOUT_NEWS = frozenset(
    (
        "have here there this that with what your yours anything else more need like would could thanks thank welcome "
        "glad happy done good great"
    ).split()
)


def measure_features(messages: Sequence[Message], findings: Sequence[Finding]) -> dict[str, float]:
    """Returns each feature of `FEATURES`.

    `wrong` is 1 if a finding blocks; a family counts its findings up to three, a minor one as a half; a measure is a
    share from 0 to 1, of six where there are fewer: a lone "Okay, done." is no conversation full of formulas.
    """
    counts: Counter[str] = Counter()
    for finding in findings:
        if family := FAMILY_OF_RULE.get(finding.rule):
            counts[family] += 2 if finding.blocking else 1
    wrong = float(any(finding.blocking for finding in findings))
    families = {family: min(counts[family] / 2, _MOST_COUNTED) for family in RULES_OF_FAMILY}
    return {"wrong": wrong, **families, **_measure_replies(messages), **_measure_arguments(messages)}


def _measure_replies(messages: Sequence[Message]) -> dict[str, float]:
    """Measures how often the assistant asks right after the user spoke (twice counts as 1), the share of its sentences
    that say nothing, and of its replies with lists of fields.

    A sentence says nothing if it has no figure, no quote, and no longer word that the user, a call or a result has.
    """
    known: set[str] = set()
    sentences = empty = replies = lists = asked = 0
    for before, message in pairwise([Message(role="tool"), *messages]):
        asked += message.role == "assistant" and before.role == "user" and "?" in (message.content or "")
        if message.role == "assistant" and message.content:
            replies += 1
            lists += bool(_FIELD_LIST.search(message.content))
            for sentence in _SENTENCE.split(message.content):
                if len(sentence.split()) > 1 and "?" not in sentence:
                    sentences += 1
                    empty += not _SAYS_SOMETHING.search(sentence) and not _list_words(sentence) & known
        elif message.result is not None:
            known |= _list_words(_join_values(message.result.content))
        else:
            known |= _list_words(message.content or "")
        for call in message.tool_calls:
            known |= _list_words(_join_values(call.arguments))
    return {
        "asked": min(asked, 2) / 2,
        "filler": empty / max(_FEW, sentences),
        "field_lists": lists / max(_FEW, replies),
    }


def _measure_arguments(messages: Sequence[Message]) -> dict[str, float]:
    """Measures the share of arguments that the user said as they are, and of text arguments that stood in quotes; and
    whether nothing is called.
    """
    said = ""
    leaves = verbatim = copied = quoted = calls = 0
    for message in messages:
        if message.role == "user":
            said = f"{said}\n{(message.content or '').lower()}"
        for call in message.tool_calls:
            calls += 1
            for pointer, value in list_scalars(call.arguments):
                text = str(value).lower()
                leaves += pointer != ""
                if len(text) < 2 or text not in said:
                    continue
                verbatim += pointer != ""
                if isinstance(value, str):
                    copied += 1
                    quoted += any(f"{before}{text}" in said for before in ('"', "“"))
    return {
        "in_quotes": quoted / max(_FEW, copied),
        "verbatim": verbatim / max(_FEW, leaves),
        "no_calls": float(calls == 0),
    }


def _join_values(content: object) -> str:
    return " ".join(str(value) for _, value in list_scalars(content))


def _list_words(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.lower()) if word not in _WITHOUT_NEWS}
