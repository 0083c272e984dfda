"""What a published row says of itself, from the stages to the file: scores, seed, shape, and who made it how."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from stage_functions import StageRun, run_stages, settings_of_project

from funcdex_assets.inference.offline import OfflineEngine
from funcdex_assets.inference.protocol import Completion, Request
from funcdex_assets.inference.routing import RoutedEngine
from funcdex_assets.records.verdict import SCALES, compute_overall
from funcdex_assets.roles.improvisations import IMPROVISATIONS
from funcdex_assets.settings.judging import Judging

PARTITION = "gmail"
SITUATION = ("scenario_writer", "persona_writer", "planner")
FACTS = (
    *SCALES,
    "overall",
    "judge",
    "judge_reasoning",
    "seed",
    "pattern",
    "toolkits",
    "strategy",
    "engine",
    "models",
    "attempts",
    "repairs",
)


class Named(OfflineEngine):
    """The offline engine under the name of a server; `spoil` changes the answers to some requests."""

    def __init__(self, name: str = "offline", spoil: Callable[[Request, str], str] = lambda _, text: text) -> None:
        super().__init__(IMPROVISATIONS)
        self.name = name
        self.spoil = spoil

    async def complete(self, request: Request) -> Completion:
        completion = await super().complete(request)
        return Completion(self.spoil(request, completion.text), "stop", completion.usage, 0.0, self.name)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "funcdex.yaml").write_text(
        f"toolkits: [{PARTITION}]\nseed: 7\ndeduplication: {{embedder: hashed_ngrams}}\n"
        "generation: {conversations: 4, test_share: 0.25}\n"
    )
    return folder


def make(project: Path, home: Path, engine: Any, judging: Judging | None = None, **generation: Any) -> StageRun:
    settings = settings_of_project(project, home, **generation)
    if judging:
        settings = settings.model_copy(update={"judging": judging})
    return run_stages(settings, PARTITION, home, engine, last="dataset")


def rows_of(made: StageRun) -> list[Mapping[str, Any]]:
    release = Path(made.metadata["dataset"]["path"].value)
    return [json.loads(line) for split in ("train", "test") for line in (release / f"{split}.jsonl").open()]


def models_of(row: Mapping[str, Any]) -> dict[str, str]:
    return {model["role"]: model["model"] for model in row["models"]}


def test_a_row_of_the_offline_engine_tells_all(project, tmp_path):
    made = make(project, tmp_path, Named())
    rows = rows_of(made)
    assert rows
    chains = {chain["chain_id"]: chain for chain in made.frames["tool_chains"].to_dicts()}
    verdicts = {verdict["conversation_id"]: verdict for verdict in made.frames["scored_conversations"].to_dicts()}
    roles = (*SITUATION, "user_simulator", "assistant", "system_prompt_writer", "judge")
    for row in rows:
        verdict, chain = verdicts[row["id"]], chains[row["chain_id"]]
        assert {name: row[name] for name in FACTS} == {
            **{scale: verdict[scale] for scale in SCALES},
            "overall": compute_overall([verdict[scale] for scale in SCALES]),
            "judge": "offline",
            "judge_reasoning": " ".join(verdict["reasoning"].split()),
            "seed": 7,
            "pattern": chain["pattern"],
            "toolkits": ["gmail"],
            "strategy": "simulate",
            "engine": "offline",
            "models": [{"role": role, "model": "offline"} for role in roles],
            "attempts": 1,
            "repairs": 0,
        }
        assert row["certificate"], "the program made the results, so no tool_simulator was asked"
    card = (Path(made.metadata["dataset"]["path"].value) / "README.md").read_text()
    assert f"Judged by offline ({len(rows)})" in card


def test_a_text_that_was_corrected_is_the_second_attempt(project, tmp_path):
    def spoil(request: Request, text: str) -> str:
        return "Certainly! Here it is." if request.role == "conversation_writer" else text

    rows = rows_of(make(project, tmp_path, Named(spoil=spoil), strategy="one_shot"))
    assert any((row["attempts"], row["repairs"]) == (2, 1) for row in rows)
    for row in rows:
        assert row["strategy"] == "one_shot"
        assert row["attempts"] >= 2, "more, if the judge had it played again"
        assert row["repairs"] >= 1
        roles = (*SITUATION, "conversation_writer", "corrector", "system_prompt_writer", "judge")
        assert models_of(row) == dict.fromkeys(roles, "offline")


def test_a_text_that_was_good_at_once_was_not_corrected(project, tmp_path):
    made = make(project, tmp_path, Named(), strategy="one_shot")
    good_at_once = {
        conversation["conversation_id"]
        for conversation in made.frames["conversations"].to_dicts()
        if not conversation["attempts"]
    }
    rows = [row for row in rows_of(made) if row["id"] in good_at_once]
    assert {(row["attempts"], row["repairs"], "corrector" in models_of(row)) for row in rows} == {(1, 0, False)}


def test_roles_on_several_engines_are_told_by_model_and_by_no_place(project, tmp_path):
    engine = RoutedEngine(
        Named("vllm:/srv/models/Qwen3-8B"),
        {"user_simulator": Named("openai:https://key@models.example/v1/talker?key=k"), "judge": Named("vllm:Org/Wise")},
        [Named("vllm:Org/Wise"), Named("vllm:C:\\models\\Strict")],
    )
    members = ({}, {"name": "strict one", "profile": "vllm", "model": "C:\\models\\Strict"})
    made = make(project, tmp_path, engine, Judging(committee=members), tool_results="model")
    rows = rows_of(made)
    assert rows
    for row in rows:
        assert row["judge"] == "vllm:Org/Wise, strict one"
        assert row["engine"] == "vllm:Qwen3-8B (judge: vllm:Org/Wise, user_simulator: openai:talker)"
        asked_for_results = {"tool_simulator": "Qwen3-8B"} if row["step_trace"] else {}
        assert models_of(row) == {
            **dict.fromkeys((*SITUATION, "assistant", "system_prompt_writer"), "Qwen3-8B"),
            **asked_for_results,
            "user_simulator": "talker",
            "judge": "Org/Wise, Strict",
        }
        assert list(models_of(row))[-1] == "judge"
    published = b"".join(path.read_bytes() for path in Path(made.metadata["dataset"]["path"].value).iterdir())
    assert [place for place in (b"/srv", b"models.example", b"key=k", rb"C:\\models") if place in published] == []


def test_under_hybrid_the_roles_that_the_program_plays_are_offline(project, tmp_path):
    rows = rows_of(make(project, tmp_path, Named("vllm:tiny"), strategy="hybrid"))
    assert {(row["strategy"], row["engine"]) for row in rows} == {("hybrid", "vllm:tiny (user_simulator: offline)")}
    for row in rows:
        assert (models_of(row)["user_simulator"], models_of(row)["assistant"]) == ("offline", "tiny")


def test_the_same_settings_and_seed_make_the_same_bytes(project, tmp_path):
    first, second = (make(project, tmp_path / name, Named()) for name in "ab")
    releases = [Path(made.metadata["dataset"]["path"].value) for made in (first, second)]
    assert releases[0].name == releases[1].name
    assert [path.read_bytes() for path in sorted(releases[0].iterdir())] == [
        path.read_bytes() for path in sorted(releases[1].iterdir())
    ]
    assert first.frames["dataset"].equals(second.frames["dataset"])
