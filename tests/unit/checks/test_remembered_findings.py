"""What was found in a conversation is remembered, and only for exactly that conversation."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from offline import played
from seeded_damage import DAMAGES, apply_damage

from funcdex_assets.checks import remembered_findings
from funcdex_assets.checks.findings import find_problems
from funcdex_assets.checks.user_behaviour import find_user_faults
from funcdex_assets.dialogue.participants import assemble_participants
from funcdex_assets.storage.frames import from_frame, to_frame
from funcdex_assets.strategies.outcome import build_case

ONE = played("gmail", 1)[0]
CASE, PLAN = ONE.case, ONE.cast.plan


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(remembered_findings, "_findings_by_key", {})


@pytest.fixture
def looks(monkeypatch):
    """The cases that the rules looked through."""
    seen = []
    monkeypatch.setattr(remembered_findings, "find_problems", lambda case: seen.append(case) or find_problems(case))
    return seen


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_the_second_time_the_same_is_found_without_a_look(looks, damage):
    case = apply_damage(damage, CASE, 1) or CASE
    first = remembered_findings.find_cached_findings(case, PLAN)
    assert first == (find_problems(case), find_user_faults(case, PLAN))
    assert remembered_findings.find_cached_findings(replace(case), PLAN) is first
    assert len(looks) == 1


def test_what_was_written_to_tables_and_read_again_is_known(looks):
    cast = ONE.cast.played
    there = cast.situation
    written = (ONE.conversation, cast.plan, there.persona, there.scenario, *cast.mentioned_tools.values())
    read = [from_frame(to_frame([record], type(record)), type(record))[0] for record in written]
    (conversation, plan, persona, scenario), tools = read[:4], read[4:]
    again = assemble_participants([plan], [persona], [scenario], tools)[0][plan.plan_id]
    first = remembered_findings.find_cached_findings(CASE, PLAN)
    assert (
        remembered_findings.find_cached_findings(
            build_case(again, conversation.messages, conversation.provenance), plan
        )
        is first
    )
    assert len(looks) == 1


OTHERS = {
    "a message": lambda: (replace(CASE, messages=CASE.messages[:-1]), PLAN),
    "the sources": lambda: (replace(CASE, provenance=CASE.provenance[1:]), PLAN),
    "a tool": lambda: (replace(CASE, tools={**CASE.tools, next(iter(CASE.tools)): _described_otherwise()}), PLAN),
    "the tools on offer": lambda: (replace(CASE, tools=dict(list(CASE.tools.items())[1:])), PLAN),
    "a late tool": lambda: (replace(CASE, late_tools=(next(iter(CASE.tools)),)), PLAN),
    "whether calls are wanted": lambda: (replace(CASE, calls_wanted=not CASE.calls_wanted), PLAN),
    "who asks": lambda: (replace(CASE, situation=_asked_by("Ada")), PLAN),
    "the plan": lambda: (CASE, changed(PLAN, steps=PLAN.steps[:-1])),
}


def _described_otherwise():
    return changed(next(iter(CASE.tools.values())), description="Sends a fax to 4711.")


def _asked_by(name):
    return replace(CASE.situation, persona=changed(CASE.situation.persona, name=name))


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_where_anything_else_is_so_the_rules_look_again(looks, other):
    remembered_findings.find_cached_findings(CASE, PLAN)
    remembered_findings.find_cached_findings(*other())
    assert len(looks) == 2


def test_the_oldest_is_forgotten_and_found_again(looks, monkeypatch):
    monkeypatch.setattr(remembered_findings, "_MAX_ENTRIES", 1)
    shorter = replace(CASE, messages=CASE.messages[:-1])
    first = remembered_findings.find_cached_findings(CASE, PLAN)
    remembered_findings.find_cached_findings(shorter, PLAN)
    assert remembered_findings.find_cached_findings(CASE, PLAN) == first
    assert len(looks) == 3
    assert len(remembered_findings._findings_by_key) == 1


def test_a_text_that_is_no_unicode_is_looked_through_each_time(looks):
    broken = replace(CASE, messages=(changed(CASE.messages[0], content="Half a \ud83d"), *CASE.messages[1:]))
    assert remembered_findings.find_cached_findings(broken, PLAN) == remembered_findings.find_cached_findings(
        broken, PLAN
    )
    assert len(looks) == 2
