"""Several stages look at a conversation's plan, people, scenario and tools together: read here at once."""

import polars as pl

from funcdex_assets.records import ConversationPlan, Persona, Scenario, Tool
from funcdex_assets.simulation.cast import Cast, casts
from funcdex_assets.tables import from_frame


def casts_of(
    plans: pl.DataFrame, personas: pl.DataFrame, scenarios: pl.DataFrame, tools: pl.DataFrame
) -> dict[str, Cast]:
    """By plan id, in the order of the plans."""
    return casts(
        from_frame(plans, ConversationPlan),
        from_frame(personas, Persona),
        from_frame(scenarios, Scenario),
        from_frame(tools, Tool),
    )
