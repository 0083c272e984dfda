"""Where Dagster keeps what it knows, and the environment by which every process finds it.

`dagster.yaml` lies in the project's folder, so that folder is DAGSTER_HOME; storage and logs belong
under the project's own home and are named by a variable, because `dagster.yaml` cannot compute a path.
Nothing here imports Dagster: a command sets the environment before it pays for that.
"""

import os
from collections.abc import MutableMapping
from pathlib import Path

HOME_VARIABLE = "DAGSTER_HOME"
STORAGE_VARIABLE = "FUNCDEX_DAGSTER_STORAGE"


def instance_environment(root: Path, home: Path) -> dict[str, str]:
    """What a process must have in its environment to find the instance.

    >>> instance_environment(Path("/project"), Path("/project/.funcdex"))
    {'DAGSTER_HOME': '/project', 'FUNCDEX_DAGSTER_STORAGE': '/project/.funcdex/dagster'}
    """
    return {HOME_VARIABLE: str(root.absolute()), STORAGE_VARIABLE: str(home.absolute() / "dagster")}


def enter_instance(root: Path, home: Path, environment: MutableMapping[str, str] = os.environ) -> None:
    """Sets what is not set yet, and makes the storage folder."""
    for name, value in instance_environment(root, home).items():
        environment.setdefault(name, value)
    Path(environment[STORAGE_VARIABLE]).mkdir(parents=True, exist_ok=True)
