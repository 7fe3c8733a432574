"""Any sequence of calls, compared with a small model of studies and trials."""

from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from service.db.store import Store
from service.domain.errors import ConflictError, InvalidFieldError, LeaseLostError
from service.domain.records import Lease
from service.domain.states import StudyState, TrialState
from solver.base import Suggestion
from solver.reward import reward
from tests.service.db.helpers import new_study
from tests.service.searches import epoch_report

FULL = 4
MAX_CRASHES = 1
RUNTIMES_MS = (60.0, 80.0, 100.0)

trial_indices = st.integers(0, 5)
attempts_back = st.sampled_from([0, 0, 0, 0, 1])  # mostly the current attempt


@dataclass
class ModelTrial:
    id: int
    number: int
    epochs: int
    runtime_ms: float
    state: TrialState = TrialState.QUEUED
    attempt: int = 0
    crashes: int = 0
    done: int = 0

    @property
    def reserved(self) -> int:
        return 0 if self.state.is_final else self.epochs - self.done


@dataclass
class Model:
    state: StudyState = StudyState.PENDING
    budget: int = 12
    trials: list[ModelTrial] = field(default_factory=list)

    @property
    def spent(self) -> int:
        return sum(trial.done for trial in self.trials)

    @property
    def reserved(self) -> int:
        return sum(trial.reserved for trial in self.trials)

    def cancel_queued(self) -> None:
        for trial in self.trials:
            if trial.state is TrialState.QUEUED:
                trial.state = TrialState.CANCELLED


class LifeCycle(RuleBasedStateMachine):
    """One study from its creation on; every call's result and the whole state are predicted."""

    store: ClassVar[Store]

    @initialize()
    def create(self) -> None:
        self.model = Model()
        study = new_study(
            self.store, epochs={"min": 1, "max": FULL}, budget_epochs=self.model.budget, max_parallel_trials=3
        )
        self.study_id, self.revision, self.changed = study.id, study.revision, False
        self.lease = self._acquire("first")

    def _acquire(self, owner: str) -> Lease:
        lease = self.store.dispatch.acquire_lease(owner, 3600)
        assert lease is not None
        return lease

    def _trial(self, index: int, back: int) -> tuple[ModelTrial, int, bool] | None:
        """A trial, the attempt to name, and whether that is the current one."""
        if not self.model.trials:
            return None
        trial = self.model.trials[index % len(self.model.trials)]
        return trial, trial.attempt - back, back == 0

    def _expect(self, actual: object, expected: object, *, changes: bool) -> None:
        assert actual == expected
        self.changed |= changes

    @rule(epochs=st.integers(1, FULL), runtime_ms=st.sampled_from(RUNTIMES_MS))
    def add(self, epochs: int, runtime_ms: float) -> None:
        fits = self.model.spent + self.model.reserved + epochs <= self.model.budget
        trial = self.store.dispatch.add_trial(self.lease, self.study_id, Suggestion(1.0, epochs))
        self._expect(trial is not None, fits and self.model.state.is_active, changes=trial is not None)
        if trial is not None:
            assert trial.number == len(self.model.trials)
            self.model.state = StudyState.RUNNING
            self.model.trials.append(ModelTrial(trial.id, trial.number, epochs, runtime_ms))

    @rule(index=trial_indices, back=attempts_back)
    def start(self, index: int, back: int) -> None:
        if (choice := self._trial(index, back)) is None:
            return
        trial, attempt, current = choice
        legal = current and trial.state is TrialState.QUEUED and self.model.state.is_active
        started = self.store.dispatch.start_trial(self.lease, trial.id, attempt, "worker")
        self._expect(started is not None, legal, changes=legal)
        if legal:
            trial.state, trial.attempt = TrialState.RUNNING, trial.attempt + 1

    @rule(index=trial_indices, back=attempts_back, first=st.integers(1, 3), count=st.integers(1, FULL))
    def record(self, index: int, back: int, first: int, count: int) -> None:
        if (choice := self._trial(index, back)) is None:
            return
        trial, attempt, current = choice
        last = min(first + count - 1, trial.epochs)
        reports = [epoch_report(e, runtime_ms=trial.runtime_ms) for e in range(first, last + 1)]
        legal = current and trial.state is TrialState.RUNNING and first <= trial.done + 1
        new = max(0, last - trial.done) if legal else 0
        recorded = self.store.dispatch.record_epochs(self.lease, trial.id, attempt, reports)
        self._expect(recorded, new, changes=new > 0)
        trial.done += new

    @rule(index=trial_indices, back=attempts_back)
    def complete(self, index: int, back: int) -> None:
        if (choice := self._trial(index, back)) is None:
            return
        trial, attempt, current = choice
        running = current and trial.state is TrialState.RUNNING
        if running and trial.done < trial.epochs:
            with pytest.raises(ValueError, match="cannot complete"):
                self.store.dispatch.complete_trial(self.lease, trial.id, attempt)
            return
        self._expect(
            self.store.dispatch.complete_trial(self.lease, trial.id, attempt), running, changes=running
        )
        if running:
            trial.state = TrialState.COMPLETED

    @rule(index=trial_indices, back=attempts_back, fails=st.booleans())
    def fail_or_cancel(self, index: int, back: int, fails: bool) -> None:
        if (choice := self._trial(index, back)) is None:
            return
        trial, attempt, current = choice
        legal = current and not trial.state.is_final
        if fails:
            done = self.store.dispatch.fail_trial(self.lease, trial.id, attempt, "error")
        else:
            done = self.store.dispatch.cancel_trial(self.lease, trial.id, attempt)
        self._expect(done, legal, changes=legal)
        if legal:
            trial.state = TrialState.FAILED if fails else TrialState.CANCELLED

    @rule(index=trial_indices, back=attempts_back, crashed=st.booleans())
    def requeue(self, index: int, back: int, crashed: bool) -> None:
        if (choice := self._trial(index, back)) is None:
            return
        trial, attempt, current = choice
        expected = None
        if current and trial.state is TrialState.RUNNING:
            trial.crashes += crashed
            expected = TrialState.QUEUED
            if self.model.state.is_final:
                expected = TrialState.CANCELLED
            elif crashed and trial.crashes > MAX_CRASHES:
                expected = TrialState.FAILED
            trial.state = expected
        actual = self.store.dispatch.requeue_trial(
            self.lease, trial.id, attempt, crashed=crashed, max_crashes=MAX_CRASHES
        )
        self._expect(actual, expected, changes=expected is not None)

    @rule(action=st.sampled_from(["pause", "resume", "cancel"]))
    def user(self, action: str) -> None:
        before = self.model.state
        after = {
            "pause": StudyState.PAUSED,
            "resume": StudyState.RUNNING if self.model.trials else StudyState.PENDING,
            "cancel": StudyState.CANCELLED,
        }[action]
        if action == "resume" and before.is_active:
            after = before
        call = getattr(self.store.studies, action)
        if before.is_final and before is not after:
            with pytest.raises(ConflictError):
                call(self.study_id)
            return
        self._expect(call(self.study_id).state, after, changes=before is not after)
        self.model.state = after
        if action == "cancel" and before is not after:
            self.model.cancel_queued()

    @rule(budget=st.integers(FULL, 24))
    def change_budget(self, budget: int) -> None:
        before = self.model.budget
        if budget != before and budget < self.model.spent + self.model.reserved:
            with pytest.raises(InvalidFieldError, match="budget_epochs"):
                self.store.studies.update(self.study_id, changes={"budget_epochs": budget})
            return
        self.store.studies.update(self.study_id, changes={"budget_epochs": budget})
        self.changed |= budget != before
        self.model.budget = budget
        if budget > before and self.model.state is StudyState.COMPLETED:
            self.model.state = StudyState.RUNNING

    @rule(state=st.sampled_from([StudyState.COMPLETED, StudyState.FAILED]))
    def finish(self, state: StudyState) -> None:
        unfinished = any(not trial.state.is_final for trial in self.model.trials)
        legal = self.model.state.is_active and not (state is StudyState.COMPLETED and unfinished)
        self._expect(self.store.dispatch.finish_study(self.lease, self.study_id, state), legal, changes=legal)
        if legal:
            self.model.state = state
            self.model.cancel_queued()

    @rule()
    def take_over(self) -> None:
        lost = self.lease
        self.store.dispatch.release_lease(lost)
        self.lease = self._acquire("first" if lost.owner == "second" else "second")
        for trial in self.model.trials[:1]:
            with pytest.raises(LeaseLostError):
                self.store.dispatch.cancel_trial(lost, trial.id, trial.attempt)

    @invariant()
    def the_store_agrees(self) -> None:
        model, study = self.model, self.store.studies.get(self.study_id)
        assert (study.revision > self.revision) == self.changed
        self.revision, self.changed = study.revision, False
        assert study.state is model.state
        assert study.spent_epochs == model.spent == len(self.store.trials.epochs_of_study(self.study_id))
        assert study.reserved_epochs == model.reserved
        assert model.spent + model.reserved <= model.budget
        trials = self.store.trials.history(self.study_id)
        assert [(t.number, t.state, t.attempt, t.crashes, t.epochs_done) for t in trials] == [
            (t.number, t.state, t.attempt, t.crashes, t.done) for t in model.trials
        ]
        for state, count in study.trial_counts.items():
            assert count == sum(trial.state is state for trial in model.trials)
        full = [t for t in model.trials if t.state is TrialState.COMPLETED and t.epochs == FULL]
        rewards = {trial.number: reward(0.9, trial.runtime_ms, 80.0) for trial in full}
        best = None if study.best is None else (study.best.number, study.best.reward)
        expected = max(rewards.items(), key=lambda item: (item[1], -item[0]), default=None)
        assert best == expected

    def teardown(self) -> None:
        if hasattr(self, "lease"):
            self.store.dispatch.release_lease(self.lease)


def test_the_store_behaves_like_the_model(store: Store) -> None:
    class OnThisStore(LifeCycle):
        pass

    OnThisStore.store = store
    run_state_machine_as_test(
        OnThisStore, settings=settings(max_examples=15, stateful_step_count=25, deadline=None)
    )
