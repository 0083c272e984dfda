"""A conversation from one answer: written, read, checked; mended, corrected, written anew, or recorded as it is.

    written ─► faulty? ─► corrected ─► faulty? ─► corrected ─► faulty? ─► written anew under another seed ─► …

A text that cannot be read is first mended by the program, which asks nobody (`quality/repair.py`). The number of
requests is bounded by `Limits`: (1 + corrections) × (1 + regenerations). Every text is kept with what was found in it.

>>> Limits(corrections=2, regenerations=1).requests
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
    """How often a faulty text is corrected, how often it is then written anew, and its longest, in tokens."""

    corrections: int = 2
    regenerations: int = 1
    max_tokens: int = 6000

    @property
    def requests(self) -> int:
        """The most that one conversation takes."""
        return (1 + self.corrections) * (1 + self.regenerations)


@dataclass(frozen=True)
class Draft:
    """A text that was read. It has no `messages` where it is no conversation; `faults` are what blocks it."""

    kind: Kind
    text: str
    messages: tuple[Message, ...]
    faults: tuple[Finding, ...]


async def write(brief: WriterBrief, engine: InferenceEngine, limits: Limits, seed: int) -> Conversation:
    """One conversation, good or bad.

    Raises:
        InferenceError: the engine cannot answer, for a reason that is not this conversation's.
    """
    desk = _Desk(brief, engine, limits.max_tokens, derive_seed(STRATEGY, seed, brief.cast.plan.plan_id))
    drafts: list[Draft] = []
    try:
        for round_ in range(1 + limits.regenerations):
            drafts += desk.mended(await desk.written(round_))
            for _ in range(limits.corrections):
                better = await desk.corrected(drafts[-1], _asked_for(drafts)) if drafts[-1].faults else None
                if better is None:
                    break
                drafts += desk.mended(better)
            if not drafts[-1].faults:
                break
    except InferenceError as error:
        return failed(brief.cast, STRATEGY, engine.name, seed, about_it(error), _attempts(drafts))
    last = drafts[-1]
    if not last.messages:
        return failed(brief.cast, STRATEGY, engine.name, seed, last.faults[0], _attempts(drafts))
    return finished(brief.cast, STRATEGY, engine.name, seed, last.messages, _attempts(drafts))


class _Desk:
    """Where one conversation is written."""

    def __init__(self, brief: WriterBrief, engine: InferenceEngine, max_tokens: int, seed: int) -> None:
        self.brief, self.engine, self.max_tokens, self.seed = brief, engine, max_tokens, seed

    async def written(self, round_: int) -> Draft:
        request = conversation_writer.ROLE.request(self.brief, derive_seed(self.seed, round_))
        return await self._asked("regenerated" if round_ else "written", request)

    async def corrected(self, draft: Draft, place: int) -> Draft | None:
        """None where the corrector is of no help: it repeats the text, or the text is too long for it."""
        correction = Correction(self.brief, draft.text, draft.faults)
        request = corrector.ROLE.request(correction, derive_seed(self.seed, "corrected", place))
        try:
            better = await self._asked("corrected", request)
        except InferenceError as error:
            about_it(error)
            return None
        return better if better.text != draft.text else None

    def mended(self, draft: Draft) -> tuple[Draft, ...]:
        """The draft, and after it what the program made of it, where it could not be read and now can."""
        better = None if draft.messages or draft.faults[0].rule == "cut" else mended(draft.text)
        if better is None or not (repaired := _checked("repaired", better, self.brief)).messages:
            return (draft,)
        return draft, repaired

    async def _asked(self, kind: Kind, request: Request) -> Draft:
        request.sampling = replace(request.sampling, max_tokens=self.max_tokens)
        return read(kind, await self.engine.complete(request), self.brief)


def read(kind: Kind, completion: Completion, brief: WriterBrief) -> Draft:
    """The text as messages, with the findings that block them; whatever it says, this does not raise."""
    text = completion.text
    if completion.finish_reason == "length":
        return Draft(kind, text, (), (_cut(completion),))
    if fenced := _FENCE.match(text.strip()):
        text = fenced[1]
    return _checked(kind, text, brief)


def _checked(kind: Kind, text: str, brief: WriterBrief) -> Draft:
    try:
        messages = parse(text, thoughts=brief.thoughts)
        render(messages)
    except DMLError as error:
        return Draft(kind, text, (), (Finding(rule="markup", text=str(error)),))
    messages = _with_definitions(messages, brief.cast)
    found = find(case_of(brief.cast, messages))
    return Draft(kind, text, messages, tuple(finding for finding in found if finding.blocking))


def _with_definitions(messages: tuple[Message, ...], cast: Cast) -> tuple[Message, ...]:
    """The definition of each tool that comes late, added to what the user says last before its first call, unless the
    text has it.
    """
    found = list(messages)
    for name in cast.plan.late_tools:
        places = [index for index, message in enumerate(found) if any(call.name == name for call in message.tool_calls)]
        users = [index for index, message in enumerate(found[: places[0]]) if message.role == "user"] if places else []
        said = [tool["function"]["name"] for index in users for tool in announced_tools(found[index].content or "")]
        if users and name not in said:
            text = user_simulator.defining(found[users[-1]].content or "", [cast.absent[name]])
            found[users[-1]] = replace(found[users[-1]], content=text)
    return tuple(found)


def _cut(completion: Completion) -> Finding:
    return Finding(
        rule="cut",
        text=f"The text was cut after {completion.usage.completion_tokens or 'the permitted'} tokens; write less, "
        "or raise generation.max_conversation_tokens",
    )


def _asked_for(drafts: Sequence[Draft]) -> int:
    """How many of the drafts were answers: those that were only mended cost no request, and move no seed."""
    return sum(draft.kind != "repaired" for draft in drafts)


def _attempts(drafts: Sequence[Draft]) -> list[Attempt]:
    """None where the first text was good."""
    if not drafts or not drafts[0].faults:
        return []
    return [Attempt(kind=draft.kind, text=draft.text, findings=draft.faults) for draft in drafts]
