"""Fine-tunes any model in Hugging Face's layout with TRL: supervised, or on pairs of a better and a worse answer.

Belongs here: what TRL is given. Our own trainer (`trainer.py`) is for small models on small machines; this path is for
a GPU, for LoRA on larger models, and for people who have a set-up with TRL already.

    options = TrlOptions(steps=200, lora_rank=16)
    fine_tune_supervised(Path("Qwen3-0.6B"), Path("datasets/gmail/release_5f0c…"), Path("out"), options)

`SFTTrainer` gets tokens and labels, not messages: the tokens that our trainer gets, with a label where a token counts
and -100 where it does not. TRL would mask the same by itself (`assistant_only_loss`), except for turns that the judge
found bad: it knows no mask per message. A weight other than 0 counts as 1 there.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from funcdex_assets.records.errors import UserError
from funcdex_assets.records.record import Record
from funcdex_assets.records.training import Layout, TokenRow
from funcdex_assets.training.chat_templates import strip_generation_markers
from funcdex_assets.training.rendered_rows import ConversationEncoder
from funcdex_assets.training.token_rows import build_token_rows, read_published_rows
from funcdex_assets.training.tokenizer_store import give_chat_template, load_base_tokenizer, write_tokenizer
from funcdex_assets.training.train_extra import require_train_extra

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

IGNORED = -100
"""The label that PyTorch's cross entropy does not count."""
PAIR_FIELDS = ("prompt", "chosen", "rejected")


class TrlError(UserError, ValueError):
    """The rows or the model cannot be used by TRL; the message names the place and the remedy."""


class TrlOptions(Record, frozen=True):
    """How TRL trains. `steps` are of `batch` × `accumulation` rows; `context` is the longest row, in tokens;
    `lora_rank` 0 trains all weights; `beta` is how strongly DPO holds a model to what it was.
    """

    steps: int = 200
    batch: int = 1
    accumulation: int = 8
    learning_rate: float = 1e-4
    warmup_share: float = 0.05
    context: int = 4096
    layout: Layout = "with_tools"
    lora_rank: int = 0
    beta: float = 0.1
    seed: int = 42
    log_every: int = 10


class TrlOutcome(Record, frozen=True):
    """What came of a training: `losses` as (step, loss), as TRL logged them; how many rows were used, and why others
    were not.
    """

    folder: str
    losses: tuple[tuple[int, float], ...]
    rows: int
    left_out: tuple[str, ...]


def fine_tune_supervised(base: Path, release: Path, output: Path, options: TrlOptions) -> TrlOutcome:
    """Fine-tunes the model in folder `base` on the train split of a release; saves it, with its tokenizer, in `output`.

    Raises:
        TrlError: there is no model in `base`, or no row can be used.
        OSError: the release cannot be read.
    """
    require_train_extra("trl")
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    tokenizer = _load_tokenizer(base)
    published = [row for row in read_published_rows(release) if row.split == "train"]
    encoded = build_token_rows(published, ConversationEncoder(tokenizer), options.layout, options.context)
    left_out = tuple(f"{failure.subject}: {failure.reason}" for failure in encoded.failures)
    if not encoded.rows:
        raise TrlError(f"{release}: no train row can be used; first: {(left_out or ('there is none',))[0]}")
    trainer = SFTTrainer(
        model=_load_model(base, tokenizer),
        args=SFTConfig(**_build_arguments(output, options), max_length=options.context),
        train_dataset=build_labelled_dataset(encoded.rows),
        processing_class=tokenizer,
        peft_config=_build_lora(options),
    )
    return _train_and_save(trainer, tokenizer, output, len(encoded.rows), left_out)


def fine_tune_on_preferences(base: Path, pairs: Path, output: Path, options: TrlOptions) -> TrlOutcome:
    """Fine-tunes the model in folder `base` by DPO; saves it, with its tokenizer, in `output`.

    `pairs` is a JSONL file with TRL's columns: `prompt`, `chosen` and `rejected`, each a list of messages, and perhaps
    `tools`.

    Raises:
        TrlError: there is no model in `base`, or no pair can be used.
    """
    require_train_extra("trl")
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    rows, left_out = read_pairs(pairs)
    tokenizer = _load_tokenizer(base)
    trainer = DPOTrainer(
        model=_load_model(base, tokenizer),
        args=DPOConfig(**_build_arguments(output, options), max_length=options.context, beta=options.beta),
        train_dataset=build_pair_dataset(rows),
        processing_class=tokenizer,
        peft_config=_build_lora(options),
    )
    return _train_and_save(trainer, tokenizer, output, len(rows), left_out)


def build_labelled_dataset(rows: Iterable[TokenRow]) -> "Dataset":
    """Builds a dataset of token ids and labels; SFTTrainer shifts labels by one itself."""
    from datasets import Dataset

    return Dataset.from_list(
        [
            {
                "input_ids": list(row.token_ids),
                "labels": [
                    token if weight else IGNORED for token, weight in zip(row.token_ids, row.weights, strict=True)
                ],
            }
            for row in rows
        ]
    )


def read_pairs(file: Path) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Reads the pairs of a file; returns them, and the reasons for which other lines are left out, with their place.

    Raises:
        TrlError: there is no such file, or no line can be used.
    """
    if not file.is_file():
        raise TrlError(f"{file}: no such file; give a JSONL file with {', '.join(PAIR_FIELDS)}")
    rows: list[dict[str, Any]] = []
    left_out: list[str] = []
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        row, objection = _read_pair(line)
        if objection:
            left_out.append(f"{file}, line {number}: {objection}")
        else:
            rows.append({**{name: row[name] for name in PAIR_FIELDS}, "tools": row.get("tools") or []})
    if not rows:
        raise TrlError(f"{file}: no pair can be used; first: {(left_out or ['the file is empty'])[0]}")
    return rows, tuple(left_out)


def build_pair_dataset(rows: Sequence[Mapping[str, Any]]) -> "Dataset":
    """Builds a dataset of pairs, with messages as JSON: a table with one layout for all would give each call the
    arguments of all others, as nulls.
    """
    from datasets import Dataset, Features, Json, List, Value

    return Dataset.from_dict(
        {
            **{name: [list(row[name]) for row in rows] for name in PAIR_FIELDS},
            "tools": [msgspec.json.encode(row["tools"]).decode() for row in rows],
        },
        features=Features({**{name: List(Json()) for name in PAIR_FIELDS}, "tools": Value("string")}),
    )


def _read_pair(line: bytes) -> tuple[Any, str | None]:
    """Reads a line; returns it with what is wrong with it, if anything is."""
    try:
        row = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        return None, f"{error}; write one JSON object a line"
    return row, _find_objection(row)


def _find_objection(row: Any) -> str | None:
    if not isinstance(row, dict):
        return f"it is a {type(row).__name__}, not an object"
    for name in PAIR_FIELDS:
        messages = row.get(name)
        if not isinstance(messages, list) or not messages:
            return f"{name} is {str(messages)[:80]!r}, not a list of messages"
        if not all(isinstance(message, dict) and "role" in message for message in messages):
            return f"{name} has a message without a role"
    if row["chosen"] == row["rejected"]:
        return "chosen and rejected are the same"
    return None


def _load_tokenizer(base: Path) -> "PreTrainedTokenizerFast":
    """Loads the tokenizer of a local folder, with a template that renders tools and marks what the assistant says."""
    if not (base / "config.json").is_file():
        raise TrlError(f"{base}: no config.json; give a folder in Hugging Face's layout")
    tokenizer = load_base_tokenizer(str(base), Path())
    give_chat_template(tokenizer)
    return tokenizer


def _load_model(base: Path, tokenizer: "PreTrainedTokenizerFast") -> "PreTrainedModel":
    from transformers import AutoModelForCausalLM

    from funcdex_assets.training.models import grow_vocabulary

    model = AutoModelForCausalLM.from_pretrained(base, dtype="auto")
    grow_vocabulary(model, len(tokenizer))
    return model


def _build_arguments(output: Path, options: TrlOptions) -> dict[str, Any]:
    """Builds the arguments that both trainers take; mixed precision is used where the GPU has bfloat16."""
    import torch

    has_gpu = torch.cuda.is_available()
    return {
        "output_dir": str(output / "checkpoints"),
        "max_steps": options.steps,
        "per_device_train_batch_size": options.batch,
        "gradient_accumulation_steps": options.accumulation,
        "learning_rate": options.learning_rate,
        "warmup_steps": round(options.steps * options.warmup_share),
        "lr_scheduler_type": "cosine",
        "logging_steps": options.log_every,
        "save_strategy": "no",
        "report_to": "none",
        "seed": options.seed,
        "use_cpu": not has_gpu,
        "bf16": has_gpu and torch.cuda.is_bf16_supported(),
        "activation_checkpointing": has_gpu,
    }


def _build_lora(options: TrlOptions) -> Any:
    if not options.lora_rank:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=options.lora_rank, lora_alpha=2 * options.lora_rank, target_modules="all-linear", task_type="CAUSAL_LM"
    )


def _train_and_save(
    trainer: Any, tokenizer: "PreTrainedTokenizerFast", output: Path, rows: int, left_out: tuple[str, ...]
) -> TrlOutcome:
    """Trains; saves the model with LoRA's weights merged in, and a template that every server can read."""
    trainer.train()
    model = trainer.model
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    model.save_pretrained(output)
    tokenizer.chat_template = strip_generation_markers(str(tokenizer.chat_template))
    write_tokenizer(output, tokenizer)
    losses = tuple((entry["step"], entry["loss"]) for entry in trainer.state.log_history if "loss" in entry)
    return TrlOutcome(str(output), losses, rows, left_out)
