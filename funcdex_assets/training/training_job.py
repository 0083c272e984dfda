"""One training from rows of tokens to an exported model: what it is made of, who runs it, and what comes of it.

    job = TrainingJob(partition="gmail", release="release_07589eabfcbf", rows=rows, …)
    made = run_training_job(job, report=print)
    made.note, made.folder, made.objection

The id of a model is the hash of what it is made of, so that a model which is there is not trained a second time, and a
training that was interrupted goes on where it was:

    HOME/training/gmail/5f0c1b2a3d4e/   its checkpoint, until the model is stored
    HOME/models/gmail/5f0c1b2a3d4e/     the model

Training in several processes is torchrun's business, which starts `worker.py`; the export is made here.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from funcdex_assets.records.errors import UserError
from funcdex_assets.records.record import Record
from funcdex_assets.records.training import FinetunedModel, LossPoint, TokenRow
from funcdex_assets.settings.training import SCRATCH, Training
from funcdex_assets.storage.atomic_files import replace_file
from funcdex_assets.training.checkpoints import TrainingState
from funcdex_assets.training.data_parallel import ProcessGroup
from funcdex_assets.training.exported_models import export_model
from funcdex_assets.training.held_out import split_train_rows
from funcdex_assets.training.model_card import render_model_card
from funcdex_assets.training.model_notes import ModelNote, read_note
from funcdex_assets.training.model_store import (
    ALL,
    find_model,
    find_objection_to_latest,
    point_latest,
    store_model,
)
from funcdex_assets.training.models import (
    build_model,
    choose_trained_weights,
    count_parameters,
    grow_vocabulary,
    load_model,
    merge_adapters,
)
from funcdex_assets.training.tokenizer_store import FOLDER as TOKENIZERS_FOLDER
from funcdex_assets.training.tokenizer_store import read_tokenizer_note
from funcdex_assets.training.trainer import Progress, Trainer

CODE_VERSION = "1"
"""Raise it when the same rows and settings give another model."""

WORK_FOLDER = "training"
JOB_FILE = "job.msgpack"

# What does not change what a model learns, or only in the last bits.
_WITHOUT_EFFECT = frozenset(
    (
        "allow_worse",
        "checkpoint_interval",
        "compile",
        "device",
        "processes",
        "sample_interval",
        "sample_rows",
        "sample_tokens",
        "threads",
    )
)


class TrainingFailedError(UserError):
    """The processes of a training ended with an error; the message has the end of what they printed."""


class StaleTokensError(UserError):
    """The rows of tokens are of other settings; the message names both."""


class TrainingJob(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is made of. `tokenizer` is the folder of the one that wrote the rows, `base` `scratch` or a path."""

    partition: str
    release: str
    rows: list[TokenRow]
    tokenizer: Path
    base: str
    settings: dict[str, Any]
    seed: int
    home: Path
    root: Path

    @property
    def training(self) -> Training:
        return Training(**self.settings)

    @property
    def base_path(self) -> Path | None:
        return None if self.base == SCRATCH else (self.root / self.base).resolve()


class TrainedModel(Record, frozen=True, kw_only=True):
    """A model as it was stored.

    `objection` is why it did not become the latest; one that `is_new` was trained now.
    """

    note: ModelNote
    folder: str
    objection: str | None
    is_new: bool


def run_training_job(job: TrainingJob, report: Callable[[Progress], object] = lambda _: None) -> TrainedModel:
    """Trains, exports and stores the model, and makes it the latest unless it is worse.

    A model that is made of the same is not trained a second time.

    Raises:
        BaseModelError: the base cannot be loaded.
        NothingToLearnError: no row has anything that counts.
        TrainingFailedError: torchrun's processes ended with an error.
    """
    identity = hash_job(job)
    folder = find_model(job.home, job.partition, identity)
    is_new = folder is None
    if is_new:
        work = job.home / WORK_FOLDER / job.partition / identity
        if job.training.processes > 1:
            _run_processes(job, work, report)
        trainer, model, tokenizer = prepare_training(job, work, identity)
        first_state = trainer.train(report)
        merge_adapters(model)
        note = _describe_model(job, identity, model, tokenizer, first_state)
        card = render_model_card(note)
        store_model(job.home, note, lambda draft: export_model(model, tokenizer, note, draft, card))
        shutil.rmtree(work, ignore_errors=True)
        folder = find_model(job.home, job.partition, identity)
    assert folder is not None
    note = read_note(folder)
    objection = None if job.training.allow_worse else find_objection_to_latest(job.home, note)
    if objection is None:
        point_latest(job.home, job.partition, identity)
    return TrainedModel(note=note, folder=str(folder), objection=objection, is_new=is_new)


def prepare_training(
    job: TrainingJob, work: Path, identity: str, processes: ProcessGroup | None = None
) -> tuple[Trainer, PreTrainedModel, PreTrainedTokenizerFast]:
    """Loads tokenizer and model, and builds the trainer over the job's rows."""
    settings = job.training
    tokenizer = PreTrainedTokenizerFast.from_pretrained(job.tokenizer, local_files_only=True)
    if job.base_path is None:
        model = build_model(settings.model, tokenizer, settings.context, job.seed, settings.dropout)
        has_new_tokens = True
    else:
        model = load_model(job.base_path, settings.dropout)
        has_new_tokens = grow_vocabulary(model, len(tokenizer))
    model = choose_trained_weights(
        model,
        method=settings.method,
        freeze_embeddings=settings.freeze_embeddings and not has_new_tokens,
        lora_rank=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        dropout=settings.dropout,
        seed=job.seed,
    )
    trainer = Trainer(
        model,
        tokenizer,
        job.rows,
        settings,
        work,
        identity=identity,
        seed=job.seed,
        is_pretrained=job.base_path is not None,
        processes=processes,
    )
    return trainer, model, tokenizer


# ── several processes ─────────────────────────────────────────────────────────────────────────


def _run_processes(job: TrainingJob, work: Path, report: Callable[[Progress], object]) -> None:
    """Trains by torchrun, one process for each of `training.processes`; they leave the finished checkpoint."""
    replace_file(work / JOB_FILE, msgspec.msgpack.encode(job, enc_hook=str))
    # The processes meet on the loopback: by default they look for one another under the machine's name, and wait for
    # half an hour where no name server knows it.
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
    command += ["--nproc-per-node", str(job.training.processes), "-m", "funcdex_assets.training.worker", str(work)]
    log = work / "processes.log"
    with log.open("wb") as errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                report(msgspec.json.decode(line, type=Progress))
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
        raise TrainingFailedError(
            f"the {job.training.processes} processes of the training of {job.partition} ended with exit code "
            f"{process.returncode}; the end of {log}:\n{end}"
        )


def read_job(work: Path) -> TrainingJob:
    """Reads the job that the processes of a training share."""
    return msgspec.msgpack.decode(
        (work / JOB_FILE).read_bytes(), type=TrainingJob, dec_hook=lambda kind, value: kind(value)
    )


# ── what it is made of ────────────────────────────────────────────────────────────────────────


def hash_job(job: TrainingJob) -> str:
    """Returns the id of the model: the hash of rows, tokenizer, base, seed and the settings that have an effect."""
    base = None if job.base_path is None else _hash_base(job.base_path)
    return _hash((CODE_VERSION, _hash_rows(job.rows), job.tokenizer.name, base, job.seed, hash_settings(job.training)))


def hash_settings(settings: Training) -> str:
    return _hash(settings.model_dump(mode="json", exclude=set(_WITHOUT_EFFECT)))


def _hash_rows(rows: Sequence[TokenRow]) -> str:
    return _hash([(row.row_id, row.split, row.prefix_length, row.token_ids, row.weights) for row in rows])


def _hash_base(base: Path) -> str:
    """Hashes the weights of a base: of a folder those of its weight files and its configuration."""
    digest = blake2b(digest_size=8)
    files = (
        [base] if base.is_file() else sorted([*base.glob("*.safetensors"), *base.glob("*.bin"), base / "config.json"])
    )
    for path in files:
        digest.update(path.name.encode() + b"\0")
        if path.is_file():
            with path.open("rb") as content:
                for block in iter(lambda: content.read(1 << 22), b""):
                    digest.update(block)
    return digest.hexdigest()


def _hash(value: Any) -> str:
    return blake2b(msgspec.msgpack.encode(value), digest_size=6).hexdigest()


def _describe_model(
    job: TrainingJob,
    identity: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    state: TrainingState,
) -> ModelNote:
    settings = job.training
    learned, validating = split_train_rows(job.rows, settings.eval_rows)
    first: LossPoint | None = state.curve[0] if state.curve else None
    return ModelNote(
        model_id=identity,
        partition=job.partition,
        base=job.base if job.base == SCRATCH else Path(job.base).name,
        architecture=model.config.model_type,
        method=settings.method,
        layout=settings.layout,
        release=job.release,
        rows_hash=_hash_rows(job.rows),
        tokenizer=job.tokenizer.name,
        settings=settings.model_dump(mode="json", exclude={"base"}),
        settings_hash=hash_settings(settings),
        comparable=_hash((_hash_rows(validating), job.tokenizer.name, settings.layout)),
        seed=job.seed,
        parameters=count_parameters(model),
        vocabulary=len(tokenizer),
        train_rows=len(learned),
        validation_rows=len(validating),
        steps=state.step,
        epochs=state.curve[-1].epoch if state.curve else 0.0,
        tokens=state.tokens,
        row_tokens=state.row_tokens,
        counted_tokens=state.targets,
        cpu_seconds=state.cpu_seconds,
        wall_seconds=state.wall_seconds,
        first_loss=first.answer_loss if first else None,
        best_loss=state.best_loss,
        best_step=state.best_step,
        curve=tuple(state.curve),
        samples=tuple(state.samples),
    )


# ── for the stages ────────────────────────────────────────────────────────────────────────────


def build_training_job(
    partition: str, rows: Sequence[TokenRow], training: Training, *, seed: int, home: Path, root: Path
) -> TrainingJob:
    """Builds the job of a partition whose tokens were made by the present settings.

    Raises:
        StaleTokensError: they were made for another base or layout.
    """
    note = read_tokenizer_note(home, partition)
    if (note.base, note.layout) != (training.base, training.layout):
        stage = "release_tokens" if partition == ALL else f"training_tokens of {partition}"
        raise StaleTokensError(
            f"the tokens of {partition} were made for training.base {note.base!r} and the layout {note.layout}, and "
            f"the settings now say {training.base!r} and {training.layout}; make {stage} again (`funcdex train` does)"
        )
    return TrainingJob(
        partition=partition,
        release=note.release,
        rows=list(rows),
        tokenizer=home / TOKENIZERS_FOLDER / note.tokenizer,
        base=training.base,
        settings=training.model_dump(),
        seed=seed,
        home=home,
        root=root,
    )


def describe_as_record(made: TrainedModel, home: Path) -> FinetunedModel:
    """Describes a stored model as the row of its table."""
    note = made.note
    same = {name: getattr(note, name) for name in FinetunedModel.__struct_fields__ if name in note.__struct_fields__}
    return FinetunedModel(
        **{
            **same,
            "path": str(Path(made.folder).relative_to(home)),
            "gguf": note.gguf is None,
            "objection": made.objection,
        }
    )
