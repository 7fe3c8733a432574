import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from service.client import Client, StudySpec, show_progress
from service.domain.states import StudyState
from tests.service.live import Live
from tests.service.searches import finished_trial


def watch(live: Live, client: Client, **options: Any) -> None:
    """Waits for a study whose first trial finishes and that is then cancelled, and shows it."""
    study = client.create_study(StudySpec(target_runtime_ms=80, budget_epochs=40))
    show = show_progress(**options)

    def advance(now: Any) -> None:
        show(now)
        if now.state is StudyState.PENDING:
            finished_trial(live.store, study.id)
        elif now.state is StudyState.RUNNING:
            client.cancel(study.id)

    client.wait(study.id, advance, poll_seconds=0.01)


def test_on_a_terminal_one_line_is_written_over(live: Live, client: Client) -> None:
    stream = io.StringIO()
    watch(live, client, stream=stream)
    first, *_, last = stream.getvalue().split("\r\033[K")[1:]
    assert first == "pending: 0 of 40 epochs"
    assert last.startswith("cancelled: 8 of 40 epochs; trials: 1 completed; best: lambda 1, accuracy 0.9000")
    assert last.endswith("\n")
    assert stream.getvalue().count("\n") == 1


def test_elsewhere_nothing_is_written(live: Live, client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    watch(live, client)
    assert capsys.readouterr() == ("", "")


def test_in_a_notebook_one_display_is_updated(
    live: Live, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    def display(value: Any, *, display_id: bool) -> Any:
        assert display_id
        shown.append(value._repr_html_())
        return SimpleNamespace(update=lambda later: shown.append(later._repr_html_()))

    ipython = SimpleNamespace(
        get_ipython=lambda: SimpleNamespace(kernel=object()),
        display=SimpleNamespace(display=display),
    )
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    watch(live, client)
    assert "pending" in shown[0]
    assert "cancelled" in shown[-1]
