import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.cli.completion import study_ids
from tests.service.cli.conftest import run_cli
from tests.service.live import Live


def offered(*words: str) -> list[str]:
    """What bash is told when Tab is pressed after the last word, which may be empty."""
    line = {
        "_SPNAS_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    return run_cli([], env=line).stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "offer"),
    [
        (("spnas", "st"), ["study"]),
        (("spnas", "study", "re"), ["resume", "recommend"]),
        (("spnas", "study", "create", "--bud"), ["--budget"]),
        (("spnas", "study", "create", "--solver", "mul"), ["multi_fidelity"]),
        (("spnas", "study", "create", "--platform", "p"), ["pixel1"]),
        (("spnas", "sweep", "--dataset", "d"), ["digits"]),
        (("spnas", "token", "create", "CI", "--scope", "w"), ["write"]),
    ],
)
def test_commands_options_and_values_are_offered(words: tuple[str, ...], offer: list[str]) -> None:
    assert offered(*words) == offer


def test_studies_of_the_service_are_offered(
    live: Live, study_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPNAS_SERVER", live.base_url)
    assert (study_id, "phone") in study_ids("")
    assert study_ids(study_id[:-1]) == [(study_id, "phone")]


def test_nothing_is_offered_where_no_service_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPNAS_SERVER", "http://127.0.0.1:9")
    assert study_ids("") == []
    monkeypatch.delenv("SPNAS_SERVER")
    monkeypatch.setenv("SPNAS_PORT", "0")
    assert study_ids("") == []


def test_a_bash_completes_once_it_is_told_to(tmp_path: Path) -> None:
    program = tmp_path / "spnas"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from service.cli import main; main()" "$@"\n')
    program.chmod(0o755)
    script = """
        spnas --install-completion >&2
        source ~/.bashrc
        COMP_WORDS=(spnas study wat) COMP_CWORD=2
        _spnas_completion spnas
        echo "${COMPREPLY[@]}"
    """
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "watch\n"
