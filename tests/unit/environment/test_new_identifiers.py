"""A new thing has an identifier that nothing known has."""

from typing import Any

import pytest
from offline import casts

from funcdex_assets.environment.world import World
from funcdex_assets.records.tool import Tool

HERE = casts("gmail", 1)[0].situation
TEXT = {"type": "string"}
SCHEMAS: dict[str, dict[str, Any]] = {
    "number": {"type": "integer", "minimum": 1, "maximum": 12},
    "text like an example": {"type": "string", "examples": ["c-1"]},
}


def claim(identifier: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"claim_id": identifier, "title": TEXT}, "required": ["claim_id", "title"]}


@pytest.mark.parametrize("identifier", SCHEMAS.values(), ids=SCHEMAS)
@pytest.mark.parametrize("name", ["CREATE_CLAIM", "claims-submit"])
def test_no_two_things_are_made_with_one_identifier(name, identifier):
    world = World(HERE, 3)
    parameters = {"type": "object", "properties": {"title": TEXT}}
    making = Tool("t", name, "", parameters, claim(identifier), "test")
    made = [world.execute_call(making, {"title": f"Trip {number}"}) for number in range(6)]
    assert len({thing["claim_id"] for thing in made}) == len(made)
    assert [thing["title"] for thing in made] == [f"Trip {number}" for number in range(6)]


def test_what_was_made_before_is_submitted_as_itself():
    world = World(HERE, 3)
    world.remember_result("CREATE_CLAIM", {"claim_id": "c9", "title": "Trip"})
    submitting = Tool("t", "SUBMIT_CLAIM", "", {"type": "object"}, claim(TEXT), "test")
    assert world.execute_call(submitting, {"claim_id": "c9"}) == {"claim_id": "c9", "title": "Trip"}
