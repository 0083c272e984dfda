r"""Files and addresses that hold a document, as the value that it parses to.

Here belongs everything that can be wrong with a document before its format matters: it is not there, too
large, cut off, in another encoding, or an alias in it contains itself. Which format it has is told by
its content, never by its suffix alone.

>>> parse(b'\xef\xbb\xbf{"tools": []}', "tools.json")
{'tools': []}
>>> parse(b'{"tools": [', "tools.json")
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
    """YAML 1.2's idea of scalars: dates are text, and of all words only true and false are booleans."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":bool"))]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|True|TRUE|false|False|FALSE"), list("tTfF"))

MOST_BYTES = 128 * 2**20
MOST_NODES = 5_000_000  # a YAML document may name a part again and again, and so be larger than its file
DEEPEST = 200
_TIMEOUT_S = 60


def read(place: str | Path) -> Any:
    """The document at a path, or at an address that begins with http.

    Raises:
        CatalogError: it is not there, too large, or neither JSON nor YAML.
    """
    place = str(place)
    return parse(_fetched(place) if place.startswith(("http://", "https://")) else _contents(Path(place)), place)


def parse(content: bytes, place: str) -> Any:
    """The value of a JSON or YAML document; `place` is for messages."""
    if len(content) > MOST_BYTES:
        raise CatalogError(f"{place} has {len(content):,} bytes, more than the {MOST_BYTES:,} that are read; split it")
    text = _text(content, place)
    if text.lstrip()[:1] in ("{", "["):
        try:
            return msgspec.json.decode(text)
        except RecursionError:
            raise CatalogError(f"{place} is nested too deeply to be read") from None
        except msgspec.DecodeError as error:
            if "truncated" in str(error):
                raise CatalogError(f"{place} is cut off after {len(content):,} bytes; get the whole file") from None
            if not place.endswith((".yaml", ".yml")):
                raise CatalogError(f"{place} is not readable JSON: {error}; correct the file") from None
    try:
        refuse_deep(text)
        value = yaml.load(text, Loader=_Loader)
        _make_json(value)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CatalogError(f"{place} is not readable YAML: {error}; correct the file") from None
    if not isinstance(value, dict | list):
        raise CatalogError(f"{place} holds {str(value)[:60]!r}, neither a mapping nor a list")
    return value


def refuse_deep(text: str) -> None:
    """ValueError for YAML that is nested so deeply that its reader, which is recursive and in C, would crash."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")


def _text(content: bytes, place: str) -> str:
    marks = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    encoding = next((marks[mark] for mark in marks if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise CatalogError(f"{place} is not {encoding} at byte {error.start:,}; save it as UTF-8") from None


def _contents(path: Path) -> bytes:
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


def _fetched(address: str) -> bytes:
    import httpx2

    try:
        with httpx2.stream("GET", address, timeout=_TIMEOUT_S, follow_redirects=True) as response:
            response.raise_for_status()
            content = bytearray()
            for part in response.iter_bytes():
                content += part
                if len(content) > MOST_BYTES:
                    raise CatalogError(f"{address} has more than the {MOST_BYTES:,} bytes that are read; split it")
            return bytes(content)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise CatalogError(f"{address} cannot be fetched: {error}; check the address, or download the file") from None


def _make_json(value: Any) -> None:
    """Keys become text: `200:` is a number to YAML. Endless trees are refused: aliases make one of a few lines."""
    nodes = 0
    todo: list[tuple[Any, int]] = [(value, 0)]
    while todo:
        part, depth = todo.pop()
        nodes += 1
        if nodes > MOST_NODES or depth > DEEPEST:
            raise ValueError(f"its aliases make more than {MOST_NODES:,} values or {DEEPEST} levels of it")
        if isinstance(part, dict):
            for key in [key for key in part if not isinstance(key, str)]:
                part[json.dumps(key) if isinstance(key, bool | None) else str(key)] = part.pop(key)
            todo += [(child, depth + 1) for child in part.values()]
        elif isinstance(part, list):
            todo += [(child, depth + 1) for child in part]
