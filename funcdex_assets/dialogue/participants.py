"""Defines the participants of a conversation: its plan, its situation (persona and scenario), and the tools on offer.

What is said and done while the conversation runs is the dialogue state's, not the participants'.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from funcdex_assets.language.values import Situation, situation
from funcdex_assets.planning.plans import absent_tools, offered_tools
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.records.tool import Tool
from funcdex_assets.storage.frames import rows_by


@dataclass(frozen=True)
class Cast:
    """The fixed facts that a conversation is made from. `tools` are those that the assistant sees from the beginning,
    by name: the plan's and the distractors. `absent` are those that the user asks for and that are not on offer, or
    only later.
    """

    plan: ConversationPlan
    situation: Situation
    tools: Mapping[str, Tool]
    absent: Mapping[str, Tool] = field(default_factory=dict)

    @property
    def known(self) -> dict[str, Tool]:
        """The tools that are on offer at some time of the conversation, by name."""
        return {**self.tools, **{name: self.absent[name] for name in self.plan.late_tools}}

    @property
    def spoken_of(self) -> dict[str, Tool]:
        """Every tool that the plan mentions, by name, whether it is ever on offer or not."""
        return {**self.tools, **self.absent}


def casts(
    plans: Sequence[ConversationPlan], personas: Sequence[Persona], scenarios: Sequence[Scenario], tools: Sequence[Tool]
) -> dict[str, Cast]:
    """Returns each plan's participants by plan id, in the order of the plans."""
    persona_by_id, scenario_by_id = rows_by(personas, "persona_id"), rows_by(scenarios, "scenario_id")
    tool_by_name = rows_by(tools, "name")
    return {
        plan.plan_id: Cast(
            plan,
            situation(scenario_by_id[plan.scenario_id], persona_by_id[plan.persona_id]),
            {name: tool_by_name[name] for name in offered_tools(plan)},
            {name: tool_by_name[name] for name in absent_tools(plan)},
        )
        for plan in plans
    }
