"""Data sets in files: read from the folders that the deployment names, and from nowhere else."""

from pathlib import Path
from typing import Any

import pytest

from tests.nas_worker.sources.folders import class_folders
from tests.service.api.problems import assert_invalid
from tests.service.live import live_service


def spec(dataset: str) -> dict[str, Any]:
    return {"target_runtime_ms": 80, "search": {"dataset": dataset}}


@pytest.mark.parametrize(
    ("dataset", "says"),
    [
        ("imagefolder:/etc", "SPNAS_DATASET_ROOTS names the folders for imagefolder:"),
        ("parquet:/etc/x.parquet", "SPNAS_DATASET_ROOTS names the folders for parquet:"),
        ("hub:mnist", "SPNAS_ALLOW_HUB=true lets it"),
        ("imagefolder:", "expected a path after imagefolder:"),
        ("imagefolder:/a\0b", "expected a path after imagefolder:"),
    ],
)
def test_by_default_none_is_read(dataset: str, says: str, tmp_path: Path) -> None:
    with live_service(tmp_path) as live:
        response = live.http.post("/v1/studies", json=spec(dataset))
    assert says in assert_invalid(response, "search.dataset")["search.dataset"]


def test_only_the_roots_are_read(tmp_path: Path) -> None:
    inside = class_folders(tmp_path / "roots" / "inside", 4)
    outside = class_folders(tmp_path / "outside", 4)
    (tmp_path / "roots" / "link").symlink_to(outside)
    refused = ("outside", "roots/link", "roots/../outside", "roots/../../etc", "rootsandmore")
    with live_service(tmp_path / "data", dataset_roots=(str(tmp_path / "roots"),)) as live:
        live.create(search={"dataset": f"imagefolder:{inside}"})
        for path in refused:
            response = live.http.post("/v1/studies", json=spec(f"imagefolder:{tmp_path}/{path}"))
            assert "outside the folders" in assert_invalid(response, "search.dataset")["search.dataset"]
        relative = live.http.post("/v1/studies", json=spec("imagefolder:roots/inside"))
        assert (
            "expected an absolute path; got roots/inside"
            in assert_invalid(relative, "search.dataset")["search.dataset"]
        )


def test_the_hub_can_be_allowed(tmp_path: Path) -> None:
    with live_service(tmp_path, allow_hub=True) as live:
        live.create(search={"dataset": "hub:uoft-cs/cifar10"})
        live.create(search={"dataset": "hub:mnist?label=label&config=mnist"})


def test_an_allowed_hub_opens_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class_folders(tmp_path / "owner" / "private", 4)
    monkeypatch.chdir(tmp_path)
    refused = {
        f"hub:{tmp_path}/owner/private": "expected OWNER/NAME or NAME",
        "hub:../x": "expected OWNER/NAME or NAME",
        "hub:owner/private": "is a file or folder here",
        "hub:csv": "reads files",
        "hub:imagefolder": "reads files",
        "hub:a/b?config=../../x": "no name of a configuration",
    }
    with live_service(tmp_path / "data", allow_hub=True) as live:
        for dataset, says in refused.items():
            response = live.http.post("/v1/studies", json=spec(dataset))
            assert says in assert_invalid(response, "search.dataset")["search.dataset"]
