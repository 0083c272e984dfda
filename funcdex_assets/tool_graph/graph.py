"""Builds the tool graph: an edge for each field of a result that can fill an argument of a tool.

Belongs here: the edges and their weights. Reading the noun of an id belongs to `nouns`, ordering equal edges to `ties`.

Edges follow from names, types and descriptions. `threads[].id` fills `thread_id`, because both identify a thread. A
page token is filled only by a result of its own tool, an e-mail address or a phone number by a field of that format, a
search query or a title by a title. An id that no edge fills makes its tool unreachable, which is reported and not
guessed at.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from funcdex_assets.records.row_failures import RowFailure, make_each, work_without_failing
from funcdex_assets.records.tool import Tool, ToolEdge
from funcdex_assets.schema.leaves import Leaf, walk_leaves
from funcdex_assets.schema.schema import schema_type
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_meaning import decide_field_meaning
from funcdex_assets.semantics.field_nouns import Noun, find_argument_noun, find_result_nouns, is_made_by_caller
from funcdex_assets.semantics.field_roles import is_identifier, is_page_token, names_person
from funcdex_assets.semantics.result_schema import complete_result_schema
from funcdex_assets.semantics.tool_names import is_id, parse_resource_noun, parse_tool_name
from funcdex_assets.semantics.vocabulary import CC_WORDS, USER_ROLE_NOUNS
from funcdex_assets.tool_graph.ties import break_ties

# Noun → the one under which it is compared, because services use both for the same thing.
CANONICAL_NOUNS = {
    "email": "message",
    "mail": "message",
    "document": "file",
    "doc": "file",
    "folder": "folder",
    "account": "user",
    **dict.fromkeys(USER_ROLE_NOUNS, "user"),
}
# Narrower noun → broader noun: a folder's id fills a file's if no argument of its toolkit asks for a folder.
BROADER_NOUNS = {"folder": "file"}
_FAMILY_PREFIX = 5  # letters: tells `googledrive` and `googledocs` from `asana`
# Nouns whose title is worth searching for in another tool: a message's subject, but not a label's name.
TITLED_NOUNS = frozenset(
    (
        "message email mail thread draft event file document doc issue task meeting invoice folder page project group"
    ).split()
)


class _ResultField(NamedTuple):
    """A field of a result, under one of the nouns by which arguments can ask for it."""

    tool: Tool
    leaf: Leaf
    noun: str  # in full, as it is spelled: `parent folder`
    factor: float  # of the edge's weight; less than one if only the head of the noun, `folder`, is asked for
    own_toolkit_only: bool  # fills arguments of its own toolkit only
    only_if_unique: bool  # fills arguments only if no other field of its toolkit has exactly the noun that is asked for


def build_graph(tools: Sequence[Tool]) -> list[ToolEdge]:
    """Returns all edges among the tools, strongest first within a target argument; deterministic."""
    return connect_tools(tools)[0]


def connect_tools(tools: Sequence[Tool]) -> tuple[list[ToolEdge], list[RowFailure]]:
    """Returns the edges as `build_graph` does, and what has no edges because it failed: tools, or pairs of fields."""
    fields, unreadable = work_without_failing(tools, _collect_fields, lambda tool: tool.name)

    def find_edges_of_target(target: tuple[Tool, list[Leaf]]) -> list[ToolEdge]:
        tool, arguments = target
        roots = [leaf.path for leaf in arguments if leaf.required and is_service_id(leaf)][:1]
        return [
            edge
            for leaf in arguments
            for edge in _find_edges_into(
                tool, leaf, not leaf.required or leaf.path in roots, fields.sources, fields.ids
            )
        ]

    pairs, unreached = make_each(fields.targets, find_edges_of_target, lambda target: target[0].name)
    tool_by_name = {tool.name: tool for tool in tools}
    edges, untied = work_without_failing(
        [edge for _, into_target in pairs for edge in into_target],
        lambda some_edges: break_ties(some_edges, tool_by_name),
        lambda edge: f"{edge.source_tool}{edge.source_path} > {edge.target_tool}{edge.target_path}",
    )
    return edges, [*unreadable, *unreached, *untied]


def find_needed_ids(tool: Tool) -> list[str]:
    """Returns the paths of required arguments that hold an id, which only an earlier result can give."""
    return [leaf.path for leaf in walk_leaves(tool.parameters) if leaf.required and is_service_id(leaf)]


def to_canonical_noun(noun: str) -> str:
    """Replaces the last word of a noun by the one under which it is compared: `unread email` → `unread message`."""
    head, _, last = noun.rpartition(" ")
    return f"{head} {CANONICAL_NOUNS.get(last, last)}".strip()


def is_service_id(leaf: Leaf) -> bool:
    """Returns whether an argument holds an id that the service made and no person would say: no default, no enum."""
    if (
        not is_identifier(leaf.name, leaf.schema)
        or not ({"default", "const", "enum"}.isdisjoint(leaf.schema))
        or is_made_by_caller(leaf)
    ):
        return False
    if leaf.schema.get("format") == "uri" and not parse_resource_noun(leaf.name):
        return False  # a link, which people can paste
    return leaf.schema.get("format") not in ("email", "date", "date-time")


class _IdIndex:
    """The ids in results, by the canonical nouns of the things that they identify."""

    def __init__(self, sources: Sequence[tuple[Tool, Leaf]], targets: Sequence[tuple[Tool, Leaf]]) -> None:
        self._asked_nouns = {
            (tool.toolkit, to_canonical_noun(find_argument_noun(tool, leaf))) for tool, leaf in targets
        }
        self._by_noun: dict[str, list[_ResultField]] = defaultdict(list)
        self._exact_nouns: set[tuple[str, str]] = set()
        for tool, leaf in sources:
            for noun in find_result_nouns(tool, leaf):
                self._add_field(tool, leaf, noun)

    def find_fields(self, noun: str) -> list[_ResultField]:
        """Returns the fields that can fill an argument with this noun."""
        return [
            source
            for source in self._by_noun.get(noun, ())
            if not (source.only_if_unique and (source.tool.toolkit, noun) in self._exact_nouns)
        ]

    def _add_field(self, tool: Tool, leaf: Leaf, noun: Noun) -> None:
        """Adds a field under its noun, under each head of it, and under the broader noun if nothing asks for it."""
        full_noun = to_canonical_noun(noun.text)
        self._by_noun[full_noun].append(
            _ResultField(tool, leaf, noun.text, 1.0, own_toolkit_only=False, only_if_unique=False)
        )
        self._exact_nouns.add((tool.toolkit, full_noun))
        noun_words = noun.text.split()
        heads = [to_canonical_noun(" ".join(noun_words[index:])) for index in range(1, len(noun_words))]
        in_name = noun.is_role and is_id(leaf.name) and parse_resource_noun(leaf.name) == noun.text
        for head in heads:
            self._by_noun[head].append(_ResultField(tool, leaf, noun.text, 0.7, not in_name, not noun.is_role))
        last_head = (heads or [full_noun])[-1]
        if (
            last_head in BROADER_NOUNS
            and (tool.toolkit, last_head) not in self._asked_nouns
            and tool.returns is not None
        ):
            self._by_noun[BROADER_NOUNS[last_head]].append(
                _ResultField(tool, leaf, noun.text, 0.6, own_toolkit_only=True, only_if_unique=False)
            )


class _Fields(NamedTuple):
    """The fields of results, the arguments of each tool, and the ids among the fields by what they identify."""

    sources: list[tuple[Tool, Leaf]]
    targets: list[tuple[Tool, list[Leaf]]]
    ids: _IdIndex


def _collect_fields(tools: Sequence[Tool]) -> _Fields:
    sources = [(tool, leaf) for tool in tools for leaf in walk_leaves(complete_result_schema(tool))]
    targets = [(tool, list(walk_leaves(tool.parameters))) for tool in tools]
    return _Fields(
        sources, targets, _IdIndex(sources, [(tool, leaf) for tool, arguments in targets for leaf in arguments])
    )


def _find_edges_into(
    target: Tool,
    leaf: Leaf,
    is_root: bool,
    sources: Sequence[tuple[Tool, Leaf]],
    index: _IdIndex,
) -> list[ToolEdge]:
    """Finds the edges into one argument.

    `is_root` says that its id is valid by itself, and not only within a thing that another required argument
    identifies; only such an id may come from another service of the same family.
    """

    def build_edge(source: Tool, from_leaf: Leaf, kind: str, weight: float, reason: str) -> ToolEdge:
        return ToolEdge(
            source_tool=source.name,
            source_path=from_leaf.path,
            target_tool=target.name,
            target_path=leaf.path,
            kind=kind,  # type: ignore[arg-type]
            weight=weight,
            reason=reason,
        )

    edges: list[ToolEdge] = []
    if _is_page_field(leaf):
        for source, from_leaf in sources:
            if source.name == target.name and _is_page_field(from_leaf) and _has_same_type(from_leaf, leaf):
                edges.append(build_edge(source, from_leaf, "page", 0.3, "the next page of the same listing"))
    elif _takes_id(leaf) and (noun := find_argument_noun(target, leaf)):
        best: dict[tuple[str, str], ToolEdge] = {}
        for candidate, weight in _list_noun_candidates(noun):
            for source in index.find_fields(candidate):
                other_service = source.tool.toolkit != target.toolkit
                if other_service and not (
                    is_root and not source.own_toolkit_only and is_same_family(source.tool.toolkit, target.toolkit)
                ):
                    continue
                if weight < 1 and source.factor < 1:  # `payment gateway` and `sms gateway` share a head only
                    continue
                if not _has_same_type(source.leaf, leaf) or _lacks_needed_format(source.leaf, leaf):
                    continue
                strength = weight * source.factor * (0.8 if source.factor == 1 and source.noun != noun else 1.0)
                strength = round(strength * (0.6 if other_service else 1.0), 3)
                key = (source.tool.name, source.leaf.path)
                if key not in best or best[key].weight < strength:
                    reason = f"id of a {source.noun} for {leaf.name}"
                    best[key] = build_edge(source.tool, source.leaf, "id", strength, reason)
        edges += best.values()
    elif (leaf.schema.get("format") == "email" or _is_phone_number(leaf)) and not CC_WORDS & set(
        split_words(leaf.name)
    ):
        kind = "phone" if _is_phone_number(leaf) else "email"
        for source, from_leaf in sources:
            has_kind = _is_phone_number(from_leaf) if kind == "phone" else from_leaf.schema.get("format") == "email"
            if has_kind and source.name != target.name:
                edges.append(
                    build_edge(
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
                edges.append(
                    build_edge(
                        source,
                        from_leaf,
                        "text",
                        0.2,
                        f"{from_leaf.name} of the {from_leaf.owner or 'result'} as {leaf.name}",
                    )
                )
    return sorted(edges, key=lambda item: (-item.weight, item.source_tool, item.source_path))


def _takes_title(target: Tool, leaf: Leaf) -> bool:
    """Returns whether an argument is a search query or a title, and not about people."""
    if "enum" in leaf.schema or "pattern" in leaf.schema or _concerns_people(target, leaf):
        return False
    if leaf.schema.get("maxLength", 200) < 100:  # a title from elsewhere may be longer
        return False
    is_search = decide_field_meaning(leaf.name, leaf.schema).role == "query"
    return is_search or (leaf.path.count("/") == 1 and leaf.name in ("subject", "title", "summary"))


def _gives_title(source: Tool, leaf: Leaf, target: Tool) -> bool:
    """Returns whether a field of a result is a title of another kind of thing than the target works on."""
    about = leaf.owner.rpartition(" ")[2] or parse_tool_name(source.name).noun
    return (
        decide_field_meaning(leaf.name, leaf.schema).role == "title"
        and about in TITLED_NOUNS
        and about != parse_tool_name(target.name).noun
        and schema_type(leaf.schema) == "string"
        and "enum" not in leaf.schema
        and leaf.path.count("/") <= 4
        and not _concerns_people(source, leaf)
    )


def _concerns_people(tool: Tool, leaf: Leaf) -> bool:
    """Returns whether the name of a field, or of the object that it is in, speaks of people."""
    if decide_field_meaning(leaf.name, leaf.schema).role in ("person", "email"):
        return True
    if leaf.owner:
        return decide_field_meaning(leaf.owner, {"type": "object"}).role == "person"
    return any(map(names_person, parse_tool_name(tool.name).words))


def _is_phone_number(leaf: Leaf) -> bool:
    return str(leaf.schema.get("pattern", "")).startswith("^\\+") or leaf.schema.get("format") == "phone"


def _is_page_field(leaf: Leaf) -> bool:
    """Returns whether a field is a page token; a `start_at` with the format of a date is the beginning of an event."""
    return is_page_token(leaf.name, leaf.schema)


def _has_same_type(source: Leaf, target: Leaf) -> bool:
    return schema_type(source.schema) == schema_type(target.schema)


def is_same_family(toolkit: str, other_toolkit: str) -> bool:
    """Returns whether two services share their ids: `googledrive` and `googledocs` do, `asana` and `jira` do not."""
    return toolkit[:_FAMILY_PREFIX] == other_toolkit[:_FAMILY_PREFIX]


def _lacks_needed_format(source: Leaf, target: Leaf) -> bool:
    """Returns whether the argument has a format that the field of the result does not have."""
    needed_format = target.schema.get("format")
    return needed_format is not None and source.schema.get("format") != needed_format


def _takes_id(leaf: Leaf) -> bool:
    """Returns whether an argument may be filled by an id: it is not fixed by its schema, nor made up by the caller."""
    fixed = {"const", "enum"} & set(leaf.schema) or leaf.schema.get("default") == "me"
    return not fixed and not is_made_by_caller(leaf)


def _list_noun_candidates(noun: str) -> list[tuple[str, float]]:
    """Lists the canonical nouns that can fill a noun, with weights: itself, then its heads (`folder`)."""
    noun_words = noun.split()
    return [
        (to_canonical_noun(" ".join(noun_words[index:])), 1.0 if index == 0 else 0.7)
        for index in range(len(noun_words))
    ]
