import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.service.cli.conftest import run_cli

SPNAS = [sys.executable, "-c", "from service.cli import main; main()"]


def test_serve_says_where_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    line = [*SPNAS, "serve", "--port", "0", "--no-dispatcher", "--data-dir", str(tmp_path / "data")]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        announcement = process.stderr.readline()
        match = re.search(r"dashboard (http://\S+)/ ", announcement)
        assert match, announcement
        assert httpx.get(f"{match[1]}/readyz", timeout=30).is_success
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err
    assert (tmp_path / "data" / "spnas.db").exists()


def test_flags_win_over_the_environment_and_a_bad_value_names_its_source(tmp_path: Path) -> None:
    environment = {"SPNAS_HOST": "0.0.0.0", "SPNAS_DATA_DIR": str(tmp_path)}
    result = run_cli(["serve"], env=environment)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: host: 0.0.0.0 is reachable from other machines")
    result = run_cli(["serve"], env={"SPNAS_PORT": "many"})
    assert result.exit_code == 2
    assert result.stderr.startswith("error: port: ")
