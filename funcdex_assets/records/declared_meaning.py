"""The keyword `x-meaning`, by which a tool definition itself says what a field means.

Belongs here: the words that a declaration may use, what is wrong with one, and a schema without any. What follows from
a declaration is decided in `semantics/field_meaning.py`; that a file has a wrong one is told in `catalog/load.py`.

A declaration stands in the schema of the field. It is a role, and the name tells the rest; or a mapping of `role`,
`noun`, `phase`, `bound` and `unit` that holds as it is. Models never see it: whatever is written for them is written
`without_declared_meanings`.

>>> find_declaration_flaw({"properties": {"until": {"x-meaning": {"role": "moment", "phase": "due"}}}})
''
>>> find_declaration_flaw({"properties": {"until": {"x-meaning": {"role": "moment", "phase": "late"}}}})[:60]
"the field 'until' has the x-meaning {'role': 'moment', 'phas"
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

MEANING_KEYWORD = "x-meaning"

FieldRole = Literal[
    "identifier",  # tells one thing of a service from all others: `thread_id`, `issue_key`, `invoice_number`
    "page_token",  # leads to another page of a listing: `nextPageToken`, `offset`
    "limit",  # the most items that an answer may hold: `max_results`
    "sort",  # the order of a listing: `order_by`
    "query",  # the words or conditions of a search: `q`, `name_contains`
    "title",  # the name that people call a thing by: `subject`, `label_name`
    "text",  # written by somebody: `body`, `comment`
    "person",  # somebody, or somebody's name: `assignee`, `display_name`
    "email",
    "phone",
    "company",
    "moment",  # a day, a time or both: `due_on`; see also `phase` and `bound`
    "duration",
    "zone",  # a time zone
    "state",  # one of the stages that a thing goes through: `status`
    "flag",  # yes or no
    "count",  # a number of things: `num_subtasks`
    "total",  # a number or sum of all things: `total_people`, `amount_total`
    "charge",  # added to a sum, or taken off: `tax`, `discounts`
    "amount",  # of money: `amount_due`
    "measure",  # a size, a share, a distance
    "unit",  # of an amount or a measure: `currency`
    "position",  # in an order: `index`, `section_order`
    "link",
    "path",  # of a file or a folder
    "place",  # on earth: `location`, `city`
    "tag",  # the name of a label, tag or category that things carry
    "choice",  # one of a few fixed words, unless another role explains it: `issue_type`
    "setting",  # decides how an answer is made, or matters to programs only: `fields`, `mime_type`
    "thing",  # an object, or objects, with fields of their own: `attachments`
    "other",
]
Phase = Literal[
    "created",
    "changed",
    "sent",
    "received",
    "scheduled",
    "due",
    "expires",
    "completed",
    "cancelled",
    "deleted",
    "archived",
    "paid",
    "refunded",
    "remaining",
    "start",
    "end",
]
"""What happens at a moment, or what a flag tells to have happened."""
Bound = Literal["", "from", "until"]

_ALLOWED_VALUES: Mapping[str, tuple[str, ...]] = {
    "role": get_args(FieldRole),
    "phase": get_args(Phase),
    "bound": ("from", "until"),
}
_FREE_FACETS = ("noun", "unit")
_FACETS = ("role", "noun", "phase", "bound", "unit")
_SUBSCHEMA_KEYWORDS = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
_SUBSCHEMA_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SUBSCHEMA_MAPPINGS = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")


def find_declaration_flaw(schema: Any) -> str:
    """Returns what is wrong with the first wrong declaration in a schema, with the field and what is allowed; or ''."""
    for field, declared in _list_declarations(schema, ""):
        reason = _find_flaw_of(declared)
        if reason:
            return f"the field {field!r} has the {MEANING_KEYWORD} {declared!r}: {reason}"
    return ""


def without_declared_meanings(schema: Any) -> Any:
    """Returns the schema without declarations; the same object if it has none.

    >>> without_declared_meanings({"properties": {"x-meaning": {"type": "string", "x-meaning": "title"}}})
    {'properties': {'x-meaning': {'type': 'string'}}}
    """
    return _strip_declarations(schema) if next(_list_declarations(schema, ""), None) is not None else schema


def _find_flaw_of(declared: Any) -> str:
    facets = {"role": declared} if isinstance(declared, str) else declared
    if not isinstance(facets, dict):
        return f"it must be a role or a mapping of {', '.join(_FACETS)}"
    for facet, value in facets.items():
        if facet not in _FACETS:
            return f"{facet!r} is none of {', '.join(_FACETS)}"
        if not isinstance(value, str):
            return f"its {facet} must be a text"
        allowed = _ALLOWED_VALUES.get(facet)
        if allowed is not None and value not in allowed:
            return f"the {facet} {value!r} is none of {', '.join(allowed)}"
    return "" if "role" in facets else "it has no role"


def _list_declarations(schema: Any, field: str) -> Iterator[tuple[str, Any]]:
    """Yields the path of each field with a declaration, and the declaration."""
    if not isinstance(schema, Mapping):
        return
    if MEANING_KEYWORD in schema:
        yield field, schema[MEANING_KEYWORD]
    for step, subschema in _list_subschemas(schema):
        yield from _list_declarations(subschema, f"{field}/{step}".strip("/"))


def _list_subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for keyword in _SUBSCHEMA_MAPPINGS:
        if isinstance(mapping := schema.get(keyword), Mapping):
            yield from mapping.items()
    for keyword in _SUBSCHEMA_LISTS:
        if isinstance(alternatives := schema.get(keyword), list):
            yield from (("", alternative) for alternative in alternatives)
    for keyword in _SUBSCHEMA_KEYWORDS:
        if isinstance(subschema := schema.get(keyword), Mapping):
            yield "", subschema


def _strip_declarations(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    stripped = {key: value for key, value in schema.items() if key != MEANING_KEYWORD}
    for keyword in stripped:
        value = stripped[keyword]
        if keyword in _SUBSCHEMA_MAPPINGS and isinstance(value, Mapping):
            stripped[keyword] = {name: _strip_declarations(subschema) for name, subschema in value.items()}
        elif keyword in _SUBSCHEMA_LISTS and isinstance(value, list):
            stripped[keyword] = [_strip_declarations(subschema) for subschema in value]
        elif keyword in _SUBSCHEMA_KEYWORDS:
            stripped[keyword] = _strip_declarations(value)
    return stripped
