"""What a company has for good: the same people, projects, customers and products in all its conversations."""

from dataclasses import replace
from random import Random
from typing import Any

import msgspec
from offline import casts, tools_of

from funcdex_assets.environment.standing_things import StandingThing, choose_standing_thing, count_standing_things
from funcdex_assets.environment.world import World
from funcdex_assets.language.companies import list_colleagues, list_contacts
from funcdex_assets.language.values import Situation
from funcdex_assets.records.tool import Tool

HERE = casts("gmail", 1)[0].situation
ELSEWHERE = replace(
    HERE, persona=msgspec.structs.replace(HERE.persona, company="Okafor Lindqvist LLP", industry="law firm")
)
JIRA, STRIPE = tools_of("jira"), tools_of("stripe")


def another_day(here: Situation) -> Situation:
    """The same company in another conversation, about another matter."""
    scenario = msgspec.structs.replace(here.scenario, matter="the broken lift in hall C")
    return replace(here, scenario=scenario)


def show(tool: Tool, here: Situation, seed: int, **arguments: Any) -> list[dict[str, Any]]:
    """The items that a listing shows in a new conversation."""
    result = World(here, seed).execute_call(tool, arguments)
    return next(value for value in result.values() if isinstance(value, list))


def by_key(items: list[dict[str, Any]], key: str) -> dict[Any, dict[str, Any]]:
    return {item[key]: item for item in items}


def test_a_company_has_the_same_projects_in_all_its_conversations():
    known: dict[str, dict[str, Any]] = {}
    shown_often = 0
    for seed in range(12):
        here = another_day(HERE) if seed % 2 else HERE
        for key, project in by_key(show(JIRA["LIST_PROJECTS"], here, seed), "project_key").items():
            if key in known:
                shown_often += 1
                assert project["name"] == known[key]["name"]
                assert project.get("project_type") == known[key].get("project_type")
                assert project["lead"] == known[key]["lead"]
            known[key] = project
    assert shown_often > 10
    assert len(known) <= count_standing_things("project")
    assert len({project["name"] for project in known.values()}) == len(known)


def test_another_company_has_others():
    names = [
        {project["project_key"] for seed in range(6) for project in show(JIRA["LIST_PROJECTS"], here, seed)}
        for here in (HERE, ELSEWHERE)
    ]
    assert not names[0] & names[1]


def test_a_board_lies_in_one_of_the_projects_that_are_listed():
    for seed in range(10):
        world = World(HERE, seed)
        boards = world.execute_call(JIRA["LIST_BOARDS"], {})["boards"]
        projects = by_key(world.execute_call(JIRA["LIST_PROJECTS"], {"max_results": 50})["projects"], "project_key")
        for board in boards:
            if "project_key" in board and "project_name" in board:
                assert projects[board["project_key"]]["name"] == board["project_name"]


def test_customers_are_people_outside_and_keep_their_numbers():
    domain = HERE.domain
    known: dict[str, dict[str, Any]] = {}
    for seed in range(12):
        for customer in show(STRIPE["LIST_CUSTOMERS"], HERE, seed):
            assert not customer["email"].endswith(f"@{domain}")
            earlier = known.setdefault(customer["email"], customer)
            assert (customer["id"], customer["name"], customer.get("phone", earlier.get("phone"))) == (
                earlier["id"],
                earlier["name"],
                earlier.get("phone", customer.get("phone")),
            )
    assert len(known) <= count_standing_things("customer")


def test_a_colleague_has_one_identifier_in_all_conversations():
    users = [user for seed in range(15) for user in show(JIRA["FIND_USERS"], HERE, seed, query="a")]
    ids: dict[str, set[str]] = {}
    for user in users:
        ids.setdefault(user["email_address"], set()).add(user["account_id"])
    assert ids
    assert {len(found) for found in ids.values()} == {1}


def test_a_search_finds_what_is_searched_for_and_no_standing_thing_in_its_place():
    for seed in range(6):
        projects = show(JIRA["LIST_PROJECTS"], HERE, seed, query="harbour crane")
        assert all("harbour crane" in project["name"].lower() for project in projects)


def test_a_company_reckons_in_one_currency():
    currencies = {price["currency"] for seed in range(8) for price in show(STRIPE["LIST_PRICES"], HERE, seed)}
    assert len(currencies) == 1


def test_what_is_set_up_is_older_than_every_conversation():
    for index in range(5):
        founding = StandingThing("acme.com", "project", index).find_founding(HERE.now.tzinfo)
        assert founding.year < 2025
        assert founding.tzinfo is HERE.now.tzinfo


def test_no_more_things_are_drawn_than_there_are():
    taken: list[int] = []
    while (thing := choose_standing_thing("acme.com", "team", Random(1), taken)) is not None:
        taken.append(thing.index)
    assert sorted(taken) == list(range(count_standing_things("team")))
    assert choose_standing_thing("acme.com", "message", Random(1)) is None


def test_the_people_of_a_company_have_first_names_of_their_own():
    people = list_colleagues(HERE.domain)
    assert len({person.first_name for person in people}) == len(people) > 10
    assert all(person.email.endswith(f"@{HERE.domain}") for person in people)
    assert not any(person.email.endswith(f"@{HERE.domain}") for person in list_contacts(HERE.domain))
