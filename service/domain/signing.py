"""Signatures of webhooks, as Standard Webhooks says."""

import base64
import binascii
import hashlib
import hmac

SECRET_PREFIX = "whsec_"  # noqa: S105 - it marks a secret and is none
_LEAST_SECRET_BYTES = 24


def key_of(secret: str) -> bytes:
    """The key in a secret such as ``whsec_BASE64``.

    Raises:
        ValueError: It has another form or is too short.
    """
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or len(key) < _LEAST_SECRET_BYTES:
        raise ValueError(
            f"must be {SECRET_PREFIX} and at least {_LEAST_SECRET_BYTES} random bytes in base64, as in: "
            "echo whsec_$(openssl rand -base64 32)"
        )
    return key


def signed_headers(key: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Headers that identify and sign a message: HMAC-SHA256 over ``id.timestamp.body``."""
    signature = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }
