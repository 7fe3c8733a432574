"""Plotly figures of a study, the same for the REST API, the dashboard and the command line."""

from service.figures.build import NAMES, best_so_far, build, trial_curves, trial_gates
from service.figures.readings import Reading, Readings

__all__ = ["NAMES", "Reading", "Readings", "best_so_far", "build", "trial_curves", "trial_gates"]
