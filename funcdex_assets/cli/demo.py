"""`funcdex demo`: the whole pipeline for one bundle, small enough to watch."""

from funcdex_assets.cli.console import console, load_project
from funcdex_assets.cli.making import make_partitions

PREFERRED = "gmail_googledrive"
"""The bundle that a new project has; another project shows its last partition, which is a bundle if it has any."""

CONVERSATIONS = 3


def run_demo() -> None:
    """Make three conversations of one bundle, and show one of them."""
    from funcdex_assets.cli.transcript import print_example

    settings = load_project()
    partition = PREFERRED if PREFERRED in settings.partitions else settings.partitions[-1]
    make_partitions(settings, [partition], None, "funcdex demo", conversations=CONVERSATIONS)
    print_example(settings, partition, console)
