import pytest
import torch
from torch import Tensor, nn

from nas_worker.convnet import ConvNet
from nas_worker.profiling.settings import ProfileSettings
from nas_worker.profiling.subjects import (
    CALL,
    block_key,
    calibration_architectures,
    chain_key,
    evaluation_architectures,
    measured_layers,
    subjects,
)
from nas_worker.space import MBCONV_TYPES, SEARCHABLE, Architecture

SMALL = ProfileSettings(image_size=64, width=0.25, classes=10, batch_size=2, calibration=2, evaluation=3)


def test_all_types_of_all_distinct_layers_are_measured() -> None:
    keys = [subject.key for subject in subjects(ProfileSettings())]
    assert len(keys) == len(set(keys))
    measured = measured_layers(ProfileSettings().macro)
    assert set(measured) == set(SEARCHABLE)
    assert sorted(set(measured.values())) == [1, 2, 5, 6, 9, 10, 13, 14, 17, 18]
    assert {block_key(measured[layer], each) for layer in SEARCHABLE for each in MBCONV_TYPES} < set(keys)
    chained = {chain_key(layer, each) for layer in (2, 6, 10, 14, 18) for each in MBCONV_TYPES}
    assert {key for key in keys if key.startswith("chain")} == chained
    assert len(keys) == 1 + 10 * 12 + 5 * 12 + 16


def test_layers_that_share_a_measurement_are_alike() -> None:
    macro = ProfileSettings().macro
    for layer, representative in measured_layers(macro).items():
        own, other = macro.layers[layer], macro.layers[representative]
        assert (own.in_channels, own.out_channels, own.stride, own.residual) == (
            other.in_channels, other.out_channels, other.stride, other.residual,
        )  # fmt: skip


@pytest.mark.parametrize("image_size", [8, 33, 64, 224])
def test_blocks_get_the_maps_that_they_get_in_a_convnet(image_size: int) -> None:
    settings = ProfileSettings(image_size=image_size, width=0.25, classes=10, batch_size=2)
    network = ConvNet(settings.macro, Architecture.uniform(MBCONV_TYPES[0])).eval()
    shapes: dict[int, tuple[int, ...]] = {}

    def note(layer: int) -> object:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            shapes[layer] = tuple(inputs[0].shape)

        return network.blocks[layer].register_forward_pre_hook(hook)

    for layer in SEARCHABLE:
        note(layer)
    with torch.inference_mode():
        network(torch.zeros(2, 3, image_size, image_size))
    by_key = {subject.key: subject for subject in subjects(settings)}
    for layer, representative in measured_layers(settings.macro).items():
        subject = by_key[block_key(representative, MBCONV_TYPES[0])]
        assert subject.input_shape == shapes[layer]


def test_every_network_runs_and_has_numbers_of_ordinary_size() -> None:
    for subject in subjects(SMALL):
        network = subject.build()
        assert not network.training
        with torch.inference_mode():
            output = network(torch.ones(subject.input_shape))
        assert output.isfinite().all()
        assert subject.key == CALL or output.abs().max() > 1e-6


def test_a_network_is_the_same_each_time_and_leaves_the_global_generator_alone() -> None:
    subject = subjects(SMALL)[-1]
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, second = subject.build().state_dict(), subject.build().state_dict()
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_model_is_tested_on_other_convnets_than_it_is_fitted_to() -> None:
    settings = ProfileSettings(calibration=20, evaluation=20)
    fitted, tested = calibration_architectures(settings), evaluation_architectures(settings)
    assert len({*fitted, *tested}) == 40
    assert evaluation_architectures(ProfileSettings(evaluation=5)) == tested[:5]
