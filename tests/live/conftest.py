"""Real servers with a tiny model, started once for all tests that use them.

FUNCDEX_LIVE names them, separated by commas: `llama_cpp`, `vllm`, `vllm_guidance` (vLLM with its other
backend for grammars). One that is named must start: what it needs and does not find is a failure, so
that nothing is skipped by accident where these tests are meant to run. `make live` runs all three.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny_model
from served import KINDS, Served

from funcdex_assets.inference.servers import ServerSpec, running_server

WANTED = tuple(filter(None, os.environ.get("FUNCDEX_LIVE", "").split(",")))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    gguf_file, hf_folder = tiny_model.write(tmp_path_factory.mktemp("models"))
    return {"llama_cpp": gguf_file, "vllm": hf_folder}


@pytest.fixture(scope="session", params=KINDS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if request.param not in WANTED:
        pytest.skip(f"FUNCDEX_LIVE does not name {request.param}; run: make live")
    kind = KINDS[request.param]
    # One GiB holds 32 contexts of this model; vLLM fills it at the start.
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    models = request.getfixturevalue("models")
    log = tmp_path_factory.mktemp("logs") / f"{request.param}.log"
    spec = ServerSpec(kind.profile, str(models[kind.profile]), context=tiny_model.CONTEXT, args=kind.args)
    with running_server(spec, log, print, start_limit_s=400) as base_url:
        yield Served(request.param, kind.profile, base_url, kind.notations)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and "served" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.live)
