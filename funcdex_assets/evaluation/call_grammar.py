r"""Builds the grammar of an answer: calls of the offered tools in the markup of `call_markup.py`, or a text.

Belongs here: what one assistant message may be. Schemas are translated by `dml/grammar/schema.py`, whose bounds hold:
a model under the grammar always comes to an end, with arguments that fit the schemas.

>>> parameters = {"properties": {"to": {"enum": [20, 21]}}, "required": ["to"]}
>>> tools = [{"type": "function", "function": {"name": "heat", "parameters": parameters}}]
>>> language = build_answer_grammar(tools, allows_text=False, parallel=1)
>>> print(language.render_in_notation("gbnf").splitlines()[0])
root ::= "<tool_call>\n{\"name\": \"heat\", \"arguments\": " heat "}\n</tool_call>"
"""

import hashlib
from functools import lru_cache

import msgspec

from funcdex_assets.dml.grammar.combine import merge_schemas
from funcdex_assets.dml.grammar.conversation import Language
from funcdex_assets.dml.grammar.schema import Limits, Rules
from funcdex_assets.dml.grammar.texts import build_text_run
from funcdex_assets.dml.grammar.tree import Grammar, Literal, choice, repeat, sequence
from funcdex_assets.evaluation.call_markup import CALL, CALL_END
from funcdex_assets.records.record import Json

_VERSION = 1  # part of every key: raise it when the same tools begin to give another language
LONGEST_TEXT = 800
"""Characters of an answer in words; a longer one is no better."""
MOST_PARALLEL = 4
_LIMITS = Limits(string=240, items=8, depth=2)


def build_answer_grammar(tools: Json, *, allows_text: bool, parallel: int = MOST_PARALLEL) -> Language:
    """Returns the language of one to `parallel` calls of these tools or, if allowed, a text; cached by the tools.

    Raises:
        ValueError: there are no tools and no text is allowed, or two tools have one name.
    """
    functions = [tool.get("function", tool) for tool in tools or ()]
    definitions = [(function["name"], function.get("parameters") or {}) for function in functions]
    if len({name for name, _ in definitions}) < len(definitions):
        raise ValueError("two tools have one name; give each another")
    if not definitions and not allows_text:
        raise ValueError("without tools there is no call to make; allow a text")
    return _build_language(msgspec.json.encode(sorted(definitions, key=lambda entry: entry[0])), allows_text, parallel)


@lru_cache(maxsize=256)
def _build_language(definitions: bytes, allows_text: bool, parallel: int) -> Language:
    rules = Rules()
    options = []
    for name, parameters in msgspec.json.decode(definitions):
        parameters = merge_schemas(parameters, {"type": "object"}) or parameters
        arguments = rules.add_schema(parameters, name, f"{name}/parameters", _LIMITS)
        options.append(sequence(Literal(f'"{name}", "arguments": '), arguments))
    answers = []
    if options:
        call = sequence(Literal(f'{CALL}{{"name": '), choice(*options), Literal(f"}}{CALL_END}"))
        if parallel > 1:
            call = rules.add_rule("call", call)
            call = sequence(call, repeat(sequence(Literal("\n"), call), 0, parallel - 1))
        answers.append(call)
    if allows_text:
        answers.append(rules.add_rule("said", build_text_run(LONGEST_TEXT)))
    grammar = Grammar({"root": choice(*answers), **rules.rules}, frozenset(rules.terminals))
    key = hashlib.blake2b(msgspec.json.encode([_VERSION, allows_text, parallel]) + definitions, digest_size=16)
    return Language(key.hexdigest(), grammar, tuple(rules.widened))
