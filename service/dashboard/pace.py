"""How long a study will still take, judged by its pace so far."""

from datetime import datetime

from service.domain.records import StudyRecord
from service.domain.states import StudyState


def seconds_left(study: StudyRecord, now: datetime) -> float | None:
    """Time until the budget is spent at the pace so far, or None while there is no telling.

    Pauses and waiting for resources count as time, so the estimate errs on the long side after them.
    """
    if study.state is not StudyState.RUNNING or study.spent_epochs == 0:
        return None
    elapsed = (now - study.created_at).total_seconds()
    return elapsed / study.spent_epochs * (study.spec.budget_epochs - study.spent_epochs)


def seconds_per_epoch(study: StudyRecord) -> float | None:
    """Wall time per epoch of a study so far, over all trials side by side, or None before the first one."""
    if study.spent_epochs == 0:
        return None
    return (study.updated_at - study.created_at).total_seconds() / study.spent_epochs
