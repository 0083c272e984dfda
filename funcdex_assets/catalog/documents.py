r"""Loads a JSON or YAML document from a file or an address.

Here belongs everything that can be wrong with a document before its format matters: it is missing, too large, cut
off, in another encoding, or contains itself through a YAML alias. Which description format it has is decided in
`sources`, by its content.

>>> parse_document(b'\xef\xbb\xbf{"tools": []}', "tools.json")
{'tools': []}
>>> parse_document(b'{"tools": [', "tools.json")
Traceback (most recent call last):
funcdex_assets.catalog.errors.CatalogError: tools.json is cut off after 11 bytes; get the whole file
"""

import gzip
import json
import re
import zlib
from pathlib import Path
from typing import Any

import msgspec
import yaml

from funcdex_assets.catalog.errors import CatalogError


class _Loader(yaml.CSafeLoader):
    """Reads scalars as YAML 1.2 does: dates stay text, and only `true` and `false` are booleans, not `yes` or `on`."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":bool"))]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|True|TRUE|false|False|FALSE"), list("tTfF"))

MOST_BYTES = 128 * 2**20  # of one document, uncompressed
MOST_NODES = 5_000_000  # a YAML document may name a part again and again, and so be larger than its file
DEEPEST = 200  # levels
_TIMEOUT_S = 60


def load_document(location: str | Path) -> Any:
    """Loads the document at a path, or at an address that begins with `http://` or `https://`.

    Raises:
        CatalogError: it is missing, too large, or neither JSON nor YAML.
    """
    location = str(location)
    return parse_document(
        _fetch_address(location) if location.startswith(("http://", "https://")) else _read_file(Path(location)),
        location,
    )


def parse_document(content: bytes, location: str) -> Any:
    """Parses a JSON or YAML document to a mapping or a list; `location` is its path or address, for error messages."""
    if len(content) > MOST_BYTES:
        raise CatalogError(
            f"{location} has {len(content):,} bytes, more than the {MOST_BYTES:,} that are read; split it"
        )
    text = _decode_text(content, location)
    if text.lstrip()[:1] in ("{", "["):
        try:
            return msgspec.json.decode(text)
        except RecursionError:
            raise CatalogError(f"{location} is nested too deeply to be read") from None
        except msgspec.DecodeError as error:
            if "truncated" in str(error):
                raise CatalogError(f"{location} is cut off after {len(content):,} bytes; get the whole file") from None
            if not location.endswith((".yaml", ".yml")):
                raise CatalogError(f"{location} is not readable JSON: {error}; correct the file") from None
    try:
        refuse_deep_nesting(text)
        value = yaml.load(text, Loader=_Loader)
        _convert_to_json(value)
    except (yaml.YAMLError, ValueError, KeyError, RecursionError) as error:
        raise CatalogError(f"{location} is not readable YAML: {error}; correct the file") from None
    if not isinstance(value, dict | list):
        raise CatalogError(f"{location} holds {str(value)[:60]!r}, neither a mapping nor a list")
    return value


def refuse_deep_nesting(text: str) -> None:
    """Raises ValueError for YAML nested deeper than `DEEPEST` levels: its loader, recursive and in C, would crash."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")


def _decode_text(content: bytes, location: str) -> str:
    encoding_by_mark = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    encoding = next((encoding_by_mark[mark] for mark in encoding_by_mark if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise CatalogError(f"{location} is not {encoding} at byte {error.start:,}; save it as UTF-8") from None


def _read_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CatalogError(
                f"{path} has {path.stat().st_size:,} bytes, more than the {MOST_BYTES:,} that are read; split it"
            )
        if path.suffix != ".gz":
            return path.read_bytes()
        with gzip.open(path) as file:
            return file.read(MOST_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CatalogError(f"{path} cannot be uncompressed: {error}; get the whole file") from None
    except OSError as error:
        raise CatalogError(f"{path} cannot be read: {error.strerror}; check the path") from None


def _fetch_address(address: str) -> bytes:
    import httpx2

    try:
        with httpx2.stream("GET", address, timeout=_TIMEOUT_S, follow_redirects=True) as response:
            response.raise_for_status()
            content = bytearray()
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > MOST_BYTES:
                    raise CatalogError(f"{address} has more than the {MOST_BYTES:,} bytes that are read; split it")
            return bytes(content)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise CatalogError(f"{address} cannot be fetched: {error}; check the address, or download the file") from None


def _convert_to_json(value: Any) -> None:
    """Makes all keys text, in place, and refuses trees that are too large.

    YAML reads the key `200:` as a number. With aliases a few lines can describe an endless tree.

    Raises:
        ValueError: more than `MOST_NODES` values or `DEEPEST` levels.
    """
    node_count = 0
    pending: list[tuple[Any, int]] = [(value, 0)]
    while pending:
        node, depth = pending.pop()
        node_count += 1
        if node_count > MOST_NODES or depth > DEEPEST:
            raise ValueError(f"its aliases make more than {MOST_NODES:,} values or {DEEPEST} levels of it")
        if isinstance(node, dict):
            for key in [key for key in node if not isinstance(key, str)]:
                node[json.dumps(key) if isinstance(key, bool | None) else str(key)] = node.pop(key)
            pending += [(child, depth + 1) for child in node.values()]
        elif isinstance(node, list):
            pending += [(child, depth + 1) for child in node]
