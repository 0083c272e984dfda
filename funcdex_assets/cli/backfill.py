"""`funcdex backfill`: every partition, and the release over all of them."""

from funcdex_assets.cli.console import ConversationsOption, SeedOption, SelectOption, load_project
from funcdex_assets.cli.making import make_partitions


def backfill_partitions(
    conversations: ConversationsOption = None, seed: SeedOption = None, select: SelectOption = None
) -> None:
    """Make every partition of funcdex.yaml, and the release over all of them."""
    settings = load_project()
    make_partitions(settings, settings.partitions, select, seed, conversations)
