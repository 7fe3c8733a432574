import json
import sys

import pytest

from benchmarks import nni_supernet
from benchmarks.nni_supernet import configuration_of
from nas_worker.space import LARGEST, MacroArchitecture


def test_the_peer_gets_the_same_macro_architecture() -> None:
    macro = MacroArchitecture(0.25, 32, 3, 10)
    found = json.loads(json.dumps(configuration_of(macro, 32)))
    assert len(found["layers"]) == 22
    assert [layer["residual"] for layer in found["layers"]].count(True) == 15
    assert found["layers"][1]["in"] == macro.layers[1].in_channels
    assert found["types"][-1] == [LARGEST.kernel, LARGEST.expansion, LARGEST.se_ratio]


def test_an_environment_without_nni_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["nni_supernet", "--python", sys.executable, "--quick"])
    with pytest.raises(SystemExit, match="1"):
        nni_supernet.main()
    assert "does not run NNI" in capsys.readouterr().err
