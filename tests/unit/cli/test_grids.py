"""Tables are readable at any width, and whole in a file."""

import io

import pytest
from rich.console import Console
from rich.table import Table as Grid

from funcdex_assets.cli.grids import print_grid

CELLS = ("release_07589eabfcbf", "2026-11-30 14:42", "86", "latest")


def show(width: int, terminal: bool) -> str:
    grid = Grid("release", "made", "train", "", title="gmail")
    grid.add_row(*CELLS)
    output = io.StringIO()
    print_grid(grid, Console(file=output, width=width, force_terminal=terminal, color_system=None))
    return output.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60, 200])
@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "file"])
def test_no_cell_is_cut_and_no_name_is_broken(width, terminal):
    shown = show(width, terminal)
    assert [cell for cell in ("release_07589eabfcbf", "2026-11-30", "14:42", "86", "latest") if cell not in shown] == []
    assert "…" not in shown


def test_where_the_table_does_not_fit_rows_are_lines():
    assert show(40, terminal=True) == ("gmail\nrelease_07589eabfcbf  latest\n  made 2026-11-30 14:42\n  train 86\n")


def test_a_file_has_the_table_however_narrow_the_console():
    assert [line for line in show(20, terminal=False).splitlines() if all(cell in line for cell in CELLS)] != []
