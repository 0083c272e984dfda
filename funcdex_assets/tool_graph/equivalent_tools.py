"""Finds reading tools that can replace one another, so that one can be called if another fails.

Belongs here: what the names of two tools say. The arguments of the substitute call belong to the planning.

Two tools of one service read the same if their names are about the same things and restrict them alike: a search and
a listing of documents, a document and its plain text, messages and the threads that they are in. Words for the
parent (`LIST_PROJECT_TASKS`) or the key (`GET_CONTACT_BY_EMAIL`) are ignored: they are in the arguments.

>>> reads_same_things("FETCH_EMAILS", "LIST_THREADS"), reads_same_things("LIST_TASKS", "LIST_SECTIONS")
(True, False)
"""

from functools import cache

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.words import singular, words
from funcdex_assets.semantics.tool_names import ACTIONS, ToolName, is_id, parse_tool_name, resource_noun
from funcdex_assets.tool_graph.graph import canonical, same_family

_READS = frozenset(f"{ACTIONS['list']} {ACTIONS['get']}".split())  # tools whose verb is unknown may do anything
_EXPORTS = frozenset("download export convert".split())
_PREPOSITIONS = frozenset("in of for from on with within".split())
_RENDERINGS = frozenset("plaintext text content body markdown html detail info".split())
"""Nouns for the form in which a thing is shown; they name no other thing."""
_MEMBERS = {"thread": "message"}
"""Container noun → member noun: a listing of threads also lists messages."""


def reads_as_well(tool: Tool, other: Tool) -> bool:
    """Returns whether `substitute` can show what `tool` would, going by their names and toolkits.

    FETCH_EMAILS can be replaced by LIST_THREADS. The arguments are not looked at.
    """
    if tool.name == other.name or not same_family(tool.toolkit, other.toolkit):
        return False
    name, other_name = parse_tool_name(tool.name), parse_tool_name(other.name)
    if tool.toolkit != other.toolkit and other_name.noun not in (name.noun, _things(other_name)):
        return False  # a file listing may replace a document listing of another toolkit, but not the reverse
    if _RENDERINGS & {*other_name.words} - {*name.words}:
        return False  # the text of a document does not replace the document
    return same_things(tool.name, other.name) and _restriction(tool) == _restriction(other)


@cache
def same_things(one: str, other: str) -> bool:
    """Returns whether two tools read the same kind of things, by their names."""
    first, second = parse_tool_name(one), parse_tool_name(other)
    if first.verb not in _READS or second.verb not in _READS:
        return False
    if (first.verb in _EXPORTS) != (second.verb in _EXPORTS):
        return False
    return _things(first) == _things(second) or (
        first.action == second.action == "list" and _members(first) == _members(second)
    )


def holds(noun: str, other: str) -> bool:
    """Returns whether things of the first noun contain things of the second, as threads contain messages."""
    return _MEMBERS.get(noun) == other


def _things(name: ToolName) -> str:
    """Returns the canonical noun of what a tool reads: `file` for GET_DOCUMENT_PLAINTEXT."""
    nouns = [word for word in name.words if word not in _RENDERINGS] or [name.noun]
    return canonical(nouns[-1])


def _members(name: ToolName) -> str:
    """Returns the noun of what a tool reads or, if that is a container, of its members: `message` for LIST_THREADS."""
    noun = _things(name)
    return _MEMBERS.get(noun, noun)


def _restriction(tool: Tool) -> frozenset[str]:
    """Returns the words of a name that restrict which things are read and are no argument: `my` of LIST_MY_TASKS."""
    name, all_words = parse_tool_name(tool.name), words(tool.name)
    preposition = next(
        (index for index, word in enumerate(all_words) if word in _PREPOSITIONS and index), len(all_words)
    )
    name_words = {*name.words, *map(singular, all_words[preposition + 1 :])} - _RENDERINGS
    properties = tool.parameters.get("properties", {})
    argument_words = {word for key in properties if is_id(key) for word in resource_noun(key).split()}
    argument_words |= {singular(word) for key in properties for word in words(key)}
    nouns = {_things(name), name.noun, next((word for word in reversed(name.words) if word not in _RENDERINGS), "")}
    return frozenset(name_words - argument_words - nouns - set(words(tool.toolkit)) - {tool.toolkit})
