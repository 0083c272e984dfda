"""funcdex.yaml: what it may say, what the environment may override, and what each mistake is answered with."""

import os
from pathlib import Path
from typing import get_args

import pytest

from funcdex_assets.records.kinds import DEFAULT_WEIGHTS, KINDS
from funcdex_assets.roles.improvisations import IMPROVISATIONS
from funcdex_assets.settings.generation import Generation
from funcdex_assets.settings.inference import Inference, RoleName
from funcdex_assets.settings.judging import Judging
from funcdex_assets.settings.section import SettingsError
from funcdex_assets.settings.settings import load_settings

ACME = "tools:\n- {name: LIST_ORDERS, description: Lists orders., parameters: {type: object}}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in [name for name in os.environ if name.startswith("FUNCDEX_")]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(project: Path, text: str) -> Path:
    path = project / "funcdex.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def add_toolkit(project: Path, file: str) -> Path:
    path = project / "toolkits" / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(ACME, encoding="utf-8")
    return path


# ── what the file says ────────────────────────────────────────────────────────────────────────


def test_a_file_is_read_and_the_rest_is_defaulted(project):
    path = write(project, "seed: 7\ntoolkits: [gmail, jira]\nbundles: [jira_gmail]\ngeneration: {max_calls: 4}\n")
    settings = load_settings(path)
    assert settings.seed == 7
    assert settings.partitions == ("gmail", "jira", "jira_gmail")
    assert settings.generation == Generation(max_calls=4)
    assert settings.inference.profile == "offline"


def test_bundles_and_sections_may_be_left_empty(project):
    assert load_settings(write(project, "toolkits: [gmail]\nbundles:\n")).partitions == ("gmail",)


@pytest.mark.parametrize("how", ["working folder", "environment variable"])
def test_without_a_path_the_file_is_found_by(project, monkeypatch, how):
    path = write(project, "toolkits: [gmail]\n")
    if how == "environment variable":
        (project / "elsewhere").mkdir()
        path = path.rename(project / "elsewhere" / "other.yaml")
        monkeypatch.setenv("FUNCDEX_CONFIG", str(path))
    assert load_settings().root == path.parent


@pytest.mark.parametrize(
    ("home", "expected"),
    [
        pytest.param("", ".funcdex", id="the default is beside the file"),
        pytest.param("home: kept/here", "kept/here", id="a relative folder is beside the file"),
        pytest.param("home: /data/funcdex", "/data/funcdex", id="an absolute folder stays as it is"),
    ],
)
def test_home_does_not_depend_on_the_working_folder(project, monkeypatch, home, expected):
    path = write(project, f"toolkits: [gmail]\n{home}\n")
    (project / "elsewhere").mkdir()
    monkeypatch.chdir(project / "elsewhere")
    assert load_settings(Path("../funcdex.yaml")).home.resolve() == project / expected
    assert load_settings(path).home == project / expected


DEFAULT_KINDS = [kind for kind in KINDS if DEFAULT_WEIGHTS[kind]]


@pytest.mark.parametrize(
    ("generation", "train", "test"),
    [
        pytest.param({"conversations": 106}, 86, 20, id="the share of Funcdex"),
        pytest.param({"conversations": 2, "test_share": 0.01}, 1, 1, id="a split is never empty"),
        pytest.param({"conversations": 1}, 1, 0, id="unless there is one conversation"),
        pytest.param({"conversations": 10, "test_share": 0}, 10, 0, id="or no test split is wanted"),
    ],
)
@pytest.mark.parametrize(
    "possible",
    [DEFAULT_KINDS, ("simple", "ask_back")],
    ids=["all kinds", "two kinds"],
)
def test_cells_add_up_to_the_sizes_of_the_splits(generation, train, test, possible):
    cells = Generation(**generation).count_wanted_conversations(possible)
    assert {kind for kind, _ in cells} == set(possible)
    assert sum(count for (_, held_out), count in cells.items() if not held_out) == train
    assert sum(count for (_, held_out), count in cells.items() if held_out) == test


# Of 10 conversations half are simple, half parallel; 4 are for the test split.
TWO = Generation(conversations=10, test_share=0.4, oversample=1.5, reserve=0.25, kinds={"simple": 1, "parallel": 1})


@pytest.mark.parametrize(
    ("possible", "cells", "candidates", "planned"),
    [
        pytest.param(
            KINDS,
            {("simple", False): 3, ("simple", True): 2, ("parallel", False): 3, ("parallel", True): 2},
            {("simple", False): 5, ("simple", True): 3, ("parallel", False): 5, ("parallel", True): 3},
            {("simple", False): 4, ("simple", True): 3, ("parallel", False): 4, ("parallel", True): 3},
            id="each cell is rounded up",
        ),
        pytest.param(
            ("simple", "ask_back"),
            {("simple", False): 6, ("simple", True): 4},
            {("simple", False): 9, ("simple", True): 6},
            {("simple", False): 8, ("simple", True): 5},
            id="what the tools do not permit is left to the others",
        ),
        pytest.param(("ask_back",), {}, {}, {}, id="nothing that is wanted is possible"),
    ],
)
def test_candidates_and_plans_of_each_cell(possible, cells, candidates, planned):
    assert TWO.count_wanted_conversations(possible) == cells
    assert TWO.count_wanted_candidates(possible) == candidates
    assert TWO.count_wanted_plans(possible) == planned


def test_without_a_word_on_kinds_all_are_possible():
    assert TWO.count_wanted_conversations() == TWO.count_wanted_conversations(KINDS)
    assert Generation(reserve=0).count_wanted_plans() == Generation().count_wanted_conversations()


# ── who plays which role ──────────────────────────────────────────────────────────────────────

SERVER = {"profile": "vllm", "base_url": "http://a/v1", "model": "small", "retries": 2, "api_key_env": "BOX_KEY"}


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        pytest.param({}, SERVER, id="nothing given, all is inherited"),
        pytest.param({"model": "large"}, {**SERVER, "model": "large"}, id="what is given replaces"),
        pytest.param(
            {"base_urls": ["http://b/v1", "http://c/v1"]},
            {**SERVER, "base_url": None, "base_urls": ("http://b/v1", "http://c/v1")},
            id="several servers replace the one",
        ),
        pytest.param(
            {"profile": "openai", "model": "gpt"},
            {"profile": "openai", "model": "gpt", "retries": 5, "api_key_env": "OPENAI_API_KEY", "base_url": None},
            id="another profile inherits nothing",
        ),
        pytest.param({"profile": "offline"}, {"profile": "offline", "model": None}, id="offline"),
    ],
)
def test_a_role_differs_in_what_is_given(role, expected):
    inference = Inference(**SERVER, roles={"judge": role})
    endpoint = inference.resolve_endpoint("judge")
    assert {field: getattr(endpoint, field) for field in expected} == expected
    assert inference.resolve_endpoint("planner") == inference.resolve_endpoint()
    assert inference.resolve_endpoint().model == "small"


@pytest.mark.parametrize(
    ("committee", "models"),
    [
        pytest.param(1, ["wise"], id="one by default"),
        pytest.param(2, ["wise", "wise"], id="a number"),
        pytest.param(
            [{}, {"name": "strict", "model": "large"}, {"profile": "offline"}], ["wise", "large", None], id="a list"
        ),
    ],
)
def test_the_judges_of_a_committee_differ_from_the_judge_in_what_is_given(committee, models):
    inference = Inference(**SERVER, roles={"judge": {"model": "wise"}})
    endpoints = [inference.resolve_member_endpoint(fields) for fields in Judging(committee=committee).members]
    assert [endpoint.model for endpoint in endpoints] == models
    assert {endpoint.retries for endpoint in endpoints if endpoint.profile == "vllm"} == {2}


def test_every_role_that_can_be_played_can_be_sent_elsewhere():
    assert set(get_args(RoleName)) == set(IMPROVISATIONS)


@pytest.mark.parametrize(
    ("fields", "urls"),
    [
        pytest.param({}, (), id="none: the profile's own"),
        pytest.param({"base_url": "http://a/v1"}, ("http://a/v1",), id="one"),
        pytest.param(
            {"base_urls": ["http://b/v1", "http://a/v1", "http://b/v1"]}, ("http://b/v1", "http://a/v1"), id="each once"
        ),
    ],
)
def test_the_servers_of_an_endpoint(fields, urls):
    assert Inference(profile="vllm", **fields).urls == urls


# ── what the environment says ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("variable", "value", "read"),
    [
        pytest.param("FUNCDEX_SEED", "9", lambda settings: settings.seed == 9, id="a field"),
        pytest.param(
            "FUNCDEX_GENERATION__CONVERSATIONS",
            "3",
            lambda settings: (settings.generation.conversations, settings.generation.max_calls) == (3, 4),
            id="a field of a section, whose other fields stay",
        ),
        pytest.param(
            "FUNCDEX_GENERATION__CLARITY__GOOD",
            "0",
            lambda settings: settings.generation.clarity.good == 0,
            id="a field of a section in a section",
        ),
        pytest.param(
            "FUNCDEX_INFERENCE__ROLES",
            '{"judge": {"profile": "vllm", "model": "m"}}',
            lambda settings: settings.inference.resolve_endpoint("judge").model == "m",
            id="a role, as JSON",
        ),
        pytest.param(
            "FUNCDEX_INFERENCE__ROLES__JUDGE__PROFILE",
            "vllm",
            lambda settings: settings.inference.resolve_endpoint("judge").profile == "vllm",
            id="a field of a role",
        ),
        pytest.param(
            "FUNCDEX_JUDGING__COMMITTEE", "3", lambda settings: settings.judging.committee == 3, id="a number of judges"
        ),
        pytest.param(
            "FUNCDEX_JUDGING__COMMITTEE",
            '[{}, {"profile": "offline"}]',
            lambda settings: settings.judging.members == ({}, {"profile": "offline"}),
            id="judges, as JSON",
        ),
        pytest.param(
            "FUNCDEX_TOOLKITS", '["jira"]', lambda settings: settings.partitions == ("jira",), id="a list, as JSON"
        ),
        pytest.param(
            "FUNCDEX_WATCH__ENABLED", "false", lambda settings: not settings.watch.enabled, id="whether to watch"
        ),
    ],
)
def test_the_environment_overrides_the_file(project, monkeypatch, variable, value, read):
    path = write(project, "toolkits: [gmail]\ngeneration: {conversations: 50, max_calls: 4}\n")
    assert not read(load_settings(path))
    monkeypatch.setenv(variable, value)
    assert read(load_settings(path))


def test_an_argument_overrides_the_environment(project, monkeypatch):
    monkeypatch.setenv("FUNCDEX_SEED", "9")
    assert load_settings(write(project, "toolkits: [gmail]\n"), seed=11).seed == 11


@pytest.mark.parametrize(
    ("variable", "value", "parts"),
    [
        pytest.param(
            "FUNCDEX_GENERATION__CONVERSATIONS",
            "many",
            ("generation.conversations", "'many'", "environment variable FUNCDEX_GENERATION__CONVERSATIONS"),
            id="a wrong type; the file is not to blame",
        ),
        pytest.param(
            "FUNCDEX_GENERATION__CONVERSATION", "3", ("generation.conversation:", "mean 'conversations'?"), id="a typo"
        ),
        pytest.param("FUNCDEX_TOOLKITS", "gmail,jira", ('"toolkits"', "as JSON"), id="a list that is not JSON"),
    ],
)
def test_a_bad_variable_is_named(project, monkeypatch, variable, value, parts):
    path = write(project, "toolkits: [gmail]\n")
    assert load_settings(path)
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as error:
        load_settings(path)
    assert [part for part in parts if part not in str(error.value)] == []


# ── mistakes ──────────────────────────────────────────────────────────────────────────────────

MISTAKES = {
    "no toolkits": ("seed: 1", ("toolkits", "required")),
    "an empty list of toolkits": ("toolkits: []", ("toolkits:", "empty", "'- gmail'")),
    "a toolkit without definitions": (
        "toolkits: [gmail, acme]",
        ("'acme' has no tool definitions", "toolkits/acme.yaml", "acme.json", "or remove 'acme'"),
    ),
    "a shipped toolkit, mistyped": ("toolkits: [gmial]", ("'gmial' has no tool definitions (did you mean 'gmail'?)",)),
    "a count and a total": (
        "toolkits: [gmail]\ngeneration: {conversations: 3, total_conversations: 9}",
        ("generation: conversations and total_conversations are both set; remove one",),
    ),
    "a total that leaves a partition without": (
        "toolkits: [gmail, jira]\ngeneration: {total_conversations: 1}",
        ("generation.total_conversations", "1 is less than one conversation for each of 2", "raise it to 2"),
    ),
    "a toolkit twice": ("toolkits: [gmail, jira, gmail]", ("toolkits: 'gmail'", "twice", "remove one")),
    "a bundle twice": (
        "toolkits: [gmail, jira]\nbundles: [jira_gmail, jira_gmail]",
        ("bundles: 'jira_gmail'", "twice", "remove one"),
    ),
    "upper case": ("toolkits: [Gmail]", ("toolkits: 'Gmail'", "use a lower-case letter")),
    "an underscore in a toolkit": ("toolkits: [google_drive]", ("toolkits: 'google_drive'", "joins toolkits")),
    "a path as a toolkit": ("toolkits: [../secrets]", ("toolkits: '../secrets'", "legal name")),
    "a name of 41 letters": (f"toolkits: [{'a' * 41}]", ("toolkits:", "up to 39")),
    "a bundle with an unlisted toolkit": (
        "toolkits: [gmail]\nbundles: [gmail_jira]",
        ("bundles: 'gmail_jira'", "'jira'", "add the line '- jira'"),
    ),
    "a bundle of one": ("toolkits: [gmail]\nbundles: [gmail]", ("bundles: 'gmail'", "join at least two")),
    "a bundle of the same": ("toolkits: [gmail]\nbundles: [gmail_gmail]", ("bundles: 'gmail_gmail'", "name it once")),
    "a bundle's file that is not there": (
        "toolkits: [gmail, jira]\nbundles: [{name: jira_gmail, tools: both.json}]",
        ("'jira_gmail'", "both.json", "put them into"),
    ),
    "an unknown field of a bundle": (
        "toolkits: [gmail, jira]\nbundles: [{name: jira_gmail, tool: x}]",
        ("bundles.0.tool", "mean 'tools'?"),
    ),
    "an unknown field": ("toolkits: [gmail]\ngenration: {}", ("genration:", "did you mean 'generation'?")),
    "an unknown field that is like none": ("toolkits: [gmail]\nfoo: 3", ("foo:", "check the spelling")),
    "a field of the program's own": ("toolkits: [gmail]\nroot: /", ("root:", "check the spelling")),
    "an unknown field of a section": (
        "toolkits: [gmail]\ngeneration: {conversation: 3}",
        ("generation.conversation:", "did you mean 'conversations'?"),
    ),
    "a word for a number": (
        "toolkits: [gmail]\ngeneration: {conversations: many}",
        ("generation.conversations", "valid integer", "'many'"),
    ),
    "a number out of its range": (
        "toolkits: [gmail]\njudging: {min_scores: {tool_use_quality: 6}}",
        ("judging.min_scores.tool_use_quality", "less than or equal to 5", "6"),
    ),
    "a toolkit for the list of them": ("toolkits: gmail", ("toolkits:", "should be a list", "'gmail'")),
    "a bundle for the list of them": ("toolkits: [gmail, jira]\nbundles: jira_gmail", ("bundles:", "a list")),
    "a number for the list of bundles": ("toolkits: [gmail]\nbundles: 5", ("bundles:", "a list", "5")),
    "an unknown profile": (
        "toolkits: [gmail]\ninference: {profile: vlm}",
        ("inference.profile", "'vlm'", "'offline', 'vllm', 'llama_cpp' or 'openai'"),
    ),
    "an unknown role": (
        "toolkits: [gmail]\ninference: {roles: {juge: {model: m}}}",
        ("inference.roles.juge", "'user_simulator'", "'judge'"),
    ),
    "an unknown field of a role": (
        "toolkits: [gmail]\ninference: {profile: vllm, roles: {judge: {modell: m}}}",
        ("inference: roles.judge: modell", "did you mean 'model'?"),
    ),
    "a number out of its range, of a role": (
        "toolkits: [gmail]\ninference: {profile: vllm, roles: {judge: {retries: -1}}}",
        ("inference: roles.judge: retries", "greater than or equal to 0", "-1"),
    ),
    "a role that is offline with a model": (
        "toolkits: [gmail]\ninference: {roles: {judge: {model: m}}}",
        ("inference: roles.judge", "offline takes no other field", "set roles.judge.profile"),
    ),
    "one server and several": (
        "toolkits: [gmail]\ninference: {profile: vllm, base_url: http://a/v1, base_urls: [http://b/v1]}",
        ("inference:", "list all servers in base_urls"),
    ),
    "an unknown notation": (
        "toolkits: [gmail]\ninference: {profile: vllm, notation: ebnf}",
        ("inference.notation", "'ebnf'", "'gbnf', 'lark' or 'structural_tag'"),
    ),
    "a limit of nothing": (
        "toolkits: [gmail]\ninference: {requests_per_minute: 0}",
        ("inference.requests_per_minute", "greater than or equal to 1"),
    ),
    "a server of another kind than the profile": (
        "toolkits: [gmail]\ninference: {profile: vllm, serve: {engine: llama_cpp, model: m.gguf}}",
        ("inference:", "serve.engine is 'llama_cpp' and profile 'vllm'"),
    ),
    "a server of one's own and another": (
        "toolkits: [gmail]\ninference: {profile: vllm, base_url: http://a/v1, serve: {engine: vllm, model: m}}",
        ("inference:", "remove base_url, or remove serve"),
    ),
    "no judge": ("toolkits: [gmail]\njudging: {committee: 0}", ("judging.committee", "1 to 15", "(value 0)")),
    "a committee of nobody": ("toolkits: [gmail]\njudging: {committee: []}", ("judging.committee", "1 to 15")),
    "a word for a committee": (
        "toolkits: [gmail]\njudging: {committee: many}",
        ("judging.committee", "a number of judges", "or a list", "'many'"),
    ),
    "a judge that is no mapping": (
        "toolkits: [gmail]\njudging: {committee: [{}, qwen3]}",
        ("judging.committee: member 1 is no mapping; write {}", "'qwen3'"),
    ),
    "an unknown field of a judge": (
        "toolkits: [gmail]\njudging: {committee: [{}, {profile: vllm, modell: m}]}",
        ("judging.committee.1: modell", "did you mean 'model'?"),
    ),
    "a number out of its range, of a judge": (
        "toolkits: [gmail]\njudging: {committee: [{profile: vllm, model: m, retries: -1}]}",
        ("judging.committee.0: retries", "greater than or equal to 0", "-1"),
    ),
    "an offline judge with a model": (
        "toolkits: [gmail]\njudging: {committee: [{model: m}]}",
        ("judging.committee.0", "offline takes no other field", "set judging.committee.0.profile"),
    ),
    "two judges of one name": (
        "toolkits: [gmail]\njudging: {committee: [{name: a}, {}, {name: a}]}",
        ("judging.committee.2.name: 'a' is the name of judge 0", "give it another"),
    ),
    "a number for the name of a judge": (
        "toolkits: [gmail]\njudging: {committee: [{name: 3}]}",
        ("judging.committee.0.name", "a text that is not empty", "3"),
    ),
    "weights that are all zero": (
        "toolkits: [gmail]\ngeneration: {clarity: {excellent: 0, good: 0, average: 0}}",
        ("generation.clarity", "'good': 0", "at least one weight must be above 0"),
    ),
    "a negative weight": (
        "toolkits: [gmail]\ngeneration: {clarity: {good: -1}}",
        ("generation.clarity.good", "-1", "greater than or equal to 0"),
    ),
    "a kind that there is not": (
        "toolkits: [gmail]\ngeneration: {kinds: {simpel: 1}}",
        ("generation.kinds.simpel", "'multi_step', 'long_context'"),
    ),
    "no kind with a weight": (
        "toolkits: [gmail]\ngeneration: {kinds: {simple: 0}}",
        ("generation:", "kinds gives no weight to any kind", "multi_step, long_context"),
    ),
    "a fault that there is not": (
        "toolkits: [gmail]\ngeneration: {faults: {fire: 1}}",
        ("generation.faults.fire", "'not_found'"),
    ),
    "a shortest chain longer than the longest": (
        "toolkits: [gmail]\ngeneration: {min_calls: 5, max_calls: 3}",
        ("generation:", "min_calls (5)", "max_calls (3)", "lower one"),
    ),
    "a workflow of nobody": (
        "toolkits: [gmail]\nworkflows: {jira: We triage.}",
        ("workflows:", "'jira' is neither a toolkit nor a bundle; there are gmail"),
    ),
    "an empty workflow": ("toolkits: [gmail]\nworkflows: {gmail: ' '}", ("workflows.gmail", "write 1 to 10,000")),
    "a folder to watch that is no switch": (
        "toolkits: [gmail]\nwatch: {enabled: toolkits/}",
        ("watch.enabled", "'toolkits/'", "boolean"),
    ),
    "YAML that breaks off": ("toolkits: [gmail", ("not readable YAML", "line 1")),
    "a list": ("- gmail", ("must be a mapping with the key 'toolkits'", "list")),
    "nothing": ("", ("must be a mapping with the key 'toolkits'", "NoneType")),
}


@pytest.mark.parametrize(("text", "parts"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_answered_with_file_field_value_and_remedy(project, text, parts):
    path = write(project, text)
    with pytest.raises(SettingsError) as error:
        load_settings(path)
    message = str(error.value)
    assert str(project) in message
    assert "funcdex.yaml" in message
    assert [part for part in parts if part not in message] == []


def test_several_mistakes_are_told_at_once(project):
    path = write(project, "toolkits: [gmail]\nseed: -1\nhom: x\n")
    with pytest.raises(SettingsError, match=r"(?s)seed.*hom|hom.*seed"):
        load_settings(path)


def test_bytes_that_are_no_text_are_refused(project):
    path = project / "funcdex.yaml"
    path.write_bytes(b"toolkits: [\xff]")
    with pytest.raises(SettingsError, match=r"funcdex\.yaml is not readable YAML"):
        load_settings(path)


def test_a_missing_file_is_answered_with_where_it_was_looked_for(project):
    with pytest.raises(SettingsError, match=r"No settings file at .*funcdex\.yaml; .* set FUNCDEX_CONFIG"):
        load_settings()


# ── where tools are defined ───────────────────────────────────────────────────────────────────


def test_a_file_and_a_line_add_a_partition(project):
    before = load_settings(write(project, "toolkits:\n  - gmail\n"))
    file = add_toolkit(project, "acme.yaml")
    after = load_settings(write(project, "toolkits:\n  - gmail\n  - acme\n"))
    assert after.partitions == (*before.partitions, "acme")
    assert after.find_tool_files("acme") == {"acme": file}
    assert after.find_tool_files("gmail") == before.find_tool_files("gmail")


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        pytest.param([], None, id="the shipped file"),
        pytest.param(["gmail.yaml"], "gmail.yaml", id="the project's file comes before it"),
        pytest.param(["gmail.json"], "gmail.json", id="also one in the seed's format"),
        pytest.param(["gmail.json", "gmail.yaml"], "gmail.yaml", id="YAML comes before JSON"),
        pytest.param(["jira.yaml"], None, id="another toolkit's file does not matter"),
    ],
)
def test_a_toolkit_is_defined_by(project, files, chosen):
    for file in files:
        add_toolkit(project, file)
    found = load_settings(write(project, "toolkits: [gmail]\n")).find_tool_files("gmail")["gmail"]
    if chosen:
        assert found == project / "toolkits" / chosen
    else:
        assert found.parts[-3:] == ("catalog", "toolkits", "gmail.yaml")


def test_a_bundle_is_defined_by_its_members_unless_it_has_a_file(project):
    (project / "both.json").write_text("[]")
    listed = "toolkits: [gmail, jira]\nbundles: [gmail_jira, {name: jira_gmail, tools: both.json}]\n"
    settings = load_settings(write(project, listed))
    assert list(settings.find_tool_files("gmail_jira")) == ["gmail", "jira"]
    assert settings.find_tool_files("jira_gmail") == {"jira_gmail": project / "both.json"}


# ── the watched folder ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("files", "toolkits"),
    [
        pytest.param([], ("jira", "gmail"), id="no folder"),
        pytest.param(["beta.yaml", "acme.json"], ("jira", "gmail", "acme", "beta"), id="after those listed, by name"),
        pytest.param(["gmail.yaml"], ("jira", "gmail"), id="one that is listed is there once"),
        pytest.param(["asana.yaml"], ("jira", "gmail", "asana"), id="one that stands in for a shipped file"),
        pytest.param(["acme.yaml", "acme.json"], ("jira", "gmail", "acme"), id="two files of one name"),
        pytest.param(
            ["Acme.yaml", "a_b.yaml", "acme!.json", f"{'a' * 41}.yaml"], ("jira", "gmail"), id="not an illegal name"
        ),
        pytest.param(["acme.yml", ".acme.yaml", ".acme.json.new", "acme.md"], ("jira", "gmail"), id="no other file"),
    ],
)
def test_a_file_in_the_folder_is_a_toolkit_without_a_line(project, files, toolkits):
    for file in files:
        add_toolkit(project, file)
    assert load_settings(write(project, "toolkits: [jira, gmail]\n")).toolkits == toolkits


@pytest.mark.parametrize(
    ("watch", "toolkits"),
    [
        pytest.param("", ("gmail", "acme"), id="by default on"),
        pytest.param("watch: {}", ("gmail", "acme"), id="an empty section"),
        pytest.param("watch: {enabled: true}", ("gmail", "acme"), id="on"),
        pytest.param("watch: {enabled: false}", ("gmail",), id="off"),
    ],
)
def test_the_folder_is_watched(project, watch, toolkits):
    add_toolkit(project, "acme.yaml")
    assert load_settings(write(project, f"toolkits: [gmail]\n{watch}\n")).toolkits == toolkits


def test_the_folder_is_the_one_beside_the_file(project, monkeypatch):
    path = write(project, "toolkits: [gmail]\n")
    (project / "elsewhere" / "toolkits").mkdir(parents=True)
    (project / "elsewhere" / "toolkits" / "acme.yaml").write_text(ACME)
    monkeypatch.chdir(project / "elsewhere")
    assert load_settings(path).toolkits == ("gmail",)


def test_what_the_file_holds_is_not_read_and_a_folder_of_that_name_is_no_file(project):
    add_toolkit(project, "acme.yaml").write_text("tools: [")
    (project / "toolkits" / "beta.yaml").mkdir()
    assert load_settings(write(project, "toolkits: [gmail]\n")).toolkits == ("gmail", "acme")


def test_a_bundle_may_have_a_toolkit_of_the_folder_and_comes_after_all_toolkits(project):
    file = add_toolkit(project, "acme.yaml")
    path = write(project, "toolkits: [gmail]\nbundles: [acme_gmail]\n")
    settings = load_settings(path)
    assert settings.partitions == ("gmail", "acme", "acme_gmail")
    assert settings.find_tool_files("acme_gmail")["acme"] == file
    file.unlink()
    with pytest.raises(SettingsError, match="uses the toolkit 'acme', which is not listed"):
        load_settings(path)


def test_a_bundles_own_file_in_the_folder_is_no_toolkit(project):
    add_toolkit(project, "both.yaml")
    listed = "toolkits: [gmail, jira]\nbundles: [{name: jira_gmail, tools: ./toolkits/both.yaml}]\n"
    assert load_settings(write(project, listed)).partitions == ("gmail", "jira", "jira_gmail")


def test_the_folder_alone_is_enough(project):
    add_toolkit(project, "acme.yaml")
    assert load_settings(write(project, "toolkits: []\n")).partitions == ("acme",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("toolkits: [gmail]\n1: 2\n", "the key 1 is no name of a setting", id="a key that is a number"),
        pytest.param("toolkits: [gmail]\nseed: 2024-13-45\n", "is not readable YAML", id="a date that does not exist"),
        pytest.param("toolkits: [gmail]\nhome: ~nosuchuser/x\n", "home: ", id="a user that does not exist"),
        pytest.param("toolkits: [gmail]\nnightly: {time_zone: Mars/X}\n", "is no time zone", id="a time zone"),
        pytest.param("toolkits: [gmail]\nnightly: {cron: x y}\n", "cron line of five fields", id="a cron line"),
    ],
)
def test_no_mistake_is_answered_with_a_traceback(project, text, said):
    write(project, text)
    with pytest.raises(SettingsError, match=said):
        load_settings()


@pytest.mark.parametrize("cron", ["0 2 * * *", "*/15 8-18 * * MON-FRI", "@daily", "0 0 1,15 * ?"])
def test_cron_lines_that_dagster_takes_are_taken(project, cron):
    write(project, f"toolkits: [gmail]\nnightly: {{cron: '{cron}'}}\n")
    assert load_settings().nightly.cron == cron
