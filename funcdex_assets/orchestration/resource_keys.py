"""Keys under which a stage asks Dagster for its resources, and the names of pools.

They begin with the project's name, so that they meet no key of a project into which these assets are merged. A stage's
function names its parameters without that beginning: `settings`, `tables`, `engine`.

>>> qualify_key("settings") == SETTINGS
True
"""

PREFIX = "funcdex_"
PROJECT = f"{PREFIX}project"
SETTINGS = f"{PREFIX}settings"
TABLES = f"{PREFIX}tables"
ENGINE = f"{PREFIX}engine"
EMBEDDER = f"{PREFIX}embedder"
INDEX = f"{PREFIX}index"


def qualify_key(name: str) -> str:
    """The resource key of a parameter of a stage's function, or the name of a pool."""
    return f"{PREFIX}{name}"
