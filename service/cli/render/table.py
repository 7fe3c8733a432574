"""The one style of table that every command uses."""

from rich import box
from rich.table import Table
from rich.text import Text

STATE_STYLES = {
    "pending": "yellow",
    "queued": "yellow",
    "running": "cyan",
    "paused": "magenta",
    "completed": "green",
    "cancelled": "dim",
    "failed": "bold red",
}


def plain_table(*headers: str, numeric: frozenset[str] = frozenset(), title: str | None = None) -> Table:
    """A table without frame; the columns named in ``numeric`` are aligned to the right and never cut off."""
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for header in headers:
        if header in numeric:
            table.add_column(header, justify="right", no_wrap=True)
        else:
            table.add_column(header, overflow="fold")
    return table


def fields(**rows: str | Text) -> Table:
    """Names and values under each other; an underscore in a name stands for a space."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name.replace("_", " "), value)
    return table


def state_text(state: str) -> Text:
    """A state in its colour."""
    return Text(state, style=STATE_STYLES[state])
