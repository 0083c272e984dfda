"""Settings of the judges that score conversations."""

from typing import Any

from pydantic import (
    Field,
    field_validator,
)

from funcdex_assets.settings.section import Section

MOST_JUDGES = 15


class MinScores(Section):
    """The lowest score on each scale with which a conversation is accepted; 1 lets any pass."""

    user_query_clarity: int = Field(default=2, ge=1, le=5, description="how clearly the user says what is wanted")
    tool_use_quality: int = Field(default=4, ge=1, le=5, description="right calls, and results used rightly")
    naturalness: int = Field(default=2, ge=1, le=5, description="whether it reads like two people at work")
    task_completion: int = Field(default=3, ge=1, le=5, description="whether all is done and told that was asked")


class Judging(Section):
    """The judge, or the committee of judges, that scores conversations, and the scores that are accepted."""

    min_scores: MinScores = MinScores()

    committee: int | tuple[dict[str, Any], ...] = Field(
        default=1,
        description="judges of each conversation: how many, under different seeds, or of each of them the fields in "
        "which its endpoint differs from the judge's, and perhaps its name; scores are medians, their spread is told",
    )

    orders: int = Field(
        default=1,
        ge=1,
        le=2,
        description="how often each model is asked about a conversation: 2 asks again with scales, faults and tools in "
        "the reversed order, takes the mean, and reports how far the order swayed it; the heuristic has no order",
    )

    @field_validator("committee", mode="before")
    @classmethod
    def _some_judges(cls, committee: Any) -> Any:
        if isinstance(committee, list | tuple):
            for number, member in enumerate(committee):
                if not isinstance(member, dict):
                    raise ValueError(f"member {number} is no mapping; write {{}} for the judge as it is, or its fields")
            if 1 <= len(committee) <= MOST_JUDGES:
                return committee
        elif isinstance(committee, int) and not isinstance(committee, bool) and 1 <= committee <= MOST_JUDGES:
            return committee
        raise ValueError(f"write a number of judges, 1 to {MOST_JUDGES}, or a list of as many")

    @property
    def members(self) -> tuple[dict[str, Any], ...]:
        """The fields in which each member differs from the judge, one mapping per member."""
        return ({},) * self.committee if isinstance(self.committee, int) else self.committee
