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
from funcdex_assets.catalog.drafts import Draft, DraftsAndProblems, Origin, Problem
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
from funcdex_assets.catalog.registry import register_drafts
from funcdex_assets.catalog.toolkit_terms import find_policy
from funcdex_assets.records.tool import Tool

DOCUMENT_SUFFIXES = (".json", ".yaml", ".yml")


class DocumentFormat(NamedTuple):
    """A document format: `recognises` is a quick test; `read_drafts`, `read_licence` and `read_policy` read a document
    of it, the last with its location for errors.
    """

    name: str
    recognises: Callable[[Any], bool]
    read_drafts: Callable[[Any], DraftsAndProblems]
    read_licence: Callable[[Any], str] = lambda _: ""
    read_policy: Callable[[Any, str], str] = lambda _document, _location: ""


class SourceReading(NamedTuple):
    """An opened source: the name of its format, for people, its drafts, which are read lazily, its licence, and the
    policy that is given with the tools.
    """

    format: str
    drafts: DraftsAndProblems
    licence: str = ""
    policy: str = ""


FORMATS = (
    DocumentFormat("OpenAPI", openapi.is_openapi, openapi.read_drafts, openapi.read_licence),
    DocumentFormat(
        "Google discovery", google_discovery.is_discovery_document, google_discovery.read_drafts, lambda _: "Apache-2.0"
    ),
    DocumentFormat(
        "AWS service model", botocore_models.is_service_model, botocore_models.read_drafts, lambda _: "Apache-2.0"
    ),
    DocumentFormat("Postman collection", postman.is_postman_collection, postman.read_drafts),
    DocumentFormat("ToolBench", toolbench.is_toolbench_document, toolbench.read_drafts),
    DocumentFormat("tool file", tool_file.is_tool_file, tool_file.read_drafts, tool_file.read_licence, find_policy),
    DocumentFormat(
        "function list", openai_functions.is_function_list, openai_functions.read_drafts, read_policy=find_policy
    ),
)


def read_tools(
    reading: SourceReading, toolkit: str, source: str, name_patterns: tuple[str, ...] = ()
) -> Iterator[Tool | Problem]:
    """Yields the tools of a source as tools of `toolkit`, and the problems.

    `name_patterns` restrict them to matching names, such as `*invoice*`; case does not matter.
    """
    patterns = [pattern.lower() for pattern in name_patterns]
    selected_drafts = (
        draft
        for draft in reading.drafts
        if isinstance(draft, Problem)
        or not patterns
        or any(fnmatch(draft.name.lower(), name_pattern) for name_pattern in patterns)
    )
    return register_drafts(selected_drafts, Origin(toolkit, source, reading.licence))


def open_tool_source(
    source: str, environment: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> SourceReading:
    """Opens a source; its drafts are read lazily, as they are iterated over.

    `environment` and `headers` are for MCP servers: variables for a command, headers for an address.

    Raises:
        CatalogError: nothing is there, or nothing of a known format.
    """
    scheme, _, address = source.partition(":")
    if scheme == "mcp":
        target = address if address.startswith(("http://", "https://")) else shlex.split(address)
        answer = mcp_server.ask_server(target, environment=environment, headers=headers)
        return SourceReading("MCP server", iter(answer.drafts), policy=find_policy(answer._asdict(), source))
    if scheme == "python":
        return SourceReading("Python functions", python_functions.read_module(address))
    if scheme in ("google", "aws"):
        document = collections.find_service_document(scheme, address)
        return read_document(documents.load_document(document.path), source)
    if source.startswith(("http://", "https://")) or not Path(source).is_dir():
        return read_document(documents.load_document(source), source)
    return SourceReading("folder", _read_folder(Path(source)))


def read_document(document: Any, location: str) -> SourceReading:
    """Reads a parsed document with the loader of the first format that recognises it.

    Raises:
        CatalogError: no format recognises it.
    """
    for form in FORMATS:
        if form.recognises(document):
            # ToolBench keeps a tool's category in the name of its folder.
            drafts = (
                toolbench.read_drafts(document, Path(location).parent.name)
                if form.read_drafts is toolbench.read_drafts
                else form.read_drafts(document)
            )
            return SourceReading(form.name, drafts, form.read_licence(document), form.read_policy(document, location))
    raise CatalogError(
        f"{location} is of no known format ({', '.join(form.name for form in FORMATS)}): it is "
        f"{_describe_document(document)}; see docs/catalog.md"
    )


def _read_folder(folder: Path) -> DraftsAndProblems:
    """Yields the drafts of all documents below a folder, each location preceded by its file's relative path."""
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in DOCUMENT_SUFFIXES and path.is_file()]
    if not paths:
        raise CatalogError(f"{folder} has no {', '.join(DOCUMENT_SUFFIXES)} files; name another folder")
    for path in paths:
        location = str(path.relative_to(folder))
        try:
            reading = read_document(documents.load_document(path), location)
        except CatalogError as error:
            yield Problem(location, str(error))
            continue
        for item in reading.drafts:
            if isinstance(item, Draft):
                yield Draft(
                    f"{location}: {item.location}",
                    item.name,
                    item.description,
                    item.parameters,
                    item.returns,
                    item.errors,
                )
            else:
                yield Problem(f"{location}: {item.location}", item.reason, item.lost)


def _describe_document(document: Any) -> str:
    if isinstance(document, dict):
        return f"a mapping with the keys {', '.join(list(document)[:6]) or '(none)'}"
    first = f" of {type(document[0]).__name__}" if isinstance(document, list) and document else ""
    return f"a {type(document).__name__}{first}"
