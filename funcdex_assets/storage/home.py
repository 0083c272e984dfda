"""The project's home: the folder in which everything is kept, and the version of its layout.

    HOME/version            a number; written when the home is made

A command that works on the home checks the version first. A home of an earlier version is brought up to date, one of a
later version is left alone. Add a step to `MIGRATIONS`, and raise `VERSION`, when files of a home move or change their
meaning; a table whose columns change needs none, because its stage is made again.

>>> import tempfile
>>> home = Path(tempfile.mkdtemp()) / "home"
>>> prepare_home(home)
>>> read_version(home)
1
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from funcdex_assets.records.errors import UserError
from funcdex_assets.storage.atomic_files import replace_file
from funcdex_assets.storage.disk_errors import explaining_disk_errors

VERSION = 1
VERSION_FILE = "version"


def _number_home(home: Path) -> None:
    """Homes before the first number have the layout of version 1."""


MIGRATIONS: Mapping[int, Callable[[Path], None]] = {0: _number_home}
"""By version, what brings a home to the next one; a step that is interrupted is done again."""


class HomeError(UserError):
    """The home cannot be used; the message names it and the remedy."""


def check_home(home: Path) -> None:
    """Refuses a home that is a file or that a later version of the package made; it need not be there.

    Raises:
        HomeError
    """
    if home.exists() and not home.is_dir():
        raise HomeError(f"The home {home} is a file; move it away, or name another folder (home, or FUNCDEX_HOME)")
    version = read_version(home)
    if version > VERSION:
        raise HomeError(
            f"The home {home} has version {version}, and this package knows {VERSION}; upgrade funcdex-assets, or name "
            "another home (home in funcdex.yaml, or FUNCDEX_HOME)"
        )


def prepare_home(home: Path, migrations: Mapping[int, Callable[[Path], None]] = MIGRATIONS) -> None:
    """Makes the home if it is not there, and brings an older one up to date.

    Raises:
        HomeError: it cannot be used.
        DiskError: it cannot be written.
    """
    check_home(home)
    if (home / VERSION_FILE).is_file() and read_version(home) == VERSION:
        return
    with explaining_disk_errors(home):
        try:
            home.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise HomeError(f"The home {home} lies below a file; name another folder (home, or FUNCDEX_HOME)") from None
        for version in range(read_version(home), VERSION):
            migrations[version](home)
            replace_file(home / VERSION_FILE, f"{version + 1}\n".encode())


def read_version(home: Path) -> int:
    """The version of a home; 0 if it has no number.

    Raises:
        HomeError: the file does not hold a number.
    """
    path = home / VERSION_FILE
    try:
        content = path.read_text(encoding="utf-8").strip()
        return int(content)
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except ValueError:
        raise HomeError(
            f"{path} must hold the number of the home's version, such as {VERSION}; write it, or name another home"
        ) from None
