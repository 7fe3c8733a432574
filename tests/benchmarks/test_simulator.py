import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks._families import FAMILIES, member
from benchmarks._landscape import Landscape
from benchmarks._simulator import Moment, Replay, replay
from benchmarks._table import recorded
from solver.random_search import Random
from solver.space import from_unit

families = pytest.mark.parametrize("family", sorted(FAMILIES))


@families
def test_member_depends_on_its_seed_alone(family: str) -> None:
    assert member(family, 3).search(1.0, 4, 9) == member(family, 3).search(1.0, 4, 9)
    assert member(family, 3).problem.targets_ms != member(family, 4).problem.targets_ms


@families
def test_seeds_of_searches_are_noise_around_a_fall_of_the_runtime(family: str) -> None:
    landscape = member(family, 1)
    low, high = landscape.problem.lambda_low, landscape.problem.lambda_high
    ends = [[landscape.search(lambda_, 8, seed)[1] for seed in range(40)] for lambda_ in (low, high)]
    assert np.mean(ends[0]) > 1.2 * np.mean(ends[1])
    assert len(set(ends[0])) > 1


@families
def test_regret_is_none_at_the_best_lambda_only(family: str) -> None:
    landscape = member(family, 2)
    units, rewards = landscape.expected_rewards
    assert landscape.regret(from_unit(landscape.problem, units[rewards.argmax()])) < 1e-3
    assert landscape.regret(from_unit(landscape.problem, units[rewards.argmin()])) > 0.01
    assert landscape.good_share < 0.12


@families
def test_hinged_search_lands_within_its_aim_whatever_lambda(family: str) -> None:
    landscape = member(family, 1)
    low, high = landscape.problem.lambda_low, landscape.problem.lambda_high
    slowest, fastest = (landscape.search(lambda_, 8, 5)[1] for lambda_ in (low, high))
    aim_ms = (slowest * fastest) ** 0.5
    assert 0.85 * aim_ms < landscape.search(high, 8, 5, aim_ms)[1] <= aim_ms
    assert landscape.search(low, 8, 5, aim_ms) == landscape.search(high, 8, 5, aim_ms)
    assert landscape.search(high, 8, 5, fastest / 2) == landscape.search(high, 8, 5)


def test_expected_reward_is_that_of_many_searches() -> None:
    landscape = member("gates", 0)
    target_ms = landscape.problem.targets_ms[0]
    found = [landscape.search(1.0, 8, seed) for seed in range(2000)]
    mean = np.mean([accuracy * min(1, target_ms / runtime_ms) for accuracy, runtime_ms in found])
    _, rewards = landscape.expected_rewards
    assert landscape.regret(1.0) == pytest.approx(1 - mean / rewards.max(), abs=0.01)


@pytest.mark.parametrize("workers", [1, 4])
def test_study_spends_its_budget_and_no_more(workers: int) -> None:
    run = replay(Random(), member("sigmoid", 0), 83, workers)
    assert [moment.spent_epochs for moment in run.moments] == list(range(8, 81, 8))


def test_workers_shorten_the_clock_and_nothing_else() -> None:
    alone, four = (replay(Random(), member("sigmoid", 0), 80, workers) for workers in (1, 4))
    assert four.moments[-1].clock < 0.4 * alone.moments[-1].clock
    assert four.moments[-1].spent_epochs == alone.moments[-1].spent_epochs


def test_replay_is_the_same_each_time() -> None:
    first, second = (replay(Random(), member("gates", 5), 64, 3) for _ in range(2))
    assert first.moments == second.moments


def test_figures_of_a_replay() -> None:
    regrets = [1.0, 0.005, 0.03, 0.008, 0.002]
    run = Replay(tuple(Moment(8.0 * i, 8 * i, regret) for i, regret in enumerate(regrets, 1)), ())
    assert run.epochs_until(0.01) == 16
    assert run.epochs_until_settled(0.01) == 32
    assert [run.regret_at(epochs) for epochs in (7, 16, 31, 400)] == [1.0, 0.005, 0.03, 0.002]
    never = Replay(run.moments[:1], ())
    assert np.isinf([never.epochs_until(0.01), never.epochs_until_settled(0.01)]).all()


class TestTable:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        rows = [
            {"lambda": lambda_, "epochs": epochs, "seed": seed, "hinge_target_ms": hinge,
             "accuracy": 0.9 + 0.01 * seed, "runtime_ms": 100 / lambda_ * (8 / epochs) + seed}
            for lambda_ in (0.5, 1.0, 2.0)
            for epochs in (2, 8)
            for seed in (0, 1)
            for hinge in (None, 80.0)
        ]  # fmt: skip
        path = tmp_path / "table.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in [{"settings": {}}, *rows]))
        return path

    @pytest.fixture
    def landscape(self, path: Path) -> Landscape:
        return recorded(path, 0)

    def test_problem_is_what_was_recorded(self, landscape: Landscape) -> None:
        problem = landscape.problem
        assert (problem.lambda_low, problem.lambda_high) == (0.5, 2.0)
        assert (problem.epochs_min, problem.epochs_max) == (2, 8)
        assert 50 < problem.targets_ms[0] < 201

    def test_recorded_searches_come_back(self, landscape: Landscape) -> None:
        found = {landscape.search(1.0, 8, seed) for seed in range(20)}
        assert sorted(found) == [pytest.approx((0.9, 100)), pytest.approx((0.91, 101))]

    def test_between_them_it_interpolates(self, landscape: Landscape) -> None:
        _, runtime_ms = landscape.search(2**0.5, 8, 0)
        assert 100 / 2**0.5 - 0.1 < runtime_ms < 101 / 2**0.5 + 1
        _, halfway_ms = landscape.search(1.0, 4, 0)
        assert 199 < halfway_ms < 202

    def test_too_few_searches_are_refused(self, path: Path) -> None:
        path.write_text(path.read_text().splitlines()[0])
        with pytest.raises(ValueError, match="must hold 3 lambdas"):
            recorded(path, 0)
