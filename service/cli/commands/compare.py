"""`spnas compare`."""

import csv as csv_module
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import plotly.graph_objects as go
import typer

from service.cli.connection import Connection, connect
from service.cli.console import say, show, show_json
from service.cli.curves import Curve
from service.cli.curves import compare as compare_curves
from service.cli.options import Json, Server
from service.cli.render.comparison import comparison_table, differences
from service.cli.sweep.export import write_html

_POINTS = 20


def compare(
    studies: Annotated[list[str], typer.Argument(metavar="STUDY...", help="Ids of two studies or more.")],
    *,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the curves as CSV.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the figure as a page.")] = None,
    server: Server = None,
    as_json: Json = False,
) -> None:
    """Compare solvers: best reward against epochs spent, over repeated studies.

    Studies with the same solver and targets count as repetitions of each other.

    Example: spnas compare STUDY1 STUDY2 STUDY3 --html compare.html
    """
    ids = list(dict.fromkeys(studies))
    with connect(server) as connection:
        curves = [_curve(connection, study_id) for study_id in ids]
        if html is not None:
            write_html(go.Figure(connection.client.figure(ids[0], "compare", compare_with=ids[1:])), html)
            say(f"wrote {html}", "dim")
    comparison = compare_curves(curves, _POINTS)
    if csv is not None:
        csv.write_text(_csv_text(curves), encoding="utf-8")
        say(f"wrote {csv}", "dim")
    for warning in differences(comparison):
        say(f"warning: {warning}", "yellow")
    if as_json:
        show_json(comparison)
    else:
        show(comparison_table(comparison))


def _curve(connection: Connection, study_id: str) -> Curve:
    return Curve.of(connection.client.get_study(study_id), connection.client.trials(study_id))


def _csv_text(curves: Iterable[Curve]) -> str:
    file = io.StringIO()
    writer = csv_module.writer(file, lineterminator="\n")
    writer.writerow(["study", "solver", "seed", "target_runtime_ms", "spent_epochs", "best_reward"])
    for curve in curves:
        spec = curve.study.spec
        for spent, reward in zip(curve.spent_epochs, curve.rewards, strict=True):
            writer.writerow(
                [curve.study.id, spec.solver.kind, spec.seed, spec.first_target_ms, spent, reward]
            )
    return file.getvalue()
