"""Scenario, persona, disposition, system prompt: what is written offline is complete and consistent."""

from random import Random

import msgspec
import pytest
from offline import PARTITIONS, casts

from funcdex_assets.language.lexicon import derive_domain, find_slots, load_industries
from funcdex_assets.language.values import build_situation
from funcdex_assets.records.plan import PlannedArgument, PlannedStep
from funcdex_assets.records.scenario import Scenario
from funcdex_assets.roles import persona_writer, planner, scenario_writer, system_prompt_writer

CASTS = tuple(cast for partition in PARTITIONS for cast in casts(partition, 12))
SCENARIOS = tuple(cast.situation.scenario for cast in CASTS)
PERSONAS = tuple(cast.situation.persona for cast in CASTS)


# ── scenarios ─────────────────────────────────────────────────────────────────────────────────


def test_a_scenario_is_about_its_matter_and_says_who_has_it():
    for cast in CASTS:
        scenario = cast.situation.scenario
        assert scenario.matter in load_industries()[scenario.industry]["matters"]
        assert scenario.matter.lower() in scenario.text.lower()
        assert scenario.matter.lower() in scenario.title.lower()
        assert scenario.text[0].isupper()
        assert not find_slots(scenario.text + scenario.title)


def test_a_scenario_names_the_steps_of_its_chain_but_no_tool():
    for cast in CASTS:
        scenario = cast.situation.scenario
        assert scenario.tools == tuple(step.tool for step in cast.chain.steps)
        assert (scenario.chain_id, scenario.held_out) == (cast.chain.chain_id, cast.chain.held_out)
        assert not any(tool in scenario.text + scenario.title for tool in scenario.tools)


def test_scenarios_vary():
    assert len({scenario.text for scenario in SCENARIOS}) == len(SCENARIOS)
    assert len({scenario.industry for scenario in SCENARIOS}) > 40


def test_a_models_draft_becomes_a_scenario_of_the_chain():
    cast = CASTS[0]
    tools = tuple(cast.tools[step.tool] for step in cast.chain.steps)
    draft = scenario_writer.ScenarioDraft("space travel", "airlock door", "The door", "Somebody left it open.")
    written = scenario_writer.to_scenario(scenario_writer.ScenarioBrief("scenario_9", cast.chain, tools), draft)
    assert (written.scenario_id, written.chain_id) == ("scenario_9", cast.chain.chain_id)
    assert (written.industry, written.matter, written.title, written.text) == msgspec.structs.astuple(draft)


WORKFLOW = "In the veterinary clinic we send reminders to the owners of animals that are due for a vaccination."


def test_a_workflow_is_told_to_the_model_and_without_one_the_prompt_is_as_it_was():
    cast = CASTS[0]
    tools = tuple(cast.tools[step.tool] for step in cast.chain.steps)
    brief = scenario_writer.ScenarioBrief("scenario_9", cast.chain, tools, WORKFLOW)
    asked, plain = (
        scenario_writer.ROLE.build_request(one, 1).messages[-1].content or ""
        for one in (brief, scenario_writer.ScenarioBrief("scenario_9", cast.chain, tools))
    )
    assert asked.startswith(plain)
    assert asked.endswith(WORKFLOW)
    assert "workflow" not in plain


def test_offline_a_workflow_leads_to_its_line_of_business():
    cast = CASTS[0]
    tools = tuple(cast.tools[step.tool] for step in cast.chain.steps)

    def share(workflow: str) -> float:
        brief = scenario_writer.ScenarioBrief("scenario_9", cast.chain, tools, workflow)
        drafts = [scenario_writer.ROLE.improvise(brief, Random(seed)) for seed in range(60)]
        return sum("veterinary" in draft.industry.lower() for draft in drafts) / len(drafts)

    assert share("") < 0.1
    assert share(WORKFLOW) > 0.25


# ── personas ──────────────────────────────────────────────────────────────────────────────────


def test_a_persona_works_in_the_industry_of_the_scenario():
    for scenario, persona in zip(SCENARIOS, PERSONAS, strict=True):
        entry = load_industries()[scenario.industry]
        assert persona.industry == scenario.industry
        assert persona.company in entry["companies"]
        assert persona.position in entry["positions"]
        assert persona.email.endswith(f"@{derive_domain(persona.company)}")


def test_the_person_in_the_scenarios_text_is_the_persona():
    named = sum(persona.name in scenario.text for scenario, persona in zip(SCENARIOS, PERSONAS, strict=True))
    assert named > 0.9 * len(PERSONAS)


def test_the_background_tells_of_the_persona():
    for persona in PERSONAS:
        assert persona.company in persona.context
        assert persona.name in persona.context
        assert not find_slots(persona.context)


def test_conversations_take_place_on_working_days_in_working_hours():
    for cast in CASTS:
        now = cast.situation.now
        assert now.weekday() < 5
        assert 8 <= now.hour <= 17
        assert now.tzinfo is not None
        assert 2025 <= now.year <= 2027


def test_all_registers_occur():
    assert {persona.register for persona in PERSONAS} == {"brisk", "warm", "formal", "chatty"}


def test_a_models_draft_gets_an_address_and_a_moment():
    scenario = SCENARIOS[0]
    draft = persona_writer.PersonaDraft("Zoë Lang", "pilot", "Æther Lines", "Flies.", "brisk")
    persona = persona_writer.to_persona(scenario, draft, 42)
    assert (persona.name, persona.position, persona.company) == ("Zoë Lang", "pilot", "Æther Lines")
    assert persona.email.partition("@")[2] == derive_domain("Æther Lines")
    assert persona.industry == scenario.industry
    assert persona.today == persona_writer.to_persona(scenario, draft, 42).today
    assert persona.today != persona_writer.to_persona(scenario, draft, 43).today
    assert build_situation(scenario, persona).now.isoformat() == persona.today


def test_a_models_draft_gets_the_address_of_its_own_name():
    draft = persona_writer.PersonaDraft("Zoë Lang", "pilot", "Northhaul Reefers", "Flies.", "brisk")
    assert persona_writer.to_persona(SCENARIOS[0], draft, 42).email == "zoe.lang@northhaulreefers.com"


def test_an_industry_that_a_model_invented_is_improvised_with_another():
    strange: Scenario = msgspec.structs.replace(SCENARIOS[0], industry="space travel")
    draft = persona_writer.ROLE.improvise(strange, Random(1))
    assert draft.name
    assert draft.company


# ── dispositions ──────────────────────────────────────────────────────────────────────────────


def test_a_disposition_fits_the_register():
    by_register: dict[str, set[str]] = {}
    for cast in CASTS:
        by_register.setdefault(cast.situation.persona.register, set()).add(cast.plan.disposition)
    assert all(len(texts) > 3 for texts in by_register.values())
    assert len(set().union(*by_register.values())) == sum(map(len, by_register.values()))


def test_every_clarity_is_explained_to_the_planner():
    briefs = [planner.PlanBrief(SCENARIOS[0], PERSONAS[0], level) for level in ("excellent", "good", "average")]
    explained = {planner.ROLE.variables(brief)["clarity"] for brief in briefs}
    assert len(explained) == 3


# ── system prompts ────────────────────────────────────────────────────────────────────────────


def prompts() -> list[tuple[system_prompt_writer.SystemPromptBrief, str]]:
    briefs = [
        system_prompt_writer.SystemPromptBrief(cast.plan, cast.situation, tuple(cast.offered.values()))
        for cast in CASTS
    ]
    return [(brief, system_prompt_writer.ROLE.improvise(brief, Random(n))) for n, brief in enumerate(briefs)]


def test_a_system_prompt_says_whom_it_serves_and_with_what_but_not_what_is_coming():
    for brief, text in prompts():
        persona = brief.situation.persona
        assert persona.company in text
        assert persona.name in text
        assert not find_slots(text)
        assert not any(tool.name in text for tool in brief.tools)
        assert brief.situation.matter not in text


@pytest.mark.parametrize(
    ("partition", "services"),
    [
        ("gmail", ["Gmail"]),
        ("googledrive_googledocs", ["Google Drive", "Google Docs"]),
        ("whatsapp_todoist", ["WhatsApp"]),
    ],
)
def test_services_have_their_own_names(partition, services):
    cast = casts(partition, 1)[0]
    tools = tuple(cast.tools.values())
    brief = system_prompt_writer.SystemPromptBrief(cast.plan, cast.situation, tools)
    text = system_prompt_writer.ROLE.improvise(brief, Random(1))
    assert all(service in text for service in services)


def test_system_prompts_vary():
    assert len({text for _, text in prompts()}) > 0.95 * len(CASTS)


def test_the_context_that_arguments_may_come_from_is_in_every_system_prompt():
    for cast in CASTS:
        persona = cast.situation.persona
        text = system_prompt_writer.add_context("Be nice.", cast.situation)
        assert text.startswith("Be nice.\n\n")
        assert all(fact in text for fact in (persona.today, persona.time_zone, persona.name, persona.email))
        assert f"{cast.situation.now:%A}" in text


@pytest.mark.parametrize(
    ("value", "source", "needed"),
    [(12, "user", False), ("driver", "user", False), ("2026-03-09", "user", True), ("al@example.com", "context", True)],
)
def test_short_commands_have_a_context_where_an_argument_needs_one(value, source, needed):
    cast = CASTS[0]
    argument = PlannedArgument(argument="level", source=source, value=value)
    step = PlannedStep(tool="set_volume", turn=0, arguments=(argument,))
    plan = msgspec.structs.replace(cast.plan, kind="command", steps=(step,))
    brief = system_prompt_writer.SystemPromptBrief(plan, cast.situation, tuple(cast.tools.values()))
    text = system_prompt_writer.complete_prompt("Be nice.", brief)
    assert text == (system_prompt_writer.add_context("Be nice.", cast.situation) if needed else "Be nice.")
