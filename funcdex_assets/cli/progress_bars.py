"""Progress of a run as bars in the terminal: one for the stages, one for the work within a stage."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from funcdex_assets.orchestration.progress_listener import ProgressListener


class ProgressBars(ProgressListener):
    """Listens to a run; use it as a context manager. Where there is no terminal, one line per stage."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("[bold]{task.description:<24}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._began = time.monotonic()
        self._all = self._progress.add_task("starting Dagster", total=None, note="")
        self._within = self._progress.add_task("", total=None, visible=False, note="")
        self.seconds = 0.0

    def __enter__(self) -> "ProgressBars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.seconds = time.monotonic() - self._began
        self._progress.stop()

    def planned(self, tables: int) -> None:
        self._progress.update(self._all, total=tables)

    def waiting(self, partition: str, holder: str) -> None:
        self._progress.update(self._all, description="waiting", note=f"{partition} is being made by {holder}")
        if not self._console.is_terminal:
            self._console.print(f"waiting: {partition} is being made by {holder}", highlight=False, soft_wrap=True)

    def started(self, stage: str, partitions: Sequence[str]) -> None:
        self._progress.update(self._all, description=stage)
        if not self._console.is_terminal:
            self._console.print(
                f"{stage}: {len(partitions)} partition{'s' if len(partitions) != 1 else ''}", highlight=False
            )

    def advanced(self, stage: str, partition: str, done: int, total: int) -> None:  # noqa: ARG002
        if done == total or done % 16 == 0:
            self._progress.update(
                self._within, visible=done < total, description=f"  {partition}", completed=done, total=total
            )

    def progressed(self, stage: str, partition: str, share: float, note: str, is_milestone: bool) -> None:  # noqa: ARG002
        self._progress.update(
            self._within,
            visible=share < 1,
            description=f"  {partition}",
            completed=round(100 * share),
            total=100,
            note=note,
        )
        if is_milestone:
            self._console.print(f"{partition}: {share:4.0%} {note}", highlight=False, soft_wrap=True)

    def finished(self, stage: str, partition: str, rows: int) -> None:  # noqa: ARG002
        self._progress.update(self._all, advance=1, note=f"{partition}: {rows} rows")
        self._progress.update(self._within, visible=False)

    def made_once(self, asset: str) -> None:
        self._progress.update(self._all, advance=1, description=asset, note="")

    def failed(self, stage: str, partition: str, reason: str) -> None:  # noqa: ARG002
        self._progress.update(self._all, advance=1, note=f"[red]{partition} failed")
