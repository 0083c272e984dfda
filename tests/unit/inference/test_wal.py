import sqlite3
import threading
from contextlib import closing

import pytest

from funcdex_assets.inference import wal


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shared.sqlite"


def writer_of(path):
    """Another process within its first transaction, before the file is in write-ahead mode."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_waits_for_a_file_that_another_process_is_just_making(path, monkeypatch):
    with closing(writer_of(path)) as other:
        monkeypatch.setattr(wal, "sleep", lambda _: other.execute("COMMIT"))  # after the first try has failed
        with closing(wal.connect_in_wal_mode(path, timeout_s=600)) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert not other.in_transaction


def test_gives_up_at_the_end_of_its_time(path):
    with closing(writer_of(path)), pytest.raises(sqlite3.OperationalError, match="locked"):
        wal.connect_in_wal_mode(path, timeout_s=0.05)


def test_what_is_no_database_is_said_at_once(path):
    path.write_text("no database" * 100)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        wal.connect_in_wal_mode(path, timeout_s=600)


@pytest.mark.concurrent
def test_many_may_open_a_new_file_at_once(path):
    barrier = threading.Barrier(8)
    opened = []

    def one():
        barrier.wait()
        opened.append(wal.connect_in_wal_mode(path, timeout_s=600))

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for connection in opened:
        connection.close()
    assert len(opened) == 8
