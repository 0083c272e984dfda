"""A project outside this repository: what `funcdex init` makes is all that the other commands need.

The commands run in a folder of their own, with no variable that would lead them back here.
"""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import find_free_port, wait_until

COMMAND = Path(sys.executable).with_name("funcdex")
REPOSITORY = Path(__file__).parents[2]
pytestmark = [pytest.mark.concurrent, pytest.mark.slow]


def read_example(readme: Path) -> str:
    """The toolkit that the project's own README shows: its indented lines."""
    return textwrap.dedent("\n".join(line for line in readme.read_text().splitlines() if line.startswith("    ")))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's home, in which nothing may appear."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def environment(home: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("FUNCDEX_", "DAGSTER_", "XDG_"))}
    quick = {"FUNCDEX_DEDUPLICATION__EMBEDDER": "hashed_ngrams", "FUNCDEX_GENERATION__CONVERSATIONS": "3"}
    return {**own, **quick, "HOME": str(home), "COLUMNS": "200"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    folder = tmp_path_factory.mktemp("anywhere") / "my-data"
    made = subprocess.run(
        [COMMAND, "init", folder], cwd=folder.parent, env=environment, capture_output=True, text=True, check=True
    )
    assert "funcdex demo" in made.stdout
    (folder / "resources").mkdir()
    (folder / "resources" / "__init__.py").write_text("raise RuntimeError('the user's own folder was imported')\n")
    return folder


def run(project: Path, environment: dict[str, str], *command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], cwd=project, env=environment, capture_output=True, text=True, check=False
    )


def test_a_new_project_has_what_it_needs_and_a_short_readme(project: Path):
    names = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    assert names - {"resources/__init__.py"} == {
        ".env.example",
        ".gitignore",
        "README.md",
        "dagster.yaml",
        "definitions.py",
        "dg.toml",
        "funcdex.yaml",
        "toolkits/README.md",
        "workspace.yaml",
    }
    assert len((project / "README.md").read_text().splitlines()) <= 12


def test_a_folder_that_is_not_empty_is_left_alone(project: Path, environment: dict[str, str]):
    refused = run(project, environment, COMMAND, "init", ".")
    assert refused.returncode == 2
    assert "is not empty" in refused.stderr


@pytest.mark.parametrize(
    ("target", "said"),
    [
        pytest.param("file", "is a file", id="a file"),
        pytest.param("file/below", "cannot be made", id="below a file"),
        pytest.param("/proc/nothing", "cannot be made", id="where no folder can be made"),
    ],
)
def test_a_folder_that_cannot_be_made_is_an_error_in_one_line(
    tmp_path: Path, environment: dict[str, str], target: str, said: str
):
    (tmp_path / "file").touch()
    refused = run(tmp_path, environment, COMMAND, "init", target)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path, environment: dict[str, str]):
    folder = tmp_path / "private [one]"
    folder.mkdir(mode=0o700)
    assert f"cd '{folder}'" in run(tmp_path, environment, COMMAND, "init", folder).stdout
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not list(folder.rglob("__pycache__"))


def test_the_demo_makes_a_dataset_and_shows_a_conversation(project: Path, environment: dict[str, str], home: Path):
    before = {path.name for path in project.iterdir()}
    demo = run(project, environment, COMMAND, "demo")
    assert demo.returncode == 0, demo.stderr
    assert "train.jsonl" in demo.stdout
    assert "     call  " in demo.stdout
    assert {path.name for path in project.iterdir()} - before == {".funcdex"}
    assert list(home.iterdir()) == [], "nothing is written outside the project's home"


@pytest.mark.parametrize("command", ["demo", "backfill", "stats", "dev", "config"])
def test_a_folder_that_is_no_project_is_a_clear_error(tmp_path: Path, environment: dict[str, str], command: str):
    refused = run(tmp_path, environment, COMMAND, command)
    assert refused.returncode == 2
    assert f"No settings file at {tmp_path / 'funcdex.yaml'}" in refused.stderr
    assert "funcdex init FOLDER" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_variables_may_stand_in_the_env_file_and_the_shell_comes_first(project: Path, environment: dict[str, str]):
    (project / ".env").write_text("FUNCDEX_SEED=7\nFUNCDEX_GENERATION__CONVERSATIONS=9\n")
    elsewhere = {**environment, "FUNCDEX_CONFIG": str(project / "funcdex.yaml")}
    try:
        here = run(project, environment, COMMAND, "config").stdout
        there = run(project.parent, elsewhere, COMMAND, "config").stdout
    finally:
        (project / ".env").unlink()
    for shown in (here, there):
        assert "seed: 7" in shown
        assert "conversations: 3" in shown


def test_an_env_file_that_is_no_text_is_an_error_in_one_line(project: Path, environment: dict[str, str]):
    (project / ".env").write_bytes(b"A=\xff\xfe\n")
    try:
        refused = run(project, environment, COMMAND, "config")
    finally:
        (project / ".env").unlink()
    assert refused.returncode == 2
    assert "write lines such as NAME=value" in refused.stderr


def test_a_description_of_the_instance_that_is_broken_is_an_error_in_one_line(
    project: Path, environment: dict[str, str]
):
    content = (project / "dagster.yaml").read_text()
    (project / "dagster.yaml").write_text("storage: [")
    try:
        refused = run(project, environment, COMMAND, "demo")
    finally:
        (project / "dagster.yaml").write_text(content)
    assert refused.returncode == 2, refused.stderr
    assert "dagster.yaml is no description of a Dagster instance" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("dagster", "definitions", "validate", "-w", "workspace.yaml"), id="dagster"),
        pytest.param(("dg", "check", "defs"), id="dg check defs"),
        pytest.param(("dg", "list", "defs"), id="dg list defs"),
    ],
)
@pytest.mark.parametrize("where", ["here", "there"])
def test_dagsters_own_commands_work_with_no_variable_set(
    project: Path, environment: dict[str, str], command: tuple[str, ...], where: str, tmp_path: Path
):
    program = Path(sys.executable).with_name(command[0])
    plain = {name: value for name, value in environment.items() if not name.startswith("FUNCDEX_")}
    plain["HOME"] = str(tmp_path)  # in which `dg` keeps what its own telemetry wants
    ended = run(project if where == "there" else REPOSITORY, plain, program, *command[1:])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    if command[1] == "list":
        assert "conversation_plans" in ended.stdout


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("dagster", "definitions", "validate", "-w", "workspace.yaml"), id="dagster"),
        pytest.param(("dg", "check", "defs"), id="dg check defs"),
    ],
)
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux tells what a process was started with")
@pytest.mark.parametrize(("shell", "code"), [("7", 0), (None, 1)], ids=["the shell wins", "the file is read"])
def test_dagsters_own_commands_let_the_shell_come_before_the_env_file(
    project: Path, environment: dict[str, str], command: tuple[str, ...], shell: str | None, code: int, tmp_path: Path
):
    """The file has a value that is refused, so a command succeeds only where the shell's is taken."""
    (project / ".env").write_text("FUNCDEX_SEED=-1\n")
    own = {**environment, "HOME": str(tmp_path), **({"FUNCDEX_SEED": shell} if shell else {})}
    try:
        ended = run(project, own, Path(sys.executable).with_name(command[0]), *command[1:])
    finally:
        (project / ".env").unlink()
    assert ended.returncode == code, ended.stdout + ended.stderr


@pytest.mark.parametrize("command", [("materialize", "gmail"), ("backfill",), ("prune", "--events", "30d")])
def test_a_home_of_a_later_version_is_refused_by_what_writes(
    project: Path, environment: dict[str, str], command: tuple[str, ...], tmp_path: Path
):
    (tmp_path / "version").write_text("99\n")
    refused = run(project, {**environment, "FUNCDEX_HOME": str(tmp_path)}, COMMAND, *command)
    assert refused.returncode == 2
    assert "has version 99" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["version"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def interface(project: Path, environment: dict[str, str]) -> Iterator[tuple[int, Path]]:
    """The port of a running `funcdex dev`, and its log."""
    port, log = find_free_port(), project.parent / "dev.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [COMMAND, "dev", "--port", str(port)],
            cwd=project,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_until_it_serves(process, port, log)
            yield port, log
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait()


def wait_until_it_serves(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    wait_until(
        lambda: f"ready http://127.0.0.1:{port}" in log.read_text(),
        unless=lambda: process.poll() is not None and log.read_text(),
    )


def test_a_toolkit_that_is_dropped_into_the_folder_becomes_a_dataset(
    project: Path, interface: tuple[int, Path], home: Path
):
    (project / "toolkits" / "library.yaml").write_text(read_example(project / "toolkits" / "README.md"))
    latest = project / ".funcdex" / "datasets" / "library" / "latest"
    wait_until(latest.is_file)
    assert list((latest.parent / latest.read_text().strip()).glob("*.jsonl"))
    assert {"logs", ".logs_queue"} & {path.name for path in project.iterdir()} == set()
    assert list(home.iterdir()) == []


def test_a_port_that_is_taken_is_an_error_that_names_another(
    project: Path, environment: dict[str, str], interface: tuple[int, Path]
):
    refused = run(project, environment, COMMAND, "dev", "--port", interface[0])
    assert refused.returncode == 2
    assert f"127.0.0.1:{interface[0]} cannot be used" in refused.stderr
    assert "add --port " in refused.stderr


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM], ids=["interrupted alone", "ended"])
def test_the_interface_ends_with_its_command_also_where_ctrl_c_is_ignored(
    project: Path, environment: dict[str, str], ending: signal.Signals, tmp_path: Path
):
    """As from a script, whose background jobs inherit that SIGINT is ignored; the signal reaches the command alone."""
    port, log = find_free_port(), tmp_path / "dev.log"
    script = f"trap '' INT; exec {COMMAND} dev --port {port}"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["sh", "-c", script], cwd=project, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    wait_until_it_serves(process, port, log)
    process.send_signal(ending)
    process.wait()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "nothing listens any more"


def test_the_wheel_installs_the_package_and_nothing_beside_it(tmp_path: Path):
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        pytest.skip("uv, which builds the wheel, is not in this environment")
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", tmp_path, REPOSITORY], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"funcdex_assets", "funcdex_assets-0.1.0.dist-info"}
    for data in (
        "resources/settings.py",
        "project_template/.env.example",
        "project_template/.gitignore",
        "project_template/toolkits/README.md",
        "catalog/toolkits/gmail.yaml",
        "roles/assistant.md",
        "language/lexicon/people.yaml",
        "reports/presentation.md",
    ):
        assert f"funcdex_assets/{data}" in names
    assert not [name for name in names if name.endswith(".pyc")]
