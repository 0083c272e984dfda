"""Results that say no more than that a call was carried out."""

from typing import Any

import pytest

from funcdex_assets.environment.executor import ACKNOWLEDGEMENT, is_acknowledgement


@pytest.mark.parametrize("content", [ACKNOWLEDGEMENT, None, {}, "", "done", {"success": True}, {"result": None}])
def test_acknowledgements(content: Any) -> None:
    assert is_acknowledgement(content)


@pytest.mark.parametrize(
    "content", [{"status": "open"}, {"ok": True, "id": 7}, "late", 0, [], False, {"deleted": False}]
)
def test_what_tells_something(content: Any) -> None:
    assert not is_acknowledgement(content)
