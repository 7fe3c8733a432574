"""One stateless question to Dragonfly's Gaussian-process optimiser: data in, next point out.

Dragonfly's ask-tell mode neither refits its model, nor advances its step count, nor knows of pending points,
and its multi-fidelity threshold (BOCA) forgets how it adapted. So each question builds the optimiser anew,
replays the data in the order of the trials and accounts for all of that.
"""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from solver.dragonfly_patch import (
    EuclideanDomain,
    EuclideanFunctionCaller,
    EuclideanGPBandit,
    get_reporter,
    random_numbers,
)

_OPTIONS = {
    "acq": "ei",
    "acq_opt_method": "rand",
    "acq_opt_max_evals": 500,
    "gpb_hp_tune_criterion": "ml",
    "gpb_hp_tune_probs": "1.0",
    "gpb_ml_hp_tune_opt": "rand",
    "hp_tune_max_evals": 200,
    "build_new_model_every": 1,
    "init_capital": None,
    "num_init_evals": 0,
}
"""As good as Dragonfly's defaults on one axis, and asked in under a second instead of a quarter minute."""

_SINGLE_FIDELITY_OPTIONS = {"kernel_type": "matern"}
_MULTI_FIDELITY_OPTIONS = {
    "fidel_kernel_type": "se",
    "domain_kernel_type": "se",
    # The default, 0.01, hardly ever leaves the lowest fidelity once rewards are standardised.
    "boca_thresh_coeff_init": 0.1,
}


@dataclass(frozen=True, slots=True)
class Point:
    """A trial's place: lambda on the unit log scale, and its epochs."""

    unit: float
    epochs: int


@dataclass(frozen=True, slots=True)
class Datum:
    """A point and the reward observed there."""

    point: Point
    reward: float


def ask(
    data: Sequence[Datum],
    believed: Sequence[Point],
    fidelities: tuple[int, int] | None,
    seed: Sequence[int],
) -> Point:
    """Where Dragonfly's expected improvement wants the next trial.

    Args:
        data: Observed rewards in the order of the trials; at least one.
        believed: Trials without an outcome. The model is told its own mean there (kriging believer), so that
            they are not proposed again.
        fidelities: Lowest and full fidelity in epochs, low < full, to choose the epochs by BOCA; None keeps
            to the single fidelity of the data.
        seed: Non-negative integers that fix all random draws.
    """
    with random_numbers(seed), np.errstate(all="ignore"):
        optimiser = _Optimiser(fidelities)
        optimiser.tell_history(_standardised(data))
        if believed:
            optimiser.tell_believed(believed)
        return optimiser.ask(default_epochs=data[0].point.epochs)


def _standardised(data: Sequence[Datum]) -> list[Datum]:
    """Rewards of mean 0 and deviation 1: BOCA's threshold mixes their range with such deviations."""
    rewards = np.array([datum.reward for datum in data])
    scale = float(rewards.std()) or 1.0
    return [Datum(datum.point, (datum.reward - float(rewards.mean())) / scale) for datum in data]


class _EpochsCaller(EuclideanFunctionCaller):  # type: ignore[misc]  # Dragonfly is untyped
    """Offers exactly the whole epochs as candidate fidelities; full fidelity is added by the base class."""

    def _child_get_candidate_fidels(self, *_args: Any, **_options: Any) -> list[npt.NDArray[np.float64]]:
        lowest, full = self.raw_fidel_space.bounds[0]
        epochs = range(int(lowest), int(full))
        return [self.get_normalised_fidel_coords(np.array([float(z)])) for z in epochs]


class _Optimiser:
    """Dragonfly's optimiser in ask-tell mode with its bookkeeping repaired."""

    def __init__(self, fidelities: tuple[int, int] | None) -> None:
        domain = EuclideanDomain([[0.0, 1.0]])
        self._multi = fidelities is not None
        if fidelities is None:
            caller = EuclideanFunctionCaller(None, domain)
        else:
            caller = _EpochsCaller(
                None,
                domain,
                raw_fidel_space=EuclideanDomain([list(map(float, fidelities))]),
                fidel_cost_func=lambda epochs: float(np.ravel(epochs)[0]),
                raw_fidel_to_opt=np.array([float(fidelities[1])]),
            )
        own = _MULTI_FIDELITY_OPTIONS if self._multi else _SINGLE_FIDELITY_OPTIONS
        self._caller = caller
        self._bandit = EuclideanGPBandit(
            caller,
            is_mf=self._multi,
            ask_tell_mode=True,
            options=Namespace(**_OPTIONS, **own),
            reporter=get_reporter("silent"),
        )
        self._bandit.num_workers = 1
        self._bandit.initialise()

    def tell_history(self, data: Sequence[Datum]) -> None:
        """Replays observed rewards."""
        for datum in data:
            self._tell(datum)
            if self._multi:
                self._adapt_threshold()
        if not np.isfinite(self._bandit.curr_opt_val):  # nothing at full fidelity yet
            self._bandit.curr_opt_val = max(datum.reward for datum in data)

    def tell_believed(self, points: Sequence[Point]) -> None:
        """Tells the model's own mean at points whose outcome is not known."""
        self._bandit._set_next_gp()
        believed = [Datum(point, self._mean(point)) for point in points]
        for datum in believed:
            self._tell(datum)

    def ask(self, default_epochs: int) -> Point:
        """The next point."""
        answer = self._bandit.ask()
        if not self._multi:
            return Point(_unit(answer), default_epochs)
        fidelity, coordinates = answer
        return Point(_unit(coordinates), round(float(np.ravel(fidelity)[0])))

    def _tell(self, datum: Datum) -> None:
        coordinates = np.array([datum.point.unit])
        fidelity = np.array([float(datum.point.epochs)])
        self._bandit.tell(
            [(fidelity, coordinates, datum.reward) if self._multi else (coordinates, datum.reward)]
        )
        self._bandit.step_idx += 1

    def _mean(self, point: Point) -> float:
        """Posterior mean of the reward at a point."""
        coordinates = self._caller.get_normalised_domain_coords(np.array([point.unit]))
        if not self._multi:
            return float(np.ravel(self._bandit.gp.eval([coordinates])[0])[0])
        fidelity = self._caller.get_normalised_fidel_coords(np.array([float(point.epochs)]))
        return float(np.ravel(self._bandit.gp.eval_at_fidel([fidelity], [coordinates])[0])[0])

    def _adapt_threshold(self) -> None:
        """BOCA's adaptation after a query, which a fresh optimiser has not gone through."""
        options, parameters = self._bandit.options, self._bandit.mf_params_for_anc_data
        window = self._bandit.history.query_at_fidel_to_opts[-options.boca_thresh_window_length :]
        share = sum(window) / options.boca_thresh_window_length
        if share <= options.target_fidel_to_opt_query_frac_min:
            parameters["boca_thresh_coeff"] *= options.boca_thresh_multiplier
        elif share >= options.target_fidel_to_opt_query_frac_max:
            parameters["boca_thresh_coeff"] /= options.boca_thresh_multiplier


def _unit(coordinates: npt.ArrayLike) -> float:
    return float(np.clip(np.ravel(coordinates)[0], 0.0, 1.0))
