"""Asks solvers for trials, away from the dispatcher's loop: a suggestion may take a second."""

import logging
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import NamedTuple

from nas_worker.versions import software_versions
from service.db.store import Store
from service.dispatch.provenances import Provenances
from service.dispatch.timings import Timings
from service.domain.errors import DatabaseUnavailableError
from service.domain.history import observations, pending
from service.domain.provenance import Provenance
from service.domain.records import Lease, StudyRecord
from service.domain.states import StudyState, TrialState
from solver.base import Suggestion

_LOG = logging.getLogger(__name__)


class _Situation(NamedTuple):
    """What a solver's answer depends on; while it stays the same, so does the answer."""

    trials: int
    finished: int
    budget_epochs: int

    @classmethod
    def of(cls, study: StudyRecord) -> "_Situation":
        counts = study.trial_counts
        finished = sum(count for state, count in counts.items() if state.is_final)
        return cls(sum(counts.values()), finished, study.spec.budget_epochs)

    @property
    def unfinished(self) -> int:
        return self.trials - self.finished


class _Proposal(NamedTuple):
    """A trial, and what it would be run with."""

    suggestion: Suggestion
    provenance: Provenance


class _Question(NamedTuple):
    situation: _Situation
    answer: Future[_Proposal | None]

    @property
    def has_no_proposal(self) -> bool:
        """Whether the solver has answered that there is nothing to try."""
        return self.answer.done() and self.answer.exception() is None and self.answer.result() is None


class Planner:
    """Turns free slots of studies into queued trials, and ends studies that have nothing left to try."""

    def __init__(self, store: Store, max_failures_in_a_row: int, timings: Timings) -> None:
        self._store = store
        self._timings = timings
        self._max_failures = max_failures_in_a_row
        self._provenances = Provenances(store)
        # One thread: Dragonfly draws from numpy's global generator.
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="solver")
        self._asked: dict[str, _Question] = {}

    def close(self) -> None:
        """Waits for the suggestion under way, if any, and drops the others."""
        self._executor.shutdown(cancel_futures=True)

    def step(self, lease: Lease, studies: Sequence[StudyRecord]) -> bool:
        """Asks for suggestions and stores those that have come.

        Returns:
            Whether a trial was queued or a study ended, so that it is worth looking again at once.

        Raises:
            LeaseLostError: Another dispatcher has taken over.
        """
        for study_id in self._asked.keys() - {study.id for study in studies}:
            self._asked.pop(study_id).answer.cancel()
        changes = [self._advance(lease, study) for study in studies]
        return any(changes)

    def wait(self, seconds: float) -> bool:
        """Waits for a suggestion under way, so that a worker that is free need not wait for the next look.

        Returns:
            Whether there was any; if not, it has not waited.
        """
        under_way = [asked.answer for asked in self._asked.values() if not asked.has_no_proposal]
        if under_way:
            wait(under_way, seconds, return_when=FIRST_COMPLETED)
        return bool(under_way)

    def _advance(self, lease: Lease, study: StudyRecord) -> bool:
        situation = _Situation.of(study)
        question = self._asked.get(study.id)
        if question is None:
            if situation.unfinished < study.spec.max_parallel_trials:
                answer = self._executor.submit(self._suggest, study)
                self._asked[study.id] = _Question(situation, answer)
            return False
        if not question.answer.done():
            return False
        if question.has_no_proposal:
            return self._nothing_proposed(lease, study, question.situation)
        del self._asked[study.id]
        return self._take_answer(lease, study, question)

    def _nothing_proposed(self, lease: Lease, study: StudyRecord, asked_in: _Situation) -> bool:
        """Ends the study, unless a trial that still runs or has ended since may change the answer."""
        situation = _Situation.of(study)
        if situation == asked_in and situation.unfinished > 0:
            return False
        del self._asked[study.id]
        if situation != asked_in:
            return True
        # A budget that was raised in this very moment is asked about anew.
        return self._store.dispatch.finish_study(
            lease, study.id, StudyState.COMPLETED, if_budget_epochs=asked_in.budget_epochs
        )

    def _suggest(self, study: StudyRecord) -> _Proposal | None:
        trials = self._store.trials.summaries(study.id)
        solver = study.spec.solver
        with self._timings.suggestion_seconds.labels(solver.kind).time():
            suggestion = solver.suggest(
                study.spec.problem, observations(trials), pending(trials), study.left_epochs
            )
        return None if suggestion is None else _Proposal(suggestion, self._provenances.of(study))

    def _take_answer(self, lease: Lease, study: StudyRecord, question: _Question) -> bool:
        answer = question.answer
        dispatch = self._store.dispatch
        error = answer.exception()
        if isinstance(error, DatabaseUnavailableError):
            return False  # not the solver's fault; it is asked anew
        if error is not None:
            _LOG.error("solver failed", exc_info=error, extra={"study": study.id})
            reason = f"the solver {study.spec.solver.kind} failed: {type(error).__name__}: {error}"
            return dispatch.finish_study(lease, study.id, StudyState.FAILED, reason)
        if (reason_to_stop := self._too_many_failures(study)) is not None:
            return dispatch.finish_study(lease, study.id, StudyState.FAILED, reason_to_stop)
        proposal = answer.result()
        assert proposal is not None
        suggestion = proposal.suggestion
        try:
            if question.situation == _Situation.of(study) and suggestion.epochs > study.left_epochs:
                raise ValueError(f"{suggestion.epochs} epochs, but only {study.left_epochs} are left")
            return dispatch.add_trial(lease, study.id, *proposal, software_versions()) is not None
        except ValueError as exc:
            reason = f"the solver {study.spec.solver.kind} proposed what the study does not allow: {exc}"
            return dispatch.finish_study(lease, study.id, StudyState.FAILED, reason)

    def _too_many_failures(self, study: StudyRecord) -> str | None:
        """Why the study must end, if its last trials all failed: their cause would cost it the budget."""
        if study.trial_counts[TrialState.FAILED] < self._max_failures:
            return None
        ended = [t for t in self._store.trials.history(study.id) if t.finished_at is not None]
        ended.sort(key=lambda t: (t.finished_at, t.number))
        last = ended[-self._max_failures :]
        if any(t.state is not TrialState.FAILED for t in last):
            return None
        return f"the last {self._max_failures} trials all failed; trial {last[-1].number}: {last[-1].error}"
