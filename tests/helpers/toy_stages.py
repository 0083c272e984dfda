"""Three stages in a row, a → b → c, over four partitions; `Trouble` says what goes wrong."""

import os
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pandera.polars as pa
import polars as pl

from funcdex_assets.contracts.table import Judgement, Table, TableCheck
from funcdex_assets.contracts.trusted_tables import TrustedTables
from funcdex_assets.orchestration.stage import EXECUTOR, Produced, stage

PARTITIONS = dg.StaticPartitionsDefinition(["p1", "p2", "p3", "p4"])
HOME_VARIABLE = "FUNCDEX_TOY_HOME"


class Layout(pa.DataFrameModel):
    item_id: str = pa.Field(unique=True)
    number: int = pa.Field(ge=0, le=100)

    class Config:
        strict = True


def strangers(own: pl.DataFrame, upstream: pl.DataFrame) -> pl.DataFrame:
    return own.join(upstream, on="item_id", how="anti")


def odd(own: pl.DataFrame) -> pl.DataFrame:
    return own.filter(pl.col("number") % 2 == 1)


EVEN = TableCheck("even_numbers", "Every number is even.", (), odd)
A = Table("a", Layout, (EVEN,))
B = Table("b", Layout, (EVEN, TableCheck("known_items", "Every item is in a.", ("a",), strangers)))
LOW = TableCheck("low_numbers", "Numbers are low.", (), lambda own: own.filter(pl.col("number") > 50), blocking=False)
C = Table("c", Layout, (TableCheck("known_items", "Every item is in b.", ("b",), strangers), LOW))


class PassingError(Exception):
    def __init__(self, text: str, retryable: bool) -> None:
        super().__init__(text)
        self.retryable = retryable


@dataclass
class Trouble:
    """Files in a folder, so that a test can change what goes wrong between two runs."""

    folder: Path

    def at(self, stage_name: str, partition: str) -> str:
        file = self.folder / f"{stage_name}.{partition}"
        return file.read_text() if file.exists() else ""

    def make(self, stage_name: str, partition: str, what: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{stage_name}.{partition}").write_text(what)

    def mend(self) -> None:
        for file in self.folder.iterdir():
            file.unlink()

    def strike(self, stage_name: str, partition: str, frame: pl.DataFrame) -> pl.DataFrame:
        what = self.at(stage_name, partition)
        if what == "raise":
            raise RuntimeError(f"no luck with {partition}")
        if what == "odd":
            return frame.with_columns(number=pl.col("number") + 1)
        if what == "range":
            return frame.with_columns(number=pl.col("number") - 2)
        if what.startswith("retry"):
            left = int(what.removeprefix("retry"))
            if left:
                self.make(stage_name, partition, f"retry{left - 1}")
                raise PassingError("busy", retryable=True)
        if what == "refuse":
            self.make(stage_name, partition, "")
            raise PassingError("forbidden", retryable=False)
        return frame


@stage(group="toy", table=A, code_version="1", partitions_def=PARTITIONS, kinds={"polars"})
def a(partition: str, trouble: Trouble, base: int) -> Produced:
    """Items that can be counted."""
    frame = pl.DataFrame({"item_id": [f"{partition}-1", f"{partition}-2"], "number": [base, base + 2]})
    return Produced(trouble.strike("a", partition, frame), {"partition_name": partition})


@stage(group="toy", table=B, code_version="1", partitions_def=PARTITIONS, pauses=(0, 0))
def b(partition: str, a: pl.DataFrame, trouble: Trouble) -> Produced:
    """Items with twice the number."""
    return Produced(trouble.strike("b", partition, a.with_columns(number=pl.col("number") * 2)))


@stage(group="toy", table=C, code_version="1", partitions_def=PARTITIONS, further_checks={"enough": "There is enough."})
def c(partition: str, b: pl.DataFrame, trouble: Trouble) -> Produced:
    """The same items again."""
    made = trouble.strike("c", partition, b)

    def publish() -> dict[str, str]:
        (trouble.folder.parent / f"published.{partition}").touch()
        return {"published": partition}

    little = trouble.at("c", partition) == "little"
    enough = Judgement("enough", "There is enough.", made.head(1) if little else made.clear())
    kept = trouble.folder.parent / f"kept.{partition}"
    return Produced(made, {"preview": dg.MetadataValue.md("*own*")}, publish, [enough], kept.touch)


@dg.asset(deps=[c])
def everything(funcdex_tables: dg.ResourceParam[TrustedTables]) -> dg.MaterializeResult:
    """All partitions together."""
    return dg.MaterializeResult(metadata={"partitions": len(funcdex_tables.list_partitions("c"))})


@dg.resource(config_schema={"base": dg.Field(int, default_value=0)})
def base_resource(context: dg.InitResourceContext) -> int:
    return context.resource_config["base"]


@dg.resource
def tables_resource() -> TrustedTables:
    return TrustedTables(Path(os.environ[HOME_VARIABLE]), (A, B, C))


@dg.resource
def trouble_resource() -> Trouble:
    return Trouble(Path(os.environ[HOME_VARIABLE]) / "trouble")


def definitions(executor: dg.ExecutorDefinition = EXECUTOR) -> dg.Definitions:
    return dg.Definitions(
        assets=[a, b, c, everything],
        resources={
            "funcdex_tables": tables_resource,
            "funcdex_trouble": trouble_resource,
            "funcdex_base": base_resource,
        },
        jobs=[dg.define_asset_job("toy", selection=dg.AssetSelection.all())],
        executor=executor,
    )


def toy() -> dg.JobDefinition:
    return definitions().resolve_job_def("toy")
