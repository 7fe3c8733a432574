"""Tells another service when a study has completed or failed, signed as Standard Webhooks says.

The deliveries are rows of the database, so they outlive a restart; one may arrive twice, with the same id.
"""

import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from service.db.store import Store
from service.domain.errors import DatabaseUnavailableError
from service.domain.records import DeliveryRecord
from service.domain.signing import signed_headers

_LOG = logging.getLogger(__name__)
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_CLAIM_SECONDS = 60.0  # longer than a try can take


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """Where to send, and how.

    Attributes:
        url: Receiver, http or https.
        key: Secret of the signature.
        allow_private: Whether the receiver may be in a private network or on this machine.
        retry_seconds: Waits between tries; after the last one the delivery is given up.
        poll_seconds: How often the database is asked.
    """

    url: str
    key: bytes
    allow_private: bool = False
    retry_seconds: tuple[float, ...] = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200)
    poll_seconds: float = 1.0


class DeliveryError(Exception):
    """A message was not delivered. The message says why."""


class WebhookSender:
    """Sends what is due, in a thread of its own from start() to stop()."""

    def __init__(self, store: Store, settings: WebhookSettings) -> None:
        self._store = store
        self._settings = settings
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._main, name="webhook", daemon=True)

    def start(self) -> None:
        """Starts the thread and returns at once."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Ends the thread, after the try under way or ``timeout`` seconds."""
        self._stopping.set()
        self._thread.join(timeout)

    def _main(self) -> None:
        while not self._stopping.is_set():
            try:
                sent = self._send_next()
            except DatabaseUnavailableError as error:
                _LOG.warning("webhook: %s", error)
                sent = False
            if not sent:
                self._stopping.wait(self._settings.poll_seconds)

    def _send_next(self) -> bool:
        """Tries one delivery; returns whether one was due."""
        webhooks = self._store.webhooks
        delivery = webhooks.claim(_CLAIM_SECONDS)
        if delivery is None:
            return False
        try:
            self._send(delivery)
        except (DeliveryError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            reason = str(error) or type(error).__name__
            _LOG.warning("webhook not delivered: %s", reason, extra={"study": delivery.study_id})
            if delivery.attempts > len(self._settings.retry_seconds):
                webhooks.close(delivery, f"given up after {delivery.attempts} tries: {reason}")
            else:
                webhooks.postpone(delivery, self._settings.retry_seconds[delivery.attempts - 1])
        else:
            webhooks.close(delivery, f"delivered at try {delivery.attempts}")
        return True

    def _send(self, delivery: DeliveryRecord) -> None:
        url = httpx.URL(self._settings.url)
        # The connection goes to the very address that was checked: a name may lead elsewhere the next time.
        address = _address_of(url, allow_private=self._settings.allow_private)
        body = delivery.body.encode()
        headers: Mapping[str, str] = {
            "host": url.netloc.decode(),
            "content-type": "application/json",
            "user-agent": "spnas-tuner",
            **signed_headers(self._settings.key, delivery.id, int(time.time()), body),
        }
        # No proxies from the environment: they would be asked to connect without the check.
        with (
            httpx.Client(timeout=_TIMEOUT, follow_redirects=False, trust_env=False) as http,
            http.stream(
                "POST",
                url.copy_with(host=address),
                content=body,
                headers=headers,
                extensions={"sni_hostname": url.host},
            ) as response,
        ):
            if not response.is_success:
                raise DeliveryError(f"{url.host} answered {response.status_code}")


def _address_of(url: httpx.URL, *, allow_private: bool) -> str:
    """An address of the receiver.

    Raises:
        DeliveryError: One of its addresses is not public, and others are not allowed.
        OSError: Its name is not known.
    """
    port = url.port or (443 if url.scheme == "https" else 80)
    found = socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(info[4][0]).split("%")[0]) for info in found]
    for address in addresses:
        if not allow_private and (not address.is_global or address.is_multicast):
            raise DeliveryError(
                f"{url.host} is {address}, which is not a public address; "
                "SPNAS_WEBHOOK_ALLOW_PRIVATE=true allows it"
            )
    return str(addresses[0])
