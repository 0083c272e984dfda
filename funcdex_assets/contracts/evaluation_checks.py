"""Checks of the table of figures of models."""

import polars as pl

from funcdex_assets.records.evaluation import DIFFERENCE, MEANS

_PER_REQUEST = pl.col("metric").is_in(MEANS)
_IS_DIFFERENCE = pl.col("metric").str.ends_with(DIFFERENCE)
_KEY = ("model", "metric", "group", "member")


def find_repeated_figures(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds figures of one model, metric and group that are there twice."""
    return frame.filter(pl.struct(_KEY).is_duplicated()).select(*_KEY, "value")


def find_impossible_figures(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds shares outside of 0 to 1, and intervals whose ends are the wrong way round."""
    lowest = pl.when(_IS_DIFFERENCE).then(-1.0).otherwise(0.0)
    highest = pl.when(_PER_REQUEST).then(float("inf")).otherwise(1.0)
    margin = 1e-9
    is_outside = (pl.col("value") < lowest - margin) | (pl.col("value") > highest + margin)
    return frame.filter(is_outside | (pl.col("low") > pl.col("high") + margin)).select(*_KEY, "value", "low", "high")


def find_significant_losses(frame: pl.DataFrame) -> pl.DataFrame:
    """Finds the metrics in which a model is worse than the published one, beyond the 95 % interval."""
    return frame.filter(_IS_DIFFERENCE & (pl.col("high") < 0)).select(
        "model", "metric", pl.col("member").alias("published"), "value", "low", "high", "items"
    )
