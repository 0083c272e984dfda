"""Who and what a conversation is made from: its plan, the situation, and the tools on offer."""

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
    """`tools` are those that the assistant sees from the beginning, by name: the plan's and the distractors. `absent`
    are those that are asked for and not on offer, or only later.
    """

    plan: ConversationPlan
    situation: Situation
    tools: Mapping[str, Tool]
    absent: Mapping[str, Tool] = field(default_factory=dict)

    @property
    def known(self) -> dict[str, Tool]:
        """The tools that are on offer at some time."""
        return {**self.tools, **{name: self.absent[name] for name in self.plan.late_tools}}

    @property
    def spoken_of(self) -> dict[str, Tool]:
        """All tools that the plan speaks of."""
        return {**self.tools, **self.absent}


def casts(
    plans: Sequence[ConversationPlan], personas: Sequence[Persona], scenarios: Sequence[Scenario], tools: Sequence[Tool]
) -> dict[str, Cast]:
    """By plan id, in the order of the plans."""
    people, settings = rows_by(personas, "persona_id"), rows_by(scenarios, "scenario_id")
    by_name = rows_by(tools, "name")
    return {
        plan.plan_id: Cast(
            plan,
            situation(settings[plan.scenario_id], people[plan.persona_id]),
            {name: by_name[name] for name in offered_tools(plan)},
            {name: by_name[name] for name in absent_tools(plan)},
        )
        for plan in plans
    }
