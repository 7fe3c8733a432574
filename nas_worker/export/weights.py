"""The ConvNet of an architecture with weights: fresh ones, those of a search, or those of a file."""

import pickle
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from nas_worker.blocks import MBConv, initialise
from nas_worker.checkpoint import read_checkpoint
from nas_worker.convnet import ConvNet
from nas_worker.errors import CheckpointError
from nas_worker.evaluate import recalibrate
from nas_worker.formulations import inherited_convnet as convnet_of_search
from nas_worker.job import SearchSettings
from nas_worker.search_data import load_search_data
from nas_worker.space import Architecture, MacroArchitecture

_CALIBRATION_IMAGES = 16
_RECALIBRATION_IMAGES = 512
_TORCH_FILE = b"PK"
"""A file of ``torch.save`` is a zip archive; a search's checkpoint begins with a digest."""


def fresh_convnet(macro: MacroArchitecture, architecture: Architecture, seed: int) -> ConvNet:
    """A ConvNet with random weights, to measure its runtime and not its accuracy.

    Every layer takes part in the output, other than at the start of a training, where residual blocks are
    identities: their last scale is 1, and BatchNorm's statistics are those of random images. The global
    random state is left alone.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        convnet = ConvNet(macro, architecture)
        initialise(convnet)
        for module in convnet.modules():
            if isinstance(module, MBConv):
                torch.nn.init.ones_(module.project_norm.weight)
        size = macro.image_size
        recalibrate(convnet, torch.randn(_CALIBRATION_IMAGES, macro.image_channels, size, size))
    return convnet.eval()


def inherited_convnet(checkpoint: Path, architecture: Architecture | None = None) -> ConvNet:
    """The ConvNet of a search's checkpoint, with the supernet's weights.

    BatchNorm's statistics are measured anew on training images, as the search does when it reports accuracy.

    Args:
        checkpoint: Of a search with any formulation.
        architecture: Another one to derive; None for the one that the search chose.

    Raises:
        CheckpointError: The file is missing or damaged, its data set has changed since, or its network is not
            one of this version's.
        UnknownNameError: Its data set is not known here.
        DatasetError: Its data set cannot be read.
    """
    content = read_checkpoint(checkpoint)
    try:
        identity: dict[str, Any] = content["identity"]
        settings = SearchSettings.model_validate(identity["settings"])
        data = load_search_data(settings)
        is_same_data = data.fingerprint == identity["dataset"]
        state = content["state"]
    except (LookupError, TypeError, ValidationError) as error:
        raise CheckpointError(f"checkpoint {checkpoint} does not fit this version: {error}") from error
    if not is_same_data:
        raise CheckpointError(f"the data set {settings.dataset} is not the one of checkpoint {checkpoint}")
    try:
        convnet = convnet_of_search(state, settings, data.macro(settings.width), architecture)
    except (LookupError, RuntimeError, ValueError) as error:
        raise CheckpointError(f"checkpoint {checkpoint} does not fit this version: {error}") from error
    recalibrate(convnet, data.train.spread(_RECALIBRATION_IMAGES).cpu())
    return convnet.eval()


def is_search_checkpoint(path: Path) -> bool:
    """Whether a file of weights is a search's checkpoint, and not a state dict that torch saved.

    Raises:
        CheckpointError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(len(_TORCH_FILE)) != _TORCH_FILE
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error


def convnet_of_state(path: Path, macro: MacroArchitecture, architecture: Architecture) -> ConvNet:
    """A ConvNet with the weights of ``torch.save(convnet.state_dict(), path)``.

    Raises:
        CheckpointError: The file is no state dict, or that of another network; it says what differs.
    """
    convnet = ConvNet(macro, architecture)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        convnet.load_state_dict(state)
    except (OSError, RuntimeError, TypeError, pickle.UnpicklingError) as error:
        reason = "; ".join(line.strip() for line in str(error).splitlines()[:3])
        raise CheckpointError(f"{path} holds no weights of this ConvNet: {reason}") from error
    return convnet.eval()
