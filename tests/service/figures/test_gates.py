from dataclasses import replace

from nas_worker.space import GATES, SEARCHABLE, is_skippable
from service.figures import gates
from tests.service.figures.plausible import searches

(SEARCH,) = searches(1)


def test_each_gate_has_a_panel_with_the_margins_of_all_layers_and_epochs() -> None:
    chart = gates.figure(SEARCH.reports)
    assert [trace.name for trace in chart.data] == list(GATES)
    bound = chart.layout.coloraxis.cmax
    assert chart.layout.coloraxis.cmin == -bound
    for place, trace in enumerate(chart.data):
        assert (len(trace.z), len(trace.z[0])) == (len(SEARCHABLE), len(SEARCH.reports))
        for layer, row in zip(SEARCHABLE, trace.z, strict=True):
            if trace.name == "e3" and not is_skippable(layer):
                assert set(row) == {None}
                continue
            for report, shown in zip(SEARCH.reports, row, strict=True):
                assert report.gate_margins is not None
                margin = report.gate_margins[layer - 1][place]
                assert abs(shown - margin) <= 5e-3 * abs(margin)
                assert abs(shown) <= bound * 1.005


def test_epochs_without_margins_are_blank() -> None:
    *reports, last = SEARCH.reports
    chart = gates.figure([*reports, replace(last, gate_margins=None)])
    for trace in chart.data:
        assert {row[-1] for row in trace.z} == {None}
    assert {value for trace in chart.data for row in trace.z for value in row} != {None}


def test_without_any_margin_it_is_still_a_figure() -> None:
    assert gates.figure([]).to_json()
    assert gates.figure([replace(each, gate_margins=None) for each in SEARCH.reports]).to_json()
