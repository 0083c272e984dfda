"""The nouns of the system: what flows between the stages.

Here belong plain immutable records and nothing else: no I/O, no validation beyond types, no
behaviour. Each stage's table holds one of these per row (`tables.py` turns them into Polars frames
and back). A `Json` field holds any JSON value; in a table it is a column of JSON text.

>>> Tool(toolkit="gmail", name="LIST_THREADS", description="Lists threads.",
...      parameters={"type": "object", "properties": {}}, returns=None, source="example").name
'LIST_THREADS'
"""

from typing import Annotated, Any, Literal

import msgspec

Json = Any

Role = Literal["user", "assistant", "tool"]
Clarity = Literal["excellent", "good", "average"]
SourceKind = Literal["user", "result", "context", "schema"]
Kind = Literal[
    "multi_step",
    "long_context",
    "simple",
    "parallel",
    "no_suitable_tool",
    "ask_back",
    "missing_function",
    "error_recovery",
]
"""What a conversation shall show, one cell of a dataset's mix each (see `docs/mix.md`)."""

Fault = Literal[
    "not_found",
    "invalid_argument",
    "permission_denied",
    "expired_auth",
    "rate_limit",
    "conflict",
    "timeout",
    "empty_result",
]
"""How a call can go wrong; `empty_result` is a success that found nothing, the others are errors."""

TurnKind = Literal[
    "request", "remedy", "dropped", "correction", "recall", "small_talk", "unsuitable", "unlocked", "thanks"
]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every record: immutable, keyword-only, unknown fields are an error."""


# ── what can be called ────────────────────────────────────────────────────────────────────────


class Tool(Record, frozen=True):
    """One function that an assistant may call.

    `parameters` is a JSON Schema 2020-12 of type object; `returns` is the schema of a successful
    result, or None when the source does not say. `name` is unique within its toolkit and legal as
    an OpenAI function name (`^[A-Za-z0-9_-]{1,64}$`); `original_name` is how the source spells it, where that
    differs. `errors` are schemas of failed results, by status or name. `source` says where the definition is
    from, `licence` what that says of its use.
    """

    toolkit: str
    name: str
    description: str
    parameters: Json
    returns: Json
    source: str
    original_name: str = ""
    errors: Json = None
    licence: str = ""


class ToolEdge(Record, frozen=True):
    """A field of one tool's result can fill an argument of another tool.

    Paths are JSON pointers in which `*` stands for any array index: `/threads/*/id`.
    `weight` is in (0, 1]; `reason` is for people.
    """

    source_tool: str
    source_path: str
    target_tool: str
    target_path: str
    kind: Literal["id", "page", "address", "text", "link"]
    weight: float
    reason: str


class Binding(Record, frozen=True):
    """In a chain: the argument at `argument` is taken from the result of step `step` at `result`."""

    argument: str
    step: int
    result: str
    kind: str


class ChainStep(Record, frozen=True):
    """`together`: called at once with the step before, in one message. `goal`: which of the conversation's goals it
    serves, counted from 0 in their order.
    """

    tool: str
    bindings: tuple[Binding, ...]
    together: bool = False
    goal: int = 0


class ToolChain(Record, frozen=True):
    """A sequence of calls: each uses an earlier result, or is joined with one by the next call.

    `kind` is what conversations about it shall show, `pattern` the shape of the chain. `held_out` chains serve the
    test split only. The side is a function of the chain's tools, so a chain is on the same side in every partition
    and every night.
    """

    chain_id: str
    kind: Kind
    pattern: str
    toolkits: tuple[str, ...]
    steps: tuple[ChainStep, ...]
    held_out: bool


# ── who wants what ────────────────────────────────────────────────────────────────────────────


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


class PlannedArgument(Record, frozen=True):
    """Where one argument of a planned call comes from.

    user:    `value`, which the user states as `surface`; `withheld` until the assistant asks
    result:  the result of step `step` at `result` (a pointer, `*` resolved when it is known)
    context: `value`, known from the persona or the calendar
    schema:  `value`, the parameter's constant or default
    """

    argument: str
    source: SourceKind
    value: Json = None
    surface: str = ""
    withheld: bool = False
    step: int | None = None
    result: str | None = None


class PlannedStep(Record, frozen=True):
    """One intended call, made in user turn `turn` (counted from 0).

    `together`: at once with the step before, in one message. `fault`: it goes wrong in this way; if it can
    be made good, a later step calls the tool again, or `another` that serves as well. `goal`: which of the chain's
    goals it serves.
    """

    tool: str
    turn: int
    arguments: tuple[PlannedArgument, ...]
    together: bool = False
    fault: Fault | None = None
    another: str = ""
    goal: int = 0


class PlannedTurn(Record, frozen=True):
    """What the user does in one turn.

    request:    asks for the steps of the turn
    remedy:     makes good what failed in step `step`, so that the turn's steps can be made
    dropped:    gives up what failed in step `step`
    correction: meant something else than what step `step` was called with
    recall:     asks for something that the result of step `step` told
    small_talk: says something that needs no tool
    unsuitable: asks for `wanted`, which no tool on offer can do
    unlocked:   brings that tool (one of the plan's `late_tools`), and has the turn's steps made with it
    thanks:     takes leave
    """

    kind: TurnKind
    step: int | None = None
    wanted: PlannedStep | None = None


class ConversationPlan(Record, frozen=True):
    """What shall happen in a conversation, before a word of it is written.

    `late_tools` are among `tools`, and not on offer until an `unlocked` turn brings them.
    """

    plan_id: str
    scenario_id: str
    persona_id: str
    chain_id: str
    kind: Kind
    disposition: str
    clarity: Clarity
    tools: tuple[str, ...]
    distractors: tuple[str, ...]
    steps: tuple[PlannedStep, ...]
    turns: tuple[PlannedTurn, ...]
    late_tools: tuple[str, ...] = ()


# ── what was said ─────────────────────────────────────────────────────────────────────────────


class ToolCall(Record, frozen=True):
    """`id` is `call_1`, `call_2`, … in the order of the conversation."""

    id: str
    name: str
    arguments: Json


class ToolResult(Record, frozen=True):
    """The result of the call `call_id`; `content` is a JSON value, `error` marks a failed call."""

    call_id: str
    name: str
    content: Json
    error: bool = False


class Message(Record, frozen=True):
    """One message. Its role decides which fields it has:

    user:      `content`
    assistant: `content` and/or `tool_calls` (several = parallel), perhaps a `thought` before them
    tool:      `result`, in the order of the calls it answers
    """

    role: Role
    content: str | None = None
    thought: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    result: ToolResult | None = None


class ArgumentSource(Record, frozen=True):
    """Provenance of one argument (a leaf, or a whole array or object) of one call.

    user:    `evidence` is the quoted span of message `message`
    result:  the result of `from_call` at JSON pointer `pointer`
    context: `evidence` names the fact ("today", "persona.email", …)
    schema:  `evidence` is the keyword ("default", "const", "enum")
    """

    call_id: str
    argument: str
    source: SourceKind
    evidence: str = ""
    message: int | None = None
    from_call: str | None = None
    pointer: str | None = None


class StepTrace(Record, frozen=True):
    """One call of a conversation: what it lived on, and what lived on it.

    `depends_on` are the calls whose results it takes arguments from, `sources` where each argument came from,
    `returned` the values of its result that later calls use, by JSON pointer. A call that failed, or found nothing, is
    made good by the later call that says so in `makes_good`.
    """

    call_id: str
    tool: str
    message: int
    depends_on: tuple[str, ...]
    sources: tuple[ArgumentSource, ...]
    returned: Json
    outcome: Literal["ok", "error", "empty"]
    makes_good: str | None = None


class Finding(Record, frozen=True):
    """A rule's objection, with its place: message index (from 0) and JSON pointer where it helps."""

    rule: str
    text: str
    blocking: bool = True
    message: int | None = None
    place: str = ""


class Attempt(Record, frozen=True):
    """One text in the making of a conversation, with what blocked it; no finding means that it was good.

    written:     the first answer to the plan; of a simulation, its transcript as far as it came
    repaired:    the attempt before, mended by the program
    corrected:   the corrector's answer to the attempt before
    regenerated: a new answer to the plan, under another seed
    """

    kind: Literal["written", "repaired", "corrected", "regenerated"]
    text: str
    findings: tuple[Finding, ...]


class Need(Record, frozen=True):
    """The result of a call must have a value at `path`: the argument `argument` of `tool` is taken from it later.

    Where `tool` is empty, nothing more is said of the value.
    """

    path: str
    tool: str = ""
    argument: str = ""


class SealedCall(Record, frozen=True):
    """What a call was executed with, beside its arguments.

    `fault` and `about` (the JSON pointer of an argument, or the name of a tool that nobody here may use) say how it
    was to go wrong, `refused` why it never reached the service.
    """

    needs: tuple[Need, ...] = ()
    fault: Fault | None = None
    about: str = ""
    refused: str = ""


class Seal(Record, frozen=True):
    """The replay certificate of a conversation: with it, the calls can be executed again from scratch.

    `world` is the version of the world that made the results, `seed` its seed, `state` the hash of its final
    state; `calls` are those of the conversation, in order.
    """

    world: int
    seed: int
    state: str
    calls: tuple[SealedCall, ...]


class Conversation(Record, frozen=True):
    """What came of a plan. `messages` is the truth; every other form is rendered from it.

    `messages` are structurally sound, or empty where the conversation could not be finished or read;
    then `failure` says why. `attempts` are there if its first text was faulty: that text and those
    after it, in order, to the one that the conversation was made of. Without `seal`, a model made the results.
    """

    conversation_id: str
    plan_id: str
    strategy: str
    engine: str
    messages: tuple[Message, ...]
    provenance: tuple[ArgumentSource, ...]
    attempts: tuple[Attempt, ...] = ()
    failure: Finding | None = None
    seal: Seal | None = None


Score = Annotated[int, msgspec.Meta(ge=1, le=5)]


class TurnScore(Record, frozen=True, forbid_unknown_fields=False):
    """What a judge says of one turn, counted from 0: a user message and all that follows to the next one."""

    turn: int
    reason: str
    score: Score
    ok: bool


class Verdict(Record, frozen=True, forbid_unknown_fields=False):
    """A judge's scores, 1 (bad) to 5 (excellent), with the reasoning that led to them, and its word on the turns.

    What a model says beyond them is overlooked: the verdict is there.
    """

    reasoning: str
    user_query_clarity: Score
    tool_use_quality: Score
    naturalness: Score
    task_completion: Score
    turns: tuple[TurnScore, ...] = ()


class TurnVerdict(Record, frozen=True):
    """Whether turn `turn`, messages `first` to `last` (included), is fit to train on, and why not.

    `score` is 1 to 5. A turn that is not `ok` stays in the conversation; a trainer masks its assistant messages.
    """

    turn: int
    ok: bool
    score: int
    reason: str
    first: int
    last: int


# ── what came of it ───────────────────────────────────────────────────────────────────────────


class DeduplicatedScenario(Scenario, frozen=True):
    """A scenario candidate and what became of it.

    kept:      unlike all known ones; goes on
    duplicate: repeats `duplicate_of`, with cosine `similarity` and word `overlap`
    surplus:   unlike all known ones, but there were enough; forgotten, so that it may come again
    """

    status: Literal["kept", "duplicate", "surplus"]
    duplicate_of: str | None
    similarity: float | None
    overlap: float | None
    cluster_id: str


class SystemPrompt(Record, frozen=True):
    conversation_id: str
    system_prompt: str


SCALES = ("user_query_clarity", "tool_use_quality", "naturalness", "task_completion")


class MemberVerdict(Record, frozen=True):
    """What one judge of a committee says of a conversation; of one that gave no verdict, `failure` says why.

    `failure` is the kind of `inference.protocol.InferenceError`: unreadable, context or refusal.
    """

    judge: str
    user_query_clarity: int | None = None
    tool_use_quality: int | None = None
    naturalness: int | None = None
    task_completion: int | None = None
    reasoning: str | None = None
    failure: str | None = None


class ScoredConversation(Record, frozen=True):
    """A conversation's findings, and the scores of the judge `judge`, or of several, separated by commas.

    A conversation that failed was shown to no judge: its judge, scores and reasoning are null. Of a committee,
    scores are medians of those of its `members`, and `disagreement` is the widest spread between them on any scale.
    """

    conversation_id: str
    judge: str | None
    user_query_clarity: int | None
    tool_use_quality: int | None
    naturalness: int | None
    task_completion: int | None
    reasoning: str | None
    findings: tuple[Finding, ...]
    turns: tuple[TurnVerdict, ...] = ()
    disagreement: int | None = None
    members: tuple[MemberVerdict, ...] = ()


class SelectedConversation(Record, frozen=True):
    """An accepted conversation, or a rejected one with the reasons.

    `dml` is its text; of a rejected one that failed, the faulty text as it was written.
    """

    conversation_id: str
    reasons: tuple[str, ...]
    tool_use_quality: int | None
    dml: str
    turns: tuple[TurnVerdict, ...] = ()


class ParsedConversation(Record, frozen=True, kw_only=True):
    """One training example before it is split: OpenAI `messages` and `tools`, and where it is from.

    `cluster_id` and `chain_id` are what splits must not share; `held_out` says which side it is on.
    `turn_verdicts` and `step_trace` count the messages as `messages` has them, with the system prompt.
    `certificate` is what replaying it takes (see `simulation/replay.py`); null where a model made the results.
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


class DeduplicatedConversation(Record, frozen=True):
    """Whether a conversation repeats another: the same calls, and user turns that say the same once values are masked.

    A duplicate repeats `duplicate_of`, with cosine `similarity` and word `overlap`; `turns` are its user turns, from
    0, that are worded like one of the other's.
    """

    conversation_id: str
    status: Literal["kept", "duplicate"]
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


class LeftOut(Record, frozen=True):
    """A conversation that is not in a dataset although it was accepted, and why.

    near_duplicate:  it repeats the conversation `of`
    shared_cluster:  a train conversation of a scenario cluster that the test split has
    held_out:        a train conversation that calls a function reserved for the test split, or a test
                     conversation that calls none
    contamination:   it overlaps with the item `of` of an evaluation set
    """

    conversation_id: str
    partition: str
    rule: Literal["near_duplicate", "shared_cluster", "held_out", "contamination"]
    of: str | None
    reason: str


Measure = Literal["names", "schemas", "ngrams", "embeddings"]
"""How a conversation can overlap with an item of an evaluation set."""


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


class QualityFigure(Record, frozen=True, kw_only=True):
    """One figure of a quality report.

    A share has `part` and `whole`, and `value` is their quotient (0 where there is nothing to share). `item` tells
    the members of a distribution apart. `wanted` is what the settings ask for.
    """

    section: str
    figure: str
    item: str = ""
    value: float
    part: int | None = None
    whole: int | None = None
    wanted: float | None = None


class Spent(Record, frozen=True, kw_only=True):
    """What the answers of a model in a role cost when they were first paid, whoever paid: this run, or one before."""

    role: str
    model: str
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
