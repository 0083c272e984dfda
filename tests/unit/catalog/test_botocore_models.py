import copy
import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcdex_assets.catalog import documents
from funcdex_assets.catalog.drafts import Draft, Origin, Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.loaders import botocore_models
from funcdex_assets.catalog.loaders.botocore_models import find_bundled_models, is_service_model, read_drafts
from funcdex_assets.catalog.registry import register_drafts
from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.validation import find_violations

ORIGIN = Origin("queue", "service-2.json")

QUEUE = {
    "version": "2.0",
    "metadata": {"serviceId": "Queue", "protocol": "json"},
    "operations": {
        "SendItem": {
            "name": "SendItem",
            "http": {"method": "POST", "requestUri": "/"},
            "input": {"shape": "SendItemRequest"},
            "output": {"shape": "SendItemResponse"},
            "errors": [{"shape": "Full"}, {"shape": "Gone"}],
            "documentation": "<p>Sends an <code>Item</code> &amp; waits.</p>",
        },
        "Purge": {
            "name": "Purge",
            "deprecated": True,
            "deprecatedMessage": "Use SendItem.",
            "documentation": "Purges.",
        },
    },
    "shapes": {
        "SendItemRequest": {
            "type": "structure",
            "required": ["Queue", "Item", "Token", "NoSuch"],
            "members": {
                "Queue": {"shape": "Name", "location": "uri", "documentation": "<p>Where to.</p>"},
                "Item": {"shape": "Item"},
                "Token": {"shape": "Name", "idempotencyToken": True},
                "Kind": {"shape": "Kind"},
                "Colour": {"shape": "Colour", "documentation": "The colour.", "deprecated": True},
            },
        },
        "SendItemResponse": {"type": "structure", "members": {"At": {"shape": "When"}, "Item": {"shape": "Item"}}},
        "Item": {
            "type": "structure",
            "documentation": "An item.",
            "members": {"Parts": {"shape": "Items"}, "Tags": {"shape": "Tags"}, "Body": {"shape": "Body"}},
        },
        "Items": {"type": "list", "member": {"shape": "Item"}, "min": 1, "max": 3},
        "Tags": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Count"}, "max": 2},
        "Name": {"type": "string", "min": 1, "max": 9, "pattern": "[a-z]+"},
        "Kind": {"type": "string", "enum": ["A", "B"], "documentation": "<p>Which kind.</p>"},
        "Colour": {"type": "string", "enum": [f"colour-{number}" for number in range(20)]},
        "Count": {"type": "integer", "min": 0, "max": 7, "box": True},
        "When": {"type": "timestamp"},
        "Body": {"type": "blob", "max": 100},
        "Full": {"type": "structure", "exception": True, "members": {"Size": {"shape": "Count"}}},
        "Unused": {"type": "structure", "members": {}},
    },
}


def drafts(document: Any) -> dict[str, Draft]:
    return {draft.name: draft for draft in read_drafts(document) if isinstance(draft, Draft)}


def argument(shape: Any, member: dict[str, Any] | None = None, **shapes: Any) -> dict[str, Any]:
    """What an argument of this shape may be."""
    structure = {"type": "structure", "members": {"X": {"shape": "S", **(member or {})}}}
    model = {"metadata": {}, "operations": {"Do": {"input": {"shape": "In"}}}}
    return drafts({**model, "shapes": {"In": structure, "S": shape, **shapes}})["Do"].parameters["properties"]["X"]


def test_an_operation_is_what_its_documentation_says_without_markup() -> None:
    draft = drafts(QUEUE)["SendItem"]
    assert (draft.location, draft.description) == ("operations.SendItem", "Sends an `Item` & waits.")


def test_arguments_are_the_members_of_the_input() -> None:
    parameters = drafts(QUEUE)["SendItem"].parameters
    assert list(parameters["properties"]) == ["Queue", "Item", "Token", "Kind", "Colour"]
    assert parameters["properties"]["Queue"] == {
        "description": "Where to.",
        "type": "string",
        "minLength": 1,
        "maxLength": 9,
        "pattern": "[a-z]+",
    }
    assert parameters["additionalProperties"] is False


def test_required_are_the_members_that_exist_and_that_a_client_does_not_make() -> None:
    assert drafts(QUEUE)["SendItem"].parameters["required"] == ["Queue", "Item"]


def test_structures_and_long_enums_are_shared_and_the_rest_stands_where_it_is_used() -> None:
    parameters = drafts(QUEUE)["SendItem"].parameters
    assert list(parameters["$defs"]) == ["Colour", "Item"]
    assert parameters["properties"]["Kind"] == {"description": "Which kind.", "type": "string", "enum": ["A", "B"]}
    assert parameters["properties"]["Colour"] == {
        "description": "The colour.",
        "$ref": "#/$defs/Colour",
        "deprecated": True,
    }


def test_a_cycle_of_shapes_is_a_cycle_of_references() -> None:
    draft = drafts(QUEUE)["SendItem"]
    item = {"Parts": [{"Parts": [{"Tags": {"a": 1}}]}]}
    assert find_violations(draft.parameters, {"Queue": "a", "Item": item}) == []
    item["Parts"][0]["Parts"][0]["Tags"]["a"] = 8
    assert find_violations(draft.parameters, {"Queue": "a", "Item": item})
    assert draft.returns["properties"] == {
        "At": {"type": "string", "format": "date-time"},
        "Item": {"$ref": "#/$defs/Item"},
    }


def test_errors_are_schemas_by_the_name_of_their_shape() -> None:
    errors = drafts(QUEUE)["SendItem"].errors
    assert list(errors) == ["Full"]  # Gone is no shape
    assert errors["Full"]["properties"] == {"Size": {"type": "integer", "minimum": 0, "maximum": 7}}


def test_an_operation_without_input_and_output_takes_and_gives_nothing() -> None:
    purge = drafts(QUEUE)["Purge"]
    assert purge.parameters == purge.returns == {"type": "object", "properties": {}, "additionalProperties": False}


def test_a_deprecated_operation_stays_and_says_so() -> None:
    assert drafts(QUEUE)["Purge"].description == "Deprecated. Use SendItem. Purges."


@pytest.mark.parametrize(
    ("shape", "schema"),
    [
        pytest.param({"type": "string", "min": 0}, {"type": "string"}, id="a minimum of nought"),
        pytest.param({"type": "string", "pattern": "[\\uD800"}, {"type": "string"}, id="broken pattern"),
        pytest.param(
            {"type": "string", "pattern": "[\\P{M}\\p{M}]{0,20000}", "max": 20000},
            {"type": "string", "maxLength": 20000, "pattern": "[\\P{M}\\p{M}]{0,}"},
            id="pattern that would be slow",
        ),
        pytest.param({"type": "integer", "min": 0}, {"type": "integer", "minimum": 0}, id="integer"),
        pytest.param({"type": "long", "max": 9}, {"type": "integer", "maximum": 9}, id="long"),
        pytest.param({"type": "double", "min": 0.5}, {"type": "number", "minimum": 0.5}, id="double"),
        pytest.param({"type": "boolean", "box": True}, {"type": "boolean"}, id="boolean"),
        pytest.param({"type": "blob", "max": 9}, {"type": "string", "contentEncoding": "base64"}, id="blob"),
        pytest.param({"type": "timestamp", "min": 9}, {"type": "string", "format": "date-time"}, id="timestamp"),
        pytest.param({"type": "structure", "members": {}, "document": True}, {}, id="any document"),
        pytest.param(
            {"type": "list", "member": {"shape": "N"}, "max": 2},
            {"type": "array", "maxItems": 2, "items": {"type": "integer", "minimum": 1}},
            id="list",
        ),
        pytest.param(
            {"type": "map", "key": {"shape": "K"}, "value": {"shape": "N"}, "min": 1},
            {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {"type": "integer", "minimum": 1},
                "propertyNames": {"type": "string", "enum": ["a"]},
            },
            id="map",
        ),
    ],
)
def test_a_shape_says_what_the_model_says(shape: dict[str, Any], schema: dict[str, Any]) -> None:
    more = {"N": {"type": "integer", "min": 1}, "K": {"type": "string", "enum": ["a"]}}
    assert argument(shape, **more) == schema


def test_a_member_of_json_text_may_be_anything() -> None:
    assert argument({"type": "string"}, {"jsonvalue": True}) == {}


def test_a_union_holds_one_of_its_members() -> None:
    union = {"type": "structure", "union": True, "members": {"A": {"shape": "N"}, "B": {"shape": "N"}}}
    model = {"metadata": {}, "operations": {"Do": {"input": {"shape": "In"}}}}
    shapes = {"In": {"type": "structure", "members": {"U": {"shape": "U"}}}, "U": union, "N": {"type": "integer"}}
    parameters = drafts({**model, "shapes": shapes})["Do"].parameters
    assert find_violations(parameters, {"U": {"A": 1}}) == []
    assert find_violations(parameters, {"U": {"A": 1, "B": 2}})
    assert find_violations(parameters, {"U": {}})


def test_a_bad_operation_costs_itself_and_a_bad_shape_is_left_open() -> None:
    document = copy.deepcopy(QUEUE)
    document["operations"] |= {
        "A": None,
        "B": {"input": {"shape": "Lost"}},
        "C": {"input": {"shape": "Name"}},
        "D": {"output": 3},
    }
    document["shapes"]["Items"]["member"] = {"shape": "Lost"}
    document["shapes"]["Count"] = {"type": "tesseract"}
    found = list(read_drafts(document))
    told = {problem.location: problem for problem in found if isinstance(problem, Problem)}
    assert {place for place, problem in told.items() if problem.lost} == {f"operations.{key}" for key in "ABCD"}
    assert {place for place, problem in told.items() if not problem.lost} == {
        "shapes.Item.Parts.member",
        "shapes.Item.Tags.value",
        "shapes.Full.Size",
    }
    assert drafts(document).keys() == {"SendItem", "Purge"}


@pytest.mark.parametrize("document", [{"metadata": {}, "operations": {}}, {"operations": []}, [], None, "x"])
def test_another_document_is_refused(document: Any) -> None:
    assert not is_service_model(document)
    with pytest.raises(CatalogError, match="no AWS service model"):
        list(read_drafts(document))


def test_lists_within_themselves_are_left_open() -> None:
    shape = {"type": "list", "member": {"shape": "S"}}
    assert len(json.dumps(argument(shape))) < 5_000
    both = {"type": "map", "key": {"shape": "S"}, "value": {"shape": "S"}}
    assert len(json.dumps(argument(both))) < 10_000


def test_too_many_operations_and_shapes_are_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore_models, "MOST_OPERATIONS", 3)
    many = {"metadata": {}, "shapes": {}, "operations": {f"Do{number}": {} for number in range(9)}}
    assert [isinstance(found, Draft) for found in read_drafts(many)] == [True, True, True, False]
    monkeypatch.setattr(botocore_models, "MOST_DEFINITIONS", 5)
    chain = {f"S{number}": {"type": "structure", "members": {"N": {"shape": f"S{number + 1}"}}} for number in range(9)}
    model = {"metadata": {}, "operations": {"Do": {"input": {"shape": "S0"}}}, "shapes": chain}
    assert "more than 5 shapes" in str(next(read_drafts(model)))


def test_a_long_documentation_is_cut() -> None:
    model = {"metadata": {}, "shapes": {}, "operations": {"Do": {"documentation": "<p>a" * 2_500_000}}}
    assert len(drafts(model)["Do"].description) <= botocore_models.LONGEST_TEXT


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "botocore"
    for place in ("queue/2012-01-01", "queue/2020-01-01", "store/2015-01-01"):
        (package / "data" / place).mkdir(parents=True)
        (package / "data" / place / "service-2.json.gz").write_bytes(gzip.compress(json.dumps(QUEUE).encode()))
        (package / "data" / place / "waiters-2.json").write_text("{}")
    (package / "__init__.py").write_text("raise ImportError")
    monkeypatch.syspath_prepend(str(tmp_path))
    return package / "data"


def test_bundled_models_are_found_without_importing_their_package(installed: Path) -> None:
    assert [path.parent for path in find_bundled_models()] == [
        installed / "queue/2020-01-01",
        installed / "store/2015-01-01",
    ]
    assert len(list(find_bundled_models(newest=False))) == 3
    assert documents.load_document(next(find_bundled_models())) == QUEUE


def test_nothing_is_bundled_where_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore_models.importlib.util, "find_spec", lambda name: None)
    assert list(find_bundled_models()) == []


def test_a_plain_file_is_loaded_too(tmp_path: Path) -> None:
    (tmp_path / "service-2.json").write_text(json.dumps(QUEUE))
    assert documents.load_document(tmp_path / "service-2.json") == QUEUE


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(gzip.compress(json.dumps(QUEUE).encode())[:-20], "cannot be uncompressed", id="cut off"),
        pytest.param(b"{}", "cannot be uncompressed", id="not compressed"),
        pytest.param(gzip.compress(b'{"a": '), "cut off", id="cut off before it was compressed"),
        pytest.param(gzip.compress(b" " * 10_000), "more than the", id="far larger than its file"),
    ],
)
def test_a_compressed_file_that_cannot_be_read_is_an_error(
    content: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MOST_BYTES", 9_000)
    path = tmp_path / "service-2.json.gz"
    path.write_bytes(content)
    with pytest.raises(CatalogError, match=message):
        documents.load_document(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["A", "B", "C", "lost", "../../etc", "a~/b"])
REFERENCE = st.fixed_dictionaries(
    {"shape": NAMES}, optional={"documentation": JSON, "idempotencyToken": JSON, "jsonvalue": JSON, "deprecated": JSON}
)
SHAPE = JSON | st.fixed_dictionaries(
    {"type": st.sampled_from(["structure", "list", "map", "string", "integer", "double", "blob", "timestamp", "odd"])},
    optional={
        "members": st.dictionaries(st.text(max_size=3), REFERENCE | JSON, max_size=3) | JSON,
        "member": REFERENCE | JSON,
        "key": REFERENCE | JSON,
        "value": REFERENCE | JSON,
        "required": JSON,
        "enum": JSON | st.lists(st.text(max_size=2)),
        "min": JSON,
        "max": JSON,
        "pattern": JSON,
        "documentation": JSON,
        "union": JSON,
        "document": JSON,
        "eventstream": JSON,
    },
)


@settings(max_examples=30, deadline=None)
@given(
    operations=st.dictionaries(
        st.text(max_size=5),
        JSON
        | st.fixed_dictionaries(
            {},
            optional={
                "name": JSON,
                "documentation": JSON,
                "input": REFERENCE | JSON,
                "output": REFERENCE | JSON,
                "errors": JSON | st.lists(REFERENCE, max_size=3),
            },
        ),
        max_size=4,
    ),
    shapes=st.dictionaries(NAMES, SHAPE, max_size=6),
)
def test_any_model_gives_tools_and_problems(operations: Any, shapes: Any) -> None:
    found = list(register_drafts(read_drafts({"metadata": {}, "operations": operations, "shapes": shapes}), ORIGIN))
    assert all(isinstance(item, Tool | Problem) for item in found)
    msgspec.json.encode([item for item in found if isinstance(item, Tool)])
