"""What the heuristic judge looks at: how often each family of faults was found, and what can be measured of the style.

Belongs here: the families, and the measures that no rule objects to by itself. What they cost is in `prices.json`, which
`scripts/fit_judge.py` fits to readings; how a score is made of them is in `heuristic.py`.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from funcdex_assets.checks.rules.case import Case
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import Message
from funcdex_assets.schema.json_pointers import list_scalars

FAMILIES: Mapping[str, str] = {
    rule: family
    for family, rules in {
        "contradiction": "contradicted_state echo_mismatch contradicts_itself filled_when_new outside_window other_moment other_parent other_text other_person other_target miscounted state_against_time odd_success",
        "cause": "unexplained_error",
        "choice": "silent_choice",
        "question": "needless_question",
        "answer": "unanswered_part unanswered_question half_done",
        "count": "false_count not_all",
        "claim": "overclaim claimed_ability",
        "policy": "early_retry uneven_treatment",
        "delay": "held_back_calls",
        "page": "short_page",
        "detail": "missing_detail bare_money half_interval untold_lookup uncited_answer",
        "value": "misfit_value impossible_request self_addressed",
        "form": "like_a_form spelled_out unseen_ordinal",
        "topic": "loose_topic",
        "manner": "against_the_clock praise_after_refusal",
    }.items()
    for rule in rules.split()
}
MEASURES = ("filler", "in_quotes", "field_lists", "verbatim", "no_calls")
FEATURES = ("wrong", *dict.fromkeys(FAMILIES.values()), *MEASURES)
_MOST_COUNTED = 3  # findings of a family; more make it no worse
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"[^\W\d_]{4,}")
_FIELD_LIST = re.compile(r"\((?:[^()]*,){1,}[^()]*\)")
_NO_NEWS = frozenset(
    "have here there this that with what your yours anything else more need like would could thanks thank welcome glad happy done good great".split()
)


def measure_features(messages: Sequence[Message], findings: Sequence[Finding]) -> dict[str, float]:
    """Returns each feature of `FEATURES`: of a family the number of its findings, up to three, a minor one counting a
    half; of a measure a share from 0 to 1.
    """
    counts: Counter[str] = Counter()
    for finding in findings:
        if finding.rule in FAMILIES:
            counts[FAMILIES[finding.rule]] += 2 if finding.blocking else 1
    features = {family: min(counts[family] / 2, _MOST_COUNTED) for family in dict.fromkeys(FAMILIES.values())}
    wrong = float(any(finding.blocking for finding in findings))
    return {"wrong": wrong, **features, **_measure_style(messages)}


def _measure_style(messages: Sequence[Message]) -> dict[str, float]:
    """Measures the share of the assistant's sentences that say nothing, of text arguments that stand in quotes, and of
    replies with lists of fields; and whether nothing is called.
    """
    known: set[str] = set()
    sentences = empty = replies = lists = quoted = texts = leaves = verbatim = 0
    said = ""
    for message in messages:
        if message.role == "user":
            said += "\n" + (message.content or "")
            known |= _list_words(message.content or "")
        elif message.result is not None:
            known |= _list_words(" ".join(str(value) for _, value in list_scalars(message.result.content)))
        elif message.content:
            replies += 1
            lists += bool(_FIELD_LIST.search(message.content))
            for sentence in _SENTENCE.split(message.content):
                if len(sentence.split()) > 1 and "?" not in sentence:
                    sentences += 1
                    empty += not re.search(r"\d|[\"“@]", sentence) and len(_list_words(sentence) & known) == 0
        for call in message.tool_calls:
            known |= _list_words(" ".join(str(value) for _, value in list_scalars(call.arguments)))
            for pointer, value in list_scalars(call.arguments):
                leaves += pointer != ""
                verbatim += bool(pointer) and len(str(value)) > 1 and str(value).lower() in said.lower()
                if isinstance(value, str) and value and value.lower() in said.lower():
                    texts += 1
                    quoted += any(
                        f"{before}{value}{after}" in said
                        for before, after in (('"', '"'), ("“", "”"), ('"', '."'), ('"', ',"'))
                    )
    return {
        "filler": empty / max(1, sentences),
        "in_quotes": quoted / max(1, texts),
        "field_lists": lists / max(1, replies),
        "verbatim": verbatim / max(1, leaves),
        "no_calls": float(not any(message.tool_calls for message in messages)),
    }


def _list_words(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.lower()) if word not in _NO_NEWS}
