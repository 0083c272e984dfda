"""Several stages look at a conversation's plan, people, scenario and tools together: read here at once."""

import polars as pl

from funcdex_assets.dialogue.participants import Participants, assemble_participants
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.records.tool import Tool
from funcdex_assets.storage.frames import from_frame


def read_participants(
    plans: pl.DataFrame, personas: pl.DataFrame, scenarios: pl.DataFrame, tools: pl.DataFrame
) -> dict[str, Participants]:
    """By plan id, in the order of the plans."""
    return assemble_participants(
        from_frame(plans, ConversationPlan),
        from_frame(personas, Persona),
        from_frame(scenarios, Scenario),
        from_frame(tools, Tool),
    )
