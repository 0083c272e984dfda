"""What a run's configuration gives the engine has the same effect as the same line in the file."""

from pathlib import Path

import dagster as dg
import pytest
import toy_stages

from funcdex_assets.orchestration.resource_keys import ENGINE
from funcdex_assets.resources.project import ProjectResource
from funcdex_assets.resources.settings import SettingsResource
from funcdex_assets.settings.section import SettingsError
from funcdex_assets.settings.settings import Settings

FILE = """
toolkits: [gmail]
inference: {profile: openai, model: gpt-x, prices: {gpt-x: {prompt: 1, completion: 2}}}
"""


@pytest.fixture
def project(tmp_path: Path) -> ProjectResource:
    path = tmp_path / "funcdex.yaml"
    path.write_text(FILE)
    return ProjectResource(settings_file=str(path))


def settings_of_run(project: ProjectResource, instance: dg.DagsterInstance, engine: dict[str, object]) -> Settings:
    run = instance.create_run_for_job(toy_stages.toy())
    run = run.__class__(**{**run._asdict(), "run_config": {"resources": {ENGINE: {"config": engine}}}})
    context = type("Context", (), {"run": run})()
    return SettingsResource(project=project).create_resource(context)


def test_the_file_asks_for_native_calls(project, instance):
    assert settings_of_run(project, instance, {}).native_calls


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param({"profile": "offline"}, id="the offline engine"),
        pytest.param({"roles": {"assistant": {"profile": "offline"}}}, id="only the assistant"),
    ],
)
def test_an_offline_assistant_is_not_asked_for_native_calls(project, instance, engine):
    assert not settings_of_run(project, instance, engine).native_calls


def test_a_variable_is_looked_up(project, instance, monkeypatch):
    monkeypatch.setenv("PROFILE_OF_THE_NIGHT", "offline")
    assert not settings_of_run(project, instance, {"profile": {"env": "PROFILE_OF_THE_NIGHT"}}).native_calls


def test_what_the_file_may_not_say_a_run_may_not_either(project, instance):
    with pytest.raises(SettingsError, match="nonsense"):
        settings_of_run(project, instance, {"profile": "nonsense"})
