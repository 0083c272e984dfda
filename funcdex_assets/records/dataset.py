"""Records of what is published, what is left out, and what overlaps with evaluation sets."""

from typing import Literal

from funcdex_assets.records.conversation import RoleModel, StepTrace
from funcdex_assets.records.labels import Kind, Measure
from funcdex_assets.records.record import Json, Record
from funcdex_assets.records.verdict import TurnVerdict


class ParsedConversation(Record, frozen=True, kw_only=True):
    """One training example before it is split: OpenAI `messages` and `tools`, and where it is from.

    `cluster_id` and `chain_id` are what splits must not share; `held_out` says which side it is on.
    `turn_verdicts` and `step_trace` count the messages as `messages` has them, with the system prompt.
    `certificate` is the input of a replay (see `environment/replay.py`); null where a model made the results.

    What follows it says what the row is (`export/row_facts.py`): the scores, 1 to 5, with their mean `overall`, who
    gave them and why; and how the conversation was made. `models` are those of the roles that were asked, `attempts`
    counts the texts that were tried, `repairs` those among them that the program mended or a model corrected. A table
    of before they were recorded has none of it; in one that is made now, all of it is there.
    """

    conversation_id: str
    partition: str
    messages: Json
    tools: Json
    scenario_id: str
    cluster_id: str
    chain_id: str
    kind: Kind
    held_out: bool
    clarity: str
    calls: int
    user_turns: int
    turn_verdicts: tuple[TurnVerdict, ...] = ()
    step_trace: tuple[StepTrace, ...] = ()
    certificate: Json = None
    user_query_clarity: int | None = None
    tool_use_quality: int | None = None
    naturalness: int | None = None
    task_completion: int | None = None
    overall: float | None = None
    judge: str | None = None
    judge_reasoning: str | None = None
    seed: int | None = None
    pattern: str | None = None
    toolkits: tuple[str, ...] = ()
    strategy: str | None = None
    engine: str | None = None
    models: tuple[RoleModel, ...] = ()
    attempts: int | None = None
    repairs: int | None = None


class DeduplicatedConversation(Record, frozen=True):
    """The verdict whether a conversation repeats another: the same calls, and the same user turns with values masked.

    One that cannot be compared with others is `failed`, for the reason given. A duplicate repeats `duplicate_of`, with
    cosine `similarity` and word `overlap`; `turns` are its user turns, from 0, that are worded like one of the other's.
    """

    conversation_id: str
    status: Literal["kept", "duplicate", "failed"]
    duplicate_of: str | None
    similarity: float | None
    overlap: float | None
    turns: tuple[int, ...]
    cluster_id: str
    reason: str


class DatasetRow(ParsedConversation, frozen=True, kw_only=True):
    """`reserved_functions` are those it calls that only the test split may call (`generation.hold_out: function`)."""

    split: Literal["train", "test"]
    reserved_functions: tuple[str, ...] = ()


class OwnRow(Record, frozen=True, kw_only=True):
    """A row of a team's own, which is in the train split of the release and nowhere else.

    `place` is its file and line, `weight` how much it counts for a trainer beside a generated row, which counts 1. A
    call in it may have no result.
    """

    row_id: str
    partition: str
    place: str
    messages: Json
    tools: Json
    weight: float
    calls: int
    user_turns: int


class LeftOut(Record, frozen=True):
    """A conversation that is not in a dataset although it was accepted, and why.

    near_duplicate:  it repeats the conversation `of`
    shared_cluster:  a train conversation of a scenario cluster that the test split has
    held_out:        a train conversation that calls a function reserved for the test split, or a test
                     conversation that calls none
    contamination:   it overlaps with the item `of` of an evaluation set
    own_row:         a test conversation whose user says what the user says in a team's own row `of`, from its beginning
    test_request:    a train conversation in which the user says the one request of the test conversation `of`
    failed:          it could not be compared with others, given a split or written
    """

    conversation_id: str
    partition: str
    rule: Literal["near_duplicate", "shared_cluster", "held_out", "contamination", "own_row", "test_request", "failed"]
    of: str | None
    reason: str


class Overlap(Record, frozen=True):
    """By one measure, the item of an evaluation set that a conversation overlaps with most.

    names:      a function of the same name, with `score` of its parameter names
    schemas:    a function with `score` of its parameters and their types, whatever its name
    ngrams:     `score` of the n-grams of a user turn of the item
    embeddings: a user turn at cosine `score`
    """

    conversation_id: str
    partition: str
    evaluation_set: str
    item: str
    measure: Measure
    score: float
    reason: str
