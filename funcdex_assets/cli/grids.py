"""Tables in a terminal of any width: as they are where they fit, else a row as lines of `column value`.

Into a file or a pipe a table is printed as wide as it needs, so that nothing of it is cut.

    Yields                       the title
    gmail_googledrive            a row: its first cell, and those of columns without a head
      accepted 3                 its other cells
"""

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text


def print_grid(grid: Grid, console: Console) -> None:
    """Prints a table that can be read, whatever the width of the console."""
    needed = console.measure(grid, options=console.options.update(max_width=10_000)).maximum
    if needed <= console.width:
        console.print(grid)
    elif not console.is_terminal:
        Console(file=console.file, width=needed).print(grid)  # one prints nothing wider than itself
    elif _measure_narrowest(grid) <= console.width:
        console.print(grid)
    else:
        _print_rows(grid, console)


def _measure_narrowest(grid: Grid) -> int:
    """The width in which no word of a column's head, nor any of its short cells, is broken."""
    widths = []
    for column in grid.columns:
        cells = [Text.from_markup(str(cell)).plain for cell in (column.header, *column.cells)]
        words = [word for cell in cells for word in (cell.split() if column.overflow != "fold" else [cell[:16]])]
        widths.append(max(map(cell_len, words), default=0))
    return sum(widths) + 3 * len(widths) + 1


def _print_rows(grid: Grid, console: Console) -> None:
    """Prints the first cell of each row and those without a head, then each other one after its column's name."""
    if grid.title:
        console.print(grid.title, style="italic", highlight=False)
    names = [str(column.header) for column in grid.columns]
    for cells in zip(*(map(str, column.cells) for column in grid.columns), strict=True):
        unnamed = [cell for name, cell in zip(names, cells, strict=True) if cell and not name]
        first = [cells[0]] if names[0] else []
        console.print("  ".join([*first, *unnamed]), style="bold", highlight=False)
        for name, cell in list(zip(names, cells, strict=True))[1:]:
            if name and cell:
                console.print(f"  {name} {cell}", highlight=False)
