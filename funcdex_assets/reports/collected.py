"""The input of a quality report: the stored tables of a partition, read once and joined by conversation.

Belongs here: reading and joining. The figures themselves are defined in `figures.py`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import polars as pl

from funcdex_assets.dialogue.participants import Participants, assemble_participants
from funcdex_assets.language.lexicon import load_industries
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.records.figures import Spent
from funcdex_assets.records.message import Message
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.scenario import Persona, Scenario
from funcdex_assets.records.tool import Tool
from funcdex_assets.records.verdict import ScoredConversation
from funcdex_assets.reports import diversity
from funcdex_assets.storage.frames import from_frame, index_by

STAGES = ("candidates", "kept", "planned", "made", "accepted", "dataset")
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
    """A conversation of the dataset, with the participants and the chain pattern that it was made from."""

    conversation: Conversation
    cast: Participants
    pattern: str
    partition: str
    late: Mapping[str, Tool] = field(default_factory=dict)
    """Tools that a later user message of the conversation brings."""

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
        persona = self.cast.situation.persona
        persona_values = {persona.name, persona.name.split(" ")[0], persona.company, persona.position, persona.email}
        stated_values = {argument.surface for step in self.cast.plan.steps for argument in step.arguments}
        quoted = {source.evidence for source in self.conversation.provenance if source.source == "user"}
        trade = load_industries().get(self.cast.situation.scenario.industry, {})
        common = (*trade.get("counterparts", ()), *trade.get("pressures", ()))
        return {self.cast.situation.matter, *persona_values, *stated_values, *quoted, *common} - {""}


@dataclass
class Collected:
    """The records and counts of one partition, or of several. Tools and edges are named with their partition."""

    examples: list[Example] = field(default_factory=list)
    scored: list[ScoredConversation] = field(default_factory=list)
    yields: Counter[str] = field(default_factory=Counter)
    tools: set[str] = field(default_factory=set)
    edges: set[str] = field(default_factory=set)
    spent: list[Spent] = field(default_factory=list)

    def add_partition(self, collected: "Collected") -> None:
        self.examples += collected.examples
        self.scored += collected.scored
        self.yields.update(collected.yields)
        self.tools |= collected.tools
        self.edges |= collected.edges
        self.spent += collected.spent


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
    plans = from_frame(tables["conversation_plans"], ConversationPlan)
    conversations = from_frame(tables["conversations"], Conversation)
    tools = index_by(from_frame(tables["tool_definitions"], Tool), "name")
    by_plan = assemble_participants(
        plans,
        from_frame(tables["personas"], Persona),
        from_frame(tables["deduplicated_scenarios"], Scenario),
        tuple(tools.values()),
    )
    patterns = dict(tables["tool_chains"].select("chain_id", "pattern").iter_rows())
    published = set(tables["dataset"]["conversation_id"].to_list())
    edges = tables["tool_graph"].select("source_tool", "target_tool").iter_rows()
    status = tables["deduplicated_scenarios"]["status"]
    counts = (
        status.len(),
        int((status == "kept").sum()),
        len(plans),
        sum(conversation.failure is None for conversation in conversations),
        tables["accepted_conversations"].height,
        tables["dataset"].height,
    )
    examples = []
    for conversation in conversations:
        if conversation.conversation_id in published:
            cast = by_plan[conversation.plan_id]
            late = {name: tools[name] for name in cast.plan.late_tools}
            examples.append(Example(conversation, cast, patterns[cast.plan.chain_id], partition, late))
    return Collected(
        examples,
        from_frame(tables["scored_conversations"], ScoredConversation),
        Counter(dict(zip(STAGES, counts, strict=True))),
        {f"{partition}:{name}" for name in tables["tool_definitions"]["name"].to_list()},
        {f"{partition}:{source}>{target}" for source, target in edges},
        _count_judges_once(spent),
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
