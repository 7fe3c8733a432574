import html
import re
import threading
from typing import Any

import pytest

from service.dashboard import answers as module
from service.domain.records import StudyRecord
from solver.base import Suggestion
from solver.composite import Composite
from tests.service.dashboard.filled import new_study, run
from tests.service.dashboard.markup import Page
from tests.service.figures.plausible import Search, searches
from tests.service.live import Live


def filled(live: Live, count: int = 12, **fields: Any) -> StudyRecord:
    study = new_study(live.store, **fields)
    run(live.store, study.id, searches(count, seed=4))
    return live.store.studies.get(study.id)


def words(live: Live, path: str) -> str:
    response = live.http.get(path, headers={"accept": "text/html"})
    assert response.status_code == 200, response.text
    return Page(response.text).words


def answer_lines(live: Live, study: StudyRecord) -> list[str]:
    text = live.http.get(f"/studies/{study.id}", headers={"accept": "text/html"}).text
    items = re.findall(
        r"<li>(.*?)</li>", text.partition('<ul class="answers">')[2].partition("</ul>")[0], re.S
    )
    return [" ".join(html.unescape(re.sub(r"<[^>]*>", "", item)).split()) for item in items]


def test_a_model_answers_for_each_target(live: Live) -> None:
    study = filled(live, target_runtime_ms=[80, 65], solver={"kind": "composite"})
    lines = answer_lines(live, study)
    advice = live.http.get(f"/v1/studies/{study.id}/recommendation").json()["recommendations"]
    for line, each in zip(lines, advice, strict=True):
        runtime, accuracy = each["runtime_ms"], each["accuracy"]
        target = f"{each['target_runtime_ms']:g}"
        assert line.startswith(f"{target} ms: recommended λ {each['lambda']:.3g}, ")
        assert f" runtime {runtime['mean']:.1f} ms " in line
        assert f"({runtime['low']:.1f} to {runtime['high']:.1f} with 90 %)" in line
        assert f"accuracy {100 * accuracy['mean']:.1f} %" in line
        assert f"P(R ≤ {target} ms) {100 * each['probability_within']:.1f} %" in line
        assert f"best so far: trial {each['best_number']}" in line
    page = words(live, f"/studies/{study.id}")
    assert "Answer for 80, 65 ms" in page
    assert "Best trial so far for 80 ms" in page
    assert "working out" not in page


def test_a_solver_that_fails_leaves_the_page_and_its_best_trials(
    live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    study = filled(live, target_runtime_ms=[80, 65], solver={"kind": "composite"})
    monkeypatch.setattr(Composite, "recommend", lambda *_: 1 / 0)
    lines = answer_lines(live, study)
    assert [
        line.startswith(f"{target:g} ms: trial ")
        for line, (target, _) in zip(lines, study.bests, strict=True)
    ]
    assert all("the best so far" in line for line in lines)
    assert "its solver cannot recommend" in caplog.text


def test_without_a_model_the_best_trial_answers_for_each_target(live: Live) -> None:
    study = filled(live, target_runtime_ms=[80, 65, 110])
    lines = answer_lines(live, study)
    for line, (target, best) in zip(lines, study.bests, strict=True):
        assert line.startswith(f"{target:g} ms: trial {best.number}, the best so far, with λ ")
        assert f"{best.runtime_ms:.1f} ms, " in line
        assert "P(R" not in line
    page = words(live, f"/studies/{study.id}")
    assert "Best trial so far for 80 ms" in page
    assert live.http.get(f"/studies/{study.id}").text.count('<tr class="best">') == len(
        {best.number for _, best in study.bests}
    )


def test_one_target_without_a_model_needs_no_line(live: Live) -> None:
    study = filled(live)
    assert answer_lines(live, study) == []
    assert "Recommended λ" in words(live, f"/studies/{study.id}")


def test_short_searches_alone_give_an_answer_without_a_network(live: Live) -> None:
    study = new_study(live.store, solver={"kind": "composite"})
    (search,) = searches(1)
    short = Search(Suggestion(search.suggestion.lambda_, 4), search.reports[:4])
    run(live.store, study.id, [short])
    page = words(live, f"/studies/{study.id}")
    assert "80 ms: recommended λ" in page
    assert "No ConvNet yet: no trial at 8 epochs has finished." in page


def test_a_page_does_not_wait_for_a_slow_model(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    recommend = Composite.recommend

    def slow(self: Composite, *arguments: Any) -> Any:
        assert go_on.wait(60)
        return recommend(self, *arguments)

    monkeypatch.setattr(Composite, "recommend", slow)
    monkeypatch.setattr(module, "LONGEST_WAIT_SECONDS", 0.05)
    several = filled(live, target_runtime_ms=[80, 65], solver={"kind": "composite"})
    single = filled(live, solver={"kind": "composite"})
    try:
        for study, count in ((several, 2), (single, 0)):
            page = words(live, f"/studies/{study.id}")
            assert "The solver is working out what it recommends" in page
            assert len(answer_lines(live, study)) == count
        assert all("the best so far" in line for line in answer_lines(live, several))
    finally:
        go_on.set()
    monkeypatch.setattr(module, "LONGEST_WAIT_SECONDS", 60)
    assert all("recommended λ" in line for line in answer_lines(live, several))


def test_every_page_names_all_targets(live: Live) -> None:
    study = filled(live, name="Both", target_runtime_ms=[80, 65.5])
    best = study.bests[1][1]
    assert "80, 65.5 ms" in words(live, "/")
    assert "80, 65.5 ms" in words(live, "/compare")
    trial = words(live, f"/studies/{study.id}/trials/{best.number}")
    assert "the target 80 ms" in trial
    assert "the target 65.5 ms" in trial
    form = live.http.get(f"/studies/new?clone={study.id}").text
    assert 'data-kind="targets" value="80, 65.5"' in form
    assert 'data-kind="targets" value="80"' in live.http.get("/studies/new").text
    check = live.http.post("/studies/check", json={"target_runtime_ms": [80, 65.5]}).json()
    assert check["errors"] == []
    assert live.http.post("/studies/check", json={"target_runtime_ms": [80, 80]}).json()["errors"]
