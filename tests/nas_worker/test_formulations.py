"""Every formulation is a search like any other: this suite takes up new ones by itself."""

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from nas_worker.checkpoint import read_checkpoint
from nas_worker.errors import CheckpointError, DivergedError, SearchError
from nas_worker.export.weights import inherited_convnet
from nas_worker.formulations import formulation, new_search
from nas_worker.formulations.base import Formulation
from nas_worker.job import THRESHOLD_FORMULATIONS, EpochReport, FormulationName, SearchJob
from nas_worker.platform import load_platform
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.search import run_search
from nas_worker.search_data import load_search_data
from nas_worker.space import GATES, N_SEARCHABLE, SEARCHABLE, Architecture, is_skippable
from nas_worker.superkernel import architecture_gates, gated_architecture
from tests.nas_worker.jobs import comparable, small_job

NAMES: tuple[FormulationName, ...] = get_args(FormulationName)
PIXEL1 = load_platform("pixel1")
WINDOW_MS = (60.0, 100.0)
EPOCHS = 2


def job_of(
    name: FormulationName, lambda_: float = 1.0, *, seed: int = 0, epochs: int = EPOCHS, **settings: Any
) -> SearchJob:
    """One step an epoch with several paths, which take long; two of the other with two levels; else four."""
    own: dict[str, Any] = {"max_train_images": 16} if name.startswith("multi_path") else {}
    if name == "random_rejection":
        own = {"runtime_window_ms": WINDOW_MS, "candidate_epochs": 1}
    chosen = {"width": 0.05, "formulation": name, **own, **settings}
    return small_job(lambda_, epochs, seed, **chosen)


def run(job: SearchJob, **options: Any) -> list[EpochReport]:
    reports: list[EpochReport] = []
    assert run_search(job, on_epoch=reports.append, **options)
    return reports


Unbroken = tuple[FormulationName, list[EpochReport]]


@pytest.fixture(scope="module", params=NAMES)
def unbroken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    name: FormulationName = request.param
    return name, run(job_of(name), checkpoint_dir=tmp_path_factory.mktemp(name))


def assert_same(one: Any, other: Any) -> None:
    """Bit-equal, whatever is nested in them."""
    if isinstance(one, torch.Tensor):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert_same(value, other[key])
    else:
        assert one == other


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_name_modules(name: FormulationName) -> None:
    assert isinstance(formulation(name), Formulation)


def test_reports_are_those_of_a_search(unbroken: Unbroken) -> None:
    _, reports = unbroken
    assert [report.epoch for report in reports] == list(range(1, EPOCHS + 1))
    for report in reports:
        assert report.runtime_ms == architecture_runtime_ms(PIXEL1, Architecture.parse(report.architecture))
        assert 0 <= report.accuracy <= 1
        assert 0 < report.cross_entropy < 10


def test_gate_margins_tell_what_was_decided(unbroken: Unbroken) -> None:
    name, reports = unbroken
    for report in reports:
        if name == "random_rejection":
            assert report.gate_margins is None
            continue
        assert report.gate_margins is not None
        margins, architecture = torch.tensor(report.gate_margins), Architecture.parse(report.architecture)
        assert margins.shape == (N_SEARCHABLE, len(GATES))
        if name in THRESHOLD_FORMULATIONS:
            decided = margins > 0
            decided[:, GATES.index("e3")] |= torch.tensor([not is_skippable(layer) for layer in SEARCHABLE])
            assert gated_architecture(decided.float()) == architecture
        else:
            assert margins.abs().max() <= 0.5
            gates = architecture_gates(architecture)
            assert margins[gates == 1].mean() > margins[gates == 0].mean()


def test_a_fixed_architecture_leaves_no_gates_to_decide() -> None:
    reports = run(replace(job_of("single_path_sigmoid"), hinge_target_ms=80.0))
    assert reports[0].gate_margins is not None  # in the warm-up
    assert reports[-1].gate_margins is None


def test_the_same_job_gives_the_same_reports_and_another_seed_others(unbroken: Unbroken) -> None:
    name, reports = unbroken
    state = torch.get_rng_state()
    assert comparable(run(job_of(name))) == comparable(reports)
    assert torch.equal(torch.get_rng_state(), state)
    assert new_search(job_of(name, seed=1)).train(1, lambda: False) != reports[0].cross_entropy


def test_a_resumed_search_ends_bit_equal(unbroken: Unbroken, tmp_path: Path) -> None:
    name, reports = unbroken
    resumed = run(job_of(name), resume_from=reports[0].checkpoint, checkpoint_dir=tmp_path)
    assert comparable(resumed) == comparable(reports[1:])
    ends = [read_checkpoint(Path(str(each[-1].checkpoint)))["state"] for each in (reports, resumed)]
    assert_same(*ends)


def test_a_checkpoint_of_another_formulation_is_refused(unbroken: Unbroken) -> None:
    name, reports = unbroken
    other = NAMES[NAMES.index(name) - 1]
    with pytest.raises(CheckpointError, match="another search: settings is"):
        run(job_of(other), resume_from=reports[0].checkpoint)


@pytest.mark.parametrize("name", NAMES)
def test_a_stop_is_heard_within_a_step(name: FormulationName) -> None:
    asked: list[int] = []

    def stop_at_the_second() -> bool:
        asked.append(1)
        return len(asked) == 2

    job = job_of(name, max_train_images=32)
    assert not run_search(job, on_epoch=lambda _: pytest.fail("no"), should_stop=stop_at_the_second)
    assert len(asked) == 2


@pytest.mark.parametrize("done", [1, EPOCHS])
def test_a_checkpoint_gives_the_network_whose_accuracy_was_reported(unbroken: Unbroken, done: int) -> None:
    name, reports = unbroken
    report = reports[done - 1]
    convnet = inherited_convnet(Path(str(report.checkpoint)))
    assert convnet.architecture.format() == report.architecture
    validation = load_search_data(job_of(name).settings).validation
    everything = next(validation.in_order(len(validation)))
    with torch.no_grad():
        hits = convnet(everything.images).argmax(1) == everything.labels
    assert float(hits.float().mean()) == pytest.approx(report.accuracy, abs=2 / len(hits))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "random_rejection"])
def test_a_large_lambda_gives_a_fast_network(name: FormulationName) -> None:
    low, high = (
        run(job_of(name, lambda_, epochs=1, warm_up=0.0, max_train_images=48)) for lambda_ in (1e-3, 30.0)
    )
    assert high[-1].runtime_ms < 1.7 * PIXEL1.min_ms
    assert high[-1].runtime_ms < 0.8 * low[-1].runtime_ms


def test_lambda_is_nothing_in_the_warm_up(unbroken: Unbroken) -> None:
    name, reports = unbroken
    assert new_search(job_of(name, 50.0)).train(1, lambda: False) == reports[0].cross_entropy


def test_lambda_is_nothing_to_random_search() -> None:
    one, other = (run(job_of("random_rejection", lambda_)) for lambda_ in (0.1, 10.0))
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "random_rejection"])
def test_a_search_that_diverges_says_where(name: FormulationName) -> None:
    with pytest.raises(DivergedError, match="no longer finite"):
        run(job_of(name, 1e300, epochs=1, warm_up=0.0))


@pytest.mark.parametrize("name", NAMES)
def test_unfit_batches_are_refused(name: FormulationName) -> None:
    job = job_of(name, batch_size=33)
    count = job.settings.max_train_images
    assert count is not None
    images = f"{count} training images"
    if name not in (*THRESHOLD_FORMULATIONS, "random_rejection"):
        images = f"{count // 2} training images in a half of the training split"
    with pytest.raises(SearchError, match=f"batch_size is 33, but there are only {images}$"):
        new_search(job)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in THRESHOLD_FORMULATIONS])
def test_landing_needs_thresholds(name: FormulationName) -> None:
    job = job_of(name)
    own = job.settings.model_dump(exclude_unset=True)
    with pytest.raises(SearchError, match=f"needs gates with thresholds: .*, not {name}"):
        new_search(small_job(hinge_target_ms=80.0, **own))


def test_a_hinged_search_with_the_straight_through_estimator_lands() -> None:
    own: dict[str, Any] = {"formulation": "single_path_ste", "threshold_learning_rate": 0.5}
    assert 79 <= run(small_job(1.0, 4, hinge_target_ms=80.0, **own))[-1].runtime_ms <= 80


@pytest.mark.parametrize("name", NAMES)
def test_every_formulation_computes_in_bfloat16_too(name: FormulationName) -> None:
    reports = run(job_of(name, epochs=1, max_train_images=48, warm_up=0.0, precision="bfloat16"))
    assert 0 < reports[0].cross_entropy < 10
