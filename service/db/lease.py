"""The lease: at most one dispatcher writes trials.

One clock decides, the database's (see ``columns.UtcNow``), so clocks of different machines need not agree. A
write locks the lease's row until it commits, and so does a takeover: whoever has lost the lease cannot write
any more, however late the write comes.
"""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.db import events
from service.db.columns import UtcNow
from service.db.models import LeaseRow
from service.domain.errors import LeaseLostError
from service.domain.events import EventKind
from service.domain.records import Lease

# SQLite has no row locks and needs none: writing transactions exclude each other.
_LOCK = select(LeaseRow, UtcNow()).with_for_update()
_LOCK_SHARED = select(LeaseRow, UtcNow()).with_for_update(read=True)


def acquire(session: Session, owner: str, ttl_seconds: float) -> Lease | None:
    """Takes the lease if nobody else holds it; None if somebody does. See ``Dispatch.acquire_lease``."""
    row, now = _locked(session, for_takeover=True)
    is_live = row.expires_at is not None and row.expires_at > now
    if is_live and row.owner != owner:
        return None
    fence = row.fence if is_live else row.fence + 1
    if not is_live:
        after = "" if row.owner is None else f"; the lease of {row.owner} had run out"
        detail = f"the dispatcher {owner} began to work{after}"
        events.record_of_active_studies(session, EventKind.LEASE, detail)
    return _store(session, Lease(owner, fence, now + timedelta(seconds=ttl_seconds)))


def renew(session: Session, lease: Lease, ttl_seconds: float) -> Lease:
    """Extends the lease. Raises LeaseLostError if it ran out or was taken over."""
    row, now = _locked(session, for_takeover=True)
    _check(row, now, lease)
    return _store(session, Lease(lease.owner, lease.fence, now + timedelta(seconds=ttl_seconds)))


def release(session: Session, lease: Lease) -> None:
    """Gives the lease back, if it is still this one."""
    released = session.scalar(
        update(LeaseRow)
        .where(LeaseRow.owner == lease.owner, LeaseRow.fence == lease.fence)
        .values(owner=None, expires_at=None)
        .returning(LeaseRow.id)
    )
    if released is not None:
        detail = f"the dispatcher {lease.owner} ended its work"
        events.record_of_active_studies(session, EventKind.LEASE, detail)


def verify(session: Session, lease: Lease) -> None:
    """Keeps others from taking the lease over before this transaction ends.

    Raises:
        LeaseLostError: It ran out or was taken over.
    """
    row, now = _locked(session, for_takeover=False)
    _check(row, now, lease)


def _locked(session: Session, *, for_takeover: bool) -> tuple[LeaseRow, datetime]:
    row, now = session.execute(_LOCK if for_takeover else _LOCK_SHARED).one()
    return row, now


def _check(row: LeaseRow, now: datetime, lease: Lease) -> None:
    if (row.owner, row.fence) != (lease.owner, lease.fence):
        holder = "nobody" if row.owner is None else repr(row.owner)
        raise LeaseLostError(f"{lease.owner!r} lost the lease; {holder} has it now. Nothing was written")
    if row.expires_at is None or row.expires_at <= now:
        raise LeaseLostError(f"the lease of {lease.owner!r} ran out at {row.expires_at}; nothing was written")


def _store(session: Session, lease: Lease) -> Lease:
    session.execute(
        update(LeaseRow).values(owner=lease.owner, fence=lease.fence, expires_at=lease.expires_at)
    )
    return lease
