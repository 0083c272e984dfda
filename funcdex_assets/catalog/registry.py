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
from funcdex_assets.records.declared_meaning import find_declaration_flaw
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.validation import prove_schema

LONGEST_NAME = 64
LONGEST_DESCRIPTION = 4000
MOST_SCHEMA_BYTES = 2**20
"""Of one schema. The largest of 83,000 public operations is about as large; a prompt has room for a hundredth."""

_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]+")
_DIGEST_LENGTH = 6  # hexadecimal digits
_MOST_REMEMBERED = 1000  # schemas; bounds the memory that a large document's schemas are kept alive in


def register_drafts(drafts: Iterable[Draft | Problem], origin: Origin) -> Iterator[Tool | Problem]:
    """Yields the tools of one toolkit in the order of their drafts, each name once, and the problems between them."""
    used_names: set[str] = set()
    find_flaw = _SchemaChecker()
    for draft in drafts:
        if isinstance(draft, Problem):
            yield draft
            continue
        flaw = _find_parameter_flaw(draft) or find_flaw(draft.parameters)
        if flaw:
            yield Problem(draft.location, flaw)
            continue
        returns = draft.returns
        if returns is not None and (flaw := find_flaw(returns)):
            yield Problem(draft.location, f"its response schema is left out: {flaw}", lost=False)
            returns = None
        name = _disambiguate_name(derive_legal_name(draft.name), draft, used_names)
        used_names.add(name)
        yield Tool(
            toolkit=origin.toolkit,
            name=name,
            description=_normalize_description(draft.description),
            parameters=draft.parameters,
            returns=returns,
            source=origin.source,
            original_name="" if draft.name == name else draft.name[:1000],
            errors={key: schema for key, schema in draft.errors.items() if not find_flaw(schema)} or None,
            licence=origin.licence,
        )


def derive_legal_name(name: str) -> str:
    """Derives a legal OpenAI function name, 1 to 64 of `A-Za-z0-9_-`, that is as close to `name` as possible.

    A name that is too long, or has no legal letter at all, ends in a digest of the original, so that different names
    stay different.
    """
    legal = _ILLEGAL.sub("_", name.strip()).strip("_-")
    if legal and len(legal) <= LONGEST_NAME:
        return legal
    return f"{legal[: LONGEST_NAME - _DIGEST_LENGTH - 1] or 'tool'}_{_digest_text(name)}"


def _digest_text(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=8).hexdigest()[:_DIGEST_LENGTH]


def _disambiguate_name(name: str, draft: Draft, used_names: set[str]) -> str:
    """Returns the name, made unique among `used_names` where necessary.

    A digest of the draft's location is appended, so that the name does not depend on the other drafts; if that is taken
    too, a number.
    """
    if name not in used_names:
        return name
    stem = f"{name[: LONGEST_NAME - 2 * _DIGEST_LENGTH]}_{_digest_text(draft.location)}"
    name, number = stem, 2
    while name in used_names:
        name, number = f"{stem}_{number}", number + 1
    return name


def _normalize_description(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_DESCRIPTION else text[: LONGEST_DESCRIPTION - 1].rstrip() + "…"


def _find_parameter_flaw(draft: Draft) -> str:
    """Returns the reason why the parameters cannot be used; '' if they can."""
    if draft.parameters.get("type") != "object":
        return f"its arguments have type {draft.parameters.get('type')!r}, not object"
    properties = draft.parameters.get("properties", {})
    missing = [name for name in draft.parameters.get("required", ()) if name not in properties]
    if missing:
        return f"it requires the argument {missing[0]!r}, which it does not declare"
    return ""


class _SchemaChecker:
    """Returns the reason why no value can be checked against a schema; '' if one can.

    Results are remembered by the schema's identity, since the operations of a document share their result schemas.
    """

    def __init__(self) -> None:
        self._flaws_by_identity: dict[int, tuple[Any, str]] = {}

    def __call__(self, schema: Any) -> str:
        remembered = self._flaws_by_identity.get(id(schema))
        if remembered is None or remembered[0] is not schema:  # the schema is kept, so its id stays its own
            if len(self._flaws_by_identity) >= _MOST_REMEMBERED:
                self._flaws_by_identity.clear()
            remembered = self._flaws_by_identity[id(schema)] = (schema, _find_schema_flaw(schema))
        return remembered[1]


def _find_schema_flaw(schema: Any) -> str:
    """Returns the reason why a schema cannot be used: no mapping, too large, or invalid; '' if it can."""
    if not isinstance(schema, Mapping):
        return f"the schema is {str(schema)[:60]!r}"
    try:
        size = len(msgspec.json.encode(schema))
        if size > MOST_SCHEMA_BYTES:
            return f"the schema has {size:,} bytes, more than {MOST_SCHEMA_BYTES:,}"
        prove_schema(schema)
        return find_declaration_flaw(schema)
    except (ValueError, TypeError, RecursionError) as error:
        return str(error)[:300]
