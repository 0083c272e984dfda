"""`funcdex judge`: judges rows of any origin, and says how many would be accepted and why the others would not."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.markup import escape
from rich.table import Table as Grid

from funcdex_assets.cli.console import CommandError, console, load_project
from funcdex_assets.cli.grids import print_grid

if TYPE_CHECKING:
    from funcdex_assets.judging.published_rows import JudgedRow

MOST_REASONS = 20
EXAMPLES = 3


def judge_rows(
    rows: Annotated[list[Path], typer.Argument(help="Rows as JSON lines: OpenAI messages and tools.")],
    out: Annotated[
        Path | None, typer.Option(help="Write the verdict on every row there, as JSON lines: reasons, scores, turns.")
    ] = None,
) -> None:
    """Judge rows without a model: by the rules and the heuristic judge, as generated conversations are."""
    from funcdex_assets.judging.published_rows import judge_row, read_rows

    min_scores = _read_min_scores()
    judged: list[JudgedRow] = []
    unread: list[str] = []
    for path in rows:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path}: {error}") from error
        for place, row in read_rows(lines):
            verdict = judge_row(row, min_scores) if isinstance(row, dict) else row
            if isinstance(verdict, str):
                unread.append(f"{path.name}:{place}: {verdict}")
            else:
                judged.append(verdict)
    if not judged:
        raise CommandError(f"No row could be read; {unread[0] if unread else 'the files are empty'}")
    _print_decisions(judged)
    _print_reasons(judged)
    for line in unread[:EXAMPLES]:
        console.print(escape(f"not read {line}"), highlight=False, soft_wrap=True)
    if unread:
        console.print(f"{len(unread)} of {len(unread) + len(judged)} rows could not be read", highlight=False)
    if out is not None:
        out.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in judged))
        console.print(f"{out} has all {len(judged)} verdicts", highlight=False, soft_wrap=True)


def _read_min_scores() -> dict[str, int]:
    """The scores that the project here accepts; without a project, those of the defaults."""
    from funcdex_assets.settings.judging import MinScores
    from funcdex_assets.settings.settings import find_settings_path

    there_is_a_project = find_settings_path().exists()
    return (load_project().judging.min_scores if there_is_a_project else MinScores()).model_dump()


def _print_decisions(judged: "list[JudgedRow]") -> None:
    """Prints how many rows of each kind are accepted, and the mean of each score."""
    from funcdex_assets.records.verdict import SCALES

    grid = Grid("kind", "rows", "accepted", *SCALES, title="Verdicts")
    for kind in (*sorted({row.kind for row in judged}), ""):
        group = [row for row in judged if kind in ("", row.kind)]
        means = (f"{sum(row.scores[scale] for row in group) / len(group):.2f}" for scale in SCALES)
        grid.add_row(escape(kind or "all"), str(len(group)), str(sum(not row.reasons for row in group)), *means)
    print_grid(grid, console)


def _print_reasons(judged: "list[JudgedRow]") -> None:
    """Prints the reasons against rows, the commonest first, each with an example."""
    from funcdex_assets.judging.selection import name_reason

    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for row in judged:
        for reason in row.reasons:
            examples.setdefault(name_reason(reason), f"{row.id}: {reason.partition(': ')[2] or reason}")
        counts.update({name_reason(reason) for reason in row.reasons})
    if counts:
        grid = Grid("reason", "rows", "for example", title="Why rows are rejected")
        for name, count in counts.most_common(MOST_REASONS):
            grid.add_row(name, str(count), escape(examples.get(name, "")))
        print_grid(grid, console)
