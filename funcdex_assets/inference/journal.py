"""An engine's answers, written down before they are used, so that none is ever paid for twice.

Here belongs the journal around an engine: what identifies a request, and when its answer is safe.
The offline engine needs none: it answers again faster than a journal could be read.

    engine = JournaledEngine(OpenAICompatibleEngine("vllm", model="qwen3"), Path(".funcdex/journal.sqlite"))

Killing the process at any moment loses at most the requests in flight; the next run asks only those.
"""

import asyncio
import sqlite3
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from weakref import WeakKeyDictionary

import msgspec

from funcdex_assets.inference.protocol import Completion, InferenceEngine, InferenceError, Request

SCHEMA = """
CREATE TABLE IF NOT EXISTS completions (
    key BLOB PRIMARY KEY,
    engine TEXT NOT NULL,
    role TEXT NOT NULL,
    completion BLOB NOT NULL
)
"""

_decode = msgspec.json.Decoder(Completion).decode


def journaled_usage(path: Path) -> dict[tuple[str, str], list[Completion]]:
    """What the journal at `path` holds, by (engine, role); nothing if there is no journal."""
    found: dict[tuple[str, str], list[Completion]] = {}
    if path.is_file():
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            for engine, role, answer in connection.execute("SELECT engine, role, completion FROM completions"):
                found.setdefault((engine, role), []).append(_decode(answer))
    return found


class JournaledEngine:
    """Asks `engine` only what the SQLite file at `path` cannot answer. Errors are never written.

    At most `concurrency` requests are asked and not yet written: so many a killed run asks again. A
    second caller of a request that is in flight on the same event loop waits for its answer. Several
    processes may share the file (WAL, so not on a network file system).
    """

    def __init__(self, engine: InferenceEngine, path: Path, concurrency: int = 32) -> None:
        self._engine = engine
        self._path = path
        self._concurrency = concurrency
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reader = _connect(path)
            self._writer = _connect(path)
        except (OSError, sqlite3.Error) as error:
            raise InferenceError(
                f"Cannot open the journal {path}: {error}; move the file away or choose another journal path",
                retryable=False,
            ) from error
        self._writing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._waiting: deque[tuple[bytes, str, str, bytes]] = deque()
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _InFlight] = WeakKeyDictionary()

    @property
    def name(self) -> str:
        return self._engine.name

    async def complete(self, request: Request) -> Completion:
        key = request_key(self.name, request)
        loop = asyncio.get_running_loop()
        in_flight = self._loops.get(loop)
        if in_flight is None:
            in_flight = self._loops[loop] = _InFlight(self._concurrency)
        # Shielded: a caller that gives up must not take the answer from the others, nor from the journal.
        if key in in_flight.tasks:
            return _replayed(await asyncio.shield(in_flight.tasks[key]))
        written = self._read(key)
        if written is not None:
            return _replayed(written)
        in_flight.tasks[key] = task = asyncio.create_task(self._ask(key, request, in_flight.slots))
        task.add_done_callback(lambda _: in_flight.tasks.pop(key, None))
        return await asyncio.shield(task)

    async def close(self) -> None:
        await self._engine.close()

    def _read(self, key: bytes) -> Completion | None:
        try:
            row = self._reader.execute("SELECT completion FROM completions WHERE key = ?", (key,)).fetchone()
            return _decode(row[0]) if row else None
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            raise self._unusable("read", error) from error

    async def _ask(self, key: bytes, request: Request, slots: asyncio.Semaphore) -> Completion:
        async with slots:
            completion = await self._engine.complete(request)
            self._waiting.append((key, self.name, request.role, msgspec.json.encode(completion)))
            try:
                await asyncio.get_running_loop().run_in_executor(self._writing, self._commit_waiting)
            except sqlite3.Error as error:
                raise self._unusable("write", error) from error
        return completion

    def _commit_waiting(self) -> None:
        """Commits everything that waits, in one transaction; runs in the one writing thread.

        A call that finds nothing waiting knows that an earlier call has committed its row: so any number
        of answers that arrive during one commit share the next.
        """
        rows = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not rows:
            return
        try:
            with self._writer:
                self._writer.executemany("INSERT OR IGNORE INTO completions VALUES (?, ?, ?, ?)", rows)
        except sqlite3.Error:
            self._waiting.extendleft(reversed(rows))
            raise

    def _unusable(self, action: str, error: Exception) -> InferenceError:
        return InferenceError(
            f"Cannot {action} the journal {self._path}: {error}; see that the disk has space and the file is "
            "a journal, then run again: what is written will not be asked again",
            retryable=False,
        )


class _InFlight:
    """What is asked and not yet written, on one event loop."""

    __slots__ = ("slots", "tasks")

    def __init__(self, concurrency: int) -> None:
        self.slots = asyncio.Semaphore(concurrency)
        self.tasks: dict[bytes, asyncio.Task[Completion]] = {}


def request_key(engine: str, request: Request) -> bytes:
    """Identifies a request by all that can change its answer, the order of schema properties too."""
    identity = (engine, request.messages, request.sampling, request.seed, request.resolved_constraint)
    return blake2b(msgspec.json.encode(identity), digest_size=16).digest()


def _replayed(completion: Completion) -> Completion:
    return msgspec.structs.replace(completion, replayed=True)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # an answer survives power loss too, not only a kill
    connection.execute(SCHEMA)
    connection.commit()
    return connection
