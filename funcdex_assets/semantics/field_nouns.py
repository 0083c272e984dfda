"""Reads from a schema the noun of the thing that an id identifies, such as `thread` for `thread_id`.

Belongs here: the step from a field to nouns. Pairing fields with arguments belongs in `tool_graph/graph.py`. The noun
is read from the name of the id (`thread_id`), from the definition or the object that it is in (`$defs/Thread`,
`threads[].id`), from its description ("The ID of the thread to delete."), or from its tool, in this order. A word
before a noun may be a role or another type: `head_revision_id` is a revision's id, but the id in a `TeamDrive` is taken
for a drive's only if no other field has a drive's id.

>>> from funcdex_assets.records.tool import Tool
>>> tool = Tool(toolkit="drive", name="x_y", original_name="drive.files.watch", description="", parameters={},
...             returns=None, source="")
>>> find_result_nouns(tool, Leaf("/id", "id", "", {}, True, kind="CalendarListEntry"))
[Noun(text='calendar', is_role=False)]
>>> about = "The ID of the target calendar to use."
>>> find_result_nouns(tool, Leaf("/to", "to", "", {"type": "string"}, True, about=about))
[Noun(text='target calendar', is_role=True)]
>>> find_argument_noun(tool, Leaf("/id", "id", "", {}, True))
'file'
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from funcdex_assets.records.declared_meaning import MEANING_KEYWORD
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.leaves import Leaf
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun, parse_tool_name

# Last words of a definition's name that describe the schema and not the thing. Without `item` and `list`: an invoice
# item is no invoice.
_WRAPPERS = frozenset(
    (
        "info detail summary dto bean model output resource schema data response result compact base object entity "
        "full representation payload view read out brief basic short mini simple minimal"
    ).split()
)
_FORMS = frozenset(
    "simplified simple full minimal basic brief short detailed extended saved created updated existing base".split()
)
"""Words before a noun that say in which form a thing is, not which kind of thing."""
_ID_DESCRIPTION = re.compile(
    r"(?:required\.? |optional\.? )?(?:(?:the|an?|this) )?(?P<before>(?:[\w-]+ ){0,3}?)(?:ids?|identifiers?)"
    r"(?: \([^()]*\))?(?: (?:of|for) (?:the|an?|this|each) (?P<after>[\w/' ()-]{2,80})|[.,;]|$)",
    re.IGNORECASE,
)
_ADJECTIVES = frozenset(
    "unique immutable opaque canonical globally stable server-assigned server assigned generated numeric".split()
)
_PHRASE_ENDS = frozenset(
    (
        "that to which this in for of where whose who containing being is are was on from with by and or as within if "
        "when used you your it its has the a an at returned associated belonging"
    ).split()
)
_NO_NOUNS = frozenset("the a an whether if when of to is and or with by in any all list set".split())
_BY_CALLER = re.compile(r"\bidempoten|\brandom uuid\b|\buuid or similar\b", re.IGNORECASE)
_SEGMENTS = re.compile(r"[./:]+")


class Noun(NamedTuple):
    """The noun of a thing, singular.

    `is_role` says that the words before its head name a role and no other type: a `target calendar` is a calendar.
    """

    text: str
    is_role: bool


def find_result_nouns(tool: Tool, leaf: Leaf) -> list[Noun]:
    """Returns the nouns of the thing that a field of the tool's result identifies; empty if it is not an id."""
    declared = _read_declared_noun(leaf.schema)
    if declared is not None:
        return [Noun(declared, False)] if declared else []
    described = _find_described_noun(leaf)
    if not is_id(leaf.name):
        return [Noun(described, True)] if described else []
    noun = parse_resource_noun(leaf.name)
    definition_noun = _parse_definition_noun(leaf.kind)
    if noun:
        first = _qualify_noun(noun, leaf)
    elif definition_noun or leaf.owner:
        first = Noun(definition_noun or leaf.owner, False)
    else:
        first = Noun(described or find_subject_noun(tool), False)
    repeats = described == first.text.rpartition(" ")[2] and (noun or not definition_noun)
    if not described or described == first.text or repeats:
        return [first]
    return [first, Noun(described, True)]


def find_argument_noun(tool: Tool, leaf: Leaf) -> str:
    """Returns the noun of the thing that an argument identifies; '' if it is not an id."""
    declared = _read_declared_noun(leaf.schema)
    if declared is not None:
        return declared
    described = _find_described_noun(leaf)
    if not is_id(leaf.name):
        return described
    return parse_resource_noun(leaf.name) or described or leaf.owner or find_subject_noun(tool)


def find_subject_noun(tool: Tool) -> str:
    """Returns the noun a tool works on: `message` of `gmail.users.messages.import`, `thread` of `LIST_THREADS`."""
    segments = [segment for segment in _SEGMENTS.split(tool.original_name) if segment]
    if len(segments) > 1 and (segment_words := split_words(segments[-2])):
        return " ".join(to_singular(word) for word in segment_words)
    return parse_tool_name(tool.name).noun


def is_made_by_caller(leaf: Leaf) -> bool:
    """Returns whether the client makes up this id, so that a request is not carried out twice (an idempotency key)."""
    return _BY_CALLER.search(leaf.about) is not None


def _read_declared_noun(schema: Schema) -> str | None:
    """Returns the noun that the toolkit declares for an id; '' for what it says to be none, None if it is silent."""
    declared = schema.get(MEANING_KEYWORD)
    if not isinstance(declared, Mapping):
        return None if declared in (None, "identifier") else ""
    return (declared.get("noun") or None) if declared.get("role") == "identifier" else ""


def _find_described_noun(leaf: Leaf) -> str:
    """Returns the noun in the description of a string or integer; '' if it describes no id."""
    if schema_type(leaf.schema) not in ("string", "integer"):
        return ""
    return parse_described_noun(leaf.about[:300])


@cache
def parse_described_noun(text: str) -> str:
    """Parses a description for the noun of the thing that an id identifies; '' if it describes no id.

    >>> parse = parse_described_noun
    >>> parse("The unique ID of the parent folder containing the file."), parse("Identifier of the (ACL) rule.")
    ('parent folder', 'rule')
    >>> parse("The revision ID of the file."), parse("Task identifier."), parse("ID of a label's field")
    ('revision', 'task', 'label field')
    >>> parse("The name of the file."), parse("The ID."), parse("Whether the ID of the file is known.")
    ('', '', '')
    """
    match = _ID_DESCRIPTION.match(text)
    if match is None:
        return ""
    before = [word for word in match["before"].lower().split() if word not in _ADJECTIVES]
    if not _NO_NOUNS.isdisjoint(before):
        return ""
    if before:
        return _parse_definition_noun(" ".join(before))
    phrase = re.sub(r"\([^()]*\)|'s?", " ", match["after"] or "").split()
    end = next((index for index, word in enumerate(phrase) if word.lower() in _PHRASE_ENDS), len(phrase))
    return _parse_definition_noun(" ".join(phrase[: min(end, 5)]))


@cache
def _parse_definition_noun(name: str) -> str:
    """Parses the name of a definition for the noun of the thing that it defines.

    >>> parse = _parse_definition_noun
    >>> parse("CalendarListEntry"), parse("SmimeInfo"), parse("Event"), parse("InvoiceItem")
    ('calendar', 'smime', 'event', 'invoice item')
    >>> parse("GoalResponse"), parse("SimplifiedAlbumObject")
    ('goal', 'album')
    """
    noun_words = [to_singular(word) for word in split_words(name) if not word.isdigit()]
    while len(noun_words) > 1 and noun_words[-1] in _WRAPPERS:
        noun_words.pop()
    while len(noun_words) > 1 and noun_words[0] in _FORMS:
        del noun_words[0]
    if len(noun_words) > 2 and noun_words[-2:] == ["list", "entry"]:
        noun_words = noun_words[:-2]
    return " ".join(noun_words)


def _qualify_noun(noun: str, leaf: Leaf) -> Noun:
    """Qualifies the noun of an id by its object: `label_id` in a `classification_label` identifies such a label."""
    object_noun = (_parse_definition_noun(leaf.kind) if leaf.kind else leaf.owner).removesuffix(" value")
    return Noun(object_noun, False) if object_noun.endswith(f" {noun}") else Noun(noun, True)
