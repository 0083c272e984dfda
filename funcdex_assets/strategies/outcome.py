"""What came of a plan, whichever strategy it was played by: a finished conversation, or a failure with its reason.

A bad conversation is data, a broken system is an error: `about_it` draws the line. What concerns this
one conversation (its text is too long for the model, it was refused, no answer could be read) becomes
its failure; that the server is gone or the request wrong is raised.
"""

from collections.abc import Sequence

from funcdex_assets.checks.findings import Case
from funcdex_assets.checks.provenance import trace
from funcdex_assets.dialogue.participants import Cast
from funcdex_assets.inference.protocol import InferenceError
from funcdex_assets.records.conversation import ArgumentSource, Attempt, Conversation, Finding, Seal
from funcdex_assets.records.message import Message
from funcdex_assets.records.seeds import derive_id
from funcdex_assets.roles.role import ABOUT_THE_SUBJECT


def case_of(cast: Cast, messages: Sequence[Message], provenance: Sequence[ArgumentSource] | None = None) -> Case:
    """What the rules look at; where nothing is known of the arguments' sources, they are looked for."""
    if provenance is None:
        provenance = trace(messages, cast.known, cast.situation)
    return Case(messages, cast.known, provenance, cast.situation, bool(cast.plan.steps), cast.plan.late_tools)


def finished(
    cast: Cast,
    strategy: str,
    engine: str,
    seed: int,
    messages: Sequence[Message],
    attempts: Sequence[Attempt] = (),
    seal: Seal | None = None,
) -> Conversation:
    """`messages` are structurally sound; whether they are good is for the rules and the judge to say."""
    return Conversation(
        conversation_id=derive_id("conversation", seed, cast.plan.plan_id),
        plan_id=cast.plan.plan_id,
        strategy=strategy,
        engine=engine,
        messages=tuple(messages),
        provenance=tuple(case_of(cast, messages).provenance),
        attempts=tuple(attempts),
        seal=seal,
    )


def failed(
    cast: Cast, strategy: str, engine: str, seed: int, failure: Finding, attempts: Sequence[Attempt] = ()
) -> Conversation:
    """A conversation without messages, and why; `attempts` hold what there is of its text."""
    return Conversation(
        conversation_id=derive_id("conversation", seed, cast.plan.plan_id),
        plan_id=cast.plan.plan_id,
        strategy=strategy,
        engine=engine,
        messages=(),
        provenance=(),
        attempts=tuple(attempts),
        failure=failure,
    )


def about_it(error: InferenceError) -> Finding:
    """The failure as an objection to this one conversation.

    Raises:
        InferenceError: the error itself, where it concerns the engine.
    """
    if error.kind not in ABOUT_THE_SUBJECT:
        raise error
    return Finding(rule=error.kind, text=str(error))
