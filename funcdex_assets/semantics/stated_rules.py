"""Reads the rules that descriptions state of a service: limits, states that a step needs, what is only possible once.

Belongs here: from the text of a tool's definition to a rule. What the world does with a rule is in
`environment/preconditions.py`. A sentence that none of the forms below fits states nothing: nothing is guessed.

    at most five · up to three buttons · at most 20 characters each     MostItems, MostCharacters
    at most a week after its beginning                                  LongestSpan
    after its start                                                     EndAfterStart
    unique within the mailbox                                           UniqueName
    Finalizes a draft invoice · Only paid orders can be refunded        RequiredState
    Creates a draft invoice                                             InitialState
    can no longer be edited · items can be added until it is finalized  LockedAfter
    Its name cannot be used again for 30 days                           ReservedName
    the only way to begin a conversation after 24 hours of silence      OnlyWayAfterSilence
    A coupon can be used only once                                      OnlyOnce
    at most 60 requests per minute                                      CallQuota
    Deletes a project with all its tasks                                DeletesParts
    must be in the future                                               FutureMoment

>>> tool = Tool("billing", "FINALIZE_INVOICE", "Finalizes a draft invoice. It can no longer be edited.", {}, None, "")
>>> for rule in read_stated_rules(tool):
...     print(rule)
RequiredState(text='Finalizes a draft invoice', noun='invoice', states=('draft',), verb='finalize')
LockedAfter(text='It can no longer be edited', noun='invoice', verb='finalize', forbids='change')
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import msgspec

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.epochs import is_epoch
from funcdex_assets.semantics.tool_names import ToolName, is_id, parse_tool_name
from funcdex_assets.semantics.vocabulary import READING_ACTIONS

Forbidden = Literal["change", "addition"]


@dataclass(frozen=True)
class StatedRule:
    """What a sentence of a description states; `text` is the sentence, or the part of it that says so."""

    text: str


@dataclass(frozen=True)
class MostItems(StatedRule):
    """The list at the pointer has at most so many items."""

    pointer: str
    count: int


@dataclass(frozen=True)
class MostCharacters(StatedRule):
    """The text at the pointer, or each text of the list there, has at most so many characters."""

    pointer: str
    count: int


@dataclass(frozen=True)
class LongestSpan(StatedRule):
    """The moment at the pointer is at most so many days after the one at `start`."""

    pointer: str
    start: str
    days: float


@dataclass(frozen=True)
class EndAfterStart(StatedRule):
    """The moment at the pointer is later than the one at `start`."""

    pointer: str
    start: str


@dataclass(frozen=True)
class FutureMoment(StatedRule):
    """The moment at the pointer is later than the call."""

    pointer: str


@dataclass(frozen=True)
class UniqueName(StatedRule):
    """No other thing of the tool's noun has the value at the pointer."""

    pointer: str


@dataclass(frozen=True)
class RequiredState(StatedRule):
    """The thing of this noun to which the verb is done is in one of these states before."""

    noun: str
    states: tuple[str, ...]
    verb: str


@dataclass(frozen=True)
class InitialState(StatedRule):
    """What the tool makes is in this state at first."""

    state: str


@dataclass(frozen=True)
class LockedAfter(StatedRule):
    """Once the verb was done to a thing of this noun, it cannot be changed, or nothing can be added to it."""

    noun: str
    verb: str
    forbids: Forbidden

    def forbids_tool(self, name: ToolName) -> bool:
        """Returns whether a tool of this name does what is forbidden; the object of an addition is a part."""
        is_same_noun = name.noun.rpartition(" ")[2] == self.noun.rpartition(" ")[2]
        if self.forbids == "change":
            return is_same_noun and name.verb in _EDITING_VERBS
        return name.action == "create" and not is_same_noun


@dataclass(frozen=True)
class ReservedName(StatedRule):
    """The name of a deleted thing of this noun cannot be given to a new one for so many days."""

    noun: str
    days: float


@dataclass(frozen=True)
class OnlyWayAfterSilence(StatedRule):
    """When nothing was heard from somebody for so many hours, only this tool reaches them; others of its verb fail."""

    tool: str
    verb: str
    hours: float


@dataclass(frozen=True)
class OnlyOnce(StatedRule):
    """The tool can be called once for each thing of this noun."""

    tool: str
    noun: str


@dataclass(frozen=True)
class CallQuota(StatedRule):
    """The tool can be called at most so many times within so many seconds."""

    tool: str
    count: int
    seconds: float


@dataclass(frozen=True)
class DeletesParts(StatedRule):
    """What is in the deleted thing of this noun is deleted with it: things of `part`, or all for an empty one."""

    noun: str
    part: str


STATES = frozenset(
    (
        "draft open pending active inactive approved published scheduled unpaid paid confirmed closed archived "
        "completed queued suspended paused cancelled canceled shipped delivered unshipped uncaptured captured "
        "finalized unpublished verified unverified locked unlocked resolved expired enabled disabled online offline "
        "running stopped"
    ).split()
)
"""Words for the state of a thing. An adjective that is none of them, such as "existing", states no rule."""

_ANY_PARTS = frozenset("content data resource child".split())
_NAME_WORDS = frozenset("name title label slug handle alias code email username".split())
_EDITING_VERBS = frozenset("update edit patch modify change rename set".split())
_WORDS_AFTER_NOUNS = frozenset(
    "again to and with so by from for in at which that on of into as or without before after until if when".split()
)
_NUMBERS: Sequence[str] = "no one two three four five six seven eight nine ten eleven twelve".split()
_NUMBER = rf"(\d[\d,]*|an?|{'|'.join(_NUMBERS[1:])})"
_AT_MOST = r"(?:at most|up to|no more than|not more than|a maximum of|max(?:imum)?(?: of)?|limited to)"
_HOURS = {"second": 1 / 3600, "minute": 1 / 60, "hour": 1.0, "day": 24.0, "week": 168.0, "month": 720.0, "year": 8760.0}
_UNIT = rf"({'|'.join(_HOURS)})s?"
_DURATION = rf"{_NUMBER} {_UNIT}"
_STATE = rf"({'|'.join(sorted(STATES))})"

_MOST_CHARACTERS = re.compile(rf"{_AT_MOST} {_NUMBER} (?:characters|letters)", re.IGNORECASE)
_MOST_ITEMS = re.compile(rf"{_AT_MOST} {_NUMBER}\b(?! (?:characters|letters|{'|'.join(_HOURS)}))", re.IGNORECASE)
_MOST_NAMED = re.compile(rf"\b{_AT_MOST} {_NUMBER} ((?:[a-z]+ )?[a-z]+s)\b", re.IGNORECASE)
_QUOTA = re.compile(
    rf"{_AT_MOST} {_NUMBER} (?:\w+ )?(?:per|a|an|each|every|in any|within) (?:{_NUMBER} )?{_UNIT}\b", re.IGNORECASE
)
_LONGEST_SPAN = re.compile(rf"{_AT_MOST} {_DURATION} (?:after|later than|from)\b", re.IGNORECASE)
_AFTER_START = re.compile(r"\bafter (?:its |the |their )?(?:start|beginning|begin|first)\b", re.IGNORECASE)
_FUTURE = re.compile(r"\bmust (?:be|lie) in the future\b|\bcannot be in the past\b", re.IGNORECASE)
_UNIQUE = re.compile(
    r"(?<!not be )(?<!to be )\bunique (?:within|in|among|across|per)\b|(?:\bmust be |[;,] |^)unique\b(?! id)"
    r"|\bmust not (?:exist (?:yet|already)|be taken)\b",
    re.IGNORECASE,
)
_OBJECT_STATE = re.compile(
    rf"^\W*\w+ (?:an?|the|one|all) {_STATE}(?: (?:or|and) {_STATE})? ((?:\w+ )?\w+)", re.IGNORECASE
)
_ONLY_STATE = re.compile(rf"\bonly {_STATE}(?:(?:,| or| and) {_STATE})? (\w+) (?:can|may)\b", re.IGNORECASE)
_MUST_STATE = re.compile(rf"\bthe (\w+) must (?:still )?be (?:in )?(?:an? |the )?{_STATE}\b", re.IGNORECASE)
_NO_CHANGE = re.compile(
    r"\b(?:it|they|which|that|and|then) (?:can no longer|cannot|can not|may not|may no longer) be "
    r"(?:edited|changed|updated|modified)\b",
    re.IGNORECASE,
)
_ADDED_UNTIL = re.compile(r"\b(\w+) can be added (?:to it )?until it is (\w+)", re.IGNORECASE)
_RESERVED_NAME = re.compile(
    rf"\bname (?:cannot|can not|may not) be (?:used again|reused|taken again) (?:for|within) {_DURATION}", re.IGNORECASE
)
_SILENCE = re.compile(rf"\bthe only way to .*\b(?:after|beyond) {_DURATION}(?: of silence)?", re.IGNORECASE)
_ONCE = re.compile(
    r"\b(\w+) (?:can|may) (?:only )?be (?:used|redeemed|applied|captured|refunded|accepted) (?:only )?once\b"
    r"(?! (?:the|it|its|an?|all|you|they|this)\b)",
    re.IGNORECASE,
)
_WITH_PARTS = re.compile(
    r"\b(?:with|and|including|together with) "
    r"(?:all (?:of )?(?:its |the )?(?:\w+(?:ed|ing) )?(\w+)|everything (?:in|inside|on) it)\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"\b(?:if|unless|when|where|truncated|depending|after \d+|for (?:a given|each|any|every)) ", re.IGNORECASE
)
"""A limit under a condition is not understood."""


def read_stated_rules(tool: Tool) -> Sequence[StatedRule]:
    """Returns the rules that a tool's description and those of its parameters state, in their order."""
    return _read_stated_rules(tool.name, tool.description, msgspec.json.encode(tool.parameters))


@lru_cache(maxsize=4096)
def _read_stated_rules(name: str, description: str, parameters: bytes) -> Sequence[StatedRule]:
    schema = msgspec.json.decode(parameters)
    rules = [rule for sentence in _split_sentences(description) for rule in _read_sentence(sentence, name, schema)]
    rules += _read_parameters(schema, schema)
    return tuple(rules)


def _split_sentences(text: str) -> list[str]:
    return [sentence.strip() for sentence in re.split(r"(?<=[.!?])\s+|[;.]\s*$|;\s+", text) if sentence.strip(" .;")]


def _read_sentence(sentence: str, name: str, schema: dict[str, Any]) -> Iterator[StatedRule]:
    """Yields the rules that one sentence of a tool's description states."""
    parsed = parse_tool_name(name)
    noun, text = parsed.noun, sentence.rstrip(".")
    is_reading = parsed.action in READING_ACTIONS
    is_plain = not _CONDITION.search(text)
    if (match := _QUOTA.search(text)) and is_plain:
        hours = (_read_number(match[2]) if match[2] else 1) * _HOURS[match[3].lower()]
        yield CallQuota(text, name, int(_read_number(match[1])), hours * 3600)
    elif (match := _MOST_NAMED.search(text)) and is_plain:
        pointer = _find_list(match[2], schema)
        if pointer:
            yield MostItems(text, pointer, int(_read_number(match[1])))
    if not is_reading and is_plain:
        yield from _read_states(text, parsed)
    if _NO_CHANGE.search(text) and not is_reading and parsed.verb not in _EDITING_VERBS and parsed.action != "create":
        yield LockedAfter(text, noun, parsed.verb, "change")
    if match := _ADDED_UNTIL.search(text):
        yield LockedAfter(text, noun, _to_base_form(match[2]), "addition")
    if (match := _RESERVED_NAME.search(text)) and parsed.action == "delete":
        yield ReservedName(text, noun, _read_hours(match[1], match[2]) / 24)
    if match := _SILENCE.search(text):
        yield OnlyWayAfterSilence(text, name, parsed.verb, _read_hours(match[1], match[2]))
    if (match := _ONCE.search(text)) and not is_reading:
        yield OnlyOnce(text, name, to_singular(match[1].lower()))
    if parsed.action == "delete" and is_plain and (match := _WITH_PARTS.search(text)):
        part = to_singular((match[1] or "").lower())
        yield DeletesParts(text, noun, "" if part in _ANY_PARTS else part)


def _read_states(text: str, tool: ToolName) -> Iterator[StatedRule]:
    """Yields the state that a thing must be in: of the tool's own noun, or of another that the sentence names."""
    if match := _ONLY_STATE.search(text):
        states = tuple(state.lower() for state in match.groups()[:2] if state)
        yield RequiredState(text, to_singular(match[3].lower()), states, tool.verb)
    elif match := _MUST_STATE.search(text):
        yield RequiredState(text, to_singular(match[1].lower()), (match[2].lower(),), tool.verb)
    elif (match := _OBJECT_STATE.search(text)) and tool.action == "create":
        yield InitialState(text, match[1].lower())
    elif match:
        first_word, *more = match[3].lower().split()
        stated_noun = first_word if not more or more[0] in _WORDS_AFTER_NOUNS else more[0]
        states = tuple(state.lower() for state in match.groups()[:2] if state)
        yield RequiredState(text, to_singular(stated_noun), states, tool.verb)


def _read_parameters(schema: Schema, root: Schema, path: str = "") -> Iterator[StatedRule]:
    """Yields the rules that descriptions of parameters state, those inside others too."""
    properties = resolve_schema(schema, root).get("properties", {})
    for name, property_schema in properties.items():
        if not isinstance(property_schema, dict):
            continue
        resolved = resolve_schema(property_schema, root)
        pointer, text = f"{path}/{name}", _keep_plain_sentences(str(resolved.get("description", "")))
        kind = schema_type(resolved)
        if match := _MOST_CHARACTERS.search(text):
            yield MostCharacters(text, pointer, int(_read_number(match[1])))
        elif kind == "array" and (match := _MOST_ITEMS.search(text)):
            yield MostItems(text, pointer, int(_read_number(match[1])))
        start = _find_start(name, properties)
        if start and (match := _LONGEST_SPAN.search(text)):
            yield LongestSpan(text, pointer, f"{path}/{start}", _read_hours(match[1], match[2]) / 24)
        elif start and _AFTER_START.search(text):
            yield EndAfterStart(text, pointer, f"{path}/{start}")
        if (kind == "string" or is_epoch(name, resolved)) and _FUTURE.search(text):
            yield FutureMoment(text, pointer)
        if kind == "string" and not is_id(name) and _UNIQUE.search(text) and split_words(name)[-1] in _NAME_WORDS:
            yield UniqueName(text, pointer)
        if kind == "object":
            yield from _read_parameters(resolved, root, pointer)


def _keep_plain_sentences(description: str) -> str:
    """Returns the sentences without those that hold under a condition."""
    sentences = (sentence.rstrip(".") for sentence in _split_sentences(description))
    return "; ".join(sentence for sentence in sentences if not _CONDITION.search(sentence))


def _find_list(words: str, schema: dict[str, Any]) -> str:
    """Returns the pointer of the list whose name the words end with: `/buttons` for "reply buttons"; '' if none has."""
    last_noun = to_singular(words.lower().split()[-1])
    for name, property_schema in resolve_schema(schema, schema).get("properties", {}).items():
        is_list = isinstance(property_schema, dict) and schema_type(resolve_schema(property_schema, schema)) == "array"
        if is_list and last_noun in {to_singular(word) for word in split_words(name)}:
            return f"/{name}"
    return ""


_START_WORDS = {
    "end": ("start", "begin"),
    "until": ("from", "since"),
    "to": ("from",),
    "max": ("min",),
    "last": ("first",),
}


def _find_start(end_name: str, properties: dict[str, Any]) -> str:
    """Returns the parameter that begins the span which one ends: `start_time` for `end_time`; '' if there is none."""
    words = split_words(end_name)
    for index, word in enumerate(words):
        for start_word in _START_WORDS.get(word, ()):
            start_words = [*words[:index], start_word, *words[index + 1 :]]
            match = next((name for name in properties if list(split_words(name)) == start_words), "")
            if match:
                return match
    return ""


def _read_number(text: str) -> float:
    lowered = text.lower().replace(",", "")
    if lowered in ("a", "an"):
        return 1
    return float(lowered) if lowered.isdigit() else _NUMBERS.index(lowered)


def _read_hours(number: str, unit: str) -> float:
    return _read_number(number) * _HOURS[unit.lower()]


def _to_base_form(participle: str) -> str:
    """Returns the verb of a participle as tool names have it: `finalized` → `finalize`, `sent` → `send`."""
    word = participle.lower()
    irregular = {"sent": "send", "paid": "pay", "made": "make", "closed": "close"}
    if word in irregular:
        return irregular[word]
    if word.endswith("ied"):
        return f"{word[:-3]}y"
    stem = word.removesuffix("ed")
    return f"{stem}e" if stem.endswith(("iz", "is", "at", "iv", "os", "uc", "ut", "eas")) else stem
