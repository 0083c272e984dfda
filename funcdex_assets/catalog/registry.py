"""Drafts become tools: legal unique names, proven schemas, bounded sizes.

Here belongs what holds for every tool whatever document it comes from. A draft that cannot be mended is a
`Problem` that says where and why; the rest goes on.

>>> legal_name("users/list.All (v2)")
'users_list_All_v2'
>>> len(legal_name("a" * 99)), legal_name("日本") == legal_name("日本"), legal_name("日本") == legal_name("中国")
(64, True, False)
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from funcdex_assets.catalog.drafts import Draft, Origin, Problem
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.validation import prove

LONGEST_NAME = 64
LONGEST_DESCRIPTION = 4000
MOST_SCHEMA_BYTES = 2**20
"""Of one schema. The largest of 83,000 public operations has as much; a prompt has place for a hundredth."""

_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]+")
_DIGEST = 6
_MOST_KNOWN = 1000  # schemas


def registered(found: Iterable[Draft | Problem], origin: Origin) -> Iterator[Tool | Problem]:
    """The tools of one toolkit, each name once, in the order in which they are found."""
    taken: set[str] = set()
    unproven = _Unproven()
    for draft in found:
        if isinstance(draft, Problem):
            yield draft
            continue
        problem = _unusable(draft) or unproven(draft.parameters)
        if problem:
            yield Problem(draft.place, problem)
            continue
        returns = draft.returns
        if returns is not None and (problem := unproven(returns)):
            yield Problem(draft.place, f"its response schema is left out: {problem}", lost=False)
            returns = None
        name = _unique(legal_name(draft.name), draft, taken)
        taken.add(name)
        yield Tool(
            toolkit=origin.toolkit,
            name=name,
            description=_description(draft.description),
            parameters=draft.parameters,
            returns=returns,
            source=origin.source,
            original_name="" if draft.name == name else draft.name[:1000],
            errors={key: schema for key, schema in draft.errors.items() if not unproven(schema)} or None,
            licence=origin.licence,
        )


def legal_name(name: str) -> str:
    """What an OpenAI function may be called, as near to `name` as can be: 1 to 64 of `A-Za-z0-9_-`.

    What is cut off, or spelled in no such letter at all, leaves a digest, so that names that differ still do.
    """
    legal = _ILLEGAL.sub("_", name.strip()).strip("_-")
    if legal and len(legal) <= LONGEST_NAME:
        return legal
    return f"{legal[: LONGEST_NAME - _DIGEST - 1] or 'tool'}_{_digest(name)}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=8).hexdigest()[:_DIGEST]


def _unique(name: str, draft: Draft, taken: set[str]) -> str:
    """With a digest of the place, so that the name does not depend on what else there is; then with a number."""
    if name not in taken:
        return name
    stem = f"{name[: LONGEST_NAME - 2 * _DIGEST]}_{_digest(draft.place)}"
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}_{number}", number + 1
    return name


def _description(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_DESCRIPTION else text[: LONGEST_DESCRIPTION - 1].rstrip() + "…"


def _unusable(draft: Draft) -> str:
    if draft.parameters.get("type") != "object":
        return f"its arguments have type {draft.parameters.get('type')!r}, not object"
    properties = draft.parameters.get("properties", {})
    missing = [name for name in draft.parameters.get("required", ()) if name not in properties]
    if missing:
        return f"it requires the argument {missing[0]!r}, which it does not declare"
    return ""


class _Unproven:
    """Why no value can be checked against a schema; empty where one can.

    Remembers by identity: the operations of a document share the schemas of what they return.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, str]] = {}

    def __call__(self, schema: Any) -> str:
        known = self._known.get(id(schema))
        if known is None or known[0] is not schema:  # the schema is kept, so its id stays its own
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[id(schema)] = (schema, _why_unproven(schema))
        return known[1]


def _why_unproven(schema: Any) -> str:
    if not isinstance(schema, Mapping):
        return f"the schema is {str(schema)[:60]!r}"
    try:
        size = len(msgspec.json.encode(schema))
        if size > MOST_SCHEMA_BYTES:
            return f"the schema has {size:,} bytes, more than {MOST_SCHEMA_BYTES:,}"
        prove(schema)
    except (ValueError, TypeError, RecursionError) as error:
        return str(error)[:300]
    return ""
