"""Builds a figure of a study by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

import plotly.graph_objects as go

from service.db.store import Store
from service.domain.advice import Outlook
from service.domain.errors import NotFoundError
from service.figures import compare, curves, fidelity_heatmap, frontier, gates, progress, timeline, tradeoff
from service.figures.readings import Reading, Readings
from service.figures.trials import best_steps, by_spent, outcomes


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be drawn, and of what."""

    readings: Readings
    reading: Reading
    others: Sequence[str]
    outlook: Outlook | None


def build(
    readings: Readings,
    study_id: str,
    name: str,
    *,
    others: Sequence[str] = (),
    outlook: Outlook | None = None,
) -> go.Figure:
    """A figure of a study.

    Args:
        readings: Where the rows come from.
        study_id: The study.
        name: One of :data:`NAMES`.
        others: Ids of further studies for ``compare``; the other figures are of one study.
        outlook: What the study's solver expects, for ``tradeoff``.

    Raises:
        NotFoundError: There is no such figure or study.
    """
    if name not in _BUILDERS:
        raise NotFoundError(f"there is no figure {name!r}; expected one of {', '.join(NAMES)}")
    return _BUILDERS[name](_Order(readings, readings.of(study_id), others, outlook))


def trial_curves(store: Store, study_id: str, number: int) -> go.Figure:
    """The curves of one trial (Fig. 5).

    Raises:
        NotFoundError: There is no such study or trial.
    """
    trial = store.trials.get(study_id, number)
    epochs = {number: store.trials.epochs(study_id, number)}
    return curves.figure(store.studies.get(study_id), [trial], epochs)


def trial_gates(store: Store, study_id: str, number: int) -> go.Figure:
    """The gates of one trial over its epochs.

    Raises:
        NotFoundError: There is no such study or trial.
    """
    return gates.figure([epoch.report for epoch in store.trials.epochs(study_id, number)])


def best_so_far(reading: Reading) -> compare.Progress:
    """The steps of a study's best reward against epochs spent."""
    study = reading.study
    ended = by_spent(outcomes(reading.trials), reading.spent_when_done)
    return compare.Progress(study, *best_steps(ended, study.spec.epochs.max, study.spent_epochs))


def _progress(order: _Order) -> go.Figure:
    reading = order.reading
    return progress.figure(reading.study, reading.trials, reading.spent_when_done)


def _tradeoff(order: _Order) -> go.Figure:
    return tradeoff.figure(order.reading.study, order.reading.trials, order.outlook)


def _frontier(order: _Order) -> go.Figure:
    return frontier.figure(order.reading.study, order.reading.trials)


def _fidelity_heatmap(order: _Order) -> go.Figure:
    return fidelity_heatmap.figure(order.reading.study, order.reading.trials)


def _timeline(order: _Order) -> go.Figure:
    reading = order.reading
    first = next((trial.number for trial in timeline.latest(reading.trials)), 0)
    events = order.readings.store.events.of_trials(reading.study.id, first=first)
    return timeline.figure(reading.trials, events, datetime.now(UTC))


def _curves(order: _Order) -> go.Figure:
    study, trials = order.reading.study, order.reading.trials
    numbers = [trial.number for trial in curves.chosen(study, trials)]
    epochs = {number: order.readings.store.trials.epochs(study.id, number) for number in numbers}
    return curves.figure(study, trials, epochs)


def _compare(order: _Order) -> go.Figure:
    study_ids = dict.fromkeys((order.reading.study.id, *order.others))
    return compare.figure([best_so_far(order.readings.of(each)) for each in study_ids])


_Builder = Callable[[_Order], go.Figure]

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
