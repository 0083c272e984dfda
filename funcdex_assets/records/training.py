"""Records of training: rows as tokens, and items that a model is measured by."""

from typing import Literal

from funcdex_assets.records.record import Json, Record

Layout = Literal["with_tools", "without_tools"]


class TokenRow(Record, frozen=True, kw_only=True):
    """A published row as a tokenizer and a layout write it.

    `token_ids[i]` is to be predicted from the tokens before it, and counts `weights[i]` in the loss: 0 for everything
    that is not the assistant's. (A trainer that feeds `token_ids[:-1]` has `token_ids[1:]` as targets and `weights[1:]`
    as their weights; nothing here is shifted.) The first `prefix_length` ids are the part of system prompt and tools
    that other rows begin with, too; what is in the system prompt never counts. `cut` prompt tokens were left out
    because the row was longer than the context; the assistant's are never left out.
    """

    row_id: str
    partition: str
    split: Literal["train", "test"]
    kind: str
    layout: Layout
    prefix_length: int
    token_ids: tuple[int, ...]
    weights: tuple[float, ...]
    cut: int = 0


ItemTrait = Literal["after_error", "asks_back"]
"""What is special about an item: the last results were errors; a question is due, which the user then answers."""


class ExpectedCall(Record, frozen=True):
    """A call by name and arguments, without an id.

    Where `accepted` is not null, it has the values that are right for an argument, by its name (null among them: it may
    be left out), and values are compared as the Berkeley function-calling leaderboard does, not exactly.
    """

    name: str
    arguments: Json
    accepted: Json = None


class EvaluationItem(Record, frozen=True, kw_only=True):
    """What a model is asked for: the next assistant message after `messages`.

    `messages` and `tools` are in OpenAI's form. `calls` is the set of calls that should follow; where it is empty, a
    text should (`text`, as it was written, if known). Items of one `conversation_id` are resampled together.
    """

    item_id: str
    conversation_id: str
    partition: str
    kind: str
    messages: Json
    tools: Json
    calls: tuple[ExpectedCall, ...]
    text: str | None = None
    traits: tuple[ItemTrait, ...] = ()


class Prediction(Record, frozen=True, kw_only=True):
    """What a model answered to an item: `calls` and/or `text`; `raw` is the answer as it was written.

    `failure` says why there is no answer, or what could not be read in it; then there are no calls. `confidence` is the
    mean probability of the answer's tokens, if known.
    """

    item_id: str
    calls: tuple[ExpectedCall, ...]
    text: str | None
    raw: str
    failure: str | None = None
    confidence: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0


class LossPoint(Record, frozen=True, kw_only=True):
    """The losses of a training after so many steps, in nats per token.

    `train_loss` is the weighted mean over the step's counted tokens, null before the first step. Where the held-out
    rows were evaluated, `answer_loss` is the weighted mean over what the assistant must produce, and `prompt_loss` the
    mean over what others say; policy and tools count in neither. `tokens` were computed so far, `row_tokens` of them
    if each row had its own copy of what it shares; `cpu_seconds` were used by the steps.
    """

    step: int
    epoch: float
    tokens: int
    row_tokens: int
    cpu_seconds: float
    learning_rate: float
    train_loss: float | None = None
    gradient_norm: float | None = None
    answer_loss: float | None = None
    prompt_loss: float | None = None


class AnswerSample(Record, frozen=True, kw_only=True):
    """What a model in training answers to a held-out row: the end of its input, what is right, and what it wrote."""

    step: int
    row_id: str
    input: str
    actual: str
    predicted: str


class FinetunedModel(Record, frozen=True, kw_only=True):
    """A model that was trained on a release's rows, as it stands in the project's home.

    `model_id` is the hash of rows, tokenizer, base and settings, `path` its folder below the home. `first_loss` and
    `best_loss` are of the held-out rows' answers, in nats per token, before the training and at `best_step`, whose
    weights it has; null without validation rows. `tokens` were computed, `counted_tokens` of them in the loss, in
    `cpu_seconds` of the steps. `objection` is why it is not the latest of its partition; null if it is.
    """

    partition: str
    model_id: str
    path: str
    release: str
    base: str
    architecture: str
    method: str
    layout: Layout
    rows_hash: str
    settings_hash: str
    parameters: int
    vocabulary: int
    train_rows: int
    validation_rows: int
    steps: int
    epochs: float
    tokens: int
    counted_tokens: int
    first_loss: float | None
    best_loss: float | None
    best_step: int | None
    cpu_seconds: float
    gguf: bool
    objection: str | None
