"""The table of models: one row for each, with exact match and its interval, cost, tokens and time beside it.

Belongs here: the cells, as text and as values; terminals, Markdown and pictures only set them. Prices that are
estimates, and tokens that nobody counted, are marked with `≈`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from funcdex_assets.evaluation.comparing import Comparison
from funcdex_assets.evaluation.evaluations import Evaluation
from funcdex_assets.evaluation.figures import ARGUMENT_RIGHT
from funcdex_assets.evaluation.free_running import FreeRun
from funcdex_assets.evaluation.losses import Loss
from funcdex_assets.evaluation.metrics import CALIBRATION_ERROR, EXACT_MATCH, RIGHT_ACTION
from funcdex_assets.records.evaluation import FigureGroup, FunctionCallMatch
from funcdex_assets.records.record import Record

NOT_MEASURED = "–"
AVERAGE = "average of the per-toolkit models"


@dataclass(frozen=True)
class Column:
    """A column of the table: its head, the metric, and how a value is written."""

    head: str
    metric: str
    pattern: str = "{:.3f}"


COLUMNS = (
    Column("Function Call Match", EXACT_MATCH),
    Column("string ratio", "string_ratio"),
    Column("name", "name_match"),
    Column("argument F1", "argument_f1"),
    Column("equivalent", "equivalence"),
    Column("staged", "staged"),
    Column("right action", RIGHT_ACTION),
    Column("no-call precision", "no_call_precision"),
    Column("no-call recall", "no_call_recall"),
    Column("ask-back", "ask_back"),
    Column("recovery", "recovery"),
    Column("valid calls", "schema_validity"),
    Column("calibration error", CALIBRATION_ERROR),
    Column("answered", "answered"),
    Column("$ per 1,000", "cost_per_1000", "{:.4f}"),
    Column("prompt tokens", "prompt_tokens", "{:.0f}"),
    Column("answer tokens", "completion_tokens", "{:.0f}"),
    Column("seconds", "seconds", "{:.2f}"),
)


class TableRow(Record, frozen=True, kw_only=True):
    """A row of the table: `values` by metric; None where nothing was measured.

    `prompt_tokens_without_tools` is what remains of the prompt without its definitions (an estimate by characters, if
    they were in it), or the prompt itself.
    """

    model: str
    partition: str
    kind: str
    asked: str
    reasoning_effort: str | None
    estimated_price: bool
    items: int
    values: dict[str, float]
    low: float | None = None
    high: float | None = None
    prompt_tokens_without_tools: float | None = None


def build_rows(evaluations: Sequence[Evaluation]) -> list[TableRow]:
    """Builds the rows, in the order of the evaluations; the average of the models of partitions comes last."""
    rows = [_build_row(evaluation) for evaluation in evaluations]
    own = [row for row in rows if row.kind == "local" and row.partition]
    return [*rows, _average_rows(own)] if len(own) > 1 else rows


def list_cells(rows: Sequence[TableRow]) -> tuple[list[str], list[list[str]]]:
    """Lists the heads, and the cells of each row; columns in which nothing was measured are left out."""
    columns = [column for column in COLUMNS if any(column.metric in row.values for row in rows)]
    has_partitions = len({row.partition for row in rows}) > 1
    has_effort = any(row.reasoning_effort for row in rows)
    has_tokens = any(row.prompt_tokens_without_tools is not None for row in rows)
    heads = [
        "model",
        *(["partition"] if has_partitions else []),
        "asked",
        *(["reasoning effort"] if has_effort else []),
        "items",
        *(column.head for column in columns),
        *(["prompt tokens without tools"] if has_tokens else []),
    ]
    cells = [
        [
            row.model,
            *([row.partition or "all"] if has_partitions else []),
            row.asked,
            *([row.reasoning_effort or NOT_MEASURED] if has_effort else []),
            str(row.items),
            *(_write_cell(row, column) for column in columns),
            *([_write_remaining_tokens(row)] if has_tokens else []),
        ]
        for row in rows
    ]
    return heads, cells


def list_member_cells(evaluations: Sequence[Evaluation], group: FigureGroup) -> tuple[list[str], list[list[str]]]:
    """Lists the heads and cells of a table with a row for each kind, tool, form or source, a column for each model."""
    metric = {"kind": RIGHT_ACTION, "tool": EXACT_MATCH}.get(group, ARGUMENT_RIGHT)
    values: dict[str, dict[int, FunctionCallMatch]] = {}
    for index, evaluation in enumerate(evaluations):
        for figure in evaluation.figures:
            if figure.group == group and figure.metric == metric:
                values.setdefault(figure.member, {})[index] = figure
    heads = [group, "items", *(evaluation.model.name for evaluation in evaluations)]
    cells = [
        [
            member,
            str(max(figure.items for figure in by_model.values())),
            *(
                _write_interval(by_model[index].value, by_model[index].low, by_model[index].high)
                if index in by_model
                else NOT_MEASURED
                for index in range(len(evaluations))
            ),
        ]
        for member, by_model in sorted(values.items())
    ]
    return heads, cells


def list_comparison_cells(comparisons: Sequence[Comparison]) -> tuple[list[str], list[list[str]]]:
    """Lists the heads and cells of differences between two models."""
    if not comparisons:
        return [], []
    heads = ["metric", comparisons[0].first, comparisons[0].second, "difference", "p", "items"]
    return heads, [
        [
            comparison.metric.replace("_", " "),
            f"{comparison.first_value:.3f}",
            f"{comparison.second_value:.3f}",
            f"{comparison.difference:+.3f} [{comparison.low:+.3f}, {comparison.high:+.3f}]",
            f"{comparison.p_value:.3f}" + (" *" if comparison.is_significant else ""),
            str(comparison.items),
        ]
        for comparison in comparisons
    ]


def list_loss_cells(losses: Sequence[Loss]) -> tuple[list[str], list[list[str]]]:
    """Lists the heads and cells of what lost items have in common."""
    heads = ["what", "", "lost", "of", "value not in the text", "example"]
    return heads, [
        [loss.trait, loss.member, str(loss.lost), str(loss.items), str(loss.lost_without_value), loss.example]
        for loss in losses
    ]


def list_free_run_cells(runs: Sequence[FreeRun], name: str) -> tuple[list[str], list[list[str]]]:
    """Lists the heads and cells of free runs: over all conversations, and by kind."""
    heads = [name, "conversations", "success", "same end state", "calls made", "extra calls", "ended early"]
    groups = {"all": list(runs)}
    for kind in sorted({run.kind for run in runs if run.kind}):
        groups[kind] = [run for run in runs if run.kind == kind]
    return heads, [
        [
            group,
            str(len(members)),
            _write_share(sum(run.success for run in members), len(members)),
            _write_share(sum(run.same_state for run in members), len(members)),
            _write_share(sum(run.made for run in members), sum(run.expected for run in members)),
            str(sum(run.extra for run in members)),
            str(sum(run.failure is not None for run in members)),
        ]
        for group, members in groups.items()
        if members
    ]


def render_markdown(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """Renders a table in Markdown."""
    lines = [list(heads), ["---"] * len(heads), *(list(row) for row in cells)]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"


def render_report(evaluations: Sequence[Evaluation], comparisons: Sequence[Comparison] = ()) -> str:
    """Renders the report in Markdown: the table, figures by kind, tool, form and source, differences, and losses."""
    paragraphs = ["# Function Call Match\n", render_markdown(*list_cells(build_rows(evaluations)))]
    paragraphs.append(
        "Shares with 95 % bootstrap intervals over conversations; Function Call Match is the exact match of the set of "
        "calls, over the messages in which one is due. `≈` marks estimates.\n"
    )
    titles: dict[FigureGroup, str] = {
        "kind": "Right action by kind",
        "tool": "Exact match by tool",
        "form": "Right arguments by form",
        "source": "Right arguments by where the value was said",
    }
    for group, title in titles.items():
        heads, cells = list_member_cells(evaluations, group)
        if cells:
            paragraphs.append(f"## {title}\n\n{render_markdown(heads, cells)}")
    for second in dict.fromkeys(comparison.second for comparison in comparisons):
        of_model = [comparison for comparison in comparisons if comparison.second == second]
        paragraphs.append(
            f"## {second} against {of_model[0].first}\n\n{render_markdown(*list_comparison_cells(of_model))}"
        )
    for evaluation in evaluations:
        if evaluation.losses:
            table = render_markdown(*list_loss_cells(evaluation.losses))
            paragraphs.append(f"## What the lost items of {evaluation.model.name} have in common\n\n{table}")
    return "\n".join(paragraphs)


def encode_report(evaluations: Sequence[Evaluation], comparisons: Sequence[Comparison] = ()) -> bytes:
    """Encodes the same as JSON: models, rows of the table, all figures, differences and losses."""
    content = {
        "models": [evaluation.model for evaluation in evaluations],
        "table": build_rows(evaluations),
        "figures": [figure for evaluation in evaluations for figure in evaluation.figures],
        "comparisons": list(comparisons),
        "losses": {evaluation.model.name: evaluation.losses for evaluation in evaluations},
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=1)


def _build_row(evaluation: Evaluation) -> TableRow:
    figures = {figure.metric: figure for figure in evaluation.figures if figure.group == "all"}
    model, match = evaluation.model, figures.get(EXACT_MATCH)
    values = {metric: figure.value for metric, figure in figures.items()}
    without_tools = values.get("prompt_tokens")
    if without_tools is not None and model.asked != "nothing" and model.layout == "with_tools":
        remaining = without_tools - evaluation.definition_tokens
        without_tools = remaining if remaining > 0 else None  # a template that writes tools shorter than their JSON
    return TableRow(
        model=model.name,
        partition=model.partition,
        kind=model.kind,
        asked={"nothing": NOT_MEASURED}.get(model.asked, model.asked)
        + ("" if model.layout == "with_tools" else ", without definitions")
        + ("" if model.grammar == "free" else ", under the call grammar"),
        reasoning_effort=model.reasoning_effort,
        estimated_price=model.estimated_price,
        items=len(evaluation.items),
        values=values,
        low=match.low if match else None,
        high=match.high if match else None,
        prompt_tokens_without_tools=without_tools,
    )


def _average_rows(rows: Sequence[TableRow]) -> TableRow:
    """Averages rows, every model counting the same, as the seed's table does; it has no interval."""
    metrics = dict.fromkeys(metric for row in rows for metric in row.values)
    values = {}
    for metric in metrics:
        known = [row.values[metric] for row in rows if metric in row.values]
        values[metric] = sum(known) / len(known)
    remaining = [row.prompt_tokens_without_tools for row in rows if row.prompt_tokens_without_tools is not None]
    return TableRow(
        model=AVERAGE,
        partition="",
        kind="average",
        asked=rows[0].asked,
        reasoning_effort=None,
        estimated_price=any(row.estimated_price for row in rows),
        items=sum(row.items for row in rows),
        values=values,
        prompt_tokens_without_tools=sum(remaining) / len(remaining) if remaining else None,
    )


def _write_cell(row: TableRow, column: Column) -> str:
    value = row.values.get(column.metric)
    if value is None:
        return NOT_MEASURED
    if column.metric == EXACT_MATCH and row.low is not None and row.high is not None:
        return _write_interval(value, row.low, row.high)
    mark = "≈" if column.metric == "cost_per_1000" and row.estimated_price else ""
    return mark + column.pattern.format(value)


def _write_remaining_tokens(row: TableRow) -> str:
    if row.prompt_tokens_without_tools is None:
        return NOT_MEASURED
    return f"≈{row.prompt_tokens_without_tools:.0f}"


def _write_interval(value: float, low: float, high: float) -> str:
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _write_share(part: int, whole: int) -> str:
    return f"{part / whole:.3f} ({part} of {whole})" if whole else NOT_MEASURED
