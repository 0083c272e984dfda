"""What the environment and `.env` say: which comes first, which variables there are, and what a mistake is answered."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from funcdex_assets.settings import env_file
from funcdex_assets.settings.section import SettingsError
from funcdex_assets.settings.settings import Settings, load_settings, share_total
from funcdex_assets.settings.variables import list_variables

FILE = "toolkits: [gmail, jira, stripe]\nseed: 1\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings, in a process that was started with no variable of ours."""
    for variable in [name for name in os.environ if name.startswith("FUNCDEX_")]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(env_file, "_set_from_file", {})
    write(tmp_path, FILE)
    before = dict(os.environ)
    yield tmp_path
    for name in set(os.environ) - set(before):
        del os.environ[name]


def write(project: Path, text: str) -> None:
    (project / "funcdex.yaml").write_text(text, encoding="utf-8")


# ── the order: option, shell, .env, file, default ─────────────────────────────────────────────


@pytest.mark.parametrize(
    ("option", "shell", "env_file", "file", "seed"),
    [
        pytest.param(5, "4", "3", "seed: 2", 5, id="an option before all"),
        pytest.param(None, "4", "3", "seed: 2", 4, id="the shell before .env"),
        pytest.param(None, None, "3", "seed: 2", 3, id=".env before the file"),
        pytest.param(None, None, None, "seed: 2", 2, id="the file before the default"),
        pytest.param(None, None, None, "", 42, id="the default"),
    ],
)
def test_the_nearest_place_decides(project, monkeypatch, option, shell, env_file, file, seed):
    write(project, f"toolkits: [gmail]\n{file}\n")
    if env_file:
        (project / ".env").write_text(f"FUNCDEX_SEED={env_file}\n")
    if shell:
        monkeypatch.setenv("FUNCDEX_SEED", shell)
    overrides = {} if option is None else {"seed": option}
    assert load_settings(**overrides).seed == seed


def test_a_changed_env_file_takes_effect_without_a_restart(project):
    (project / ".env").write_text("FUNCDEX_SEED=3\nFUNCDEX_NIGHTLY__ENABLED=true\n")
    assert (load_settings().seed, load_settings().nightly.enabled) == (3, True)
    (project / ".env").write_text("FUNCDEX_SEED=4\n")
    assert (load_settings().seed, load_settings().nightly.enabled) == (4, False)
    (project / ".env").unlink()
    assert load_settings().seed == 1


def test_a_variable_that_the_program_changed_since_is_left_as_it_is(project, monkeypatch):
    (project / ".env").write_text("FUNCDEX_SEED=3\n")
    load_settings()
    monkeypatch.setenv("FUNCDEX_SEED", "9")
    assert load_settings().seed == 9


def test_the_env_file_lies_beside_the_settings_wherever_the_command_is_run(project, monkeypatch, tmp_path):
    (project / ".env").write_text("FUNCDEX_SEED=3\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load_settings(project / "funcdex.yaml").seed == 3


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux tells what a process was started with")
@pytest.mark.parametrize(
    ("shell", "seed"),
    [pytest.param("4", 4, id="the shell wins"), pytest.param(None, 3, id="unless it sets nothing")],
)
def test_what_dagster_replaced_is_put_back(project, shell, seed):
    """Dagster's own commands put the file's values over the shell's before any code of ours runs."""
    (project / ".env").write_text("FUNCDEX_SEED=3\n")
    script = (
        "import os; os.environ['FUNCDEX_SEED'] = '3'\n"
        "from funcdex_assets.settings.settings import load_settings; print(load_settings().seed)"
    )
    environment = {**os.environ, **({"FUNCDEX_SEED": shell} if shell else {})}
    printed = subprocess.run(
        [sys.executable, "-c", script], cwd=project, env=environment, capture_output=True, text=True, check=True
    )
    assert int(printed.stdout) == seed


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        pytest.param(b"A=\xff\xfe\n", ("cannot be read", "NAME=value"), id="no text"),
        pytest.param(b"FUNCDEX_CONFIG=x.yaml\n", ("FUNCDEX_CONFIG", "beside", "--config FILE"), id="the file's place"),
    ],
)
def test_an_env_file_that_cannot_be_used_is_named(project, content, parts):
    (project / ".env").write_bytes(content)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert [part for part in (str(project / ".env"), *parts) if part not in str(error.value)] == []


# ── names ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("variable", "suggestion"),
    [
        pytest.param("FUNCDEX_SEDE", "(did you mean 'FUNCDEX_SEED'?)", id="letters exchanged"),
        pytest.param(
            "FUNCDEX_GENERATION_CONVERSATIONS",
            "(did you mean 'FUNCDEX_GENERATION__CONVERSATIONS'?)",
            id="one underscore for two",
        ),
        pytest.param("FUNCDEX_CONFG", "(did you mean 'FUNCDEX_CONFIG'?)", id="no setting, but ours"),
        pytest.param("FUNCDEX_ROOT", "no setting", id="a field of the program's own"),
        pytest.param("FUNCDEX_SEED__LOW", "no setting", id="a field of a number"),
        pytest.param("FUNCDEX_XYZZY", "FUNCDEX_XYZZY is no setting; correct", id="like none"),
    ],
)
def test_a_variable_that_is_no_setting_is_refused(project, monkeypatch, variable, suggestion):
    monkeypatch.setenv(variable, "7")
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert f"The environment variable {variable} is no setting" in str(error.value)
    assert suggestion in str(error.value)


def test_a_mistyped_variable_in_the_env_file_is_refused_too(project):
    (project / ".env").write_text("FUNCDEX_SEDE=3\n")
    with pytest.raises(SettingsError, match="FUNCDEX_SEDE is no setting"):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "file"),
    [
        pytest.param("FUNCDEX_LIVE", "", id="the tests' own"),
        pytest.param("FUNCDEX_BOX_KEY", "inference: {api_key_env: FUNCDEX_BOX_KEY}", id="a key's"),
        pytest.param("FUNCDEX_NIGHT", "workflows: {gmail: 'At ${FUNCDEX_NIGHT:night}.'}", id="one that the file names"),
        pytest.param(
            "FUNCDEX_INFERENCE__ROLES__JUDGE__RETRIES",
            "inference: {profile: vllm, model: m}",
            id="an item of a mapping",
        ),
    ],
)
def test_a_variable_of_somebody_is_not(project, monkeypatch, variable, file):
    write(project, FILE + file)
    monkeypatch.setenv(variable, "7")
    load_settings()


def test_every_variable_that_is_listed_is_taken():
    variables = list(list_variables(Settings))
    assert {"FUNCDEX_HOME", "FUNCDEX_GENERATION__TOTAL_CONVERSATIONS", "FUNCDEX_INFERENCE__SERVE"} <= set(variables)
    assert not {"FUNCDEX_ROOT", "FUNCDEX_FILE", "FUNCDEX_SHARES"} & set(variables)


# ── variables in the file ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "read", "expected"),
    [
        pytest.param("seed: ${N}", lambda settings: settings.seed, 7, id="a number"),
        pytest.param("seed: ${M:8}", lambda settings: settings.seed, 8, id="a default"),
        pytest.param("home: /data/${T}/x", lambda settings: str(settings.home), "/data/a b/x", id="within a text"),
        pytest.param(
            'inference: {model: "${M:1.5}"}', lambda settings: settings.inference.model, "1.5", id="in quotes, a text"
        ),
        pytest.param("inference:\n  model: ${M:}", lambda settings: settings.inference.model, None, id="nothing"),
        pytest.param(
            "generation:\n  must_include: ${L}",
            lambda settings: settings.generation.must_include,
            ("A", "B"),
            id="a list",
        ),
        pytest.param(
            "workflows:\n  gmail: pay $${N} of ${N}",
            lambda settings: settings.workflows["gmail"],
            "pay ${N} of 7",
            id="escaped",
        ),
        pytest.param(
            "workflows:\n  gmail: &said $${N}\n  jira: *said",
            lambda settings: settings.workflows["jira"],
            "${N}",
            id="filled once where an anchor is used twice",
        ),
        pytest.param("watch: {enabled: true} # ${NOBODY}", lambda settings: settings.seed, 42, id="not in a comment"),
    ],
)
def test_variables_stand_in_values(project, monkeypatch, line, read, expected):
    for name, value in {"N": "7", "T": "a b", "L": "[A, B]"}.items():
        monkeypatch.setenv(name, value)
    write(project, f"toolkits: [gmail, jira]\n{line}\n")
    assert read(load_settings()) == expected


def test_variables_in_values_may_come_from_the_env_file(project):
    (project / ".env").write_text("NIGHTS=11\n")
    write(project, "toolkits: [gmail]\nseed: ${NIGHTS}\n")
    assert load_settings().seed == 11


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        pytest.param("home: /x/${NOBODY}", ("home:", "variable NOBODY is not set", "${NOBODY:default}"), id="not set"),
        pytest.param(
            "generation:\n  conversations: ${NOBODY}",
            ("generation.conversations:", "NOBODY"),
            id="not set, in a section",
        ),
        pytest.param("bundles: ['${NOBODY}']", ("bundles.0:", "NOBODY"), id="not set, in a list"),
        pytest.param("home: ${1}", ("home:", "${NAME:default}", "$${", "'${1}'"), id="no name"),
        pytest.param("home: ${OPEN", ("home:", "${NAME:default}"), id="without an end"),
        pytest.param("home: ${MY_API_KEY}", ("home:", "secret", "api_key_env: MY_API_KEY"), id="a secret"),
        pytest.param("seed: ${M:many}", ("seed", "valid integer", "'many'"), id="a default of the wrong type"),
        pytest.param("bundles: ${M:[a}", ("bundles", "no list or mapping"), id="a list without an end"),
    ],
)
def test_a_variable_that_cannot_be_filled_in_is_named_with_its_key(project, monkeypatch, line, parts):
    monkeypatch.setenv("MY_API_KEY", "sk-1")
    write(project, f"toolkits: [gmail]\n{line}\n")
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert [part for part in (str(project / "funcdex.yaml"), *parts) if part not in str(error.value)] == []
    assert "sk-1" not in str(error.value)


# ── a total ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("total", "counts"),
    [
        pytest.param(9, [3, 3, 3], id="even"),
        pytest.param(10, [4, 3, 3], id="what is left over goes to the first"),
        pytest.param(3, [1, 1, 1], id="one each"),
    ],
)
def test_a_total_is_spread_exactly(project, total, counts):
    write(project, f"{FILE}generation: {{total_conversations: {total}}}\n")
    settings = load_settings()
    assert [settings.generation_of(name).conversations for name in settings.partitions] == counts
    wanted = [settings.generation_of(name).count_wanted_conversations() for name in settings.partitions]
    assert sum(sum(cells.values()) for cells in wanted) == total


def test_a_total_may_be_for_some_partitions_and_leaves_the_others(project):
    settings = share_total(load_settings(), 5, ("jira", "stripe"))
    counts = [settings.generation_of(name).conversations for name in settings.partitions]
    assert counts == [106, 3, 2]


@pytest.mark.parametrize(
    ("file", "variable", "counts"),
    [
        pytest.param("conversations: 50", "FUNCDEX_GENERATION__TOTAL_CONVERSATIONS", [3, 3, 3], id="a total"),
        pytest.param("total_conversations: 60", "FUNCDEX_GENERATION__CONVERSATIONS", [9, 9, 9], id="a count"),
    ],
)
def test_the_environments_count_replaces_the_files_whichever_it_is(project, monkeypatch, file, variable, counts):
    write(project, f"{FILE}generation: {{{file}}}\n")
    monkeypatch.setenv(variable, "9")
    settings = load_settings()
    assert [settings.generation_of(name).conversations for name in settings.partitions] == counts
