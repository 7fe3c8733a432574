"""The lease: at most one dispatcher writes trials.

One clock decides, the database's (see ``columns.UtcNow``), so clocks of different machines need not agree. A
write locks the lease's row until it commits, and so does a takeover: whoever has lost the lease cannot write
any more, however late the write comes.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, bindparam, select, update

from service.db import events
from service.db.columns import UtcNow
from service.db.models import LeaseRow
from service.domain.errors import LeaseLostError
from service.domain.events import EventKind
from service.domain.records import Lease

# SQLite has no row locks and needs none: writing transactions exclude each other.
_READ = select(LeaseRow.owner, LeaseRow.fence, LeaseRow.expires_at, UtcNow())
_LOCK = _READ.with_for_update()
_LOCK_SHARED = _READ.with_for_update(read=True)

HELD = (
    select(LeaseRow.id)
    .where(
        LeaseRow.owner == bindparam("lease_owner"),
        LeaseRow.fence == bindparam("lease_fence"),
        LeaseRow.expires_at > UtcNow(),
    )
    .with_for_update(read=True)
    .exists()
)
"""That the lease of :func:`key` is held: :func:`verify` as a condition of a statement that writes. If no row
meets the statement's conditions, :func:`verify` tells whether that is why."""

_Row = Row[str | None, int, datetime | None, datetime]
"""(owner, fence, expires_at, the database's time now)."""


def acquire(connection: Connection, owner: str, ttl_seconds: float) -> Lease | None:
    """Takes the lease if nobody else holds it; None if somebody does. See ``Dispatch.acquire_lease``."""
    holder, last_fence, expires_at, now = _locked(connection, for_takeover=True)
    is_live = expires_at is not None and expires_at > now
    if is_live and holder != owner:
        return None
    fence = last_fence if is_live else last_fence + 1
    if not is_live:
        after = "" if holder is None else f"; the lease of {holder} had run out"
        detail = f"the dispatcher {owner} began to work{after}"
        events.record_of_active_studies(connection, EventKind.LEASE, detail)
    return _store(connection, Lease(owner, fence, now + timedelta(seconds=ttl_seconds)))


def renew(connection: Connection, lease: Lease, ttl_seconds: float) -> Lease:
    """Extends the lease. Raises LeaseLostError if it ran out or was taken over."""
    row = _locked(connection, for_takeover=True)
    _check(row, lease)
    return _store(connection, Lease(lease.owner, lease.fence, row[3] + timedelta(seconds=ttl_seconds)))


def release(connection: Connection, lease: Lease) -> None:
    """Gives the lease back, if it is still this one."""
    released = connection.scalar(
        update(LeaseRow)
        .where(LeaseRow.owner == lease.owner, LeaseRow.fence == lease.fence)
        .values(owner=None, expires_at=None)
        .returning(LeaseRow.id)
    )
    if released is not None:
        detail = f"the dispatcher {lease.owner} ended its work"
        events.record_of_active_studies(connection, EventKind.LEASE, detail)


def verify(connection: Connection, lease: Lease) -> None:
    """Keeps others from taking the lease over before this transaction ends.

    Raises:
        LeaseLostError: It ran out or was taken over.
    """
    _check(_locked(connection, for_takeover=False), lease)


def key(lease: Lease) -> dict[str, object]:
    """The parameters of :data:`HELD`."""
    return {"lease_owner": lease.owner, "lease_fence": lease.fence}


def _locked(connection: Connection, *, for_takeover: bool) -> _Row:
    return connection.execute(_LOCK if for_takeover else _LOCK_SHARED).one()


def _check(row: _Row, lease: Lease) -> None:
    owner, fence, expires_at, now = row
    if (owner, fence) != (lease.owner, lease.fence):
        holder = "nobody" if owner is None else repr(owner)
        raise LeaseLostError(f"{lease.owner!r} lost the lease; {holder} has it now. Nothing was written")
    if expires_at is None or expires_at <= now:
        raise LeaseLostError(f"the lease of {lease.owner!r} ran out at {expires_at}; nothing was written")


def _store(connection: Connection, lease: Lease) -> Lease:
    connection.execute(
        update(LeaseRow).values(owner=lease.owner, fence=lease.fence, expires_at=lease.expires_at)
    )
    return lease
