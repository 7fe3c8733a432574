"""Best reward against epochs spent, every trial a dot (Fig. 9 left)."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from service.domain.records import StudyRecord, TrialSummary
from service.figures.dots import dots, landmarks, note
from service.figures.style import GREEN, VERMILLION, new_figure, padded, reward_title, shorts
from service.figures.trials import Outcome, best_steps, by_spent, improvements, kinds, outcomes


def figure(
    study: StudyRecord, trials: Sequence[TrialSummary], spent_when_done: Mapping[int, int]
) -> go.Figure:
    """Best reward at full fidelity against epochs spent.

    Args:
        study: The study.
        trials: All its trials.
        spent_when_done: Epochs that the study had spent when a trial recorded its last one, by number.
    """
    ended = by_spent(outcomes(trials), spent_when_done)
    full = study.spec.epochs.max

    def spent(outcome: Outcome) -> float:
        return spent_when_done[outcome.trial.number]

    def reward(outcome: Outcome) -> float:
        return outcome.reward

    traces = dots(kinds(study, [outcome for _, outcome in ended]), spent, reward)
    xs, ys = best_steps(ended, full, study.spent_epochs)
    best = go.Scatter(
        x=xs,
        y=shorts(ys),
        mode="lines",
        name=f"best so far at {full} epochs",
        line={"shape": "hv", "width": 3, "color": GREEN},
        hovertemplate="best reward %{y} after %{x} epochs<extra></extra>",
    )
    better = [outcome for _, outcome in improvements(ended, full)]
    chart = new_figure("Best reward against epochs spent", note(traces))
    chart.add_traces([*traces, best, landmarks(better, spent, reward, "best so far", GREEN)])
    budget = study.spec.budget_epochs
    chart.add_vline(budget, line={"color": VERMILLION, "dash": "dash", "width": 1.5})
    chart.add_annotation(
        x=budget, y=1, yref="paper", text="budget", showarrow=False, xanchor="right", yanchor="top", xshift=-4
    )
    chart.update_xaxes(title_text="epochs spent", range=[0, max(budget, study.spent_epochs) * 1.02])
    chart.update_yaxes(title_text=reward_title(study.spec.targets_ms))
    if ended:
        chart.update_yaxes(range=padded([outcome.reward for _, outcome in ended]))
    return chart
