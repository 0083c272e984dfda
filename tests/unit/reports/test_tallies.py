"""What is counted in one conversation, case by case: what counts, and what does not."""

import pytest
from dialogue_cases import CLEAN, CONTACTS, TOOLS, assistant, call, case, result, user

from funcdex_assets.records.plan import PlannedArgument, PlannedStep
from funcdex_assets.reports import tallies

FOUND = (
    user("Find Bo."),
    assistant(None, call(1, "FIND_CONTACT", query="Bo")),
    result(1, "FIND_CONTACT", {"contacts": []}),
)


def test_the_clean_conversation_is_clean():
    assert tallies.count_valid_calls(CLEAN, TOOLS) == (2, 2)
    assert tallies.count_valid_results(CLEAN, TOOLS) == (2, 2)
    assert tallies.count_grounded(CLEAN, case().provenance) == (3, 3)
    assert tallies.count_differing_echoes(CLEAN) == (0, 0)
    assert (tallies.count_errors(CLEAN), tallies.count_empty_results(CLEAN)) == (0, 0)
    assert not tallies.has_recovered(CLEAN)
    assert not tallies.has_parallel_calls(CLEAN)
    assert not tallies.speaks_first(CLEAN)


@pytest.mark.parametrize(
    ("made", "valid"),
    [
        pytest.param(call(1, "FIND_CONTACT", query="Bo"), (1, 1), id="valid"),
        pytest.param(call(1, "FIND_CONTACT"), (0, 1), id="a required argument is missing"),
        pytest.param(call(1, "FIND_CONTACT", query=3), (0, 1), id="a wrong type"),
        pytest.param(call(1, "FIND_FRIEND", query="Bo"), (0, 1), id="a tool that is not on offer"),
    ],
)
def test_valid_calls(made, valid):
    assert tallies.count_valid_calls((user("Find Bo."), assistant(None, made)), TOOLS) == valid


def test_a_late_tool_is_on_offer_once_the_user_has_brought_it():
    made = assistant(None, call(1, "FIND_CONTACT", query="Bo"))
    brought = user('There is one now: {"type": "function", "function": {"name": "FIND_CONTACT"}}')
    assert tallies.count_valid_calls((user("Find Bo with FIND_CONTACT."), made, brought), {}, TOOLS) == (0, 1)
    assert tallies.count_valid_calls((user("Find Bo."), brought, made), {}, TOOLS) == (1, 1)


def test_errors_and_results_without_a_schema_are_not_judged():
    broken = (*CLEAN[:2], result(1, "FIND_CONTACT", {"people": 1}))
    assert tallies.count_valid_results(broken, TOOLS) == (0, 1)
    assert tallies.count_valid_results((*CLEAN[:2], result(1, "FIND_CONTACT", {"people": 1}, error=True)), TOOLS) == (
        0,
        0,
    )


def test_an_argument_without_a_source_is_not_grounded():
    assert tallies.count_grounded(CLEAN, ()) == (0, 3)


def _step(tool: str, turn: int, **said: str) -> PlannedStep:
    return PlannedStep(
        tool=tool,
        turn=turn,
        arguments=tuple(
            PlannedArgument(argument=f"/{name}", source="user", value=value, surface=value)
            for name, value in said.items()
        ),
    )


@pytest.mark.parametrize(
    ("steps", "wrong_and_said"),
    [
        pytest.param([_step("FIND_CONTACT", 0, query="Varga")], (0, 1), id="said and called so"),
        pytest.param([_step("FIND_CONTACT", 0, query="varga")], (1, 1), id="called otherwise"),
        pytest.param([_step("FIND_CONTACT", 0, query="Lund")], (0, 0), id="planned and never said"),
        pytest.param([_step("FIND_CONTACT", 0, query="Snow on the roof")], (0, 0), id="said only afterwards"),
        pytest.param([_step("SEND_EMAIL", 1, subject="Snow on the roof")], (0, 1), id="a later call"),
        pytest.param([_step("FIND_CONTACT", 0), _step("FIND_CONTACT", 1, query="Lund")], (0, 0), id="steps in order"),
    ],
)
def test_contradicted(steps, wrong_and_said):
    assert tallies.count_contradicted(CLEAN, steps) == wrong_and_said


def test_each_call_has_the_next_step_of_its_tool():
    twice = (
        user("Find Bo, then Cy."),
        assistant(None, call(1, "FIND_CONTACT", query="Bo"), call(2, "FIND_CONTACT", query="Bo")),
    )
    steps = [_step("FIND_CONTACT", 0, query="Bo"), _step("FIND_CONTACT", 0, query="Cy")]
    assert tallies.count_contradicted(twice, steps) == (1, 2)


@pytest.mark.parametrize(
    ("name", "arguments", "content", "expected"),
    [
        pytest.param("GET_THREAD", {"thread_id": "t_1"}, {"thread_id": "t_1"}, (0, 1), id="the same"),
        pytest.param("GET_THREAD", {"thread_id": "t_1"}, {"thread_id": "t_2"}, (1, 1), id="another"),
        pytest.param("GET_THREAD", {"thread_id": "t_1"}, {"id": "t_2"}, (1, 1), id="its id"),
        pytest.param("GET_THREAD", {"thread_id": "t_1"}, {"thread": {"id": "t_2"}}, (1, 1), id="within"),
        pytest.param("GET_THREAD", {"label_id": "l_1"}, {"id": "t_2"}, (0, 0), id="the id of something else"),
        pytest.param("COPY_FILE", {"file_id": "f_1"}, {"file_id": "f_2"}, (0, 0), id="a copy has a new id"),
        pytest.param("CREATE_TASK", {"project_id": "p_1"}, {"id": "t", "project_id": "p_2"}, (1, 1), id="where it is"),
        pytest.param("SEND_MESSAGE", {"message_id": "m_1"}, {"message_id": "m_2"}, (0, 0), id="a new message"),
        pytest.param(
            "LIST_THREADS", {"label_id": "l_1"}, {"threads": [{"label_id": "l_2"}]}, (0, 0), id="not in lists"
        ),
        pytest.param("GET_THREAD", {"query": "a"}, {"query": "b"}, (0, 0), id="no id"),
    ],
)
def test_echoes(name, arguments, content, expected):
    messages = (user("Go."), assistant(None, call(1, name, **arguments)), result(1, name, content))
    assert tallies.count_differing_echoes(messages) == expected


@pytest.mark.parametrize(
    ("name", "content", "empty"),
    [
        pytest.param("FIND_CONTACT", {"contacts": [], "total": 0}, True, id="no contacts"),
        pytest.param("FIND_CONTACT", [], True, id="an empty list"),
        pytest.param("FIND_CONTACT", CONTACTS, False, id="some"),
        pytest.param("FIND_CONTACT", {"count": 0}, False, id="nothing that could be empty"),
        pytest.param("GET_CONTACT", {"labels": []}, False, id="a thing without labels was found"),
    ],
)
def test_empty_results(name, content, empty):
    messages = (user("Go."), assistant(None, call(1, name)), result(1, name, content))
    assert tallies.count_empty_results(messages) == int(empty)


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        pytest.param((), False, id="left"),
        pytest.param((call(2, "FIND_CONTACT", query="Varga"), CONTACTS, False), True, id="found with other words"),
        pytest.param((call(2, "FIND_CONTACT", query="Varga"), {"contacts": []}, False), False, id="empty again"),
        pytest.param((call(2, "FIND_CONTACT", query="Varga"), {"code": 503}, True), False, id="an error again"),
        pytest.param((call(2, "SEND_EMAIL", to="a@b.io"), {"message_id": "m"}, False), False, id="another tool"),
        pytest.param((call(2, "LIST_CONTACTS"), CONTACTS, False), True, id="another tool that reads the same"),
        pytest.param((call(2, "LIST_CONTACTS"), {"contacts": []}, False), False, id="which finds nothing either"),
    ],
)
def test_recovered(then, expected):
    more = ()
    if then:
        made, content, error = then
        more = (assistant(None, made), result(2, made.name, content, error))
    assert tallies.has_recovered((*FOUND, *more)) is expected


def test_what_reads_the_same_makes_good_only_what_the_user_still_waits_for():
    made = (assistant(None, call(2, "LIST_CONTACTS")), result(2, "LIST_CONTACTS", CONTACTS))
    assert not tallies.has_recovered((*FOUND, assistant("Nobody there."), user("List all, then."), *made))
    at_once = (user("Go."), assistant(None, call(1, "FIND_CONTACT"), call(2, "LIST_CONTACTS")))
    assert not tallies.has_recovered((*at_once, result(1, "FIND_CONTACT", {"contacts": []}), made[1]))


def test_turns_before_the_first_call_and_parallel_calls():
    asked = (user("Find somebody."), assistant("Whom?"), user("Bo."), *FOUND[1:])
    assert tallies.speaks_first(asked)
    assert not tallies.speaks_first((user("Hello."), assistant("Hello.")))
    both = assistant(None, call(1, "FIND_CONTACT", query="Bo"), call(2, "FIND_CONTACT", query="Cy"))
    assert tallies.has_parallel_calls((user("Find Bo and Cy."), both))
