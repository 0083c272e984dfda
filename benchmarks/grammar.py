"""Measures the cost of a grammar in decoding: its compilation, and the mask over the vocabulary for each token.

    python benchmarks/grammar.py [seconds per row]

Needs the extra `bench` (xgrammar with its torch, llguidance, mistral-common for a real vocabulary).

One run, one core, one table: the generic grammar of any tool name and any JSON, with a nested rule for
strings and with that rule written flat, against the grammar of exactly the conversation's tools with 3, 10
and 20 of them, in each engine and notation. The texts are conversations of the offline engine, fed token
by token as a model would write them; `forced` is the share of tokens where the mask left one choice. The
last columns say which part of a decode step of 15 ms the masks of a batch take, one after another on one
core. Times are of the processor, so that other work on the machine counts little. A row that takes too
long is broken off after its first tokens, and says after how many.

llama.cpp's own sampler is not here: its server is the only way to it, and that does not tell mask time.
"""

import base64
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

try:
    import llguidance
    import llguidance.gbnf_to_lark
    import llguidance.torch
    import mistral_common
    import tiktoken
    import torch
    import xgrammar
except ImportError as error:
    sys.exit(f"{error}: install the extra `bench` (xgrammar, llguidance, mistral-common, tiktoken, torch)")

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
from offline import played, tools_of

from funcdex_assets.dml.grammar.conversation import Bounds, Language, build_conversation_grammar
from funcdex_assets.dml.render import render_conversation
from funcdex_assets.records.message import Message
from funcdex_assets.records.record import Json
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema import references

STEP_MS = 15.0
BATCHES = (32, 64, 128)
PARTITIONS = ("gmail", "jira", "stripe", "calendly", "googledrive")
TOOLS = (3, 10, 20)
# Wide enough for what the offline engine writes: long lists, and whole documents as results.
BOUNDS = Bounds(turns=(2, 12), steps=8, items=12, text=2000, string=3600)

STRUCTURE = r"""
root ::= (user step* reply)+
user ::= "</user> " text "\n"
reply ::= "</assistant> " text "\n"
step ::= reply? (pair | "<parallel>\n" pair+ "</parallel>\n")
pair ::= "<tool>" value "</tool>\n" (response | error)
response ::= "<tool_response>" value "</tool_response>\n"
error ::= "<tool_error>" value "</tool_error>\n"
text ::= [^<]+
value ::= object | array | string | number | "true" | "false" | "null"
object ::= "{" (string ": " value (", " string ": " value)*)? "}"
array ::= "[" (value (", " value)*)? "]"
number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)?
"""
NESTED = r"""string ::= "\"" character* "\""
character ::= [^"\\] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F])
"""
FLAT = r"""string ::= "\"" ([^"\\\x00-\x1F] | "\\" ["\\/bfnrt] | "\\u" [0-9a-f] [0-9a-f] [0-9a-f] [0-9a-f])* "\""
"""


class Sample(NamedTuple):
    """A conversation's text with the tools of its partition; `called` is the number of tools that it calls."""

    tools: tuple[Tool, ...]  # of the partition; those that are called come first
    called: int
    text: str


class Times(NamedTuple):
    """Measurements over one text; `forced` counts the tokens where the mask left one choice."""

    compile_ms: float
    masks_us: list[float]
    advances_us: list[float]
    forced: int
    broken_off: bool


def main(seconds: float) -> None:
    torch.set_num_threads(1)
    vocabulary, encode = tekken()
    xgr, llg = XGrammar(vocabulary), LLGuidance(vocabulary, encode)
    samples = list(conversations())
    lengths = ", ".join(str(len(encode(sample.text))) for sample in samples)
    print(f"{len(vocabulary)} tokens in the vocabulary; {len(samples)} conversations of {lengths} tokens\n")
    shares = "".join(f"| ×{batch} " for batch in BATCHES)
    print(f"| grammar | engine, notation | tools | compile ms | mask mean µs | p99 | max | advance | forced {shares}|")
    print("|---|---|---" + "|---:" * (6 + len(BATCHES)) + "|")
    for label, string in (("generic, nested strings", NESTED), ("generic, flat strings", FLAT)):
        row(label, "xgrammar EBNF", "any", [xgr.run(STRUCTURE + string, encode(s.text), seconds) for s in samples])
        lark = llguidance.gbnf_to_lark.gbnf_to_lark(STRUCTURE + string)
        row(label, "llguidance, from GBNF", "any", [llg.run(lark, encode(s.text), seconds) for s in samples])
    for count in TOOLS:
        fitting = [(sample, language_of(sample, count)) for sample in samples if sample.called <= count]
        for engine, notation, run in (
            ("xgrammar, structural tag", "structural_tag", xgr.run_tag),
            ("xgrammar, GBNF", "gbnf", xgr.run),
            ("llguidance, Lark", "lark", llg.run),
        ):
            times = [
                run(language.render_in_notation(notation), encode(sample.text), seconds) for sample, language in fitting
            ]
            row("specialised", engine, str(count), times)


def row(grammar: str, engine: str, tools: str, times: Sequence[Times | str]) -> None:
    """Prints a row of the table, or the reason if an engine refused one of the texts."""
    refused = [text_times for text_times in times if isinstance(text_times, str)]
    if refused or not times:  # a conversation that is left out would make the others' figures look like all
        why = refused[0] if refused else "no conversation has so few tools"
        print(f"| {grammar} | {engine} | {tools} | {why} |", flush=True)
        return
    measured = [text_times for text_times in times if isinstance(text_times, Times)]
    masks = sorted(mask for text_times in measured for mask in text_times.masks_us)
    mean = statistics.fmean(masks)
    shares = "".join(f"| {mean * batch / 1000 / STEP_MS:.0%} " for batch in BATCHES)
    token_note = f" ({len(masks)} tokens)" if any(text_times.broken_off for text_times in measured) else ""
    compile_ms = statistics.fmean(text_times.compile_ms for text_times in measured)
    print(
        f"| {grammar} | {engine} | {tools} | {compile_ms:.0f} "
        f"| {mean:.0f}{token_note} | {masks[int(len(masks) * 0.99)]:.0f} | {masks[-1]:.0f} "
        f"| {statistics.fmean(advance for text_times in measured for advance in text_times.advances_us):.0f} "
        f"| {sum(text_times.forced for text_times in measured) / len(masks):.0%} {shares}|",
        flush=True,
    )


def tekken() -> tuple[list[bytes], Callable[[str], list[int]]]:
    """Returns the vocabulary that is shipped with mistral-common (131,072 tokens), and its encoder."""
    path = Path(mistral_common.__file__).parent / "data" / "tekken_240911.json"
    vocabulary_file = json.loads(path.read_text())
    vocabulary_size, special_count = (
        vocabulary_file["config"]["default_vocab_size"],
        vocabulary_file["config"]["default_num_special_tokens"],
    )
    tokens = [
        base64.b64decode(entry["token_bytes"]) for entry in vocabulary_file["vocab"][: vocabulary_size - special_count]
    ]
    encoding = tiktoken.Encoding(
        "tekken",
        pat_str=vocabulary_file["config"]["pattern"],
        mergeable_ranks={token: rank for rank, token in enumerate(tokens)},
        special_tokens={},
    )
    vocabulary = [b"<SPECIAL_%d>" % number for number in range(special_count)] + tokens
    return vocabulary, lambda text: [special_count + rank for rank in encoding.encode(text)]


STOP = 2  # the token that ends a text, one of the special ones


class XGrammar:
    """Measures grammars in xgrammar, as EBNF or GBNF (`run`) or as a structural tag (`run_tag`)."""

    def __init__(self, vocabulary: list[bytes]) -> None:
        self.info = xgrammar.TokenizerInfo(
            vocabulary, vocab_type=xgrammar.VocabType.RAW, vocab_size=len(vocabulary), stop_token_ids=[STOP]
        )
        self.mask = xgrammar.allocate_token_bitmask(1, len(vocabulary))

    def run(self, grammar: str, tokens: list[int], seconds: float) -> Times | str:
        return self._run(lambda compiler: compiler.compile_grammar(grammar), tokens, seconds)

    def run_tag(self, grammar: str, tokens: list[int], seconds: float) -> Times | str:
        return self._run(lambda compiler: compiler.compile_structural_tag(grammar), tokens, seconds)

    def _run(self, compiled: Callable[[Any], Any], tokens: list[int], seconds: float) -> Times | str:
        compiler = xgrammar.GrammarCompiler(self.info, max_threads=1, cache_enabled=False)
        start = time.process_time()
        matcher = xgrammar.GrammarMatcher(compiled(compiler))
        compile_ms = (time.process_time() - start) * 1e3
        return decode(
            compile_ms,
            tokens,
            self.mask,
            lambda: matcher.fill_next_token_bitmask(self.mask, 0),
            matcher.accept_token,
            seconds,
        )


class Tokens:
    """A vocabulary in the form that llguidance's `TokenizerWrapper` expects."""

    eos_token_id, bos_token_id = STOP, 1

    def __init__(self, vocabulary: list[bytes], encode: Callable[[str], list[int]]) -> None:
        self.tokens, self.encode = vocabulary, encode
        self.special_token_ids = [at for at, token in enumerate(vocabulary) if token.startswith(b"<SPECIAL_")]

    def __call__(self, text: str | bytes) -> list[int]:
        return self.encode(text.decode() if isinstance(text, bytes) else text)


class LLGuidance:
    """Measures grammars in llguidance, in its Lark notation."""

    def __init__(self, vocabulary: list[bytes], encode: Callable[[str], list[int]]) -> None:
        self.tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(Tokens(vocabulary, encode)))
        self.mask = llguidance.torch.allocate_token_bitmask(1, self.tokenizer.vocab_size)

    def run(self, grammar: str, tokens: list[int], seconds: float) -> Times | str:
        start = time.process_time()
        matcher = llguidance.LLMatcher(self.tokenizer, grammar)
        compile_ms = (time.process_time() - start) * 1e3
        if matcher.is_error():
            return f"not taken: {matcher.get_error().splitlines()[0][:80]}"

        def fill() -> None:
            llguidance.torch.fill_next_token_bitmask(matcher, self.mask, 0)

        return decode(compile_ms, tokens, self.mask, fill, matcher.consume_token, seconds)


def decode(
    compile_ms: float,
    tokens: list[int],
    mask: torch.Tensor,
    fill: Callable[[], object],
    advance: Callable[[int], object],
    seconds: float,
) -> Times | str:
    """Times the mask and the advance of each token of a text.

    Returns a message instead if the grammar does not allow a token, and broken-off times after `seconds`.
    """
    masks: list[float] = []
    advances: list[float] = []
    forced, end = 0, time.perf_counter() + seconds
    for position, token in enumerate([*tokens, STOP]):
        start = time.thread_time()
        fill()
        masks.append((time.thread_time() - start) * 1e6)
        bits = mask[0].numpy().view("uint32")
        if not bits[token // 32] >> (token % 32) & 1:
            return f"does not allow token {position} of {len(tokens)}"
        allowed_tokens = sum(int(word).bit_count() for word in bits[bits != 0][:2])
        if allowed_tokens == 1:
            forced += 1
        start = time.thread_time()
        advance(token)
        advances.append((time.thread_time() - start) * 1e6)
        if time.perf_counter() > end:
            return Times(compile_ms, masks, advances, forced, True)
    return Times(compile_ms, masks, advances, forced, False)


def conversations() -> Iterator[Sample]:
    """Yields the longest conversation of each partition with at most 3 tools, and the longest of all."""
    for partition in PARTITIONS:
        tools_by_name = tools_of(partition)
        samples: list[Sample] = []
        for played_conversation in played(partition, 40):
            messages = [in_order(message, tools_by_name) for message in played_conversation.conversation.messages]
            called_names = dict.fromkeys(call.name for message in messages for call in message.tool_calls)
            tools = (
                *(tools_by_name[name] for name in called_names),
                *(tool for name, tool in tools_by_name.items() if name not in called_names),
            )
            samples.append(Sample(tools, len(called_names), render_conversation(messages)))
        samples_of_few_tools = [sample for sample in samples if sample.called <= TOOLS[0]]
        yield from (
            max(group, key=lambda sample: len(sample.text)) for group in (samples_of_few_tools, samples) if group
        )


def language_of(sample: Sample, count: int) -> Language:
    """Builds the grammar of `count` tools: those that the conversation calls, then others."""
    more = (tool for partition in PARTITIONS for tool in tools_of(partition).values())
    by_name = {tool.name: tool for tool in (*sample.tools, *more)}
    return build_conversation_grammar(list(by_name.values())[:count], thoughts=False, bounds=BOUNDS)


def in_order(message: Message, tools: dict[str, Tool]) -> Message:
    """Returns the message with the properties of calls and results in the order of their schemas."""
    calls = tuple(
        msgspec.structs.replace(call, arguments=sorted_by(tools[call.name].parameters, call.arguments))
        for call in message.tool_calls
    )
    result = message.result
    if result is not None and not result.error and tools[result.name].returns is not None:
        result = msgspec.structs.replace(result, content=sorted_by(tools[result.name].returns, result.content))
    return msgspec.structs.replace(message, tool_calls=calls, result=result)


def sorted_by(schema: Json, value: Json, root: Json = None) -> Json:
    """Returns the value with its properties in the order of the schema, unknown ones last."""
    root = root or schema
    schema = references.resolve_schema(schema, root)
    if isinstance(value, list):
        return [sorted_by(schema.get("items", {}), item, root) for item in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    keys = dict.fromkeys((*(key for key in properties if key in value), *value))
    return {key: sorted_by(properties.get(key, {}), value[key], root) for key in keys}


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
