"""Every damage is found by its rules and costs points with the judge; without damage no rule objects."""

from functools import cache
from itertools import islice, zip_longest

import pytest
from offline import PARTITIONS, Played, is_accepted, played, score
from rule_tables import RULES_WITH_TABLE
from seeded_damage import DAMAGES, apply_damage

from funcdex_assets.checks.findings import RULES, find_problems
from funcdex_assets.checks.rules.case import Case
from funcdex_assets.checks.user_behaviour import find_user_faults
from funcdex_assets.judging.heuristic import judge_conversation
from funcdex_assets.records.conversation import Finding
from funcdex_assets.records.kinds import SERVICE_KINDS
from funcdex_assets.records.labels import Kind
from funcdex_assets.records.verdict import SCALES, Verdict
from funcdex_assets.settings.judging import MinScores

every_damage = pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)


EACH = 15
PLAYED_KINDS: tuple[Kind, ...] = (*SERVICE_KINDS, "single_turn")


@cache
def good() -> tuple[Played, ...]:
    """Conversations of every kind, of as many partitions as there are, that the judge accepts."""
    by_partition = [
        [one for one in (*played(partition, 30), *played(partition, 4, kind="single_turn")) if is_accepted(one)]
        for partition in PARTITIONS
    ]
    mixed = [one for row in zip_longest(*by_partition) for one in row if one is not None]
    cells = [(kind, has_calls) for kind in PLAYED_KINDS for has_calls in (True, False)]
    return tuple(
        one
        for cell in cells
        for one in islice((one for one in mixed if (one.cast.plan.kind, bool(one.cast.plan.steps)) == cell), EACH)
    )


@cache
def intact(number: int) -> Verdict:
    return score(good()[number])


@cache
def damaged(name: str) -> tuple[tuple[int, Case, tuple[Finding, ...]], ...]:
    """The conversations, by number, in which this damage has a place, and what is found in them then."""
    (damage,) = (damage for damage in DAMAGES if damage.name == name)
    cases = [(number, apply_damage(damage, one.case, number)) for number, one in enumerate(good())]
    return tuple((number, case, find_problems(case)) for number, case in cases if case is not None)


def mean(given: Verdict) -> float:
    return sum(getattr(given, scale) for scale in SCALES) / len(SCALES)


@every_damage
def test_a_damage_is_found_by_each_of_its_rules(damage):
    found = [{finding.rule for finding in findings} for _, _, findings in damaged(damage.name)]
    assert len(found) >= 8
    assert all(rules.issuperset(damage.rules) for rules in found)


@every_damage
def test_the_judge_ranks_the_good_one_above_the_damaged(damage):
    for number, bad, findings in damaged(damage.name):
        one = good()[number]
        before, after = intact(number), judge_conversation(one.cast.plan, bad.messages, findings)
        assert mean(after) < mean(before), str(one)
        lowest_accepted = getattr(MinScores(), damage.scale)
        worst = max(getattr(before, damage.scale) - 1, lowest_accepted)  # some are accepted at the very bound
        assert getattr(after, damage.scale) <= worst, str(one)


def test_no_blocking_rule_objects_to_what_is_not_damaged():
    assert {one.cast.plan.kind for one in good()} == set(PLAYED_KINDS)
    assert len({one.cast.partition for one in good()}) == len(PARTITIONS)
    found = [(str(one), finding.text) for one in good() for finding in find_problems(one.case) if finding.blocking]
    assert found == []


# Damages that only some kinds have a place for: a call that was declined, a tool that comes late, calls at once.
OF_KINDS = {
    "no_call": set(PLAYED_KINDS) - {"no_suitable_tool"},
    "needless_call": {"no_suitable_tool", "single_turn"},
    "done_after_all": {"no_suitable_tool", "single_turn"},
    "claimed_without_call": {"no_suitable_tool", "single_turn"},
    "definition_left_out": {"missing_function"},
    "one_turn": set(SERVICE_KINDS),
    "second_turn": {"single_turn"},
}
SPEECH = ("leaked_markup", "loop", "thought_aloud", "other_language", "user_as_assistant", "dropped_reply", "iban")


@pytest.mark.parametrize(
    ("name", "kinds"),
    [*OF_KINDS.items(), *((name, set(PLAYED_KINDS)) for name in SPEECH), ("wrong_value", OF_KINDS["no_call"])],
)
def test_a_damage_has_a_place_in_conversations_of(name, kinds):
    found = [good()[number].cast.plan.kind for number, _, _ in damaged(name)]
    assert set(found) == kinds


def test_results_are_swapped_where_calls_are_made_at_once():
    (damage,) = (damage for damage in DAMAGES if damage.name == "swapped_results")
    for one in good():
        at_once = any(len(message.tool_calls) > 1 for message in one.case.messages)
        assert (apply_damage(damage, one.case, 1) is not None) == at_once, str(one)


def test_what_was_declined_scores_worse_once_it_was_done_after_all():
    declined = next(one for one in good() if one.cast.plan.kind == "no_suitable_tool")
    assert mean(score(declined)) > 4
    for name in ("needless_call", "done_after_all", "claimed_without_call"):
        (damage,) = (damage for damage in DAMAGES if damage.name == name)
        bad = apply_damage(damage, declined.case, 1)
        assert bad is not None
        after = judge_conversation(declined.cast.plan, bad.messages, find_problems(bad))
        assert after.tool_use_quality <= 2, name
        assert not after.turns[0].ok, name


def test_there_is_a_damage_or_a_table_of_cases_for_every_rule():
    """A rule is shown to work by a seeded damage that it finds, or by a table of conversations in which it objects.

    The rules that need several messages to agree, such as a listing and what is said of it, have a table: a damage that
    changes one of them would be found by other rules as well.
    """
    assert len(DAMAGES) >= 25
    damaged = {rule for damage in DAMAGES for rule in damage.rules}
    assert damaged | RULES_WITH_TABLE == {rule.__name__ for rule in RULES}


def test_a_damage_depends_on_its_seed_alone():
    for one in (next(one for one in good() if one.cast.plan.kind == kind) for kind in PLAYED_KINDS):
        for damage in DAMAGES:
            again = [apply_damage(damage, one.case, 7) for _ in range(2)]
            assert again[0] == again[1]


def test_users_of_the_offline_engine_keep_to_their_part():
    assert [found for one in good() for found in find_user_faults(one.case, one.cast.plan)] == []
