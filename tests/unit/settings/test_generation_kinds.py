"""The kinds that were asked for, where the tools decide between commands and the others, and where the settings do."""

import pytest

from funcdex_assets.records.kinds import KINDS, SERVICE_KINDS
from funcdex_assets.settings.generation import Generation


@pytest.mark.parametrize(
    ("drawn", "asked_for"),
    [
        pytest.param({"command"}, {"command"}, id="plain tools alone"),
        pytest.param({"simple", "multi_step"}, set(SERVICE_KINDS), id="tools with results"),
        pytest.param({"simple", "command"}, set(KINDS) - {"single_turn"}, id="both, single turns apart"),
    ],
)
def test_the_tools_decide_which_kinds_are_asked_for(drawn, asked_for):
    assert set(Generation().select_kinds_asked_for(drawn)) == asked_for


def test_kinds_that_the_settings_name_are_asked_for_whatever_the_tools_are():
    chosen = Generation(kinds={"simple": 1, "command": 1})
    assert chosen.select_kinds_asked_for({"simple"}) == {"simple": 1, "command": 1}
