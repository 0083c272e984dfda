"""Reads lists of functions in the formats in which they are sent to a model.

Here belong the spellings of such lists: OpenAI's two (`function` nested or flat), Anthropic's
`input_schema`, MCP's `inputSchema`, Gemini's `functionDeclarations`, Bedrock's `toolSpec`, and a bare list of
`{name, description, parameters}`. A list may stand alone, or under `tools` or `functions`.

>>> [draft.name for draft in read_drafts([{"type": "function", "function": {"name": "get_weather"}}])]
['get_weather']
"""

from collections.abc import Iterator, Mapping
from typing import Any

from funcdex_assets.catalog.drafts import Draft, DraftsAndProblems, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.loose_schema import MendedSchema, mend_arguments, mend_schema, strip_markup

_LISTS = ("tools", "functions")
_DECLARATIONS = ("functionDeclarations", "function_declarations")
_WRAPPERS = ("function", "toolSpec")
_PARAMETERS = ("parameters", "input_schema", "inputSchema", "parametersJsonSchema", "parameters_json_schema")
_RETURNS = ("returns", "output_schema", "outputSchema", "response", "responseJsonSchema", "response_json_schema")
_OUR_OWN = "toolkit"  # the project's own files name it, and are read by `load`


def is_function_list(document: Any) -> bool:
    """Tells if the document holds a list of functions, judged by its first five entries."""
    if isinstance(document, dict) and _OUR_OWN in document:
        return False
    entries = _find_entries(document)
    return entries is not None and any(
        _is_function(entry) for _, entry in zip(range(5), _flatten_entries(entries), strict=False)
    )


def read_drafts(document: Any) -> DraftsAndProblems:
    """Yields a draft for each function; one without parameters takes no arguments.

    Raises:
        CatalogError: the document holds no list of functions.
    """
    entries = _find_entries(document)
    if entries is None:
        raise CatalogError(
            f"the document is {str(document)[:60]!r}, not a list of functions; give a list of "
            "{name, description, parameters}, or a mapping with 'tools' or 'functions'"
        )
    for location, entry in _flatten_entries(entries):
        yield from draft_function(entry, location)


def draft_function(entry: Any, location: str) -> DraftsAndProblems:
    """Yields the draft of one function, then a problem for each detail that is left out of it."""
    function = _unwrap_function(entry)
    name = function.get("name") if function else None
    if not function or not isinstance(name, str) or not name.strip():
        yield Problem(location, f"{str(entry)[:60]!r} is no function with a name")
        return
    location = f"{location} {name[:100]}"
    entry_type = entry.get("type")
    schema = _find_first(function, _PARAMETERS)
    if schema is None and (
        isinstance(entry.get("custom"), dict) or entry_type not in (None, "function", "custom", "tool")
    ):
        yield Problem(location, f"it is of type {str(entry_type)[:60]!r}, which names no arguments")
        return
    try:
        parameters, left_out = mend_arguments(schema)
    except ValueError as error:
        yield Problem(location, str(error))
        return
    returns, unreadable = _mend_returns(_find_first(function, _RETURNS))
    yield Draft(location, name, _compose_description(function, name), parameters, returns)
    for omission in left_out:
        yield Problem(location, f"{omission} is left out of its arguments", lost=False)
    for omission in unreadable:
        yield Problem(location, f"{omission} is left out of its result", lost=False)


def _find_entries(document: Any) -> list[Any] | None:
    """Returns the list of functions in a document, wherever it stands; None if there is none."""
    if isinstance(document, list):
        return document
    if not isinstance(document, dict):
        return None
    for key in (*_LISTS, *_DECLARATIONS):
        if isinstance(document.get(key), list):
            return document[key]
        if isinstance(document.get(key), dict):  # by name
            return [
                {"name": name, **entry} if isinstance(entry, dict) else entry for name, entry in document[key].items()
            ]
    return [document] if _is_function(("", document)) else None


def _flatten_entries(entries: list[Any]) -> Iterator[tuple[str, Any]]:
    """Yields (location, entry) for each function; Gemini nests lists of declarations in the list of tools."""
    for index, entry in enumerate(entries):
        nested = _find_first(entry, _DECLARATIONS) if isinstance(entry, dict) else None
        if isinstance(nested, list):
            yield from (
                (f"[{index}].functionDeclarations[{position}]", declaration)
                for position, declaration in enumerate(nested)
            )
        else:
            yield f"[{index}]", entry


def _is_function(located_entry: tuple[str, Any]) -> bool:
    entry = located_entry[1]
    function = _unwrap_function(entry)
    if not function or not isinstance(function.get("name"), str):
        return False
    return function is not entry or entry.get("type") == "function" or _find_first(function, _PARAMETERS) is not None


def _unwrap_function(entry: Any) -> Mapping[str, Any]:
    if not isinstance(entry, dict):
        return {}
    return next((entry[key] for key in _WRAPPERS if isinstance(entry.get(key), dict)), entry)


def _find_first(function: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    """Returns the value of the first of the keys that is present and not null, else None."""
    value = next((function[key] for key in keys if function.get(key) is not None), None)
    wrapped = value.get("json") if isinstance(value, dict) and len(value) == 1 else None
    return wrapped if isinstance(wrapped, dict) and "type" in wrapped else value  # Bedrock: {"json": {...}}


def _mend_returns(schema: Any) -> MendedSchema | tuple[None, list[str]]:
    if not isinstance(schema, dict) or not schema:
        return None, []
    try:
        return mend_schema(schema)
    except ValueError as error:
        return None, [str(error)]


def _compose_description(function: Mapping[str, Any], name: str) -> str:
    """Joins title, description and the MCP hint that a call is destructive, which a description often leaves out."""
    annotations = function.get("annotations")
    hints = annotations if isinstance(annotations, dict) else {}
    title = strip_markup(function.get("title") or hints.get("title"))
    text = strip_markup(function.get("description"))
    letters = _keep_letters(f"{name} {text}")
    sentences = [title] if title and _keep_letters(title) not in letters else []
    sentences += [text] if text else []
    if hints.get("destructiveHint") is True and hints.get("readOnlyHint") is not True:
        sentences.append("It may change or delete what is there.")
    return " ".join(
        sentence if sentence.endswith((".", "!", "?", ":")) or len(sentences) == 1 else f"{sentence}."
        for sentence in sentences
    )


def _keep_letters(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())
