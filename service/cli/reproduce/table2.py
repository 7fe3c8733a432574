"""Table II: one network whose 5x5 kernels also work as 3x3 ones, against networks trained for either."""

import math
import statistics
from functools import partial

import plotly.graph_objects as go

from nas_worker.errors import DivergedError
from nas_worker.evaluate import recalibrated_accuracy
from nas_worker.proxy_training import Training, initialised
from nas_worker.search import torch_settings
from nas_worker.search_data import SearchData, load_search_data
from nas_worker.space import Architecture, LayerType
from nas_worker.superkernel import architecture_gates
from nas_worker.supernet import SuperkernelNetwork, derive
from service.cli.reproduce.records import Records, Row
from service.cli.reproduce.scale import Scale
from service.figures.style import CYCLE, new_figure, shorts

KERNELS = {
    "3x3": Architecture.uniform(LayerType(3, 6, 0.0)),
    "5x5": Architecture.uniform(LayerType(5, 6, 0.0)),
}
TRAININGS = {"3x3 alone": ("3x3",), "5x5 alone": ("5x5",), "both at once": ("3x3", "5x5")}


def run(scale: Scale, records: Records) -> list[Row]:
    """A row for each training, seed and kernel that the network was trained for; validation accuracy."""
    data = load_search_data(scale.settings)
    rows = []
    for seed in range(scale.runs):
        for training, kernels in TRAININGS.items():

            def train(kernels: tuple[str, ...] = kernels, seed: int = seed) -> Row:
                with torch_settings(scale.threads):
                    return _trained(scale, data, kernels, seed)

            found = records.get(f"{training}, seed {seed}", train)
            for kernel in kernels:
                if found[kernel] is None:
                    scale.say(f"{training}, seed {seed}: diverged")
                    continue
                rows.append({"training": training, "seed": seed, "kernel": kernel, "accuracy": found[kernel]})
                scale.say(f"{training}, seed {seed}: {kernel} has accuracy {found[kernel]:.3f}")
    return rows


def _trained(scale: Scale, data: SearchData, kernels: tuple[str, ...], seed: int) -> Row:
    """Accuracies by kernel, None where the training diverged.

    The gradients of all kernels' losses are accumulated in each step.
    """
    network = initialised(lambda: SuperkernelNetwork(data.macro(scale.settings.width)), seed)
    gates = [architecture_gates(KERNELS[kernel]).to(data.device) for kernel in kernels]
    passes = [partial(network, gates=of_kernel) for of_kernel in gates]
    training = Training(network, scale.settings, data, epochs=scale.epochs, seed=seed, passes=passes)
    try:
        for epoch in range(1, scale.epochs + 1):
            training.train(epoch)
    except DivergedError:
        return dict.fromkeys(kernels)
    accuracies = {
        kernel: recalibrated_accuracy(derive(network, KERNELS[kernel]), data.train, data.validation)
        for kernel in kernels
    }
    return {kernel: None if math.isnan(value) else value for kernel, value in accuracies.items()}


def summary(rows: list[Row]) -> list[Row]:
    """Mean and standard deviation over the seeds."""
    cells = dict.fromkeys((row["training"], row["kernel"]) for row in rows)
    found = []
    for training, kernel in cells:
        values = [row["accuracy"] for row in rows if (row["training"], row["kernel"]) == (training, kernel)]
        found.append(
            {
                "training": training,
                "kernel": kernel,
                "runs": len(values),
                "accuracy_mean": statistics.fmean(values),
                "accuracy_deviation": statistics.pstdev(values),
            }
        )
    return found


def figure(rows: list[Row], note: str) -> go.Figure:
    """A bar for each network and kernel, with the deviation between seeds."""
    chart = new_figure("One superkernel for two kernels, and each trained alone", note)
    for index, kernel in enumerate(KERNELS):
        own = [row for row in summary(rows) if row["kernel"] == kernel]
        chart.add_bar(
            x=[row["training"] for row in own],
            y=shorts([row["accuracy_mean"] for row in own]),
            error_y={"array": shorts([row["accuracy_deviation"] for row in own])},
            name=kernel,
            marker={"color": CYCLE[index]},
        )
    chart.update_yaxes(title_text="validation accuracy")
    chart.update_xaxes(title_text="trained as")
    return chart
