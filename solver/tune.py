"""Every solver as a search algorithm of Ray Tune. The only module of the package that imports ray."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from ray.tune.search import Searcher

from solver.base import Observation, Pending, Problem, Solver


class SolverSearcher(Searcher):
    """Asks a solver for Tune's configurations ``{"lambda", "epochs", "hinge_target_ms"}``.

    The trainable reports ``accuracy`` and ``runtime_ms`` once per epoch: ``training_iteration`` counts the
    epochs. Schedulers such as ASHA may stop it before its last one. A trial that was stopped gives its
    unspent epochs back to the budget and has no outcome: its schedules were made for a longer search, so it
    says nothing about a short one.

    Example::

        tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(search_alg=SolverSearcher(Composite(), problem, 400), num_samples=-1),
        )
    """

    def __init__(self, solver: Solver, problem: Problem, budget_epochs: int) -> None:
        super().__init__()
        self.solver = solver
        self.problem = problem
        self.budget_epochs = budget_epochs
        self.history: list[Observation] = []
        self.pending: dict[str, Pending] = {}
        self.spent_epochs = 0

    def set_search_properties(
        self, metric: str | None, mode: str | None, config: dict[str, Any], **_spec: Any
    ) -> bool:
        """Takes note of Tune's metric, which only schedulers use here.

        Raises:
            ValueError: A ``param_space`` was given, although the problem defines what is searched.
        """
        if config:
            raise ValueError(f"the solver defines what is searched; leave param_space empty, got {config}")
        self._metric, self._mode = metric, mode
        return True

    def suggest(  # type: ignore[override]  # Ray documents FINISHED but leaves it out of the annotation
        self, trial_id: str
    ) -> dict[str, Any] | str | None:
        """The next trial's configuration, None to be asked again later, or ``Searcher.FINISHED``."""
        reserved = sum(trial.epochs for trial in self.pending.values())
        remaining = self.budget_epochs - self.spent_epochs - reserved
        suggestion = self.solver.suggest(self.problem, self.history, list(self.pending.values()), remaining)
        if suggestion is None:
            return None if self.pending else Searcher.FINISHED
        number = len(self.history) + len(self.pending)
        self.pending[trial_id] = Pending(
            number, suggestion.lambda_, suggestion.epochs, suggestion.hinge_target_ms
        )
        return {
            "lambda": suggestion.lambda_,
            "epochs": suggestion.epochs,
            "hinge_target_ms": suggestion.hinge_target_ms,
        }

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Records the outcome of a trial that ran all of its epochs, and that it ended otherwise.

        Raises:
            KeyError: The trainable reported no ``accuracy`` or no ``runtime_ms``.
        """
        trial = self.pending.pop(trial_id)
        epochs_done = 0 if result is None else int(result.get("training_iteration", 0))
        self.spent_epochs += min(epochs_done, trial.epochs)
        accuracy, runtime_ms = None, None
        if result is not None and not error and epochs_done >= trial.epochs:
            accuracy, runtime_ms = float(result["accuracy"]), float(result["runtime_ms"])
        self.history.append(
            Observation(
                trial.number, trial.lambda_, trial.epochs, accuracy, runtime_ms, trial.hinge_target_ms
            )
        )

    def save(self, checkpoint_path: str) -> None:
        """Writes the trials so far as JSON; solver and problem come from the constructor."""
        state = {
            "history": [dataclasses.asdict(trial) for trial in self.history],
            "pending": {key: dataclasses.asdict(trial) for key, trial in self.pending.items()},
            "spent_epochs": self.spent_epochs,
        }
        Path(checkpoint_path).write_text(json.dumps(state))

    def restore(self, checkpoint_path: str) -> None:
        """Reads what :meth:`save` wrote."""
        state = json.loads(Path(checkpoint_path).read_text())
        self.history = [Observation(**trial) for trial in state["history"]]
        self.pending = {key: Pending(**trial) for key, trial in state["pending"].items()}
        self.spent_epochs = state["spent_epochs"]
