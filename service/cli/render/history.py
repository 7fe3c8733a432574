"""What happened to a study, as a table."""

from collections.abc import Iterable

from service.api.history_schemas import HistoryEvent
from service.cli.render.table import PlainTable
from service.domain.events import in_words


def history_table(events: Iterable[HistoryEvent]) -> PlainTable:
    """One event a row."""
    table = PlainTable(
        "time", "of", "event", "detail", numeric=("time", "of", "event"), optional=("detail", "of")
    )
    for event in events:
        table.add_row(
            event.at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            "study" if event.trial is None else f"trial {event.trial}",
            in_words(event.kind, event.state, event.attempt),
            event.detail or "",
        )
    return table
