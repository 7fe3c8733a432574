"""Accuracy of a ConvNet that inherited its weights from a supernet."""

import torch
from torch import Tensor, nn

from nas_worker.convnet import ConvNet
from nas_worker.inputs import Source

_RECALIBRATION_IMAGES = 512
_BATCH = 128


@torch.no_grad()
def recalibrate(convnet: ConvNet, images: Tensor) -> None:
    """Replaces BatchNorm's running statistics by averages over the images, N x C x H x W.

    Those of the supernet are a mixture over the architectures that gate dropout went through.
    """
    norms = [module for module in convnet.modules() if isinstance(module, nn.BatchNorm2d)]
    for module in norms:
        module.reset_running_stats()
        module.momentum = None  # a plain average of all batches
    convnet.train()
    for batch in torch.split(images, _BATCH):
        convnet(batch)


@torch.no_grad()
def accuracy(convnet: ConvNet, validation: Source) -> float:
    """Top-1 accuracy in [0, 1]; NaN when an output of the network is not finite."""
    convnet.eval()
    hits = []
    for batch in validation.in_order(_BATCH):
        logits = convnet(batch.images)
        if not logits.isfinite().all():
            return float("nan")
        hits.append(logits.argmax(1) == batch.labels)
    return float(torch.cat(hits).float().mean())


def recalibrated_accuracy(convnet: ConvNet, train: Source, validation: Source) -> float:
    """Top-1 accuracy after recalibration on training images. Changes the ConvNet's statistics."""
    recalibrate(convnet, train.spread(_RECALIBRATION_IMAGES))
    return accuracy(convnet, validation)
