"""What has not befallen a thing has no moment and no reason yet."""

from typing import Any

import pytest
from offline import casts

from funcdex_assets.environment.world import World
from funcdex_assets.records.tool import Tool

HERE = casts("gmail", 1)[0].situation
TEXT = {"type": "string"}
MAYBE = {"type": ["string", "null"], "format": "date-time"}
FIELDS: dict[str, Any] = {
    "id": TEXT,
    "status": {"type": "string", "enum": ["draft", "approved", "rejected"]},
    "approved_at": MAYBE,
    "rejection_reason": {"type": ["string", "null"]},
    "cancelled_at": {"type": "string", "format": "date-time"},
}
REQUIRED = ["id", "status", "approved_at", "rejection_reason"]
CLAIM = {"type": "object", "properties": FIELDS, "required": REQUIRED}
TITLE = {"type": "object", "properties": {"title": TEXT}}


def tool(name: str) -> Tool:
    return Tool("t", name, "", TITLE, CLAIM, "test")


@pytest.mark.parametrize("seed", range(6))
def test_a_new_thing_has_only_begun_and_what_calls_do_has_happened(seed):
    world = World(HERE, seed)
    made = world.execute_call(tool("CREATE_CLAIM"), {"title": "Trip"})
    assert made == {"id": made["id"], "status": "draft", "approved_at": None, "rejection_reason": None}
    assert world.execute_call(tool("GET_CLAIM"), {"claim_id": made["id"]}) == made
    approved = world.execute_call(tool("APPROVE_CLAIM"), {"claim_id": made["id"]})
    assert approved["approved_at"] is not None
    assert world.execute_call(tool("GET_CLAIM"), {"claim_id": made["id"]})["approved_at"] == approved["approved_at"]


@pytest.mark.parametrize(("status", "is_told"), [("draft", False), ("approved", True)])
def test_a_state_says_what_has_happened(status, is_told):
    world = World(HERE, 3)
    world.remember_result("GET_CLAIM", {"id": "c1", "status": status})
    claim = world.execute_call(tool("LOOK_UP_CLAIM"), {"claim_id": "c1"})
    assert (claim["approved_at"] is not None) == is_told
