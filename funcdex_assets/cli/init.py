"""`funcdex init`: a folder that is a project, with the settings, Dagster's two files and a place for toolkits."""

from importlib.resources import as_file, files
from pathlib import Path
from shutil import copytree
from typing import Annotated

import typer

from funcdex_assets.cli.console import CommandError, console

TEMPLATE = files("funcdex_assets").joinpath("project_template")


def create_project(
    folder: Annotated[Path, typer.Argument(help="The folder to make; it may be there, but must be empty.")],
) -> None:
    """Make a project: a folder with settings, a place for your toolkits, and a short README."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CommandError(f"{folder} is there already and is not empty; name another folder, or empty it")
    with as_file(TEMPLATE) as template:
        copytree(template, folder, dirs_exist_ok=True)
    console.print(f"{folder} is a project. Next:\n\n  cd {folder}\n  funcdex demo\n", highlight=False, soft_wrap=True)
