"""Questions about fields that several modules ask, each answered from the field's meaning.

Belongs here: a question that needs more than one facet of a meaning, or a name alone. How a meaning is decided is in
`field_meaning.py`; a question that one module asks stays there. Where the schema or a value is at hand, ask with it:
a name alone cannot tell the `start_at` of an event from that of a listing.

>>> is_title("event_summary"), is_title("job_title"), is_whole_text("markdown_text"), is_whole_text("content_type")
(True, False, True, False)
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from funcdex_assets.records.declared_meaning import MEANING_KEYWORD
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics import vocabulary as vocab
from funcdex_assets.semantics.field_meaning import FieldMeaning, decide_field_meaning, split_joined_words
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun

_COUNTED_PAGES = vocab.PAGE_NUMBER_NAMES - {("start", "at")}
PAST_PHASES = frozenset("created changed sent received completed cancelled deleted archived paid".split())
"""Phases of moments that have passed when the field is filled."""
MAKER_NOUNS = frozenset("owner creator author organizer organiser reporter sender lead".split())
"""People who made a thing or answer for it."""
PARTICIPANT_NOUNS = frozenset("attendee invitee participant guest collaborator watcher follower recipient".split())
"""People who take part in a thing, or whom it is addressed to."""


@cache
def read_name(name: str) -> FieldMeaning:
    """Returns the meaning of a field of which only the name is known."""
    return decide_field_meaning(name, {})


def is_page_token(name: str, schema: Schema | None = None) -> bool:
    """Returns whether a field holds what a service gives to lead to another page: `page_token`, `starting_after`.

    The number of a page is none: whoever calls counts it up without being told.
    """
    meaning = decide_field_meaning(name, schema) if schema else read_name(name)
    return meaning.role == "page_token" and split_words(name) not in _COUNTED_PAGES


def is_identifier(name: str, schema: Schema) -> bool:
    """Returns whether a field holds an identifier that a service made; its name tells, if the toolkit does not."""
    return decide_field_meaning(name, schema).role == "identifier" if MEANING_KEYWORD in schema else is_id(name)


def find_identified_noun(name: str, schema: Schema) -> str:
    """Returns the noun of the thing that an identifier identifies; '' if neither its name nor the toolkit tells."""
    return decide_field_meaning(name, schema).noun if MEANING_KEYWORD in schema else parse_resource_noun(name)


def is_query(name: str, schema: Schema | None = None) -> bool:
    """Returns whether a field holds the words or the conditions of a search: `q`, `jql`, `name_contains`."""
    return (decide_field_meaning(name, schema) if schema else read_name(name)).role == "query"


def is_title(name: str) -> bool:
    """Returns whether a text field of this name holds what its thing is called: not a label, not a job."""
    return read_name(name).role == "title"


def is_calling_name(name: str) -> bool:
    """Returns whether people call the thing by a text field of this name: a title, or the name of a person.

    >>> is_calling_name("subject"), is_calling_name("display_name"), is_calling_name("assignee")
    (True, True, False)
    """
    role = read_name(name).role
    return role == "title" or (role == "person" and split_joined_words(name)[-1] in ("name", "username"))


def is_text(name: str) -> bool:
    """Returns whether somebody writes what a text field of this name holds: `description`, `html_body`."""
    return read_name(name).role == "text"


@cache
def is_main_text(name: str) -> bool:
    """Returns whether a text field of this name holds what its thing says, and not a text beside it: a reason."""
    return read_name(name).role == "text" and _find_head_word(name) in vocab.MAIN_TEXT_WORDS


@cache
def is_whole_text(name: str) -> bool:
    """Returns whether a text field of this name holds all that its thing says, as `content` and `plain_text` do."""
    return read_name(name).role == "text" and _find_head_word(name) in vocab.TEXT_FORM_WORDS


@cache
def names_person(name: str) -> bool:
    """Returns whether a name or a noun speaks of people: `user`, `line_manager`, `attendees`."""
    return any(to_singular(word) in vocab.PERSON_NOUNS for word in split_words(name))


def names_maker(name: str, schema: Schema) -> bool:
    """Returns whether a field holds who made the thing that it is in, or answers for it."""
    meaning = decide_field_meaning(name, schema)
    return meaning.role == "person" and meaning.noun in MAKER_NOUNS


def find_span(meanings: Mapping[str, FieldMeaning]) -> tuple[str, str] | None:
    """Returns the names of the first two fields that are the start and the end of one thing; None if there are none."""
    moments = {name: meaning for name, meaning in meanings.items() if meaning.role == "moment" and not meaning.bound}
    for start, meaning in moments.items():
        if meaning.phase == "start":
            ends = (name for name, other in moments.items() if other.phase == "end" and other.noun == meaning.noun)
            end = next(ends, None)
            if end is not None:
                return start, end
    return None


def is_call_setting(name: str, value: Any) -> bool:
    """Returns whether an argument decides how one call is carried out or answered, and says nothing of the thing.

    >>> is_call_setting("notify", True), is_call_setting("send_updates", "all"), is_call_setting("mime_type", "csv")
    (True, True, False)
    """
    is_setting = isinstance(value, bool) or read_name(name).role == "setting"
    return is_setting and not vocab.CALL_SETTING_WORDS.isdisjoint(split_words(name))


def has_passed(meaning: FieldMeaning) -> bool:
    """Returns whether a field holds a moment that lies in the past."""
    return meaning.role == "moment" and meaning.phase in PAST_PHASES and not meaning.bound


def _find_head_word(name: str) -> str:
    """Returns the last word before a preposition: `text` of `text_to_insert`."""
    words = split_joined_words(name)
    end = next((index for index, word in enumerate(words) if word in vocab.PREPOSITIONS and index), len(words))
    return words[end - 1]
