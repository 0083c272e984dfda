"""Writes a conversation in one completion; a faulty text is mended, corrected, or written anew under another seed.

    written ─► faulty? ─► corrected ─► faulty? ─► corrected ─► faulty? ─► written anew under another seed ─► …

A text that cannot be read is first mended by the program, which asks nobody (`quality/repair.py`). The number of
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

from funcdex_assets.catalog.announced_tools import announced_tools
from funcdex_assets.checks.findings import find
from funcdex_assets.dialogue.participants import Cast
from funcdex_assets.dml.markup import DMLError
from funcdex_assets.dml.parse import parse
from funcdex_assets.dml.render import render
from funcdex_assets.dml.text_repair import mended
from funcdex_assets.inference.protocol import Completion, InferenceEngine, InferenceError, Request
from funcdex_assets.records.conversation import Attempt, Conversation, Finding
from funcdex_assets.records.message import Message
from funcdex_assets.records.seeds import derive_seed
from funcdex_assets.roles import conversation_writer, corrector, user_simulator
from funcdex_assets.roles.conversation_writer import WriterBrief
from funcdex_assets.roles.corrector import Correction
from funcdex_assets.strategies.outcome import about_it, case_of, failed, finished

STRATEGY = "one_shot"
Kind = Literal["written", "repaired", "corrected", "regenerated"]
_FENCE = re.compile(r"\A```\w*\n(.*?)\n?```\Z", re.DOTALL)


@dataclass(frozen=True)
class Limits:
    """The numbers of times that a faulty text is corrected and is then written anew, and its greatest length in
    tokens.
    """

    corrections: int = 2
    regenerations: int = 1
    max_tokens: int = 6000

    @property
    def requests(self) -> int:
        """The most requests that one conversation takes."""
        return (1 + self.corrections) * (1 + self.regenerations)


@dataclass(frozen=True)
class Draft:
    """A text that was read. `messages` is empty if the text cannot be read as a conversation; `blocking_findings` are
    what the rules and the parser have against it.
    """

    kind: Kind
    text: str
    messages: tuple[Message, ...]
    faults: tuple[Finding, ...]


async def write(brief: WriterBrief, engine: InferenceEngine, limits: Limits, seed: int) -> Conversation:
    """Writes one conversation, good or bad, within the limits.

    Raises:
        InferenceError: the engine cannot answer, for a reason that is not this conversation's.
    """
    writer = _Desk(brief, engine, limits.max_tokens, derive_seed(STRATEGY, seed, brief.cast.plan.plan_id))
    drafts: list[Draft] = []
    try:
        for round_number in range(1 + limits.regenerations):
            drafts += writer.mended(await writer.written(round_number))
            for _ in range(limits.corrections):
                corrected_draft = await writer.corrected(drafts[-1], _asked_for(drafts)) if drafts[-1].faults else None
                if corrected_draft is None:
                    break
                drafts += writer.mended(corrected_draft)
            if not drafts[-1].faults:
                break
    except InferenceError as error:
        return failed(brief.cast, STRATEGY, engine.name, seed, about_it(error), _attempts(drafts))
    last_draft = drafts[-1]
    if not last_draft.messages:
        return failed(brief.cast, STRATEGY, engine.name, seed, last_draft.faults[0], _attempts(drafts))
    return finished(brief.cast, STRATEGY, engine.name, seed, last_draft.messages, _attempts(drafts))


class _Desk:
    """Writes, mends and corrects the drafts of one conversation."""

    def __init__(self, brief: WriterBrief, engine: InferenceEngine, max_tokens: int, seed: int) -> None:
        self.brief, self.engine, self.max_tokens, self.seed = brief, engine, max_tokens, seed

    async def written(self, round_: int) -> Draft:
        """Asks for a whole new text; each round has its own seed."""
        request = conversation_writer.ROLE.request(self.brief, derive_seed(self.seed, round_))
        return await self._asked("regenerated" if round_ else "written", request)

    async def corrected(self, draft: Draft, place: int) -> Draft | None:
        """Asks for a corrected text; None if the corrector is of no help: it repeats the text, or the text is too long
        for it.
        """
        correction = Correction(self.brief, draft.text, draft.faults)
        request = corrector.ROLE.request(correction, derive_seed(self.seed, "corrected", place))
        try:
            corrected_draft = await self._asked("corrected", request)
        except InferenceError as error:
            about_it(error)
            return None
        return corrected_draft if corrected_draft.text != draft.text else None

    def mended(self, draft: Draft) -> tuple[Draft, ...]:
        """Returns the draft and, if it could not be read and the program could mend it, the mended draft after it."""
        mended_text = None if draft.messages or draft.faults[0].rule == "cut" else mended(draft.text)
        if mended_text is None or not (mended_draft := _checked("repaired", mended_text, self.brief)).messages:
            return (draft,)
        return draft, mended_draft

    async def _asked(self, kind: Kind, request: Request) -> Draft:
        """Sends a request and reads its completion as a draft."""
        request.sampling = replace(request.sampling, max_tokens=self.max_tokens)
        return read(kind, await self.engine.complete(request), self.brief)


def read(kind: Kind, completion: Completion, brief: WriterBrief) -> Draft:
    """Reads a completion as messages, with the findings that block them; whatever the text says, this does not
    raise.
    """
    text = completion.text
    if completion.finish_reason == "length":
        return Draft(kind, text, (), (_cut(completion),))
    if fence := _FENCE.match(text.strip()):
        text = fence[1]
    return _checked(kind, text, brief)


def _checked(kind: Kind, text: str, brief: WriterBrief) -> Draft:
    """Parses and checks a text; one that does not parse becomes a draft without messages."""
    try:
        messages = parse(text, thoughts=brief.thoughts)
        render(messages)
    except DMLError as error:
        return Draft(kind, text, (), (Finding(rule="markup", text=str(error)),))
    messages = _with_definitions(messages, brief.cast)
    findings = find(case_of(brief.cast, messages))
    return Draft(kind, text, messages, tuple(finding for finding in findings if finding.blocking))


def _with_definitions(messages: tuple[Message, ...], cast: Cast) -> tuple[Message, ...]:
    """Adds the definition of each tool that comes late to what the user says last before its first call, unless the
    text has it.
    """
    completed = list(messages)
    for name in cast.plan.late_tools:
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
            for tool in announced_tools(completed[index].content or "")
        ]
        if user_indices and name not in announced_names:
            text = user_simulator.defining(completed[user_indices[-1]].content or "", [cast.absent[name]])
            completed[user_indices[-1]] = replace(completed[user_indices[-1]], content=text)
    return tuple(completed)


def _cut(completion: Completion) -> Finding:
    """Returns the finding that a completion was cut at its token limit."""
    return Finding(
        rule="cut",
        text=f"The text was cut after {completion.usage.completion_tokens or 'the permitted'} tokens; write less, "
        "or raise generation.max_conversation_tokens",
    )


def _asked_for(drafts: Sequence[Draft]) -> int:
    """Counts the drafts that were requested: a draft that was only mended cost no request, and changes no seed."""
    return sum(draft.kind != "repaired" for draft in drafts)


def _attempts(drafts: Sequence[Draft]) -> list[Attempt]:
    """Returns the drafts as attempts to be recorded; none if the first text was good."""
    if not drafts or not drafts[0].faults:
        return []
    return [Attempt(kind=draft.kind, text=draft.text, findings=draft.faults) for draft in drafts]
