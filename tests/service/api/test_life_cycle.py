"""Any sequence of requests over the lives of several studies, compared with a small model of them.

Requests go to a real service. Trials progress by the dispatcher's part of the store, which stands for the
dispatcher: it is the only other writer.
"""

import itertools
import os
from dataclasses import dataclass, field
from typing import Any, ClassVar

import httpx
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from service.domain.states import StudyState, TrialState
from solver.base import Suggestion
from solver.reward import reward
from tests.service.api.problems import assert_invalid, assert_problem
from tests.service.live import Live
from tests.service.searches import epoch_report, lease

# make fuzz sets more.
EXAMPLES = int(os.environ.get("SPNAS_FUZZ_EXAMPLES", "6"))

FULL = 4
TARGET_MS = 80.0
MANY = 4
budgets = st.integers(FULL, 16)
targets_ms = st.sampled_from([60.0, 100.0])
_examples = itertools.count()


@dataclass
class ModelTrial:
    id: int
    epochs: int
    runtime_ms: float
    state: TrialState = TrialState.QUEUED
    attempt: int = 0
    done: int = 0


@dataclass
class ModelStudy:
    id: str
    target_ms: float
    budget: int
    state: StudyState = StudyState.PENDING
    trials: list[ModelTrial] = field(default_factory=list)
    etag: str = ""
    changed: bool = True

    @property
    def url(self) -> str:
        return f"/v1/studies/{self.id}"

    @property
    def spent(self) -> int:
        return sum(trial.done for trial in self.trials)

    @property
    def reserved(self) -> int:
        return sum(trial.epochs - trial.done for trial in self.trials if not trial.state.is_final)

    @property
    def completed(self) -> list[ModelTrial]:
        return [trial for trial in self.trials if trial.state is TrialState.COMPLETED]

    def first(self, state: TrialState) -> ModelTrial | None:
        return next((trial for trial in self.trials if trial.state is state), None)

    def end(self, state: StudyState) -> None:
        self.state, self.changed = state, True
        for trial in self.trials:
            if trial.state is TrialState.QUEUED:
                trial.state = TrialState.CANCELLED

    def best(self, target_ms: float) -> tuple[int, float] | None:
        """(number, reward) by Eq. 19; the lower number wins a tie."""
        rewards = [
            (number, reward(0.9, trial.runtime_ms, target_ms))
            for number, trial in enumerate(self.trials)
            if trial.state is TrialState.COMPLETED and trial.epochs == FULL
        ]
        return max(rewards, key=lambda found: (found[1], -found[0]), default=None)


class LifeCycle(RuleBasedStateMachine):
    """Studies from their creation to their end; each answer and the whole state are predicted."""

    live: ClassVar[Live]
    studies = Bundle("studies")

    def __init__(self) -> None:
        super().__init__()
        self.tag = f"example-{next(_examples)}"
        self.alive: dict[str, ModelStudy] = {}
        self.keys: dict[str, tuple[ModelStudy, int]] = {}
        self.lease = lease(self.live.store)

    def _adopt(self, answer: httpx.Response, study: ModelStudy) -> ModelStudy:
        assert answer.headers["location"] == study.url
        self.alive[study.id] = study
        return study

    def _create(self, budget: int, headers: dict[str, str]) -> httpx.Response:
        epochs = {"min": 1, "max": FULL}
        body = {"target_runtime_ms": TARGET_MS, "budget_epochs": budget, "epochs": epochs, "tags": [self.tag]}
        return self.live.http.post("/v1/studies", json=body, headers=headers)

    @initialize(target=studies)
    def create_the_first(self) -> ModelStudy:
        return self._new(16)

    @precondition(lambda self: len(self.alive) < MANY)
    @rule(target=studies, budget=budgets)
    def create(self, budget: int) -> ModelStudy:
        return self._new(budget)

    def _new(self, budget: int) -> ModelStudy:
        answer = self._create(budget, {})
        assert answer.status_code == 201
        return self._adopt(answer, ModelStudy(answer.json()["id"], TARGET_MS, budget))

    @rule(name=st.sampled_from(["a", "b"]), budget=st.sampled_from([8, 12]))
    def create_with_a_key(self, name: str, budget: int) -> None:
        """The same key and body give the same study; a deleted study frees its key."""
        answer = self._create(budget, {"idempotency-key": f"{self.tag}-{name}"})
        known = self.keys.get(name)
        if known is None or known[0].id not in self.alive:
            assert answer.status_code == 201
            study = self._adopt(answer, ModelStudy(answer.json()["id"], TARGET_MS, budget))
            self.keys[name] = (study, budget)
        elif known[1] == budget:
            assert (answer.status_code, answer.json()["id"]) == (201, known[0].id)
        else:
            assert_problem(answer, 422, "idempotency-key-reused")

    @rule(study=studies, verb=st.sampled_from(["pause", "resume", "resume", "cancel"]))
    def act(self, study: ModelStudy, verb: str) -> None:
        before = study.state
        after = {
            "pause": StudyState.PAUSED,
            "resume": StudyState.RUNNING if study.trials else StudyState.PENDING,
            "cancel": StudyState.CANCELLED,
        }[verb]
        if verb == "resume" and before.is_active:
            after = before
        answer = self.live.http.post(f"{study.url}:{verb}")
        if study.id not in self.alive:
            assert_problem(answer, 404, "not-found")
        elif before.is_final and before is not after:
            assert_problem(answer, 409, "conflict")
        else:
            assert (answer.status_code, answer.json()["state"]) == (202, after)
            if verb == "cancel" and before is not after:
                study.end(after)
            study.changed |= before is not after
            study.state = after

    @rule(study=studies)
    def delete(self, study: ModelStudy) -> None:
        answer = self.live.http.delete(study.url)
        if study.id not in self.alive:
            assert_problem(answer, 404, "not-found")
        elif study.state.is_active or study.first(TrialState.RUNNING):
            assert_problem(answer, 409, "conflict")
        else:
            assert answer.status_code == 204
            del self.alive[study.id]

    @rule(study=studies, budget=budgets, tag=st.sampled_from(["none", "present", "old"]))
    def change_budget(self, study: ModelStudy, budget: int, tag: str) -> None:
        headers = {"none": {}, "present": {"if-match": study.etag}, "old": {"if-match": '"0"'}}[tag]
        answer = self.live.http.patch(study.url, json={"budget_epochs": budget}, headers=headers)
        if study.id not in self.alive:
            assert_problem(answer, 404, "not-found")
        elif tag == "old":
            assert_problem(answer, 412, "precondition-failed")
        elif budget != study.budget and budget < study.spent + study.reserved:
            assert_invalid(answer, "budget_epochs")
        else:
            assert answer.status_code == 200
            study.changed |= budget != study.budget
            if budget > study.budget and study.state is StudyState.COMPLETED:
                study.state = StudyState.RUNNING
            study.budget = budget

    @rule(target=studies, study=studies, target_ms=targets_ms, budget=st.sampled_from([None, FULL, 8]))
    def retarget(self, study: ModelStudy, target_ms: float, budget: int | None) -> ModelStudy:
        return self._retarget(study, target_ms, budget)

    def _retarget(self, study: ModelStudy, target_ms: float, budget: int | None) -> ModelStudy:
        body = {"target_runtime_ms": target_ms, "budget_epochs": budget}
        answer = self.live.http.post(f"{study.url}:retarget", json=body)
        if study.id not in self.alive:
            assert_problem(answer, 404, "not-found")
            return study
        if not study.completed:
            assert_problem(answer, 409, "conflict")
            return study
        assert answer.status_code == 201
        copies = [
            ModelTrial(0, trial.epochs, trial.runtime_ms, TrialState.COMPLETED, trial.attempt, trial.done)
            for trial in study.completed
        ]
        spent = sum(trial.done for trial in copies)
        return self._adopt(
            answer,
            ModelStudy(
                answer.json()["id"],
                target_ms,
                max(spent + (budget or 0), FULL),
                StudyState.COMPLETED if budget is None else StudyState.PENDING,
                copies,
            ),
        )

    @rule(study=studies, epochs=st.sampled_from([1, FULL, FULL]), runtime_ms=st.sampled_from([58.0, 79.0]))
    def the_solver_proposes(self, study: ModelStudy, epochs: int, runtime_ms: float) -> None:
        trial = self.live.store.dispatch.add_trial(self.lease, study.id, Suggestion(1.0, epochs))
        fits = study.spent + study.reserved + epochs <= study.budget
        assert (trial is not None) == (study.id in self.alive and study.state.is_active and fits)
        if trial is not None:
            assert trial.number == len(study.trials)
            study.trials.append(ModelTrial(trial.id, epochs, runtime_ms))
            study.state, study.changed = StudyState.RUNNING, True

    @rule(study=studies)
    def a_worker_starts(self, study: ModelStudy) -> None:
        trial = study.first(TrialState.QUEUED)
        if trial is None:
            return
        started = self.live.store.dispatch.start_trial(self.lease, trial.id, trial.attempt, "worker")
        assert (started is not None) == (study.id in self.alive and study.state.is_active)
        if started is not None:
            trial.state, trial.attempt, study.changed = TrialState.RUNNING, trial.attempt + 1, True

    @rule(study=studies, count=st.sampled_from([1, FULL, FULL]))
    def a_worker_reports(self, study: ModelStudy, count: int) -> None:
        """Epochs; after the last one the trial is complete."""
        trial = study.first(TrialState.RUNNING)
        if trial is None:
            return
        dispatch = self.live.store.dispatch
        last = min(trial.done + count, trial.epochs)
        reports = [epoch_report(e, runtime_ms=trial.runtime_ms) for e in range(trial.done + 1, last + 1)]
        assert dispatch.record_epochs(self.lease, trial.id, trial.attempt, reports) == len(reports)
        trial.done, study.changed = last, True
        if last == trial.epochs:
            assert dispatch.complete_trial(self.lease, trial.id, trial.attempt)
            trial.state = TrialState.COMPLETED

    @rule(study=studies, how=st.sampled_from(["fails", "stops", "is lost"]))
    def a_worker_ends(self, study: ModelStudy, how: str) -> None:
        trial = study.first(TrialState.RUNNING)
        if trial is None:
            return
        dispatch = self.live.store.dispatch
        study.changed = True
        if how == "fails":
            assert dispatch.fail_trial(self.lease, trial.id, trial.attempt, "the loss is not finite")
            trial.state = TrialState.FAILED
            return
        trial.state = TrialState.CANCELLED if study.state.is_final else TrialState.QUEUED
        crashed = how == "is lost"
        requeued = dispatch.requeue_trial(
            self.lease, trial.id, trial.attempt, crashed=crashed, max_crashes=1_000
        )
        assert requeued is trial.state

    @rule(study=studies, state=st.sampled_from([StudyState.COMPLETED, StudyState.FAILED]))
    def the_dispatcher_ends_it(self, study: ModelStudy, state: StudyState) -> None:
        is_busy = study.first(TrialState.RUNNING) or study.first(TrialState.QUEUED)
        legal = study.id in self.alive and study.state.is_active
        legal &= not (state is StudyState.COMPLETED and is_busy)
        assert self.live.store.dispatch.finish_study(self.lease, study.id, state) == legal
        if legal:
            study.end(state)

    @rule(study=studies, target_ms=targets_ms)
    def ask_for_the_best(self, study: ModelStudy, target_ms: float) -> None:
        answer = self.live.http.get(f"{study.url}/best", params={"target_runtime_ms": target_ms})
        expected = study.best(target_ms) if study.id in self.alive else None
        if expected is None:
            assert_problem(answer, 404, "no-best-trial" if study.id in self.alive else "not-found")
        else:
            assert (answer.json()["number"], answer.json()["reward"]) == expected

    @precondition(lambda self: any(study.state.is_active for study in self.alive.values()))
    @rule(runtime_ms=st.sampled_from([58.0, 79.0]))
    def a_whole_trial(self, runtime_ms: float) -> None:
        """All at once, so that short sequences come to studies with results."""
        study = next(study for study in self.alive.values() if study.state.is_active)
        self.the_solver_proposes(study, FULL, runtime_ms)
        self.a_worker_starts(study)
        self.a_worker_reports(study, FULL)

    @precondition(lambda self: any(study.completed for study in self.alive.values()))
    @rule(target=studies, target_ms=targets_ms, budget=st.sampled_from([None, FULL]))
    def retarget_one_with_results(self, target_ms: float, budget: int | None) -> ModelStudy:
        study = next(study for study in self.alive.values() if study.completed)
        return self._retarget(study, target_ms, budget)

    @precondition(lambda self: any(study.state.is_final for study in self.alive.values()))
    @rule()
    def delete_one_that_has_ended(self) -> None:
        self.delete(next(study for study in self.alive.values() if study.state.is_final))

    @invariant()
    def the_service_agrees(self) -> None:
        answer = self.live.http.get("/v1/studies", params={"q": self.tag, "page_size": 200})
        assert answer.status_code == 200
        listed = {
            study["id"]: study for study in answer.json()["studies"] if self.tag in study["spec"]["tags"]
        }
        assert listed.keys() == self.alive.keys()
        for study_id, model in self.alive.items():
            self._compare(model, listed[study_id])

    def _compare(self, model: ModelStudy, shown: dict[str, Any]) -> None:
        tag = f'"{shown["revision"]}"'
        assert (tag != model.etag) == model.changed
        if model.changed:
            alone = self.live.http.get(model.url, headers={"if-none-match": model.etag})
            assert (alone.json(), alone.headers["etag"]) == (shown, tag)
            assert self.live.http.get(model.url, headers={"if-none-match": tag}).status_code == 304
        model.etag, model.changed = tag, False
        assert shown["state"] == model.state
        assert shown["spec"]["budget_epochs"] == model.budget
        assert (shown["spent_epochs"], shown["reserved_epochs"]) == (model.spent, model.reserved)
        assert model.spent + model.reserved <= model.budget
        for state, count in shown["trial_counts"].items():
            assert count == sum(trial.state == state for trial in model.trials)
        best = None if shown["best"] is None else (shown["best"]["number"], shown["best"]["reward"])
        assert best == model.best(model.target_ms)


def test_the_api_behaves_like_the_model(shared: Live) -> None:
    class OnThisService(LifeCycle):
        pass

    OnThisService.live = shared
    limits = settings(
        max_examples=EXAMPLES,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(OnThisService, settings=limits)
