"""Loads the grammars that make a model write DML.

Here belongs the way from a setting to the text of a grammar. The GBNF files in `grammars/` take any
tool name and any arguments.

>>> grammar(thoughts=False).splitlines()[-1].split(" ::= ")[0]
'value-7'
"""

from importlib.resources import files


def grammar(*, thoughts: bool) -> str:
    """The GBNF text (llama.cpp, xgrammar) of canonical conversations, with or without thoughts."""
    stem = "conversation_with_thoughts" if thoughts else "conversation"
    return files("funcdex_assets").joinpath("grammars").joinpath(f"{stem}.gbnf").read_text(encoding="utf-8")
