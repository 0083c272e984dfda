"""Sentences about results: the assistant's report on a call, with real values of its result.

Here belongs what is told of one call: of a listing how many there are, whether there are more, and each of them; of a
thing what was asked, or what is most telling. Acts are told in `act_reports`, how a single field is said is in
`result_details`; choosing which calls are reported is the roles' task. Nothing is said that no result says:
`Here are the first 3 of 7 files: …`, not `There are 3 files`.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Any, NamedTuple

from funcdex_assets.language import values
from funcdex_assets.language.act_reports import NO_OCCASION, Occasion, end_sentence, report_act
from funcdex_assets.language.lexicon import load_lexicon_file
from funcdex_assets.language.questions import NO_QUESTION, Question, choose_details, find_asked_details, read_question
from funcdex_assets.language.result_details import (
    ONLY_IF_ASKED,
    ONLY_IN_DETAIL,
    Detail,
    Thing,
    find_noun_of_pointer,
    read_thing,
    unwrap_resource,
)
from funcdex_assets.language.result_values import find_beginning, join_words
from funcdex_assets.language.spoken_values import list_spoken_forms
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.schema.leaves import walk_leaves
from funcdex_assets.schema.words import split_words, to_plural, to_singular
from funcdex_assets.semantics.field_meaning import decide_field_meaning
from funcdex_assets.semantics.field_roles import is_calling_name, is_page_token
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun, parse_tool_name
from funcdex_assets.semantics.vocabulary import TOTAL_WORDS

MOST_DESCRIBED = 10  # items of a page; of a longer one only the titles are told
MOST_NAMED = 30  # items of a page; of a longer one it is said how many are not named
ONLY_IN_LISTING = 7  # an item of a listing is told without details of this rank or later, unless they were asked for
_LONGEST_INLINE = 260  # characters of a listing in one sentence; a longer one is written a line per item
_LONGEST_QUOTE = 160
_LONGEST_WHOLE_TEXT = 280  # characters; a longer text is told by its beginning
_LONGEST_RECALLABLE = 60
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
"""Matches a label that begins with a key that people use: `PAY-88 "Gym roof"`."""


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
        return report_act(tool, slot_words, result, now, rng, occasion)
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
    is_nested = any(is_calling_name(key) for key in listing if isinstance(listing[key], str))
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
        not any(isinstance(value, dict) or is_calling_name(key) for key, value in result.items())
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
                if isinstance(value, str) and (is_calling_name(key) or "heading" in key)
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
        sentences.append(end_sentence(f"{values.capitalize_sentence(name)}{mark}{', '.join(texts)}"))
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
    titles = [value for key, value in texts.items() if (is_calling_name(key) and not is_id(key)) or key == "content"]
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
