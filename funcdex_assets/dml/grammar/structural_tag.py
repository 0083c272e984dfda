r"""Renders a grammar as a structural tag, the JSON text in which xgrammar (hence vLLM) accepts all of its features.

Only what xgrammar has beyond GBNF belongs here. A structural tag is usually free text with schemas inside of tags;
that could not express that calls have results and turns have replies. It may also be one grammar, in which a rule
can have a budget of tokens or characters, so that a run needs no counted repetition. Counted, each position of a run
is a state of its own, for which the mask over the whole vocabulary is computed anew; as a star, all positions are
one state, whose mask is ready at once (docs/grammars.md has the figures). xgrammar lets a rule exceed its budget
until it can end, so the budget never breaks a sentence.

A star is fast only while its alternatives stand flat under it, none of them a group or a rule.

>>> from funcdex_assets.dml.grammar.tree import Literal, Run, character_class, sequence
>>> run = Run((character_class("^<"), sequence(Literal("<"), character_class("^/"))), (), most=80)
>>> print(render_ebnf(Grammar({"root": run}, frozenset())), end="")
root[max_tokens=20] ::= ([^\u003C\uD800-\uDFFF] | "<" [^\u002F\uD800-\uDFFF])*
"""

import json

from funcdex_assets.dml.grammar.gbnf import order_rules, render_node
from funcdex_assets.dml.grammar.tree import EMPTY, Grammar, Node, Run, choice


def render_structural_tag(grammar: Grammar) -> str:
    """Returns the text for the field `structured_outputs: {"structural_tag": …}` of a request to vLLM."""
    tag = {"type": "structural_tag", "format": {"type": "grammar", "grammar": render_ebnf(grammar)}}
    return json.dumps(tag, ensure_ascii=False)


def render_ebnf(grammar: Grammar) -> str:
    """Returns the rules in xgrammar's EBNF, each run with its budget."""
    return "".join(_render_rule(name, rule) for name, rule in order_rules(grammar))


def _render_rule(name: str, rule: Node) -> str:
    if type(rule) is not Run:
        return f"{name} ::= {render_node(rule, top=True)}\n"
    # `render_node` puts no brackets around a choice at the top, and none of its options is a choice.
    pieces = render_node(choice(*rule.pieces, *rule.wholes), top=True, endless=True)
    first = "" if rule.first == EMPTY else f"{render_node(rule.first)} "
    budget = f"max_chars={rule.longest}" if rule.is_exact else f"max_tokens={rule.token_budget}"
    return f"{name}[{budget}] ::= {first}({pieces})*\n"
