from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_worker.platform import load_platform
from nas_worker.space import N_SEARCHABLE, Architecture
from service.dashboard import pace, sparkline
from service.dashboard.architecture import drawing, forming
from service.dashboard.formatting import duration_text, lambda_text, moment_text, ms_text, plain_text
from service.dashboard.glossary import GLOSSARY
from service.dashboard.standing import standing
from service.domain.states import StudyState, TrialState
from tests.service.figures.plausible import searches
from tests.service.figures.records import START, study_of

STUDY, TRIALS, _ = study_of(list(searches(6)))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "—"), (0, "0 s"), (59.6, "1 min 0 s"), (3_600, "1 h 0 min"), (90_061, "1 d 1 h"), (-3, "0 s")],
)
def test_durations_have_two_units(seconds: float | None, text: str) -> None:
    assert duration_text(seconds) == text


def test_numbers_are_short() -> None:
    assert [lambda_text(0.123456), ms_text(79.96), plain_text(80.0), plain_text(58.75)] == [
        "0.123", "80.0", "80", "58.75",
    ]  # fmt: skip


def test_points_in_time_are_utc() -> None:
    assert moment_text(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02 03:04:05 UTC"


def test_every_state_has_a_sentence_of_its_own() -> None:
    sentences = {standing(replace(STUDY, state=state)) for state in StudyState}
    assert len(sentences) == len(StudyState)
    assert standing(replace(STUDY, state=StudyState.FAILED, error="the engine is gone")).endswith(
        "the engine is gone"
    )


def test_a_running_study_says_what_it_waits_for() -> None:
    def with_counts(**counts: int) -> str:
        trial_counts = {state: counts.get(state.value, 0) for state in TrialState}
        return standing(replace(STUDY, state=StudyState.RUNNING, trial_counts=trial_counts))

    assert with_counts(running=2, queued=1) == "2 trials running, 1 trial waiting for room."
    assert with_counts(queued=1).startswith("1 trial waiting for room on the engine")
    assert with_counts() == "The solver is choosing the next trial."


def test_completed_says_whether_budget_or_ideas_ran_out() -> None:
    done = replace(STUDY, state=StudyState.COMPLETED)
    assert "nothing more to try" in standing(done)
    assert "the budget is spent" in standing(replace(done, spent_epochs=done.spec.budget_epochs))


@given(st.integers(1, 399), st.floats(1, 1e6))
def test_the_time_left_follows_the_pace(spent: int, elapsed: float) -> None:
    study = replace(STUDY, state=StudyState.RUNNING, spent_epochs=spent)
    left = pace.seconds_left(study, START + timedelta(seconds=elapsed))
    assert left == pytest.approx(elapsed / spent * (400 - spent), rel=1e-3)
    assert pace.seconds_left(replace(study, state=StudyState.PAUSED), START) is None


@given(st.randoms(use_true_random=False))
def test_a_drawing_costs_what_the_platform_says(random: object) -> None:
    architecture = Architecture.sample(random)  # type: ignore[arg-type]
    platform = load_platform("pixel1")
    layers = [layer for stage in drawing(architecture.format(), platform) for layer in stage.layers]
    assert [layer.text for layer in layers] == list(architecture.format())
    assert [layer.runtime_ms for layer in layers] == [
        platform.layer_ms(index, kind) for index, kind in enumerate(architecture.layers, start=1)
    ]
    assert [layer.words == "skipped" for layer in layers] == [kind.is_skip for kind in architecture.layers]


def test_forming_has_a_row_per_layer_and_marks_changes() -> None:
    before = ["3x3-3-0"] * N_SEARCHABLE
    after = ["5x5-6-0.5", *before[1:]]
    rows = forming([before, after])
    assert len(rows) == N_SEARCHABLE
    assert [(cell.text, cell.is_new) for cell in rows[0]] == [("3x3-3-0", False), ("5x5-6-0.5", True)]
    assert not any(cell.is_new for row in rows[1:] for cell in row)
    assert forming([]) == []


def test_the_sparkline_only_counts_full_fidelity() -> None:
    assert "circle" in sparkline.draw(STUDY, TRIALS)
    short = [replace(trial, epochs=4) for trial in TRIALS]
    assert "circle" not in sparkline.draw(STUDY, short)


def test_the_glossary_explains_in_a_sentence_or_two() -> None:
    for term in GLOSSARY.values():
        assert term.text.endswith(".")
        assert len(term.text) < 260
