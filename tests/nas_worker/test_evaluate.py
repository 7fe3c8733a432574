import math

import pytest
import torch

from nas_worker.blocks import initialise
from nas_worker.convnet import ConvNet
from nas_worker.evaluate import accuracy, recalibrate
from nas_worker.inputs import Inputs
from nas_worker.space import LAYER_TYPES, Architecture, MacroArchitecture


def small_convnet() -> ConvNet:
    torch.manual_seed(0)
    convnet = ConvNet(MacroArchitecture(0.25, 8, 1, 10), Architecture.uniform(LAYER_TYPES[0]))
    initialise(convnet)
    return convnet


def test_recalibration_replaces_statistics_by_those_of_the_images() -> None:
    convnet = small_convnet()
    assert convnet.stem_norm.running_mean is not None
    assert convnet.stem_norm.running_var is not None
    convnet.stem_norm.running_mean.fill_(7)
    images = torch.randn(256, 1, 8, 8)
    recalibrate(convnet, images)
    with torch.no_grad():
        first, second = (convnet.stem(batch) for batch in torch.split(images, 128))
    expected = (first.mean((0, 2, 3)) + second.mean((0, 2, 3))) / 2
    torch.testing.assert_close(convnet.stem_norm.running_mean, expected)
    spread = (first.var((0, 2, 3)) + second.var((0, 2, 3))) / 2
    torch.testing.assert_close(convnet.stem_norm.running_var, spread)


def test_accuracy_is_the_share_of_right_answers_and_leaves_the_network_alone() -> None:
    convnet = small_convnet()
    recalibrate(convnet, torch.randn(128, 1, 8, 8))
    images = torch.randn(200, 1, 8, 8)
    before = {name: tensor.clone() for name, tensor in convnet.state_dict().items()}
    convnet.eval()
    with torch.no_grad():
        answers = convnet(images).argmax(1)
    labels = answers.clone()
    labels[:50] = (labels[:50] + 1) % 10
    assert accuracy(convnet, Inputs(images, labels)) == pytest.approx(0.75)
    assert all(torch.equal(tensor, before[name]) for name, tensor in convnet.state_dict().items())


def test_outputs_that_are_not_finite_give_nan() -> None:
    convnet = small_convnet()
    torch.nn.init.constant_(convnet.classifier.bias, math.inf)
    inputs = Inputs(torch.randn(4, 1, 8, 8), torch.zeros(4, dtype=torch.int64))
    assert math.isnan(accuracy(convnet, inputs))
