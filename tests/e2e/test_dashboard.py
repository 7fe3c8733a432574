"""The dashboard in a real browser, on a real service whose trials were recorded beforehand."""

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from nas_worker.platform import WholeConvNet, load_platform
from service.domain.access import Scope
from service.domain.states import StudyState
from solver.composite import Composite
from tests.e2e.browser import DESKTOP, PHONE, Tab, chromium, tab
from tests.service.dashboard.filled import (
    Studies,
    fail,
    held_lease,
    new_study,
    run,
    run_partly,
)
from tests.service.figures.plausible import searches
from tests.service.live import Live, live_service

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="module")
def studies(live: Live) -> Studies:
    store = live.store
    empty = new_study(store, name="Nothing yet").id
    single = new_study(store, name="One trial").id
    run(store, single, searches(1, seed=3))
    name = "Busy " + "and-long-" * 12
    busy = new_study(store, name=name, solver={"kind": "multi_fidelity"}, tags=["night"]).id
    some = list(searches(50, low_fidelity=True, seed=1))
    run(store, busy, some[:48])
    fail(store, busy, some[48], epochs=1)
    run_partly(store, busy, some[49], epochs=1)
    done = new_study(store, name="Done", budget_epochs=200).id
    run(store, done, searches(25, seed=2))
    assert store.dispatch.finish_study(held_lease(store), done, StudyState.COMPLETED)
    return Studies(empty=empty, single=single, busy=busy, done=done, failed_trial=48, running_trial=49)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def desktop(browser: Browser, live: Live, studies: Studies) -> Iterator[Tab]:
    with tab(browser, live.base_url) as opened:
        yield opened
        opened.assert_quiet()


@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_every_page_is_quiet_accessible_and_fits(
    browser: Browser, live: Live, studies: Studies, width: int, scheme: str
) -> None:
    several = new_study(live.store, target_runtime_ms=[80, 65, 110, 95.5], solver={"kind": "composite"}).id
    run(live.store, several, searches(10, seed=4))
    convnets = tuple(WholeConvNet(architecture=("3x3-3-0",) * 20, measured_ms=80 + n) for n in range(9))
    profiled = {"name": "profiled", "measured_convnets": convnets}
    live.store.platforms.put(load_platform("pixel1").model_copy(update=profiled))
    figures = {
        "/": 0,
        f"/studies/{several}": 6,
        f"/studies/new?clone={several}": 0,
        "/studies/new": 0,
        f"/studies/{studies.empty}": 0,
        f"/studies/{studies.single}": 6,
        f"/studies/{studies.busy}": 6,
        f"/studies/{studies.busy}/trials/{studies.failed_trial}": 2,
        f"/compare?study={studies.busy}&study={studies.done}": 1,
        "/compare": 0,
        "/platforms": 0,
        "/platforms/pixel1": 0,
        "/platforms/profiled": 1,
        "/help": 0,
    }
    with tab(browser, live.base_url, width=width, scheme=scheme) as opened:
        for path, count in figures.items():
            opened.go(path)
            assert opened.draw_figures() == count, path
            opened.assert_fits()
            opened.assert_accessible()
        opened.assert_quiet()


def test_a_study_is_created_in_the_form(desktop: Tab, live: Live) -> None:
    page = desktop.page
    desktop.go("/")
    page.get_by_role("link", name="New study").click()
    target = page.get_by_label("Target runtime")
    target.fill("-5")
    expect(page.locator("#field-target_runtime_ms-error")).to_contain_text("got -5")
    expect(target).to_have_attribute("aria-invalid", "true")
    target.fill("60, 80, 60")
    expect(page.locator("#field-target_runtime_ms-error")).to_contain_text("60 is there more than once")
    target.fill("60,5")
    expect(page.locator("#field-target_runtime_ms-error")).to_contain_text("write 60.5 for one")
    expect(page.locator("#cost")).to_be_empty()
    target.fill("60, eighty")
    expect(page.locator("#field-target_runtime_ms-error")).to_contain_text('got "eighty"')
    target.fill("60, 80.5")
    expect(page.locator("#field-target_runtime_ms-error")).to_be_empty()
    page.get_by_label("Highest λ").fill("0.01")
    expect(page.locator("#field-lambda_range-high-error")).to_contain_text("low must be below high")
    page.get_by_label("Highest λ").fill("5")
    page.get_by_text("Options of the solver").click()
    page.get_by_label("JSON object").fill("{nonsense")
    expect(page.locator("#field-solver-error")).to_contain_text("is not JSON")
    page.get_by_label("JSON object").fill("")
    page.get_by_label("random").check()
    page.get_by_label("Budget").fill("80")
    expect(page.locator("#cost")).to_contain_text("80 epochs: 10 trials at full fidelity")
    page.get_by_label("Tags").fill("form, night")
    page.get_by_role("button", name="Create the study").click()
    page.wait_for_url(re.compile(r"/studies/[0-9a-f]+$"))
    spec = live.store.studies.get(page.url.rsplit("/", 1)[1]).spec
    assert (spec.targets_ms, spec.lambda_range.high, spec.budget_epochs) == ((60, 80.5), 5, 80)
    assert (spec.solver.kind, spec.tags) == ("random", ("form", "night"))


def test_an_open_page_follows_the_study(desktop: Tab, live: Live) -> None:
    study_id = new_study(live.store, name="Followed").id
    page = desktop.page
    desktop.go(f"/studies/{study_id}")
    expect(page.locator("#standing, .standing")).to_contain_text("Waiting for its first trial")
    page.evaluate("window.untouched = true")
    search, second = searches(2, seed=7)
    trial = run_partly(live.store, study_id, search, epochs=3)
    expect(page.locator(".standing")).to_have_text(re.compile("1 trial running"))
    expect(page.locator("#spent")).to_have_text("3 epochs")
    live.store.dispatch.record_epochs(held_lease(live.store), trial.id, trial.attempt, search.reports)
    live.store.dispatch.complete_trial(held_lease(live.store), trial.id, trial.attempt)
    expect(page.locator("#best-lambda")).to_have_text(f"{search.suggestion.lambda_:.3g}")
    assert desktop.draw_figures() == 6
    run(live.store, study_id, [second])
    expect(page.get_by_role("link", name="1", exact=True)).to_be_visible()
    expect(page.locator("#progress .main-svg").first).to_be_visible()
    assert page.evaluate("window.untouched") is True


def test_a_study_is_paused_changed_cancelled_and_deleted(desktop: Tab, live: Live) -> None:
    study_id = new_study(live.store, name="Acted upon").id
    page = desktop.page
    desktop.go(f"/studies/{study_id}")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#study-state")).to_have_text("paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#study-state")).to_have_text("pending")
    page.get_by_role("button", name="Change").click()
    page.get_by_label("Budget in epochs").fill("500")
    page.get_by_label("Longest trial in seconds").fill("90.5")
    page.get_by_label("Tags").fill("urgent, night")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#left")).to_have_text("500 epochs")
    expect(page.get_by_role("link", name="urgent")).to_be_visible()
    spec = live.store.studies.get(study_id).spec
    assert (spec.budget_epochs, spec.tags, spec.name) == (500, ("urgent", "night"), "Acted upon")
    assert spec.trial_timeout_seconds == 90.5
    page.get_by_role("button", name="Change").click()
    page.get_by_label("Longest trial in seconds").fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert live.store.studies.get(study_id).spec.trial_timeout_seconds is None
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Leave it").click()
    expect(page.locator("#study-state")).to_have_text("pending")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the study").click()
    expect(page.locator("#study-state")).to_have_text("cancelled")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete the study").click()
    page.wait_for_url(f"{live.base_url}/")
    expect(page.get_by_text("Acted upon")).to_have_count(0)


def test_a_refused_change_says_why(browser: Browser, live: Live, studies: Studies) -> None:
    with tab(browser, live.base_url) as opened:
        opened.go(f"/studies/{studies.done}")
        opened.page.get_by_role("button", name="Change").click()
        opened.page.get_by_label("Budget in epochs").fill("10")
        opened.page.get_by_role("button", name="Save").click()
        expect(opened.page.locator("#patch-budget-error")).to_contain_text("200")
        assert live.store.studies.get(studies.done).spec.budget_epochs == 200
        opened.page.get_by_role("button", name="Leave it").click()
        opened.page.get_by_role("button", name="Make it a study").click()
        opened.page.get_by_label("Epochs to spend").fill("3")
        opened.page.get_by_role("button", name="Make the study").click()
        expect(opened.page.locator("#retarget-budget-error")).to_contain_text("must buy one trial")


def test_a_recommendation_that_takes_longer_appears_by_itself(
    desktop: Tab, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_id = new_study(live.store, name="Pondered", solver={"kind": "composite"}).id
    run(live.store, study_id, searches(10, seed=4))
    may_answer, recommend = threading.Event(), Composite.recommend

    def slow(*arguments: Any) -> Any:
        assert may_answer.wait(60)
        return recommend(*arguments)

    monkeypatch.setattr(Composite, "recommend", slow)
    page = desktop.page
    desktop.go(f"/studies/{study_id}")
    expect(page.locator("#answer")).to_contain_text("The solver is working out what it recommends")
    may_answer.set()
    expect(page.locator(".answers li")).to_contain_text("recommended")
    expect(page.locator("#answer")).not_to_contain_text("working out")


@pytest.mark.parametrize("target", [60.0, 130.0])
def test_another_target_shows_its_best_trial_at_once(
    desktop: Tab, live: Live, studies: Studies, target: float
) -> None:
    desktop.go(f"/studies/{studies.done}")
    slider = desktop.page.locator("#what-if-target")
    slider.fill(str(target + float(slider.get_attribute("min") or 0) % 0.5))
    shown = float(slider.input_value())
    best = live.store.studies.best(studies.done, shown)
    words = f"trial {best.number}: λ {best.lambda_:.3g}"
    expect(desktop.page.locator("#what-if-answer")).to_contain_text(words)


def test_another_target_becomes_a_study(desktop: Tab, live: Live, studies: Studies) -> None:
    page = desktop.page
    desktop.go(f"/studies/{studies.done}")
    page.locator("#what-if-target").fill("100.5")
    target = float(page.locator("#what-if-target").input_value())
    page.get_by_role("button", name="Make it a study").click()
    expect(page.get_by_label("Target runtime in ms")).to_have_value(f"{target:g}")
    page.get_by_role("button", name="Make the study").click()
    expect(page.get_by_role("heading", name=f"Answer for {target:g} ms")).to_be_visible()
    made = live.store.studies.get(page.url.rsplit("/", 1)[1])
    assert made.spec.targets_ms == (target,)
    assert made.trial_counts == live.store.studies.get(studies.done).trial_counts
    live.store.studies.delete(made.id)


def test_what_an_engineer_wants_is_found_by_keyboard(desktop: Tab, live: Live, studies: Studies) -> None:
    page = desktop.page
    desktop.go(f"/studies/{studies.busy}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.get_by_role("button", name="Recommended λ").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#help-lambda")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help-lambda")).to_be_hidden()
    best = live.store.studies.best(studies.busy)
    expect(page.locator("#best-lambda")).to_have_text(f"{best.lambda_:.3g}")
    expect(page.locator("#left")).to_have_text(f"{live.store.studies.get(studies.busy).left_epochs} epochs")
    page.get_by_role("link", name="See why a trial failed").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".trials tbody tr")).to_have_count(1)
    page.get_by_role("link", name=str(studies.failed_trial), exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Why it failed")).to_be_visible()
    expect(page.locator("pre")).to_contain_text("the loss is not finite")


def test_a_dot_leads_to_its_trial(desktop: Tab, studies: Studies) -> None:
    page = desktop.page
    desktop.go(f"/studies/{studies.single}")
    desktop.draw_figures()
    page.locator("#frontier").scroll_into_view_if_needed()
    star = page.locator("#frontier .scatterlayer .points path").last
    box = star.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#frontier .hoverlayer text").first).to_be_visible()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url(f"**/studies/{studies.single}/trials/0")


def test_chosen_studies_are_compared(desktop: Tab, studies: Studies) -> None:
    page = desktop.page
    desktop.go("/")
    page.get_by_label("Compare Done").check()
    page.get_by_label("Compare Busy").check()
    page.get_by_role("button", name="Compare the chosen").click()
    expect(page.get_by_role("heading", name="Compare studies")).to_be_visible()
    assert desktop.draw_figures() == 1
    expect(page.get_by_role("region", name="Differences in settings")).to_contain_text("solver.kind")


@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_who_must_log_in_is_led_back_to_the_page(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, width: int, scheme: str
) -> None:
    with live_service(tmp_path_factory.mktemp("guarded"), require_token=True) as guarded:
        study_id = new_study(guarded.store, name="Guarded").id
        _, token = guarded.store.tokens.create("browser", Scope.READ)
        with tab(browser, guarded.base_url, width=width, scheme=scheme) as opened:
            page = opened.page
            opened.go(f"/studies/{study_id}")
            expect(page.get_by_role("heading", name="Log in")).to_be_visible()
            opened.assert_fits()
            opened.assert_accessible()
            page.get_by_label("Access token").fill("spnas_wrong")
            page.get_by_role("button", name="Log in").click()
            expect(page.locator("#token-error")).to_contain_text("unknown, expired or revoked")
            page.get_by_label("Access token").fill(str(token))
            page.get_by_role("button", name="Log in").click()
            expect(page.get_by_role("heading", name="Guarded")).to_be_visible()
            page.get_by_role("button", name="Log out").click()
            expect(page.get_by_role("heading", name="Log in")).to_be_visible()
