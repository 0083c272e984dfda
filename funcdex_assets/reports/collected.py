"""The input of a quality report: the stored tables of a partition, read once and joined by conversation.

Belongs here: reading and joining. The figures themselves are defined in `figures.py`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import polars as pl

from funcdex_assets.dialogue.participants import PARTICIPANT_TABLES, Participants, read_participants
from funcdex_assets.language.lexicon import load_industries
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.figures import Spent
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.message import Message
from funcdex_assets.records.row_failures import RowFailure, make_each, refuse_empty_stage
from funcdex_assets.records.tool import Tool
from funcdex_assets.records.verdict import ScoredConversation
from funcdex_assets.reports import diversity
from funcdex_assets.reports.published_turns import read_dataset_rows
from funcdex_assets.reports.skeleton_counts import Topic
from funcdex_assets.reports.stage_counts import count_stages
from funcdex_assets.storage.frames import from_frame, index_by
from funcdex_assets.training.token_rows import PublishedRow

JUDGE = "judge"

TABLES = (
    "tool_definitions",
    "tool_graph",
    "tool_chains",
    "deduplicated_scenarios",
    "personas",
    "conversation_plans",
    "conversations",
    "scored_conversations",
    "accepted_conversations",
    "dataset",
)


@dataclass(frozen=True)
class Example:
    """A conversation that was accepted or published, with the participants and the chain pattern that it was made from.

    `late` are the tools that a later user message of the conversation brings; `is_published` says whether it is in the
    dataset; `score` is its tool use quality.
    """

    conversation: Conversation
    participants: Participants
    pattern: str
    partition: str
    late: Mapping[str, Tool] = field(default_factory=dict)
    is_accepted: bool = True
    is_published: bool = True
    score: int = 0

    @property
    def messages(self) -> tuple[Message, ...]:
        return self.conversation.messages

    @property
    def user_messages(self) -> list[str]:
        """The texts of the user's messages, without pasted JSON."""
        return [
            diversity.remove_json_objects(message.content or "") for message in self.messages if message.role == "user"
        ]

    def collect_known_values(self) -> set[str]:
        """Collects the words that stand for values in this conversation: names, arguments, quotes, trade terms."""
        persona = self.participants.situation.persona
        persona_values = {persona.name, persona.name.split(" ")[0], persona.company, persona.position, persona.email}
        stated_values = {argument.surface for step in self.participants.plan.steps for argument in step.arguments}
        quoted = {source.evidence for source in self.conversation.provenance if source.source == "user"}
        trade = load_industries().get(self.participants.situation.scenario.industry, {})
        common = (*trade.get("counterparts", ()), *trade.get("pressures", ()))
        return {self.participants.situation.matter, *persona_values, *stated_values, *quoted, *common} - {""}


@dataclass
class Collected:
    """The records and counts of one partition, or of several. Tools and edges are named with their partition."""

    conversations: list[Example] = field(default_factory=list)
    scored: list[ScoredConversation] = field(default_factory=list)
    yields: Counter[str] = field(default_factory=Counter)
    tools: dict[str, Tool] = field(default_factory=dict)
    edges: set[str] = field(default_factory=set)
    spent: list[Spent] = field(default_factory=list)
    played: int = 0
    """Plans that were played, whether or not the conversation was finished."""
    rows: list[PublishedRow] = field(default_factory=list)
    """The rows of the dataset as they are published."""
    failures: list[RowFailure] = field(default_factory=list)
    """Conversations that are in no figure, because they could not be joined with the other tables."""

    @property
    def examples(self) -> list[Example]:
        """The conversations of the dataset."""
        return [example for example in self.conversations if example.is_published]

    @property
    def calls(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The calls of the dataset: the tool, named with its partition, and the arguments."""
        for example in self.examples:
            for message in example.messages:
                for call in message.tool_calls:
                    arguments = call.arguments if isinstance(call.arguments, Mapping) else {}
                    yield f"{example.partition}:{call.name}", arguments

    @property
    def topics(self) -> dict[str, Topic]:
        """What each conversation is about, by its id."""
        return {
            example.conversation.conversation_id: Topic(
                example.participants.situation.matter, example.participants.situation.scenario.title
            )
            for example in self.conversations
        }

    def select_conversations(self, examples: Sequence[Example]) -> "Collected":
        """The same with some of the conversations; rows of the others are left out with them."""
        left_out = {example.conversation.conversation_id for example in self.conversations} - {
            example.conversation.conversation_id for example in examples
        }
        rows = [row for row in self.rows if row.id not in left_out]
        return replace(self, conversations=list(examples), rows=rows)

    @property
    def accepted(self) -> list[Example]:
        """The conversations that were accepted, also those that the dataset leaves out."""
        return [example for example in self.conversations if example.is_accepted]

    @property
    def planned_kinds(self) -> set[Kind]:
        """The kinds of the conversations that were planned and made."""
        return {example.participants.plan.kind for example in self.conversations}

    def add_partition(self, collected: "Collected") -> None:
        self.conversations += collected.conversations
        self.scored += collected.scored
        self.yields.update(collected.yields)
        self.tools |= collected.tools
        self.edges |= collected.edges
        self.spent += collected.spent
        self.played += collected.played
        self.rows += collected.rows
        self.failures += collected.failures


class MixedTables(ValueError):
    """The tables of a partition are of different runs; the message says what to do."""


def collect_tables(
    partition: str, tables: Mapping[str, pl.DataFrame], spent: Mapping[str, Sequence[Spent]] = MappingProxyType({})
) -> Collected:
    """Reads and joins the tables named in `TABLES`; `spent` has the cost of the model answers by stage.

    Raises:
        MixedTables: the scenario of a plan is not among the scenarios any more.
    """
    scenarios = tables["deduplicated_scenarios"]["scenario_id"].to_list()
    if not set(tables["conversation_plans"]["scenario_id"].to_list()) <= set(scenarios):
        raise MixedTables(
            f"The scenarios of {partition} are of a later run than its conversations; materialise {partition} again"
        )
    tools = index_by(from_frame(tables["tool_definitions"], Tool), "name")
    participants_by_plan = read_participants(*(tables[name] for name in PARTICIPANT_TABLES))
    patterns = dict(tables["tool_chains"].select("chain_id", "pattern").iter_rows())
    published = set(tables["dataset"]["conversation_id"].to_list())
    accepted = set(tables["accepted_conversations"]["conversation_id"].to_list())
    edges = tables["tool_graph"].select("source_tool", "target_tool").iter_rows()
    scored = from_frame(tables["scored_conversations"], ScoredConversation)
    scores = {row.conversation_id: row.tool_use_quality or 0 for row in scored}

    def join_example(conversation: Conversation) -> Example:
        identity = conversation.conversation_id
        participants = participants_by_plan[conversation.plan_id]
        return Example(
            conversation,
            participants,
            patterns[participants.plan.chain_id],
            partition,
            {name: tools[name] for name in participants.plan.late_tools},
            is_accepted=identity in accepted,
            is_published=identity in published,
            score=scores.get(identity, 0),
        )

    pairs, failures = make_each(
        [
            conversation
            for conversation in from_frame(tables["conversations"], Conversation)
            if conversation.conversation_id in accepted or conversation.conversation_id in published
        ],
        join_example,
        lambda conversation: conversation.conversation_id,
    )
    refuse_empty_stage("conversations", len(pairs), failures)
    return Collected(
        [example for _, example in pairs],
        scored,
        Counter(count_stages(tables)),
        {f"{partition}:{name}": tool for name, tool in tools.items()},
        {f"{partition}:{source}>{target}" for source, target in edges},
        _count_judges_once(spent),
        tables["conversations"].height,
        read_dataset_rows(tables["dataset"]),
        failures,
    )


def _count_judges_once(spent: Mapping[str, Sequence[Spent]]) -> list[Spent]:
    """Lists the costs of all stages, with each judge model once.

    Judges are asked while conversations are made, and answer from the journal when these are scored: both stages
    note the cost of the same answers.
    """
    rows = [entry for stage in spent.values() for entry in stage]
    judged: dict[str, Spent] = {}
    for entry in rows:
        if entry.role == JUDGE and entry.requests >= judged.get(entry.model, entry).requests:
            judged[entry.model] = entry
    return [entry for entry in rows if entry.role != JUDGE] + list(judged.values())


def merge_collected(collections: Iterable[Collected]) -> Collected:
    total = Collected()
    for collected in collections:
        total.add_partition(collected)
    return total
