"""What an id identifies, read from all that a schema says of it.

Here belongs the step from a field to nouns; which field fills which argument is in `graph`. An id says what
it is of by its name (`thread_id`), by the definition or the object that it is in (`$defs/Thread`, `threads[].id`), by
its description ("The ID of the thread to delete."), or by the tool it belongs to, in this order. A word before
a noun may be a role or another type: `head_revision_id` is a revision's id, but the id in a `TeamDrive` is a drive's
only where nothing else is.

>>> from funcdex_assets.records import Tool
>>> tool = Tool(toolkit="drive", name="x_y", original_name="drive.files.watch", description="", parameters={},
...             returns=None, source="")
>>> given_nouns(tool, Leaf("/id", "id", "", {}, True, kind="CalendarListEntry"))
[Noun(text='calendar', is_role=False)]
>>> given_nouns(tool, Leaf("/to", "to", "", {"type": "string"}, True, about="The ID of the target calendar to use."))
[Noun(text='target calendar', is_role=True)]
>>> taken_noun(tool, Leaf("/id", "id", "", {}, True))
'file'
"""

import re
from functools import cache
from typing import NamedTuple

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.leaves import Leaf
from funcdex_assets.schema.schema import schema_type
from funcdex_assets.schema.words import singular, words
from funcdex_assets.semantics.tool_names import is_id, parse_tool_name, resource_noun

# What a definition's name says of its place in a document, not of the thing. Not `item` or `list`: an invoice item
# is no invoice.
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
_DESCRIBED = re.compile(
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
    """`text` is singular; where `is_role`, the words before its head say what for, not what."""

    text: str
    is_role: bool


def given_nouns(tool: Tool, leaf: Leaf) -> list[Noun]:
    """What a field of the tool's result identifies; none where it is not an id."""
    described = _described(leaf)
    if not is_id(leaf.name):
        return [Noun(described, True)] if described else []
    noun = resource_noun(leaf.name)
    kind = _thing(leaf.kind)
    if noun:
        first = _qualified(noun, leaf)
    elif kind or leaf.owner:
        first = Noun(kind or leaf.owner, False)
    else:
        first = Noun(described or subject(tool), False)
    repeats = described == first.text.rpartition(" ")[2] and (noun or not kind)
    if not described or described == first.text or repeats:
        return [first]
    return [first, Noun(described, True)]


def taken_noun(tool: Tool, leaf: Leaf) -> str:
    """What an argument identifies; '' where it is not an id."""
    described = _described(leaf)
    if not is_id(leaf.name):
        return described
    return resource_noun(leaf.name) or described or leaf.owner or subject(tool)


def subject(tool: Tool) -> str:
    """What the tool works on: `messages` of `gmail.users.messages.import`, `thread` of `LIST_THREADS`."""
    segments = [segment for segment in _SEGMENTS.split(tool.original_name) if segment]
    if len(segments) > 1 and (parts := words(segments[-2])):
        return " ".join(singular(part) for part in parts)
    return parse_tool_name(tool.name).noun


def is_made_by_caller(leaf: Leaf) -> bool:
    """An id that a client makes up, so that a request is not carried out twice."""
    return _BY_CALLER.search(leaf.about) is not None


def _described(leaf: Leaf) -> str:
    if schema_type(leaf.schema) not in ("string", "integer"):
        return ""
    return _noun_in(leaf.about[:300])


@cache
def _noun_in(text: str) -> str:
    """What a description says that an id is of.

    >>> _noun_in("The unique ID of the parent folder containing the file."), _noun_in("Identifier of the (ACL) rule.")
    ('parent folder', 'rule')
    >>> _noun_in("The revision ID of the file."), _noun_in("Task identifier."), _noun_in("ID of a label's field")
    ('revision', 'task', 'label field')
    >>> _noun_in("The name of the file."), _noun_in("The ID."), _noun_in("Whether the ID of the file is known.")
    ('', '', '')
    """
    found = _DESCRIBED.match(text)
    if found is None:
        return ""
    before = [part for part in found["before"].lower().split() if part not in _ADJECTIVES]
    if not _NO_NOUNS.isdisjoint(before):
        return ""
    if before:
        return _thing(" ".join(before))
    phrase = re.sub(r"\([^()]*\)|'s?", " ", found["after"] or "").split()
    ends = next((at for at, part in enumerate(phrase) if part.lower() in _PHRASE_ENDS), len(phrase))
    return _thing(" ".join(phrase[: min(ends, 5)]))


@cache
def _thing(name: str) -> str:
    """The noun in the name of a definition.

    >>> _thing("CalendarListEntry"), _thing("SmimeInfo"), _thing("Event"), _thing("InvoiceItem")
    ('calendar', 'smime', 'event', 'invoice item')
    >>> _thing("GoalResponse"), _thing("SimplifiedAlbumObject")
    ('goal', 'album')
    """
    parts = [singular(part) for part in words(name) if not part.isdigit()]
    while len(parts) > 1 and parts[-1] in _WRAPPERS:
        parts.pop()
    while len(parts) > 1 and parts[0] in _FORMS:
        del parts[0]
    if len(parts) > 2 and parts[-2:] == ["list", "entry"]:
        parts = parts[:-2]
    return " ".join(parts)


def _qualified(noun: str, leaf: Leaf) -> Noun:
    """`label_id` within a `classification_label` is that label's: the object says which kind of label."""
    around = (_thing(leaf.kind) if leaf.kind else leaf.owner).removesuffix(" value")
    return Noun(around, False) if around.endswith(f" {noun}") else Noun(noun, True)
