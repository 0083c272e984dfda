"""The notations in which a grammar can be written for a server."""

from typing import Literal

Notation = Literal["gbnf", "lark", "structural_tag"]
"""The notation of a grammar: GBNF (llama.cpp, xgrammar), Lark with `%llguidance {}` (llguidance, hence vLLM's
backend `guidance` and llama.cpp), or xgrammar's structural tag, a JSON text (vLLM's `xgrammar`)."""
