"""Prints what is not there: where tools are thin, and the kinds of conversations that were asked for and made not once.

Belongs here: the printing, for all commands that tell it. What is a gap is in `catalog/definition_gaps.py`, why a kind
is missing in `reports/missing_kinds.py`.
"""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape

from funcdex_assets.catalog.definition_gaps import Gap


def print_gaps(gaps: Sequence[Gap], console: Console) -> None:
    """Prints a line for each gap that has a place; one that more than half of all places have is highlighted."""
    for gap in gaps:
        if gap.places:
            label = "[yellow]thin[/yellow]" if gap.is_of_most else "note"
            text = escape(f"{gap.describe_count()} ({gap.name_places()}); {gap.remedy}")
            console.print(f"{label} {text}", highlight=False, soft_wrap=True)


def print_missing_kinds(missing_kinds: Mapping[str, Mapping[str, str]], console: Console) -> None:
    """Prints a line for each kind that a partition has not once, with the reason; partitions of one reason together."""
    partitions: dict[tuple[str, str], list[str]] = {}
    for partition, reasons in missing_kinds.items():
        for kind, reason in reasons.items():
            partitions.setdefault((kind, reason), []).append(partition)
    for (kind, reason), names in partitions.items():
        text = escape(f"{', '.join(names)}: not one {kind}: {reason}")
        console.print(f"[yellow]missing kind[/yellow] {text}", highlight=False, soft_wrap=True)
