"""The bar of stages ends full, whatever a run makes."""

import io

import pytest
from rich.console import Console

from funcdex_assets.cli.progress_bars import ProgressBars


@pytest.mark.parametrize(
    ("stages", "partitions", "once"),
    [
        pytest.param(16, 2, 2, id="everything"),
        pytest.param(1, 1, 0, id="one stage"),
        pytest.param(0, 1, 1, id="the release alone"),
    ],
)
def test_it_ends_at_what_was_planned(stages, partitions, once):
    with ProgressBars(Console(file=io.StringIO(), width=80)) as bars:
        bars.planned(stages * partitions + once)
        for stage in range(stages):
            bars.started(f"stage_{stage}", ["a"] * partitions)
            for partition in range(partitions):
                bars.finished(f"stage_{stage}", f"partition_{partition}", 3)
        for asset in range(once):
            bars.made_once(f"once_{asset}")
        (task, _) = bars._progress.tasks
        assert task.finished
        assert task.completed == task.total
