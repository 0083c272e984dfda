"""Memos of root schemas: results derived from a root are kept as long as the root is in use.

Resolving and compiling the same schema again and again was most of the time of a run.
"""

import jsonschema_rs

from funcdex_assets.schema.schema import Schema

_MOST_MEMOS = 512
_memos: dict[int, "RootMemo"] = {}


class RootMemo:
    """Results derived from the parts of one schema, by the identity of the part.

    Each result is stored with its part: while the part is alive, no other object can get its id.
    """

    def __init__(self, root: Schema) -> None:
        self.root = root
        self.resolved: dict[int, tuple[Schema, Schema]] = {}
        self.standalone: dict[int, tuple[Schema, Schema]] = {}
        self.compiled: dict[int, tuple[Schema, jsonschema_rs.Draft202012Validator]] = {}
        self.links: dict[str, frozenset[str]] = {}


def find_root_memo(root: Schema) -> RootMemo:
    """Returns the memo of a root schema; makes one, and drops the oldest, if it has none."""
    memo = _memos.get(id(root))
    if memo is None or memo.root is not root:
        while len(_memos) >= _MOST_MEMOS:
            del _memos[next(iter(_memos))]
        memo = _memos[id(root)] = RootMemo(root)
    return memo
