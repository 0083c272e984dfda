"""`funcdex materialize`: the tables and the datasets of some partitions."""

from typing import Annotated

import typer

from funcdex_assets.cli.console import (
    ConversationsOption,
    SeedOption,
    SelectOption,
    ShrinkOption,
    TotalOption,
    choose_partitions,
    console,
    load_project,
)
from funcdex_assets.cli.making import make_partitions


def materialize_partitions(
    partitions: Annotated[list[str], typer.Argument(help="Toolkits or bundles, e.g. gmail gmail_googledrive.")],
    conversations: ConversationsOption = None,
    seed: SeedOption = None,
    select: SelectOption = None,
    allow_shrink: ShrinkOption = None,
    total: TotalOption = None,
    example: Annotated[bool, typer.Option(help="Show one conversation at the end.")] = False,
) -> None:
    """Make the tables and the dataset of the named partitions."""
    settings = load_project()
    chosen = choose_partitions(settings, partitions)
    make_partitions(
        settings,
        chosen,
        select,
        f"funcdex materialize {' '.join(chosen)}",
        seed=seed,
        conversations=conversations,
        allow_shrink=allow_shrink,
        total=total,
    )
    if example:
        from funcdex_assets.cli.transcript import print_example

        print_example(settings, chosen[0], console)
