from importlib.util import find_spec
from pathlib import Path

import optuna
import pytest

from benchmarks._filled import searches
from benchmarks._optuna_filled import fill_optuna
from benchmarks.dashboard import Answer, Visit, compared, figures_of, measure
from solver.reward import reward


def test_optuna_reads_the_same_trials(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    fill_optuna(url, trials=5)
    study = optuna.load_study(study_name="benchmark", storage=url)
    found = searches(5)
    for trial in study.trials:
        assert trial.state is optuna.trial.TrialState.COMPLETE
        assert trial.params == {"lambda": pytest.approx(found.lambdas[trial.number])}
        accuracies = [found.outcomes[epoch][0][trial.number] for epoch in range(8)]
        assert trial.intermediate_values == pytest.approx(dict(enumerate(accuracies, 1)))
        runtime_ms = trial.user_attrs["runtime_ms"]
        assert trial.value == pytest.approx(reward(accuracies[-1], runtime_ms, 80.0))
    assert [trial.number for trial in study.trials] == list(range(5))


def test_figures_of_known_answers() -> None:
    visits = [Visit(300.0, 100.0, ("page", "data")), Visit(500.0, 200.0, ("page", "data"))]
    answers = {"page": Answer(1000, 100, [10.0, 20.0, 60.0]), "data": Answer(4000, 400, [30.0])}
    own = figures_of(visits, answers)
    assert own == {
        "html_bytes": 1000,
        "html_gzip_bytes": 100,
        "all_bytes": 5000,
        "all_gzip_bytes": 500,
        "html_server_ms": 20,
        "all_server_ms": 50,
        "usable_ms": 150,
        "interactive_ms": 400,
    }
    figures = compared(own, {name: 10 * value for name, value in own.items()})
    assert figures["optuna_interactive_ms"] == 4000
    assert figures["all_server_ms_optuna_ratio_to_own"] == 10
    assert figures["all_optuna_ratio_to_own_html_server_ms"] == 25


@pytest.mark.slow
@pytest.mark.skipif(find_spec("optuna_dashboard") is None, reason="optuna-dashboard is in the extra bench")
@pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="install Debian's chromium")
def test_both_pages_at_a_few_trials() -> None:
    figures = measure(trials=30, repeats=1)
    assert min(figures.values()) > 0
    assert figures["all_bytes"] > figures["html_bytes"] > figures["html_gzip_bytes"]
    assert figures["optuna_all_bytes"] > figures["optuna_html_bytes"]
