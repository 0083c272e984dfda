"""Opens an SQLite file that several processes write to at the same time."""

import sqlite3
from pathlib import Path
from time import monotonic, sleep

_BETWEEN_TRIES_S = 0.005


def connect_in_wal_mode(path: Path, *, timeout_s: float, autocommit: bool = False) -> sqlite3.Connection:
    """Returns a connection in write-ahead mode for any thread; it waits up to `timeout_s` seconds for other writers.

    SQLite's own timeout does not cover the change of a new file to write-ahead mode: of two processes that make the
    change at the same time, one gets `SQLITE_BUSY` at once (https://www.sqlite.org/rescode.html#busy), and retries.

    Raises `sqlite3.Error` when the file is no database, cannot be written, or stays locked for longer.
    """
    connection = sqlite3.connect(
        path, timeout=timeout_s, isolation_level=None if autocommit else "DEFERRED", check_same_thread=False
    )
    deadline = monotonic() + timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # The low byte is the primary code of an extended one.
            if (error.sqlite_errorcode & 0xFF) != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                connection.close()
                raise
            sleep(_BETWEEN_TRIES_S)
        except sqlite3.Error:
            connection.close()
            raise
        else:
            return connection
