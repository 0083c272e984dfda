"""Which side of the split a conversation is on.

Chains are held out by a hash of their tools (`tool_graph/chains.py`), so a chain is on one side in
every partition and every night. Should a scenario cluster have members on both sides, the train side
gives way.
"""

from collections.abc import Sequence

import msgspec

from funcdex_assets.records import DatasetRow, ParsedConversation


def split_rows(parsed: Sequence[ParsedConversation]) -> list[DatasetRow]:
    """Every conversation with its split; a train conversation of a test cluster is left out."""
    test_clusters = {row.cluster_id for row in parsed if row.held_out}
    return [
        DatasetRow(**msgspec.structs.asdict(row), split="test" if row.held_out else "train")
        for row in parsed
        if row.held_out or row.cluster_id not in test_clusters
    ]
