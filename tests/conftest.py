"""Every test begins alike: without this project's variables of the shell, with the same examples of properties, and
with no signal ignored.

`pytest --hypothesis-profile=search` looks for examples that nobody has tried.
"""

import os
import signal
import threading

import pytest
from hypothesis import settings

settings.register_profile("same", derandomize=True)
settings.register_profile("search")
settings.load_profile("same")

CHOSEN_FOR_TESTS = {"FUNCDEX_LIVE", "FUNCDEX_VLLM"}


def pytest_configure() -> None:
    for name in set(os.environ) - CHOSEN_FOR_TESTS:
        if name.startswith(("FUNCDEX_", "DAGSTER_")):
            del os.environ[name]


@pytest.fixture(autouse=True)
def heard_signals() -> None:
    """Ctrl-C and SIGTERM are heard here and in what is started from here.

    In a script's background SIGINT is ignored, and Dagster gives SIGTERM whatever it found SIGINT to have.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
