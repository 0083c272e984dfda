"""How calls are spoken of. Every template is filled, and what is told is in the words."""

from datetime import datetime
from random import Random

import pytest
from offline import casts, shipped_tools

from funcdex_assets.language import phrases, reports
from funcdex_assets.language.facts import plan_arguments
from funcdex_assets.language.lexicon import slots_of
from funcdex_assets.language.spoken import find_words
from funcdex_assets.records import Binding, ChainStep, PlannedArgument, PlannedStep, Tool
from funcdex_assets.tool_graph.graph import needed_ids

NOW = datetime.fromisoformat("2025-10-01T09:30:00+02:00")
HERE = casts("gmail", 1)[0].situation
SEEDS = range(12)
TOOLS = {tool.name: tool for tool in shipped_tools()}


def fact(argument: str, surface: str) -> PlannedArgument:
    return PlannedArgument(argument=argument, source="user", value=surface, surface=surface)


def found(argument: str, result: str) -> PlannedArgument:
    return PlannedArgument(argument=argument, source="result", step=0, result=result)


def asked(tool: Tool, step: PlannedStep, rng: Random) -> tuple[str, list[str]]:
    told = [argument for argument in step.arguments if argument.source == "user"]
    references = {
        argument.argument: phrases.reference(argument, "thing", False, rng)
        for argument in step.arguments
        if argument.source == "result"
    }
    return phrases.ask(step, tool, told, references, rng)


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_every_ask_of_every_shipped_tool_is_filled_and_states_all_facts(name):
    tool = TOOLS[name]
    bindings = tuple(Binding(argument=path, step=0, result="/id", kind="id") for path in needed_ids(tool))
    for seed in SEEDS:
        rng = Random(seed)
        planned = plan_arguments(tool, ChainStep(tool=name, bindings=bindings), HERE, rng)
        step = PlannedStep(tool=name, turn=0, arguments=planned)
        request, more = asked(tool, step, rng)
        text = " ".join([request, *more])
        assert not slots_of(text), text
        assert [one.surface for one in planned if one.source == "user" and not find_words(text, [one.surface])] == []


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_every_report_of_every_shipped_tool_is_filled(name):
    for seed in SEEDS:
        for result in ({}, {"id": "x1", "title": "Gym roof"}, {"items": [{"title": "Gym roof"}]}):
            text = reports.report(TOOLS[name], {}, result, NOW, Random(seed))
            assert text.endswith("."), text
            assert not slots_of(text)
        assert not slots_of(phrases.doing(name, Random(seed)))


SEND = Tool(
    toolkit="t", name="DISPATCH_PARCEL", description="", parameters={"type": "object"}, returns=None, source="test"
)


def test_a_tool_without_phrases_is_spoken_of_after_its_name():
    step = PlannedStep(tool=SEND.name, turn=0, arguments=(fact("/depot_code", "PX-3"),))
    request, more = asked(SEND, step, Random(1))
    assert "parcel" in request
    assert "PX-3" in " ".join([request, *more])


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("REPLY_TO_THREAD", "reply to the thread"),
        ("SEND_EMAIL", "send the email"),
        ("CREATE_EVENT", "create an event"),
        ("CREATE_CALENDAR", "create a calendar"),
        ("LIST_FILES", "list files"),
        ("FETCH_MESSAGE_BY_MESSAGE_ID", "fetch the message"),
        ("UPDATE_TEXT_ACTION", "update the text"),
    ],
)
def test_infinitive(tool, said):
    assert phrases.infinitive(tool, Random(0)) == said


@pytest.mark.parametrize(
    ("verb", "form"),
    [("move", "moving"), ("get", "getting"), ("send", "sending"), ("see", "seeing"), ("run", "running")],
)
def test_gerund(verb, form):
    assert phrases.gerund(verb) == form


@pytest.mark.parametrize(
    ("pointer", "said"),
    [
        ("/recipient_email", "recipient email"),
        ("/attendees/0/email", "attendee email"),
        ("/start/dateTime", "start"),
        ("/due_date", "due"),
        ("/date", "date"),
        ("/time_min", "earliest time"),
        ("/max_start_time", "latest time"),
        ("/fileId", "file id"),
    ],
)
def test_argument_words(pointer, said):
    assert phrases.argument_words(pointer) == said


@pytest.mark.parametrize(
    ("pointers", "said"),
    [
        (["/subject"], "the subject"),
        (["/subject", "/body"], "the subject and the body"),
        (["/subject", "/body", "/to"], "the subject, the body and the to"),
        (["/to/0", "/to/1"], "the to"),
    ],
)
def test_what_is_missing_is_named_once(pointers, said):
    assert phrases.missing([fact(pointer, "x") for pointer in pointers]) == said


@pytest.mark.parametrize(
    ("argument", "quoted"),
    [
        pytest.param(fact("/subject", "gym roof snow load"), '"gym roof snow load"', id="the user's own text"),
        pytest.param(fact("/subject", "Gym Roof"), "Gym Roof", id="a short name needs no quotes"),
        pytest.param(fact("/body", "Gym Roof"), '"Gym Roof"', id="but a body does"),
        pytest.param(fact("/query", "invoice"), "invoice", id="one word"),
        pytest.param(fact("/to", "mia@x.io and tom@x.io"), "mia@x.io and tom@x.io", id="addresses"),
        pytest.param(fact("/due_date", "October 15"), "October 15", id="a date"),
    ],
)
def test_quote(argument, quoted):
    assert phrases.quote(argument) == quoted


@pytest.mark.parametrize(
    ("argument", "kind", "fresh", "said"),
    [
        pytest.param(
            found("/thread_id", "/id"), "x", True, {"that thread", "the thread", "this thread"}, id="what the id names"
        ),
        pytest.param(
            found("/thread_id", "/threads/*/id"),
            "x",
            False,
            {"that thread", "the first thread", "the top thread"},
            id="one of several listed before",
        ),
        pytest.param(
            found("/thread_id", "/threads/*/id"), "x", True, {"that thread", "the thread"}, id="one not yet listed"
        ),
        pytest.param(
            found("/message_id", "/message_id"), "email", True, {"that email", "the email", "this email"}, id="an email"
        ),
        pytest.param(found("/to", "/messages/*/from/email"), "x", True, {"the sender"}, id="an address by its owner"),
        pytest.param(found("/to", "/attendees/*/email"), "x", True, {"the attendee"}, id="an owner among many"),
        pytest.param(found("/to", "/email"), "x", True, {"that person"}, id="an address of nobody named"),
        pytest.param(
            found("/query", "/subject"),
            "x",
            True,
            {"the same subject", "that subject", "that same subject"},
            id="a text from elsewhere",
        ),
        pytest.param(
            found("/task_id", "/tasks/1/id"), "task", False, {"the second task", "the second one"}, id="the second"
        ),
        pytest.param(found("/task_id", "/tasks/2/id"), "task", True, {"the third task", "the third one"}, id="a third"),
        pytest.param(
            found("/project_id", "/tasks/1/project/id"),
            "task",
            True,
            {"the project of the second task"},
            id="what belongs to the second",
        ),
        pytest.param(
            found("/user_id", "/members/1/user/id"), "member", True, {"the second member"}, id="the second is a person"
        ),
        pytest.param(
            found("/to", "/messages/1/from/email"), "email", True, {"the sender of the second email"}, id="its sender"
        ),
        pytest.param(found("/to", "/people/2/email"), "person", True, {"the third person"}, id="its own address"),
        pytest.param(
            found("/query", "/files/1/name"), "file", True, {"the name of the second file"}, id="a text of the second"
        ),
    ],
)
def test_references_to_earlier_results(argument, kind, fresh, said):
    assert {phrases.reference(argument, kind, fresh, Random(seed)) for seed in range(60)} == said


@pytest.mark.parametrize(
    ("reference", "kind", "thing"),
    [
        ("that thread", "thread", "the thread"),
        ("this thread", "thread", "the thread"),
        ("that same title", "task", "the title"),
        ("the second one", "board", "the second board"),
        ("the top thread", "thread", "the top thread"),
        ("the sender", "email", "the sender"),
    ],
)
def test_what_is_from_long_ago_is_no_longer_that_one(reference, kind, thing):
    said = {phrases.from_long_ago(reference, kind, Random(seed)) for seed in range(60)}
    assert len(said) >= 6
    assert [text for text in said if not text.startswith(f"{thing} ")] == []


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_every_ask_of_every_shipped_tool_names_what_is_distant(name):
    tool = TOOLS[name]
    for path in [*needed_ids(tool), "/name"]:
        step = PlannedStep(tool=name, turn=1, arguments=(found(path, "/things/*/id"),))
        for seed in SEEDS:
            request, _ = phrases.ask(step, tool, [], {path: "the kiln from before"}, Random(seed), {path})
            assert "the kiln from before" in request


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_every_ask_of_every_shipped_tool_says_which_thing_is_meant_if_not_the_first(name):
    """Whichever of its arguments is taken from there; nobody could know otherwise."""
    tool = TOOLS[name]
    for path in [*needed_ids(tool), "/name"]:
        step = PlannedStep(tool=name, turn=1, arguments=(found(path, "/things/1/id"),))
        for seed in SEEDS:
            request, more = asked(tool, step, Random(seed))
            assert find_words(request, ["the second"]), request
            assert more == []


def test_a_phrase_with_a_place_for_the_thing_is_rather_used_than_one_to_which_it_has_to_be_added():
    arguments = (fact("/content", "Gym Roof"), found("/project_id", "/projects/1/id"))
    step = PlannedStep(tool="CREATE_TASK", turn=1, arguments=arguments)
    requests = {asked(TOOLS["CREATE_TASK"], step, Random(seed))[0] for seed in range(60)}
    assert not [request for request in requests if request.endswith((" for the second project", " for the second one"))]


@pytest.mark.parametrize("name", ["LIST_THREADS", "SEARCH_ISSUES"])
def test_the_next_page_is_asked_for_as_such(name):
    step = PlannedStep(tool=name, turn=1, arguments=(found("/page_token", "/next_page_token"),))
    assert phrases.ask(step, TOOLS[name], [], {}, Random(3)) in [(text, []) for text in phrases.NEXT_PAGE]


def test_several_items_of_one_list_are_told_together():
    step = PlannedStep(
        tool="DISPATCH_PARCEL", turn=0, arguments=(fact("/tags/0", "fragile"), fact("/tags/1", "urgent"))
    )
    request, more = asked(SEND, step, Random(1))
    assert "fragile and urgent" in " ".join([request, *more])


# ── reports ───────────────────────────────────────────────────────────────────────────────────


def reporting(name: str, returns: object = None) -> Tool:
    return Tool(toolkit="t", name=name, description="", parameters={"type": "object"}, returns=returns, source="test")


def all_reports(tool: Tool, result: object) -> set[str]:
    return {reports.report(tool, {}, result, NOW, Random(seed)) for seed in range(30)}


def test_a_listing_is_counted_and_named():
    threads = [{"id": str(index), "subject": f"Roof {index}", "unread": True} for index in range(4)]
    for text in all_reports(reporting("LIST_CONVOYS"), {"threads": threads, "total": 4}):
        assert "4 threads" in text
        assert "Roof 0" in text
        assert "Roof 3" not in text  # three are enough


def test_one_found_is_said_as_one():
    for text in all_reports(reporting("LIST_CONVOYS"), {"threads": [{"id": "7", "subject": "Roof"}]}):
        assert " one thread" in text
        assert "Roof" in text


def test_nothing_found_is_said():
    assert all_reports(reporting("LIST_CONVOYS"), {"threads": []}) == {"I found no threads."}


def test_a_thing_is_described_by_its_title_and_telling_details_without_ids():
    event = {"event": {"id": "ev_81", "title": "Roof", "start": "2025-10-02T14:00:00+02:00", "status": "OPEN_NOW"}}
    for text in all_reports(reporting("GET_CONVOY"), event):
        assert '"Roof"' in text
        assert "start tomorrow at 2 pm" in text
        assert "status open now" in text
        assert "ev_81" not in text


def test_cents_are_reported_as_amounts():
    returns = {"type": "object", "properties": {"amount": {"type": "integer", "description": "In cents."}}}
    assert all("$19.05" in text for text in all_reports(reporting("GET_CHARGE", returns), {"amount": 1905}))
    assert all("1905" in text for text in all_reports(reporting("GET_CHARGE"), {"amount": 1905}))
