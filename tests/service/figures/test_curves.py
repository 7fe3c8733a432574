from service.domain.records import EpochRecord
from service.figures import curves
from service.figures.curves import MAX_TRIALS, chosen
from tests.service.figures.plausible import searches
from tests.service.figures.records import study_of

STUDY, TRIALS, EPOCHS = study_of(list(searches(30)))


def epochs_by_number() -> dict[int, list[EpochRecord]]:
    found: dict[int, list[EpochRecord]] = {}
    for number, epoch in EPOCHS:
        found.setdefault(number, []).append(epoch)
    return found


def test_the_recommended_trial_and_the_latest_are_drawn() -> None:
    assert STUDY.best is not None
    for count in (0, 1, MAX_TRIALS, len(TRIALS)):
        numbers = [trial.number for trial in chosen(STUDY, TRIALS[:count])]
        assert len(numbers) == min(count, MAX_TRIALS)
        assert numbers == sorted(set(numbers))
        assert (STUDY.best.number in numbers) == (STUDY.best.number < count)


def test_every_drawn_trial_has_its_three_curves() -> None:
    chart = curves.figure(STUDY, TRIALS, epochs_by_number())
    drawn = [trace for trace in chart.data if trace.meta == "curve"]
    assert len(drawn) == 3 * MAX_TRIALS
    assert f"{MAX_TRIALS} of 30 trials" in chart.layout.meta["note"]
    reports = [epoch.report for epoch in epochs_by_number()[TRIALS[-1].number]]
    cross_entropy, accuracy, runtime = drawn[-3:]
    assert list(cross_entropy.x) == [report.epoch for report in reports]
    for trace, expected in (
        (cross_entropy, [report.cross_entropy for report in reports]),
        (accuracy, [report.accuracy for report in reports]),
        (runtime, [report.runtime_ms for report in reports]),
    ):
        assert all(abs(shown - value) <= 1e-3 * value for shown, value in zip(trace.y, expected, strict=True))
