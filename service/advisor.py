"""What the studies' solvers recommend and expect, worked out in a thread of its own and remembered."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from service.db.store import Store
from service.domain.advice import Advice, Outlook, advise, look_out
from service.domain.errors import BusyError
from service.domain.history import observations, pending
from service.domain.records import StudyRecord
from solver.base import Solver

_MOST_REMEMBERED = 128
_MOST_WAITING = 64

_Question = tuple[object, ...]
"""What an answer depends on: id of the study, how far its trials are, and what was asked."""

_Answer = TypeVar("_Answer")


class Advisor:
    """Asks solvers for recommendations and forecasts, of which a model-based one may take a second.

    One is worked out at a time, so that asking for many does not take the machine from the searches. The
    latest 128 answers are kept; each holds until a further trial of its study has ended.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="advice")
        self._lock = threading.Lock()
        self._answers: OrderedDict[_Question, Future[Any]] = OrderedDict()

    def close(self) -> None:
        """Waits for the answer under way, if any, and drops the others."""
        self._executor.shutdown(cancel_futures=True)

    def ask(self, study: StudyRecord, target_ms: float) -> Future[Advice | None]:
        """The recommendation for a target, now or later. It need not be one of the study's own.

        The result is None where no trial has ended yet that the solver can go by. The future may raise what
        reading the trials raises: NotFoundError, DatabaseUnavailableError; and what a solver does.

        Raises:
            BusyError: Too many others wait for their answers.
        """
        return self._answer((study.id, _ended(study), target_ms), lambda: self._advise(study, target_ms))

    def outlook(self, study: StudyRecord) -> Future[Outlook]:
        """What the solver expects and would search next, now or later; raises as :meth:`ask` does.

        Raises:
            BusyError: Too many others wait for their answers.
        """
        begun, budget_epochs = sum(study.trial_counts.values()), study.spec.budget_epochs
        question = (study.id, _ended(study), "outlook", begun, budget_epochs)
        return self._answer(question, lambda: self._look_out(study))

    def _answer(self, question: _Question, work: Callable[[], _Answer]) -> Future[_Answer]:
        with self._lock:
            answer = self._answers.get(question)
            if answer is None or _failed(answer):
                self._make_room()
                answer = self._executor.submit(work)
                self._answers[question] = answer
            self._answers.move_to_end(question)
            return answer

    def _make_room(self) -> None:
        """Forgets the answers that were asked for longest ago. Those that are waited for stay."""
        waiting = sum(not answer.done() for answer in self._answers.values())
        if waiting >= _MOST_WAITING:
            raise BusyError(f"{waiting} recommendations are being worked out; ask again in a moment")
        ended = [question for question, answer in self._answers.items() if answer.done()]
        for question in ended[: max(0, len(self._answers) - _MOST_REMEMBERED + 1)]:
            del self._answers[question]

    def _advise(self, study: StudyRecord, target_ms: float) -> Advice | None:
        history = observations(self._store.trials.summaries(study.id))
        return advise(study.spec.solver, study.spec.problem, history, target_ms)

    def _look_out(self, study: StudyRecord) -> Outlook:
        trials = self._store.trials.summaries(study.id)
        spec = study.spec
        return look_out(spec.solver, spec.problem, observations(trials), pending(trials), study.left_epochs)


def _ended(study: StudyRecord) -> int:
    return sum(count for state, count in study.trial_counts.items() if state.is_final)


def has_model(study: StudyRecord) -> bool:
    """Whether the study's solver recommends by a model; any other recommends the best trial."""
    return type(study.spec.solver).recommend is not Solver.recommend


def _failed(answer: Future[Any]) -> bool:
    return answer.done() and (answer.cancelled() or answer.exception() is not None)
