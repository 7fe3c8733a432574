"""What the studies' solvers recommend, worked out in a thread of its own and remembered."""

import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor

from service.db.store import Store
from service.domain.history import observations
from service.domain.records import StudyRecord
from solver.base import Recommendation, Solver

_MOST_REMEMBERED = 128

Advice = tuple[Recommendation, ...]
"""A recommendation for each target asked about; none where there is no trial yet that the solver can go by."""

_Question = tuple[str, int, tuple[float, ...]]


class Advisor:
    """Asks solvers for recommendations, of which a model-based one takes up to a second.

    One is worked out at a time, so that asking for many does not take the machine from the searches. An
    answer is kept until a further trial of its study has ended, and among the latest 128.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="advice")
        self._lock = threading.Lock()
        self._answers: OrderedDict[_Question, Future[Advice]] = OrderedDict()

    def close(self) -> None:
        """Waits for the recommendation under way, if any, and drops the others."""
        self._executor.shutdown(cancel_futures=True)

    def ask(self, study: StudyRecord, targets_ms: tuple[float, ...]) -> Future[Advice]:
        """The recommendations for some targets, now or later. They need not be the study's own.

        The future may raise what reading the trials raises: NotFoundError, DatabaseUnavailableError.
        """
        ended = sum(count for state, count in study.trial_counts.items() if state.is_final)
        question = (study.id, ended, targets_ms)
        with self._lock:
            answer = self._answers.get(question)
            if answer is None or _failed(answer):
                answer = self._executor.submit(self._recommend, study, targets_ms)
                self._answers[question] = answer
            self._answers.move_to_end(question)
            while len(self._answers) > _MOST_REMEMBERED:
                self._answers.popitem(last=False)
            return answer

    def _recommend(self, study: StudyRecord, targets_ms: tuple[float, ...]) -> Advice:
        history = observations(self._store.trials.history(study.id))
        solver, problem = study.spec.solver, study.spec.problem
        found = (solver.recommend(problem, history, target) for target in targets_ms)
        return tuple(each for each in found if each is not None)


def has_model(study: StudyRecord) -> bool:
    """Whether the study's solver recommends by a model; any other recommends the best trial."""
    return type(study.spec.solver).recommend is not Solver.recommend


def _failed(answer: Future[Advice]) -> bool:
    return answer.done() and (answer.cancelled() or answer.exception() is not None)
