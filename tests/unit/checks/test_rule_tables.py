"""Every rule with a table objects to what its table says, and lets pass what is near it."""

import pytest
from rule_cases import check_objection, check_silence, check_sizes, list_near_misses, list_objections
from rule_tables import ALL_TABLES


@pytest.mark.parametrize(
    ("rule", "objection"), [parameters for tables in ALL_TABLES for parameters in list_objections(tables)]
)
def test_a_rule_objects(rule, objection):
    check_objection(rule, objection)


@pytest.mark.parametrize(
    ("rule", "case"), [parameters for tables in ALL_TABLES for parameters in list_near_misses(tables)]
)
def test_a_rule_lets_pass(rule, case):
    check_silence(rule, case)


@pytest.mark.parametrize("tables", ALL_TABLES)
def test_every_rule_has_cases(tables):
    check_sizes(tables)
