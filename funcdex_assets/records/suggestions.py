"""Guesses the name that somebody mistyped, and lists the names that there are, for an error message.

>>> suggest_name("gmial", ["gmail", "jira"])
" (did you mean 'gmail'?)"
>>> suggest_name("slack", ["gmail", "jira"])
''
>>> list_nearest_names("jra", ["gmail", "asana", "jira"], most=2)
'jira, gmail and 1 more'
"""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

MOST_LISTED = 10
"""Names in a message; a longer list hides what the message says."""
_SHORTEST_PART = 3
"""Letters of a name that stands in another one by more than chance."""


def suggest_name(mistyped: str, names: Iterable[str], prefix: str = "") -> str:
    """Names the nearest of the names in brackets, after a space; empty if none is near.

    Near are names with nearly the same letters, with the same parts in another order or joined otherwise, and names
    that contain the mistyped one or stand in it. A prefix that all names have, and that is not compared, is put before
    the nearest one.
    """
    by_lower_case = {name.lower(): name for name in names}
    nearest = _find_nearest(mistyped.lower(), list(by_lower_case))
    return f" (did you mean {prefix + by_lower_case[nearest]!r}?)" if nearest else ""


def list_nearest_names(mistyped: str, names: Iterable[str], most: int = MOST_LISTED) -> str:
    """Lists all names in their order; of more than `most`, the nearest ones first, and how many more there are."""
    listed = list(names)
    if len(listed) <= most:
        return ", ".join(listed) or "none"
    likeness = {name: SequenceMatcher(None, mistyped.lower(), name.lower()).ratio() for name in listed}
    nearest = _find_nearest(mistyped.lower(), listed)
    ordered = sorted(listed, key=lambda name: (name != nearest, -likeness[name]))
    return f"{', '.join(ordered[:most])} and {len(listed) - most} more"


def _find_nearest(mistyped: str, names: list[str]) -> str | None:
    same_parts = [name for name in names if _split_name(name) == _split_name(mistyped)]
    close = get_close_matches(mistyped, names, n=1)
    holding = [
        name
        for name in sorted(names, key=len)
        if min(len(name), len(mistyped)) >= _SHORTEST_PART and (mistyped in name or name in mistyped)
    ]
    return next(iter([*same_parts, *close, *holding]), None)


def _split_name(name: str) -> list[str]:
    return sorted(part for part in re.split(r"[^a-z0-9]+", name.lower()) if part)
