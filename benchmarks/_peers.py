"""Tuners of others behind the interface of a solver. They choose lambda at full fidelity on a log scale.

Objects remember the study that they tune and are used for one only. They recommend the best trial seen. They
begin with as many random trials as our solvers on Dragonfly do, which is fewer than their default.
"""

import math
import tempfile
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna

from solver.base import Observation, Pending, Problem, Recommendation, Suggestion, best_trial
from solver.history import mean_reward

_INITIAL_TRIALS = 5


class Peer(ABC):
    """A tuner that is asked for a lambda and told a reward."""

    def __init__(self) -> None:
        self._asked: dict[int, Any] = {}
        self._started = False

    @abstractmethod
    def _start(self, problem: Problem) -> None:
        """Sets the study up."""

    @abstractmethod
    def _ask(self) -> tuple[float, Any]:
        """A lambda, and what :meth:`_tell` knows the trial by."""

    @abstractmethod
    def _tell(self, trial: Any, reward: float) -> None:
        """Takes note of a trial that ended."""

    def suggest(
        self,
        problem: Problem,
        history: Sequence[Observation],
        pending: Sequence[Pending],
        remaining_epochs: int,
    ) -> Suggestion | None:
        """See :meth:`solver.base.Solver.suggest`."""
        if remaining_epochs < problem.epochs_max:
            return None
        if not self._started:
            self._start(problem)
            self._started = True
        for ended in history:
            if ended.number in self._asked:
                self._tell(self._asked.pop(ended.number), mean_reward(problem, ended))
        lambda_, trial = self._ask()
        self._asked[len(history) + len(pending)] = trial
        lambda_ = min(max(lambda_, problem.lambda_low), problem.lambda_high)
        return Suggestion(lambda_, problem.epochs_max)

    def recommend(self, problem: Problem, history: Sequence[Observation]) -> Recommendation | None:
        """The best trial seen."""
        best = best_trial(problem, history, problem.targets_ms[0])
        if best is None:
            return None
        return Recommendation(problem.targets_ms[0], best[0].lambda_, best[1], best[0].number)


class OptunaPeer(Peer):
    """Optuna with a sampler made from the study's seed."""

    def __init__(self, make_sampler: Callable[[int], optuna.samplers.BaseSampler]) -> None:
        super().__init__()
        self._make_sampler = make_sampler

    def _start(self, problem: Problem) -> None:
        self._range = problem.lambda_low, problem.lambda_high
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._study = optuna.create_study(direction="maximize", sampler=self._make_sampler(problem.seed))

    def _ask(self) -> tuple[float, Any]:
        trial = self._study.ask()
        return trial.suggest_float("lambda", *self._range, log=True), trial

    def _tell(self, trial: Any, reward: float) -> None:
        self._study.tell(trial, reward)


class SmacPeer(Peer):
    """SMAC's Gaussian-process facade, meant for few continuous parameters and costly trials."""

    def _start(self, problem: Problem) -> None:
        from ConfigSpace import ConfigurationSpace, Float  # noqa: PLC0415 - slow to import, and only here
        from smac import BlackBoxFacade, Scenario  # noqa: PLC0415 - likewise

        space = ConfigurationSpace(seed=problem.seed)
        # The logarithm keeps rounding from leaving the range.
        space.add(Float("log_lambda", (math.log(problem.lambda_low), math.log(problem.lambda_high))))
        self._folder = tempfile.TemporaryDirectory()
        scenario = Scenario(
            space,
            deterministic=True,
            n_trials=1000,
            seed=problem.seed,
            output_directory=Path(self._folder.name),
        )
        self._smac = BlackBoxFacade(
            scenario,
            _never_called,
            initial_design=BlackBoxFacade.get_initial_design(scenario, n_configs=_INITIAL_TRIALS),
            logging_level=False,
        )

    def _ask(self) -> tuple[float, Any]:
        trial = self._smac.ask()
        return math.exp(float(trial.config["log_lambda"])), trial

    def _tell(self, trial: Any, reward: float) -> None:
        from smac.runhistory.dataclasses import TrialValue  # noqa: PLC0415 - likewise

        self._smac.tell(trial, TrialValue(cost=-reward))


def _never_called(_config: Any, seed: int = 0) -> float:
    raise RuntimeError(f"SMAC is asked and told, yet it ran a trial with seed {seed}")


def _gp_sampler(seed: int) -> optuna.samplers.BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.GPSampler(seed=seed, n_startup_trials=_INITIAL_TRIALS)


PEERS: dict[str, Callable[[], Peer]] = {
    "optuna_tpe": lambda: OptunaPeer(
        lambda seed: optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=_INITIAL_TRIALS, constant_liar=True
        )
    ),
    "optuna_gp": lambda: OptunaPeer(_gp_sampler),
    "smac": SmacPeer,
}
"""By the name that the benchmark prints; TPE with its remedy for parallel trials."""
