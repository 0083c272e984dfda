"""The relations hold on conversations of all toolkits, shipped and foreign, and faults of the world break them.

The faults are put into the world one at a time: an argument is not repeated, an update is forgotten, and so on.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import foreign_toolkits
import pytest
from offline import PARTITIONS, Cast, casts, play, played

from funcdex_assets.checks.relations import all_relations
from funcdex_assets.checks.relations.all_relations import find_broken_relations
from funcdex_assets.environment import (
    entity_store,
    listings,
    object_agreement,
    scalar_fields,
    state_changes,
)
from funcdex_assets.environment.known_fields import KnownFields
from funcdex_assets.environment.listings import Pager
from funcdex_assets.environment.search_criteria import SearchCriteria
from funcdex_assets.records.conversation import Conversation, Finding

SEEDED_IN = ("bookstay", "helpdesk", "stockroom", "todoist", "gmail", "asana")
"""Partitions in whose conversations a seeded fault must show: foreign and shipped ones."""


def find_breaks(cast: Cast, conversation: Conversation) -> list[Finding]:
    return list(find_broken_relations(conversation.messages, cast.tools, cast.situation.now))


@pytest.mark.parametrize("partition", [*PARTITIONS, *foreign_toolkits.TOOLKITS])
def test_relations_hold(partition):
    conversations = played(partition, 40)
    assert len(conversations) == 40
    assert [finding.text for one in conversations for finding in find_breaks(one.cast, one.conversation)] == []


def test_there_are_ten_foreign_toolkits_and_none_of_them_ships():
    assert len(foreign_toolkits.TOOLKITS) == 10
    assert not set(foreign_toolkits.TOOLKITS) & set(PARTITIONS)
    assert all(5 <= len(foreign_toolkits.tools_of(toolkit)) <= 9 for toolkit in foreign_toolkits.TOOLKITS)


def test_the_checker_shares_nothing_with_the_world():
    modules = list(Path(all_relations.__file__).parent.glob("*.py"))
    lines = [line for module in modules for line in module.read_text(encoding="utf-8").splitlines()]
    imported = {line.split()[1] for line in lines if line.startswith(("import funcdex", "from funcdex"))}
    allowed = ("funcdex_assets.records.", "funcdex_assets.checks.relations.")
    assert imported
    assert all(name.startswith(allowed) for name in imported)


def forget_arguments(monkeypatch):
    monkeypatch.setattr(scalar_fields, "find_repeated_argument", lambda intent, name: None)


def forget_updates(monkeypatch):
    def keep_old_values(entity: dict[str, Any], value: dict[str, Any]) -> None:
        for key, field_value in value.items():
            entity.setdefault(entity_store.normalize_field_name(key), field_value)

    monkeypatch.setattr(state_changes, "_record_update", lambda *arguments: None)
    monkeypatch.setattr(entity_store, "_merge_fields", keep_old_values)


def forget_things(monkeypatch):
    monkeypatch.setattr(KnownFields, "recall_field", lambda self, schema, key, draft: None)


def apply_no_filter(monkeypatch):
    monkeypatch.setattr(listings, "meets_criteria", lambda *arguments: True)
    monkeypatch.setattr(SearchCriteria, "filter_for_field", lambda self, name: None)


def count_nothing(monkeypatch):
    monkeypatch.setattr(object_agreement, "count_listed_items", lambda fields, properties: None)


def always_lead_on(monkeypatch):
    add_page_tokens = Pager.add_page_tokens

    def add_token(self: Pager, result: Any, root: Any) -> Any:
        self._has_more = self._needs_token = True
        return add_page_tokens(self, result, root)

    monkeypatch.setattr(Pager, "add_page_tokens", add_token)


@pytest.mark.parametrize(
    ("seed_fault", "broken"),
    [
        pytest.param(forget_arguments, {"fields_as_told"}, id="arguments are not repeated"),
        pytest.param(forget_updates, {"one_thing_one_value"}, id="updates are forgotten"),
        pytest.param(forget_things, {"one_thing_one_value"}, id="what was shown is forgotten"),
        pytest.param(apply_no_filter, {"filters", "parts_of_one_parent"}, id="filters are not applied"),
        pytest.param(count_nothing, {"counts"}, id="counts are made up"),
        pytest.param(always_lead_on, {"pages"}, id="short pages have a token"),
    ],
)
def test_a_seeded_fault_of_the_world_is_caught(
    seed_fault: Callable[[pytest.MonkeyPatch], None], broken: Sequence[str], monkeypatch: pytest.MonkeyPatch
):
    planned = [cast for partition in SEEDED_IN for cast in casts(partition, 40)]
    seed_fault(monkeypatch)
    texts = [finding.text for cast in planned for finding in find_breaks(cast, play(cast))]
    found = {text.partition(":")[0] for text in texts}
    assert set(broken) <= found
