"""Sentences about results: the assistant's report on a call, with real values of its result.

Here belongs what is told of one call: of a listing how many there are, whether there are more, and each of them; of a
thing what was asked, or what is most telling; of an act what was done and what of it mattered. How a single field is
told is in `result_details`; choosing which calls are reported is the roles' task. Nothing is said that no result says:
`Here are the first 3 of 7 files: …`, not `There are 3 files`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, NamedTuple

from funcdex_assets.language import values
from funcdex_assets.language.lexicon import fill_slots, find_slots, load_lexicon_file, load_phrasebook, reduce_to_ascii
from funcdex_assets.language.request_phrases import render_tool_infinitive, to_gerund
from funcdex_assets.language.result_details import (
    NO_QUESTION,
    ONLY_IF_ASKED,
    ONLY_IN_DETAIL,
    PENDING_STATES,
    Detail,
    Question,
    Thing,
    choose_details,
    find_asked_details,
    find_beginning,
    find_noun_of_pointer,
    join_words,
    read_question,
    read_thing,
    render_constant,
    unwrap_resource,
)
from funcdex_assets.language.spoken_values import list_spoken_forms, starts_with_flag_verb
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.leaves import walk_leaves
from funcdex_assets.schema.words import split_words, to_plural, to_singular
from funcdex_assets.semantics.field_meaning import decide_field_meaning
from funcdex_assets.semantics.tool_names import is_id, is_page_token, parse_resource_noun, parse_tool_name
from funcdex_assets.semantics.vocabulary import NAMING_WORDS, TOTAL_WORDS

MOST_DESCRIBED = 10  # items of a page; of a longer one only the titles are told
MOST_NAMED = 30  # items of a page; of a longer one it is said how many are not named
ONLY_IN_LISTING = 7  # an item of a listing is told without details of this rank or later, unless they were asked for
_LONGEST_INLINE = 260  # characters of a listing in one sentence; a longer one is written a line per item
_LONGEST_QUOTE = 160
_LONGEST_WHOLE_TEXT = 280  # characters; a longer text is told by its beginning
_LONGEST_RECALLABLE = 60
_LONGEST_REPEATED_TEXT = 60  # characters of a user's own text that is repeated when it is confirmed
_SPOKEN_FIELD_NAMES = {
    "updated": "date of the last change",
    "modified": "date of the last change",
    "created": "creation date",
    "sent": "sending date",
    "received": "date of receipt",
    "completed": "completion date",
    "email": "email address",
    "from": "sender",
    "to": "recipient",
    "when": "date",
    "expires": "expiry date",
    "due": "due date",
    "due on": "due date",
}
_WRITTEN_WORDS = frozenset("say says write wrote written notes note".split())
_TEXT_NOUNS = frozenset("body text message content comment reply".split())
_KEYED_LABEL = re.compile(r'[A-Z][A-Z0-9]*-?\d* "|[A-Z][A-Z0-9]*-\d+$')
"""Matches a label that begins with a key that people use: `PAY-88 "Gym roof"`."""
_PLAIN_LINK_WORDS = frozenset("url link html web view permalink hangout href self".split())
"""The words of links that lead to a thing, and to nothing else that anybody would need at once."""
_MADE_FOR_LINK = frozenset("link links export download pdf share ready".split())
_ECHOED_WORDS = frozenset("created updated modified sent posted timestamp date".split())
"""In the names of moments that say no more than when the call was made."""


@dataclass(frozen=True)
class Occasion:
    """What is known about a call beside its result.

    `arguments` are those that the user gave, as the call has them. `subject` is the quoted title of the thing that the
    call worked on, '' if the result itself has it, and `former_title` its title before the call. `linked` names other
    things that the call was about, each with its noun: `project "Gym roof"`. `shown_before` counts the items of the
    pages before this one, None for the first page. A `brief` report names only what was found and what was asked of
    it, because the turn goes on with it. `details_per_item` are told of each item of a listing that nothing was asked
    of, in a line per item only if the reply `may_use_lines`.
    """

    request: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    subject: str = ""
    former_title: str = ""
    linked: Sequence[str] = ()
    shown_before: int | None = None
    is_brief: bool = False
    details_per_item: int = 2
    may_use_lines: bool = True


NO_OCCASION = Occasion()


def report_result(
    tool: Tool,
    slot_words: Mapping[str, str],
    result: Any,
    now: datetime,
    rng: Random,
    occasion: Occasion | str = NO_OCCASION,
) -> str:
    """Reports in a few sentences what a call did or found, with real values of its result.

    Values that answer the request come first. `slot_words` fill the phrasebook's templates of a finished action.
    """
    occasion = Occasion(request=occasion) if isinstance(occasion, str) else occasion
    parsed = parse_tool_name(tool.name)
    question = read_question(occasion.request)
    if parsed.action not in ("list", "get"):
        return _report_act(tool, slot_words, result, now, rng, occasion)
    page = find_page(result, question)
    if page is not None and (parsed.action == "list" or _is_listing(result) or not page.is_nested):
        return _report_listing(tool, page, now, rng, question, occasion)
    return _report_thing(tool, result, now, rng, question, occasion)


# ── listings ─────────────────────────────────────────────────────────────────────────────────


class Page(NamedTuple):
    """One page of a listing: its items with their pointer and singular noun, and what it says of the rest.

    `total` is the number of all things if the result tells one that is not less than the items, else None;
    `is_estimate` says that it is one. `is_nested` says that the items belong to an object that is told itself.
    """

    items: Sequence[Any]
    pointer: str
    noun: str
    has_more: bool
    total: int | None
    is_estimate: bool
    is_nested: bool = False


def find_page(result: Any, question: Question = NO_QUESTION) -> Page | None:
    """Finds the listing in a result; None if the result is about a single thing."""
    if isinstance(result, list):
        return Page(result, "", "result", False, None, False)
    if not isinstance(result, dict):
        return None
    listing, pointer = _unwrap_listing(result, "")
    arrays = {
        key: value
        for key, value in listing.items()
        if isinstance(value, list) and (not value or isinstance(value[0], dict)) and key != "errors"
    }
    if not arrays or any(is_id(key) and key in ("id", "gid", "uuid") for key in listing):
        return None
    asked_names = [key for key in arrays if set(split_words(key)) & question.words]
    name = asked_names[0] if asked_names and len(arrays) > 1 else next(iter(arrays))
    items = arrays[name]
    scalars = [(key, value) for key, value in {**result, **listing}.items() if not isinstance(value, list)]
    totals = [
        (key, value)
        for key, value in scalars
        if isinstance(value, int)
        and not isinstance(value, bool)
        and (set(split_words(key)) & TOTAL_WORDS or key == "count")
    ]
    has_more = any(_leads_on(key, value) for key, value in scalars)
    total = next((value for _, value in totals if value >= len(items)), None)
    is_estimate = any("estimate" in split_words(key) for key, _ in totals)
    is_nested = any(set(split_words(key)) & NAMING_WORDS for key in listing if isinstance(listing[key], str))
    noun = " ".join(parse_tool_name(f"list_{name}").words)
    return Page(items, f"{pointer}/{name}", noun, has_more, total, is_estimate, is_nested)


def _unwrap_listing(result: dict[str, Any], pointer: str) -> tuple[dict[str, Any], str]:
    """Returns the object that holds the items of a listing: the result, or the only object in it, as in `data`."""
    if not any(isinstance(value, list) for value in result.values()):
        nested = [
            (key, value)
            for key, value in result.items()
            if isinstance(value, dict)
            and not is_page_token(key)
            and any(isinstance(inner, list) for inner in value.values())
        ]
        if len(nested) == 1 and nested[0][0] in ("data", "result", "results", "response", "payload"):
            return _unwrap_listing(nested[0][1], f"{pointer}/{nested[0][0]}")
    return result, pointer


def _leads_on(name: str, value: Any) -> bool:
    """True for a field that says that a listing goes on: a token for the next page, or `has_more`."""
    if isinstance(value, dict):
        return (
            any(is_page_token(inner_name) and inner for inner_name, inner in value.items()) and "next" in name.lower()
        )
    if isinstance(value, bool):
        return value and "more" in split_words(name)
    return is_page_token(name) and "prev" not in name.lower() and value not in (None, "", 0)


def _is_listing(result: Any) -> bool:
    """True for a result that is an array, or has only scalars beside its arrays and no title of its own."""
    return (
        not any(isinstance(value, dict) or set(split_words(key)) & NAMING_WORDS for key, value in result.items())
        if isinstance(result, dict)
        else isinstance(result, list)
    )


def _report_listing(tool: Tool, page: Page, now: datetime, rng: Random, question: Question, occasion: Occasion) -> str:
    """Reports a page: how many items there are, of how many, whether there are more, and each of them."""
    noun = page.noun if page.noun and page.noun != "result" else parse_tool_name(tool.name).noun
    count = len(page.items)
    of_subject = f" for {occasion.subject}" if occasion.subject else ""
    if not count:
        if occasion.shown_before is not None:
            return rng.choice(_phrases("no_further")).format(n=to_plural(noun))
        return rng.choice(_phrases("none")).format(n=to_plural(noun) + of_subject)
    things = [
        read_thing(item, tool.returns, noun, now, f"{page.pointer}/{index}") for index, item in enumerate(page.items)
    ]
    lead = _phrase_count(page, noun, of_subject, occasion, rng)
    for thing in things:  # the dates of one event, say
        thing.label = "" if thing.label == occasion.subject and thing.details else thing.label
    are_distinct = len({thing.label for thing in things}) == count and all(thing.label for thing in things)
    most = (
        0
        if count > MOST_DESCRIBED or (occasion.is_brief and are_distinct)
        else 1
        if occasion.is_brief
        else occasion.details_per_item
    )
    for thing in things:  # what all of them belong to was said, and the service is known
        thing.details = [
            detail
            for detail in thing.details
            if detail.value.lower() != tool.toolkit and (not occasion.subject or detail.value != occasion.subject)
        ]
    descriptions = [_describe_item(thing, question, most) for thing in things]
    hidden = max(0, count - MOST_NAMED)
    descriptions = descriptions[:MOST_NAMED]
    ending = f" The other {hidden} aren't read out here." if hidden else ""
    inline = f"{lead}: {_join_items(descriptions)}."
    is_long = len(inline) > _LONGEST_INLINE and most
    may_use_lines = occasion.may_use_lines and not occasion.is_brief and 1 < count <= MOST_DESCRIBED
    if may_use_lines and (is_long or rng.random() < 0.25):
        return (
            f"{lead}:\n" + "\n".join(f"- {text}" for text in descriptions) + (f"\n{ending.strip()}" if ending else "")
        )
    return inline + ending


def _join_items(descriptions: Sequence[str]) -> str:
    """Joins items: with commas if they are titles alone, else with semicolons."""
    if len(descriptions) == 1:
        return descriptions[0]
    if not any(re.search(r"[(,]", re.sub(r'"[^"]*"', "", text)) for text in descriptions):
        return join_words(list(descriptions))
    return f"{'; '.join(descriptions[:-1])}; and {descriptions[-1]}"


def _phrases(key: str) -> Sequence[str]:
    """Returns the wordings of a listing's beginning from `lexicon/listings.yaml`."""
    return load_lexicon_file("listings")[key]


def _phrase_count(page: Page, noun: str, of_subject: str, occasion: Occasion, rng: Random) -> str:
    """Says how many items a page has, and what is known of the others."""
    count, before = len(page.items), occasion.shown_before
    nouns = (noun if count == 1 else to_plural(noun)) + of_subject
    about = "about " if page.is_estimate else ""
    slots = {"c": str(count), "n": nouns, "t": f"{about}{page.total}", "s": str((before or 0) + count)}
    slots["p"] = to_plural(noun) + of_subject
    total = page.total if page.total is not None and page.total > (before or 0) + count else None
    if before is not None:
        key = "next_of_total" if page.has_more and total else "next" if page.has_more else "last"
    elif page.has_more or total:
        key = "first_of_total" if total else "first"
    else:
        key = "all"
    if occasion.is_brief and key == "all":
        key = "brief"
    forms = _phrases(f"{key}_one" if count == 1 else key)
    return values.capitalize_sentence(rng.choice(forms).format(**slots))


def _describe_item(thing: Thing, question: Question, most: int) -> str:
    """Describes one item of a listing by its title and its most telling details: `"Gym roof" (open, due tomorrow)`."""
    asked = question._replace(is_detailed=False)
    details = (
        choose_details(thing.details, asked, most, ONLY_IN_LISTING)
        if most
        else [detail for detail in find_asked_details(thing.details, asked) if detail.rank < ONLY_IF_ASKED]
    )
    texts = [
        detail.text for detail in details if detail.rank < ONLY_IF_ASKED or detail in find_asked_details(details, asked)
    ]
    texts += [
        f"{' '.join(split_words(name))} {_name_objects(objects)}"
        for name, (_, objects) in thing.lists.items()
        if objects and set(split_words(name)) & question.words
    ]
    may_quote = most and thing.text and not thing.is_text_label and (question.wants_text or question.is_detailed)
    described = f"{thing.label}{' (' + ', '.join(texts) + ')' if texts else ''}"
    if may_quote and thing.label:
        quoted = find_beginning(thing.text, _LONGEST_QUOTE).replace('"', "'")
        return described if quoted in described else f'{described}: "{quoted}"'
    if not thing.label:
        return ", ".join(texts or [detail.text for detail in thing.details[:3]]) or "one without a name"
    return described


def _name_objects(objects: Sequence[Any]) -> str:
    """Names objects by their titles: `"photo.jpg" and "notes.txt"`."""
    names = []
    for item in objects:
        name = next(
            (
                str(value)
                for key, value in item.items()
                if isinstance(value, str) and (set(split_words(key)) & NAMING_WORDS or "heading" in key)
            ),
            "",
        )
        names.append(f'"{name}"' if name else "one without a name")
    return join_words(names)


# ── single things ────────────────────────────────────────────────────────────────────────────


def _report_thing(tool: Tool, result: Any, now: datetime, rng: Random, question: Question, occasion: Occasion) -> str:
    """Reports a thing that was looked up: what was asked of it, or what is most telling, and how its text begins."""
    parsed = parse_tool_name(tool.name)
    resource, pointer = unwrap_resource(result, parsed.noun)
    thing = read_thing(resource, tool.returns, find_noun_of_pointer(pointer, parsed.noun), now, pointer)
    subject = occasion.subject if thing.is_text_label else thing.label or occasion.subject
    name = subject or f"the {' '.join(parsed.words)}"
    if occasion.is_brief and not (question.is_detailed or question.wants_text or question.kinds):
        return f"{rng.choice(('Looked at', 'Checked', 'Had a look at'))} {name}."
    details = choose_details(thing.details, question, 4, ONLY_IN_DETAIL)
    if question.wants_text or question.is_detailed:  # it is quoted below
        details = [detail for detail in details if not thing.text or detail.value.strip('"') != thing.text]
    texts = [
        detail.text
        for detail in details
        if detail.rank < ONLY_IF_ASKED or question.words & detail.words or detail.kind in question.kinds
    ]
    sentences = []
    if texts:
        mark = rng.choice((" — ", ": ")) if subject else ": "
        sentences.append(_end_sentence(f"{values.capitalize_sentence(name)}{mark}{', '.join(texts)}"))
    sentences += _report_inner_lists(thing, tool, now, question)
    quoted = thing.text and thing.text != thing.label.strip('"')
    quoted = (quoted and (question.wants_text or question.is_detailed or not sentences)) or thing.is_text_label
    if quoted and not any(thing.text in text for text in texts):
        sentences.append(_quote_text(thing.text, "it" if sentences else subject, parsed.noun, rng))
    elif question.words & _WRITTEN_WORDS and not thing.text and _may_have_text(tool):
        sentences.append("There's no text written down in it.")
    if not sentences:
        identifiers = _list_identifiers(result)
        sentences = [
            f"{values.capitalize_sentence(name)}: {', '.join(identifiers)}."
            if identifiers and not subject
            else f"{values.capitalize_sentence(name)} is there."
        ]
    return " ".join(sentences)


def _end_sentence(text: str) -> str:
    """Adds a full stop, unless a quoted sentence ends the text."""
    return text if text.endswith(('."', '!"', '?"')) else f"{text}."


def _may_have_text(tool: Tool) -> bool:
    """True if the results of a tool can have a text."""
    leaves = walk_leaves(tool.returns) if tool.returns else ()
    return any(decide_field_meaning(leaf.name, leaf.schema).role == "text" for leaf in leaves)


def _quote_text(text: str, subject: str, noun: str, rng: Random) -> str:
    """Quotes a text whole if it is short, else says that it begins so."""
    is_whole = len(text) <= _LONGEST_WHOLE_TEXT and '"' not in text and "\n" not in text
    quoted = text if is_whole else find_beginning(text, _LONGEST_QUOTE)
    quoted = quoted.replace('"', "'") if '"' in quoted else quoted
    verb = rng.choice(("reads", "says")) if is_whole else "begins"
    return f'{values.capitalize_sentence(subject or f"the {noun}")} {verb}: "{quoted}"'


def _report_inner_lists(thing: Thing, tool: Tool, now: datetime, question: Question) -> list[str]:
    """Reports the lists inside a thing, such as a document's headers: those asked for, or all if details were asked."""
    sentences = []
    for list_name, (pointer, objects) in thing.lists.items():
        words = split_words(list_name)
        is_asked = bool({*words, *map(to_singular, words)} & question.words)
        plural, singular = " ".join(words), " ".join([*words[:-1], to_singular(words[-1])])
        if not objects:
            if is_asked:
                sentences.append(f"There are no {plural}.")
            continue
        if not is_asked and not question.is_detailed and not question.wants_text and "days" not in question.words:
            continue
        inner = [
            read_thing(item, tool.returns, singular, now, f"{pointer}/{index}") for index, item in enumerate(objects)
        ]
        descriptions = []
        for item in inner:
            texts = [detail.text for detail in choose_details(item.details, question._replace(is_detailed=False), 3)]
            if item.details and item.details[0].kind == "days" and not item.label:
                descriptions.append(" ".join(texts[:1] + [f"from {text}" for text in texts[1:2]]))
            else:
                descriptions.append(
                    f"{item.label}{' (' + ', '.join(texts) + ')' if texts else ''}" if item.label else ", ".join(texts)
                )
        descriptions = [text for text in descriptions if text]
        if descriptions:
            is_countable = plural != singular
            count = f"{len(objects)} {plural if len(objects) != 1 else singular}" if is_countable else f"the {plural}"
            sentences.append(f"{values.capitalize_sentence(count)}: {_join_items(descriptions)}.")
    return sentences


# ── acts ─────────────────────────────────────────────────────────────────────────────────────


def _report_act(
    tool: Tool, slot_words: Mapping[str, str], result: Any, now: datetime, rng: Random, occasion: Occasion
) -> str:
    """Reports an act: what was done to what, what the user gave for it, and what the result adds."""
    parsed = parse_tool_name(tool.name)
    wording, has_phrase = _word_act(tool, slot_words, rng)
    label = find_label(tool, result, now)
    title = label.partition(" ")[2] if _KEYED_LABEL.match(label) else label
    is_renamed = (
        parsed.action == "update"
        and title.strip('"') in occasion.arguments.values()
        and occasion.former_title not in ("", label)
    )
    facts = _name_subject(tool, result, label, title, is_renamed, wording, occasion)
    facts += [linked for linked in occasion.linked if linked.partition(" ")[2].strip('"') not in f"{wording} {facts}"]
    given = list_confirmations(tool, occasion.arguments, now, f"{wording} {' '.join(facts)}")
    added = _list_additions(tool, result, now, f"{wording} {' '.join((*facts, *given))}")
    if re.search(r"@|\+\d", wording):  # the recipient was said
        added = [detail for detail in added if detail.kind != "people" or not detail.words & {"to", "recipient"}]
    added = [detail for detail in added if _belongs_to_act(detail, parsed.action, bool(given) or is_renamed)]
    if "assigned" in wording.lower():
        added = [detail._replace(text=detail.text.removeprefix("assigned ")) for detail in added]
    people = [detail.text for detail in added if detail.kind == "people"]
    facts += [*people, *given, *(detail.text for detail in added if detail.kind != "people")]
    if "_" not in wording.split()[0]:  # a name such as `order_ready` is not capitalised
        wording = values.capitalize_sentence(wording)
    if not facts:
        return f"{wording}."
    return (
        f"{wording} ({', '.join(facts)})."
        if len(facts) <= 2 or not has_phrase
        else _end_sentence(f"{wording}: {', '.join(facts)}")
    )


def _word_act(tool: Tool, slot_words: Mapping[str, str], rng: Random) -> tuple[str, bool]:
    """Words what was done, by a template that names the thing if there is one; False if the tool has no templates."""
    entry = load_phrasebook().get(tool.name)
    options = [wording for wording in entry.done if find_slots(wording) <= slot_words.keys()] if entry else []
    if not options:
        return f"{render_tool_infinitive(tool.name, rng)}: done", False
    named = {slot for slot, words in slot_words.items() if words.startswith('"') or _KEYED_LABEL.match(words)}
    options = [wording for wording in options if find_slots(wording) & named] or options
    weights = [(1 + len(find_slots(option))) ** 2 for option in options]
    return fill_slots(rng.choices(options, weights)[0], slot_words), True


def _name_subject(
    tool: Tool, result: Any, label: str, title: str, is_renamed: bool, wording: str, occasion: Occasion
) -> list[str]:
    """Names the thing of an act as far as its wording does not: by its title, its key, or what it is called now."""
    former = occasion.former_title
    if is_renamed:
        return [f"now called {title}"] if title.strip('"') not in wording else []
    if not label:
        subject = occasion.subject
        is_person = subject and not subject.startswith('"') and " " in subject and not _KEYED_LABEL.match(subject)
        is_said = not subject or subject.strip('"') in wording or subject.partition(" ")[0] in wording.split()
        return [] if is_said else [f"for {subject}" if is_person and not subject.startswith("the ") else subject]
    key = label.partition(" ")[0] if title != label else ""
    parsed = parse_tool_name(tool.name)
    is_former_said = not former or former == label or former.strip('"') in wording or parsed.action == "update"
    former_words = [] if is_former_said else [f"for {former}"]
    if title.strip('"') in wording:
        return [*([key] if key and key not in wording else []), *former_words]
    pointer = unwrap_resource(result, parsed.noun)[1]
    noun = find_noun_of_pointer(pointer, parsed.noun) if pointer else parsed.noun
    is_another = former not in ("", label) and noun.rsplit(" ", 1)[-1] != parsed.noun
    named = f"{noun} {label}" if is_another and noun not in wording.lower() else label
    return [named, *former_words]


def _belongs_to_act(detail: Detail, action: str, has_told_change: bool) -> bool:
    """True if a detail of the result is part of what an act did: of a change, only what it changed; of a deletion,
    nothing that is left.
    """
    if action == "delete":
        return detail.kind in ("state", "amount")
    if action != "update":
        return True
    is_change = detail.kind == "count" or (detail.kind == "state" and detail.text != detail.value)
    return is_change or (not has_told_change and detail.kind in ("people", "state", "relation", "link"))


def find_label(tool: Tool, result: Any, now: datetime) -> str:
    """Returns the quoted title, or the name, of the thing that a result is about; '' if it has none.

    A written text is not a title: a comment is known by the thing that it stands under.
    """
    resource, pointer = unwrap_resource(result, parse_tool_name(tool.name).noun)
    thing = read_thing(
        resource, tool.returns, find_noun_of_pointer(pointer, parse_tool_name(tool.name).noun), now, pointer
    )
    has_title = isinstance(resource, dict) and any(
        set(split_words(key)) & NAMING_WORDS
        or (is_id(key) and "key" in split_words(key))
        or key in ("number", "content")
        for key in resource
    )
    is_text = parse_tool_name(tool.name).noun in _TEXT_NOUNS
    return thing.label if has_title and not is_text and not thing.label.startswith("one ") else ""


def list_confirmations(tool: Tool, arguments: Mapping[str, Any], now: datetime, already_said: str) -> list[str]:
    """Lists what the user gave for a call, in words, as far as it is not said already.

    >>> from funcdex_assets.records.tool import Tool
    >>> tool = Tool(toolkit="t", name="SHARE_FILE", description="", parameters={}, returns=None, source="")
    >>> list_confirmations(tool, {"role": "reader", "bcc": ["bo@x.org"]}, datetime(2025, 1, 1), "")
    ['as reader', 'with a blind copy to bo@x.org']
    """
    if not arguments:
        return []
    thing = read_thing(_drop_texts(arguments), tool.parameters, parse_tool_name(tool.name).noun, now, needs_label=False)
    told = [f"{detail.text}" for detail in _order_confirmations(thing.details) if not _is_said(detail, already_said)]
    label = thing.label.removeprefix('"').removesuffix('"')
    if label and label not in already_said and render_constant(label) not in already_said:
        told.insert(0, thing.label)
    told += _confirm_lists(thing, tool, now)
    return [*told, *_confirm_texts(tool, arguments, already_said)]


def _drop_texts(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves out the texts and search words of the arguments; they are confirmed in another way."""
    return {
        name: value
        for name, value in arguments.items()
        if not (isinstance(value, str) and decide_field_meaning(name, {"type": "string"}).role in ("text", "query"))
    }


def _order_confirmations(details: Sequence[Detail]) -> list[Detail]:
    """Returns the details of arguments that a person wants confirmed, in the order in which they were read."""
    return [_word_argument(detail) for detail in details if detail.kind != "key"]


def _word_argument(detail: Detail) -> Detail:
    """Words a detail as what was asked for: flags by their verb, numbers by what they limit."""
    if detail.kind == "flag":
        return detail._replace(text=_word_flag(detail.text))
    if detail.kind == "setting":
        return detail._replace(text=f"{detail.name} {detail.value}".strip())
    if detail.kind == "choice" and detail.text == detail.value and detail.name and "role" not in detail.words:
        return detail._replace(text=f"{detail.name} {detail.value}")
    if detail.kind == "choice" and "role" in detail.words:
        return detail._replace(text=f"as {detail.value}")
    if detail.kind == "count" and "max" in detail.words:
        words = [word for word in detail.text.split() if word != "max"]
        return detail._replace(text=f"at most {' '.join(words)}")
    return detail


def _word_flag(form: str) -> str:
    """Words a flag of a call that was made: `don't notify users` → `not notifying users`."""
    words = form.removeprefix("don't ").removeprefix("do not ")
    if starts_with_flag_verb(words):
        verb, _, rest = words.partition(" ")
        gerund = f"{to_gerund(verb)} {rest}".strip()
        return gerund if words == form else f"not {gerund}"
    return form


def _is_said(detail: Detail, text: str) -> bool:
    """True if the value of a detail is in the text already."""
    value = (detail.value or detail.text).strip('"')
    if detail.kind == "moment":  # `Monday, May 4` is said by `May 4`
        value = value.split(", ", 1)[-1]
    return bool(value) and re.search(rf"(?<![\w.]){re.escape(value)}(?!\w)", text, re.IGNORECASE) is not None


def _confirm_lists(thing: Thing, tool: Tool, now: datetime) -> list[str]:
    """Words the objects among the arguments, such as reminders, by their fields."""
    told = []
    for name, (pointer, objects) in thing.lists.items():
        noun = " ".join(split_words(name))
        inner = [read_thing(item, tool.parameters, noun, now, f"{pointer}/{i}") for i, item in enumerate(objects)]
        texts = [" ".join([item.label, *(detail.text for detail in item.details[:3])]).strip() for item in inner]
        if any(texts):
            told.append(f"{noun} {join_words([text for text in texts if text])}")
    return told


def _confirm_texts(tool: Tool, arguments: Mapping[str, Any], already_said: str) -> list[str]:
    """Says of each text among the arguments that there is one; a short one is repeated."""
    told = []
    for name, value in arguments.items():
        if not isinstance(value, str) or decide_field_meaning(name, {"type": "string"}).role != "text":
            continue
        noun = next((word for word in reversed(split_words(name)) if word not in ("plain", "html", "markdown")), name)
        noun = "text" if noun in ("body", "content", "message", "text", "insert") else noun
        if value in already_said or re.search(
            rf"\b{re.escape(to_singular(noun))}", already_said.partition('"')[0].lower()
        ):
            continue
        if len(value) <= _LONGEST_REPEATED_TEXT and '"' not in value and "\n" not in value:
            told.append(f'{noun} "{value}"' if noun != "text" else f'"{value}"')
        elif not (noun == "text" and parse_tool_name(tool.name).action == "send"):
            told.append(f"with your {noun}")
    return told


def _list_additions(tool: Tool, result: Any, now: datetime, already_said: str) -> list[Detail]:
    """Lists what the result of an act adds to what was said: links, people, amounts, states that are not of course."""
    resource, pointer = unwrap_resource(result, parse_tool_name(tool.name).noun)
    if not isinstance(resource, dict):
        return []
    outer = {key: value for key, value in result.items() if value is not resource} if isinstance(result, dict) else {}
    noun = find_noun_of_pointer(pointer, parse_tool_name(tool.name).noun)
    thing = read_thing(resource, tool.returns, noun, now, pointer)
    around = read_thing(outer, tool.returns, noun, now).details if resource is not result and outer else []
    told: list[Detail] = []
    links = 0
    for detail in (*thing.details, *around):
        if detail.kind in (
            "flag",
            "setting",
            "zone",
            "contact",
            "replies",
            "text",
            "choice",
            "tag",
            "email",
            "phone",
            "other",
        ):
            continue
        if detail.kind == "moment" and detail.words & _ECHOED_WORDS and not detail.words & {"due", "expires"}:
            continue
        if detail.kind == "people" and detail.words & {"organizer", "creator", "author", "from", "sender", "owner"}:
            continue
        if detail.kind == "link":
            links += 1
            is_wanted = detail.words - _PLAIN_LINK_WORDS or _MADE_FOR_LINK & {
                *split_words(tool.name),
                *already_said.split(),
            }
            if links > 1 or not is_wanted:
                continue
        if detail.kind == "count" and detail.words & {"characters", "bytes"}:
            continue
        if detail.kind == "state" and (
            "_".join(detail.value.split()) in ("accepted", "queued", "sent") or detail.rank > 9
        ):
            continue
        if detail.rank >= ONLY_IF_ASKED or _is_said(detail, f"{already_said} {' '.join(other.text for other in told)}"):
            continue
        if _is_said_by_address(detail, already_said):
            continue
        if detail.kind == "state" and detail.value[:5].lower() in already_said.lower():  # `cancelled`, `canceled`
            continue
        if detail.kind == "measure" and detail.rank >= ONLY_IN_DETAIL:
            continue
        told.append(detail)
    return told[:4]


def _is_said_by_address(detail: Detail, already_said: str) -> bool:
    """True if a person's address is in the text already: `maria.lang@…` for Maria Lang."""
    if detail.kind != "people":
        return False
    names = re.split(r", | and ", detail.value)
    folded = reduce_to_ascii(already_said)
    return all(reduce_to_ascii(name.split()[-1]) in folded for name in names if name.split())


def is_pending(result: Any, tool: Tool, now: datetime) -> bool:
    """True if the service has only taken an act on: `accepted`, `queued`, `processing`."""
    resource, pointer = unwrap_resource(result, parse_tool_name(tool.name).noun)
    return read_thing(resource, tool.returns, "", now, pointer).state in PENDING_STATES


# ── titles, identifiers and texts ────────────────────────────────────────────────────────────


def find_title(result: Any, identity: Any, noun: str = "") -> str:
    """Returns the words by which people know the object with this id anywhere in a result; '' if it is not there.

    That is its title in quotes, a person's name, the number of an invoice, or, for a noun, `the subscription for Bo`.
    """
    queue = [result]
    while queue:
        node = queue.pop()
        if isinstance(node, list):
            queue += node
        elif isinstance(node, dict):
            queue += [value for value in node.values() if isinstance(value, dict | list)]
            if _has_identity(node, identity) and (title := _name_object(node, noun)):
                return title
    return ""


def _has_identity(node: Mapping[str, Any], identity: Any) -> bool:
    """True if this is the object's id: the `project_id` of a task that has an id of its own is another's."""
    ids = {key: value for key, value in node.items() if is_id(key) and not isinstance(value, list)}
    own_ids = [value for key, value in ids.items() if not parse_resource_noun(key)]
    return identity in own_ids if own_ids else identity in ids.values()


def _name_object(node: Mapping[str, Any], noun: str) -> str:
    """Names an object by its title, or by what else people would call it."""
    texts = {
        key: value
        for key, value in node.items()
        if isinstance(value, str) and 0 < len(value) < 100 and '"' not in value
    }
    titles = [
        value
        for key, value in texts.items()
        if (set(split_words(key)) & NAMING_WORDS and not is_id(key)) or key == "content"
    ]
    if titles:
        is_person = any("email" in split_words(key) or split_words(key)[:1] == ("display",) for key in node)
        return titles[0] if is_person else f'"{titles[0]}"'
    names = [value for key, value in texts.items() if decide_field_meaning(key, {"type": "string"}).role == "person"]
    if names:
        return names[0]
    if "number" in texts:
        return texts["number"]
    written = [value for key, value in texts.items() if decide_field_meaning(key, {"type": "string"}).role == "text"]
    if len(written) == 1 and len(written[0]) <= _LONGEST_RECALLABLE:
        return f'"{written[0]}"'
    person = next(
        (
            str(value["name"])
            for value in node.values()
            if isinstance(value, dict) and isinstance(value.get("name"), str) and "email" in value
        ),
        "",
    )
    return f"the {noun} for {person}" if noun and person else ""


def find_first_sentence(value: Any) -> str:
    """Returns the first sentence of the first long text in a result; '' if there is none.

    >>> find_first_sentence({"content": "Blocked until Monday. I'll chase again on Sunday, before the meeting begins."})
    'Blocked until Monday.'
    """
    text = next((leaf for _, leaf in list_scalars(value) if isinstance(leaf, str) and len(leaf) > 40), "")
    return re.split(r"(?<=[.!?])\s|\n", text.strip(), maxsplit=1)[0][:_LONGEST_QUOTE]


def _list_identifiers(value: Any) -> list[str]:
    """Lists the first two ids in a result with their names: `thread id 18c2`."""
    identifiers: list[str] = []
    for pointer, leaf in list_scalars(value):
        steps = [step for step in pointer.split("/")[1:] if not step.isdigit()]
        if steps and is_id(steps[-1]) and isinstance(leaf, str | int) and not isinstance(leaf, bool) and leaf != "":
            identifiers.append(f"{' '.join(split_words(steps[-1]))} {leaf}")
    return identifiers[:2]


# ── details that are asked for again ─────────────────────────────────────────────────────────


class RecallableDetail(NamedTuple):
    """A detail of a result that the user may ask for again: `item` had `value` as its `field`, all in words.

    If it is not the only item of the result (`is_only_item`), a question has to name it.
    """

    field: str
    value: str
    item: str
    is_only_item: bool

    def to_slots(self) -> dict[str, str]:
        """Returns the words for the slots of a template that asks for the detail."""
        return {"field": self.field, "value": self.value, "thing": self.item}


def find_recallable_details(result: Any, noun: str, now: datetime, returns: Any = None) -> list[RecallableDetail]:
    """Returns the details of a result's resource, or of its first item if it is a listing, that the user may recall.

    Long texts, links, flags, nested fields and arrays are left out; amounts are said with their currency.
    """
    page = find_page(result)
    subject, pointer = (page.items[0], f"{page.pointer}/0") if page and page.items else unwrap_resource(result, noun)
    listed_noun = page.noun if page else ""
    if not isinstance(subject, dict):
        return []
    thing = read_thing(subject, returns, listed_noun or noun, now, pointer)
    is_only = page is None or len(page.items) == 1
    item_words = thing.label or (f"that {listed_noun or noun}" if is_only else f"the first {listed_noun or noun}")
    recallable = []
    for name, leaf in subject.items():
        if isinstance(leaf, bool | list | dict) or leaf in (None, "") or is_id(name) or is_page_token(name):
            continue
        is_title = isinstance(leaf, str) and leaf in thing.label
        is_long = isinstance(leaf, str) and (len(leaf) > _LONGEST_RECALLABLE or "\n" in leaf or "://" in leaf)
        meaning = decide_field_meaning(name, {"type": "string" if isinstance(leaf, str) else "integer"})
        if is_title or is_long or to_singular(name) != name or meaning.role in ("setting", "unit"):
            continue
        words = frozenset(split_words(name))
        detail = next((detail for detail in thing.details if words <= detail.words and detail.value), None)
        if detail is None or detail.kind in ("flag", "setting") or detail.rank >= ONLY_IF_ASKED:
            continue
        value_words = _say_value(name, leaf, detail, now)
        if value_words:
            recallable.append(RecallableDetail(_render_field_name(name), value_words, item_words, is_only))
    return recallable


def _say_value(name: str, leaf: Any, detail: Detail, now: datetime) -> str:
    """Says the value of one field alone; of an interval only the end that was asked for."""
    if detail.kind == "interval":
        schema = {"format": "date-time" if len(str(leaf)) > 10 else "date"}
        forms = list_spoken_forms(name, schema, leaf, now) if re.match(r"\d{4}-", str(leaf)) else [str(leaf)]
        return forms[0]
    return detail.value if detail.kind == "text" else detail.value.strip('"')


def _render_field_name(name: str) -> str:
    """Names a field as people do: `updated_at` → `date of the last change`."""
    field_words = " ".join(split_words(name)).removesuffix(" at").removesuffix(" date").removesuffix(" time")
    return _SPOKEN_FIELD_NAMES.get(
        field_words, field_words if field_words == " ".join(split_words(name)) else f"{field_words} date"
    )
