"""Access tokens in the store."""

from datetime import datetime, timedelta

from sqlalchemy import exists, literal, or_, select, update

from service.db.columns import UtcNow
from service.db.models import TokenRow
from service.db.session import Database
from service.db.statements import check_text
from service.domain.access import Scope, TokenRecord, TokenSecret
from service.domain.errors import InvalidFieldError, NotFoundError

_USE_IS_NOTED_AFTER = timedelta(minutes=1)


class Tokens:
    """Access tokens: create, list, revoke, check."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, name: str, scope: Scope, *, expires_in: timedelta | None = None
    ) -> tuple[TokenRecord, TokenSecret]:
        """Makes a token. Its secret is in the answer and nowhere else.

        Args:
            name: What or whom it is for.
            scope: What it allows.
            expires_in: How long it is valid; None: until it is revoked.

        Raises:
            InvalidFieldError: The name is empty or too long, or the time is not positive.
        """
        check_text("name", name, 200)
        if not name.strip():
            raise InvalidFieldError("name", "name must say what or whom the token is for")
        if expires_in is not None and expires_in <= timedelta(0):
            raise InvalidFieldError("expires_in", f"expires_in must be positive; got {expires_in}")
        secret = TokenSecret.generate()
        with self._database.writing() as session:
            now = session.scalars(select(UtcNow())).one()
            row = TokenRow(
                id=secret.id,
                name=name,
                scope=scope,
                digest=secret.digest,
                created_at=now,
                expires_at=None if expires_in is None else now + expires_in,
            )
            session.add(row)
            session.flush()
            return _record(row), secret

    def list(self) -> tuple[TokenRecord, ...]:
        """All tokens, oldest first, also those that are no longer valid."""
        with self._database.reading() as session:
            rows = session.scalars(select(TokenRow).order_by(TokenRow.created_at, TokenRow.id))
            return tuple(_record(row) for row in rows)

    def revoke(self, token_id: str) -> TokenRecord:
        """Ends a token's validity at once; it stays in the list.

        Raises:
            NotFoundError: There is no such token.
        """
        with self._database.writing() as session:
            row = session.get(TokenRow, token_id) if token_id.isascii() and token_id.isalnum() else None
            if row is None:
                raise NotFoundError(f"there is no token {token_id!r}")
            if row.revoked_at is None:
                row.revoked_at = session.scalars(select(UtcNow())).one()
                session.flush()
            return _record(row)

    def authenticate(self, text: str) -> TokenRecord | None:
        """The token that a caller shows, or None where it is unknown, expired or revoked. Notes its use."""
        secret = TokenSecret.parse(text)
        if secret is None:
            return None
        with self._database.reading() as session:
            found = session.execute(select(TokenRow, UtcNow()).where(TokenRow.id == secret.id)).one_or_none()
            if found is None:
                return None
            row, now = found
            if not secret.has_digest(row.digest) or not _is_valid(row, now):
                return None
            record = _record(row)
        if record.last_used_at is None or now - record.last_used_at > _USE_IS_NOTED_AFTER:
            self._note_use(record.id)
        return record

    def any_valid(self) -> bool:
        """Whether anybody could log in."""
        with self._database.reading() as session:
            valid = (
                TokenRow.revoked_at.is_(None),
                or_(TokenRow.expires_at.is_(None), TokenRow.expires_at > UtcNow()),
            )
            return bool(session.scalar(select(exists(select(literal(1)).where(*valid)))))

    def _note_use(self, token_id: str) -> None:
        with self._database.writing() as session:
            session.execute(update(TokenRow).where(TokenRow.id == token_id).values(last_used_at=UtcNow()))


def _is_valid(row: TokenRow, now: datetime) -> bool:
    return row.revoked_at is None and (row.expires_at is None or row.expires_at > now)


def _record(row: TokenRow) -> TokenRecord:
    return TokenRecord(
        id=row.id,
        name=row.name,
        scope=row.scope,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
