"""`funcdex stats`: the counts of what there is."""

from funcdex_assets.cli.console import console, load_project


def print_stats() -> None:
    """Print what there is: yields by stage, calls, sources of arguments, scores, tokens and cost."""
    from funcdex_assets.cli.yields import print_yields

    print_yields(load_project(), console)
