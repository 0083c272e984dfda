"""What the machine offers: its device, the precision it computes in, its peak, and how memory is kept.

>>> choose_device("cpu")
device(type='cpu')
"""

import ctypes
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Literal

import torch

from funcdex_assets.records.errors import UserError

Precision = Literal["auto", "float32", "bfloat16"]

# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_DEFAULT_TRIM_THRESHOLD, _DEFAULT_MMAP_MAX = 128 * 1024, 65_536
_NEVER_TRIM = 2**31 - 1


class DeviceError(UserError):
    """The settings ask for a device that this machine does not have."""


def choose_device(name: str) -> torch.device:
    """Returns the device of that name; `auto` is CUDA, else Apple's MPS, else the CPU.

    Raises:
        DeviceError: there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise DeviceError(f"training.device: {name!r} cannot be used ({reason}); write auto, or cpu") from None
    return device


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """Returns the type that matrices are multiplied in.

    `auto` is bfloat16 where the hardware has it: elsewhere it is emulated, and slower than float32 by far. There is no
    float16, which needs a loss scale: what has no bfloat16 trains in float32.
    """
    if precision == "auto":
        return torch.bfloat16 if has_bfloat16(device) else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]


def has_bfloat16(device: torch.device) -> bool:
    """Returns whether the device multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False


@cache
def measure_peak_flops(device: torch.device, dtype: torch.dtype, size: int = 1024) -> float:
    """Measures the floating-point operations per second of a product of square matrices, the best of five.

    Model FLOPs utilisation is against this: a figure that the machine reaches, whatever it is.
    """
    if device.type == "cuda":
        size = 8192
    left, right = torch.rand(size, size, device=device, dtype=dtype), torch.rand(size, size, device=device, dtype=dtype)
    best = float("inf")
    for _ in range(6):  # the first one warms up
        _synchronise(device)
        began = time.perf_counter()
        torch.mm(left, right)
        _synchronise(device)
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def keeping_freed_memory(device: torch.device) -> Iterator[None]:
    """Has glibc keep what is freed, as the variables MALLOC_MMAP_MAX_=0 and MALLOC_TRIM_THRESHOLD_ do at the start.

    By default each large tensor is mapped from the kernel, which fills it with zeros, and given back: in training on a
    CPU that costs about as much as the products themselves. Elsewhere than on Linux with glibc nothing is changed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt if device.type == "cpu" else None
    except (AttributeError, OSError):
        mallopt = None
    if mallopt is None:
        yield
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, _NEVER_TRIM)
    try:
        yield
    finally:
        mallopt(_M_MMAP_MAX, _DEFAULT_MMAP_MAX)
        mallopt(_M_TRIM_THRESHOLD, _DEFAULT_TRIM_THRESHOLD)
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def using_threads(count: int) -> Iterator[None]:
    """Has torch use so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
