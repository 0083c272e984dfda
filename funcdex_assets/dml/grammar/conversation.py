r"""Builds the grammar of all conversations that are possible with given tools.

The markup as a grammar belongs here; the grammars of a tool's schemas are built in `schema`. A sentence is a
canonical text: `parse` reads it and `render` writes the same text back. It calls only these tools, with arguments
that fit their schemas. Each call is followed by its result (which fits `returns`) or by an error, and every turn
ends with a reply. Demands of a schema that no grammar can express are listed in `widened`, for a later check.

>>> tool = Tool(toolkit="files", name="DELETE", description="", source="example", returns=None,
...     parameters={"type": "object", "properties": {"id": {"type": "integer", "minimum": 1}}, "required": ["id"]})
>>> language = build_conversation_grammar([tool], thoughts=False, bounds=Bounds(turns=(1, 2), steps=1, parallel=1))
>>> lines = language.render_in_notation("gbnf").splitlines()
>>> print("\n".join(line for line in lines if line.startswith(("step", "turn"))))
step ::= utterance? pair
turn ::= "</user> " said "\n" step? utterance
>>> language.widened
()
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import cache, lru_cache

import msgspec

from funcdex_assets.dml.grammar import texts
from funcdex_assets.dml.grammar.combine import merge_schemas
from funcdex_assets.dml.grammar.gbnf import render_gbnf
from funcdex_assets.dml.grammar.lark import render_lark
from funcdex_assets.dml.grammar.schema import Limits, Rules
from funcdex_assets.dml.grammar.structural_tag import render_structural_tag
from funcdex_assets.dml.grammar.tree import EMPTY, Grammar, Literal, Node, choice, optional, repeat, sequence
from funcdex_assets.dml.markup import (
    ASSISTANT,
    CALL,
    CALL_END,
    ERROR,
    ERROR_END,
    GROUP,
    GROUP_END,
    RESPONSE,
    RESPONSE_END,
    THOUGHT,
    THOUGHT_END,
    USER,
)
from funcdex_assets.dml.notation import Notation
from funcdex_assets.records.record import Json
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.validation import compile_validator

_VERSION = 1  # part of every key: raise it when the same tools and bounds begin to give another language
_TEXT, _NUMBER = {"type": "string"}, {"type": "integer"}


def _object_schema(required: str, **properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": required.split(), "additionalProperties": False}


_PLACES = {"type": "array", "items": _object_schema("reason", name=_TEXT, field=_TEXT, reason=_TEXT)}
_ERROR = _object_schema("code message", code=_NUMBER, message=_TEXT, status=_TEXT, retry_after=_NUMBER, details=_PLACES)
_ERRORS = {"type": "array", "items": _object_schema("message", status=_NUMBER, code=_TEXT, message=_TEXT, field=_TEXT)}
_ERROR_CONTENT = {  # the shapes of services' errors, as `environment/error_responses` makes them
    "anyOf": [
        _object_schema("error", error=_TEXT, message=_TEXT, status_code=_NUMBER, retry_after=_NUMBER),
        _object_schema("error", error=_ERROR),
        _object_schema("errors", errors=_ERRORS | {"minItems": 1}, retry_after=_NUMBER),
        _object_schema(
            "title status detail",
            title=_TEXT,
            status=_NUMBER,
            detail=_TEXT,
            invalid_params=_PLACES,
            retry_after=_NUMBER,
        ),
    ]
}

_PRINTERS: dict[Notation, Callable[[Grammar], str]] = {
    "gbnf": render_gbnf,
    "lark": render_lark,
    "structural_tag": render_structural_tag,
}


class Bounds(msgspec.Struct, frozen=True):
    """Limits on the length of a conversation.

    `turns` are the fewest and the most turns; `steps` the most work steps of a turn (calls or groups before its
    reply), `parallel` the most calls of a group (1: no groups). `text` and `string` are in characters, `items` is
    for arrays, `depth` the levels of JSON where a schema leaves it open or contains itself. A result's strings
    are a third as long as an argument's, since there are so many of them.
    Where an engine counts tokens, a quarter as many tokens take the place of the characters.
    """

    turns: tuple[int, int] = (2, 8)
    steps: int = 4
    parallel: int = 3
    text: int = 800
    string: int = 800
    items: int = 3
    depth: int = 2

    def __post_init__(self) -> None:
        fewest, most = self.turns
        if not 1 <= fewest <= most or min(self.steps, self.items, self.depth) < 0 or self.parallel < 1:
            raise ValueError(f"{self}: 1 ≤ fewest turns ≤ most turns, parallel ≥ 1, and nothing is negative")
        if min(self.text, self.string) < 4:
            raise ValueError(f"{self}: text and string are at least 4 characters")


class Language:
    """The set of conversations that a grammar accepts; languages with equal keys are equal."""

    def __init__(self, key: str, grammar: Grammar, widened: tuple[str, ...]) -> None:
        self.key = key
        self.grammar = grammar
        self.widened = widened
        self.render_in_notation = cache(self._render_in_notation)

    def _render_in_notation(self, notation: Notation) -> str:
        return _PRINTERS[notation](self.grammar)


def build_conversation_grammar(tools: Sequence[Tool], *, thoughts: bool, bounds: Bounds = Bounds()) -> Language:
    """Returns the language of the conversations with exactly these tools, whatever their order; cached.

    Raises ValueError for no tools, for two tools of one name, and for an invalid schema.
    """
    if not tools or len({tool.name for tool in tools}) < len(tools):
        raise ValueError("a conversation has one tool or more, each of another name")
    definitions: list[tuple[str, Json, Json]] = []
    for tool in sorted(tools, key=lambda tool: tool.name):
        for schema in (tool.parameters, tool.returns):
            try:
                if schema is not None:
                    compile_validator(schema)
            except ValueError as error:
                raise ValueError(f"Tool {tool.name!r}: {error}") from None
        definitions.append((tool.name, tool.parameters, tool.returns))
    return _build_language(msgspec.json.encode(definitions), thoughts, bounds)


@lru_cache(maxsize=256)
def _build_language(definitions: bytes, thoughts: bool, bounds: Bounds) -> Language:
    tools: list[tuple[str, Json, Json]] = msgspec.json.decode(definitions)
    rules = Rules()
    root = _build_conversation(rules, tools, thoughts, bounds)
    grammar = Grammar({"root": root, **rules.rules}, frozenset(rules.terminals))
    key = hashlib.blake2b(msgspec.json.encode([_VERSION, thoughts, bounds]) + definitions, digest_size=16).hexdigest()
    return Language(key, grammar, tuple(rules.widened))


def _build_conversation(rules: Rules, tools: list[tuple[str, Json, Json]], thoughts: bool, bounds: Bounds) -> Node:
    spoken_text = rules.add_rule("said", texts.build_text_run(bounds.text))
    line = sequence(spoken_text, Literal("\n"))
    utterance = rules.add_rule("utterance", sequence(Literal(f"{ASSISTANT} "), line))
    thought: Node = EMPTY
    if thoughts:
        thought_text = rules.add_rule("thinking", texts.build_thought_run(bounds.text))
        thought = rules.add_rule("thought", sequence(Literal(THOUGHT), thought_text, Literal(f"{THOUGHT_END}\n")))
    pair = rules.add_rule("pair", sequence(Literal(f'{CALL}{{"name": '), _build_called_tool(rules, tools, bounds)))
    calls = pair
    if bounds.parallel > 1:
        group = sequence(Literal(f"{GROUP}\n"), repeat(pair, 2, bounds.parallel), Literal(f"{GROUP_END}\n"))
        calls = rules.add_rule("calls", choice(pair, group))
    step = rules.add_rule("step", sequence(thought, optional(utterance), calls))
    steps = repeat(step, 0, bounds.steps)
    turn = rules.add_rule("turn", sequence(Literal(f"{USER} "), line, steps, thought, utterance))
    return repeat(turn, *bounds.turns)


def _build_called_tool(rules: Rules, tools: list[tuple[str, Json, Json]], bounds: Bounds) -> Node:
    """Returns a node for a call of one of the tools, from its name on, and the call's result or error."""
    argument_limits = Limits(bounds.string, bounds.items, bounds.depth)
    result_limits = argument_limits._replace(string=max(4, bounds.string // 3))
    error = rules.add_schema(_ERROR_CONTENT, "error", "error", argument_limits)
    failure = rules.add_rule("failure", sequence(Literal(ERROR), error, Literal(f"{ERROR_END}\n")))
    options: list[Node] = []
    for name, parameters, returns in tools:
        parameters = merge_schemas(parameters, {"type": "object"}) or parameters  # arguments are objects by definition
        arguments = rules.add_schema(parameters, f"{name}-arguments", f"{name}/parameters", argument_limits)
        result = rules.add_schema(
            {} if returns is None else returns, f"{name}-result", f"{name}/returns", result_limits
        )
        response = sequence(Literal(RESPONSE), result, Literal(f"{RESPONSE_END}\n"))
        head, tail = Literal(f'"{name}", "arguments": '), Literal(f"}}{CALL_END}\n")
        options.append(sequence(head, arguments, tail, choice(response, failure)))
    return choice(*options)
