"""Table II: one network whose 5x5 kernels also work as 3x3 ones, against networks trained for either."""

import math
import statistics

import plotly.graph_objects as go
import torch
from torch.nn import functional

from nas_worker.blocks import initialise
from nas_worker.evaluate import recalibrated_accuracy
from nas_worker.formulations.base import epoch_random
from nas_worker.inputs import steps_in
from nas_worker.optim import RMSPropTF, weight_groups
from nas_worker.search import torch_settings
from nas_worker.search_data import SearchData, load_search_data
from nas_worker.space import Architecture, LayerType
from nas_worker.superkernel import architecture_gates
from nas_worker.supernet import SuperkernelNetwork, derive
from nas_worker.trainer import relative_rate
from service.cli.reproduce.records import Records, Row
from service.cli.reproduce.scale import Scale
from service.figures.style import CYCLE, new_figure, shorts

KERNELS = {
    "3x3": Architecture.uniform(LayerType(3, 6, 0.0)),
    "5x5": Architecture.uniform(LayerType(5, 6, 0.0)),
}
TRAININGS = {"3x3 alone": ("3x3",), "5x5 alone": ("5x5",), "both at once": ("3x3", "5x5")}
_ORDER_STREAM, _AUGMENTATION_STREAM = range(2)


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
    settings, epochs = scale.settings, scale.epochs
    steps = steps_in(data.train, settings.batch_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SuperkernelNetwork(data.macro(settings.width))
        initialise(network)
    network.to(data.device)
    gates = [architecture_gates(KERNELS[kernel]).to(data.device) for kernel in kernels]
    optimizer = RMSPropTF(weight_groups(network, settings.weight_decay), lr=settings.learning_rate)
    for epoch in range(1, epochs + 1):
        order = torch.from_numpy(epoch_random(seed, epoch, _ORDER_STREAM).permutation(len(data.train)))
        batches = torch.split(order.to(data.device), settings.batch_size)
        loaded = data.train.batches(batches[:steps], (seed, epoch, _AUGMENTATION_STREAM))
        network.train()
        for place, batch in enumerate(loaded):
            for of_kernel in gates:
                loss = functional.cross_entropy(
                    network(batch.images, of_kernel), batch.labels, label_smoothing=settings.label_smoothing
                )
                if not loss.isfinite():
                    return dict.fromkeys(kernels)
                torch.autograd.backward(loss / len(gates))
            rate = relative_rate((epoch - 1) * steps + place, epochs * steps)
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * rate
            optimizer.step()
            optimizer.zero_grad()
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
