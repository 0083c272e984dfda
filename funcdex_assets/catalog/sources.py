"""Opens any source of tool definitions that a user names, and reads the tools in it.

The text names the location; the format is recognised by the content:

    petstore.yaml  https://…/openapi.json     a document of any format below
    toolenv/tools/Finance                     a folder of such documents
    mcp:uvx mcp-server-time  mcp:https://…    a live MCP server, by its command or its address
    python:my_package.tools                   the functions of a Python module or file
    google:gmail  aws:s3                      what the installed Google and AWS clients bring along
    catalog:stripe.com                        an application of the big catalogue (`funcdex catalog build`)

Here belongs the choice of the loader; a format's own rules belong in `loaders/`. Add a new format to `FORMATS`.
"""

import shlex
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from funcdex_assets.catalog import collections, documents
from funcdex_assets.catalog.drafts import Draft, Found, Origin, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.loaders import (
    botocore_models,
    google_discovery,
    mcp_server,
    openai_functions,
    openapi,
    postman,
    python_functions,
    tool_file,
    toolbench,
)
from funcdex_assets.catalog.registry import registered
from funcdex_assets.records.tool import Tool

DOCUMENT_SUFFIXES = (".json", ".yaml", ".yml")


class Format(NamedTuple):
    """A document format: `recognises` is a quick test; `read_drafts` and `read_licence` read a document of it."""

    name: str
    recognises: Callable[[Any], bool]
    read: Callable[[Any], Found]
    licence: Callable[[Any], str] = lambda _: ""


class Reading(NamedTuple):
    """An opened source: the name of its format, for people, its drafts, which are read lazily, and its licence."""

    format: str
    found: Found
    licence: str = ""


FORMATS = (
    Format("OpenAPI", openapi.recognises, openapi.read, openapi.licence),
    Format("Google discovery", google_discovery.recognises, google_discovery.read, lambda _: "Apache-2.0"),
    Format("AWS service model", botocore_models.recognises, botocore_models.read, lambda _: "Apache-2.0"),
    Format("Postman collection", postman.recognises, postman.read),
    Format("ToolBench", toolbench.recognises, toolbench.read),
    Format("tool file", tool_file.recognises, tool_file.read, tool_file.licence),
    Format("function list", openai_functions.recognises, openai_functions.read),
)


def tools_of(reading: Reading, toolkit: str, source: str, only: tuple[str, ...] = ()) -> Iterator[Tool | Problem]:
    """Yields the tools of a source as tools of `toolkit`, and the problems.

    `name_patterns` restrict them to matching names, such as `*invoice*`; case does not matter.
    """
    patterns = [pattern.lower() for pattern in only]
    selected_drafts = (
        draft
        for draft in reading.found
        if isinstance(draft, Problem)
        or not patterns
        or any(fnmatch(draft.name.lower(), name_pattern) for name_pattern in patterns)
    )
    return registered(selected_drafts, Origin(toolkit, source, reading.licence))


def open_source(
    source: str, environment: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> Reading:
    """Opens a source; its drafts are read lazily, as they are iterated over.

    `environment` and `headers` are for MCP servers: variables for a command, headers for an address.

    Raises:
        CatalogError: nothing is there, or nothing of a known format.
    """
    scheme, _, address = source.partition(":")
    if scheme == "mcp":
        target = address if address.startswith(("http://", "https://")) else shlex.split(address)
        return Reading("MCP server", iter(mcp_server.read_server(target, environment=environment, headers=headers)))
    if scheme == "python":
        return Reading("Python functions", python_functions.read_module(address))
    if scheme in ("google", "aws"):
        document = collections.bundled(scheme, address)
        return read_document(documents.read(document.path), source)
    if source.startswith(("http://", "https://")) or not Path(source).is_dir():
        return read_document(documents.read(source), source)
    return Reading("folder", _folder(Path(source)))


def read_document(document: Any, place: str) -> Reading:
    """Reads a parsed document with the loader of the first format that recognises it.

    Raises:
        CatalogError: no format recognises it.
    """
    for form in FORMATS:
        if form.recognises(document):
            # ToolBench keeps a tool's category in the name of its folder.
            drafts = (
                toolbench.read(document, Path(place).parent.name)
                if form.read is toolbench.read
                else form.read(document)
            )
            return Reading(form.name, drafts, form.licence(document))
    raise CatalogError(
        f"{place} is of no known format ({', '.join(form.name for form in FORMATS)}): it is "
        f"{_described(document)}; see docs/catalog.md"
    )


def _folder(folder: Path) -> Found:
    """Yields the drafts of all documents below a folder, each location preceded by its file's relative path."""
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in DOCUMENT_SUFFIXES and path.is_file()]
    if not paths:
        raise CatalogError(f"{folder} has no {', '.join(DOCUMENT_SUFFIXES)} files; name another folder")
    for path in paths:
        location = str(path.relative_to(folder))
        try:
            reading = read_document(documents.read(path), location)
        except CatalogError as error:
            yield Problem(location, str(error))
            continue
        for item in reading.found:
            if isinstance(item, Draft):
                yield Draft(
                    f"{location}: {item.place}", item.name, item.description, item.parameters, item.returns, item.errors
                )
            else:
                yield Problem(f"{location}: {item.place}", item.reason, item.lost)


def _described(document: Any) -> str:
    if isinstance(document, dict):
        return f"a mapping with the keys {', '.join(list(document)[:6]) or '(none)'}"
    first = f" of {type(document[0]).__name__}" if isinstance(document, list) and document else ""
    return f"a {type(document).__name__}{first}"
