import itertools
import re
from pathlib import Path

import httpx
import pytest

from nas_worker.platform import WholeConvNet, load_platform
from nas_worker.search_log import log_path
from nas_worker.space import GATES, Architecture
from service.dashboard.pages.study import PAGE_SIZE
from service.dispatch.checkpoints import folder_of
from service.domain.states import StudyState
from tests.service.dashboard.filled import Studies, new_study, run
from tests.service.dashboard.markup import Page
from tests.service.figures.plausible import searches
from tests.service.live import Live, live_service

HTML = {"accept": "text/html"}


def get(live: Live, path: str) -> httpx.Response:
    return live.http.get(path, headers=HTML)


def page(live: Live, path: str) -> Page:
    response = get(live, path)
    assert response.status_code == 200, response.text
    return Page(response.text)


def test_every_page_is_sound_and_every_link_leads_somewhere(live: Live, studies: Studies) -> None:
    seen: set[str] = set()
    comparison = f"/compare?study={studies.busy}&study={studies.done}"
    waiting = ["/", comparison, f"/studies/new?clone={studies.busy}"]
    patterns: set[str] = set()
    while waiting:
        path = waiting.pop()
        pattern = re.sub(r"\d+|[0-9a-f]{16}|page_token=[^&]*", "*", path)
        if path in seen or pattern in patterns:
            continue  # one page of each pattern is enough
        seen.add(path)
        patterns.add(pattern)
        response = get(live, path)
        assert response.status_code == 200, path
        if not response.headers["content-type"].startswith("text/html") or path.startswith("/docs"):
            continue
        found = Page(response.text)
        assert found.inline_code == [], path
        links = [str(httpx.URL(path).join(link)).split("#")[0] for link in found.links]
        waiting += [link for link in links if link.startswith("/")]
    assert {"/", "/help", "/platforms", "/platforms/pixel1", "/studies/new"} <= seen
    assert any("/trials/" in path for path in seen)


def test_pages_allow_no_foreign_and_no_inline_script(live: Live, studies: Studies) -> None:
    policy = get(live, f"/studies/{studies.busy}").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert re.search(r"script-src ([^;]*);", policy)[1] == "'self'"  # type: ignore[index]


def test_a_page_that_has_not_changed_is_not_sent_again(live: Live, studies: Studies) -> None:
    path = f"/studies/{studies.done}"
    tag = get(live, path).headers["etag"]
    again = live.http.get(path, headers={**HTML, "if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_the_list_shows_where_every_study_stands(live: Live, studies: Studies) -> None:
    words = page(live, "/").words
    best = live.store.studies.best(studies.done)
    for text in ("Nothing yet", "pending", "Done", "completed", "200 of 200", f"{best.reward:.4f}"):
        assert text in words


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=camera", ["Busy", "One trial"]),
        ("state=completed", ["Done"]),
        ("state=&solver=multi_fidelity", ["Busy"]),
        ("sort=name", ["Busy", "Done", "Nothing yet", "One trial"]),
        ("sort=left", ["Done", "Busy", "One trial", "Nothing yet"]),
        ("sort=newest", ["Done", "Busy", "One trial", "Nothing yet"]),
        ("q=nobody", []),
    ],
)
def test_the_list_is_searched_filtered_and_sorted(
    live: Live, studies: Studies, query: str, names: list[str]
) -> None:
    html = get(live, f"/?{query}").text
    found = re.findall(r'<a href="/studies/[0-9a-f]+">([^<]+)</a>', html)
    assert found == names
    assert ("No study fits" in html) == (not names)


def test_an_empty_service_says_what_to_do_next(tmp_path_factory: pytest.TempPathFactory) -> None:
    with live_service(tmp_path_factory.mktemp("empty")) as live:
        found = page(live, "/")
        assert "No study yet" in found.words
        assert "/studies/new" in found.links
        assert "There must be at least two studies" in page(live, "/compare").words


def test_a_study_shows_its_answer_its_budget_and_its_trials(live: Live, studies: Studies) -> None:
    best = live.store.studies.best(studies.busy)
    record = live.store.studies.get(studies.busy)
    words = page(live, f"/studies/{studies.busy}").words
    assert f"Recommended λ {best.lambda_:.3g} Runtime {best.runtime_ms:.1f} ms" in words
    assert f"Accuracy {100 * (best.accuracy or 0):.1f} %" in words
    assert f"From trial {best.number}" in words
    drawing = f"/v1/studies/{studies.busy}/trials/{best.number}/artifacts/architecture.svg"
    assert f'href="{drawing}" download' in get(live, f"/studies/{studies.busy}").text
    assert live.http.get(drawing).headers["content-type"] == "image/svg+xml"
    assert f"Spent {record.spent_epochs} epochs" in words
    assert f"Left {record.left_epochs} epochs" in words
    assert "1 trial running." in words
    assert "See why a trial failed" in words
    assert words.count("Layer ") >= 20


def test_a_study_without_an_answer_says_why(live: Live, studies: Studies) -> None:
    words = page(live, f"/studies/{studies.empty}").words
    assert "None yet. The answer is the best finished trial at 8 epochs" in words
    assert "Waiting for its first trial" in words


def test_the_table_of_trials_is_filtered_sorted_and_paged(live: Live, studies: Studies) -> None:
    def numbers(query: str) -> tuple[list[int], Page]:
        response = get(live, f"/studies/{studies.busy}?{query}")
        table = response.text.split('class="trials"')[1]
        return [int(number) for number in re.findall(r'<th scope="row".*?>(\d+)</a>', table)], Page(
            response.text
        )

    first, found = numbers("")
    assert first == list(range(PAGE_SIZE))
    following = next(link for link in found.links if "page_token" in link).split("#")[0]
    second, _ = numbers(following.removeprefix("?"))
    assert second == list(range(PAGE_SIZE, 54))
    assert numbers("state=failed")[0] == [studies.failed_trial]
    history = live.store.trials.history(studies.busy)
    by_reward = sorted(history, key=lambda trial: (-(trial.reward or -1), trial.number))
    assert numbers("order=reward")[0] == [trial.number for trial in by_reward[:PAGE_SIZE]]


def test_a_failed_trial_says_why(live: Live, studies: Studies) -> None:
    words = page(live, f"/studies/{studies.busy}/trials/{studies.failed_trial}").words
    assert "Why it failed" in words
    assert "the loss is not finite" in words


def test_a_trial_shows_how_its_architecture_formed(live: Live, studies: Studies) -> None:
    html = get(live, f"/studies/{studies.done}/trials/3").text
    epochs = [record.report for record in live.store.trials.epochs(studies.done, 3)]
    table = html.split('class="forming"')[1].split("</table>")[0]
    shown = re.findall(r'<td class="k\d ([^"]*)">([^<]+)</td>', table)
    assert [text for _, text in shown] == [
        epoch.architecture[layer] for layer in range(20) for epoch in epochs
    ]
    changes = sum(
        before != after
        for earlier, later in itertools.pairwise(epochs)
        for before, after in zip(earlier.architecture, later.architecture, strict=True)
    )
    assert changes == sum("new" in marks for marks, _ in shown) > 0


def test_curves_of_a_trial_are_plotly_json(live: Live, studies: Studies) -> None:
    answer = live.http.get(f"/studies/{studies.done}/trials/3/curves.json")
    assert answer.headers["content-type"] == "application/json"
    assert {trace["name"] for trace in answer.json()["data"]} == {"trial 3"}


def test_gates_of_a_trial_are_plotly_json_which_its_page_shows(live: Live, studies: Studies) -> None:
    path = f"/studies/{studies.done}/trials/3"
    answer = live.http.get(f"{path}/gates.json")
    assert [trace["name"] for trace in answer.json()["data"]] == list(GATES)
    assert f'data-figure="{path}/gates.json"' in get(live, path).text


def test_a_sparkline_is_an_svg_that_is_kept(live: Live, studies: Studies) -> None:
    for study_id, end in ((studies.done, "circle"), (studies.empty, 'class="none"')):
        answer = live.http.get(f"/studies/{study_id}/sparkline.svg?revision=1")
        assert answer.headers["content-type"] == "image/svg+xml"
        assert "immutable" in answer.headers["cache-control"]
        assert end in answer.text


def test_text_of_users_is_shown_as_text(live: Live) -> None:
    attack = '<script>alert("x")</script>'
    study = new_study(live.store, name=attack, notes=attack, tags=[attack])
    run(live.store, study.id, searches(1))
    live.store.studies.cancel(study.id)
    for path in ("/", f"/studies/{study.id}", f"/studies/new?clone={study.id}", f"/?q={attack}"):
        response = get(live, path)
        assert "<script>alert" not in response.text
        assert Page(response.text).inline_code == []
    live.store.studies.delete(study.id)


def test_a_platform_shows_its_table(live: Live) -> None:
    words = page(live, "/platforms/pixel1").words
    assert "Base 19.60 ms" in words
    assert "11.59" in words
    assert "SHA-256" in words


def test_a_platform_shows_the_error_of_its_model_where_it_was_measured(live: Live) -> None:
    assert "Not measured" in page(live, "/platforms/pixel1").words
    assert get(live, "/platforms/pixel1/model-error.json").status_code == 404
    types = ("3x3-3-0",) * 20
    base_ms = load_platform("pixel1").convnet_ms(Architecture.parse(types))
    convnets = tuple(WholeConvNet(architecture=types, measured_ms=base_ms + off) for off in (-2, 2, 3))
    mine = load_platform("pixel1").model_copy(update={"name": "mine", "measured_convnets": convnets})
    live.store.platforms.put(mine)
    words = page(live, "/platforms/mine").words
    assert "Error of the model" in words
    assert f"RMSE {(17 / 3) ** 0.5:.1f} ms" in words
    assert "the table is too fast on average" in words
    figure = live.http.get("/platforms/mine/model-error.json").json()
    assert len(figure["data"][1]["x"]) == 3


def test_a_trial_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with live_service(tmp_path) as live:
        study = new_study(live.store)
        run(live.store, study.id, searches(1))
        path = f"/studies/{study.id}/trials/0"
        assert "A worker keeps it beside the checkpoints" in page(live, path).words
        root = tmp_path.resolve() / "checkpoints"
        log = log_path(folder_of(str(root), live.store.trials.get(study.id, 0)), 1)
        log.parent.mkdir(parents=True)
        log.write_text("epoch 1: <b>fine</b>\n")
        words = page(live, path).words
        assert "Attempt 1. Times are UTC. epoch 1: <b>fine</b>" in words


def test_comparison_lists_only_the_settings_that_differ(live: Live, studies: Studies) -> None:
    words = page(live, f"/compare?study={studies.busy}&study={studies.done}").words
    assert "solver.kind multi_fidelity bayesian" in words
    assert "budget_epochs 400 200" in words
    assert "search.dataset" not in words


def test_a_study_of_a_platform_that_is_gone_is_still_shown(live: Live) -> None:
    study = new_study(live.store, name="Orphan", platform="gone")
    run(live.store, study.id, searches(1))
    assert "Orphan" in page(live, f"/studies/{study.id}").words
    live.store.studies.cancel(study.id)
    live.store.studies.delete(study.id)


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/nowhere", 404, "There is no such page"),
        ("/studies/nobody", 404, "Not found"),
        ("/studies/a%00b", 404, "Not found"),
        ("/platforms/nobody", 404, "Not found"),
        ("/compare?study=nobody", 404, "Not found"),
        ("/?state=bogus", 422, "Not acceptable: state"),
        ("/studies/nobody/trials/-1", 422, "Not acceptable: number"),
    ],
)
def test_errors_are_pages_with_a_way_back(live: Live, path: str, status: int, text: str) -> None:
    response = get(live, path)
    assert response.status_code == status
    found = Page(response.text)
    assert text in found.words
    assert "/" in found.links


def test_errors_of_the_api_stay_problem_documents(live: Live) -> None:
    for path in ("/v1/nowhere", "/v1/studies/nobody"):
        response = get(live, path)
        assert response.headers["content-type"] == "application/problem+json"
        assert response.status_code == 404
    unasked = live.http.get("/nowhere", headers={"accept": "application/json"})
    assert unasked.headers["content-type"] == "application/problem+json"


def test_states_have_a_sentence_and_the_actions_that_fit(live: Live) -> None:
    study = new_study(live.store, name="Actions")
    path = f"/studies/{study.id}"

    def actions() -> set[str]:
        return {"pause", "resume", "cancel", "delete"} & page(live, path).ids

    assert actions() == {"pause", "cancel"}
    live.store.studies.pause(study.id)
    assert actions() == {"resume", "cancel", "delete"}
    assert "Paused: nothing starts until it is resumed" in page(live, path).words
    assert live.store.studies.cancel(study.id).state is StudyState.CANCELLED
    assert actions() == {"delete"}
    live.store.studies.delete(study.id)


def test_a_study_and_its_trials_show_what_happened(live: Live, studies: Studies) -> None:
    found = page(live, f"/studies/{studies.busy}")
    assert f"trial {studies.running_trial}: running" in found.words
    assert f"/studies/{studies.busy}/history" in found.links
    everything = page(live, f"/studies/{studies.busy}/history")
    assert "created" in page(live, f"/studies/{studies.empty}").words
    assert "Earlier" in everything.words
    failed = page(live, f"/studies/{studies.busy}/trials/{studies.failed_trial}").words
    assert "failed nas_worker.errors.DivergedError: the loss is not finite at epoch 3" in failed


@pytest.mark.parametrize(
    ("beyond_ms", "words"),
    [(0.01, "less than 0.1 ms above the target"), (-0.01, "less than 0.1 ms below"), (1.26, "1.3 ms above")],
)
def test_the_distance_from_the_target_is_told(live: Live, beyond_ms: float, words: str) -> None:
    (search,) = searches(1)
    target = search.reports[-1].runtime_ms - beyond_ms
    study = new_study(live.store, target_runtime_ms=target, solver={"kind": "random"})
    run(live.store, study.id, [search])
    assert words in page(live, f"/studies/{study.id}").words
