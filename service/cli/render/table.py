"""The one style of table that every command uses."""

from collections.abc import Collection, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
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


class PlainTable:
    """A table without frame that fits its terminal.

    Args:
        headers: Names of the columns.
        numeric: Those that are aligned to the right and never broken.
        optional: Those that are left out where there is no room, the first of them first.
        title: What stands above.
    """

    def __init__(
        self,
        *headers: str,
        numeric: Collection[str] = (),
        optional: Sequence[str] = (),
        title: str | None = None,
    ) -> None:
        self._headers = headers
        self._numeric = frozenset(numeric)
        self._optional = tuple(optional)
        self._title = title
        self._rows: list[tuple[tuple[str | Text, ...], str, bool]] = []

    def add_row(self, *cells: str | Text, style: str = "", ends_section: bool = False) -> None:
        """Adds a cell for each column."""
        if len(cells) != len(self._headers):
            raise ValueError(f"expected {len(self._headers)} cells; got {len(cells)}")
        self._rows.append((cells, style, ends_section))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As many columns as there is room for."""
        for dropped in range(len(self._optional) + 1):
            table = self._without(self._optional[:dropped])
            if Measurement.get(console, options.update(max_width=10_000), table).minimum <= options.max_width:
                break
        yield table

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """From all that cannot be left out to everything on one line."""
        least = Measurement.get(console, options, self._without(self._optional))
        return Measurement(least.minimum, Measurement.get(console, options, self._without(())).maximum)

    def _without(self, dropped: Collection[str]) -> Table:
        table = Table(
            box=box.SIMPLE_HEAD,
            show_edge=False,
            title=self._title,
            title_justify="left",
            title_style="bold",
            pad_edge=False,
        )
        kept = [index for index, header in enumerate(self._headers) if header not in dropped]
        for index in kept:
            header = self._headers[index]
            if header in self._numeric:
                # Rich takes its longest word for the least that a column needs, broken or not.
                texts = (header, *(cells[index] for cells, _, _ in self._rows))
                widest = max(cell_len(str(text)) for text in texts)
                table.add_column(header, justify="right", no_wrap=True, min_width=widest)
            else:
                table.add_column(header, overflow="fold")
        for cells, style, ends_section in self._rows:
            table.add_row(*(cells[index] for index in kept), style=style, end_section=ends_section)
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
