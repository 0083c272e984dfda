"""The settings of one run: what the launchpad or a command gives comes before the file."""

import os

import dagster as dg
import pytest

from funcdex_assets.resources.project import ProjectResource
from funcdex_assets.resources.settings import SettingsResource


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    for variable in [name for name in os.environ if name.startswith("FUNCDEX_")]:
        monkeypatch.delenv(variable)
    file = tmp_path / "funcdex.yaml"
    file.write_text("toolkits: [gmail, jira, stripe]\nhome: home\ngeneration: {total_conversations: 30}\n")
    monkeypatch.setenv("FUNCDEX_CONFIG", str(file))
    return file


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        pytest.param({}, [10, 10, 10], id="the file's total"),
        pytest.param({"conversations": 4}, [4, 4, 4], id="a count replaces it"),
        pytest.param({"total_conversations": 10}, [4, 3, 3], id="another total"),
        pytest.param(
            {"total_conversations": 5, "total_over": ["jira", "stripe"]}, [106, 3, 2], id="a total over some of them"
        ),
    ],
)
def test_the_runs_own_count_comes_first(fields, counts):
    settings = SettingsResource(project=ProjectResource(), **fields).create_resource(dg.build_init_resource_context())
    assert [settings.generation_of(name).conversations for name in settings.partitions] == counts
    assert (settings.home / "version").is_file(), "a run makes the home, whoever started it"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        pytest.param({"conversations": 4, "total_conversations": 9}, "give one of them", id="both"),
        pytest.param({"total_conversations": 2}, "raise it to 3", id="less than one each"),
    ],
)
def test_what_cannot_be_is_refused(fields, says):
    with pytest.raises(ValueError, match=says):
        SettingsResource(project=ProjectResource(), **fields).create_resource(dg.build_init_resource_context())
