"""A committee of judges on servers of their own and one offline: who is asked what, and what stands in the records."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from offline import SETTINGS, played

from funcdex_assets.inference.journal import list_journal_entries
from funcdex_assets.inference.protocol import InferenceError
from funcdex_assets.inference.routing import RoutedEngine
from funcdex_assets.judging.committee import compare_judges, compare_rejections, measure_order_sway
from funcdex_assets.records.row_failures import NoRowsError
from funcdex_assets.records.verdict import SCALES, ScoredConversation
from funcdex_assets.resources.assembly import assemble_engine
from funcdex_assets.settings.inference import Inference
from funcdex_assets.settings.judging import Judging
from funcdex_assets.settings.settings import Settings
from funcdex_assets.strategies.scoring import score_conversations

pytestmark = pytest.mark.concurrent
MADE = played("gmail", 6)
PROBES = 2
STRICT = (4, 2, 3, 3)


def verdict(scores: tuple[int, ...]) -> str:
    return json.dumps({"reasoning": f"I say {scores}.", **dict(zip(SCALES, scores, strict=True)), "turns": []})


@pytest.fixture
def judging(servers, forced, replies):
    """The first server is mild, the second strict; `refuse` makes the second answer otherwise."""

    def as_judge(said: Any) -> Any:
        def answer(question: dict[str, Any]) -> Any:
            if "zq" in json.dumps(question.get("structured_outputs", {})):
                return forced(question)
            return said(question) if callable(said) else replies.ok(said)

        return answer

    def mild(question: dict[str, Any]) -> Any:
        return replies.ok(verdict((5, 5, 5, 5 - question["seed"] % 2)))

    servers[0].otherwise = as_judge(mild)
    servers[1].otherwise = as_judge(verdict(STRICT))

    def refuse(said: Any) -> None:
        servers[1].otherwise = as_judge(said)

    return refuse


@pytest.fixture
def settings(servers) -> Settings:
    judge = {"profile": "vllm", "model": "tiny", "base_url": servers[0].base_url}
    members = [{}, {"model": "wise", "base_url": servers[1].base_url}, {"profile": "offline"}]
    return with_judges(SETTINGS.model_copy(update={"inference": Inference(roles={"judge": judge})}), members)


def with_judges(settings: Settings, committee: Any) -> Settings:
    return settings.model_copy(update={"judging": Judging(committee=committee)})


def judged(settings: Settings, folder: Any, count: int = len(MADE)) -> tuple[list[ScoredConversation], Any]:
    """The rows, and the engine's books."""
    engine = assemble_engine(settings.inference, folder / "journal.sqlite", settings.judging.members)
    cast = {one.cast.plan.plan_id: one.cast.played for one in MADE}

    async def run() -> list[ScoredConversation]:
        try:
            return await score_conversations([one.conversation for one in MADE[:count]], cast, engine, settings)
        finally:
            await engine.close()

    return asyncio.run(run()), engine


def said_by(row: ScoredConversation) -> dict[str, tuple[Any, ...]]:
    return {one.judge: tuple(getattr(one, scale) for scale in SCALES) for one in row.members}


def test_each_judge_is_asked_on_its_own_server_and_its_scores_are_in_the_record(judging, settings, servers, tmp_path):
    rows, engine = judged(settings, tmp_path)
    assert engine.name == "offline (judge: vllm:tiny)", "who judges makes no conversation"
    assert {row.judge for row in rows} == {"vllm:tiny, vllm:wise, offline"}
    assert [len(server.questions) - PROBES for server in servers[:2]] == [len(MADE), len(MADE)]
    assert {question["model"] for question in servers[1].questions} == {"wise"}
    assert {question["temperature"] for server in servers[:2] for question in server.questions[PROBES:]} == {0}
    for row in rows:
        mild, strict, offline = said_by(row).values()
        assert list(said_by(row)) == ["vllm:tiny", "vllm:wise", "offline"]
        assert (mild[:3], mild[3] in (4, 5), strict) == ((5, 5, 5), True, STRICT)
        agreed = tuple(sorted(given)[1] for given in zip(mild, strict, offline, strict=True))
        assert tuple(getattr(row, scale) for scale in SCALES) == agreed
        assert row.disagreement == max(max(given) - min(given) for given in zip(mild, strict, offline, strict=True))
    assert rows[0].members[1].reasoning == f"I say {STRICT}."


def test_disagreement_is_reported_by_pairs_of_judges(judging, settings, tmp_path):
    rows, _ = judged(settings, tmp_path)
    apart = {(pair.judges, pair.scale): pair.mean_difference for pair in compare_judges(rows)}
    assert apart[("vllm:tiny", "vllm:wise"), "tool_use_quality"] == 3
    assert apart[("vllm:tiny", "vllm:wise"), "user_query_clarity"] == 1
    assert len(apart) == 3 * len(SCALES)


def test_answers_of_all_members_are_journaled_and_metered_and_the_same_seed_gives_the_same_rows(
    judging, settings, servers, tmp_path
):
    first, engine = judged(settings, tmp_path)
    assert engine.to_metadata()["roles"]["judge"]["requests"] == 3 * len(MADE)
    entries = list_journal_entries(tmp_path / "journal.sqlite")
    assert [(entry.engine, entry.requests) for entry in entries] == [("vllm:tiny", len(MADE)), ("vllm:wise", len(MADE))]
    asked = [len(server.questions) for server in servers]
    again, _ = judged(settings, tmp_path)
    assert msgspec.json.encode(again) == msgspec.json.encode(first)
    assert [len(server.questions) for server in servers] == [count + PROBES if count else 0 for count in asked]
    elsewhere, _ = judged(settings, tmp_path / "elsewhere")
    assert msgspec.json.encode(elsewhere) == msgspec.json.encode(first)


def test_a_member_more_or_another_order_asks_the_others_nothing_again(judging, settings, servers, tmp_path):
    alone, _ = judged(with_judges(settings, 1), tmp_path)
    assert {(row.judge, *said_by(row)) for row in alone} == {("vllm:tiny", "vllm:tiny")}
    asked = len(servers[0].questions)
    judged(settings, tmp_path)
    judged(with_judges(settings, settings.judging.members[::-1]), tmp_path)
    assert len(servers[0].questions) == asked + 2 * PROBES


def test_judges_of_one_model_are_asked_under_different_seeds_and_are_told_apart(judging, settings, servers, tmp_path):
    rows, engine = judged(with_judges(settings, 3), tmp_path)
    assert engine.name == "offline (judge: vllm:tiny)"
    assert {tuple(said_by(row)) for row in rows} == {("vllm:tiny", "vllm:tiny (2)", "vllm:tiny (3)")}
    questions = servers[0].questions[PROBES:]
    assert len({question["seed"] for question in questions}) == len(questions) == 3 * len(MADE)
    assert {question["temperature"] for question in questions} == {0.7}


def test_a_member_may_have_a_name(judging, settings, servers, tmp_path):
    members = [{"name": "mild"}, {"name": "strict", "model": "wise", "base_url": servers[1].base_url}]
    rows, _ = judged(with_judges(settings, members), tmp_path)
    assert said_by(rows[0])["strict"] == STRICT
    assert rows[0].tool_use_quality == 2, "of two, the lower"


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        pytest.param("I give it 5 points.", "unreadable", id="prose"),
        pytest.param(verdict((7, 5, 5, 5)), "unreadable", id="a score beyond the scale"),
        pytest.param("too long", "context", id="a context that is too short"),
        pytest.param("refused", "refusal", id="a refusal"),
    ],
)
def test_a_member_that_makes_nothing_of_a_conversation_is_left_out(judging, settings, replies, tmp_path, said, failure):
    answers = {
        "too long": replies.failed(400, "This model's maximum context length is 8192", "context_length_exceeded"),
        "refused": replies.ok(None, refusal="I cannot help with that."),
    }
    judging(lambda _: answers.get(said) or replies.ok(said))
    rows, _ = judged(settings, tmp_path, 2)
    for row in rows:
        mild, silent, offline = row.members
        assert (mild.failure, silent.failure, offline.failure) == (None, failure, None)
        assert row.tool_use_quality == min(mild.tool_use_quality or 0, offline.tool_use_quality or 0)


@pytest.fixture
def alone(servers) -> Settings:
    """One judge, on the second server, whose answers `judging` sets."""
    judge = {"profile": "vllm", "model": "tiny", "base_url": servers[1].base_url}
    return SETTINGS.model_copy(update={"inference": Inference(roles={"judge": judge})})


def with_naturalness(score: object) -> str:
    return json.dumps(json.loads(verdict((5, 5, 5, 5))) | {"naturalness": score})


@pytest.mark.parametrize("score", [4.0, "4", "4.0"])
def test_a_whole_number_is_one_however_the_judge_writes_it(judging, alone, tmp_path, score):
    judging(with_naturalness(score))
    rows, _ = judged(alone, tmp_path, 2)
    assert {row.naturalness for row in rows} == {4}


def test_a_conversation_without_a_verdict_is_a_row_with_the_reason_and_the_next_run_asks_again(
    judging, alone, servers, replies, tmp_path
):
    judging(with_naturalness(5))
    sound, _ = judged(alone, tmp_path / "sound")
    doubtful = MADE[2].conversation
    words = next(message.content for message in doubtful.messages if message.content)
    judging(lambda asked: replies.ok(with_naturalness(4.5 if words in json.dumps(asked, ensure_ascii=False) else 5)))
    rows, _ = judged(alone, tmp_path)
    (row,) = [row for row in rows if row.judge is None]
    assert row.conversation_id == doubtful.conversation_id
    assert (row.findings[-1].rule, row.findings[-1].blocking, row.naturalness) == ("no_verdict", True, None)
    assert "4.5" in row.findings[-1].text
    assert [one for one in rows if one is not row] == [
        one for one in sound if one.conversation_id != doubtful.conversation_id
    ]
    asked = len(servers[1].questions)
    judging(with_naturalness(5))
    assert judged(alone, tmp_path)[0] == sound
    assert len(servers[1].questions) == asked + PROBES + 1, "the one that had no verdict, and nothing else"


def test_a_judge_that_makes_nothing_of_any_conversation_is_at_fault_itself(judging, alone, tmp_path):
    judging("I give it 5 points.")
    with pytest.raises(NoRowsError, match=r"Not one of 6 verdicts could be made: 6 × no_verdict .*I give it 5 points"):
        judged(alone, tmp_path)
    assert [row.judge for row in judged(alone, tmp_path, 2)[0]] == [None, None], "of two, it may be their own"


def test_a_member_whose_server_fails_ends_the_scoring_as_any_role_does(judging, settings, replies, tmp_path):
    settings = with_judges(settings, [*settings.judging.members[:1], {**settings.judging.members[1], "retries": 1}])
    judging(lambda _: replies.failed(500, "The engine core has died"))
    with pytest.raises(InferenceError) as caught:
        judged(settings, tmp_path, 2)
    assert caught.value.retryable


def test_a_member_whose_server_is_not_there_is_found_before_anything_is_asked(judging, settings, servers, tmp_path):
    servers[1].stop()
    with pytest.raises(InferenceError):
        judged(settings, tmp_path)
    assert len(servers[0].questions) <= PROBES


@pytest.mark.parametrize(
    ("member", "said"),
    [
        pytest.param({"profile": "llama_cpp"}, r"needs a model; set judging\.committee\.1\.model", id="no model"),
        pytest.param(
            {"model": "m", "api_key_env": "JUDGE_KEY"},
            r"judging\.committee\.1\.api_key_env names 'JUDGE_KEY', which is not set",
            id="no key",
        ),
    ],
)
def test_what_a_member_lacks_is_named_with_its_place(judging, settings, tmp_path, monkeypatch, member, said):
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    with pytest.raises(InferenceError, match=said):
        judged(with_judges(settings, [{}, member]), tmp_path)


def test_the_key_of_a_member_comes_from_the_environment(judging, settings, servers, tmp_path, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "sk-judge")
    member = {"model": "wise", "base_url": servers[1].base_url, "api_key_env": "JUDGE_KEY"}
    rows, _ = judged(with_judges(settings, [{}, member]), tmp_path, 1)
    assert servers[1].headers[-1]["authorization"] == "Bearer sk-judge"
    assert "sk-judge" not in servers[0].headers[-1].get("authorization", "")
    assert b"sk-judge" not in (tmp_path / "journal.sqlite").read_bytes() + msgspec.json.encode(rows)


def test_a_rate_limit_of_a_member_is_its_own(judging, settings, servers, tmp_path):
    limited = {**settings.judging.members[1], "requests_per_minute": 60_000}
    judged(with_judges(settings, [{}, limited]), tmp_path)
    assert (tmp_path / "limits.sqlite").exists()


def test_offline_alone_a_committee_needs_no_server(settings, tmp_path):
    rows, engine = judged(SETTINGS.model_copy(update={"judging": Judging(committee=[{}, {"name": "again"}])}), tmp_path)
    assert engine.name == "offline"
    assert list(said_by(rows[0])) == ["offline", "again"]
    assert {row.disagreement for row in rows} == {0}
    assert list(tmp_path.iterdir()) == []


# ── a model and the heuristic ─────────────────────────────────────────────────────────────────


def with_orders(settings: Settings, orders: int) -> Settings:
    judging = settings.judging.model_copy(update={"orders": orders})
    return settings.model_copy(update={"judging": judging})


def test_a_model_that_judges_alone_is_compared_with_the_heuristic_which_decides_nothing(judging, alone, tmp_path):
    judging(verdict((5, 5, 5, 5)))
    rows, engine = judged(alone, tmp_path)
    offline, _ = judged(SETTINGS, tmp_path / "offline")
    assert engine.to_metadata()["roles"]["judge"]["requests"] == len(MADE), "the heuristic is no request"
    for row, heuristic in zip(rows, offline, strict=True):
        assert row.heuristic is not None
        assert [getattr(row.heuristic, scale) for scale in SCALES] == [getattr(heuristic, scale) for scale in SCALES]
        assert {getattr(row, scale) for scale in SCALES} == {5}
        assert (heuristic.members, heuristic.heuristic) == ((), None), "alone it is compared with nobody"
    assert {pair.judges for pair in compare_judges(rows)} == {("vllm:tiny", "heuristic")}
    (rejections,) = compare_rejections(rows)
    assert (rejections.conversations, rejections.both_reject, rejections.only_first_rejects) == (len(MADE), 0, 0)


def test_a_heuristic_that_is_a_member_is_not_counted_again(judging, settings, tmp_path):
    rows, _ = judged(settings, tmp_path, 2)
    assert [row.heuristic for row in rows] == [None, None]
    assert len(list(compare_rejections(rows))) == 3


def test_two_orders_are_two_requests_and_the_first_is_not_asked_again(judging, alone, servers, replies, tmp_path):
    def answer(question: dict[str, Any]) -> Any:
        system = question["messages"][0]["content"]
        is_usual = system.index("user_query_clarity:") < system.index("task_completion:")
        return replies.ok(verdict((5, 5, 4, 4) if is_usual else (5, 3, 5, 1)))

    judging(answer)
    once, _ = judged(alone, tmp_path)
    asked = len(servers[1].questions)
    twice, _ = judged(with_orders(alone, 2), tmp_path)
    assert len(servers[1].questions) == asked + PROBES + len(MADE), "only the second order is asked"
    assert {tuple(getattr(row, scale) for scale in SCALES) for row in once} == {(5, 5, 4, 4)}
    assert {tuple(getattr(row, scale) for scale in SCALES) for row in twice} == {(5, 4, 4, 2)}
    assert measure_order_sway(once) == {}
    count = len(MADE)
    assert measure_order_sway(twice) == {
        "vllm:tiny": dict(
            zip(SCALES, [(0, count), (2 * count, count), (count, count), (3 * count, count)], strict=True)
        )
    }
    asked = len(servers[1].questions)
    again, _ = judged(with_orders(alone, 2), tmp_path)
    assert msgspec.json.encode(again) == msgspec.json.encode(twice)
    assert len(servers[1].questions) == asked + PROBES, "the journal has both orders"


def test_a_panel_is_asked_in_both_orders_and_the_heuristic_once(judging, settings, servers, tmp_path):
    rows, engine = judged(with_orders(settings, 2), tmp_path, 3)
    assert [len(server.questions) - PROBES for server in servers[:2]] == [6, 6]
    assert engine.to_metadata()["roles"]["judge"]["requests"] == 2 * 6 + 3
    assert list(measure_order_sway(rows)) == ["vllm:tiny", "vllm:wise"]
    for row in rows:
        mild, strict, offline = said_by(row).values()
        agreed = tuple(sorted(given)[1] for given in zip(mild, strict, offline, strict=True))
        assert tuple(getattr(row, scale) for scale in SCALES) == agreed


def test_what_a_model_quotes_masks_the_turn_and_what_nobody_said_is_counted(judging, alone, replies, tmp_path):
    conversation = MADE[0].conversation
    index, words = next(
        (index, message.content)
        for index, message in enumerate(conversation.messages)
        if message.role == "assistant" and message.content
    )
    evidence = [
        {"fault": "false_claim", "message": index, "quote": words.upper()},
        {"fault": "false_claim", "message": index, "quote": "Nobody has said this."},
        {"fault": "clumsy", "message": index, "quote": words},
    ]
    said = {**json.loads(verdict((5, 5, 5, 5))), "evidence": evidence}
    said["turns"] = [{"turn": 0, "reason": "fine", "score": 5, "ok": True}]
    judging(lambda _: replies.ok(json.dumps(said)))
    rows, _ = judged(alone, tmp_path, 1)
    (member,) = rows[0].members
    assert [one.fault for one in member.evidence] == ["false_claim", "other"]
    assert (member.unsupported_evidence, member.rejects) == (1, True)
    (wrong,) = [turn for turn in rows[0].turns if not turn.ok]
    assert wrong.first <= index <= wrong.last
    assert "false_claim: " in wrong.reason
    assert {getattr(rows[0], scale) for scale in SCALES} == {5}


def test_connections_of_all_members_are_let_go_of_once():
    class Closing:
        name = "vllm:tiny"

        def __init__(self) -> None:
            self.closed = 0

        async def complete(self, request: Any) -> Any:
            raise NotImplementedError

        async def close(self) -> None:
            self.closed += 1

    default, judge, other = engines = [Closing() for _ in range(3)]
    asyncio.run(RoutedEngine(default, {"judge": judge}, [judge, other, other]).close())
    assert [engine.closed for engine in engines] == [1, 1, 1]
