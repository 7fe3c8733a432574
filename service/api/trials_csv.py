"""Trials as CSV (RFC 4180), page by page, so that memory does not grow with the study."""

import csv
import io
from collections.abc import Iterator, Sequence

from service.db.store import Store
from service.domain.records import StudyRecord, TrialRecord
from solver.reward import reward

COLUMNS = (
    "number",
    "state",
    "lambda",
    "epochs",
    "epochs_done",
    "hinge_target_ms",
    "seed",
    "attempt",
    "accuracy",
    "runtime_ms",
    "reward",
    "architecture",
    "started_at",
    "finished_at",
    "error",
    "reused_from",
)
_PAGE_SIZE = 500
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_chunks(store: Store, study: StudyRecord) -> Iterator[str]:
    """The header and then the rows of one page after the other.

    Architectures are written as layer types with spaces between them, times in ISO 8601, the trial whose
    outcome was reused as STUDY/NUMBER. ``reward`` is for the first target; each further one has a column of
    its own at the end, such as ``reward_60_ms``.
    """
    further_ms = study.spec.targets_ms[1:]
    yield _lines([(*COLUMNS, *(f"reward_{_exact(target)}_ms" for target in further_ms))])
    token = None
    while True:
        page = store.trials.list(study.id, page_size=_PAGE_SIZE, page_token=token)
        yield _lines([(*_row(trial), *_rewards(trial, further_ms)) for trial in page.items])
        token = page.next_page_token
        if token is None:
            return


def _lines(rows: list[tuple[object, ...]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


def _row(trial: TrialRecord) -> tuple[object, ...]:
    return (
        trial.number,
        trial.state,
        trial.lambda_,
        trial.epochs,
        trial.epochs_done,
        trial.hinge_target_ms,
        trial.seed,
        trial.attempt,
        trial.accuracy,
        trial.runtime_ms,
        trial.reward,
        None if trial.architecture is None else " ".join(trial.architecture),
        None if trial.started_at is None else trial.started_at.isoformat(),
        None if trial.finished_at is None else trial.finished_at.isoformat(),
        _harmless(trial.error),
        None if trial.reused_from is None else f"{trial.reused_from.study_id}/{trial.reused_from.number}",
    )


def _rewards(trial: TrialRecord, targets_ms: Sequence[float]) -> tuple[float | None, ...]:
    if trial.accuracy is None or trial.runtime_ms is None:
        return (None,) * len(targets_ms)
    return tuple(reward(trial.accuracy, trial.runtime_ms, target) for target in targets_ms)


def _exact(target_ms: float) -> str:
    """All digits, since two targets may differ in the last one."""
    return repr(target_ms).removesuffix(".0")


def _harmless(text: str | None) -> str | None:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text is not None and text.startswith(_FORMULA_STARTS) else text
