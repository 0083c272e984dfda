"""`funcdex backfill`: every partition, and the release over all of them."""

from funcdex_assets.cli.console import (
    ConversationsOption,
    SeedOption,
    SelectOption,
    ShrinkOption,
    TotalOption,
    load_project,
)
from funcdex_assets.cli.making import make_partitions


def backfill_partitions(
    conversations: ConversationsOption = None,
    seed: SeedOption = None,
    select: SelectOption = None,
    allow_shrink: ShrinkOption = None,
    total: TotalOption = None,
) -> None:
    """Make every partition of funcdex.yaml, and the release over all of them."""
    settings = load_project()
    make_partitions(
        settings,
        settings.partitions,
        select,
        "funcdex backfill",
        seed=seed,
        conversations=conversations,
        allow_shrink=allow_shrink,
        total=total,
    )
