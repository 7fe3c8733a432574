import json
import sys
from pathlib import Path

import pytest

from benchmarks import latency_model
from nas_worker.profiling.settings import ProfileSettings

SMALL = ProfileSettings(clock="cpu", image_size=16, width=0.25, classes=10, rounds=2, evaluation=2)


def test_figures_are_those_of_a_real_profile() -> None:
    found = latency_model.figures_of(SMALL)
    assert found["mean_runtime_ms"] > found["base_ms"] > 0
    assert found["rmse_percent_of_mean"] == pytest.approx(100 * found["rmse_ms"] / found["mean_runtime_ms"])


def test_back_ends_that_are_not_there_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def small(settings: ProfileSettings) -> dict[str, float]:
        return whole(SMALL.model_copy(update={"backend": settings.backend}))

    whole = latency_model.figures_of
    monkeypatch.setattr(latency_model, "figures_of", small)
    monkeypatch.setattr("sys.argv", ["latency_model", "--quick", "--json", str(tmp_path / "figures.json")])
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    latency_model.main()
    report = json.loads((tmp_path / "figures.json").read_text())
    assert report["name"] == "latency_model"
    assert "torch.mean_error_percent" in report["figures"]
    assert "left out: back end onnxruntime: onnxruntime is not installed" in capsys.readouterr().out
