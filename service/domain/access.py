"""Who may do what: scopes, and the tokens that carry them."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

COOKIE = "spnas_token"
"""Holds the token of a browser's user after the log-in."""

_FORMAT = re.compile(r"spnas_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


class Scope(StrEnum):
    """What a token allows. Each scope includes those before it.

    ``read``: look at everything. ``write``: create, change and delete studies. ``admin``: change what all
    studies share, such as platforms.
    """

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def includes(self, other: "Scope") -> bool:
        """Whether this scope allows what the other one does."""
        order = list(Scope)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token as it is stored: without its secret.

    Attributes:
        id: Public part of the token.
        name: What or whom it is for.
        scope: What it allows.
        created_at: UTC.
        expires_at: UTC, or None: never.
        revoked_at: UTC, or None.
        last_used_at: UTC, to the minute, or None.
    """

    id: str
    name: str
    scope: Scope
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class TokenSecret:
    """A token as its owner has it, ``spnas_ID_SECRET``. It is shown once and never stored."""

    id: str
    secret: str

    @classmethod
    def generate(cls) -> "TokenSecret":
        """A new token: 48 bits of id, 256 bits of secret."""
        return cls(secrets.token_hex(6), secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, text: str) -> "TokenSecret | None":
        """The token in a text, or None where it has not the form of one."""
        match = _FORMAT.fullmatch(text)
        return None if match is None else cls(match[1], match[2])

    def __str__(self) -> str:
        """The text that is shown once."""
        return f"spnas_{self.id}_{self.secret}"

    @property
    def digest(self) -> str:
        """SHA-256 of the secret, in hex. The secret is random and long, so a slow hash would add nothing."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def has_digest(self, digest: str) -> bool:
        """Whether it is the token of a stored digest, in constant time."""
        return hmac.compare_digest(self.digest, digest)
