"""Tells another service when a study has completed or failed, signed as Standard Webhooks says.

The deliveries are rows of the database, so they outlive a restart; one may arrive twice, with the same id.
"""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

import httpx

from service.db.store import Store
from service.domain.addresses import is_public
from service.domain.errors import DatabaseUnavailableError
from service.domain.records import DeliveryRecord
from service.domain.signing import signed_headers

_LOG = logging.getLogger(__name__)
_CONNECT_SECONDS = 3.0
_CLAIM_SECONDS = 120.0  # longer than a try: try_seconds and what the system takes to look up a name


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """Where to send, and how.

    Attributes:
        url: Receiver, http or https.
        key: Secret of the signature.
        allow_private: Whether the receiver may be in a private network or on this machine.
        retry_seconds: Waits between tries; after the last one the delivery is given up.
        poll_seconds: How often the database is asked.
        try_seconds: How long a try may take in all, from the first connection to the answer's status.
    """

    url: str
    key: bytes
    allow_private: bool = False
    retry_seconds: tuple[float, ...] = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200)
    poll_seconds: float = 1.0
    try_seconds: float = 10.0


class DeliveryError(Exception):
    """A message was not delivered. The message says why."""


class WebhookSender:
    """Sends what is due, in a thread of its own from start() to stop()."""

    def __init__(self, store: Store, settings: WebhookSettings) -> None:
        self._store = store
        self._settings = settings
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._main, name="webhook", daemon=True)

    @property
    def is_running(self) -> bool:
        """Whether the thread lives."""
        return self._thread.is_alive()

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
            except Exception:  # no fault may end the thread: nobody would be told of anything any more
                _LOG.exception("webhook: looking for deliveries failed")
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
        except Exception as error:  # whatever fails, fails this delivery only, and may not the next time
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
        """Sends one message.

        Raises:
            DeliveryError: Not delivered.
            OSError: The receiver's name is not known.
            UnicodeError: It is no name.
            httpx.HTTPError: No address of the receiver could be reached, or it broke off.
            httpx.InvalidURL: The URL is none.
        """
        url = httpx.URL(self._settings.url)
        addresses = _addresses_of(url, allow_private=self._settings.allow_private)
        asyncio.run(self._send_in_time(delivery, url, addresses))

    async def _send_in_time(self, delivery: DeliveryRecord, url: httpx.URL, addresses: Sequence[str]) -> None:
        # httpx limits each read: a receiver that sends byte after byte would have the thread for good.
        try:
            async with asyncio.timeout(self._settings.try_seconds):
                status = await self._post(delivery, url, addresses)
        except TimeoutError as error:
            raise DeliveryError(
                f"{url.host} did not answer within {self._settings.try_seconds:g} s"
            ) from error
        if not 200 <= status < 300:
            raise DeliveryError(f"{url.host} answered {status}")

    async def _post(self, delivery: DeliveryRecord, url: httpx.URL, addresses: Sequence[str]) -> int:
        """Posts to the first address that takes the connection; returns the status of the answer."""
        body = delivery.body.encode()
        headers: Mapping[str, str] = {
            "host": url.netloc.decode(),
            "content-type": "application/json",
            "user-agent": "spnas-tuner",
            **signed_headers(self._settings.key, delivery.id, int(time.time()), body),
        }
        timeout = httpx.Timeout(None, connect=_CONNECT_SECONDS)
        # No proxies from the environment: they would be asked to connect without the check.
        async with httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False) as http:
            for address in addresses:
                request = http.stream(
                    "POST",
                    url.copy_with(host=address),
                    content=body,
                    headers=headers,
                    extensions={"sni_hostname": url.host},
                )
                try:
                    async with request as response:
                        return response.status_code
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    if address == addresses[-1]:
                        raise
        raise AssertionError("a name that is known has an address")


def _addresses_of(url: httpx.URL, *, allow_private: bool) -> Sequence[str]:
    """The addresses of the receiver, each once.

    The connection goes to the very addresses that are checked here: a name may lead elsewhere the next time.

    Raises:
        DeliveryError: One of them is not public, and others are not allowed.
        OSError: Its name is not known.
        UnicodeError: It is no name.
    """
    port = url.port or (443 if url.scheme == "https" else 80)
    found = socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    addresses = dict.fromkeys(ip_address(str(info[4][0]).split("%")[0]) for info in found)
    for address in addresses:
        if not allow_private and not is_public(address):
            raise DeliveryError(
                f"{url.host} is {address}, which is not a public address; "
                "SPNAS_WEBHOOK_ALLOW_PRIVATE=true allows it"
            )
    return [str(address) for address in addresses]
