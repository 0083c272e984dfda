"""Words commands as people say them: requests, values that come later, "… too", corrections, and what is no request.

Belongs here: sentences for the moves of a conversation of the kind `command`. Which move is made, with which values,
is decided in `planning/commands`; the words of single values are in `command_values`, the verbs in
`lexicon/command_verbs.yaml`. Each sentence is drawn several times, and the one is taken whose length fits the person
and that says neither the tool's name nor an argument's. Values stand as signs (private characters) in a sentence until
it is finished, so that nothing changes their words, which the plan records.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import NamedTuple

import inflect

from funcdex_assets.language.command_idioms import (
    find_comparatives_of_thing,
    list_all_idioms,
    list_directions,
    list_idioms,
    list_idioms_of_value,
    load_comparatives,
)
from funcdex_assets.language.command_values import SpokenValue, find_clauses, normalise_option
from funcdex_assets.language.lexicon import load_lexicon_file
from funcdex_assets.language.speech_noise import Channel, distort_words
from funcdex_assets.language.tool_reading import (
    LOOK_UP_FAMILIES,
    ArgumentReading,
    ToolReading,
    find_family,
    list_name_words,
    load_families,
)
from funcdex_assets.language.values import capitalize_sentence
from funcdex_assets.schema.schema import schema_type
from funcdex_assets.schema.words import split_words, to_singular

_ENGINE = inflect.engine()
_FIRST_SIGN = 0xE000
_SIGN = re.compile("[\ue000-\uf8ff]")
PREDICATE_SHARE = 0.1  # of requests that say what the description says
CLAUSE_ALONE_SHARE = (
    0.4  # of requests with a reason, where one tool alone takes any: no more is said than what happened
)
IDIOM_OF_VALUE_SHARE = 0.45  # of requests for one value that has phrases of its own
SYNONYM_SHARE = 0.35  # of things that have other names
IDIOM_SHARE = 0.18  # of requests for tools for which there are phrases that follow neither verb nor noun
_CANDIDATES = 6  # sentences that are drawn, of which one is taken
_OWNED_NOUNS = frozenset(
    "account balance card pin bill order appointment package parcel subscription reservation password profile schedule "
    "calendar list phone ticket booking plan address statement payment delivery shipment membership prescription "
    "alarm timer reminder playlist car seat room email message inbox contacts refund loan policy claim device "
    "location usage points rewards limit transactions history".split()
)
_PREPOSITIONAL = re.compile(
    r"^(?:in|on|at|up|to|by|around|during|overnight|for|from|next|this|last|the|every|each|once)\b"
)
_QUESTION = re.compile(
    r"^(?:what|where|which|how|who|when|why|is|are|do|does|has|can|could|would|any|got|may)\b", re.IGNORECASE
)
_SETTING_FAMILIES = frozenset(("set", "change", "raise", "lower", "turn_on", "open", "close", "dim", "move"))
_HOLDS_VALUES = re.compile(
    r"(?:\{[bopa]\}$|\{b\} please|i need \{[ao]\}$|i want \{[ao]\}$|i'd like|can i (?:get|have)|could i have"
    r"|new \{b\}|what about|i want to|i need to|i have to|wake up call|how about|let me see|any )"
)
_FIRST_PERSON = re.compile(r"\b(?:i|i'd|let's|we|i've)\b")
_MASS_NOUNS = frozenset(
    "fraud money music weather traffic information help feedback access news status heat heating air power "
    "water food media playback guidance lighting parking charging fuel sound energy support advice mail "
    "luggage milk coffee laundry cash data service iron something someone".split()
)


@dataclass(frozen=True)
class Said:
    """An argument that is said, and its value in words."""

    argument: ArgumentReading
    spoken: SpokenValue


@dataclass(frozen=True)
class Style:
    """How a person says things. `words` are the lengths that the person's requests have, in words; the shares are
    those of sentences that are distorted, polite, or have a filler or a rare long lead.
    """

    words: Sequence[int] = (2, 3, 4, 4, 5, 5, 6, 7, 9, 12)
    lower: bool = True
    punctuated: bool = False
    polite: float = 0.2
    filler: float = 0.08
    long: float = 0.06
    noise: float = 0.1
    channel: Channel = "clean"


class Rivals(NamedTuple):
    """What other tools on offer could be meant as well: their `objects`, the `idioms` that ask for them, whether one of
    them takes a reason, and the `directions` in which they change something, as it is said: "warmer".
    """

    objects: frozenset[str]
    idioms: frozenset[str]
    reasons: bool
    directions: frozenset[str] = frozenset()


NO_RIVALS = Rivals(frozenset(), frozenset(), True)


def find_rivals(reading: ToolReading, others: Iterable[ToolReading]) -> Rivals:
    """Finds what the other tools on offer have in common with this one."""
    rest = [other for other in others if other.tool != reading.tool and not other.trigger]
    return Rivals(
        frozenset(other.objects[0] for other in rest),
        frozenset(idiom for other in rest for idiom in list_all_idioms(other)),
        any(argument.manner == "reason" for other in rest for argument in other.arguments),
        frozenset(word for other in rest for word in list_directions(other)),
    )


@dataclass
class Utterance:
    """What is said. `evidence` has the words for each argument, by its name, as they stand in the text."""

    text: str
    evidence: dict[str, str] = field(default_factory=dict)


@dataclass
class _Draft:
    """A sentence whose values are still signs; an argument in `as_whole` is told by the sentence as a whole."""

    text: str
    as_whole: set[str] = field(default_factory=set)
    words: dict[str, str] = field(default_factory=dict)


def phrase_command(
    reading: ToolReading,
    said: Sequence[Said],
    rng: Random,
    style: Style,
    pronoun: str = "",
    lead: str = "",
    about: str = "",
    rivals: Rivals = NO_RIVALS,
) -> Utterance:
    """Words a request for a call with these values. With a `pronoun`, the thing was spoken of before; with `about`
    ("for it"), what it belongs to. What `rivals` could be asked for in the same words is not said.
    """
    target = rng.choice(style.words) + max(0, len(said) - 1)
    best: tuple[float, _Draft] | None = None
    for _ in range(_CANDIDATES):
        draft = _draft_request(reading, said, rng, style, pronoun, bool(lead), rivals)
        penalty = abs(_count_words(draft.text, said) - target) + rng.random()
        if says_tool_name(reading.tool, draft.text):
            penalty += 4
        penalty += 2 * sum(_says_argument_name(item.argument, draft.text) for item in said)
        if best is None or penalty < best[0]:
            best = penalty, draft
    assert best is not None
    best[1].text = f"{lead}{best[1].text}{f' {about}' if about else ''}"
    return _finish(best[1], said, rng, style)


def phrase_addition(said: Sequence[Said], rng: Random, style: Style) -> Utterance:
    """Words values that were left out: "it's the credit one", "ending in 4821"."""
    forms = load_lexicon_file("command_turns")["completions"]
    if len(said) == 1 and said[0].argument.manner == "kind" and not said[0].spoken.is_clause:
        bare = _sign(0)
        text = rng.choice(forms["kind"]).format(x=bare)
        if text != bare and _WHOLE.match(said[0].spoken.words):
            text = bare
        return _finish(_Draft(text), said, rng, style)
    return _phrase_fragment(forms["any"], said, rng, style)


def phrase_again(reading: ToolReading, said: Sequence[Said], rng: Random, style: Style) -> Utterance:
    """Words the last request with another value: "and the kitchen too"."""
    is_question = bool(LOOK_UP_FAMILIES & set(reading.families))
    forms = load_lexicon_file("command_turns")["again"]
    return _phrase_fragment(
        forms["look_up"] if is_question and rng.random() < 0.6 else forms["value"], said, rng, style
    )


def phrase_other(said: Sequence[Said], rng: Random, style: Style) -> Utterance:
    """Words the last request for the other one of two: "and the other one"."""
    text = rng.choice(load_lexicon_file("command_turns")["other"])
    return _finish(_Draft(text, as_whole={item.argument.name for item in said}), said, rng, style)


def phrase_correction(said: Said, old: str, rng: Random, style: Style) -> Utterance:
    """Words a correction of a value after the call: "no wait eighteen"."""
    forms = load_lexicon_file("command_turns")["corrections"]["value"]
    fitting = (
        [form for form in forms if "{old}" not in form] if said.spoken.is_clause or len(old.split()) > 3 else forms
    )
    return _phrase_fragment(fitting, [said], rng, style, old)


def phrase_self_repair(words: str, old: str, rng: Random) -> str:
    """Words a value that is corrected in the same breath: "fifty no sixty"."""
    return rng.choice(load_lexicon_file("command_turns")["self_repairs"]).format(old=old, x=words)


def phrase_trigger(trigger: str, rng: Random, style: Style) -> str:
    """Words what a user does that a tool answers: "hey there", "i want to talk to a person"."""
    says = load_lexicon_file("command_turns")["triggers"][trigger]["says"]
    return _polish(distort_some(rng.choice(says), style, rng), rng, style, plain=True)


def distort_some(text: str, style: Style, rng: Random) -> str:
    """Distorts a share of texts, as the person's channel does."""
    return distort_words(text, style.channel, rng) if rng.random() < style.noise else text


def join_utterances(first: Utterance, second: Utterance, rng: Random) -> Utterance:
    """Joins two requests in one turn: "lock the door and turn off the lights"."""
    joined = rng.choice(load_lexicon_file("command_turns")["joins"])
    head = first.text.rstrip(".?! ")
    tail = second.text[:1].lower() + second.text[1:] if second.text[:2] not in ("I ", "I'") else second.text
    evidence = {**first.evidence, **second.evidence}
    return Utterance(f"{head}{joined}{tail}", evidence)


# ── sentences ─────────────────────────────────────────────────────────────────────────────────


def _draft_request(
    reading: ToolReading, said: Sequence[Said], rng: Random, style: Style, pronoun: str, is_led: bool, rivals: Rivals
) -> _Draft:
    draft = _Draft("")
    if reading.trigger:
        return _draft_trigger_request(reading, said, rng)
    remaining = list(enumerate(said))
    families = load_families()
    family = rng.choice(reading.families[:1] * 3 + reading.families[1:]) if reading.families else ""
    act = next((pair for pair in remaining if pair[1].argument.manner == "act" or _is_off(pair[1])), None)
    if act is not None and reading.families[:1] == ("clear",) and str(act[1].spoken.value) in ("on", "off"):
        reading, remaining, act = _read_running_deed(draft, reading, remaining, act)
    verb = reading.verb
    said_alone = said[0] if len(said) == 1 and not said[0].argument.is_list and not pronoun else None
    is_no_verb = act is not None and not find_family(str(act[1].spoken.value).replace("_", " ").lower())
    if said_alone is not None and (is_no_verb or rng.random() < IDIOM_OF_VALUE_SHARE):  # nobody says "next the song"
        idioms = list_idioms_of_value(reading, said_alone.argument, said_alone.spoken.value)
        if free := [idiom for idiom in idioms if idiom not in rivals.idioms]:
            draft.as_whole.add(said_alone.argument.name)
            draft.text = rng.choice(free)
            return draft
    if act is not None:
        remaining.remove(act)
        draft.as_whole.add(act[1].argument.name)
        option = str(act[1].spoken.value).lower()
        option = {"true": "on", "false": "off"}.get(option, option)
        if option.endswith("er") or option in ("more", "less"):
            return _draft_directed(draft, reading, option, remaining, rng, rivals)
        family, verb = find_family(option.replace("_", " ").replace("-", " ")) or "", option.replace("_", " ")
        family = {"opened": "open", "closed": "close"}.get(option, family)
    comparative = _draft_comparative(reading, said, family, rng, rivals) if act is not None or not said else None
    if comparative and rng.random() < 0.35:
        others = [pair for pair in remaining if _sign(pair[0]) not in comparative]
        draft.text = _append(comparative, [_adjunct(index, item, rng) for index, item in others], rng)
        return draft
    open_acts = [
        argument
        for argument in reading.arguments
        if argument.manner == "act" and act is None and argument.name not in draft.as_whole
    ]
    if open_acts and not all("default" in argument.schema for argument in open_acts):
        family = "open"  # on or off, up or down: nothing says which
    forms = families.get(
        family, {"do": [f"{verb} {{o}}", f"{verb} {{o}}", f"{verb} {{b}}"], "say": ["{b}", "i need {o}"]}
    )
    if act is not None:
        forms = _keep_forms_with_act(forms, verb)
    if open_acts and family == "open":
        forms = _FORMS_OF_AN_OPEN_ACT
    if (
        act is None
        and not pronoun
        and rng.random() < IDIOM_SHARE
        and (idiom := _draft_idiom(reading, remaining, rivals, rng))
    ):
        draft.text = idiom
        return draft
    thing = _take_thing(draft, reading, remaining, family)
    if "bare" in forms and not thing and not pronoun:
        draft.text = _append(
            rng.choice(forms["bare"]), [_adjunct(*pair, rng, family=family) for pair in remaining], rng
        )
        return draft
    nouns, used = _build_nouns(reading, remaining, rng, family, pronoun, thing, rivals)
    remaining = [pair for pair in remaining if pair[0] not in used]
    if family == "move" and not thing and not pronoun and nouns["b"].split()[-1] not in _MASS_NOUNS:
        nouns["b"] = nouns["o"]  # money is moved as such, a thing as the one that it is
    key = ""
    for manner, name in (("level", "to"), ("when", "to"), ("step", "by")):
        pair = next((pair for pair in remaining if pair[1].argument.manner == manner), None)
        if pair is not None and name in forms and (manner != "when" or family == "reschedule") and rng.random() < 0.85:
            remaining.remove(pair)
            nouns["v"], key = _sign(pair[0]), name
            break
    clause = next((pair for pair in remaining if pair[1].spoken.is_clause), None)
    if clause is not None:
        remaining.remove(clause)
    is_imperative = True
    quoted = reading.predicate if act is None and not pronoun and not used and not thing and not key else ""
    is_shared = reading.objects[0] in rivals.objects  # then only the verb says which tool is meant
    if quoted and not remaining and "something" not in quoted and rng.random() < PREDICATE_SHARE:
        text = re.sub(rf"\ban? (?=(?:{'|'.join(_OWNED_NOUNS)})\b)", "my ", quoted, count=1)
        form, key = text if rng.random() < 0.7 else quoted, "quoted"
    elif reading.question and not pronoun and rng.random() < 0.6:
        form, is_imperative = rng.choice(_QUESTION_FORMS), False
        nouns |= {"wh": reading.question[0], "verb": reading.question[1]}
    elif key == "to" and _ADVERBIAL.match(_find_words(said, nouns["v"])):
        form = rng.choice(("turn {o} {v}", "set {o} {v}", "{b} {v}", "put {o} {v}"))
        is_imperative = not form.startswith("{")
    elif key:
        form = rng.choice(forms[key])
        is_imperative = not form.startswith(("{", "i ", "let", "can ", "i'"))
    elif pronoun or is_led or is_shared or rng.random() < 0.6:
        form = rng.choice([form for form in forms["do"] if not (thing and _TAKES_SOME.search(form))] or forms["do"])
    else:
        fitting = [form for form in forms["say"] if not (reading.question and "what" in form)]
        if thing or nouns["b"] == nouns["a"] != nouns["o"]:
            fitting = [form for form in fitting if not _TAKES_SOME.search(form)] or fitting
        if remaining:  # a state holds no further values: "my room is dirty" + "tomorrow"
            fitting = [form for form in fitting if _HOLDS_VALUES.match(form)] or list(forms["do"])
        form, is_imperative = rng.choice(fitting), False  # "where is it" is not answered by what it is
    if pronoun:
        form = re.sub(r"\{[bap]\}", "{o}", form)
        form = _PARTICLE.sub(r"\1 {o} \2", form) if pronoun in ("it", "that") else form
    if not pronoun and nouns["b"].split()[-1].endswith("s") and nouns["o"] not in _PRONOUNS:
        form = _AGREEING.sub(lambda match: f"{match[1]} {_PLURALS[match[2]]}", form)
    else:
        form = form.replace("what are {o}", "what's {o}")
    text = form.format_map({"v": "", **nouns})
    adjuncts = [_adjunct(index, item, rng, family=family) for index, item in _order(remaining)]
    if family in ("move", "pay", "send") and not thing:
        text, adjuncts = _place_amount(text, form, nouns, remaining, adjuncts, rng)
    if is_imperative and not is_led:
        is_own_act = key == "quoted" and form.split()[0] in _OWN_ACTS
        text = _lead(style, rng, " me " in f" {form} ", is_own_act) + text
    text = _append(text, adjuncts, rng)
    if clause is not None and not adjuncts and not rivals.reasons and rng.random() < CLAUSE_ALONE_SHARE:
        named = _name_in_clause(clause[1].spoken.words, nouns["o"])
        if named:
            draft.as_whole.add(clause[1].argument.name)
            draft.text = named
            return draft
    if clause is not None:
        text = _add_clause(draft, text, clause, nouns["o"], rng)
    if rng.random() < 0.12 and len(text.split()) > 2:
        tails = load_lexicon_file("command_turns")["tails"]
        has_places = any(argument.manner == "place" for argument in reading.arguments)
        text = f"{text} {rng.choice([tail for tail in tails if not (has_places and tail == 'for me')])}"
    draft.text = text
    return draft


def _is_off(item: Said) -> bool:
    """Whether a level is said by turning the thing off."""
    return item.argument.manner == "level" and str(item.spoken.value).lower() == "off"


def _read_running_deed(
    draft: _Draft, reading: ToolReading, remaining: list[tuple[int, Said]], act: tuple[int, Said]
) -> tuple[ToolReading, list[tuple[int, Said]], tuple[int, Said] | None]:
    """Reads a tool that does something until it is told to stop: on is the deed itself ("clear the rear window"), and
    off turns the deed off, not its thing.
    """
    if str(act[1].spoken.value) == "on":
        draft.as_whole.add(act[1].argument.name)
        return reading, [pair for pair in remaining if pair is not act], None
    deed = " ".join(list_name_words(reading.tool))
    return dataclasses.replace(reading, objects=(deed,), families=("turn_off",)), remaining, act


def _keep_forms_with_act(forms: Mapping[str, Sequence[str]], verb: str) -> Mapping[str, Sequence[str]]:
    """Keeps the forms that tell what is to be done: the thing alone does not, and "set it off" says off."""
    kept = {key: [form for form in some if not _TELLS_NO_ACT.fullmatch(form)] for key, some in forms.items()}
    return {**kept, "say": kept["say"] or [verb, f"{verb} please", f"{verb} {{b}}"]}


_FORMS_OF_AN_OPEN_ACT: Mapping[str, Sequence[str]] = {
    "do": ["do something about {o}", "sort out {o}", "see about {o}", "change {o}", "help me with {o}"],
    "say": ["{b}", "{b} please", "{o}", "it's about {o}", "what about {o}", "something with {o}"],
}
_TAKES_SOME = re.compile(r"\b(?:any|some) \{b\}")
_TELLS_NO_ACT = re.compile(
    r"(?:(?:i need|i want|i'd like|can i (?:get|have)) )?\{[oabp]\}(?: please)?|set \{o\} off|(?:can go|time for) \{o\}"
)
_ADVERBIAL = re.compile(r"(?:all the way|as \w+ as|completely|fully|halfway|to the)\b")
"""Ends of a scale that follow a verb as they are: "turn it all the way up", not "to all the way up"."""


def _find_words(said: Sequence[Said], sign: str) -> str:
    """Returns the words for which a sign stands."""
    return said[ord(sign) - _FIRST_SIGN].spoken.words


_PLURALS = {"needs": "need", "is": "are", "isn't": "aren't", "has": "have", "doesn't": "don't"}
_AGREEING = re.compile(r"(\{[ob]\}) (needs|is|isn't|has|doesn't)\b")
_PARTICLE = re.compile(r"\b(\w+) (up|off|out|down|back|over|(?<=turn )on|(?<=switch )on|(?<=put )on) \{o\}")
"""A verb with a particle, which a pronoun does not follow: "bring it up"."""
_QUESTION_FORMS = (
    "{wh} {verb} {o}",
    "{wh} {verb} {o}",
    "do you know {wh} {o} {verb}",
    "tell me {wh} {o} {verb}",
    "i'd like to know {wh} {o} {verb}",
    "can you see {wh} {o} {verb}",
    "any idea {wh} {o} {verb}",
)


def _draft_idiom(reading: ToolReading, remaining: Sequence[tuple[int, Said]], rivals: Rivals, rng: Random) -> str:
    """Words a wish by what is asked or stated instead: "how much is left in savings"; '' if there is no such phrase."""
    idioms = [idiom for idiom in list_idioms(reading) if idiom not in rivals.idioms]
    if not idioms:
        return ""
    text, rest = rng.choice(idioms), list(remaining)
    place = next(
        (pair for pair in rest if pair[1].argument.manner in ("kind", "place") and not pair[1].spoken.is_clause), None
    )
    where = ""
    if place is not None and "{in}" in text:
        rest.remove(place)
        own = place[1].spoken.words.startswith(("my ", "the ", "our "))
        noun = place[1].argument.noun
        whole = (
            _sign(place[0])
            if noun in place[1].spoken.words.split() or rng.random() < 0.5
            else f"{_sign(place[0])} {noun}".strip()
        )
        preposition = rng.choice(("in", "in", "on", "for")) if place[1].argument.manner == "kind" else "in"
        determiner = "" if own else "the " if place[1].argument.manner == "place" else rng.choice(("my ", "my ", ""))
        where = (
            f" {preposition} {determiner}{whole}"
            if not _PREPOSITIONAL.match(place[1].spoken.words)
            else f" {_sign(place[0])}"
        )
    elif text.endswith("is{in}") or ("{in}" in text and text.split("{in}")[0].endswith((" is", "'s"))):
        text = text.replace("{in}", " left")
    if rest:
        return ""  # an idiom is whole, and takes no further values
    return text.format_map({"in": where})


def _draft_directed(
    draft: _Draft,
    reading: ToolReading,
    direction: str,
    remaining: Sequence[tuple[int, Said]],
    rng: Random,
    rivals: Rivals,
) -> _Draft:
    """Words a wish for more or less of something: "make it warmer", "the desk lamp brighter", "i'm freezing"."""
    alike = [words for sides in load_comparatives().values() for words in sides.values() if direction in words]
    is_shared = direction in rivals.directions and " " in reading.objects[0]
    sentences = [word for words in alike for word in words if " " in word]
    adjectives = [word for words in alike for word in words if " " not in word]
    where = next(
        (
            pair
            for pair in remaining
            if pair[1].argument.manner in ("kind", "place") and pair[1].argument.noun not in _MERE_PLACES
        ),
        None,
    )
    degree = next((pair for pair in remaining if pair[1].argument.manner == "degree"), None)
    parts = [_adjunct(index, item, rng) for index, item in remaining if (index, item) not in (where, degree)]
    if sentences and not remaining and not is_shared and rng.random() < 0.3:
        draft.text = rng.choice(sentences)
        return draft
    word = rng.choice([*adjectives, direction, direction])
    thing = f"the {reading.objects[0]}" if is_shared else rng.choice(("it", "it", f"the {reading.objects[0]}"))
    if where is not None:
        item = where[1]
        is_whole = bool(re.match(r"(?:all|every|both|the|my)\b", item.spoken.words)) or item.argument.noun == ""
        noun = "" if is_whole or item.argument.noun in item.spoken.words.split() else f" {item.argument.noun}"
        thing = f"{'' if is_whole else 'the '}{_sign(where[0])}{noun}"
    if degree is not None:
        word = f"{_sign(degree[0])} {word}"
    is_bare = where is None and not is_shared
    form = rng.choice(
        (
            "make {t} {w}",
            "make {t} {w}",
            "can you get {t} {w}",
            "{t} should be {w}",
            "i want {t} {w}",
            "could you make {t} {w}",
            "get {t} {w}",
            "{w} please" if is_bare else "{t} {w}",
            "{w}" if is_bare else "{t} {w} please",
            "can it be {w} in here" if is_bare else "i'd like {t} {w}",
        )
    )
    draft.text = _append(form.format(t=thing, w=word), parts, rng)
    return draft


def _draft_trigger_request(reading: ToolReading, said: Sequence[Said], rng: Random) -> _Draft:
    """Words what the user does together with the values of the tool's arguments: "the fraud department please"."""
    says = str(rng.choice(load_lexicon_file("command_turns")["triggers"][reading.trigger]["says"]))
    if not said:
        return _Draft(says)
    item = said[0]
    noun = item.argument.noun
    if item.spoken.is_clause:
        return _Draft(f"{says}, {_sign(0)}")
    forms = [f"{says} in {_sign(0)}", f"{says} about {_sign(0)}", f"{_sign(0)} please", f"{says}, {_sign(0)}"]
    if reading.trigger == "human":
        forms += [
            f"put me through to {_sign(0)}",
            f"i need someone from {_sign(0)}",
            f"can i talk to {_sign(0)}",
            f"{_sign(0)} {noun or 'team'} please",
            f"connect me with {_sign(0)}",
            f"get me somebody in {_sign(0)}",
            f"is there anyone in {_sign(0)} i can speak to",
            f"the {_sign(0)} people please",
            f"i have a question about {_sign(0)}, let me talk to someone",
        ]
    return _Draft(rng.choice(forms))


def _draft_comparative(
    reading: ToolReading, said: Sequence[Said], family: str, rng: Random, rivals: Rivals
) -> str | None:
    """Returns what people say for more or less of the tool's thing: "it's too cold in here"; None without a word, or if
    another tool could be meant.
    """
    side = "more" if family == "raise" else "less" if family in ("lower", "dim") else ""
    if not side or any(item.argument.manner in ("level", "step") for item in said):
        return None
    words = [word for word in find_comparatives_of_thing(reading).get(side, ()) if word not in rivals.directions]
    if not words:
        return None
    degree = next((index for index, item in enumerate(said) if item.argument.manner == "degree"), None)
    if degree is not None:
        words = [word for word in words if " " not in word]
        if not words:
            return None
        word = f"{_sign(degree)} {rng.choice(words)}"
        return rng.choice(("make it {w}", "{w}", "{w} please", "can it be {w}", "i want it {w}")).format(w=word)
    word = rng.choice(words)
    if " " in word:
        return word
    return rng.choice(
        (
            "make it {w}",
            "{w}",
            "a bit {w}",
            "a little {w} please",
            "can it be {w}",
            "{w} please",
            "slightly {w}",
            "i want it {w}",
        )
    ).format(w=word)


def _take_thing(draft: _Draft, reading: ToolReading, remaining: list[tuple[int, Said]], family: str) -> str:
    """Takes the thing that is named, where it is what the verb acts on: "play hey jude", "call mom"."""
    for pair in remaining:
        argument = pair[1].argument
        if argument.manner != "thing" and not (argument.manner == "text" and family in ("remind", "save", "translate")):
            continue
        is_object = argument.noun == to_singular(reading.objects[0].split()[-1]) or argument.noun in (
            "name",
            "query",
            "title",
            "",
            "item",
            "thing",
        )
        count = next((pair for pair in remaining if pair[1].argument.manner == "count"), None)
        if is_object or family in (
            "play",
            "call",
            "remind",
            "navigate",
            "translate",
            "find",
            "save",
            "order",
            "bring",
        ):
            remaining.remove(pair)
            words = pair[1].spoken.words
            if count is not None and not re.match(r"(?:a|an|some|the|my)\b", words):
                remaining.remove(count)
                if count[1].spoken.value != 1 and words.split()[-1] not in _MASS_NOUNS:
                    draft.words[argument.name] = _pluralise(words)
                return f"{_sign(count[0])} {_sign(pair[0])}"
            return _sign(pair[0])
    if family == "navigate":
        for pair in remaining:
            if pair[1].argument.manner in ("to", "place"):
                remaining.remove(pair)
                return _sign(pair[0])
    return ""


def _rename_thing(base: str, rng: Random, rivals: Rivals) -> str:
    """Calls the tool's thing by another name that people have for it, if no other tool is about such a thing."""
    names = load_lexicon_file("command_values")["nouns"]
    taken = {word for text in rivals.objects for word in text.split()}
    known = base if base in names else base.split()[-1]
    others = [name for name in names.get(known, ()) if not taken & set(name.split()) - set(base.split())]
    return f"{base.removesuffix(known)}{rng.choice(others)}" if others else base


def _build_nouns(
    reading: ToolReading,
    remaining: Sequence[tuple[int, Said]],
    rng: Random,
    family: str,
    pronoun: str,
    thing: str,
    rivals: Rivals = NO_RIVALS,
) -> tuple[dict[str, str], set[int]]:
    """Builds the noun phrases of a sentence, with values before and after the noun; returns them, and the numbers of
    the values that are in them.
    """
    if pronoun:
        return dict.fromkeys("oabp", pronoun), set()
    if thing:
        if family not in ("navigate", "call") and rng.random() < 0.15 and len(reading.objects[0].split()) == 1:
            return dict.fromkeys("oabp", f"the {reading.objects[0]} {thing}"), set()
        return dict.fromkeys("oabp", thing), set()
    base = reading.objects[0] if rng.random() < 0.6 else rng.choice(reading.objects)
    if rng.random() < SYNONYM_SHARE:
        base = _rename_thing(base, rng, rivals)
    if base in _PRONOUNS:
        return dict.fromkeys("oabp", base), set()
    used: set[int] = set()
    head = base.split()[-1]
    after = ""
    has_owner = False
    for index, item in remaining:
        argument, words = item.argument, item.spoken.words
        is_of_the_thing = argument.noun == to_singular(head) or (
            argument.noun in COUNT_NOUNS and head not in _MASS_NOUNS
        )
        if argument.manner == "count" and is_of_the_thing and not used:
            used.add(index)
            base, has_owner = f"{_sign(index)} {base if item.spoken.value == 1 else _pluralise(base)}", True
        elif argument.manner == "kind" and not used:
            used.add(index)
            base, after, has_owner = _attach_kind(index, argument, words, base, family, rng)
        elif (
            argument.manner == "place"
            and argument.noun in (to_singular(word) for word in base.split())
            and not _PREPOSITIONAL.match(words)
            and (words in ("all", "both") or not _WHOLE.match(words))
            and not used
        ):  # a window of windows, a seat of the seat heating
            used.add(index)
            places = [to_singular(word) for word in base.split()]
            rest = " ".join(base.split()[places.index(argument.noun) + 1 :])
            names_itself = argument.noun in words.split() or not _POSITIONS.issuperset(words.split())
            whole = _sign(index) if names_itself else f"{_sign(index)} {argument.noun}"
            if _WHOLE.match(words):
                whole, has_owner = f"{_sign(index)} the {_pluralise(argument.noun)}", True
            base = f"{whole} {rest}".strip()
        elif (
            argument.manner == "place"
            and not _PREPOSITIONAL.match(words)
            and not _WHOLE.match(words)
            and len(words.split()) <= 2
            and rng.random() < 0.55
        ):
            used.add(index)
            is_part = argument.noun in _PARTS and _POSITIONS.issuperset(words.split())
            base = f"{_sign(index)} {argument.noun if is_part else base}"
        elif argument.manner == "digits" and argument.last_digits and rng.random() < 0.85:
            used.add(index)
            after += rng.choice(
                (
                    " ending in {x}",
                    " ending in {x}",
                    " ending {x}",
                    " that ends in {x}",
                    " {x}",
                    " with {x} at the end",
                    " number {x}",
                )
            ).format(x=_sign(index))
    owned = bool(set(reading.objects[0].split()) & _OWNED_NOUNS) or head in _OWNED_NOUNS or bool(reading.owner)
    determiner = (
        ""
        if has_owner
        else rng.choice(("my ",) * 8 + ("the ", "the ", ""))
        if owned
        else rng.choice(("the ",) * 9 + ("",))
    )
    if base.startswith(("my ", "the ", "our ", "your ")):
        determiner = ""
    definite = f"{determiner}{base}{after}"
    words_by_sign = {_sign(index): item.spoken.words for index, item in remaining}
    plain_base = _SIGN.sub(lambda match: words_by_sign.get(match[0], "x"), base)
    is_the_only = bool(_SUPERLATIVE.match(base))
    if is_the_only:
        definite = f"the {base}{after}"
    indefinite = (
        definite
        if is_the_only
        else f"{base}{after}"
        if base.startswith(("my ", "the ")) or plain_base.endswith("s") or plain_base.split()[-1] in _MASS_NOUNS
        else f"{_article(plain_base)} {base}{after}"
    )
    plural = f"{determiner}{_pluralise(base)}{after}"
    is_some = family == "play" and not used
    return {"o": definite, "a": indefinite, "b": indefinite if is_some else f"{base}{after}", "p": plural}, used


def _attach_kind(
    index: int, argument: ArgumentReading, words: str, base: str, family: str, rng: Random
) -> tuple[str, str, bool]:
    """Attaches the value of a kind to a noun: "savings balance", "balance of my savings account", "savings"."""
    sign, noun, base_words = _sign(index), argument.noun, base.split()
    has_noun = bool(noun) and noun in words.split()
    own = words.startswith(("my ", "our ", "the "))
    whole = sign if has_noun or not noun else f"{sign} {noun}"
    if words.split()[0] in ("all", "every", "everything", "everywhere", "both", "the"):
        if words in ("all", "both") and noun and noun not in base_words:
            return base, f" of {sign} the {_pluralise(noun)}", False
        if words in ("all", "both"):
            return f"{sign} {rng.choice(('the ', 'my ', ''))}{_pluralise(base)}", "", True
        return sign, "", True
    if noun and noun in base_words:
        rest = " ".join(base_words[base_words.index(noun) + 1 :])
        if rest:
            return f"{whole} {rest}", "", own
        options = [(whole, "")] * 5
        if not has_noun and not own:
            options += [(f"{sign} one", ""), (f"{sign} one", "")]
        base, after = rng.choice(options)
        return base, after, own
    possessive = "" if own else rng.choice(("my ", "my ", "the ", ""))
    options = [
        (f"{sign} {base}", ""),
        (f"{sign} {base}", ""),
        (f"{whole} {base}", ""),
        (base, f" of {possessive}{whole}"),
        (base, f" on {possessive}{whole}"),
        (base, f" for {possessive}{whole}"),
        (base, f" in {possessive}{whole}"),
    ]
    if family in ("look_up", "list_all"):
        options += [(whole, ""), (sign, "")]
    if not noun and family in ("book", "order", "create", "find", "play"):
        options = [(sign, ""), (sign, ""), (f"{sign} {base}", "")]
    if own or len(words.split()) > 2:
        options = options[3:7] if noun else [(base, f" {sign}")]
    base, after = rng.choice(options)
    return base, after, own and base == sign


_PRONOUNS = frozenset("someone somebody something anyone anybody everyone everybody".split())
_SUPERLATIVE = re.compile(r"(?:\w{3,}est|next|last|first|same|only|current)\b(?! of)")


@cache
def _article(plain: str) -> str:
    return str(_ENGINE.a(plain)).split(" ")[0]


@cache
def _pluralise(base: str) -> str:
    *before, last = base.split()
    if _SIGN.search(last) or last.endswith("s"):
        return base
    return " ".join([*before, str(_ENGINE.plural(last))])  # type: ignore[arg-type]


_ADVERB_OF_TIME = re.compile(r"(?:not |right |later )?(?:now|later|today|tomorrow|tonight|asap)\b")
COUNT_NOUNS = frozenset(("quantity", "count", "qty", "amount", ""))
"""Nouns that do not tell what is counted: it is the thing itself."""
_LEAST, _MOST = frozenset(("min", "minimum", "least")), frozenset(("max", "maximum", "most"))
_WHOLE = re.compile(r"(?:all|every|everything|everywhere|both|the|my)\b")
_ORDER = (
    "degree",
    "count",
    "amount",
    "level",
    "step",
    "thing",
    "kind",
    "from",
    "to",
    "digits",
    "place",
    "duration",
    "when",
    "manner",
    "unit",
    "value",
    "text",
    "flag",
    "reason",
)


def _order(pairs: Sequence[tuple[int, Said]]) -> list[tuple[int, Said]]:
    return sorted(
        pairs, key=lambda pair: _ORDER.index(pair[1].argument.manner) if pair[1].argument.manner in _ORDER else 9
    )


def _adjunct(index: int, item: Said, rng: Random, is_bare: bool = False, family: str = "set") -> str:
    """Words a value with what stands before it: "from savings", "in the kitchen", "by email"."""
    argument, words, x = item.argument, item.spoken.words, _sign(index)
    if item.spoken.is_clause:
        return x
    own = words.startswith(("my ", "our "))
    if limits := _list_limits(argument, x):
        return rng.choice(limits)
    bare_share = 0.5 if is_bare else 0.0 if argument.manner in ("from", "to") else 0.1
    match argument.manner:
        case "from" | "to" if argument.options and not argument.noun and not _PREPOSITIONAL.match(words) and not own:
            prepositions = {"from": ("from", "out of"), "to": ("to", "to", "into")}[argument.manner]
            options = [f"{rng.choice(prepositions)} {rng.choice(('the', 'the', 'my'))} {x}"]
        case "from":
            options = [f"from {x}", f"from {x}", f"out of {x}"] + ([] if own else [f"from my {x}"])
        case "to":
            options = [f"to {x}", f"to {x}", f"into {x}"] + ([] if own else [f"to my {x}"])
            if argument.things in ("person", "contact", "destination", "place"):
                options = [f"to {x}", f"for {x}"]
        case "amount":
            options = [x, f"for {x}", x]
        case "count":
            noun = argument.noun if argument.noun not in {*COUNT_NOUNS, "party"} else ""
            if argument.noun == "party":
                options = [f"for {x}"]
            else:
                bare_share = 0.0 if noun and not is_bare else bare_share
                things = noun if not noun or item.spoken.value == 1 else _pluralise(noun)
                options = [f"for {x} {things}", f"{x} {things}"] if noun else [f"{x} of them", f"{x} of them", x]
        case "level":
            is_setting = family in _SETTING_FAMILIES and argument.noun != "amount"
            options = [f"to {x}", f"at {x}", x, f"on {x}"] if is_setting and not _ADVERBIAL.match(words) else [x]
            if family in ("open", "close"):
                options = [x]
            if argument.noun in ("size", "strength", "color", "colour") and argument.options and not is_setting:
                options = [x, f"{x} {argument.noun}", f"a {x} one"]
        case "step":
            options = [f"by {x}", x]
        case "duration":
            options = [f"for {x}", f"for {x}", x]
        case "place":
            options = [x] if _PREPOSITIONAL.match(words) else [f"in the {x}", f"in the {x}", f"for the {x}", x]
            if words.startswith("the "):
                options = [f"in {x}", f"for {x}"]
            if argument.things in ("address", "city", "store", "restaurant", "place") or own:
                options = [f"in {x}", f"at {x}"] if argument.things != "city" else [f"in {x}"]
            if words in _PRONOUNS:
                options = [f"for {x}"]
            elif words in ("everyone", "everybody", "all of us", "all of you"):
                options, bare_share = [f"for {x}"], 0.0
            elif _EVERYWHERE.match(words):
                options = [f"{x} of them"] if words in ("all", "both") else [x]
            elif words.split()[-1] in _PERSONS:
                options = [f"for the {x}", f"on the {x}'s side", f"on the {x} side"]
                bare_share = 0.4 if is_bare else 0.0
            elif words.endswith(" side"):
                options = [f"on {x}"]
            if argument.noun in _PARTS and _POSITIONS.issuperset(words.split()) and not own:
                options = [f"the {x} {argument.noun}", f"the {x} one", f"the {x} {argument.noun}"]
        case "when":
            options = [x, x, f"for {x}"]
            if "year" in split_words(argument.name) and words.isdigit():
                options = [f"from {x}", f"from {x}", f"of {x}"]
            elif _PREPOSITIONAL.match(words) or _ADVERB_OF_TIME.match(words):
                options = [x]
            elif re.match(r"(?:\d|noon|half|quarter)|\w+ in the (?:morning|afternoon|evening)", words):
                options = [f"at {x}", f"at {x}", x] if not words.endswith("days") else [x]
        case "digits":
            options = [
                f"ending in {x}",
                f"ending {x}",
                f"the one ending in {x}",
                x,
                f"last four {x}" if argument.digits == 4 else x,
                f"it ends in {x}",
            ]
            if not argument.last_digits:
                options = [x, f"number {x}", x, f"it's {x}"]
            if set(split_words(argument.name)) & {"zip", "zipcode", "postcode", "postal"}:
                options = [x, f"near {x}", f"in {x}"]
            bare_share = 0.4 if is_bare else 0.0
        case "manner":
            is_priority = argument.noun in ("priority", "class", "format", "seating")
            is_payment = argument.noun == "payment"
            is_excluded = bool(set(split_words(argument.name)) & {"avoid", "exclude", "without", "except", "skip"})
            bare_share = 0.0 if is_excluded else bare_share
            options = (
                [f"{x} {argument.noun}", x]
                if is_priority
                else [f"with {x}", f"using {x}"]
                if is_payment
                else [f"without {x}", f"no {x}", f"avoid {x}", f"avoiding {x}", f"but no {x}"]
                if is_excluded
                else [f"in {x}" if argument.noun == "language" else f"by {x}", x, f"via {x}"]
            )
        case "unit":
            options = [x]
        case "kind":
            has_noun = own or argument.noun in words.split() or bool(_WHOLE.match(words))
            options = [x] if has_noun else [x, f"the {x} one", f"the {x} {argument.noun}".strip()]
            if family == "call":  # whom one calls is named already
                noun = argument.noun or ("number" if "number" in split_words(argument.name) else "")
                named = [f"on the {x} {noun}".strip(), f"on the {x} {noun}".strip(), f"at {x}"]
                options, bare_share = ([f"on {x}", f"at {x}"] if own or words.startswith("the ") else named), 0.0
        case "text":
            options = [
                f"saying {x}",
                f"that says {x}",
                f"and say {x}",
                f"with the message {x}" if argument.noun == "message" else x,
            ]
        case "thing":
            options = (
                [f"for {x}", f"with {x}", x]
                if argument.things in ("person", "contact", "doctor", "pet")
                else [x, f"called {x}" if argument.noun in ("name", "title", "label") else x]
            )
            if argument.things == "doctor":
                options = [f"with {x}", f"with {x}", f"for {x}"]
            if argument.things == "country":
                options = [f"to {x}", f"for {x}", x]
            if argument.things in ("company", "merchant"):
                options = [f"to {x}", f"for {x}", x]
        case "reason":
            is_known = bool(find_clauses(normalise_option(item.spoken.value)))
            options = [f"it's {x}", x] if is_known else [f"because of {x}", x]
        case "flag":
            options = [f"and {x}", x] if words.startswith(("i ", "make ")) else [x]
        case _:
            options = [x, f"{x}"]
    return x if rng.random() < bare_share else rng.choice(options)


def _list_limits(argument: ArgumentReading, x: str) -> list[str]:
    """Lists how the least or the most of a number is said; empty if the argument is no such limit."""
    words = split_words(argument.name)
    if argument.options or schema_type(argument.schema) not in ("integer", "number"):
        return []
    if not {*words} & (_LEAST | _MOST):
        return []
    is_counted = argument.manner == "count" and argument.noun not in COUNT_NOUNS
    unit = "years old" if "age" in words else _pluralise(argument.noun) if is_counted else ""
    said = f"{x} {unit}".strip()
    if {*words} & _LEAST:
        return [f"at least {said}", f"at least {said}", f"{said} or more", f"no less than {said}"]
    return [f"at most {said}", f"up to {said}", f"no more than {said}", f"{said} or less"]


_EVERYWHERE = re.compile(r"(?:all|every\w*|both)\b")
_POSITIONS = frozenset(
    "front back rear left right top bottom middle side hand upper lower inner outer upstairs downstairs driver "
    "driver's passenger passenger's kitchen bedroom bathroom living room hall hallway office garage attic basement "
    "main first second third last other".split()
)
"""Words that tell which part, and do not name it: "the rear left" is a door, "the boot" is none."""
_PERSONS = frozenset("driver passenger copilot guest owner child children kids baby".split())
_MERE_PLACES = frozenset("zone area section region spot location".split())
"""Nouns that are not said of a thing in a place: "warmer in the back", not "the back zone warmer"."""
_PARTS = frozenset("door window gate blind curtain drawer".split())
"""Things of which a value says which one, and that are named with it: "the driver door"."""


def _append(text: str, adjuncts: Sequence[str], rng: Random) -> str:
    if not adjuncts:
        return text
    question = text.endswith("?")
    if text.endswith(" number"):
        adjuncts = [adjunct.removeprefix("number ") for adjunct in adjuncts]
    if len(adjuncts) > 1 and rng.random() < 0.2:
        adjuncts = [*adjuncts[1:], adjuncts[0]]
    return f"{text.rstrip('?')} {' '.join(adjuncts)}{'?' if question else ''}"


def _place_amount(
    text: str,
    form: str,
    nouns: Mapping[str, str],
    remaining: Sequence[tuple[int, Said]],
    adjuncts: Sequence[str],
    rng: Random,
) -> tuple[str, list[str]]:
    """Puts an amount of money where the thing would stand: "move five hundred from savings"."""
    pair = next((pair for pair in remaining if pair[1].argument.manner == "amount"), None)
    if pair is None or "{" not in form:
        return text, list(adjuncts)
    sign = _sign(pair[0])
    others = [adjunct for adjunct in adjuncts if sign not in adjunct]
    if "money" in nouns["b"] or rng.random() < 0.35:
        placed = form.format_map({"v": "", **dict.fromkeys("oabp", sign)})
        if "money" not in nouns["b"] and rng.random() < 0.7:
            others.insert(0, f"{rng.choice(('for', 'on', 'towards'))} {nouns['o']}")
        return placed, others
    return text, list(adjuncts)


def _name_in_clause(words: str, thing: str) -> str:
    """Names the thing in what happened: "somebody took it" → "somebody took my card"; '' if it is not spoken of."""
    if words.startswith("it's"):
        return words.replace("it's", f"{thing} is", 1)
    return re.sub(r"\bit\b(?!')", thing, words, count=1) if re.search(r"\bit\b(?!')", words) else ""


def _add_clause(draft: _Draft, text: str, clause: tuple[int, Said], thing: str, rng: Random) -> str:
    """Adds what happened before or after a request: "somebody took my card, cancel it"."""
    index, item = clause
    sign = _sign(index)
    words = item.spoken.words
    if rng.random() < 0.5 or not re.search(r"\bit('s)?\b", words):
        return f"{text}{rng.choice((', ', ' ', ' because ', ', ', ' cause '))}{sign}"
    if _SIGN.search(thing) or thing not in text or rng.random() < 0.4:
        return f"{sign}{rng.choice((', ', ' ', ' so ', ', '))}{text}"
    named = _name_in_clause(words, thing)
    draft.words[item.argument.name] = named
    return f"{sign}{rng.choice((', ', ' ', ' so ', ', '))}{text.replace(thing, 'it', 1)}"


_OWN_ACTS = frozenset("stay wait talk speak go come leave sit join listen watch".split())
"""Verbs of what the user does: "i want to stay longer", not "can you stay longer"."""


def _lead(style: Style, rng: Random, speaks_of_me: bool, is_own_act: bool = False) -> str:
    """Draws what stands before an imperative; "i want to" does not fit before "show me"."""
    leads = load_lexicon_file("command_turns")["leads"]
    draw = rng.random()
    kind = (
        "long"
        if draw < style.long
        else "polite"
        if draw < style.long + style.polite
        else "casual"
        if draw > 0.86
        else "plain"
    )
    if is_own_act:
        own = [lead for some in leads.values() for lead in some if re.search(r"\bi\b(?!.*\byou\b).* $", lead)]
        return str(rng.choice(own))
    unfit = re.compile(rf"{_FIRST_PERSON.pattern}|^help me" if speaks_of_me else r"(?!)")
    fitting = [lead for lead in leads[kind] if not unfit.search(lead)]
    return str(rng.choice(fitting or [""]))


def _phrase_fragment(forms: Sequence[str], said: Sequence[Said], rng: Random, style: Style, old: str = "") -> Utterance:
    """Fills values into a form that is no whole sentence."""
    form = rng.choice(forms)
    alone = said[0] if len(said) == 1 else None
    if alone and _PREPOSITIONAL.match(alone.spoken.words):
        form = rng.choice([form for form in forms if not _GOVERNS_VALUE.search(form)])
    if alone and _GOVERNS_VALUE.search(form):
        parts = [_name_value(alone)]
    else:
        parts = [_adjunct(index, item, rng, is_bare=bool(alone)) for index, item in _order(list(enumerate(said)))]
        if (
            alone
            and parts[0].startswith("it")
            and forms is not load_lexicon_file("command_turns")["completions"]["any"]
        ):
            parts = [_name_value(alone)]  # "it's 4821" answers, and asks for nothing more
    joined = " ".join(parts)
    if len(parts) > 1 and rng.random() < 0.3:
        joined = " and ".join((" ".join(parts[:-1]), parts[-1]))
    if any(item.spoken.is_clause for item in said):
        form = rng.choice(("{x}", "{x}", "because {x}", "well {x}", "{x} that's why"))
    elif joined.startswith(("it ", "it's ")):
        form = rng.choice(("{x}", "{x}", "uh {x}", "{x} i think"))
    return _finish(_Draft(form.format(x=joined, old=old)), said, rng, style)


_GOVERNS_VALUE = re.compile(r"\b(?:for|do|say|it|add|about|not|be|that|meant|mean|said|than|to) \{x\}")


def _name_value(item: Said) -> str:
    """Names a value after a word that takes a noun: "let's do {x}", "same for {x}"."""
    noun, words = item.argument.noun, item.spoken.words
    is_kind = item.argument.manner == "kind" and noun not in words.split() and not _WHOLE.match(words)
    return f"the {_sign(0)} {'one' if item.argument.options else noun}".strip() if is_kind and noun else _sign(0)


# ── finishing ─────────────────────────────────────────────────────────────────────────────────


def _sign(index: int) -> str:
    return chr(_FIRST_SIGN + index)


def _finish(draft: _Draft, said: Sequence[Said], rng: Random, style: Style) -> Utterance:
    """Finishes a sentence: the channel's errors, fillers, marks and capitals; then the values in their own words."""
    text = re.sub(r"\s+", " ", draft.text).strip()
    text = distort_some(text, style, rng)
    utterance = Utterance("")
    replacements: dict[str, str] = {}
    for index, item in enumerate(said):
        name = item.argument.name
        words = draft.words.get(name, item.spoken.words)
        if style.channel != "clean" and item.argument.options and rng.random() < style.noise / 3:
            words = distort_words(words, style.channel, rng)
        replacements[_sign(index)] = words
        utterance.evidence[name] = words
    text = _polish(text, rng, style)
    for sign, words in replacements.items():
        text = text.replace(sign, words)
    text = re.sub(r"\b(the|my) (the|my|a|all|our) ", r"\2 ", text)
    text = utterance.text = _capitalize(text, style)
    for name in utterance.evidence:
        if name in draft.as_whole or utterance.evidence[name].lower() not in text.lower():
            utterance.evidence[name] = text.rstrip(".?!")
    return utterance


def _polish(text: str, rng: Random, style: Style, plain: bool = False) -> str:
    """Adds a filler and an end mark, and a capital unless the values are still to come."""
    turns = load_lexicon_file("command_turns")
    if rng.random() < style.filler:
        words = text.split(" ")
        position = rng.choice((0, 0, 0, rng.randrange(len(words))))
        words.insert(position, str(rng.choice(turns["fillers"])) + ("," if style.punctuated else ""))
        text = " ".join(words)
    if rng.random() < style.long / 4:
        text = f"{rng.choice(turns['contexts'])}, {text}"
    if not style.punctuated:
        text = re.sub(r",(?= )", "", text) if rng.random() < 0.8 else text
        text = text.rstrip("?.") if rng.random() < 0.9 else text
    elif not text.endswith(("?", "!", ".")):
        text += "?" if _QUESTION.match(text) else "."
    return _capitalize(text, style) if plain else text


def _capitalize(text: str, style: Style) -> str:
    """Writes a sentence with a capital, and "I", unless the person writes all in lower case."""
    return text if style.lower else capitalize_sentence(re.sub(r"\bi\b(?!\.)", "I", text))


def _count_words(text: str, said: Sequence[Said]) -> int:
    return len(text.split()) + sum(len(item.spoken.words.split()) - 1 for item in said)


def says_tool_name(tool: str, text: str) -> bool:
    """True if all words of a tool's name are in a text, in any form."""
    stems = {_stem(word) for word in re.findall(r"[a-z]+", text.lower())}
    return all(_stem(word) in stems for word in list_name_words(tool))


def _says_argument_name(argument: ArgumentReading, text: str) -> bool:
    words = set(re.findall(r"[a-z]+", text.lower()))
    return set(split_words(argument.name)) <= words and len(split_words(argument.name)) > 1


@cache
def _stem(word: str) -> str:
    return re.sub(r"(?:ing|ed|s)$", "", word)
