"""A service that asks for tokens, from the command line."""

from collections.abc import Iterator

import pytest

from service.cli.completion import study_ids
from service.domain.access import Scope
from tests.service.cli.conftest import run_cli
from tests.service.live import Live, live_service


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A service that asks for tokens."""
    with live_service(tmp_path_factory.mktemp("service"), require_token=True) as live:
        yield live


def environment(live: Live, scope: Scope) -> dict[str, str]:
    token = str(live.store.tokens.create("CLI", scope)[1])
    return {"SPNAS_SERVER": live.base_url, "SPNAS_TOKEN": token}


def test_the_token_of_the_environment_is_sent(guarded: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    env = environment(guarded, Scope.WRITE)
    created = run_cli(["study", "create", "--target", "80"], env=env)
    assert created.exit_code == 0, created.output
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert [study for study, _ in study_ids("")] == [created.stdout.strip()]


@pytest.mark.parametrize("token", [None, "", "spnas_wrong"])
def test_without_one_the_error_says_where_it_goes(guarded: Live, token: str | None) -> None:
    env = {"SPNAS_SERVER": guarded.base_url} | ({} if token is None else {"SPNAS_TOKEN": token})
    result = run_cli(["study", "list"], env=env)
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert "SPNAS_TOKEN" in result.stderr


def test_a_token_of_too_narrow_a_scope_is_refused(guarded: Live) -> None:
    env = environment(guarded, Scope.READ)
    assert run_cli(["study", "list"], env=env).exit_code == 0
    result = run_cli(["study", "create", "--target", "80"], env=env)
    assert result.exit_code == 1
    assert "write" in result.stderr
