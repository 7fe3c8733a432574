import json

import plotly.graph_objects as go
import plotly.io
import pytest

from service.client import Client, StudySpec
from tests.service.live import Live
from tests.service.searches import finished_trial


def test_it_is_drawn_by_plotly(live: Live, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    study = client.study(client.create_study(StudySpec(target_runtime_ms=80)))
    finished_trial(live.store, study.id)
    figure = study.figure("progress")
    assert isinstance(figure, dict)
    assert go.Figure(figure) == figure.plot()
    assert "Plotly.newPlot" in figure._repr_html_()
    monkeypatch.setattr(plotly.io.renderers, "default", "plotly_mimetype")
    drawn = figure._repr_mimebundle_()["application/vnd.plotly.v1+json"]
    assert len(drawn["data"]) == len(figure["data"]) > 0
    assert json.dumps(drawn["layout"]["title"]) == json.dumps(figure["layout"]["title"])
