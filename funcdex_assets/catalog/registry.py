"""Turns drafts into tools: legal unique names, proven schemas, bounded sizes.

Here belongs what must hold for every tool, whatever document it comes from. A draft that cannot be made usable
becomes a `Problem` that says where and why; the other drafts are not affected.

>>> derive_legal_name("users/list.All (v2)")
'users_list_All_v2'
>>> len(derive_legal_name("a" * 99)), derive_legal_name("日本") == derive_legal_name("日本")
(64, True)
>>> derive_legal_name("日本") == derive_legal_name("中国")
False
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
"""Of one schema. The largest of 83,000 public operations is about as large; a prompt has room for a hundredth."""

_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]+")
_DIGEST = 6  # hexadecimal digits
_MOST_KNOWN = 1000  # schemas; bounds the memory that a large document's schemas are kept alive in


def registered(found: Iterable[Draft | Problem], origin: Origin) -> Iterator[Tool | Problem]:
    """Yields the tools of one toolkit in the order of their drafts, each name once, and the problems between them."""
    used_names: set[str] = set()
    find_flaw = _Unproven()
    for draft in found:
        if isinstance(draft, Problem):
            yield draft
            continue
        flaw = _unusable(draft) or find_flaw(draft.parameters)
        if flaw:
            yield Problem(draft.place, flaw)
            continue
        returns = draft.returns
        if returns is not None and (flaw := find_flaw(returns)):
            yield Problem(draft.place, f"its response schema is left out: {flaw}", lost=False)
            returns = None
        name = _unique(legal_name(draft.name), draft, used_names)
        used_names.add(name)
        yield Tool(
            toolkit=origin.toolkit,
            name=name,
            description=_description(draft.description),
            parameters=draft.parameters,
            returns=returns,
            source=origin.source,
            original_name="" if draft.name == name else draft.name[:1000],
            errors={key: schema for key, schema in draft.errors.items() if not find_flaw(schema)} or None,
            licence=origin.licence,
        )


def legal_name(name: str) -> str:
    """Derives a legal OpenAI function name, 1 to 64 of `A-Za-z0-9_-`, that is as close to `name` as possible.

    A name that is too long, or has no legal letter at all, ends in a digest of the original, so that different names
    stay different.
    """
    legal = _ILLEGAL.sub("_", name.strip()).strip("_-")
    if legal and len(legal) <= LONGEST_NAME:
        return legal
    return f"{legal[: LONGEST_NAME - _DIGEST - 1] or 'tool'}_{_digest(name)}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=8).hexdigest()[:_DIGEST]


def _unique(name: str, draft: Draft, taken: set[str]) -> str:
    """Returns the name, made unique among `used_names` where necessary.

    A digest of the draft's location is appended, so that the name does not depend on the other drafts; if that is taken
    too, a number.
    """
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
    """Returns the reason why the parameters cannot be used; '' if they can."""
    if draft.parameters.get("type") != "object":
        return f"its arguments have type {draft.parameters.get('type')!r}, not object"
    properties = draft.parameters.get("properties", {})
    missing = [name for name in draft.parameters.get("required", ()) if name not in properties]
    if missing:
        return f"it requires the argument {missing[0]!r}, which it does not declare"
    return ""


class _Unproven:
    """Returns the reason why no value can be checked against a schema; '' if one can.

    Results are remembered by the schema's identity, since the operations of a document share their result schemas.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, str]] = {}

    def __call__(self, schema: Any) -> str:
        remembered = self._known.get(id(schema))
        if remembered is None or remembered[0] is not schema:  # the schema is kept, so its id stays its own
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            remembered = self._known[id(schema)] = (schema, _why_unproven(schema))
        return remembered[1]


def _why_unproven(schema: Any) -> str:
    """Returns the reason why a schema cannot be used: no mapping, too large, or invalid; '' if it can."""
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
