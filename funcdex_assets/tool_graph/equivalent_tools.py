"""Which reading tools serve the same wish, so that one can be taken where another fails.

Two tools of one service read the same where their names speak of the same things and restrict them alike: a search and
a listing of documents, a document and its plain text, messages and the threads that they are in. What a name says of
the parent (`LIST_PROJECT_TASKS`) or of the key (`GET_CONTACT_BY_EMAIL`) is left to the arguments.

>>> same_things("FETCH_EMAILS", "LIST_THREADS"), same_things("LIST_TASKS", "LIST_SECTIONS")
(True, False)
"""

from functools import cache

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.words import singular, words
from funcdex_assets.semantics.tool_names import ACTIONS, ToolName, is_id, parse_tool_name, resource_noun
from funcdex_assets.tool_graph.graph import canonical, same_family

_READS = frozenset(f"{ACTIONS['list']} {ACTIONS['get']}".split())  # an unknown verb may do anything
_EXPORTS = frozenset("download export convert".split())
_PREPOSITIONS = frozenset("in of for from on with within".split())
_RENDERINGS = frozenset("plaintext text content body markdown html detail info".split())
"""Nouns of what a thing is shown as, not of another thing."""
_MEMBERS = {"thread": "message"}
"""Things that are read for what is in them: who looks for messages may look through threads."""


def reads_as_well(tool: Tool, other: Tool) -> bool:
    """Whether `other` shows all that is asked for when `tool` is called; with which arguments is another question."""
    if tool.name == other.name or not same_family(tool.toolkit, other.toolkit):
        return False
    asked, found = parse_tool_name(tool.name), parse_tool_name(other.name)
    if tool.toolkit != other.toolkit and found.noun not in (asked.noun, _things(found)):
        return False  # files where documents are asked for, not the other way round
    if _RENDERINGS & {*found.words} - {*asked.words}:
        return False  # a document where its text is asked for
    return same_things(tool.name, other.name) and _restriction(tool) == _restriction(other)


@cache
def same_things(one: str, other: str) -> bool:
    """Whether two tools read the same kind of things, by their names."""
    first, second = parse_tool_name(one), parse_tool_name(other)
    if first.verb not in _READS or second.verb not in _READS:
        return False
    if (first.verb in _EXPORTS) != (second.verb in _EXPORTS):
        return False
    return _things(first) == _things(second) or (
        first.action == second.action == "list" and _members(first) == _members(second)
    )


def holds(noun: str, other: str) -> bool:
    """Whether things of the one kind hold things of the other: threads messages."""
    return _MEMBERS.get(noun) == other


def _things(name: ToolName) -> str:
    """The noun of what is read: of a document's plain text, `file`."""
    shown = [word for word in name.words if word not in _RENDERINGS] or [name.noun]
    return canonical(shown[-1])


def _members(name: ToolName) -> str:
    things = _things(name)
    return _MEMBERS.get(things, things)


def _restriction(tool: Tool) -> frozenset[str]:
    """The words of a name that say which of the things are meant, and that no argument says: `my` tasks."""
    name, parts = parse_tool_name(tool.name), words(tool.name)
    after = next((index for index, part in enumerate(parts) if part in _PREPOSITIONS and index), len(parts))
    said = {*name.words, *map(singular, parts[after + 1 :])} - _RENDERINGS
    properties = tool.parameters.get("properties", {})
    known = {word for key in properties if is_id(key) for word in resource_noun(key).split()}
    known |= {singular(word) for key in properties for word in words(key)}
    own = {_things(name), name.noun, next((word for word in reversed(name.words) if word not in _RENDERINGS), "")}
    return frozenset(said - known - own - set(words(tool.toolkit)) - {tool.toolkit})
