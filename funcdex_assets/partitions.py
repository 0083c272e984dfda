"""The partitions of every stage: the toolkits and bundles of `funcdex.yaml`, in its order.

Neighbours in this order share a run, so the order decides what a backfill of some partitions costs.
"""

import dagster as dg

from funcdex_assets.settings import load_settings

PARTITIONS = dg.StaticPartitionsDefinition(load_settings().partitions)
