"""Settings of what is generated: how many conversations of which kinds, by which strategy."""

from collections.abc import Collection, Sequence
from math import ceil
from typing import Literal, get_args

from pydantic import (
    Field,
    NonNegativeFloat,
    model_validator,
)

from funcdex_assets.records.chain_patterns import Pattern
from funcdex_assets.records.hold_out import HoldOut
from funcdex_assets.records.kinds import DEFAULT_WEIGHTS, KINDS, SERVICE_KINDS, count_conversations_per_cell
from funcdex_assets.records.labels import Fault, Kind
from funcdex_assets.settings.section import Section

LATEST_FEEDBACK = "latest"
"""In place of a file: the figures that the latest evaluation of each partition's model has left in the home."""


class ClarityWeights(Section):
    """Relative weights of the levels of clarity with which users express themselves.

    excellent: everything needed is said at once · good: facts come with each request ·
    average: the assistant has to ask for what is missing
    """

    excellent: float = Field(default=0.35, ge=0)
    good: float = Field(default=0.40, ge=0)
    average: float = Field(default=0.25, ge=0)

    @model_validator(mode="after")
    def _some_weight(self) -> "ClarityWeights":
        if self.excellent + self.good + self.average <= 0:
            raise ValueError("at least one weight must be above 0")
        return self


class Bounds(Section):
    """Upper bounds of a conversation that one_shot writes under the grammar.

    Texts and strings are bounded in characters by gbnf; the other notations allow a quarter as many tokens. Without
    bounds a weak model would never end.
    """

    turns: int = Field(default=8, ge=2, le=100, description="most turns; a plan that needs more gets them")
    steps: int = Field(default=4, ge=1, le=50, description="most calls, or groups of them, before a turn's reply")
    parallel: int = Field(default=3, ge=1, le=50, description="most calls of a group; 1 for no groups")
    text: int = Field(default=800, ge=4, le=100_000, description="most characters of what is said at once")
    string: int = Field(
        default=800, ge=12, le=100_000, description="most characters of an argument's string; a result's is a third"
    )
    items: int = Field(default=3, ge=0, le=1000, description="most items of an array")


class Generation(Section):
    """The number and kinds of conversations to generate, and the strategy that generates them."""

    conversations: int = Field(default=106, ge=1, le=1_000_000, description="conversations per partition")
    total_conversations: int | None = Field(
        default=None,
        ge=1,
        le=100_000_000,
        description="in place of conversations: how many over all partitions, spread evenly",
    )
    oversample: float = Field(
        default=1.7, ge=1, le=20, description="scenario candidates per conversation, for de-duplication"
    )
    test_share: float = Field(
        default=0.19, ge=0, le=0.9, description="share of conversations reserved for the test split"
    )
    hold_out: HoldOut = Field(
        default="chain",
        description="what the test split does not share with the train split: chains of tools, or functions, of "
        "which then test_share is called in the test split only",
    )
    min_calls: int = Field(default=2, ge=1, le=20, description="calls in the shortest chain, or for a goal")
    max_calls: int = Field(default=6, ge=1, le=20, description="calls in the longest chain, or for a goal")
    kinds: dict[Kind, NonNegativeFloat] = Field(
        default_factory=lambda: dict(DEFAULT_WEIGHTS),
        description="what conversations show, as relative weights; a kind that is not named has none, and one that the "
        "tools do not permit leaves its share to the others",
    )
    patterns: dict[Pattern, NonNegativeFloat] = Field(
        default_factory=dict,
        description="shapes of chains, as relative weights, such as {search_then_act: 3, single_call: 1}, where a kind "
        "permits several; by default chains are linked as the tool graph offers",
    )
    crossing: float = Field(
        default=1, ge=0, le=1, description="share of a bundle's chains of several calls that cross its toolkits"
    )
    faults: dict[Fault, NonNegativeFloat] = Field(
        default_factory=lambda: dict.fromkeys(get_args(Fault), 1),
        description="how calls go wrong, as relative weights; where a call permits none, another way is taken",
    )
    fault_share: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="share of multi_step, long_context and parallel conversations in which a call goes wrong",
    )
    noise_share: float = Field(
        default=0.15,
        ge=0,
        le=1,
        description="share of the sentences of short commands that are misheard or mistyped; the values stay known",
    )
    reserve: float = Field(
        default=0.25,
        ge=0,
        le=10,
        description="plans per wanted conversation that are kept in reserve, for those that are rejected",
    )
    must_include: tuple[str, ...] = Field(
        default=(), description="tools of which each chain has at least one, in partitions that have any of them"
    )
    steering: bool = Field(
        default=True,
        description="tools and pairs of tools that were drawn less, also in earlier nights, are drawn more",
    )
    feedback: str | None = Field(
        default=None,
        min_length=1,
        description="figures of what an earlier model did badly, of which more is made: a file, or latest for those of "
        "each partition's latest evaluation; by default none",
    )
    feedback_strength: float = Field(
        default=1.0,
        ge=0,
        le=10,
        description="how strongly feedback steers: what is always wrong is drawn 1 + strength times as readily as what "
        "is always right",
    )
    distractor_tools: int = Field(
        default=3,
        ge=0,
        le=100,
        description="tools offered beside those the conversation needs; in long_context up to 20, unless 0",
    )
    clarity: ClarityWeights = ClarityWeights()
    include_assistant_thoughts: bool = Field(
        default=False, description="assistants explain their next step in a thought"
    )
    replays: int = Field(
        default=1,
        ge=0,
        le=20,
        description="times that a rejected conversation is played again from its plan, told what was wrong with it, "
        "before another plan is spent",
    )
    strategy: Literal["simulate", "one_shot", "hybrid"] = Field(
        default="simulate",
        description="how conversations are made: turn by turn, in one answer, or turn by turn with some roles offline",
    )
    assistant_calls: Literal["auto", "constrained", "native"] = Field(
        default="auto",
        description="how a simulated assistant calls tools: as JSON under a schema, or as the server's own tool calls; "
        "auto is native for the profile openai",
    )
    tool_results: Literal["world", "model"] = Field(
        default="world", description="who makes tool results under simulate: the program, or the role tool_simulator"
    )
    offline_roles: tuple[Literal["user_simulator", "assistant"], ...] = Field(
        default=("user_simulator",), description="roles that the program plays under hybrid"
    )
    grammar: bool = Field(
        default=True, description="one_shot writes under the grammar; false for an endpoint that takes none"
    )
    bounds: Bounds = Bounds()
    corrections: int = Field(default=2, ge=0, le=20, description="times that one_shot has a faulty text corrected")
    regenerations: int = Field(default=1, ge=0, le=20, description="times that it is then written anew")
    # Measured offline: a conversation of multi_step has about 1,200 tokens, one of long_context 4,500 (docs/mix.md).
    max_conversation_tokens: int = Field(
        default=6000,
        ge=100,
        le=1_000_000,
        description="longest text of one_shot, in tokens; where a plan needs more turns than the bounds have, as much "
        "longer",
    )

    @model_validator(mode="after")
    def _check_order(self) -> "Generation":
        if not any(self.kinds.values()):
            raise ValueError(f"kinds gives no weight to any kind; give one to some of {', '.join(KINDS)}")
        if self.total_conversations is not None and "conversations" in self.model_fields_set:
            raise ValueError("conversations and total_conversations are both set; remove one of them")
        if self.min_calls > self.max_calls:
            raise ValueError(
                f"min_calls ({self.min_calls}) is above max_calls ({self.max_calls}); lower one or raise the other"
            )
        if self.assistant_calls == "native" and self.include_assistant_thoughts:
            raise ValueError(
                "assistant_calls: native leaves no place for include_assistant_thoughts; set one of them otherwise"
            )
        return self

    @property
    def are_kinds_chosen(self) -> bool:
        """Says whether the settings name the kinds; otherwise the tools decide between commands and the others."""
        return "kinds" in self.model_fields_set

    def select_kinds_asked_for(self, drawn: Collection[str]) -> dict[Kind, NonNegativeFloat]:
        """Returns the weights of the kinds that were asked for, where chains of the kinds `drawn` could be made."""
        if self.are_kinds_chosen:
            return self.kinds
        left_out = ({"command"} - set(drawn)) | (set() if set(drawn) & set(SERVICE_KINDS) else set(SERVICE_KINDS))
        return {kind: weight for kind, weight in self.kinds.items() if weight and kind not in left_out}

    def count_wanted_conversations(self, possible: Collection[Kind] = KINDS) -> dict[tuple[Kind, bool], int]:
        """Counts the accepted conversations wanted of each kind on each side (True: held out for the test split).

        `possible` are the kinds that the tools permit.
        """
        held_out = round(self.conversations * self.test_share)
        if self.test_share and self.conversations > 1:
            held_out = max(1, held_out)
        return count_conversations_per_cell(self.conversations, held_out, self.kinds, possible)

    def count_wanted_candidates(self, possible: Collection[Kind] = KINDS) -> dict[tuple[Kind, bool], int]:
        """Counts the scenario candidates of each cell, from which duplicates are removed."""
        return {
            cell: ceil(count * self.oversample) for cell, count in self.count_wanted_conversations(possible).items()
        }

    def count_wanted_plans(self, possible: Collection[Kind] = KINDS) -> dict[tuple[Kind, bool], int]:
        """Counts the plans of each cell: one for each wanted conversation, and the reserve."""
        return {
            cell: count + ceil(count * self.reserve)
            for cell, count in self.count_wanted_conversations(possible).items()
        }


def spread_total(total: int, partitions: Sequence[str]) -> dict[str, int]:
    """Spreads a total of conversations over partitions: evenly, and what is left over to the first ones.

    >>> spread_total(10, ("gmail", "jira", "stripe"))
    {'gmail': 4, 'jira': 3, 'stripe': 3}

    Raises:
        ValueError: some partition would get none.
    """
    if total < len(partitions):
        raise ValueError(
            f"a total of {total} is less than one conversation for each of {len(partitions)} partitions; "
            f"raise it to {len(partitions)} or more"
        )
    share, left_over = divmod(total, len(partitions))
    return {partition: share + 1 if index < left_over else share for index, partition in enumerate(partitions)}
