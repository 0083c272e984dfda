"""The rules that have a table of cases, collected from the tables themselves: one module for each group of rules."""

from agreement_rule_cases import TABLES as AGREEMENT
from answer_rule_cases import TABLES as ANSWERS
from content_rule_cases import TABLES as CONTENTS
from error_rule_cases import TABLES as ERRORS
from manner_rule_cases import TABLES as MANNERS
from page_rule_cases import TABLES as PAGES
from reference_rule_cases import TABLES as REFERENCES
from relation_cases import TABLES as RELATIONS
from rule_cases import Tables

ALL_TABLES: tuple[Tables, ...] = (AGREEMENT, ANSWERS, CONTENTS, ERRORS, MANNERS, PAGES, REFERENCES, RELATIONS)
RULES_WITH_TABLE = frozenset(rule for tables in ALL_TABLES for rule in tables)
