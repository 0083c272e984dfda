"""A toolkit that comes with a policy and a team's own rows: both reach the dataset, and others stay as they are."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from stage_functions import FaultyEngine, StageRun, run_stages

from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.contracts.stage_tables import TABLES
from funcdex_assets.contracts.trusted_tables import TrustedTables
from funcdex_assets.embedding.hashed_ngrams import HashedNgrams
from funcdex_assets.inference.protocol import Request
from funcdex_assets.language.speech_profile import DEFAULT_SPOKEN_PROFILE
from funcdex_assets.orchestration.assets import personas_and_plans, publishing
from funcdex_assets.orchestration.toolkit_terms import find_example_files, load_own_rows, load_policy, profile_speech
from funcdex_assets.planning.plans import PlanInput
from funcdex_assets.records.tool import Tool
from funcdex_assets.settings.settings import Settings, SettingsError, load_settings
from funcdex_assets.storage.frames import from_frame

POLICY = 'You help readers of the town library.\n\nNever say {{secret}}, "hé" or <b>.'
OTHER_POLICY = "Rooms are free for members."
LIBRARY = f"""
policy: {json.dumps(POLICY)}
examples: rows.jsonl
examples_weight: 3
tools:
  - name: find_books
    description: Finds books by their title.
    parameters: {{type: object, properties: {{title: {{type: string}}, author: {{type: string}}}}, required: [title]}}
    returns:
      type: object
      properties: {{books: {{type: array, items: {{type: object, properties: {{book_id: {{type: string}}}}}}}}}}
  - name: renew_loan
    description: Renews the loan of a book.
    parameters: {{type: object, properties: {{book_id: {{type: string}}}}, required: [book_id]}}
    returns: {{type: object, properties: {{due: {{type: string, format: date}}}}, required: [due]}}
  - name: list_branches
    description: Lists the branches of a town.
    parameters: {{type: object, properties: {{town: {{type: string}}}}, required: [town]}}
    returns:
      type: object
      properties: {{branches: {{type: array, items: {{type: object, properties: {{branch_id: {{type: string}}}}}}}}}}
  - name: get_branch
    description: Gets a branch with its opening hours.
    parameters: {{type: object, properties: {{branch_id: {{type: string}}}}, required: [branch_id]}}
    returns: {{type: object, properties: {{name: {{type: string}}}}, required: [name]}}
"""
ROOMS = """
tools:
  - name: find_rooms
    description: Finds rooms by their name.
    parameters: {type: object, properties: {name: {type: string}}, required: [name]}
    returns:
      type: object
      properties: {rooms: {type: array, items: {type: object, properties: {room_id: {type: string}}}}}
  - name: reserve_room
    description: Reserves a room.
    parameters: {type: object, properties: {room_id: {type: string}}, required: [room_id]}
    returns: {type: object, properties: {reservation_id: {type: string}}, required: [reservation_id]}
"""


def pair(text: str, tool: str, **parameters: str) -> str:
    question = json.dumps([{"role": "user", "content": text}])
    return json.dumps({"question": question, "answer": json.dumps({"name": tool, "parameters": parameters})}) + "\n"


GOOD = pair("uh got any Woolf", "find_books", title="Woolf") + pair(
    "the atlas again please", "renew_loan", book_id="a1"
)
BAD = pair("pizza", "order_pizza")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("project")
    (folder / "toolkits").mkdir()
    (folder / "toolkits" / "library.yaml").write_text(LIBRARY)
    (folder / "toolkits" / "rooms.yaml").write_text(ROOMS)
    (folder / "toolkits" / "rows.jsonl").write_text(GOOD + BAD)
    (folder / "more.jsonl").write_text(pair("the blue room", "find_rooms", name="blue"))
    (folder / "funcdex.yaml").write_text(
        "toolkits: [library, rooms]\nbundles: [library_rooms]\nexamples: {library_rooms: more.jsonl}\n"
        "examples_weight: 1.5\ngeneration: {conversations: 12, test_share: 0.4}\n"
        "deduplication: {embedder: hashed_ngrams}\n"
    )
    return load_settings(folder / "funcdex.yaml")


@dataclass
class Run:
    stages: StageRun
    roles: set[str]
    home: Path

    @property
    def release(self) -> Path:
        return Path(self.stages.metadata["dataset"]["path"].value)

    def read_lines(self, split: str) -> list[Mapping[str, Any]]:
        return [json.loads(line) for line in (self.release / f"{split}.jsonl").read_text().splitlines()]


def run(
    settings: Settings,
    partition: str,
    home: Path,
    last: str = "dataset",
    given: Mapping[str, pl.DataFrame] | None = None,
) -> Run:
    roles: set[str] = set()

    def note_role(request: Request) -> None:
        roles.add(request.role)

    there = settings.model_copy(update={"home": home})
    return Run(run_stages(there, partition, home, FaultyEngine(note_role), given, last), roles, home)


@pytest.fixture(scope="module")
def library(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(settings, "library", tmp_path_factory.mktemp("home"))


# ── the policy ────────────────────────────────────────────────────────────────────────────────


def test_every_system_prompt_is_the_policy_and_the_context(library: Run) -> None:
    prompts = library.stages.frames["system_prompts"]["system_prompt"].to_list()
    assert prompts
    assert all(prompt.startswith(f"{POLICY}\n\nCurrent time: ") for prompt in prompts)
    assert all("The user is " in prompt for prompt in prompts)
    assert "system_prompt_writer" not in library.roles  # a model is not asked for what is given
    generated = [
        row for row in library.read_lines("train") + library.read_lines("test") if row["source"] == "generated"
    ]
    assert generated
    assert all(row["messages"][0]["content"].startswith(POLICY) for row in generated)


def test_the_card_names_the_policy(library: Run) -> None:
    card = (library.release / "README.md").read_text()
    assert f"`library` ({len(POLICY)} characters)" in card


def test_a_toolkit_without_a_policy_has_prompts_that_are_written(settings: Settings, tmp_path: Path) -> None:
    rooms = run(settings, "rooms", tmp_path)
    assert "system_prompt_writer" in rooms.roles
    assert not any(POLICY in row["messages"][0]["content"] for row in rooms.read_lines("train"))
    assert "source" not in rooms.read_lines("train")[0]
    assert "policy" not in (rooms.release / "README.md").read_text()
    assert not any(name.startswith("own_") for name in rooms.stages.metadata["tool_definitions"])


def test_a_bundle_joins_the_policies_of_its_toolkits(settings: Settings) -> None:
    assert load_policy(settings, "rooms") == ""
    assert load_policy(settings, "library_rooms") == POLICY
    rooms = settings.root / "toolkits" / "rooms.yaml"
    rooms.write_text(f"policy: {OTHER_POLICY}\n{ROOMS}")
    try:
        assert load_policy(settings, "library_rooms") == f"{POLICY}\n\n{OTHER_POLICY}"
    finally:
        rooms.write_text(ROOMS)


# ── own rows ──────────────────────────────────────────────────────────────────────────────────


def test_own_rows_are_in_the_train_split_with_their_weight_and_nowhere_else(library: Run) -> None:
    train = library.read_lines("train")
    own = [row for row in train if row["source"] == "own"]
    assert [row["messages"][1]["content"] for row in own] == ["uh got any Woolf", "the atlas again please"]
    assert {row["weight"] for row in own} == {3.0}
    assert {row["weight"] for row in train if row["source"] == "generated"} == {1.0}
    assert {row["source"] for row in library.read_lines("test")} == {"generated"}
    assert own[0]["messages"][0] == {"role": "system", "content": POLICY}
    said = {message["content"] for row in train if row["source"] == "generated" for message in row["messages"]}
    assert not said & {"uh got any Woolf", "the atlas again please"}


def test_what_cannot_be_used_is_counted_with_its_reason_and_ends_nothing(library: Run) -> None:
    metadata = library.stages.metadata["tool_definitions"]
    assert (metadata["own_rows"], metadata["own_rows_left_out"]) == (2, 1)
    assert metadata["own_rows_left_out_reasons"] == {"unknown_tool": 1}
    assert "order_pizza" in Path(metadata["own_rows_left_out_file"]).read_text()
    assert metadata["own_speech"]["filler_share"] == 0.5
    published = library.stages.metadata["dataset"]
    assert (published["own_rows"], published["own_rows_left_out"]) == (2, 1)
    assert "2 of library with weight 3" in (library.release / "README.md").read_text()


def test_the_table_of_the_dataset_has_what_was_generated(library: Run) -> None:
    frame: pl.DataFrame = library.stages.frames["dataset"]
    assert "weight" not in frame.columns
    assert frame["conversation_id"].str.starts_with("own_").sum() == 0


def test_a_test_row_that_an_own_row_repeats_is_not_published(settings: Settings, library: Run, tmp_path: Path) -> None:
    row = library.read_lines("test")[0]
    texts = [message for message in row["messages"] if message["role"] == "user"]
    told = [one for text in texts for one in (text, {"role": "assistant", "content": "Well."})]
    rows = settings.root / "toolkits" / "rows.jsonl"
    rows.write_text(json.dumps({"messages": told}) + "\n")
    try:
        given = {name: frame for name, frame in library.stages.frames.items() if name != "dataset"}
        again = run(settings, "library", tmp_path, given=given)
    finally:
        rows.write_text(GOOD + BAD)
    left_out = [json.loads(line) for line in (again.release / "left_out.jsonl").read_text().splitlines()]
    assert (row["id"], "own_row") in [(one["conversation_id"], one["rule"]) for one in left_out]
    assert row["id"] not in [other["id"] for other in again.read_lines("test")]
    assert again.stages.metadata["dataset"]["left_out_own_row"] >= 1


def test_a_bundle_has_the_rows_of_its_toolkits_and_its_own(settings: Settings) -> None:
    assert [(path.name, weight) for path, weight in find_example_files(settings, "library_rooms")] == [
        ("rows.jsonl", 3.0),
        ("more.jsonl", 1.5),
    ]
    assert find_example_files(settings, "rooms") == []


def test_a_row_of_two_files_is_there_once_and_named(settings: Settings, library: Run) -> None:
    tools = from_frame(library.stages.frames["tool_definitions"], Tool)
    (settings.root / "copy.jsonl").write_text(GOOD)
    twice = settings.model_copy(update={"examples": {"library": ("copy.jsonl",)}})
    rows, failures = load_own_rows(twice, "library", tools)
    assert [row.place for row in rows] == ["rows.jsonl:1", "rows.jsonl:2"]
    repeated = [failure for failure in failures if failure.kind == "repeated_row"]
    assert [failure.subject for failure in repeated] == ["copy.jsonl:1", "copy.jsonl:2"]
    assert "the same as rows.jsonl:1" in repeated[0].reason
    assert find_example_files(twice, "library")[1][1] == 3.0  # the toolkit's weight holds for all files of the toolkit


def test_the_forms_of_speech_reach_the_plans(
    settings: Settings, library: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = from_frame(library.stages.frames["tool_definitions"], Tool)
    inputs: list[PlanInput] = []
    build = personas_and_plans.build_plans

    def note_inputs(plan_inputs: Any) -> Any:
        inputs.extend(plan_inputs)
        return build(plan_inputs)

    monkeypatch.setattr(personas_and_plans, "build_plans", note_inputs)
    run(settings, "library", tmp_path / "library", "conversation_plans")
    speech = profile_speech(load_own_rows(settings, "library", tools)[0], tools)
    assert {one.speech for one in inputs} == {speech}
    assert speech.filler_share > DEFAULT_SPOKEN_PROFILE.filler_share
    inputs.clear()
    run(settings, "rooms", tmp_path / "rooms", "conversation_plans")
    assert {one.speech for one in inputs} == {DEFAULT_SPOKEN_PROFILE}


def test_a_missing_file_is_named_with_the_places_where_it_was_sought(settings: Settings) -> None:
    gone = settings.model_copy(update={"examples": {"rooms": ("gone.jsonl",)}})
    with pytest.raises(CatalogError, match=r"examples\.rooms names 'gone\.jsonl', and there is no .*correct the path"):
        load_own_rows(gone, "rooms", [])


def test_examples_of_an_unknown_partition_are_refused_with_the_nearest(settings: Settings) -> None:
    path = settings.root / "other.yaml"
    path.write_text("toolkits: [library, rooms]\nexamples: {libary: a.jsonl}\n")
    with pytest.raises(SettingsError, match=r"examples: 'libary' is neither a toolkit nor a bundle.*library"):
        load_settings(path)


def test_the_release_over_all_has_own_rows_once_without_those_of_evaluation_sets(
    settings: Settings, library: Run, tmp_path: Path
) -> None:
    known = "could you look whether the harbour branch still has that atlas of rivers"
    (tmp_path / "own.jsonl").write_text(pair(known, "find_books", title="atlas of rivers"))
    (tmp_path / "held.jsonl").write_text(json.dumps({"id": "item_1", "messages": [{"role": "user", "content": known}]}))
    contamination = {"evaluation_sets": (str(tmp_path / "held.jsonl"),), "remove": ("ngrams",)}
    there = settings.model_copy(
        update={
            "home": library.home,
            "examples": {"library": (str(tmp_path / "own.jsonl"),)},
            "contamination": settings.contamination.model_copy(update=contamination),
        }
    )
    run_of_all = dg.materialize(
        [publishing.dataset_release],
        resources={
            "funcdex_settings": there,
            "funcdex_tables": TrustedTables(library.home, TABLES),
            "funcdex_embedder": HashedNgrams(),
        },
        instance=dg.DagsterInstance.ephemeral(),
    )
    (event,) = run_of_all.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["own_rows"].value == 2
    assert metadata["own_rows_left_out_contamination"].value == 1
    release = Path(str(metadata["path"].value))
    rows = [json.loads(line) for line in (release / "train.jsonl").read_text().splitlines()]
    assert [row["messages"][1]["content"] for row in rows if row["source"] == "own"] == [
        "uh got any Woolf",
        "the atlas again please",
    ]
    assert "item_1" in (release / "contamination.jsonl").read_text()
    assert "`library` (" in (release / "README.md").read_text()
