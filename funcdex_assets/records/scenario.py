"""Records of the situation behind a conversation: scenarios and personas."""

from typing import Literal

from funcdex_assets.records.labels import Kind
from funcdex_assets.records.record import Record


class Scenario(Record, frozen=True):
    """A situation in which somebody needs the chain's tools.

    `matter` is the thing it is all about ("the delayed reefer shipment"), in words that can stand
    in a title or a search query.
    """

    scenario_id: str
    chain_id: str
    kind: Kind
    title: str
    text: str
    industry: str
    matter: str
    tools: tuple[str, ...]
    held_out: bool


class Persona(Record, frozen=True):
    """The user: who is asking, and how that person writes.

    `today` is an ISO 8601 local date-time with offset, the conversation's present moment.
    """

    persona_id: str
    scenario_id: str
    name: str
    email: str
    position: str
    company: str
    industry: str
    context: str
    register: Literal["brisk", "warm", "formal", "chatty"]
    time_zone: str
    today: str


class DeduplicatedScenario(Scenario, frozen=True):
    """A scenario candidate and what became of it.

    kept:      unlike all known ones; goes on
    duplicate: repeats `duplicate_of`, with cosine `similarity` and word `overlap`
    surplus:   unlike all known ones, but there were enough; forgotten, so that it may come again
    """

    status: Literal["kept", "duplicate", "surplus", "failed"]
    duplicate_of: str | None
    similarity: float | None
    overlap: float | None
    cluster_id: str
