import asyncio
import email.utils
import threading
import time
from collections import Counter
from types import SimpleNamespace

import pytest
from virtual_time import VirtualClock

from funcdex_assets.inference import openai_compatible, tries
from funcdex_assets.inference.limits import RateLimiter
from funcdex_assets.inference.openai_compatible import OpenAICompatibleEngine
from funcdex_assets.inference.protocol import (
    ChatMessage,
    ChatToolCall,
    GrammarConstraint,
    InferenceError,
    JsonSchemaConstraint,
    Request,
    Sampling,
)

pytestmark = pytest.mark.concurrent
KEY = "sk-very-secret-0123456789"
GRAMMAR = GrammarConstraint("yes-no", lambda notation: f"yes or no, in {notation}")
SCHEMA = JsonSchemaConstraint("colour", {"type": "object", "properties": {"hue": {"type": "integer"}}})
RESPONSE_FORMAT = {
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "colour", "schema": SCHEMA.schema, "strict": False},
    }
}


def request(constraint=None, role="planner", seed=7, text="Plan it.", **sampling):
    messages = (ChatMessage("system", "You plan."), ChatMessage("user", text))
    return Request(role, None, lambda: messages, seed, Sampling(**sampling), constraint)


def engine(server, profile="vllm", **changes):
    settings = {"model": "tiny", "base_url": server.base_url, "api_key": KEY, "timeout_s": 300, "retries": 2}
    return OpenAICompatibleEngine(profile, **(settings | changes))


def ask(engine, *requests):
    async def all_of_them():
        try:
            return await asyncio.gather(*map(engine.complete, requests))
        finally:
            await engine.close()

    return asyncio.run(all_of_them())


def failure_of(call) -> InferenceError:
    """The error of `call`, after a look whether it tells the key anywhere that a report would show."""
    with pytest.raises(InferenceError) as caught:
        call()
    error = caught.value
    assert KEY not in f"{error} {error!r} {error.args} {error.__cause__!r} {error.__context__!r}"
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    return error


# ── what is sent ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("profile", "constraint", "fields"),
    [
        pytest.param(
            "vllm:gbnf",
            GRAMMAR,
            {"structured_outputs": {"grammar": GRAMMAR.render_in_notation("gbnf")}},
            id="vllm-gbnf",
        ),
        pytest.param("vllm", SCHEMA, {"structured_outputs": {"json": SCHEMA.schema}}, id="vllm-schema"),
        pytest.param("llama_cpp", GRAMMAR, {"grammar": GRAMMAR.render_in_notation("gbnf")}, id="llama_cpp-grammar"),
        pytest.param("llama_cpp", SCHEMA, RESPONSE_FORMAT, id="llama_cpp-schema"),
        pytest.param("openai", SCHEMA, RESPONSE_FORMAT, id="openai-schema"),
        pytest.param("openai", None, {}, id="unconstrained"),
        pytest.param("llama_cpp", lambda: GRAMMAR, {"grammar": GRAMMAR.render_in_notation("gbnf")}, id="lazy"),
        pytest.param("vllm:lark", GRAMMAR, {"structured_outputs": {"grammar": "yes or no, in lark"}}, id="vllm-lark"),
        pytest.param(
            "vllm:structural_tag",
            GRAMMAR,
            {"structured_outputs": {"structural_tag": "yes or no, in structural_tag"}},
            id="vllm-structural-tag",
        ),
        pytest.param("llama_cpp:lark", GRAMMAR, {"grammar": "yes or no, in lark"}, id="llama_cpp-lark"),
    ],
)
def test_the_request_says_what_was_asked_in_the_servers_own_words(server, profile, constraint, fields):
    profile, _, notation = profile.partition(":")
    ask(
        engine(server, profile, notation=notation or None),
        request(constraint, seed=2**63 - 1, temperature=0.5, max_tokens=99, stop=("<",)),
    )
    assert server.questions == [
        {
            "model": "tiny",
            "messages": [{"role": "system", "content": "You plan."}, {"role": "user", "content": "Plan it."}],
            "max_tokens": 99,
            "seed": 2**31 - 1,
            "temperature": 0.5,
            "stop": ["<"],
            **fields,
        }
    ]
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("profile", "notation", "said"),
    [
        ("llama_cpp", "structural_tag", "among those that the profile 'llama_cpp' takes: gbnf, lark"),
        ("openai", "gbnf", "among those that the profile 'openai' takes: none"),
    ],
)
def test_a_notation_that_the_server_does_not_take_is_refused(server, profile, notation, said):
    error = failure_of(lambda: engine(server, profile, notation=notation))
    assert said in str(error)
    assert not error.retryable


TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}


def conversation():
    return (
        ChatMessage("user", "Find both."),
        ChatMessage("assistant", None, (ChatToolCall("c1", "find", '{"q": 1}'), ChatToolCall("c2", "find", "{}"))),
        ChatMessage("tool", '{"found": 1}', tool_call_id="c1"),
        ChatMessage("tool", "[]", tool_call_id="c2"),
    )


def test_tools_and_calls_are_sent_in_wire_form(server):
    ask(engine(server, "openai"), Request("assistant", None, conversation, 7, tools=(TOOL,)))
    (question,) = server.questions
    assert question["tools"] == [TOOL]
    assert question["messages"] == [
        {"role": "user", "content": "Find both."},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q": 1}'}},
                {"id": "c2", "type": "function", "function": {"name": "find", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "content": '{"found": 1}', "tool_call_id": "c1"},
        {"role": "tool", "content": "[]", "tool_call_id": "c2"},
    ]


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        pytest.param(
            [{"id": "x", "type": "function", "function": {"name": "find", "arguments": '{"q": 1}'}}],
            (ChatToolCall("x", "find", '{"q": 1}'),),
            id="as-the-protocol-has-it",
        ),
        pytest.param(
            [{"function": {"name": "find", "arguments": {"q": 1}}}, {"id": "", "function": {"name": "find"}}],
            (ChatToolCall("call_0", "find", '{"q":1}'), ChatToolCall("call_1", "find", "{}")),
            id="without-ids-and-with-arguments-decoded",
        ),
    ],
)
def test_tool_calls_come_back(server, replies, calls, expected):
    server.script = [replies.ok(None, "tool_calls", tool_calls=calls)]
    (completion,) = ask(engine(server), Request("assistant", None, conversation, 7, tools=(TOOL,)))
    assert (completion.tool_calls, completion.text, completion.finish_reason) == (expected, "", "tool_calls")


def test_sampling_left_open_is_left_to_the_server(server):
    ask(engine(server), request(temperature=None))
    assert not {"temperature", "top_p", "stop"} & server.questions[0].keys()


def test_a_grammar_for_a_server_that_takes_none_is_refused_unsent(server):
    error = failure_of(lambda: ask(engine(server, "openai"), request(GRAMMAR)))
    assert "cannot take a grammar" in str(error)
    assert "use the profile vllm or llama_cpp, or the strategy simulate" in str(error)
    assert not error.retryable
    assert server.questions == []


# ── what comes back ───────────────────────────────────────────────────────────────────────────


def test_a_completion_carries_text_reason_usage_and_time(server, replies):
    server.script = [replies.ok("Done", finish_reason="length")]
    (completion,) = ask(engine(server), request())
    assert (completion.text, completion.finish_reason) == ("Done", "length")
    usage = completion.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens) == (11, 3, 8)
    assert completion.model == "tiny", "as asked for, so that its price is found"
    assert 0 < completion.latency_s < 5
    assert (completion.retries, completion.replayed) == (0, False)


@pytest.mark.parametrize(
    ("content", "finish_reason", "text"),
    [
        pytest.param("<think>\nHm.\n</think>\n\nYes", "stop", "Yes", id="reasoning-is-removed"),
        pytest.param(
            [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "Yes"}],
            "stop",
            "Yes",
            id="content-in-parts",
        ),
        pytest.param(None, "length", "", id="all-tokens-went-into-hidden-reasoning"),
        pytest.param("", "stop", "", id="an-empty-answer-is-an-answer"),
    ],
)
def test_the_text_is_the_answer_alone(server, replies, content, finish_reason, text):
    server.script = [replies.ok(content, finish_reason)]
    (completion,) = ask(engine(server), request())
    assert (completion.text, completion.finish_reason) == (text, finish_reason)


def test_reasoning_that_the_server_separates_is_not_the_answer(server, replies):
    server.script = [replies.ok("Yes", reasoning_content="Hm.", reasoning="Hm.")]
    assert ask(engine(server), request())[0].text == "Yes"


def test_usage_may_be_missing(server, replies):
    reply = replies.ok()
    del reply.body["usage"]
    server.script = [reply]
    assert ask(engine(server), request())[0].usage.prompt_tokens == 0


# ── what goes wrong and passes ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda r: [r.failed(500, "boom")], id="500"),
        pytest.param(lambda r: [r.failed(503, "Loading model"), r.failed(502, "")], id="503-then-502"),
        pytest.param(lambda r: [r.failed(429, "slow down", retry_after="0.01")], id="429"),
        pytest.param(lambda r: [r.raw(hang_up=True)], id="connection-lost"),
        pytest.param(lambda r: [r.raw(body=b'{"choices": [{"mess')], id="cut-json"),
        pytest.param(lambda r: [r.raw(body=b'{"choices": [{"message": {"content": "\xff"}}]}')], id="not-utf-8"),
        pytest.param(lambda r: [r.raw(body={"choices": []})], id="no-choices"),
        pytest.param(lambda r: [r.raw(body={"error": {"message": "upstream"}})], id="200-with-an-error"),
        pytest.param(lambda r: [r.ok(None)], id="no-content"),
        pytest.param(lambda r: [r.failed(500, "boom"), r.raw(body={"choices": []})], id="500-then-no-choices"),
    ],
)
def test_a_passing_failure_is_retried(server, replies, script):
    server.script = script(replies)
    (completion,) = ask(engine(server), request())
    assert completion.text == "Fine."
    assert completion.retries == len(server.script)
    assert len(server.questions) == len(server.script) + 1
    assert all(question == server.questions[0] for question in server.questions)


@pytest.mark.parametrize("how", ["hangs", "trickles"])
def test_a_try_that_takes_too_long_is_given_up_and_asked_again(server, replies, impatience, how):
    reply = replies.ok("x" * 100_000)
    setattr(reply, how, True)
    server.script = [reply]
    (completion,) = ask(engine(server, timeout_s=7), request())
    assert (completion.text, completion.retries) == ("Fine.", 1)
    assert impatience.limits_s == [7, 7]


def test_a_cut_stream_is_asked_again(server, replies):
    reply = replies.ok("x" * 2000)
    reply.cut_after = 100
    server.script = [reply]
    (completion,) = ask(engine(server), request())
    assert (completion.text, completion.retries) == ("Fine.", 1)


@pytest.fixture
def pauses(monkeypatch):
    """The pauses before retries, in seconds: each lasts until `over` is set, which it is unless a test clears it."""
    pauses = SimpleNamespace(asked_s=[], over=asyncio.Event())
    pauses.over.set()

    async def pause(seconds):
        pauses.asked_s.append(seconds)
        await pauses.over.wait()

    monkeypatch.setattr(tries, "asyncio", SimpleNamespace(sleep=pause))
    return pauses


@pytest.mark.parametrize("after", ["0.6", "date"])
def test_refusals_in_a_row_hold_all_requests(server, replies, monkeypatch, after):
    refusals = []
    note_refusal = RateLimiter.note_refusal
    monkeypatch.setattr(RateLimiter, "note_refusal", lambda *said: refusals.append(said) or note_refusal(*said))

    def refuse_three(_):
        if len(server.questions) > 3:
            return replies.ok()
        # In whole seconds: 1 to 2 from now.
        moment = email.utils.formatdate(time.time() + 2, usegmt=True) if after == "date" else after
        return replies.failed(429, "slow down", retry_after=moment)

    server.otherwise = refuse_three

    async def three_then_three():
        shared = engine(server)
        first = [asyncio.create_task(shared.complete(request(seed=seed))) for seed in range(3)]
        while len(refusals) < 3:
            await asyncio.sleep(0.005)
        await asyncio.gather(*first, *(shared.complete(request(seed=seed)) for seed in range(3)))
        await shared.close()

    asyncio.run(three_then_three())
    refused_at, later = max(server.arrivals[:3]), server.arrivals[3:]
    assert len(later) == 6
    assert min(later) - refused_at >= 0.55


def test_a_single_refusal_holds_nobody_else(server, replies, pauses):
    server.script = [replies.failed(429, "slow down", retry_after="0.6")]
    pauses.over.clear()

    async def one_then_three():
        shared = engine(server)
        first = asyncio.create_task(shared.complete(request()))
        while not pauses.asked_s:
            await asyncio.sleep(0.005)
        others = await asyncio.gather(*(shared.complete(request(seed=seed)) for seed in range(3)))
        assert not first.done()
        pauses.over.set()
        await first
        await shared.close()
        return others

    assert [other.text for other in asyncio.run(one_then_three())] == ["Fine."] * 3
    assert len(server.arrivals) == 5


@pytest.mark.parametrize(
    ("reply", "pause_s"),
    [
        pytest.param(lambda r: r.failed(429, "slow down", retry_after="0.6"), 0.6, id="as long as the server asks"),
        pytest.param(lambda r: r.failed(500, "boom"), pytest.approx(0.01, rel=0.3), id="as long as it is set"),
    ],
)
def test_before_a_retry_there_is_a_pause(server, replies, pauses, reply, pause_s):
    server.script = [reply(replies)]
    (completion,) = ask(engine(server), request())
    assert completion.text == "Fine."
    assert pauses.asked_s == [pause_s]


# ── what goes wrong and stays ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reply", "retryable", "asked", "said"),
    [
        pytest.param(
            lambda r: r.failed(429, "Too many", retry_after="0.01"),
            True,
            3,
            ["limits the rate (HTTP 429 in 3 tries): Too many", "inference.concurrency"],
            id="rate-limit",
        ),
        pytest.param(
            lambda r: r.failed(500, "CUDA out of memory"),
            True,
            3,
            ["failed (HTTP 500 in 3 tries): CUDA out of memory", "server's log"],
            id="server-error",
        ),
        pytest.param(
            lambda r: r.raw(hangs=True),
            True,
            3,
            ["did not answer within 300 s in 3 tries", "inference.timeout_s"],
            id="timeout",
        ),
        pytest.param(
            lambda r: r.raw(hang_up=True),
            True,
            3,
            ["cannot be reached in 3 tries", "inference.base_url"],
            id="connection-lost",
        ),
        pytest.param(
            lambda r: r.raw(body=b"<html>"),
            True,
            3,
            ["no usable answer in 3 tries", "JSON is malformed", "<html>"],
            id="broken-json",
        ),
        pytest.param(
            lambda r: r.raw(body={"choices": []}),
            True,
            3,
            ["no usable answer in 3 tries: no choices"],
            id="no-choices",
        ),
        pytest.param(
            lambda r: r.ok(None),
            True,
            3,
            ["no usable answer in 3 tries: a message without content"],
            id="no-content",
        ),
        pytest.param(
            lambda r: r.failed(429, "Come back in an hour", retry_after="3600"),
            True,
            1,
            ["limits the rate (HTTP 429 in 1 try): Come back in an hour"],
            id="a-wait-too-long",
        ),
        pytest.param(
            lambda r: r.failed(429, "Pay up", code="insufficient_quota", x_should_retry="false"),
            False,
            1,
            ["quota is used up: Pay up", "add credit"],
            id="quota",
        ),
        pytest.param(
            lambda r: r.failed(400, "Too long", code="context_length_exceeded"),
            False,
            1,
            ["too short a context", "Too long", "generation.max_calls"],
            id="context-openai",
        ),
        pytest.param(
            lambda r: r.failed(400, "This model's maximum context length is 8192 tokens."),
            False,
            1,
            ["too short a context", "8192"],
            id="context-vllm",
        ),
        pytest.param(
            lambda r: r.failed(400, "the request exceeds the available context size, try increasing it"),
            False,
            1,
            ["too short a context"],
            id="context-llama.cpp",
        ),
        pytest.param(
            lambda r: r.failed(400, "Failed to parse grammar"),
            False,
            1,
            ["rejected the request (HTTP 400): Failed to parse grammar", "constraint"],
            id="bad-request",
        ),
        pytest.param(
            lambda r: r.failed(401, f"Incorrect API key provided: {KEY}"),
            False,
            1,
            ["refused the API key (HTTP 401)", "[API key]", "inference.api_key_env"],
            id="unauthorised-and-echoing-the-key",
        ),
        pytest.param(
            lambda r: r.failed(403, "No access"),
            False,
            1,
            ["refused the API key (HTTP 403): No access"],
            id="forbidden",
        ),
        pytest.param(
            lambda r: r.failed(404, "The model `tiny` does not exist."),
            False,
            1,
            ["does not know the model", "does not exist", "offers: tiny-a, tiny-b"],
            id="unknown-model",
        ),
        pytest.param(
            lambda r: r.ok(None, refusal="I will not."),
            False,
            1,
            ["refused to answer: I will not.", "change the prompt"],
            id="refusal",
        ),
        pytest.param(
            lambda r: r.ok("I was going to", "content_filter"),
            False,
            1,
            ["refused to answer: content_filter"],
            id="content-filter",
        ),
        pytest.param(
            lambda r: r.ok(None, "tool_calls", tool_calls=[{"id": "1", "function": {"name": "find"}}]),
            False,
            1,
            ["turned its answer into tool calls", "--enable-auto-tool-choice"],
            id="tool-parser-in-the-way",
        ),
    ],
)
def test_a_lasting_failure_says_what_where_and_what_to_do(server, replies, impatience, reply, retryable, asked, said):
    server.models = ["tiny-b", "tiny-a"]
    server.otherwise = lambda _: reply(replies)
    error = failure_of(lambda: ask(engine(server), request()))
    for part in [server.base_url, "'tiny'", *said]:
        assert part in str(error)
    assert error.retryable is retryable
    assert len(server.questions) == asked


def test_a_server_that_is_not_there(server):
    server.stop()
    error = failure_of(lambda: ask(engine(server), request()))
    assert f"{server.base_url} (model 'tiny') cannot be reached" in str(error)
    assert error.retryable


@pytest.mark.parametrize(
    "url",
    [
        f"http://me:{KEY}@127.0.0.1:8000/v1",
        f"http://127.0.0.1:8000/v1?key={KEY}",
        "127.0.0.1:8000",
        "ftp://host/v1",
        "http://[::1",
    ],
)
def test_a_base_url_that_cannot_work_or_tells_secrets_is_refused(url):
    error = failure_of(lambda: OpenAICompatibleEngine("vllm", model="tiny", base_url=url))
    assert "inference.base_url must be an http(s) URL without" in str(error)
    assert not error.retryable


def test_the_engine_does_not_show_its_key(server):
    assert KEY not in repr(engine(server))
    assert server.base_url in repr(engine(server))


def test_an_error_survives_the_way_between_processes():
    import pickle

    error = pickle.loads(pickle.dumps(InferenceError("What; do that", retryable=True)))
    assert (str(error), error.retryable) == ("What; do that", True)


# ── many at once, and several event loops ─────────────────────────────────────────────────────


def test_as_many_as_concurrency_are_in_flight_and_no_more(server, replies):
    together = threading.Barrier(3)

    def answer_three_at_once(_):
        together.wait()
        return replies.ok()

    server.otherwise = answer_three_at_once
    ask(engine(server, concurrency=3), *(request(seed=seed) for seed in range(12)))
    assert len(server.questions) == 12
    assert server.most_in_flight == 3


def test_waiting_for_a_free_slot_is_not_latency(server, replies, monkeypatch):
    clock = VirtualClock()
    monkeypatch.setattr(openai_compatible, "perf_counter", clock.read_seconds)

    def answer_after_a_second(_):
        clock.advance(1)
        return replies.ok()

    server.otherwise = answer_after_a_second
    completions = ask(engine(server, concurrency=1), *(request(seed=seed) for seed in range(8)))
    assert [completion.latency_s for completion in completions] == [1] * 8


def test_no_answer_is_lost_to_a_flaky_server(server, replies):
    """10 % rate limits, 5 % server errors, 2 % cut answers, each of the first try, and some of the second."""
    asked = Counter()

    def flaky(question):
        seed = question["seed"]
        asked[seed] += 1
        if asked[seed] == 1 and seed % 10 == 0:
            return replies.failed(429, "slow", retry_after="0.01")
        if asked[seed] <= 2 and seed % 20 in (0, 1):
            return replies.failed(500, "boom")
        if asked[seed] <= 3 and seed % 50 in (0, 2):
            return replies.raw(body=b'{"choi')
        return replies.ok(f"answer {seed}")

    server.otherwise = flaky
    completions = ask(engine(server, concurrency=16, retries=5), *(request(seed=seed) for seed in range(200)))
    assert [completion.text for completion in completions] == [f"answer {seed}" for seed in range(200)]
    assert [completion.retries for completion in completions] == [asked[seed] - 1 for seed in range(200)]
    assert Counter(asked.values()) == {1: 166, 2: 8, 3: 18, 4: 8}


def test_one_engine_serves_one_event_loop_after_another(server):
    shared = engine(server)
    for seed in range(3):
        assert asyncio.run(shared.complete(request(seed=seed))).text == "Fine."
    assert len(server.questions) == 3


# ── the probe ─────────────────────────────────────────────────────────────────────────────────


def probe(engine):
    async def probe_and_close():
        try:
            await engine.probe_constraints()
        finally:
            await engine.close()

    asyncio.run(probe_and_close())


@pytest.mark.parametrize(
    ("profile", "notation", "grammar"),
    [
        ("vllm", "gbnf", {"structured_outputs": {"grammar": 'root ::= "zq-7431"'}}),
        ("vllm", "lark", {"structured_outputs": {"grammar": '%llguidance {}\nstart: "zq-7431"'}}),
        (
            "vllm",
            None,
            {
                "structured_outputs": {
                    "structural_tag": r'{"type": "structural_tag", "format": {"type": "grammar", "grammar": '
                    r'"root ::= \"zq-\" digits\ndigits[max_tokens=8] ::= \"7431\"\n"}}'
                }
            },
        ),
        ("llama_cpp", None, {"grammar": 'root ::= "zq-7431"'}),
        ("llama_cpp", "lark", {"grammar": '%llguidance {}\nstart: "zq-7431"'}),
        ("openai", None, None),
    ],
)
def test_the_probe_asks_in_the_notation_in_use(server, forced, profile, notation, grammar):
    server.otherwise = forced
    probe(engine(server, profile, notation=notation))
    assert len(server.questions) == (1 if grammar is None else 2)
    if grammar is not None:
        assert grammar.items() <= server.questions[0].items()


@pytest.mark.parametrize(
    ("profile", "kind"),
    [
        ("vllm", "grammar in the notation structural_tag"),
        ("llama_cpp", "grammar in the notation gbnf"),
        ("openai", "JSON Schema"),
    ],
)
def test_the_probe_fails_where_constraints_are_ignored(server, replies, profile, kind):
    server.otherwise = lambda _: replies.ok("hello")
    error = failure_of(lambda: probe(engine(server, profile)))
    assert f"{server.base_url} (model 'tiny') ignored a {kind}: it said 'hello'" in str(error)
    assert "0.12" in str(error)
    assert not error.retryable
    assert len(server.questions) == 1


def test_the_probe_fails_where_only_grammars_are_honoured(server, replies, forced):
    server.otherwise = lambda question: forced(question) if "grammar" in question else replies.ok("{}")
    assert "ignored a JSON Schema" in str(failure_of(lambda: probe(engine(server, "llama_cpp"))))


@pytest.mark.parametrize(
    ("content", "passes", "said"),
    [
        pytest.param('{ "zq":   \n\n\n', True, "", id="endless-whitespace-of-an-untrained-model"),
        pytest.param("Let me see what", False, "ignored a JSON Schema", id="prose"),
        pytest.param("<think>Let me see", False, "switch the model's reasoning off", id="reasoning"),
        pytest.param("  \n ", False, "ignored a JSON Schema", id="nothing-but-whitespace"),
    ],
)
def test_the_probe_judges_an_answer_that_was_cut(server, replies, content, passes, said):
    server.otherwise = lambda _: replies.ok(content, "length")
    if passes:
        probe(engine(server, "openai"))
    else:
        assert said in str(failure_of(lambda: probe(engine(server, "openai"))))


def test_the_probe_does_not_wait_long_for_a_server_that_is_not_there(server, pauses):
    server.stop()
    error = failure_of(lambda: probe(engine(server, retries=50)))
    assert f"{server.base_url} (model 'tiny') cannot be reached in 2 tries" in str(error)
    assert len(pauses.asked_s) == 1
