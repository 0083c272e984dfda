"""What the disk refuses is said in a line, wherever it comes from, and what was there stays."""

import errno
import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from funcdex_assets.storage.atomic_files import replace_file
from funcdex_assets.storage.disk_errors import DiskError, explain_disk_error, explaining_disk_errors


def chain(cause: Exception) -> Exception:
    error = RuntimeError("wrapped")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "says"),
    [
        pytest.param(OSError(errno.ENOSPC, "No space", "/d/x"), "The disk is full (/d/x); make room", id="full"),
        pytest.param(OSError(errno.EDQUOT, "Quota", "/d/x"), "Your share of the disk is full (/d/x)", id="quota"),
        pytest.param(
            OSError(errno.EROFS, "RO", "/d/x"), "The disk is read-only (/d/x); make it writable", id="read-only"
        ),
        pytest.param(
            PermissionError(errno.EACCES, "Denied", "/d/x"), "Permission is missing (/d/x)", id="no permission"
        ),
        pytest.param(sqlite3.OperationalError("database or disk is full"), "The disk is full (/home)", id="SQLite"),
        pytest.param(
            OperationalError("INSERT", {}, sqlite3.OperationalError("attempt to write a readonly database")),
            "The disk is read-only (/home)",
            id="SQLAlchemy, as under Dagster",
        ),
        pytest.param(
            RuntimeError("lance error: LanceError(IO): No space left on device (os error 28)"),
            "The disk is full (/home)",
            id="LanceDB",
        ),
        pytest.param(chain(OSError(errno.ENOSPC, "No space", "/d/x")), "The disk is full (/d/x)", id="beneath another"),
    ],
)
def test_the_disk_is_named_with_the_remedy(error, says, tmp_path):
    assert (explain_disk_error(error, "/home") or "").startswith(says)
    with pytest.raises(DiskError) as raised, explaining_disk_errors("/home"):
        raise error
    assert str(raised.value).startswith(says)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(KeyError("chain_1"), id="a mistake of the program"),
        pytest.param(FileNotFoundError(errno.ENOENT, "No such file", "/d/x"), id="a file that is not there"),
        pytest.param(sqlite3.OperationalError("no such table: runs"), id="a database without its table"),
    ],
)
def test_other_errors_pass_as_they_are(error):
    assert explain_disk_error(error) is None
    with pytest.raises(type(error)) as raised, explaining_disk_errors("/home"):
        raise error
    assert raised.value is error


def test_a_file_is_as_it_was_where_there_is_no_room(tmp_path, monkeypatch):
    path = tmp_path / "table"
    replace_file(path, b"old")

    def write_half(self, content):
        with self.open("wb") as file:
            file.write(content[:1])
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr("pathlib.Path.write_bytes", write_half)
    with pytest.raises(DiskError, match="The disk is full"):
        replace_file(path, b"new")
    assert (path.read_bytes(), [entry.name for entry in tmp_path.iterdir()]) == (b"old", ["table"])
