"""Whose world it is that nobody wrote a conversation for: somebody at a company of the seed, who works on something."""

import re

import pytest
from goal_cases import list_tools

from funcdex_assets.language.lexicon import derive_domain, load_industries
from funcdex_assets.schema.json_pointers import list_scalars
from funcdex_assets.world_server.sandbox import SANDBOX_MOMENT, build_sandbox_situation
from funcdex_assets.world_server.session import WorldSession

BROKEN_TEXTS = {
    "a title about nothing": re.compile(r"(?::|—| the| for) ?$|^ ?(?::|—) "),
    "an address at no company": re.compile(r"@x\.com|@example\."),
    "a slot that is not filled": re.compile(r"\{\w+\}|  |\b(?:from|at|of|the) [.,?!]"),
}


@pytest.mark.parametrize("seed", range(5))
def test_the_user_works_on_a_matter_at_a_company_of_its_industry(seed):
    situation = build_sandbox_situation([], "Zoë Lang", SANDBOX_MOMENT, seed)
    persona, entry = situation.persona, load_industries()[situation.persona.industry]
    assert persona.company in entry["companies"]
    assert persona.position in entry["positions"]
    assert situation.matter in entry["matters"]
    assert situation.scenario.industry == persona.industry
    assert persona.email == f"zoe.lang@{derive_domain(persona.company)}"
    assert persona.company in persona.context


def test_the_seed_decides_on_the_company():
    companies = [build_sandbox_situation([], "Ada", SANDBOX_MOMENT, seed).persona.company for seed in (1, 1, *range(9))]
    assert companies[0] == companies[1]
    assert len(set(companies)) > 3


@pytest.mark.parametrize(
    ("user", "local_part"),
    [("Ada", "ada"), ("Ada King Byron", "ada.king.byron"), ("Łukasz O'Neil", "lukasz.oneil"), (" ", "user")],
    ids=["one name", "three names", "letters that addresses lack", "no name"],
)
def test_the_address_is_made_of_the_name(user, local_part):
    assert build_sandbox_situation([], user, SANDBOX_MOMENT).persona.email.partition("@")[0] == local_part


@pytest.mark.parametrize("partition", ["gmail", "googlecalendar", "asana", "todoist", "jira"])
def test_texts_and_addresses_are_whole(partition):
    tools = list_tools(partition)
    session = WorldSession(tools, build_sandbox_situation(tools, "Alex Moreau", SANDBOX_MOMENT, 7), 7)
    answers = [session.call(tool.name, {}).content for tool in tools if not tool.parameters.get("required")]
    texts = [text for _, text in list_scalars(answers) if isinstance(text, str) and text]
    assert texts
    assert [(reason, text) for text in texts for reason, broken in BROKEN_TEXTS.items() if broken.search(text)] == []
