"""Rewards over lambda and epochs as a heatmap for terminals: numbers, and colour where there is any."""

import colorsys

from rich.console import Console, ConsoleOptions, RenderResult
from rich.style import Style
from rich.table import Table
from rich.text import Text

from service.cli.render.numbers import lambda_text
from service.cli.sweep.analysis import Cell, TargetReport, best_cell

_CELL_WIDTH = 6
_LABEL_WIDTH = 7
_BEST = "*"


class Heatmap:
    """Lambdas across, epochs down with full fidelity on top; lambdas that do not fit stand in further blocks.

    Without colour the best cell of each row is still marked, with a star.
    """

    def __init__(self, report: TargetReport) -> None:
        self._report = report
        self._lambdas = sorted({cell.lambda_ for cell in report.cells})
        self._rows = [
            [cell for cell in report.cells if cell.epochs == epochs]
            for epochs in sorted({cell.epochs for cell in report.cells}, reverse=True)
        ]
        rewards = [cell.reward for cell in report.cells if cell.reward is not None]
        self._span = (min(rewards), max(rewards)) if rewards else (0.0, 0.0)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As many lambdas abreast as there is room for."""
        abreast = max(1, (options.max_width - _LABEL_WIDTH) // _CELL_WIDTH)
        yield Text(f"reward for {self._report.target_runtime_ms:g} ms: lambda across, epochs down", "bold")
        for start in range(0, len(self._lambdas), abreast):
            if start:
                yield Text()
            yield self._block(start, min(start + abreast, len(self._lambdas)))

    def _block(self, start: int, end: int) -> Table:
        table = Table(box=None, padding=0, pad_edge=False, show_edge=False)
        table.add_column("epochs", width=_LABEL_WIDTH, justify="left", style="dim", header_style="dim")
        for lambda_ in self._lambdas[start:end]:
            table.add_column(lambda_text(lambda_), width=_CELL_WIDTH, justify="right", header_style="dim")
        for row in self._rows:
            best = best_cell(row)
            table.add_row(str(row[0].epochs), *(self._cell(cell, cell is best) for cell in row[start:end]))
        return table

    def _cell(self, cell: Cell, is_best: bool) -> Text:
        if cell.reward is None:
            return Text("failed" if cell.failed else "-", style="dim")
        number = f"{cell.reward:.3f}".removeprefix("0") + (_BEST if is_best else " ")
        return Text(number.rjust(_CELL_WIDTH), style=self._style(cell.reward) + Style(bold=is_best))

    def _style(self, reward: float) -> Style:
        low, high = self._span
        return Style.parse(shade((reward - low) / (high - low) if high > low else 1.0))


def shade(share: float) -> str:
    """A style from dark blue (0) over green to yellow (1), with a colour of text that can be read on it."""
    hue, lightness = 0.68 - 0.53 * share, 0.22 + 0.36 * share
    channels = [round(255 * channel) for channel in colorsys.hls_to_rgb(hue, lightness, 0.6)]
    return f"{'black' if share > 0.45 else 'white'} on #{''.join(f'{channel:02x}' for channel in channels)}"
