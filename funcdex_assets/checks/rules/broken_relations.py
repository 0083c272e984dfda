"""The rule that holds the relations of `checks/relations/` against a conversation."""

from collections.abc import Iterator

from funcdex_assets.checks.relations.all_relations import find_broken_relations
from funcdex_assets.checks.rules.case import Case
from funcdex_assets.records.conversation import Finding


def broken_relation(case: Case) -> Iterator[Finding]:
    """A result that does not agree with its call, with an earlier result or with the clock; the text names how."""
    yield from find_broken_relations(case.messages, case.tools, case.situation.now if case.situation else None)
