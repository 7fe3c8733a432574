import os
from pathlib import Path

import pytest

from nas_worker.atomic import write_bytes, write_text


def test_a_fault_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.json"
    write_text(path, "old")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"


def test_folders_are_made(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b.txt", "ü")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "ü".encode()


def test_parts_are_joined(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"a\n", memoryview(b"b\r\n"))
    assert (tmp_path / "file").read_bytes() == b"a\nb\r\n"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
