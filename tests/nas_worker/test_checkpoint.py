from pathlib import Path
from typing import Any

import pytest
import torch

from nas_worker.checkpoint import checkpoint_path, load_checkpoint, save_checkpoint
from nas_worker.errors import CheckpointError


class Counter:
    """About the smallest thing that can be resumed."""

    def __init__(self, seed: int = 0, lambda_: float = 1.0, start: float = 0.0) -> None:
        self.identity = {"seed": seed, "lambda": lambda_}
        self.value = torch.full((1000,), start)

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.value = state["value"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = checkpoint_path(tmp_path / "trial" / "7", epoch=3, attempt=2)
    save_checkpoint(path, Counter(start=2.5), 3)
    return path


def test_what_is_saved_is_loaded_and_no_other_file_stays(path: Path) -> None:
    counter = Counter()
    assert load_checkpoint(path, counter) == 3
    assert torch.equal(counter.value, torch.full((1000,), 2.5))
    assert [file.name for file in path.parent.iterdir()] == ["epoch-3-attempt-2.pt"]


def test_saving_again_replaces_the_file(path: Path) -> None:
    save_checkpoint(path, Counter(start=9.0), 3)
    counter = Counter()
    load_checkpoint(path, counter)
    assert counter.value[0] == 9


def test_a_write_that_fails_leaves_the_earlier_checkpoint(path: Path) -> None:
    class Unsavable(Counter):
        def state_dict(self) -> dict[str, Any]:
            return {"value": lambda: None}

    before = path.read_bytes()
    with pytest.raises((AttributeError, RuntimeError, TypeError), match="pickle"):
        save_checkpoint(path, Unsavable(), 3)
    assert path.read_bytes() == before


def cut_short(content: bytes) -> bytes:
    return content[: len(content) // 2]


def one_bit_flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def empty(content: bytes) -> bytes:
    return b""


def other_bytes(content: bytes) -> bytes:
    return b"\x80\x02not a checkpoint" * 100


@pytest.mark.parametrize("damage", [empty, cut_short, one_bit_flipped, other_bytes])
def test_a_damaged_checkpoint_is_named(damage: Any, path: Path) -> None:
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match=f"checkpoint {path} is damaged: its digest does not match"):
        load_checkpoint(path, Counter())


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "epoch-1-attempt-1.pt"
    with pytest.raises(CheckpointError, match=f"checkpoint {missing} cannot be read: No such file"):
        load_checkpoint(missing, Counter())


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Hostile(Counter):
        def state_dict(self) -> dict[str, Any]:
            return {"value": Path("anything that is no tensor")}

    path = tmp_path / "epoch-1-attempt-1.pt"
    save_checkpoint(path, Hostile(), 1)
    with pytest.raises(CheckpointError, match=f"{path} holds more than tensors and plain values"):
        load_checkpoint(path, Counter())


def test_a_checkpoint_of_another_format_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas_worker.checkpoint._FORMAT", 2)
    with pytest.raises(CheckpointError, match=f"checkpoint {path} has format 1; expected 2"):
        load_checkpoint(path, Counter())


def test_a_checkpoint_of_another_search_is_refused_with_what_differs(path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"is of another search: seed is 0, not 1; lambda is 1.0, not 2.0"
    ):
        load_checkpoint(path, Counter(seed=1, lambda_=2.0))
