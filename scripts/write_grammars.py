"""Writes the grammar files of `grammars/` anew from the code: `python scripts/write_grammars.py`.

A test (`tests/unit/dml/test_grammar_files.py`) fails while one of them differs from what the code makes.
"""

from pathlib import Path

from funcdex_assets.dml.grammar.grammar_files import render_grammar_files

GRAMMARS = Path(__file__).parents[1] / "grammars"


def main() -> None:
    for name, text in render_grammar_files().items():
        (GRAMMARS / name).write_text(text, encoding="utf-8", newline="")
        print(f"wrote grammars/{name}")


if __name__ == "__main__":
    main()
