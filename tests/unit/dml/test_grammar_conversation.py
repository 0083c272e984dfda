"""The language of a conversation's own tools: what it lets through is canonical, paired and valid, and it ends."""

import random
from functools import cache
from typing import Any

import msgspec
import offline
import pytest
from grammar_matchers import NOTATIONS, accepts, lark_accepts, xgrammar
from grammar_sampler import sample
from llguidance import LLMatcher, LLTokenizer

from funcdex_assets.dml.grammar.conversation import Bounds, Language, build_conversation_grammar
from funcdex_assets.dml.notation import Notation
from funcdex_assets.dml.parse import parse_conversation
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.records.message import Message
from funcdex_assets.records.record import Json
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema import references, validation

BYTES = LLTokenizer("byte")
TIGHT = Bounds(turns=(1, 2), steps=2, parallel=2, text=16, string=12, items=2, depth=1)


def tool(name: str, parameters: Json, returns: Json = None) -> Tool:
    return Tool(toolkit="files", name=name, description="", parameters=parameters, returns=returns, source="test")


DELETE = tool(
    "DELETE",
    {
        "type": "object",
        "properties": {"id": {"type": "integer", "minimum": 1}, "mode": {"enum": ["soft", "hard"]}},
        "required": ["id"],
        "additionalProperties": False,
    },
    {"type": "object", "properties": {"deleted": {"type": "boolean"}}, "required": ["deleted"]},
)
LIST = tool("LIST", {"type": "object", "properties": {}})  # what it returns is not known


def broken(messages: tuple[Message, ...], tools: dict[str, Tool]) -> list[str]:
    """What the schemas object to in the calls and successful results."""
    found: list[str] = []
    for message in messages:
        for call in message.tool_calls:
            found += validation.find_violations(tools[call.name].parameters, call.arguments)
        result = message.result
        if result is not None and not result.error and tools[result.name].returns is not None:
            found += validation.find_violations(tools[result.name].returns, result.content)
    return found


@pytest.mark.parametrize("thoughts", [False, True], ids=["plain", "thoughts"])
@pytest.mark.parametrize("partition", [*offline.SETTINGS.toolkits, "gmail_googledrive"])
def test_every_sentence_of_the_shipped_tools_is_canonical_and_valid(partition: str, thoughts: bool) -> None:
    tools = dict(offline.tools_of(partition))
    language = build_conversation_grammar(list(tools.values()), thoughts=thoughts, bounds=TIGHT)
    assert language.widened == ()  # so that validity holds for every sentence, not only for those drawn here
    printed = language.render_in_notation("lark")
    rng = random.Random(partition)
    calls = 0
    for _ in range(12):
        text = sample(language.grammar, rng)
        messages = parse_conversation(text, thoughts=thoughts)
        assert render_conversation(messages) == text
        assert broken(messages, tools) == []
        assert lark_accepts(printed, text)
        calls += sum(len(message.tool_calls) for message in messages)
    assert calls > 5


def called(arguments: str, name: str = "DELETE") -> str:
    return f'<tool>{{"name": "{name}", "arguments": {{{arguments}}}}}</tool>\n'


CALL = called('"id": 7')
DONE = '<tool_response>{"deleted": true}</tool_response>\n'
FAILED = '<tool_error>{"error": "no such file"}</tool_error>\n'
ANY = '<tool>{"name": "LIST", "arguments": {}}</tool>\n<tool_response>[{"id": 1, "name": "a"}, null]</tool_response>\n'
UNKNOWN, ZERO, QUOTED = called('"id": 7', "REMOVE"), called('"id": 0'), called('"id": "7"')
HARD, KIND, MORE = called('"id": 7, "mode": "hard"'), called('"id": 7, "mode": "kind"'), called('"id": 7, "x": 1')
TEXTS = {
    "a call and its result": (f"</user> Hi\n{CALL}{DONE}</assistant> Done.\n", True),
    "no call": ("</user> Hi\n</assistant> Hello.\n", True),
    "two turns": ("</user> Hi\n</assistant> Hello.\n" * 2, True),
    "a text before the call": (f"</user> Hi\n</assistant> Wait.\n{CALL}{DONE}</assistant> Done.\n", True),
    "a failed call": (f"</user> Hi\n{CALL}{FAILED}</assistant> Sorry.\n", True),
    "a result of any shape": (f"</user> Hi\n{ANY}</assistant> Done.\n", True),
    "a group": (f"</user> Hi\n<parallel>\n{CALL}{DONE}{ANY}</parallel>\n</assistant> Done.\n", True),
    "two steps": (f"</user> Hi\n{CALL}{DONE}{ANY}</assistant> Done.\n", True),
    "an optional argument": (f"</user> Hi\n{HARD}{DONE}</assistant> Done.\n", True),
    "several lines, other signs": ("</user> a < b, no<p>, <\\tool>:\n\n- é\n  - 😀\n</assistant> x<3</p>.\n", True),
    "an unknown tool": (f"</user> Hi\n{UNKNOWN}{DONE}</assistant> Done.\n", False),
    "a required argument missing": (f"</user> Hi\n{called('')}{DONE}</assistant> Done.\n", False),
    "an argument out of range": (f"</user> Hi\n{ZERO}{DONE}</assistant> Done.\n", False),
    "an argument of another type": (f"</user> Hi\n{QUOTED}{DONE}</assistant> Done.\n", False),
    "a wrong enum": (f"</user> Hi\n{KIND}{DONE}</assistant> Done.\n", False),
    "an argument that is not declared": (
        f"</user> Hi\n{MORE}{DONE}</assistant> Done.\n",
        False,
    ),
    "a result that does not fit": (f"</user> Hi\n{CALL}{DONE.replace('true', '1')}</assistant> Done.\n", False),
    "no result": (f"</user> Hi\n{CALL}</assistant> Done.\n", False),
    "two results": (f"</user> Hi\n{CALL}{DONE}{DONE}</assistant> Done.\n", False),
    "no reply": (f"</user> Hi\n{CALL}{DONE}", False),
    "no reply between turns": ("</user> Hi\n</user> Hi\n</assistant> Hello.\n", False),
    "a group of one": (f"</user> Hi\n<parallel>\n{CALL}{DONE}</parallel>\n</assistant> Done.\n", False),
    "a group of three": (f"</user> Hi\n<parallel>\n{(CALL + DONE) * 3}</parallel>\n</assistant> Done.\n", False),
    "three steps": (f"</user> Hi\n{(CALL + DONE) * 3}</assistant> Done.\n", False),
    "three turns": ("</user> Hi\n</assistant> Hello.\n" * 3, False),
    "nothing": ("", False),
    "a tag in a text": ("</user> Hi <tool>\n</assistant> Hello.\n", False),
    "a closing tag in a text": ("</user> Hi</user>\n</assistant> Hello.\n", False),
    "a tag in a string": (f"</user> Hi\n{CALL}{FAILED.replace('no', '</tool_error>')}</assistant> Done.\n", False),
    "a raw line feed in a string": (f"</user> Hi\n{CALL}{FAILED.replace('no', chr(10))}</assistant> Done.\n", False),
    "an empty text": ("</user> \n</assistant> Hello.\n", False),
    "a blank at the end": ("</user> Hi \n</assistant> Hello.\n", False),
    "no line feed at the end": ("</user> Hi\n</assistant> Hello.", False),
    "a thought": ("</user> Hi\n<assistant_thought>Hm.</assistant_thought>\n</assistant> Hello.\n", False),
}


@cache
def files(thoughts: bool) -> Language:
    # Texts and strings are long enough to be no matter here: what counts tokens counts bytes.
    return build_conversation_grammar([LIST, DELETE], thoughts=thoughts, bounds=Bounds((1, 2), 2, 2, 300, 300, 3, 2))


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize(("text", "accepted"), TEXTS.values(), ids=TEXTS)
def test_the_notations_agree(text: str, accepted: bool, notation: Notation) -> None:
    assert accepts(files(False).grammar, notation, text) == accepted
    if accepted:
        assert render_conversation(parse_conversation(text)) == text


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("</user> Hi\n<assistant_thought>Hm, 2 > 1.</assistant_thought>\n</assistant> Hello.\n", True),
        (f"</user> Hi\n<assistant_thought>a\n\nb</assistant_thought>\n{CALL}{DONE}</assistant> Done.\n", False),
        (
            "</user> Hi\n<assistant_thought>Go.</assistant_thought>\n</assistant> Wait.\n"
            f"{CALL}{DONE}<assistant_thought>Say it.</assistant_thought>\n</assistant> Done.\n",
            True,
        ),
        ("</user> Hi\n</assistant> Hello.\n", False),
        ("</user> Hi\n<assistant_thought></assistant_thought>\n</assistant> Hello.\n", False),
        ("</user> Hi\n<assistant_thought>a </user></assistant_thought>\n</assistant> Hello.\n", False),
    ],
    ids=["a thought", "reply without one", "each with one", "none", "empty", "tag inside"],
)
def test_with_thoughts(text: str, accepted: bool, notation: Notation) -> None:
    assert accepts(files(True).grammar, notation, text) == accepted


def in_order(schema: Json, value: Json, root: Json = None) -> Json:
    """`value` with its properties in the order of the schema."""
    root = root or schema
    schema = references.resolve_schema(schema, root)
    if isinstance(value, list):
        return [in_order(schema.get("items", {}), item, root) for item in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    keys = dict.fromkeys((*(key for key in properties if key in value), *value))
    return {key: in_order(properties.get(key, {}), value[key], root) for key in keys}


def reordered(message: Message, tools: dict[str, Tool]) -> Message:
    calls: Any = tuple(
        msgspec.structs.replace(call, arguments=in_order(tools[call.name].parameters, call.arguments))
        for call in message.tool_calls
    )
    result = message.result
    if result is not None and not result.error:
        result = msgspec.structs.replace(result, content=in_order(tools[result.name].returns, result.content))
    return msgspec.structs.replace(message, tool_calls=calls, result=result)


@pytest.mark.parametrize("thoughts", [False, True], ids=["plain", "thoughts"])
@pytest.mark.parametrize("partition", [*offline.SETTINGS.toolkits, "jira_gmail"])
def test_the_offline_engines_conversations_are_sentences(partition: str, thoughts: bool) -> None:
    wide = Bounds(turns=(1, 20), steps=12, parallel=6, text=4000, string=12000, items=60)
    for played in offline.played(partition, 4, thoughts):
        tools = played.cast.offered
        language = build_conversation_grammar(list(tools.values()), thoughts=thoughts, bounds=wide)
        text = render_conversation([reordered(message, tools) for message in played.conversation.messages])
        assert lark_accepts(language.render_in_notation("lark"), text), played


def test_equal_sets_of_tools_are_one_language() -> None:
    language = build_conversation_grammar([DELETE, LIST], thoughts=False)
    again = build_conversation_grammar(
        [LIST, msgspec.structs.replace(DELETE, description="other words")], thoughts=False
    )
    assert again is language
    assert language.render_in_notation("gbnf") is language.render_in_notation("gbnf")
    stricter = msgspec.structs.replace(LIST, returns={"type": "null"})
    others = [
        build_conversation_grammar([DELETE], thoughts=False),
        build_conversation_grammar([DELETE, LIST], thoughts=True),
        build_conversation_grammar([DELETE, stricter], thoughts=False),
        build_conversation_grammar([DELETE, LIST], thoughts=False, bounds=Bounds(items=4)),
    ]
    assert len({language.key, *(other.key for other in others)}) == 5


def test_what_was_widened_names_tool_and_place() -> None:
    odd = tool("ODD", {"type": "object", "properties": {"a/b": {"type": "string", "pattern": "(?=x)"}}})
    assert build_conversation_grammar([odd, LIST], thoughts=False).widened == (
        "ODD/parameters/properties/a~1b: \"pattern\" with the group that begins at '(?=x)'",
    )


@pytest.mark.parametrize("parameters", [{}, {"$ref": "#/$defs/a", "$defs": {"a": {}}}, {"properties": {"a": {}}}])
def test_arguments_are_an_object_whatever_the_schema_says(parameters: Json) -> None:
    language = build_conversation_grammar([tool("T", parameters)], thoughts=False, bounds=TIGHT)
    for seed in range(20):
        assert parse_conversation(sample(language.grammar, random.Random(seed)))


@pytest.mark.parametrize(
    ("tools", "complaint"),
    [
        ([], "one tool or more"),
        ([LIST, LIST], "each of another name"),
        ([tool("T", {"type": "objekt"})], "Tool 'T': not a valid JSON Schema"),
        ([tool("T", {"type": "object"}, {"$ref": "https://example.org/x"})], "Tool 'T': not a valid JSON Schema"),
    ],
    ids=["none", "twice", "no schema", "a schema elsewhere"],
)
def test_what_is_refused(tools: list[Tool], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        build_conversation_grammar(tools, thoughts=False)


@pytest.mark.parametrize(
    "bounds", [{"turns": (0, 2)}, {"turns": (3, 2)}, {"parallel": 0}, {"steps": -1}, {"text": 1}], ids=str
)
def test_bounds_that_nothing_fits_are_refused(bounds: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"Bounds\("):
        Bounds(**bounds)


class LarkWriter:
    """llguidance's masks; each byte is a token."""

    def __init__(self, language: Language) -> None:
        self.matcher = LLMatcher(BYTES, language.render_in_notation("lark"))
        self.stop = BYTES.eos_token

    def allowed(self) -> list[int]:
        return [token for token, bias in enumerate(self.matcher.compute_logit_bias()) if bias]

    def write(self, token: int) -> bytes:
        assert self.matcher.consume_token(token), self.matcher.get_error()
        return bytes([token])


class TagWriter:
    """xgrammar's masks; each byte and some words are tokens."""

    WORDS = (b"<", b"</", b' "', b'": ', b"\n\n", b'",', b"</a", "é".encode(), "\U0001f600".encode()[:2], b" hello")
    VOCABULARY = (*(bytes([value]) for value in range(256)), *WORDS, b"<end>")

    def __init__(self, language: Language) -> None:
        assert xgrammar is not None
        self.stop = len(self.VOCABULARY) - 1
        kind = xgrammar.VocabType.RAW
        info = xgrammar.TokenizerInfo(list(self.VOCABULARY), vocab_type=kind, stop_token_ids=[self.stop])
        compiled = xgrammar.GrammarCompiler(info).compile_structural_tag(language.render_in_notation("structural_tag"))
        self.matcher = xgrammar.GrammarMatcher(compiled)
        self.mask = xgrammar.allocate_token_bitmask(1, len(self.VOCABULARY))

    def allowed(self) -> list[int]:
        self.matcher.fill_next_token_bitmask(self.mask, 0)
        return [token for token in range(self.stop + 1) if self.mask[0, token // 32].item() >> (token % 32) & 1]

    def write(self, token: int) -> bytes:
        assert self.matcher.accept_token(token)
        return self.VOCABULARY[token]


@pytest.mark.parametrize("thoughts", [False, True], ids=["plain", "thoughts"])
@pytest.mark.parametrize(
    "writer",
    [
        LarkWriter,
        pytest.param(TagWriter, marks=pytest.mark.skipif(xgrammar is None, reason="xgrammar is not installed")),
    ],
)
def test_a_writer_who_never_wants_to_stop_ends_with_a_valid_conversation(writer: Any, thoughts: bool) -> None:
    """Random tokens under an engine's masks, budgets and all."""
    language = build_conversation_grammar([LIST, DELETE], thoughts=thoughts, bounds=TIGHT)
    for seed in range(20):
        rng, desk, written = random.Random(seed), writer(language), b""
        while (token := rng.choice(desk.allowed())) != desk.stop:
            written += desk.write(token)
            assert len(written) < 5000
        # A budget may end within a character, which a server then replaces, and llguidance's after a blank as well.
        text = written.decode(errors="replace")
        messages = parse_conversation(text, thoughts=thoughts)
        assert "".join(render_conversation(messages).split()) == "".join(text.split())
        assert render_conversation(messages) == text or writer is LarkWriter
        assert broken(messages, {"DELETE": DELETE, "LIST": LIST}) == []
