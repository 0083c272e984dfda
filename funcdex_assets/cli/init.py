"""`funcdex init`: a folder that is a project, with the settings, Dagster's two files and a place for toolkits."""

import shlex
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from funcdex_assets.cli.console import CommandError, console

TEMPLATE = files("funcdex_assets").joinpath("project_template")


def create_project(
    folder: Annotated[Path, typer.Argument(help="The folder to make; it may be there, but must be empty.")],
) -> None:
    """Make a project: a folder with settings, a place for your toolkits, and a short README."""
    try:
        if folder.exists() and not folder.is_dir():
            raise CommandError(f"{folder} is a file; name a folder")
        if folder.exists() and any(folder.iterdir()):
            raise CommandError(f"{folder} is there already and is not empty; name another folder, or empty it")
        for name, content in _list_template_files(TEMPLATE):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise CommandError(
            f"{folder} cannot be made: {error.strerror} ({error.filename}); name another folder"
        ) from None
    go = f"cd {shlex.quote(str(folder))}"
    text = f"{escape(str(folder))} is a project. Next:\n\n  {escape(go)}\n  funcdex demo\n"
    console.print(text, highlight=False, soft_wrap=True)


def _list_template_files(template: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """Yields the name and content of each file; not the bytecode that an installer may have put beside them."""
    for entry in template.iterdir():
        if entry.is_file():
            yield f"{prefix}{entry.name}", entry.read_bytes()
        elif entry.name != "__pycache__":
            yield from _list_template_files(entry, f"{prefix}{entry.name}/")
