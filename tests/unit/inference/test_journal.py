import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from hashlib import blake2b

import msgspec
import pytest
from waiting import wait_until

from funcdex_assets.inference.journal import (
    Journal,
    JournaledEngine,
    compute_request_key,
    list_journal_entries,
    prune_journal,
)
from funcdex_assets.inference.openai_compatible import OpenAICompatibleEngine
from funcdex_assets.inference.protocol import (
    ChatMessage,
    ChatToolCall,
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

    def __init__(self, answers=True):
        self.asked = 0
        self.failures = 0
        self.may_answer = asyncio.Event()
        if answers:
            self.may_answer.set()

    async def complete(self, request):
        self.asked += 1
        await self.may_answer.wait()
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


def give_up(engine, asked):
    """Asks, makes nothing of the answer, and says so."""

    async def ask_and_give_up():
        completion = await engine.complete(asked)
        await asked.give_up()
        return completion

    return asyncio.run(ask_and_give_up())


def test_a_withdrawn_answer_is_replayed_in_its_own_run_and_asked_for_again_by_the_next(tmp_path):
    path, server = tmp_path / "journal.sqlite", Counting()
    first_run = JournaledEngine(server, path)
    given_up = give_up(first_run, request())
    (replayed,) = ask(first_run, request())
    assert (replayed.text, replayed.replayed, server.asked) == (given_up.text, True, 1)
    (anew,) = ask(JournaledEngine(server, path), request())
    assert (anew.text, anew.replayed, server.asked) == ("answer 2", False, 2)
    (later,) = ask(JournaledEngine(server, path), request())
    assert (later.text, later.replayed, server.asked) == ("answer 2", True, 2)


def test_what_was_paid_for_a_withdrawn_answer_stays_counted(tmp_path):
    path, server = tmp_path / "journal.sqlite", Counting()
    give_up(JournaledEngine(server, path), request())
    give_up(JournaledEngine(server, path), request())
    ask(JournaledEngine(server, path), request())
    (entry,) = list_journal_entries(path)
    assert (entry.requests, entry.prompt_tokens, entry.completion_tokens) == (3, 9, 6)


def test_other_answers_are_untouched_by_a_withdrawal_and_it_may_come_twice(tmp_path):
    path, server = tmp_path / "journal.sqlite", Counting()
    engine = JournaledEngine(server, path)
    ask(engine, request(seed=1))
    give_up(engine, request(seed=2))
    give_up(engine, request(seed=2))
    (kept,) = ask(JournaledEngine(server, path), request(seed=1))
    assert (kept.replayed, server.asked, rows(path)) == (True, 2, 2)


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
        pytest.param(request(constraint=GrammarConstraint("a", lambda _: "root ::= [a]")), id="grammar"),
        pytest.param(request(constraint=SCHEMA), id="schema"),
    ],
)
def test_whatever_can_change_the_answer_is_part_of_the_key(other):
    assert compute_request_key("vllm:tiny", other) != compute_request_key("vllm:tiny", request())


def test_the_model_and_the_order_of_a_schema_are_part_of_the_key():
    swapped = JsonSchemaConstraint("a", {"properties": {"c": {}, "b": {}}})
    assert compute_request_key("vllm:tiny", request()) != compute_request_key("vllm:large", request())
    assert compute_request_key("e", request(constraint=SCHEMA)) != compute_request_key("e", request(constraint=swapped))


def unprinted(notation):
    raise AssertionError("printed for a key")


def test_a_grammar_is_known_by_its_language_and_notation():
    one, same, other = (GrammarConstraint(key, unprinted) for key in ("a", "a", "b"))
    key = compute_request_key("e", request(constraint=one), "gbnf")
    assert key == compute_request_key("e", request(constraint=same), "gbnf")
    assert key != compute_request_key("e", request(constraint=other), "gbnf")
    assert key != compute_request_key("e", request(constraint=one), "lark")


def test_tools_and_calls_are_part_of_the_key():
    def with_call(arguments, tools=()):
        call = ChatMessage("assistant", None, (ChatToolCall("c1", "find", arguments),))
        return Request("judge", None, lambda: (call,), 1, tools=tools)

    keys = {compute_request_key("e", with_call("{}")), compute_request_key("e", with_call('{"q":1}'))}
    keys |= {
        compute_request_key("e", with_call("{}", ({"type": "function"},))),
        compute_request_key("e", with_call("{}", ({},))),
    }
    assert len(keys) == 4


def test_a_lazy_constraint_has_the_key_of_its_value():
    assert compute_request_key("e", request(constraint=lambda: SCHEMA)) == compute_request_key(
        "e", request(constraint=SCHEMA)
    )


def test_requests_in_flight_are_asked_once(tmp_path):
    engine = Counting()
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
    engine = Counting(answers=False)
    journal = JournaledEngine(engine, tmp_path / "journal.sqlite")

    async def one_gives_up():
        impatient = asyncio.create_task(journal.complete(request()))
        patient = asyncio.create_task(journal.complete(request()))
        while not engine.asked:
            await asyncio.sleep(0)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        engine.may_answer.set()
        return await patient

    assert asyncio.run(one_gives_up()).text == "answer 1"
    assert engine.asked == 1


def test_when_one_request_fails_the_answers_in_flight_are_still_written(tmp_path):
    class FailsTheFirst(Counting):
        async def complete(self, request):
            if request.seed == 0:
                self.asked += 1
                raise InferenceError("no", retryable=False)
            return await super().complete(request)

    engine = FailsTheFirst(answers=False)
    journal = JournaledEngine(engine, tmp_path / "journal.sqlite", concurrency=4)

    async def stage():
        try:
            await asyncio.gather(*(journal.complete(request(seed=seed)) for seed in range(10)))
        finally:
            engine.may_answer.set()
            await journal.close()

    with pytest.raises(InferenceError, match="no"):
        asyncio.run(stage())
    assert rows(tmp_path / "journal.sqlite") == engine.asked - 1 > 0
    assert engine.asked < 10, "what waited for its turn is not asked any more"


def test_many_answers_share_a_commit(tmp_path):
    journal = JournaledEngine(Counting(), tmp_path / "journal.sqlite")
    commits = []
    journal._journal._writer.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
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
    journal._journal._writer.execute("PRAGMA query_only = ON")
    with pytest.raises(InferenceError, match=r"Cannot write the journal .*readonly") as e:
        ask(journal, request())
    assert not e.value.retryable
    journal._journal._writer.execute("PRAGMA query_only = OFF")
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


@pytest.mark.concurrent
def test_a_killed_run_asks_again_only_what_was_in_flight(server, replies, tmp_path):
    killed = threading.Event()

    def answer_half_until_the_kill(question):
        if len(server.questions) > 100:
            killed.wait()
        return replies.ok(f"answer {question['seed']}")

    server.otherwise = answer_half_until_the_kill
    path = tmp_path / "journal.sqlite"
    run = subprocess.Popen([sys.executable, "-c", RUN, server.base_url, str(path)])
    # All slots have a question that the server holds back, so that none is on its way.
    wait_until(
        lambda: len(server.questions) > 100 and server.in_flight == 8,
        unless=lambda: run.poll() is not None and "the run ended",
    )
    os.kill(run.pid, signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    killed.set()
    wait_until(lambda: server.in_flight == 0)
    asked, written = len(server.questions), rows(path)
    assert asked < 200
    assert asked - written == 8, "as many as were in flight, and no more"

    engine = OpenAICompatibleEngine("vllm", model="tiny", base_url=server.base_url, concurrency=8)
    journal = JournaledEngine(engine, path)
    completions = ask(journal, *(request(seed=seed, text="Hi") for seed in range(200)))
    assert len(server.questions) - asked == 200 - written
    assert [completion.text for completion in completions] == [f"answer {seed}" for seed in range(200)]
    assert sum(completion.replayed for completion in completions) == written


# ── the file ──────────────────────────────────────────────────────────────────────────────────

DAY = 86400


def filled(path, *answers):
    """A journal of (engine, role, age in days, prompt tokens)."""
    Journal(path)
    with sqlite3.connect(path) as connection:
        for number, (engine, role, age, tokens) in enumerate(answers):
            completion = Completion("text", "stop", Usage(tokens, 1, 0), 0.5, engine.partition(":")[2])
            row = (bytes([number]), engine, role, msgspec.json.encode(completion), int(time.time() - age * DAY))
            connection.execute("INSERT INTO completions VALUES (?, ?, ?, ?, ?)", row)
    return path


def test_what_a_journal_holds_is_summed_by_engine_and_role(tmp_path):
    path = tmp_path / "journal.sqlite"
    assert list_journal_entries(path) == []
    filled(path, ("vllm:b", "judge", 3, 10), ("vllm:b", "judge", 1, 20), ("vllm:a", "judge", 2, 30))
    first, second = list_journal_entries(path)
    assert (first.engine, first.role, first.model, first.requests, first.prompt_tokens) == (
        "vllm:a",
        "judge",
        "a",
        1,
        30,
    )
    assert (second.engine, second.requests, second.prompt_tokens, second.completion_tokens) == ("vllm:b", 2, 30, 2)
    assert second.bytes > 100
    assert second.newest - second.oldest == 2 * DAY


def test_an_answer_is_counted_once_however_often_it_is_replayed(tmp_path):
    path = tmp_path / "journal.sqlite"
    for _ in range(3):
        ask(JournaledEngine(Counting(), path), request(), request(), request(seed=2))
    (entry,) = list_journal_entries(path)
    assert (entry.requests, entry.token_usage) == (2, Usage(6, 4, 2))
    assert time.time() - 60 < entry.oldest <= entry.newest <= time.time()


OLD_SCHEMA = """
CREATE TABLE completions (
    key BLOB PRIMARY KEY, engine TEXT NOT NULL, role TEXT NOT NULL, completion BLOB NOT NULL
)
"""


def test_a_journal_of_the_first_schema_is_taken_over(tmp_path):
    path = tmp_path / "journal.sqlite"
    answer = {"text": "old", "finish_reason": "stop", "usage": {"prompt_tokens": 5}, "latency_s": 1.0, "model": "tiny"}
    messages = [{"role": "user", "content": "Hi"}]
    sampling = {"temperature": 0.8, "top_p": None, "max_tokens": 2048, "stop": []}
    constraint = {"type": "json_schema", "name": "a", "schema": SCHEMA.schema}
    identity = msgspec.json.encode(["vllm:tiny", messages, sampling, 1, constraint])
    with sqlite3.connect(path) as connection:
        connection.execute(OLD_SCHEMA)
        row = (blake2b(identity, digest_size=16).digest(), "vllm:tiny", "judge", json.dumps(answer).encode())
        connection.execute("INSERT INTO completions VALUES (?, ?, ?, ?)", row)
    engine = Counting()
    for _ in range(2):
        (completion,) = ask(JournaledEngine(engine, path), request(constraint=SCHEMA))
        assert (completion.text, completion.replayed, engine.asked) == ("old", True, 0)
    (entry,) = list_journal_entries(path)
    assert entry.requests == 1
    assert entry.newest > time.time() - 60, "it counts as written now"


def test_a_journal_of_a_later_schema_is_refused(tmp_path):
    path = tmp_path / "journal.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(InferenceError, match=r"a later version of this program \(schema 99\)"):
        Journal(path)


@pytest.mark.parametrize(
    ("which", "kept"),
    [
        pytest.param({}, [], id="all"),
        pytest.param({"older_than_s": 10 * DAY}, ["a-judge", "b-judge"], id="old-ones"),
        pytest.param({"engine": "vllm:a"}, ["b-judge"], id="an-engine's"),
        pytest.param({"role": "judge"}, ["a-planner"], id="a-role's"),
        pytest.param({"engine": "vllm:a", "role": "judge"}, ["a-planner", "b-judge"], id="a-role's-of-an-engine"),
        pytest.param({"role": "poet"}, ["a-judge", "a-planner", "b-judge"], id="none"),
    ],
)
def test_pruning_takes_only_what_is_named(tmp_path, which, kept):
    answers = (("vllm:a", "judge", 1, 1), ("vllm:a", "planner", 20, 1), ("vllm:b", "judge", 2, 1))
    path = filled(tmp_path / "journal.sqlite", *answers)
    before = list_journal_entries(path)
    would = prune_journal(path, dry_run=True, **which)
    assert list_journal_entries(path) == before, "a dry run deletes nothing"
    pruned = prune_journal(path, **which)
    assert (would.requests, would.bytes) == (pruned.requests, pruned.bytes) == (3 - len(kept), pruned.bytes)
    assert [f"{entry.model}-{entry.role}" for entry in list_journal_entries(path)] == kept


def test_pruning_gives_space_back(tmp_path, monkeypatch):
    monkeypatch.setattr("funcdex_assets.inference.journal.PRUNED_AT_ONCE", 7)
    path = filled(tmp_path / "journal.sqlite", *(("vllm:" + "x" * 5000, "judge", 1, 1) for _ in range(200)))
    before = sum(file.stat().st_size for file in tmp_path.iterdir())  # the write-ahead log too
    pruned = prune_journal(path)
    assert (pruned.requests, pruned.file_bytes) == (200, path.stat().st_size)
    assert path.stat().st_size < before / 10


def test_a_journal_is_pruned_while_a_run_writes(tmp_path):
    path = filled(tmp_path / "journal.sqlite", *(("vllm:old", "judge", 40, 1) for _ in range(200)))
    journal = JournaledEngine(Counting(), path)

    async def run_and_prune():
        requests = asyncio.gather(*(journal.complete(request(seed=seed)) for seed in range(300)))
        pruned = await asyncio.to_thread(prune_journal, path, older_than_s=30 * DAY)
        await requests
        return pruned

    assert asyncio.run(run_and_prune()).requests == 200
    (entry,) = list_journal_entries(path)
    assert (entry.engine, entry.requests) == ("vllm:tiny", 300)


def test_engines_may_share_a_journal(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    first, second = Counting(), Counting()
    second.name = "vllm:other"
    engines = [JournaledEngine(first, journal), JournaledEngine(second, journal)]

    async def both():
        return await asyncio.gather(*(engine.complete(request()) for engine in engines))

    assert [completion.text for completion in asyncio.run(both())] == ["answer 1", "answer 1"]
    assert [entry.engine for entry in list_journal_entries(journal.path)] == ["vllm:other", "vllm:tiny"]
