"""Tools that declare no result answer in the terms of their calls: what was said comes back, now and later."""

from offline import casts

from funcdex_assets.environment.world import World
from funcdex_assets.records.tool import Tool

HERE = casts("gmail", 1)[0].situation
PARAMETERS = {
    "type": "object",
    "properties": {
        "client_id": {"type": "integer"},
        "name": {"type": "string"},
        "plan": {"type": "string", "enum": ["free", "pro"]},
        "seats": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "notify": {"type": "boolean"},
    },
}
SAID = {"name": "Acme", "plan": "pro", "seats": 4, "tags": ["a", "b"]}


def tool(name: str, returns=None) -> Tool:
    return Tool("crm", name, "d", PARAMETERS, returns, source="test")


def test_what_was_said_comes_back_and_stays():
    for seed in range(10):
        world = World(HERE, seed)
        made = world.execute_call(tool("create_client"), {**SAID, "notify": True})["client"]
        assert {key: made[key] for key in SAID} == SAID
        assert "notify" not in made
        named = {"client_id": made["id"]}
        assert world.execute_call(tool("get_client"), named)["client"] == made
        changed = world.execute_call(tool("update_client"), {**named, "seats": 9})["client"]
        assert changed == {**made, "seats": 9}
        listed = world.execute_call(tool("list_clients"), {})["clients"]
        assert [client for client in listed if client["id"] == made["id"]] == [{**made, "seats": 9}]


def test_an_identifier_has_the_type_that_calls_give_it_in():
    for name in ("get_client", "suspend_client", "update_client"):
        assert World(HERE, 1).execute_call(tool(name), {"client_id": 3157061})["client"]["id"] == 3157061


def test_a_deletion_says_that_it_deleted():
    assert World(HERE, 1).execute_call(tool("delete_client"), {"client_id": 7}) == {"id": 7, "deleted": True}


def test_an_open_object_inside_of_a_result_is_filled_in_the_same_way():
    inside = {"type": "object", "properties": {"data": {"type": "object"}, "ok": {"type": "boolean"}}}
    made = World(HERE, 1).execute_call(tool("create_client", inside), SAID)["data"]["client"]
    assert {key: made[key] for key in SAID} == SAID


def test_a_declared_result_keeps_to_its_schema():
    declared = {
        "type": "object",
        "properties": {"id": {"type": "string"}},
        "required": ["id"],
        "additionalProperties": False,
    }
    assert set(World(HERE, 1).execute_call(tool("create_client", declared), SAID)) == {"id"}
