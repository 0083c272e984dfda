"""What a user names, as the tools in it: one text says where they are, their content says what they are.

    petstore.yaml  https://…/openapi.json     a document of any format below
    toolenv/tools/Finance                     a folder of such documents
    mcp:uvx mcp-server-time  mcp:https://…    a live MCP server, by its command or its address
    python:my_package.tools                   the functions of a Python module or file
    google:gmail  aws:s3                      what the installed Google and AWS clients bring along
    catalog:stripe.com                        an application of the big catalogue (`funcdex catalog build`)

Here belongs the choice of the loader and nothing of any format.
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
    """`recognises` looks at a document quickly; `licence` reads what it says of its use."""

    name: str
    recognises: Callable[[Any], bool]
    read: Callable[[Any], Found]
    licence: Callable[[Any], str] = lambda _: ""


class Reading(NamedTuple):
    """What a source gives, as it is read; `format` is for people."""

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
    """The tools of a toolkit; `only` are patterns of names, such as `*invoice*`, in any case."""
    patterns = [pattern.lower() for pattern in only]
    found = (
        draft
        for draft in reading.found
        if isinstance(draft, Problem) or not patterns or any(fnmatch(draft.name.lower(), one) for one in patterns)
    )
    return registered(found, Origin(toolkit, source, reading.licence))


def open_source(
    source: str, environment: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> Reading:
    """What is there; a folder and a large document are read as the tools are taken.

    `environment` and `headers` are for MCP servers: variables for a command, headers for an address.

    Raises:
        CatalogError: nothing is there, or nothing of a known format.
    """
    kind, _, rest = source.partition(":")
    if kind == "mcp":
        target = rest if rest.startswith(("http://", "https://")) else shlex.split(rest)
        return Reading("MCP server", iter(mcp_server.read_server(target, environment=environment, headers=headers)))
    if kind == "python":
        return Reading("Python functions", python_functions.read_module(rest))
    if kind in ("google", "aws"):
        document = collections.bundled(kind, rest)
        return read_document(documents.read(document.path), source)
    if source.startswith(("http://", "https://")) or not Path(source).is_dir():
        return read_document(documents.read(source), source)
    return Reading("folder", _folder(Path(source)))


def read_document(document: Any, place: str) -> Reading:
    """By the first format that takes it."""
    for form in FORMATS:
        if form.recognises(document):
            # ToolBench keeps a tool's category in the name of its folder.
            found = (
                toolbench.read(document, Path(place).parent.name)
                if form.read is toolbench.read
                else form.read(document)
            )
            return Reading(form.name, found, form.licence(document))
    raise CatalogError(
        f"{place} is of no known format ({', '.join(form.name for form in FORMATS)}): it is "
        f"{_described(document)}; see docs/catalog.md"
    )


def _folder(folder: Path) -> Found:
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in DOCUMENT_SUFFIXES and path.is_file()]
    if not paths:
        raise CatalogError(f"{folder} has no {', '.join(DOCUMENT_SUFFIXES)} files; name another folder")
    for path in paths:
        place = str(path.relative_to(folder))
        try:
            reading = read_document(documents.read(path), place)
        except CatalogError as error:
            yield Problem(place, str(error))
            continue
        for one in reading.found:
            if isinstance(one, Draft):
                yield Draft(f"{place}: {one.place}", one.name, one.description, one.parameters, one.returns, one.errors)
            else:
                yield one._replace(place=f"{place}: {one.place}")


def _described(document: Any) -> str:
    if isinstance(document, dict):
        return f"a mapping with the keys {', '.join(list(document)[:6]) or '(none)'}"
    first = f" of {type(document[0]).__name__}" if isinstance(document, list) and document else ""
    return f"a {type(document).__name__}{first}"
