"""Rules about talk that no two people at work would have: against the clock, after a refusal, like a form.

Belongs here: findings about how things are said, minor but for a place that a list does not have. Values that do not
suit their field are in `values.py`. The rules read English, and are silent in other languages.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from funcdex_assets.checks.rules.case import Case, Turn, has_failed
from funcdex_assets.checks.rules.field_values import read_meaning
from funcdex_assets.checks.rules.pages import read_page
from funcdex_assets.checks.rules.sentences import drop_quotes
from funcdex_assets.records.conversation import Finding
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.tool_names import parse_last_noun, parse_tool_name
from funcdex_assets.semantics.vocabulary import READING_ACTIONS

_HOURS_OF_GREETING = (  # a greeting, and the hours at which it may be said: from, to (excluded)
    (re.compile(r"\bgood morning\b", re.IGNORECASE), 4, 13),
    (re.compile(r"\bgood afternoon\b", re.IGNORECASE), 11, 19),
    (re.compile(r"\bgood evening\b", re.IGNORECASE), 16, 24),
    (re.compile(r"\b(?:late hour|this late|so late)\b", re.IGNORECASE), 19, 28),
    (re.compile(r"\b(?:pleasant|nice|lovely|good) afternoon\b", re.IGNORECASE), 6, 19),
    (re.compile(r"\b(?:pleasant|nice|lovely) evening\b", re.IGNORECASE), 12, 24),
    (re.compile(r"\b(?:so early|this early|early hour)\b", re.IGNORECASE), 3, 10),
    (re.compile(r"\bover lunch\b.{0,40}\bnow\b", re.IGNORECASE), 11, 24),
)
_REFUSAL = re.compile(
    r"\b(?:I can't|I cannot|I can’t|can't be done|isn't possible|is not possible|not something I|outside what I can|"
    r"beyond what|lack the function|isn't among the|needs something I wasn't given|it wouldn't be true|No, I'm afraid|"
    r"not able to|I'd say yes if I could|don't have a (?:tool|way))",
    re.IGNORECASE,
)
_PRAISE = re.compile(
    r"^(?:that's exactly what|magic|great|perfect|wonderful|brilliant|lovely|excellent|fantastic|look at us|amazing|"
    r"awesome|superb|phew|that's a weight|that is in order|you've made|how lovely|works for me|that's one worry less|"
    r"nice one|thanks, that's perfect)\b(?! (?:shame|pity|loss|question))",
    re.IGNORECASE,
)
_NO_MATTER = re.compile(
    r"\b(?:never ?mind|no (?:problem|worries)|myself|too bad|instead|then (?:just|please|let's)|pity|shame)\b",
    re.IGNORECASE,
)
_FORM_LINE = re.compile(
    r"(?:^|[.!?\n]\s*)(?P<label>(?!(?:Subject|Text|Note|PS|To|Hi|Hello|Re)\b)[A-Z][a-z]+(?: [a-z]+){0,3}): "
    r"[\w\"“][^.!?\n]{0,40}(?=[.!?\n]|$)"
)
_FORM_PHRASE = re.compile(
    r"\b(?:with|set) the (?P<set>[a-z]+(?: [a-z]+){0,3}) (?:set (?:to|as)|as|being)\b"
    r"|\bthe (?P<be>[a-z]+(?: [a-z]+){0,2}) (?:should be|is to be|must be)\b"
    r"|\bwith (?P<with>language code|role|status) \w+|\b(?P<send>send updates)\b",
    re.IGNORECASE,
)
_ROLES_PEOPLE_SPEAK_OF = ("moment", "title", "person", "place", "amount", "text", "duration")
_FOLLOWERS_OF_NO_LIST = (  # "the second floor", "the third quarter"
    r"(?!quarter|floor|half|week|month|year|day|time|of\b|street|avenue|edition|reminder|draft|version|attempt|stage|"
    r"phase|round|person|shift|lesson|chapter|season|episode|grade|place|row|gear|reading|opinion|thought|language|hand)"
)
_ORDINAL_OF_LIST = re.compile(
    r"\b(?:the )?(?:first|second|third|last)(?: (?:two|three))?(?: of (?:them|those|these)| one)\b"
    rf"|\bthe (?:second|third|fourth) {_FOLLOWERS_OF_NO_LIST}(?:\w+)\b",
    re.IGNORECASE,
)
_POSITIONS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
_POSITION = re.compile(rf"\bthe (?P<position>{'|'.join(_POSITIONS[1:])}) (?:\w+ )?(?P<noun>[a-z]+)\b", re.IGNORECASE)
_MIN_TOPIC_WORD = 4  # letters
_FORM_LINES = 2  # lines of a label and a value each that make a form, whatever the labels are


def against_the_clock(case: Case) -> Iterator[Finding]:
    """A greeting or an apology for the hour that does not suit the hour of the conversation."""
    now = case.situation.now
    for index, message in enumerate(case.messages):
        text = drop_quotes(case.speech[index]) if message.role != "tool" else ""
        for pattern, first, last in _HOURS_OF_GREETING if text else ():
            is_time = first <= now.hour < last or first <= now.hour + 24 < last
            if not is_time and (match := pattern.search(text)):
                yield _build_finding("against_the_clock", index, f"{match[0]!r} is said at {now:%H:%M}")


def praise_after_refusal(case: Case) -> Iterator[Finding]:
    """Delight of the user right after the assistant said that it cannot; not "great, then I do it myself"."""
    for before, turn in zip(case.turns, case.turns[1:], strict=False):
        last, text = case.speech[before.end - 1], case.speech[turn.start]
        called = any(case.messages[index].tool_calls for index in range(before.start, before.end))
        match = _PRAISE.search(text) if not called and _REFUSAL.search(last) else None
        if match and not _NO_MATTER.search(text):
            yield _build_finding("praise_after_refusal", turn.start, f"{match[0]!r} answers {last[:60]!r}")


def like_a_form(case: Case) -> Iterator[Finding]:
    """A user who fills in fields instead of saying what is wanted: "Send updates: none."

    One line of a label and a value is a form if the label is an argument of a call; "two things: …" is not. What people
    do speak of, such as a date, may be said to be something.
    """
    for turn in case.turns if case.is_english else ():
        text, roles = drop_quotes(case.speech[turn.start]), _list_argument_roles(case, turn)
        lines = list(_FORM_LINE.finditer(text))
        named = [match for match in lines if match["label"].lower() in roles]
        phrase = _FORM_PHRASE.search(text)
        if phrase and (label := phrase["set"] or phrase["be"]):
            is_field = roles.get(label.lower(), "other" if phrase["set"] else "text") not in _ROLES_PEOPLE_SPEAK_OF
            phrase = phrase if is_field else None
        match = named[0] if named else lines[0] if len(lines) >= _FORM_LINES else phrase
        if match:
            yield _build_finding("like_a_form", turn.start, f"{match[0].strip(' .!?')!r} reads like a form")


def _list_argument_roles(case: Case, turn: Turn) -> Mapping[str, str]:
    """The arguments of a turn's calls as words, each with the role of its meaning."""
    return {
        " ".join(split_words(name)): read_meaning(name, value).role
        for index in range(turn.start, turn.end)
        for call in case.messages[index].tool_calls
        if isinstance(call.arguments, dict)
        for name, value in call.arguments.items()
    }


def unseen_ordinal(case: Case) -> Iterator[Finding]:
    """A position in a list that the user has not been shown, in the same breath in which the list is asked for.

    It blocks where a list of such things was shown last, has fewer of them, and is no page of several: "the third slot"
    of two.
    """
    shown = False
    lengths: dict[str, int] = {}
    for turn in case.turns:
        text = drop_quotes(case.speech[turn.start])
        if not shown and (match := _ORDINAL_OF_LIST.search(text)):
            yield _build_finding("unseen_ordinal", turn.start, f"{match[0]!r} is of a list that nobody has seen")
        elif match := _find_position_beyond(text, lengths):
            reason = f"{match[0]!r} is of a list of {lengths[to_singular(match['noun'].lower())]}"
            yield Finding(rule="unseen_ordinal", message=turn.start, text=reason)
        for index in range(turn.start, turn.end):
            if case.messages[index].result is not None:
                shown = True
                _measure_lists(case, index, lengths)


def _find_position_beyond(text: str, lengths: Mapping[str, int]) -> re.Match[str] | None:
    """Finds a position that is greater than the number of things of its noun that were shown last."""
    for match in _POSITION.finditer(text):
        length = lengths.get(to_singular(match["noun"].lower()))
        if length is not None and 0 < length < _POSITIONS.index(match["position"].lower()) + 1:
            return match
    return None


def _measure_lists(case: Case, index: int, lengths: dict[str, int]) -> None:
    """Keeps the lengths of the lists in a result by the noun of their things; of one that goes on, nothing is known."""
    result, call = case.messages[index].result, case.calls_by_result.get(index)
    content = result.content if result is not None and not has_failed(result) else None
    if not isinstance(content, dict):
        return
    page = read_page(content, call, None)
    own = parse_tool_name(call.name) if call else None
    for key, value in content.items():
        noun = parse_last_noun(key)
        if isinstance(value, list) and own and own.action in READING_ACTIONS:
            lengths.pop(noun, None)
            if page is None or not page.has_more:
                lengths[noun] = len(value)
        elif own and own.action not in READING_ACTIONS:
            lengths.pop(own.noun, None)  # there may be one more now, or one less


def loose_topic(case: Case) -> Iterator[Finding]:
    """A topic that is talked about and that no argument and no result has to do with.

    Or one that the assistant brings up before the user does.
    """
    stems = _list_topic_stems(case.situation.matter)
    if not stems:
        return
    speakers = [
        index
        for index, message in enumerate(case.messages)
        if message.role != "tool" and _is_about(case.speech[index], stems)
    ]
    if not speakers:
        return
    first, matter = speakers[0], case.situation.matter
    is_found_before = any(_is_about(str(values), stems) for at, values in case.result_values.items() if at < first)
    if case.messages[first].role == "assistant" and not is_found_before:
        yield _build_finding("loose_topic", first, f"the assistant brings up {matter!r}, which nobody has spoken of")
    used = (str(value) for arguments in case.argument_values.values() for _, _, value in arguments)
    found = (str(value) for values in case.result_values.values() for _, value in values)
    if case.result_values and not any(stems & _list_stems(text) for texts in (used, found) for text in texts):
        yield _build_finding("loose_topic", first, f"{matter!r} is in no argument and in no result")


def _is_about(text: str, stems: frozenset[str]) -> bool:
    """True if a text has at least half of the words of a topic."""
    return len(stems & _list_stems(text)) * 2 >= len(stems)


@lru_cache(1024)
def _list_topic_stems(matter: str) -> frozenset[str]:
    return frozenset(to_singular(word) for word in split_words(matter) if len(word) >= _MIN_TOPIC_WORD)


@lru_cache(4096)
def _list_stems(text: str) -> frozenset[str]:
    return frozenset(to_singular(word) for word in split_words(text))


def spelled_out(case: Case) -> Iterator[Finding]:
    """Every call is spelled out by the user, argument for argument, in the words of the tool's name: nothing is left to
    be looked up, chosen, worked out or written. One call alone may be.
    """
    calls = [(index, call) for index, message in enumerate(case.messages) for call in message.tool_calls]
    if len(calls) < 2:
        return
    said = {
        (source.call_id, source.argument) for source in case.provenance if source.source == "user" and source.evidence
    }
    for index, call in calls:
        start = max((turn.start for turn in case.turns if turn.start <= index), default=0)
        name, before = parse_tool_name(call.name), " ".join(case.speech[:index]).lower()
        is_verbatim = all(
            (call.id, pointer) in said and str(value).lower() in before
            for pointer, value in list_scalars(call.arguments)
            if pointer
        )
        if not is_verbatim or not {name.noun, *name.words} & _list_stems(case.speech[start]):
            return
    yield _build_finding("spelled_out", calls[0][0], f"all {len(calls)} calls are spelled out by the user")


def _build_finding(rule: str, index: int, text: str) -> Finding:
    return Finding(rule=rule, message=index, text=text, blocking=False)
