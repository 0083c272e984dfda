"""The files in grammars/examples are the specification by example; each is a row here."""

from pathlib import Path

import pytest

from funcdex_assets.dml.markup import REMEDIES, DMLError
from funcdex_assets.dml.parse import parse_conversation
from funcdex_assets.dml.render import render_conversation

EXAMPLES = Path(__file__).parents[3] / "grammars" / "examples"
VALID = sorted((EXAMPLES / "valid").glob("*.dml"))
INVALID = sorted((EXAMPLES / "invalid").glob("*.dml"))
ONLY_IN_MESSAGES = {"space", "fields", "id"}


def read(path: Path) -> str:
    return path.read_bytes().decode()


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_valid_example_parses_and_is_canonical(path: Path) -> None:
    messages = parse_conversation(read(path))
    assert render_conversation(messages) == read(path)
    assert messages[0].role == "user"
    assert messages[-1].role == "assistant"


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_invalid_example_breaks_its_rule_at_its_place(path: Path) -> None:
    rule, offset, *text = path.with_suffix(".error").read_text(encoding="utf-8").splitlines()
    with pytest.raises(DMLError) as caught:
        parse_conversation(read(path))
    assert (caught.value.rule, caught.value.offset) == (rule, int(offset))
    assert str(caught.value) == "\n".join(text)


def test_every_rule_that_a_text_can_break_has_an_example() -> None:
    shown = {path.with_suffix(".error").read_text(encoding="utf-8").split("\n")[0] for path in INVALID}
    assert shown == REMEDIES.keys() - ONLY_IN_MESSAGES


def test_every_error_file_has_its_text() -> None:
    assert {path.stem for path in (EXAMPLES / "invalid").glob("*.error")} == {path.stem for path in INVALID}


def test_the_example_in_the_readme_is_canonical() -> None:
    shown = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8").split("```\n")[1]
    assert render_conversation(parse_conversation(shown)) == shown
