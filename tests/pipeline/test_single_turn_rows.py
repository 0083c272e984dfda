"""Conversations of one request from definitions to a release: rows that train a caller, and answers of services."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import plain_toolkits
import pytest
from stage_functions import StageRun, run_project, settings_of_project

from funcdex_assets.catalog.adding import write_toolkit
from funcdex_assets.dedup.requests import normalise_request
from funcdex_assets.environment.replay import read_published_row, replay_conversation
from funcdex_assets.orchestration.feedback import steer_generation
from funcdex_assets.records.feedback import Weakness, name_argument_form
from funcdex_assets.records.plan import ConversationPlan
from funcdex_assets.storage.frames import from_frame
from funcdex_assets.tool_graph.feedback import FeedbackError, locate_feedback, write_weaknesses

WANTED = 40


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "toolkits").mkdir()
    write_toolkit(folder / "toolkits" / "car.json", list(plain_toolkits.tools_of("car").values()), "You are the car.")
    (folder / "funcdex.yaml").write_text(
        "toolkits: [car, gmail]\npublishing: {closed_books: calls}\ndeduplication: {embedder: hashed_ngrams}\n"
        f"generation: {{conversations: {WANTED}, test_share: 0.25, kinds: {{single_turn: 1}}}}\n"
    )
    return folder


@pytest.fixture(scope="module", params=["car", "gmail"])
def made(request: pytest.FixtureRequest, project: Path, tmp_path_factory: pytest.TempPathFactory) -> StageRun:
    return run_project(project, tmp_path_factory.mktemp("home"), request.param)


def rows_of(made: StageRun, split: str) -> list[Mapping[str, Any]]:
    release = Path(made.metadata["dataset"]["path"].value)
    return [json.loads(line) for line in (release / f"{split}.jsonl").open()]


def requests_of(rows: list[Mapping[str, Any]]) -> list[str]:
    return [message["content"] for row in rows for message in row["messages"] if message["role"] == "user"]


def test_the_count_is_exact_and_no_request_is_made_twice(made: StageRun) -> None:
    train, test = rows_of(made, "train"), rows_of(made, "test")
    assert (len(train), len(test)) == (30, 10)
    assert {row["kind"] for row in (*train, *test)} == {"single_turn"}
    said = list(map(normalise_request, requests_of([*train, *test])))
    assert len(said) == len(set(said)) == WANTED
    reasons = [reason for row in made.frames["rejected_conversations"].to_dicts() for reason in row["reasons"]]
    assert [reason for reason in reasons if " is below " not in reason] == []  # a stiff request, at most; no fault
    assert len(reasons) <= 1


def test_a_row_has_one_request_and_what_follows_at_once(made: StageRun) -> None:
    shapes = Counter(
        tuple(message["role"] for message in row["messages"])
        for split in ("train", "test")
        for row in rows_of(made, split)
    )
    of_results = {shape for shape in shapes if "tool" in shape}
    assert ("system", "user", "assistant") in shapes
    assert all(shape[:3] == ("system", "user", "assistant") and shape[-1] == "assistant" for shape in of_results)
    assert {shape for shape in shapes if shape not in of_results} == {("system", "user", "assistant")}
    partition = next(iter(rows_of(made, "train")))["partition"]
    assert bool(of_results) == (partition == "gmail")


def test_rows_with_results_can_be_replayed(made: StageRun) -> None:
    for row in rows_of(made, "train"):
        recording = read_published_row(row)
        assert (recording is None) == (row["certificate"] is None)
        if recording is not None:
            assert replay_conversation(recording) == []


def test_single_turns_have_a_share_beside_other_kinds(project: Path, tmp_path: Path) -> None:
    mixed = run_project(project, tmp_path, "car", "conversations", kinds={"single_turn": 1, "command": 1})
    kinds = Counter(plan.kind for plan in from_frame(mixed.frames["conversation_plans"], ConversationPlan))
    assert kinds["single_turn"] >= WANTED // 2
    assert kinds["command"] >= WANTED // 2


# ── feedback ──────────────────────────────────────────────────────────────────────────────────


FIGURES = (
    Weakness("car", "tool", "set_volume", 0.0, 300),
    *(Weakness("car", "tool", name, 0.95, 100) for name in plain_toolkits.tools_of("car") if name != "set_volume"),
    Weakness("car", "kind", "command", 0.1, 100),
    Weakness("car", "kind", "single_turn", 0.9, 100),
    Weakness("car", "argument_form", name_argument_form("set_cabin_light", ["state", "zone"]), 0.1, 100),
    Weakness("car", "argument_form", name_argument_form("set_cabin_light", ["state"]), 0.9, 100),
    Weakness("gmail", "tool", "SEND_EMAIL", 0.0, 10),
)


def test_a_night_with_feedback_draws_more_of_what_is_weak(project: Path, tmp_path: Path) -> None:
    home = tmp_path / "steered"
    write_weaknesses(locate_feedback(home, "car"), FIGURES)
    options = {"kinds": {"single_turn": 1, "command": 1}, "conversations": 120}
    off = run_project(project, tmp_path / "off", "car", "conversation_plans", **options)
    on = run_project(project, home, "car", "conversation_plans", feedback="latest", feedback_strength=3, **options)

    def count(made: StageRun, of: str) -> tuple[Counter[str], Counter[str]]:
        plans = from_frame(made.frames["conversation_plans"], ConversationPlan)
        return Counter(step.tool for plan in plans for step in plan.steps), Counter(plan.kind for plan in plans)

    (tools_off, kinds_off), (tools_on, kinds_on) = count(off, "tool"), count(on, "tool")
    assert tools_on["set_volume"] / tools_on.total() > 1.3 * tools_off["set_volume"] / tools_off.total()
    assert kinds_on["command"] > 1.2 * kinds_off["command"]
    assert kinds_on["single_turn"] > 0.3 * kinds_off["single_turn"]
    assert on.metadata["tool_chains"]["feedback_figures"] == len(FIGURES) - 1  # those of this partition
    again = run_project(
        project,
        tmp_path / "again",
        "car",
        "conversation_plans",
        feedback=str(locate_feedback(home, "car")),
        feedback_strength=3,
        **options,
    )
    assert again.frames["conversation_plans"].equals(on.frames["conversation_plans"])


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"feedback_strength": 3}, id="no figures are named"),
        pytest.param({"feedback": "latest"}, id="nothing was evaluated yet"),
        pytest.param({"feedback": "latest", "feedback_strength": 0, "evaluated": True}, id="no strength"),
    ],
)
def test_without_effect_feedback_changes_no_byte(project: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    options = dict(options)
    if options.pop("evaluated", False):
        write_weaknesses(locate_feedback(tmp_path / "with", "car"), FIGURES)
    plain = run_project(project, tmp_path / "without", "car", "conversation_plans", conversations=10)
    given = run_project(project, tmp_path / "with", "car", "conversation_plans", conversations=10, **options)
    for stage, frame in plain.frames.items():
        assert given.frames[stage].equals(frame), stage


def test_the_card_names_the_figures(project: Path, tmp_path: Path) -> None:
    write_weaknesses(locate_feedback(tmp_path, "car"), FIGURES)
    made = run_project(project, tmp_path, "car", feedback="latest", conversations=10)
    release = Path(made.metadata["dataset"]["path"].value)
    assert made.metadata["tool_chains"]["feedback"] in (release / "README.md").read_text()
    assert len(json.loads((release / "feedback.json").read_text())) == len(FIGURES) - 1


def test_later_stages_keep_to_the_figures_of_the_chains(project: Path, tmp_path: Path) -> None:
    settings = settings_of_project(project, tmp_path, feedback="latest", conversations=10)
    with pytest.raises(FeedbackError, match="tool_chains of 'car' was made without it; materialise tool_chains again"):
        steer_generation(settings, "car")
    run_project(project, tmp_path, "car", "tool_chains", feedback="latest", conversations=10)
    write_weaknesses(locate_feedback(tmp_path, "car"), FIGURES)  # evaluated while the night is made
    assert steer_generation(settings, "car").kinds == {"single_turn": 1}
