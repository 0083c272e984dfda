"""Reads a tool as people speak of it: what it does, to what thing, and how each of its arguments would be said.

Belongs here: what a tool's name, description and parameters tell about speech. Nothing is made up and nothing is
worded; sentences are made of a reading in `command_phrases`, values in `command_values`. A tool may also answer what
the user *does* (`greeting`: "User says hello"): then it has a `trigger`, one of those in `lexicon/command_turns.yaml`.

>>> from funcdex_assets.records.tool import Tool
>>> schema = {"type": "object", "properties": {"room": {"enum": ["kitchen", "hall"]}}}
>>> reading = read_tool(Tool("home", "turn_off_lights", "Turn off the lights in a room", schema, None, ""))
>>> reading.families, reading.objects, [(argument.name, argument.manner) for argument in reading.arguments]
(('turn_off',), ('lights', 'room lights'), [('room', 'place')])
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

import msgspec

from funcdex_assets.language.lexicon import load_lexicon_file
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.validation import is_valid_under
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_roles import is_page_token
from funcdex_assets.semantics.sayable_arguments import is_sayable
from funcdex_assets.semantics.tool_names import is_id
from funcdex_assets.semantics.vocabulary import SETTING_WORDS, SORT_WORDS, ZONE_WORDS

Manner = Literal[
    "kind",  # which one of a kind, before its noun: "my savings account"
    "act",  # the verb itself, or on and off: "lock the door"
    "level",  # what something is set to: "the heat to 21"
    "step",  # by how much something changes: "up by five"
    "degree",  # the same without a number: "a lot warmer"
    "amount",  # of money: "five hundred from savings"
    "count",  # of things or people: "for four people"
    "duration",  # how long: "for ten minutes"
    "from",
    "to",
    "place",  # where: "in the kitchen"
    "when",  # a day, a time or a period
    "reason",  # why, as a clause: "it was stolen"
    "digits",  # of a number that is read out: "ending in 4821"
    "thing",  # what somebody names: a song, a contact, a task
    "text",  # the words of a message or a note
    "manner",  # by which means: "by email", "in spanish"
    "flag",  # yes or no
    "unit",  # of the number that is said with it
    "value",  # a value that a person knows and says in a form of its own: an address, a code by its examples
]
"""How the value of an argument is said in a sentence."""

_PARTICLES = frozenset("on off up down in out over back".split())
_PREPOSITIONS = frozenset(
    "to from in on for by of with into at via between about through per as onto around along across near".split()
)
_NP_ENDS = _PREPOSITIONS | frozenset(
    "that which using when if and or so while being because before after during based including such whose who "
    "what why until where how".split()
)
_PARTICIPLES = frozenset("brought sent made taken given kept".split())
_ADVERBS = frozenset("again now else somewhere anywhere back away here there longer later early".split())
_PEOPLE_PATTERN = r"(?:user|customer|caller|patient|guest|driver|client|member|person|passenger|owner)"
_PEOPLE = frozenset("user customer caller patient guest driver client member person passenger owner speaker".split())
_DROPPED_ADJECTIVES = frozenset(
    "a an the this specific given specified particular certain single existing user's users user customer's their your "
    "its own one some any all multiple desired requested current customer driver's caller's new".split()
)
_LEADING_CLAUSES = re.compile(
    r"^(?:this|the)?\s*(?:function|tool|endpoint|method|api|operation|command)?\s*"
    r"(?:is used to|can be used to|used to|use this (?:tool|function)? ?to|use to|allows (?:you|the user|users) to|"
    r"lets (?:you|the user) |enables (?:you|the user) to|helps (?:you )?(?:to )?|will|to|function to|"
    r"user (?:wants|asks|would like|requests) to)\s+",
    re.IGNORECASE,
)
_SITUATION = re.compile(
    r"^(?:(?:the )?(?:user|customer|caller|speaker|person|driver)\b(?! (?:wants|asks|would like|requests) to)"
    r"|(?:use|used|call|called|invoke|invoked|trigger|triggered|return)\b[^.]{0,40}\b(?:when|if|whenever|for when)\b"
    r"|(?:when|if|whenever) (?:the )?user\b|fallback\b|default (?:function|tool)|handles? (?:unclear|unknown|greet))",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"(?:last |first )?(?P<number>\d{1,2}|two|three|four|five|six|seven|eight|nine|ten)[- ]digits?\b")
_LAST_DIGITS = re.compile(r"last (?P<number>\d{1,2}|two|three|four|five|six) (?:digits|numbers|characters)")
_DIGIT_PATTERN = re.compile(r"^\^?\\?(?:d|\[0-9\])\{(?P<number>\d{1,2})\}\$?$")
_NUMBERS = {word: number for number, word in enumerate("two three four five six seven eight nine ten".split(), start=2)}
_MONEY = re.compile(r"\$|€|£|\b(?:dollars?|usd|euros?|eur|pounds?|gbp|price|cost|payment|money|budget|fee|tip)\b")
_MONEY_WORDS = frozenset("amount price cost fee budget payment balance tip sum total".split())
_MONEY_NOUNS = frozenset(
    "money bill payment transfer invoice account refund deposit loan fund funds transaction credit check donation "
    "salary rent card fraud purchase".split()
)
_FROM_WORDS = frozenset("from source origin departure start_location pickup sender".split())
_TO_WORDS = frozenset("receiver to destination target recipient dest dropoff arrival into".split())
_REASON_WORDS = frozenset("reason cause why justification problem issue complaint symptom".split())
_WHEN_WORDS = frozenset(
    "date time day when period range timeframe frequency schedule slot month week year hour deadline due start end "
    "until since before after weekday recurrence repeat timespan".split()
)
_DURATION_WORDS = frozenset("duration length minutes seconds hours timer interval mins".split())
_PLACE_WORDS = frozenset(
    "room area zone location side place position floor where seat section region spot door window city".split()
)
_LEVEL_WORDS = frozenset(
    "level speed intensity setting mode temperature value size strength volume brightness color colour percent "
    "percentage degrees angle height power heat scene effect position state status degree target".split()
)
_ACT_WORDS = frozenset("action command operation state status power direction switch toggle onoff mode".split())
_STEP_WORDS = frozenset("by step delta increment change adjustment steps offset".split())
_COUNT_WORDS = frozenset(
    "quantity count number guests people party adults children passengers copies nights seats tickets persons servings "
    "rooms times qty players attendees".split()
)
_MANNER_WORDS = frozenset("method via channel language format class priority format mode payment delivery".split())
_UNIT_WORDS = frozenset("unit units currency".split())
_TEXT_WORDS = frozenset("message text content body note notes description details query comment feedback".split())
_PERSON_WORDS = frozenset(
    "payee contact person patient recipient name guest customer caller member assignee doctor attendee participant "
    "owner friend user client employee staff provider stylist".split()
)
INDIFFERENT_VALUES = frozenset(
    "dontcare dont_care do_not_care don_t_care any no_preference unspecified not_specified unknown null default".split()
)
"""Values by which a document says that nothing was said."""
_SWITCH_VALUES = frozenset(
    "on off open close closed lock unlock up down increase decrease start stop play pause enable disable add remove "
    "raise lower mute unmute resume skip next previous arm disarm activate deactivate turn_on turn_off".split()
)


@dataclass(frozen=True)
class ArgumentReading:
    """How an argument is said. `noun` is the thing that it tells about, singular: "account" of `account_type`;
    `digits` is how many, where the value is a number that is read out; `things` is a key of the lexicon's examples.
    """

    name: str
    schema: Schema
    manner: Manner
    noun: str
    required: bool
    is_list: bool = False
    digits: int = 0
    last_digits: bool = False
    money: bool = False
    things: str = ""

    @property
    def options(self) -> list[Any]:
        """The values of its enum, without null; empty if it has none."""
        return [option for option in self.schema.get("enum", ()) if option is not None]

    @property
    def description(self) -> str:
        """The document's words for it, in lower case."""
        return str(self.schema.get("description", "")).lower()


@dataclass(frozen=True)
class ToolReading:
    """How a tool is spoken of.

    families:  of verbs, keys of the lexicon
    verb:      as it stands, where no family fits
    objects:   what the tool is about, the best name first; `owner` is what that belongs to
    arguments: those that can be said; of `unsayable` names, one that is required begins with "!"
    predicate: what its description says, as a person would say it: "keep all parcels at the depot"
    question:  the question that it answers: ("where", "is")
    trigger:   what the user does that it answers; then only the arguments count beside
    """

    tool: str
    verb: str
    families: tuple[str, ...]
    objects: tuple[str, ...]
    owner: str
    arguments: tuple[ArgumentReading, ...]
    unsayable: tuple[str, ...]
    predicate: str = ""
    question: tuple[str, ...] = ()
    trigger: str = ""

    @property
    def needs_unsayable(self) -> bool:
        """True if a required argument is one that nobody says, so that the tool cannot be asked for in plain words."""
        return bool(self.unsayable) and any(name.startswith("!") for name in self.unsayable)


def read_tool(tool: Tool) -> ToolReading:
    """Returns the reading of a tool."""
    return _read_encoded(tool.name, tool.description, msgspec.json.encode(tool.parameters))


@cache
def _read_encoded(name: str, description: str, parameters: bytes) -> ToolReading:
    root: Schema = msgspec.json.decode(parameters)
    trigger = find_trigger(name, description)
    name_verb, name_object = _split_name(name)
    verb = name_verb
    described_verbs, described_object, owner, is_whole = _read_description(description)
    if verb == "return":  # in a description it says what a function gives, in a name what a customer does
        verb, described_verbs = "give back", [word for word in described_verbs if word != "return"]
    families = list(dict.fromkeys(family for word in (verb, *described_verbs) if (family := find_family(word))))
    question = _QUESTION_SENTENCE.match(description.strip().lower())
    if question or not families:
        families = ["look_up"] if question else ["plain"]
    verb = verb or next(iter(described_verbs), "")
    objects = _order_objects(list_name_words(name), name_object, described_object, verb if name_verb else "", families)
    families = _mend_families(families, objects)
    if question:
        objects = [re.sub(rf"^{_PEOPLE_PATTERN}'s ", "", str(question["thing"]))]
        families = [family for family in dict.fromkeys((find_family(verb), "look_up")) if family]
    if not objects and families[0] in _USUAL_OBJECTS:
        objects = [_USUAL_OBJECTS[families[0]]]
    if not objects and len(description.split()) <= 4 and not described_verbs:
        objects = [description.strip(" .").lower()]
    if is_whole and owner and objects and len(owner.split()) <= 2 and not set(owner.split()) & set(objects[0].split()):
        objects.append(f"{owner} {objects[0]}")
    arguments, unsayable = _read_arguments(root, " ".join([*objects, owner]))
    return ToolReading(
        tool=name,
        verb=verb,
        families=tuple(families),
        objects=tuple(dict.fromkeys(objects)) or (verb or " ".join(list_name_words(name)),),
        predicate=_read_predicate(description),
        question=(question["wh"], question["verb"]) if question else (),
        owner=owner,
        arguments=tuple(arguments),
        unsayable=tuple(unsayable),
        trigger=trigger,
    )


def _order_objects(
    name_words: Sequence[str], name_object: str, described_object: str, name_verb: str, families: Sequence[str]
) -> list[str]:
    """Returns what a tool may be about, the best first: of `housekeeping`, "Have the room cleaned", the room."""
    objects = [text for text in (name_object, described_object) if text]
    if len(objects) < 2:
        return objects
    is_label = not name_verb and not {"plain", "look_up", "find", "list_all"} & set(families)
    is_act = bool(find_family(name_object) or find_family(name_object.split()[-1])) and not name_verb
    is_target = bool(name_verb) and name_words[1:2] != [] and name_words[1] in _PREPOSITIONS  # `add_to_cart`
    is_bare_act = bool(name_verb) and bool(find_family(name_object)) and " " in name_object  # `stop_wake_up`
    return [described_object] if is_label or is_act or is_target or is_bare_act else objects


LOOK_UP_FAMILIES = frozenset(("look_up", "find", "list_all", "track", "calculate"))
"""The families of verbs that ask for something to be told."""
_BEGUN_BY_SETTING = frozenset("alarm timer reminder goal".split())
_CLEANED_NOT_DELETED = frozenset(
    "window windscreen windshield glass mirror lens air room table floor drain road".split()
)
_KEPT_APPOINTMENTS = frozenset("appointment booking reservation meeting visit event class lesson session".split())


def _mend_families(families: Sequence[str], objects: Sequence[str]) -> list[str]:
    """Returns the families that fit the thing: an alarm that is set is a new one, an appointment moves in time."""
    head = to_singular(objects[0].split()[-1]) if objects else ""
    instead = {"set": "create"} if head in _BEGUN_BY_SETTING else {}
    if head in _KEPT_APPOINTMENTS:
        instead = {"move": "reschedule"}
    if head in _CLEANED_NOT_DELETED:
        instead = {"delete": "clear"}
    return list(dict.fromkeys(instead.get(family, family) for family in families))


# ── what it does ──────────────────────────────────────────────────────────────────────────────


@cache
def load_families() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Returns the verb families of `lexicon/command_verbs.yaml` by name."""
    return load_lexicon_file("command_verbs")


@cache
def _load_family_by_verb() -> Mapping[str, str]:
    by_verb: dict[str, str] = {}
    for family, entry in load_families().items():
        for verb in entry["verbs"]:
            by_verb.setdefault(verb, family)
    return by_verb


@cache
def find_family(verb: str) -> str:
    """Returns the family of a verb in any form ("cancels", "sending"); '' if the lexicon has none."""
    by_verb = _load_family_by_verb()
    return next((by_verb[form] for form in _list_base_forms(verb) if form in by_verb), "")


def _list_base_forms(word: str) -> list[str]:
    """Lists what the base form of an inflected verb may be, the word itself first."""
    forms = [word]
    if word.endswith("s") and not word.endswith("ss"):
        forms += [word[:-1], word[:-2] if word.endswith("es") else word[:-1]]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            stem = word[: -len(ending)]
            forms += [stem, stem + "e", stem[:-1] if stem[-1:] == stem[-2:-1] else stem]
    return forms


_USUAL_OBJECTS = {
    "report": "problem", "pay": "bill", "book": "appointment", "play": "music", "call": "someone", "find": "something",
    "bring": "something", "order": "something", "speak": "someone", "cancel": "it", "wake": "me", "navigate": "there",
}  # fmt: skip
"""What a verb is about, where neither a tool's name nor its description names a thing."""


def list_name_words(tool: str) -> list[str]:
    """Lists the words of a tool's name, without the service that stands before a number or a dot in it:
    `Weather_1_GetWeather` → get, weather.
    """
    parts = [part for part in re.split(r"[._/:]+", tool) if part]
    number = max((index for index, part in enumerate(parts[:-1]) if part.isdigit()), default=-1)
    kept = parts[number + 1 :] if number >= 0 else tool.rsplit(".", 1)[-1:]
    return [word for part in kept for word in split_words(part)] or list(split_words(tool))


def _split_name(name: str) -> tuple[str, str]:
    """Splits a tool's name into its verb and its object: `turn_off_lights` → `turn off`, `lights`; the verb is '' if
    none is known.
    """
    words = list_name_words(name)
    by_verb = _load_family_by_verb()
    for start in range(len(words) - 1):
        if f"{words[start]} {words[start + 1]}" in by_verb and (start == 0 or words[0] not in by_verb):
            return f"{words[start]} {words[start + 1]}", _cut_object([*words[:start], *words[start + 2 :]])
    index = next((index for index, word in enumerate(words) if word in by_verb), None)
    if index is None or (index > 0 and len(words) <= 2):  # `late_checkout`, `opening_book`: nouns
        return "", " ".join(words)
    following = index + 1
    while words[index] in _SWITCH_VALUES and following < len(words) and words[following] in _SWITCH_VALUES:
        following += 1  # `lock_unlock_door`
    return words[index], _cut_object([*words[:index], *words[following:]])


def _cut_object(words: Sequence[str]) -> str:
    kept: list[str] = []
    for word in words:
        if word in _PREPOSITIONS:
            if kept:
                break
            continue
        kept.append(word)
    return " ".join(kept) if not set(kept) <= _PARTICLES | {"nearby", "nearest", "around"} else ""


class _Description(NamedTuple):
    """The verbs with which a description begins, the thing that they act on, and what it is spoken of together with;
    `is_whole` if the thing is a part of that, or in it: "the balance of an account", "the lights in a room".
    """

    verbs: list[str]
    thing: str
    owner: str
    is_whole: bool


_ARTICLES = frozenset("a an the".split())
_FAMILIES_WITH_PREPOSITION = frozenset("find sign_up speak play navigate help call".split())


def _read_description(description: str) -> _Description:
    """Reads the first sentence of a description."""
    sentence = re.split(r"[.;\n(]", description.strip().lower(), maxsplit=1)[0]
    sentence = _LEADING_CLAUSES.sub("", sentence)
    sentence = _TURNED.sub(r"turn \2 \1", _DONE_TO.sub(_name_act, sentence))
    words = re.findall(r"[\w'-]+|,|/", sentence)
    if words[:1] == ["don't"] or words[:2] == ["do", "not"]:  # a state by its sign: "do not disturb"
        return _Description([], sentence if len(words) <= 4 else "", "", False)
    verbs: list[str] = []
    position = 0
    if words[:1] and words[0] in _PLAIN_VERBS and not find_family(words[0]):
        position = 1
    while position < len(words):
        pair = " ".join(words[position : position + 2])
        if find_family(pair) and " " in pair:
            verbs.append(pair)
            position += 2
        elif words[position] in (",", "/", "and", "or") and verbs:
            position += 1
        elif (form := _find_base_form(words[position])) and (
            not verbs or words[position - 1] in (",", "/", "and", "or")
        ):
            verbs.append(form)
            position += 1
        else:
            break
    if verbs and words[position : position + 1] and words[position] in ("for", "to", "about"):
        position += bool({find_family(verb) for verb in verbs} & _FAMILIES_WITH_PREPOSITION)
    thing, position = _take_noun_phrase(words, position)
    if verbs == ["make"] and position < len(words) and words[position] in _load_comparatives():
        verbs = []
    if not verbs and set(words) & {"is", "went", "was", "are"}:
        thing = ""
    owner, is_whole = "", False
    if position < len(words) and words[position] in ("of", "for", "in", "on", "from") and thing:
        owner, _ = _take_noun_phrase(words, position + 1)
        is_whole = words[position] == "of" or (words[position] in ("in", "on") and words[position + 1] in _ARTICLES)
    return _Description(verbs, thing, owner, is_whole)


_TURNED = re.compile(r"^turn (.{3,30}?) (on|off|up|down)\b")
_DONE_TO = re.compile(
    r"^have (?:the |a |an )?(?P<thing>[\w' ]{3,30}?) (?P<done>\w+ed|brought|sent|made|taken|woken)"
    r"(?P<particle> up| off| out)?\b"
)


def _name_act(match: re.Match[str]) -> str:
    """Turns "have the room cleaned" into "clean the room"."""
    irregular = {"brought": "bring", "sent": "send", "made": "make", "taken": "take", "woken": "wake"}
    bases = [irregular.get(match["done"], ""), *_list_base_forms(match["done"])[1:]]
    particle = match["particle"] or ""
    base = next((base for base in bases if base and f"{base}{particle}" in _load_family_by_verb()), bases[0])
    return f"{base}{particle} {match['thing']}" if base else match[0]


def _find_base_form(word: str) -> str:
    """Returns the base form of a verb that begins a description, as such or in the third person; '' if it is none."""
    forms = _list_base_forms(word) if not word.endswith(("ing", "ed")) else [word]
    return next((form for form in forms if form in _load_family_by_verb()), "")


@cache
def _load_comparatives() -> frozenset[str]:
    table = load_lexicon_file("command_values")["comparatives"]
    return frozenset(word for sides in table.values() for words in sides.values() for word in words if " " not in word)


_QUESTION_SENTENCE = re.compile(
    r"^(?P<wh>where|when|who|how (?:much|many|long|far|often))\s+(?:the |a |an )?(?P<thing>[\w' -]{3,40}?)\s+"
    r"(?P<verb>is|are|was|costs?|takes?|comes?|arrives?|opens?|closes?)\b"
)


def _read_predicate(description: str) -> str:
    """Returns what a description says as the one who wants it would say it: "Bring the customer a towel" → "bring me a
    towel"; '' if it does not begin with a verb or is too long to be said.
    """
    sentence = re.split(r"[.;:\n(,]", description.strip(), maxsplit=1)[0].strip()
    words = sentence.split()
    if not 3 <= len(words) <= 8 or _SITUATION.search(sentence) or not re.fullmatch(r"[A-Za-z' -]+", sentence):
        return ""
    first = words[0].lower()
    is_known = _find_base_form(first) or f"{first} {words[1].lower()}" in _load_family_by_verb()
    if not is_known and first not in _PLAIN_VERBS:
        return ""
    if len(words) > 2 and words[1].lower() == "and" and _find_base_form(words[2].lower()):
        return ""
    base = next(
        (form for form in _list_base_forms(first) if form in _load_family_by_verb() or form in _PLAIN_VERBS), first
    )
    people = _PEOPLE_PATTERN
    text = " ".join([base, *words[1:]]).lower()
    text = re.sub(rf"\b(?:the|a) {people}'s(?: own)?\b", "my", text)
    text = re.sub(rf"\b(?:the|a) {people}\b", "me", text)
    return "" if re.search(rf"\b{people}\b|\bor\b|\bvarious\b|\bgiven\b|\bspecified\b", text) else text


_PLAIN_VERBS = frozenset("have bring take keep let stay wait leave wake repeat do forget go come look hold".split())


def _take_noun_phrase(words: Sequence[str], position: int) -> tuple[str, int]:
    """Takes the nouns at a position, without articles and empty adjectives; at most three words of it."""
    kept: list[str] = []
    while position < len(words) and words[position] in _PARTICLES and not kept:
        position += 1
    while position < len(words) and words[position] not in (",", "/"):
        if words[position] in ("and", "or") and len(kept) == 1 and _is_adjective_pair(words, position):
            position += 2  # "a fraudulent or unauthorized transaction"
            continue
        is_last = position + 1 == len(words) or words[position + 1] in _NP_ENDS
        if kept and is_last and (words[position] in _PARTICIPLES or words[position].endswith("ed")):
            break
        if words[position] in _NP_ENDS or words[position] in _ADVERBS or words[position] in _load_comparatives():
            break
        if words[position] in ("more", "less") and kept:  # "make the fan blow more": what it does is no part of it
            return " ".join(kept[:-1]), position
        if words[position] in _ARTICLES and kept:  # "have a nurse call the patient"
            kept = kept[:-1] if len(kept) > 1 and find_family(kept[-1]) else kept
            break
        if words[position] not in _DROPPED_ADJECTIVES and not words[position].endswith("'s"):
            kept.append(words[position])
        position += 1
    if (
        len(kept) > 3
        or set(kept) <= _PEOPLE
        or kept[:1] == ["something"]
        or any(not word.replace("'", "").replace("-", "").isalpha() for word in kept)
    ):
        return "", position
    return " ".join(kept) if kept != ["things"] else "something", position


def _is_adjective_pair(words: Sequence[str], position: int) -> bool:
    """True if two adjectives are joined here, and their noun follows."""
    following = words[position + 1 : position + 3]
    return len(following) == 2 and not set(following) & (_NP_ENDS | {",", "/"})


@cache
def find_trigger(name: str, description: str) -> str:
    """Returns what the user does that this tool answers, a trigger of `lexicon/command_turns.yaml`; '' if it answers a
    request.
    """
    name_words = set(split_words(name))
    text = f" {' '.join(split_words(name))} | {description.lower()} "
    is_situation = bool(_SITUATION.search(description.strip()))
    best, best_score = "", 0.0
    for trigger, entry in load_lexicon_file("command_turns")["triggers"].items():
        signs = [str(sign).replace("_", " ") for sign in entry["signs"]]
        in_name = sum(sign in name_words or f" {sign} " in text.partition("|")[0] for sign in signs)
        in_text = sum(bool(re.search(rf"\b{re.escape(sign)}", text.partition("|")[2])) for sign in signs)
        score = 2 * in_name + in_text
        bare_name = name_words <= {*" ".join(signs).split(), "user", "say", "you", "intent", "message", "request", "to"}
        if trigger == "human":
            is_named = bool(in_name) and bool(name_words & {"speak", "talk", "connect", "escalate", "handoff", "to"})
            qualifies = is_named or (bool(in_name) and is_situation) or (bare_name and bool(in_name))
        else:
            qualifies = (is_situation and score > 0) or (bare_name and bool(in_name))
        if qualifies and score > best_score:
            best, best_score = trigger, score
    return "unclear" if best == "off_topic" else best


# ── how its arguments are said ────────────────────────────────────────────────────────────────


def _read_arguments(root: Schema, tool_words: str) -> tuple[list[ArgumentReading], list[str]]:
    """Returns the sayable arguments, and the names of the others; of those, a required one begins with "!"."""
    resolved = resolve_schema(root, root)
    required = set(resolved.get("required", ()))
    arguments: list[ArgumentReading] = []
    unsayable: list[str] = []
    for name, raw in resolved.get("properties", {}).items():
        schema = resolve_schema(raw, root)
        is_list = schema_type(schema) == "array"
        items = resolve_schema(schema.get("items", {}), root) if is_list else schema
        if is_list and "description" in schema:
            items = {"description": schema["description"], **items}
        reading = read_argument(name, items, name in required, tool_words)
        if reading is None or schema.get("minItems", 1) > 3:
            unsayable.append(f"!{name}" if name in required else name)
        else:
            arguments.append(
                ArgumentReading(**{**{field: getattr(reading, field) for field in _READING_FIELDS}, "is_list": is_list})
            )
    return arguments, unsayable


_READING_FIELDS = tuple(ArgumentReading.__dataclass_fields__)


def read_argument(name: str, schema: Schema, required: bool, tool_words: str = "") -> ArgumentReading | None:
    """Returns how an argument is said; None if no person would say it: ids, page tokens, what the document calls
    technical, objects, and texts of which nothing tells what they are.
    """
    words = set(split_words(name))
    description = str(schema.get("description", "")).lower()
    kind = schema_type(schema)
    is_purchase = "order" in words and bool(words & {"number", "id", "code", "type", "status", "date", "reference"})
    is_of_the_clock = "time" in words or bool(re.search(r"\btime ?zones?\b|\butc\b|\biana\b", description))
    technical = (SETTING_WORDS | SORT_WORDS | ZONE_WORDS) - {
        "language",
        "kind",
        "format",
        "order" if is_purchase else "",
        "" if is_of_the_clock else "zone",  # a zone of a house or a car is a place
    }
    if is_page_token(name, schema) or words & technical:
        return None
    if kind == "object" or not is_sayable(name, schema, {}):
        return None

    def build(manner: Manner, **details: Any) -> ArgumentReading:
        return ArgumentReading(name, schema, manner, _find_noun(name), required, **details)

    if is_id(name) and "enum" not in schema:  # where no result gives it, people read it out
        is_opaque = re.search(r"\b(?:uuid|hash|opaque|unique identifier)\b", description) or words & {
            "uuid",
            "uri",
            "url",
        }
        is_number = is_valid_under(schema, schema, 12345 if kind in ("integer", "number") else "12345")
        if is_opaque or schema.get("format") == "uuid" or not (is_number or schema.get("examples")):
            return None
        return build("value" if schema.get("examples") else "digits", digits=5)
    if kind == "boolean":
        return build("act" if words <= {"on", "enabled", "active", "power", "state", "is", "enable"} else "flag")
    if options := [option for option in schema.get("enum", ()) if option is not None]:
        if is_id(name) and all(re.fullmatch(r"\d+", str(option)) for option in options):
            return None  # what each of the numbers is for is known to the system alone
        return build(_choose_enum_manner(words, options, description)) if len(options) > 1 else None
    if kind in ("integer", "number"):
        manner = _choose_number_manner(words, description, tool_words)[0]
        return build(manner, money=manner == "amount")
    if kind not in ("string", None, "any"):
        return None
    return _read_text_argument(words, description, schema, build, tool_words)


def _find_noun(name: str) -> str:
    """Returns the noun that an argument tells about: "account" of `account_type`, "card" of `card_last_four`."""
    words = [word for word in split_words(name) if word not in _WORDS_BESIDE_A_NOUN]
    return to_singular(words[0]) if words else ""


_WORDS_BESIDE_A_NOUN = frozenset(
    "type kind category name last four to from number num of digits new target is has in min minimum max maximum least "
    "most avg average".split()
)


def _choose_enum_manner(words: set[str], options: Sequence[Any], description: str) -> Manner:
    values = {str(option).lower().replace("-", "_").replace(" ", "_") for option in options}
    if values - INDIFFERENT_VALUES <= {"true", "false", "yes", "no"}:
        return "flag"
    if all(re.fullmatch(r"\d+(\.\d+)?", value) for value in values - INDIFFERENT_VALUES):
        return "when" if words & {"year", "hour"} else _choose_number_manner(words, description, "")[0]
    if values <= _load_comparatives() | _MORE_OR_LESS:
        return "act"
    is_size_of_step = bool(words & _EXTENT_WORDS) and values - INDIFFERENT_VALUES <= _DEGREES | _SIZES
    if values - INDIFFERENT_VALUES <= _DEGREES or is_size_of_step:
        return "degree"
    if words & _EXCLUDING_WORDS:
        return "manner"
    if words & {"thing", "item", "object", "what"}:
        return "thing"
    if description.startswith(("where", "when", "how many")):
        return {"where": "place", "when": "when", "how m": "count"}[description[:5].strip()]  # type: ignore[return-value]
    if words & _UNIT_WORDS:
        return "unit"
    if len(values & _SWITCH_VALUES) >= 2 and (words & _ACT_WORDS or values <= _SWITCH_VALUES):
        return "act"
    for manner, its_words in (
        ("reason", _REASON_WORDS),
        ("from", _FROM_WORDS),
        ("to", _TO_WORDS),
        ("when", _WHEN_WORDS),
        ("manner", _MANNER_WORDS - {"mode"}),
        ("place", _PLACE_WORDS),
        ("level", _LEVEL_WORDS),
    ):
        if words & its_words and not (manner in ("place", "level") and "type" in words):
            return manner  # type: ignore[return-value]
    if values & set(load_lexicon_file("command_values")["levels"]) or values >= {"low", "high"}:
        return "level"
    return "kind"


_DEGREES = frozenset("little lot bit slightly slight a_little a_bit a_lot much somewhat".split())
_SIZES = frozenset("small large big tiny medium moderate huge slight".split())
_EXTENT_WORDS = frozenset("step steps amount extent degree magnitude change increment delta".split())
_EXCLUDING_WORDS = frozenset("avoid exclude excluding without except skip".split())
_MORE_OR_LESS = frozenset("more less higher lower longer shorter stronger weaker softer harder lighter heavier".split())


def _choose_number_manner(words: set[str], description: str, tool_words: str) -> tuple[Manner]:
    if _is_money(words, description, tool_words):
        return ("amount",)
    if words & _STEP_WORDS:
        return ("step",)
    if (
        words & (_DURATION_WORDS | {"days", "weeks", "nights", "months"})
        or "duration" in description
        or "how long" in description
    ):
        return ("duration",)
    if words & {"hour", "minute", "year"}:
        return ("when",)
    if words & _LEVEL_WORDS:
        return ("level",)
    if words & _COUNT_WORDS or words & {"amount"} or description.startswith(("number of", "how many")):
        return ("count",)
    return ("level",)


def _is_money(words: set[str], description: str, tool_words: str) -> bool:
    if _MONEY.search(description) or words & {"price", "cost", "fee", "budget"}:
        return True
    return bool(words & _MONEY_WORDS and set(tool_words.split()) & _MONEY_NOUNS)


def _read_text_argument(
    words: set[str], description: str, schema: Schema, build: Any, tool_words: str
) -> ArgumentReading | None:
    """Returns how a text is said: by its format, digits, noun or description; None if nothing tells what it is."""
    if schema.get("format") in ("date", "date-time", "time"):
        return build("when")
    if schema.get("format") in ("email", "uri", "url"):
        return build("value") if schema.get("format") == "email" else None
    if digits := find_digits(words, f"{description} {tool_words if 'number' in words else ''}", schema):
        return build("digits", digits=digits, last_digits="last" in words or "last " in description)
    if words & _REASON_WORDS:
        return build("reason", things="reason")
    if words & _DURATION_WORDS:
        return build("duration")
    if words & _WHEN_WORDS and not words & {"zone"}:
        return build("when")
    things = load_lexicon_file("command_values")["things"]
    described = {to_singular(word) for word in re.findall(r"[a-z]+", description)}
    aliases = load_lexicon_file("command_values")["aliases"]
    by_name = next(
        (aliases.get(word, word) for word in map(to_singular, sorted(words)) if aliases.get(word, word) in things), ""
    )
    if words & _FROM_WORDS or words & _TO_WORDS:
        manner: Manner = "from" if words & _FROM_WORDS else "to"
        if "city" in words or described & {"city", "airport"}:
            return build(manner, things="city")
        return build(manner, things=by_name or ("person" if described & _PERSON_WORDS else "destination"))
    if words & _PERSON_WORDS - {"name"}:
        is_company = bool(described & {"company", "provider", "business", "payee", "merchant", "biller"})
        return build("thing", things="company" if is_company else by_name or "person")
    if by_name in ("message", "note", "question"):
        return build("text", things=by_name)
    if words & {"location", "city", "town", "area", "where"} and described & {"city", "town"}:
        return build("place", things="city")
    if by_name in ("city", "room", "place", "address", "store", "restaurant"):
        return build("place", things=by_name)
    if by_name in ("language", "color"):
        return build("manner" if by_name == "language" else "level", things=by_name)
    if by_name:
        return build("thing", things=by_name)
    owner = next((word for word in map(to_singular, re.findall(r"[a-z]+", tool_words)) if word in things), "")
    is_illustrated = bool(schema.get("examples")) or bool(re.search(r"\be\.g\.|\bsuch as\b|\bexample", description))
    if words & ({"name", "title", "label", "query", "search", "keyword", "term"} | _TEXT_WORDS) or not words:
        by_text = owner or _find_thing_in(description)
        if by_text or words & _TEXT_WORDS:
            return build("text" if words & _TEXT_WORDS - {"query"} else "thing", things=by_text or "message")
        return build("value") if is_illustrated else None
    by_text = _find_thing_in(description)
    if by_text and by_text not in ("word", "list", "reason", "label"):
        return build("thing", things=by_text)
    return build("value") if is_illustrated else None


def _find_thing_in(description: str) -> str:
    """Finds the first word of a description that is a key of the lexicon's examples, or another word for one; '' if
    there is none. What comes first is what it is about: "the name of the actor of the movie".
    """
    lexicon = load_lexicon_file("command_values")
    words = map(to_singular, re.findall(r"[a-z]+", description))
    return next((key for word in words if (key := lexicon["aliases"].get(word, word)) in lexicon["things"]), "")


def find_digits(words: set[str], description: str, schema: Schema) -> int:
    """Returns how many digits a number that is read out has, from its pattern, its description or its name; 0 if the
    value is no such number.
    """
    if pattern := _DIGIT_PATTERN.match(str(schema.get("pattern", ""))):
        return int(pattern["number"])
    for found in (_LAST_DIGITS.search(description), _DIGITS.search(description)):
        if found:
            return int(found["number"]) if found["number"].isdigit() else _NUMBERS[found["number"]]
    if {"last", "four"} <= words or "last4" in words or ("last" in words and "4" in words):
        return 4
    if "pin" in words:
        return 4
    if words & {"phone", "mobile", "telephone"} or re.search(r"\bphone\b|\bnumber to call\b", description):
        return 10
    if words & {"zip", "zipcode", "postcode"}:
        return 5
    if words & {"number", "code", "digits"} and not words & {"phone", "flight", "country", "room", "language"}:
        lengths = [length for bound in ("minLength", "maxLength") if isinstance(length := schema.get(bound), int)]
        return min(lengths) if lengths and 0 < min(lengths) <= 12 else 6
    return 0
