"""The functions behind the stages, called one after the other without Dagster's machinery, on tables in a folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from funcdex_assets.contracts.stage_tables import TABLES
from funcdex_assets.contracts.trusted_tables import TrustedTables
from funcdex_assets.dedup.index import LanceScenarioIndex
from funcdex_assets.definitions import STAGES
from funcdex_assets.embedding.hashed_ngrams import HashedNgrams
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import Completion, Request
from funcdex_assets.roles.improvisations import IMPROVISATIONS
from funcdex_assets.settings.settings import Settings, load_settings


class FaultyEngine(OfflineEngine):
    """The offline engine, with a hook that is called before each answer and may raise."""

    def __init__(self, before_answer: Callable[[Request], None] = lambda _: None) -> None:
        super().__init__(IMPROVISATIONS)
        self.before_answer = before_answer

    async def complete(self, request: Request) -> Completion:
        self.before_answer(request)
        return await super().complete(request)


@dataclass
class StageRun:
    """The tables that were made, and the metadata of the stages, by stage."""

    frames: dict[str, pl.DataFrame]
    metadata: dict[str, Mapping[str, Any]]


def list_stage_parts() -> dict[str, Any]:
    """What the decorator `stage` made of each stage's function, by name, in the order in which data flows."""
    parts = {}
    for definition in (value for module in STAGES for value in vars(module).values()):
        if not isinstance(definition, dg.AssetsDefinition):
            continue
        cells = getattr(getattr(definition.op.compute_fn, "decorated_fn", None), "__closure__", None) or ()
        for cell in cells:
            if type(cell.cell_contents).__name__ == "_StageParts":
                parts[cell.cell_contents.name] = cell.cell_contents
    return parts


def run_stages(
    settings: Settings,
    partition: str,
    home: Path,
    engine: OfflineEngine,
    given: Mapping[str, pl.DataFrame] | None = None,
    last: str = "",
) -> StageRun:
    """Makes the tables of all stages up to `last` that are not `given`, each judged by its contract as in a run."""
    tables = TrustedTables(home, TABLES)
    resources = {
        "settings": settings,
        "tables": tables,
        "engine": engine,
        "embedder": HashedNgrams(),
        "index": LanceScenarioIndex(home / "scenarios.lance"),
        "partition": partition,
    }
    run = StageRun(dict(given or {}), {})
    for name, frame in run.frames.items():
        tables.write_table(name, partition, frame)
    for name, parts in list_stage_parts().items():
        if name in run.frames:
            continue
        arguments = {needed: run.frames[needed] for needed in parts.inputs}
        arguments |= {resource: resources[resource] for resource in parts.resources}
        if parts.takes_partition:
            arguments["partition"] = partition
        produced = parts.function(**arguments)
        read = {needed: tables.load_table(needed, partition) for needed in parts.upstream}
        tables.write_judged(parts.table, partition, produced.frame, read)
        run.frames[name] = produced.frame
        run.metadata[name] = {**produced.metadata, **produced.publish()}
        if name == last:
            break
    return run


def settings_of_project(project: Path, home: Path, **generation: Any) -> Settings:
    """The settings of a project's file, with another home and with these fields of `generation`."""
    settings = load_settings(project / "funcdex.yaml")
    chosen = type(settings.generation).model_validate(settings.generation.model_dump(exclude_unset=True) | generation)
    return settings.model_copy(update={"home": home, "generation": chosen})


def run_project(project: Path, home: Path, partition: str, last: str = "dataset", **generation: Any) -> StageRun:
    """Runs the stages of a partition up to `last`, on the offline engine."""
    return run_stages(settings_of_project(project, home, **generation), partition, home, FaultyEngine(), last=last)
