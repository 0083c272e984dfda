"""Writes a conversation in one completion; a faulty text is mended, corrected, or written anew under another seed.

    written ─► faulty? ─► corrected ─► faulty? ─► corrected ─► faulty? ─► written anew under another seed ─► …

A text that cannot be read is first mended by the program, which asks nobody (`dml/text_repair`). The number of
requests is bounded by `RequestLimits`: (1 + corrections) × (1 + regenerations). Every text is kept with what was found
in it, and the last is recorded even if it is faulty.

>>> RequestLimits(corrections=2, regenerations=1).max_requests
6
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from funcdex_assets.catalog.announced_tools import find_announced_definitions
from funcdex_assets.checks.findings import find_problems
from funcdex_assets.dialogue.participants import Participants
from funcdex_assets.dml.markup import DMLError
from funcdex_assets.dml.parse import parse_conversation
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.dml.text_repair import repair_text
from funcdex_assets.inference.model_names import name_role_models
from funcdex_assets.inference.protocol import Completion, InferenceEngine, InferenceError, Request
from funcdex_assets.records.conversation import Attempt, Conversation, Finding
from funcdex_assets.records.message import Message
from funcdex_assets.records.seeds import derive_seed
from funcdex_assets.roles import conversation_writer, corrector, user_simulator
from funcdex_assets.roles.conversation_writer import WriterBrief
from funcdex_assets.roles.corrector import Correction
from funcdex_assets.strategies.outcome import (
    build_case,
    build_failed_conversation,
    build_finished_conversation,
    to_finding,
)

STRATEGY = "one_shot"
AttemptKind = Literal["written", "repaired", "corrected", "regenerated"]
_FENCE = re.compile(r"\A```\w*\n(.*?)\n?```\Z", re.DOTALL)


@dataclass(frozen=True)
class RequestLimits:
    """The numbers of times that a faulty text is corrected and is then written anew, and its greatest length in
    tokens.
    """

    corrections: int = 2
    regenerations: int = 1
    max_tokens: int = 6000

    @property
    def max_requests(self) -> int:
        """The most requests that one conversation takes."""
        return (1 + self.corrections) * (1 + self.regenerations)


@dataclass(frozen=True)
class Draft:
    """A text that was read. `messages` is empty if the text cannot be read as a conversation; `blocking_findings` are
    what the rules and the parser have against it.
    """

    attempt_kind: AttemptKind
    text: str
    messages: tuple[Message, ...]
    blocking_findings: tuple[Finding, ...]


async def write_conversation(
    brief: WriterBrief, engine: InferenceEngine, limits: RequestLimits, seed: int
) -> Conversation:
    """Writes one conversation, good or bad, within the limits.

    Raises:
        InferenceError: the engine cannot answer, for a reason that is not this conversation's.
    """
    writer = _DraftWriter(
        brief, engine, limits.max_tokens, derive_seed(STRATEGY, seed, brief.participants.plan.plan_id)
    )
    drafts: list[Draft] = []
    try:
        for round_number in range(1 + limits.regenerations):
            drafts += writer.mend_draft(await writer.write_draft(round_number))
            for _ in range(limits.corrections):
                corrected_draft = (
                    await writer.correct_draft(drafts[-1], _count_requested_drafts(drafts))
                    if drafts[-1].blocking_findings
                    else None
                )
                if corrected_draft is None:
                    break
                drafts += writer.mend_draft(corrected_draft)
            if not drafts[-1].blocking_findings:
                break
    except InferenceError as error:
        return build_failed_conversation(
            brief.participants.plan, STRATEGY, engine.name, seed, to_finding(error), _list_attempts(drafts)
        )
    last_draft = drafts[-1]
    if not last_draft.messages:
        await writer.give_up_unreadable()
        return build_failed_conversation(
            brief.participants.plan,
            STRATEGY,
            engine.name,
            seed,
            last_draft.blocking_findings[0],
            _list_attempts(drafts),
        )
    return build_finished_conversation(
        brief.participants,
        STRATEGY,
        engine.name,
        seed,
        last_draft.messages,
        _list_attempts(drafts),
        models=name_role_models(engine),
    )


class _DraftWriter:
    """Writes, mends and corrects the drafts of one conversation."""

    def __init__(self, brief: WriterBrief, engine: InferenceEngine, max_tokens: int, seed: int) -> None:
        self.brief, self.engine, self.max_tokens, self.seed = brief, engine, max_tokens, seed
        self._unreadable: list[Request] = []

    async def give_up_unreadable(self) -> None:
        """Says of all texts that could not be read that nothing came of them, so that the next run asks anew. Faulty
        texts that could be read stay: the corrections of a replay begin with them.
        """
        for request in self._unreadable:
            await request.give_up()

    async def write_draft(self, round_number: int) -> Draft:
        """Asks for a whole new text; each round has its own seed."""
        request = conversation_writer.ROLE.build_request(self.brief, derive_seed(self.seed, round_number))
        return await self._request_draft("regenerated" if round_number else "written", request)

    async def correct_draft(self, draft: Draft, request_count: int) -> Draft | None:
        """Asks for a corrected text; None if the corrector is of no help: it repeats the text, or the text is too long
        for it.
        """
        correction = Correction(self.brief, draft.text, draft.blocking_findings)
        request = corrector.ROLE.build_request(correction, derive_seed(self.seed, "corrected", request_count))
        try:
            corrected_draft = await self._request_draft("corrected", request)
        except InferenceError as error:
            to_finding(error)
            return None
        return corrected_draft if corrected_draft.text != draft.text else None

    def mend_draft(self, draft: Draft) -> tuple[Draft, ...]:
        """Returns the draft and, if it could not be read and the program could mend it, the mended draft after it."""
        mended_text = None if draft.messages or draft.blocking_findings[0].rule == "cut" else repair_text(draft.text)
        if mended_text is None or not (mended_draft := _check_text("repaired", mended_text, self.brief)).messages:
            return (draft,)
        return draft, mended_draft

    async def _request_draft(self, attempt_kind: AttemptKind, request: Request) -> Draft:
        """Sends a request and reads its completion as a draft."""
        request.sampling = replace(request.sampling, max_tokens=self.max_tokens)
        draft = read_draft(attempt_kind, await self.engine.complete(request), self.brief)
        if not draft.messages:
            self._unreadable.append(request)
        return draft


def read_draft(attempt_kind: AttemptKind, completion: Completion, brief: WriterBrief) -> Draft:
    """Reads a completion as messages, with the findings that block them; whatever the text says, this does not
    raise.
    """
    text = completion.text
    if completion.finish_reason == "length":
        return Draft(attempt_kind, text, (), (_report_cut(completion),))
    if fence := _FENCE.match(text.strip()):
        text = fence[1]
    return _check_text(attempt_kind, text, brief)


def _check_text(attempt_kind: AttemptKind, text: str, brief: WriterBrief) -> Draft:
    """Parses and checks a text; one that does not parse becomes a draft without messages."""
    try:
        messages = parse_conversation(text, thoughts=brief.thoughts)
        render_conversation(messages)
    except DMLError as error:
        return Draft(attempt_kind, text, (), (Finding(rule="markup", text=str(error)),))
    messages = _add_late_definitions(messages, brief.participants)
    findings = find_problems(build_case(brief.participants, messages))
    return Draft(attempt_kind, text, messages, tuple(finding for finding in findings if finding.blocking))


def _add_late_definitions(messages: tuple[Message, ...], participants: Participants) -> tuple[Message, ...]:
    """Adds the definition of each tool that comes late to what the user says last before its first call, unless the
    text has it.
    """
    completed = list(messages)
    for name in participants.plan.late_tools:
        call_indices = [
            index for index, message in enumerate(completed) if any(call.name == name for call in message.tool_calls)
        ]
        user_indices = (
            [index for index, message in enumerate(completed[: call_indices[0]]) if message.role == "user"]
            if call_indices
            else []
        )
        announced_names = [
            tool["function"]["name"]
            for index in user_indices
            for tool in find_announced_definitions(completed[index].content or "")
        ]
        if user_indices and name not in announced_names:
            text = user_simulator.insert_definitions(
                completed[user_indices[-1]].content or "", [participants.absent_tools[name]]
            )
            completed[user_indices[-1]] = replace(completed[user_indices[-1]], content=text)
    return tuple(completed)


def _report_cut(completion: Completion) -> Finding:
    """Returns the finding that a completion was cut at its token limit."""
    return Finding(
        rule="cut",
        text=f"The text was cut after {completion.usage.completion_tokens or 'the permitted'} tokens; write less, "
        "or raise generation.max_conversation_tokens",
    )


def _count_requested_drafts(drafts: Sequence[Draft]) -> int:
    """Counts the drafts that were requested: a draft that was only mended cost no request, and changes no seed."""
    return sum(draft.attempt_kind != "repaired" for draft in drafts)


def _list_attempts(drafts: Sequence[Draft]) -> list[Attempt]:
    """Returns the drafts as attempts to be recorded; none if the first text was good."""
    if not drafts or not drafts[0].blocking_findings:
        return []
    return [Attempt(kind=draft.attempt_kind, text=draft.text, findings=draft.blocking_findings) for draft in drafts]
