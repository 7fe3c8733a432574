"""Fig. 5: cross-entropy and runtime of a search, step by step."""

import statistics

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from nas_worker.job import THRESHOLD_FORMULATIONS, SearchJob
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.search import torch_settings
from nas_worker.superkernel import gate, straight_through_gate
from nas_worker.trainer import SearchTrainer
from service.cli.errors import CliError
from service.cli.exit_codes import ExitCode
from service.cli.reproduce.records import Records, Row
from service.cli.reproduce.scale import Scale
from service.figures.style import CYCLE, new_figure, shorts


def run(scale: Scale, records: Records, lambda_: float) -> list[Row]:
    """One search a run; a row a step.

    Raises:
        CliError: The formulation has no gates whose runtime a step shows.
    """
    if scale.settings.formulation not in THRESHOLD_FORMULATIONS:
        raise CliError(f"fig5 needs formulation {' or '.join(THRESHOLD_FORMULATIONS)}", ExitCode.USAGE)
    rows = []
    for seed in range(scale.runs):

        def search(seed: int = seed) -> Row:
            return _search(scale, lambda_, seed)

        found = records.get(f"seed {seed}", search)
        scale.say(f"seed {seed}: {found['runtime_ms'][-1]:.1f} ms, accuracy {found['accuracy']:.3f}")
        rows += [
            {"seed": seed, "step": step + 1, "cross_entropy": loss, "runtime_ms": runtime_ms}
            for step, (loss, runtime_ms) in enumerate(
                zip(found["cross_entropy"], found["runtime_ms"], strict=True)
            )
        ]
    return rows


def _search(scale: Scale, lambda_: float, seed: int) -> Row:
    job = SearchJob(scale.settings, scale.platform, lambda_, scale.epochs, seed)
    of_formulation = gate if scale.settings.formulation == "single_path_sigmoid" else straight_through_gate
    trainer = SearchTrainer(job, gate=of_formulation)
    runtimes_ms: list[float] = []

    def note_runtime() -> bool:
        runtimes_ms.append(architecture_runtime_ms(job.platform, trainer.supernet.architecture()))
        return False

    losses: list[float] = []
    with torch_settings(scale.threads):
        for epoch in range(1, scale.epochs + 1):
            trainer.train(epoch, note_runtime)
            losses += trainer.step_cross_entropies
        accuracy, _ = trainer.evaluate(scale.epochs)
    return {"cross_entropy": losses, "runtime_ms": runtimes_ms, "accuracy": accuracy}


def summary(rows: list[Row]) -> list[Row]:
    """Where each search began and ended."""
    found = []
    for seed in dict.fromkeys(row["seed"] for row in rows):
        own = [row for row in rows if row["seed"] == seed]
        tenth = max(1, len(own) // 10)
        found.append(
            {
                "seed": seed,
                "steps": len(own),
                "cross_entropy_first_tenth": statistics.fmean(row["cross_entropy"] for row in own[:tenth]),
                "cross_entropy_last_tenth": statistics.fmean(row["cross_entropy"] for row in own[-tenth:]),
                "runtime_ms_first": own[0]["runtime_ms"],
                "runtime_ms_last": own[-1]["runtime_ms"],
            }
        )
    return found


def figure(rows: list[Row], note: str) -> go.Figure:
    """Cross-entropy above, runtime below, a line a seed."""
    chart = make_subplots(2, 1, shared_xaxes=True, vertical_spacing=0.08)
    chart.update_layout(new_figure("Progress of a search", note).layout)
    for index, seed in enumerate(dict.fromkeys(row["seed"] for row in rows)):
        own = [row for row in rows if row["seed"] == seed]
        for place, field in enumerate(("cross_entropy", "runtime_ms"), start=1):
            chart.add_scatter(
                x=[row["step"] for row in own],
                y=shorts([row[field] for row in own]),
                name=f"seed {seed}",
                legendgroup=str(seed),
                showlegend=place == 1,
                mode="lines",
                line={"color": CYCLE[index % len(CYCLE)], "width": 1.5},
                row=place,
                col=1,
            )
    chart.update_yaxes(title_text="cross-entropy", row=1)
    chart.update_yaxes(title_text="R (ms)", row=2)
    chart.update_xaxes(title_text="step", row=2)
    chart.update_layout(height=620)
    return chart
