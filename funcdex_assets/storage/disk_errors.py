"""What the disk refuses, in a line with its remedy: it is full, it is read-only, a folder is a file.

Belongs here: recognising such an error wherever it comes from. Python's files raise OSError, SQLite an error of its own
(which SQLAlchemy, under Dagster, wraps), LanceDB and Polars an error with the system's words in it.

>>> import errno
>>> print(explain_disk_error(OSError(errno.EROFS, "Read-only file system", "/data/x.parquet")))
The disk is read-only (/data/x.parquet); make it writable, or name another home (home in funcdex.yaml, or FUNCDEX_HOME)
>>> explain_disk_error(ValueError("something else")) is None
True
"""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from funcdex_assets.records.errors import UserError

FULL = "make room, for example with `funcdex prune`, and run the command again: what is finished stays"
READ_ONLY = "make it writable, or name another home (home in funcdex.yaml, or FUNCDEX_HOME)"

_BY_NUMBER = {
    errno.ENOSPC: ("The disk is full", FULL),
    errno.EDQUOT: ("Your share of the disk is full", FULL),
    errno.EROFS: ("The disk is read-only", READ_ONLY),
    errno.EACCES: ("Permission is missing", READ_ONLY),
    errno.EPERM: ("Permission is missing", READ_ONLY),
    errno.ENOTDIR: ("A folder is needed where a file is", "move the file away, or name another home"),
    errno.EIO: ("The disk cannot be read or written", "see that it has room and is whole, and run the command again"),
}
_BY_WORDS = {
    "database or disk is full": errno.ENOSPC,
    "no space left on device": errno.ENOSPC,
    "disk quota exceeded": errno.EDQUOT,
    "attempt to write a readonly database": errno.EROFS,
    "read-only file system": errno.EROFS,
    "unable to open database file": errno.EACCES,
    "disk i/o error": errno.EIO,
}
"""For errors that have no number: of SQLite, and of libraries that quote the system."""


class DiskError(UserError, OSError):
    """The disk refuses something; the message names the place and the remedy."""

    def __str__(self) -> str:
        return str(self.args[0])


def explain_disk_error(error: BaseException, place: Path | None = None) -> str | None:
    """Says what the disk refused, if the error, or one that it was raised from, is of that kind.

    `place` is named where the error names none.
    """
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, DiskError):
            return str(cause)
        number = _find_number(cause)
        if number is not None:
            problem, remedy = _BY_NUMBER[number]
            where = getattr(cause, "filename", None) or place
            return f"{problem}{f' ({where})' if where else ''}; {remedy}"
        cause = cause.__cause__ or cause.__context__
    return None


@contextmanager
def explaining_disk_errors(place: Path) -> Iterator[None]:
    """Raises DiskError, with the place, for what the disk refuses within; other errors pass.

    Raises:
        DiskError
    """
    try:
        yield
    except UserError:
        raise  # it says already what to do
    except Exception as error:
        message = explain_disk_error(error, place)
        if message is None:
            raise
        raise DiskError(message) from error


def _find_number(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno if error.errno in _BY_NUMBER else None
    cause = getattr(error, "orig", error)  # SQLAlchemy's errors hold SQLite's
    if isinstance(cause, sqlite3.Error | OSError | RuntimeError | ValueError) or _is_foreign(cause):
        text = str(cause).lower()
        return next((number for words, number in _BY_WORDS.items() if words in text), None)
    return None


def _is_foreign(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] in ("polars", "pyarrow", "lance", "lancedb")
