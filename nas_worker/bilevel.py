"""Searches of two levels (Eq. 8): weights and architecture parameters learn in turn, from other images."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas_worker.blocks import initialise
from nas_worker.convnet import ConvNet
from nas_worker.errors import DivergedError
from nas_worker.evaluate import recalibrated_accuracy
from nas_worker.formulations.base import Formulation, epoch_random, identity_of
from nas_worker.formulations.choice import ExpectedRuntime, gate_probabilities
from nas_worker.inputs import Inputs, Source, steps_in
from nas_worker.job import SearchJob, SearchSettings
from nas_worker.optim import RMSPropTF, weight_groups
from nas_worker.precision import autocast
from nas_worker.search_data import load_search_data
from nas_worker.sources.confinement import UNCONFINED, Confinement
from nas_worker.space import Architecture, MacroArchitecture
from nas_worker.trainer import relative_rate

_ARCHITECTURE_MOMENTS = (0.5, 0.999)
"""Of Adam, as differentiable searches commonly have them: past steps count for little."""
_WEIGHT_STREAM, _ARCHITECTURE_STREAM = 0, 2
_AUGMENTATION = 1
"""Added to the stream of a batch's order."""


class ChoiceNetwork(Protocol):
    """A supernet whose choices are continuous and have parameters of their own."""

    def architecture_parameters(self) -> list[nn.Parameter]:
        """The parameters of the upper level."""

    def choices(self) -> Tensor:
        """The relaxed choices at the present parameters."""

    def __call__(self, images: Tensor, choices: Tensor) -> Tensor:
        """Logits, N x classes, at given choices."""

    def type_probabilities(self, choices: Tensor) -> Tensor:
        """What choices mean as probabilities of ``LAYER_TYPES``, 20 x 13."""

    def selected(self, choices: Tensor) -> Architecture:
        """The architecture that choices stand for when they must be hard."""

    def derived(self, architecture: Architecture) -> ConvNet:
        """A ConvNet with a copy of this network's weights."""


NetworkMaker = Callable[[MacroArchitecture], nn.Module]
"""Makes a module that is a :class:`ChoiceNetwork` too."""


class BilevelTrainer:
    """Supernet, optimisers and data of one search of two levels, solved to first order.

    In a step weights learn from a batch of one half of the training split under CE; after the warm-up the
    architecture parameters then learn from a batch of the other half under CE + lambda * log(E[R]), with the
    new weights held fixed. An epoch goes once over each half.

    Args:
        job: The search.
        confinement: Which files its data set may lie in.
        network: Makes the supernet.

    Raises:
        SearchError: A half of the training images is smaller than a batch.
        UnknownNameError: There is no such data set.
    """

    def __init__(
        self, job: SearchJob, confinement: Confinement = UNCONFINED, *, network: NetworkMaker
    ) -> None:
        self._job = job
        settings = job.settings
        data = load_search_data(settings, confinement)
        self._fingerprint = data.fingerprint
        self._train, self._validation = data.train, data.validation
        self._weight_images, self._architecture_images = data.halves
        self._steps_per_epoch = steps_in(
            self._architecture_images, settings.batch_size, "training images in a half of the training split"
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(job.seed)
            self._module = network(data.macro(settings.width))
            initialise(self._module)
        self._module.to(data.device)
        self._autocast = autocast(settings.precision, data.device)
        self.supernet = cast(ChoiceNetwork, self._module)
        self._runtime = ExpectedRuntime(job.platform).to(data.device)
        parameters = self.supernet.architecture_parameters()
        self._weight_optimizer = RMSPropTF(
            weight_groups(self._module, settings.weight_decay, exclude=parameters), lr=settings.learning_rate
        )
        self._architecture_optimizer = torch.optim.Adam(
            parameters, lr=settings.threshold_learning_rate, betas=_ARCHITECTURE_MOMENTS
        )

    @property
    def identity(self) -> dict[str, Any]:
        """What the course of the search depends on, as JSON values."""
        return identity_of(self._job, self._fingerprint)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next epoch depends on, beside the job."""
        return {
            "supernet": self._module.state_dict(),
            "weight_optimizer": self._weight_optimizer.state_dict(),
            "architecture_optimizer": self._architecture_optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over a ``state_dict`` of the same job."""
        self._module.load_state_dict(state["supernet"])
        self._weight_optimizer.load_state_dict(state["weight_optimizer"])
        self._architecture_optimizer.load_state_dict(state["architecture_optimizer"])

    def train(self, epoch: int, should_stop: Callable[[], bool]) -> float | None:
        """See :class:`nas_worker.formulations.base.Search`; the cross-entropy is of the weights' half."""
        steps = self._steps_per_epoch
        total_steps = self._job.epochs * steps
        first = math.ceil(self._job.settings.warm_up * total_steps) - (epoch - 1) * steps
        of_weights = self._batches(epoch, self._weight_images, _WEIGHT_STREAM)
        of_architecture = self._batches(
            epoch, self._architecture_images, _ARCHITECTURE_STREAM, skip=max(0, first)
        )
        self._module.train()
        total = 0.0
        for place in range(steps):
            if should_stop():
                return None
            step = (epoch - 1) * steps + place
            rate = self._job.settings.learning_rate * relative_rate(step, total_steps)
            losses = [self._weight_step(next(of_weights), rate)]
            if place >= first:
                losses.append(self._architecture_step(next(of_architecture)))
            if not all(map(math.isfinite, losses)):
                raise DivergedError(
                    f"the loss is no longer finite in epoch {epoch}, step {place + 1} of {steps}, "
                    f"at lambda {self._job.lambda_:g}"
                )
            total += losses[0]
        return total / steps

    def evaluate(self, epoch: int) -> tuple[float, Architecture]:
        """See :class:`nas_worker.formulations.base.Search`; the architecture is of the likeliest choices."""
        with torch.no_grad():
            architecture = self.supernet.selected(self.supernet.choices())
        accuracy = recalibrated_accuracy(self.supernet.derived(architecture), self._train, self._validation)
        if math.isnan(accuracy):
            raise DivergedError(
                f"the network's outputs are no longer finite at the end of epoch {epoch}, "
                f"at lambda {self._job.lambda_:g}"
            )
        return accuracy, architecture

    def gate_margins(self) -> Tensor:
        """See :class:`nas_worker.formulations.base.Search`."""
        return gate_probabilities(self.type_probabilities()) - 0.5

    @torch.no_grad()
    def type_probabilities(self) -> Tensor:
        """The present probability of each of ``LAYER_TYPES`` in each searchable layer, 20 x 13."""
        return self.supernet.type_probabilities(self.supernet.choices())

    def _batches(self, epoch: int, images: Source, stream: int, skip: int = 0) -> Iterator[Inputs]:
        """Those of the epoch's steps, without the first ``skip``."""
        order = torch.from_numpy(epoch_random(self._job.seed, epoch, stream).permutation(len(images)))
        groups = torch.split(order.to(images.labels.device), self._job.settings.batch_size)
        return images.batches(
            groups[skip : self._steps_per_epoch], (self._job.seed, epoch, stream + _AUGMENTATION)
        )

    def _weight_step(self, batch: Inputs, rate: float) -> float:
        loss = self._cross_entropy(batch, self.supernet.choices().detach())
        value = loss.item()
        if math.isfinite(value):
            torch.autograd.backward(loss)
            for group in self._weight_optimizer.param_groups:
                group["lr"] = rate
            self._weight_optimizer.step()
            self._weight_optimizer.zero_grad()
        return value

    def _architecture_step(self, batch: Inputs) -> float:
        parameters = self.supernet.architecture_parameters()
        choices = self.supernet.choices()
        expected_ms: Tensor = self._runtime(self.supernet.type_probabilities(choices))
        loss: Tensor = self._cross_entropy(batch, choices) + self._job.lambda_ * expected_ms.log()
        value = loss.item()
        if math.isfinite(value):
            torch.autograd.backward(loss, inputs=parameters)
            self._architecture_optimizer.step()
            self._architecture_optimizer.zero_grad()
        return value

    def _cross_entropy(self, batch: Inputs, choices: Tensor) -> Tensor:
        smoothing = self._job.settings.label_smoothing
        with self._autocast:
            logits = self.supernet(batch.images, choices).float()
        return functional.cross_entropy(logits, batch.labels, label_smoothing=smoothing)


def bilevel_formulation(network: NetworkMaker) -> Formulation:
    """The formulation of a supernet with two levels."""

    def inherited(
        state: Mapping[str, Any],
        settings: SearchSettings,  # noqa: ARG001 - part of the interface
        macro: MacroArchitecture,
        architecture: Architecture | None,
    ) -> ConvNet:
        module = network(macro)
        module.load_state_dict(state["supernet"])
        supernet = cast(ChoiceNetwork, module)
        with torch.no_grad():
            chosen = architecture or supernet.selected(supernet.choices())
        return supernet.derived(chosen)

    return Formulation(partial(BilevelTrainer, network=network), inherited)
