"""Trains a network for a few epochs, as searches train their weights."""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas_worker.blocks import initialise
from nas_worker.convnet import ConvNet
from nas_worker.errors import DivergedError
from nas_worker.evaluate import recalibrated_accuracy
from nas_worker.formulations.base import epoch_random
from nas_worker.inputs import Inputs, steps_in
from nas_worker.job import SearchSettings
from nas_worker.optim import RMSPropTF, weight_groups
from nas_worker.precision import autocast
from nas_worker.search_data import SearchData
from nas_worker.space import Architecture
from nas_worker.trainer import relative_rate

_ORDER_STREAM, _AUGMENTATION_STREAM = range(2)


class Training:
    """A network in training, with the rates and the batches of a search, whose schedule spans all its epochs.

    Args:
        network: With its initial weights; it is moved to the device of the data.
        settings: How it is trained; what concerns choices is not read.
        data: Trains it.
        epochs: Length of the training.
        seed: Fixes the batches. The global random state is left alone.
        passes: Ways through the network, from images to logits, whose mean loss it is trained for; None: the
            network itself.

    Raises:
        SearchError: There are fewer training images than a batch.
    """

    def __init__(
        self,
        network: nn.Module,
        settings: SearchSettings,
        data: SearchData,
        *,
        epochs: int,
        seed: int,
        passes: Sequence[Callable[[Tensor], Tensor]] | None = None,
    ) -> None:
        self._settings, self._data, self._seed = settings, data, seed
        self._steps_per_epoch = steps_in(data.train, settings.batch_size)
        self._total_steps = epochs * self._steps_per_epoch
        self._network = network.to(data.device)
        self._passes = passes or [network]
        self._autocast = autocast(settings.precision, data.device)
        self._optimizer = RMSPropTF(weight_groups(network, settings.weight_decay), lr=settings.learning_rate)

    def train(self, epoch: int, should_stop: Callable[[], bool] = lambda: False) -> float | None:
        """One epoch.

        Args:
            epoch: From 1.
            should_stop: Asked before each step.

        Returns:
            Mean training cross-entropy in nats, or None when it was told to stop.

        Raises:
            DivergedError: The loss is not finite.
        """
        train, steps = self._data.train, self._steps_per_epoch
        order = torch.from_numpy(epoch_random(self._seed, epoch, _ORDER_STREAM).permutation(len(train)))
        batches = torch.split(order.to(train.labels.device), self._settings.batch_size)
        loaded = train.batches(batches[:steps], (self._seed, epoch, _AUGMENTATION_STREAM))
        self._network.train()
        total = 0.0
        for place in range(steps):
            if should_stop():
                return None
            batch = next(loaded)
            value = self._accumulated(batch)
            if not math.isfinite(value):
                raise DivergedError(
                    f"the loss is no longer finite in epoch {epoch}, step {place + 1} of {steps}"
                )
            rate = relative_rate((epoch - 1) * steps + place, self._total_steps)
            for group in self._optimizer.param_groups:
                group["lr"] = self._settings.learning_rate * rate
            self._optimizer.step()
            self._optimizer.zero_grad()
            total += value
        return total / steps

    def _accumulated(self, batch: Inputs) -> float:
        """Adds up the gradients of all passes, until one is not finite; their mean loss in nats."""
        total = 0.0
        for logits_of in self._passes:
            with self._autocast:
                logits = logits_of(batch.images).float()
            loss = functional.cross_entropy(
                logits, batch.labels, label_smoothing=self._settings.label_smoothing
            ) / len(self._passes)
            value = loss.item()
            if not math.isfinite(value):
                return value
            torch.autograd.backward(loss)
            total += value
        return total


class ProxyTraining(Training):
    """A ConvNet in training from scratch.

    Args:
        architecture: Of the ConvNet.
        settings: How it is trained; what concerns choices is not read.
        data: Trains and validates it.
        epochs: Length of the training.
        seed: Fixes initial weights and batches. The global random state is left alone.

    Raises:
        SearchError: There are fewer training images than a batch.
    """

    def __init__(
        self,
        architecture: Architecture,
        settings: SearchSettings,
        data: SearchData,
        *,
        epochs: int,
        seed: int,
    ) -> None:
        self.convnet = initialised(lambda: ConvNet(data.macro(settings.width), architecture), seed)
        super().__init__(self.convnet, settings, data, epochs=epochs, seed=seed)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next epoch depends on, beside what the training was made with."""
        return {"convnet": self.convnet.state_dict(), "optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over a ``state_dict`` of the same training."""
        self.convnet.load_state_dict(state["convnet"])
        self._optimizer.load_state_dict(state["optimizer"])

    def accuracy(self) -> float:
        """Validation accuracy in [0, 1] after recalibration of BatchNorm; the training is not touched.

        Raises:
            DivergedError: The outputs are not finite.
        """
        with torch.device("meta"):  # draws no random numbers
            convnet = ConvNet(self.convnet.macro, self.convnet.architecture)
        weights = {name: tensor.clone() for name, tensor in self.convnet.state_dict().items()}
        convnet.load_state_dict(weights, assign=True)
        accuracy = recalibrated_accuracy(convnet, self._data.train, self._data.validation)
        if math.isnan(accuracy):
            raise DivergedError("the network's outputs are no longer finite")
        return accuracy


Made = TypeVar("Made", bound=nn.Module)


def initialised(make: Callable[[], Made], seed: int) -> Made:
    """A network with initial weights that follow from a seed; the global random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = make()
        initialise(network)
    return network
