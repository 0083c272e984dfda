"""The grammar of a conversation's own tools: what it allows is valid, and what is valid it allows."""

import itertools
import random
from pathlib import Path
from typing import Any

import llguidance
import pytest
from gbnf import Grammar as Interpreter
from grammar_sampler import sample
from msgspec.structs import replace
from offline import PARTITIONS, played, shipped_tools, tools_of

from funcdex_assets.catalog.json_schema import problems, resolve
from funcdex_assets.dml import values
from funcdex_assets.dml.grammar.conversation import Bounds, Language, conversation_grammar
from funcdex_assets.dml.grammar.gbnf import gbnf
from funcdex_assets.dml.grammar.lark import lark
from funcdex_assets.dml.grammar.schema import Limits, Rules
from funcdex_assets.dml.grammar.tree import Grammar
from funcdex_assets.dml.parse import parse
from funcdex_assets.dml.render import render
from funcdex_assets.records import Json, Message, Tool

EXAMPLES = Path(__file__).parents[3] / "grammars" / "examples"
BYTES = llguidance.LLTokenizer("byte")


def tool(name: str, parameters: Json, returns: Json = None) -> Tool:
    return Tool(toolkit="t", name=name, description="", parameters=parameters, returns=returns, source="test")


FILES = (
    tool(
        "FIND_FILE",
        {
            "type": "object",
            "properties": {
                "query": {"type": "string"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 50},
                "order": {"enum": ["name", "date"]},
            },
            "required": ["query"],
        },
        {
            "type": "object",
            "properties": {"files": {"type": "array", "items": {"type": "string"}}},
            "required": ["files"],
        },
    ),
    tool("DELETE_FILE", {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}),
)


def matched(text: str, printed: str) -> bool:
    """Whether llguidance takes the whole text."""
    matcher = llguidance.LLMatcher(BYTES, llguidance.grammar_from("lark", printed))
    assert not matcher.is_error(), matcher.get_error()
    tokens = BYTES.tokenize_str(text)
    return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()


def problems_in(messages: tuple[Message, ...], tools: dict[str, Tool]) -> list[str]:
    found = []
    for message in messages:
        for call in message.tool_calls:
            found += problems(tools[call.name].parameters, call.arguments)
        if message.result and not message.result.error and (returns := tools[message.result.name].returns):
            found += problems(returns, message.result.content)
    return found


# ── what it allows is valid ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("thoughts", [False, True], ids=["no-thoughts", "thoughts"])
@pytest.mark.parametrize("partition", PARTITIONS)
def test_every_sentence_is_a_valid_conversation(partition: str, thoughts: bool) -> None:
    tools = dict(itertools.islice(tools_of(partition).items(), 20))
    bounds = Bounds(turns=(1, 3), steps=3, text=60, string=40)
    language = conversation_grammar(tuple(tools.values()), thoughts=thoughts, bounds=bounds)
    calls = 0
    for seed in range(6):
        text = sample(language.grammar, random.Random(seed))
        messages = parse(text, thoughts=thoughts)
        assert render(messages) == text
        assert problems_in(messages, tools) == []
        calls += sum(len(message.tool_calls) for message in messages)
    assert calls


def test_nothing_of_the_shipped_tools_is_left_to_a_later_check() -> None:
    widened = [place for one in shipped_tools() for place in conversation_grammar([one], thoughts=False).widened]
    assert widened == []


SCHEMAS: dict[str, tuple[Json, Json, Json]] = {
    # schema, a value that it takes, a value that it does not take
    "integer-range": ({"type": "integer", "minimum": -3, "maximum": 250}, 249, 251),
    "exclusive-bounds": ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, 0.5, 0),
    "enum-of-kinds": ({"enum": ["a", 1, None, {"b": [1]}]}, {"b": [1]}, "b"),
    "const": ({"const": "x<y"}, "x<y", "x"),
    "nullable": ({"type": ["string", "null"], "maxLength": 3}, None, "four"),
    "string-length": ({"type": "string", "minLength": 2, "maxLength": 4}, "abc", "a"),
    "pattern": ({"type": "string", "pattern": r"^\+[1-9]\d{7,14}$"}, "+4915112345678", "+0"),
    "date": ({"type": "string", "format": "date"}, "2026-11-21", "21.11.2026"),
    "array-bounds": ({"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 2}, [True], []),
    "any-of": ({"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 2}]}, "ab", True),
    "all-of": (
        {
            "allOf": [
                {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
                {"type": "object"},
            ]
        },
        {"a": 1},
        {},
    ),
    "required-after-optional": (
        {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}, "c": {"type": "integer"}},
            "required": ["b"],
        },
        {"b": 1, "c": 2},
        {"a": 1},
    ),
    "recursion": (
        {
            "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
            "$ref": "#/$defs/node",
        },
        {"next": {}},
        {"next": 1},
    ),
}


def of_schema(schema: Json) -> tuple[Grammar, Rules]:
    rules = Rules()
    root = rules.add(schema, "value", "value", Limits(string=24, items=3, depth=3))
    return Grammar({"root": root, **rules.rules}, frozenset(rules.terminals)), rules


@pytest.mark.parametrize("case", SCHEMAS)
def test_a_schema_allows_its_values_and_no_others(case: str) -> None:
    schema, good, bad = SCHEMAS[case]
    grammar, rules = of_schema(schema)
    assert rules.widened == []
    for seed in range(60):
        text = sample(grammar, random.Random(seed))
        value, end = values.read(text, 0)
        assert end == len(text)
        assert problems(schema, value) == [], text
        assert values.write(value) == text
    for value, allowed in ((good, True), (bad, False)):
        assert matched(values.write(value), lark(grammar)) == allowed, value
        assert Interpreter(gbnf(grammar)).accepts(values.write(value)) == allowed, value


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"type": "string", "pattern": r"^(?=a)[ab]+$"}, id="lookahead"),
        pytest.param({"type": "number", "multipleOf": 0.25}, id="multiple-of"),
        pytest.param({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, id="unique-items"),
        pytest.param({"type": "string", "not": {"const": "a"}}, id="not"),
    ],
)
def test_what_cannot_be_said_widens_and_is_named(schema: Json) -> None:
    parameters = {"type": "object", "properties": {"x": schema}, "required": ["x"]}
    language = conversation_grammar([tool("T", parameters)], thoughts=False)
    assert [place for place in language.widened if place.startswith("T/parameters/properties/x")], language.widened


# ── what is valid it allows ───────────────────────────────────────────────────────────────────


def in_schema_order(schema: Any, value: Json, root: Any) -> Json:
    """A value with the members of its objects in the order of their schemas, as the grammar has them."""
    schema = resolve(schema, root) if isinstance(schema, dict) else {}
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        ordered = [*(name for name in properties if name in value), *(name for name in value if name not in properties)]
        return {name: in_schema_order(properties.get(name, {}), value[name], root) for name in ordered}
    if isinstance(value, list):
        return [in_schema_order(schema.get("items", {}), part, root) for part in value]
    return value


def canonical(messages: tuple[Message, ...], tools: dict[str, Tool]) -> str:
    found = []
    for message in messages:
        calls = tuple(
            replace(
                call,
                arguments=in_schema_order(tools[call.name].parameters, call.arguments, tools[call.name].parameters),
            )
            for call in message.tool_calls
        )
        result = message.result
        if result and (returns := tools[result.name].returns):
            result = replace(result, content=in_schema_order(returns, result.content, returns))
        found.append(replace(message, tool_calls=calls, result=result))
    return render(found)


@pytest.mark.parametrize("partition", ["gmail", "jira", "stripe", "googledrive_calendly_googlecalendar"])
def test_the_offline_engines_conversations_are_in_the_language(partition: str) -> None:
    bounds = Bounds(turns=(1, 12), steps=8, items=12, text=9000, string=4000)  # a byte is a token here
    for one in played(partition, 4):
        tools = one.cast.offered
        language = conversation_grammar(tuple(tools.values()), thoughts=False, bounds=bounds)
        assert matched(canonical(one.conversation.messages, tools), language.printed("lark")), str(one)


# ── the notations agree ───────────────────────────────────────────────────────────────────────

FOUND = """<tool>{"name": "FIND_FILE", "arguments": {"query": "rates"}}</tool>
<tool_response>{"files": ["a"]}</tool_response>
"""
GONE = '<tool>{"name": "DELETE_FILE", "arguments": {"id": "a"}}</tool>\n<tool_error>{"error": "gone"}</tool_error>\n'


def found(old: str, new: str) -> str:
    """A conversation with `FOUND`, in which something is otherwise."""
    assert old in FOUND
    call = FOUND.replace(old, new)
    return f"</user> Go\n{call}</assistant> Ok.\n"


TEXTS = {
    "a-reply-alone": ("</user> Hi\n</assistant> Hello.\n", True),
    "a-call": (f"</user> Find it\n{FOUND}</assistant> Done.\n", True),
    "words-before-a-call": (f"</user> Find it\n</assistant> Yes.\n{FOUND}</assistant> Done.\n", True),
    "an-error": (f"</user> Delete it\n{GONE}</assistant> It was gone.\n", True),
    "a-group": (f"</user> Both\n<parallel>\n{FOUND}{GONE}</parallel>\n</assistant> Done.\n", True),
    "an-escaped-tag": ("</user> Write <\\tool> and a < b, not<p>\n</assistant> Yes.\n", True),
    "optional-arguments": (
        found('rates"', 'rates", "limit": 50, "order": "date"'),
        True,
    ),
    "a-group-of-one": (f"</user> Both\n<parallel>\n{FOUND}</parallel>\n</assistant> Done.\n", False),
    "no-reply": (f"</user> Find it\n{FOUND}", False),
    "no-result": (
        '</user> Go\n<tool>{"name": "FIND_FILE", "arguments": {"query": "x"}}</tool>\n</assistant> Ok.\n',
        False,
    ),
    "unknown-tool": (found("FIND_FILE", "MAKE_FILE"), False),
    "missing-argument": (found('"query": "rates"', ""), False),
    "unknown-argument": (found("query", "words"), False),
    "argument-out-of-range": (found('rates"', 'rates", "limit": 51'), False),
    "wrong-enum": (found('rates"', 'rates", "order": "size"'), False),
    "wrong-result": (found('["a"]', "[1]"), False),
    "a-tag-in-text": ("</user> Write <tool> now\n</assistant> Yes.\n", False),
    "a-tag-in-a-string": (found("rates", "</tool>"), False),
    "two-users": ("</user> Hi\n</user> Hi\n</assistant> Hello.\n", False),
    "too-many-turns": ("</user> Hi\n</assistant> Hello.\n" * 4, False),
    "text-too-long": (f"</user> {'very ' * 400}\n</assistant> Hello.\n", False),
}


@pytest.fixture(scope="module")
def files() -> Language:
    return conversation_grammar(FILES, thoughts=False, bounds=Bounds(turns=(1, 3), text=400, string=40))


@pytest.mark.parametrize("case", TEXTS)
def test_lark_and_gbnf_decide_alike(files: Language, case: str) -> None:
    text, allowed = TEXTS[case]
    assert matched(text, files.printed("lark")) == allowed
    assert Interpreter(files.printed("gbnf")).accepts(text) == allowed


# ── one language for one set of tools ─────────────────────────────────────────────────────────


def test_the_order_of_the_tools_does_not_matter() -> None:
    one, other = (conversation_grammar(tools, thoughts=False) for tools in (FILES, FILES[::-1]))
    assert one is other


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"thoughts": True}, id="thoughts"),
        pytest.param({"bounds": Bounds(text=99)}, id="bounds"),
        pytest.param({"tools": FILES[:1]}, id="tools"),
    ],
)
def test_another_language_has_another_key(change: dict[str, Any]) -> None:
    given: dict[str, Any] = {"tools": FILES, "thoughts": False, "bounds": Bounds()}
    asked = given | change
    languages = [
        conversation_grammar(one["tools"], thoughts=one["thoughts"], bounds=one["bounds"]) for one in (given, asked)
    ]
    assert languages[0].key != languages[1].key


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param(
            {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(5000)}}, id="5000-properties"
        ),
        pytest.param(
            {"type": "object", "properties": {"x": {"enum": [f"v{n}" for n in range(20_000)]}}}, id="20000-enum-values"
        ),
        pytest.param(
            {"type": "object", "properties": {"x": {"type": "string", "minLength": 10**9}}}, id="endless-string"
        ),
        pytest.param({"type": "object", "properties": {"x": {"type": "array", "minItems": 10**9}}}, id="endless-array"),
    ],
)
def test_a_monstrous_schema_stays_bounded(parameters: Json) -> None:
    printed = conversation_grammar([tool("T", parameters)], thoughts=False).printed("gbnf")
    assert len(printed) < 1_000_000
