import time
from datetime import timedelta

import pytest

from service.db.store import Store
from service.domain.access import Scope, TokenSecret
from service.domain.errors import InvalidFieldError, NotFoundError


def test_a_token_is_known_by_its_secret(store: Store) -> None:
    record, secret = store.tokens.create("CI", Scope.WRITE)
    assert (record.name, record.scope, record.expires_at, record.last_used_at) == (
        "CI",
        Scope.WRITE,
        None,
        None,
    )
    assert store.tokens.authenticate(str(secret)) == record
    assert store.tokens.list()[0].last_used_at is not None


def test_the_secret_is_not_stored(store: Store) -> None:
    _, secret = store.tokens.create("CI", Scope.READ)
    assert secret.secret not in repr(store.tokens.list())
    assert len(secret.secret) == 43


@pytest.mark.parametrize("text", ["", "spnas_", "x" * 1000, "spnas_a\0_b", "Bearer x", "spnas_é_é"])
def test_texts_that_are_no_tokens(store: Store, text: str) -> None:
    store.tokens.create("CI", Scope.READ)
    assert store.tokens.authenticate(text) is None


def test_a_wrong_secret_or_id_is_refused(store: Store) -> None:
    _, first = store.tokens.create("first", Scope.READ)
    _, second = store.tokens.create("second", Scope.READ)
    for forged in (TokenSecret(first.id, second.secret), TokenSecret("0" * 12, first.secret)):
        assert store.tokens.authenticate(str(forged)) is None


def test_revoked_tokens_are_refused_at_once_and_stay_listed(store: Store) -> None:
    record, secret = store.tokens.create("CI", Scope.READ)
    revoked = store.tokens.revoke(record.id)
    assert revoked.revoked_at is not None
    assert store.tokens.authenticate(str(secret)) is None
    assert store.tokens.revoke(record.id) == revoked
    assert store.tokens.list() == (revoked,)
    with pytest.raises(NotFoundError, match="there is no token"):
        store.tokens.revoke("missing")


def test_tokens_expire(store: Store) -> None:
    _, secret = store.tokens.create("CI", Scope.READ, expires_in=timedelta(seconds=0.3))
    assert store.tokens.any_valid()
    assert store.tokens.authenticate(str(secret)) is not None
    time.sleep(0.35)
    assert store.tokens.authenticate(str(secret)) is None
    assert not store.tokens.any_valid()


def test_any_valid_counts_neither_revoked_ones_nor_none(store: Store) -> None:
    assert not store.tokens.any_valid()
    record, _ = store.tokens.create("CI", Scope.READ)
    assert store.tokens.any_valid()
    store.tokens.revoke(record.id)
    assert not store.tokens.any_valid()


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\0b"])
def test_names_that_are_not_valid(store: Store, name: str) -> None:
    with pytest.raises(InvalidFieldError, match="name"):
        store.tokens.create(name, Scope.READ)


def test_a_time_that_is_not_positive(store: Store) -> None:
    with pytest.raises(InvalidFieldError, match="expires_in"):
        store.tokens.create("CI", Scope.READ, expires_in=timedelta(0))


def test_scopes_include_those_before() -> None:
    assert [scope for scope in Scope if Scope.WRITE.includes(scope)] == [Scope.READ, Scope.WRITE]
