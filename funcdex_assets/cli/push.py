"""`funcdex push`: the latest model or release, to a repository on a Hub. Without --yes it only says what would go.

The token is read from HF_TOKEN, and the Hub's address from HF_ENDPOINT, as the Hub's own library reads them.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Column
from rich.table import Table as Grid

from funcdex_assets.cli.console import CommandError, check_subject, console, errors, format_bytes, load_project
from funcdex_assets.cli.grids import print_grid
from funcdex_assets.cli.trained_models import find_trained_model

if TYPE_CHECKING:
    from funcdex_assets.export.hub import HubRepository, PushedFile

app = typer.Typer(help="Publish the latest model or release in a repository on a Hub.", no_args_is_help=True)

PartitionArgument = Annotated[str, typer.Argument(help="A partition, or all for what is made over all of them.")]
RepositoryOption = Annotated[str, typer.Option("--repository", help="OWNER/NAME; it is made if it is not there.")]
PrivateOption = Annotated[bool, typer.Option("--private/--public", help="Who can see a repository that is made.")]
YesOption = Annotated[bool, typer.Option("--yes/--dry-run", help="Push, and not only say what would be pushed.")]
RevisionOption = Annotated[str, typer.Option(help="The branch; it is made if it is not there.")]
MessageOption = Annotated[
    str | None, typer.Option(help="Of the commit; by default what is pushed, with its id.", show_default=False)
]


@app.command("model")
def push_model(
    partition: PartitionArgument,
    repository: RepositoryOption,
    private: PrivateOption = True,
    yes: YesOption = False,
    revision: RevisionOption = "main",
    message: MessageOption = None,
    all_files: Annotated[
        bool, typer.Option("--all-files", help="Push the GGUF in float32, too, which is twice as large.")
    ] = False,
) -> None:
    """Push the partition's latest model: weights, tokenizer, chat template, GGUF and card."""
    from funcdex_assets.export.hub import HubRepository, is_large_twin, list_files

    folder = find_trained_model(load_project(), partition)
    files = list_files(folder)
    left_out = [] if all_files else [file for file in files if is_large_twin(file)]
    _push(
        [file for file in files if file not in left_out],
        HubRepository(repository, "model", private, revision),
        message or f"Model {folder.name} of {partition}",
        yes,
    )
    for file in left_out:
        console.print(
            f"left out {file.path} ({format_bytes(file.size)}); --all-files pushes it, too",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


@app.command("dataset")
def push_dataset(
    partition: PartitionArgument,
    repository: RepositoryOption,
    private: PrivateOption = True,
    yes: YesOption = False,
    revision: RevisionOption = "main",
    message: MessageOption = None,
) -> None:
    """Push the latest release of the dataset: train and test as JSONL and Parquet, and its card."""
    from funcdex_assets.export.hub import HubRepository, list_files
    from funcdex_assets.export.release_outcome import read_latest

    settings = load_project()
    check_subject(settings, partition)
    datasets = settings.home / "datasets" / partition
    release = read_latest(datasets)
    if release is None or not (datasets / release).is_dir():
        command = "funcdex materialize" if partition == "all" else f"funcdex materialize {partition}"
        raise CommandError(f"{partition} has no release; run `{command}`, or see `funcdex releases list`")
    _push(
        list_files(datasets / release),
        HubRepository(repository, "dataset", private, revision),
        message or f"{release} of {partition}",
        yes,
    )


def _push(files: "Sequence[PushedFile]", repository: "HubRepository", message: str, yes: bool) -> None:
    from funcdex_assets.export.hub import DEFAULT_ENDPOINT, HubAccess, check_repository_name, push_folder

    check_repository_name(repository.name)
    endpoint = os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or DEFAULT_ENDPOINT
    size = format_bytes(sum(file.size for file in files))
    subject = f"{len(files)} files ({size})"
    place = f"the {repository.kind} {repository.name} at {endpoint}, branch {repository.branch}"
    if not yes:
        grid = Grid(Column("file", overflow="fold"), Column("size", justify="right"))
        for file in files:
            grid.add_row(escape(file.path), format_bytes(file.size))
        print_grid(grid, console)
        seen_by = "private" if repository.private else "public"
        _print(f"would push {subject} to {place}; if it is made, it is {seen_by}")
        _print(f"nothing was sent; --yes pushes them: {message}")
        return
    access = HubAccess(endpoint, os.environ.get("HF_TOKEN", "").strip())
    push = push_folder(files, repository, access, message, show_progress=errors.is_terminal)
    _print(f"pushed {subject} to {place}, which is {'private' if push.is_private else 'public'}")
    _print(push.url)


def _print(text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
