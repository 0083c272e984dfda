"""Dagster metadata to look at: pictures, tables, a tool graph and conversations.

Where matplotlib is not installed, a picture's numbers are shown as a table.
"""

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import msgspec

from funcdex_assets.catalog.definition_gaps import Gap
from funcdex_assets.judging import committee
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.dataset import ParsedConversation
from funcdex_assets.records.figures import QualityFigure
from funcdex_assets.records.message import Message
from funcdex_assets.records.tool import ToolEdge
from funcdex_assets.records.training import AnswerSample, LossPoint
from funcdex_assets.records.verdict import SCALES, ScoredConversation
from funcdex_assets.reports import plots
from funcdex_assets.reports.goals import compare_with_goal, describe_missed_goals, find_goal
from funcdex_assets.reports.other_sets import describe_others
from funcdex_assets.reports.shortcuts import SECTION

_LONGEST_JSON = 700
_ICONS = {"system": "⚙️ **System:**", "user": "🧑 **User:**", "assistant": "🤖 **Assistant:**"}


def show_counts(counts: Mapping[str, float], title: str, label: str = "") -> dg.MarkdownMetadataValue:
    """Horizontal bars, largest first."""
    if not plots.can_plot():
        largest_first = sorted(counts.items(), key=lambda item: -item[1])
        return show_table(("", label or title), largest_first)
    return _embed_png(plots.plot_counts(counts, title, label), title)


def show_scores(scores: Mapping[str, Sequence[int]], title: str) -> dg.MarkdownMetadataValue:
    """For each scale, how many conversations got 1, 2, 3, 4, 5."""
    if not plots.can_plot():
        rows = [
            (name, *(counted[score] for score in range(1, 6)))
            for name, counted in ((name, Counter(values)) for name, values in scores.items())
        ]
        return show_table((title, "1", "2", "3", "4", "5"), rows)
    return _embed_png(plots.plot_scores(scores, title), title)


def show_report_pictures(figures: Sequence[QualityFigure], name: str) -> dict[str, dg.MarkdownMetadataValue]:
    """The mix beside the wanted one, and the lengths; nothing without matplotlib, as the tables have the numbers."""
    if not plots.can_plot():
        return {}
    return {
        "plot_mix": _embed_png(plots.plot_mix(figures, f"Mix, {name}"), "mix"),
        "plot_length": _embed_png(plots.plot_lengths(figures, f"Length, {name}"), "length"),
    }


def show_losses(curve: Sequence[LossPoint], title: str) -> dg.MarkdownMetadataValue:
    """The losses over the steps; without matplotlib, those of the evaluations as a table."""
    if not plots.can_plot():
        rows = [
            (point.step, *(round(loss, 4) for loss in (point.answer_loss, point.prompt_loss or 0.0)))
            for point in curve
            if point.answer_loss is not None
        ]
        return show_table(("step", "validation loss, answers", "validation loss, prompts"), rows)
    return _embed_png(plots.plot_losses(curve, title), title)


def show_samples(samples: Sequence[AnswerSample]) -> dg.MarkdownMetadataValue:
    """What a model in training answered to held-out rows, the last ones first."""
    rows = [
        (sample.step, *(f"`{_cut_text(text)}`".replace("\n", "↵").replace("|", "\\|") for text in _list_texts(sample)))
        for sample in sorted(samples, key=lambda sample: -sample.step)
    ]
    return show_table(("step", "input", "actual", "predicted"), rows)


def _list_texts(sample: AnswerSample) -> tuple[str, str, str]:
    return sample.input, sample.actual, sample.predicted


def show_matches(
    rows: Sequence[tuple[str, float, float | None, float | None]], title: str = "Function Call Match"
) -> dg.MarkdownMetadataValue:
    """Function Call Match of models, (model, share, low, high), as bars with intervals."""
    if not plots.can_plot():
        return show_table((title, "share", "low", "high"), rows)
    return _embed_png(plots.plot_matches(rows, title), title)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """A table in markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))


def show_judges(scored: Sequence[ScoredConversation]) -> dict[str, Any]:
    """Tables of the mean scores by judge and of the differences between every two judges, the heuristic among them, in
    scores and in what they would reject; how far the order of the prompt swayed each; and the faults that they named.
    """
    names = committee.list_judges(scored)
    if not names:
        return {}
    verdicts_by_judge = {name: committee.select_verdicts(name, scored) for name in names}
    means = {
        name: [committee.collect_scores(verdicts, scale) for scale in SCALES]
        for name, verdicts in verdicts_by_judge.items()
    }
    return {
        "judges": show_table(
            ("judge", *SCALES, "without a verdict"),
            [
                (
                    name,
                    *(_compute_mean(marks) for marks in means[name]),
                    sum(verdict.failure is not None for verdict in verdicts),
                )
                for name, verdicts in verdicts_by_judge.items()
            ],
        ),
        "pairs_of_judges": show_table(
            ("judges", "scale", "mean difference", "equal scores", "rank correlation"),
            [
                (
                    " / ".join(pair.judges),
                    pair.scale,
                    round(pair.mean_difference, 3),
                    f"{pair.equal_scores} of {pair.conversations}",
                    "–" if pair.rank_correlation is None else round(pair.rank_correlation, 3),
                )
                for pair in committee.compare_judges(scored)
            ],
        ),
        "rejections_of_judges": show_table(
            ("judges", "both reject", "only the first", "only the second", "conversations", "kappa"),
            [
                (
                    " / ".join(pair.judges),
                    pair.both_reject,
                    pair.only_first_rejects,
                    pair.only_second_rejects,
                    pair.conversations,
                    "–" if pair.kappa is None else round(pair.kappa, 3),
                )
                for pair in committee.compare_rejections(scored)
            ],
        ),
        "order_sway": {
            name: {scale: round(apart / count, 3) for scale, (apart, count) in scales.items()}
            for name, scales in committee.measure_order_sway(scored).items()
        },
        "evidence": dict(
            Counter(
                evidence.fault
                for verdicts in verdicts_by_judge.values()
                for verdict in verdicts
                for evidence in verdict.evidence
            )
        ),
        "unsupported_evidence": sum(committee.count_evidence(verdicts)[0] for verdicts in verdicts_by_judge.values()),
    }


def _compute_mean(marks: Sequence[int]) -> object:
    return round(sum(marks) / len(marks), 3) if marks else "–"


def show_gaps(gaps: Sequence[Gap]) -> dict[str, dg.MarkdownMetadataValue | str]:
    """Where tools are thin, under the name `thin`: how many of how many, the first places, and the remedy."""
    rows = [(gap.describe_count(), gap.name_places(), gap.remedy) for gap in gaps if gap.places]
    return {"thin": show_table(("gap", "places", "remedy"), rows) if rows else "nowhere"}


def show_never_given(gaps: Sequence[Gap]) -> dict[str, dg.TableMetadataValue]:
    """The arguments that no call gives, a row for each tool that was called; nothing if all are given."""
    never_given: dict[str, list[str]] = {}
    for gap in gaps:
        if gap.name == "argument_never_given":
            for place in gap.places:
                tool, _, argument = place.partition("/")
                never_given.setdefault(tool, []).append(argument)
    rows = [{"tool": tool, "never given": ", ".join(names)} for tool, names in never_given.items()]
    return {"never_given": _build_table(rows, {"tool": "string", "never given": "string"})} if rows else {}


def show_shortcuts(figures: Sequence[QualityFigure]) -> dict[str, Any]:
    """One table of the shortcuts with goals, the missed goals in a sentence, and a number for each goal."""
    shortcuts = [figure for figure in figures if figure.section == SECTION]
    if not shortcuts:
        return {}
    rows: list[dict[str, Any]] = []
    for figure in shortcuts:
        goal, met = compare_with_goal(figure)
        rows.append(
            {
                "figure": figure.figure,
                "item": figure.item,
                "value": None if figure.whole == 0 else round(figure.value, 4),
                "part": figure.part,
                "whole": figure.whole,
                "goal": goal,
                "met": met,
                "others": describe_others(figure),
            }
        )
    types = {"value": "float", "part": "int", "whole": "int"}
    return {
        "table_shortcuts": _build_table(rows, {name: types.get(name, "string") for name in rows[0]}),
        "missed_goals": describe_missed_goals(shortcuts),
        **{
            goal.key: round(figure.value, 4)
            for figure in shortcuts
            if (goal := find_goal(figure)) is not None and figure.whole
        },
    }


def _build_table(rows: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        records=[dg.TableRecord(dict(row)) for row in rows],
        schema=dg.TableSchema(columns=[dg.TableColumn(name, kind) for name, kind in types.items()]),
    )


def show_tool_graph(edges: Sequence[ToolEdge], most: int = 40) -> dg.MarkdownMetadataValue:
    """The strongest edges of a tool graph as a Mermaid diagram's source."""
    strongest: dict[tuple[str, str], ToolEdge] = {}
    for edge in sorted(edges, key=lambda edge: -edge.weight):
        if edge.source_tool != edge.target_tool:
            strongest.setdefault((edge.source_tool, edge.target_tool), edge)
    lines = [
        f"  {source} -->|{edge.target_path.strip('/').replace('/*', '')}| {target}"
        for (source, target), edge in list(strongest.items())[:most]
    ]
    return dg.MetadataValue.md("\n".join(["```mermaid", "graph LR", *lines, "```"]))


def show_conversation(conversation: Conversation) -> dg.MarkdownMetadataValue:
    """A conversation as people read it."""
    return dg.MetadataValue.md("\n\n".join(line for message in conversation.messages for line in _list_lines(message)))


def show_example(row: ParsedConversation) -> dg.MarkdownMetadataValue:
    """A training example, in OpenAI's form, as people read it."""
    lines = [f"**{row.conversation_id}** ({row.kind}, {row.calls} calls, {len(row.tools)} tools on offer)"]
    for message in row.messages:
        content = message.get("content")
        if message["role"] == "tool":
            lines.append(f"📦 `{_cut_text(str(content))}`")
        elif content:
            lines.append(f"{_ICONS[message['role']]} {content}")
        for call in message.get("tool_calls") or ():
            lines.append(f"🔧 `{call['function']['name']}` `{_cut_text(str(call['function']['arguments']))}`")
    return dg.MetadataValue.md("\n\n".join(lines))


def _list_lines(message: Message) -> list[str]:
    lines = []
    if message.thought:
        lines.append(f"💭 *{message.thought}*")
    if message.content:
        lines.append(f"{_ICONS[message.role]} {message.content}")
    lines += [f"🔧 `{call.name}` `{_format_json(call.arguments)}`" for call in message.tool_calls]
    if message.result is not None:
        icon = "⚠️" if message.result.error else "📦"
        lines.append(f"{icon} `{_format_json(message.result.content)}`")
    return lines


def _format_json(value: Any) -> str:
    return _cut_text(msgspec.json.encode(value).decode())


def _cut_text(text: str) -> str:
    """Text that can stand between backticks, not too long."""
    text = text.replace("`", "'")
    return text if len(text) <= _LONGEST_JSON else text[: _LONGEST_JSON - 1] + "…"


def _embed_png(content: bytes, title: str) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(content).decode()})")
