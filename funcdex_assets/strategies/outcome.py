"""Turns what came of a plan into a conversation record: a finished conversation, or a failure with its reason.

Both strategies end here. A bad conversation is data, a broken system is an error: `to_finding` draws the line. A
failure that concerns this one conversation (its text is too long for the model, it was refused, no answer could be
read) becomes the record's `failure`; that the server is gone or the request wrong is raised.
"""

from collections.abc import Sequence

from funcdex_assets.checks.findings import Case
from funcdex_assets.checks.provenance import AgreedWords, trace_arguments
from funcdex_assets.dialogue.participants import Participants
from funcdex_assets.inference.protocol import InferenceError
from funcdex_assets.records.conversation import ArgumentSource, Attempt, Conversation, Finding, RoleModel, Seal
from funcdex_assets.records.message import Message
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.records.record import Json
from funcdex_assets.records.row_failures import explain_row_failure
from funcdex_assets.records.seeds import derive_id

UNFORESEEN = "unforeseen"
"""The rule of a finding that is a mistake of the program, met with one conversation."""


def build_case(
    participants: Participants, messages: Sequence[Message], provenance: Sequence[ArgumentSource] | None = None
) -> Case:
    """Builds the case that the rules look at. If the sources of the arguments are not handed in, they are traced in the
    messages.
    """
    if provenance is None:
        provenance = trace_arguments(
            messages, participants.tools_ever_offered, participants.situation, list_agreed_words(participants.plan)
        )
    return Case(
        messages,
        participants.tools_ever_offered,
        provenance,
        participants.situation,
        bool(participants.plan.steps),
        participants.plan.late_tools,
    )


def list_agreed_words(plan: ConversationPlan) -> AgreedWords:
    """Returns the words that stand for values in a conversation of short commands, as its plan has them."""
    agreed: dict[tuple[str, str], list[tuple[Json, str]]] = {}
    if plan.is_spoken:
        for step in plan.steps:
            for argument in step.arguments:
                agreed.setdefault((step.tool, argument.argument), []).append((argument.value, argument.surface))
    return agreed


def build_finished_conversation(
    participants: Participants,
    strategy: str,
    engine: str,
    seed: int,
    messages: Sequence[Message],
    attempts: Sequence[Attempt] = (),
    seal: Seal | None = None,
    models: Sequence[RoleModel] = (),
) -> Conversation:
    """Builds the record of a conversation that came to its end. `messages` are structurally sound; whether they are
    good is for the rules and the judge to say.
    """
    return Conversation(
        conversation_id=derive_id("conversation", seed, participants.plan.plan_id),
        plan_id=participants.plan.plan_id,
        strategy=strategy,
        engine=engine,
        messages=tuple(messages),
        provenance=tuple(build_case(participants, messages).provenance),
        attempts=tuple(attempts),
        seal=seal,
        seed=seed,
        models=tuple(models),
    )


def build_failed_conversation(
    plan: ConversationPlan,
    strategy: str,
    engine: str,
    seed: int,
    failure: Finding,
    attempts: Sequence[Attempt] = (),
) -> Conversation:
    """Builds the record of a conversation without messages, with its failure; `attempts` hold the texts that were
    tried.
    """
    return Conversation(
        conversation_id=derive_id("conversation", seed, plan.plan_id),
        plan_id=plan.plan_id,
        strategy=strategy,
        engine=engine,
        messages=(),
        provenance=(),
        attempts=tuple(attempts),
        failure=failure,
        seed=seed,
    )


def to_finding(error: InferenceError) -> Finding:
    """Returns an error as a finding against this one conversation.

    Raises:
        InferenceError: the error itself, if it concerns the engine and not this conversation.
    """
    if error.is_systemic:
        raise error
    return Finding(rule=error.kind, text=str(error))


def to_unforeseen_finding(subject: str, error: Exception) -> Finding:
    """Returns an exception that nobody expected as a finding against this one conversation; the text has its type and
    place.

    Raises:
        Exception: the error itself, if it is the system that is broken.
    """
    return Finding(rule=UNFORESEEN, text=explain_row_failure(subject, error).reason)
