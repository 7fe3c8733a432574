"""Shows and writes the figures of a benchmark in the forms that all of them share."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table


def print_figures(figures: Mapping[str, float]) -> None:
    """Prints a table, to four significant digits."""
    table = Table("figure", "value")
    for name, value in figures.items():
        table.add_row(name, f"{value:.4g}")
    Console().print(table)


def write_json(
    path: Path,
    name: str,
    packages: Sequence[str],
    settings: Mapping[str, object],
    figures: Mapping[str, float],
) -> None:
    """Writes {"name", "machine", "versions", "settings", "figures"}.

    Args:
        path: The file.
        name: Of the benchmark.
        packages: Distributions whose versions matter.
        settings: What was run.
        figures: Finite numbers by name; JSON has no others.
    """
    report = {
        "name": name,
        "machine": {
            "platform": platform.platform(),
            "python": platform.python_version(),
            "cpus": os.cpu_count(),
        },
        "versions": {package: version(package) for package in packages},
        "settings": dict(settings),
        "figures": dict(figures),
    }
    path.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")
