import pytest
import torch

from nas_worker.baselines import baseline, baseline_names
from nas_worker.convnet import ConvNet
from nas_worker.mobilenet_v2 import MobileNetV2
from nas_worker.platform import load_platform
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.space import FULL_SIZE, MacroArchitecture


@pytest.mark.parametrize(("name", "published"), [("mnasnet-b1", 4_383_312), ("single-path-nas", 4_421_616)])
def test_baselines_have_their_published_size(name: str, published: int) -> None:
    with torch.device("meta"):
        convnet = ConvNet(FULL_SIZE, baseline(name))
    assert sum(parameter.numel() for parameter in convnet.parameters()) == published


def test_mobilenet_v2_has_its_published_size_and_any_shape() -> None:
    with torch.device("meta"):
        full = MobileNetV2(FULL_SIZE)
    assert sum(parameter.numel() for parameter in full.parameters()) == 3_504_872
    small = MobileNetV2(MacroArchitecture(0.25, 8, 1, 10)).eval()
    assert small(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_single_path_nas_has_about_its_published_runtime() -> None:
    """79.48 ms were measured on a Pixel 1; the profile is of the same authors and phone."""
    assert "single-path-nas" in baseline_names()
    runtime_ms = architecture_runtime_ms(load_platform("pixel1"), baseline("single-path-nas"))
    assert runtime_ms == pytest.approx(79.48, rel=0.02)
