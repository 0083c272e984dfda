"""Writes a faulty conversation again, without the faults that were found in it.

It is asked in the writer's own chat, with the faulty text as the writer's answer: so the server has already read all
but the last message. Offline, the conversation is simulated anew.
"""

from dataclasses import dataclass
from random import Random

from funcdex_assets.inference.protocol import ChatMessage
from funcdex_assets.records.conversation import Finding
from funcdex_assets.roles import conversation_writer
from funcdex_assets.roles.conversation_writer import WriterBrief
from funcdex_assets.roles.role import Role, fill_prompt

MAX_FINDINGS = 12  # one slip can lead to many findings; the first of them say what it is


@dataclass(frozen=True)
class Correction:
    """A text to be corrected: the writer's brief, the faulty text, and the findings against it."""

    brief: WriterBrief
    text: str
    findings: tuple[Finding, ...]


def _render_variables(correction: Correction) -> dict[str, object]:
    """Renders the values of the prompt's variables."""
    lines = [f"- {finding.rule}: {finding.text}" for finding in correction.findings[:MAX_FINDINGS]]
    return {"findings": "\n".join(lines)}


def _continue_chat(correction: Correction) -> tuple[ChatMessage, ...]:
    """Continues the writer's chat with the faulty text as its answer, and the findings."""
    return (
        *conversation_writer.ROLE.render_messages(correction.brief),
        ChatMessage("assistant", correction.text),
        ChatMessage("user", fill_prompt("corrector", _render_variables(correction)).strip()),
    )


def _improvise_correction(correction: Correction, rng: Random) -> str:
    """Simulates the conversation anew."""
    return conversation_writer.improvise_conversation(correction.brief, rng)


ROLE = Role(
    "corrector",
    str,
    _render_variables,
    _improvise_correction,
    prompt=_continue_chat,
    constraint=lambda correction: conversation_writer.build_constraint(correction.brief),
)
