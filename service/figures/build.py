"""Builds a figure of a study by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

import plotly.graph_objects as go

from service.db.store import Store
from service.domain.advice import Outlook
from service.domain.errors import NotFoundError
from service.domain.records import EpochRecord, TrialRecord
from service.figures import compare, curves, fidelity_heatmap, frontier, progress, timeline, tradeoff
from service.figures.trials import best_steps, by_spent, outcomes


@dataclass(frozen=True, slots=True)
class _Further:
    """What some figures need besides the rows of their study."""

    others: Sequence[str]
    outlook: Outlook | None


def build(
    store: Store, study_id: str, name: str, *, others: Sequence[str] = (), outlook: Outlook | None = None
) -> go.Figure:
    """A figure of a study.

    Args:
        store: Where the rows are.
        study_id: The study.
        name: One of :data:`NAMES`.
        others: Ids of further studies for ``compare``; the other figures are of one study.
        outlook: What the study's solver expects, for ``tradeoff``.

    Raises:
        NotFoundError: There is no such figure or study.
    """
    if name not in _BUILDERS:
        raise NotFoundError(f"there is no figure {name!r}; expected one of {', '.join(NAMES)}")
    return _BUILDERS[name](store, study_id, _Further(others, outlook))


def trial_curves(store: Store, study_id: str, number: int) -> go.Figure:
    """The curves of one trial (Fig. 5).

    Raises:
        NotFoundError: There is no such study or trial.
    """
    trial = store.trials.get(study_id, number)
    epochs = {number: store.trials.epochs(study_id, number)}
    return curves.figure(store.studies.get(study_id), [trial], epochs)


def best_so_far(store: Store, study_id: str) -> compare.Progress:
    """The steps of a study's best reward against epochs spent.

    Raises:
        NotFoundError: There is no such study.
    """
    study = store.studies.get(study_id)
    ended = by_spent(outcomes(store.trials.history(study_id)), store.trials.spent_when_done(study_id))
    return compare.Progress(study, *best_steps(ended, study.spec.epochs.max, study.spent_epochs))


def _progress(store: Store, study_id: str, _: _Further) -> go.Figure:
    return progress.figure(
        store.studies.get(study_id), store.trials.history(study_id), store.trials.spent_when_done(study_id)
    )


def _tradeoff(store: Store, study_id: str, further: _Further) -> go.Figure:
    return tradeoff.figure(store.studies.get(study_id), store.trials.history(study_id), further.outlook)


def _frontier(store: Store, study_id: str, _: _Further) -> go.Figure:
    return frontier.figure(store.studies.get(study_id), store.trials.history(study_id))


def _fidelity_heatmap(store: Store, study_id: str, _: _Further) -> go.Figure:
    return fidelity_heatmap.figure(store.studies.get(study_id), store.trials.history(study_id))


def _timeline(store: Store, study_id: str, _: _Further) -> go.Figure:
    trials = store.trials.history(study_id)
    repeated = [trial for trial in timeline.latest(trials) if trial.attempt > 1]
    return timeline.figure(trials, _epochs_of(store, repeated), datetime.now(UTC))


def _curves(store: Store, study_id: str, _: _Further) -> go.Figure:
    study, trials = store.studies.get(study_id), store.trials.history(study_id)
    return curves.figure(study, trials, _epochs_of(store, curves.chosen(study, trials)))


def _epochs_of(store: Store, trials: Sequence[TrialRecord]) -> dict[int, tuple[EpochRecord, ...]]:
    return {trial.number: store.trials.epochs(trial.study_id, trial.number) for trial in trials}


def _compare(store: Store, study_id: str, further: _Further) -> go.Figure:
    return compare.figure([best_so_far(store, each) for each in dict.fromkeys((study_id, *further.others))])


_Builder = Callable[[Store, str, _Further], go.Figure]

_BUILDERS = MappingProxyType[str, _Builder](
    {
        "progress": _progress,
        "tradeoff": _tradeoff,
        "frontier": _frontier,
        "fidelity-heatmap": _fidelity_heatmap,
        "timeline": _timeline,
        "curves": _curves,
        "compare": _compare,
    }
)

NAMES = tuple(_BUILDERS)
"""Every figure, by the name that the REST API uses."""
