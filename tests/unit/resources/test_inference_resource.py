import asyncio
import json
import os
from contextlib import contextmanager

import dagster as dg
import pytest

from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import ChatMessage, InferenceEngine, InferenceError, Request
from funcdex_assets.inference.usage import UsageMeter
from funcdex_assets.resources.inference import InferenceResource
from funcdex_assets.resources.project import ProjectResource


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """Its `funcdex.yaml`, for tests that write one of their own."""
    for variable in [name for name in os.environ if name.startswith("FUNCDEX_")]:
        monkeypatch.delenv(variable)
    file = tmp_path / "funcdex.yaml"
    file.write_text("toolkits: [gmail]\nhome: home\n")
    monkeypatch.setenv("FUNCDEX_CONFIG", str(file))
    return file


@pytest.fixture
def honouring(server, forced):
    server.otherwise = forced
    return server


@contextmanager
def made(**fields):
    with InferenceResource(project=ProjectResource(), **fields).yield_for_execution(
        dg.build_init_resource_context()
    ) as engine:
        yield engine


def request():
    return Request("judge", None, lambda: (ChatMessage("user", "Hi"),), 1)


def test_offline_is_the_default():
    with made() as engine:
        assert isinstance(engine, OfflineEngine)


@pytest.mark.concurrent
def test_a_server_that_ignores_constraints_is_refused_at_the_start(server, tmp_path):
    journal = tmp_path / "journal.sqlite"
    with (
        pytest.raises(InferenceError, match="ignored a grammar"),
        made(profile="vllm", base_url=server.base_url, model="tiny", journal_path=str(journal)),
    ):
        pass
    assert not journal.exists()


@pytest.mark.concurrent
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
        project=ProjectResource(),
        profile=profile,
        base_url=honouring.base_url,
        model="tiny",
        api_key_env=api_key_env,
        journal_path=str(tmp_path / "j"),
    )
    with resource.yield_for_execution(dg.build_init_resource_context()) as engine:
        assert honouring.headers[0]["authorization"] == f"Bearer {sent}"
        assert "sk-" not in repr(resource) + repr(engine)


@dg.asset
def poems(engine: dg.ResourceParam[InferenceEngine]) -> dg.MaterializeResult:
    meter = UsageMeter(engine)
    completion = asyncio.run(meter.complete(request()))
    return dg.MaterializeResult(metadata={"usage": meter.to_metadata(), "model": completion.model})


@dg.asset(deps=[poems])
def more_poems(engine: dg.ResourceParam[InferenceEngine]) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"engine": engine.name})


def metadata_of(result, asset):
    (materialization,) = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in materialization.metadata.items()}


@pytest.mark.concurrent
def test_an_asset_receives_the_engine_and_reports_what_it_took(honouring, tmp_path):
    resource = InferenceResource(
        project=ProjectResource(),
        profile="vllm",
        base_url=honouring.base_url,
        model="tiny",
        journal_path=str(tmp_path / "journal.sqlite"),
        prices={"tiny": {"prompt": 1e6}},
    )
    metadata = metadata_of(dg.materialize([poems], resources={"engine": resource}), "poems")
    assert metadata["model"] == "tiny"
    assert json.dumps(metadata["usage"])
    assert metadata["usage"]["cost_usd"] == 11


FILE = """
toolkits: [gmail]
home: home
inference:
  profile: vllm
  base_url: {base_url}
  model: tiny
  roles: {{judge: {{model: wise, concurrency: 2}}}}
  requests_per_minute: 6000
  prices: {{wise: {{prompt: 2000000.0, cached: 0}}}}
"""


@pytest.mark.concurrent
@pytest.mark.parametrize(
    ("config", "model", "engine", "cost"),
    [
        pytest.param({}, "wise", "vllm:tiny (judge: vllm:wise)", 6, id="nothing"),
        pytest.param({"roles": {}}, "tiny", "vllm:tiny", 0, id="no-roles-of-their-own"),
        pytest.param(
            {"roles": {"judge": {"model": "other"}}, "prices": {"other": {"prompt": 1e6}}},
            "other",
            "vllm:tiny (judge: vllm:other)",
            11,
            id="another-judge-and-its-price",
        ),
        pytest.param({"model": "big"}, "wise", "vllm:big (judge: vllm:wise)", 6, id="another-model-for-the-rest"),
    ],
)
def test_the_launchpad_may_say_otherwise_for_one_run(honouring, project, config, model, engine, cost):
    project.write_text(FILE.format(base_url=honouring.base_url))
    result = dg.materialize(
        [poems],
        resources={"engine": InferenceResource(project=ProjectResource())},
        run_config={"resources": {"engine": {"config": config}}},
    )
    metadata = metadata_of(result, "poems")
    assert (metadata["model"], metadata["usage"]["engine"], metadata["usage"]["cost_usd"]) == (model, engine, cost)
    assert (project.parent / "home" / "journal.sqlite").exists()


@pytest.mark.concurrent
def test_servers_given_for_one_run_replace_those_of_the_file(honouring, project):
    project.write_text(FILE.format(base_url="http://127.0.0.1:1/v1"))
    with made(base_urls=[honouring.base_url]) as engine:
        assert engine.name == "vllm:tiny (judge: vllm:wise)"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"roles": {"juge": {}}}, "'scenario_writer'", id="an-unknown-role"),
        pytest.param({"roles": {"judge": {"modell": "x"}}}, "roles.judge: modell", id="an-unknown-field"),
        pytest.param({"retries": -1}, "greater than or equal to 0", id="out-of-range"),
    ],
)
def test_a_mistake_in_the_launchpad_is_named(fields, said):
    with pytest.raises(ValueError, match=said), made(**fields):
        pass


@pytest.mark.concurrent
def test_the_resource_can_be_made_where_an_event_loop_runs(honouring, tmp_path):
    async def in_a_notebook():
        settings = {"base_url": honouring.base_url, "model": "tiny", "journal_path": str(tmp_path / "j")}
        with made(profile="vllm", **settings) as engine:
            completion = await engine.complete(request())
            await engine.close()
            return completion

    assert asyncio.run(in_a_notebook()).text == "Fine."


# ── a server of the run's own ─────────────────────────────────────────────────────────────────


@pytest.fixture
def served(honouring, monkeypatch):
    """Instead of starting a process: what was asked for, and what became of it."""
    events = []

    @contextmanager
    def running_server(spec, log, progress):
        events.append(("started", spec.engine, spec.model, spec.args, log.name))
        try:
            yield honouring.base_url
        finally:
            events.append("stopped")

    monkeypatch.setattr("funcdex_assets.inference.servers.running_server", running_server)
    return events


SERVE = {"engine": "llama_cpp", "model": "models/tiny.gguf", "args": ["--flash-attn"]}
STARTED = ("started", "llama_cpp", "models/tiny.gguf", ("--flash-attn",), "server.log")


@pytest.mark.concurrent
def test_a_run_owns_one_server_from_its_start_to_its_end(served, honouring, tmp_path):
    resource = InferenceResource(
        project=ProjectResource(), profile="llama_cpp", serve=SERVE, journal_path=str(tmp_path / "journal.sqlite")
    )
    result = dg.materialize([poems, more_poems], resources={"engine": resource})
    assert served == [STARTED, "stopped"]
    assert metadata_of(result, "more_poems")["engine"] == "llama_cpp:tiny"
    assert {question["model"] for question in honouring.questions} == {"tiny"}


@pytest.mark.concurrent
def test_the_server_is_stopped_when_the_run_fails(served, tmp_path):
    @dg.asset
    def bad(engine: dg.ResourceParam[InferenceEngine]) -> None:
        raise RuntimeError("no")

    resource = InferenceResource(
        project=ProjectResource(), profile="llama_cpp", serve=SERVE, journal_path=str(tmp_path / "journal.sqlite")
    )
    assert not dg.materialize([bad], resources={"engine": resource}, raise_on_error=False).success
    assert served == [STARTED, "stopped"]


@pytest.mark.concurrent
def test_the_server_is_stopped_when_it_does_not_pass_the_probe(served, honouring, replies, tmp_path):
    honouring.otherwise = lambda _: replies.ok("hello")
    with (
        pytest.raises(InferenceError, match="ignored a grammar"),
        made(profile="llama_cpp", serve=SERVE, journal_path=str(tmp_path / "journal.sqlite")),
    ):
        pass
    assert served == [STARTED, "stopped"]
