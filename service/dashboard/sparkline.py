"""The best reward so far as a picture that fits into a line of text."""

from collections.abc import Sequence

from service.domain.records import StudyRecord, TrialSummary

_WIDTH, _HEIGHT, _EDGE = 120, 28, 3


def draw(study: StudyRecord, trials: Sequence[TrialSummary]) -> str:
    """An SVG of the best reward at full fidelity against the share of the budget spent on finished trials.

    Args:
        study: The study.
        trials: All its trials.
    """
    points = _steps(study, trials)
    if not points:
        body = f'<path class="none" d="M{_EDGE} {_HEIGHT / 2}H{_WIDTH - _EDGE}"/>'
    else:
        low, high = points[0][1], points[-1][1]
        places = [(_x(share), _y(reward, low, high)) for share, reward in points]
        line = f"M{places[0][0]} {places[0][1]}" + "".join(f"H{x}V{y}" for x, y in places[1:])
        body = f'<path d="{line}"/><circle class="end" cx="{places[-1][0]}" cy="{places[-1][1]}" r="2.5"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        "<style>path{fill:none;stroke:#009e73;stroke-width:1.8}.end{fill:#009e73}"
        ".none{stroke:#8a939e;stroke-width:1;stroke-dasharray:2 3}</style>"
        f"{body}</svg>"
    )


def _steps(study: StudyRecord, trials: Sequence[TrialSummary]) -> list[tuple[float, float]]:
    """(share of the budget, best reward) for each improvement, and where the curve ends."""
    spent = 0
    points: list[tuple[float, float]] = []
    ended = [trial for trial in trials if trial.finished_at is not None]
    for trial in sorted(ended, key=lambda each: (each.finished_at, each.number)):
        spent += trial.epochs_done
        is_better = trial.reward is not None and (not points or trial.reward > points[-1][1])
        if is_better and trial.epochs == study.spec.epochs.max and trial.reward is not None:
            points.append((spent / study.spec.budget_epochs, trial.reward))
    if points:
        points.append((spent / study.spec.budget_epochs, points[-1][1]))
    return points


def _x(share: float) -> float:
    return round(_EDGE + (_WIDTH - 2 * _EDGE) * min(1.0, share), 1)


def _y(reward: float, low: float, high: float) -> float:
    height = (reward - low) / (high - low) if high > low else 0.5
    return round(_HEIGHT - _EDGE - (_HEIGHT - 2 * _EDGE) * height, 1)
