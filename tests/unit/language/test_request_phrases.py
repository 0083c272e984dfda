"""How calls are spoken of. Every template is filled, and what is told is in the words."""

import re
from datetime import datetime
from random import Random

import pytest
from offline import casts, shipped_tools

from funcdex_assets.language import request_phrases, result_reports, values
from funcdex_assets.language.lexicon import find_slots, load_phrasebook
from funcdex_assets.language.spoken_values import find_first_form
from funcdex_assets.planning.arguments import plan_arguments
from funcdex_assets.records.plan import PlannedArgument, PlannedStep
from funcdex_assets.records.tool import Binding, ChainStep, Tool
from funcdex_assets.tool_graph.graph import find_needed_ids

NOW = datetime.fromisoformat("2025-10-01T09:30:00+02:00")
HERE = casts("gmail", 1)[0].situation
SEEDS = range(12)
TOOLS = {tool.name: tool for tool in shipped_tools()}


def fact(argument: str, surface: str) -> PlannedArgument:
    return PlannedArgument(argument=argument, source="user", value=surface, surface=surface)


def found(argument: str, result: str) -> PlannedArgument:
    return PlannedArgument(argument=argument, source="result", step=0, result=result)


def asked(tool: Tool, step: PlannedStep, rng: Random) -> request_phrases.RequestPhrase:
    told = [argument for argument in step.arguments if argument.source == "user"]
    references = {
        argument.argument: request_phrases.phrase_reference(argument, "thing", False, rng)
        for argument in step.arguments
        if argument.source == "result"
    }
    return request_phrases.phrase_request(tool, told, references, rng)


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_every_ask_of_every_shipped_tool_is_filled_and_states_all_facts(name):
    tool = TOOLS[name]
    bindings = tuple(Binding(argument=path, step=0, result="/id", kind="id") for path in find_needed_ids(tool))
    for seed in SEEDS:
        rng = Random(seed)
        planned = plan_arguments(tool, ChainStep(tool=name, bindings=bindings), HERE, rng)
        step = PlannedStep(tool=name, turn=0, arguments=planned)
        request, more, _ = asked(tool, step, rng)
        text = " ".join([request, *more])
        assert not find_slots(text), text
        assert [
            one.surface for one in planned if one.source == "user" and not find_first_form(text, [one.surface])
        ] == []


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_every_report_of_every_shipped_tool_is_filled(name):
    for seed in SEEDS:
        for result in ({}, {"id": "x1", "title": "Gym roof"}, {"items": [{"title": "Gym roof"}]}):
            text = result_reports.report_result(TOOLS[name], {}, result, NOW, Random(seed))
            assert text.endswith("."), text
            assert not find_slots(text)
        assert not find_slots(request_phrases.render_tool_gerund(name, Random(seed)))


SEND = Tool(
    toolkit="t", name="DISPATCH_PARCEL", description="", parameters={"type": "object"}, returns=None, source="test"
)


def test_a_tool_without_phrases_is_spoken_of_after_its_name():
    step = PlannedStep(tool=SEND.name, turn=0, arguments=(fact("/depot_code", "PX-3"),))
    request, more, _ = asked(SEND, step, Random(1))
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
    assert request_phrases.render_tool_infinitive(tool, Random(0)) == said


@pytest.mark.parametrize(
    ("verb", "form"),
    [("move", "moving"), ("get", "getting"), ("send", "sending"), ("see", "seeing"), ("run", "running")],
)
def test_gerund(verb, form):
    assert request_phrases.to_gerund(verb) == form


@pytest.mark.parametrize(
    ("pointer", "said"),
    [
        ("/recipient_email", "recipient email"),
        ("/attendees/0/email", "attendee email"),
        ("/start/dateTime", "start time"),
        ("/due_date", "due date"),
        ("/due_on", "due date"),
        ("/to", "recipient"),
        ("/body", "text"),
        ("/date_setting/start_date", "start date"),
        ("/date", "date"),
        ("/time_min", "earliest time"),
        ("/max_start_time", "latest start time"),
        ("/fileId", "file id"),
    ],
)
def test_argument_words(pointer, said):
    assert request_phrases.render_argument_name(pointer) == said


@pytest.mark.parametrize(
    ("pointers", "said"),
    [
        (["/subject"], "the subject"),
        (["/subject", "/body"], "the subject and the text"),
        (["/subject", "/body", "/to"], "the subject, the text and the recipient"),
        (["/to/0", "/to/1"], "the recipient"),
    ],
)
def test_what_is_missing_is_named_once(pointers, said):
    assert request_phrases.render_missing_arguments([fact(pointer, "x") for pointer in pointers]) == said


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
    assert request_phrases.quote_free_text(argument) == quoted


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
            found("/photo", "/albums/*/photo_ids/*"),
            "album",
            True,
            {"the photo of the first album"},
            id="an id in an array of plain ids",
        ),
        pytest.param(
            found("/tag", "/labels/*"),
            "shelf",
            True,
            {"the same label", "that label", "that same label"},
            id="a plain value in an array",
        ),
        pytest.param(
            found("/tag", "/*"),
            "shelf",
            True,
            {"the same shelf", "that shelf", "that same shelf"},
            id="a result that is an array",
        ),
        pytest.param(
            found("/tag", ""),
            "",
            True,
            {"the same value", "that value", "that same value"},
            id="a result that is a value",
        ),
        pytest.param(
            found("/query", "/files/1/name"), "file", True, {"the name of the second file"}, id="a text of the second"
        ),
    ],
)
def test_references_to_earlier_results(argument, kind, fresh, said):
    assert {request_phrases.phrase_reference(argument, kind, fresh, Random(seed)) for seed in range(60)} == said


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
    said = {request_phrases.phrase_distant_reference(reference, kind, Random(seed)) for seed in range(60)}
    assert len(said) >= 6
    assert [text for text in said if not text.startswith(f"{thing} ")] == []


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_every_ask_of_every_shipped_tool_names_what_is_distant(name):
    tool = TOOLS[name]
    for path in [*find_needed_ids(tool), "/name"]:
        for seed in SEEDS:
            request, _, _ = request_phrases.phrase_request(
                tool, [], {path: "the kiln from before"}, Random(seed), distant_pointers={path}
            )
            assert "the kiln from before" in request


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_every_ask_of_every_shipped_tool_says_which_thing_is_meant_if_not_the_first(name):
    """Whichever of its arguments is taken from there; nobody could know otherwise."""
    tool = TOOLS[name]
    for path in [*find_needed_ids(tool), "/name"]:
        step = PlannedStep(tool=name, turn=1, arguments=(found(path, "/things/1/id"),))
        for seed in SEEDS:
            request, more, _ = asked(tool, step, Random(seed))
            assert find_first_form(request, ["the second"]), request
            assert more == []


def test_a_phrase_with_a_place_for_the_thing_is_rather_used_than_one_to_which_it_has_to_be_added():
    arguments = (fact("/content", "Gym Roof"), found("/project_id", "/projects/1/id"))
    step = PlannedStep(tool="CREATE_TASK", turn=1, arguments=arguments)
    requests = {asked(TOOLS["CREATE_TASK"], step, Random(seed))[0] for seed in range(60)}
    assert not [request for request in requests if request.endswith((" for the second project", " for the second one"))]


def test_the_next_page_is_asked_for_in_words_that_were_not_used():
    said = ""
    for _ in request_phrases.NEXT_PAGE_REQUESTS:
        request, more, alone = request_phrases.phrase_next_page_request(said, Random(3))
        assert request in request_phrases.NEXT_PAGE_REQUESTS
        assert (more, alone) == ([], request.endswith("?"))
        assert request.rstrip("?") not in said
        said += f"Then {request} "


def test_several_items_of_one_list_are_told_together():
    step = PlannedStep(
        tool="DISPATCH_PARCEL", turn=0, arguments=(fact("/tags/0", "fragile"), fact("/tags/1", "urgent"))
    )
    request, more, _ = asked(SEND, step, Random(1))
    assert "fragile and urgent" in " ".join([request, *more])


# ── reports ───────────────────────────────────────────────────────────────────────────────────


def reporting(name: str, returns: object = None) -> Tool:
    return Tool(toolkit="t", name=name, description="", parameters={"type": "object"}, returns=returns, source="test")


def all_reports(tool: Tool, result: object) -> set[str]:
    return {result_reports.report_result(tool, {}, result, NOW, Random(seed)) for seed in range(30)}


def test_a_listing_is_counted_and_named():
    threads = [{"id": str(index), "subject": f"Roof {index}", "unread": True} for index in range(4)]
    for text in all_reports(reporting("LIST_CONVOYS"), {"threads": threads, "total": 4}):
        assert "4 threads" in text
        assert "Roof 0" in text
        assert "Roof 3" in text


def test_one_found_is_said_as_one():
    for text in all_reports(reporting("LIST_CONVOYS"), {"threads": [{"id": "7", "subject": "Roof"}]}):
        assert re.search(r"\b(?:one|single) thread\b", text)
        assert "Roof" in text


def test_nothing_found_is_said():
    assert all_reports(reporting("LIST_CONVOYS"), {"threads": []}) == {
        "I found no threads.",
        "There are no threads.",
        "No threads came up.",
        "There aren't any threads.",
    }


def test_a_thing_is_described_by_its_title_and_telling_details_without_ids():
    event = {"event": {"id": "ev_81", "title": "Roof", "start": "2025-10-02T14:00:00+02:00", "status": "OPEN_NOW"}}
    for text in all_reports(reporting("GET_CONVOY"), event):
        assert '"Roof"' in text
        assert "starts tomorrow at 2 pm" in text
        assert "open now" in text
        assert "ev_81" not in text


def test_cents_are_reported_as_amounts():
    returns = {"type": "object", "properties": {"amount": {"type": "integer", "description": "In cents."}}}
    assert all("$19.05" in text for text in all_reports(reporting("GET_CHARGE", returns), {"amount": 1905}))
    assert all("1905" in text for text in all_reports(reporting("GET_CHARGE"), {"amount": 1905}))
    priced = {"amount": 1905, "currency": "eur"}
    assert all("19.05 EUR" in text for text in all_reports(reporting("GET_CHARGE", returns), priced))


# ── what has to be said ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("template", "alone"),
    [
        ("add a task", False),
        ("please tag {task_gid}", False),
        ("we're running a promotion, {name}", True),
        ("{task_id} is done", True),
        ("they shouldn't be able to open {fileId} any more", True),
        ("let's send something with reply buttons", True),
    ],
)
def test_a_request_with_a_subject_is_a_sentence_of_its_own(template, alone):
    assert request_phrases._is_statement(template) is alone


def test_no_request_of_the_phrasebook_that_is_a_sentence_goes_on_from_could_you():
    verbs = "the we they it this that these there some nothing".split()
    wrong = [
        text
        for entry in load_phrasebook().values()
        for text, _ in entry.asks
        if not text.endswith("?")
        and not request_phrases._is_statement(text)
        and text.split()[0].rstrip("'").lower() in verbs
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "argument", "result"),
    [
        ("LIST_INVOICES", "/customer_id", "/customers/*/id"),  # a filter nobody could guess
        ("LIST_COMPLETED_TASKS", "/project_id", "/tasks/*/project_id"),
        ("FIND_FILE", "/q", "/folder/name"),
        ("CREATE_TASK", "/project_id", "/tasks/*/project_id"),
    ],
)
def test_what_a_tool_can_do_without_is_said(name, argument, result):
    tool = TOOLS[name]
    step = PlannedStep(tool=name, turn=0, arguments=(found(argument, result),))
    for seed in SEEDS:
        words = request_phrases.phrase_reference(step.arguments[0], "thing", False, Random(seed))
        request, _, _ = request_phrases.phrase_request(tool, [], {argument: words}, Random(seed))
        assert words in request, request


def test_a_required_id_that_was_just_seen_may_go_without_saying():
    requests = {
        request_phrases.phrase_request(
            TOOLS["GET_EVENT_TYPE"], [], {"/event_type_uuid": "the tiger"}, Random(seed)
        ).text
        for seed in range(40)
    }
    assert any("tiger" not in request for request in requests)


@pytest.mark.parametrize("name", ["PATCH_EVENT", "DELETE_DRAFT", "GET_TRANSITIONS", "EDIT_TASK"])
def test_what_is_done_with_several_things_is_asked_for_in_peoples_words(name):
    (path,) = find_needed_ids(TOOLS[name])[:1]
    for seed in range(40):
        request, more, _ = request_phrases.phrase_request(
            TOOLS[name], [], {path: "the first two things"}, Random(seed), for_several=True
        )
        assert "the first two things" in request
        assert more == []
        assert "patch" not in request
        assert not {"it", "its", "this", "that"} & set(request.split())


@pytest.mark.parametrize(
    ("argument", "result", "source", "in_view", "said"),
    [
        ("/project_id", "/tasks/1/project_id", "task", True, {"the project of the second task"}),
        ("/task_id", "/tasks/1/id", "task", True, {"the second task", "the second one"}),
        ("/task_id", "/tasks/1/id", "task", False, {"the second task"}),
        ("/project_id", "/tasks/*/project_id", "task", True, {"the project of the first task"}),
    ],
)
def test_a_reference_cannot_be_taken_for_another_thing(argument, result, source, in_view, said):
    spoken = {
        request_phrases.phrase_reference(found(argument, result), source, True, Random(seed), in_view=in_view)
        for seed in range(40)
    }
    assert spoken == said


def test_the_two_wordings_of_a_replacement_are_told_apart():
    told = [
        request_phrases.phrase_fact_sentence(fact(f"/{name}_text", "x" * 60), Random(seed))
        for name in ("find", "replace")
        for seed in SEEDS
    ]
    assert len({text for text in told if text.startswith("Write")}) == 0


# ── what answers the question ─────────────────────────────────────────────────────────────────

FILE = {"file": {"id": "f1", "name": "Roof", "owners": [{"email": "bo@x.org"}], "size": 2048, "status": "final"}}


@pytest.mark.parametrize(
    ("request_", "first"),
    [("who owns that file?", "owned by bo@x.org"), ("how big is it?", "2.0 kB"), ("open that file", "final")],
)
def test_what_was_asked_for_comes_first(request_, first):
    for seed in SEEDS:
        text = result_reports.report_result(reporting("GET_FILE"), {}, FILE, NOW, Random(seed), request_)
        assert re.search(rf'"Roof"(?:: | — ){re.escape(first)}', text), text


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"slot": {"title": "Roof", "duration_minutes": 45}}, "45 minutes"),
        ({"slot": {"title": "Roof", "duration_minutes": 1}}, "1 minute"),
        ({"coupon": {"title": "Roof", "percent_off": 5}}, "5% off"),
        ({"section": {"title": "Roof", "num_tasks": 2}}, "2 tasks"),
        ({"mail": {"title": "Roof", "labels": ["SENT", "Invoices"]}}, "labelled Invoices"),
        ({"shop": {"title": "Roof", "motto": "Open from Monday to Friday"}}, 'motto "Open from Monday to Friday"'),
        ({"mail": {"title": "Roof", "state": "needsAction"}}, "needs action"),
    ],
)
def test_a_detail_is_said_as_people_say_it(result, said):
    assert all(said in text for text in all_reports(reporting("GET_CONVOY"), result))


def test_a_list_that_was_got_is_reported_as_a_list():
    result = {"issue_key": "AB-1", "transitions": [{"id": "1", "name": "Start"}, {"id": "2", "name": "Block"}]}
    assert all(
        "2 transitions" in text and "Block" in text for text in all_reports(reporting("GET_TRANSITIONS"), result)
    )


def test_who_asks_what_it_says_is_told_the_beginning():
    result = {"document_id": "d", "title": "Roof", "plain_text": "The roof leaks over the gym. A tarpaulin is up."}
    text = result_reports.report_result(reporting("GET_TEXT"), {}, result, NOW, Random(1), "what does it say?")
    assert '"The roof leaks over the gym. A tarpaulin is up."' in text


@pytest.mark.parametrize(
    ("matter", "words"),
    [
        ("the cover with too many birds", {"cover"}),
        ("critic's scathing 81-point score", {"scathing 81-point", "scathing 81-point score"}),
        ("guest director from Riga", {"guest director"}),
    ],
)
def test_search_words_stand_together_in_what_is_searched_for(matter, words):
    assert {values.choose_keywords(matter, Random(seed)) for seed in range(20)} == words
