"""Every damage is found by its rules and costs points with the judge; without damage no rule objects."""

from functools import cache

import pytest
from offline import PARTITIONS, Played, played

from funcdex_assets.quality.damage import DAMAGES, damaged
from funcdex_assets.quality.findings import RULES, find
from funcdex_assets.quality.heuristic import judged
from funcdex_assets.quality.rules.case import Case
from funcdex_assets.quality.user_simulator import faults_of_user
from funcdex_assets.records import SCALES, Verdict

every_damage = pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
IN_WORDS = ("uncited_answer",)  # rules that a good conversation may break: they do not block


@cache
def good() -> tuple[Played, ...]:
    return tuple(one for partition in PARTITIONS for one in played(partition, 4))


def verdict(one: Played, case: Case) -> Verdict:
    return judged(one.cast.plan, case.messages, find(case))


def mean(given: Verdict) -> float:
    return sum(getattr(given, scale) for scale in SCALES) / len(SCALES)


@every_damage
def test_a_damage_is_found_by_each_of_its_rules(damage):
    found = [
        {finding.rule for finding in find(bad)}
        for number, one in enumerate(good())
        if (bad := damaged(damage, one.case, number)) is not None
    ]
    assert len(found) >= 8
    assert all(rules.issuperset(damage.rules) for rules in found)


@every_damage
def test_the_judge_ranks_the_good_one_above_the_damaged(damage):
    for number, one in enumerate(good()):
        if (bad := damaged(damage, one.case, number)) is not None:
            before, after = verdict(one, one.case), verdict(one, bad)
            assert mean(after) < mean(before), str(one)
            assert getattr(after, damage.scale) < getattr(before, damage.scale), str(one)


def test_no_blocking_rule_objects_to_what_is_not_damaged():
    assert len(good()) >= 50
    assert [str(one) for one in good() for finding in find(one.case) if finding.rule not in IN_WORDS] == []


def test_there_is_a_damage_for_every_rule():
    assert len(DAMAGES) >= 25
    assert {rule for damage in DAMAGES for rule in damage.rules} == {rule.__name__ for rule in RULES}


def test_a_damage_depends_on_its_seed_alone():
    one = good()[0]
    for damage in DAMAGES:
        again = [damaged(damage, one.case, 7) for _ in range(2)]
        assert again[0] == again[1]


def test_users_of_the_offline_engine_keep_to_their_part():
    assert [found for one in good() for found in faults_of_user(one.case, one.cast.plan)] == []
