"""The rules that have a table of cases in `tests/unit/checks/test_*_rules.py`, collected from the tables themselves."""

from rule_cases import Tables
from test_agreement_rules import TABLES as AGREEMENT
from test_answer_rules import TABLES as ANSWERS
from test_content_rules import TABLES as CONTENTS
from test_error_rules import TABLES as ERRORS
from test_manner_rules import TABLES as MANNERS
from test_page_rules import TABLES as PAGES
from test_reference_rules import TABLES as REFERENCES

ALL_TABLES: tuple[Tables, ...] = (AGREEMENT, ANSWERS, CONTENTS, ERRORS, MANNERS, PAGES, REFERENCES)
RULES_WITH_TABLE = frozenset(rule for tables in ALL_TABLES for rule in tables)
