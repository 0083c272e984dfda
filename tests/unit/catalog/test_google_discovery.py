import copy
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcdex_assets.catalog.drafts import Draft, Origin, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.loaders import google_discovery
from funcdex_assets.catalog.loaders.google_discovery import (
    KIND,
    find_bundled_documents,
    is_discovery_document,
    read_drafts,
    select_newest_stable,
)
from funcdex_assets.catalog.registry import register_drafts
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.validation import find_violations

ORIGIN = Origin("shop", "shop.v1.json")

SHOP = {
    "kind": KIND,
    "name": "shop",
    "version": "v1",
    "parameters": {"alt": {"type": "string", "location": "query"}, "key": {"type": "string", "location": "query"}},
    "resources": {
        "users": {
            "resources": {
                "orders": {
                    "methods": {
                        "insert": {
                            "id": "shop.users.orders.insert",
                            "description": "Makes an order.",
                            "parameterOrder": ["userId"],
                            "parameters": {
                                "dryRun": {"type": "boolean", "default": "false", "location": "query"},
                                "userId": {"type": "string", "required": True, "location": "path", "default": "me"},
                            },
                            "request": {"$ref": "Order"},
                            "response": {"$ref": "Order"},
                            "supportsMediaUpload": True,
                            "mediaUpload": {"accept": ["*/*"]},
                        },
                        "patch": {
                            "id": "shop.users.orders.patch",
                            "description": "Changes an order.",
                            "parameters": {"name": {"type": "string", "required": True, "location": "path"}},
                            "request": {"$ref": "Order"},
                            "response": {"$ref": "Order"},
                        },
                        "delete": {"id": "shop.users.orders.delete", "description": "Deletes an order."},
                        "export": {
                            "id": "shop.users.orders.export",
                            "description": "Exports an order.",
                            "supportsMediaDownload": True,
                        },
                    }
                }
            }
        }
    },
    "schemas": {
        "Order": {
            "id": "Order",
            "type": "object",
            "properties": {
                "id": {"type": "string", "readOnly": True},
                "name": {"type": "string", "description": "What it is called."},
                "etag": {"type": "string", "description": "[Output Only] The version."},
                "madeAt": {"type": "string", "format": "google-datetime", "description": "When. Read-only."},
                "lines": {
                    "type": "array",
                    "items": {"$ref": "Line"},
                    "annotations": {"required": ["shop.users.orders.insert"]},
                },
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "parent": {"$ref": "Order", "description": "The order it is part of."},
            },
        },
        "Line": {
            "id": "Line",
            "type": "object",
            "properties": {
                "amount": {"type": "string", "format": "int64"},
                "sku": {"type": "string", "annotations": {"required": ["shop.users.orders.insert"]}},
                "cost": {"type": "number", "readOnly": True},
                "of": {"$ref": "Line"},
                "extra": {"type": "any"},
            },
        },
        "Unused": {"id": "Unused", "type": "object", "properties": {"a": {"type": "string"}}},
    },
}


def drafts(document: Any) -> dict[str, Draft]:
    return {draft.name: draft for draft in read_drafts(document) if isinstance(draft, Draft)}


def one(parameters: dict[str, Any] | None = None, **method: Any) -> Draft:
    schemas = method.pop("schemas", {})
    methods = {"run": {"id": "a.run", "description": "Runs.", "parameters": parameters or {}, **method}}
    document = {"kind": KIND, "resources": {"a": {"methods": methods}}, "schemas": schemas}
    (draft,) = [found for found in read_drafts(document) if isinstance(found, Draft)]
    return draft


def test_methods_of_nested_resources_are_named_by_their_id_and_placed() -> None:
    found = drafts(SHOP)
    assert list(found) == [f"shop.users.orders.{verb}" for verb in ("insert", "patch", "delete", "export")]
    assert found["shop.users.orders.insert"].location == "resources.users.resources.orders.methods.insert"
    assert found["shop.users.orders.insert"].description == "Makes an order."


def test_methods_outside_of_any_resource_are_read_too() -> None:
    assert list(drafts({"kind": KIND, "methods": {"info": {"description": "Tells."}}})) == ["info"]


def test_arguments_are_the_parameters_in_their_order_and_then_the_properties_of_the_body() -> None:
    parameters = drafts(SHOP)["shop.users.orders.insert"].parameters
    assert list(parameters["properties"]) == ["userId", "dryRun", "name", "lines", "labels", "parent"]
    assert parameters["properties"]["userId"] == {"type": "string", "default": "me"}
    assert parameters["additionalProperties"] is False


def test_global_query_parameters_are_no_arguments() -> None:
    assert not {"alt", "key"} & set(drafts(SHOP)["shop.users.orders.insert"].parameters["properties"])


def test_what_is_only_output_is_not_sent_at_any_depth_and_comes_back() -> None:
    draft = drafts(SHOP)["shop.users.orders.insert"]
    assert "cost" not in draft.parameters["$defs"]["Line"]["properties"]
    assert {"id", "etag", "madeAt"} <= set(draft.returns["properties"])
    assert draft.returns["$defs"]["Line"]["properties"]["cost"] == {"type": "number"}


@pytest.mark.parametrize(
    ("description", "is_sent"),
    [
        ("Output only. The size.", False),
        ("[Output Only] The size.", False),
        ("Deprecated: Output only. Use `x`.", False),
        ("The size. Read-only.", False),
        ("The size (Read-only)", True),  # no sentence of its own
        ("The size. (Read-only)", False),
        ("Output only when the order is new.", True),
        ("The organizer. Read-only, except when importing.", True),
        ("Whether it is read-only.", True),
        ("", True),
    ],
)
def test_output_only_is_told_by_words_where_the_flag_is_missing(description: str, is_sent: bool) -> None:
    schema = {"type": "object", "properties": {"size": {"type": "string", "description": description}}}
    draft = one(request={"$ref": "Body"}, schemas={"Body": schema})
    assert ("size" in draft.parameters["properties"]) is is_sent


def test_required_is_what_the_annotation_says_of_this_method() -> None:
    found = drafts(SHOP)
    insert, patch = found["shop.users.orders.insert"].parameters, found["shop.users.orders.patch"].parameters
    assert insert["required"] == ["userId", "lines"]
    assert insert["$defs"]["Line"]["required"] == ["sku"]
    assert patch["required"] == ["name"]
    assert "required" not in patch["$defs"]["Line"]


def test_a_body_that_requires_an_output_only_field_keeps_it() -> None:
    field = {"type": "string", "readOnly": True, "annotations": {"required": ["a.run"]}}
    draft = one(request={"$ref": "Body"}, schemas={"Body": {"type": "object", "properties": {"id": field}}})
    assert draft.parameters["required"] == ["id"]


def test_a_field_that_the_path_gives_is_one_argument() -> None:
    parameters = drafts(SHOP)["shop.users.orders.patch"].parameters
    assert list(parameters["properties"]) == ["name", "lines", "labels", "parent"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"type": "object", "properties": {"name": {"type": "integer"}}}, id="name of another type"),
        pytest.param({"type": "object", "additionalProperties": {"type": "string"}}, id="map"),
        pytest.param({"type": "array", "items": {"type": "string"}}, id="list"),
        pytest.param({"type": "any"}, id="anything"),
    ],
)
def test_a_body_that_cannot_stand_beside_the_parameters_is_one_argument(body: dict[str, Any]) -> None:
    draft = one({"name": {"type": "string"}}, request={"$ref": "Body"}, schemas={"Body": body})
    assert draft.parameters["properties"] == {"name": {"type": "string"}, "body": {"$ref": "#/$defs/Body"}}
    assert list(draft.parameters["$defs"]) == ["Body"]


def test_definitions_are_shared_cyclic_and_only_those_that_are_reached() -> None:
    draft = drafts(SHOP)["shop.users.orders.insert"]
    assert list(draft.parameters["$defs"]) == ["Line", "Order"]  # Order within itself
    assert draft.returns["properties"]["lines"] == {"type": "array", "items": {"$ref": "#/$defs/Line"}}
    assert draft.returns["properties"]["parent"]["description"] == "The order it is part of."
    nested = {"userId": "me", "lines": [{"sku": "a", "of": {"sku": "b", "of": {"sku": "c"}}}]}
    assert find_violations(draft.parameters, nested) == []
    nested["lines"][0]["of"]["of"]["sku"] = 1
    assert find_violations(draft.parameters, nested)


@pytest.mark.parametrize(
    ("raw", "schema"),
    [
        pytest.param(
            {"type": "string", "format": "int64", "minimum": "1"},
            {"type": "string", "format": "int64", "pattern": r"^-?\d+$"},
            id="a long number is text",
        ),
        pytest.param(
            {"type": "integer", "format": "int32", "minimum": "1", "maximum": "500", "default": "100"},
            {"type": "integer", "format": "int32", "minimum": 1, "maximum": 500, "default": 100},
            id="bounds and default are numbers",
        ),
        pytest.param(
            {"type": "integer", "format": "uint32"},
            {"type": "integer", "format": "uint32", "minimum": 0},
            id="unsigned",
        ),
        pytest.param({"type": "boolean", "default": "true"}, {"type": "boolean", "default": True}, id="boolean"),
        pytest.param({"type": "integer", "default": "many"}, {"type": "integer"}, id="default of no such type"),
        pytest.param(
            {"type": "string", "format": "google-datetime"}, {"type": "string", "format": "date-time"}, id="date-time"
        ),
        pytest.param(
            {"type": "string", "enum": ["A", "B"], "enumDescriptions": ["First.", ""], "description": "Which."},
            {"description": "Which. `A`: First.", "type": "string", "enum": ["A", "B"]},
            id="meanings of an enum",
        ),
        pytest.param(
            {"type": "string", "enum": ["A"], "default": "C"}, {"type": "string", "enum": ["A"]}, id="no such choice"
        ),
        pytest.param(
            {"type": "string", "repeated": True, "enum": ["A"], "description": "Which."},
            {"type": "array", "items": {"type": "string", "enum": ["A"]}, "description": "Which."},
            id="repeated",
        ),
        pytest.param(
            {"type": "string", "pattern": "^a/[^/]+$"}, {"type": "string", "pattern": "^a/[^/]+$"}, id="pattern"
        ),
        pytest.param({"type": "string", "pattern": "(["}, {"type": "string"}, id="broken pattern"),
        pytest.param({"type": "any"}, {}, id="anything"),
        pytest.param(
            {"type": "object"},
            {"type": "object", "properties": {}, "additionalProperties": False},
            id="an object without fields is empty",
        ),
        pytest.param(
            {"type": "object", "additionalProperties": {"type": "integer"}},
            {"type": "object", "additionalProperties": {"type": "integer"}},
            id="map",
        ),
        pytest.param(
            {"type": "string", "deprecated": True, "description": " a \n b "},
            {"description": "a b", "type": "string", "deprecated": True},
            id="deprecated",
        ),
    ],
)
def test_a_parameter_says_what_the_document_says(raw: dict[str, Any], schema: dict[str, Any]) -> None:
    assert one({"p": raw}).parameters["properties"]["p"] == schema


def test_a_method_without_response_answers_with_nothing_and_a_download_with_what_is_not_said() -> None:
    found = drafts(SHOP)
    assert found["shop.users.orders.delete"].returns == {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }
    assert found["shop.users.orders.export"].returns is None


def test_a_deprecated_method_stays_and_says_so() -> None:
    assert one(deprecated=True).description == "Deprecated. Runs."


def test_schema_names_that_cannot_stand_in_a_pointer_are_spelled_anew() -> None:
    names = ["../../etc/passwd", "a~b", "a b", "a/b", "a_b", "日本", "日"]
    schemas = {name: {"type": "object", "properties": {"x": {"type": "integer"}}} for name in names}
    body = {"type": "object", "properties": {f"p{index}": {"$ref": name} for index, name in enumerate(names)}}
    draft = one(request={"$ref": "Body"}, schemas={"Body": body, **schemas})
    assert len(draft.parameters["$defs"]) == len(names)
    assert find_violations(draft.parameters, {f"p{index}": {"x": 1} for index in range(len(names))}) == []
    assert len(find_violations(draft.parameters, {f"p{index}": {"x": "1"} for index in range(len(names))})) == len(
        names
    )


def test_a_bad_method_costs_itself_and_a_bad_schema_is_left_open() -> None:
    document = copy.deepcopy(SHOP)
    document["resources"]["users"]["resources"]["orders"]["methods"]["patch"] = None
    document["schemas"]["Line"]["properties"]["of"] = {"$ref": "Gone"}
    document["schemas"]["Line"]["properties"]["sku"] = ["no"]
    found = list(read_drafts(document))
    assert len([draft for draft in found if isinstance(draft, Draft)]) == 3
    told = [(problem.location, problem.lost) for problem in found if isinstance(problem, Problem)]
    assert ("resources.users.resources.orders.methods.patch", True) in told
    assert ("schemas.Line.of", False) in told
    assert ("schemas.Line.sku", False) in told
    assert drafts(document)["shop.users.orders.insert"].parameters["$defs"]["Line"]["properties"]["of"] == {}


@pytest.mark.parametrize("document", [{"kind": "discovery#directoryList"}, {}, [], None, "x"])
def test_another_document_is_refused(document: Any) -> None:
    assert not is_discovery_document(document)
    with pytest.raises(CatalogError, match="not 'discovery#restDescription'"):
        list(read_drafts(document))


def test_deep_nesting_is_left_open() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(100_000):
        deep = {"type": "array", "items": deep}
    methods = {"run": {"id": "a.run", "parameters": {"p": deep}}}
    draft, problem = read_drafts({"kind": KIND, "methods": methods, "schemas": {"Deep": deep}})
    assert isinstance(draft, Draft)
    assert "nested too deeply" in str(problem)
    while deep := deep.pop("items", None):  # one by one: freeing it whole would recurse
        pass


def test_too_many_methods_and_schemas_are_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_discovery, "MOST_METHODS", 3)
    many = {"kind": KIND, "methods": {f"m{index}": {"description": "Does."} for index in range(9)}}
    assert [isinstance(found, Draft) for found in read_drafts(many)] == [True, True, True, False]
    monkeypatch.setattr(google_discovery, "MOST_DEFINITIONS", 5)
    chain = {f"S{index}": {"type": "object", "properties": {"n": {"$ref": f"S{index + 1}"}}} for index in range(9)}
    methods = {"run": {"response": {"$ref": "S0"}}}
    (problem,) = read_drafts({"kind": KIND, "methods": methods, "schemas": chain | {"S9": {"type": "string"}}})
    assert "more than 5 schemas" in str(problem)


def test_a_long_description_is_cut() -> None:
    assert len(one({"p": {"type": "string", "description": "a " * 5_000_000}}).parameters["properties"]["p"]) == 2
    assert len(one(description="a " * 5_000_000).description) <= google_discovery.LONGEST_TEXT


def test_bundled_documents_are_found_without_importing_their_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "googleapiclient" / "discovery_cache" / "documents"
    folder.mkdir(parents=True)
    (tmp_path / "googleapiclient" / "__init__.py").write_text("raise ImportError")
    for name in ("index", "drive.v2", "drive.v3", "drive.v4beta", "admin.directory_v1", "admin.directoryv1"):
        (folder / f"{name}.json").write_text("{}")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [path.stem for path in find_bundled_documents()] == ["admin.directory_v1", "drive.v3"]
    assert len(list(find_bundled_documents(newest=False))) == 5


def test_nothing_is_bundled_where_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_discovery.importlib.util, "find_spec", lambda name: None)
    assert list(find_bundled_documents()) == []


@pytest.mark.parametrize(
    ("versions", "newest"),
    [
        (["v1", "v2", "v10"], "v10"),
        (["v1", "v2beta1"], "v1"),
        (["v1alpha", "v1beta", "v1beta2"], "v1beta2"),
        (["v3.3", "v3.5"], "v3.5"),
        (["alpha", "beta", "v1"], "v1"),
        (["v1p1beta1", "v1"], "v1"),
        (["alpha"], "alpha"),
    ],
)
def test_the_newest_stable_version_is_kept(versions: list[str], newest: str) -> None:
    assert select_newest_stable([Path(f"s.{version}.json") for version in versions]) == [Path(f"s.{newest}.json")]


def test_parts_of_a_service_are_services() -> None:
    paths = [Path("m.accounts_v1.json"), Path("m.accounts_v1beta.json"), Path("m.reports_v1beta.json")]
    assert select_newest_stable(paths) == [paths[0], paths[2]]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    *("type", "format", "properties", "items", "additionalProperties", "$ref", "enum", "enumDescriptions", "default"),
    *("minimum", "maximum", "required", "repeated", "annotations", "readOnly", "description", "pattern", "deprecated"),
]
SCHEMA = st.recursive(
    JSON | st.sampled_from([{"$ref": "A"}, {"$ref": "B"}, {"type": "string"}, {"type": "object"}, {"type": "any"}]),
    lambda inner: (
        st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
        | st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(st.text(max_size=3), inner, max_size=3)}
        )
    ),
    max_leaves=12,
)


@settings(max_examples=75, deadline=None)
@given(
    methods=st.dictionaries(
        st.text(max_size=5),
        JSON
        | st.fixed_dictionaries(
            {},
            optional={
                "id": JSON,
                "description": JSON,
                "parameters": JSON | st.dictionaries(st.text(max_size=3), SCHEMA, max_size=3),
                "parameterOrder": JSON,
                "request": SCHEMA,
                "response": SCHEMA,
            },
        ),
        max_size=4,
    ),
    schemas=JSON | st.fixed_dictionaries({"A": SCHEMA, "B": SCHEMA}),
    resources=JSON,
)
def test_any_document_gives_tools_and_problems(methods: Any, schemas: Any, resources: Any) -> None:
    document = {"kind": KIND, "methods": methods, "schemas": schemas, "resources": resources}
    found = list(register_drafts(read_drafts(document), ORIGIN))
    assert all(isinstance(item, Tool | Problem) for item in found)
    msgspec.json.encode([item for item in found if isinstance(item, Tool)])
