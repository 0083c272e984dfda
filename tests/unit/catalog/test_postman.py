import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import at_most_cpu_seconds

from funcdex_assets.catalog.drafts import Draft, Origin, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.loaders.postman import is_postman_collection, read_drafts
from funcdex_assets.catalog.registry import register_drafts
from funcdex_assets.records.tool import Tool

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"


def collection(*items: Any, **other: Any) -> dict[str, Any]:
    return {"info": {"name": "Shop", "schema": SCHEMA}, "item": list(items), **other}


def item(name: str = "Do it", url: Any = "{{base}}/things", responses: Any = (), **request: Any) -> dict[str, Any]:
    return {"name": name, "request": {"method": "GET", "url": url, **request}, "response": list(responses)}


def draft(*args: Any, **kwargs: Any) -> Draft:
    (found,) = read_drafts(collection(item(*args, **kwargs)))
    assert isinstance(found, Draft)
    return found


def raw(text: str) -> dict[str, Any]:
    return {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}


def shown(draft: Draft) -> dict[str, str]:
    """Each argument with its type; a star where it is required."""
    required = draft.parameters.get("required", ())
    properties = draft.parameters["properties"].items()
    return {name: str(schema.get("type", "any")) + "*" * (name in required) for name, schema in properties}


@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        pytest.param(
            "https://x.org/users/:id?limit=5&q=a", {"id": "string*", "limit": "integer", "q": "string"}, id="text"
        ),
        pytest.param("{{base}}/users/{{user_id}}/x", {"user_id": "string*"}, id="a variable in the path"),
        pytest.param("{{base}}/users/:id.json", {"id": "string*"}, id="a suffix"),
        pytest.param("{{base}}?a=1&a=2", {"a": "array"}, id="the same key twice"),
        pytest.param("{{base}}?api_key=1&access_token={{t}}&b=true", {"b": "boolean"}, id="keys of a login"),
        pytest.param({"raw": "{{base}}/users/:id?x=1"}, {"id": "string*", "x": "integer"}, id="only raw"),
        pytest.param(
            {
                "host": ["{{base}}"],
                "path": ["users", ":id", {"type": "string", "value": ":other"}],
                "query": [
                    {"key": "a", "value": "1.5"},
                    {"key": "b", "value": "x", "disabled": True},
                    {"key": None, "value": "x"},
                    {"key": "c", "value": "<integer>", "description": "(Required) How many"},
                    5,
                ],
                "variable": [{"key": "id", "value": "12", "description": {"content": "<p>Whose</p>"}}],
            },
            {"id": "integer*", "other": "string*", "a": "number", "c": "integer*"},
            id="an object",
        ),
    ],
)
def test_url(url: Any, arguments: dict[str, str]) -> None:
    assert shown(draft(url=url)) == arguments


def test_what_the_collection_gives_is_a_default() -> None:
    (found,) = read_drafts(collection(item(url="{{base}}/{{version}}/x"), variable=[{"key": "version", "value": "v1"}]))
    assert found.parameters["properties"] == {"version": {"type": "string", "default": "v1"}}
    assert "required" not in found.parameters


def test_headers_of_a_login_and_of_the_content_are_no_arguments() -> None:
    names = ["Authorization", "X-Api-Key", "Content-Type", "Accept-Language", "Cookie", "If-Match", "X-Shop-Key", "Off"]
    headers = [{"key": name, "value": "x", "disabled": name == "Off"} for name in names]
    auth = {"type": "apikey", "apikey": [{"key": "key", "value": "X-Shop-Key"}, {"key": "value", "value": "s"}]}
    (found,) = read_drafts(collection(item(header=headers), auth=auth))
    assert shown(found) == {"If-Match": "string"}
    assert shown(draft(header="Accept: x\nX-Trace: 1\n")) == {"X-Trace": "integer"}


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        pytest.param(
            raw('{"a": 1, "b": {"c": "x"}, "d": null}'), {"a": "integer*", "b": "object*", "d": "null"}, id="json"
        ),
        pytest.param(
            raw('{"id": {{id}}, "n": "{{name}}", "t": "https://x"}'),
            {"id": "any*", "n": "any*", "t": "string*"},
            id="variables",
        ),
        pytest.param(
            raw('{"a": 1, // one\n /* two */ "b": "// no"}'), {"a": "integer*", "b": "string*"}, id="comments"
        ),
        pytest.param(raw('{"a": "<long>", "b": ["<dateTime>"]}'), {"a": "integer*", "b": "array*"}, id="placeholders"),
        pytest.param(raw("[1, 2]"), {"body": "array*"}, id="an array"),
        pytest.param({"mode": "raw", "raw": "<xml/>"}, {"body": "string*"}, id="text"),
        pytest.param({"mode": "raw", "raw": " "}, {}, id="blank"),
        pytest.param({**raw('{"a": 1}'), "disabled": True}, {}, id="switched off"),
        pytest.param(
            {"mode": "urlencoded", "urlencoded": [{"key": "a", "value": "1"}, {"key": "b", "disabled": True}]},
            {"a": "integer*"},
            id="urlencoded",
        ),
        pytest.param(
            {
                "mode": "formdata",
                "formdata": [
                    {"key": "f", "type": "file", "src": "/x"},
                    {"key": "n", "description": "optional: a name"},
                ],
            },
            {"f": "string*", "n": "string"},
            id="formdata",
        ),
        pytest.param({"mode": "file", "file": {"src": "x"}}, {"body": "string*"}, id="file"),
        pytest.param(
            {
                "mode": "graphql",
                "graphql": {
                    "query": "query Q($id: ID!, $n: Int = 5, $tags: [String!]!, $in: Input) { thing(id: $id) { id } }",
                    "variables": '{"id": "1", "in": {"a": {{a}} }}',
                },
            },
            {"id": "string*", "n": "integer", "tags": "array*", "in": "object"},
            id="graphql",
        ),
        pytest.param({"mode": ["x"], "raw": 5}, {}, id="wrong types"),
        pytest.param(None, {}, id="none"),
    ],
)
def test_body(body: Any, arguments: dict[str, str]) -> None:
    assert shown(draft(method="POST", body=body)) == arguments


def test_placeholders_tell_types() -> None:
    (found,) = read_drafts(collection(item(body=raw('{"b": ["<dateTime>", "<dateTime>"]}'))))
    assert found.parameters["properties"]["b"] == {"type": "array", "items": {"type": "string", "format": "date-time"}}


def test_what_postman_makes_of_openapi() -> None:
    """Its own converter leaves types for values, and marks what is required."""
    query = [
        {"key": "a", "value": "<string>,<string>", "description": {"content": "(Required) Which ones"}},
        {"key": "b", "value": "<long>"},
    ]
    found = draft(url={"path": ["pets"], "query": query, "variable": []}, description={}, auth=None)
    assert found.parameters["properties"] == {
        "a": {"type": "string", "description": "Which ones"},
        "b": {"type": "integer"},
    }
    assert found.parameters["required"] == ["a"]


def test_required_is_what_every_known_request_sends() -> None:
    original = {"originalRequest": {"body": raw('{"a": 2}')}, "code": 201, "body": "{}"}
    assert shown(draft(body=raw('{"a": 1, "b": 1}'), responses=[original])) == {"a": "integer*", "b": "integer"}


def test_a_body_that_is_not_readable_is_text_and_told() -> None:
    problem, found = read_drafts(collection(item(body=raw('{"a": '))))
    assert isinstance(problem, Problem)
    assert not problem.lost
    assert shown(found) == {"body": "string*"}


def test_responses() -> None:
    found = draft(
        responses=[
            {"code": 200, "body": '{"id": 1}'},
            {"code": 201, "body": '{"id": 2, "tag": "x"}'},
            {"code": 404, "body": '{"error": "none"}'},
            {"code": 500, "body": "<html>"},
            {"code": 204, "body": None},
            {"code": "x", "body": "{}"},
            7,
        ]
    )
    assert found.returns == {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "tag": {"type": "string"}},
        "required": ["id"],
    }
    assert found.errors == {
        "404": {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
    }


@pytest.mark.parametrize(
    ("entry", "name", "description"),
    [
        pytest.param(item("Get user", description="Gets  <b>one</b>."), "Get user", "Get user. Gets one.", id="text"),
        pytest.param(
            item("Get user", description={"content": "Get user by id"}), "Get user", "Get user by id", id="content"
        ),
        pytest.param(item("Get user"), "Get user", "Get user (GET /things)", id="none"),
        pytest.param(
            item("{{base}}/users/:id", url="{{base}}/users/:id", method="PUT"),
            "put users id",
            "put users id (PUT /users/:id)",
            id="called by its url",
        ),
        pytest.param({"name": "Ping", "request": "https://x.org/ping"}, "Ping", "Ping (GET /ping)", id="only a url"),
    ],
)
def test_name_and_description(entry: dict, name: str, description: str) -> None:
    (found,) = read_drafts(collection(entry))
    assert (found.name, found.description) == (name, description)


def test_folders_tell_requests_of_the_same_name_apart() -> None:
    def folder(name: str) -> dict[str, Any]:
        return {"name": name, "item": [item("List"), item(f"Add {name}")]}

    found = list(read_drafts(collection(folder("users"), folder("orders"))))
    assert [each.name for each in found] == ["users List", "Add users", "orders List", "Add orders"]
    assert found[0].location == "item[0].item[0] (users / List)"


@pytest.mark.parametrize("bad", [5, None, {"name": "x"}, {"request": {"url": None}}, {"request": 7}], ids=repr)
def test_a_bad_entry_costs_one_entry(bad: Any) -> None:
    found = list(read_drafts(collection(bad, item())))
    assert sorted(type(each).__name__ for each in found) == ["Draft", "Problem"]


def test_the_api_of_postman_wraps_collections() -> None:
    assert is_postman_collection({"collection": collection(item())})
    assert len(list(read_drafts({"collection": collection(item())}))) == 1


def test_version_1_is_refused_with_a_remedy() -> None:
    assert not is_postman_collection({"requests": [], "folders": []})
    with pytest.raises(CatalogError, match=r"version 1.*export the collection from Postman as v2\.1"):
        list(read_drafts({"requests": []}))


def test_deep_folders_and_hostile_bodies_take_no_time() -> None:
    deep: dict[str, Any] = item()
    for _ in range(5000):
        deep = {"name": "f", "item": [deep]}
    bodies = ['"' + '\\"' * 200_000, "/*" * 200_000, "{{" + " " * 200_000, "[" * 200_000, '{"a": "' + "{{a" * 99_999]
    with at_most_cpu_seconds(30):
        found = list(read_drafts(collection(deep, *(item(body=raw(body)) for body in bodies))))
        assert sum(isinstance(each, Draft) for each in found) == 1 + len(bodies)


KEYS = st.sampled_from(
    "item name request url method header body mode raw path query variable key value disabled description response "
    "code urlencoded formdata graphql variables auth apikey content originalRequest type id".split()
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", ":a", "{{a}}", "raw", "graphql", "formdata", '{"a": {{b}}}', "a?b=1&b", "<integer>", "file"])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)
ITEMS = st.fixed_dictionaries(
    {
        "request": st.fixed_dictionaries(
            {"url": st.just("a/:b?c=1") | VALUES}, optional={"body": VALUES, "header": VALUES}
        )
    },
    optional={"name": VALUES, "response": VALUES, "auth": VALUES},
)


@settings(max_examples=100, deadline=None)
@given(
    st.fixed_dictionaries({"item": st.lists(ITEMS | VALUES, max_size=3)}, optional={"variable": VALUES, "auth": VALUES})
)
def test_anything_gives_drafts_or_problems(document: dict) -> None:
    found = list(read_drafts(document))
    assert all(isinstance(each, Draft | Problem) for each in found)
    assert all(isinstance(each, Tool | Problem) for each in register_drafts(found, Origin("t", "s")))


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda part: st.lists(part) | st.dictionaries(st.text(), part))
)
def test_any_json_body_is_read(body: Any) -> None:
    found = list(read_drafts(collection(item(body=raw(json.dumps(body))))))
    assert not [each for each in found if isinstance(each, Problem)]
