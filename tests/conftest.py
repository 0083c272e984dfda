"""Every test begins alike: without the shell's variables of this project, and with the same examples of properties.

`pytest --hypothesis-profile=search` looks for examples that nobody has tried.
"""

import os

from hypothesis import settings

settings.register_profile("same", derandomize=True)
settings.register_profile("search")
settings.load_profile("same")

CHOSEN_FOR_TESTS = {"FUNCDEX_LIVE", "FUNCDEX_VLLM"}


def pytest_configure() -> None:
    for name in set(os.environ) - CHOSEN_FOR_TESTS:
        if name.startswith(("FUNCDEX_", "DAGSTER_")):
            del os.environ[name]
