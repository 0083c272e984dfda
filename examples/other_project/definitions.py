"""A project that has assets, resources and a job of its own, and takes those of funcdex in under a key prefix.

    cd examples/other_project && dagster dev -m definitions

`tickets_report` follows funcdex's dataset of a toolkit as it would follow any other asset.
"""

from pathlib import Path

import dagster as dg

from funcdex_assets.definitions import build_definitions
from funcdex_assets.settings.settings import load_settings

HERE = Path(__file__).parent
PREFIX = "funcdex"


@dg.asset
def raw_tickets() -> dg.MaterializeResult:
    """What came in today."""
    return dg.MaterializeResult(metadata={"rows": 3})


@dg.asset(deps=[raw_tickets])
def tickets(settings: dg.ResourceParam[dict]) -> dg.MaterializeResult:
    """The tickets of our customers; `settings` is this project's own resource, of that very name."""
    return dg.MaterializeResult(metadata={"region": settings["region"]})


@dg.asset(deps=[tickets, dg.AssetKey([PREFIX, "dataset_release"])])
def tickets_report() -> dg.MaterializeResult:
    """Our report, which waits for the released dataset."""
    return dg.MaterializeResult()


mine = dg.Definitions(
    assets=[raw_tickets, tickets, tickets_report],
    jobs=[dg.define_asset_job("generate_dataset", [raw_tickets, tickets])],
    resources={"settings": {"region": "eu"}},
    executor=dg.in_process_executor,
)


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions.merge(mine, build_definitions(load_settings(HERE / "funcdex.yaml"), key_prefix=PREFIX))
