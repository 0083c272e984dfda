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
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.semantics.tool_names import ACTIONS, ToolName, is_id, parse_resource_noun, parse_tool_name
from funcdex_assets.tool_graph.graph import is_same_family, to_canonical_noun

_READING_VERBS = frozenset(f"{ACTIONS['list']} {ACTIONS['get']}".split())  # tools whose verb is unknown may do anything
_EXPORTING_VERBS = frozenset("download export convert".split())
_PREPOSITIONS = frozenset("in of for from on with within".split())
_FORM_NOUNS = frozenset("plaintext text content body markdown html detail info".split())
"""Nouns for the form in which a thing is shown; they name no other thing."""
_MEMBER_NOUNS = {"thread": "message"}
"""Container noun → member noun: a listing of threads also lists messages."""


def can_read_instead(tool: Tool, substitute: Tool) -> bool:
    """Returns whether `substitute` can show what `tool` would, going by their names and toolkits.

    FETCH_EMAILS can be replaced by LIST_THREADS. The arguments are not looked at.
    """
    if tool.name == substitute.name or not is_same_family(tool.toolkit, substitute.toolkit):
        return False
    name, other_name = parse_tool_name(tool.name), parse_tool_name(substitute.name)
    if tool.toolkit != substitute.toolkit and other_name.noun not in (name.noun, _find_shown_noun(other_name)):
        return False  # a file listing may replace a document listing of another toolkit, but not the reverse
    if _FORM_NOUNS & {*other_name.words} - {*name.words}:
        return False  # the text of a document does not replace the document
    return reads_same_things(tool.name, substitute.name) and _find_restricting_words(tool) == _find_restricting_words(
        substitute
    )


@cache
def reads_same_things(tool_name: str, other_name: str) -> bool:
    """Returns whether two tools read the same kind of things, by their names."""
    first, second = parse_tool_name(tool_name), parse_tool_name(other_name)
    if first.verb not in _READING_VERBS or second.verb not in _READING_VERBS:
        return False
    if (first.verb in _EXPORTING_VERBS) != (second.verb in _EXPORTING_VERBS):
        return False
    return _find_shown_noun(first) == _find_shown_noun(second) or (
        first.action == second.action == "list" and _find_member_noun(first) == _find_member_noun(second)
    )


def is_container_of(container: str, member: str) -> bool:
    """Returns whether things of the first noun contain things of the second, as threads contain messages."""
    return _MEMBER_NOUNS.get(container) == member


def _find_shown_noun(name: ToolName) -> str:
    """Returns the canonical noun of what a tool reads: `file` for GET_DOCUMENT_PLAINTEXT."""
    nouns = [word for word in name.words if word not in _FORM_NOUNS] or [name.noun]
    return to_canonical_noun(nouns[-1])


def _find_member_noun(name: ToolName) -> str:
    """Returns the noun of what a tool reads or, if that is a container, of its members: `message` for LIST_THREADS."""
    noun = _find_shown_noun(name)
    return _MEMBER_NOUNS.get(noun, noun)


def _find_restricting_words(tool: Tool) -> frozenset[str]:
    """Returns the words of a name that restrict which things are read and are no argument: `my` of LIST_MY_TASKS."""
    name, all_words = parse_tool_name(tool.name), split_words(tool.name)
    preposition = next(
        (index for index, word in enumerate(all_words) if word in _PREPOSITIONS and index), len(all_words)
    )
    name_words = {*name.words, *map(to_singular, all_words[preposition + 1 :])} - _FORM_NOUNS
    properties = tool.parameters.get("properties", {})
    argument_words = {word for key in properties if is_id(key) for word in parse_resource_noun(key).split()}
    argument_words |= {to_singular(word) for key in properties for word in split_words(key)}
    nouns = {
        _find_shown_noun(name),
        name.noun,
        next((word for word in reversed(name.words) if word not in _FORM_NOUNS), ""),
    }
    return frozenset(name_words - argument_words - nouns - set(split_words(tool.toolkit)) - {tool.toolkit})
