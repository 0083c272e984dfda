"""What an endpoint is sent, and what is made of its answers and failures."""

import json
import threading

import pytest
from evaluation_cases import TOOLS, calling, item, result, saying, user

from funcdex_assets.evaluation.predictors import MOST_FAILURES_IN_A_ROW, Asked, EndpointPredictor, PredictorError
from funcdex_assets.inference.protocol import InferenceError
from funcdex_assets.records.training import ExpectedCall

HISTORY = [
    {"role": "system", "content": "Be short."},
    user("Heat the bath."),
    calling("heat", {"to": 20}),
    result('{"status": "ok"}'),
    user("Warmer."),
]


def predictor(server, **more):
    fields = {"profile": "llama_cpp", "model": "tiny", "base_url": server.base_url, "retries": 0}
    return EndpointPredictor(Asked(**fields | more))


def native_call(name, arguments):
    return {"id": "x", "type": "function", "function": {"name": name, "arguments": arguments}}


def test_native_calls(server, replies):
    server.otherwise = lambda _: replies.ok(
        None, tool_calls=[native_call("heat", '{"to": 22}'), native_call("light", "{}")]
    )
    (prediction,) = predictor(server).predict([item(messages=HISTORY)])
    assert prediction.calls == (ExpectedCall("heat", {"to": 22}), ExpectedCall("light", {}))
    assert (prediction.prompt_tokens, prediction.completion_tokens) == (11, 3)
    assert prediction.seconds > 0
    (question,) = server.questions
    assert question["tools"] == TOOLS
    assert (question["temperature"], question["seed"], question["max_tokens"]) == (0, 0, 512)
    assert [message["role"] for message in question["messages"]] == ["system", "user", "assistant", "tool", "user"]
    assert json.loads(question["messages"][2]["tool_calls"][0]["function"]["arguments"]) == {"to": 20}
    assert question["messages"][3]["tool_call_id"] == "call_1"


@pytest.mark.parametrize(("profile", "roles"), [("openai", "utu"), ("llama_cpp", "uu")])
def test_calls_without_results_get_an_empty_one_where_the_protocol_insists(server, profile, roles):
    asked = item(messages=[user("Heat."), calling("heat", {"to": 20}), user("Warmer.")])
    predictor(server, profile=profile).predict([asked])
    sent = [message["role"][0] for message in server.questions[0]["messages"]]
    assert "".join(sent).replace("a", "") == roles


def test_markup(server, replies):
    server.otherwise = lambda _: replies.ok('<tool_call>\n{"name": "heat", "arguments": {"to": 22}}\n</tool_call>')
    (prediction,) = predictor(server, calls="markup").predict([item(messages=HISTORY)])
    assert prediction.calls == (ExpectedCall("heat", {"to": 22}),)
    (question,) = server.questions
    assert "tools" not in question
    system, *turns = question["messages"]
    assert system["content"].startswith("Be short.\n\n# Tools\nheat(to: number, room?: ")
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[1]["content"] == '<tool_call>\n{"name": "heat", "arguments": {"to": 20}}\n</tool_call>'
    assert turns[2]["content"] == '<tool_response>\n{"status": "ok"}\n</tool_response>\nWarmer.'


@pytest.mark.parametrize(("grammar", "allows_text"), [("calls", False), ("calls_or_text", True)])
def test_answers_under_the_call_grammar(server, replies, grammar, allows_text):
    server.otherwise = lambda _: replies.ok("Which room?")
    predictor(server, calls="markup", grammar=grammar).predict([item(messages=HISTORY)])
    text = server.questions[0]["grammar"]
    assert r'"<tool_call>\n{\"name\": "' in text
    assert ("said" in text) is allows_text


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        pytest.param({"content": "<tool_call>\n{nonsense"}, "a call cannot be read: '{nonsense'", id="no-json"),
        pytest.param(
            {"content": '<tool_call>\n{"name": "he', "finish_reason": "length"},
            "cut at the limit of tokens; ",
            id="cut",
        ),
        pytest.param({"content": "Of course, of course, of", "finish_reason": "length"}, "cut at the", id="cut-text"),
        pytest.param({"content": ""}, "the answer is empty", id="empty"),
        pytest.param(
            {"content": None, "tool_calls": [native_call("heat", "{to: 1")]},
            "arguments of 'heat' are no JSON",
            id="native",
        ),
    ],
)
def test_what_cannot_be_read_is_a_failure_with_what_was_written(server, replies, reply, failure):
    server.otherwise = lambda _: replies.ok(**reply)
    (prediction,) = predictor(server).predict([item(messages=HISTORY)])
    assert prediction.calls == ()
    assert failure in (prediction.failure or "")
    assert (prediction.raw == "") is (failure == "the answer is empty")


def test_a_refused_item_is_a_failure_and_the_others_are_answered(server, replies):
    too_long = "This model's maximum context length is 10 tokens."

    def reply(question):
        return replies.failed(400, too_long) if "Warmer." in str(question["messages"]) else replies.ok("Fine.")

    server.otherwise = reply
    heard = []
    asked = [item(messages=HISTORY), item(messages=[user("Light.")], number=1)]
    predictions = predictor(server).predict(asked, lambda done, total: heard.append((done, total)))
    assert [prediction.item_id for prediction in predictions] == [one.item_id for one in asked]
    assert "too short a context" in (predictions[0].failure or "")
    assert predictions[1].text == "Fine."
    assert heard == [(1, 2), (2, 2)]


def test_a_server_that_is_gone_is_given_up(server, replies):
    server.otherwise = lambda _: replies.failed(500, "out of memory")
    asked = [item(number=number) for number in range(3 * MOST_FAILURES_IN_A_ROW)]
    with pytest.raises(InferenceError, match="out of memory"):
        predictor(server, concurrency=1).predict(asked)
    assert len(server.questions) <= MOST_FAILURES_IN_A_ROW + 1  # one may be on its way


def test_several_items_are_asked_at_a_time(server, replies):
    both = threading.Barrier(2, timeout=60)

    def reply(_):
        both.wait()
        return replies.ok("Fine.")

    server.otherwise = reply
    predictions = predictor(server, concurrency=2).predict([item(number=0), item(number=1)])
    assert [prediction.failure for prediction in predictions] == [None, None]


def test_confidence_is_the_mean_probability(server, replies):
    reply = replies.ok("Fine.")
    reply.body["choices"][0]["logprobs"] = {"content": [{"logprob": 0.0}, {"logprob": -0.6931471805599453}]}
    server.otherwise = lambda _: reply
    (prediction,) = predictor(server, confidence=True, reasoning_effort="low").predict([item()])
    assert prediction.confidence == pytest.approx(0.75)
    assert (server.questions[0]["logprobs"], server.questions[0]["reasoning_effort"]) == (True, "low")
    predictor(server).predict([item()])
    assert "logprobs" not in server.questions[1]


def test_the_key_comes_from_the_environment(server, monkeypatch):
    monkeypatch.delenv("HOUSE_KEY", raising=False)
    with pytest.raises(PredictorError, match="The environment variable 'HOUSE_KEY' is not set"):
        predictor(server, api_key_env="HOUSE_KEY")
    monkeypatch.setenv("HOUSE_KEY", "sesame")
    predictor(server, api_key_env="HOUSE_KEY").predict([item()])
    assert server.headers[0]["authorization"] == "Bearer sesame"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"grammar": "calls"}, "ask by markup"),
        ({"grammar": "calls", "calls": "markup", "profile": "openai"}, "The profile openai takes no grammar"),
    ],
)
def test_a_grammar_needs_markup_and_a_server_that_takes_it(server, fields, said):
    with pytest.raises(PredictorError, match=said):
        predictor(server, **fields)


def test_the_reply_of_the_assistant_is_part_of_the_history(server):
    predictor(server, calls="markup").predict([item(messages=[user("Hi."), saying("Hello."), user("Heat.")])])
    assert [turn["content"] for turn in server.questions[0]["messages"][1:]] == ["Hi.", "Hello.", "Heat."]
