"""How old the release may be before Dagster calls it stale, where every night is to make a new one."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import dagster as dg

from funcdex_assets.settings.settings import Nightly

RELEASES = frozenset(("dataset_release", "release_report"))
SLACK = timedelta(hours=6)
"""For the run itself, and for a late start: a night is due at the next tick, and missed six hours after."""
LOOKED_AT = 14
"""Ticks of the schedule among which the longest pause is looked for: of a line for weekdays, it is a weekend."""


def expect_every_night(assets: Sequence[dg.AssetsDefinition], nightly: Nightly) -> list[dg.AssetsDefinition]:
    """The assets, of which those over all partitions have a freshness policy if the nightly schedule is on."""
    if not nightly.enabled:
        return list(assets)
    pause = find_longest_pause(nightly)
    policy = dg.FreshnessPolicy.time_window(fail_window=pause + SLACK, warn_window=pause + SLACK / 2)
    return [
        asset.map_asset_specs(
            lambda spec: spec.replace_attributes(freshness_policy=policy) if spec.key.path[-1] in RELEASES else spec
        )
        for asset in assets
    ]


def find_longest_pause(nightly: Nightly) -> timedelta:
    """The longest time between two ticks of the schedule.

    >>> find_longest_pause(Nightly(cron="0 2 * * *"))
    datetime.timedelta(days=1)
    >>> find_longest_pause(Nightly(cron="0 2 * * mon-fri"))
    datetime.timedelta(days=3)
    """
    from croniter import croniter

    start = datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))  # any: only the distances count
    ticks = croniter(nightly.cron, start)
    moments = [ticks.get_next(datetime) for _ in range(LOOKED_AT)]
    return max(later - earlier for earlier, later in pairwise(moments))
