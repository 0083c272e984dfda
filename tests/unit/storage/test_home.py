"""The home: its version, and what is answered where it cannot be used."""

import pytest

from funcdex_assets.storage.home import VERSION, HomeError, check_home, prepare_home, read_version


def test_a_new_home_is_numbered(tmp_path):
    prepare_home(tmp_path / "new" / "home")
    assert (tmp_path / "new" / "home" / "version").read_text() == f"{VERSION}\n"


def test_a_home_from_before_the_numbers_keeps_what_it_has_and_is_numbered(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "a.parquet").write_text("rows")
    check_home(tmp_path)
    prepare_home(tmp_path)
    assert (read_version(tmp_path), (tmp_path / "tables" / "a.parquet").read_text()) == (VERSION, "rows")


def test_an_older_home_is_brought_up_to_date_once_and_again_after_an_interruption(tmp_path):
    done = []

    def interrupted(home):
        done.append("begun")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_home(tmp_path, {0: interrupted})
    assert read_version(tmp_path) == 0
    prepare_home(tmp_path, {0: lambda home: done.append("done")})
    prepare_home(tmp_path, {0: lambda home: done.append("twice")})
    assert done == ["begun", "done"]


@pytest.mark.parametrize(
    ("version", "parts"),
    [
        pytest.param("99", ("has version 99", f"knows {VERSION}", "upgrade funcdex-assets"), id="a later one"),
        pytest.param("new", ("must hold the number", "write it"), id="no number"),
    ],
)
@pytest.mark.parametrize("use", [check_home, prepare_home])
def test_a_home_that_is_not_ours_to_use_is_refused_and_left_alone(tmp_path, use, version, parts):
    (tmp_path / "version").write_text(version)
    with pytest.raises(HomeError) as error:
        use(tmp_path)
    assert [part for part in (str(tmp_path), *parts) if part not in str(error.value)] == []
    assert (tmp_path / "version").read_text() == version


@pytest.mark.parametrize(("below", "says"), [("", "is a file"), ("below", "lies below a file")])
def test_a_home_that_is_a_file_or_below_one(tmp_path, below, says):
    (tmp_path / "file").touch()
    with pytest.raises(HomeError, match=says):
        prepare_home(tmp_path / "file" / below)
