"""What was made, changed and deleted is read as such, and the benchmark sees it where a world forgets."""

import sys
from pathlib import Path

import foreign_toolkits
import pytest
from offline import SETTINGS

from funcdex_assets.environment import entity_store, state_changes
from funcdex_assets.environment.entity_store import EntityStore

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))

from state_changes import STRATA, measure

ALL_TOOLKITS = (*SETTINGS.toolkits, *foreign_toolkits.TOOLKITS)


def test_every_read_after_changes_is_right():
    scores = measure(ALL_TOOLKITS, 40, 7)
    assert list(scores) == list(STRATA)
    assert all(score.reads > 40 for score in scores.values())
    assert [text for score in scores.values() for text in score.wrong] == []


def forget_updates(monkeypatch):
    monkeypatch.setattr(state_changes, "_record_update", lambda *arguments: None)
    monkeypatch.setattr(
        entity_store, "_merge_fields", lambda entity, value: [entity.setdefault(*i) for i in value.items()]
    )


def forget_deletions(monkeypatch):
    monkeypatch.setattr(EntityStore, "delete_entity", lambda self, noun, identity: None)


def forget_creations(monkeypatch):
    monkeypatch.setattr(state_changes, "_record_creation", lambda *arguments: None)


@pytest.mark.parametrize("forget", [forget_updates, forget_deletions, forget_creations])
def test_a_world_that_forgets_is_seen(forget, monkeypatch):
    forget(monkeypatch)
    assert measure(ALL_TOOLKITS, 40, 7)["7–12"].wrong
