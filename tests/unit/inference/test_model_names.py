"""The names of models as they are published: neither a folder, nor an address, nor a key."""

from typing import get_args

import pytest

from funcdex_assets.inference.model_names import hide_places, name_model, name_role_models
from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.routing import RoutedEngine, list_engine_names
from funcdex_assets.inference.usage import UsageMeter
from funcdex_assets.records.labels import RoleName


@pytest.mark.parametrize(
    ("name", "model"),
    [
        pytest.param("offline", "offline", id="the program"),
        pytest.param("vllm:Qwen/Qwen3-8B", "Qwen/Qwen3-8B", id="a repository is a name"),
        pytest.param("openai:llama3:8b", "llama3:8b", id="a colon in the model's own name"),
        pytest.param("scripted:tiny", "scripted:tiny", id="no profile"),
        pytest.param("llama_cpp:/srv/some models/tiny.gguf", "tiny.gguf", id="a file, in a folder with a space"),
        pytest.param("vllm:~/models/tiny/", "tiny", id="a folder at home"),
        pytest.param("vllm:../tiny", "tiny", id="a folder beside"),
        pytest.param("vllm:C:\\models\\tiny", "tiny", id="a folder of Windows"),
        pytest.param("openai:https://user:pass@models.example/v1/talker?key=k#f", "talker", id="an address with keys"),
        pytest.param("openai:https://user:pass@models.example", "model", id="an address and nothing else"),
    ],
)
def test_a_model_has_its_name_alone(name, model):
    assert name_model(name) == model


def test_every_name_within_an_engines_name_loses_its_place():
    name = "vllm:/srv/models/a (judge: openai:https://h/v1/b, planner: llama_cpp:./c.gguf) (assistant: offline)"
    assert hide_places(name) == "vllm:a (judge: openai:b, planner: llama_cpp:c.gguf) (assistant: offline)"


def named(name: str) -> OfflineEngine:
    engine = OfflineEngine({})
    engine.name = name
    return engine


def test_each_role_is_named_by_the_engine_that_plays_it_behind_meters_and_further_routes():
    inner = RoutedEngine(named("vllm:a"), {"planner": named("openai:b")}, [named("vllm:c"), named("vllm:d")])
    outer = RoutedEngine(UsageMeter(UsageMeter(inner)), {"user_simulator": OfflineEngine({})})
    models = {model.role: model.model for model in name_role_models(outer)}
    assert tuple(models) == get_args(RoleName)
    others = {"planner": "b", "user_simulator": "offline", "judge": "c, d"}
    assert models == {**dict.fromkeys(get_args(RoleName), "a"), **others}


def test_without_a_committee_the_judge_is_the_engine_of_its_role():
    routed = RoutedEngine(named("vllm:a"), {"judge": named("openai:b")})
    assert list_engine_names(UsageMeter(routed), "judge") == ("openai:b",)
    assert list_engine_names(UsageMeter(routed), "planner") == ("vllm:a",)
    assert list_engine_names(UsageMeter(named("vllm:a")), "judge") == ("vllm:a",)
