"""Writes an engine's answers to a journal before they are used, so that no answer is paid for twice.

The journal around an engine belongs here (the identity of a request, the writing of its answer), and so does the
file itself: its schema, its contents, and their pruning. The offline engine needs no journal: it answers again
faster than a journal could be read.

    engine = JournaledEngine(OpenAICompatibleEngine("vllm", model="qwen3"), Path(".funcdex/journal.sqlite"))

A killed process loses at most the requests in flight; the next run asks only those again. An answer of which nothing
could be made is withdrawn: the run that got it replays it, so that all its stages see the same, and the next run asks
again. What was paid for it stays in the file.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from hashlib import blake2b
from pathlib import Path
from secrets import token_bytes
from time import time
from weakref import WeakKeyDictionary

import msgspec

from funcdex_assets.dml.notation import Notation
from funcdex_assets.inference import wal
from funcdex_assets.inference.protocol import (
    Completion,
    GrammarConstraint,
    InferenceEngine,
    InferenceError,
    Request,
    Usage,
)

JOURNAL_FILE = "journal.sqlite"
"""The name of the journal in the project's home."""

VERSION = 1
"""The version of the schema, kept in the file's `user_version`. Files of version 0 have no `created_at`."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS completions (
    key BLOB PRIMARY KEY,
    engine TEXT NOT NULL,
    role TEXT NOT NULL,
    completion BLOB NOT NULL,
    created_at INTEGER NOT NULL DEFAULT 0
)
"""

LAST_ANSWERS_S = 30.0
"""The wait of a closing engine for answers to requests in flight, which would otherwise be paid for twice."""

PRUNED_AT_ONCE = 500
"""Rows per transaction when a journal is pruned, so that a run that writes meanwhile waits for milliseconds only."""

_decode = msgspec.json.Decoder(Completion).decode
_encode = msgspec.json.Encoder().encode


class Journal:
    """The SQLite file at `path`. Several processes may share it (WAL, so not on a network file system).

    Raises:
        InferenceError: the file cannot be opened, or is no journal.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reader = _connect_to_file(path)
            self._writer = _connect_to_file(path)
        except (OSError, sqlite3.Error) as error:
            raise InferenceError(
                f"Cannot open the journal {path}: {error}; move the file away or choose another journal path",
                retryable=False,
            ) from error
        self._writing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._waiting: deque[tuple[bytes, str, str, bytes, int]] = deque()
        self._batches: WeakKeyDictionary[asyncio.AbstractEventLoop, _Batches] = WeakKeyDictionary()
        self._withdrawn: dict[bytes, Completion] = {}

    def read_completion(self, key: bytes) -> Completion | None:
        if key in self._withdrawn:
            return self._withdrawn[key]
        try:
            row = self._reader.execute("SELECT completion FROM completions WHERE key = ?", (key,)).fetchone()
            return _decode(row[0]) if row else None
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            raise self._unusable_file_error("read", error) from error

    async def write_completion(self, key: bytes, engine: str, role: str, completion: Completion) -> None:
        """Writes an answer and returns when it is on the disk. All answers written during one commit share the next."""
        self._waiting.append((key, engine, role, _encode(completion), int(time())))
        loop = asyncio.get_running_loop()
        batches = self._batches.get(loop)
        if batches is None:
            batches = self._batches[loop] = _Batches()
        if batches.next is None:
            batches.next = loop.create_task(self._commit_next(batches))
        try:
            await asyncio.shield(batches.next)
        except sqlite3.Error as error:
            raise self._unusable_file_error("write", error) from error

    async def withdraw_completion(self, key: bytes) -> None:
        """Keeps an answer under a key that no request has, so that only this journal object replays it from now on."""
        completion = self.read_completion(key)
        if completion is None or key in self._withdrawn:
            return
        self._withdrawn[key] = completion
        try:
            await asyncio.get_running_loop().run_in_executor(self._writing, self._move_entry, key)
        except sqlite3.Error as error:
            raise self._unusable_file_error("write", error) from error

    def _move_entry(self, key: bytes) -> None:
        """Moves an entry to a key of its own; runs in the one writing thread."""
        with self._writer:
            self._writer.execute("UPDATE completions SET key = ? WHERE key = ?", (key + token_bytes(8), key))

    async def _commit_next(self, batches: "_Batches") -> None:
        if batches.running is not None:
            await asyncio.wait((batches.running,))
        batches.running, batches.next = batches.next, None
        await asyncio.get_running_loop().run_in_executor(self._writing, self._commit_waiting)

    def _commit_waiting(self) -> None:
        """Commits all waiting answers, of all event loops, in one transaction; runs in the one writing thread."""
        rows = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            with self._writer:
                self._writer.executemany("INSERT OR IGNORE INTO completions VALUES (?, ?, ?, ?, ?)", rows)
        except sqlite3.Error:
            self._waiting.extendleft(reversed(rows))
            raise

    def _unusable_file_error(self, action: str, error: Exception) -> InferenceError:
        return InferenceError(
            f"Cannot {action} the journal {self.path}: {error}; see that the disk has space and the file is "
            "a journal, then run again: what is written will not be asked again",
            retryable=False,
        )


class JournaledEngine:
    """Passes on to `engine` only the requests that the journal cannot answer. Errors are never written.

    At most `concurrency` requests are in flight or not yet written; a killed run asks at most these again. A second
    caller of a request that is in flight on the same event loop waits for its answer. `notation` is the one in
    which grammars are sent to the engine. Engines may share one `Journal`.
    """

    def __init__(
        self,
        engine: InferenceEngine,
        journal: Journal | Path,
        concurrency: int = 32,
        notation: Notation | None = None,
    ) -> None:
        self.name = engine.name
        self._engine = engine
        self._journal = Journal(journal) if isinstance(journal, Path) else journal
        self._concurrency = concurrency
        self._notation: Notation | None = notation
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _InFlight] = WeakKeyDictionary()

    async def complete(self, request: Request) -> Completion:
        key = compute_request_key(self.name, request, self._notation)
        request.withdraw_answer = partial(self._journal.withdraw_completion, key)
        loop = asyncio.get_running_loop()
        in_flight = self._loops.get(loop)
        if in_flight is None:
            in_flight = self._loops[loop] = _InFlight(self._concurrency)
        # Shielded, so that a cancelled caller does not cancel the request for other callers and the journal.
        if key in in_flight.tasks:
            return _mark_as_replayed(await asyncio.shield(in_flight.tasks[key]))
        journaled = self._journal.read_completion(key)
        if journaled is not None:
            return _mark_as_replayed(journaled)
        in_flight.tasks[key] = task = loop.create_task(self._ask_and_write(key, request, in_flight))
        task.add_done_callback(lambda finished_task: in_flight.forget_task(key, finished_task))
        return await asyncio.shield(task)

    async def _ask_and_write(self, key: bytes, request: Request, in_flight: "_InFlight") -> Completion:
        async with in_flight.slots:
            in_flight.asked.add(key)
            completion = await self._engine.complete(request)
            await self._journal.write_completion(key, self.name, request.role, completion)
        return completion

    async def close(self) -> None:
        """Waits for the answers to requests in flight, whose callers gave up, and cancels all that wait for a slot."""
        in_flight = self._loops.pop(asyncio.get_running_loop(), None)
        if in_flight is not None and in_flight.tasks:
            for key, task in in_flight.tasks.items():
                if key not in in_flight.asked:
                    task.cancel()
            await asyncio.wait(in_flight.tasks.values(), timeout=LAST_ANSWERS_S)
        await self._engine.close()


class _Batches:
    """The commit under way and the one that gathers answers meanwhile, on one event loop."""

    __slots__ = ("next", "running")

    def __init__(self) -> None:
        self.next: asyncio.Task[None] | None = None
        self.running: asyncio.Task[None] | None = None


class _InFlight:
    """The requests of one event loop whose answers are not yet written; those in `asked` hold a slot."""

    __slots__ = ("asked", "slots", "tasks")

    def __init__(self, concurrency: int) -> None:
        self.slots = asyncio.Semaphore(concurrency)
        self.tasks: dict[bytes, asyncio.Task[Completion]] = {}
        self.asked: set[bytes] = set()

    def forget_task(self, key: bytes, finished_task: asyncio.Task[Completion]) -> None:
        del self.tasks[key]
        self.asked.discard(key)
        if not finished_task.cancelled():
            finished_task.exception()  # retrieved, or asyncio would log it if no caller is left to raise it


def compute_request_key(engine: str, request: Request, notation: Notation | None = None) -> bytes:
    """Returns a hash of everything that can change the answer of a request, even the order of schema properties.

    A grammar is identified by the key of its language and the notation, so that it need not be rendered.
    """
    constraint = request.resolved_constraint
    limits = (constraint.key, notation) if isinstance(constraint, GrammarConstraint) else constraint
    identity = (engine, request.messages, request.sampling, request.seed, limits)
    return blake2b(_encode((*identity, request.tools) if request.tools else identity), digest_size=16).digest()


# ── what a journal holds ──────────────────────────────────────────────────────────────────────


class JournalEntry(msgspec.Struct):
    """The totals of all answers of one engine and model to one role; times in seconds since 1970."""

    engine: str
    role: str
    model: str
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    bytes: int = 0
    oldest: int = 0
    newest: int = 0

    @property
    def token_usage(self) -> Usage:
        return Usage(self.prompt_tokens, self.completion_tokens, self.cached_tokens)


class PruneResult(msgspec.Struct):
    """The answers that were deleted, or would be; `file_bytes` is None if the file could not be made smaller."""

    requests: int
    bytes: int
    file_bytes: int | None


def list_journal_entries(path: Path) -> list[JournalEntry]:
    """Returns the totals of the journal at `path`, sorted by engine, role and model; empty without a journal."""
    if not path.is_file():
        return []
    entries: dict[tuple[str, str, str], JournalEntry] = {}
    with closing(_open_journal(path)) as connection:
        rows = connection.execute("SELECT engine, role, completion, created_at FROM completions")
        for engine, role, encoded, created_at in rows:
            completion = _decode(encoded)
            entry_key = engine, role, completion.model
            entry = entries.get(entry_key)
            if entry is None:
                entry = entries[entry_key] = JournalEntry(*entry_key, oldest=created_at)
            entry.requests += 1
            entry.prompt_tokens += completion.usage.prompt_tokens
            entry.completion_tokens += completion.usage.completion_tokens
            entry.cached_tokens += completion.usage.cached_tokens
            entry.bytes += len(encoded)
            entry.oldest = min(entry.oldest, created_at)
            entry.newest = max(entry.newest, created_at)
    return [entries[entry_key] for entry_key in sorted(entries)]


def prune_journal(
    path: Path,
    *,
    older_than_s: float | None = None,
    engine: str | None = None,
    role: str | None = None,
    dry_run: bool = False,
) -> PruneResult:
    """Deletes the answers that meet all of the given conditions, and returns the space to the disk.

    A run may write meanwhile, and waits for a moment at most. Deleted answers will be asked for, and paid for, again.
    """
    conditions = {
        "created_at <= ?": None if older_than_s is None else int(time() - older_than_s),
        "engine = ?": engine,
        "role = ?": role,
    }
    conditions = {condition: value for condition, value in conditions.items() if value is not None}
    where, values = " AND ".join(conditions) or "TRUE", tuple(conditions.values())
    with closing(_open_journal(path)) as connection:
        count_statement = f"SELECT count(*), coalesce(sum(length(completion)), 0) FROM completions WHERE {where}"
        requests, size = connection.execute(count_statement, values).fetchone()
        if not dry_run and requests:
            selection = f"SELECT key FROM completions WHERE {where} LIMIT {PRUNED_AT_ONCE}"
            requests = sum(
                _delete_in_batches(connection, f"DELETE FROM completions WHERE key IN ({selection})", values)
            )
            if not _shrink_file(connection):
                return PruneResult(requests, size, None)
    return PruneResult(requests, size, path.stat().st_size)


def _delete_in_batches(connection: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> Iterator[int]:
    while True:
        with connection:
            deleted = connection.execute(statement, values).rowcount
        if deleted <= 0:
            return
        yield deleted


def _shrink_file(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError:  # locked by a run
        return False
    return True


def _mark_as_replayed(completion: Completion) -> Completion:
    return msgspec.structs.replace(completion, replayed=True)


def _open_journal(path: Path) -> sqlite3.Connection:
    try:
        return _connect_to_file(path)
    except sqlite3.Error as error:
        raise InferenceError(f"Cannot open the journal {path}: {error}; is it a journal?", retryable=False) from error


def _connect_to_file(path: Path) -> sqlite3.Connection:
    connection = wal.connect_in_wal_mode(path, timeout_s=60)
    connection.execute("PRAGMA synchronous = FULL")  # an answer survives even a power loss
    if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        _migrate_schema(connection)
    return connection


def _migrate_schema(connection: sqlite3.Connection) -> None:
    """Gives a new or older file the schema of this version; answers of an older file count as written now."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()  # another process may have migrated it
        if version > VERSION:
            raise sqlite3.DatabaseError(f"it was written by a later version of this program (schema {version})")
        connection.execute(SCHEMA)
        columns = {row[1] for row in connection.execute("PRAGMA table_info(completions)")}
        if "created_at" not in columns:
            connection.execute("ALTER TABLE completions ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0")
            connection.execute("UPDATE completions SET created_at = ?", (int(time()),))
        connection.execute(f"PRAGMA user_version = {VERSION}")
