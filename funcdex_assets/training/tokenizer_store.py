"""Keeps the tokenizers of the tables of tokens: a table of ids means nothing without the tokenizer that wrote it.

    HOME/tokenizers/3f0c5a1b2d4e/       a tokenizer in Hugging Face's layout, with its chat template; never changed
    HOME/tokenizers/gmail.json          which one wrote the tokens of gmail; `all.json` for the release's

A folder has the hash of its content as its name, so that the partitions of one base model share it, and a tokenizer
stays while a model that was trained with it needs it.

Belongs here: loading base models' tokenizers, saving and finding what was used. Training one belongs to
`byte_level_bpe.py`.
"""

import shutil
from hashlib import blake2b
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from funcdex_assets.records.errors import UserError
from funcdex_assets.records.record import Record
from funcdex_assets.records.training import Layout
from funcdex_assets.storage.atomic_files import replace_file
from funcdex_assets.storage.disk_errors import explaining_disk_errors
from funcdex_assets.training.byte_level_bpe import PADDING, build_digit_splitter
from funcdex_assets.training.chat_templates import TURN, TURN_END, Wish, choose_chat_template
from funcdex_assets.training.train_extra import require_train_extra

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

FOLDER = "tokenizers"
_OF_THE_LOADING = ("is_local", "local_files_only", "gguf_file", "name_or_path", "backend")


class TokenizerError(UserError):
    """Raised where a tokenizer is missing or cannot be used; the message names the place and the remedy."""


class TokenizerNote(Record, frozen=True):
    """Which tokenizer wrote a partition's tokens, and how: the base it is from, the layout and the template's source.

    `release` is the release whose rows were written.
    """

    tokenizer: str
    base: str
    layout: Layout
    template: Literal["ours", "own", "patched"]
    release: str


def load_base_tokenizer(base: str, root: Path) -> "PreTrainedTokenizerFast":
    """Loads the tokenizer of a base model: a folder in Hugging Face's layout, or a GGUF file; relative to `root`.

    Nothing is downloaded.

    Raises:
        TokenizerError: there is none at that place, or it is not a fast one.
    """
    require_train_extra()
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    path = (root / base).resolve()
    is_gguf = path.suffix == ".gguf" and path.is_file()
    if not is_gguf and not (path / "tokenizer_config.json").is_file():
        raise TokenizerError(
            f"training.base is {base!r}, and {path} is neither a GGUF file nor a folder with tokenizer_config.json; "
            "give the path of a model that is on this machine, or `scratch`"
        )
    try:
        if is_gguf:
            require_train_extra("gguf", "torch")  # transformers reads the file with both
            tokenizer: Any = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name, local_files_only=True)
            _restore_digit_splitting(tokenizer, path)
        else:
            tokenizer = AutoTokenizer.from_pretrained(str(path), local_files_only=True)
    except (ValueError, KeyError, TypeError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TokenizerError(
            f"training.base is {base!r}, and the tokenizer in {path} cannot be read ({reason}); give the path of a "
            "whole model, or `scratch`"
        ) from None
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise TokenizerError(
            f"The tokenizer in {path} ({type(tokenizer).__name__}) has no tokenizer.json, which a fast one has; "
            "convert it with transformers' convert_slow_tokenizer"
        )
    return tokenizer


def give_chat_template(tokenizer: "PreTrainedTokenizerFast", wish: Wish = "auto") -> Literal["ours", "own", "patched"]:
    """Gives a base model's tokenizer the chat template that is trained on, and returns where that is from.

    For our template it also gets the tokens that begin and end a turn, if it lacks them: then it has more tokens than
    the model has embeddings, which must be resized to `len(tokenizer)`. The markup of calls is added to none: in a
    vocabulary that does not have it, it is spelled by tokens that the model knows.

    Raises:
        ChatTemplateError: its own template renders tools, but does not say what the assistant writes.
    """
    chosen = choose_chat_template(tokenizer, wish)
    tokenizer.chat_template = chosen.text
    if chosen.source == "ours":
        known = tokenizer.get_vocab()
        missing = [token for token in (TURN, TURN_END) if token not in known]
        if missing:
            tokenizer.add_special_tokens({"additional_special_tokens": missing}, replace_extra_special_tokens=False)
        tokenizer.eos_token = TURN_END
        if PADDING in known:
            tokenizer.pad_token = PADDING
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return chosen.source


def save_tokenizer(home: Path, tokenizer: "PreTrainedTokenizerFast") -> str:
    """Saves a tokenizer under the hash of its files, and returns that; one that is there is left as it is.

    Raises:
        DiskError: the folder cannot be written.
    """
    folder = home / FOLDER
    with explaining_disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        draft = Path(mkdtemp(prefix=".", dir=folder))
        try:
            write_tokenizer(draft, tokenizer)
            name = _hash_folder(draft)
            if not (folder / name).is_dir():
                draft.chmod(0o755)
                draft.rename(folder / name)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return name


def write_tokenizer(folder: Path, tokenizer: "PreTrainedTokenizerFast") -> None:
    """Writes the files of a tokenizer as every version of transformers reads them, and nothing of this machine."""
    tokenizer.save_pretrained(str(folder))
    path = folder / "tokenizer_config.json"
    config = msgspec.json.decode(path.read_bytes())
    config["tokenizer_class"] = "PreTrainedTokenizerFast"  # transformers 5 names a class that 4 has not
    for name in _OF_THE_LOADING:
        config.pop(name, None)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(config), indent=2) + b"\n")


def note_tokenizer(home: Path, partition: str, note: TokenizerNote) -> None:
    """Replaces the note of which tokenizer wrote the partition's tokens, in one step."""
    replace_file(home / FOLDER / f"{partition}.json", msgspec.json.encode(note))


def read_tokenizer_note(home: Path, partition: str) -> TokenizerNote:
    """Reads which tokenizer wrote the tokens of a partition, or of the release, which is `all`.

    Raises:
        TokenizerError: nothing was tokenised yet.
    """
    path = home / FOLDER / f"{partition}.json"
    if not path.is_file():
        stage = "release_tokens" if partition == "all" else f"training_tokens of {partition}"
        raise TokenizerError(f"There is no {path}: {stage} was not made; materialise it (docs/training.md)")
    return msgspec.json.decode(path.read_bytes(), type=TokenizerNote)


def load_tokenizer(home: Path, partition: str) -> "PreTrainedTokenizerFast":
    """Loads the tokenizer that wrote the tokens of a partition (`all`: of the release), with its chat template.

    Raises:
        TokenizerError: nothing was tokenised yet, or the folder is gone.
    """
    note = read_tokenizer_note(home, partition)
    require_train_extra()
    from transformers import PreTrainedTokenizerFast

    folder = home / FOLDER / note.tokenizer
    if not folder.is_dir():
        raise TokenizerError(f"The tokenizer {folder} of {partition} is gone; materialise its tokens again")
    return PreTrainedTokenizerFast.from_pretrained(str(folder), local_files_only=True)


def _restore_digit_splitting(tokenizer: Any, gguf_file: Path) -> None:
    """Splits digits as the GGUF file says, where transformers (5.24) overlooks it: SmolLM2's are single.

    Without it, spaces before a digit are merged otherwise than by llama.cpp.
    """
    from gguf import GGUFReader

    field = GGUFReader(gguf_file).get_field("tokenizer.ggml.pre")
    if field is not None and field.contents() == "smollm":
        tokenizer.backend_tokenizer.pre_tokenizer = build_digit_splitter()


def _hash_folder(folder: Path) -> str:
    digest = blake2b(digest_size=6)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
