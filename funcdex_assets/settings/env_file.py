"""The project's `.env` file: variables that the shell does not set. Whoever loads the settings gets them.

There is one order for the command line and for Dagster: option, shell, `.env`, `funcdex.yaml`, default. Dagster's own
commands read `.env` themselves and put it *over* the shell's variables. A process still knows what it was started with
(on Linux), so `apply_env_file` puts back what Dagster replaced; Dagster's parent process opens our storage before it
starts any other process, so that all of them get the shell's values. `docs/configuration.md` says where this ends.

>>> import tempfile
>>> path = Path(tempfile.mkdtemp()) / ENV_FILE
>>> _ = path.write_text("FUNCDEX_DOC_EXAMPLE=7")
>>> apply_env_file(path)
>>> os.environ.pop("FUNCDEX_DOC_EXAMPLE")
'7'
"""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from funcdex_assets.settings.section import SettingsError

ENV_FILE = ".env"
"""Beside the settings file."""

CONFIG_VARIABLE = "FUNCDEX_CONFIG"

_STARTED_WITH = Path("/proc/self/environ")

_set_from_file: dict[str, str] = {}
"""Variables that this process has from an env file, with their values, so that a changed file takes effect."""


def apply_env_file(path: Path) -> None:
    """Gives the process the variables of an env file that it was not started with; without a file, none.

    Variables that an earlier call set are replaced or removed, as the file says now.

    Raises:
        SettingsError: the file is no text, holds what no environment can hold, or says where the settings are.
    """
    values = read_env_file(path)
    if CONFIG_VARIABLE in values:
        raise SettingsError(
            f"{path}: {CONFIG_VARIABLE} says where the settings are, and this file is looked for beside them; set it "
            "in the shell, or give --config FILE"
        )
    for name, value in list(_set_from_file.items()):
        if name not in values and os.environ.get(name) == value:
            del os.environ[name]
        if os.environ.get(name) != value or name not in values:
            del _set_from_file[name]
    started_with = _read_started_environment()
    for name, value in values.items():
        if name in started_with and os.environ.get(name) == value:
            value = started_with[name]  # Dagster put the file's value over it
        elif name in os.environ and name not in _set_from_file:
            continue
        else:
            _set_from_file[name] = value
        if os.environ.get(name) != value:
            try:
                os.environ[name] = value
            except ValueError as error:  # a name or value that no environment can hold
                raise SettingsError(f"{path}: {name!r}: {error}; write lines such as NAME=value") from None


def read_env_file(path: Path) -> Mapping[str, str]:
    """The variables of an env file, as Dagster reads it too; none if there is no file.

    Raises:
        SettingsError: it is no text, or cannot be read.
    """
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    try:
        return {name: value for name, value in dotenv_values(path).items() if value is not None}
    except ValueError as error:  # no UTF-8
        raise SettingsError(f"{path} cannot be read: {error}; write lines such as NAME=value") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None


@cache
def _read_started_environment() -> Mapping[str, str]:
    """The environment that this process was started with, whatever was changed since; nothing where it is not told."""
    try:
        content = _STARTED_WITH.read_bytes()
    except OSError:
        return {}
    pairs = (os.fsdecode(entry).partition("=") for entry in content.split(b"\0") if entry)
    return {name: value for name, _, value in pairs}
