"""Sends many requests to an engine at once, reports progress meanwhile, and returns usage metadata afterwards."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec

from funcdex_assets.inference.protocol import InferenceEngine
from funcdex_assets.inference.usage import UsageMeter
from funcdex_assets.orchestration.interruption import check_interruption, current_interruption
from funcdex_assets.orchestration.progress_listener import current_listener
from funcdex_assets.orchestration.stage import SPENT
from funcdex_assets.records.row_failures import RowFailure
from funcdex_assets.records.seeds import derive_seed
from funcdex_assets.roles.role import Role, play_each

OFFLINE = "offline"
Subject = TypeVar("Subject")
Output = TypeVar("Output")
Result = TypeVar("Result")


def ask_each(
    engine: InferenceEngine,
    role: Role[Subject, Output],
    subjects: Sequence[Subject],
    stage: str,
    partition: str,
    seed: int,
    identify: Callable[[Subject], str],
) -> tuple[list[tuple[Subject, Output]], list[RowFailure], dict[str, Any]]:
    """Returns the subjects with the role's answers, the failures of those without one, and metadata on the usage."""
    place_seed = derive_seed(seed, partition)
    (answered, failures), usage = run_metered(
        engine,
        lambda meter, advanced: play_each(role, meter, subjects, place_seed, identify, advanced),
        stage,
        partition,
        len(subjects),
    )
    return answered, failures, usage


def run_metered(
    engine: InferenceEngine,
    work: Callable[[InferenceEngine, Callable[[], None]], Awaitable[Result]],
    stage: str,
    partition: str,
    total: int,
) -> tuple[Result, dict[str, Any]]:
    """Runs asynchronous work on a metered engine; `work` calls its second argument after each unit."""
    meter = UsageMeter(engine)
    done = 0

    def report_progress() -> None:
        nonlocal done
        done += 1
        current_listener().advanced(stage, partition, done, total)
        check_interruption()

    async def work_and_close() -> Result:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        try:
            with current_interruption().reacting(lambda: loop.call_soon_threadsafe(task.cancel)):
                return await work(meter, report_progress)
        finally:
            await meter.close()

    try:
        result = asyncio.run(work_and_close())
    except asyncio.CancelledError:
        check_interruption()
        raise
    return result, _summarise_usage(meter)


def _summarise_usage(meter: UsageMeter) -> dict[str, Any]:
    """Returns the figures that the UI plots; for a real model also further figures, and those by role."""
    summary = meter.to_metadata()
    figures = ["requests", "prompt_tokens", "completion_tokens", "cost_usd"]
    details: dict[str, Any] = {}
    if summary["engine"] != OFFLINE:
        figures += ["cached_tokens", "replayed", "retries", "latency_p50_s", "latency_p95_s", "latency_p99_s"]
        details["inference"] = summary
        details[SPENT] = msgspec.to_builtins(meter.list_spent())
        if summary["unpriced_models"]:
            details["unpriced"] = ", ".join(summary["unpriced_models"])
    return {"engine": meter.name, **{name: summary[name] for name in figures}, **details}
