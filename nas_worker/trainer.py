"""State of a search and how an epoch changes it: weights and thresholds under CE + lambda * log(R)."""

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nas_worker.averaging import average_decay, update_average
from nas_worker.blocks import initialise
from nas_worker.convnet import ConvNet
from nas_worker.errors import DivergedError
from nas_worker.evaluate import recalibrated_accuracy
from nas_worker.formulations.base import epoch_random, identity_of
from nas_worker.inputs import Inputs, steps_in
from nas_worker.job import SearchJob, SearchSettings
from nas_worker.landing import nearest_architecture
from nas_worker.optim import RMSPropTF, weight_groups
from nas_worker.precision import autocast
from nas_worker.runtime import RuntimeModel, architecture_runtime_ms
from nas_worker.search_data import load_search_data
from nas_worker.sources.confinement import UNCONFINED, Confinement
from nas_worker.space import GATES, N_SEARCHABLE, Architecture, MacroArchitecture
from nas_worker.superkernel import Gate, gate, gated_architecture
from nas_worker.supernet import Supernet, derive

_LEARNING_RATE_RAMP = 0.1
"""Share of the steps over which the rate of the weights rises; it falls as a cosine over all of them."""
_THRESHOLD_MOMENTUM = 0.9
_LANDING = 0.25
"""Share of the steps after the warm-up in which a hinged search may come to its target by itself.

The weights recover in the others. With half of them, accuracy fell in searches of four epochs."""
_ORDER_STREAM, _GATE_STREAM, _AUGMENTATION_STREAM = range(3)


class SearchTrainer:
    """Supernet, optimisers and data of one search whose gates have thresholds.

    Weights and thresholds are trained together: there is no second level (Eq. 9). Random numbers of an epoch
    depend on (seed, epoch) alone, so a checkpoint holds none.

    Args:
        job: The search.
        confinement: Which files its data set may lie in.
        gate: How a gate follows from a norm and a threshold.

    Attributes:
        supernet: The network.
        step_cross_entropies: Cross-entropy of each step of the last epoch that was trained, in nats.

    Raises:
        SearchError: The data set has fewer training images than a batch, or cannot be had.
        UnknownNameError: There is no such data set.
    """

    def __init__(self, job: SearchJob, confinement: Confinement = UNCONFINED, gate: Gate = gate) -> None:
        self._job = job
        self.step_cross_entropies: list[float] = []
        settings = job.settings
        data = load_search_data(settings, confinement)
        self._fingerprint = data.fingerprint
        self._train, self._validation = data.train, data.validation
        self._steps_per_epoch = steps_in(data.train, settings.batch_size)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(job.seed)
            self.supernet = Supernet(data.macro(settings.width), settings.gate_placement, gate)
            initialise(self.supernet)
        self.supernet.to(data.device)
        self._average = copy.deepcopy(self.supernet) if settings.ema_decay is not None else None
        self._autocast = autocast(settings.precision, data.device)
        self._runtime = RuntimeModel(job.platform, settings.runtime_form).to(data.device)
        thresholds = self.supernet.thresholds
        self._weight_optimizer = RMSPropTF(
            weight_groups(self.supernet, settings.weight_decay, exclude=[thresholds]),
            lr=settings.learning_rate,
        )
        self._threshold_optimizer = torch.optim.SGD(
            [thresholds], lr=settings.threshold_learning_rate, momentum=_THRESHOLD_MOMENTUM
        )

    @property
    def identity(self) -> dict[str, Any]:
        """What the course of the search depends on, as JSON values."""
        return identity_of(self._job, self._fingerprint)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next epoch depends on, beside the job."""
        average = {} if self._average is None else {"average": self._average.state_dict()}
        return {
            "supernet": self.supernet.state_dict(),
            "weight_optimizer": self._weight_optimizer.state_dict(),
            "threshold_optimizer": self._threshold_optimizer.state_dict(),
            **average,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over a ``state_dict`` of the same job."""
        self.supernet.load_state_dict(state["supernet"])
        self._weight_optimizer.load_state_dict(state["weight_optimizer"])
        self._threshold_optimizer.load_state_dict(state["threshold_optimizer"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])

    def train(self, epoch: int, should_stop: Callable[[], bool]) -> float | None:
        """One epoch over the training images.

        Args:
            epoch: From 1.
            should_stop: Asked before each step.

        Returns:
            Mean cross-entropy over the epoch in nats, or None when it was told to stop.

        Raises:
            DivergedError: The loss is not finite.
        """
        settings = self._job.settings
        steps = self._steps_per_epoch
        seed = self._job.seed
        order = torch.from_numpy(epoch_random(seed, epoch, _ORDER_STREAM).permutation(len(self._train)))
        batches = torch.split(order.to(self._train.labels.device), settings.batch_size)
        uniform = epoch_random(seed, epoch, _GATE_STREAM).random((steps, N_SEARCHABLE, len(GATES)))
        keeps = torch.from_numpy(uniform < settings.gate_keep_probability).to(batches[0].device).float()
        loaded = self._train.batches(batches[:steps], (seed, epoch, _AUGMENTATION_STREAM))
        self.supernet.train()
        self.step_cross_entropies = []
        total = 0.0
        for step in range(steps):
            if should_stop():
                return None
            cross_entropy = self._step((epoch - 1) * steps + step, next(loaded), keeps[step])
            if cross_entropy is None:
                raise DivergedError(
                    f"the loss is no longer finite in epoch {epoch}, step {step + 1} of {steps}, "
                    f"at lambda {self._job.lambda_:g}"
                )
            self.step_cross_entropies.append(cross_entropy)
            total += cross_entropy
        return total / steps

    def evaluate(self, epoch: int) -> tuple[float, Architecture]:
        """Validation accuracy in [0, 1] at hard gates, and the architecture that they select.

        It is measured on the derived ConvNet with the supernet's weights, or with their average where one is
        kept; the supernet is not touched.

        Raises:
            DivergedError: The ConvNet's outputs are not finite.
        """
        architecture = self.supernet.architecture()
        convnet = derive(self._average or self.supernet, architecture)
        accuracy = recalibrated_accuracy(convnet, self._train, self._validation)
        if math.isnan(accuracy):
            raise DivergedError(
                f"the network's outputs are no longer finite at the end of epoch {epoch}, "
                f"at lambda {self._job.lambda_:g}"
            )
        return accuracy, architecture

    def gate_margins(self) -> Tensor | None:
        """See :class:`nas_worker.formulations.base.Search`; None once the architecture is fixed."""
        return None if self.supernet.is_fixed else self.supernet.margins()

    def _step(self, step: int, batch: Inputs, keep: Tensor) -> float | None:
        """One update; ``step`` counts from the start of the search. None when the loss is not finite."""
        settings, total_steps = self._job.settings, self._job.epochs * self._steps_per_epoch
        is_warm_up = step < settings.warm_up * total_steps
        gates = self.supernet.gates(keep if is_warm_up else None)
        with self._autocast:
            logits = self.supernet(batch.images, gates).float()
        cross_entropy = functional.cross_entropy(
            logits, batch.labels, label_smoothing=settings.label_smoothing
        )
        loss = cross_entropy if is_warm_up else cross_entropy + self._runtime_term(gates)
        if not math.isfinite(loss.item()):
            return None
        torch.autograd.backward(loss)
        rate = settings.learning_rate * relative_rate(step, total_steps)
        for group in self._weight_optimizer.param_groups:
            group["lr"] = rate
        for optimizer in (self._weight_optimizer, self._threshold_optimizer):
            optimizer.step()
            optimizer.zero_grad()
        if self._average is not None and settings.ema_decay is not None:
            decay = average_decay(step, settings.ema_decay)
            update_average(self._average, self.supernet, decay, exclude=["thresholds"])
        if not is_warm_up:
            self._land(gates, progress=(step + 1) / total_steps)
        return cross_entropy.item()

    def _runtime_term(self, gates: Tensor) -> Tensor:
        """The term lambda * log(R) of Eq. 10, or lambda * max(0, log(R / target)) with a target."""
        runtime_ms: Tensor = self._runtime(gates)
        target_ms = self._job.hinge_target_ms
        if target_ms is None:
            return self._job.lambda_ * runtime_ms.log()
        return self._job.lambda_ * (runtime_ms / target_ms).log().clamp_min(0)

    def _land(self, gates: Tensor, progress: float) -> None:
        """Fixes the architecture just within the target, once the gates come there or time is up.

        Args:
            gates: Those before this step's update.
            progress: Share of the search's steps that are done.
        """
        target_ms, platform = self._job.hinge_target_ms, self._job.platform
        if target_ms is None or self.supernet.is_fixed:
            return
        was_within, is_within = (
            architecture_runtime_ms(platform, architecture) <= target_ms
            for architecture in (gated_architecture(gates), self.supernet.architecture())
        )
        warm_up = self._job.settings.warm_up
        is_due = progress >= warm_up + (1 - warm_up) * _LANDING
        came_there_or_is_late = not was_within and (is_within or is_due)
        ends_above = progress >= 1 and not is_within
        if came_there_or_is_late or ends_above:
            self.supernet.fix(nearest_architecture(self.supernet.margins(), platform, target_ms))


def relative_rate(step: int, total_steps: int) -> float:
    """Rate of the weights at a step, from 0, over its peak: a ramp, and a cosine over all steps."""
    ramp = min(1.0, (step + 1) / (_LEARNING_RATE_RAMP * total_steps))
    return ramp * 0.5 * (1 + math.cos(math.pi * step / total_steps))


def inherited(
    state: Mapping[str, Any],
    settings: SearchSettings,
    macro: MacroArchitecture,
    architecture: Architecture | None,
) -> ConvNet:
    """The ConvNet of a trainer's state, see :class:`nas_worker.formulations.base.Formulation`."""
    supernet = Supernet(macro, settings.gate_placement)
    supernet.load_state_dict(state["supernet"])
    found = architecture or supernet.architecture()
    if "average" in state:
        supernet.load_state_dict(state["average"])
    return derive(supernet, found)
