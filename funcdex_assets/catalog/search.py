"""Looking for a tool among a hundred thousand: full text in LanceDB, then by what the words are found in.

Here belongs the index and its questions. BM25 over names, descriptions and applications finds candidates;
those whose *name* has the words come first, since a tool is called what it does.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from funcdex_assets.records.tool import Tool
from funcdex_assets.schema.words import singular, words
from funcdex_assets.storage.frames import from_frame

INDEX = "search"
_CANDIDATES = 300
_BATCH_ROWS = 5000


class Hit(msgspec.Struct, frozen=True):
    """`score` only orders."""

    toolkit: str
    name: str
    description: str
    score: float


def write_index(tools: Path, folder: Path) -> None:
    """Indexes a catalogue's tools.parquet as `folder`/search.lance."""
    import lancedb
    from lancedb.index import FTS

    table = None
    database = lancedb.connect(folder)
    for batch in _search_rows(tools):
        if table is None:
            table = database.create_table(INDEX, batch.to_arrow())
        else:
            table.add(batch.to_arrow())
    if table is not None:
        table.create_index("text", config=FTS(with_position=False))


def find(folder: Path, query: str, limit: int, application: str | None = None) -> list[Hit]:
    """The tools that fit best, the best first."""
    import lancedb

    table = lancedb.connect(folder).open_table(INDEX)
    asked = table.search(query, query_type="fts").limit(_CANDIDATES)
    if application:
        asked = asked.where(f"toolkit LIKE '%{_quoted(application)}%'")
    wanted = [singular(word) for word in words(query)]
    hits = [
        Hit(score=_score(row, wanted), **{key: row[key] for key in ("toolkit", "name", "description")})
        for row in asked.to_list()
    ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.toolkit, hit.name))[:limit]


def tools_of_application(tools: Path, application: str) -> list[Tool]:
    return from_frame(pl.scan_parquet(tools).filter(pl.col("toolkit") == application).collect(), Tool)


def named(tools: Path, name: str) -> list[Tool]:
    """The tools of a name, in any application, or of `application/name`."""
    application, _, last = name.rpartition("/")
    matches = pl.col("name") == last
    if application:
        matches &= pl.col("toolkit") == application
    return from_frame(pl.scan_parquet(tools).filter(matches).collect(), Tool)


def _search_rows(tools: Path) -> Iterator[pl.DataFrame]:
    scan = pl.scan_parquet(tools).select("toolkit", "name", "description")
    total = scan.select(pl.len()).collect().item()
    for start in range(0, total, _BATCH_ROWS):
        frame = scan.slice(start, _BATCH_ROWS).collect()
        texts = [
            f"{' '.join(words(name))} {' '.join(words(toolkit))} {description}"
            for toolkit, name, description in frame.iter_rows()
        ]
        yield frame.with_columns(text=pl.Series(texts))


def _score(row: dict[str, Any], wanted: list[str]) -> float:
    named_words = {singular(word) for word in words(row["name"])}
    application = {singular(word) for word in words(row["toolkit"])}
    if not wanted:
        return row["_score"]
    in_name = sum(word in named_words for word in wanted) / len(wanted)
    in_application = sum(word in application for word in wanted) / len(wanted)
    # A name that has all the words, and few others, before one that has them among many.
    return row["_score"] + 20 * in_name + 10 * in_application - 0.5 * len(named_words)


def _quoted(text: str) -> str:
    return text.replace("'", "''")
