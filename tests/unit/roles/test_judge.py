"""Offline scores follow from what can be counted, and fall with every defect."""

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec
import pytest
from offline import ENGINE, played

from funcdex_assets.inference.protocol import NO_USAGE, Completion, InferenceError, Request
from funcdex_assets.judging.features import measure_features
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.message import Message
from funcdex_assets.records.verdict import SCALES, Evidence, TurnScore, Verdict
from funcdex_assets.roles import judge
from funcdex_assets.roles.judge import ROLE, JudgeBrief

BLOCKING = Finding(rule="unknown_tool", text="call_1 calls 'X'")
MINOR = Finding(rule="uncited_answer", text="It names nothing", blocking=False)


def user(text: str) -> Message:
    return Message(role="user", content=text)


def assistant(text: str) -> Message:
    return Message(role="assistant", content=text)


ONE = next(
    one
    for one in played("gmail", 30)
    if not any(argument.withheld for step in one.cast.plan.steps for argument in step.arguments)
)
GOOD = ONE.conversation.messages


def scores(messages: tuple[Message, ...] = GOOD, *findings: Finding) -> tuple[int, ...]:
    brief = JudgeBrief(ONE.cast.plan, messages, tuple(ONE.cast.offered.values()), findings)
    answer = ROLE.improvise(brief, Random(1))
    return tuple(getattr(answer, scale) for scale in SCALES)


def without_calls(count: int) -> tuple[Message, ...]:
    """The first turns are played, `count` calls never made."""
    made = [index for index, message in enumerate(GOOD) if message.tool_calls]
    return GOOD[: made[-count]]


CLARITY, TOOL_USE, NATURALNESS, COMPLETION = range(4)


def test_a_good_conversation_has_full_marks_for_what_was_done():
    assert (scores()[TOOL_USE], scores()[COMPLETION]) == (5, 5)


@pytest.mark.parametrize(
    ("given", "falling"),
    [
        pytest.param((GOOD, MINOR), {TOOL_USE: 1, COMPLETION: 1}, id="a minor finding"),
        pytest.param((GOOD, BLOCKING), {TOOL_USE: 3, COMPLETION: 2}, id="a blocking one"),
        pytest.param((GOOD, *[BLOCKING] * 9), {TOOL_USE: 4, COMPLETION: 4}, id="but no score falls below one"),
        pytest.param((without_calls(1),), {COMPLETION: 2}, id="a step left undone"),
        pytest.param((without_calls(2),), {COMPLETION: 4}, id="two steps left undone"),
    ],
)
def test_every_defect_has_its_price(given, falling):
    before, after = scores(), scores(*given)
    lost = {scale: before[scale] - after[scale] for scale in falling}
    assert all(lost[scale] >= points for scale, points in falling.items()), (before, after)


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        pytest.param("Use 5 as the limit. The title should be Roof. For the body: yes.", "Well.", id="a form"),
        pytest.param("so " * 120 + "on.", "Well.", id="a sermon"),
        pytest.param("Hello.", "This is said again. This is said again.", id="a sentence said twice"),
    ],
)
def test_stiff_talk_costs_naturalness(said, answered):
    plain = scores((user("Hello."), assistant("Well."), *GOOD))
    stiff = scores((user(said), assistant(answered), *GOOD))
    assert stiff[NATURALNESS] < plain[NATURALNESS]


def test_questions_back_cost_clarity_and_an_offer_at_the_end_does_not():
    asked = judge_features((user("Do it."), assistant("Which one?"), user("That."), assistant("Which day?"), *GOOD))
    offered = judge_features((*GOOD, user("Thanks."), assistant("Is there anything else?")))
    assert (asked, judge_features(GOOD)) == (1, 0)
    assert offered <= 0.5  # one question, and nothing was held up by it


def judge_features(messages: tuple[Message, ...]) -> float:
    return measure_features(messages, ())["asked"]


def test_the_reasoning_names_what_was_counted():
    brief = JudgeBrief(ONE.cast.plan, GOOD, (), (BLOCKING, MINOR))
    reasoning = ROLE.improvise(brief, Random(1)).reasoning
    steps = len(ONE.cast.plan.steps)
    assert f"{steps} of {steps} intended calls were made; 1 blocking and 1 minor findings" in reasoning


ANSWER: dict[str, Any] = {"reasoning": "Fine.", **dict.fromkeys(SCALES, 5)}


@pytest.mark.parametrize("value", [0, 6, 3.5, "5", None])
def test_a_score_outside_the_scale_is_no_answer(value):
    assert msgspec.convert(ANSWER, Verdict).naturalness == 5
    with pytest.raises(msgspec.ValidationError, match="naturalness"):
        msgspec.convert({**ANSWER, "naturalness": value}, Verdict)


@dataclass
class Rambling:
    """Answers so many times with something else than a verdict, then with one."""

    before: int
    said: str = "A fine conversation, I give it 5 points."
    name: str = "vllm:tiny"
    asked: list[Request] = field(default_factory=list)

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request)
        verdict = msgspec.json.encode({**ANSWER, "remark": "Well done."}).decode()
        return Completion(self.said if len(self.asked) <= self.before else verdict, "stop", NO_USAGE, 0.0, "tiny")

    async def close(self) -> None:
        """Holds nothing."""


def verdict_of(engine: Any) -> Verdict:
    return asyncio.run(ROLE.play(engine, JudgeBrief(ONE.cast.plan, GOOD, (), ()), 7))


def test_a_verdict_that_cannot_be_read_is_asked_for_again():
    engine = Rambling(2)
    assert verdict_of(engine) == Verdict(reasoning="Fine.", **dict.fromkeys(SCALES, 5))
    assert len({request.seed for request in engine.asked}) == 3


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("A fine conversation, I give it 5 points.", id="prose"),
        pytest.param('{"reasoning": "Fine.", "naturalness": 5}', id="scores are missing"),
        pytest.param(msgspec.json.encode({**ANSWER, "naturalness": 7}).decode(), id="a score beyond the scale"),
    ],
)
def test_then_it_is_raised_and_never_scored(said):
    engine = Rambling(3, said)
    with pytest.raises(InferenceError, match="Role 'judge': vllm:tiny gave no answer that parses in 3 attempts"):
        verdict_of(engine)
    assert len(engine.asked) == 3


# ── several judges ────────────────────────────────────────────────────────────────────────────


def said(*scores: int, ok: bool = True, reason: str = "r") -> Verdict:
    turn = TurnScore(turn=0, reason=reason, score=scores[0], ok=ok)
    return Verdict(reasoning=reason, **dict(zip(SCALES, scores, strict=True)), turns=(turn,))


@pytest.mark.parametrize(
    ("verdicts", "expected", "spread"),
    [
        pytest.param([said(5, 4, 3, 2)], (5, 4, 3, 2), 0, id="one alone"),
        pytest.param([said(5, 5, 5, 5), said(4, 2, 5, 5), said(4, 4, 5, 5)], (4, 4, 5, 5), 3, id="medians"),
        pytest.param([said(5, 5, 5, 5), said(3, 5, 5, 5)], (3, 5, 5, 5), 2, id="of two the lower"),
    ],
)
def test_a_committee_agrees_on_medians_and_tells_its_spread(verdicts, expected, spread):
    agreed, apart = judge.agree_on_verdict(verdicts)
    assert (tuple(getattr(agreed, scale) for scale in SCALES), apart) == (expected, spread)


def test_a_turn_is_good_if_most_say_so_and_the_reasoning_is_of_the_nearest():
    verdicts = [said(5, 5, 5, 5, reason="a"), said(2, 2, 2, 2, ok=False, reason="b"), said(4, 4, 4, 4, reason="c")]
    agreed, _ = judge.agree_on_verdict(verdicts)
    assert agreed.reasoning == "c"
    assert agreed.turns == (TurnScore(turn=0, reason="a", score=4, ok=True),)
    split, _ = judge.agree_on_verdict(verdicts[:2])
    assert not split.turns[0].ok


@pytest.mark.parametrize(
    ("engines", "names", "expected"),
    [
        pytest.param(["a"], [None], [("a", 0, False)], id="one judge"),
        pytest.param(["a", "b"], [None, None], [("a", 0, False), ("b", 0, False)], id="different models"),
        pytest.param(["a", "a"], [None, None], [("a", 0, True), ("a (2)", 1, True)], id="one model twice"),
        pytest.param(
            ["a", "b", "a"],
            [None, "strict", "mild"],
            [("a", 0, True), ("strict", 0, False), ("mild", 1, True)],
            id="names of their own",
        ),
    ],
)
def test_only_judges_of_the_same_model_need_seeds_and_a_temperature_to_differ(engines, names, expected):
    seats = judge.seat_committee(engines, names)
    assert [(seat.judge, seat.number, seat.role.sampling.temperature != 0) for seat in seats] == expected
    assert [seat.role.member for seat in seats] == list(range(len(engines)))


def test_two_judges_are_never_called_the_same():
    with pytest.raises(ValueError, match=r"judging\.committee\.1: another judge is called 'a'; give one another name"):
        judge.seat_committee(["a", "b"], [None, "a"])


class Bench:
    """Judges of different minds, by place: scores, or the reason why there are none."""

    name = "bench"

    def __init__(self, *minds: tuple[int, ...] | Exception | str) -> None:
        self.minds = minds
        self.asked: list[Request] = []

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request)
        mind = self.minds[request.member or 0]
        if isinstance(mind, Exception):
            raise mind
        if isinstance(mind, tuple):
            mind = msgspec.json.encode(said(*mind)).decode()
        return Completion(mind, "stop", NO_USAGE, 0.0, "tiny")

    async def close(self) -> None:
        """Holds nothing."""


def asked_of(bench: Bench) -> Any:
    seats = judge.seat_committee([f"j{place}" for place in range(len(bench.minds))], [None] * len(bench.minds))
    return asyncio.run(judge.ask_committee(seats, bench, JudgeBrief(ONE.cast.plan, GOOD, (), ()), 42, "judge", "c"))


TOO_LONG = InferenceError("too long", retryable=False, kind="context")


@pytest.mark.parametrize(
    ("minds", "expected", "spread", "failures"),
    [
        pytest.param([(5, 5, 5, 5), (1, 2, 3, 4), (4, 4, 4, 4)], (4, 4, 4, 4), 4, [None] * 3, id="all speak"),
        pytest.param(
            [(5, 5, 5, 5), "A fine one.", (4, 4, 4, 2)],
            (4, 4, 4, 2),
            3,
            [None, "unreadable", None],
            id="one cannot be read: of the other two, the lower",
        ),
        pytest.param([TOO_LONG, (5, 4, 3, 2)], (5, 4, 3, 2), 0, ["context", None], id="one speaks for both"),
    ],
)
def test_a_member_without_a_verdict_is_left_out_and_named(minds, expected, spread, failures):
    verdict, apart, members = asked_of(Bench(*minds))
    assert (tuple(getattr(verdict, scale) for scale in SCALES), apart) == (expected, spread)
    assert [(one.judge, one.failure) for one in members] == [(f"j{n}", kind) for n, kind in enumerate(failures)]
    scores = [tuple(getattr(one, scale) for scale in SCALES) for one in members]
    assert scores == [mind if isinstance(mind, tuple) else (None,) * 4 for mind in minds]


@pytest.mark.parametrize(
    ("minds", "kind"),
    [
        pytest.param([TOO_LONG, "A fine one."], "context", id="nobody speaks"),
        pytest.param(
            [(5, 5, 5, 5), InferenceError("gone", retryable=True)], "unavailable", id="the server of one is gone"
        ),
        pytest.param([(5, 5, 5, 5), InferenceError("key", retryable=False)], "invalid", id="the key of one is wrong"),
    ],
)
def test_without_a_verdict_or_a_server_nothing_is_scored(minds, kind):
    with pytest.raises(InferenceError) as caught:
        asked_of(Bench(*minds))
    assert caught.value.kind == kind


def test_a_model_that_judges_alone_is_the_only_member_and_the_heuristic_alone_is_none():
    verdict, spread, (member,) = asked_of(Bench((5, 4, 3, 2)))
    assert (verdict.naturalness, spread, member.judge, member.naturalness) == (3, 0, "j0", 3)
    (seat,) = judge.seat_committee([ENGINE.name], [None], orders=2)
    asked = judge.ask_committee([seat], ENGINE, JudgeBrief(ONE.cast.plan, GOOD, (), ()), 42, "judge", "c")
    assert asyncio.run(asked)[1:] == (0, ())


# ── two orders ────────────────────────────────────────────────────────────────────────────────


@dataclass
class Swayed:
    """Answers otherwise in the reversed order: scores, whether the first turn is good, and what it quotes; an exception
    or prose where it makes nothing of it.
    """

    usual: Any
    reversed: Any
    name: str = "vllm:tiny"
    asked: list[Request] = field(default_factory=list)

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request)
        answer = self.reversed if request.subject.is_reversed else self.usual
        if isinstance(answer, Exception):
            raise answer
        text = answer if isinstance(answer, str) else msgspec.json.encode(answer).decode()
        return Completion(text, "stop", NO_USAGE, 0.0, "tiny")

    async def close(self) -> None:
        """Holds nothing."""


def asked_twice(engine: Any) -> Any:
    seats = judge.seat_committee([engine.name], [None], orders=2)
    return asyncio.run(judge.ask_committee(seats, engine, JudgeBrief(ONE.cast.plan, GOOD, (), ()), 42, "judge", "c"))


@pytest.mark.parametrize(
    ("usual", "reversed_", "expected"),
    [
        pytest.param((5, 4, 3, 2), (5, 4, 3, 2), (5, 4, 3, 2), id="alike"),
        pytest.param((5, 5, 5, 5), (4, 3, 2, 1), (4, 4, 3, 3), id="the mean, rounded down"),
        pytest.param((4, 3, 2, 1), (5, 5, 5, 5), (4, 4, 3, 3), id="whichever was first"),
    ],
)
def test_of_two_orders_the_mean_counts_and_both_are_kept(usual, reversed_, expected):
    engine = Swayed(said(*usual), said(*reversed_))
    verdict, spread, (member,) = asked_twice(engine)
    assert tuple(getattr(verdict, scale) for scale in SCALES) == expected
    assert spread == 0, "one judge does not disagree with itself"
    kept = [tuple(getattr(scores, scale) for scale in SCALES) for scores in member.orders]
    assert kept == [usual, reversed_]
    prompts = {request.messages for request in engine.asked}
    assert (len(engine.asked), len(prompts), len({request.seed for request in engine.asked})) == (2, 2, 1)


def test_a_turn_is_good_if_it_is_in_both_orders_and_the_evidence_is_of_both():
    words = next(message.content for message in GOOD if message.role == "user")
    quoted = msgspec.structs.replace(
        said(5, 5, 5, 5), evidence=(Evidence(fault="unanswered", message=0, quote=str(words)),)
    )
    false = msgspec.structs.replace(
        said(5, 5, 5, 5), evidence=(Evidence(fault="contradiction", message=0, quote="Nobody said this."),)
    )
    verdict, _, (member,) = asked_twice(Swayed(quoted, false))
    assert [turn.ok for turn in verdict.turns] == [False]
    assert verdict.turns[0].reason.startswith("unanswered: ")
    assert [evidence.fault for evidence in member.evidence] == ["unanswered"]
    assert member.unsupported_evidence == 1


@pytest.mark.parametrize(
    ("usual", "reversed_"),
    [pytest.param(said(4, 4, 4, 4), "Fine.", id="usual"), pytest.param("Fine.", said(4, 4, 4, 4), id="reversed")],
)
def test_one_order_that_can_be_read_is_enough_and_says_nothing_of_sway(usual, reversed_):
    verdict, _, (member,) = asked_twice(Swayed(usual, reversed_))
    assert (verdict.naturalness, member.orders) == (4, ())


def test_an_engine_that_fails_in_one_order_fails():
    with pytest.raises(InferenceError):
        asked_twice(Swayed(said(4, 4, 4, 4), InferenceError("gone", retryable=True)))


def test_a_judge_may_ramble_and_only_what_is_stored_is_cut():
    long = msgspec.structs.replace(said(5, 4, 3, 2), reasoning="Well. " * 1000)
    verdict, _, (member,) = asked_twice(Swayed(long, said(5, 4, 3, 2)))
    assert tuple(getattr(verdict, scale) for scale in SCALES) == (5, 4, 3, 2)
    assert len(member.reasoning) == judge.MAX_STORED_REASONING


def test_a_model_is_not_called_as_the_heuristic():
    with pytest.raises(ValueError, match=r"judging\.committee\.0: 'heuristic' is the judge without a model"):
        judge.seat_committee(["a"], ["heuristic"])


def test_the_verdict_on_the_turns_follows_the_findings():
    found = Finding(rule="unknown_tool", text="call_1", message=1)
    brief = JudgeBrief(ONE.cast.plan, GOOD, (), (found,))
    turns = ROLE.improvise(brief, Random(1)).turns
    assert [turn.ok for turn in turns] == [False, *[True] * (len(turns) - 1)]


def test_the_judge_is_told_how_many_turns_there_are():
    text = ROLE.build_request(JudgeBrief(ONE.cast.plan, GOOD, (), ()), 7).messages[-1].content or ""
    assert f"{sum(message.role == 'user' for message in GOOD)} turns" in text
