"""Searches the big catalogue of a hundred thousand tools, with full text in LanceDB.

Here belongs the index and its queries; building the catalogue is in `build`. BM25 over names, descriptions and
applications finds candidates, which are then ranked again: those with the query's words in their *name* come first,
since a tool's name says what it does.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.words import split_words, to_singular
from funcdex_assets.storage.frames import from_frame

INDEX = "search"
_CANDIDATES = 300  # BM25 hits that are ranked again
_BATCH_ROWS = 5000


class SearchHit(msgspec.Struct, frozen=True):
    """One tool found by a search; `score` is only good for ordering hits of the same query."""

    toolkit: str
    name: str
    description: str
    score: float


def write_index(tools: Path, folder: Path) -> None:
    """Indexes a catalogue's tools.parquet (`tools`) as `folder`/search.lance."""
    import lancedb
    from lancedb.index import FTS

    table = None
    database = lancedb.connect(folder)
    for batch in _read_search_rows(tools):
        if table is None:
            table = database.create_table(INDEX, batch.to_arrow())
        else:
            table.add(batch.to_arrow())
    if table is not None:
        table.create_index("text", config=FTS(with_position=False))


def search_tools(folder: Path, query: str, limit: int, application: str | None = None) -> list[SearchHit]:
    """Returns the `limit` best hits, best first; `application` restricts them to toolkits whose name contains it."""
    import lancedb

    table = lancedb.connect(folder).open_table(INDEX)
    search = table.search(query, query_type="fts").limit(_CANDIDATES)
    if application:
        search = search.where(f"toolkit LIKE '%{_escape_quotes(application)}%'")
    query_words = [to_singular(word) for word in split_words(query)]
    hits = [
        SearchHit(score=_score_row(row, query_words), **{key: row[key] for key in ("toolkit", "name", "description")})
        for row in search.to_list()
    ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.toolkit, hit.name))[:limit]


def list_application_tools(tools: Path, application: str) -> list[Tool]:
    return from_frame(pl.scan_parquet(tools).filter(pl.col("toolkit") == application).collect(), Tool)


def find_tools_by_name(tools: Path, name: str) -> list[Tool]:
    """Returns the tools called `name` in any application, or only in one if `name` is `application/name`."""
    application, _, tool_name = name.rpartition("/")
    matches = pl.col("name") == tool_name
    if application:
        matches &= pl.col("toolkit") == application
    return from_frame(pl.scan_parquet(tools).filter(matches).collect(), Tool)


def _read_search_rows(tools: Path) -> Iterator[pl.DataFrame]:
    """Yields frames of toolkit, name, description and the `text` that is indexed: their words."""
    scan = pl.scan_parquet(tools).select("toolkit", "name", "description")
    total = scan.select(pl.len()).collect().item()
    for start in range(0, total, _BATCH_ROWS):
        frame = scan.slice(start, _BATCH_ROWS).collect()
        texts = [
            f"{' '.join(split_words(name))} {' '.join(split_words(toolkit))} {description}"
            for toolkit, name, description in frame.iter_rows()
        ]
        yield frame.with_columns(text=pl.Series(texts))


def _score_row(row: dict[str, Any], query_words: list[str]) -> float:
    """Returns the BM25 score plus the shares of the query words that are in the name and in the application."""
    name_words = {to_singular(word) for word in split_words(row["name"])}
    application_words = {to_singular(word) for word in split_words(row["toolkit"])}
    if not query_words:
        return row["_score"]
    in_name = sum(word in name_words for word in query_words) / len(query_words)
    in_application = sum(word in application_words for word in query_words) / len(query_words)
    # A name that has all the query's words and few others ranks above one that has them among many.
    return row["_score"] + 20 * in_name + 10 * in_application - 0.5 * len(name_words)


def _escape_quotes(text: str) -> str:
    return text.replace("'", "''")
