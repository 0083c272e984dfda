"""OpenAPI and Swagger documents: what an operation takes, gives and is called; what is wrong costs one of them."""

import copy
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import at_most_cpu_seconds

from funcdex_assets.catalog.documents import parse_document
from funcdex_assets.catalog.drafts import Draft, Origin, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.loaders import openapi
from funcdex_assets.catalog.registry import register_drafts

TEXT = {"type": "string"}
NUMBER = {"type": "integer"}
PET = {"type": "object", "properties": {"name": TEXT, "age": NUMBER}, "required": ["name"]}


def document(operation: Any, path: str = "/pets", method: str = "post", **other: Any) -> dict:
    return {"openapi": "3.0.3", "paths": {path: {method: operation}}, **other}


def swagger(operation: Any, path: str = "/pets", **other: Any) -> dict:
    return {"swagger": "2.0", "paths": {path: {"post": operation}}, **other}


def drafts(value: Any) -> list[Draft]:
    return [one for one in openapi.read_drafts(value) if isinstance(one, Draft)]


def problems(value: Any) -> list[Problem]:
    return [one for one in openapi.read_drafts(value) if isinstance(one, Problem)]


def only(value: Any) -> Draft:
    (draft,) = drafts(value)
    return draft


def json_body(schema: Any, **other: Any) -> dict:
    return {"requestBody": {"content": {"application/json": {"schema": schema}}, **other}}


def parameter(name: str, where: str = "query", schema: Any = TEXT, **other: Any) -> dict:
    return {"name": name, "in": where, "schema": schema, **other}


ARGUMENTS: dict[str, tuple[dict, dict, list[str]]] = {
    "parameters of every place": (
        document(
            {
                "parameters": [
                    parameter(where, where, required=where == "header") for where in ("query", "header", "cookie")
                ]
            }
        ),
        {"query": TEXT, "header": TEXT, "cookie": TEXT},
        ["header"],
    ),
    "one in the path is always required": (
        document({"parameters": [parameter("id", "path")]}, "/pets/{id}"),
        {"id": TEXT},
        ["id"],
    ),
    "one in the path that is not declared": (document({}, "/pets/{id}"), {"id": TEXT}, ["id"]),
    "one in the path under another name": (
        document({"parameters": [parameter("pet_id", "path")]}, "/pets/{petId}"),
        {"pet_id": TEXT},
        ["pet_id"],
    ),
    "of the path, unless the operation says otherwise": (
        {
            "openapi": "3.0.0",
            "paths": {
                "/": {
                    "parameters": [parameter("a"), parameter("b")],
                    "get": {"parameters": [parameter("b", schema=NUMBER, required=True)]},
                }
            },
        },
        {"a": TEXT, "b": NUMBER},
        ["b"],
    ),
    "by reference, with a description": (
        document(
            {"parameters": [{"$ref": "#/components/parameters/P"}]},
            components={
                "parameters": {"P": parameter("page", description="Which page.", deprecated=True, example="2")}
            },
        ),
        {"page": {"type": "string", "description": "Which page.", "deprecated": True, "examples": ["2"]}},
        [],
    ),
    "as content": (
        document({"parameters": [{"name": "f", "in": "query", "content": {"application/json": {"schema": PET}}}]}),
        {"f": PET},
        [],
    ),
    "the description of a parameter before that of its schema": (
        document(
            {"parameters": [parameter("s", schema={"$ref": "#/components/schemas/S"}, description="Here.")]},
            components={"schemas": {"S": {"type": "string", "description": "There."}}},
        ),
        {"s": {"$ref": "#/$defs/S", "description": "Here."}},
        [],
    ),
    "who calls, and what a client adds": (
        document(
            {
                "parameters": [
                    parameter("Authorization", "header", required=True),
                    parameter("Content-Type", "header"),
                    parameter("X-Key", "header"),
                    parameter("access_token"),
                    parameter("token", description="Authentication token. Requires scope: `chat:write`"),
                    parameter("key", description="The key of the cell."),
                ]
            },
            components={"securitySchemes": {"k": {"type": "apiKey", "in": "header", "name": "x-key"}}},
        ),
        {"key": {"type": "string", "description": "The key of the cell."}},
        [],
    ),
    "one name in two places": (
        document({"parameters": [parameter("id", "path"), parameter("id", "query", NUMBER)]}, "/pets/{id}"),
        {"id": TEXT, "id_query": NUMBER},
        ["id"],
    ),
    "properties of the body": (document(json_body(PET)), {"name": TEXT, "age": NUMBER}, ["name"]),
    "a body behind references and conjunctions": (
        document(
            {"requestBody": {"$ref": "#/components/requestBodies/B"}},
            components={
                "requestBodies": {
                    "B": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Dog"}}}}
                },
                "schemas": {
                    "Pet": PET,
                    "Dog": {
                        "allOf": [
                            {"$ref": "#/components/schemas/Pet"},
                            {"properties": {"breed": TEXT}, "required": ["breed"]},
                        ]
                    },
                },
            },
        ),
        {"name": TEXT, "age": NUMBER, "breed": TEXT},
        ["name", "breed"],
    ),
    "a body that shares a name": (
        document({"parameters": [parameter("name", "query")], **json_body(PET, required=True)}),
        {"name": TEXT, "body": PET},
        ["body"],
    ),
    "a body that is a list": (
        document(json_body({"type": "array", "items": PET}, required=True, description="All pets.")),
        {"body": {"type": "array", "items": PET, "description": "All pets."}},
        ["body"],
    ),
    "a body that is a choice": (
        document(json_body({"oneOf": [PET, {"type": "object", "properties": {"id": TEXT}}]})),
        {"body": {"oneOf": [PET, {"type": "object", "properties": {"id": TEXT}}]}},
        [],
    ),
    "a body that is a map": (
        document(json_body({"type": "object", "additionalProperties": TEXT})),
        {"body": {"type": "object", "additionalProperties": TEXT}},
        [],
    ),
    "a body beside a parameter called body": (
        document({"parameters": [parameter("body")], **json_body({"type": "array", "items": TEXT})}),
        {"body": TEXT, "request_body": {"type": "array", "items": TEXT}},
        [],
    ),
    "a body that can hold nothing": (
        document(json_body({"type": "object", "properties": {}, "additionalProperties": False})),
        {},
        [],
    ),
    "what only the service sets": (
        document(
            json_body(
                {"properties": {"id": {"type": "string", "readOnly": True}, "name": TEXT}, "required": ["id", "name"]}
            )
        ),
        {"name": TEXT},
        ["name"],
    ),
    "JSON before its kin, forms and the rest": (
        document(
            {
                "requestBody": {
                    "content": {
                        "text/plain": {"schema": TEXT},
                        "multipart/form-data": {"schema": {"properties": {"m": TEXT}}},
                        "application/vnd.pets+json": {"schema": {"properties": {"v": TEXT}}},
                        "application/json; charset=utf-8": {"schema": {"properties": {"j": TEXT}}},
                    }
                }
            }
        ),
        {"j": TEXT},
        [],
    ),
    "a form before its parts": (
        document(
            {
                "requestBody": {
                    "content": {
                        "multipart/form-data": {"schema": {"properties": {"m": TEXT}}},
                        "application/x-www-form-urlencoded": {"schema": {"properties": {"u": TEXT}}},
                        "application/json": {},
                    }
                }
            }
        ),
        {"u": TEXT},
        [],
    ),
    "Swagger 2: typed parameters": (
        swagger(
            {
                "parameters": [
                    {"name": "ids", "in": "query", "type": "array", "items": NUMBER, "collectionFormat": "csv"},
                    {"name": "file", "in": "formData", "type": "file", "required": True, "description": "What."},
                ]
            }
        ),
        {
            "ids": {"type": "array", "items": NUMBER},
            "file": {"type": "string", "format": "binary", "description": "What."},
        },
        ["file"],
    ),
    "Swagger 2: a body": (
        swagger(
            {"parameters": [{"name": "pet", "in": "body", "required": True, "schema": {"$ref": "#/definitions/Pet"}}]},
            definitions={"Pet": PET},
        ),
        {"name": TEXT, "age": NUMBER},
        ["name"],
    ),
}
RETURNS: dict[str, tuple[dict, Any]] = {
    "the lowest success that has a schema": ({"204": {}, "201": TEXT, "202": NUMBER}, TEXT),
    "any success": ({"2XX": TEXT, "404": NUMBER}, TEXT),
    "a number before any success": ({"2XX": TEXT, "202": NUMBER}, NUMBER),
    "default where there is no success": ({"default": TEXT, "404": NUMBER}, TEXT),
    "default beside a success is a failure": ({"204": {}, "default": TEXT}, None),
    "a schema that says nothing": ({"200": {}}, None),
    "failures alone": ({"404": TEXT}, None),
    "nothing": ({}, None),
}


@pytest.mark.parametrize(("value", "properties", "required"), ARGUMENTS.values(), ids=ARGUMENTS.keys())
def test_what_an_operation_takes(value: dict, properties: dict, required: list[str]):
    before = copy.deepcopy(value)
    draft = only(value)
    assert draft.parameters["properties"] == properties
    assert draft.parameters.get("required", []) == required
    assert draft.parameters["additionalProperties"] is False
    jsonschema_rs.Draft202012Validator(draft.parameters)
    assert value == before  # the document stays as it is


def test_a_body_that_says_it_is_open_leaves_the_arguments_open():
    draft = only(document(json_body({**PET, "additionalProperties": True})))
    assert "additionalProperties" not in draft.parameters
    assert draft.parameters["properties"] == PET["properties"]


@pytest.mark.parametrize(("responses", "expected"), RETURNS.values(), ids=RETURNS.keys())
@pytest.mark.parametrize("old", [False, True], ids=["OpenAPI 3", "Swagger 2"])
def test_what_an_operation_gives_back(responses: dict, expected: Any, old: bool):
    if old:
        value = swagger(
            {"responses": {status: {"schema": schema} if schema else {} for status, schema in responses.items()}}
        )
    else:
        kind = "application/json"
        value = document({"responses": {status: {"content": {kind: {"schema": s}}} for status, s in responses.items()}})
    assert only(value).returns == expected


def test_failures_are_apart_by_status():
    statuses = {"200": TEXT, "400": NUMBER, "5XX": PET, "302": TEXT, "default": {"type": "boolean"}}
    operation = {"responses": {key: {"content": {"a/json": {"schema": each}}} for key, each in statuses.items()}}
    draft = only(document(operation))
    assert draft.returns == TEXT
    assert draft.errors == {"400": NUMBER, "5XX": PET, "default": {"type": "boolean"}}


def test_a_response_by_reference_is_one_object_for_all():
    answer = {"responses": {"200": {"$ref": "#/components/responses/R"}}}
    value = {
        "openapi": "3.1.0",
        "paths": {"/a": {"get": answer}, "/b": {"get": answer}},
        "components": {"responses": {"R": {"content": {"application/json": {"schema": PET}}}}},
    }
    first, second = drafts(value)
    assert first.returns == PET
    assert first.returns is second.returns


def test_what_only_the_caller_sets_is_not_given_back():
    secret = {"properties": {"password": {"type": "string", "writeOnly": True}, "name": TEXT}}
    operation = {**json_body(secret), "responses": {"200": {"content": {"*/*": {"schema": secret}}}}}
    draft = only(document(operation))
    assert list(draft.parameters["properties"]) == ["password", "name"]
    assert draft.returns["properties"] == {"name": TEXT}  # type: ignore[index]


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ({"operationId": "users/list-all"}, "users/list-all"),
        ({"operationId": "  "}, "post_v1_pets_pet_id_photos"),
        ({"operationId": 7}, "post_v1_pets_pet_id_photos"),
        ({}, "post_v1_pets_pet_id_photos"),
    ],
    ids=["as it is called", "blank", "no text", "not called anything"],
)
def test_a_name(operation: dict, name: str):
    assert only(document(operation, "/v1/pets/{pet_id}/photos")).name == name


@pytest.mark.parametrize(
    ("operation", "description"),
    [
        ({"summary": "Add a pet", "description": "<p>Adds <b>one</b>.</p>"}, "Add a pet. Adds one."),
        ({"summary": "Adds a pet.", "description": "Adds a pet to the store."}, "Adds a pet to the store."),
        ({"summary": "Adds a pet.", "description": "Adds a pet. To the store."}, "Adds a pet. To the store."),
        ({"summary": "Adds a pet"}, "Adds a pet"),
        ({"summary": "Adds a pet.", "deprecated": True}, "Adds a pet. Deprecated."),
        ({"description": 5}, "POST /pets"),
    ],
    ids=["both", "summary alike", "summary repeated", "summary alone", "deprecated", "none"],
)
def test_a_description(operation: dict, description: str):
    assert only(document(operation)).description == description


@pytest.mark.parametrize(
    ("value", "recognised"),
    [
        ({"openapi": "3.0.0"}, True),
        ({"openapi": 3.1}, True),
        ({"swagger": "2.0"}, True),
        ({"swagger": 2.0}, True),
        ({"swaggerVersion": "1.2", "apis": []}, False),
        ({"openapi": "4.0.0"}, False),
        ({"openapi": None}, False),
        ({"paths": {}}, False),
        ([{"openapi": "3.0.0"}], False),
        ("openapi: 3.0.0", False),
    ],
    ids=str,
)
def test_a_document_is_recognised_by_its_version(value: Any, recognised: bool):
    assert openapi.is_openapi(value) is recognised


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"title": "Pets", "license": {"name": "MIT", "url": "https://mit"}}, ("Pets", "MIT")),
        ({"license": {"url": "https://mit"}}, ("", "https://mit")),
        ({"title": 3, "license": "MIT"}, ("", "")),
        (None, ("", "")),
    ],
    ids=["name", "address", "of other types", "none"],
)
def test_title_and_licence(info: Any, expected: tuple[str, str]):
    assert openapi.read_info({"openapi": "3.0.0", "info": info}) == expected
    assert openapi.read_licence({"openapi": "3.0.0", "info": info}) == expected[1]


def test_a_document_of_another_format_is_refused():
    with pytest.raises(CatalogError, match="names no version"):
        openapi.read_drafts({"swaggerVersion": "1.2"})
    with pytest.raises(CatalogError, match="no mapping of paths"):
        openapi.read_drafts({"openapi": "3.0.0", "paths": ["/pets"]})


WRONG: dict[str, tuple[dict, str, bool]] = {
    "an operation that is text": (document("get pets"), "no description of an operation", True),
    "a path that is a list": ({"openapi": "3.0.0", "paths": {"/pets": []}}, "no description of a path", True),
    "a path elsewhere": ({"openapi": "3.0.0", "paths": {"/pets": {"$ref": "pets.yaml"}}}, "'pets.yaml'", True),
    "parameters that are a mapping": (document({"parameters": {"a": TEXT}}), "no list", False),
    "a parameter without a name": (document({"parameters": [{"in": "query"}]}), "no name and place", False),
    "a parameter elsewhere": (document({"parameters": [{"$ref": "p.yaml#/P"}]}), "'p.yaml#/P'", False),
    "a parameter of 300 letters": (document({"parameters": [parameter("p" * 300)]}), "300 letters", False),
    "a body elsewhere": (document(json_body({"$ref": "pet.json"})), "outside of the document", False),
    "the path has more than is declared": (document({}, "/a/{b}"), "'b', which is not declared", False),
}


@pytest.mark.parametrize(("value", "reason", "lost"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_told_with_its_place_and_the_rest_goes_on(value: dict, reason: str, lost: bool):
    value = copy.deepcopy(value)
    value["paths"]["/other"] = {"get": {"operationId": "other"}}
    (problem,) = problems(value)
    assert reason in problem.reason
    assert problem.location.startswith("paths./")
    assert problem.lost is lost
    assert [draft.name for draft in drafts(value)][-1] == "other"
    assert len(drafts(value)) == (1 if lost else 2)


def test_a_whole_file_in_yaml():
    text = b"""
openapi: 3.0.2
info: {title: Pets, license: {name: MIT}}
paths:
  /pets/{id}:
    parameters: [{$ref: '#/components/parameters/id'}]
    get:
      operationId: getPet
      responses:
        200: {description: A pet, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
        404: {$ref: '#/components/responses/missing'}
components:
  parameters: {id: {name: id, in: path, required: true, schema: {type: integer}}}
  responses: {missing: {content: {application/json: {schema: {type: object, properties: {message: {type: string}}}}}}}
  schemas:
    Pet: {type: object, properties: {name: {type: string}, parent: {$ref: '#/components/schemas/Pet'}}}
"""
    (tool,) = register_drafts(
        openapi.read_drafts(parse_document(text, "pets.yaml")), Origin("pets", "pets.yaml", "MIT")
    )
    pet = {"type": "object", "properties": {"name": TEXT, "parent": {"$ref": "#/$defs/Pet"}}}
    assert not isinstance(tool, Problem)
    assert tool.name == "getPet"
    assert tool.parameters["required"] == ["id"]
    assert tool.returns == {**pet, "$defs": {"Pet": pet}}
    assert tool.errors == {"404": {"type": "object", "properties": {"message": TEXT}}}


def many_operations_of_a_large_body() -> dict:
    body = {"properties": {f"p{n}": TEXT for n in range(50_000)}}
    reference = {"requestBody": {"$ref": "#/components/requestBodies/B"}}
    return {
        "openapi": "3.0.0",
        "paths": {f"/p{n}": {"post": reference} for n in range(10)},
        "components": {"requestBodies": {"B": {"content": {"application/json": {"schema": body}}}}},
    }


HOSTILE = {
    "many operations of one large body": many_operations_of_a_large_body,
    "100,000 parameters": lambda: document({"parameters": [parameter(f"p{n}") for n in range(100_000)]}),
    "100,000 parameters without a name": lambda: document({"parameters": [{"in": str(n)} for n in range(100_000)]}),
    "a path of a million parts": lambda: document({}, "/{a}" * 1_000_000),
    "names that lead elsewhere": lambda: document({"operationId": "../../etc/passwd"}, "/../../{..}"),
    "a description of 10 MB": lambda: document({"description": "<p " * 3_000_000, "summary": "&" * 1_000_000}),
    "a circle of parameters": lambda: document(
        {"parameters": [{"$ref": "#/components/parameters/A"}]},
        components={"parameters": {"A": {"$ref": "#/components/parameters/A"}}},
    ),
    "diamonds of conjunctions": lambda: document(
        json_body({"$ref": "#/components/schemas/D0"}),
        components={
            "schemas": {
                f"D{n}": {"properties": {"a": TEXT}, "allOf": [{"$ref": f"#/components/schemas/D{n + 1}"}] * 9}
                for n in range(50)
            }
        },
    ),
    "a circle of bodies": lambda: document(
        json_body({"$ref": "#/paths/~1pets/post/requestBody/content/application~1json/schema"})
    ),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_document_costs_little(make: Any):
    value = make()
    with at_most_cpu_seconds(30):
        found = list(register_drafts(openapi.read_drafts(value), Origin("acme", "acme.json")))
        assert found
    assert sum(len(str(one)) for one in found if isinstance(one, Problem)) < 2**20


REFS = ["#/components/schemas/A", "#/components/parameters/A", "#/paths/~1a", "#/paths/~1a/get", "#/", "x.json", 5]
KEYS = (
    "parameters requestBody responses content application/json schema 200 404 default get post name in required "
    "operationId summary description deprecated type properties items allOf $ref body additionalProperties nullable"
).split()
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(["path", "query", "body", "object", "string", "array", *REFS]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=40,
)


@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING)
def test_anything_gives_tools_and_problems(operation: Any, item: Any, definition: Any, shared: Any):
    for version in ({"openapi": "3.0.0"}, {"openapi": "3.1.0"}, {"swagger": "2.0", "definitions": shared}):
        value = {
            **version,
            "info": shared,
            "paths": {
                "/a": {"get": operation, "parameters": item},
                "/a/{b}": item,
                "/c": {"post": {"requestBody": item}},
            },
            "components": {"schemas": {"A": definition}, "parameters": {"A": shared}, "securitySchemes": shared},
        }
        openapi.read_info(value)
        for one in register_drafts(openapi.read_drafts(value), Origin("acme", "acme.json")):
            if isinstance(one, Problem):
                assert one.location
                assert not one.lost or one.location.startswith("paths.")
            else:
                msgspec.json.encode(one)
