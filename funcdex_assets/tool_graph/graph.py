"""Which field of a result can fill which argument.

Edges come from what names, types and descriptions promise: an id is matched by the nouns of what it
identifies (`threads[].id` fills `thread_id`; see `nouns`), a page token by its own tool, an e-mail address or a
phone number by its format, a title by what searches or names things. An id that no edge fills makes its
tool unreachable, which is reported rather than guessed around.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from funcdex_assets.catalog.json_schema import Leaf, leaves, schema_type
from funcdex_assets.catalog.names import QUERY_WORDS, is_id, is_page_token, parse_tool_name, resource_noun, words
from funcdex_assets.catalog.results import result_schema
from funcdex_assets.records import Tool, ToolEdge
from funcdex_assets.semantics.vocabulary import CC_WORDS, TITLE_WORDS
from funcdex_assets.tool_graph.nouns import Noun, given_nouns, is_made_by_caller, taken_noun
from funcdex_assets.tool_graph.ties import without_ties

# Nouns under which services keep one and the same thing.
SYNONYMS = {
    "email": "message",
    "mail": "message",
    "document": "file",
    "doc": "file",
    "folder": "folder",
    "person": "user",
    "member": "user",
    "assignee": "user",
    "owner": "user",
    "account": "user",
    "author": "user",
    "commenter": "user",
    "creator": "user",
    "lead": "user",
    "reporter": "user",
    "watcher": "user",
}
# What is also one of these, where nothing asks for it by its own name.
KINDS_OF = {"folder": "file"}
_FAMILY_PREFIX = 5
# Things whose title says what they are about, so that it is worth searching for elsewhere.
TITLED = frozenset(
    (
        "message email mail thread draft event file document doc issue task meeting invoice folder page project group"
    ).split()
)
PEOPLE = frozenset(
    (
        "customer contact attendee invitee user member owner sender recipient creator organizer assignee "
        "reporter author guest host profile billing participant people person from to collaborator"
    ).split()
)


class _Source(NamedTuple):
    """A field of a result under one of the nouns that may ask for it."""

    tool: Tool
    leaf: Leaf
    noun: str  # as it is spelled
    factor: float  # less than one where only the head of the noun is asked for
    at_home: bool  # only within its own toolkit
    if_alone: bool  # only where nothing else in its toolkit is exactly that


def build_graph(tools: Sequence[Tool]) -> list[ToolEdge]:
    """All edges among the tools, strongest first within a target argument; deterministic."""
    sources = [(tool, leaf) for tool in tools for leaf in leaves(result_schema(tool))]
    targets = [(tool, list(leaves(tool.parameters))) for tool in tools]
    index = _Index(sources, [(tool, leaf) for tool, taken in targets for leaf in taken])
    edges: list[ToolEdge] = []
    for target, taken in targets:
        roots = [leaf.path for leaf in taken if leaf.required and is_service_id(leaf)][:1]
        for leaf in taken:
            edges += _edges_into(target, leaf, not leaf.required or leaf.path in roots, sources, index)
    return without_ties(edges, {tool.name: tool for tool in tools})


def needed_ids(tool: Tool) -> list[str]:
    """Paths of the required arguments that hold an identifier, which only an earlier result can give."""
    return [leaf.path for leaf in leaves(tool.parameters) if leaf.required and is_service_id(leaf)]


def canonical(noun: str) -> str:
    """One noun for all names of the same thing: `email` and `message` are one."""
    head, _, last = noun.rpartition(" ")
    return f"{head} {SYNONYMS.get(last, last)}".strip()


def is_service_id(leaf: Leaf) -> bool:
    """An id that nobody knows by heart: no default, no enum, no value that a person would say."""
    if not is_id(leaf.name) or not ({"default", "const", "enum"}.isdisjoint(leaf.schema)) or is_made_by_caller(leaf):
        return False
    if leaf.schema.get("format") == "uri" and not resource_noun(leaf.name):
        return False  # a link, which people have at hand
    return leaf.schema.get("format") not in ("email", "date", "date-time")


class _Index:
    """The ids that results hold, by what they identify."""

    def __init__(self, sources: Sequence[tuple[Tool, Leaf]], targets: Sequence[tuple[Tool, Leaf]]) -> None:
        self._asked = {(tool.toolkit, canonical(taken_noun(tool, leaf))) for tool, leaf in targets}
        self._by_noun: dict[str, list[_Source]] = defaultdict(list)
        self._plain: set[tuple[str, str]] = set()
        for tool, leaf in sources:
            for noun in given_nouns(tool, leaf):
                self._add(tool, leaf, noun)

    def of(self, noun: str) -> list[_Source]:
        return [
            source
            for source in self._by_noun.get(noun, ())
            if not (source.if_alone and (source.tool.toolkit, noun) in self._plain)
        ]

    def _add(self, tool: Tool, leaf: Leaf, noun: Noun) -> None:
        whole = canonical(noun.text)
        self._by_noun[whole].append(_Source(tool, leaf, noun.text, 1.0, at_home=False, if_alone=False))
        self._plain.add((tool.toolkit, whole))
        parts = noun.text.split()
        heads = [canonical(" ".join(parts[index:])) for index in range(1, len(parts))]
        in_name = noun.is_role and is_id(leaf.name) and resource_noun(leaf.name) == noun.text
        for head in heads:
            self._by_noun[head].append(_Source(tool, leaf, noun.text, 0.7, not in_name, not noun.is_role))
        kind = (heads or [whole])[-1]
        if kind in KINDS_OF and (tool.toolkit, kind) not in self._asked and tool.returns is not None:
            self._by_noun[KINDS_OF[kind]].append(_Source(tool, leaf, noun.text, 0.6, at_home=True, if_alone=False))


def _edges_into(
    target: Tool,
    leaf: Leaf,
    is_root: bool,
    sources: Sequence[tuple[Tool, Leaf]],
    index: _Index,
) -> list[ToolEdge]:
    """`is_root`: the argument's id is one by itself, not only within what another required argument says."""

    def edge(source: Tool, from_leaf: Leaf, kind: str, weight: float, reason: str) -> ToolEdge:
        return ToolEdge(
            source_tool=source.name,
            source_path=from_leaf.path,
            target_tool=target.name,
            target_path=leaf.path,
            kind=kind,  # type: ignore[arg-type]
            weight=weight,
            reason=reason,
        )

    found: list[ToolEdge] = []
    if _is_page(leaf):
        for source, from_leaf in sources:
            if source.name == target.name and _is_page(from_leaf) and _same_type(from_leaf, leaf):
                found.append(edge(source, from_leaf, "page", 0.3, "the next page of the same listing"))
    elif _takes_id(leaf) and (noun := taken_noun(target, leaf)):
        known: dict[tuple[str, str], ToolEdge] = {}
        for candidate, weight in _noun_candidates(noun):
            for source in index.of(candidate):
                other_service = source.tool.toolkit != target.toolkit
                if other_service and not (
                    is_root and not source.at_home and same_family(source.tool.toolkit, target.toolkit)
                ):
                    continue
                if weight < 1 and source.factor < 1:  # two kinds of gateway are not each other
                    continue
                if not _same_type(source.leaf, leaf) or _same_format_broken(source.leaf, leaf):
                    continue
                strength = weight * source.factor * (0.8 if source.factor == 1 and source.noun != noun else 1.0)
                strength = round(strength * (0.6 if other_service else 1.0), 3)
                key = (source.tool.name, source.leaf.path)
                if key not in known or known[key].weight < strength:
                    reason = f"id of a {source.noun} for {leaf.name}"
                    known[key] = edge(source.tool, source.leaf, "id", strength, reason)
        found += known.values()
    elif (leaf.schema.get("format") == "email" or _is_phone(leaf)) and not CC_WORDS & set(words(leaf.name)):
        kind = "phone" if _is_phone(leaf) else "email"
        for source, from_leaf in sources:
            same = _is_phone(from_leaf) if kind == "phone" else from_leaf.schema.get("format") == "email"
            if same and source.name != target.name:
                found.append(
                    edge(
                        source,
                        from_leaf,
                        "address",
                        0.4,
                        f"{kind} address of {from_leaf.owner or 'the result'}",
                    )
                )
    elif schema_type(leaf.schema) == "string" and _takes_title(target, leaf):
        for source, from_leaf in sources:
            if source.name != target.name and _gives_title(source, from_leaf, target):
                found.append(
                    edge(
                        source,
                        from_leaf,
                        "text",
                        0.2,
                        f"{from_leaf.name} of the {from_leaf.owner or 'result'} as {leaf.name}",
                    )
                )
    return sorted(found, key=lambda item: (-item.weight, item.source_tool, item.source_path))


def _takes_title(target: Tool, leaf: Leaf) -> bool:
    if "enum" in leaf.schema or "pattern" in leaf.schema or _concerns_people(target, leaf):
        return False
    if leaf.schema.get("maxLength", 200) < 100:  # a title from elsewhere may be longer
        return False
    searches = set(words(leaf.name)) & QUERY_WORDS
    return bool(searches) or (leaf.path.count("/") == 1 and leaf.name in ("subject", "title", "summary"))


def _gives_title(source: Tool, leaf: Leaf, target: Tool) -> bool:
    about = leaf.owner.rpartition(" ")[2] or parse_tool_name(source.name).noun
    return (
        bool(set(words(leaf.name)) & TITLE_WORDS)
        and about in TITLED
        and about != parse_tool_name(target.name).noun
        and schema_type(leaf.schema) == "string"
        and "enum" not in leaf.schema
        and leaf.path.count("/") <= 4
        and not _concerns_people(source, leaf)
    )


def _concerns_people(tool: Tool, leaf: Leaf) -> bool:
    named = {
        *words(leaf.owner),
        *words(leaf.name),
        *(parse_tool_name(tool.name).words if not leaf.owner else ()),
    }
    return bool(PEOPLE & {*named, *(word.removesuffix("s") for word in named)})


def _is_phone(leaf: Leaf) -> bool:
    return str(leaf.schema.get("pattern", "")).startswith("^\\+") or leaf.schema.get("format") == "phone"


def _is_page(leaf: Leaf) -> bool:
    """`start_at` is the place in a listing in one service and the beginning of an event in another."""
    return is_page_token(leaf.name) and leaf.schema.get("format") not in ("date", "date-time", "time")


def _same_type(source: Leaf, target: Leaf) -> bool:
    return schema_type(source.schema) == schema_type(target.schema)


def same_family(one: str, other: str) -> bool:
    """Whether two services share their ids: `googledrive` and `googledocs` do, `asana` and `jira` do not."""
    return one[:_FAMILY_PREFIX] == other[:_FAMILY_PREFIX]


def _same_format_broken(source: Leaf, target: Leaf) -> bool:
    wanted = target.schema.get("format")
    return wanted is not None and source.schema.get("format") != wanted


def _takes_id(leaf: Leaf) -> bool:
    fixed = {"const", "enum"} & set(leaf.schema) or leaf.schema.get("default") == "me"
    return not fixed and not is_made_by_caller(leaf)


def _noun_candidates(noun: str) -> list[tuple[str, float]]:
    """Canonical nouns that may fill it: itself, then its head (`parent folder` → `folder`)."""
    parts = noun.split()
    return [(canonical(" ".join(parts[index:])), 1.0 if index == 0 else 0.7) for index in range(len(parts))]
