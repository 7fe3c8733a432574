"""Fig. 8: how formulations differ in accuracy and runtime between searches, and within one softmax."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, get_args

import plotly.graph_objects as go
import torch

from nas_worker.bilevel import BilevelTrainer
from nas_worker.errors import DivergedError
from nas_worker.formulations import new_search
from nas_worker.formulations.choice import sampled
from nas_worker.job import THRESHOLD_FORMULATIONS, FormulationName, SearchJob, SearchSettings
from nas_worker.proxy_training import ProxyTraining
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.search import torch_settings
from nas_worker.search_data import load_search_data
from nas_worker.space import Architecture
from service.cli.reproduce.records import Records, Row
from service.cli.reproduce.scale import Scale
from service.figures.style import CYCLE, new_figure, shorts
from solver.reward import reward

FORMULATIONS: tuple[FormulationName, ...] = get_args(FormulationName)
SEARCH, SAMPLE = "between searches", "within a softmax"

_LAMBDAS = (0.05, 50.0)
_BILEVEL_LAMBDAS = (5e-4, 0.5)
"""Of two levels. Adam divides a gradient by its own size, so only the ratio of the loss's two terms counts,
and that of CE is small where a logit is one of many mixed candidates'."""
_WINDOW = (0.9375, 1.0)
"""Of random search, in shares of the target: the paper keeps 75 to 80 ms for 80."""
_MULTI_PATH_WIDTH = 0.5
_TUNING_SEED = 1_000_000
_SAMPLE_SEED = 2_000_000


@dataclass(frozen=True)
class Experiment:
    """Fig. 8 at a scale.

    Attributes:
        scale: Of searches and trainings.
        target_ms: Runtime that every formulation is tuned to.
        tuning: Searches that lambda is chosen with.
        samples: Architectures drawn from the best softmax of a formulation.
    """

    scale: Scale
    target_ms: float
    tuning: int
    samples: int

    def settings(self, name: FormulationName) -> SearchSettings:
        """Those of a formulation; the multi-path supernet has half the width, as in the paper."""
        own: dict[str, Any] = {"formulation": name}
        if name.startswith("multi_path"):
            own["width"] = self.scale.settings.width * _MULTI_PATH_WIDTH
        if name == "random_rejection":
            own["runtime_window_ms"] = tuple(share * self.target_ms for share in _WINDOW)
        return SearchSettings.model_validate({**self.scale.settings.model_dump(), **own})


def run(experiment: Experiment, names: tuple[FormulationName, ...], records: Records) -> list[Row]:
    """A row for each network that was found or sampled, with its accuracy after a training from scratch."""
    rows = []
    for name in names:
        lambda_ = _tuned(experiment, name, records)
        found = []
        for seed in range(experiment.scale.runs):

            def search(seed: int = seed, name: FormulationName = name, lambda_: float = lambda_) -> Row:
                row = _search(experiment, name, lambda_, seed)
                if row["architecture"] is None:
                    return row
                return row | {"proxy_accuracy": _proxy_accuracy(experiment, row["architecture"], seed)}

            row = records.get(f"{name}, seed {seed}", search)
            if row.get("proxy_accuracy") is None:
                what = "diverged" if row["architecture"] is None else "the training of its network diverged"
                experiment.scale.say(f"{name}, seed {seed}: {what}")
                continue
            experiment.scale.say(
                f"{name}, seed {seed}: {row['runtime_ms']:.1f} ms, accuracy {row['proxy_accuracy']:.3f}"
            )
            found.append(row)
            rows.append(_flat(name, SEARCH, seed, row))
        if found and found[0]["probabilities"] is not None:
            rows += _samples(experiment, name, _best(found, experiment.target_ms), records)
    return rows


def _best(found: list[Row], target_ms: float) -> Row:
    return max(found, key=lambda row: reward(row["proxy_accuracy"], row["runtime_ms"], target_ms))


def _tuned(experiment: Experiment, name: FormulationName, records: Records) -> float:
    """Lambda whose search came nearest to the target, by bisection: R falls with lambda."""
    if name == "random_rejection":
        return 1.0
    low, high = map(math.log, _LAMBDAS if name in THRESHOLD_FORMULATIONS else _BILEVEL_LAMBDAS)
    tried: list[tuple[float, float]] = []
    for number in range(experiment.tuning):
        middle = (low + high) / 2

        def search(middle: float = middle) -> Row:
            return _search(experiment, name, math.exp(middle), _TUNING_SEED)

        row = records.get(f"{name}, tuning {number}", search)
        # A search that diverges is taken for one with too large a lambda.
        runtime_ms = row["runtime_ms"] if row["architecture"] is not None else 0.0
        experiment.scale.say(f"{name}, tuning: lambda {math.exp(middle):.3g} gives {runtime_ms:.1f} ms")
        if row["architecture"] is not None:
            tried.append((abs(math.log(runtime_ms / experiment.target_ms)), math.exp(middle)))
        low, high = (middle, high) if runtime_ms > experiment.target_ms else (low, middle)
    return min(tried)[1] if tried else math.exp(low)


def _search(experiment: Experiment, name: FormulationName, lambda_: float, seed: int) -> Row:
    """What a search ended with; no architecture where it diverged."""
    scale = experiment.scale
    job = SearchJob(experiment.settings(name), scale.platform, lambda_, scale.epochs, seed)
    search = new_search(job)
    try:
        with torch_settings(scale.threads):
            for epoch in range(1, scale.epochs + 1):
                search.train(epoch, lambda: False)
                if epoch == scale.epochs or name == "random_rejection":  # which keeps its best so far there
                    accuracy, architecture = search.evaluate(epoch)
    except DivergedError:
        return {"lambda": lambda_, "architecture": None}
    probabilities = search.type_probabilities().tolist() if isinstance(search, BilevelTrainer) else None
    return {
        "lambda": lambda_,
        "accuracy": accuracy,
        "runtime_ms": architecture_runtime_ms(scale.platform, architecture),
        "architecture": architecture.format(),
        "probabilities": probabilities,
    }


def _proxy_accuracy(experiment: Experiment, architecture: tuple[str, ...], seed: int) -> float | None:
    """Validation accuracy after a training from scratch, at the width of all formulations alike.

    None where the training diverged.
    """
    scale = experiment.scale
    with torch_settings(scale.threads):
        data = load_search_data(scale.settings)
        training = ProxyTraining(
            Architecture.parse(architecture), scale.settings, data, epochs=scale.epochs, seed=seed
        )
        try:
            for epoch in range(1, scale.epochs + 1):
                training.train(epoch)
            return training.accuracy()
        except DivergedError:
            return None


def _samples(experiment: Experiment, name: FormulationName, best: Row, records: Records) -> list[Row]:
    random = Random(_SAMPLE_SEED)  # noqa: S311 - not for cryptography
    probabilities = torch.tensor(best["probabilities"])
    rows = []
    for number in range(experiment.samples):
        architecture = sampled(probabilities, random)

        def train(architecture: Architecture = architecture, number: int = number) -> Row:
            texts = architecture.format()
            return {
                "lambda": best["lambda"],
                "runtime_ms": architecture_runtime_ms(experiment.scale.platform, architecture),
                "architecture": texts,
                "proxy_accuracy": _proxy_accuracy(experiment, texts, _SAMPLE_SEED + number),
            }

        # The best search may be another one when there are more runs, so its key is part of this one.
        row = records.get(f"{name}, sample {number} of {best['key']}", train)
        if row["proxy_accuracy"] is None:
            experiment.scale.say(f"{name}, sample {number}: its training diverged")
        else:
            rows.append(_flat(name, SAMPLE, number, row))
    return rows


def _flat(name: str, kind: str, number: int, row: Mapping[str, Any]) -> Row:
    return {
        "formulation": name,
        "kind": kind,
        "number": number,
        "lambda": row["lambda"],
        "accuracy_in_search": row.get("accuracy"),
        "proxy_accuracy": row["proxy_accuracy"],
        "runtime_ms": row["runtime_ms"],
        "architecture": " ".join(row["architecture"]),
    }


def summary(rows: list[Row]) -> list[Row]:
    """Mean and standard deviation of both, for each formulation, between searches and within a softmax."""
    found = []
    for name, kind in dict.fromkeys((row["formulation"], row["kind"]) for row in rows):
        own = [row for row in rows if (row["formulation"], row["kind"]) == (name, kind)]
        accuracies = [row["proxy_accuracy"] for row in own]
        runtimes_ms = [row["runtime_ms"] for row in own]
        found.append(
            {
                "formulation": name,
                "kind": kind,
                "networks": len(own),
                "lambda": own[0]["lambda"],
                "accuracy_mean": statistics.fmean(accuracies),
                "accuracy_deviation": statistics.pstdev(accuracies),
                "runtime_ms_mean": statistics.fmean(runtimes_ms),
                "runtime_ms_deviation": statistics.pstdev(runtimes_ms),
            }
        )
    return found


def figure(rows: list[Row], note: str) -> go.Figure:
    """A dot per network, a cross with both deviations per formulation."""
    chart = new_figure("Formulations: accuracy and runtime of what they find", note)
    for index, mean in enumerate(summary(rows)):
        own = [
            row for row in rows if (row["formulation"], row["kind"]) == (mean["formulation"], mean["kind"])
        ]
        label = f"{mean['formulation']}, {mean['kind']}"
        color = CYCLE[FORMULATIONS.index(mean["formulation"]) % len(CYCLE)]
        symbol = "circle" if mean["kind"] == SEARCH else "diamond-open"
        chart.add_scatter(
            x=shorts([row["runtime_ms"] for row in own]),
            y=shorts([row["proxy_accuracy"] for row in own]),
            mode="markers",
            marker={"color": color, "size": 6, "opacity": 0.5, "symbol": symbol},
            legendgroup=str(index),
            showlegend=False,
            hovertemplate="%{x:.1f} ms, %{y:.3f}<extra>" + label + "</extra>",
        )
        chart.add_scatter(
            x=shorts([mean["runtime_ms_mean"]]),
            y=shorts([mean["accuracy_mean"]]),
            error_x={"array": shorts([mean["runtime_ms_deviation"]])},
            error_y={"array": shorts([mean["accuracy_deviation"]])},
            mode="markers",
            marker={"color": color, "size": 12, "symbol": symbol},
            name=label,
            legendgroup=str(index),
        )
    chart.update_xaxes(title_text="runtime (ms)")
    chart.update_yaxes(title_text="accuracy after a short training")
    chart.update_layout(height=560)
    return chart
