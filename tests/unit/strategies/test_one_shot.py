"""One answer is a whole conversation: read, checked, corrected so often, written anew so often, then recorded."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from offline import ENGINE, PARTITIONS, casts, played

from funcdex_assets.catalog.announced_tools import find_announced_definitions, remove_definitions
from funcdex_assets.checks.findings import Case, find_problems
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.inference.journal import JournaledEngine
from funcdex_assets.inference.protocol import NO_USAGE, Completion, InferenceError, Request
from funcdex_assets.records.conversation import Conversation
from funcdex_assets.roles.conversation_writer import WriterBrief
from funcdex_assets.strategies.one_shot import RequestLimits, write_conversation
from funcdex_assets.strategies.turn_loop import play_offline

ONE = played("jira_gmail", 1)[0]
BRIEF = WriterBrief(ONE.cast.played, thoughts=False, play=play_offline)
GOOD = render_conversation(ONE.conversation.messages)
TOOL = ONE.cast.plan.steps[0].tool
NO_MARKUP = "Certainly! Here is the conversation."
UNKNOWN_TOOL = GOOD.replace(f'"name": "{TOOL}"', '"name": "LAUNCH_ROCKET"')
UNENDED = GOOD[: GOOD.rindex("</assistant>")]


def error(kind: Any) -> InferenceError:
    return InferenceError(f"The server says {kind}", retryable=kind == "unavailable", kind=kind)


@dataclass
class Scripted:
    """Gives the answers (texts, errors, or what a number makes) one after the other, the last again and again."""

    answers: list[Any]
    name: str = "scripted:tiny"
    requests: list[Request] = field(default_factory=list)

    async def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        number = len(self.requests)
        answer = self.answers[min(number, len(self.answers)) - 1]
        if isinstance(answer, InferenceError):
            raise answer
        if isinstance(answer, Completion):
            return answer
        return Completion(answer(number) if isinstance(answer, Callable) else answer, "stop", NO_USAGE, 0.0, "tiny")

    async def close(self) -> None:
        """Holds nothing."""

    @property
    def asked(self) -> list[str]:
        return [request.role for request in self.requests]


def written(
    *answers: Any, limits: RequestLimits = RequestLimits(), brief: WriterBrief = BRIEF
) -> tuple[Conversation, Scripted]:
    engine = Scripted(list(answers))
    return asyncio.run(write_conversation(brief, engine, limits, 42)), engine


def told(conversation: Conversation) -> list[tuple[str, list[str]]]:
    """Each attempt: how it came about, and the rules that blocked it."""
    return [(attempt.kind, sorted({finding.rule for finding in attempt.findings})) for attempt in conversation.attempts]


WRITER, CORRECTOR = "conversation_writer", "corrector"


# ── good in the end ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answers", "asked", "attempts"),
    [
        pytest.param([GOOD], [WRITER], [], id="good at once"),
        pytest.param([f"```\n{GOOD}\n```"], [WRITER], [], id="good, in a code fence"),
        pytest.param(
            [f"Here it is.\n{GOOD}"], [WRITER], [("written", ["markup"]), ("repaired", [])], id="mended by the program"
        ),
        pytest.param(
            [UNKNOWN_TOOL.replace("</tool>", "", 1), GOOD],
            [WRITER, CORRECTOR],
            [("written", ["markup"]), ("repaired", ["unknown_tool"]), ("corrected", [])],
            id="mended, then corrected",
        ),
        pytest.param(
            [NO_MARKUP, UNENDED, GOOD.replace("</tool>", "", 1)],
            [WRITER, CORRECTOR, CORRECTOR],
            [("written", ["markup"]), ("corrected", ["markup"]), ("corrected", ["markup"]), ("repaired", [])],
            id="what the corrector wrote is mended",
        ),
        pytest.param(
            [NO_MARKUP, GOOD],
            [WRITER, CORRECTOR],
            [("written", ["markup"]), ("corrected", [])],
            id="no markup, then corrected",
        ),
        pytest.param(
            [UNKNOWN_TOOL, UNENDED, GOOD],
            [WRITER, CORRECTOR, CORRECTOR],
            [("written", ["unknown_tool"]), ("corrected", ["markup"]), ("corrected", [])],
            id="corrected twice",
        ),
        pytest.param(
            [NO_MARKUP, UNENDED, UNKNOWN_TOOL, GOOD],
            [WRITER, CORRECTOR, CORRECTOR, WRITER],
            [("written", ["markup"]), ("corrected", ["markup"]), ("corrected", ["unknown_tool"]), ("regenerated", [])],
            id="corrected in vain, written anew",
        ),
        pytest.param(
            [NO_MARKUP, NO_MARKUP, GOOD],
            [WRITER, CORRECTOR, WRITER],
            [("written", ["markup"]), ("regenerated", [])],
            id="a corrector that repeats the text is not asked twice",
        ),
        pytest.param(
            [NO_MARKUP, error("context"), GOOD],
            [WRITER, CORRECTOR, WRITER],
            [("written", ["markup"]), ("regenerated", [])],
            id="a text too long for the corrector is written anew",
        ),
    ],
)
def test_a_text_becomes_good(answers, asked, attempts):
    conversation, engine = written(*answers)
    assert engine.asked == asked
    assert told(conversation) == attempts
    assert (conversation.messages, conversation.failure) == (ONE.conversation.messages, None)
    assert conversation.provenance == ONE.conversation.provenance
    assert (conversation.strategy, conversation.engine) == ("one_shot", "scripted:tiny")


def test_before_and_after_are_kept():
    conversation, _ = written(UNKNOWN_TOOL, GOOD)
    assert [attempt.text for attempt in conversation.attempts] == [UNKNOWN_TOOL, GOOD]


def test_a_mended_text_is_kept_beside_what_it_was():
    conversation, _ = written(f"Here it is.\n{GOOD}")
    assert [attempt.text for attempt in conversation.attempts] == [f"Here it is.\n{GOOD}", GOOD.strip()]


# ── never good ────────────────────────────────────────────────────────────────────────────────

CUT = Completion(GOOD[:200], "length", msgspec.structs.replace(NO_USAGE, completion_tokens=6000), 0.0, "tiny")


@pytest.mark.parametrize(
    ("answers", "rule", "requests"),
    [
        pytest.param([NO_MARKUP], "markup", 4, id="always the same prose"),
        pytest.param([lambda number: f"{NO_MARKUP} {number}"], "markup", 6, id="always other prose"),
        pytest.param([""], "markup", 4, id="always nothing"),
        pytest.param(
            [GOOD.replace("</user>", "<assistant_thought>Hm.</assistant_thought>\n</user>")],
            "markup",
            4,
            id="a thought astray",
        ),
        pytest.param([CUT], "cut", 4, id="always cut"),
        pytest.param([error("context")], "context", 1, id="too long for the model"),
        pytest.param([error("refusal")], "refusal", 1, id="refused"),
        pytest.param([NO_MARKUP, NO_MARKUP, error("refusal")], "refusal", 3, id="refused the second time"),
    ],
)
def test_a_conversation_that_never_comes_is_a_failure_after_a_bounded_number_of_requests(answers, rule, requests):
    conversation, engine = written(*answers)
    assert len(engine.requests) == requests <= RequestLimits().max_requests
    assert (conversation.messages, conversation.provenance) == ((), ())
    assert conversation.failure is not None
    assert (conversation.failure.rule, conversation.failure.blocking) == (rule, True)


def test_a_text_that_stays_faulty_is_recorded_as_it_is_and_the_rules_still_object():
    conversation, engine = written(lambda number: UNKNOWN_TOOL.replace("</user> ", f"</user> {number}) ", 1))
    assert len(engine.requests) == RequestLimits().max_requests == 6
    assert [kind for kind, _ in told(conversation)] == [
        "written",
        *["corrected"] * 2,
        "regenerated",
        *["corrected"] * 2,
    ]
    assert conversation.failure is None
    assert (conversation.messages[0].content or "").startswith("6) ")
    case = Case(conversation.messages, ONE.cast.offered, conversation.provenance, ONE.cast.situation)
    assert "unknown_tool" in {finding.rule for finding in find_problems(case)}


@pytest.mark.parametrize(
    ("limits", "asked"),
    [
        pytest.param(RequestLimits(0, 0), [WRITER], id="no second chance"),
        pytest.param(RequestLimits(1, 0), [WRITER, CORRECTOR], id="one correction"),
        pytest.param(RequestLimits(0, 2), [WRITER] * 3, id="only written anew"),
        pytest.param(RequestLimits(2, 1), [WRITER, CORRECTOR, CORRECTOR] * 2, id="both"),
    ],
)
def test_the_limits_are_kept(limits, asked):
    conversation, engine = written(lambda number: f"{NO_MARKUP} {number}", limits=limits)
    assert engine.asked == asked
    assert len(asked) == limits.max_requests == len(conversation.attempts)


def test_what_is_the_servers_fault_is_raised():
    with pytest.raises(InferenceError, match="The server says unavailable"):
        written(NO_MARKUP, error("unavailable"))


# ── what is asked ─────────────────────────────────────────────────────────────────────────────


def test_every_request_has_its_own_seed_and_the_same_again_in_a_rerun():
    def seeds() -> list[int]:
        return [request.seed for request in written(lambda number: f"{NO_MARKUP} {number}")[1].requests]

    assert len(set(seeds())) == 6
    assert seeds() == seeds()


def test_the_length_is_limited_and_what_blocked_the_text_is_told():
    _, engine = written(UNKNOWN_TOOL, GOOD, limits=RequestLimits(max_tokens=777))
    assert {request.sampling.max_tokens for request in engine.requests} == {777}
    assert "unknown_tool: call_1 calls 'LAUNCH_ROCKET'" in (engine.requests[1].messages[-1].content or "")


@pytest.mark.parametrize("thoughts", [False, True], ids=["without thoughts", "with thoughts"])
def test_thoughts_are_there_iff_they_were_asked_for(thoughts):
    other = render_conversation(played("jira_gmail", 1, thoughts=not thoughts)[0].conversation.messages)
    conversation, _ = written(other, brief=WriterBrief(ONE.cast.played, thoughts, play=play_offline))
    assert conversation.failure is not None
    assert "[thought]" in conversation.failure.text


# ── offline ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("partition", PARTITIONS)
def test_offline_every_text_is_read_and_most_are_good_at_once(partition):
    at_once = 0
    for number, cast in enumerate(casts(partition, 4)):
        brief = WriterBrief(cast.played, thoughts=number % 2 == 0, play=play_offline)
        conversation = asyncio.run(write_conversation(brief, ENGINE, RequestLimits(), 42))
        assert conversation.failure is None
        assert all(attempt.findings for attempt in conversation.attempts[:-1]), "only for what the rules found"
        at_once += not conversation.attempts
        assert [call.name for message in conversation.messages for call in message.tool_calls] == [
            step.tool for step in cast.plan.steps
        ]
        assert asyncio.run(write_conversation(brief, ENGINE, RequestLimits(), 42)) == conversation
    assert at_once >= 3


def test_the_definition_of_a_tool_that_comes_late_is_added_where_the_writer_left_it_out():
    """It is told not to write it; what the text has already is not said twice."""
    one = next(one for one in played("jira_gmail", 60) if one.cast.plan.late_tools)
    bare = [
        msgspec.structs.replace(message, content=remove_definitions(message.content))
        if message.role == "user" and message.content
        else message
        for message in one.conversation.messages
    ]
    brief = WriterBrief(one.cast.played, thoughts=False, play=play_offline)
    for text in (render_conversation(bare), render_conversation(one.conversation.messages)):
        conversation, engine = written(text, brief=brief)
        assert len(engine.requests) == 1, [attempt.findings for attempt in conversation.attempts]
        brought = [
            tool["function"]["name"]
            for message in conversation.messages
            if message.role == "user"
            for tool in find_announced_definitions(message.content or "")
        ]
        assert brought == list(one.cast.plan.late_tools)


# ── what the journal keeps ────────────────────────────────────────────────────────────────────


def write_journaled(answers: list[Any], path: Path) -> tuple[Conversation, int]:
    """Writes in a run of its own; returns the conversation, and how often the server was asked."""
    server = Scripted(answers)
    limits = RequestLimits(corrections=1, regenerations=0)
    made = asyncio.run(write_conversation(BRIEF, JournaledEngine(server, path), limits, 42))
    return made, len(server.requests)


def test_texts_of_which_nothing_came_are_asked_for_again_by_the_next_run(tmp_path):
    path = tmp_path / "journal.sqlite"
    made, asked = write_journaled([NO_MARKUP, UNENDED], path)
    assert (made.failure is not None, asked) == (True, 2)
    made, asked = write_journaled([GOOD], path)
    assert (made.failure, asked) == (None, 1)
    assert write_journaled([NO_MARKUP], path)[1] == 0, "what came of it is replayed"


def test_a_faulty_text_that_could_be_read_stays_for_its_correction_begins_with_it(tmp_path):
    path = tmp_path / "journal.sqlite"
    first, asked = write_journaled([NO_MARKUP, GOOD], path)
    assert ([attempt.kind for attempt in first.attempts], asked) == (["written", "corrected"], 2)
    assert write_journaled([UNKNOWN_TOOL], path) == (first, 0)
    path = tmp_path / "faulty.sqlite"
    faulty, asked = write_journaled([UNKNOWN_TOOL, UNKNOWN_TOOL], path)
    assert (faulty.failure, asked) == (None, 2)
    assert write_journaled([GOOD], path) == (faulty, 0)
