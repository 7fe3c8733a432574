"""Shows where a study stands while somebody waits for it: in a notebook, or on a terminal."""

import sys
from collections.abc import Callable
from typing import TextIO

from markupsafe import Markup, escape

from service.api.schemas import Study


def study_line(study: Study) -> str:
    """Where a study stands, in one line."""
    parts = [f"{study.state}: {study.spent_epochs} of {study.spec.budget_epochs} epochs"]
    counts = [f"{count} {state}" for state, count in study.trial_counts.items() if count]
    if counts:
        parts.append(f"trials: {', '.join(counts)}")
    if study.best is not None:
        best = study.best
        parts.append(
            f"best: lambda {best.lambda_:.4g}, accuracy {best.accuracy:.4f}, {best.runtime_ms:.2f} ms, "
            f"reward {best.reward:.4f}"
        )
    return "; ".join(parts)


def study_html(study: Study) -> str:
    """Where a study stands, for a notebook."""
    bar = Markup('<progress max="{}" value="{}"></progress>').format(
        study.spec.budget_epochs, study.spent_epochs
    )
    error = Markup("<br>{}").format(study.error) if study.error else ""
    return str(
        Markup("<div><b>{}</b> <code>{}</code><br>{} {}{}</div>").format(
            study.spec.name, study.id, bar, escape(study_line(study)), error
        )
    )


class StudyDisplay:
    """A study as it was last read, which a notebook shows."""

    def __init__(self, study: Study) -> None:
        self._study = study

    @property
    def latest(self) -> Study:
        """The study as it was last read."""
        return self._study

    @property
    def id(self) -> str:
        """Its id."""
        return self._study.id

    def _seen(self, study: Study) -> Study:
        self._study = study
        return study

    def _repr_html_(self) -> str:
        return study_html(self._study)

    def __repr__(self) -> str:
        """For front ends without HTML."""
        return f"{self._study.spec.name}: {study_line(self._study)}"


def show_progress(stream: TextIO | None = None) -> Callable[[Study], None]:
    """For ``wait``: shows each change of a study in place.

    Args:
        stream: Where to write outside of notebooks; None: stderr, and only if it is a terminal.
    """
    if _is_notebook():
        return _in_notebook()
    if stream is None and not sys.stderr.isatty():
        return _nowhere
    return _on_terminal(stream or sys.stderr)


def _nowhere(study: Study) -> None:
    """Nobody looks."""
    del study


def _is_notebook() -> bool:
    ipython = sys.modules.get("IPython")  # a notebook has imported it; nobody else needs it
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def _in_notebook() -> Callable[[Study], None]:
    display = sys.modules["IPython"].display.display
    handles: list[object] = []

    def show(study: Study) -> None:
        if handles:
            handles[0].update(StudyDisplay(study))  # type: ignore[attr-defined]  # IPython's DisplayHandle
        else:
            handles.append(display(StudyDisplay(study), display_id=True))

    return show


def _on_terminal(stream: TextIO) -> Callable[[Study], None]:
    def show(study: Study) -> None:
        end = "\n" if study.state.is_final else ""
        stream.write(f"\r\033[K{study_line(study)}{end}")
        stream.flush()

    return show
