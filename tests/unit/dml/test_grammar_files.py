"""The grammar files of grammars/ are what the code makes; `python scripts/write_grammars.py` writes them anew."""

from pathlib import Path

import pytest

from funcdex_assets.dml.grammar.grammar_files import render_grammar_files

GRAMMARS = Path(__file__).parents[3] / "grammars"
WRITTEN_BY_HAND = {"README.md"}


@pytest.mark.parametrize("name", render_grammar_files())
def test_a_grammar_file_is_what_the_code_makes(name: str) -> None:
    stored = (GRAMMARS / name).read_bytes()
    assert stored == render_grammar_files()[name].encode(), "run: python scripts/write_grammars.py"


def test_no_other_grammar_files_lie_about() -> None:
    assert {path.name for path in GRAMMARS.iterdir() if path.is_file()} == {*render_grammar_files(), *WRITTEN_BY_HAND}
