"""Records of a conversation as it was made: its messages, the sources of its arguments, attempts, findings and seal."""

from typing import Literal

from funcdex_assets.records.labels import Fault, RoleName, SourceKind
from funcdex_assets.records.message import Message
from funcdex_assets.records.record import Json, Record


class ArgumentSource(Record, frozen=True):
    """Provenance of one argument (a leaf, or a whole array or object) of one call.

    user:    `evidence` is the quoted span of message `message`
    result:  the result of `from_call` at JSON pointer `pointer`
    context: `evidence` names the fact ("today", "persona.email", …)
    schema:  `evidence` is the keyword ("default", "const", "enum")
    derived: `evidence` says how it follows from what is known (`checks/derivations.py`): "a half of 4900"
    """

    call_id: str
    argument: str
    source: SourceKind
    evidence: str = ""
    message: int | None = None
    from_call: str | None = None
    pointer: str | None = None


class StepTrace(Record, frozen=True):
    """One call of a conversation, with its sources and its uses.

    `depends_on` lists the calls whose results it takes arguments from, `sources` the source of each argument,
    `returned` the values of its result that later calls use, by JSON pointer. `makes_good` names the earlier call that
    failed or found nothing, and that this call makes good.
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
    replayed:    the conversation made from its plan once more, told what the judge found in the attempt before
    """

    kind: Literal["written", "repaired", "corrected", "regenerated", "replayed"]
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
    """The conditions under which a call was executed, beside its arguments.

    `fault` and `about` (the JSON pointer of an argument, or the name of a tool that is not permitted here) describe the
    planned failure, `refused` the reason why the call never reached the service.
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


class RoleModel(Record, frozen=True):
    """The model that plays a role, by its name alone, or `offline`; of a committee of judges, all of them."""

    role: RoleName
    model: str


class Conversation(Record, frozen=True):
    """A conversation made from a plan. `messages` is the truth; every other form is rendered from it.

    `messages` are structurally sound, or empty where the conversation could not be finished or read;
    then `failure` says why. If the first text was faulty, `attempts` has that text and all later ones, in order,
    up to the one that the conversation was made of. Without `seal`, a model made the results.

    `seed` is the project's under which it was made, `models` are those that play each role in the run that made it,
    whether the role was asked or not. Conversations of before they were recorded have neither.
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
    seed: int | None = None
    models: tuple[RoleModel, ...] = ()
