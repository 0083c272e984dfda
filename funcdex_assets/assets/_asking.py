"""Asking an engine many things at once: progress on the way, and what it took afterwards."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from funcdex_assets.inference.protocol import InferenceEngine
from funcdex_assets.inference.usage import UsageMeter
from funcdex_assets.progress import listener
from funcdex_assets.roles.role import Role, play_all
from funcdex_assets.seeds import derive_seed

OFFLINE = "offline"
Subject = TypeVar("Subject")
Output = TypeVar("Output")
Result = TypeVar("Result")


def ask_all(
    engine: InferenceEngine,
    role: Role[Subject, Output],
    subjects: Sequence[Subject],
    stage: str,
    partition: str,
    seed: int,
) -> tuple[list[Output], dict[str, Any]]:
    """The role's answers in the order of the subjects, and metadata on what they took."""
    place_seed = derive_seed(seed, partition)
    return run_metered(
        engine,
        lambda meter, advanced: play_all(role, meter, subjects, place_seed, advanced),
        stage,
        partition,
        len(subjects),
    )


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

    def advanced() -> None:
        nonlocal done
        done += 1
        listener().advanced(stage, partition, done, total)

    async def run() -> Result:
        try:
            return await work(meter, advanced)
        finally:
            await meter.close()

    return asyncio.run(run()), _took(meter)


def _took(meter: UsageMeter) -> dict[str, Any]:
    """The figures that the UI plots; by role only for an engine that costs something."""
    summary = meter.summary()
    figures = ("requests", "prompt_tokens", "completion_tokens", "cost_usd")
    roles = {} if summary["engine"] == OFFLINE else {"inference": summary}
    return {"engine": meter.name, **{name: summary[name] for name in figures}, **roles}
