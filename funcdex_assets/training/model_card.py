"""The README of a model: what it was trained on, how, how good it is, and how it is asked."""

from collections.abc import Mapping, Sequence

from funcdex_assets.training.model_notes import ModelNote

_SHOWN_SAMPLES = 3


def render_model_card(note: ModelNote, scores: Mapping[str, float] | None = None) -> str:
    """Renders the card; `scores` are of an evaluation, by name."""
    subject = "all partitions" if note.partition == "all" else note.partition
    parts = [
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags: [function-calling]\n---",
        f"# A model of {subject}",
        _describe_origin(note),
        "## How good it is",
        _render_losses(note),
    ]
    if scores:
        parts.append(_render_table(("score", "value"), [(name, f"{value:.3f}") for name, value in scores.items()]))
    parts += ["## How it was trained", _render_settings(note)]
    if note.samples:
        last = max(sample.step for sample in note.samples)
        shown = [sample for sample in note.samples if sample.step == last][:_SHOWN_SAMPLES]
        parts += [
            "## What it answers to rows that it was not trained on",
            *(
                f"**Input** (its end)\n```\n{sample.input}\n```\n**Right**\n```\n{sample.actual}\n```\n"
                f"**Written**\n```\n{sample.predicted}\n```"
                for sample in shown
            ),
        ]
    parts += ["## How it is asked", _describe_use(note)]
    return "\n\n".join(parts) + "\n"


def _describe_origin(note: ModelNote) -> str:
    origin = "random weights" if note.base == "scratch" else f"`{note.base}`"
    return (
        f"{note.architecture} with {note.parameters:,} weights and {note.vocabulary:,} tokens, from {origin}, trained "
        f"on the {note.train_rows:,} train rows of `{note.release}` "
        f"({'definitions in the prompt' if note.layout == 'with_tools' else 'definitions learned by heart'}). Its id, "
        f"`{note.model_id}`, is the hash of rows (`{note.rows_hash}`), tokenizer (`{note.tokenizer}`), base and "
        f"settings (`{note.settings_hash}`)."
    )


def _render_losses(note: ModelNote) -> str:
    if note.best_loss is None:
        return "There were too few rows to hold some out, so its loss on unseen rows is not known."
    measured = [point for point in note.curve if point.answer_loss is not None]
    rows: Sequence[tuple[str, ...]] = [
        (f"{point.step}", f"{point.answer_loss:.4f}", _format(point.prompt_loss), _format(point.train_loss))
        for point in measured
    ]
    table = _render_table(("step", "validation loss, answers", "validation loss, prompts", "train loss"), rows)
    return (
        f"The loss in nats per token on {note.validation_rows:,} rows held out of the train split; the weights are "
        f"those of step {note.best_step}.\n\n{table}"
    )


def _format(loss: float | None) -> str:
    return "" if loss is None else f"{loss:.4f}"


def _render_settings(note: ModelNote) -> str:
    spent = (
        f"{note.steps:,} steps ({note.epochs:.2f} epochs), {note.tokens:,} tokens computed, of which "
        f"{note.counted_tokens:,} counted in the loss; {note.cpu_seconds:,.0f} CPU seconds; seed {note.seed}."
    )
    rows = [(f"`{name}`", f"`{value}`") for name, value in note.settings.items()]
    return f"{spent}\n\n{_render_table(('setting', 'value'), rows)}"


def _describe_use(note: ModelNote) -> str:
    served = (
        f"`funcdex serve model {note.partition}`, or `llama-server --jinja --model {note.partition}-f16.gguf`"
        if note.gguf is None
        else f"`funcdex serve model {note.partition} --engine vllm` (no GGUF file: {note.gguf})"
    )
    tools = (
        "with `messages` and `tools`; calls come back as `tool_calls`"
        if note.layout == "with_tools"
        else "with `messages` and no `tools`; calls come back in the text, as `<tool_call>` blocks"
    )
    return (
        f"Served by {served}; by vLLM with `--enable-auto-tool-choice --tool-call-parser hermes`. Ask its chat "
        f"endpoint {tools}."
    )


def _render_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
