"""Whether a text is in a grammar, asked of each notation's own reader.

GBNF is read by the interpreter beside this file, Lark by llguidance, the structural tag by xgrammar where
that is installed. Bytes stand for tokens, so budgets of tokens are put out of the way.
"""

import re
from functools import cache
from types import ModuleType
from typing import Any

import pytest
from gbnf import Grammar as Gbnf
from llguidance import LLMatcher, LLTokenizer

from funcdex_assets.dml.grammar.gbnf import render_gbnf
from funcdex_assets.dml.grammar.lark import render_lark
from funcdex_assets.dml.grammar.structural_tag import render_structural_tag
from funcdex_assets.dml.grammar.tree import Grammar
from funcdex_assets.dml.notation import Notation

_BUDGET = re.compile(r"max_tokens=\d+")
_BYTES = LLTokenizer("byte")

xgrammar: ModuleType | None
try:
    import xgrammar
except ImportError:
    xgrammar = None
NOTATIONS: list[Any] = [
    "gbnf",
    "lark",
    pytest.param("structural_tag", marks=pytest.mark.skipif(xgrammar is None, reason="xgrammar is not installed")),
]


def accepts(grammar: Grammar, notation: Notation, text: str) -> bool:
    if notation == "gbnf":
        return _gbnf(render_gbnf(grammar)).accepts(text)
    if notation == "lark":
        return lark_accepts(render_lark(grammar), text)
    return _structural_tag_accepts(render_structural_tag(grammar), text)


def lark_accepts(grammar: str, text: str) -> bool:
    matcher = LLMatcher(_BYTES, _BUDGET.sub("max_tokens=1000000", grammar))
    assert not matcher.is_error(), matcher.get_error()
    data = list(text.encode())
    return matcher.try_consume_tokens(data) == len(data) and matcher.is_accepting()


@cache
def _gbnf(text: str) -> Gbnf:
    return Gbnf(text)


@cache
def _compiled(text: str) -> Any:
    assert xgrammar is not None
    vocabulary = [bytes([value]) for value in range(256)] + [b"<end>"]
    info = xgrammar.TokenizerInfo(vocabulary, vocab_type=xgrammar.VocabType.RAW, stop_token_ids=[256])
    return xgrammar.GrammarCompiler(info).compile_structural_tag(_BUDGET.sub("max_tokens=1000000", text))


def _structural_tag_accepts(text: str, sentence: str) -> bool:
    assert xgrammar is not None
    matcher = xgrammar.GrammarMatcher(_compiled(text))
    return matcher.accept_string(sentence) and matcher.accept_token(256) and matcher.is_terminated()
