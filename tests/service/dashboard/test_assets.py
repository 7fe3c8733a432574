import re
from pathlib import Path

import plotly

from service.dashboard import assets
from tests.service.dashboard.filled import Studies
from tests.service.live import Live


def test_static_files_have_versioned_addresses_and_are_kept_for_ever(live: Live, studies: Studies) -> None:
    html = live.http.get(f"/studies/{studies.busy}").text
    urls = set(re.findall(r'"(/static/[^"]+)"', html))
    assert len(urls) >= 4
    for url in urls:
        answer = live.http.get(url)
        assert answer.status_code == 200, url
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert re.search(r"/[0-9a-f]{12}/|-\d+\.\d+\.\d+\.", url)


def test_modules_import_only_files_that_are_there(live: Live) -> None:
    base = assets.static_url("main.js").rsplit("/", 1)[0]
    waiting, seen = ["main.js"], set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        answer = live.http.get(f"{base}/{name}")
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/javascript")
        waiting += set(re.findall(r'(?:from|import\()\s*"\./([\w.]+)"', answer.text)) - seen
    assert {"live.js", "figures.js", "actions.js", "new_study.js", "what_if.js"} <= seen


def test_plotly_comes_from_the_installed_package(live: Live) -> None:
    original = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_bytes()
    zipped = live.http.get(assets.plotly_url(), headers={"accept-encoding": "gzip"})
    plain = live.http.get(assets.plotly_url(), headers={"accept-encoding": "identity"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert int(zipped.headers["content-length"]) < len(original) / 3
    assert "content-encoding" not in plain.headers
    assert zipped.content == plain.content == original


def test_other_versions_and_unknown_files_are_not_found(live: Live) -> None:
    current = assets.static_url("base.css")
    for url in (
        current.replace(assets.version(), "0" * 12),
        current.replace("base.css", "other.css"),
        "/static/plotly-0.0.0.min.js",
    ):
        assert live.http.get(url).status_code == 404
