"""Trials as CSV (RFC 4180), page by page, so that memory does not grow with the study."""

import csv
import io
from collections.abc import Iterator

from service.db.store import Store
from service.domain.records import TrialRecord

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
)
_PAGE_SIZE = 500
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_chunks(store: Store, study_id: str) -> Iterator[str]:
    """The header and then the rows of one page after the other.

    Architectures are written as layer types with spaces between them, times in ISO 8601.
    """
    yield _lines([COLUMNS])
    token = None
    while True:
        page = store.trials.list(study_id, page_size=_PAGE_SIZE, page_token=token)
        yield _lines([_row(trial) for trial in page.items])
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
    )


def _harmless(text: str | None) -> str | None:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text is not None and text.startswith(_FORMULA_STARTS) else text
