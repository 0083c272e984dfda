"""Tells arguments that people say from those that only programs care about, by what the document says of them.

Belongs here: the reading of one argument's name, description and schema. An argument is sayable unless the document
says that it is technical; an id or a page token is given by an earlier result, and counts as sayable here, because it
is not what makes a definition thin.

>>> is_sayable("account_type", {"type": "string", "enum": ["checking", "savings"]}, {})
True
>>> is_sayable("idempotency_key", {"type": "string"}, {})
False
"""

import re

from funcdex_assets.schema.references import resolve_schema
from funcdex_assets.schema.schema import Schema, schema_type
from funcdex_assets.schema.words import split_words
from funcdex_assets.semantics.field_roles import is_page_token, is_query
from funcdex_assets.semantics.tool_names import is_id

# In names. `type` and `mode` are not among them: an account type and a heating mode are what requests are about.
_TECHNICAL_WORDS = frozenset(
    "idempotency cursor offset fields expand verbose corpora alt pretty metadata etag callback checksum nonce".split()
)
_TECHNICAL_DESCRIPTION = re.compile(
    r"\b(?:idempoten\w*|field mask|opaque|base64\w*|for internal use|internal use only|for debugging|reserved for|"
    r"deprecated|do not (?:use|set)|callback (?:url|function)|json.encoded|serialized)\b",
    re.IGNORECASE,
)
_PROGRAM_FORMATS = frozenset(("byte", "binary", "regex", "json-pointer", "uri-template", "google-fieldmask"))
_CODE = re.compile(r"[=;{}<>|]|^[A-Z_]{3,}:")  # in an example: only a program would write such a value


def is_sayable(name: str, schema: Schema, root: Schema) -> bool:
    """Returns False if the document says that the argument is technical: by its name, description, format or examples,
    or because there is nothing to choose (a constant, an object of unknown fields).
    """
    resolved = resolve_schema(schema, root)
    if set(split_words(name)) & _TECHNICAL_WORDS:
        return is_page_token(name, resolved)
    if is_id(name) or is_page_token(name, resolved):
        return True
    if resolved.get("readOnly") or resolved.get("deprecated") or resolved.get("format") in _PROGRAM_FORMATS:
        return False
    if _TECHNICAL_DESCRIPTION.search(str(resolved.get("description") or "")):
        return False
    if "const" in resolved or len(resolved.get("enum") or (0, 0)) < 2:
        return False
    if schema_type(resolved) == "object" and not resolved.get("properties"):
        return False
    items = resolved.get("items")
    items = resolve_schema(items, root) if isinstance(items, dict) else {}
    examples = resolved.get("examples") or items.get("examples") or ()
    has_own_words = is_query(name, resolved) and "filter" not in split_words(name)  # a person's words are put into it
    return has_own_words or not any(isinstance(example, str) and _CODE.search(example) for example in examples)
