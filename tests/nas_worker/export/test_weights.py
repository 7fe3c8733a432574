from pathlib import Path

import pytest
import torch

from nas_worker.blocks import MBConv
from nas_worker.data import load_dataset
from nas_worker.errors import CheckpointError
from nas_worker.evaluate import accuracy
from nas_worker.export.weights import convnet_of_state, fresh_convnet, inherited_convnet, is_search_checkpoint
from nas_worker.inputs import search_inputs
from nas_worker.job import EpochReport, SearchJob, SearchSettings
from nas_worker.platform import load_platform
from nas_worker.search import run_search
from nas_worker.space import Architecture, MacroArchitecture

MACRO = MacroArchitecture(0.1, 16, 3, 5)
SMALL = Architecture.parse(["5x5-3-0.5", "skip", "skip", "3x3-6-0"] * 5)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> EpochReport:
    """The outcome of a short search, with its checkpoint."""
    job = SearchJob(
        settings=SearchSettings(width=0.1, batch_size=128),
        platform=load_platform("pixel1"),
        lambda_=1.0,
        epochs=1,
        seed=0,
    )
    reports: list[EpochReport] = []
    run_search(job, on_epoch=reports.append, checkpoint_dir=tmp_path_factory.mktemp("search"))
    return reports[-1]


def test_the_exported_network_has_the_accuracy_that_the_search_reported(searched: EpochReport) -> None:
    assert searched.checkpoint
    convnet = inherited_convnet(Path(searched.checkpoint))
    assert convnet.architecture.format() == searched.architecture
    assert convnet.macro == MacroArchitecture(0.1, 8, 1, 10)
    _, validation = search_inputs(load_dataset("digits"), None, None, torch.device("cpu"))
    assert accuracy(convnet, validation) == pytest.approx(searched.accuracy)


def test_any_architecture_inherits_the_supernets_weights(searched: EpochReport) -> None:
    assert searched.checkpoint
    convnet = inherited_convnet(Path(searched.checkpoint), SMALL)
    assert convnet.architecture == SMALL
    assert not convnet.training


def test_fresh_weights_follow_from_the_seed_and_leave_the_global_random_state_alone() -> None:
    before = torch.random.get_rng_state()
    first, again, other = (fresh_convnet(MACRO, SMALL, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    images = torch.randn(3, 3, 16, 16)
    with torch.no_grad():
        logits = first(images)
        assert torch.equal(logits, again(images))
        assert not torch.allclose(logits, other(images))


def test_every_layer_takes_part_in_a_fresh_networks_output() -> None:
    """When a training starts residual blocks are identities, which a check against torch would not see."""
    convnet = fresh_convnet(MACRO, Architecture.parse(["5x5-6-0.5"] * 20), 0)
    images = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        logits = convnet(images)
        for block in convnet.blocks:
            assert isinstance(block, MBConv)
            block.depthwise.weight.neg_()
            assert not torch.allclose(convnet(images), logits, rtol=1e-3, atol=1e-4)
            block.depthwise.weight.neg_()


def test_a_state_dict_is_taken_over(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    convnet = fresh_convnet(MACRO, SMALL, 3)
    torch.save(convnet.state_dict(), file)
    assert not is_search_checkpoint(file)
    images = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(convnet_of_state(file, MACRO, SMALL)(images), convnet(images))
    with pytest.raises(CheckpointError, match=r"weights\.pt holds no weights of this ConvNet: .*Missing key"):
        convnet_of_state(file, MacroArchitecture(0.1, 16, 3, 6), Architecture.parse(["5x5-3-0.5"] * 20))


def test_files_that_hold_no_weights_are_named(tmp_path: Path, searched: EpochReport) -> None:
    with pytest.raises(CheckpointError, match=r"missing\.pt cannot be read: No such file"):
        is_search_checkpoint(tmp_path / "missing.pt")
    file = tmp_path / "list.pt"
    torch.save([1, 2], file)
    with pytest.raises(CheckpointError, match=r"list\.pt holds no weights"):
        convnet_of_state(file, MACRO, SMALL)
    assert searched.checkpoint
    damaged = tmp_path / "damaged.pt"
    damaged.write_bytes(Path(searched.checkpoint).read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="damaged"):
        inherited_convnet(damaged)
