"""Structured logs: one JSON object a line on stderr, with the request or study that each line belongs to."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog


def _without_rays(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Without what Ray adds to every record of the process."""
    event.pop("_ray_timestamp_ns", None)
    return event


_FROM_ANYWHERE: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.stdlib.ExtraAdder(),
    _without_rays,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(style: Literal["json", "text"], level: str) -> None:
    """Has all loggers of the process, also those of libraries, write in one style to stderr.

    Args:
        style: ``json`` for machines, ``text`` for people.
        level: Name of the lowest level that is written.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(style))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Their lines for each request or query say less than ours, or are for debugging.
    for name in ("uvicorn.access", "httpx", "httpcore", "alembic"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _formatter(style: Literal["json", "text"]) -> logging.Formatter:
    rendering: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if style == "json"
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_FROM_ANYWHERE,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )
