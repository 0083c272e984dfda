"""No rule raises, whatever a conversation holds, and none takes long on a long result."""

import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from good_conversations import build_case, load_rows
from rule_cases import step, talk

from funcdex_assets.checks.findings import RULES
from funcdex_assets.checks.provenance import trace_arguments
from funcdex_assets.checks.rules.case import Case
from funcdex_assets.records.message import Message, ToolCall

NAMES = (
    "id items next total count status error name title start end to from email created_at currency amount a/b ~ "
    "nextPage pageInfo has_more data errors code retry_after owner busy free expires_at outline parent"
).split()
SCALARS = (
    *(None, True, False, 0, -1, 7, 10**20, 0.5, -1e300, "", " ", "text", "2025-10-03", "2025-10-03T10:00:00"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2025-13-45T99:99", "²", "404", "true", "x@y.io"),
    *("😀", "日本語のテキスト", "Ünïcode", "\x00", "(((", "[a-z", "\\", "$5", "1/2", "12:61", "a" * 300, "T", "-", "@"),
)
ARGUMENTS = (None, [], ["x"], "text", 7, 0.5, True, {}, {"": ""}, {"a": [{"b": None}]}, [[[]]])
TEXTS = ("", " ", "?", "…", "Who?", "All of them.", "There are 99999999999999999999 items.", '"', "(" * 50, "who " * 40)


def make_json(rng: random.Random, depth: int = 0) -> Any:
    """A random JSON value with names that the rules look for."""
    choice = rng.random()
    if depth > 3 or choice < 0.35:
        return rng.choice(SCALARS)
    size = rng.randrange(4)
    if choice < 0.65:
        return [make_json(rng, depth + 1) for _ in range(size)]
    return {rng.choice(NAMES): make_json(rng, depth + 1) for _ in range(size)}


def change_result(message: Message, rng: random.Random) -> Message:
    if message.result is None:
        return message
    result = msgspec.structs.replace(message.result, content=make_json(rng), error=rng.random() < 0.3)
    return msgspec.structs.replace(message, result=result)


def change_arguments(message: Message, rng: random.Random) -> Message:
    """Other arguments: of no shape that a schema allows, or random values under the names that there were."""

    def change(call: ToolCall) -> ToolCall:
        names = list(call.arguments) if isinstance(call.arguments, dict) else ["id"]
        filled = {name: make_json(rng) for name in names}
        return msgspec.structs.replace(call, arguments=rng.choice([*ARGUMENTS, *[filled] * 8]))

    return msgspec.structs.replace(message, tool_calls=tuple(change(call) for call in message.tool_calls))


def change_text(message: Message, rng: random.Random) -> Message:
    return msgspec.structs.replace(message, content=rng.choice(TEXTS)) if message.content is not None else message


def drop_result(message: Message, rng: random.Random) -> Message | None:
    return None if message.result is not None and rng.random() < 0.5 else message


def rename_call(message: Message, rng: random.Random) -> Message:
    """Calls of tools that nobody knows, also without any word."""
    names = ("", "_", "42", "FROBNICATE", "get", "LIST_LIST_LIST", "ID", "を見る")
    calls = (msgspec.structs.replace(call, name=rng.choice(names)) for call in message.tool_calls)
    return msgspec.structs.replace(message, tool_calls=tuple(calls))


CHANGES: tuple[Callable[[Message, random.Random], Message | None], ...] = (
    change_result,
    change_arguments,
    change_text,
    drop_result,
    rename_call,
)


def damage(case: Case, rng: random.Random) -> Case:
    """The case with some of its messages changed, and its provenance traced anew."""
    messages = []
    for message in case.messages:
        changed: Message | None = message
        for change in CHANGES:
            if changed is not None and rng.random() < 0.35:
                changed = change(changed, rng)
        if changed is not None:
            messages.append(changed)
    if rng.random() < 0.2:
        rng.shuffle(messages)
    provenance = trace_arguments(messages, case.tools, case.situation)
    return replace(case, messages=tuple(messages), provenance=provenance)


@pytest.mark.parametrize("row", load_rows(), ids=lambda row: row["id"])
def test_no_rule_raises_on_a_damaged_conversation(row):
    case = build_case(row)
    for seed in range(40):
        damaged = damage(case, random.Random(f"{row['id']} {seed}"))
        for rule in RULES:
            for finding in rule(damaged):
                assert finding.text, (rule.__name__, seed)
                assert finding.message is None or 0 <= finding.message < max(1, len(damaged.messages))


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
def test_no_rule_raises_on_any_arguments(arguments):
    for name in ("LIST_LAMPS", "CREATE_LAMP", "DELETE_LAMP", "SEND_LAMP", "dim"):
        case = talk("Which lamps?", step(name, arguments, arguments), "Two, and they're on.", "And who?", "Mia.")
        assert [list(rule(case)) is not None for rule in RULES] == [True] * len(RULES)


def test_no_rule_raises_without_messages_or_results():
    case = talk("Which lamps?", step("LIST_LAMPS", {}, {"lamps": []}), "None.")
    for length in range(len(case.messages)):
        cut = replace(case, messages=case.messages[:length])
        assert [list(rule(cut)) is not None for rule in RULES] == [True] * len(RULES)


ITEMS = [
    {
        "id": f"it_{number:05}",
        "name": f"Lamp {number}",
        "status": "open",
        "due_date": f"2025-{1 + number % 12:02}-{1 + number % 28:02}",
        "created_at": f"2025-09-{1 + number % 28:02}T10:00:00Z",
        "price": 1000 + number,
        "owner": {"name": f"Person {number}", "email": f"p{number}@lamps.io"},
    }
    for number in range(5000)
]
BUSY = {"free": [], "busy": []}
for number in range(2500):
    for key in BUSY:
        day, minute = 1 + number % 28, number % 60
        BUSY[key].append(
            {"start": f"2025-10-{day:02}T10:{minute:02}:00Z", "end": f"2025-10-{day:02}T11:{minute:02}:00Z"}
        )


@pytest.mark.parametrize(
    ("name", "content", "request_text", "reply"),
    [
        pytest.param(
            "LIST_LAMPS", {"lamps": ITEMS}, "Who owns which lamps, and what's the price?", "All listed.", id="told"
        ),
        pytest.param("LIST_LAMPS", ITEMS, "Delete that lamp.", "Lamp 4999 is open, in Oslo.", id="named"),
        pytest.param("GET_TIMES", BUSY, "When is it free?", "At noon.", id="slots"),
    ],
)
def test_a_long_result_takes_no_longer_than_it_must(name, content, request_text, reply):
    """Rules look at each item a few times, never at each pair.

    5,000 items take about 0.2 s, pairs would take minutes.
    """
    deletes = step("DELETE_LAMP", {"lamp_id": "it_04999"}, {"lamp": {"id": "it_04999"}})
    case = talk(request_text, step(name, {}, content), deletes, reply)
    start = time.process_time()
    for rule in RULES:
        list(rule(case))
    assert time.process_time() - start < 3


def test_a_long_text_takes_no_longer_than_it_must():
    text = "please could you may i and also so now ok right well let's " * 400 + "the lamp's " * 2000
    case = talk(text, step("LIST_LAMPS", {"q": text}, {"text": text}), text, "Ok.", "Bye.")
    start = time.process_time()
    for rule in RULES:
        list(rule(case))
    assert time.process_time() - start < 10
