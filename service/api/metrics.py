"""What Prometheus reads: totals from the database, the dispatcher's state, requests and connections."""

from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.pool import QueuePool

from service.db.store import Store
from service.dispatch import Dispatcher
from service.webhook import WebhookSender

router = APIRouter(include_in_schema=False)


class Metrics:
    """The metrics of one application."""

    def __init__(
        self, store: Store, engine: Engine, dispatcher: Dispatcher | None, webhook: WebhookSender | None
    ) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_State(store, engine, dispatcher, webhook))
        if dispatcher is not None:
            self.registry.register(dispatcher.timings.suggestion_seconds)
            self.registry.register(dispatcher.timings.gap_seconds)
        labels = ("method", "operation", "status")
        self._requests = Counter("spnas_requests", "Requests answered.", labels, registry=self.registry)
        self._seconds = Histogram(
            "spnas_request_seconds", "Time to answer.", ("operation",), registry=self.registry
        )

    def count_request(self, request: Request, status: int, seconds: float) -> None:
        """Counts an answer under its operation's name; paths would make a series for each study."""
        route = request.scope.get("route")
        operation = getattr(route, "name", None) or "none"
        method = request.method if request.method in _METHODS else "other"
        self._requests.labels(method, operation, str(status)).inc()
        self._seconds.labels(operation).observe(seconds)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _State(Collector):
    """Read anew for each scrape."""

    def __init__(
        self, store: Store, engine: Engine, dispatcher: Dispatcher | None, webhook: WebhookSender | None
    ) -> None:
        self._store = store
        self._engine = engine
        self._dispatcher = dispatcher
        self._webhook = webhook

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing in advance: registering must not query the database."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The present state."""
        totals = self._store.totals()
        studies = GaugeMetricFamily("spnas_studies", "Studies by state.", labels=["state"])
        for study_state, count in totals.studies.items():
            studies.add_metric([study_state], count)
        yield studies
        trials = GaugeMetricFamily("spnas_trials", "Trials by state.", labels=["state"])
        for trial_state, count in totals.trials.items():
            trials.add_metric([trial_state], count)
        yield trials
        yield GaugeMetricFamily("spnas_epochs", "Epochs recorded.", value=totals.epochs)
        pool = self._engine.pool
        if isinstance(pool, QueuePool):
            yield GaugeMetricFamily(
                "spnas_database_connections_in_use", "Connections in use.", value=pool.checkedout()
            )
            yield GaugeMetricFamily(
                "spnas_database_connections_open",
                "Connections in use or idle.",
                value=_open_connections(pool),
            )
        if self._dispatcher is not None:
            status = self._dispatcher.status
            yield GaugeMetricFamily(
                "spnas_dispatcher_active", "1 while it holds the lease.", value=status.role == "active"
            )
            yield GaugeMetricFamily(
                "spnas_engine_connected", "1 while Ray is connected.", value=status.engine_connected
            )
        if self._webhook is not None:
            yield GaugeMetricFamily(
                "spnas_webhook_running", "1 while deliveries are sent.", value=self._webhook.is_running
            )


def _open_connections(pool: QueuePool) -> int:
    return pool.checkedin() + pool.checkedout()


@router.get("/metrics")
def get_metrics(request: Request) -> Response:
    """Everything, in Prometheus' text format."""
    metrics: Metrics = request.app.state.metrics
    return Response(generate_latest(metrics.registry), headers={"content-type": CONTENT_TYPE_LATEST})
