"""Which scenarios tell the same story, across batches, nights and partitions.

`neighbours.py` says of each scenario what it duplicates; here those statements become clusters. The
split of train and test puts whole clusters on one side.

>>> cluster_roots({"c": "b", "b": "a", "a": None})
{'c': 'a', 'b': 'a', 'a': 'a'}
"""

from collections.abc import Mapping


def cluster_roots(duplicate_of: Mapping[str, str | None]) -> dict[str, str]:
    """The representative of each scenario's cluster: the end of its chain of duplicates.

    An original that is not itself a key is a root. Batches replaced in turn can leave a circle (a of
    b, b of a); its smallest id is then the root, so that the answer does not depend on the order.
    """
    roots: dict[str, str] = {}
    for scenario in duplicate_of:
        path: dict[str, None] = {}
        current = scenario
        while current not in roots and current not in path:
            path[current] = None
            original = duplicate_of.get(current)
            if original is None:
                roots[current] = current
            else:
                current = original
        if current in path and current not in roots:
            circle = list(path)[list(path).index(current) :]
            roots.update(dict.fromkeys(circle, min(circle)))
        roots.update(dict.fromkeys(path, roots[current]))
    return {scenario: roots[scenario] for scenario in duplicate_of}
