"""Where a study stands, in a sentence: what it does now, why it stands still, what can be done."""

from service.domain.records import StudyRecord
from service.domain.states import StudyState, TrialState

_BUDGET_SPENT = "the budget is spent. More budget sets it going again."


def standing(study: StudyRecord) -> str:
    """The sentence."""
    running = study.trial_counts[TrialState.RUNNING]
    match study.state:
        case StudyState.PENDING:
            return "Waiting for its first trial: the service starts it as soon as there is room."
        case StudyState.RUNNING:
            return _activity(running, study.trial_counts[TrialState.QUEUED])
        case StudyState.PAUSED:
            winding_up = f" {_trials(running)} stopping after the current epoch." if running else ""
            return f"Paused: nothing starts until it is resumed; finished epochs are kept.{winding_up}"
        case StudyState.COMPLETED:
            is_spent = study.left_epochs < study.spec.epochs.min
            return f"Completed: {_BUDGET_SPENT if is_spent else 'the solver has nothing more to try.'}"
        case StudyState.CANCELLED:
            return "Cancelled: nothing more will run; finished trials are kept."
        case StudyState.FAILED:
            return f"Failed: {study.error or 'no reason was recorded'}"


def _activity(running: int, queued: int) -> str:
    if running:
        waiting = f", {_trials(queued)} waiting for room" if queued else ""
        return f"{_trials(running)} running{waiting}."
    if queued:
        return f"{_trials(queued)} waiting for room on the engine; other studies may be using it."
    return "The solver is choosing the next trial."


def _trials(count: int) -> str:
    return "1 trial" if count == 1 else f"{count:,} trials"
