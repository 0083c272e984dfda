"""TRL trains a tiny model on a release and on pairs; what it may learn is what our own trainer counts."""

import json
from pathlib import Path

import pytest

pytest.importorskip("trl")

from funcdex_assets.records.training import TokenRow
from funcdex_assets.training import trl_trainers
from funcdex_assets.training.byte_level_bpe import train_byte_level_bpe
from funcdex_assets.training.chat_templates import has_generation_markers, read_chat_template
from funcdex_assets.training.trl_trainers import IGNORED, TrlError, TrlOptions

TOOL = {
    "type": "function",
    "function": {
        "name": "set_heat",
        "description": "Set the heat.",
        "parameters": {"type": "object", "properties": {"degrees": {"type": "integer"}}, "required": ["degrees"]},
    },
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "set_heat", "arguments": {"degrees": 21}}}
MESSAGES = [
    {"role": "system", "content": "You are in a house."},
    {"role": "user", "content": "the heat to 21"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "name": "set_heat", "content": '{"status": "ok"}'},
    {"role": "assistant", "content": "It is 21 now."},
]
OPTIONS = TrlOptions(steps=12, batch=2, accumulation=1, learning_rate=1e-2, context=512, log_every=1)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("base")
    tokenizer = train_byte_level_bpe([], 300)
    tokenizer.chat_template = read_chat_template()
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **shape)).save_pretrained(folder)
    return folder


def write_release(folder: Path, *rows: dict) -> Path:
    lines = [
        json.dumps({"id": f"row_{n}", "partition": "house", "kind": "command", **row}) for n, row in enumerate(rows)
    ]
    (folder / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "test.jsonl").write_text("", encoding="utf-8")
    return folder


def test_a_model_learns_a_release_and_is_saved_with_a_template_that_servers_read(base: Path, tmp_path: Path) -> None:
    release = write_release(tmp_path, {"messages": MESSAGES, "tools": [TOOL]}, {"messages": MESSAGES, "tools": [TOOL]})
    outcome = trl_trainers.fine_tune_supervised(base, release, tmp_path / "out", OPTIONS)
    losses = [loss for _, loss in outcome.losses]
    assert losses[-1] < losses[0] - 1
    assert (outcome.rows, outcome.left_out) == (2, ())
    assert not has_generation_markers((tmp_path / "out" / "chat_template.jinja").read_text(encoding="utf-8"))
    assert (tmp_path / "out" / "model.safetensors").is_file()


def test_lora_is_merged_into_what_is_saved(base: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    release = write_release(tmp_path, {"messages": MESSAGES, "tools": [TOOL]})
    options = TrlOptions(steps=2, batch=1, accumulation=1, learning_rate=1e-2, context=512, lora_rank=4)
    trl_trainers.fine_tune_supervised(base, release, tmp_path / "out", options)
    before, after = (AutoModelForCausalLM.from_pretrained(folder).state_dict() for folder in (base, tmp_path / "out"))
    assert before.keys() == after.keys()
    assert not all(torch.equal(before[name], after[name]) for name in before)


def test_labels_are_the_tokens_that_count() -> None:
    row = TokenRow(
        row_id="r", partition="p", split="train", kind="simple", layout="with_tools", prefix_length=1,
        token_ids=(5, 6, 7, 8), weights=(0.0, 0.0, 0.5, 1.0),
    )  # fmt: skip
    assert trl_trainers.build_labelled_dataset([row])[0] == {
        "input_ids": [5, 6, 7, 8],
        "labels": [IGNORED, IGNORED, 7, 8],
    }


def test_a_model_learns_pairs_and_lines_that_are_none_are_told(base: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    wrong_call = {**CALL, "function": {"name": "set_heat", "arguments": {"room": "hall"}}}
    worse = {"role": "assistant", "content": "", "tool_calls": [wrong_call]}
    pair = {"prompt": MESSAGES[:2], "chosen": [MESSAGES[2]], "rejected": [worse], "tools": [TOOL]}
    lines = [json.dumps(pair), json.dumps({**pair, "rejected": []}), "not JSON"]
    pairs.write_text("\n".join(lines), encoding="utf-8")
    outcome = trl_trainers.fine_tune_on_preferences(base, pairs, tmp_path / "out", OPTIONS)
    assert outcome.rows == 1
    assert [reason.split(": ", 1)[0] for reason in outcome.left_out] == [f"{pairs}, line 2", f"{pairs}, line 3"]
    assert outcome.losses[-1][1] < outcome.losses[0][1]


def test_calls_keep_their_own_arguments_in_a_dataset_of_pairs() -> None:
    pair = {"prompt": MESSAGES[:2], "chosen": [MESSAGES[2]], "rejected": [{"role": "assistant", "content": "No."}]}
    other = {**pair, "chosen": [{"role": "assistant", "content": "", "tool_calls": [{"arguments": {"room": "hall"}}]}]}
    dataset = trl_trainers.build_pair_dataset([{**pair, "tools": [TOOL]}, {**other, "tools": []}])
    assert dataset[0]["chosen"] == [MESSAGES[2]]
    assert dataset[1]["chosen"] == other["chosen"]


def test_what_cannot_be_used_is_named(base: Path, tmp_path: Path) -> None:
    with pytest.raises(TrlError, match=r"config\.json; give a folder"):
        trl_trainers.fine_tune_supervised(tmp_path, write_release(tmp_path), tmp_path / "out", OPTIONS)
    with pytest.raises(TrlError, match="no train row can be used; first: there is none"):
        trl_trainers.fine_tune_supervised(base, write_release(tmp_path), tmp_path / "out", OPTIONS)
    with pytest.raises(TrlError, match=r"missing\.jsonl: no such file"):
        trl_trainers.fine_tune_on_preferences(base, tmp_path / "missing.jsonl", tmp_path / "out", OPTIONS)
