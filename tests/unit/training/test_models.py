"""Models: where they come from, what of them is trained, and that export changes nothing."""

from pathlib import Path

import pytest
import torch
from tiny_training import ROWS_TENSOR, SHAPE, tiny_model, tokenizer
from transformers import AutoModelForCausalLM

from funcdex_assets.settings.model_shape import ModelShape
from funcdex_assets.training.gguf_files import GgufError, write_gguf
from funcdex_assets.training.models import (
    BaseModelError,
    build_model,
    choose_trained_weights,
    collect_weights,
    count_parameters,
    grow_vocabulary,
    load_model,
    merge_adapters,
    save_weights,
)


def logits_of(model) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(ROWS_TENSOR).logits


def save_folder(model, folder: Path) -> Path:
    folder.mkdir()
    model.config.save_pretrained(folder)
    save_weights(model, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize("architecture", ["llama", "qwen3"])
@pytest.mark.parametrize("tied", [True, False])
def test_a_saved_folder_is_the_same_model(tmp_path: Path, architecture, tied):
    model = tiny_model(architecture=architecture, tie_embeddings=tied)
    loaded = load_model(save_folder(model, tmp_path / "saved"))
    torch.testing.assert_close(logits_of(loaded), logits_of(model), rtol=0, atol=0)


# transformers gives each Qwen3 that it reads from GGUF heads of 128 dimensions
QWEN3 = {"architecture": "qwen3", "width": 256, "heads": 2, "kv_heads": 1}


@pytest.mark.parametrize("shape", [{}, {"tie_embeddings": False}, QWEN3], ids=["llama", "untied", "qwen3"])
def test_a_gguf_file_is_the_same_model(tmp_path: Path, shape):
    model = tiny_model(**shape)
    write_gguf(model, tokenizer(), tmp_path / "tiny.gguf", name="tiny", precision="f32")
    loaded = load_model(tmp_path / "tiny.gguf")
    torch.testing.assert_close(logits_of(loaded), logits_of(model), rtol=1e-5, atol=1e-6)
    again = load_model(save_folder(loaded, tmp_path / "again"))  # which `save_pretrained` refuses
    torch.testing.assert_close(logits_of(again), logits_of(loaded), rtol=0, atol=0)


def test_half_precision_is_near(tmp_path: Path):
    model = tiny_model()
    write_gguf(model, tokenizer(), tmp_path / "tiny.gguf", name="tiny", precision="f16")
    torch.testing.assert_close(logits_of(load_model(tmp_path / "tiny.gguf")), logits_of(model), rtol=0.02, atol=0.005)


def test_other_architectures_have_no_gguf_here(tmp_path: Path):
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(vocab_size=330, n_positions=32, n_embd=16, n_layer=1, n_head=2))
    with pytest.raises(GgufError, match=r"architecture 'gpt2' .* convert_hf_to_gguf"):
        write_gguf(model, tokenizer(), tmp_path / "tiny.gguf", name="tiny")
    assert list(tmp_path.iterdir()) == []


def test_merged_adapters_compute_what_they_computed_beside_the_weights():
    model = tiny_model()
    names = set(collect_weights(model))
    base = logits_of(model)
    adapted = choose_trained_weights(model, method="lora", lora_rank=4)
    trained = [name for name, weight in adapted.named_parameters() if weight.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)
    torch.testing.assert_close(logits_of(adapted), base, msg="an adapter begins with nothing")
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.1)
    beside = logits_of(adapted)
    assert (beside - base).abs().max() > 0.01
    merged = merge_adapters(adapted)
    torch.testing.assert_close(logits_of(merged), beside, rtol=1e-4, atol=1e-5)
    assert set(collect_weights(merged)) == names


def test_frozen_embeddings_are_not_trained():
    model = choose_trained_weights(tiny_model(tie_embeddings=False), freeze_embeddings=True)
    frozen = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    assert frozen == {"model.embed_tokens.weight", "lm_head.weight"}


def test_new_tokens_get_embeddings_and_nothing_else_changes():
    model = tiny_model()
    before = logits_of(model)
    assert not grow_vocabulary(model, model.config.vocab_size)
    assert grow_vocabulary(model, model.config.vocab_size + 3)
    after = logits_of(model)
    assert after.shape[-1] == before.shape[-1] + 3
    torch.testing.assert_close(after[..., :-3], before)


def test_the_same_seed_gives_the_same_weights():
    first, second, other = (collect_weights(tiny_model(seed=seed)) for seed in (1, 1, 2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["model.embed_tokens.weight"], other["model.embed_tokens.weight"])


def test_building_a_model_leaves_the_random_numbers_of_others_alone():
    torch.manual_seed(9)
    expected = torch.rand(1)
    torch.manual_seed(9)
    tiny_model(seed=1)
    assert torch.equal(torch.rand(1), expected)


def test_tied_weights_count_once():
    tied, untied = (count_parameters(tiny_model(tie_embeddings=tie)) for tie in (True, False))
    assert untied - tied == len(tokenizer()) * SHAPE.width


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(
            lambda folder: folder / "none", "is neither a GGUF file nor a folder with a config.json", id="none"
        ),
        pytest.param(
            lambda folder: folder, "is neither a GGUF file nor a folder with a config.json", id="empty folder"
        ),
        pytest.param(lambda folder: _write(folder / "x.gguf"), r"the file .*x.gguf cannot be loaded", id="no GGUF"),
        pytest.param(
            lambda folder: _write(folder / "config.json").parent, r"the folder .* cannot be loaded", id="no weights"
        ),
    ],
)
def test_a_base_that_cannot_be_loaded_is_named(tmp_path: Path, make, message):
    with pytest.raises(BaseModelError, match=message):
        load_model(make(tmp_path))


def _write(path: Path) -> Path:
    path.write_bytes(b"{}")
    return path


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({"width": 30, "heads": 4}, "width is 30 and heads is 4", id="no whole number"),
        pytest.param({"width": 20, "heads": 4}, "an even whole number", id="odd heads"),
        pytest.param({"heads": 4, "kv_heads": 3}, "does not divide heads", id="heads of keys"),
    ],
)
def test_shapes_that_cannot_be(fields, message):
    with pytest.raises(ValueError, match=message):
        ModelShape(**fields)


def test_a_shape_has_about_the_weights_of_a_plain_one():
    assert ModelShape(width=256).compute_inner() == 672
    assert build_model(ModelShape(layers=1, inner=48), tokenizer(), 64, 0).config.intermediate_size == 48


def test_transformers_serves_the_folder(tmp_path: Path):
    loaded = AutoModelForCausalLM.from_pretrained(save_folder(tiny_model(), tmp_path / "saved"))
    assert loaded.config.architectures == ["LlamaForCausalLM"]
