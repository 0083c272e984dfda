"""Phrases about calls: asking for one, stating its facts, naming what is missing, referring to a result.

Phrasebook entries come first; a tool that has none is spoken of after its name. Nothing here decides
*what* is said, only how.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from random import Random
from typing import NamedTuple

import msgspec

from funcdex_assets.language import values
from funcdex_assets.language.lexicon import fill, phrasebook
from funcdex_assets.records.plan import PlannedArgument
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.words import plural, singular, words
from funcdex_assets.semantics.tool_names import QUERY_WORDS, is_id, is_page_token, parse_tool_name, resource_noun

NEXT_PAGE = (
    "show me the next page",
    "are there any more?",
    "keep going, what's on the next page?",
    "pull up the next batch as well",
    "what else is there?",
    "let me see the rest, too",
)
_VERBS = {
    "list": ("list", "look up", "pull up", "find"),
    "get": ("open", "check", "pull up"),
    "create": ("create", "set up", "add"),
    "update": ("update", "change"),
    "delete": ("remove", "delete"),
    "send": ("send",),
    "copy": ("copy", "duplicate"),
}
# By a word of the argument's name; the first entry that fits counts.
_INLINE = {
    "limit": ", at most {x}",
    "results": ", {x} at most",
    "size": ", no more than {x}",
    "count": ", at most {x}",
    "after": "from {x} on",
    "since": "since {x}",
    "before": "before {x}",
    "until": "until {x}",
    "min": "from {x} on",
    "max": "up to {x}",
    "modified": "since {x}",
    "cc": ", with {x} in copy",
    "bcc": ", with {x} in blind copy",
    "to": "to {x}",
    "recipient": "to {x}",
    "subject": "with the subject {x}",
    "title": "titled {x}",
    "name": "called {x}",
    "summary": "with the title {x}",
    "due": "due {x}",
    "deadline": "due {x}",
    "start": "starting {x}",
    "end": "ending {x}",
    "location": "at {x}",
    "amount": "for {x}",
    "priority": "with {x} priority",
    "attendees": "with {x} invited",
    "email": "for {x}",
    "currency": "in {x}",
    "status": "with the status {x}",
    "query": "about {x}",
    "q": "about {x}",
    "phone": "on {x}",
    "label": "labelled {x}",
    "color": "in {x}",
    "variables": "filled in with {x}",
    "minutes": "for {x}",
    "duration": "for {x}",
}
_GENERIC = (", with the {words} {x}", ", with the {words} set to {x}", ", {words}: {x}", " with {words} {x}")
_SEPARATE = (
    "The {words} should be {x}.",
    "Use {x} as the {words}.",
    "For the {words}: {x}.",
    "{Words}: {x}.",
)
# The same as sentences of their own; the first entry that fits counts.
_SENTENCES = {
    "find": ("It's {x} that has to go.", "Look for {x}.", "The wording to replace: {x}."),
    "replace": ("Put {x} in its place.", "It should become {x}.", "The new wording: {x}."),
    "after": ("Only from {x} on.", "Nothing before {x}."),
    "since": ("Only from {x} on.", "Nothing before {x}."),
    "before": ("Only up to {x}.", "Nothing after {x}."),
    "until": ("Only up to {x}.", "Nothing after {x}."),
    "cc": ("Copy {x} in.", "Put {x} in copy.", "{x} should get a copy."),
    "bcc": ("Blind copy to {x}, please.", "Put {x} in blind copy."),
    "limit": ("{x} will do.", "No more than {x}, please."),
    "results": ("{x} will do.", "No more than {x}, please."),
    "subject": ("The subject is {x}.", "Subject: {x}."),
    "body": ("Write: {x}.", "It should say: {x}.", "Let it read {x}."),
    "message": ("Write: {x}.", "It should say: {x}."),
    "text": ("The text: {x}.", "Write {x}."),
    "content": ("Put this in: {x}.", "The text: {x}."),
    "description": ("As the description: {x}.", "Describe it as {x}."),
    "notes": ("Add the note {x}.", "Note for it: {x}."),
    "comment": ("The comment: {x}.", "Comment: {x}."),
    "title": ("Call it {x}.", "The title is {x}."),
    "name": ("Call it {x}.", "The name is {x}."),
    "due": ("It's due {x}.", "Due {x}, please."),
    "priority": ("Make it {x} priority.", "Priority: {x}."),
    "location": ("The place is {x}.", "We meet at {x}."),
    "reason": ("The reason: {x}.", "Because: {x}."),
}
_TO = ("It goes to {x}.", "Send it to {x}.", "The recipient is {x}.", "Address it to {x}.")
ORDINALS = ("first", "second", "third")
_SPOKEN_OF = {
    "q": "search words",
    "query": "search words",
    "jql": "search words",
    "to": "recipient",
    "cc": "people in copy",
    "bcc": "people in blind copy",
    "body": "text",
    "name contains": "name",
    "due": "due date",
    "due on": "due date",
    "due at": "due date",
    "due on before": "latest due date",
    "due on after": "earliest due date",
    "modified after": "start of the period",
    "modified since": "start of the period",
    "created after": "start of the period",
}
"""What people call an argument whose own name nobody says."""
# A request that begins with one of these is a sentence of its own: nothing can stand before it, as before "add a task".
_SUBJECTS = frozenset(
    (
        "the we we've we'd we're i i'd i'll i've i'm my our they there there's here's that this these it it's its "
        "somebody someone some nothing let's quick could"
    ).split()
)
_OF_ONE = frozenset("it its it's that one this".split())
_LONG_AGO = (
    "{x} from the beginning",
    "{x} from the start",
    "{x} from before",
    "{x} from earlier",
    "{x} we began with",
    "{x} from our first topic",
    "{x} from my first request",
)
_THEMSELVES = ("the person", "the user", "the contact", "the member")
_NOT_THE_FIRST = re.compile(rf"\bthe (?:{'|'.join(ORDINALS[1:])}) ")
_THE_SAME = re.compile(r"\bthe (\w+) that(?: same)? \1\b")  # `with the subject that same subject`
_PLACE = re.compile(r"/(\d+)(?=/|$)")
_LONG = 48  # characters; longer texts get a sentence of their own


def infinitive(tool: str, rng: Random) -> str:
    """`REPLY_TO_THREAD` → `reply to the thread`; for scenario goals."""
    parsed = parse_tool_name(tool)
    parts = words(tool)
    if parsed.verb in parts[:1] and len(parts) > 1:
        verb, rest = parts[0], list(parts[1:])
        if rest and rest[-1] in ("action", "preference"):
            rest.pop()
        if "by" in rest:
            rest = rest[: rest.index("by")]
        if not rest:
            return verb
        if rest[0] in ("to", "from", "in"):
            return f"{verb} {rest[0]} the {' '.join(rest[1:])}"
        article = (
            ""
            if rest[-1].endswith("s") and not rest[-1].endswith("ss")
            else "a "
            if parsed.action == "create"
            else "the "
        )
        if article == "a " and rest[0][0] in "aeiou":
            article = "an "
        return f"{verb} {article}{' '.join(rest)}"
    return f"{rng.choice(_VERBS[parsed.action])} the {' '.join(parsed.words)}"


class Request(NamedTuple):
    """What the user asks for, `more` sentences with what did not fit into it, and whether it `stands_alone`: a
    question, which ends with "?", or a statement, before which no "could you" fits.
    """

    text: str
    more: list[str]
    stands_alone: bool


def ask(
    tool: Tool,
    told: Sequence[PlannedArgument],
    references: Mapping[str, str],
    rng: Random,
    several: bool = False,
    distant: Collection[str] = (),
) -> Request:
    """A request for a call, or for `several` calls that do the same with several things.

    `told` are the facts to be stated now; `references` gives words for the arguments taken from
    earlier results, by argument pointer; those that are `distant` are said in any case.
    """
    told = _grouped(told)
    slots = {slot(argument.argument): quote(argument) for argument in told}
    slots |= {slot(pointer): text for pointer, text in references.items()}
    entry = phrasebook().get(tool.name)
    placed = {
        slot(pointer): text
        for pointer, text in references.items()
        if several or pointer in distant or _NOT_THE_FIRST.search(text) or not _goes_without_saying(pointer, tool)
    }
    options = [(text, used) for text, used in entry.asks if used <= slots.keys()] if entry else []
    if several:
        options = [(text, used) for text, used in options if used & placed.keys() and not _is_of_one(text)]
    most = max((len(used & placed.keys()) for _, used in options), default=0)
    options = [(text, used) for text, used in options if len(used & placed.keys()) == most]
    if options:
        text, used = rng.choices(options, [(1 + len(used)) ** 2 for _, used in options])[0]
    elif several:
        text, used = ask_for_several(tool.name, next(iter(references.values())), rng), frozenset[str]()
        placed = {}
    else:
        text, used = infinitive(tool.name, rng), frozenset[str]()
        if references and not placed:
            text = f"{text} for {next(iter(references.values()))}"
    statement = _is_statement(text)
    for name, reference_words in placed.items():  # nobody could know which is meant
        if name not in used:
            about = "about" if set(words(name)) & QUERY_WORDS else "for"
            text = f"{text.rstrip('?')} {about} {reference_words}{'?' if text.endswith('?') else ''}"
    request = _THE_SAME.sub(r"the same \1", fill(text, slots))
    question = request.endswith("?")
    request = request.rstrip("?")
    sentences = []
    inline = 0
    for argument in told:
        if slot(argument.argument) in used:
            continue
        clause = _inline(argument, tool.name, rng)
        if clause and inline < 2 and len(argument.surface) < _LONG and not request.endswith(('"', ".")):
            request += clause if clause[0] in ", " else (" " if inline == 0 else ", ") + clause
            inline += 1
        else:
            sentences.append(separate(argument, rng))
    return Request(request + ("?" if question else ""), sentences, question or statement)


def next_page(said: str, rng: Random) -> Request:
    """A request for more of what was listed, in words that were not `said` before."""
    fresh = [text for text in NEXT_PAGE if text.rstrip("?") not in said.lower()]
    text = rng.choice(fresh or NEXT_PAGE)
    return Request(text, [], text.endswith("?"))


def _goes_without_saying(pointer: str, tool: Tool) -> bool:
    """Whether everybody takes an id that was just seen: `hand it over`. What the tool can do without is only meant if
    it is said.
    """
    first = pointer.split("/")[1]
    return is_id(pointer.rsplit("/", 1)[-1]) and first in tool.parameters.get("required", ())


@cache
def _is_statement(template: str) -> bool:
    """Whether a request is a sentence with a subject: `{task_id} is done`, `we need a new label`."""
    return template.startswith("{") or template.split(" ", 1)[0].lower() in _SUBJECTS


@cache
def _is_of_one(template: str) -> bool:
    """Whether a request speaks of one thing, so that several would not fit: `read {id} and tell me what it says`."""
    return _is_statement(template) or not _OF_ONE.isdisjoint(re.findall(r"[\w']+", template.lower()))


def is_next_page(argument: PlannedArgument) -> bool:
    """Whether an argument asks for the page after an earlier result."""
    return argument.source == "result" and is_page_token(argument.argument.rsplit("/", 1)[-1])


def _grouped(told: Sequence[PlannedArgument]) -> list[PlannedArgument]:
    """The items of one array as one fact: `maria@… and tom@…`."""
    groups: dict[str, list[PlannedArgument]] = {}
    for argument in told:
        groups.setdefault(slot(argument.argument), []).append(argument)
    return [
        group[0]
        if len(group) == 1
        else msgspec.structs.replace(group[0], surface=" and ".join(argument.surface for argument in group))
        for group in groups.values()
    ]


def separate(argument: PlannedArgument, rng: Random) -> str:
    name = argument_words(argument.argument)
    if "@" in argument.surface and {"recipient", "to"} & set(name.split()):
        return fill(rng.choice(_TO), {"x": argument.surface})
    last = words(field_of(argument))
    sentences = next((options for part, options in _SENTENCES.items() if part in last), _SEPARATE)
    said = fill(rng.choice(sentences), {"words": name, "Words": values.sentence(name), "x": quote(argument)})
    return said.removesuffix(".") if said.endswith(('.".', '!".', '?".')) else said


def quote(argument: PlannedArgument) -> str:
    """The surface, in quotation marks when it is a text of the user's own making."""
    name = field_of(argument)
    parts = set(words(name))
    if len(argument.surface.split()) <= 3 and argument.surface.istitle() and not parts & values.BODIES:
        return argument.surface
    free_text = parts & (values.TITLES | values.BODIES | QUERY_WORDS) and " " in argument.surface
    return f'"{argument.surface}"' if free_text and "@" not in argument.surface else argument.surface


@cache
def argument_words(pointer: str) -> str:
    """`/attendees/0/email` → `attendee email`, `/start/dateTime` → `start time`, `/to` → `recipient`."""
    steps = [step for step in pointer.split("/")[1:] if not step.isdigit()]
    names_itself = len(words(steps[-1])) > 1 and {"date", "time"} & set(words(steps[-1])[1:])
    named = steps[-1:] if names_itself and steps[-1] != "dateTime" else steps[-2:]
    parts: list[str] = []
    moment = ""
    for step in named:
        for part in words(step):
            if part in ("date", "time") and len(words(step)) > 1:
                moment = "time" if "time" in (part, moment) else "date"
            elif part not in parts:
                parts.append(part)
    if "/0" in pointer and len(parts) > 1 and parts[0].endswith("s"):
        parts[0] = parts[0][:-1]
    if moment and {"min", "max"} & set(parts):
        bound = "earliest" if "min" in parts else "latest"
        return " ".join([bound, *(part for part in parts if part not in ("min", "max")), moment])
    said = " ".join(parts)
    return _SPOKEN_OF.get(said, f"{said} {moment}".strip())


def missing(arguments: Sequence[PlannedArgument]) -> str:
    """`the due date and the assignee`, for asking back."""
    names = list(dict.fromkeys(f"the {argument_words(argument.argument)}" for argument in arguments))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def reference(argument: PlannedArgument, kind_of_source: str, fresh: bool, rng: Random, in_view: bool = True) -> str:
    """Words for something that an earlier result named: `that thread`, `it`; `the second one` only while the list is
    `in_view`, because no other was shown since.
    """
    name = field_of(argument)
    source = (argument.result or "").rsplit("/", 1)[-1]
    path, place, within = _placed(argument.result or "")
    if place and (within or not (is_id(name) or is_id(source))):
        plain = msgspec.structs.replace(argument, result=path)
        what = f"the {' '.join(words(within))}" if within and is_id(source) else _of_it(plain, kind_of_source, rng)
        thing = f"the {ORDINALS[place]} {kind_of_source.rsplit(' ', 1)[-1] or 'one'}"
        return thing if what in _THEMSELVES else f"{what} of {thing}"
    if is_id(name) or is_id(source):
        noun = resource_noun(name) or resource_noun(source) or kind_of_source
        noun = noun.rsplit(" ", 1)[-1] if noun else "one"
        if noun == "message" and kind_of_source in ("email", "thread", "draft", "attachment"):
            noun = "email"
        listed = kind_of_source.rsplit(" ", 1)[-1]
        of_another = listed and singular(listed) != noun and noun != "account" and resource_noun(source)
        if (place := _PLACE.search(argument.result or "")) and int(place[1]) < len(ORDINALS):
            ordinal = ORDINALS[int(place[1])]
            if of_another:  # `/tasks/1/project_id`
                return f"the {noun} of the {ordinal} {listed}"
            return f"the {ordinal} {rng.choice((noun, 'one')) if in_view else noun}"
        if argument.result and "/*" in argument.result and of_another:
            return f"the {noun} of the first {listed}"
        if argument.result and "/*" in argument.result:
            return rng.choice(
                (
                    f"that {noun}",
                    f"the first {noun}" if not fresh else f"that {noun}",
                    f"the top {noun}" if not fresh else f"the {noun}",
                )
            )
        return rng.choice((f"that {noun}", f"the {noun}", f"this {noun}"))
    if "email" in name or "phone" in name or (argument.result and ("email" in source or "phone" in source)):
        owner = next((part for part in reversed((argument.result or "").split("/")[:-1]) if part not in ("*", "")), "")
        if not set(words(owner)) & {*values.PEOPLE, "from", "to"}:
            return "that person"
        owner = {"from": "the sender", "to": "the recipient", "people": "that person"}.get(
            owner, f"the {' '.join(words(owner))}" if owner else "that person"
        )
        return owner[:-1] if owner.endswith("s") and not owner.endswith("ss") else owner
    return rng.choice((f"the same {words(source)[-1]}", f"that {words(source)[-1]}", f"that same {words(source)[-1]}"))


def _definite(reference: str) -> str:
    """`that same title` → `the title`."""
    return re.sub(r"^(?:that same|that|this|the same|the) ", "the ", reference)


def from_long_ago(reference: str, kind_of_source: str, rng: Random) -> str:
    """`that thread` → `the thread from the beginning`."""
    thing = _definite(reference)
    thing = re.sub(r" one$", f" {kind_of_source.rsplit(' ', 1)[-1]}", thing) if kind_of_source else thing
    return fill(rng.choice(_LONG_AGO), {"x": thing})


def is_sayable(argument: PlannedArgument, value: str) -> bool:
    """Whether people would say the value itself that they were shown: a title, not an id, an address or a number."""
    source = (argument.result or "").rsplit("/", 1)[-1]
    return (
        not is_id(field_of(argument))
        and not is_id(source)
        and bool(set(words(source)) & values.TITLES)
        and len(value) < _LONG
        and '"' not in value
    )


def _placed(path: str) -> tuple[str, int, str]:
    """`/issues/1/assignee/id` → `/issues/*/assignee/id`, 1, `assignee`; of the first thing, 0."""
    found = _PLACE.search(path)
    if not found or not 0 < int(found[1]) < len(ORDINALS):
        return path, 0, ""
    rest = path[found.end() :].split("/")[1:-1]
    return f"{path[: found.start()]}/*{path[found.end() :]}", int(found[1]), rest[-1] if rest else ""


def _of_it(argument: PlannedArgument, kind_of_source: str, rng: Random) -> str:
    """The reference, without words for which of several things is meant: `that same title` → `the title`."""
    return _definite(reference(argument, kind_of_source, True, rng))


def several(argument: PlannedArgument, kind_of_source: str, count: int, rng: Random) -> str:
    """Words for the first things of a list: `the first three threads`."""
    name = field_of(argument)
    noun = (resource_noun(name) or kind_of_source).rsplit(" ", 1)[-1] or "one"
    if noun == "message" and kind_of_source in ("email", "thread", "draft", "attachment"):
        noun = "email"
    number = {2: "two", 3: "three"}.get(count, str(count))
    options = [f"the first {number} {plural(noun)}", f"the top {number} {plural(noun)}", f"the first {number} of them"]
    return rng.choice(options)


def able(tools: Sequence[str], rng: Random) -> str:
    """Some of what can be done with tools: `search threads, send an email and list labels`."""
    chosen = rng.sample(list(tools), min(len(tools), 3))
    done = list(dict.fromkeys(_in_general(infinitive(tool, rng)) for tool in chosen))
    return done[0] if len(done) == 1 else f"{', '.join(done[:-1])} and {done[-1]}"


def _in_general(action: str) -> str:
    """`send the draft` → `send drafts`."""
    verb, _, what = action.partition(" ")
    for article in ("the ", "a ", "an "):
        if what.startswith(article) and not {"to", "from", "as", "by"} & set(what.split()):
            return f"{verb} {plural(what.removeprefix(article))}"
    return action


def ask_for_several(tool: str, things: str, rng: Random) -> str:
    """`DELETE_DRAFT`, `the first two drafts` → `delete the first two drafts`."""
    text = infinitive(tool, rng)
    nouns = {things.rsplit(" ", 1)[-1], singular(things.rsplit(" ", 1)[-1]), parse_tool_name(tool).words[-1]}
    verb, _, what = text.partition(" the ")
    return f"{verb} {things}" if what and what in nouns else f"{text} for {things}"


def doing(tool: str, rng: Random) -> str:
    entry = phrasebook().get(tool)
    if entry:
        return rng.choice(entry.doing)
    verb, _, rest = infinitive(tool, rng).partition(" ")
    return f"{gerund(verb)} {rest}"


def gerund(verb: str) -> str:
    if verb.endswith("e") and not verb.endswith("ee"):
        return verb[:-1] + "ing"
    if verb in ("get", "set", "put", "run"):
        return verb + verb[-1] + "ing"
    return verb + "ing"


def field_of(argument: PlannedArgument) -> str:
    """`/start/dateTime` → `dateTime`, `/label_ids/0` → `label_ids`."""
    return argument.argument.rstrip("/0123456789").rsplit("/", 1)[-1]


def slot(pointer: str) -> str:
    """`/start/dateTime` → `start.dateTime`, `/label_ids/0` → `label_ids`."""
    return ".".join(step for step in pointer.split("/")[1:] if not step.isdigit())


def _inline(argument: PlannedArgument, tool: str, rng: Random) -> str | None:
    steps = [step for step in argument.argument.split("/")[1:] if not step.isdigit()]
    named = {*words(steps[-1]), *words(steps[0])}
    if parse_tool_name(tool).action == "update" and named & values.TITLES:
        return None  # `change the event called X` would say which one it is
    if named & {"query", "q"} and {parse_tool_name(tool).noun} & values.PEOPLE:
        return f"named {quote(argument)}"
    for part, clause in _INLINE.items():
        if part in named:
            return fill(clause, {"x": quote(argument)})
    if "@" in argument.surface:
        return f"for {argument.surface}"
    if len(words(steps[-1])) > 3:
        return None
    return fill(rng.choice(_GENERIC), {"x": quote(argument), "words": argument_words(argument.argument)})
