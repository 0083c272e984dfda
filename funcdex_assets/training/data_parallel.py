"""Training in several processes that torchrun started: who does what, and what all of them must agree on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class ProcessGroup:
    """The place of a process among those of a training; alone it is the first of one."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def agree(self, value: float) -> float:
        """Returns the first process' value in all of them."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64)
        if dist.get_backend() == "nccl":
            shared = shared.to(f"cuda:{self.local_rank}")
        dist.broadcast(shared, src=0)
        return float(shared[0])

    def add_up(self, values: torch.Tensor) -> torch.Tensor:
        """Returns the sum over all processes."""
        if self.size > 1:
            dist.all_reduce(values)
        return values


@contextmanager
def joining_processes() -> Iterator[ProcessGroup]:
    """Joins the processes that torchrun started, by its variables; without them this process is alone."""
    if "RANK" not in os.environ:
        yield ProcessGroup()
        return
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield ProcessGroup(dist.get_rank(), dist.get_world_size(), int(os.environ["LOCAL_RANK"]))
    finally:
        dist.destroy_process_group()
