"""The sensor on the folder of toolkits: what a tick registers, asks for, leaves aside and remembers."""

import json
import os
from pathlib import Path

import dagster as dg
import pytest
import toy_stages

from funcdex_assets.definitions import defs
from funcdex_assets.orchestration import toolkit_sensor
from funcdex_assets.orchestration.jobs import GENERATE_DATASET, build_jobs
from funcdex_assets.orchestration.partitions import list_registered
from funcdex_assets.orchestration.toolkit_sensor import build_toolkit_sensor

SETTINGS = "toolkits: [gmail, jira]\nbundles: [jira_gmail]\n"
TOOLS = "tools:\n- {{name: {name}, description: Lists orders., parameters: {{type: object}}}}\n"


class Folder:
    """A project with an instance, and its sensor, which remembers its cursor as the daemon does."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.instance = dg.DagsterInstance.ephemeral()
        self.cursor: str | None = None
        self.keys: list[str] = []
        self.says(SETTINGS)
        (root / "toolkits").mkdir()
        job = build_jobs([toy_stages.a])[GENERATE_DATASET]
        self.sensor = build_toolkit_sensor(root / "funcdex.yaml", job)

    def says(self, text: str) -> None:
        (self.root / "funcdex.yaml").write_text(text)

    def put(self, file: str, name: str = "LIST_ORDERS", text: str | None = None) -> Path:
        path = self.root / "toolkits" / file
        path.write_text(TOOLS.format(name=name) if text is None else text)
        return path

    def made(self, *partitions: str) -> None:
        for partition in partitions:
            self.instance.report_runless_asset_event(dg.AssetMaterialization("dataset", partition=partition))

    def tick(self) -> tuple[list[str], str]:
        """The partitions that are asked for, and why none is."""
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor)
        result = self.sensor(context)
        if isinstance(result, dg.SkipReason):
            return [], result.skip_message
        self.cursor = result.cursor
        self.keys = [request.run_key for request in result.run_requests]
        reason = result.skip_reason.skip_message if result.skip_reason else ""
        return [request.partition_key for request in result.run_requests], reason

    @property
    def asked(self) -> list[str]:
        return self.tick()[0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    for variable in [name for name in os.environ if name.startswith("FUNCDEX_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("FUNCDEX_CONFIG", str(tmp_path / "funcdex.yaml"))
    return Folder(tmp_path)


@pytest.fixture
def watched(folder: Folder) -> Folder:
    """After its first tick, in which there was nothing to ask for."""
    assert folder.asked == []
    return folder


# ── what is asked for ─────────────────────────────────────────────────────────────────────────


def test_a_new_file_is_a_partition_and_is_asked_for_once(watched: Folder):
    assert list_registered(watched.instance) == ["gmail", "jira", "jira_gmail"]
    watched.put("acme.yaml")
    assert watched.asked == ["acme"]
    assert list_registered(watched.instance) == ["gmail", "jira", "jira_gmail", "acme"]
    assert watched.tick() == ([], "Nothing is asked for.")


def test_a_changed_file_is_asked_for_and_a_touched_one_is_not(watched: Folder):
    watched.put("acme.yaml")
    assert watched.asked == ["acme"]
    watched.put("acme.yaml", "LIST_CARTS")
    assert watched.asked == ["acme"]
    watched.put("acme.yaml", "LIST_CARTS")
    assert watched.asked == []


def test_a_file_that_stands_in_for_a_shipped_one_is_a_change_of_the_bundles_too(watched: Folder):
    watched.put("gmail.yaml")
    assert watched.asked == ["gmail", "jira_gmail"]


def test_a_new_bundle_of_a_known_file_is_asked_for(watched: Folder):
    watched.put("acme.yaml")
    assert watched.asked == ["acme"]
    watched.says("toolkits: [gmail, jira]\nbundles: [jira_gmail, acme_gmail]\n")
    assert watched.asked == ["acme_gmail"]


def test_a_bundles_own_file_counts_for_the_bundle_and_its_members_files_do_not(folder: Folder):
    own = folder.root / "both.yaml"
    own.write_text(TOOLS.format(name="LIST_BOTH"))
    folder.says("toolkits: [gmail, jira]\nbundles: [{name: jira_gmail, tools: both.yaml}]\n")
    assert folder.asked == [], "at first only what lies in the folder is asked for"
    own.write_text(TOOLS.format(name="LIST_ALL"))
    assert folder.asked == ["jira_gmail"]
    folder.put("gmail.yaml")
    assert folder.asked == ["gmail"]


def test_the_first_tick_asks_for_what_has_no_dataset(folder: Folder):
    folder.says("toolkits: [gmail, jira]\nbundles: [jira_gmail, acme_gmail]\n")
    folder.put("acme.yaml")
    folder.put("beta.yaml")
    folder.made("acme")
    assert folder.asked == ["beta", "acme_gmail"]
    assert folder.asked == []
    folder.put("acme.yaml", "LIST_CARTS")
    assert folder.asked == ["acme", "acme_gmail"]


@pytest.mark.parametrize("cursor", ["", "no JSON", "[1]", '{"acme": 1}'])
def test_a_cursor_that_says_nothing_is_a_first_tick(folder: Folder, cursor):
    folder.put("acme.yaml")
    folder.made("acme")
    folder.cursor = cursor
    assert folder.asked == []
    assert json.loads(folder.cursor).keys() == {"acme"}


# ── for which a run is started once ───────────────────────────────────────────────────────────


def test_the_same_content_has_the_same_key_until_another_was_made(watched: Folder):
    before = watched.cursor
    watched.put("acme.yaml")
    watched.tick()
    first = watched.keys
    watched.cursor = before  # as if the daemon had died before it wrote the cursor
    watched.tick()
    assert watched.keys == first, "Dagster sees that it has started this run"

    watched.made("acme")
    watched.put("acme.yaml", "LIST_CARTS")
    watched.tick()
    watched.made("acme")
    watched.put("acme.yaml")
    assert watched.asked == ["acme"]
    assert watched.keys != first, "the old content is back, but the dataset is the other's"


def test_keys_of_two_partitions_differ(watched: Folder):
    watched.put("acme.yaml")
    watched.put("beta.yaml")
    watched.tick()
    assert len(set(watched.keys)) == 2


# ── what is left aside ────────────────────────────────────────────────────────────────────────


BROKEN = {
    "half of a file": ('{"tools": [{"name": "LIST', "acme.json is not readable JSON"),
    "no tools": ("tools: []", "acme.json"),
    "a bad schema": (
        '{"tools": [{"name": "FAX", "description": "Faxes.", "parameters": {"type": "strnig"}}]}',
        "FAX.parameters",
    ),
    "brackets without end": ("[" * 100_000, "acme"),
    "not text": ("\udcff", "acme.json is not readable JSON"),
}


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_named_and_the_others_are_asked_for(watched: Folder, text, said):
    watched.put("beta.yaml")
    (watched.root / "toolkits" / "acme.json").write_bytes(text.encode(errors="surrogateescape"))
    assert watched.asked == ["beta"]
    asked, reason = watched.tick()
    assert asked == []
    assert said in reason
    assert "acme" in list_registered(watched.instance), "it is a partition, which fails alone if somebody makes it"
    watched.put("acme.json", text='{"tools": [{"name": "A", "description": "", "parameters": {"type": "object"}}]}')
    assert watched.asked == ["acme"]


def test_a_file_that_breaks_keeps_what_was_known_of_it(watched: Folder):
    watched.put("acme.yaml")
    assert watched.asked == ["acme"]
    watched.put("acme.yaml", text="tools: [")
    assert watched.asked == []
    watched.put("acme.yaml")
    assert watched.asked == [], "it is again what was asked for"


def test_a_bundle_waits_for_all_its_files(watched: Folder):
    watched.says("toolkits: [gmail]\nbundles: [acme_beta]\n")
    (watched.root / "toolkits" / "beta.yaml").write_text("tools: [")
    watched.put("acme.yaml")
    assert watched.asked == ["acme"]
    watched.put("beta.yaml", "LIST_CARTS")
    assert watched.asked == ["beta", "acme_beta"]
    watched.put("beta.yaml", "LIST_ORDERS")
    asked, _ = watched.tick()
    assert asked == ["beta"]
    assert "'LIST_ORDERS' is already defined in" in watched.tick()[1]


def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_tick(watched: Folder, monkeypatch):
    path = watched.put("acme.yaml")
    load = toolkit_sensor.load_tools

    def slow(files):
        tools = load(files)
        path.write_text(path.read_text() + "# more\n")
        return tools

    monkeypatch.setattr(toolkit_sensor, "load_tools", slow)
    asked, reason = watched.tick()
    assert asked == []
    assert f"{path}: being written at this moment" in reason
    monkeypatch.setattr(toolkit_sensor, "load_tools", load)
    assert watched.asked == ["acme"]


@pytest.mark.parametrize("file", ["Acme.yaml", "acme_gmail.yaml", "2024.json", "my tools.yaml"])
def test_an_illegal_name_is_said_with_the_remedy(watched: Folder, file):
    watched.put(file)
    asked, reason = watched.tick()
    assert asked == []
    assert f"{file}: {Path(file).stem!r} is no name for a toolkit; rename the file" in reason
    assert list_registered(watched.instance) == ["gmail", "jira", "jira_gmail"]


@pytest.mark.parametrize("file", [".acme.yaml", "acme.yml", "README.md"])
def test_other_files_are_not_looked_at(watched: Folder, file):
    watched.put(file)
    assert watched.tick() == ([], "Nothing is asked for.")


def test_a_deleted_file_takes_its_key_away_and_starts_nothing(watched: Folder):
    path = watched.put("acme.yaml")
    watched.tick()
    watched.made("acme")
    path.unlink()
    assert watched.tick() == ([], "Nothing is asked for.")
    assert list_registered(watched.instance) == ["gmail", "jira", "jira_gmail"]
    assert watched.instance.get_materialized_partitions(dg.AssetKey("dataset")) == {"acme"}


# ── settings ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("toolkits: [", "funcdex.yaml is not readable YAML", id="broken settings"),
        pytest.param("toolkits: [gmail, nope]", "'nope' has no tool definitions", id="a listed toolkit without a file"),
        pytest.param("toolkits: [gmail]\nbundles: [nope_gmail]", "'nope'", id="a bundle of an unknown toolkit"),
        pytest.param("toolkits: [gmail]\nwatch: {enabled: false}", "watch.enabled is false", id="a folder unwatched"),
    ],
)
def test_a_tick_that_cannot_look_says_why_and_the_next_one_finds_what_is_new(watched: Folder, text, said):
    watched.put("acme.yaml")
    watched.says(text)
    asked, reason = watched.tick()
    assert asked == []
    assert said in reason
    watched.says(SETTINGS)
    assert watched.asked == ["acme"]


def test_a_missing_folder_is_an_empty_one(folder: Folder):
    (folder.root / "toolkits").rmdir()
    assert folder.tick() == ([], "Nothing is asked for.")


# ── in the code location ──────────────────────────────────────────────────────────────────────


def test_the_sensor_is_on_and_its_request_is_one_run_of_the_partition(watched: Folder, no_partitions):
    definitions = defs()
    sensor = definitions.resolve_sensor_def("watch_toolkits")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 30
    assert sensor.job_name == "generate_dataset"
    watched.put("acme.yaml")
    context = dg.build_sensor_context(
        instance_ref=no_partitions.get_ref(),
        cursor=watched.cursor,
        definitions=definitions,
        sensor_name="watch_toolkits",
    )
    (request,) = sensor.evaluate_tick(context).run_requests
    assert request.tags["dagster/partition"] == "acme"
