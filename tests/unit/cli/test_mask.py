"""`funcdex show ID --mask`: what a person reads of a row, on a terminal and in a pipe."""

import io
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import training_rows
from rich.console import Console

from funcdex_assets.cli.console import CommandError
from funcdex_assets.cli.mask import print_mask
from funcdex_assets.export.release_outcome import read_latest
from funcdex_assets.export.releases import point_latest
from funcdex_assets.settings.settings import Settings
from funcdex_assets.settings.training import Training
from funcdex_assets.training.tokenizer_store import TokenizerNote, note_tokenizer, save_tokenizer

ROWS = [
    {
        "id": f"conversation_{number}",
        "partition": "gmail",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Turn it to 21 <|im_end|>."},
            {"role": "assistant", "content": "", "tool_calls": [training_rows.call("turn", to=21)]},
            {"role": "tool", "content": "{}"},
            {"role": "assistant", "content": "It is [bold]on[/]."},
            {"role": "user", "content": "Thanks"},
            {"role": "assistant", "content": "Gladly."},
        ],
        "tools": [{"type": "function", "function": {"name": "turn", "description": "Turns it.", "parameters": {}}}],
        "kind": "simple",
        "turn_verdicts": [{"turn": 1, "ok": False, "score": 1, "reason": "curt", "first": 5, "last": 6}],
        "weight": 0.5 if number == 12 else 1.0,
    }
    for number in (11, 12)
]
SPOKEN = """\
<|im_start|>assistant
⟦<tool_call>
{"name": "turn", "arguments": {"to": 21}}
</tool_call><|im_end|>⟧
<|im_start|>tool
<tool_response>
{}
</tool_response><|im_end|>
<|im_start|>assistant
⟦It is [bold]on[/].<|im_end|>⟧
<|im_start|>user
Thanks<|im_end|>
<|im_start|>assistant
⟦×0 Gladly.<|im_end|>⟧
"""


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    folder = tmp_path / "datasets" / "gmail"
    (folder / "release_1").mkdir(parents=True)
    (folder / "release_1" / "train.jsonl").write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in ROWS))
    (folder / "release_1" / "test.jsonl").write_bytes(b"")
    point_latest(folder, "release_1")
    assert read_latest(folder) == "release_1"
    return Settings(home=tmp_path, root=tmp_path, toolkits=("gmail",), training=Training(vocabulary_size=512))


def show(project: Settings, conversation_id: str, layout: Any = None, *, terminal: bool = False) -> str:
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, color_system="standard" if terminal else None, width=60)
    print_mask(project, conversation_id, layout, console)
    return written.getvalue()


def test_in_a_pipe_what_counts_stands_in_brackets(project: Settings):
    shown = show(project, "conversation_11")
    assert SPOKEN in shown
    assert "turn()" in shown
    assert "conversation_11 · gmail · train · simple · with_tools · template: ours" in shown
    assert "Be kind." in show(project, "conversation_11", "without_tools")
    assert "turn()" not in show(project, "conversation_11", "without_tools")


def test_a_weight_other_than_1_is_written(project: Settings):
    assert "⟦×0.5 It is [bold]on[/].<|im_end|>⟧" in show(project, "conversation_12")


def test_on_a_terminal_what_counts_is_coloured_and_no_bracket_is_added(project: Settings):
    shown = show(project, "conversation_11", terminal=True)
    assert "⟦" not in shown
    assert "\x1b[30;42mIt is [bold]on[/].\x1b[0m" in shown
    assert "\x1b[1;2;35m<|im_start|>\x1b[0m" in shown, "a special token"
    assert "\x1b[2mTurn it to 21 <|im_end|>.\x1b[0m" in shown, "what a user types is text"


def test_a_row_that_becomes_windows_says_so(project: Settings):
    whole = int(re.search(r"^(\d+) tokens", show(project, "conversation_12"), re.MULTILINE)[1])  # pyright: ignore
    training = project.training.model_copy(update={"context": whole - 1, "bad_turn_weight": 0.5})
    shown = show(project.model_copy(update={"training": training}), "conversation_12")
    assert f"longer than training.context ({whole - 1}): conversation_12#0 has " in shown
    assert re.search(r"conversation_12#1 has \d+ tokens without the [1-9]\d* of older turns", shown)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("conversation_1", "2 rows of gmail begin with 'conversation_1': conversation_11, conversation_12"),
        ("conversation_3", "has a row 'conversation_3'"),
    ],
)
def test_an_id_that_names_no_row_or_several_is_explained(project: Settings, wanted: str, message: str):
    with pytest.raises(CommandError) as refused:
        show(project, wanted)
    assert message in str(refused.value)


def test_the_tokenizer_that_wrote_the_partition_is_taken(project: Settings):
    assert "vocabulary of 512" not in show(project, "conversation_11"), "two rows have no such vocabulary"
    name = save_tokenizer(project.home, training_rows.encoder().tokenizer)
    note_tokenizer(project.home, "gmail", TokenizerNote(name, "scratch", "with_tools", "ours", "release_1"))
    assert "vocabulary of 1500" in show(project, "conversation_11")
    assert "vocabulary of 1500" not in show(project, "conversation_11", "without_tools")
