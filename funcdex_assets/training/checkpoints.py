"""Checkpoints of a training: everything that it needs to go on as if it had never stopped.

    FOLDER/checkpoint.pt           weights, optimiser and state after a step; replaced in one step
    FOLDER/best-000150.safetensors the weights with the lowest validation loss so far
    FOLDER/curve.jsonl             the losses, for people who look on

A checkpoint names its best weights, and other ones are deleted only once it is written: a training that is killed at
any moment goes on from its last checkpoint with the best weights of that time.
"""

import os
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from funcdex_assets.records.errors import UserError
from funcdex_assets.records.training import AnswerSample, LossPoint
from funcdex_assets.storage.atomic_files import replace_file

CHECKPOINT_FILE = "checkpoint.pt"
CURVE_FILE = "curve.jsonl"


class CheckpointError(UserError):
    """A checkpoint cannot be read, or is of another training; the message names it and the remedy."""


class TrainingState(msgspec.Struct, kw_only=True):
    """How far a training is.

    `identity` is the hash of what it is made of: a checkpoint of another one is refused. Packs are read on from
    `epoch` and `position`; `cpu_seconds` are of the steps, `eval_cpu_seconds` of evaluations and samples.
    """

    identity: str
    step: int = 0
    epoch: int = 0
    position: int = 0
    tokens: int = 0
    row_tokens: int = 0
    targets: int = 0
    cpu_seconds: float = 0.0
    eval_cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    best_step: int | None = None
    best_loss: float | None = None
    evaluations_since_best: int = 0
    is_done: bool = False
    curve: list[LossPoint] = []
    samples: list[AnswerSample] = []


def save_checkpoint(folder: Path, state: TrainingState, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Writes the checkpoint in one step, then the curve, and deletes best weights that it does not name."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{CHECKPOINT_FILE}.{os.getpid()}.tmp"
    content = {
        "state": msgspec.json.encode(state).decode(),
        "weights": collect_trained_weights(model),
        "optimizer": optimizer.state_dict(),
    }
    try:
        with temporary.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / CHECKPOINT_FILE)
    finally:
        temporary.unlink(missing_ok=True)
    replace_file(folder / CURVE_FILE, b"".join(msgspec.json.encode(point) + b"\n" for point in state.curve))
    for file in folder.glob("best-*.safetensors"):
        if file != best_weights_path(folder, state.best_step):
            file.unlink()


def load_checkpoint(
    folder: Path, identity: str, model: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device
) -> TrainingState | None:
    """Puts weights and optimiser back, and returns the state; None if the folder has no checkpoint.

    Raises:
        CheckpointError: it cannot be read, or is of other data or settings.
    """
    path = folder / CHECKPOINT_FILE
    if not path.is_file():
        return None
    try:
        content: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        state = msgspec.json.decode(content["state"], type=TrainingState)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"the checkpoint {path} cannot be read ({reason}); delete it to begin anew") from None
    if state.identity != identity:
        raise CheckpointError(
            f"the checkpoint {path} is of other data or settings ({state.identity}, not {identity}); delete it, or "
            "give back the settings that it was made with"
        )
    put_trained_weights(model, content["weights"])
    optimizer.load_state_dict(content["optimizer"])
    return state


def best_weights_path(folder: Path, step: int | None) -> Path:
    return folder / f"best-{step or 0:06d}.safetensors"


def save_best_weights(folder: Path, step: int, model: nn.Module) -> None:
    """Writes the weights that are trained, in one step, beside those that the last checkpoint names."""
    folder.mkdir(parents=True, exist_ok=True)
    path = best_weights_path(folder, step)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        save_file(collect_trained_weights(model), temporary, metadata={"format": "pt"})
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_best_weights(folder: Path, step: int, model: nn.Module) -> None:
    put_trained_weights(model, load_file(best_weights_path(folder, step)))


def collect_trained_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """Copies the weights that are trained, on the CPU; the others are the base's."""
    return {
        name: weight.detach().to("cpu", copy=True).contiguous()
        for name, weight in model.named_parameters()
        if weight.requires_grad
    }


@torch.no_grad()
def put_trained_weights(model: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Puts copied weights back.

    Raises:
        CheckpointError: they are not those that the model trains.
    """
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    if trained.keys() != weights.keys():
        different = sorted(trained.keys() ^ weights.keys())
        raise CheckpointError(
            f"saved weights do not fit the model: {len(different)} names differ, such as {different[0]!r}; delete the "
            "checkpoint to begin anew"
        )
    for name, weight in trained.items():
        weight.copy_(weights[name])
