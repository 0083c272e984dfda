"""The big catalogue: every document of every installed collection as tools, in one Parquet file and one index.

Here belongs the work over many documents: one after another in a few processes, each with its own output file,
so that memory is bounded by the largest document and one that breaks costs itself only. A catalogue is built in a
new folder and put in the place of the old one when it is whole.

    catalog/tools.parquet      a row per tool, the fields of `Tool`
    catalog/problems.parquet   what was not readable: document, place, reason, whether a tool was lost
    catalog/summary.json       counts and times
    catalog/search.lance       what `catalog search` asks
"""

import re
import resource
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars as pl

from funcdex_assets.catalog import documents, sources
from funcdex_assets.catalog.collections import Document
from funcdex_assets.catalog.drafts import Problem
from funcdex_assets.catalog.errors import CatalogError
from funcdex_assets.catalog.search import write_index
from funcdex_assets.records.tool import Tool
from funcdex_assets.storage.frames import to_frame

TOOLS, PROBLEMS, SUMMARY = "tools.parquet", "problems.parquet", "summary.json"
_BATCH_BYTES = 16 * 2**20  # of schemas, before they are written
_MOST_PROBLEMS = 1000  # of one document


class Converted(NamedTuple):
    """What became of one document."""

    document: Document
    tools: int
    with_returns: int
    problems: tuple[Problem, ...]
    seconds: float
    peak_mib: float


class Summary(msgspec.Struct):
    """The figures of a build; `lost` are operations that gave no tool, `mended` places that lost a part.

    `peak_mib` is the most that all processes together can have had at once.
    """

    tools: int = 0
    applications: int = 0
    documents: int = 0
    unreadable: int = 0
    with_returns: int = 0
    lost: int = 0
    mended: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mib: float = 0.0
    collections: dict[str, int] = {}
    reasons: dict[str, int] = {}


def build(
    wanted: Sequence[Document],
    folder: Path,
    workers: int,
    advanced: Callable[[Converted], None] = lambda _: None,
) -> Summary:
    """Converts the documents and publishes the catalogue as `folder`; the old one stays until then."""
    started = time.monotonic()
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    parts = fresh / "parts"
    parts.mkdir(parents=True)
    summary = Summary()
    problems: list[dict[str, Any]] = []
    for converted in _convert_all(wanted, parts, workers):
        _count(summary, converted)
        problems += [
            {"collection": converted.document.collection, "document": converted.document.application}
            | problem._asdict()
            for problem in converted.problems
        ]
        advanced(converted)
    schema = dict.fromkeys(("collection", "document", "place", "reason"), pl.String) | {"lost": pl.Boolean}
    pl.DataFrame(problems, schema=schema).write_parquet(fresh / PROBLEMS)
    _join(parts, fresh / TOOLS)
    shutil.rmtree(parts)
    summary.applications = pl.scan_parquet(fresh / TOOLS).select(pl.col("toolkit").n_unique()).collect().item()
    write_index(fresh / TOOLS, fresh)
    summary.seconds = time.monotonic() - started
    own = resource.getrusage(resource.RUSAGE_SELF)
    if workers > 1:
        summary.cpu_seconds += own.ru_utime + own.ru_stime
        summary.peak_mib = summary.peak_mib * workers + own.ru_maxrss / 1024
    (fresh / SUMMARY).write_bytes(msgspec.json.format(msgspec.json.encode(summary)))
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return summary


def _convert_all(wanted: Sequence[Document], parts: Path, workers: int) -> Iterator[Converted]:
    """The largest first, so that none of them is begun when all else is done."""
    by_size = sorted(wanted, key=lambda document: -document.path.stat().st_size)
    tasks = [(document, parts / f"{number:06}.parquet") for number, document in enumerate(by_size)]
    if workers == 1:
        yield from (_convert(*task) for task in tasks)
        return
    # Polars has threads, so no plain fork. Workers are not replaced: Python 3.11 hangs when it does that.
    with ProcessPoolExecutor(workers, mp_context=get_context("forkserver")) as pool:
        for future in as_completed([pool.submit(_convert, *task) for task in tasks]):
            yield future.result()


def _convert(document: Document, part: Path) -> Converted:
    started = time.process_time()
    tools = with_returns = 0
    problems: list[Problem] = []
    try:
        reading = sources.read_document(documents.read(document.path), document.path.name)
        found = sources.tools_of(reading, document.application, document.source)
        for number, batch in enumerate(_batches(found, problems)):
            to_frame(batch, Tool).write_parquet(part.with_stem(f"{part.stem}-{number:03}"))
            tools += len(batch)
            with_returns += sum(tool.returns is not None for tool in batch)
    except CatalogError as error:
        problems.append(Problem("(whole)", str(error)))
    except Exception as error:  # a document that nobody thought of must not end the work on thousands
        problems.append(Problem("(whole)", f"{type(error).__name__}: {error}"[:500]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Converted(
        document, tools, with_returns, tuple(problems[:_MOST_PROBLEMS]), time.process_time() - started, peak
    )


def _batches(found: Iterable[Tool | Problem], problems: list[Problem]) -> Iterator[list[Tool]]:
    batch: list[Tool] = []
    size = 0
    for one in found:
        if isinstance(one, Problem):
            problems.append(one)
            continue
        batch.append(one)
        size += len(msgspec.json.encode((one.parameters, one.returns, one.errors)))
        if size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _count(summary: Summary, converted: Converted) -> None:
    summary.documents += 1
    summary.tools += converted.tools
    summary.with_returns += converted.with_returns
    summary.peak_mib = max(summary.peak_mib, converted.peak_mib)
    summary.cpu_seconds += converted.seconds
    name = converted.document.collection
    summary.collections[name] = summary.collections.get(name, 0) + converted.tools
    reasons = Counter(_kind(problem) for problem in converted.problems)
    for reason, count in reasons.items():
        summary.reasons[reason] = summary.reasons.get(reason, 0) + count
    if any(problem.place == "(whole)" for problem in converted.problems):
        summary.unreadable += 1
    summary.lost += sum(problem.lost for problem in converted.problems)
    summary.mended += sum(not problem.lost for problem in converted.problems)


def _kind(problem: Problem) -> str:
    """A reason without what differs from place to place: quoted values and numbers."""
    return re.sub(r"'[^']*'|\"[^\"]*\"|\d[\d,.]*", "…", problem.reason)[:120]


def _join(parts: Path, target: Path) -> None:
    """In the order of the applications, whatever the workers' order was."""
    paths = sorted(parts.glob("*.parquet"))
    if not paths:
        to_frame([], Tool).write_parquet(target)
        return
    pl.scan_parquet(paths).sink_parquet(target, row_group_size=2000)
