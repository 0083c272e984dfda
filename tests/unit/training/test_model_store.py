"""Models of a project: made once, whole when they appear, and never replaced by a worse one unless asked."""

from pathlib import Path

import msgspec
import pytest
from tiny_training import job, token_rows, tokenizer

from funcdex_assets.records.training import EvaluationItem
from funcdex_assets.settings.training import Training
from funcdex_assets.training.evaluate_model import evaluate_latest_model
from funcdex_assets.training.exported_models import export_model
from funcdex_assets.training.held_out import split_train_rows
from funcdex_assets.training.local_predictor import LocalPredictor
from funcdex_assets.training.model_notes import NoModelError, read_note
from funcdex_assets.training.model_store import (
    find_latest_model,
    find_objection_to_latest,
    point_latest,
    read_latest_id,
    store_model,
)
from funcdex_assets.training.models import load_model
from funcdex_assets.training.tokenizer_store import TokenizerNote, note_tokenizer
from funcdex_assets.training.training_job import (
    StaleTokensError,
    TrainedModel,
    build_training_job,
    describe_as_record,
    hash_job,
    run_training_job,
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def good(home: Path) -> TrainedModel:
    return run_training_job(job(home))


def test_the_folder_has_what_servers_and_people_need(good: TrainedModel):
    folder = Path(good.folder)
    assert {path.name for path in folder.iterdir()} == {
        *("config.json", "generation_config.json", "model.safetensors", "README.md", "training.json"),
        *("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "house-f16.gguf", "house-f32.gguf"),
    }
    card = (folder / "README.md").read_text()
    for part in ("the 11 train rows of `release_0`", f"`{good.note.model_id}`", "`learning_rate` | `0.003`", "turn it"):
        assert part in card
    assert f"{good.note.best_loss:.4f}" in card


def test_the_note_says_what_came_of_it(good: TrainedModel, home: Path):
    note = read_note(Path(good.folder))
    assert note == good.note
    assert (note.steps, note.train_rows, note.validation_rows, note.gguf) == (8, 11, 1, None)
    assert note.best_loss < note.first_loss
    record = describe_as_record(good, home)
    assert (record.path, record.objection, record.gguf) == (f"models/house/{note.model_id}", None, True)


def test_the_work_folder_is_gone_once_the_model_is_stored(good: TrainedModel, home: Path):
    assert good.is_new
    assert list((home / "training" / "house").iterdir()) == []


def test_the_same_model_is_not_trained_twice(good: TrainedModel, home: Path):
    again = run_training_job(job(home), report=lambda _: pytest.fail("it is trained"))
    assert (again.is_new, again.note) == (False, good.note)


@pytest.mark.parametrize(
    ("changes", "is_same"),
    [
        pytest.param({"learning_rate": 0.1}, False, id="learns otherwise"),
        pytest.param({"max_steps": 9}, False, id="longer"),
        pytest.param({"checkpoint_interval": 1, "sample_rows": 0, "processes": 2}, True, id="only how it is run"),
    ],
)
def test_what_a_model_is_made_of(home: Path, good: TrainedModel, changes, is_same):
    assert (hash_job(job(home, **changes)) == good.note.model_id) == is_same


def test_a_worse_model_is_kept_but_not_taken(home: Path, good: TrainedModel):
    worse = run_training_job(job(home, max_steps=1))
    assert worse.note.best_loss > good.note.best_loss
    assert worse.objection is not None
    assert f"that of the latest, {good.note.model_id}, is" in worse.objection
    assert find_latest_model(home, "house") == Path(good.folder)
    assert read_note(Path(worse.folder)).steps == 1


def test_a_worse_model_is_taken_if_asked(home: Path, good: TrainedModel):
    asked = run_training_job(job(home, max_steps=1, allow_worse=True))
    assert asked.objection is None
    assert find_latest_model(home, "house") == Path(asked.folder)
    point_latest(home, "house", good.note.model_id)


def test_models_on_other_validation_rows_are_no_comparison(home: Path, good: TrainedModel):
    other = msgspec.structs.replace(good.note, model_id="other", best_loss=99.0, comparable="other rows")
    assert find_objection_to_latest(home, other) is None
    same = msgspec.structs.replace(good.note, model_id="other", best_loss=99.0)
    assert find_objection_to_latest(home, same) is not None


def test_a_model_that_was_not_finished_is_none(tmp_path: Path, good: TrainedModel):
    def fail(folder: Path):
        (folder / "config.json").write_text("{}")
        raise RuntimeError("no luck")

    with pytest.raises(RuntimeError, match="no luck"):
        store_model(tmp_path, good.note, fail)
    assert list((tmp_path / "models" / "house").iterdir()) == []
    assert read_latest_id(tmp_path, "house") is None
    with pytest.raises(NoModelError, match=r"There is no model of house .* run `funcdex train house`"):
        find_latest_model(tmp_path, "house")


def test_an_exported_model_answers_as_it_was_trained(good: TrainedModel):
    predictor = LocalPredictor.load(Path(good.folder), device="cpu", max_tokens=12)
    items = [
        EvaluationItem(
            item_id=str(number),
            conversation_id=str(number),
            partition="house",
            kind="single_call",
            messages=[{"role": "system", "content": "You keep a house warm."}, *said],
            tools=[],
            calls=(),
        )
        for number, said in enumerate(
            (
                [{"role": "user", "content": "turn it to 12"}],
                [{"role": "user", "content": "hello"}],
                [{"role": "nobody"}],
            )
        )
    ]
    predictions = predictor.predict(items)
    assert [prediction.item_id for prediction in predictions] == ["0", "1", "2"]
    assert predictions[0].raw
    assert 0 < predictions[0].confidence < 1
    assert predictions[0].prompt_tokens > predictions[1].prompt_tokens
    assert predictor.predict(items[:1])[0].raw == predictions[0].raw, "the batch changes nothing"
    assert predictions[2].failure is not None


def test_the_latest_model_can_be_measured_without_training(home: Path, good: TrainedModel):
    settings = Training(eval_rows=32, pack_tokens=160, sample_rows=1, precision="float32")
    note_tokenizer(home, "house", TokenizerNote("tokenizer", "scratch", "with_tools", "ours", "release_0"))
    rows = token_rows()
    _, validating = split_train_rows(rows, 32)
    as_tests = [msgspec.structs.replace(row, split="test") for row in validating]
    measured = evaluate_latest_model(home, "house", as_tests, settings)
    assert measured.loss.answer == pytest.approx(good.note.best_loss, rel=1e-5)
    measured = evaluate_latest_model(home, "house", rows, settings)
    assert (measured.rows, len(measured.samples)) == (4, 1)
    note_tokenizer(home, "house", TokenizerNote("other", "scratch", "with_tools", "ours", "release_0"))
    with pytest.raises(StaleTokensError, match=r"of tokenizer other .*, has tokenizer and with_tools; train it"):
        evaluate_latest_model(home, "house", token_rows(), settings)


def test_a_trained_model_is_a_base(home: Path, good: TrainedModel):
    more = run_training_job(job(home, base=str(Path(good.folder)), max_steps=2, method="lora", lora_rank=2))
    assert more.note.first_loss == pytest.approx(good.note.best_loss, rel=1e-5)
    assert more.note.base == good.note.model_id
    assert load_model(Path(more.folder)).config.vocab_size == len(tokenizer())


def test_tokens_of_other_settings_are_refused(home: Path):
    note_tokenizer(home, "house", TokenizerNote("tokenizer", "scratch", "without_tools", "ours", "release_0"))
    with pytest.raises(StaleTokensError, match=r"layout without_tools, .* make training_tokens of house again"):
        build_training_job("house", token_rows(), Training(), seed=1, home=home, root=home)


def test_another_architecture_is_exported_without_gguf(tmp_path: Path, good: TrainedModel):
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(vocab_size=310, n_positions=64, n_embd=16, n_layer=1, n_head=2))
    note = export_model(model, tokenizer(), good.note, tmp_path / "gpt2", "")
    assert note.gguf is not None
    assert note.gguf.startswith("a model of the architecture 'gpt2' is not written as GGUF here")
    assert not list((tmp_path / "gpt2").glob("*.gguf"))
