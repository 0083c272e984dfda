import asyncio
import json
import sys
import types

import dagster as dg
import pytest

from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import ChatMessage, InferenceEngine, InferenceError, Request
from funcdex_assets.inference.usage import UsageMeter
from resources.inference import InferenceResource, ModelPrice


@pytest.fixture(autouse=True)
def improvisations(monkeypatch):
    module = types.ModuleType("funcdex_assets.roles.improvisations")
    module.IMPROVISATIONS = {"poet": lambda subject, random: f"O {subject}!"}
    monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.fixture
def honouring(server, replies):
    def honour(question):
        constraint = question.get("structured_outputs", {})
        if "grammar" in constraint:
            return replies.ok("zq-7431")
        return replies.ok('{"zq": "7431"}' if "json" in constraint or "response_format" in question else "Fine.")

    server.otherwise = honour
    return server


def made(**fields) -> InferenceEngine:
    return InferenceResource(**fields).create_resource(dg.build_init_resource_context())


def request():
    return Request("judge", None, lambda: (ChatMessage("user", "Hi"),), 1)


def test_offline_is_the_default():
    engine = made()
    assert isinstance(engine, OfflineEngine)
    assert asyncio.run(engine.complete(Request("poet", "sea", tuple, 1))).text == "O sea!"


def test_a_real_engine_is_probed_journaled_and_metered(honouring, tmp_path):
    path = str(tmp_path / "journal.sqlite")
    settings = {"profile": "vllm", "base_url": honouring.base_url, "model": "tiny", "journal_path": path}
    engine = made(**settings, prices={"tiny": ModelPrice(prompt=1e6, completion=0)})
    assert len(honouring.questions) == 2, "the probes"
    assert isinstance(engine, UsageMeter)
    assert engine.name == "vllm:tiny"
    asyncio.run(engine.complete(request()))
    assert engine.summary()["cost_usd"] == 11
    again = made(**settings)
    asyncio.run(again.complete(request()))
    assert again.summary()["replayed"] == 1
    assert len(honouring.questions) == 2 + 1 + 2


def test_a_server_that_ignores_constraints_is_refused_at_the_start(server, tmp_path):
    with pytest.raises(InferenceError, match="ignored a grammar"):
        made(profile="vllm", base_url=server.base_url, model="tiny", journal_path=str(tmp_path / "j"))
    assert not (tmp_path / "j").exists()


@pytest.mark.parametrize(
    ("profile", "api_key_env", "sent"),
    [
        pytest.param("openai", "OPENAI_API_KEY", "sk-openai", id="openai"),
        pytest.param("vllm", "OPENAI_API_KEY", "EMPTY", id="an-openai-key-stays-with-openai"),
        pytest.param("vllm", "BOX_KEY", "sk-box", id="a-server-with-its-own-key"),
    ],
)
def test_the_key_is_the_one_that_is_named(honouring, tmp_path, monkeypatch, profile, api_key_env, sent):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("BOX_KEY", "sk-box")
    resource = InferenceResource(
        profile=profile,
        base_url=honouring.base_url,
        model="tiny",
        api_key_env=api_key_env,
        journal_path=str(tmp_path / "j"),
    )
    engine = resource.create_resource(dg.build_init_resource_context())
    assert honouring.headers[0]["authorization"] == f"Bearer {sent}"
    assert "sk-" not in repr(resource) + repr(engine)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"profile": "vllm"}, "'vllm' needs a model; set inference.model", id="no-model"),
        pytest.param({"profile": "openai", "model": "m"}, "'OPENAI_API_KEY', which is not set", id="no-key"),
        pytest.param(
            {"profile": "vllm", "model": "m", "api_key_env": "BOX_KEY"},
            "'BOX_KEY', which is not set",
            id="own-key",
        ),
    ],
)
def test_what_is_missing_is_named(monkeypatch, fields, said):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InferenceError, match=said) as caught:
        made(**fields)
    assert not caught.value.retryable


def test_an_asset_receives_the_engine_and_reports_what_it_took(honouring, tmp_path):
    @dg.asset
    def poems(inference: dg.ResourceParam[InferenceEngine]) -> dg.MaterializeResult:
        meter = UsageMeter(inference)
        completion = asyncio.run(meter.complete(request()))
        return dg.MaterializeResult(metadata={"usage": meter.summary(), "text": completion.text})

    resource = InferenceResource(
        profile="vllm",
        base_url=honouring.base_url,
        model="tiny",
        journal_path=str(tmp_path / "journal.sqlite"),
        prices={"tiny": ModelPrice(prompt=1e6, completion=0)},
    )
    result = dg.materialize([poems], resources={"inference": resource})
    (materialization,) = result.asset_materializations_for_node("poems")
    assert materialization.metadata["text"].value == "Fine."
    assert json.dumps(materialization.metadata["usage"].value)
    assert materialization.metadata["usage"].value["cost_usd"] == 11


def test_the_resource_can_be_made_where_an_event_loop_runs(honouring, tmp_path):
    async def in_a_notebook():
        settings = {"base_url": honouring.base_url, "model": "tiny", "journal_path": str(tmp_path / "j")}
        return await made(profile="vllm", **settings).complete(request())

    assert asyncio.run(in_a_notebook()).text == "Fine."
