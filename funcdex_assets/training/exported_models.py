"""Writes a trained model into a folder that others take, and reads it again.

    5f0c1b2a3d4e/
      config.json, generation_config.json, model.safetensors    as transformers and vLLM read them
      tokenizer.json, tokenizer_config.json, chat_template.jinja
      gmail-f16.gguf, gmail-f32.gguf                             as llama.cpp reads them; where the architecture has it
      README.md                                                  what it was trained on, how, and how good it is
      training.json                                              the same for programs: `ModelNote`

Belongs here: the files of one folder. Where it stands, and whether it becomes the latest, is `model_store.py`'s
business.
"""

from collections.abc import Sequence
from copy import copy
from pathlib import Path

import msgspec
import torch
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedModel, PreTrainedTokenizerFast

from funcdex_assets.records.training import Layout
from funcdex_assets.storage.atomic_files import replace_file
from funcdex_assets.training.byte_level_bpe import UnknownPreTokenizerError
from funcdex_assets.training.chat_templates import hide_tools
from funcdex_assets.training.gguf_files import GgufError, GgufPrecision, write_gguf
from funcdex_assets.training.model_notes import NOTE_FILE, ModelNote, read_note
from funcdex_assets.training.models import load_model, save_weights
from funcdex_assets.training.tokenizer_store import give_chat_template, load_base_tokenizer, write_tokenizer

GGUF_PRECISIONS: tuple[GgufPrecision, ...] = ("f16", "f32")


def export_model(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, note: ModelNote, folder: Path, card: str
) -> ModelNote:
    """Writes the folder's files, the note last; returns the note as written. Adapters must be merged before.

    The chat template of a model that learned its functions by heart shows none, whatever a client sends with a request.
    """
    if note.layout == "without_tools":
        tokenizer = copy(tokenizer)
        tokenizer.chat_template = hide_tools(str(tokenizer.chat_template))
    folder.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder)
    GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        do_sample=False,
    ).save_pretrained(folder)
    save_weights(model, folder / "model.safetensors")
    write_tokenizer(folder, tokenizer)
    missing = None
    for precision in GGUF_PRECISIONS:
        try:
            write_gguf(
                model,
                tokenizer,
                folder / f"{note.partition}-{precision}.gguf",
                name=f"{note.partition} {note.model_id}",
                precision=precision,
            )
        except (GgufError, UnknownPreTokenizerError) as error:
            missing = str(error)
            break
    replace_file(folder / "README.md", card.encode())
    written = msgspec.structs.replace(note, gguf=missing)
    replace_file(folder / NOTE_FILE, msgspec.json.format(msgspec.json.encode(written), indent=1))
    return written


def load_exported_model(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerFast, Layout]:
    """Loads model and tokenizer, and says by which layout they are asked.

    A model from elsewhere, which has no note, gets a chat template and is shown the tools.

    Raises:
        UserError: the folder has no model, or a tokenizer that cannot be used.
    """
    if not (folder / NOTE_FILE).is_file():
        tokenizer = load_base_tokenizer(str(folder), folder.parent)
        give_chat_template(tokenizer)
        return load_model(folder), tokenizer, "with_tools"
    note = read_note(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    return model, tokenizer, note.layout


def find_gguf(folder: Path, precisions: Sequence[GgufPrecision] = GGUF_PRECISIONS) -> Path | None:
    """Returns the GGUF file of the first of these precisions that the folder has."""
    return next((path for precision in precisions for path in sorted(folder.glob(f"*-{precision}.gguf"))), None)
