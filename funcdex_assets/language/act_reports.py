"""Sentences about acts: what was done to what, what of it the user gave, and what the result adds.

Here belongs the confirmation of a call that changed something. What was looked up is told in `result_reports`. The
phrasebook's templates say what was done; after them come the values that the user gave and that a person wants
confirmed: `Shared "Roof" with bo@x.org (as reader, valid until Friday).`
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from funcdex_assets.language import values
from funcdex_assets.language.lexicon import fill_slots, find_slots, load_phrasebook, reduce_to_ascii
from funcdex_assets.language.request_phrases import render_tool_infinitive, to_gerund
from funcdex_assets.language.result_details import (
    ONLY_IF_ASKED,
    ONLY_IN_DETAIL,
    PENDING_STATES,
    Detail,
    Thing,
    find_noun_of_pointer,
    read_thing,
    unwrap_resource,
)
from funcdex_assets.language.result_values import join_words, render_constant
from funcdex_assets.language.spoken_values import starts_with_flag_verb
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.field_meaning import decide_field_meaning
from funcdex_assets.semantics.field_roles import is_calling_name
from funcdex_assets.semantics.tool_names import is_id, parse_tool_name

_LONGEST_REPEATED_TEXT = 60  # characters of a user's own text that is repeated when it is confirmed
_TEXT_NOUNS = frozenset("body text message content comment reply".split())
_KEYED_LABEL = re.compile(r'[A-Z][A-Z0-9]*-?\d* "|[A-Z][A-Z0-9]*-\d+$')
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


def report_act(
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
        else end_sentence(f"{wording}: {', '.join(facts)}")
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
        is_calling_name(key) or (is_id(key) and "key" in split_words(key)) or key in ("number", "content")
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


def end_sentence(text: str) -> str:
    """Adds a full stop, unless a quoted sentence ends the text."""
    return text if text.endswith(('."', '!"', '?"')) else f"{text}."
