"""State of a training and how an epoch changes it."""

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from nas_worker.averaging import average_decay, update_average
from nas_worker.baselines import MOBILENET_V2
from nas_worker.blocks import initialise
from nas_worker.convnet import ConvNet, PlainNetwork
from nas_worker.data import open_dataset
from nas_worker.errors import DivergedError
from nas_worker.inputs import Inputs, Source, steps_in, training_sources
from nas_worker.mobilenet_v2 import MobileNetV2
from nas_worker.optim import RMSPropTF, weight_groups
from nas_worker.precision import autocast
from nas_worker.space import Architecture, MacroArchitecture
from nas_worker.training.report import Accuracy
from nas_worker.training.schedule import relative_rate
from nas_worker.training.settings import TrainSettings

_RATE_IMAGES = 256
_EVALUATED_BATCH = 128
_TOP = 5
_ORDER_STREAM, _AUGMENTATION_STREAM, _DROPOUT_STREAM = range(3)


class Trainer:
    """Network, average of its weights, optimiser and data of one training.

    Random numbers of an epoch depend on (seed, epoch) alone, so a checkpoint holds none.

    Args:
        architecture: The ConvNet; None for MobileNetV2.
        settings: How it is trained.
        device: Where.

    Raises:
        SearchError: The data set has fewer training images than a batch, or cannot be had.
        UnknownNameError: There is no such data set.
    """

    def __init__(
        self, architecture: Architecture | None, settings: TrainSettings, device: torch.device
    ) -> None:
        self._architecture = architecture
        self._settings = settings
        self._device = device
        dataset = open_dataset(settings.dataset)
        self._fingerprint = dataset.fingerprint
        self.sources = training_sources(
            dataset, settings.image_size, settings.max_train_images, device, settings.augmentation
        )
        self.steps_per_epoch = steps_in(self.sources.train, settings.batch_size)
        channels, *sides = self.sources.train.shape
        macro = MacroArchitecture(settings.width, min(sides), channels, dataset.classes)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.network: PlainNetwork = (
                MobileNetV2(macro) if architecture is None else ConvNet(macro, architecture)
            )
            initialise(self.network)
        self.network.to(device)
        if device.type == "cuda":
            # mypy has no overload of nn.Module.to for it; the CPU's kernels choose their layout themselves.
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network)
        """Average of weights and BatchNorm's statistics: what is evaluated and kept."""
        self._optimizer = RMSPropTF(
            weight_groups(self.network, settings.weight_decay), lr=settings.learning_rate
        )
        self._autocast = autocast(settings.precision, device)

    @property
    def identity(self) -> dict[str, Any]:
        """What the course of the training depends on, as JSON values."""
        architecture = self._architecture
        return {
            "architecture": MOBILENET_V2 if architecture is None else list(architecture.format()),
            "dataset": self._fingerprint,
            **self._settings.model_dump(mode="json", exclude={"dataset"}),
        }

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next epoch depends on, beside the settings."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over a ``state_dict`` of the same training."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])

    def learning_rate(self, step: int) -> float:
        """Rate of a step, from 0, counted from the start of the training."""
        settings = self._settings
        peak = settings.learning_rate * settings.batch_size / _RATE_IMAGES
        return peak * relative_rate(step, settings.epochs * self.steps_per_epoch)

    def train(self, epoch: int, on_step: Callable[[int, Tensor], None] = lambda _, __: None) -> float:
        """One epoch over the training images.

        Args:
            epoch: From 1.
            on_step: Called after each step with its number in the epoch, from 1, and its loss.

        Returns:
            Mean cross-entropy over the epoch in nats.

        Raises:
            DivergedError: The loss is not finite.
            DatasetError: An image cannot be read.
        """
        settings, train = self._settings, self.sources.train
        order = np.random.default_rng([settings.seed, epoch, _ORDER_STREAM]).permutation(len(train))
        groups = torch.split(torch.from_numpy(order), settings.batch_size)[: self.steps_per_epoch]
        dropout = torch.Generator(self._device)
        seed = np.random.SeedSequence([settings.seed, epoch, _DROPOUT_STREAM]).generate_state(1)
        dropout.manual_seed(int(seed[0]))
        self.network.train()
        total = torch.zeros((), device=self._device)
        first = (epoch - 1) * self.steps_per_epoch
        batches = train.batches(groups, (settings.seed, epoch, _AUGMENTATION_STREAM))
        for step, batch in enumerate(batches):
            loss = self._step(first + step, batch, dropout)
            total += loss
            on_step(step + 1, loss)
        mean = float(total) / self.steps_per_epoch  # read once an epoch: a GPU would have to wait for it
        if not math.isfinite(mean):
            raise DivergedError(f"the loss is no longer finite in epoch {epoch}; lower the learning rate")
        return mean

    def validate(self) -> Accuracy:
        """Accuracy of the average on the validation split."""
        return self._accuracy(self.sources.validation)

    def test(self) -> Accuracy:
        """Accuracy of the average on the test split."""
        return self._accuracy(self.sources.test)

    def _step(self, step: int, batch: Inputs, dropout: torch.Generator) -> Tensor:
        settings = self._settings
        with self._autocast:
            pooled = self.network.pooled(self.network.features(batch.images))
            if settings.dropout:
                draws = torch.rand(pooled.shape, generator=dropout, device=self._device)
                pooled = pooled * (draws >= settings.dropout) / (1 - settings.dropout)
            logits = self.network.classifier(pooled).float()
        loss = functional.cross_entropy(logits, batch.labels, label_smoothing=settings.label_smoothing)
        torch.autograd.backward(loss)
        for group in self._optimizer.param_groups:
            group["lr"] = self.learning_rate(step)
        self._optimizer.step()
        self._optimizer.zero_grad()
        update_average(self.average, self.network, average_decay(step, settings.ema_decay))
        return loss.detach()

    @torch.no_grad()
    def _accuracy(self, split: Source) -> Accuracy:
        self.average.eval()
        hits = torch.zeros(2, dtype=torch.int64, device=self._device)
        with self._autocast:
            for batch in split.in_order(_EVALUATED_BATCH):
                logits = self.average(batch.images)
                ranked = logits.topk(min(_TOP, logits.shape[1])).indices == batch.labels[:, None]
                hits += torch.stack([ranked[:, 0].sum(), ranked.sum()])
        top1, top5 = (hits.double() / len(split)).tolist()
        return Accuracy(top1=top1, top5=top5 if self.average.macro.classes > _TOP else None)
