"""Orders edges of equal weight into one argument by how alike the descriptions of its ends are.

Belongs here: the last resort, if names and types say the same of two results. The likeness is the cosine of embeddings.
It never adds an edge and never outweighs a difference in weight. Weights themselves belong to `graph`.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from funcdex_assets.embedding.hashed_ngrams import HashedNgrams
from funcdex_assets.records.tool import Tool, ToolEdge
from funcdex_assets.schema.references import schema_at
from funcdex_assets.schema.schema import Schema
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.result_schema import complete_result_schema

MAX_WEIGHT_LOSS = 0.03  # share of its weight that an edge loses at most


def break_ties(edges: Sequence[ToolEdge], tools: Mapping[str, Tool]) -> list[ToolEdge]:
    """Returns the edges, strongest first within an argument; of equal edges the less alike lose up to 3 % of weight."""
    groups: dict[tuple[str, str], list[ToolEdge]] = defaultdict(list)
    for edge in edges:
        groups[edge.target_tool, edge.target_path].append(edge)
    texts: dict[str, int] = {}

    def number_text(tool: Tool, schema: Schema, path: str) -> int:
        """Returns the number of the text that describes a field of a tool."""
        field_schema = schema_at(schema, path) or {}
        name = " ".join(split_words(path.rsplit("/", 1)[-1]))
        return texts.setdefault(f"{tool.description} {name}: {field_schema.get('description', '')}", len(texts))

    tied: dict[tuple[str, str, str, str], tuple[int, int]] = {}
    for (name, path), group in groups.items():
        alike = Counter(edge.weight for edge in group)
        for edge in group:
            if alike[edge.weight] > 1:
                source = tools[edge.source_tool]
                source_text = number_text(source, complete_result_schema(source), edge.source_path)
                tied[_identify_edge(edge)] = number_text(tools[name], tools[name].parameters, path), source_text
    if not tied:
        return list(edges)
    vectors = HashedNgrams().embed(list(texts))

    def lower_weight(edge: ToolEdge) -> ToolEdge:
        """Lowers the weight of a tied edge in proportion to how unlike the descriptions of its ends are."""
        pair = tied.get(_identify_edge(edge))
        if pair is None:
            return edge
        unlike = 1 - float(vectors[pair[0]] @ vectors[pair[1]])
        return replace(edge, weight=round(edge.weight * (1 - MAX_WEIGHT_LOSS * unlike), 4))

    return [
        edge for group in groups.values() for edge in sorted(map(lower_weight, group), key=lambda edge: -edge.weight)
    ]


def _identify_edge(edge: ToolEdge) -> tuple[str, str, str, str]:
    return edge.source_tool, edge.source_path, edge.target_tool, edge.target_path
