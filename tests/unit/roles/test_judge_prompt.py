"""What a model that judges is asked: the faults of the rules, in two orders, with the answer in a fixed one."""

import inspect
import re
from dataclasses import replace
from typing import Any

import pytest
from offline import played

from funcdex_assets.checks.findings import RULES
from funcdex_assets.checks.rules import (
    agreement,
    answers,
    broken_relations,
    errors,
    listings,
    manners,
    overclaims,
    references,
)
from funcdex_assets.judging.evidence import FAULTS
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.verdict import SCALES
from funcdex_assets.roles.judge import MAX_EVIDENCE, ROLE, JudgeBrief

ONE = played("gmail", 30)[0]
BRIEF = JudgeBrief(
    ONE.cast.plan,
    ONE.conversation.messages,
    tuple(ONE.cast.offered.values()),
    (Finding(rule="uncited_answer", text="It names nothing of any result"),),
    ONE.cast.situation,
)
REVERSED = replace(BRIEF, is_reversed=True)

FAULT_BY_RULE = {
    "filled_when_new": "contradiction",
    "unsent_content": "contradiction",
    "outside_window": "contradiction",
    "other_moment": "contradiction",
    "other_parent": "contradiction",
    "other_text": "contradiction",
    "other_person": "contradiction",
    "other_target": "contradiction",
    "miscounted": "contradiction",
    "broken_relation": "contradiction",
    "narrower_finds_more": "contradiction",
    "state_against_time": "contradiction",
    "unexplained_error": "unexplained_error",
    "early_retry": "early_retry",
    "uneven_treatment": "uneven_treatment",
    "silent_choice": "silent_choice",
    "needless_question": "needless_question",
    "held_back_calls": "held_back_calls",
    "unanswered_part": "unanswered",
    "half_done": "unanswered",
    "unanswered_question": "attribute_left_out",
    "half_interval": "attribute_left_out",
    "overclaim": "false_claim",
    "claimed_ability": "false_claim",
    "odd_success": "odd_success",
    "removed_stranger": "odd_success",
    "unmoved_state": "odd_success",
    "needless_change": "odd_success",
    "bare_money": "bare_money",
    "false_count": "false_count",
    "not_all": "not_all",
    "short_page": "short_page",
    "against_the_clock": "against_the_clock",
    "praise_after_refusal": "praise_after_refusal",
    "loose_topic": "loose_topic",
    "spelled_out": "spelled_out",
    "like_a_form": "spelled_out",
    "misfit_value": "misfit_value",
    "impossible_request": "wrong_call",
}
LEFT_TO_SCORES = {"missing_detail", "unseen_ordinal", "self_addressed"}
"""Rules whose faults are in an anchor of a scale, or too rare for a line of the prompt."""


def read_prompt(brief: JudgeBrief) -> tuple[str, str]:
    system, user = ROLE.build_request(brief, 7).messages
    return system.content or "", user.content or ""


def list_items(text: str) -> list[list[str]]:
    """The names in each list of a prompt."""
    blocks = re.findall(r"(?:^- .+\n?)+", text, re.MULTILINE)
    return [re.findall(r"^- (\w+)", block, re.MULTILINE) for block in blocks]


def test_the_prompt_asks_for_the_faults_that_the_program_knows():
    wrong, minor, scales = list_items(read_prompt(BRIEF)[0])
    assert wrong == [fault for fault, is_blocking in FAULTS.items() if is_blocking]
    assert minor == [fault for fault, is_blocking in FAULTS.items() if not is_blocking]
    assert scales == list(SCALES)


@pytest.mark.parametrize(
    "module", [listings, answers, references, errors, agreement, broken_relations, overclaims, manners]
)
def test_a_model_is_asked_for_what_the_rules_look_for(module):
    rules = {rule.__name__ for rule in RULES if inspect.getmodule(rule) is module}
    assert rules
    assert {rule for rule in rules if FAULT_BY_RULE.get(rule) not in FAULTS} <= LEFT_TO_SCORES


@pytest.mark.parametrize("scale", SCALES)
def test_every_score_of_every_scale_has_its_anchor(scale):
    (line,) = re.findall(rf"^- {scale}: (.+)$", read_prompt(BRIEF)[0], re.MULTILINE)
    assert [int(anchor[0]) for anchor in line.split("; ")] == [5, 4, 3, 2, 1]


def test_in_the_second_order_scales_faults_and_tools_are_reversed_and_nothing_else():
    (system, user), (reversed_system, reversed_user) = read_prompt(BRIEF), read_prompt(REVERSED)
    assert list_items(reversed_system) == [names[::-1] for names in list_items(system)]
    assert list_items(reversed_user)[0] == list_items(user)[0][::-1]
    for text, other in ((system, reversed_system), (user, reversed_user)):
        assert text != other
        assert sorted(text.splitlines()) == sorted(other.splitlines())
    conversation = "\nTurn 0\n"
    assert user.partition(conversation)[2] == reversed_user.partition(conversation)[2]


@pytest.mark.parametrize(
    ("brief", "scales"),
    [pytest.param(BRIEF, list(SCALES), id="usual"), pytest.param(REVERSED, list(SCALES[::-1]), id="reversed")],
)
def test_evidence_comes_before_scores_and_reasons_before_the_scores_of_turns(brief, scales):
    schema: Any = ROLE.build_request(brief, 7).resolved_constraint
    properties = schema.schema["properties"]
    assert list(properties) == schema.schema["required"] == ["evidence", "reasoning", *scales, "turns"]
    assert properties["evidence"]["maxItems"] == MAX_EVIDENCE
    assert list(properties["evidence"]["items"]["properties"]) == ["fault", "message", "quote"]
    assert properties["evidence"]["items"]["properties"]["fault"]["enum"] == [*FAULTS, "other"]
    assert list(properties["turns"]["items"]["properties"]) == ["turn", "reason", "score", "ok"]


def test_the_judge_knows_the_moment_and_what_may_be_left_out_but_not_what_the_rules_found():
    _, user = read_prompt(BRIEF)
    assert ONE.cast.situation.persona.today in user
    for tool in BRIEF.tools:
        for name in tool.parameters.get("properties", {}):
            mark = "" if name in tool.parameters.get("required", ()) else "?"
            assert re.search(rf"- {tool.name}\(.*\b{name}{re.escape(mark)}[,)]", user)
    assert "uncited_answer" not in user
    assert "It names nothing" not in user


def test_the_order_of_the_prompt_changes_no_verdict_of_the_heuristic():
    assert ROLE.improvise(BRIEF, None) == ROLE.improvise(REVERSED, None)
