"""Defines the participants of a conversation: its plan, its situation (persona and scenario), and the tools on offer.

What is said and done while the conversation runs is the dialogue state's, not the participants'.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from funcdex_assets.language.values import Situation, build_situation
from funcdex_assets.planning.plans import list_absent_tools, list_offered_tools
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.row_failures import RowFailure, make_each
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.records.tool import Tool
from funcdex_assets.storage.frames import from_frame, index_by

PARTICIPANT_TABLES = ("conversation_plans", "personas", "deduplicated_scenarios", "tool_definitions")
"""The tables that `read_participants` takes, in its order."""


@dataclass(frozen=True)
class Participants:
    """The fixed facts that a conversation is made from. `tools` are those that the assistant sees from the beginning,
    by name: the plan's and the distractors. `absent_tools` are those that the user asks for and that are not on
    offer, or only later. `lessons` say what was wrong with an earlier try at this conversation.
    """

    plan: ConversationPlan
    situation: Situation
    tools: Mapping[str, Tool]
    absent_tools: Mapping[str, Tool] = field(default_factory=dict)
    lessons: tuple[str, ...] = ()

    @property
    def tools_ever_offered(self) -> dict[str, Tool]:
        """The tools that are on offer at some time of the conversation, by name."""
        return {**self.tools, **{name: self.absent_tools[name] for name in self.plan.late_tools}}

    @property
    def mentioned_tools(self) -> dict[str, Tool]:
        """Every tool that the plan mentions, by name, whether it is ever on offer or not."""
        return {**self.tools, **self.absent_tools}


def read_participants(
    conversation_plans: pl.DataFrame,
    personas: pl.DataFrame,
    deduplicated_scenarios: pl.DataFrame,
    tool_definitions: pl.DataFrame,
) -> dict[str, Participants]:
    """Returns each plan's participants by plan id, in the order of the plans, from the tables of a partition; plans
    that cannot be prepared are left out, as `prepare_participants` does.
    """
    return prepare_participants(conversation_plans, personas, deduplicated_scenarios, tool_definitions)[0]


def prepare_participants(
    conversation_plans: pl.DataFrame,
    personas: pl.DataFrame,
    deduplicated_scenarios: pl.DataFrame,
    tool_definitions: pl.DataFrame,
) -> tuple[dict[str, Participants], list[RowFailure]]:
    """Returns what `assemble_participants` does, from the tables of a partition."""
    return assemble_participants(
        from_frame(conversation_plans, ConversationPlan),
        from_frame(personas, Persona),
        from_frame(deduplicated_scenarios, Scenario),
        from_frame(tool_definitions, Tool),
    )


def assemble_participants(
    plans: Sequence[ConversationPlan], personas: Sequence[Persona], scenarios: Sequence[Scenario], tools: Sequence[Tool]
) -> tuple[dict[str, Participants], list[RowFailure]]:
    """Returns each plan's participants by plan id, in the order of the plans, and the plans that have none, each by its
    plan id with the reason.
    """
    persona_by_id, scenario_by_id = index_by(personas, "persona_id"), index_by(scenarios, "scenario_id")
    tool_by_name = index_by(tools, "name")

    def prepare_plan(plan: ConversationPlan) -> Participants:
        return Participants(
            plan,
            build_situation(scenario_by_id[plan.scenario_id], persona_by_id[plan.persona_id]),
            {name: tool_by_name[name] for name in list_offered_tools(plan)},
            {name: tool_by_name[name] for name in list_absent_tools(plan)},
        )

    pairs, failures = make_each(plans, prepare_plan, lambda plan: plan.plan_id)
    return {plan.plan_id: participants for plan, participants in pairs}, failures
