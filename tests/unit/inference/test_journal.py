import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time

import msgspec
import pytest

from funcdex_assets.inference.journal import JournaledEngine, journaled_usage, request_key
from funcdex_assets.inference.openai_compatible import OpenAICompatibleEngine
from funcdex_assets.inference.protocol import (
    ChatMessage,
    Completion,
    GrammarConstraint,
    InferenceError,
    JsonSchemaConstraint,
    Request,
    Sampling,
    Usage,
)


class Counting:
    name = "vllm:tiny"

    def __init__(self, pause_s=0.0):
        self.asked = 0
        self.failures = 0
        self.pause_s = pause_s

    async def complete(self, request):
        self.asked += 1
        await asyncio.sleep(self.pause_s)
        if self.failures:
            self.failures -= 1
            raise InferenceError("busy", retryable=True)
        return Completion(f"answer {self.asked}", "stop", Usage(3, 2, 1), 0.5, "tiny", retries=1)

    async def close(self):
        pass


def request(seed=1, text="Hi", sampling=None, constraint=None, role="judge"):
    messages = (ChatMessage("user", text),)
    return Request(role, None, lambda: messages, seed, sampling or Sampling(), constraint)


def ask(engine, *requests):
    async def all_of_them():
        return await asyncio.gather(*map(engine.complete, requests))

    return asyncio.run(all_of_them())


def rows(path):
    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT count(*) FROM completions").fetchone()[0]


def test_a_written_answer_is_replayed_by_a_later_run(tmp_path):
    first, later = Counting(), Counting()
    (asked,) = ask(JournaledEngine(first, tmp_path / "deep" / "journal.sqlite"), request())
    (replayed,) = ask(JournaledEngine(later, tmp_path / "deep" / "journal.sqlite"), request())
    assert (first.asked, later.asked) == (1, 0)
    assert not asked.replayed
    assert replayed == msgspec.structs.replace(asked, replayed=True)


SCHEMA = JsonSchemaConstraint("a", {"properties": {"b": {}, "c": {}}})


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(request(seed=2), id="seed"),
        pytest.param(request(text="Ho"), id="messages"),
        pytest.param(request(sampling=Sampling(temperature=0.1)), id="sampling"),
        pytest.param(request(constraint=GrammarConstraint("root ::= [a]")), id="grammar"),
        pytest.param(request(constraint=SCHEMA), id="schema"),
    ],
)
def test_whatever_can_change_the_answer_is_part_of_the_key(other):
    assert request_key("vllm:tiny", other) != request_key("vllm:tiny", request())


def test_the_model_and_the_order_of_a_schema_are_part_of_the_key():
    swapped = JsonSchemaConstraint("a", {"properties": {"c": {}, "b": {}}})
    assert request_key("vllm:tiny", request()) != request_key("vllm:large", request())
    assert request_key("e", request(constraint=SCHEMA)) != request_key("e", request(constraint=swapped))


def test_a_lazy_constraint_has_the_key_of_its_value():
    assert request_key("e", request(constraint=lambda: SCHEMA)) == request_key("e", request(constraint=SCHEMA))


def test_requests_in_flight_are_asked_once(tmp_path):
    engine = Counting(pause_s=0.05)
    journal = JournaledEngine(engine, tmp_path / "journal.sqlite")
    completions = ask(journal, request(), request(), request(seed=2), request())
    assert engine.asked == 2
    assert [completion.replayed for completion in completions] == [False, True, False, True]
    assert completions[0].text == completions[1].text == completions[3].text


def test_an_error_is_not_written_and_is_asked_again(tmp_path):
    engine = Counting()
    engine.failures = 1
    journal = JournaledEngine(engine, tmp_path / "journal.sqlite")
    with pytest.raises(InferenceError, match="busy"):
        ask(journal, request())
    assert rows(tmp_path / "journal.sqlite") == 0
    assert ask(journal, request())[0].text == "answer 2"


def test_an_answer_is_written_before_it_is_handed_out(tmp_path):
    async def ask_and_look():
        journal = JournaledEngine(Counting(), tmp_path / "journal.sqlite")
        for seed in range(5):
            await journal.complete(request(seed=seed))
            assert rows(tmp_path / "journal.sqlite") == seed + 1

    asyncio.run(ask_and_look())


def test_a_caller_that_gives_up_loses_the_answer_for_nobody(tmp_path):
    engine = Counting(pause_s=0.1)
    journal = JournaledEngine(engine, tmp_path / "journal.sqlite")

    async def one_gives_up():
        impatient = asyncio.create_task(journal.complete(request()))
        patient = asyncio.create_task(journal.complete(request()))
        await asyncio.sleep(0.02)
        impatient.cancel()
        return await patient

    assert asyncio.run(one_gives_up()).text == "answer 1"
    assert engine.asked == 1


def test_many_answers_share_a_commit(tmp_path):
    journal = JournaledEngine(Counting(), tmp_path / "journal.sqlite")
    commits = []
    journal._writer.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
    ask(journal, *(request(seed=seed) for seed in range(200)))
    assert rows(tmp_path / "journal.sqlite") == 200
    assert 1 <= len(commits) < 100


def test_a_file_that_is_no_journal_is_named(tmp_path):
    path = tmp_path / "journal.sqlite"
    path.write_text("no database, " * 100)
    with pytest.raises(InferenceError, match=r"Cannot open the journal .*journal.sqlite: file is not a database") as e:
        JournaledEngine(Counting(), path)
    assert not e.value.retryable


def test_an_answer_that_cannot_be_written_is_an_error(tmp_path):
    journal = JournaledEngine(Counting(), tmp_path / "journal.sqlite")
    journal._writer.execute("PRAGMA query_only = ON")
    with pytest.raises(InferenceError, match=r"Cannot write the journal .*readonly") as e:
        ask(journal, request())
    assert not e.value.retryable
    journal._writer.execute("PRAGMA query_only = OFF")
    ask(journal, request(seed=2))
    assert rows(tmp_path / "journal.sqlite") == 2, "the answer that could not be written is kept for the next try"


RUN = """
import asyncio, sys
from pathlib import Path
from funcdex_assets.inference.journal import JournaledEngine
from funcdex_assets.inference.openai_compatible import OpenAICompatibleEngine
from funcdex_assets.inference.protocol import ChatMessage, Request

async def main():
    server = OpenAICompatibleEngine("vllm", model="tiny", base_url=sys.argv[1], concurrency=8)
    engine = JournaledEngine(server, Path(sys.argv[2]), concurrency=8)
    await asyncio.gather(*(
        engine.complete(Request("judge", None, lambda: (ChatMessage("user", "Hi"),), seed))
        for seed in range(200)
    ))

asyncio.run(main())
"""


def test_a_killed_run_asks_again_only_what_was_in_flight(server, replies, tmp_path):
    def slow(question):
        reply = replies.ok(f"answer {question['seed']}")
        reply.delay_s = 0.01
        return reply

    server.otherwise = slow
    path = tmp_path / "journal.sqlite"
    run = subprocess.Popen([sys.executable, "-c", RUN, server.base_url, str(path)])
    deadline = time.monotonic() + 30
    while len(server.questions) < 100:
        assert run.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, "the run does not get going"
        time.sleep(0.002)
    os.kill(run.pid, signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    time.sleep(0.05)
    asked, written = len(server.questions), rows(path)
    assert asked < 200
    assert asked - written <= 8, "more was lost than the requests in flight"

    engine = OpenAICompatibleEngine("vllm", model="tiny", base_url=server.base_url, concurrency=8)
    journal = JournaledEngine(engine, path)
    completions = ask(journal, *(request(seed=seed, text="Hi") for seed in range(200)))
    assert len(server.questions) - asked == 200 - written
    assert [completion.text for completion in completions] == [f"answer {seed}" for seed in range(200)]
    assert sum(completion.replayed for completion in completions) == written


def test_the_usage_of_a_journal_is_by_engine_and_role(tmp_path):
    path = tmp_path / "journal.sqlite"
    assert journaled_usage(path) == {}
    ask(JournaledEngine(Counting(), path), request(), request(seed=2))
    ((engine, role), answers) = next(iter(journaled_usage(path).items()))
    assert (engine, role, len(answers)) == (Counting().name, request().role, 2)
