"""The settings' `inference` section as one engine: who is asked, in which order, at what price."""

import asyncio
import threading
import time
from collections import Counter
from itertools import pairwise

import pytest

from funcdex_assets.inference import limits
from funcdex_assets.inference.journal import list_journal_entries
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import ChatMessage, InferenceError, Request
from funcdex_assets.inference.usage import UsageMeter
from funcdex_assets.resources.assembly import assemble_engine
from funcdex_assets.settings.inference import Inference

PROBES = 2
pytestmark = pytest.mark.concurrent


@pytest.fixture(autouse=True)
def honouring(servers, forced):
    for server in servers:
        server.otherwise = forced


@pytest.fixture
def box(servers, tmp_path):
    """Makes an engine whose own server is the first, and whose files are in the test's folder."""

    def made(**fields):
        settings = {"profile": "vllm", "model": "tiny"} | fields
        if "base_urls" not in settings and settings["profile"] != "offline":
            settings.setdefault("base_url", servers[0].base_url)
        return assemble_engine(Inference(**settings), tmp_path / "journal.sqlite")

    return made


def request(role="planner", seed=1):
    return Request(role, None, lambda: (ChatMessage("user", "Hi"),), seed)


def ask(engine, *requests):
    async def all_of_them():
        try:
            return await asyncio.gather(*map(engine.complete, requests))
        finally:
            await engine.close()

    return asyncio.run(all_of_them())


def asked(servers):
    """Questions after the probes."""
    return [max(0, len(server.questions) - PROBES) for server in servers]


def test_offline_needs_nothing(box, tmp_path):
    assert isinstance(box(profile="offline", model=None), OfflineEngine)
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_pays_for_nothing(box, servers):
    assert isinstance(box(), UsageMeter)
    ask(box(), request())
    again = box()
    ask(again, request())
    assert again.to_metadata()["replayed"] == 1
    assert len(servers[0].questions) == 3 * PROBES + 1


def test_several_servers_share_the_work(box, servers, forced):
    engine = box(base_urls=[server.base_url for server in servers])
    all_are_asked = threading.Barrier(30)

    def answer_together(question):
        all_are_asked.wait()
        return forced(question)

    for server in servers:
        server.otherwise = answer_together
    ask(engine, *(request(seed=seed) for seed in range(30)))
    assert asked(servers) == [10, 10, 10]


def test_servers_are_probed_at_once(box, servers, forced):
    each_has_a_question = threading.Barrier(3)

    def answer_together(question):
        each_has_a_question.wait()
        return forced(question)

    for server in servers:
        server.otherwise = answer_together
    roles = {"judge": {"base_url": servers[2].base_url}}
    box(base_urls=[server.base_url for server in servers[:2]], roles=roles)
    assert [len(server.questions) for server in servers] == [PROBES] * 3


def test_roles_are_asked_where_the_settings_say(box, servers):
    engine = box(roles={"judge": {"base_url": servers[1].base_url, "model": "wise"}, "corrector": {"model": "large"}})
    assert engine.name == "vllm:tiny (corrector: vllm:large, judge: vllm:wise)"
    completions = ask(engine, *(request(role) for role in ("planner", "judge", "corrector")))
    assert [completion.model for completion in completions] == ["tiny", "wise", "large"]
    assert [question["model"] for question in servers[1].questions] == ["wise"] * 3
    assert sorted(question["model"] for question in servers[0].questions) == ["large"] * 3 + ["tiny"] * 3


def test_roles_with_the_same_endpoint_share_it(box, servers):
    roles = {role: {"base_url": servers[1].base_url} for role in ("judge", "planner")}
    engine = box(roles=roles)
    assert engine.name == "vllm:tiny"
    assert len(servers[1].questions) == PROBES


def test_another_model_for_one_role_asks_the_others_nothing_again(box, servers, tmp_path):
    ask(box(), request(), request("judge", seed=2))
    engine = box(roles={"judge": {"model": "wise"}})
    planned, judged = ask(engine, request(), request("judge", seed=2))
    assert (planned.replayed, judged.replayed) == (True, False)
    entries = list_journal_entries(tmp_path / "journal.sqlite")
    assert [(entry.engine, entry.role) for entry in entries] == [
        ("vllm:tiny", "judge"),
        ("vllm:tiny", "planner"),
        ("vllm:wise", "judge"),
    ]


@pytest.mark.parametrize(
    ("fields", "name", "models"),
    [
        pytest.param(
            {"roles": {"user_simulator": {"profile": "offline"}}},
            "vllm:tiny (user_simulator: offline)",
            {"planner": "tiny", "user_simulator": "offline"},
            id="a-role-offline",
        ),
        pytest.param(
            {"profile": "offline", "model": None, "roles": {"planner": {"profile": "vllm", "model": "tiny"}}},
            "offline (planner: vllm:tiny)",
            {"planner": "tiny", "user_simulator": "offline"},
            id="all-but-a-role-offline",
        ),
    ],
)
def test_some_roles_may_be_played_offline(box, servers, monkeypatch, fields, name, models):
    monkeypatch.setattr(
        "funcdex_assets.roles.improvisations.IMPROVISATIONS", {"user_simulator": lambda subject, random: "Please."}
    )
    if "planner" in fields["roles"]:
        fields["roles"]["planner"]["base_url"] = servers[0].base_url
    engine = box(**fields)
    assert engine.name == name
    completions = ask(engine, *(request(role) for role in models))
    assert [completion.model for completion in completions] == list(models.values())
    assert asked(servers) == [1, 0, 0]


def test_prices_are_by_model(box, servers):
    engine = box(roles={"judge": {"model": "wise"}}, prices={"wise": {"prompt": 1e6}})
    ask(engine, request(), request("judge"))
    summary = engine.to_metadata()
    assert (summary["roles"]["judge"]["cost_usd"], summary["roles"]["planner"]["cost_usd"]) == (11, 0)
    assert summary["unpriced_models"] == ["tiny"]


def test_a_rate_limit_is_kept_by_all_engines_of_a_server(box, servers, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "BURST_S", 0.0)
    booked_at = []

    class NotingWhen(limits._SharedLimit):
        def try_to_book(self, tokens):
            looks = []
            with monkeypatch.context() as patched:
                patched.setattr(limits, "time", lambda: looks.append(time.time()) or looks[-1])
                wait = super().try_to_book(tokens)
            booked_at.extend(looks if wait <= 0 else [])
            return wait

    monkeypatch.setattr(limits, "_SharedLimit", NotingWhen)
    engines = [box(requests_per_minute=600) for _ in range(2)]
    booked_at.clear()

    async def both():
        await asyncio.gather(
            *(
                engine.complete(request(seed=seed))
                for number, engine in enumerate(engines)
                for seed in range(number * 4, number * 4 + 4)
            )
        )
        for engine in engines:
            await engine.close()

    asyncio.run(both())
    assert len(booked_at) == 8
    assert min(later - earlier for earlier, later in pairwise(booked_at)) >= 0.1 - 1e-6
    assert (tmp_path / "limits.sqlite").exists()


def test_replayed_answers_wait_for_no_limit(box, monkeypatch):
    ask(box(), *(request(seed=seed) for seed in range(20)))
    again = box(requests_per_minute=60)
    monkeypatch.delattr(limits.RateLimiter, "book_request")
    completions = ask(again, *(request(seed=seed) for seed in range(20)))
    assert all(completion.replayed for completion in completions)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"model": None}, "'vllm' needs a model; set inference.model", id="no-model"),
        pytest.param({"profile": "openai"}, "'OPENAI_API_KEY', which is not set", id="no-key"),
        pytest.param({"api_key_env": "BOX_KEY"}, "'BOX_KEY', which is not set", id="no-key-of-ones-own"),
        pytest.param({"base_url": "127.0.0.1:8000"}, r"must be an http\(s\) URL", id="no-url"),
        pytest.param(
            {"profile": "llama_cpp", "notation": "structural_tag"}, "'llama_cpp' takes: gbnf, lark", id="notation"
        ),
        pytest.param(
            {"roles": {"judge": {"profile": "openai"}}}, "'openai' needs a model", id="a-role-without-a-model"
        ),
    ],
)
def test_what_is_missing_is_named(box, monkeypatch, tmp_path, fields, said):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InferenceError, match=said) as caught:
        box(**fields)
    assert not caught.value.retryable
    assert not (tmp_path / "journal.sqlite").exists()


def test_no_answer_is_lost_paid_twice_or_written_wrong_by_a_bad_day(box, servers, replies, forced, tmp_path):
    """10 % rate limits, 5 % server errors, 2 % broken answers, on two servers, with limits and journal on."""

    tried = Counter()

    def flaky(question):
        if "structured_outputs" in question:
            return forced(question)
        seed = question["seed"]
        tried[seed] += 1
        if tried[seed] == 1 and seed % 10 == 0:
            return replies.failed(429, "slow", retry_after="0.01")
        if tried[seed] <= 2 and seed % 20 in (0, 1):
            return replies.failed(500, "boom")
        if tried[seed] <= 3 and seed % 50 in (0, 2):
            return replies.raw(body=b'{"choi')
        return replies.ok(f"answer {seed}")

    for server in servers[:2]:
        server.otherwise = flaky
    fields = {
        "base_urls": [server.base_url for server in servers[:2]],
        "requests_per_minute": 60_000,
        "tokens_per_minute": 10_000_000,
    }
    engine = box(**fields)
    completions = ask(engine, *(request(seed=seed) for seed in range(300)))
    assert [completion.text for completion in completions] == [f"answer {seed}" for seed in range(300)]
    assert engine.to_metadata()["retries"] == sum(asked(servers)) - 300 > 30
    (entry,) = list_journal_entries(tmp_path / "journal.sqlite")
    assert entry.requests == 300
    again = box(**fields)
    before = sum(len(server.questions) for server in servers)
    ask(again, *(request(seed=seed) for seed in range(300)))
    assert again.to_metadata()["replayed"] == 300
    assert sum(len(server.questions) for server in servers) == before
