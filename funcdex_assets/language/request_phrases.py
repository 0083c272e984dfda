"""Words for calls: requests for them, sentences with their facts, names of their arguments, references to results.

Here belongs the wording of what users and assistants say about a call before it is made. Choosing what is said is the
roles' task; sentences about results are in `result_reports`. A tool's phrasebook entry is used first; a tool without
one is spoken of by its name: `DELETE_DRAFT` is "delete the draft".
"""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from random import Random
from typing import NamedTuple

import msgspec

from funcdex_assets.language import values
from funcdex_assets.language.lexicon import fill_slots, load_phrasebook
from funcdex_assets.language.spoken_values import is_switch
from funcdex_assets.records.plan import PlannedArgument
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.words import split_words, to_plural, to_singular
from funcdex_assets.semantics.field_roles import (
    is_calling_name,
    is_page_token,
    is_query,
    is_title,
    names_person,
    read_name,
)
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun, parse_tool_name

NEXT_PAGE_REQUESTS = (
    "show me the next page",
    "are there any more?",
    "keep going, what's on the next page?",
    "pull up the next batch as well",
    "what else is there?",
    "let me see the rest, too",
)
_ACTION_VERBS = {
    "list": ("list", "look up", "pull up", "find"),
    "get": ("open", "check", "pull up"),
    "create": ("create", "set up", "add"),
    "update": ("update", "change"),
    "delete": ("remove", "delete"),
    "send": ("send",),
    "copy": ("copy", "duplicate"),
}
# Clauses that end a request, by a word of the argument's name; the first entry whose word is in the name is used.
_INLINE_CLAUSES = {
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
_GENERIC_CLAUSES = (", with the {words} {x}", ", with the {words} set to {x}", " with {words} {x}")
_GENERIC_SENTENCES = ("The {words} should be {x}.", "Use {x} as the {words}.", "Make the {words} {x}.")
# Of an argument that is named as an act, such as `send_updates`, by its value; the first is for any other value.
_ACT_CLAUSES = {"": "and {act} to {x}", "none": "and {act} to none of them", "all": "and {act} to all of them"}
_ACT_SENTENCES = {
    "": "Please {act} to {x}.",
    "none": "Please {act} to none of them.",
    "all": "Please {act} to all of them.",
}
_ACT_VERBS = frozenset("send notify".split())
# Sentences that state a fact on its own, by a word of the argument's name; the first entry that fits is used.
_FACT_SENTENCES = {
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
    "size": ("{x} will do.", "No more than {x}, please."),
    "subject": ("The subject is {x}.", "Give it the subject {x}."),
    "body": ("Write: {x}.", "It should say: {x}.", "Let it read {x}."),
    "message": ("Write: {x}.", "It should say: {x}."),
    "text": ("The text: {x}.", "Write {x}."),
    "content": ("Put this in: {x}.", "The text: {x}."),
    "description": ("As the description: {x}.", "Describe it as {x}."),
    "notes": ("Add the note {x}.", "Note for it: {x}."),
    "comment": ("Comment {x}.", "Put it like this: {x}."),
    "title": ("Call it {x}.", "The title is {x}."),
    "name": ("Call it {x}.", "The name is {x}."),
    "due": ("It's due {x}.", "Due {x}, please."),
    "priority": ("Make it {x} priority.", "It has {x} priority."),
    "location": ("The place is {x}.", "We meet at {x}."),
    "reason": ("The reason: {x}.", "Because: {x}."),
}
_FLAG_SENTENCES = ("{x}, please.", "this time {x}.", "and {x}, please.")
_SWITCH_SENTENCES = ("{thing} should be {x}.", "I want {thing} {x}.", "please have {thing} {x}.")
_RECIPIENT_SENTENCES = ("It goes to {x}.", "Send it to {x}.", "The recipient is {x}.", "Address it to {x}.")
ORDINALS = ("first", "second", "third")
_SPOKEN_ARGUMENT_NAMES = {
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
    "enabled": "on/off setting",
    "enable": "on/off setting",
    "is enabled": "on/off setting",
}
"""Names that people use for arguments whose own names nobody says."""
# A request that begins with one of these is a sentence of its own: nothing can stand before it, as before "add a task".
_STATEMENT_OPENERS = frozenset(
    (
        "the we we've we'd we're i i'd i'll i've i'm my our they there there's here's that this these it it's its "
        "somebody someone some nothing let's quick could"
    ).split()
)
_SINGULAR_PRONOUNS = frozenset("it its it's that one this".split())
_DISTANT_REFERENCES = (
    "{x} from the beginning",
    "{x} from the start",
    "{x} from before",
    "{x} from earlier",
    "{x} we began with",
    "{x} from our first topic",
    "{x} from my first request",
)
_UNSEEN = ("that comes up", "that you find", "on the list", "you come across")  # of a list that nobody has seen yet
_NOUN_SHARE = 0.6  # of references by title, those that say what kind of thing it is
_WHICH_BY_TITLE = (
    "There are {count} {things}: {named}. Which one do you mean?",
    "Which of the {count} {things}: {named}?",
    "I see {count} {things} here: {named}. Which one is it?",
    "That could be any of {count} {things}: {named}. Which should I take?",
    "Before I go on, which one: {named}?",
)
_WHICH_BY_PLACE = (
    "There are {count} {things}. Which one should I take, going by the order of the list?",
    "I have {count} {things} here. Which of them do you mean, the first?",
    "Which of the {count} {things} is it, counting from the top?",
)
_ANSWERS_BY_PLACE = ("The {place} one.", "The {place}, please.", "I mean the {place} one.", "Take the {place}.")
_ANSWERS_BY_TITLE = ('"{title}".', 'The one called "{title}".', 'I meant "{title}".', '"{title}", please.')
_BARE_PERSON_REFERENCES = ("the person", "the user", "the contact", "the member")
_LATER_ORDINAL = re.compile(rf"\bthe (?:{'|'.join(ORDINALS[1:])}) ")
_REPEATED_NOUN = re.compile(r"\bthe (\w+) that(?: same)? \1\b")  # `with the subject that same subject`
_ITEM_INDEX = re.compile(r"/(\d+)(?=/|$)")
_LONGEST_CLAUSE_VALUE = (
    48  # characters; a longer text gets a sentence of its own, as the request would become hard to read
)


def render_tool_infinitive(tool: str, rng: Random) -> str:
    """Turns a tool's name into a verb phrase: `REPLY_TO_THREAD` → `reply to the thread`.

    Where the name does not begin with its verb, a verb for the tool's action is drawn.
    """
    parsed = parse_tool_name(tool)
    name_words = split_words(tool)
    if parsed.verb in name_words[:1] and len(name_words) > 1:
        verb, object_words = name_words[0], list(name_words[1:])
        if object_words and object_words[-1] in ("action", "preference"):
            object_words.pop()
        if "by" in object_words:
            object_words = object_words[: object_words.index("by")]
        if not object_words:
            return verb
        if object_words[0] in ("to", "from", "in"):
            return f"{verb} {object_words[0]} the {' '.join(object_words[1:])}"
        article = (
            ""
            if object_words[-1].endswith("s") and not object_words[-1].endswith("ss")
            else "a "
            if parsed.action == "create"
            else "the "
        )
        if article == "a " and object_words[0][0] in "aeiou":
            article = "an "
        return f"{verb} {article}{' '.join(object_words)}"
    return f"{rng.choice(_ACTION_VERBS[parsed.action])} the {' '.join(parsed.words)}"


class RequestPhrase(NamedTuple):
    """A request in words, `text`, and further sentences with the facts that did not fit into it.

    `stands_alone` says that no "could you" fits before it: it is a question, which ends with "?", or a statement.
    """

    text: str
    more_sentences: list[str]
    stands_alone: bool


def phrase_request(
    tool: Tool,
    facts: Sequence[PlannedArgument],
    references: Mapping[str, str],
    rng: Random,
    for_several: bool = False,
    distant_pointers: Collection[str] = (),
) -> RequestPhrase:
    """Phrases a request for a call, or for parallel calls that do the same with several items (`for_several`).

    `facts` are the arguments to be stated now. `references` gives the words for the arguments taken from earlier
    results, by argument pointer. References in `distant_pointers` go back to an earlier goal and are always said.
    """
    facts = _join_array_items(facts)
    slot_words = {to_slot_name(argument.argument): quote_free_text(argument) for argument in facts}
    slot_words |= {to_slot_name(pointer): wording for pointer, wording in references.items()}
    entry = load_phrasebook().get(tool.name)
    spoken_references = {
        to_slot_name(pointer): wording
        for pointer, wording in references.items()
        if for_several
        or pointer in distant_pointers
        or _LATER_ORDINAL.search(wording)
        or not _is_reference_implied(pointer, tool)
    }
    options = (
        [(wording, used_slots) for wording, used_slots in entry.asks if used_slots <= slot_words.keys()]
        if entry
        else []
    )
    if for_several:
        options = [
            (wording, used_slots)
            for wording, used_slots in options
            if used_slots & spoken_references.keys() and not _is_about_single_item(wording)
        ]
    most_references = max((len(used_slots & spoken_references.keys()) for _, used_slots in options), default=0)
    options = [
        (wording, used_slots)
        for wording, used_slots in options
        if len(used_slots & spoken_references.keys()) == most_references
    ]
    if options:
        wording, used_slots = rng.choices(options, [(1 + len(used_slots)) ** 2 for _, used_slots in options])[0]
    elif for_several:
        wording, used_slots = (
            phrase_request_for_several(tool.name, next(iter(references.values())), rng),
            frozenset[str](),
        )
        spoken_references = {}
    else:
        wording, used_slots = render_tool_infinitive(tool.name, rng), frozenset[str]()
        if references and not spoken_references:
            wording = f"{wording} for {next(iter(references.values()))}"
    statement = _is_statement(wording)
    for slot_name, reference_words in spoken_references.items():  # unsaid, nobody could know which item is meant
        if slot_name not in used_slots:
            preposition = "about" if is_query(slot_name) else "for"
            wording = f"{wording.rstrip('?')} {preposition} {reference_words}{'?' if wording.endswith('?') else ''}"
    request = _REPEATED_NOUN.sub(r"the same \1", fill_slots(wording, slot_words))
    question = request.endswith("?")
    request = request.rstrip("?")
    sentences = []
    clause_count = 0
    for argument in facts:
        if to_slot_name(argument.argument) in used_slots:
            continue
        clause = _phrase_inline_clause(argument, tool.name, rng)
        if (
            clause
            and clause_count < 2
            and len(argument.surface) < _LONGEST_CLAUSE_VALUE
            and not request.endswith(('"', "."))
        ):
            request += clause if clause[0] in ", " else (" " if clause_count == 0 else ", ") + clause
            clause_count += 1
        else:
            sentences.append(phrase_fact_sentence(argument, rng))
    return RequestPhrase(request + ("?" if question else ""), sentences, question or statement)


def phrase_next_page_request(earlier_text: str, rng: Random) -> RequestPhrase:
    """Phrases a request for the next page of a listing, preferably in words that are not in `earlier_text`."""
    unused = [text for text in NEXT_PAGE_REQUESTS if text.rstrip("?") not in earlier_text.lower()]
    text = rng.choice(unused or NEXT_PAGE_REQUESTS)
    return RequestPhrase(text, [], text.endswith("?"))


def _is_reference_implied(pointer: str, tool: Tool) -> bool:
    """True for a required id: as in `hand it over`, the listener takes the item that was just shown.

    An optional argument is only meant if it is said.
    """
    first = pointer.split("/")[1]
    return is_id(pointer.rsplit("/", 1)[-1]) and first in tool.parameters.get("required", ())


@cache
def _is_statement(template: str) -> bool:
    """True for a request that is a sentence with a subject: `{task_id} is done`, `we need a new label`."""
    return template.startswith("{") or template.split(" ", 1)[0].lower() in _STATEMENT_OPENERS


@cache
def _is_about_single_item(template: str) -> bool:
    """True for a request about a single item, where several would not fit: `read {id} and tell me what it says`."""
    return _is_statement(template) or not _SINGULAR_PRONOUNS.isdisjoint(re.findall(r"[\w']+", template.lower()))


def is_next_page_argument(argument: PlannedArgument) -> bool:
    """True for a page token that comes from an earlier result: the call asks for that listing's next page."""
    return argument.source == "result" and is_page_token(argument.argument.rsplit("/", 1)[-1])


def _join_array_items(facts: Sequence[PlannedArgument]) -> list[PlannedArgument]:
    """Joins the items of each array into one fact: `maria@… and tom@…`."""
    groups: dict[str, list[PlannedArgument]] = {}
    for argument in facts:
        groups.setdefault(to_slot_name(argument.argument), []).append(argument)
    return [
        group[0]
        if len(group) == 1
        else msgspec.structs.replace(group[0], surface=" and ".join(argument.surface for argument in group))
        for group in groups.values()
    ]


def phrase_fact_sentence(argument: PlannedArgument, rng: Random) -> str:
    """Phrases a fact as a sentence of its own: `The title is "Gym roof".`"""
    if isinstance(argument.value, bool):
        return _phrase_flag_sentence(argument, rng)
    argument_name = render_argument_name(argument.argument)
    if "@" in argument.surface and {"recipient", "to"} & set(argument_name.split()):
        return fill_slots(rng.choice(_RECIPIENT_SENTENCES), {"x": argument.surface})
    field_words = split_words(parse_field_name(argument))
    if field_words[0] in _ACT_VERBS and len(field_words) > 1:
        return _phrase_act(_ACT_SENTENCES, argument)
    sentences = next((options for word, options in _FACT_SENTENCES.items() if word in field_words), _GENERIC_SENTENCES)
    filled = fill_slots(
        rng.choice(sentences),
        {"words": argument_name, "Words": values.capitalize_sentence(argument_name), "x": quote_free_text(argument)},
    )
    return filled.removesuffix(".") if filled.endswith(('.".', '!".', '?".')) else filled


def _phrase_act(forms: Mapping[str, str], argument: PlannedArgument) -> str:
    """Phrases the value of an argument that is named as an act: `send_updates: none` → `Please don't send updates.`"""
    form = forms.get(str(argument.value).lower(), forms[""])
    return fill_slots(form, {"act": " ".join(split_words(parse_field_name(argument))), "x": argument.surface})


def _phrase_flag_sentence(argument: PlannedArgument, rng: Random) -> str:
    """Phrases a flag as a sentence: `The encryption should be switched on.`, `Don't notify guests, please.`"""
    steps = [step for step in argument.argument.split("/")[1:] if not step.isdigit()]
    if not is_switch(steps[-1]):
        return values.capitalize_sentence(fill_slots(rng.choice(_FLAG_SENTENCES), {"x": argument.surface}))
    owner = next((step for step in reversed(steps[:-1]) if not is_switch(step)), None)
    thing = f"the {' '.join(split_words(owner))}" if owner else "it"
    slots = {"thing": thing, "x": argument.surface}
    return values.capitalize_sentence(fill_slots(rng.choice(_SWITCH_SENTENCES), slots))


def quote_free_text(argument: PlannedArgument) -> str:
    """Returns the words for a value, in quotation marks if it is free text: a title, a body or a search phrase."""
    field_name = parse_field_name(argument)
    role = read_name(field_name).role
    if len(argument.surface.split()) <= 3 and argument.surface.istitle() and role != "text":
        return argument.surface
    free_text = role in ("title", "text", "query") and " " in argument.surface
    return f'"{argument.surface}"' if free_text and "@" not in argument.surface else argument.surface


@cache
def render_argument_name(pointer: str) -> str:
    """Names an argument as people do: `/attendees/0/email` → `attendee email`, `/start/dateTime` → `start time`,
    `/to` → `recipient`.
    """
    steps = [step for step in pointer.split("/")[1:] if not step.isdigit()]
    names_itself = len(split_words(steps[-1])) > 1 and {"date", "time"} & set(split_words(steps[-1])[1:])
    naming_steps = steps[-1:] if names_itself and steps[-1] != "dateTime" else steps[-2:]
    distinct_words: list[str] = []
    moment = ""
    for step in naming_steps:
        for word in split_words(step):
            if word in ("date", "time") and len(split_words(step)) > 1:
                moment = "time" if "time" in (word, moment) else "date"
            elif word not in distinct_words:
                distinct_words.append(word)
    if "/0" in pointer and len(distinct_words) > 1 and distinct_words[0].endswith("s"):
        distinct_words[0] = distinct_words[0][:-1]
    if moment and {"min", "max"} & set(distinct_words):
        bound = "earliest" if "min" in distinct_words else "latest"
        return " ".join([bound, *(word for word in distinct_words if word not in ("min", "max")), moment])
    joined = " ".join(distinct_words)
    return _SPOKEN_ARGUMENT_NAMES.get(joined, f"{joined} {moment}".strip())


def render_missing_arguments(arguments: Sequence[PlannedArgument]) -> str:
    """Lists arguments that the assistant has to ask for: `the due date and the assignee`."""
    argument_names = list(dict.fromkeys(f"the {render_argument_name(argument.argument)}" for argument in arguments))
    return (
        argument_names[0] if len(argument_names) == 1 else f"{', '.join(argument_names[:-1])} and {argument_names[-1]}"
    )


def phrase_reference(
    argument: PlannedArgument, source_noun: str, from_same_turn: bool, rng: Random, in_view: bool = True
) -> str:
    """Phrases a reference to a value of an earlier result: `that thread`, `the subject of the second email`.

    `source_noun` names what the earlier call returned; `from_same_turn` says that it was made for the same user turn.
    `the second one` is only said while the listing is `in_view`: no other listing was shown since.
    """
    field_name = parse_field_name(argument)
    source_field = _name_last_field(argument.result or "")
    first_item_path, item_index, nested_field = _split_item_index(argument.result or "")
    if item_index >= 0 and (nested_field or not (is_id(field_name) or is_id(source_field))):
        first_item_argument = msgspec.structs.replace(argument, result=first_item_path)
        field_reference = (
            f"the {' '.join(split_words(nested_field))}"
            if nested_field and is_id(source_field)
            else _phrase_field_reference(first_item_argument, source_noun, rng)
        )
        item_reference = f"the {ORDINALS[item_index]} {source_noun.rsplit(' ', 1)[-1] or 'one'}"
        return (
            item_reference if field_reference in _BARE_PERSON_REFERENCES else f"{field_reference} of {item_reference}"
        )
    if is_id(field_name) or is_id(source_field):
        noun = parse_resource_noun(field_name) or parse_resource_noun(source_field) or source_noun
        noun = noun.rsplit(" ", 1)[-1] if noun else "one"
        if noun == "message" and source_noun in ("email", "thread", "draft", "attachment"):
            noun = "email"
        listed_noun = source_noun.rsplit(" ", 1)[-1]
        belongs_to_item = (
            listed_noun and to_singular(listed_noun) != noun and noun != "account" and parse_resource_noun(source_field)
        )
        index_match = _ITEM_INDEX.search(argument.result or "")
        if index_match and int(index_match[1]) < len(ORDINALS):
            ordinal = ORDINALS[int(index_match[1])]
            if belongs_to_item:  # `/tasks/1/project_id`
                return f"the {noun} of the {ordinal} {listed_noun}"
            return f"the {ordinal} {rng.choice((noun, 'one')) if in_view else noun}"
        if argument.result and "/*" in argument.result and belongs_to_item:
            return f"the {noun} of the first {listed_noun}"
        if argument.result and "/*" in argument.result:
            return rng.choice(
                (
                    f"that {noun}",
                    f"the first {noun}" if not from_same_turn else f"that {noun}",
                    f"the top {noun}" if not from_same_turn else f"the {noun}",
                )
            )
        return rng.choice((f"that {noun}", f"the {noun}", f"this {noun}"))
    if (
        "email" in field_name
        or "phone" in field_name
        or (argument.result and ("email" in source_field or "phone" in source_field))
    ):
        owner = next((step for step in reversed((argument.result or "").split("/")[:-1]) if step not in ("*", "")), "")
        if read_name(owner).role != "person":
            return "that person"
        owner = {"from": "the sender", "to": "the recipient", "people": "that person"}.get(
            owner, f"the {' '.join(split_words(owner))}" if owner else "that person"
        )
        return owner[:-1] if owner.endswith("s") and not owner.endswith("ss") else owner
    last_word = (split_words(source_field) or split_words(source_noun) or ("value",))[-1]
    if (argument.result or "").rsplit("/", 1)[-1] in ("*", "0"):  # one of the labels
        last_word = to_singular(last_word)
    return rng.choice((f"the same {last_word}", f"that {last_word}", f"that same {last_word}"))


def phrase_sole_item(argument: PlannedArgument, source_noun: str, rng: Random) -> str:
    """Phrases a reference to a value of the only item that there is: `that thread`, `the sender`."""
    path = re.sub(r"/\d+(?=/|$)", "/*", argument.result or "")
    return phrase_reference(msgspec.structs.replace(argument, result=path), source_noun, True, rng)


def phrase_item_by_ordinal(
    argument: PlannedArgument, source_noun: str, index: int, rng: Random, in_view: bool = True
) -> str:
    """Phrases a reference to a value of an item by its place in a list that the user sees: `the first thread`."""
    if index >= len(ORDINALS):
        return f"number {index + 1}"
    path = re.sub(r"/(?:\d+|\*)(?=/|$)", f"/{index}", argument.result or "", count=1)
    return phrase_reference(msgspec.structs.replace(argument, result=path), source_noun, False, rng, in_view)


def phrase_first_of_unseen(argument: PlannedArgument, source_noun: str, rng: Random) -> str:
    """Phrases a reference to a value of the first item of a list that the user has not seen, and says so: `the first
    thread that comes up`.
    """
    reference = phrase_item_by_ordinal(argument, source_noun, 0, rng, in_view=False)
    return f"{reference} {rng.choice(_UNSEEN)}"


def phrase_item_by_title(argument: PlannedArgument, source_noun: str, title: str, rng: Random) -> str:
    """Phrases a reference to a value of the item with this title: `the thread "Gym"`, `the sender of "Gym"`."""
    source_field = _name_last_field(argument.result or "")
    noun = source_noun.rsplit(" ", 1)[-1]
    is_person = names_person(noun) or read_name(noun).role == "person"
    spoken_title = title if is_person else f'"{title}"'
    holder = f"the {noun} {spoken_title}" if noun and not is_person and rng.random() < _NOUN_SHARE else spoken_title
    path = re.sub(r"/\d+(?=/|$)", "/*", argument.result or "")
    reference = _to_definite(phrase_reference(msgspec.structs.replace(argument, result=path), source_noun, True, rng))
    owner_of_value = parse_resource_noun(parse_field_name(argument)) or parse_resource_noun(source_field)
    is_item_itself = (is_id(parse_field_name(argument)) or is_id(source_field)) and (
        not owner_of_value
        or to_singular(owner_of_value.rsplit(" ", 1)[-1]) in (noun, "account")
        or " of the " not in reference
    )
    if is_item_itself or reference in _BARE_PERSON_REFERENCES:
        return holder
    return f"{reference.split(' of the first ')[0]} of {holder}"


def phrase_question_which(titles: Sequence[str], noun: str, rng: Random) -> str:
    """Phrases the question which of several things is meant, and names them; asks by place if they have no titles."""
    count = {2: "two", 3: "three", 4: "four"}.get(len(titles), str(len(titles)))
    things = to_plural(noun.rsplit(" ", 1)[-1]) if noun else "entries"
    named = [f'"{title}"' for title in titles if title]
    if len(named) < len(titles) or len(set(named)) < len(named):
        return fill_slots(rng.choice(_WHICH_BY_PLACE), {"count": count, "things": things})
    listed = f"{', '.join(named[:-1])} {rng.choice(('and', 'or'))} {named[-1]}"
    return fill_slots(rng.choice(_WHICH_BY_TITLE), {"count": count, "things": things, "named": listed})


def phrase_answer_which(title: str, index: int, count: int, rng: Random) -> str:
    """Phrases the user's answer to the question which of `count` things is meant: by its title or its place."""
    place = "last" if index and index == count - 1 else ORDINALS[index] if index < len(ORDINALS) else f"{index + 1}th"
    options = [fill_slots(form, {"place": place}) for form in _ANSWERS_BY_PLACE]
    if title:
        options += [fill_slots(form, {"title": title}) for form in _ANSWERS_BY_TITLE]
    return rng.choice(options)


def _name_last_field(path: str) -> str:
    """Returns the name of the field that a result pointer leads to: `file_ids` for `/files/*/file_ids/*`; '' where it
    leads to no field.
    """
    return next((step for step in reversed(path.split("/")[1:]) if step != "*" and not step.isdigit()), "")


def _to_definite(reference: str) -> str:
    """Replaces a pointing word by the article: `that same title` → `the title`."""
    return re.sub(r"^(?:that same|that|this|the same|the) ", "the ", reference)


def phrase_distant_reference(reference: str, source_noun: str, rng: Random) -> str:
    """Rewords a reference that goes back to an earlier goal: `that thread` → `the thread from the beginning`."""
    definite = _to_definite(reference)
    definite = re.sub(r" one$", f" {source_noun.rsplit(' ', 1)[-1]}", definite) if source_noun else definite
    return fill_slots(rng.choice(_DISTANT_REFERENCES), {"x": definite})


def is_sayable_value(argument: PlannedArgument, value: str) -> bool:
    """True if people would repeat the value that they were shown: a title, not an id, an address or a number."""
    source = _name_last_field(argument.result or "")
    return (
        not is_id(parse_field_name(argument))
        and not is_id(source)
        and is_calling_name(source)
        and len(value) < _LONGEST_CLAUSE_VALUE
        and '"' not in value
    )


def _split_item_index(path: str) -> tuple[str, int, str]:
    """Splits a result pointer into the pointer of any item, the item's index and the object in it that holds the value.

    `/issues/1/assignee/id` → `/issues/*/assignee/id`, 1, `assignee`. The index is -1 where the path names no item, or
    one past the ordinals that people use.
    """
    index_match = _ITEM_INDEX.search(path)
    if not index_match or int(index_match[1]) >= len(ORDINALS):
        return path, -1, ""
    inner_steps = path[index_match.end() :].split("/")[1:-1]
    return (
        f"{path[: index_match.start()]}/*{path[index_match.end() :]}",
        int(index_match[1]),
        inner_steps[-1] if inner_steps else "",
    )


def _phrase_field_reference(argument: PlannedArgument, source_noun: str, rng: Random) -> str:
    """Phrases a reference to a field of an item, without saying which item: `the title`."""
    return _to_definite(phrase_reference(argument, source_noun, True, rng))


def phrase_first_items(argument: PlannedArgument, source_noun: str, count: int, rng: Random) -> str:
    """Phrases a reference to the first items of a listing: `the first three threads`."""
    field_name = parse_field_name(argument)
    noun = (parse_resource_noun(field_name) or source_noun).rsplit(" ", 1)[-1] or "one"
    if noun == "message" and source_noun in ("email", "thread", "draft", "attachment"):
        noun = "email"
    number = {2: "two", 3: "three"}.get(count, str(count))
    options = [
        f"the first {number} {to_plural(noun)}",
        f"the top {number} {to_plural(noun)}",
        f"the first {number} of them",
    ]
    return rng.choice(options)


def phrase_abilities(tools: Sequence[str], rng: Random) -> str:
    """Lists up to three things that the tools can do: `search threads, send an email and list labels`."""
    chosen = rng.sample(list(tools), min(len(tools), 3))
    actions = list(dict.fromkeys(_generalize_action(render_tool_infinitive(tool, rng)) for tool in chosen))
    return actions[0] if len(actions) == 1 else f"{', '.join(actions[:-1])} and {actions[-1]}"


def _generalize_action(action: str) -> str:
    """Turns an action on one item into the general one: `send the draft` → `send drafts`."""
    verb, _, object_words = action.partition(" ")
    for article in ("the ", "a ", "an "):
        if object_words.startswith(article) and not {"to", "from", "as", "by"} & set(object_words.split()):
            return f"{verb} {to_plural(object_words.removeprefix(article))}"
    return action


def phrase_request_for_several(tool: str, items_reference: str, rng: Random) -> str:
    """Phrases a request for parallel calls without a phrasebook entry.

    `DELETE_DRAFT`, `the first two drafts` → `delete the first two drafts`.
    """
    text = render_tool_infinitive(tool, rng)
    nouns = {
        items_reference.rsplit(" ", 1)[-1],
        to_singular(items_reference.rsplit(" ", 1)[-1]),
        parse_tool_name(tool).words[-1],
    }
    verb, _, object_words = text.partition(" the ")
    return f"{verb} {items_reference}" if object_words and object_words in nouns else f"{text} for {items_reference}"


def render_tool_gerund(tool: str, rng: Random) -> str:
    """Words for a call that is under way: `SEND_DRAFT` → `sending the draft`."""
    entry = load_phrasebook().get(tool)
    if entry:
        return rng.choice(entry.doing)
    verb, _, object_words = render_tool_infinitive(tool, rng).partition(" ")
    return f"{to_gerund(verb)} {object_words}"


def to_gerund(verb: str) -> str:
    """Adds `-ing` to a verb: `move` → `moving`, `get` → `getting`."""
    if verb.endswith("e") and not verb.endswith("ee"):
        return verb[:-1] + "ing"
    if verb in ("get", "set", "put", "run"):
        return verb + verb[-1] + "ing"
    return verb + "ing"


def parse_field_name(argument: PlannedArgument) -> str:
    """Returns the last name in an argument's pointer: `/start/dateTime` → `dateTime`, `/label_ids/0` → `label_ids`."""
    return argument.argument.rstrip("/0123456789").rsplit("/", 1)[-1]


def to_slot_name(pointer: str) -> str:
    """Names the template slot of an argument: `/start/dateTime` → `start.dateTime`, `/label_ids/0` → `label_ids`."""
    return ".".join(step for step in pointer.split("/")[1:] if not step.isdigit())


def _phrase_inline_clause(argument: PlannedArgument, tool: str, rng: Random) -> str | None:
    """Phrases a fact as a clause at the end of a request, `titled "Gym roof"`; None if it needs its own sentence."""
    if isinstance(argument.value, bool):
        return None
    steps = [step for step in argument.argument.split("/")[1:] if not step.isdigit()]
    argument_name_words = {*split_words(steps[-1]), *split_words(steps[0])}
    if parse_tool_name(tool).action == "update" and any(map(is_title, (steps[-1], steps[0]))):
        return None  # `change the event called X` would say which one it is
    if argument_name_words & {"query", "q"} and names_person(parse_tool_name(tool).noun):
        return f"named {quote_free_text(argument)}"
    if steps[-1] == steps[0] and split_words(steps[-1])[0] in _ACT_VERBS and len(split_words(steps[-1])) > 1:
        return _phrase_act(_ACT_CLAUSES, argument)
    for word, clause in _INLINE_CLAUSES.items():
        if word in argument_name_words:
            return fill_slots(clause, {"x": quote_free_text(argument)})
    if "@" in argument.surface:
        return f"for {argument.surface}"
    if len(split_words(steps[-1])) > 3:
        return None
    return fill_slots(
        rng.choice(_GENERIC_CLAUSES), {"x": quote_free_text(argument), "words": render_argument_name(argument.argument)}
    )
