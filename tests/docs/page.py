"""Runs the commands of a page one after the other in a folder of its own, with the files that they name.

What would take long is run small: further options are added, which change how much is done and not what. What
cannot run here is named in ``PARSED`` and ``NOT_RUN`` with the reason.
"""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from nas_worker.export.block_strings import encode_blocks
from nas_worker.export.document import ArchitectureDocument
from nas_worker.platform import load_platform
from nas_worker.space import Architecture, LayerType
from service.db import migrate
from tests.docs.lines import ROOT, Line, blocks
from tests.docs.parsers import read_module, read_spnas
from tests.nas_worker.sources.folders import class_folders
from tests.nas_worker.sources.test_huggingface import rows
from tests.service.cli.conftest import run_cli
from tests.service.cli.synthetic import work_off
from tests.service.cli.test_platform_import import phone_csv
from tests.service.live import Live

_TINY_SEARCH = "--epochs 1 --set max_train_images=64 --set width=0.05 --set batch_size=32"
_TINY_TRAINING = "--epochs 1 --set max_train_images=64 --batch-size 32 --image-size 32 --threads 1"
_TINY_EXPERIMENT = "--quick --runs 1 --max-train-images 64 --set width=0.05 --set batch_size=32"
_TINY_PROFILE = "--clock cpu --threads 1 --image-size 32 --width 0.25 --rounds 3 --repeats 3"
SMALLER = {
    "search": _TINY_SEARCH,
    "train": _TINY_TRAINING,
    "sweep": "--dry-run",
    "export net.json": "--width 0.1 --image-size 64",
    "export blocks.txt": "--width 0.1 --image-size 64",
    "platform profile": f"{_TINY_PROFILE} --evaluate 2",
    "reproduce fig4": "--quick --convnets 2 --rounds 1 --image-size 16 --width 0.25 --clock cpu",
    "reproduce fig5": _TINY_EXPERIMENT,
    "reproduce fig8": f"{_TINY_EXPERIMENT} --formulation single_path_sigmoid",
    "reproduce fig9": f"{_TINY_EXPERIMENT} --solver random",
    "reproduce table2": _TINY_EXPERIMENT,
}
"""Options that are added to a command."""
SMALLER_UNLESS_GIVEN = {"train": ("--width", "0.05")}
"""An option that is added to a command without it: where it is given it decides in which folder things go."""
PARSED = {
    "serve": "runs until it is stopped: tests/service/cli/test_serve.py",
    "train mnasnet-b1 --dataset hub:": "downloads",
    "search --lambda 1 --dataset noisy_digits": "tests/docs/test_extend.py",
}
"""Beginnings of lines of `spnas` that only its parser reads."""
NOT_RUN = {
    "git clone": "there is no address yet",
    "cd ": "of the line above",
    "source .venv/bin/activate": "the tests run in an environment already",
    "packaging/install.sh": "the tests run where it has run",
    "python -m venv": "makes one of several GB",
    "python -m pytest": "tests/docs/test_extend.py",
    ".litert/bin/": "in that environment",
    "createdb": "the tests' server has no such program",
    "ray ": "starts clusters of machines",
    "docker ": "tests/docker",
    "kubectl ": "tests/docker",
}
"""Beginnings of lines that do not run."""


class Page:
    """The folder and the service of a page's commands.

    Args:
        page: The Markdown file.
        folder: Empty; the working directory.
        live: The service that commands talk to, which may read data sets in ``folder``.
        new_database: Makes an empty PostgreSQL database and returns its URL.
    """

    def __init__(self, page: Path, folder: Path, live: Live, new_database: Callable[[], str]) -> None:
        self._folder = folder
        self._live = live
        self._postgres = new_database()
        study = live.create(budget_epochs=40, solver={"kind": "random"}, max_parallel_trials=1)
        self._study: str = study["id"]
        work_off(live.store, self._study)
        self._token = "none"
        self._environment = {"SPNAS_DATA_DIR": str(folder / "spnas-data")}
        _write_files(folder)
        for block in blocks(page, "toml"):
            named = re.match(r"# (\S+\.toml)\n", block)
            if named:
                (folder / named[1]).write_text(block.replace("/data/", f"{folder}/"), "utf-8")
        text = page.read_text("utf-8")
        if "--out mine.json" not in text:
            mine = load_platform("pixel1").model_copy(update={"name": "mine"})
            (folder / "mine.json").write_text(mine.to_json(), "utf-8")
        if "checkpoint.pt" in text:
            self._spnas(["search", "--lambda", "1", "--checkpoint-dir", "."])
            next(folder.glob("*.pt")).rename(folder / "checkpoint.pt")

    def run(self, line: Line) -> None:
        """Runs a command, or has its parser read it.

        Raises:
            AssertionError: It failed, or nobody knows how to run it.
        """
        if any(line.text.startswith(start) for start in NOT_RUN):
            return
        program, *words = line.words
        programs: dict[str, Callable[[list[str]], None]] = {
            "spnas": self._spnas,
            "make": self._make,
            "python": self._python,
            "pip": self._pip,
            "curl": self._curl,
            "alembic": self._alembic,
            "export": lambda _: self._export(line.text),
        }
        assert program in programs, f"no test knows how to run {program}"
        programs[program](words)

    def _spnas(self, words: list[str]) -> None:
        words = [self._filled(word) for word in words]
        text = " ".join(words)
        if any(text.startswith(start) for start in PARSED):
            read_spnas(words)
            return
        for start, options in SMALLER.items():
            if text.startswith(start):
                words += shlex.split(options)
        for start, option in SMALLER_UNLESS_GIVEN.items():
            if text.startswith(start) and option[0] not in words:
                words += option
        result = run_cli(words, env={**self._environment, "SPNAS_SERVER": self._live.base_url})
        assert result.exit_code == 0, result.output
        if words[:2] == ["token", "create"]:
            self._token = result.stderr.split()[1]

    def _filled(self, word: str) -> str:
        """A word with the page's placeholders replaced."""
        if word.startswith("postgresql://"):
            return self._postgres
        names: dict[str, str] = {"ID": self._study, "STUDY": self._study, "TOKEN_ID": self._token}
        return names.get(word, word)

    def _make(self, words: list[str]) -> None:
        done = self._ran(["make", "--dry-run", "--directory", str(ROOT), *words])
        for each in done.splitlines():
            recipe = shlex.split(each)
            if recipe and Path(recipe[0]).parent.name == "bin":
                program, *rest = recipe
                if Path(program).name == "spnas":
                    read_spnas(rest)
                elif rest[:1] == ["-m"] and rest[1].startswith(("benchmarks.", "tests.")):
                    read_module(rest[1], rest[2:])

    def _python(self, words: list[str]) -> None:
        if words[0] == "-m" and words[1].startswith(("benchmarks.", "tests.")):
            read_module(words[1], words[2:])
            return
        self._ran([sys.executable, *(self._filled(word) for word in words)])

    def _pip(self, words: list[str]) -> None:
        """Only whether the extras that it installs are there."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        assert words[0] == "install"
        for word in words[1:]:
            name, _, extra = word.partition("[")
            assert name in ("spnas-tuner", "kaleido"), word
            assert not extra or extra.removesuffix("]") in project["optional-dependencies"], word

    def _curl(self, words: list[str]) -> None:
        host = self._live.base_url.removeprefix("http://")
        filled = [word.replace("localhost:8080", host).replace("/ID", f"/{self._study}") for word in words]
        endless = "-N" in words  # events go on until somebody hangs up, which is curl's status 28
        options = ("-sS", "--fail-with-body", "--max-time", "2" if endless else "20")
        self._ran(["curl", *options, *filled], accepted=(28,) if endless else (0,))

    def _alembic(self, words: list[str]) -> None:
        if not (self._folder / "alembic.ini").exists():
            (self._folder / "alembic.ini").write_text((ROOT / "alembic.ini").read_text("utf-8"))
            self._ran(["cp", "-r", str(ROOT / "migrations"), "migrations"])
        self._ran([sys.executable, "-m", "alembic", *words])

    def _export(self, text: str) -> None:
        name = text.split()[1].partition("=")[0]
        text = re.sub(r"postgresql://\S+", self._postgres, text)
        self._environment[name] = self._ran(["bash", "-c", f'{text}; printf %s "${name}"'])

    def _ran(self, words: list[str], accepted: tuple[int, ...] = (0,)) -> str:
        paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        done = subprocess.run(
            words,
            cwd=self._folder,
            env={**os.environ, **self._environment, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode in accepted, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
        return done.stdout


def _write_files(folder: Path) -> None:
    """The files that pages name and do not make."""
    architecture = Architecture.uniform(LayerType(3, 3, 0.0))
    document = ArchitectureDocument.of(architecture)
    (folder / "net.json").write_text(document.to_json(), "utf-8")
    (folder / "blocks.txt").write_text("\n".join(encode_blocks(document.layers)), "utf-8")
    (folder / "study.toml").write_text("target_runtime_ms = 80\n", "utf-8")
    phone_csv(folder)
    for name in ("flowers", "imagenet"):
        class_folders(folder / name, 24, classes=3)
    (folder / "cifar10" / "data").mkdir(parents=True)
    pq.write_table(rows(40), folder / "cifar10" / "data" / "train-00000-of-00001.parquet")
    (folder / "spnas-data").mkdir()
    migrate.upgrade(f"sqlite:///{folder}/spnas-data/spnas.db")
