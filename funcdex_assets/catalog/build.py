"""Builds the big catalogue: the tools of all installed collections, in one Parquet file and one index.

Here belongs the work over many documents; converting one belongs in `sources` and the loaders. A few processes convert
one document at a time, each into its own output file, so that memory is bounded by the largest document and a broken
document loses only its own tools. A catalogue is built in a new folder, which replaces the old one when it is complete.

    catalog/tools.parquet      a row per tool, the fields of `Tool`
    catalog/problems.parquet   a row per unreadable place: document, place, reason, and if a tool was lost
    catalog/summary.json       counts and times
    catalog/search.lance       the full-text index behind `catalog search`
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


class ConvertedDocument(NamedTuple):
    """The outcome of converting one document: counts, problems, CPU seconds and peak memory."""

    document: Document
    tools: int
    with_returns: int
    problems: tuple[Problem, ...]
    seconds: float
    peak_mib: float


class CatalogSummary(msgspec.Struct):
    """The figures of a build, written as summary.json.

    `lost` counts operations that gave no tool, `mended` places where a detail was left out. `peak_mib` is an
    upper bound of the memory of all processes together.
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


def build_catalog(
    selected_documents: Sequence[Document],
    folder: Path,
    workers: int,
    on_converted: Callable[[ConvertedDocument], None] = lambda _: None,
) -> CatalogSummary:
    """Converts the documents and publishes the catalogue as `folder`; the old catalogue stays until then.

    `on_converted` is called after each document, for a progress bar.
    """
    started = time.monotonic()
    new_folder = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(new_folder, ignore_errors=True)
    batch_folder = new_folder / "parts"
    batch_folder.mkdir(parents=True)
    summary = CatalogSummary()
    problems: list[dict[str, Any]] = []
    for converted in _convert_all(selected_documents, batch_folder, workers):
        _add_to_summary(summary, converted)
        problems += [
            {"collection": converted.document.collection, "document": converted.document.application}
            | {"place": problem.location, "reason": problem.reason, "lost": problem.lost}
            for problem in converted.problems
        ]
        on_converted(converted)
    schema = dict.fromkeys(("collection", "document", "place", "reason"), pl.String) | {"lost": pl.Boolean}
    pl.DataFrame(problems, schema=schema).write_parquet(new_folder / PROBLEMS)
    _join_batches(batch_folder, new_folder / TOOLS)
    shutil.rmtree(batch_folder)
    summary.applications = pl.scan_parquet(new_folder / TOOLS).select(pl.col("toolkit").n_unique()).collect().item()
    write_index(new_folder / TOOLS, new_folder)
    summary.seconds = time.monotonic() - started
    usage = resource.getrusage(resource.RUSAGE_SELF)
    if workers > 1:
        summary.cpu_seconds += usage.ru_utime + usage.ru_stime
        summary.peak_mib = summary.peak_mib * workers + usage.ru_maxrss / 1024
    (new_folder / SUMMARY).write_bytes(msgspec.json.format(msgspec.json.encode(summary)))
    shutil.rmtree(folder, ignore_errors=True)
    new_folder.rename(folder)
    return summary


def _convert_all(
    selected_documents: Sequence[Document], batch_folder: Path, workers: int
) -> Iterator[ConvertedDocument]:
    """Converts the largest documents first, so that no long one is started when all others are done."""
    by_size = sorted(selected_documents, key=lambda document: -document.path.stat().st_size)
    tasks = [(document, batch_folder / f"{number:06}.parquet") for number, document in enumerate(by_size)]
    if workers == 1:
        yield from (_convert_document(*task) for task in tasks)
        return
    # Polars has threads, so no plain fork. Workers are not replaced: Python 3.11 hangs when it does that.
    with ProcessPoolExecutor(workers, mp_context=get_context("forkserver")) as pool:
        for future in as_completed([pool.submit(_convert_document, *task) for task in tasks]):
            yield future.result()


def _convert_document(document: Document, batch_path: Path) -> ConvertedDocument:
    """Writes the tools of one document as Parquet files beside `batch_path` and returns its figures; never raises."""
    started = time.process_time()
    tools = with_returns = 0
    problems: list[Problem] = []
    try:
        reading = sources.read_document(documents.load_document(document.path), document.path.name)
        tools_and_problems = sources.read_tools(reading, document.application, document.source)
        for number, batch in enumerate(_split_into_batches(tools_and_problems, problems)):
            to_frame(batch, Tool).write_parquet(batch_path.with_stem(f"{batch_path.stem}-{number:03}"))
            tools += len(batch)
            with_returns += sum(tool.returns is not None for tool in batch)
    except CatalogError as error:
        problems.append(Problem("(whole)", str(error)))
    except Exception as error:  # an unforeseen document must not end the work on thousands of others
        problems.append(Problem("(whole)", f"{type(error).__name__}: {error}"[:500]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return ConvertedDocument(
        document, tools, with_returns, tuple(problems[:_MOST_PROBLEMS]), time.process_time() - started, peak
    )


def _split_into_batches(tools_and_problems: Iterable[Tool | Problem], problems: list[Problem]) -> Iterator[list[Tool]]:
    """Yields lists of tools of about `_BATCH_BYTES` of schemas each; problems are appended to `problems`."""
    batch: list[Tool] = []
    size = 0
    for item in tools_and_problems:
        if isinstance(item, Problem):
            problems.append(item)
            continue
        batch.append(item)
        size += len(msgspec.json.encode((item.parameters, item.returns, item.errors)))
        if size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _add_to_summary(summary: CatalogSummary, converted: ConvertedDocument) -> None:
    """Adds the figures of one document to the summary, in place."""
    summary.documents += 1
    summary.tools += converted.tools
    summary.with_returns += converted.with_returns
    summary.peak_mib = max(summary.peak_mib, converted.peak_mib)
    summary.cpu_seconds += converted.seconds
    name = converted.document.collection
    summary.collections[name] = summary.collections.get(name, 0) + converted.tools
    reasons = Counter(_generalise_reason(problem) for problem in converted.problems)
    for reason, count in reasons.items():
        summary.reasons[reason] = summary.reasons.get(reason, 0) + count
    if any(problem.location == "(whole)" for problem in converted.problems):
        summary.unreadable += 1
    summary.lost += sum(problem.lost for problem in converted.problems)
    summary.mended += sum(not problem.lost for problem in converted.problems)


def _generalise_reason(problem: Problem) -> str:
    """Returns a problem's reason with quoted values and numbers as `…`, so that similar ones are counted together."""
    return re.sub(r"'[^']*'|\"[^\"]*\"|\d[\d,.]*", "…", problem.reason)[:120]


def _join_batches(batch_folder: Path, target: Path) -> None:
    """Joins the batch files into one, sorted by file name, so that the order does not depend on the workers."""
    paths = sorted(batch_folder.glob("*.parquet"))
    if not paths:
        to_frame([], Tool).write_parquet(target)
        return
    pl.scan_parquet(paths).sink_parquet(target, row_group_size=2000)
